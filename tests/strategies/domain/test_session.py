"""The calendar's answers are those of its sessions, in whichever time zone the question is asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from strategies.domain.session import NEW_YORK, Calendar, SessionDay

DAYS = tuple(day for day in (date(2026, 3, 2) + timedelta(days=i) for i in range(14)) if day.weekday() < 5)
"""Two weeks around the change to summer time."""


def session(day: date) -> SessionDay:
    opens = datetime(day.year, day.month, day.day, 9, 30, tzinfo=NEW_YORK)
    return SessionDay(day, opens, opens.replace(hour=16, minute=0), opens.replace(hour=16, minute=15))


CALENDAR = Calendar(tuple(session(day) for day in DAYS))


@pytest.mark.parametrize("day", DAYS)
def test_a_session_runs_from_its_opening_until_before_its_close(day: date) -> None:
    """To the microsecond, asked in UTC as the bot does and in New York, before and in summer time."""
    running, tick = session(day), timedelta(microseconds=1)
    for at, expected in (
        (running.open_at.astimezone(UTC) - tick, None),
        (running.open_at.astimezone(UTC), running),
        (running.open_at, running),
        (running.close_at.astimezone(UTC) - tick, running),
        (running.close_at.astimezone(UTC), None),
    ):
        assert CALENDAR.current(at) == expected


def test_days_are_found_between_sessions() -> None:
    """The weekend has no session, one before it and the rest after it."""
    saturday = date(2026, 3, 7)
    assert CALENDAR.session_on(saturday) is None
    assert CALENDAR.session_on(DAYS[3]) == session(DAYS[3])
    assert CALENDAR.last_before(saturday) == session(date(2026, 3, 6))
    assert CALENDAR.last_before(DAYS[0]) is None
    assert [s.day for s in CALENDAR.sessions_after(saturday)] == list(DAYS[5:])


def test_a_calendar_that_was_replaced_is_read_again() -> None:
    """Days remembered of one calendar are not those of the next."""
    assert CALENDAR.current(session(DAYS[0]).open_at) is not None
    assert msgspec.structs.replace(CALENDAR, sessions=CALENDAR.sessions[1:]).current(session(DAYS[0]).open_at) is None
