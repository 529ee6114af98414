"""The venue's own calendar against the reference calendar of the exchange."""

from __future__ import annotations

from datetime import date, timedelta

import exchange_calendars
import pytest

from bot.sim.exchange import holidays
from bot.sim.exchange.hours import regular_day
from bot.sim.venue.sessions import Sessions


@pytest.mark.filterwarnings("ignore:Series.values returning")  # inside the reference calendar
def test_every_day_of_forty_years_agrees_with_the_reference_calendar() -> None:
    """Business days and early closes equal the reference for 1990 to 2030, one-off closures included."""
    reference = exchange_calendars.get_calendar("XNYS", start="1990-01-01", end="2030-12-31")
    sessions = {stamp.date() for stamp in reference.sessions}
    early = {stamp.date() for stamp in reference.early_closes}
    wrong = []
    day = date(1990, 1, 1)
    while day <= date(2030, 12, 31):
        if holidays.is_business_day(day) != (day in sessions) or holidays.is_early_close(day) != (day in early):
            wrong.append(day)
        day += timedelta(days=1)
    assert wrong == []


def test_index_options_close_a_quarter_hour_after_the_index() -> None:
    """A full day runs to 16:15 and an early one to 13:15, the index itself to the full hour."""
    full, early = regular_day(date(2018, 11, 21)), regular_day(date(2018, 11, 23))
    assert [f"{t:%H:%M}" for t in (full.open_at, full.index_close_at, full.close_at)] == ["09:30", "16:00", "16:15"]
    assert [f"{t:%H:%M}" for t in (early.open_at, early.index_close_at, early.close_at)] == ["09:30", "13:00", "13:15"]
    assert early.early_close
    assert not full.early_close


def test_a_day_missing_from_the_world_is_closed_inside_its_range_only() -> None:
    """A hole in the world's days shuts the exchange there; beyond the last day the calendar rule speaks."""
    sessions = Sessions([regular_day(date(2018, 10, 15)), regular_day(date(2018, 10, 17))])
    assert sessions.on(date(2018, 10, 16)) is None
    assert sessions.on(date(2018, 10, 18)) == regular_day(date(2018, 10, 18))
    assert sessions.on(date(2018, 10, 20)) is None
