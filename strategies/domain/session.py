"""The exchange's day and the events calendar, as facts handed to the core."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, datetime, timedelta
from functools import lru_cache
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

    def session_on(self, day: date) -> SessionDay | None:
        """The session of that day, None on a closed day."""
        at = bisect_left(self.sessions, day, key=_day)
        return self.sessions[at] if at < len(self.sessions) and self.sessions[at].day == day else None

    def current(self, now: datetime) -> SessionDay | None:
        """The session in progress: open_at <= now < close_at."""
        return _current(Same(self.sessions), now)

    def last_before(self, day: date) -> SessionDay | None:
        """The last session strictly before a day, None if none is known."""
        at = bisect_left(self.sessions, day, key=_day)
        return self.sessions[at - 1] if at else None

    def sessions_after(self, day: date) -> tuple[SessionDay, ...]:
        """Sessions strictly after a day."""
        return self.sessions[bisect_right(self.sessions, day, key=_day) :]


@lru_cache(maxsize=8)
def _current(seen: Same[tuple[SessionDay, ...]], now: datetime) -> SessionDay | None:
    """Within one step everybody asks about the same moment, and times of several zones are slow to compare."""
    sessions = seen.value
    at = bisect_right(sessions, now, key=_open_at)
    return sessions[at - 1] if at and now < sessions[at - 1].close_at else None


def _day(session: SessionDay) -> date:
    return session.day


def _open_at(session: SessionDay) -> datetime:
    return session.open_at
