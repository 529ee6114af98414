"""What the signals say, as decisions: regime, tier, evidence and each diagnostic with its numbers and thresholds.

Nothing here acts. Regime, tier and jumps are told with every look of the signals, the diagnostics of daily series each
time they are made anew; the engine records what changed, and everything once in a while. Numbers stay out of the
texts, which make a decision new.
"""

from __future__ import annotations

from strategies.condor.context import Agenda
from strategies.domain.decision import DecisionVerdict, Scalar
from strategies.signals.live import Feed
from strategies.signals.readings import Reading, Source, Verdict
from strategies.signals.signals import Outlook, Signals
from strategies.signals.tiers import tier_levels

HOLD = DecisionVerdict.HOLD
MARKET = "market"
TOLD_ELSEWHERE = ("T-REG-1", "T-REG-4", "D-SCORE-2")
"""Readings that have a decision of their own, with more numbers."""

_SAYS = {Verdict.TRUE: "holds", Verdict.FALSE: "does not hold", Verdict.UNKNOWN: "unknown"}


def tell_outlook(agenda: Agenda, feed: Feed) -> None:
    """The signals' decisions, if they looked at this very moment during a session."""
    signals = feed.signals
    outlook = None if signals is None else signals.outlook
    if signals is None or outlook is None or outlook.at != agenda.ctx.now or agenda.ctx.session is None:
        return
    _regime(agenda, signals, outlook)
    _tier(agenda, signals, outlook)
    _evidence(agenda, outlook)
    made_anew = signals.diagnosed_at == outlook.at
    for reading in outlook.readings:
        fresh = made_anew or reading.rule == "D-NOISE-1"
        if fresh and reading.rule not in TOLD_ELSEWHERE and not reading.rule.startswith("M-"):
            _reading(agenda, reading)


def _regime(agenda: Agenda, signals: Signals, outlook: Outlook) -> None:
    term, curve, params = outlook.term, outlook.curve, agenda.ctx.params.curve
    futures: dict[str, Scalar] = {
        "f1_points": _round(term.f1_points),
        "f2_points": _round(term.f2_points),
        "f3_points": _round(term.f3_points),
    }
    text = f"the curve is {outlook.regime.value}, officially {signals.regime.official.value}"
    agenda.note(
        "T-REG-1",
        MARKET,
        HOLD,
        text,
        inputs={
            "reason": curve.reason or "read",
            "slope_pct_month": _round(curve.slope_pct_month),
            "front_minus_second_points": _round(curve.front_minus_second_points),
            **futures,
            "samples": signals.regime.count,
        },
        thresholds={
            "contango_from_pct_month": params.contango_from_pct_month,
            "backwardation_below_pct_month": params.backwardation_below_pct_month,
            "deep_above_points": params.deep_above_points,
        },
    )
    agenda.note(
        "T-REG-2",
        MARKET,
        HOLD,
        f"spot confirms an inversion: {_SAYS[term.confirmed]}",
        inputs={
            "slope_spot2_points_per_day": _round(term.slope_spot2_points_per_day),
            "vix_over_vix3m": _round(term.vix_over_vix3m),
        },
        thresholds={"slope_spot2_below": 0.0, "vix_over_vix3m_above": 1.0},
    )
    known = term.roll_irr is not None
    agenda.note(
        "T-CARRY-2",
        MARKET,
        HOLD,
        "the curve's return is measured" if known else "the curve's return is unknown",
        inputs={"roll_irr": _round(term.roll_irr), "curvature_points": _round(term.curvature_points), **futures},
    )


def _tier(agenda: Agenda, signals: Signals, outlook: Outlook) -> None:
    """T-TIER-1 and T-TIER-4: where the tier stands, why, and what the level is against."""
    state, params = signals.tier, agenda.ctx.params.tiers
    levels = tier_levels(signals.daily.line("VIX").window.values, params)
    vix, front = agenda.ctx.vix_points, outlook.curve.front_points
    known = [points for points in (vix, front) if points is not None]
    level = max(known) if known else None
    agenda.note(
        "T-TIER-1",
        MARKET,
        HOLD,
        f"the tier is {state.phase.value}",
        inputs={
            "reason": state.reason or "none yet",
            "level_points": _round(level),
            "vix_points": _round(vix),
            "front_points": _round(front),
            "points_of_evidence": outlook.evidence.points,
            "tier": int(outlook.tier),
        },
        thresholds={
            "early_from_points": levels.early,
            "watch_from_points": levels.watch,
            "stress_from_points": levels.stress,
            "evidence_min": params.evidence_min,
        },
    )
    agenda.note(
        "T-TIER-4",
        MARKET,
        HOLD,
        "the level of a crisis" if state.crisis_since is not None else "no crisis",
        inputs={"level_points": _round(level), "vix_change_points": _round(outlook.measures.vix_change_points)},
        thresholds={"crisis_from_points": levels.crisis, "crisis_jump_points": params.crisis_jump_points},
    )


def _evidence(agenda: Agenda, outlook: Outlook) -> None:
    evidence = outlook.evidence
    families = ", ".join(family.value for family in evidence.families)
    agenda.note(
        "D-SCORE-1",
        MARKET,
        HOLD,
        f"evidence: {families}" if families else "no evidence",
        inputs={
            "points": evidence.points,
            "unknown": ", ".join(family.value for family in evidence.unknown),
            "proxy": ", ".join(family.value for family in evidence.proxy),
        },
        thresholds={"evidence_min": agenda.ctx.params.tiers.evidence_min},
    )


def _reading(agenda: Agenda, reading: Reading) -> None:
    """A diagnostic as it is; its age is that of the newest session in it, or of the running values."""
    values: dict[str, Scalar] = {name: _round(value) for name, value in reading.values.items()}
    values["as_of"] = None if reading.as_of is None else reading.as_of.isoformat()
    if reading.live_at is not None:
        values["live_age_s"] = round((agenda.ctx.now - reading.live_at).total_seconds(), 1)
    if reading.source is Source.PROXY:
        values["source"] = Source.PROXY.value
    thresholds: dict[str, Scalar] = dict(reading.thresholds)
    if reading.reason:
        values["reason"] = reading.reason
    agenda.note(reading.rule, reading.subject, HOLD, _SAYS[reading.verdict], inputs=values, thresholds=thresholds)


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
