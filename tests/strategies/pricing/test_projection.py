"""The projection of a book by full revaluation: the golden book of the arithmetic page, and what must hold always."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from strategies.pricing import black76
from strategies.pricing import projection as pj
from strategies.pricing.vix_beta import root_time_beta

SPOT, RATE, CARRY, ATM, DAYS = 5500.0, 0.045, 0.032, 0.15, 45
STRIKES = (5120.0, 5170.0, 5780.0, 5830.0)
SET = (
    (18.6, 19.5, 0.95, 30, 4, -1.6 / 30),
    (20.4, 22.0, 0.70, 110, 4, -1.8 / 80),
    (21.4, 23.5, 0.58, 220, 2, -1 / 110),
)


def shape(m: np.ndarray) -> np.ndarray:
    """The golden numbers' smile over its level at the money."""
    return np.maximum(0.55, 1.0 - 0.20 * m + 0.03 * m * m)


def condors(units: float, atm: float = ATM) -> tuple[pj.IndexOptions, pj.Smile]:
    tau = DAYS / 365
    forward = SPOT * math.exp(CARRY * tau)
    m = np.linspace(-8.0, 8.0, 321)
    smile = pj.Smile(m, shape(m), atm)
    sign = np.array([1.0, -1.0, -1.0, 1.0])
    same = np.full(4, 1.0)
    return pj.IndexOptions(
        100.0 * units * sign, np.array(STRIKES), np.array([False, False, True, True]), forward * same, tau * same,
        math.exp(-RATE * tau) * same, (0, 0, 0, 0),
    ), smile  # fmt: skip


def calls(sets: float) -> pj.VixProducts:
    forward, strike, iv, days, count, roll = (np.array(column, dtype=float) for column in zip(*SET, strict=True))
    tau = days / 365
    beta = np.array([root_time_beta(d) for d in days])
    yes = np.ones(3, dtype=bool)
    return pj.VixProducts(
        100.0 * sets * count, strike, yes, yes, forward, iv, tau, np.exp(-RATE * tau), beta, roll,
    )  # fmt: skip


def book(units: float = 3.0, sets: float = 0.0) -> pj.Book:
    index, smile = condors(units)
    return pj.Book(index, (smile,), calls(sets), CARRY)


def shocks(spot: list[float], days: float, vix: list[float] | None = None) -> pj.Shocks:
    at = np.array(spot)
    return pj.Shocks(at, pj.coupled_vix_points(at) if vix is None else np.array(vix), np.full(len(spot), days))


def test_today_is_the_golden_condor():
    """RULEBOOK golden numbers: three condors are worth -3 x 12.33 points, the calls 1.64, 2.46 and 2.95."""
    none = pj.Shocks(np.zeros(1), np.zeros(1), np.zeros(1))
    assert pj.values_usd(book(), none)[0] == pytest.approx(-3 * 1233, abs=3)
    hedge = pj.values_usd(book(0.0, 1.0), none)[0]
    assert hedge == pytest.approx(100 * (4 * 1.64 + 4 * 2.46 + 2 * 2.95), abs=6)


def test_hedge_takes_most_of_a_fall_and_makes_a_rise_worse():
    """Section 4 item 5: a set for three condors takes about three quarters of a fall's loss; a rise costs more."""
    path = shocks([-10.0, -6.0, -4.0, 2.0, 4.0], 5.0)
    bare, hedge = pj.gains_usd(book(), path), pj.gains_usd(book(0.0, 1.0), path)
    taken = -hedge / bare
    assert taken == pytest.approx([0.80, 0.76, 0.93, -0.39, -0.17], abs=0.02)


@pytest.mark.parametrize(("days", "put_bp", "call_bp"), [(5.0, 59.0, -20.0), (10.0, 43.0, -29.0)])
def test_half_a_set_moves_the_break_evens(days, put_bp, call_bp):
    """P-BE-2: outward on the put side by about half a percent, inward on the call side by a quarter."""
    bare = pj.break_evens(book(), SPOT, 0.0, days)
    hedged = pj.break_evens(book(sets=0.5), SPOT, 0.0, days)
    shift = pj.shift_bp(hedged, bare, SPOT)
    assert shift.put_bp == pytest.approx(put_bp, abs=3.0)
    assert shift.call_bp == pytest.approx(call_bp, abs=3.0)


def test_break_even_may_not_exist():
    """P-BE-3: at T+10 with VIX +5 the unhedged condor loses at every level, the hedged one does not."""
    assert pj.break_evens(book(), SPOT, 0.0, 10.0, 5.0) is None
    hedged = pj.break_evens(book(sets=1.0), SPOT, 0.0, 10.0, 5.0)
    assert hedged is not None
    assert None not in hedged
    assert 5200 < hedged.low_points < hedged.high_points < 5500


def test_what_was_earned_widens_the_break_evens():
    """Profit so far counts: the same book with money made breaks even further away."""
    bare, rich = (pj.break_evens(book(), SPOT, usd, 5.0) for usd in (0.0, 600.0))
    assert rich.low_points < bare.low_points < bare.high_points < rich.high_points


def test_nothing_happens_at_once():
    """No move and no day: no gain."""
    assert pj.gains_usd(book(sets=1.0), shocks([0.0], 0.0))[0] == 0.0


def test_expired_options_are_worth_their_intrinsic_value():
    """Past expiry the wing's width is lost where spot is through it, nothing between the shorts."""
    far = pj.Shocks(np.array([-20.0, 0.0]), np.zeros(2), np.full(2, 60.0))
    assert pj.values_usd(book(1.0), far) == pytest.approx([-5000.0, 0.0], abs=1.0)


def test_smile_goes_through_its_strikes():
    """Revalued without a shock, each leg keeps the volatility it was quoted at."""
    tau, forward = 40 / 365, 5510.0
    ivs = (0.21, 0.19, 0.12, 0.125)
    smile = pj.smile_of(STRIKES, ivs, 0.14, forward, tau)
    index, _ = condors(1.0)
    same = np.full(4, 1.0)
    moved = index._replace(forward=forward * same, tau_years=tau * same, discount=same)
    price = pj.values_usd(pj.Book(moved, (smile,), calls(0.0), 0.0), pj.Shocks(*np.zeros((3, 1))))[0]
    legs = black76.price(forward, np.array(STRIKES), np.array(ivs), tau, index.is_call)
    assert price == pytest.approx(float(legs @ moved.size))


def test_future_moves_by_beta_and_roll():
    """A VXM of 100 dollars a point gains beta x dVIX and loses the roll of the days."""
    one = np.ones(1)
    future = pj.VixProducts(100 * one, one, one > 0, one < 0, 18.0 * one, one, one * 0.08, one, 0.4 * one, -0.05 * one)
    index, smile = condors(0.0)
    gain = pj.gains_usd(pj.Book(index, (smile,), future, 0.0), pj.Shocks(np.zeros(1), 5.0 * one, 10.0 * one))
    assert gain[0] == pytest.approx(100 * (0.4 * 5 - 0.5))


def test_smile_without_a_number_is_refused():
    """NaN never becomes a projection."""
    with pytest.raises(black76.InvalidInput):
        pj.smile_of(STRIKES, (0.2, math.nan, 0.1, 0.1), 0.14, SPOT, 0.1)


@example(11.0, 19.0)
@given(st.floats(-11.0, 11.0), st.floats(0.0, 20.0))
def test_condors_gain_is_bounded_by_their_wings(spot, days):
    """Defined risk: whatever happens, three condors lose at most their wings and gain at most their credit.

    Each leg keeps a smile of its own on the way, so that deep in the money a spread may be reckoned a little above its
    width: two percent of the wings is what that may be."""
    gain = pj.gains_usd(book(), shocks([spot], days))[0]
    assert -3 * 5000.0 * 1.02 + 3 * 1230.0 <= gain <= 3 * 1236.0


def test_worst_of_the_grid_names_its_scenario():
    """P-PROJ-1: the crash has its own cap and does not hide the rest."""
    gains = pj.gains_usd(book(), pj.scenario_shocks())
    worst, where = pj.worst_usd(gains)
    assert len(gains) == 14
    assert where == "earnings_melt_up+5d"
    assert worst == pytest.approx(min(g for i, g in enumerate(gains) if i % 7 != 6))
    assert min(gains) == gains[6] or min(gains) == gains[13]


def test_scenarios_of_several_horizons_are_worth_what_each_is_alone():
    """What depends on time alone is worked out once a horizon: in any order, every scenario gets its own."""
    several = pj.joined([shocks([-5.0, 0.0, 3.0], 10.0), pj.TODAY, shocks([2.0, -8.0], 5.0), shocks([-1.0], 10.0)])
    alone = [
        pj.values_usd(book(sets=1.0), pj.Shocks(*(column[i : i + 1] for column in several)))[0]
        for i in range(len(several.days))
    ]
    assert pj.values_usd(book(sets=1.0), several).tolist() == pytest.approx(alone, rel=1e-13)
