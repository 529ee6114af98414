"""Volatility levels: realised volatility, the rank of VIX within its year, and the stress tier by level."""

from __future__ import annotations

import math
from enum import IntEnum

import msgspec

from strategies.domain.market import DailyBar
from strategies.signals.indicators import realised_vol_of

SESSIONS_PER_YEAR = 252


class Tier(IntEnum):
    """Stress level by VIX or front future: how much and how urgently, not where on the curve."""

    CALM = 0
    WATCH = 1
    STRESS = 2
    CRISIS = 3


class TierParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Levels in VIX points at which a tier begins (R10), and the one-day jump that means crisis (T-TIER-4)."""

    watch_from_points: float = 17.0
    stress_from_points: float = 24.0
    crisis_from_points: float = 30.0
    crisis_jump_points: float = 8.0

    def __post_init__(self) -> None:
        if not 0.0 < self.watch_from_points < self.stress_from_points < self.crisis_from_points < math.inf:
            raise ValueError(
                f"tiers: the levels must rise: watch {self.watch_from_points:g} < stress {self.stress_from_points:g} "
                f"< crisis {self.crisis_from_points:g}"
            )
        if not 0.0 < self.crisis_jump_points < math.inf:
            raise ValueError(f"tiers: crisis_jump_points is {self.crisis_jump_points:g}; it must be above zero")


def realised_vol_points(bars: tuple[DailyBar, ...], sessions: int = 20) -> float | None:
    """Annualised standard deviation of the last close-to-close log returns, in volatility points (16.0 = 16 %).

    About a mean of zero, so that a steady trend counts as movement. None with fewer than sessions + 1 usable closes.
    """
    closes = [bar.close for bar in bars[-(sessions + 1) :]]
    if len(closes) < sessions + 1 or min(closes) <= 0.0:
        return None
    return realised_vol_of(closes, SESSIONS_PER_YEAR)


def rank_pct(
    bars: tuple[DailyBar, ...], level_points: float, window: int = SESSIONS_PER_YEAR, fewest: int = 120
) -> float | None:
    """Where a level lies between the lowest (0) and highest (100) close of the window; None with too few bars.

    A level outside the window's range extends it, so the answer is always within 0..100.
    """
    closes = [bar.close for bar in bars[-window:]]
    if len(closes) < fewest:
        return None
    low, high = min(*closes, level_points), max(*closes, level_points)
    return None if high <= low else 100.0 * (level_points - low) / (high - low)


def tier_by_level(
    vix_points: float, front_points: float | None, previous_vix_points: float | None, params: TierParams
) -> Tier:
    """T-TIER-1 and T-TIER-4 without memory: the higher of VIX and front future decides."""
    level = vix_points if front_points is None else max(vix_points, front_points)
    jump = 0.0 if previous_vix_points is None else vix_points - previous_vix_points
    if level >= params.crisis_from_points or jump >= params.crisis_jump_points:
        return Tier.CRISIS
    if level >= params.stress_from_points:
        return Tier.STRESS
    return Tier.WATCH if level >= params.watch_from_points else Tier.CALM
