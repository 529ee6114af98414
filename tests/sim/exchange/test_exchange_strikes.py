"""Strike ladders: nothing is withdrawn, and real chains are covered without inventing strikes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sim.exchange.check import strike_coverage
from bot.sim.exchange.strikes import Kind, StrikeLadder, kind_of

DAY = date(2018, 10, 15)


@given(
    st.sampled_from(list(Kind)),
    st.lists(st.floats(12.0, 6000.0), min_size=1, max_size=8),
    st.integers(0, 400),
)
def test_a_strike_once_listed_stays(kind: Kind, levels: list[float], days: int) -> None:
    """Whatever the level does from day to day, the ladder only grows, sorted and above zero."""
    ladder = StrikeLadder(kind, DAY + timedelta(days=days))
    before: set[float] = set()
    for number, level in enumerate(levels):
        day = DAY + timedelta(days=number)
        ladder.see(day, level)
        strikes = ladder.strikes
        assert before <= set(strikes)
        assert list(strikes) == sorted(set(strikes))
        assert all(strike > 0.0 for strike in strikes)
        before = set(strikes)


def test_the_past_widens_as_living_through_it_would() -> None:
    """Closes remembered in one go give every strike at the extremes of each stage that daily seeing gives."""
    closes = [(DAY - timedelta(days=back), 2600.0 + 17.0 * (back % 13)) for back in range(20, 0, -1)]
    lived, told = (StrikeLadder(Kind.FRIDAY, date(2018, 11, 30)) for _ in range(2))
    for day, level in closes:
        lived.see(day, level)
    told.remember(closes)
    assert set(told.strikes) <= set(lived.strikes)
    assert (min(told.strikes), max(told.strikes)) == (min(lived.strikes), max(lived.strikes))
    assert len(told.strikes) > 0.97 * len(lived.strikes)


def test_kinds_of_expiry_are_told_by_their_date() -> None:
    """Third Fridays, month and quarter ends, other Fridays and the rest; a Thursday before Good Friday is a Friday."""
    expected = {
        date(2018, 10, 19): Kind.THIRD_FRIDAY,
        date(2018, 10, 26): Kind.FRIDAY,
        date(2018, 10, 31): Kind.MONTH_END,
        date(2018, 12, 31): Kind.QUARTER_END,
        date(2018, 11, 7): Kind.WEEKLY,
        date(2019, 4, 18): Kind.THIRD_FRIDAY,
    }
    assert {day: kind_of("SPX", day) for day in expected} == expected
    assert kind_of("SPY", date(2018, 10, 19)) is Kind.SPY_THIRD_FRIDAY
    assert kind_of("VIX", date(2018, 10, 19)) is Kind.VIX


@pytest.mark.history
def test_ladders_are_those_of_the_real_chains(real_data: Path) -> None:
    """October 2018, by kind of expiry: at least 94 % of all real strikes and 96 % of those between 85 and 110 % of the
    index are generated, and at least 90 % of what is generated is real."""
    for kind, found in strike_coverage(real_data).items():
        assert found.both >= 0.94 * found.real, kind
        assert found.core_both >= 0.96 * found.core_real, kind
        assert found.both >= 0.90 * found.generated, kind
