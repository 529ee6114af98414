"""The computed exchange calendar, against known dates and an independent calendar."""

from datetime import date, timedelta

import exchange_calendars
import pytest

from bot.sim.types import Settlement
from bot.sim.world.sessions import (
    is_early_close,
    is_trading_day,
    session,
    settles_at,
    trading_days_from,
    vx_expiries_after,
    vx_expiry,
)


@pytest.mark.filterwarnings("ignore")  # the calendar package and its pandas warn about each other
def test_trading_days_agree_with_an_independent_calendar() -> None:
    """Every weekday of ten years is open or shut as XNYS has it, apart from one-off closures."""
    xnys = exchange_calendars.get_calendar("XNYS", start="2017-01-03", end="2026-12-31")
    theirs = {stamp.date() for stamp in xnys.sessions}
    span = (date(2017, 1, 3) + timedelta(days=i) for i in range(3649))
    differ = {day for day in span if is_trading_day(day) != (day in theirs)}
    assert differ == {date(2018, 12, 5), date(2025, 1, 9)}  # days of mourning
    early = {stamp.date() for stamp in xnys.early_closes}
    assert {day for day in theirs if is_early_close(day)} == early


@pytest.mark.parametrize(
    ("year", "month", "expiry"),
    [
        (2018, 2, date(2018, 2, 14)),
        (2019, 3, date(2019, 3, 19)),
        (2020, 3, date(2020, 3, 18)),
        (2025, 3, date(2025, 3, 18)),
        (2024, 6, date(2024, 6, 18)),
        (2026, 3, date(2026, 3, 18)),
    ],
)
def test_vx_settles_thirty_days_before_the_spx_expiry(year: int, month: int, expiry: date) -> None:
    """Monthly VX settlement days, with Good Friday and holiday cases, are the exchange's."""
    assert vx_expiry(year, month) == expiry


def test_the_next_settlements_are_strictly_later() -> None:
    """On a settlement day the front contract is already the next month's."""
    assert vx_expiries_after(date(2026, 3, 18), 2) == [date(2026, 4, 15), date(2026, 5, 19)]


def test_early_days_stop_at_one() -> None:
    """The day after Thanksgiving the index stops at 13:00, its options at 13:15, and PM settlement is at 13:00."""
    day = session(date(2026, 11, 27))
    assert (day.early_close, day.index_close_at.hour, day.close_at.minute) == (True, 13, 15)
    assert settles_at(day.day, Settlement.PM) == day.index_close_at
    assert settles_at(day.day, Settlement.AM) == day.open_at


def test_weekends_and_holidays_are_skipped() -> None:
    """Counting sessions from Maundy Thursday jumps over Good Friday."""
    assert trading_days_from(date(2026, 4, 2), 2) == [date(2026, 4, 2), date(2026, 4, 6)]
