"""Implied volatility: round trips on every kind of chain, and a reason wherever there is none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from vollib.black.implied_volatility import implied_volatility as vollib_implied

from strategies.pricing.black76 import greeks, price
from strategies.pricing.implied import IvStatus, implied_vol

FORWARD = 2750.0
EPSILON = np.finfo(float).eps


def chain(kind: str, n: int = 3_000) -> tuple[NDArray[Any], ...]:
    """sigma, strike, tau, is_call and discount of a seeded chain."""
    rng = np.random.default_rng(7)
    tau = rng.choice([7, 14, 30, 45, 60, 90, 365], n) / 365.0
    sigma = rng.uniform(0.06, 0.6, n)
    distance = rng.uniform(-3.0, 3.0, n)
    if kind == "near expiry":
        tau = np.exp(rng.uniform(math.log(60.0), math.log(86_400.0), n)) / 31_536_000.0
    if kind == "deep wings":
        distance = rng.choice([-1.0, 1.0], n) * rng.uniform(4.0, 30.0, n)
    if kind == "high volatility":
        sigma = rng.uniform(0.8, 4.0, n)
    strike = FORWARD * np.exp(distance * sigma * np.sqrt(tau))
    is_call = strike >= FORWARD
    if kind == "in the money":
        is_call = ~is_call
    return sigma, strike, tau, is_call, np.exp(-0.02 * tau)


@pytest.mark.parametrize("kind", ["live", "near expiry", "deep wings", "high volatility", "in the money"])
def test_finds_the_volatility_again(kind: str) -> None:
    """Every option of the chain is solved to 1e-10, or to what the rounding of its price leaves to be known."""
    sigma, strike, tau, is_call, discount = chain(kind)
    at = greeks(FORWARD, strike, sigma, tau, is_call, discount)
    found = implied_vol(at.price, FORWARD, strike, tau, is_call, discount)
    assert (found.status == IvStatus.OK).all()
    # An in-the-money price carries its intrinsic value's rounding; divided by vega that is volatility nobody can know.
    unknowable = 16.0 * EPSILON * (at.price + np.abs(FORWARD - strike)) / (at.vega * 100.0)
    if kind != "in the money":
        unknowable = 0.0 * unknowable
    assert (np.abs(found.sigma - sigma) <= 1e-10 + unknowable).all()


@pytest.mark.parametrize("ratio", [1.0, 0.98, 0.5, 2.0, 7e-6])
def test_no_price_between_nothing_and_the_bound_is_misread(ratio: float) -> None:
    """From almost no time value to almost the whole forward, no first guess sends the solver to a wrong root."""
    total = np.geomspace(0.02, 9.0, 4_000)
    at = greeks(FORWARD, ratio * FORWARD, total, 1.0, ratio >= 1.0)
    found = implied_vol(at.price, FORWARD, ratio * FORWARD, 1.0, ratio >= 1.0)
    solved = found.status == IvStatus.OK
    unknowable = 16.0 * EPSILON * FORWARD / (at.vega[solved] * 100.0)
    assert (np.abs(found.sigma - total)[solved] <= 1e-10 + np.where(total[solved] < 1.5, 0.0, unknowable)).all()
    assert solved[total < 7.0].all() or ratio not in (1.0, 0.98)
    assert set(found.status[~solved]) <= {IvStatus.ABOVE_BOUND, IvStatus.NO_TIME_VALUE}


def test_a_first_guess_below_zero_is_not_taken_for_a_root() -> None:
    """Far from any market (strike a 75,000th of the forward, vol 283 %) the guess turns negative: seen, solved."""
    sigma, tau = 2.8252479907293195, 1.142105100481321
    points, discount = 0.00023328619701662483, 0.8775496743732891
    found = implied_vol(points, FORWARD, 1.3408847440328897e-05 * FORWARD, tau, False, discount)
    assert found.status == IvStatus.OK
    assert float(found.sigma) == pytest.approx(sigma, rel=1e-9)


@given(
    sigma=st.floats(0.03, 3.0),
    tau=st.floats(1e-5, 3.0),
    distance=st.floats(-4.0, 4.0),
    is_call=st.booleans(),
    discount=st.floats(0.8, 1.05),
)
def test_price_of_the_implied_volatility_is_the_price(
    sigma: float, tau: float, distance: float, is_call: bool, discount: float
) -> None:
    """Wherever a volatility is given, it reproduces the price it came from."""
    strike = FORWARD * math.exp(distance * sigma * math.sqrt(tau))
    points = price(FORWARD, strike, sigma, tau, is_call, discount)
    found = implied_vol(points, FORWARD, strike, tau, is_call, discount)
    if found.status == IvStatus.OK:
        again = price(FORWARD, strike, found.sigma, tau, is_call, discount)
        assert float(again) == pytest.approx(float(points), rel=1e-10, abs=1e-11 * FORWARD)
    else:
        # Only where the whole time value is rounding, or nearly all that an option can cost.
        assert found.status in (IvStatus.NO_TIME_VALUE, IvStatus.ABOVE_BOUND)


def test_agrees_with_vollib() -> None:
    """The peer's machine-precision solver finds the same volatilities."""
    for strike, flag in ((2400.0, "p"), (2600.0, "p"), (2750.0, "c"), (2900.0, "c"), (3000.0, "c")):
        points = float(price(FORWARD, strike, 0.17, 45 / 365, flag == "c", math.exp(-0.02 * 45 / 365)))
        theirs = vollib_implied(points, FORWARD, strike, 0.02, 45 / 365, flag)
        ours = implied_vol(points, FORWARD, strike, 45 / 365, flag == "c", math.exp(-0.02 * 45 / 365))
        assert float(ours.sigma) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize(
    ("points", "strike", "is_call", "status"),
    [
        (-1.0, 2900.0, True, IvStatus.BELOW_INTRINSIC),
        (149.0, 2600.0, True, IvStatus.BELOW_INTRINSIC),
        (149.0, 2900.0, False, IvStatus.BELOW_INTRINSIC),
        (0.0, 2900.0, True, IvStatus.NO_TIME_VALUE),
        (150.0, 2600.0, True, IvStatus.NO_TIME_VALUE),
        (150.0 + 1e-11, 2600.0, True, IvStatus.NO_TIME_VALUE),
        (2750.0, 2600.0, True, IvStatus.ABOVE_BOUND),
        (2900.0, 2900.0, False, IvStatus.ABOVE_BOUND),
        (9000.0, 2900.0, True, IvStatus.ABOVE_BOUND),
        (math.nan, 2900.0, True, IvStatus.INVALID),
        (math.inf, 2900.0, True, IvStatus.INVALID),
        (10.0, 0.0, True, IvStatus.INVALID),
        (10.0, -5.0, True, IvStatus.INVALID),
        (10.0, math.nan, False, IvStatus.INVALID),
    ],
)
def test_says_why_there_is_no_volatility(points: float, strike: float, is_call: bool, status: IvStatus) -> None:
    """A price no volatility explains gets its reason and nan, and never raises."""
    found = implied_vol(points, FORWARD, strike, 0.1, is_call)
    assert IvStatus(int(found.status)) is status
    assert np.isnan(found.sigma)


@pytest.mark.parametrize("bad", [0.0, -0.1, math.nan, math.inf])
def test_time_discount_and_forward_must_be_numbers(bad: float) -> None:
    """A bad expiry, discount factor or forward makes its own options INVALID."""
    assert implied_vol(10.0, FORWARD, 2900.0, bad, True).status == IvStatus.INVALID
    assert implied_vol(10.0, FORWARD, 2900.0, 0.1, True, bad).status == IvStatus.INVALID
    assert implied_vol(10.0, bad, 2900.0, 0.1, True).status == IvStatus.INVALID


def test_one_broken_quote_leaves_the_others_alone() -> None:
    """A nan in the middle of a chain costs that option and no other."""
    sigma, strike, tau, is_call, discount = chain("live")
    points = price(FORWARD, strike, sigma, tau, is_call, discount)
    clean = implied_vol(points, FORWARD, strike, tau, is_call, discount)
    broken = points.copy()
    broken[1_234] = math.nan
    found = implied_vol(broken, FORWARD, strike, tau, is_call, discount)
    assert found.status[1_234] == IvStatus.INVALID
    rest = np.arange(len(points)) != 1_234
    assert (found.sigma[rest] == clean.sigma[rest]).all()


def test_shapes_follow_the_arguments() -> None:
    """Scalars give scalars, grids give grids, an empty chain gives an empty answer."""
    assert implied_vol(20.0, FORWARD, 2900.0, 0.1, True).sigma.shape == ()
    grid = implied_vol([[20.0], [30.0]], FORWARD, [2850.0, 2900.0, 2950.0], 0.1, True)
    assert grid.sigma.shape == grid.status.shape == (2, 3)
    assert implied_vol([], FORWARD, [], 0.1, True).sigma.shape == (0,)
