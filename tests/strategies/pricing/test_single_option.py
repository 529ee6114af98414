"""One option in plain numbers: the same volatility, delta and theta as the arrays give."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.pricing.black76 import greeks, price
from strategies.pricing.chain import analyse
from strategies.pricing.implied import IvStatus
from strategies.pricing.single import analyse_one, call_worth, delta, vega

FORWARD = 5500.0


@settings(deadline=None)
@given(
    sigma=st.floats(0.03, 2.5),
    tau=st.floats(1.0 / (365.0 * 24.0), 2.0),
    width=st.floats(-6.0, 6.0),
    is_call=st.booleans(),
    discount=st.floats(0.85, 1.0),
)
def test_equals_the_array_of_one(sigma: float, tau: float, width: float, is_call: bool, discount: float) -> None:
    """Where the array finds a volatility so does the single option, and the same numbers; else neither does."""
    strike = FORWARD * math.exp(width * sigma * math.sqrt(tau))
    paid = float(greeks(FORWARD, strike, sigma, tau, is_call, discount).price)
    expected = analyse(paid, FORWARD, strike, tau, is_call, discount)
    found = analyse_one(paid, FORWARD, strike, tau, is_call, discount)
    assert (found is not None) == bool(expected.status == IvStatus.OK)
    if found is None:
        return
    # A price holds its volatility only as well as its time value survives beside its intrinsic value.
    out_of_the_money = is_call == (strike >= FORWARD)
    slack = 1e-11 if out_of_the_money else 1e-6
    assert found.sigma == pytest.approx(float(expected.sigma), rel=slack)
    assert found.delta == pytest.approx(float(expected.delta), abs=slack)
    assert found.theta == pytest.approx(float(expected.theta), rel=10 * slack, abs=slack)


@settings(deadline=None)
@given(
    sigma=st.floats(0.01, 3.0),
    tau=st.floats(1.0 / (365.0 * 24.0), 2.0),
    width=st.floats(-8.0, 8.0),
    is_call=st.booleans(),
    discount=st.floats(0.85, 1.0),
)
def test_delta_and_vega_are_the_arrays(sigma: float, tau: float, width: float, is_call: bool, discount: float) -> None:
    """From a volatility known already, delta and vega of one option are those of `black76`, far into the wings."""
    strike = FORWARD * math.exp(width * sigma * math.sqrt(tau))
    expected = greeks(FORWARD, strike, sigma, tau, is_call, discount)
    assert delta(FORWARD, strike, sigma, tau, is_call, discount) == pytest.approx(float(expected.delta), rel=1e-12)
    assert vega(FORWARD, strike, sigma, tau, discount) == pytest.approx(float(expected.vega), rel=1e-12)


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, 5e-324])
def test_what_is_no_option_has_no_sensitivity(place: int, value: float) -> None:
    """A forward, strike, volatility, time or discount that none can have gives nothing; so small a one never raises."""
    arguments = [FORWARD, 5400.0, 0.16, 0.1, 0.99]
    arguments[place] = value
    forward, strike, sigma, tau, discount = arguments
    for found in (delta(forward, strike, sigma, tau, True, discount), vega(forward, strike, sigma, tau, discount)):
        assert found is None or (value == 5e-324 and math.isfinite(found))


@pytest.mark.parametrize("strike", [5000.0, 5400.0, 5500.0, 5650.0, 6000.0])
def test_gives_back_the_volatility_it_was_priced_at(strike: float) -> None:
    """A round trip through the price returns sigma, delta and theta of `black76`."""
    values = greeks(FORWARD, strike, 0.17, 45 / 365, strike >= FORWARD, 0.995)
    found = analyse_one(float(values.price), FORWARD, strike, 45 / 365, strike >= FORWARD, 0.995)
    assert found is not None
    assert found == pytest.approx((0.17, float(values.delta), float(values.theta)), rel=1e-11)


@pytest.mark.parametrize(
    ("price", "forward", "strike", "tau", "discount"),
    [
        (math.nan, FORWARD, 5400.0, 0.1, 1.0),
        (10.0, math.nan, 5400.0, 0.1, 1.0),
        (10.0, math.inf, 5400.0, 0.1, 1.0),
        (10.0, FORWARD, -5.0, 0.1, 1.0),
        (10.0, FORWARD, 0.0, 0.1, 1.0),
        (10.0, FORWARD, 5400.0, 0.0, 1.0),
        (10.0, FORWARD, 5400.0, math.nan, 1.0),
        (10.0, FORWARD, 5400.0, 0.1, 0.0),
        (10.0, FORWARD, 5400.0, 0.1, math.nan),
        (0.0, FORWARD, 5400.0, 0.1, 1.0),
        (-1.0, FORWARD, 5400.0, 0.1, 1.0),
        (6000.0, FORWARD, 5400.0, 0.1, 1.0),
        (50.0, FORWARD, 5600.0, 0.1, 1.0),
    ],
)
def test_a_bad_number_or_a_price_without_volatility_gives_none(
    price: float, forward: float, strike: float, tau: float, discount: float
) -> None:
    """Nothing raises and nothing is made up: a put below intrinsic, above its bound or out of bad numbers is None."""
    assert analyse_one(price, forward, strike, tau, False, discount) is None


@given(forward=st.floats(5.0, 100.0), strike=st.floats(5.0, 100.0), sigma=st.floats(0.1, 2.0), tau=st.floats(1e-4, 1.0))
def test_worth_of_a_call_equals_the_array_of_one(forward: float, strike: float, sigma: float, tau: float) -> None:
    """A search for the future behind a call's price in plain numbers ends where the arrays would end."""
    expected = float(price(forward, strike, sigma, tau, True))
    assert call_worth(forward, strike, sigma, tau) == pytest.approx(expected, rel=1e-12, abs=1e-14 * forward)
