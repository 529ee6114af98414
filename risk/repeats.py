"""What was done again and again: the same opening order filled, and positions opened and closed at once."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import lru_cache

from risk.guards import Guards
from risk.view import RiskView
from risk.watch import Watch
from strategies.domain.book import Book
from strategies.domain.orders import OrderRecord, PlaceIntent
from strategies.domain.same import Same
from strategies.domain.session import NEW_YORK, Calendar

Key = frozenset[tuple[int, int, int | None]]
"""Legs with their direction and hedge slot: what makes two orders the same deed, whoever owns them."""


def key_of(intent: PlaceIntent) -> Key:
    """The deed of an order."""
    return frozenset((leg.con_id, leg.action.sign * leg.ratio, leg.slot) for leg in intent.legs)


def reverse(key: Key) -> Key:
    """The deed that undoes it."""
    return frozenset((con_id, -signed, slot) for con_id, signed, slot in key)


def identical_opens(view: RiskView, intent: PlaceIntent) -> int:
    """Price walks of exactly these legs of which anything was executed this session, since the last arm."""
    session = view.calendar.current(view.now)
    since = session.open_at if session is not None else view.now - timedelta(hours=24)
    key = key_of(intent)
    return len({row.intent.chain_ref for row in _filled(view, since) if key_of(row.intent) == key})


def round_trips(view: RiskView) -> int:
    """How often within the last hour something was opened and closed again (or the reverse), since the last arm."""
    late = tuple(_filled(view, view.now - timedelta(hours=1)))
    if not late:
        return 0
    chains = {row.intent.chain_ref: key_of(row.intent) for row in late}
    counts = Counter(chains.values())
    return sum(min(count, counts[reverse(key)]) for key, count in counts.items()) // 2


def _filled(view: RiskView, since: datetime) -> Iterable[OrderRecord]:
    """Orders approved since then, and since the last arm, of which anything was executed, in the order of the book."""
    armed = view.watch.armed_at
    since = since if armed is None else max(since, armed)
    executed = _executed(Same(view.book))
    late = executed[bisect_left(executed, since, key=_approved_at) :]
    return (row for _, row in sorted(late, key=_place))


@lru_cache(maxsize=8)
def _executed(seen: Same[Book]) -> tuple[tuple[int, OrderRecord], ...]:
    """Orders of which anything was executed with their place in the book, by the time of their approval."""
    orders = enumerate(seen.value.orders.values())
    return tuple(sorted(((i, row) for i, row in orders if any(row.filled_by_leg.values())), key=_approved_at))


def _place(row: tuple[int, OrderRecord]) -> int:
    return row[0]


def _approved_at(row: tuple[int, OrderRecord]) -> datetime:
    return row[1].approved_at


def stopped_out(calendar: Calendar, watch: Watch, guards: Guards, today: date) -> tuple[int, int]:
    """Stop-outs within the window of sessions, and sessions begun since the last of them (0: it was today)."""
    if not watch.stop_outs:
        return 0, 0
    window = guards.stop_out_window_sessions
    recent = [day for day in watch.stop_outs if sessions_since(calendar, day, today) < window]
    return len(recent), sessions_since(calendar, max(watch.stop_outs), today)


def silent_sessions(calendar: Calendar, heard_at: datetime, now: datetime) -> int:
    """Sessions begun since the day on which a person was last heard of."""
    return sessions_since(calendar, heard_at.astimezone(NEW_YORK).date(), now.astimezone(NEW_YORK).date())


def sessions_since(calendar: Calendar, day: date, today: date) -> int:
    """Sessions after `day` up to and with `today`; days before the first one the calendar knows count as it has them
    by weekday."""
    known = [row.day for row in calendar.sessions if day < row.day <= today]
    first = calendar.sessions[0].day if calendar.sessions else today + timedelta(days=1)
    missing = (min(first, today + timedelta(days=1)) - day).days
    return len(known) + sum((day + timedelta(days=n)).weekday() < 5 for n in range(1, max(missing, 1)))
