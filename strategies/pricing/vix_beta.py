"""How far a VIX future moves when the VIX moves one point: the root-time formula, and its correction by what was seen.

Rules
- Volatility of a horizon T moves like T^-1/2; applied to the forward variance a future of tau days settles on (the 30
  days from tau to tau+30) this gives beta(tau) = (sqrt(tau+30) - sqrt(tau)) / sqrt(30): 1 at settlement, .41 at 30.
- The formula understates: measured betas are a tenth to a quarter greater near the front. So it is the prior of a
  regression of dF on beta(tau)*dVIX over `window` sessions, whose slope (the scale) weighs n/(n+window) and is held
  within [0.5, 1.5]. A scale of 1 is the formula itself.
- Scales belong to three tenors (the three layers of the hedge) and are interpolated in sqrt(tau) between their centres.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import NamedTuple

VIX_DAYS = 30.0
"""Days of variance that VIX, and each VIX future at its settlement, stand for."""

BETA_WINDOW_SESSIONS = 60
BETA_SCALE_LOW, BETA_SCALE_HIGH = 0.5, 1.5
LOW_BETA_SHARE = 0.7
"""Share of its beta at which a hedge is reported a second time: betas shrink when only the spot index jumps."""

TENOR_EDGES_DAYS = (30.0, 90.0)
TENOR_CENTRES_DAYS = (18.0, 55.0, 130.0)
_ROOT_CENTRES = tuple(math.sqrt(days) for days in TENOR_CENTRES_DAYS)


class BetaScales(NamedTuple):
    """Seen beta over the formula's, per tenor: settlement in under 30 days, 30 to 90, beyond. 1 is the formula."""

    near: float = 1.0
    middle: float = 1.0
    far: float = 1.0


FORMULA = BetaScales()


def root_time_beta(days_to_settlement: float) -> float:
    """Points a VIX future moves per point of VIX, by the formula. Raises ValueError for a time below zero."""
    if not 0.0 <= days_to_settlement < math.inf:
        raise ValueError(
            f"a VIX future cannot settle in {days_to_settlement!r} days: give calendar days from now, zero or more"
        )
    return (math.sqrt(days_to_settlement + VIX_DAYS) - math.sqrt(days_to_settlement)) / math.sqrt(VIX_DAYS)


def vix_beta(days_to_settlement: float, scales: BetaScales) -> float:
    """Points a VIX future moves per point of VIX: the formula times the scale of its tenor."""
    return root_time_beta(days_to_settlement) * scale_at(days_to_settlement, scales)


def scale_at(days_to_settlement: float, scales: BetaScales) -> float:
    """The scale between the centres of the tenors, linear in the root of time, flat outside them."""
    root = math.sqrt(days_to_settlement)
    low, middle, high = _ROOT_CENTRES
    if root <= middle:
        share = max(0.0, (root - low) / (middle - low))
        return scales.near + (scales.middle - scales.near) * share
    share = min(1.0, (root - middle) / (high - middle))
    return scales.middle + (scales.far - scales.middle) * share


def tenor_of(days_to_settlement: float) -> int:
    """Which of the three scales a future's moves inform: 0 near, 1 middle, 2 far."""
    return bisect_right(TENOR_EDGES_DAYS, days_to_settlement)


def shrunk_scale(slope: float | None, sessions: int, window: int = BETA_WINDOW_SESSIONS) -> float:
    """The scale to use when `sessions` sessions gave this regression slope; 1 when they gave none."""
    if slope is None or sessions <= 0:
        return 1.0
    if not math.isfinite(slope):
        raise ValueError(f"the regression slope is {slope!r}; it must be a finite number, or None when there is none")
    weight = sessions / (sessions + window)
    return min(BETA_SCALE_HIGH, max(BETA_SCALE_LOW, 1.0 + weight * (slope - 1.0)))
