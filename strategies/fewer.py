"""A-VEGA-2, its last resort: where the band outranks the budgets and both cannot hold, the condors become fewer.

Rules
- Asked only while the band comes first (flat, inverted, or tier 2 and up) by the regime in force and by the curve as it
  stands now, net vega has lain below its floor for the dwell time, by more than the hysteresis, and the hedge's last
  look found no room in a budget.
- The condor that frees the most weighted vega for what closing it loses leaves, whole, by the ordinary patient exit.
- One at a time, and a pause after each. When net vega is back at its floor before it is closed, it stays. None is sold
  in its place this session (K-SIZE-3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from strategies.condor.context import Agenda
from strategies.condor.filters import FEWER
from strategies.condor.forecast import legs_of
from strategies.condor.hedgeword import HedgeWord
from strategies.condor.machine import Condor, CondorState
from strategies.condor.resale import weighted_usd
from strategies.condor.standing import Standing
from strategies.condor.structure import MULTIPLIER
from strategies.domain.decision import DecisionVerdict, Scalar

HOLD, ACT, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.ACT, DecisionVerdict.DECLINE
CONDORS = "condors"


class Leaving(NamedTuple):
    """What closing one condor frees, dollars per VIX point, and what it loses, dollars, at the natural price."""

    condor: Condor
    freed_usd: float
    loss_usd: float

    @property
    def order(self) -> tuple[float, str]:
        """Most freed per dollar lost first."""
        return (-self.freed_usd / self.loss_usd, self.condor.id)


def reduce(agenda: Agenda, held: Sequence[Condor], stands: dict[str, Standing], said: HedgeWord) -> None:
    """Names the condor that leaves, keeps one that need not any more, or says why neither."""
    ctx, params = agenda.ctx, agenda.ctx.params.book
    named = [c for c in held if agenda.watch(c.id).leave_rule == FEWER]
    if not said.enabled or said.net_n is None or said.low_n is None:
        return
    inputs: dict[str, Scalar] = {"net_vega_n": round(said.net_n, 4), "no_room": said.no_room,
                                 "band_first": said.band_first}  # fmt: skip
    limits: dict[str, Scalar] = {"low_n": said.low_n, "margin_n": said.margin_n, "dwell_min": said.dwell_min,
                                 "rest_min": params.fewer_rest_min}  # fmt: skip
    if named and (said.net_n >= said.low_n or not said.band_first):
        for condor in named:
            agenda.remember(condor.id, leave_rule="")
        agenda.note(FEWER, CONDORS, HOLD, "net vega is back at its floor: no condor has to leave", inputs=inputs,
                    thresholds=limits)  # fmt: skip
        return
    lasts = said.short_since is not None and (ctx.now - said.short_since).total_seconds() >= 60.0 * said.dwell_min
    if not (said.band_first and said.no_room and lasts and said.net_n < said.low_n - said.margin_n) or named:
        text = "a condor is leaving" if named else "no condor has to leave for the hedge's sake"
        agenda.note(FEWER, CONDORS, HOLD, text, inputs=inputs, thresholds=limits)
        return
    wait = _wait(agenda, held, params.fewer_rest_min)
    if wait:
        agenda.note(FEWER, CONDORS, HOLD, f"band and budget cannot both hold: {wait}", inputs=inputs, thresholds=limits)
        return
    options = [_leaving(c, stands[c.id], agenda) for c in held]
    known = sorted((o for o in options if o is not None and o.freed_usd > 0.0), key=lambda o: o.order)
    if len(known) < len(held):
        agenda.note(FEWER, CONDORS, HOLD, "band and budget cannot both hold: a condor cannot be valued", inputs=inputs,
                    thresholds=limits)  # fmt: skip
        return
    best = known[0]
    inputs |= {"condor": best.condor.id, "freed_usd_per_vix_point": round(best.freed_usd, 2),
               "loss_usd": round(best.loss_usd, 2)}  # fmt: skip
    agenda.remember(best.condor.id, leave_rule=FEWER)
    agenda.note(FEWER, CONDORS, HOLD, "band and budget cannot both hold: a condor leaves", inputs=inputs,
                thresholds=limits)  # fmt: skip


def _wait(agenda: Agenda, held: Sequence[Condor], rest_min: float) -> str:
    """Why no further condor may be named now; empty when one may."""
    ctx = agenda.ctx
    if any(c.state is not CondorState.OPEN for c in held):
        return "another condor is being traded"
    left = [c.closed_at for c in ctx.condors.values() if c.exit_rule == FEWER and c.closed_at is not None]
    if left and (ctx.now - max(left)).total_seconds() < 60.0 * rest_min:
        return "one has left a short while ago"
    return ""


def _leaving(condor: Condor, stand: Standing, agenda: Agenda) -> Leaving | None:
    """What its closing brings and costs; None while a leg has no mark or no price. What closing concedes is the least
    loss: a condor in profit is not closed for nothing."""
    if stand.close is None or stand.profit_points is None:
        return None
    freed = 0.0
    for lot in condor.held:
        legs = legs_of(lot.legs, lot.units, agenda)
        if legs is None:
            return None
        freed -= weighted_usd(legs, stand.dte_days)
    concession = max(0.05, stand.close.natural_points - stand.close.mid_points)
    loss = max(concession, concession - stand.profit_points)
    return Leaving(condor, freed, loss * condor.quantity * MULTIPLIER)
