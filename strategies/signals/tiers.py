"""Where the stress tiers begin: fixed levels of VIX, or percentiles of its year (R10, T-TIER-1, T-TIER-4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum, StrEnum

import msgspec

from strategies.signals.term_structure import PRICE_NOISE_POINTS


class Tier(IntEnum):
    """Stress level by VIX or front future: how much and how urgently, not where on the curve."""

    CALM = 0
    WATCH = 1
    STRESS = 2
    CRISIS = 3


class Zones(StrEnum):
    """Where tiers begin: at fixed levels, or at percentiles of the past year's VIX within a range of those levels."""

    ABSOLUTE = "absolute"
    PERCENTILE = "percentile"


class TierParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Levels in VIX points at which a tier begins (R10) and what else a change asks for; units in the names."""

    watch_from_points: float = 17.0
    high_from_points: float = 22.0
    stress_from_points: float = 24.0
    crisis_from_points: float = 30.0
    crisis_jump_points: float = 8.0
    early_from_points: float = 15.0
    exit_below_points: float = 1.0
    exit_closes: int = 2
    persist_min: float = 30.0
    crisis_persist_min: float = 5.0
    evidence_min: int = 2
    delay_below_points: float = 24.0
    delay_sessions: int = 2
    sample_gap_max_s: float = 900.0
    zones: Zones = Zones.ABSOLUTE
    watch_percentile: float = 35.0
    stress_percentile: float = 70.0
    crisis_percentile: float = 87.0
    zone_low_share: float = 0.8
    zone_high_share: float = 1.5

    def __post_init__(self) -> None:
        if not (
            0.0 < self.early_from_points <= self.watch_from_points < self.high_from_points
            <= self.stress_from_points < self.crisis_from_points < math.inf
        ):  # fmt: skip
            raise ValueError(
                f"tiers: the levels must rise: early {self.early_from_points:g} <= watch {self.watch_from_points:g} < "
                f"high {self.high_from_points:g} <= stress {self.stress_from_points:g} < crisis "
                f"{self.crisis_from_points:g}"
            )
        for name in ("crisis_jump_points", "persist_min", "crisis_persist_min", "sample_gap_max_s", "zone_low_share"):
            if not (math.isfinite(value := float(getattr(self, name))) and value > 0.0):
                raise ValueError(f"tiers: {name} is {value:g}; it must be a number above zero")
        if not 0.0 <= self.exit_below_points < self.early_from_points or self.exit_closes < 1:
            raise ValueError(
                f"tiers: exit_below_points ({self.exit_below_points:g}) must lie between 0 and early_from_points, and "
                f"exit_closes ({self.exit_closes}) be 1 or more"
            )
        if self.evidence_min < 1 or self.delay_sessions < 0 or not 0.0 <= self.delay_below_points < math.inf:
            raise ValueError(
                f"tiers: evidence_min ({self.evidence_min}) must be 1 or more, delay_sessions ({self.delay_sessions}) "
                f"and delay_below_points ({self.delay_below_points:g}) zero or more"
            )
        if not 0.0 < self.watch_percentile < self.stress_percentile < self.crisis_percentile < 100.0:
            raise ValueError("tiers: the percentiles must rise between 0 and 100: watch < stress < crisis")
        if not self.zone_low_share <= 1.0 <= self.zone_high_share < math.inf:
            raise ValueError("tiers: zone_low_share must not exceed 1 and zone_high_share not lie below it")


class TierLevels(msgspec.Struct, frozen=True):
    """Where the tiers begin for now, in VIX points."""

    early: float
    watch: float
    high: float
    stress: float
    crisis: float


def tier_levels(vix_closes: Sequence[float], params: TierParams, fewest: int = 252) -> TierLevels:
    """The levels for a session, from the closes before it; the fixed ones when zones are fixed or closes too few."""
    p = params
    if p.zones is Zones.ABSOLUTE or len(vix_closes) < fewest:
        return TierLevels(
            p.early_from_points, p.watch_from_points, p.high_from_points, p.stress_from_points, p.crisis_from_points
        )
    ordered = sorted(vix_closes)

    def bounded(percentile: float, fixed: float) -> float:
        place = percentile / 100.0 * (len(ordered) - 1)
        below = ordered[math.floor(place)]
        value = below + (ordered[math.ceil(place)] - below) * (place - math.floor(place))
        return min(max(value, p.zone_low_share * fixed), p.zone_high_share * fixed)

    watch = bounded(p.watch_percentile, p.watch_from_points)
    # Tiers keep at least half their usual distance, or a quiet year would put them all within one tick.
    stress = max(
        bounded(p.stress_percentile, p.stress_from_points), watch + 0.5 * (p.stress_from_points - p.watch_from_points)
    )
    crisis = max(
        bounded(p.crisis_percentile, p.crisis_from_points), stress + 0.5 * (p.crisis_from_points - p.stress_from_points)
    )
    share = (p.high_from_points - p.watch_from_points) / (p.stress_from_points - p.watch_from_points)
    early = watch * p.early_from_points / p.watch_from_points
    return TierLevels(early, watch, watch + share * (stress - watch), stress, crisis)


def tier_by_level(
    vix_points: float, front_points: float | None, previous_vix_points: float | None, params: TierParams
) -> Tier:
    """The tier a level alone says, without memory, evidence or persistence: what entries must respect at once."""
    level = vix_points if front_points is None else max(vix_points, front_points)
    jump = 0.0 if previous_vix_points is None else vix_points - previous_vix_points
    if reached(level, params.crisis_from_points) or reached(jump, params.crisis_jump_points):
        return Tier.CRISIS
    if reached(level, params.stress_from_points):
        return Tier.STRESS
    return Tier.WATCH if reached(level, params.watch_from_points) else Tier.CALM


def reached(points: float, threshold_points: float) -> bool:
    """Whether a level is at or above a threshold, the rounding of prices forgiven."""
    return points >= threshold_points - PRICE_NOISE_POINTS
