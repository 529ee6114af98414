"""The exchange's day and the events calendar, as facts handed to the core."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from strategies.domain.same import Same

NEW_YORK = ZoneInfo("America/New_York")


def session_date(at: datetime) -> str:
    """The New York trade date a moment belongs to, ISO; after 17:00 it is the next day's."""
    return (at.astimezone(NEW_YORK) + timedelta(hours=7)).date().isoformat()


def trade_date_begins(at: datetime) -> datetime:
    """When the trade date of a moment began: 17:00 New York of the day before it."""
    day = date.fromisoformat(session_date(at))
    return datetime(day.year, day.month, day.day, tzinfo=NEW_YORK) - timedelta(hours=7)  # on the wall clock


class SessionDay(msgspec.Struct, frozen=True):
    """One regular session of Cboe index options, aware times in New York.

    `index_close_at` is when the index and expiring PM-settled options stop; `close_at` is fifteen minutes later.
    `agreed` is False when the broker's liquid hours and the calendar differ (fault CAL-01; the stricter was taken).
    """

    day: date
    open_at: datetime
    index_close_at: datetime
    close_at: datetime
    early_close: bool = False
    agreed: bool = True


class MacroEvent(msgspec.Struct, frozen=True):
    """A scheduled release (FOMC, CPI, PPI, NFP, ...) that entries keep away from."""

    at: datetime
    kind: str
    source: str = ""


class Calendar(msgspec.Struct, frozen=True):
    """Sessions by rising day and macro events with how far their list reaches (`events_until`)."""

    sessions: tuple[SessionDay, ...] = ()
    events: tuple[MacroEvent, ...] = ()
    events_until: date | None = None

    @property
    def days(self) -> tuple[date, ...]:
        """The days of the sessions, rising."""
        return _columns(Same(self.sessions)).days

    def session_on(self, day: date) -> SessionDay | None:
        """The session of that day, None on a closed day."""
        at = bisect_left(self.days, day)
        return self.sessions[at] if at < len(self.sessions) and self.sessions[at].day == day else None

    def current(self, now: datetime) -> SessionDay | None:
        """The session in progress: open_at <= now < close_at."""
        columns = _columns(Same(self.sessions))
        at = bisect_right(columns.opens, now)
        return self.sessions[at - 1] if at and now < columns.closes[at - 1] else None

    def last_before(self, day: date) -> SessionDay | None:
        """The last session strictly before a day, None if none is known."""
        at = bisect_left(self.days, day)
        return self.sessions[at - 1] if at else None

    def sessions_after(self, day: date) -> tuple[SessionDay, ...]:
        """Sessions strictly after a day."""
        return self.sessions[bisect_right(self.days, day) :]


class _Columns(NamedTuple):
    """Days, openings and closes of sessions; moments in UTC, as the bot's own are: comparing them asks no time zone."""

    days: tuple[date, ...]
    opens: tuple[datetime, ...]
    closes: tuple[datetime, ...]


@lru_cache(maxsize=8)
def _columns(seen: Same[tuple[SessionDay, ...]]) -> _Columns:
    """Every look searches them several times; a calendar is loaded once a day."""
    return _Columns(
        tuple(s.day for s in seen.value),
        tuple(s.open_at.astimezone(UTC) for s in seen.value),
        tuple(s.close_at.astimezone(UTC) for s in seen.value),
    )
