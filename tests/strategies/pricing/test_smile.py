"""One expiry's smile: its curve, its wings, its deltas and the strikes that have them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.pricing.black76 import InvalidInput, greeks, price
from strategies.pricing.surface import Smile, SurfaceError

FORWARD, TAU, DISCOUNT = 2750.0, 45 / 365, 0.9975
MONEYNESS = np.linspace(-5.0, 3.0, 33)


def skewed(atm: float = 0.16) -> Smile:
    """An SPX-like smile: steep puts, a dip on the call side."""
    ratio = np.where(MONEYNESS < 0.0, 1.0 - 0.315 * MONEYNESS, 1.0 - 0.37 * MONEYNESS + 0.14 * MONEYNESS * MONEYNESS)
    return Smile.through(FORWARD, TAU, MONEYNESS, atm * ratio, DISCOUNT, atm)


def strikes_at(smile: Smile, moneyness: np.ndarray | float) -> np.ndarray:
    return np.asarray(smile.forward * np.exp(np.asarray(moneyness) * smile.atm * math.sqrt(smile.tau)))


def test_goes_through_its_points() -> None:
    """At the given points the given volatilities come back, at the forward the at-the-money one."""
    smile = skewed()
    assert smile.atm == pytest.approx(0.16, abs=1e-12)
    assert float(smile.iv(FORWARD)) == pytest.approx(0.16, abs=1e-12)
    assert smile.iv(strikes_at(smile, -2.0)) == pytest.approx(0.16 * 1.63, abs=1e-12)
    assert smile.iv(strikes_at(smile, 1.0)) == pytest.approx(0.16 * 0.77, abs=1e-12)


def test_keeps_each_point_at_its_strike_when_the_scale_was_another() -> None:
    """Points given in units of another volatility stay at the strikes they were meant for."""
    flat_scale = 0.20
    vols = 0.16 - 0.03 * MONEYNESS + 0.004 * MONEYNESS * MONEYNESS
    smile = Smile.through(FORWARD, TAU, MONEYNESS, vols, DISCOUNT, flat_scale)
    meant = FORWARD * np.exp(MONEYNESS * flat_scale * math.sqrt(TAU))
    assert smile.iv(meant) == pytest.approx(vols, abs=1e-12)
    between = 0.5 * (MONEYNESS[:-1] + MONEYNESS[1:])
    own_scale = Smile.through(FORWARD, TAU, MONEYNESS * flat_scale / smile.atm, vols, DISCOUNT)
    halfway = FORWARD * np.exp(between * flat_scale * math.sqrt(TAU))
    assert smile.iv(halfway) == pytest.approx(own_scale.iv(halfway), abs=1e-12)


def test_prices_and_deltas_are_black_at_its_own_volatility() -> None:
    """The smile's price and delta are Black-76 at the strike's own volatility."""
    smile, strikes, calls = skewed(), np.array([2500.0, 2700.0, 2850.0]), np.array([False, False, True])
    vols = smile.iv(strikes)
    assert smile.price(strikes, calls).tolist() == price(FORWARD, strikes, vols, TAU, calls, DISCOUNT).tolist()
    assert smile.delta(strikes, calls).tolist() == greeks(FORWARD, strikes, vols, TAU, calls, DISCOUNT).delta.tolist()


@given(target=st.floats(0.01, 0.9), is_call=st.booleans())
def test_strike_for_delta_has_that_delta(target: float, is_call: bool) -> None:
    """The strike found has the delta asked for, calls and puts, in and out of the money."""
    smile = skewed()
    strike = smile.strike_for_delta(target, is_call)
    assert abs(float(smile.delta(strike, is_call))) == pytest.approx(target, abs=1e-7)


def test_out_of_the_money_deltas_lie_on_their_side() -> None:
    """A 16-delta put is below the forward, a 14-delta call above, and the smile moves the call nearer than flat."""
    smile = skewed()
    put, call = smile.strike_for_delta(0.16, False), smile.strike_for_delta(0.14, True)
    assert put < FORWARD < call
    flat = Smile.through(FORWARD, TAU, [-5.0, 0.0, 5.0], [0.16] * 3, DISCOUNT)
    assert call < flat.strike_for_delta(0.14, True)
    assert put < flat.strike_for_delta(0.16, False)


@pytest.mark.parametrize("target", [0.0, -0.1, 1.0, math.nan])
def test_impossible_deltas_are_refused(target: float) -> None:
    """No strike has a delta of zero, or of more than the discount factor."""
    with pytest.raises(SurfaceError, match="absolute delta"):
        skewed().strike_for_delta(target, True)


def test_sticky_delta_is_the_slope_with_the_smile_moving() -> None:
    """delta_sticky is the finite difference of the price when the whole smile moves with the forward."""
    smile, strikes, calls = skewed(), np.array([2500.0, 2700.0, 2850.0]), np.array([False, False, True])
    step = 0.01
    up, down = (
        Smile(FORWARD + d, TAU, DISCOUNT, smile.atm, smile.knots, smile.ratios, smile.curvatures).price(strikes, calls)
        for d in (step, -step)
    )
    assert smile.delta_sticky(strikes, calls) == pytest.approx((up - down) / (2.0 * step), abs=1e-6)


def test_wings_are_linear_in_total_variance_and_free_of_arbitrage() -> None:
    """Beyond the last points total variance grows linearly, never faster than Lee allows, and prices stay convex."""
    smile = skewed()
    for side, end in ((-1.0, -5.0), (1.0, 3.0)):
        m = end + side * np.array([0.0, 1.0, 2.0, 10.0])
        variance = smile.total_variance(m)
        growth = np.diff(variance) / np.abs(np.diff(m))
        assert growth == pytest.approx(growth[0], rel=1e-9)
        assert 0.0 <= growth[0] <= 2.0 * smile.atm * math.sqrt(TAU)
    strikes = strikes_at(smile, np.linspace(-9.0, 1.5, 400))
    calls = smile.price(strikes, True)
    slopes = np.diff(calls) / np.diff(strikes)
    assert (np.diff(slopes) >= -1e-9).all()
    assert (slopes <= 0.0).all()


def test_a_falling_wing_is_held_level() -> None:
    """A curve that still falls at its last point goes on level: volatility never runs into zero."""
    smile = Smile.through(FORWARD, TAU, [-2.0, -1.0, 0.0, 1.0], [0.24, 0.20, 0.16, 0.12], DISCOUNT)
    assert smile.iv(strikes_at(smile, 8.0)) == pytest.approx(float(smile.iv(strikes_at(smile, 2.0))), rel=1e-9)
    mirrored = Smile.through(FORWARD, TAU, [-1.0, 0.0, 1.0, 2.0], [0.12, 0.16, 0.20, 0.24], DISCOUNT)
    assert mirrored.iv(strikes_at(mirrored, -8.0)) == pytest.approx(float(mirrored.iv(strikes_at(mirrored, -2.0))))


@pytest.mark.parametrize(
    ("moneyness", "vols", "reason"),
    [
        ([-1.0, 0.0], [0.2, 0.2], "three or more"),
        ([-1.0, 1.0, 0.0], [0.2, 0.2, 0.2], "rise strictly"),
        ([1.0, 2.0, 3.0], [0.2, 0.2, 0.2], "span the forward"),
        ([-1.0, 0.0, 1.0], [0.2, 0.2], "one volatility each"),
    ],
)
def test_points_that_make_no_smile_are_refused(moneyness: list[float], vols: list[float], reason: str) -> None:
    """Too few points, points out of order or all on one side are refused with the reason."""
    with pytest.raises(SurfaceError, match=reason):
        Smile.through(FORWARD, TAU, moneyness, vols)


def test_bad_numbers_are_refused() -> None:
    """Volatilities, forward and time must be positive numbers."""
    with pytest.raises(InvalidInput, match="vols at index 1"):
        Smile.through(FORWARD, TAU, [-1.0, 0.0, 1.0], [0.2, math.nan, 0.2])
    with pytest.raises(InvalidInput, match="tau"):
        Smile.through(FORWARD, 0.0, [-1.0, 0.0, 1.0], [0.2, 0.2, 0.2])
