"""Break-evens on the coupled path: against payoffs that can be read off, and against arithmetic apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bot.twins.coupled import Edges, Open, edges, profit_ahead
from strategies.pricing.projection import SPOT_GRID_PCT, Smile
from strategies.pricing.vix_beta import root_time_beta

SPOT = 5500.0
FLAT = Smile(np.array([-9.0, 9.0]), np.array([1.0, 1.0]), 0.15)
SKEWED = Smile(np.array([-4.0, 0.0, 1.0, 4.0]), np.array([2.2, 1.0, 0.8, 0.9]), 0.15)
CONDOR = ((5120.0, False, 1), (5170.0, False, -1), (5780.0, True, -1), (5830.0, True, 1))


def at(line: np.ndarray, percent: float) -> float:
    """The line at one move of the grid."""
    return float(line[int(np.flatnonzero(percent == SPOT_GRID_PCT)[0])])


def condor(days: float, credit_points: float, smile: Smile = FLAT) -> list[Open]:
    """One condor on SPX 5500 whose credit is booked on its short call."""
    return [
        Open(float(sign), 100.0, credit_points if (strike, sign) == (5780.0, -1) else 0.0, False, strike, is_call, days,
             5500.0, 0.0, smile)
        for strike, is_call, sign in CONDOR
    ]  # fmt: skip


def calls(quantity: float, cost_points: float, days: float = 30.0) -> list[Open]:
    """VIX calls struck at 19.5 on a future at 18.6."""
    smile = Smile(np.array([-3.0, 0.0, 3.0]), np.array([0.7, 1.0, 1.6]), 0.95)
    return [Open(quantity, 100.0, cost_points, True, 19.5, True, days, 18.6, 0.0, smile, -0.03)]


def test_at_expiry_the_edges_are_strike_less_and_plus_credit() -> None:
    """With an hour left 12 points of credit move the break-evens to 5158 and 5792 but for that hour's time value."""
    found = edges(profit_ahead(condor(5.0, 12.0), SPOT, 5.0), SPOT)
    assert found.down_pct == pytest.approx(100.0 * (5158.0 / SPOT - 1.0), abs=0.15)
    assert found.up_pct == pytest.approx(100.0 * (5792.0 / SPOT - 1.0), abs=0.15)


def test_full_revaluation_agrees_with_arithmetic_apart() -> None:
    """The put side at -3 percent in five days, by Black's formula written out with the error function."""
    shock, days, expected = 1.5 * 3.0 + 0.05 * 9.0, 40.0, 0.0
    forward, years = SPOT * 0.97, 40.0 / 365.0
    atm = 0.15 + math.sqrt(30.0 / days) * shock / 100.0
    for strike, is_call, sign in CONDOR:
        where = math.log(strike / forward) / (atm * math.sqrt(years))
        sigma = atm * float(np.interp(where, SKEWED.m, SKEWED.ratio))
        s = sigma * math.sqrt(years)
        d1 = math.log(forward / strike) / s + 0.5 * s
        up, down = (0.5 * math.erfc(-x / math.sqrt(2.0)) for x in (d1, d1 - s))
        call = forward * up - strike * down
        expected += sign * 100.0 * (call if is_call else call - forward + strike)
    assert at(profit_ahead(condor(45.0, 12.0, SKEWED), SPOT, 5.0), -3.0) == pytest.approx(expected + 1200.0, abs=1e-6)


def test_a_vix_call_follows_its_own_future() -> None:
    """At -4 percent the future of a call with 30 days left rises 6.8 times its beta and slides five days down."""
    line = profit_ahead(calls(1.0, 0.0), SPOT, 5.0)
    forward = 18.6 - 5 * 0.03 + root_time_beta(30.0) * 6.8
    assert forward - 19.5 < at(line, -4.0) / 100.0 < forward - 19.5 + 2.0
    assert at(line, 0.0) < at(line, -4.0)


def test_the_hedge_moves_the_put_side_out_and_the_call_side_in() -> None:
    """One-sided, as VIX calls are: what they win in a fall they cost in a rally."""
    alone = profit_ahead(condor(45.0, 12.0, SKEWED), SPOT, 5.0)
    a, h = edges(alone, SPOT), edges(alone + profit_ahead(calls(2.0, 1.9), SPOT, 5.0), SPOT)
    assert a.down_pct is not None
    assert h.down_pct is None or h.down_pct < a.down_pct
    assert a.up_pct is not None
    assert h.up_pct is not None
    assert h.up_pct < a.up_pct


def test_an_edge_that_is_not_there_is_none() -> None:
    """A book that wins everywhere has no break-even; one that loses unmoved has none either and says so."""
    ones = np.ones(len(SPOT_GRID_PCT))
    assert edges(ones, SPOT) == Edges(None, None, False)
    assert edges(-ones, SPOT) == Edges(None, None, True)
    assert edges(SPOT_GRID_PCT + 1.1, SPOT) == Edges(pytest.approx(-1.1), None, False)
    assert edges(SPOT_GRID_PCT - 1.1, SPOT) == Edges(None, None, True), "it wins only where SPX is not"
