"""Fitting a smile to bid and ask: recovers what made the quotes, survives bad ones, refuses too few."""

from __future__ import annotations

import math

import numpy as np
import pytest

from strategies.pricing.black76 import InvalidInput
from strategies.pricing.surface import Smile, SurfaceError, fit_smile

FORWARD, TAU, DISCOUNT = 2750.0, 45 / 365, 0.9975
TICK = 0.05


def true_smile() -> Smile:
    m = np.linspace(-6.0, 3.0, 37)
    ratio = np.where(m < 0.0, 1.0 - 0.315 * m, 1.0 - 0.37 * m + 0.14 * m * m)
    return Smile.through(FORWARD, TAU, m, 0.16 * ratio, DISCOUNT, 0.16)


def quotes(step: float = 5.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Strikes, bid, ask (in ticks, no bid below one tick) and is_call of a chain made from the true smile."""
    strikes = np.repeat(np.arange(2000.0, 3100.0, step), 2)
    is_call = np.tile([True, False], len(strikes) // 2)
    mid = true_smile().price(strikes, is_call)
    half = 0.06 + 0.04 * np.sqrt(mid)
    bid = np.floor((mid - half) / TICK) * TICK
    return strikes, np.where(bid < TICK, np.nan, bid), np.ceil((mid + half) / TICK) * TICK, is_call


def test_recovers_the_smile_behind_the_quotes() -> None:
    """Volatilities come back within a fraction of the spread, and every quote used is priced inside."""
    fit = fit_smile(*quotes(), FORWARD, TAU, DISCOUNT)
    strikes = np.arange(2300.0, 2960.0, 10.0)
    assert np.abs(fit.smile.iv(strikes) - true_smile().iv(strikes)).max() < 0.0015
    assert fit.inside_share > 0.99
    assert fit.rms_points < 0.1
    assert fit.used > 100


def test_sparse_quotes_still_make_a_smile() -> None:
    """A dozen strikes, as a live bot with few data lines has, give deltas within a hundredth."""
    strikes, bid, ask, is_call = quotes()
    few = np.isin(strikes, np.arange(2450.0, 2950.0, 40.0))
    fit = fit_smile(strikes[few], bid[few], ask[few], is_call[few], FORWARD, TAU, DISCOUNT)
    checked = np.arange(2480.0, 2900.0, 20.0)
    both = fit.smile.delta(checked, True), true_smile().delta(checked, True)
    assert np.abs(both[0] - both[1]).max() < 0.01


def test_one_absurd_quote_does_not_bend_the_curve() -> None:
    """A quote at three times its value moves its neighbours' volatility by less than a quarter point."""
    strikes, bid, ask, is_call = quotes()
    at = int(np.flatnonzero((strikes == 2600.0) & ~is_call)[0])
    bid[at], ask[at] = 3.0 * bid[at], 3.0 * ask[at]
    fit = fit_smile(strikes, bid, ask, is_call, FORWARD, TAU, DISCOUNT)
    near = np.arange(2550.0, 2655.0, 5.0)
    assert np.abs(fit.smile.iv(near) - true_smile().iv(near)).max() < 0.0025


def test_in_the_money_quotes_have_no_say() -> None:
    """Moving every in-the-money quote by ten points changes nothing."""
    strikes, bid, ask, is_call = quotes()
    moved = np.where(is_call == (strikes < FORWARD), 10.0, 0.0)
    one = fit_smile(strikes, bid, ask, is_call, FORWARD, TAU, DISCOUNT)
    two = fit_smile(strikes, bid + moved, ask + moved, is_call, FORWARD, TAU, DISCOUNT)
    assert (one.smile.ratios == two.smile.ratios).all()


def test_weights_take_quotes_out() -> None:
    """A weight of zero is the same as no quote."""
    strikes, bid, ask, is_call = quotes()
    weights = np.where(strikes == 2600.0, 0.0, 1.0)
    left = strikes != 2600.0
    one = fit_smile(strikes, bid, ask, is_call, FORWARD, TAU, DISCOUNT, weights)
    two = fit_smile(strikes[left], bid[left], ask[left], is_call[left], FORWARD, TAU, DISCOUNT)
    assert one.used == two.used
    assert one.smile.ratios.tolist() == two.smile.ratios.tolist()


def test_fitted_curve_has_no_butterfly_of_negative_worth() -> None:
    """Call prices are convex over the quoted strikes, down to a twentieth of a tick."""
    smile = fit_smile(*quotes(), FORWARD, TAU, DISCOUNT).smile
    strikes = np.arange(2050.0, 3000.0, 10.0)
    calls = smile.price(strikes, True)
    assert (calls[:-2] - 2.0 * calls[1:-1] + calls[2:]).min() > -0.0025


def test_two_fits_are_the_same_bits() -> None:
    """The fit has no chance in it."""
    one, two = (fit_smile(*quotes(), FORWARD, TAU, DISCOUNT).smile for _ in range(2))
    assert one.ratios.tobytes() == two.ratios.tobytes()


def test_too_few_quotes_are_refused() -> None:
    """Four usable quotes do not make a smile, and the message says how many there were."""
    with pytest.raises(SurfaceError, match="2 out-of-the-money quotes"):
        fit_smile([2600.0, 2700.0, 2800.0], [5.0, 20.0, np.nan], [6.0, 21.0, 12.0], [False, False, True], FORWARD, TAU)


def test_quotes_on_one_side_only_are_refused() -> None:
    """Puts alone say nothing about calls."""
    strikes, bid, ask, is_call = quotes()
    with pytest.raises(SurfaceError, match="both sides"):
        fit_smile(strikes[~is_call], bid[~is_call], ask[~is_call], False, FORWARD, TAU, DISCOUNT)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan])
def test_forward_and_time_must_be_positive(bad: float) -> None:
    """A forward or time that is none is refused before any quote is looked at."""
    with pytest.raises(InvalidInput, match="forward"):
        fit_smile(*quotes(), bad, TAU)
    with pytest.raises(InvalidInput, match="tau"):
        fit_smile(*quotes(), FORWARD, bad)
