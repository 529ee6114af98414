"""The SPX surface: free of arbitrage to the cent, consistent with its own VIX, shaped like the measured smiles."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sim.exchange.hours import regular_day
from bot.sim.types import Settlement
from bot.sim.world.smile import GRID, SmileShape, put_skew_scale
from bot.sim.world.surface import DaySurface, Levels, Priced, gather, price_spx, vix_variance

MONDAY = regular_day(date(2026, 3, 2))
STRIKES = np.arange(2500.0, 7500.0, 5.0)
CENT = 0.01


def priced(levels: Levels, days: int, *, call: bool, skew: float = 131.0) -> Priced:
    surface = DaySurface(MONDAY.open_at, levels, 0.04, 0.013, SmileShape(put_skew_scale(skew)))
    key = (MONDAY.day + timedelta(days=days), Settlement.PM)
    terms = gather(surface, [key] * len(STRIKES), STRIKES, np.full(len(STRIKES), call))
    return price_spx(terms, levels, (MONDAY.open_at + timedelta(hours=2)).timestamp(), 0.04)


markets = st.builds(
    lambda vix, near, far: Levels(5000.0, vix * near, vix, vix * far),
    st.floats(10.0, 80.0),
    st.floats(0.75, 1.25),
    st.floats(0.75, 1.25),
)


@settings(max_examples=40, deadline=None)
@given(levels=markets, days=st.sampled_from([1, 4, 9, 18, 30, 45, 75, 150, 300]), skew=st.floats(110.0, 150.0))
def test_mids_are_positive_monotone_and_convex(levels: Levels, days: int, skew: float) -> None:
    """Puts rise and calls fall with the strike and both are convex, to a cent, for any plausible VIX curve."""
    put = priced(levels, days, call=False, skew=skew).mid
    call = priced(levels, days, call=True, skew=skew).mid
    assert put.min() > 0.0
    assert call.min() > 0.0
    assert np.diff(put).min() > -CENT
    assert np.diff(call).max() < CENT
    assert np.diff(put, 2).min() > -CENT
    assert np.diff(call, 2).min() > -CENT


@settings(max_examples=40, deadline=None)
@given(levels=markets)
def test_total_variance_never_falls_with_the_tenor(levels: Levels) -> None:
    """No calendar arbitrage at the money, even where VIX9D stands far above VIX."""
    years = np.linspace(1.0, 700.0, 300) / 365.0
    assert (np.diff(vix_variance(levels, years)) > 0.0).all()


def test_calls_and_puts_share_one_volatility() -> None:
    """Put-call parity holds at every strike against the forward the world states."""
    levels = Levels(5000.0, 15.0, 16.0, 18.0)
    put, call = priced(levels, 45, call=False), priced(levels, 45, call=True)
    discount = np.exp(-0.04 * call.years)
    np.testing.assert_allclose(call.mid - put.mid, discount * (call.forward - STRIKES), atol=1e-5)


def test_the_smile_is_the_measured_one() -> None:
    """At 45 days puts follow 1 - .315m - .009m^2 and calls dip to about .77 at m = 1, within two hundredths near the
    money."""
    table = SmileShape().table(45.0)
    for m in (-2.0, -1.0, -0.5):
        assert np.interp(m, GRID, table) == pytest.approx(1 - 0.315 * m - 0.009 * m * m, abs=0.025)
    assert np.interp(1.0, GRID, table) == pytest.approx(0.77, abs=0.02)
    assert np.interp(0.0, GRID, table) == pytest.approx(1.0)


def test_at_the_money_lies_below_vix_as_in_2018() -> None:
    """With the 2018 smile ATM is .78 to .85 of VIX at 30 days, because VIX pays for the wings."""
    levels = Levels(2809.0, 17.75, 17.4, 18.1)
    near = priced(levels, 30, call=True)
    atm = np.interp(near.forward[0], STRIKES, near.iv)
    assert 0.78 < atm / 0.174 < 0.85


def test_a_condor_pays_what_real_ones_paid() -> None:
    """A 16/14-delta condor, 50 wide, 45 days, SPX 5500, VIX 17 collects about 10.9 points (RULEBOOK 3.8)."""
    levels = Levels(5500.0, 16.2, 17.0, 18.5)
    put, call = priced(levels, 45, call=False), priced(levels, 45, call=True)
    p = int(np.argmin(np.abs(put.delta + 0.16)))
    c = int(np.argmin(np.abs(call.delta - 0.14)))
    credit = put.mid[p] - put.mid[p - 10] + call.mid[c] - call.mid[c + 10]
    assert 9.5 < credit < 12.0


def test_a_lower_skew_index_flattens_the_puts_only() -> None:
    """SKEW at 118 lowers the put wing over ATM and leaves the far calls alone."""
    flat, steep = SmileShape(put_skew_scale(118.0)).table(30.0), SmileShape(put_skew_scale(140.0)).table(30.0)
    assert np.interp(-2.0, GRID, flat) < np.interp(-2.0, GRID, steep) - 0.05
    assert np.interp(2.0, GRID, flat) == pytest.approx(np.interp(2.0, GRID, steep))
