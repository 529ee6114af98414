"""Sessions of Cboe index options: XNYS days plus fifteen minutes, cross-checked with the broker's hours.

No published calendar is right for Cboe's early closes, so they are derived: regular hours end fifteen minutes after the
New York Stock Exchange, expiring PM-settled options stop with the index. Where broker and calendar differ, the later
open and the earlier close win and the day is marked as not agreed (fault CAL-01).
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from strategies.domain.events import CalendarLoaded
from strategies.domain.session import NEW_YORK, MacroEvent, SessionDay

AFTER_INDEX = timedelta(minutes=15)
STRETCH = timedelta(days=420)
"""Days loaded at once beyond what was asked for: a run over years loads a few times, not daily."""
ROOT = Path(__file__).resolve().parents[1]
BrokerHours = Mapping[date, tuple[datetime, datetime] | None]
"""Liquid hours by day; None where the broker says closed, absent where it says nothing."""


class CalendarError(ValueError):
    """The events file cannot be used; the text names file, entry and what is allowed."""


class ExchangeCalendar:
    """XNYS sessions from exchange_calendars; loading it costs about a second, so build it once at start."""

    def __init__(self, start: date, end: date) -> None:
        """Sessions between two dates (inclusive); asked for later ones it loads another stretch."""
        self._start = start
        self._load(end)

    def _load(self, end: date) -> None:
        import exchange_calendars

        self._end = end
        self._calendar: Any = exchange_calendars.get_calendar(
            "XNYS", start=self._start.isoformat(), end=end.isoformat(), side="left"
        )

    def sessions(self, first: date, last: date, broker: BrokerHours | None = None) -> tuple[SessionDay, ...]:
        """Sessions from `first` to `last`, the stricter of calendar and broker each day."""
        if last > self._end:
            self._load(last + STRETCH)
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
    A relative path that is not below the working directory is looked for beside the program.
    """
    found = path if path.is_absolute() or path.exists() else ROOT / path
    try:
        text = (found if found.exists() else path).read_text(encoding="utf-8-sig")
    except OSError as reason:
        raise CalendarError(f"{path}: the events calendar cannot be read ({reason.strerror})") from reason
    except UnicodeDecodeError as reason:
        raise CalendarError(f"{path}: the events calendar is not text in UTF-8 (byte {reason.start})") from reason
    events, coverage = _csv(path, text) if path.suffix == ".csv" else _toml(path, text)
    for kind in kinds:
        if kind not in coverage:
            listed = ", ".join(sorted(coverage)) or "none"
            raise CalendarError(f"{path}: does not say how far {kind} is complete; [coverage] lists {listed}")
        if not any(e.kind == kind for e in events):
            raise CalendarError(f"{path}: has no event of kind {kind}, so it cannot be complete for it")
    wanted = tuple(sorted((e for e in events if e.kind in kinds), key=lambda e: e.at))
    return wanted, min((coverage[kind] for kind in kinds), default=None)


def covered_from(events: tuple[MacroEvent, ...]) -> date | None:
    """The day from which every listed kind is known: the first events' own days; before them a list says nothing."""
    first: dict[str, date] = {}
    for event in sorted(events, key=lambda e: e.at):
        first.setdefault(event.kind, event.at.astimezone(NEW_YORK).date())
    return max(first.values(), default=None)


def _toml(path: Path, text: str) -> tuple[list[MacroEvent], dict[str, date]]:
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as reason:
        raise CalendarError(f"{path}: not valid TOML: {reason}") from reason
    unknown = sorted(set(raw) - {"schema_version", "coverage", "event"})
    if unknown:
        raise CalendarError(f"{path}: unknown key {unknown[0]}; there are schema_version, [coverage] and [[event]]")
    coverage, rows = raw.get("coverage", {}), raw.get("event", [])
    if not isinstance(coverage, dict) or any(type(day) is not date for day in coverage.values()):
        raise CalendarError(f"{path}: [coverage] needs one date per kind, as in FOMC = 2026-12-09; got {coverage}")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CalendarError(f"{path}: events are written as [[event]] tables with date, time and kind")
    return [_event(path, number, row, coverage) for number, row in enumerate(rows, start=1)], coverage


def _event(path: Path, number: int, row: dict[str, Any], coverage: Mapping[str, date]) -> MacroEvent:
    unknown = set(row) - {"date", "time", "kind", "source", "verified_on"}
    day, clock, kind = row.get("date"), row.get("time"), row.get("kind")
    if unknown or type(day) is not date or not isinstance(clock, time) or not isinstance(kind, str):
        raise CalendarError(
            f"{path}: [[event]] number {number} = {row}: needs date = YYYY-MM-DD, time = HH:MM:SS (New York), "
            'kind = "FOMC" and may have source and verified_on'
        )
    if kind not in coverage:
        raise CalendarError(
            f"{path}: [[event]] number {number} of {day} has kind {kind!r}, which [coverage] does not list "
            f"({', '.join(sorted(coverage))}); a mistyped kind would be no event at all"
        )
    return MacroEvent(datetime.combine(day, clock, NEW_YORK).astimezone(UTC), kind, str(row.get("source", "")))


def _csv(path: Path, text: str) -> tuple[list[MacroEvent], dict[str, date]]:
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    missing = {"date", "time_et", "event"} - set(rows[0] if rows else ())
    if missing:
        raise CalendarError(f"{path}: missing column {', '.join(sorted(missing))}")
    events: list[MacroEvent] = []
    coverage: dict[str, date] = {}
    for number, row in enumerate(rows, start=2):
        try:
            day = date.fromisoformat(row["date"] or "")
            at = datetime.combine(day, time.fromisoformat(row["time_et"] or ""), NEW_YORK)
        except ValueError as reason:
            raise CalendarError(f"{path}:{number}: {reason}; needs date YYYY-MM-DD and time_et HH:MM") from reason
        if not row["event"]:
            raise CalendarError(f"{path}:{number}: the column event is empty; name the kind, such as FOMC")
        events.append(MacroEvent(at.astimezone(UTC), row["event"], path.name))
        coverage[row["event"]] = max(day, coverage.get(row["event"], day))
    return events, coverage


def calendar_fact(
    exchange: ExchangeCalendar,
    today: date,
    broker: BrokerHours | None,
    *,
    events: tuple[MacroEvent, ...],
    events_until: date | None,
    horizon_days: int = 75,
) -> CalendarLoaded:
    """The fact the engine is told: sessions around today and the events within the same horizon.

    Before its first events a list covers nothing, however far it reaches: then `events_until` is None.
    """
    first, last = today - timedelta(days=7), today + timedelta(days=horizon_days)
    near = tuple(e for e in events if first <= e.at.date() <= last)
    begins = covered_from(events)
    until = events_until if begins is not None and begins <= today else None
    return CalendarLoaded(sessions=exchange.sessions(first, last, broker), events=near, events_until=until)
