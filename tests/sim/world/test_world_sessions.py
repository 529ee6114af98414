"""The exchange days of worlds: VX settlement days, early days, counting over holidays."""

from datetime import date

import pytest

from bot.sim.exchange.expiries import vix_settlement_day
from bot.sim.exchange.hours import regular_day, settles_at
from bot.sim.types import Settlement
from bot.sim.world.sessions import trading_days_before, trading_days_from, vx_expiries_after


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
    assert vix_settlement_day(year, month) == expiry


def test_the_next_settlements_are_strictly_later() -> None:
    """On a settlement day the front contract is already the next month's."""
    assert vx_expiries_after(date(2026, 3, 18), 2) == (date(2026, 4, 15), date(2026, 5, 19))


def test_early_days_stop_at_one() -> None:
    """The day after Thanksgiving the index stops at 13:00, its options at 13:15, and PM settlement is at 13:00."""
    day = regular_day(date(2026, 11, 27))
    assert (day.early_close, day.index_close_at.hour, day.close_at.minute) == (True, 13, 15)
    assert settles_at(day.day, Settlement.PM) == day.index_close_at
    assert settles_at(day.day, Settlement.AM) == day.open_at


def test_weekends_and_holidays_are_skipped() -> None:
    """Counting sessions from Maundy Thursday jumps over Good Friday."""
    assert trading_days_from(date(2026, 4, 2), 2) == [date(2026, 4, 2), date(2026, 4, 6)]
    assert trading_days_from(date(2026, 4, 3), 1) == [date(2026, 4, 6)]
    assert trading_days_before(date(2026, 4, 6), 2) == [date(2026, 4, 1), date(2026, 4, 2)]
