"""Payoff at expiry: exact kinks, break-evens and extremes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.pricing.payoff import break_evens, expiry_value, max_loss, max_profit

CONDOR = ([5170.0, 5120.0, 5780.0, 5830.0], [False, False, True, True], [-1, 1, -1, 1])
CREDIT_POINTS = 12.33


def test_condor_at_expiry() -> None:
    """Between the shorts nothing is owed, beyond a wing its full width, half way half of it; 100 makes it usd."""
    spots = [5000.0, 5120.0, 5145.0, 5500.0, 5805.0, 6000.0]
    assert expiry_value(spots, *CONDOR).tolist() == [-50.0, -50.0, -25.0, 0.0, -25.0, -50.0]
    assert expiry_value(spots, *CONDOR, multiplier=100.0).tolist() == [-5000.0, -5000.0, -2500.0, 0.0, -2500.0, -5000.0]


def test_condor_limits_and_break_evens() -> None:
    """A condor loses at most width minus credit, gains at most the credit, breaks even a credit beyond each short."""
    assert max_loss(*CONDOR, CREDIT_POINTS) == pytest.approx(37.67)
    assert max_profit(*CONDOR, CREDIT_POINTS) == pytest.approx(12.33)
    assert break_evens(*CONDOR, CREDIT_POINTS) == pytest.approx((5157.67, 5792.33))


def test_naked_calls_are_unbounded_and_naked_puts_are_not() -> None:
    """A short call can lose without limit, a short put only down to zero."""
    assert max_loss([2900.0], [True], [-1], 5.0) == math.inf
    assert max_profit([2900.0], [True], [1], -5.0) == math.inf
    assert max_loss([2600.0], [False], [-1], 8.0) == 2592.0
    assert max_profit([2600.0], [False], [-1], 8.0) == 8.0


def test_a_partial_fill_that_leaves_a_short_call_naked_is_seen() -> None:
    """One long call against two short ones is unbounded whatever the credit."""
    assert max_loss([5780.0, 5830.0], [True, True], [-2, 1], 100.0) == math.inf


def test_straddle_breaks_even_above_the_last_strike() -> None:
    """Break-evens beyond every kink are found as well."""
    assert break_evens([2750.0, 2750.0], [True, False], [1, 1], -60.0) == pytest.approx((2690.0, 2810.0))


def test_sure_gain_and_sure_loss_have_no_break_even() -> None:
    """A credit above the width never loses; the same spread bought too dear never gains."""
    assert break_evens([2600.0, 2550.0], [False, False], [-1, 1], 55.0) == ()
    assert max_loss([2600.0, 2550.0], [False, False], [-1, 1], 55.0) == 0.0
    assert max_profit([2600.0, 2550.0], [False, False], [1, -1], -55.0) == 0.0


legs = st.lists(
    st.tuples(st.integers(400, 600), st.booleans(), st.integers(-3, 3)), min_size=1, max_size=6
)  # strikes in steps of 5 points


@given(legs=legs, premium=st.integers(-200, 200))
def test_extremes_and_roots_match_a_dense_grid(legs: list[tuple[int, bool, int]], premium: int) -> None:
    """No spot of a fine grid is better or worse than the extremes, and the profit changes sign only at break-evens."""
    strikes = [5.0 * step for step, _, _ in legs]
    calls, held = [call for _, call, _ in legs], [quantity for _, _, quantity in legs]
    spots = np.arange(0.0, 6000.5, 2.5)
    profit = expiry_value(spots, strikes, calls, held) + premium
    worst, best = max_loss(strikes, calls, held, premium), max_profit(strikes, calls, held, premium)
    assert -profit.min() <= worst + 1e-9
    assert profit.max() <= best + 1e-9
    if math.isfinite(worst):
        assert worst == pytest.approx(max(0.0, -profit.min()))
    if math.isfinite(best):
        assert best == pytest.approx(max(0.0, profit.max()))
    roots = break_evens(strikes, calls, held, premium)
    for left, right, low, high in zip(spots[:-1], spots[1:], profit[:-1], profit[1:], strict=True):
        if low * high < 0.0:
            assert any(left < root < right for root in roots)
    for root in roots:
        at = expiry_value(root, strikes, calls, held) + premium
        assert float(at) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("strikes", "quantity", "premium"), [([math.nan], [1], 1.0), ([2600.0], [math.nan], 1.0), ([2600.0], [1], math.nan)]
)
def test_refuses_numbers_that_are_none(strikes: list[float], quantity: list[float], premium: float) -> None:
    """Nan in strikes, quantities or premium is refused, not carried into a maximum loss."""
    with pytest.raises(ValueError, match=r"strikes|quantity|premium_points"):
        max_loss(strikes, [True], quantity, premium)
