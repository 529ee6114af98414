"""The rulebook's model condors, reproduced: same strikes, credit, vega, theta and margin."""

from __future__ import annotations

import math

import numpy as np
import pytest

from strategies.pricing import payoff
from strategies.pricing.black76 import price
from strategies.pricing.surface import Smile

RATE, DIVIDEND_YIELD = 0.045, 0.013
TAU = 45 / 365


def forward_and_discount(spot: float, tau: float) -> tuple[float, float]:
    return spot * math.exp((RATE - DIVIDEND_YIELD) * tau), math.exp(-RATE * tau)


def rulebook_smile(spot: float, atm: float) -> Smile:
    """The rulebook's arithmetic smile: atm * max(.55, 1 - .20m + .03m^2) over the forward's normalised moneyness."""
    forward, discount = forward_and_discount(spot, TAU)
    m = np.linspace(-6.0, 6.0, 97)
    vols = atm * np.maximum(0.55, 1.0 - 0.20 * m + 0.03 * m * m)
    return Smile.through(forward, TAU, m, vols, discount, atm)


GOLDEN = [  # spot, vix, width, put short, call short, credit, vega, theta over one day, max loss usd
    (5000.0, 15.0, 25.0, 4740.0, 5220.0, 6.58, -0.880, 0.1235, 1842),
    (5000.0, 20.0, 50.0, 4645.0, 5300.0, 12.76, -1.269, 0.2403, 3724),
    (5500.0, 17.0, 50.0, 5170.0, 5780.0, 12.33, -1.516, 0.241, 3767),
]


@pytest.mark.parametrize("case", GOLDEN)
def test_sixteen_delta_condor(case: tuple[float, ...]) -> None:
    """Selecting 16-delta shorts (spot delta) on the rulebook's smile gives its strikes, and all that follows."""
    spot, vix, width, put, call, credit, vega, theta, margin = case
    smile = rulebook_smile(spot, (vix - 2.0) / 100.0)
    carry = smile.forward * smile.discount / (spot * math.exp(-DIVIDEND_YIELD * TAU))
    assert carry == pytest.approx(1.0)
    # A spot delta is the forward delta times F/S.
    target = 0.16 * spot / smile.forward
    assert abs(smile.strike_for_delta(target, False) - put) <= 2.5
    assert abs(smile.strike_for_delta(target, True) - call) <= 2.5
    strikes = np.array([put, put - width, call, call + width])
    calls, held = np.array([False, False, True, True]), np.array([-1, 1, -1, 1])
    values = smile.greeks(strikes, calls)
    points = -float(held @ values.price)
    assert points == pytest.approx(credit, abs=0.006)
    assert float(held @ values.vega) == pytest.approx(vega, abs=0.0012)
    assert payoff.max_loss(strikes, calls, held, points) * 100.0 == pytest.approx(margin, abs=0.6)
    later = TAU - 1 / 365
    forward, discount = forward_and_discount(spot, later)
    # The rulebook's theta: one day on at the same spot, each strike keeping its volatility.
    tomorrow = -float(held @ price(forward, strikes, smile.iv(strikes), later, calls, discount))
    assert points - tomorrow == pytest.approx(theta, abs=0.0006)


def test_weighted_vega_and_break_evens() -> None:
    """SPX 5500, VIX 17, 50 wide: -123.7 usd a VIX point in 30-day terms; break-evens 1.18 and 1.01 at-the-money sd."""
    smile = rulebook_smile(5500.0, 0.15)
    strikes, calls = [5170.0, 5120.0, 5780.0, 5830.0], [False, False, True, True]
    held = np.array([-1, 1, -1, 1])
    values = smile.greeks(strikes, calls)
    weighted = float(held @ values.vega) * 100.0 * math.sqrt(30 / 45)
    assert weighted == pytest.approx(-123.7, abs=0.1)
    low, high = payoff.break_evens(strikes, calls, held, -float(held @ values.price))
    deviation = 5500.0 * 0.15 * math.sqrt(TAU)
    assert ((5500.0 - low) / deviation, (high - 5500.0) / deviation) == pytest.approx((1.18, 1.01), abs=0.005)


def test_condor_on_the_measured_surface() -> None:
    """On the shape of the real chains the 16/14-delta condor pays about 10.9 points and is net short delta."""
    atm = 0.134
    forward, discount = forward_and_discount(5500.0, TAU)
    m = np.unique(np.concatenate((np.linspace(-4.0, 0.0, 33), np.linspace(0.0, 3.0, 25))))
    ratio = np.where(m < 0.0, 1.0 - 0.315 * m - 0.009 * m * m, 1.0 - 0.37 * m + 0.14 * m * m)
    smile = Smile.through(forward, TAU, m, atm * ratio, discount, atm)
    put = smile.strike_for_delta(0.16 * 5500.0 / forward, False)
    call = smile.strike_for_delta(0.14 * 5500.0 / forward, True)
    strikes, calls = np.array([put, put - 50.0, call, call + 50.0]), [False, False, True, True]
    held = np.array([-1, 1, -1, 1])
    values = smile.greeks(strikes, calls)
    assert (put, call) == pytest.approx((5174.0, 5749.0), abs=8.0)
    assert -float(held @ values.price) == pytest.approx(10.9, abs=0.1)
    assert float(held @ values.vega) == pytest.approx(-1.67, abs=0.01)
    assert float(held @ values.delta) == pytest.approx(-0.025, abs=0.004)
    assert float(held @ smile.delta_sticky(strikes, calls)) == pytest.approx(-0.047, abs=0.006)


@pytest.mark.parametrize(
    ("future", "strike", "vol", "days", "premium"),
    [(18.6, 19.5, 0.95, 30, 1.64), (20.4, 22.0, 0.70, 110, 2.46), (21.4, 23.5, 0.58, 220, 2.95)],
)
def test_vix_calls_priced_off_their_future(future: float, strike: float, vol: float, days: int, premium: float) -> None:
    """The 4/4/2 set's calls cost what the rulebook says, by Black-76 on the VIX future at 30, 110 and 220 days."""
    value = float(price(future, strike, vol, days / 365, True, math.exp(-RATE * days / 365)))
    assert value == pytest.approx(premium, abs=0.005)
