"""Is it a time to trade: session and window, early closes, the last trading day of a leg."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from risk.case import Case
from risk.result import Finding, finding
from strategies.domain.instruments import describe
from strategies.domain.same import Same
from strategies.domain.session import SessionDay


def session(case: Case) -> Finding:
    """C33: inside the session on which calendar and broker agree; new risk keeps off its first and last minutes."""
    view, limits = case.view, case.limits
    today = view.calendar.current(view.now)
    if today is None:
        at = view.now.isoformat(timespec="seconds")
        return finding(False, at, None, "time", f"{at} is outside every known session")
    at = _clock(view.now, today.open_at)
    if view.now >= min(option.last_trade_at for _, option in case.legs):
        option = next(option for _, option in case.legs if view.now >= option.last_trade_at)
        end = option.last_trade_at.isoformat(timespec="minutes")
        return finding(False, at, end, "time", f"{describe(option)} stopped trading at {end}")
    if case.reducing:
        window = _span(today.open_at, today.close_at, today.open_at)
        return finding(True, at, window, "exchange time", f"{at} is inside the session {window}")
    if not today.agreed:
        return finding(False, at, None, "exchange time", "calendar and broker hours disagree today (CAL-01)")
    opens, ends, window = _window(Same(today), limits.no_open_first_min, limits.no_open_last_min)
    text = f"{at} exchange time, new risk is allowed from {window}"
    return finding(opens <= view.now < ends, at, window, "exchange time", text)


def early_close(case: Case) -> Finding:
    """C34: no new risk on a half-day."""
    today = case.view.calendar.current(case.view.now)
    if today is None:
        return finding(False, None, "full day", "session", "no session is known for now")
    kind = "half day" if today.early_close else "full day"
    return finding(not today.early_close, kind, "full day", "session", f"{today.day.isoformat()} is a {kind}")


def expiry_day(case: Case) -> Finding:
    """C35: no new risk in an option on its last trading day."""
    nearest: int | None = None
    for _, option in case.legs:
        last = option.last_trade_at
        days = (last.date() - case.view.now.astimezone(last.tzinfo).date()).days
        if days <= 0:
            text = f"{describe(option)} trades for the last time today or is past; no new risk in it"
            return finding(False, days, 1, "days", text)
        nearest = days if nearest is None else min(nearest, days)
    return finding(True, nearest, 1, "days", f"the nearest last trading day is {nearest} days away")


@lru_cache(maxsize=8)
def _window(seen: Same[SessionDay], first_min: float, last_min: float) -> tuple[datetime, datetime, str]:
    """From when to when new risk is allowed, and that in words; the same with every order of a day."""
    today = seen.value
    opens, ends = today.open_at + timedelta(minutes=first_min), today.index_close_at - timedelta(minutes=last_min)
    return opens, ends, _span(opens, ends, today.open_at)


def _span(begins: datetime, ends: datetime, like: datetime) -> str:
    return f"{_clock(begins, like)} to {_clock(ends, like)}"


def _clock(at: datetime, like: datetime) -> str:
    """Time of day in the exchange's zone, as the session's times have it."""
    return at.astimezone(like.tzinfo).time().isoformat(timespec="seconds")
