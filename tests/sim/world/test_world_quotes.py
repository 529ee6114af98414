"""Bids, asks, sizes, VIX options and the VX curve."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sim.world.curve import beta, forward_between, scenario_curve
from bot.sim.world.spreads import SPX_TICKS, VIX_TICKS, displayed, on_ticks, size_wobble, spx_half_spread
from bot.sim.world.vix_options import VixStrip, price_vix, vix_atm_vol

YEAR = 365.0 * 86400.0


@given(mid=st.floats(1e-6, 900.0), half=st.floats(0.01, 12.0), vix=st.booleans())
def test_quotes_sit_on_ticks_around_the_mid(mid: float, half: float, vix: bool) -> None:
    """The ask lies on its tick and above the mid; a bid lies on its tick, at or below the mid, or is absent."""
    ticks = VIX_TICKS if vix else SPX_TICKS
    bid, ask = (float(side[0]) for side in on_ticks(np.array([mid]), np.array([half]), ticks))
    assert ask > mid - 1e-6
    for price in (bid, ask):
        if not np.isnan(price):
            tick = ticks.large if price > 3.0 else ticks.small
            assert price / tick == pytest.approx(round(price / tick), abs=1e-6)
    if not np.isnan(bid):
        assert ticks.small - 1e-9 <= bid <= mid + 1e-6
        assert ask - bid > 0.9 * ticks.small


def test_a_worthless_wing_has_an_ask_only() -> None:
    """An option worth a cent shows no bid and no bid size."""
    bid, ask = on_ticks(np.array([0.01]), np.array([0.06]), SPX_TICKS)
    assert np.isnan(bid[0])
    assert ask[0] == pytest.approx(0.05)
    assert displayed(np.array([100.0]), np.array([1.0]), bid)[0] == 0.0


def test_half_spreads_are_those_of_october_2018() -> None:
    """45 days, SPX 2770, VIX below 19: about .28 on a 20-point put and .2 on an 8-point call; more in a panic."""
    mid, delta, years = np.array([20.2, 8.4]), np.array([-0.16, 0.14]), np.full(2, 45 / 365)
    calm = spx_half_spread(mid, delta, years, 2770.0, 17.4)
    assert calm == pytest.approx([0.285, 0.205], abs=0.02)
    assert (spx_half_spread(mid, delta, years, 2770.0, 40.0) > 1.8 * calm).all()


def test_sizes_wander_but_are_repeatable() -> None:
    """The same contract at the same beat shows the same size, another beat another one."""
    ids = np.arange(1, 50, dtype=np.int64)
    assert (size_wobble(ids, 7)[0] == size_wobble(ids, 7)[0]).all()
    assert (size_wobble(ids, 7)[0] != size_wobble(ids, 8)[0]).any()


def test_a_vix_option_prices_off_its_future_not_off_spot() -> None:
    """VIX 25 and a future at 21.50: the 20 call is worth about 3, not above 5."""
    strip = VixStrip(np.array([20.0]), np.array([True]), np.array([21.5]), np.array([30 * 86400.0]))
    value = price_vix(strip, 95.0, 0.0, 0.02)
    assert 2.4 < value.mid[0] < 3.6


def test_vix_volatility_falls_with_the_tenor_and_rises_with_vvix() -> None:
    """30-day ATM volatility is .955 VVIX; short ones stand higher, the more so in a panic."""
    assert vix_atm_vol(90.0, np.array([30.0]))[0] == pytest.approx(0.8595)
    calm, panic = (vix_atm_vol(v, np.array([7.0, 120.0])) / (v / 100) for v in (90.0, 150.0))
    assert calm[0] > calm[1]
    assert panic[0] > calm[0]


def test_vix_calls_wear_an_upside_smile() -> None:
    """Higher strikes have higher volatility."""
    strikes = np.array([18.0, 21.5, 30.0, 45.0])
    strip = VixStrip(strikes, np.full(4, True), np.full(4, 21.5), np.full(4, 45 / 365 * YEAR))
    assert (np.diff(price_vix(strip, 95.0, 0.0, 0.02).iv) > 0.0).all()


def test_futures_move_less_the_later_they_settle() -> None:
    """Betas fall with the days to settlement and match the measured ones at 30 and 60 days."""
    found = beta(np.array([5.0, 30.0, 60.0, 120.0]))
    assert (np.diff(found) < 0.0).all()
    assert found[1:3] == pytest.approx([0.459, 0.346])


def test_the_scenario_curve_runs_from_vix_to_the_long_run() -> None:
    """Below its long run it is in contango, above it inverted."""
    days = np.array([0.0, 20.0, 50.0, 2000.0])
    assert scenario_curve(14.0, 20.0, 60.0, days)[0] == 14.0
    assert (np.diff(scenario_curve(14.0, 20.0, 60.0, days)) > 0.0).all()
    assert (np.diff(scenario_curve(35.0, 20.0, 60.0, days)) < 0.0).all()


def test_between_listed_futures_the_forward_is_interpolated() -> None:
    """An expiry half-way between two months gets the mean; without any future there is none."""
    listed = [date(2026, 3, 18), date(2026, 4, 15)]
    today = date(2026, 3, 2)
    assert forward_between(18.0, listed, np.array([20.0, 22.0]), today, date(2026, 4, 1)) == pytest.approx(21.0)
    assert forward_between(18.0, listed, np.array([np.nan, np.nan]), today, date(2026, 4, 1)) is None
