"""Volatility and sensitivities of one option in plain numbers: a dozen legs are done before an array is set up.

The same mathematics as `solver` and `black76`: out-of-the-money side, Bachelier first guess, third-order Householder
steps on the logarithm of the price. What does not settle in a few steps is given to `chain.analyse`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from strategies.pricing.black76 import DAYS_PER_YEAR, VOL_POINT
from strategies.pricing.chain import analyse
from strategies.pricing.implied import IvStatus
from strategies.pricing.normal import INV_SQRT_TWO_PI, SQRT_HALF
from strategies.pricing.solver import GUESS_BOTTOM, GUESS_TOP

# Share of the price that time value must have, and the range of d1 in which cdf/pdf neither overflows nor loses digits.
_LEAST_TIME_VALUE = 1e-9
_D_LIMIT = 25.0
_MOST_STEPS = 5
_LAST_STEP = 1e-5  # a step of this relative size leaves an error of its cube
_LOG_INV_SQRT_TWO_PI = math.log(INV_SQRT_TWO_PI)
_SQRT_HALF_PI = math.sqrt(0.5 * math.pi)


class OptionGreeks(NamedTuple):
    """Volatility as a fraction a year, delta in points per point of forward, theta in points per calendar day."""

    sigma: float
    delta: float
    theta: float


def delta(forward: float, strike: float, sigma: float, tau: float, is_call: bool, discount: float) -> float | None:
    """dV/dF as `black76.greeks` of one option (agreeing to 1e-13); None where an argument is no positive number, or so
    small that no figure comes of it."""
    d1 = _d1(forward, strike, sigma, tau, discount)
    return None if d1 is None else _delta(d1, forward, strike, is_call, discount)


def vega(forward: float, strike: float, sigma: float, tau: float, discount: float) -> float | None:
    """Points per share per volatility point (0.01 of sigma), of call and put alike; else as `delta`."""
    d1 = _d1(forward, strike, sigma, tau, discount)
    return None if d1 is None else _vega_unit(d1, forward, discount, math.sqrt(tau)) * VOL_POINT


def _d1(forward: float, strike: float, sigma: float, tau: float, discount: float) -> float | None:
    most = math.inf
    if not (0.0 < forward < most and 0.0 < strike < most and 0.0 < sigma < most and 0.0 < tau < most
            and 0.0 < discount < most):  # fmt: skip
        return None
    s = sigma * math.sqrt(tau)
    try:
        return math.log(forward / strike) / s + 0.5 * s
    except (ArithmeticError, ValueError):
        return None


def _delta(d1: float, forward: float, strike: float, is_call: bool, discount: float) -> float:
    side = -1.0 if forward >= strike else 1.0
    sign = 1.0 if is_call else -1.0
    return discount * (side * 0.5 * math.erfc(-side * d1 * SQRT_HALF) + (0.0 if sign == side else sign))


def _vega_unit(d1: float, forward: float, discount: float, root_tau: float) -> float:
    """dV/dsigma."""
    return forward * discount * INV_SQRT_TWO_PI * math.exp(-0.5 * d1 * d1) * root_tau


def analyse_one(
    price: float, forward: float, strike: float, tau: float, is_call: bool, discount: float = 1.0
) -> OptionGreeks | None:
    """As `chain.analyse` of one option (agreeing to 1e-11); None where the price has no volatility."""
    try:
        s = _total_vol(price / discount, forward, strike, is_call)
    except (ArithmeticError, ValueError):
        s = None
    if s is None or not (0.0 < tau < math.inf and discount > 0.0):
        return _by_array(price, forward, strike, tau, is_call, discount)
    root_tau = math.sqrt(tau)
    d1 = math.log(forward / strike) / s + 0.5 * s
    vega_unit = _vega_unit(d1, forward, discount, root_tau)
    theta = (-0.5 * vega_unit * s / root_tau - math.log(discount) * price) / tau / DAYS_PER_YEAR
    return OptionGreeks(s / root_tau, _delta(d1, forward, strike, is_call, discount), theta)


def call_worth(forward: float, strike: float, sigma: float, tau: float) -> float:
    """Undiscounted price of a call in points, as `black76.price` of one option (agreeing to 1e-14 of the forward);
    all four above zero."""
    s = sigma * math.sqrt(tau)
    d1 = math.log(forward / strike) / s + 0.5 * s
    side = -1.0 if forward >= strike else 1.0
    n1 = 0.5 * math.erfc(-side * d1 * SQRT_HALF)
    n2 = 0.5 * math.erfc(-side * (d1 - s) * SQRT_HALF)
    otm = max(side * (forward * n1 - strike * n2), 0.0)
    return otm + (forward - strike if side < 0.0 else 0.0)


def _by_array(
    price: float, forward: float, strike: float, tau: float, is_call: bool, discount: float
) -> OptionGreeks | None:
    found = analyse(price, forward, strike, tau, is_call, discount)
    if found.status != IvStatus.OK:
        return None
    return OptionGreeks(float(found.sigma), float(found.delta), float(found.theta))


def _total_vol(undiscounted: float, forward: float, strike: float, is_call: bool) -> float | None:
    """sigma * sqrt(tau), None where a few steps do not settle it."""
    gap = forward - strike
    time_value = undiscounted - max(gap if is_call else -gap, 0.0)
    if not time_value > _LEAST_TIME_VALUE * undiscounted:
        return None
    root = math.sqrt(forward * strike)
    beta = time_value / root
    x = -abs(math.log(forward / strike))
    log_beta = math.log(beta)
    s = _first_guess(x, beta, abs(gap) / root)
    erfc, exp = math.erfc, math.exp
    for _ in range(_MOST_STEPS):
        h, t = x / s, 0.5 * s
        up, down = h + t, h - t
        if not (down > -_D_LIMIT and up < _D_LIMIT):
            return None
        # cdf(d) / pdf(d) at both ends
        spread = _SQRT_HALF_PI * erfc(-up * SQRT_HALF) * exp(0.5 * up * up)
        spread -= _SQRT_HALF_PI * erfc(-down * SQRT_HALF) * exp(0.5 * down * down)
        slope = s / spread  # s * b'/b
        h_square, t_square = h * h, t * t
        newton = (log_beta - math.log(spread) - _LOG_INV_SQRT_TWO_PI + 0.5 * (h_square + t_square)) / slope
        bend = h_square - t_square - slope
        third = bend * (bend - slope) - 3.0 * h * h - t_square
        step = newton * (1.0 + 0.5 * bend * newton) / (1.0 + newton * (bend + third * newton / 6.0))
        s += step * s
        if abs(step) <= _LAST_STEP:
            return s
    return None


def _first_guess(x: float, beta: float, gap: float) -> float:
    """Bachelier volatility as a rational function of the moneyness over the straddle, mapped to Black."""
    straddle = beta + beta + gap
    v = gap / straddle
    eta = v / math.atanh(v) if v > 1e-8 else 1.0
    a, b, c, d = GUESS_TOP
    top = ((a * eta + b) * eta + c) * eta + d
    a, b, c, d = GUESS_BOTTOM
    s = top / (((a * eta + b) * eta + c) * eta + d) * math.sqrt(eta) * straddle
    square = x * x
    return s / (1.0 + square / 24.0)
