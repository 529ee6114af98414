"""Black-76 prices and greeks on arrays.

Units, stated once: price in points per share; delta = dV/dF, points per point of forward; gamma per point squared;
vega points per share per ONE volatility point (0.01 of sigma); theta points per share per CALENDAR DAY (365 a year).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from strategies.pricing.normal import INV_SQRT_TWO_PI, BoolArray, FloatArray, cdf

DAYS_PER_YEAR = 365.0
VOL_POINT = 0.01

_least, _greatest = np.minimum.reduce, np.maximum.reduce  # half the cost of .min() and .max() on short arrays


class InvalidInput(ValueError):
    """An argument holds a value no option can have; `argument` names it, `index` is the first bad position."""

    def __init__(self, argument: str, index: tuple[int, ...], value: float) -> None:
        self.argument = argument
        self.index = index
        self.value = value
        where = f" at index {index[0] if len(index) == 1 else index}" if index else ""
        super().__init__(f"{argument}{where} is {value!r}: it must be a finite number above zero; nothing was priced")


class Greeks(NamedTuple):
    """Price and sensitivities, one array each, in the units of the module's docstring."""

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray


def positive(argument: str, values: ArrayLike) -> FloatArray:
    """The values as a float array, all finite and above zero; raises InvalidInput naming the first that is not."""
    array = np.asarray(values, dtype=np.float64)
    if array.size and not (_least(array, axis=None) > 0.0 and _greatest(array, axis=None) < np.inf):
        bad = np.argwhere(~((array > 0.0) & (array < np.inf)))[0]
        index = tuple(int(i) for i in bad)
        raise InvalidInput(argument, index, float(array[index]))
    return array


def price(
    forward: ArrayLike,
    strike: ArrayLike,
    sigma: ArrayLike,
    tau: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> FloatArray:
    """Present value in points per share.

    All arguments broadcast: forward and strike in points, sigma as a fraction a year, tau in years of 365 days,
    is_call boolean, discount the value today of one point at expiry. Raises InvalidInput for nan, infinite, zero or
    negative numbers.
    """
    terms = _terms(forward, strike, sigma, tau, is_call, discount)
    n1, n2 = _below(terms)
    return _filled(_value(terms, n1, n2), terms.shape)


def delta(
    forward: ArrayLike,
    strike: ArrayLike,
    sigma: ArrayLike,
    tau: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> FloatArray:
    """dV/dF alone, for searches that need no more; arguments and errors as `price`."""
    terms = _terms(forward, strike, sigma, tau, is_call, discount)
    (n1,) = cdf(np.stack((terms.side * terms.d1,)))
    return _filled(_delta(terms, n1), terms.shape)


def greeks(
    forward: ArrayLike,
    strike: ArrayLike,
    sigma: ArrayLike,
    tau: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> Greeks:
    """Present value and sensitivities; arguments and errors as `price`, units as the module's docstring."""
    terms = _terms(forward, strike, sigma, tau, is_call, discount)
    f, vol, t, df, d1 = terms.forward, terms.sigma, terms.tau, terms.discount, terms.d1
    n1, n2 = _below(terms)
    value = _value(terms, n1, n2)
    density = df * INV_SQRT_TWO_PI * np.exp(-0.5 * d1 * d1)
    gamma = density / (f * terms.total_vol)
    vega_unit = f * density * terms.root_tau
    rate = -np.log(df) / t
    theta = (-0.5 * vega_unit * vol / t + rate * value) / DAYS_PER_YEAR
    parts = value, _delta(terms, n1), gamma, vega_unit * VOL_POINT, theta
    return Greeks(*(_filled(part, terms.shape) for part in parts))


class _Terms(NamedTuple):
    """Checked arguments, total_vol = sigma*sqrt(tau), d1, d2; side is +1 where the call is out of the money, else -1;
    sign is +1 for a call, -1 for a put; `itm` says that the option asked for is not the out-of-the-money one."""

    forward: FloatArray
    strike: FloatArray
    sigma: FloatArray
    tau: FloatArray
    discount: FloatArray
    root_tau: FloatArray
    total_vol: FloatArray
    d1: FloatArray
    d2: FloatArray
    side: FloatArray
    sign: FloatArray
    itm: BoolArray
    shape: tuple[int, ...]


def _terms(
    forward: ArrayLike, strike: ArrayLike, sigma: ArrayLike, tau: ArrayLike, is_call: ArrayLike, discount: ArrayLike
) -> _Terms:
    f, k = positive("forward", forward), positive("strike", strike)
    vol, t = positive("sigma", sigma), positive("tau", tau)
    df = positive("discount", discount)
    call = np.asarray(is_call, dtype=np.bool_)
    root_t = np.sqrt(t)
    s = vol * root_t
    d1 = np.log(f / k) / s + 0.5 * s
    side = np.where(f >= k, -1.0, 1.0)
    sign = np.where(call, 1.0, -1.0)
    shape = f.shape
    if not shape == k.shape == s.shape == call.shape == df.shape:
        shape = np.broadcast_shapes(shape, k.shape, s.shape, call.shape, df.shape)
    return _Terms(f, k, vol, t, df, root_t, s, d1, d1 - s, side, sign, sign != side, shape)


def _below(terms: _Terms) -> FloatArray:
    """Distribution function at both d of the out-of-the-money side, in one array."""
    both = np.empty((2, *terms.d1.shape))
    np.multiply(terms.side, terms.d1, out=both[0, ...])
    np.multiply(terms.side, terms.d2, out=both[1, ...])
    return cdf(both)


def _value(terms: _Terms, n1: FloatArray, n2: FloatArray) -> FloatArray:
    """The out-of-the-money side is computed, the other follows by parity: no digits lost deep in the money."""
    f, k = terms.forward, terms.strike
    otm = np.maximum(terms.side * (f * n1 - k * n2), 0.0)
    return np.asarray(terms.discount * (otm + np.where(terms.itm, terms.sign * (f - k), 0.0)))


def _delta(terms: _Terms, n1: FloatArray) -> FloatArray:
    return np.asarray(terms.discount * (terms.side * n1 + np.where(terms.itm, terms.sign, 0.0)))


def _filled(part: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """The part as an array of the full shape that its receiver may write to."""
    return np.asarray(part) if part.shape == shape else np.array(np.broadcast_to(part, shape))
