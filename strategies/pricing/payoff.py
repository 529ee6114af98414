"""Value at expiry of a set of options, with its break-evens and extremes found exactly at the kinks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from strategies.pricing.black76 import positive
from strategies.pricing.normal import BoolArray, FloatArray


def _legs(strikes: ArrayLike, is_call: ArrayLike, quantity: ArrayLike) -> tuple[FloatArray, BoolArray, FloatArray]:
    k = np.atleast_1d(positive("strikes", strikes))
    call = np.atleast_1d(np.asarray(is_call, dtype=np.bool_))
    held = np.atleast_1d(np.asarray(quantity, dtype=np.float64))
    if not np.isfinite(held).all():
        raise ValueError(f"quantity {held.tolist()} holds a value that is no number of contracts; use signed counts")
    k, call, held = np.broadcast_arrays(k, call, held)
    if k.ndim != 1:
        raise ValueError(f"strikes, is_call and quantity describe one leg each: one dimension, not shape {k.shape}")
    return k, call, held


def expiry_value(
    spots: ArrayLike, strikes: ArrayLike, is_call: ArrayLike, quantity: ArrayLike, multiplier: float = 1.0
) -> FloatArray:
    """Value at expiry of all legs together, one number per spot, before any premium.

    quantity is signed (negative = short). With multiplier 1 the unit is points per share, with 100 it is usd.
    """
    k, call, held = _legs(strikes, is_call, quantity)
    spot = np.asarray(spots, dtype=np.float64)
    exercised = np.where(call, spot[..., None] - k, k - spot[..., None])
    value: FloatArray = np.maximum(exercised, 0.0) @ held * multiplier
    return np.asarray(value)


def _profile(
    strikes: ArrayLike, is_call: ArrayLike, quantity: ArrayLike, premium_points: float
) -> tuple[FloatArray, FloatArray, float]:
    """Kinks (0 and each strike, rising), profit at each of them, and the slope above the last."""
    if not math.isfinite(premium_points):
        raise ValueError(f"premium_points is {premium_points!r}: give the net premium in points, received positive")
    k, call, held = _legs(strikes, is_call, quantity)
    kinks = np.unique(np.concatenate(([0.0], k)))
    profit = expiry_value(kinks, k, call, held) + premium_points
    return kinks, profit, float(held[call].sum())


def break_evens(
    strikes: ArrayLike, is_call: ArrayLike, quantity: ArrayLike, premium_points: float
) -> tuple[float, ...]:
    """Spots, rising, where the profit at expiry changes sign; premium_points is the net received (paid: negative).

    Where the profit is zero over a whole stretch, the ends of the stretch are reported.
    """
    kinks, profit, slope = _profile(strikes, is_call, quantity, premium_points)
    found: list[float] = [float(spot) for spot, gain in zip(kinks, profit, strict=True) if gain == 0.0]
    for left, right, low, high in zip(kinks[:-1], kinks[1:], profit[:-1], profit[1:], strict=True):
        if low * high < 0.0:
            found.append(float(left - low * (right - left) / (high - low)))
    if slope != 0.0 and profit[-1] / slope < 0.0:
        found.append(float(kinks[-1] - profit[-1] / slope))
    return tuple(sorted(found))


def max_loss(strikes: ArrayLike, is_call: ArrayLike, quantity: ArrayLike, premium_points: float) -> float:
    """Greatest loss at expiry in points per share, as a positive number; 0.0 when none, math.inf when unbounded."""
    _, profit, slope = _profile(strikes, is_call, quantity, premium_points)
    return math.inf if slope < 0.0 else max(0.0, -float(profit.min()))


def max_profit(strikes: ArrayLike, is_call: ArrayLike, quantity: ArrayLike, premium_points: float) -> float:
    """Greatest profit at expiry in points per share; 0.0 when none, math.inf when unbounded."""
    _, profit, slope = _profile(strikes, is_call, quantity, premium_points)
    return math.inf if slope > 0.0 else max(0.0, float(profit.max()))
