"""The stress tier: how much and how urgently to protect, from VIX and the front future (T-TIER-1 to T-TIER-4).

Rules
- The level is the higher of VIX and F1. Tier 1 begins at 17, 2 at 24, 3 at 30 (R10), or at percentiles of VIX.
- Tier 1 needs the level for 30 minutes and two families of evidence, one from 22 on. With less evidence, or while the
  market has a strong bid (T-TIER-3), or for up to two sessions of benign macro data below 24 (M-MAC-4), it only arms.
- Early (T-TIER-2): from 15 on with the early signal, tier 1 at once. Tier 2 needs the level for 30 minutes; tier 3, or
  a rise of 8 points since the last close, 5 minutes and nothing else.
- A jump that D-NOISE-1 calls transitory engages nothing but tier 3, and minutes since it began do not count. Minutes
  count only while samples keep coming.
- Down only with two closes more than a point below the tier's beginning, to the tier that holds at both of them.
- Unknown engages nothing early, permits no waiting, and no step down: a level is known down only with both its parts.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import msgspec

from strategies.domain.transitions import Row, Table
from strategies.signals.readings import Verdict
from strategies.signals.tiers import Tier, TierLevels, TierParams, reached


class TierPhase(StrEnum):
    """State of the machine; ARMED is tier 0 with everything ready (T0.5)."""

    CALM = "calm"
    ARMED = "armed"
    WATCH = "watch"
    STRESS = "stress"
    CRISIS = "crisis"

    @property
    def tier(self) -> Tier:
        """The tier it stands for."""
        return _TIER[self]

    @property
    def height(self) -> int:
        """Its place in the order of stress, 0 to 4."""
        return _HEIGHT[self]


_TIER = {TierPhase.CALM: Tier.CALM, TierPhase.ARMED: Tier.CALM, TierPhase.WATCH: Tier.WATCH,
         TierPhase.STRESS: Tier.STRESS, TierPhase.CRISIS: Tier.CRISIS}  # fmt: skip
_HEIGHT = {phase: height for height, phase in enumerate(TierPhase)}


class TierTrigger(StrEnum):
    """What can move the tier."""

    ARM = "arm"
    ENGAGE = "engage"
    RAISE = "raise"
    ALARM = "alarm"
    EASE_TO_STRESS = "ease_to_stress"
    EASE_TO_WATCH = "ease_to_watch"
    STAND_DOWN = "stand_down"


_CALM, _ARMED, _WATCH, _STRESS, _CRISIS = TierPhase
_UP = "the level of tier 2 has lasted"
_TOP = "the level of tier 3, or a jump, has lasted (T-TIER-4)"
_DOWN = "two closes below"

TIER_TABLE: Table[TierPhase, TierTrigger] = Table(
    "tier",
    [
        Row(_CALM, TierTrigger.ARM, _ARMED, "the level of tier 1 has lasted, but evidence or permission is missing"),
        Row(_CALM, TierTrigger.ENGAGE, _WATCH, "tier 1 with evidence (T-TIER-1) or early (T-TIER-2)"),
        Row(_CALM, TierTrigger.RAISE, _STRESS, _UP),
        Row(_CALM, TierTrigger.ALARM, _CRISIS, _TOP),
        Row(_ARMED, TierTrigger.ENGAGE, _WATCH, "the evidence has come, or the reason to wait is gone"),
        Row(_ARMED, TierTrigger.RAISE, _STRESS, _UP),
        Row(_ARMED, TierTrigger.ALARM, _CRISIS, _TOP),
        Row(_ARMED, TierTrigger.STAND_DOWN, _CALM, _DOWN),
        Row(_WATCH, TierTrigger.RAISE, _STRESS, _UP),
        Row(_WATCH, TierTrigger.ALARM, _CRISIS, _TOP),
        Row(_WATCH, TierTrigger.STAND_DOWN, _CALM, _DOWN),
        Row(_STRESS, TierTrigger.ALARM, _CRISIS, _TOP),
        Row(_STRESS, TierTrigger.EASE_TO_WATCH, _WATCH, _DOWN),
        Row(_STRESS, TierTrigger.STAND_DOWN, _CALM, _DOWN),
        Row(_CRISIS, TierTrigger.EASE_TO_STRESS, _STRESS, _DOWN),
        Row(_CRISIS, TierTrigger.EASE_TO_WATCH, _WATCH, _DOWN),
        Row(_CRISIS, TierTrigger.STAND_DOWN, _CALM, _DOWN),
    ],
    ours=TierTrigger,
    terminal=(),
)

TIER_IMPOSSIBLE: dict[tuple[TierPhase, TierTrigger], str] = {
    **{(phase, TierTrigger.ARM): "already armed or higher" for phase in (_ARMED, _WATCH, _STRESS, _CRISIS)},
    **{(phase, TierTrigger.ENGAGE): "already tier 1 or higher" for phase in (_WATCH, _STRESS, _CRISIS)},
    **{(phase, TierTrigger.RAISE): "already tier 2 or higher" for phase in (_STRESS, _CRISIS)},
    (_CRISIS, TierTrigger.ALARM): "already tier 3",
    **{(phase, TierTrigger.EASE_TO_STRESS): "not above tier 2" for phase in (_CALM, _ARMED, _WATCH, _STRESS)},
    **{(phase, TierTrigger.EASE_TO_WATCH): "not above tier 1" for phase in (_CALM, _ARMED, _WATCH)},
    (_CALM, TierTrigger.STAND_DOWN): "nothing to stand down from",
}
"""Every pair of state and trigger that is no row, with the reason why it cannot come about."""

_EASE = {_STRESS: TierTrigger.EASE_TO_STRESS, _WATCH: TierTrigger.EASE_TO_WATCH, _CALM: TierTrigger.STAND_DOWN}


class TierInputs(msgspec.Struct, frozen=True, kw_only=True):
    """One look. Levels in points, None when not known; `vix_change_points` is since the last close.

    `evidence` counts families (D-SCORE-1), `early` is T-TIER-2's signal without its level, `strong_bid` T-TIER-3's,
    `settled` D-NOISE-1's word on the last jump and `jumped_at` when that began, `benign` M-MAC-4 (the neutral default
    relaxes nothing). `at_close`: within the minutes that count as the close.
    """

    at: datetime
    day: date
    vix_points: float | None
    front_points: float | None = None
    vix_change_points: float | None = None
    evidence: int = 0
    early: Verdict = Verdict.UNKNOWN
    strong_bid: Verdict = Verdict.UNKNOWN
    settled: Verdict = Verdict.TRUE
    jumped_at: datetime | None = None
    benign: bool = False
    at_close: bool = False

    @property
    def level_points(self) -> float | None:
        """The higher of what is known of VIX and F1."""
        known = [points for points in (self.vix_points, self.front_points) if points is not None]
        return max(known) if known else None


class TierState(msgspec.Struct, frozen=True):
    """The tier and what is on its way to change it; `reason` says in words why it stands where it stands."""

    phase: TierPhase = TierPhase.CALM
    reason: str = ""
    seen_at: datetime | None = None
    watch_since: datetime | None = None
    stress_since: datetime | None = None
    crisis_since: datetime | None = None
    closed_on: date | None = None
    closes_below: int = 0
    ease_to: TierPhase | None = None
    delayed: tuple[date, ...] = ()


def first_state(vix_points: float, front_points: float | None, levels: TierLevels) -> TierState:
    """Where a machine without memory begins, from the last close: tier 2 and 3 by level, tier 1 only armed, since
    nothing is known of evidence."""
    level = vix_points if front_points is None else max(vix_points, front_points)
    for phase, begins in ((_CRISIS, levels.crisis), (_STRESS, levels.stress), (_ARMED, levels.watch)):
        if reached(level, begins):
            return TierState(phase, "begun from the last close")
    return TierState()


def advance_tier(state: TierState, seen: TierInputs, levels: TierLevels, params: TierParams) -> TierState:
    """The state after one look. Raises ValueError for a look older than the last, and for a level that is no number."""
    if state.seen_at is not None and seen.at < state.seen_at:
        raise ValueError(f"tier: a look at {seen.at} cannot follow one at {state.seen_at}")
    for name in ("vix_points", "front_points", "vix_change_points"):
        value: float | None = getattr(seen, name)
        if value is not None and not math.isfinite(value):
            raise ValueError(f"tier: {name} is {value!r}, which is no number; leave out what is not known")
    state = _timed(state, seen, levels, params)
    move = _rising(state, seen, levels, params)
    if move.trigger is not None:
        phase = TIER_TABLE.move(state.phase, move.trigger)
        return msgspec.structs.replace(
            state, phase=phase, reason=move.reason, closes_below=0, ease_to=None, delayed=move.delayed
        )
    if move.reason:
        state = msgspec.structs.replace(state, reason=move.reason, delayed=move.delayed)
    return _closing(state, seen, levels, params) if seen.at_close else state


def effective_tier(phase: TierPhase, compounding: Verdict) -> Tier:
    """T-REG-4: one tier higher while backwardation, falling breadth and rising inflation compound."""
    return Tier(min(Tier.CRISIS, phase.tier + 1)) if compounding.holds else phase.tier


def _timed(state: TierState, seen: TierInputs, levels: TierLevels, params: TierParams) -> TierState:
    """Since when each level holds. A gap between samples, and a level below, start again; unknown waits for the gap."""
    level, at = seen.level_points, seen.at
    if level is None:
        return state
    if state.seen_at is not None and at - state.seen_at > timedelta(seconds=params.sample_gap_max_s):
        state = msgspec.structs.replace(state, watch_since=None, stress_since=None, crisis_since=None)
    watch, stress = _believed(state.watch_since, seen), _believed(state.stress_since, seen)
    crisis = reached(level, levels.crisis) or _jumped(seen, params)
    return msgspec.structs.replace(
        state,
        seen_at=at,
        watch_since=(watch or at) if reached(level, levels.watch) else None,
        stress_since=(stress or at) if reached(level, levels.stress) else None,
        crisis_since=(state.crisis_since or at) if crisis else None,
    )


def _believed(since: datetime | None, seen: TierInputs) -> datetime | None:
    """The moment a level was reached, unless a jump reached it that is now called transitory."""
    if since is None or seen.jumped_at is None or seen.settled is not Verdict.FALSE:
        return since
    return since if since < seen.jumped_at else None


def _jumped(seen: TierInputs, params: TierParams) -> bool:
    return seen.vix_change_points is not None and reached(seen.vix_change_points, params.crisis_jump_points)


class _Move(NamedTuple):
    """What a look leads to: a trigger or none, why, and the sessions the delay of M-MAC-4 has used."""

    trigger: TierTrigger | None
    reason: str
    delayed: tuple[date, ...] = ()


def _rising(state: TierState, seen: TierInputs, levels: TierLevels, params: TierParams) -> _Move:
    """The way up, highest first; without a trigger, a reason says why an armed tier waits."""

    def lasted(since: datetime | None, minutes: float) -> bool:
        return since is not None and seen.at - since >= timedelta(minutes=minutes)

    height, counts = state.phase.height, seen.settled is not Verdict.FALSE
    if height < _CRISIS.height and lasted(state.crisis_since, params.crisis_persist_min):
        return _Move(TierTrigger.ALARM, _TOP)
    if height < _STRESS.height and counts and lasted(state.stress_since, params.persist_min):
        return _Move(TierTrigger.RAISE, _UP)
    if height >= _WATCH.height:
        return _Move(None, "")
    level = seen.level_points
    if level is not None and reached(level, levels.early) and seen.early.holds and seen.settled.holds:
        return _engaging(state, seen, params, "early: VIX momentum and breadth diverge (T-TIER-2)")
    if level is None or not counts or not lasted(state.watch_since, params.persist_min):
        return _Move(None, "")
    needed = params.evidence_min - (1 if reached(level, levels.high) else 0)
    if seen.evidence < needed:
        return _waiting(state, f"{seen.evidence} of {needed} families of evidence")
    if seen.strong_bid.holds:
        return _waiting(state, "the market has a strong bid (T-TIER-3)")
    return _engaging(state, seen, params, f"{seen.evidence} families of evidence, {needed} needed (T-TIER-1)")


def _waiting(state: TierState, reason: str) -> _Move:
    """Arms, or stays armed."""
    return _Move(TierTrigger.ARM if state.phase is _CALM else None, reason, state.delayed)


def _engaging(state: TierState, seen: TierInputs, params: TierParams, reason: str) -> _Move:
    """Tier 1, unless benign macro data may hold it back for one more session."""
    level = seen.level_points
    low = level is not None and not reached(level, params.delay_below_points)
    used = state.delayed if seen.day in state.delayed else (*state.delayed, seen.day)
    if seen.benign and low and len(used) <= params.delay_sessions:
        return _waiting(msgspec.structs.replace(state, delayed=used), "macro data are benign (M-MAC-4)")
    return _Move(TierTrigger.ENGAGE, reason)


def _closing(state: TierState, seen: TierInputs, levels: TierLevels, params: TierParams) -> TierState:
    """One close a session counts, the first that is known in both its parts; enough of them below ease the tier."""
    if state.phase is _CALM or state.closed_on == seen.day or seen.vix_points is None or seen.front_points is None:
        return state
    holds = _held(state.phase, max(seen.vix_points, seen.front_points), seen, levels, params)
    if holds is state.phase:
        return msgspec.structs.replace(state, closed_on=seen.day, closes_below=0, ease_to=None)
    target = holds if state.ease_to is None else max(holds, state.ease_to, key=lambda phase: phase.height)
    closes = state.closes_below + 1
    if closes < params.exit_closes:
        return msgspec.structs.replace(state, closed_on=seen.day, closes_below=closes, ease_to=target)
    phase = TIER_TABLE.move(state.phase, _EASE[target])
    reason = f"{closes} closes below {state.phase.value}"
    return msgspec.structs.replace(
        state, phase=phase, reason=reason, closed_on=seen.day, closes_below=0, ease_to=None, delayed=()
    )


def _held(phase: TierPhase, level: float, seen: TierInputs, levels: TierLevels, params: TierParams) -> TierPhase:
    """The highest phase, not above this one, that a close at this level still holds."""
    if phase is _ARMED:
        return _ARMED if reached(level, levels.watch - params.exit_below_points) else _CALM
    if phase is _CRISIS and (_jumped(seen, params) or reached(level, levels.crisis - params.exit_below_points)):
        return _CRISIS
    if phase.height >= _STRESS.height and reached(level, levels.stress - params.exit_below_points):
        return _STRESS
    early = seen.early is not Verdict.FALSE and reached(level, levels.early - params.exit_below_points)
    return _WATCH if early or reached(level, levels.watch - params.exit_below_points) else _CALM
