"""Sessions of Cboe index options: XNYS days plus fifteen minutes, cross-checked with the broker's hours.

No published calendar is right for Cboe's early closes, so they are derived: regular hours end fifteen minutes after the
New York Stock Exchange, expiring PM-settled options stop with the index. Where broker and calendar differ, the later
open and the earlier close win and the day is marked as not agreed (fault CAL-01).
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from strategies.domain.events import CalendarLoaded
from strategies.domain.session import NEW_YORK, MacroEvent, SessionDay

AFTER_INDEX = timedelta(minutes=15)
BrokerHours = Mapping[date, tuple[datetime, datetime] | None]
"""Liquid hours by day; None where the broker says closed, absent where it says nothing."""


class CalendarError(ValueError):
    """The events file cannot be used; the text names file, entry and what is allowed."""


class ExchangeCalendar:
    """XNYS sessions from exchange_calendars; loading it costs about a second, so build it once at start."""

    def __init__(self, start: date, end: date) -> None:
        """Sessions between two dates (inclusive)."""
        import exchange_calendars

        self._calendar: Any = exchange_calendars.get_calendar(
            "XNYS", start=start.isoformat(), end=end.isoformat(), side="left"
        )

    def sessions(self, first: date, last: date, broker: BrokerHours | None = None) -> tuple[SessionDay, ...]:
        """Sessions from `first` to `last`, the stricter of calendar and broker each day."""
        schedule = self._calendar.schedule.loc[first.isoformat() : last.isoformat()]
        days = []
        for stamp, row in schedule.iterrows():
            if broker is not None and stamp.date() in broker and broker[stamp.date()] is None:
                continue  # the broker is closed where the calendar is not: the stricter holds
            opens = row["open"].to_pydatetime().astimezone(NEW_YORK)
            index_close = row["close"].to_pydatetime().astimezone(NEW_YORK)
            days.append(_session(stamp.date(), opens, index_close, (broker or {}).get(stamp.date())))
        return tuple(days)


def _session(day: date, opens: datetime, index_close: datetime, broker: tuple[datetime, datetime] | None) -> SessionDay:
    closes = index_close + AFTER_INDEX
    early = index_close.time() < time(16, 0)
    if broker is None:
        return SessionDay(day, opens, index_close, closes, early)
    broker_open, broker_close = (moment.astimezone(NEW_YORK) for moment in broker)
    agreed = broker_open == opens and broker_close in (closes, index_close)
    strict_close = min(closes, broker_close) if not agreed else closes
    return SessionDay(day, max(opens, broker_open), min(index_close, strict_close), strict_close, early, agreed)


def load_events(path: Path, kinds: tuple[str, ...]) -> tuple[tuple[MacroEvent, ...], date | None]:
    """Macro events of the wanted kinds and how far the list reaches for all of them. Raises CalendarError.

    TOML: `[coverage]` with one date per kind, and `[[event]]` tables with date, time (New York), kind, source.
    CSV: columns date, time_et, event; each kind is covered up to its last row.
    """
    if path.suffix == ".csv":
        return _load_csv(path, kinds)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as reason:
        raise CalendarError(f"{path}: the events calendar cannot be read ({reason.strerror})") from reason
    except tomllib.TOMLDecodeError as reason:
        raise CalendarError(f"{path}: not valid TOML: {reason}") from reason
    coverage = raw.get("coverage", {})
    missing = [kind for kind in kinds if kind not in coverage]
    if missing:
        raise CalendarError(
            f"{path}: [coverage] lacks {', '.join(missing)}; give the last date the list is complete to"
        )
    events = [_event(path, number, row) for number, row in enumerate(raw.get("event", ()), start=1)]
    wanted = tuple(sorted((e for e in events if e.kind in kinds), key=lambda e: e.at))
    return wanted, min((coverage[kind] for kind in kinds), default=None)


def _load_csv(path: Path, kinds: tuple[str, ...]) -> tuple[tuple[MacroEvent, ...], date | None]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as reason:
        raise CalendarError(f"{path}: the events calendar cannot be read ({reason.strerror})") from reason
    missing = {"date", "time_et", "event"} - set(rows[0] if rows else ())
    if missing:
        raise CalendarError(f"{path}: missing column {', '.join(sorted(missing))}")
    events = []
    for number, row in enumerate(rows, start=2):
        try:
            at = datetime.fromisoformat(f"{row['date']}T{row['time_et']}").replace(tzinfo=NEW_YORK)
        except ValueError as reason:
            raise CalendarError(f"{path}:{number}: {reason}") from reason
        events.append(MacroEvent(at.astimezone(UTC), row["event"], path.name))
    absent = [kind for kind in kinds if not any(e.kind == kind for e in events)]
    if absent:
        raise CalendarError(f"{path}: has no event of kind {', '.join(absent)}")
    wanted = tuple(sorted((e for e in events if e.kind in kinds), key=lambda e: e.at))
    return wanted, min(max(e.at.astimezone(NEW_YORK).date() for e in events if e.kind == kind) for kind in kinds)


def _event(path: Path, number: int, row: dict[str, Any]) -> MacroEvent:
    unknown = set(row) - {"date", "time", "kind", "source", "verified_on"}
    day, clock, kind = row.get("date"), row.get("time"), row.get("kind")
    if unknown or not isinstance(day, date) or not isinstance(clock, time) or not isinstance(kind, str):
        raise CalendarError(
            f"{path}: [[event]] number {number} = {row}: needs date = YYYY-MM-DD, time = HH:MM:SS (New York), "
            'kind = "FOMC" and may have source and verified_on'
        )
    return MacroEvent(datetime.combine(day, clock, NEW_YORK).astimezone(UTC), kind, str(row.get("source", "")))


def calendar_fact(
    exchange: ExchangeCalendar,
    today: date,
    broker: BrokerHours | None,
    *,
    events: tuple[MacroEvent, ...],
    events_until: date | None,
    horizon_days: int = 75,
) -> CalendarLoaded:
    """The fact the engine is told: sessions around today and the events within the same horizon."""
    first, last = today - timedelta(days=7), today + timedelta(days=horizon_days)
    near = tuple(e for e in events if first <= e.at.date() <= last)
    return CalendarLoaded(sessions=exchange.sessions(first, last, broker), events=near, events_until=events_until)
