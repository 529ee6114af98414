"""Solves Black-76 for the volatility of out-of-the-money prices, a whole block at a time and in place.

Everything is in normalised terms: with x = -|ln(F/K)| and s = sigma * sqrt(tau), an out-of-the-money price over
sqrt(F*K) (undiscounted) is b(x, s) = v * (Y(d1) - Y(d2)), where d1, d2 = x/s +- s/2, v = db/ds is the vega and
Y = cdf/pdf (the inverse of the hazard of the left tail). The first guess is the Bachelier volatility of the same price,
a rational function of one variable, mapped to Black; one third-order Householder step on the logarithm of the price
then leaves an error below 1e-13 wherever the guess was within GUESS_LIMIT, which `solve` reports per option.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from strategies.pricing.normal import FloatArray

# Relative step above which one Householder step is not trusted to have finished, and the range of d1 for which the
# polynomial of Y was made; outside either, the caller solves the option by iteration.
GUESS_LIMIT = 1.5e-3
D1_LIMIT = 0.75

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


def _constants(*values: float) -> tuple[FloatArray, ...]:
    """Zero-dimensional arrays: numpy takes them without converting a Python number at every call."""
    return tuple(np.asarray(value, dtype=np.float64) for value in values)


# (4 + 0.75 - d) * Y(d) for d <= 0.75 in y = (z - 4)/(z + 4), z = 0.75 - d, highest power first: Chebyshev expansion
# computed with 45 digits, relative error of Y below 4e-15.
_Y = _constants(
    5.2831090619539837e-08, 4.630502496675502e-09, -5.317012639536502e-07, -2.0245064899606324e-07,
    2.973969885260462e-06, 2.2993366922817213e-06, -1.344342022213244e-05, -1.6421538968472446e-05,
    6.092506341690821e-05, 9.376838894353805e-05, -0.0003212290276122086, -0.00044375837080914775,
    0.00207181180418808, 0.001033619973366682, -0.014697512858938482, 0.01765920025445585, 0.07056968193729926,
    -0.372579349475635, 0.9544290104476765, -1.7086363683555739, 2.349184596899686, -2.573456302325476,
    2.275057173987945,
)  # fmt: skip
_Y_SHIFT, _Y_TWICE, _ONE = _constants(4.75, -8.0, 1.0)

# Bachelier volatility over the straddle and sqrt(eta), eta = v/atanh(v), v = |F-K|/straddle: numerator, denominator,
# highest power first; relative error 3.4e-4 for prices down to 1e-300 of the moneyness.
GUESS_TOP = (171.550193, 77.47206284, 5.92748682, 0.50098559)
GUESS_BOTTOM = (51.44860069, 142.02375684, 9.41510143, 1.0)
_GUESS_TOP, _GUESS_BOTTOM = _constants(*GUESS_TOP), _constants(*GUESS_BOTTOM)
# Bachelier to Black: s = s0 / (1 - z*(a + b*x^2 + c*z)), z = s0^2, fitted on s < 0.6, |x| < 1 (error 3e-6 there).
_MAP_A, _MAP_B, _MAP_C = _constants(-0.04163244, 0.0003811, -0.00390864)
_X2, _X4, _TINY, _HALF, _TWO, _THREE, _THIRD, _SIXTH = _constants(1 / 24, 1 / 1920, 1e-8, 0.5, 2.0, 3.0, 1 / 3, 1 / 6)
_LOG_OFFSET = np.asarray(_HALF_LOG_TWO_PI)

ROWS = 14


class Solution(NamedTuple):
    """Views into the workspace, one entry per option.

    s = sigma*sqrt(tau); step, the relative size of the last step; h = x/s and t = s/2; y_near and y_far are Y at h+t
    and h-t, all at the returned s. An entry is trustworthy where |step| <= GUESS_LIMIT, h + t <= D1_LIMIT and t > 0;
    anywhere else (nan included) it means nothing.
    """

    s: FloatArray
    step: FloatArray
    h: FloatArray
    t: FloatArray
    y_near: FloatArray
    y_far: FloatArray


def inverse_hazard(d: FloatArray, out: FloatArray, y: FloatArray, inverse: FloatArray) -> None:
    """Y(d) = cdf(d)/pdf(d) into `out` for d <= D1_LIMIT; y and inverse are scratch of the same shape."""
    np.subtract(_Y_SHIFT, d, inverse)
    np.divide(_ONE, inverse, inverse)
    np.multiply(inverse, _Y_TWICE, y)
    np.add(y, _ONE, y)
    np.multiply(y, _Y[0], out)
    np.add(out, _Y[1], out)
    for coefficient in _Y[2:]:
        np.multiply(out, y, out)
        np.add(out, coefficient, out)
    np.multiply(out, inverse, out)


def _horner(coefficients: tuple[FloatArray, ...], at: FloatArray, out: FloatArray) -> None:
    np.multiply(at, coefficients[0], out)
    np.add(out, coefficients[1], out)
    for coefficient in coefficients[2:]:
        np.multiply(out, at, out)
        np.add(out, coefficient, out)


def _first_guess(x: FloatArray, beta: FloatArray, gap: FloatArray, s: FloatArray, rows: FloatArray) -> None:
    """Total volatility into s; gap is |F - K| / sqrt(F*K); rows holds four scratch rows."""
    r, straddle, eta, other = rows[0], rows[1], rows[2], rows[3]
    np.divide(gap, beta, r)
    np.add(r, _TINY, r)  # at the money both sides of the quotient below vanish
    np.add(r, _ONE, eta)
    np.log(eta, eta)
    np.add(r, _TWO, other)
    np.multiply(eta, other, other)
    np.add(r, r, r)
    np.divide(r, other, eta)  # v / atanh(v), v = r/(2 + r) and atanh(v) = ln(1 + r)/2
    np.add(beta, beta, straddle)
    np.add(straddle, gap, straddle)
    _horner(_GUESS_TOP, eta, r)
    _horner(_GUESS_BOTTOM, eta, other)
    np.divide(r, other, r)
    np.sqrt(eta, eta)
    np.multiply(r, eta, r)
    np.multiply(r, straddle, s)
    _to_black(x, s, rows)


def _to_black(x: FloatArray, s: FloatArray, rows: FloatArray) -> None:
    """Turns the Bachelier volatility in s (over sqrt(F*K)) into the Black one."""
    square, other = rows[0], rows[1]
    np.multiply(x, x, square)
    np.multiply(square, _X4, other)
    np.add(other, _X2, other)
    np.multiply(other, square, other)
    np.add(other, _ONE, other)
    np.divide(s, other, s)
    np.multiply(s, s, other)
    np.multiply(square, _MAP_B, square)
    np.add(square, _MAP_A, square)
    np.multiply(other, _MAP_C, rows[2])
    np.add(square, rows[2], square)
    np.multiply(square, other, square)
    np.add(square, _ONE, square)
    np.divide(s, square, s)


def solve(x: FloatArray, beta: FloatArray, gap: FloatArray, rows: FloatArray) -> Solution:
    """Total volatility of the normalised prices beta at log-moneyness x = -|ln(F/K)|.

    gap is |F - K|/sqrt(F*K). rows is scratch of ROWS rows as long as x; the solution lives in it.
    """
    s, step, h, t = rows[0], rows[1], rows[2], rows[3]
    d, y, scratch, inverse = rows[4:6], rows[6:8], rows[8:10], rows[10:12]
    _first_guess(x, beta, gap, s, rows[4:8])
    np.divide(x, s, h)
    np.multiply(s, _HALF, t)
    np.add(h, t, d[0])
    np.subtract(h, t, d[1])
    inverse_hazard(d, y, scratch, inverse)
    _householder(beta, rows)
    np.multiply(step, s, scratch[0])
    np.add(s, scratch[0], s)
    np.divide(x, s, h)
    np.multiply(s, _HALF, t)
    _carry_to_new_point(h, t, d, y, scratch, inverse, rows[12:14])
    return Solution(s, step, h, t, y[0], y[1])


def _householder(beta: FloatArray, rows: FloatArray) -> None:
    """The relative third-order step for ln b(s) = ln beta into rows[1], derivatives scaled by powers of s."""
    s, step, h, t, y = rows[0], rows[1], rows[2], rows[3], rows[6:8]
    hh, tt, f, g = rows[8], rows[9], rows[10], rows[11]
    np.multiply(h, h, hh)
    np.multiply(t, t, tt)
    np.subtract(y[0], y[1], g)  # b / v
    np.divide(g, beta, f)
    np.log(f, f)
    np.subtract(f, _LOG_OFFSET, f)
    np.add(hh, tt, step)
    np.multiply(step, _HALF, step)
    np.subtract(step, f, f)  # ln beta - ln b
    np.divide(s, g, g)  # s * b'/b
    np.divide(f, g, f)  # the Newton step
    np.subtract(hh, tt, step)  # s * b''/b'
    np.multiply(hh, _THREE, hh)
    np.add(hh, tt, hh)  # (b''/b')^2 - b'''/b', times s^2
    # third = step^2 - hh - 3*step*g + 2*g^2 = (step - g)*(step - 2g) - hh ; second = step - g
    np.subtract(step, g, tt)
    np.subtract(tt, g, step)
    np.multiply(step, tt, step)
    np.subtract(step, hh, step)
    np.multiply(step, f, step)
    np.multiply(step, _SIXTH, step)
    np.add(step, tt, step)
    np.multiply(step, f, step)
    np.add(step, _ONE, step)  # 1 + f*(second + third*f/6)
    np.multiply(tt, f, tt)
    np.multiply(tt, _HALF, tt)
    np.add(tt, _ONE, tt)
    np.multiply(tt, f, tt)
    np.divide(tt, step, step)


def _carry_to_new_point(
    h: FloatArray, t: FloatArray, d: FloatArray, y: FloatArray, change: FloatArray, slope: FloatArray, bend: FloatArray
) -> None:
    """Moves Y from the old d to h +- t by three terms of its Taylor series, from Y' = 1 + d*Y."""
    np.add(h, t, change[0])
    np.subtract(h, t, change[1])
    np.subtract(change, d, change)
    np.multiply(d, y, slope)
    np.add(slope, _ONE, slope)
    np.multiply(d, slope, bend)
    np.add(bend, y, bend)  # second derivative: Y + d*Y'
    np.multiply(d, bend, d)
    np.add(d, slope, d)
    np.add(d, slope, d)  # third: 2Y' + d*Y''; the old d is no longer needed
    np.multiply(d, change, d)
    np.multiply(d, _THIRD, d)
    np.add(bend, d, bend)
    np.multiply(bend, change, bend)
    np.multiply(bend, _HALF, bend)
    np.add(slope, bend, slope)
    np.multiply(slope, change, slope)
    np.add(y, slope, y)
