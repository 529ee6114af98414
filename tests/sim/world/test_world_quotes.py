"""Bids, asks, sizes, VIX options and the VX curve."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sim.world.curve import beta, forward_between, scenario_curve
from bot.sim.world.spreads import (
    LEAST_MID_WITH_BID,
    SPX_TICKS,
    VIX_TICKS,
    SpreadMarket,
    displayed,
    on_ticks,
    quote_tenor,
    size_wobble,
    spread_era,
    spread_hour,
    spx_half_spread,
    spx_liquidity,
)
from bot.sim.world.tape import vx_quote, vx_quote_of
from bot.sim.world.vix_options import VixStrip, price_vix, vix_atm_vol

DAY = 86_400.0
YEAR = 365.0 * DAY


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


CLOSE = SpreadMarket(2770.0, 17.4, 1.0, 1.0)


def half(mid: float, delta: float, days: float, market: SpreadMarket = CLOSE) -> float:
    tenor = quote_tenor(np.array([days / 365.0]))
    return float(spx_half_spread(np.array([mid]), np.array([delta]), tenor, market)[0])


def test_half_spreads_are_those_of_october_2018() -> None:
    """45 days, SPX 2770: about .3 on a 20-point put, .22 on an 8-point call, .5 at the money; long tenors and options
    in the money are twice as wide; a panic doubles all."""
    assert half(20.2, -0.16, 45) == pytest.approx(0.31, abs=0.02)
    assert half(8.4, 0.14, 45) == pytest.approx(0.22, abs=0.02)
    assert half(75.0, 0.5, 45) == pytest.approx(0.53, abs=0.03)
    assert half(9.4, -0.03, 200) > 2.0 * half(9.4, -0.03, 45)
    assert half(200.0, 0.9, 45) == pytest.approx(2.0 * half(200.0, 0.5, 45))
    assert half(20.2, -0.16, 45, CLOSE._replace(vix=60.0)) == pytest.approx(2.17 * half(20.2, -0.16, 45))


def test_no_spread_is_wider_than_its_option_is_dear() -> None:
    """Whatever the market, half a spread is at most seven tenths of the mid: bids end at one price everywhere."""
    wild = SpreadMarket(900.0, 80.0, 6.2, 1.2)
    assert half(0.2, -0.01, 30, wild) == pytest.approx(0.14)
    assert half(LEAST_MID_WITH_BID, -0.001, 30, wild) == pytest.approx(LEAST_MID_WITH_BID - 0.025)


def test_spreads_have_narrowed_over_the_years() -> None:
    """Six times as wide in April 2013 as in October 2018, two fifths of it since 2021, ever narrower in between."""
    years = [spread_era(date(year, 4, 19)) for year in range(2010, 2027)]
    assert years[0] == years[3] == pytest.approx(6.2)
    assert spread_era(date(2018, 10, 16)) == pytest.approx(1.0)
    assert years[-1] == pytest.approx(0.42)
    assert (np.diff(years) <= 0.0).all()


def test_spreads_are_wide_at_the_open_and_at_the_close() -> None:
    """Half as wide again in the first minute as at noon, a third wider at the options' close."""
    opening, noon, closing = spread_hour(np.array([0.0, 9_000.0, 24_300.0]), np.array([24_300.0, 15_300.0, 0.0]))
    assert opening == pytest.approx(1.6 * noon)
    assert closing == pytest.approx(noon / 0.75)


def test_sizes_follow_the_moneyness() -> None:
    """Within a fortnight hundreds are shown in the wings, a score at the money and a handful in the money; two months
    out some fifty in the wings and more inside."""
    delta = np.array([0.03, 0.5, 0.85])
    near, later = (spx_liquidity(delta, quote_tenor(np.array(days / 365.0))) for days in (7.0, 62.0))
    assert near == pytest.approx([250.0, 20.0, 4.7], rel=0.05)
    assert later == pytest.approx([42.0, 95.0, 108.0], rel=0.05)


def test_sizes_wander_but_are_repeatable() -> None:
    """The same contract at the same beat shows the same size, another beat another one."""
    ids = np.arange(1, 50, dtype=np.int64)
    assert (size_wobble(ids, 7)[0] == size_wobble(ids, 7)[0]).all()
    assert (size_wobble(ids, 7)[0] != size_wobble(ids, 8)[0]).any()
    many = size_wobble(np.arange(4000, dtype=np.int64), 3)[1]
    assert many.min() > 0.24
    assert many.max() < 4.01
    assert np.median(many) == pytest.approx(1.0, abs=0.1)


@given(
    forward=st.floats(9.0, 90.0), vvix=st.floats(65.0, 205.0), days=st.floats(0.02, 260.0), rate=st.floats(0.0, 0.06)
)
def test_vix_options_hold_parity_and_are_monotone_and_convex(
    forward: float, vvix: float, days: float, rate: float
) -> None:
    """Against the future of their expiry, at any level of it and of VVIX: calls less puts are the discounted future
    less the strike, and over half-point strikes both are monotone and convex to a tenth of a cent."""
    strikes = np.arange(5.0, 200.0, 0.5)
    every = np.ones(len(strikes))
    strips = (VixStrip(strikes, every == call, forward * every, days * DAY * every) for call in (0.0, 1.0))
    put, call = (price_vix(strip, vvix, 0.0, rate).mid for strip in strips)
    np.testing.assert_allclose(call - put, np.exp(-rate * days / 365.0) * (forward - strikes), atol=1e-5)
    assert np.diff(put).min() > -1e-4
    assert np.diff(call).max() < 1e-4
    assert min(np.diff(put, 2).min(), np.diff(call, 2).min()) > -0.001


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


@given(price=st.floats(5.0, 120.0), days=st.integers(0, 250))
def test_a_vx_quote_in_plain_numbers_is_the_one_of_the_arrays(price: float, days: int) -> None:
    """What a line shows at a tick and what the day's path says of that moment are one quote."""
    bid, ask, size = vx_quote(np.array(price), days)
    assert vx_quote_of(price, days) == (float(bid), float(ask), size)
