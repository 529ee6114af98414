"""Discount factor, and the forward of one expiry implied by put-call parity."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from strategies.pricing.normal import FloatArray
from strategies.pricing.smile import SurfaceError

# Strikes that speak: those whose synthetic forward is quoted at most this much wider than the tightest one.
_WIDTH_RATIO = 1.75
_MOST_STRIKES = 25


class ParityForward(NamedTuple):
    """forward in points; half_width_points, how far it may be off by the quotes used; used, the number of strikes."""

    forward: float
    half_width_points: float
    used: int


def discount_factor(rate: float, tau: float) -> float:
    """Value today of one point at expiry: rate continuously compounded, a fraction a year; tau in years."""
    if not (math.isfinite(rate) and math.isfinite(tau) and tau >= 0.0):
        raise SurfaceError(f"a discount factor needs a finite rate and a tau of zero or more, got {rate!r} and {tau!r}")
    return math.exp(-rate * tau)


def forward_from_parity(
    strikes: ArrayLike,
    call_bid: ArrayLike,
    call_ask: ArrayLike,
    put_bid: ArrayLike,
    put_ask: ArrayLike,
    discount: float,
) -> ParityForward:
    """The forward at which calls and puts of the same strikes agree.

    One value per strike in points; nan or a non-positive bid means no quote. Each strike with four quotes bounds the
    forward: K + (call_bid - put_ask)/D <= F <= K + (call_ask - put_bid)/D. The tightest of them are used; strikes
    that contradict their weighted median are left out. Raises SurfaceError when no strike has both sides of both
    options, when discount is not positive, or when most strikes contradict each other.
    """
    k, cb, ca, pb, pa = (np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in
                         (strikes, call_bid, call_ask, put_bid, put_ask))  # fmt: skip
    if not (math.isfinite(discount) and discount > 0.0):
        raise SurfaceError(f"the discount factor must be a positive number, got {discount!r}")
    with np.errstate(invalid="ignore"):
        usable = (k > 0.0) & (cb > 0.0) & (pb > 0.0) & (ca > cb) & (pa > pb)
        usable &= np.isfinite(k) & np.isfinite(ca) & np.isfinite(pa)
    if not usable.any():
        raise SurfaceError(f"none of {k.size} strikes has a bid and an ask on both its call and its put")
    k, cb, ca, pb, pa = k[usable], cb[usable], ca[usable], pb[usable], pa[usable]
    low, high = k + (cb - pa) / discount, k + (ca - pb) / discount
    width = high - low
    order = np.argsort(width, kind="stable")
    order = order[: max(1, min(_MOST_STRIKES, int(np.count_nonzero(width <= _WIDTH_RATIO * width[order[0]]))))]
    low, high, width = low[order], high[order], width[order]
    centre = _weighted_median(0.5 * (low + high), width**-2.0)
    agree = (low <= centre) & (centre <= high)
    if 2 * int(agree.sum()) < len(low):
        raise SurfaceError(
            f"put-call parity fails: {len(low) - int(agree.sum())} of the {len(low)} tightest strikes exclude the "
            f"forward {centre:.2f} the others agree on; the quotes are not of one moment"
        )
    bottom, top = float(low[agree].max()), float(high[agree].min())
    return ParityForward(centre, 0.5 * (top - bottom), int(agree.sum()))


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    share = (below - 0.5 * weights[order]) / below[-1]
    return float(np.interp(0.5, share, values[order]))
