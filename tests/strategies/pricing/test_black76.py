"""Black-76 against QuantLib, vollib, finite differences, parity and its own limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import QuantLib as ql
from hypothesis import given
from hypothesis import strategies as st
from vollib.black import black as vollib_black

from strategies.pricing.black76 import InvalidInput, greeks, price

FORWARD = 2750.0
DEEP_WING_POINTS = 7.3093920183217411e-32

vols = st.floats(0.05, 1.5)
taus = st.floats(1.0 / 365.0, 2.0)
# Strikes by their distance from the forward in standard deviations, so that no price is lost in rounding.
distances = st.floats(-3.0, 3.0)


def strike_at(distance: float, sigma: float, tau: float) -> float:
    return FORWARD * math.exp(distance * sigma * math.sqrt(tau))


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("days", [0.02, 1, 45, 400])
@pytest.mark.parametrize("sigma", [0.08, 0.20, 0.90])
def test_agrees_with_quantlib(is_call: bool, days: float, sigma: float) -> None:
    """Price, delta, gamma, vega and theta equal QuantLib's from deep in to deep out of the money."""
    tau, discount = days / 365.0, math.exp(-0.03 * days / 365.0)
    strikes = FORWARD * np.exp(np.linspace(-5.0, 5.0, 21) * sigma * math.sqrt(tau))
    ours = greeks(FORWARD, strikes, sigma, tau, is_call, discount)
    kind = ql.Option.Call if is_call else ql.Option.Put
    for i, strike in enumerate(strikes):
        theirs = ql.BlackCalculator(
            ql.PlainVanillaPayoff(kind, float(strike)), FORWARD, sigma * math.sqrt(tau), discount
        )
        assert ours.price[i] == pytest.approx(theirs.value(), rel=1e-14, abs=2e-11)
        assert ours.delta[i] == pytest.approx(theirs.deltaForward(), abs=2e-13)
        assert ours.gamma[i] == pytest.approx(theirs.gammaForward(), rel=1e-10, abs=1e-14)
        assert ours.vega[i] == pytest.approx(theirs.vega(tau) * 0.01, rel=1e-10, abs=1e-13)
        decay = -0.5 * theirs.gammaForward() * FORWARD**2 * sigma**2 - math.log(discount) / tau * theirs.value()
        assert ours.theta[i] == pytest.approx(decay / 365.0, rel=1e-9, abs=1e-11)


def test_agrees_with_vollib() -> None:
    """A second, independent implementation gives the same prices."""
    for flag, is_call in (("c", True), ("p", False)):
        for strike in (2000.0, 2600.0, 2750.0, 2900.0, 3400.0):
            theirs = vollib_black(flag, FORWARD, strike, 45 / 365, 0.02, 0.18)
            ours = price(FORWARD, strike, 0.18, 45 / 365, is_call, math.exp(-0.02 * 45 / 365))
            assert float(ours) == pytest.approx(theirs, abs=1e-10)


@given(distance=distances, sigma=vols, tau=taus)
def test_put_call_parity_is_exact(distance: float, sigma: float, tau: float) -> None:
    """Call minus put is the discounted forward minus strike, to the last digits, and their deltas differ by D."""
    strike = strike_at(distance, sigma, tau)
    both = greeks(FORWARD, strike, sigma, tau, [True, False], 0.97)
    assert both.price[0] - both.price[1] == pytest.approx(0.97 * (FORWARD - strike), rel=1e-14, abs=1e-11)
    assert both.delta[0] - both.delta[1] == pytest.approx(0.97, abs=1e-15)
    assert both.gamma[0] == both.gamma[1]
    assert both.vega[0] == both.vega[1]


@given(distance=distances, sigma=vols, tau=taus, is_call=st.booleans())
def test_greeks_are_the_slopes_of_the_price(distance: float, sigma: float, tau: float, is_call: bool) -> None:
    """Each greek, in its stated unit, is the finite difference of the price it claims to be."""
    strike = strike_at(distance, sigma, tau)
    rate, width = 0.03, FORWARD * sigma * math.sqrt(tau)
    discount = math.exp(-rate * tau)
    at = greeks(FORWARD, strike, sigma, tau, is_call, discount)
    dx = 1e-3 * width
    low, middle, high = price([FORWARD - dx, FORWARD, FORWARD + dx], strike, sigma, tau, is_call, discount)
    assert at.delta == pytest.approx((high - low) / (2 * dx), abs=1e-6)
    assert at.gamma * width == pytest.approx((high - 2 * middle + low) / dx**2 * width, abs=1e-5)
    dv = 1e-4 * sigma
    low, high = price(FORWARD, strike, [sigma - dv, sigma + dv], tau, is_call, discount)
    assert at.vega == pytest.approx((high - low) / (2 * dv) * 0.01, rel=1e-5, abs=1e-7)
    dt = 1e-4 * tau
    times = np.array([tau + dt, tau - dt])
    early, late = price(FORWARD, strike, sigma, times, is_call, np.exp(-rate * times))
    assert at.theta == pytest.approx((late - early) / (2 * dt) / 365.0, rel=1e-5, abs=1e-7)


def test_theta_is_negative_for_options_that_cost_something() -> None:
    """A long out-of-the-money option loses value by the day when rates are zero."""
    assert (greeks(FORWARD, [2600.0, 2900.0], 0.15, 45 / 365, [False, True]).theta < 0.0).all()


def test_deep_wings_keep_their_relative_accuracy() -> None:
    """A price of 1e-30 points is still right to ten digits (against the tail of the normal at 50 digits)."""
    # x = -1.2, s = 0.1: b = exp(x/2) cdf(-11.95) - exp(-x/2) cdf(-12.05), times sqrt(F K), worked with 50 digits.
    strike = FORWARD * math.exp(1.2)
    value = float(price(FORWARD, strike, 0.1, 1.0, True))
    assert value == pytest.approx(DEEP_WING_POINTS, rel=1e-10)


def test_zero_rate_price_tends_to_intrinsic_value() -> None:
    """A second before expiry nothing is left but what the option is worth exercised."""
    calls = price(FORWARD, [2600.0, 2749.0, 2751.0, 2900.0], 0.15, 1 / 31_536_000, True)
    assert calls == pytest.approx([150.0, 1.0, 0.0, 0.0], abs=1e-3)


@pytest.mark.parametrize("argument", ["forward", "strike", "sigma", "tau", "discount"])
@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf, -math.inf])
def test_refuses_what_no_option_can_have(argument: str, bad: float) -> None:
    """Nan, infinity, zero and negatives are refused whole, naming the argument and the first bad position."""
    arguments: dict[str, object] = {"forward": FORWARD, "strike": 2700.0, "sigma": 0.2, "tau": 0.1, "discount": 1.0}
    good = float(arguments[argument])  # type: ignore[arg-type]
    arguments[argument] = [good, good, bad, bad]
    with pytest.raises(InvalidInput, match=f"{argument} at index 2") as refusal:
        price(is_call=True, **arguments)  # type: ignore[arg-type]
    assert refusal.value.argument == argument
    assert refusal.value.index == (2,)


def test_arguments_broadcast() -> None:
    """One price per forward and strike, in the shape numpy gives, each field of the greeks alike."""
    grid = greeks([[2700.0], [2800.0]], [2600.0, 2700.0, 2800.0], 0.2, 0.1, True)
    assert {field.shape for field in grid} == {(2, 3)}
    assert grid.price[1, 2] == price(2800.0, 2800.0, 0.2, 0.1, True)


def test_a_few_options_are_priced_to_the_same_bit_as_many() -> None:
    """The short way through plain numbers and the long one through arrays are the same operations: a journal does not
    depend on how many options were asked about at once."""
    strikes = np.linspace(60.0, 160.0, 101)
    together = greeks(100.0, strikes, 0.35, 0.2, strikes > 100.0, 0.99)
    alone = [greeks(100.0, float(k), 0.35, 0.2, bool(k > 100.0), 0.99) for k in strikes]
    for name in together._fields:
        assert [float(getattr(one, name)) for one in alone] == getattr(together, name).tolist(), name
