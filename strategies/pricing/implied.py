"""Implied Black-76 volatility on arrays: each option gets a volatility or the reason why it has none."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strategies.pricing.black76 import FloatArray
from strategies.pricing.black76 import greeks as black_greeks


class IvStatus(IntEnum):
    """Why an option has, or has not, an implied volatility."""

    OK = 0
    BELOW_INTRINSIC = 1
    ABOVE_BOUND = 2
    NO_TIME_VALUE = 3
    INVALID = 4


class ImpliedVol(NamedTuple):
    """sigma (nan where status is not OK) and status (IvStatus values), arrays of the broadcast shape."""

    sigma: FloatArray
    status: NDArray[np.int8]


def implied_vol(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    tau: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> ImpliedVol:
    """Volatility at which Black-76 gives the price (points per share); never raises for a bad number."""
    args = (price, forward, strike, tau, discount)
    p, f, k, t, df, call = np.broadcast_arrays(
        *(np.asarray(a, dtype=np.float64) for a in args), np.asarray(is_call, dtype=np.bool_)
    )
    shape = p.shape
    p, f, k, t, df, call = (a.ravel() for a in (p, f, k, t, df, call))
    with np.errstate(all="ignore"):
        ok = np.isfinite(p) & (p >= 0) & (f > 0) & (k > 0) & (t > 0) & (df > 0)
        ok &= np.isfinite(f) & np.isfinite(k) & np.isfinite(t) & np.isfinite(df)
        otm = p / df - np.maximum(np.where(call, f - k, k - f), 0.0)
        top = np.minimum(f, k)
        status = np.full(p.shape, IvStatus.OK, dtype=np.int8)
        status[otm <= 0.0] = IvStatus.BELOW_INTRINSIC
        status[np.abs(otm) <= 1e-13 * p] = IvStatus.NO_TIME_VALUE
        status[otm >= top] = IvStatus.ABOVE_BOUND
        status[~ok] = IvStatus.INVALID
    sigma = np.full(p.shape, np.nan)
    good = status == IvStatus.OK
    if good.any():
        sigma[good] = _bisect(otm[good], f[good], k[good], t[good])
    return ImpliedVol(sigma.reshape(shape), status.reshape(shape))


def _bisect(otm: FloatArray, f: FloatArray, k: FloatArray, t: FloatArray) -> FloatArray:
    root = np.sqrt(t)
    low, high = np.full_like(f, 1e-6), np.full_like(f, 20.0)
    for _ in range(90):
        mid = np.sqrt(low * high)
        above = black_greeks(f, k, mid / root, t, f < k).price > otm
        high = np.where(above, mid, high)
        low = np.where(above, low, mid)
    return np.sqrt(low * high) / root
