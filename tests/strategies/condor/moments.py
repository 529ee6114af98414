"""A moment of the bench with the hedge's word and the signals that a test wants, and one condor's standing in it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from strategies.condor.context import Agenda, Context
from strategies.condor.hedgeword import HedgeWord
from strategies.condor.machine import Condor
from strategies.condor.marks import mark_legs
from strategies.condor.standing import Standing, standing
from strategies.desk import _context
from strategies.signals.curve import CurveReading, Regime
from strategies.signals.evidence import Evidence
from strategies.signals.macro import MacroWord
from strategies.signals.measures import Measures
from strategies.signals.readings import Reading, Verdict
from strategies.signals.signals import Outlook
from strategies.signals.term_structure import TermStructure
from strategies.signals.tiers import Tier
from tests.strategies.conftest import DeskBench


def says(*rules: str) -> tuple[Reading, ...]:
    """Diagnostics that hold."""
    return tuple(Reading(rule, "test", Verdict.TRUE) for rule in rules)


def word(ctx_now, **changes) -> HedgeWord:
    """A hedge inside its band that spoke just now."""
    usual = {
        "at": ctx_now, "enabled": True, "unknown": "", "net_n": -0.15, "low_n": -0.20, "high_n": 0.25,
        "net_usd": -150.0, "hedges_usd": 100.0, "carry_usd": -10.0, "active": True, "contracts": 10,
        "carry_usd_per_day_per_usd": -0.05, "half_spread_usd_per_usd": 0.02,
    }  # fmt: skip
    return HedgeWord(**{**usual, **changes})


@dataclass
class Moment:
    """The context, the agenda and the only condor of a bench."""

    ctx: Context
    agenda: Agenda
    condor: Condor
    stand: Standing

    def said(self, rule: str):
        """The last verdict of a rule."""
        found = [d for d in self.agenda.decisions if d.rule == rule]
        return found[-1] if found else None


def moment(
    bench: DeskBench,
    readings: tuple[Reading, ...] = (),
    *,
    tier: Tier = Tier.CALM,
    measures: Measures | None = None,
    macro: MacroWord | None = None,
    hedge: HedgeWord | None = None,
    **of_word,
) -> Moment:
    """Now, as the desk would see it, with these signals and this word of the hedge."""
    view = bench.view()
    ctx, _ = _context(view, view.desk_state.reference, view.desk_state.feed)
    outlook = Outlook(
        bench.now, CurveReading(Regime.CONTANGO), Regime.CONTANGO, TermStructure(), measures or Measures(), readings,
        Evidence(()), Verdict.UNKNOWN, tier,
    )  # fmt: skip
    said = hedge if hedge is not None else word(ctx.now, **of_word)
    ctx = msgspec.structs.replace(ctx, outlook=outlook, macro=macro or MacroWord(), hedge=said)
    agenda = Agenda(ctx, dict(bench.state.walks), dict(bench.state.watches), dict(bench.state.counts))
    condor = next(c for c in bench.condors.values() if c.active)
    greeks = mark_legs(agenda, [condor])
    return Moment(ctx, agenda, condor, standing(condor, ctx, greeks))
