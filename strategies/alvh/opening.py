"""Buying protection up to what is wanted, slot by slot, inside premium, risk and carry budgets (A-SIZE, A-BUD, A-ENG).

Rules
- Each layer buys the contracts its slots lack, at most one order a slot; a lack below three fifths of a contract waits.
- In calm (the budget comes first) the premium of L1 and L2 stays within its share of the condors' worst loss, and the
  hedge's carry within half of the condors' theta; elsewhere the band comes first. The risk of a layer never exceeds
  its share of net liquidation, nor a year of the whole hedge's carry its own (A-BUD-2), nor thirty days' net spending
  its own (C08-30D).
- Short calls' layer is opened outright only below VIX 25. The second engine fires on a quiet bleed, on stress with
  evidence, or always where the profile says so; what it buys depends on why it fires. In a low VIX it spends what
  harvests have put aside (A-BUD-3).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from strategies.alvh import reserve, spending
from strategies.alvh.context import HEDGE, HedgeAgenda, HedgeContext, Inputs, Step
from strategies.alvh.exposure import Line
from strategies.alvh.instruments import FUTURE_RISK, Candidate, find
from strategies.alvh.lattice import HedgeAction, Held, SlotState
from strategies.alvh.machine import SlotTrigger, moved
from strategies.alvh.orders import under_way_usd, units_left
from strategies.alvh.params import HedgeKind
from strategies.alvh.targets import Target, largest_remainder
from strategies.domain.decision import DecisionVerdict
from strategies.domain.hedge import SLOTS_OF, Layer, layer_of
from strategies.domain.instruments import Future
from strategies.signals.tiers import Tier

HOLD, ACT, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.ACT, DecisionVerdict.DECLINE
DAYS_PER_YEAR = 365.0
LEAST_LACK = 0.6
"""Share of a contract that must be missing before one is bought: keeps a slot from trading back and forth."""
LEAST_SHARE = 0.05
"""The same as a share of what a layer is to hold, for contracts so small that each wavelet of the market misses one."""


# the second engine -----------------------------------------------------------------------------------
def second_engine(agenda: HedgeAgenda) -> None:
    """A-ENG-1 to 3: whether the deep slots are awake, and in what they are bought."""
    ctx, params = agenda.ctx, agenda.ctx.params
    measures = ctx.outlook.measures
    rsi, five, spot, mean = (
        measures.rsi_vix,
        measures.spx_return_5_pct,
        ctx.valuer.spot_points,
        measures.spx_mean_20_points,
    )
    inputs = {"rsi_vix": rsi, "spx_return_5_pct": five, "tier": int(ctx.tier), "evidence": ctx.outlook.evidence.points}
    thresholds = {"rsi_low": params.second_engine.rsi_low, "rsi_high": params.second_engine.rsi_high, "tier": 2,
                  "evidence_min": params.second_engine.evidence_min}  # fmt: skip
    bleed = (
        rsi is not None and five is not None and spot is not None and mean is not None
        and rsi <= params.second_engine.rsi_low and five < 0.0 and spot < mean
    )  # fmt: skip
    extreme = rsi is not None and rsi >= params.second_engine.rsi_high
    enough = ctx.outlook.evidence.points >= params.second_engine.evidence_min
    stress = ctx.stance.deep and (extreme or enough)
    kind, rule, why = None, "", "the deep slots sleep"
    if params.lattice.always_on:
        kind, rule, why = params.lattice.deep.kind, "A-ENG-1", "the profile keeps the deep slots on"
    elif bleed:
        kind, rule, why = HedgeKind.VIX_CALL, "A-ENG-2", "a quiet bleed: convexity is cheap"
    elif stress:
        kind, rule, why = params.second_engine.stress_kind, "A-ENG-3", "stress with evidence: convexity as a spread"
    elif reserve.open_for_business(agenda):
        kind, rule, why = HedgeKind.VIX_CALL, reserve.RULE, "VIX is low: what harvests put aside buys deep protection"
    elif agenda.memory.deep is not None and not reserve.refreshing(agenda.memory) and not _asleep(ctx):
        kind, rule, why = agenda.memory.deep, agenda.memory.deep_rule, "the reason has gone, calm has not come back"
    if ctx.held_back and rule in ("A-ENG-2", "A-ENG-3", reserve.RULE) and agenda.memory.deep is None:
        kind, rule, why = None, "", f"discretionary additions are held back: {ctx.held_back}"
    changed = kind is not agenda.memory.deep
    agenda.note(rule or "A-ENG-2", "second engine", ACT if changed and kind is not None else HOLD, why, inputs=inputs,
                thresholds=thresholds)  # fmt: skip
    agenda.memory = msgspec.structs.replace(agenda.memory, deep=kind, deep_rule=rule)


def _asleep(ctx: HedgeContext) -> bool:
    rsi = ctx.outlook.measures.rsi_vix
    return ctx.tier <= Tier.WATCH and rsi is not None and 40.0 <= rsi <= 60.0


# candidates and quantities ---------------------------------------------------------------------------
def candidates(agenda: HedgeAgenda) -> dict[Layer, Candidate | str]:
    """What each layer would be bought in; a sleeping deep layer is not looked for."""
    lattice = agenda.ctx.params.lattice
    found: dict[Layer, Candidate | str] = {}
    for layer in (Layer.SHORT, Layer.INTERMEDIATE):
        params = lattice.layer(layer)
        found[layer] = find(params.kind, params, params.delta, agenda)
    if agenda.memory.deep is not None:
        found[Layer.DEEP] = find(agenda.memory.deep, lattice.deep, lattice.deep.delta, agenda)
    return found


def contracts_wanted(
    target: Target, weights: Mapping[int, float], found: Mapping[Layer, Candidate | str]
) -> dict[int, int]:
    """A-SIZE-3: whole contracts per slot, by largest remainder within each layer; none where the layer sleeps, absent
    where it cannot be valued."""
    whole: dict[int, int] = {}
    for layer in Layer:
        candidate = found.get(layer)
        if candidate is None:
            whole |= dict.fromkeys(SLOTS_OF[layer], 0)
        elif isinstance(candidate, Candidate):
            shares = {s: target.usd_per_vix_point * weights[s] / candidate.usd_per_vix_point for s in SLOTS_OF[layer]}
            whole |= largest_remainder(shares)
    return whole


# openings --------------------------------------------------------------------------------------------
def open_slots(
    agenda: HedgeAgenda, target: Target, weights: Mapping[int, float], found: Mapping[Layer, Candidate | str]
) -> None:
    """Arms, disarms and buys."""
    budget = _Budget(agenda)
    for layer in (Layer.INTERMEDIATE, Layer.SHORT, Layer.DEEP):
        candidate = found.get(layer)
        wanted_usd = {slot: target.usd_per_vix_point * weights[slot] for slot in SLOTS_OF[layer]}
        if candidate is None or isinstance(candidate, str):
            reason = candidate or "the deep slots sleep"
            inputs = {"wanted_usd": round(sum(wanted_usd.values()), 2)}
            agenda.note("A-LAT-1", f"layer {layer.value}", HOLD, reason, inputs=inputs)
            _arm(agenda, layer, dict.fromkeys(wanted_usd, 0.0) if candidate is None else wanted_usd)
            continue
        _arm(agenda, layer, wanted_usd)
        _fill(agenda, layer, candidate, wanted_usd, target, budget)


def _arm(agenda: HedgeAgenda, layer: Layer, wanted_usd: Mapping[int, float]) -> None:
    """Dormant slots that are wanted are armed, armed ones that are not go back to sleep."""
    for slot in SLOTS_OF[layer]:
        held = agenda.slots[slot]
        wants = wanted_usd.get(slot, 0.0) > 0.0
        if held.state is SlotState.DORMANT and wants:
            agenda.slots[slot] = moved(held, SlotTrigger.ARM, agenda.ctx.now, "wanted")
        elif held.state is SlotState.ARMED and not wants and agenda.free(slot):
            agenda.slots[slot] = moved(held, SlotTrigger.DISARM, agenda.ctx.now, "not wanted any more")


class _Budget:
    """What may still be spent and carried in this look; every purchase planned takes its part."""

    def __init__(self, agenda: HedgeAgenda) -> None:
        ctx = agenda.ctx
        size = ctx.params.size
        self.first = ctx.stance.budget_first
        self.reserve_usd = reserve.left_usd(agenda) if reserve.refreshing(agenda.memory) else None
        paid = dict.fromkeys(Layer, 0.0)
        coming = _coming(agenda)
        for line in (*ctx.exposure.lines, *coming):
            share = FUTURE_RISK if isinstance(line.contract, Future) else 1.0
            paid[layer_of(line.held.slot)] += share * line.cost_usd
        paid = {layer: max(0.0, usd) for layer, usd in paid.items()}
        cap = ctx.exposure.condor_loss_usd * size.premium_pct_of_condor_loss / 100.0
        self.premium_usd = cap - paid[Layer.SHORT] - paid[Layer.INTERMEDIATE]
        theta, carry = ctx.exposure.condor_theta_usd, ctx.exposure.carry_usd
        if carry is not None:
            carry += sum(line.carry_usd_per_day or 0.0 for line in coming)
        self.carry_usd = (
            None if theta is None or carry is None else theta * size.carry_max_pct_of_theta / 100.0 + min(0.0, carry)
        )
        nlv = ctx.nlv_usd
        year = size.carry_max_pct_nlv_year / 100.0 / DAYS_PER_YEAR
        self.year_usd = None if nlv is None or carry is None else nlv * year + min(0.0, carry)
        room, planned = ctx.month_room_usd, sum(max(0.0, line.cost_usd) for line in coming)
        self.month_usd = None if room is None else room - planned
        self.risk_usd = {
            layer: 0.0 if nlv is None else nlv * size.layer_risk_pct_nlv / 100.0 - paid[layer] for layer in Layer
        }

    def units(self, layer: Layer, candidate: Candidate, wanted: int) -> tuple[int, str]:
        """How many of the wanted units fit, and what binds where not all do."""
        allowed, binding = wanted, ""
        limits = [(int(max(0.0, self.risk_usd[layer]) / candidate.risk_usd), "K-SIZE-2")]
        if self.first and layer is not Layer.DEEP:
            limits.append((int(max(0.0, self.premium_usd) / candidate.risk_usd), "A-SIZE-2"))
        if self.reserve_usd is not None and layer is Layer.DEEP:
            limits.append((int(max(0.0, self.reserve_usd) / candidate.risk_usd), reserve.RULE))
        if self.month_usd is not None:
            limits.append((int(max(0.0, self.month_usd) / candidate.risk_usd), spending.RULE))
        cost = candidate.carry_usd_per_day
        if self.first and cost is not None and cost < 0.0:
            room = self.carry_usd
            limits.append((0 if room is None else int(max(0.0, room) / -cost), "A-BUD-1"))
        if self.year_usd is not None and cost is not None and cost < 0.0:
            limits.append((int(max(0.0, self.year_usd) / -cost), "A-BUD-2"))
        for most, rule in limits:
            if most < allowed:
                allowed, binding = most, rule
        return allowed, binding

    def take(self, layer: Layer, candidate: Candidate, units: int) -> None:
        """Counts a purchase."""
        self.risk_usd[layer] -= units * candidate.risk_usd
        if self.month_usd is not None:
            self.month_usd -= units * candidate.risk_usd
        if layer is not Layer.DEEP:
            self.premium_usd -= units * candidate.risk_usd
        elif self.reserve_usd is not None:
            self.reserve_usd -= units * candidate.risk_usd
        if self.carry_usd is not None and candidate.carry_usd_per_day is not None:
            self.carry_usd += units * min(0.0, candidate.carry_usd_per_day)
        if self.year_usd is not None and candidate.carry_usd_per_day is not None:
            self.year_usd += units * min(0.0, candidate.carry_usd_per_day)


def _coming(agenda: HedgeAgenda) -> list[Line]:
    """What openings under way will hold when they fill, at mid."""
    found = []
    for walk in agenda.memory.walks.values():
        if walk.action is HedgeAction.OPEN:
            units = units_left(walk, agenda)
            for leg in walk.legs:
                mid = agenda.ctx.valuer.mid(leg.con_id) or 0.0
                line = agenda.ctx.valuer.line(Held(walk.slots[0], leg.con_id, leg.action.sign * leg.ratio * units, mid))
                found += [] if line is None else [line]
    return found


def _fill(
    agenda: HedgeAgenda,
    layer: Layer,
    candidate: Candidate,
    wanted_usd: Mapping[int, float],
    target: Target,
    budget: _Budget,
) -> None:
    """Purchases of one layer: its lack in whole contracts, spread over the slots that lack most."""
    ctx = agenda.ctx
    coming = under_way_usd(agenda)
    lack_usd = {s: wanted_usd[s] - ctx.exposure.slot_usd(s) - coming.get(s, 0.0) for s in wanted_usd}
    whole, lack = sum(wanted_usd.values()), sum(lack_usd.values())
    missing = lack / candidate.usd_per_vix_point
    ready = _ready(agenda, lack_usd)
    fits = min(missing, sum(lack_usd[slot] for slot in ready) / candidate.usd_per_vix_point)
    subject = f"layer {layer.value}"
    inputs: Inputs = {
        "wanted_usd": round(whole, 2),
        "held_usd": round(whole - lack, 2),
        "missing_contracts": round(missing, 3),
        "contract": candidate.text,
        "share": round(target.share, 4),
    }
    rule = agenda.memory.deep_rule if layer is Layer.DEEP else target.rule
    least = max(LEAST_LACK, LEAST_SHARE * whole / candidate.usd_per_vix_point)
    if missing < least:
        agenda.note(
            rule,
            subject,
            HOLD,
            f"{target.text}: the layer has it",
            inputs=inputs,
            thresholds={"least": round(least, 3)},
        )
        return
    if not ctx.may_open:
        agenda.note(
            rule, subject, HOLD, "nothing is opened at this time of day or in this trading state", inputs=inputs
        )
        return
    refused = _refused(ctx, layer)
    if refused:
        agenda.note(refused[0], subject, DECLINE, refused[1], inputs={**inputs, "vix_points": ctx.vix_points},
                    thresholds={"outright_below_vix": ctx.params.size.outright_below_vix_points})  # fmt: skip
        return
    if fits < LEAST_LACK:
        agenda.note(rule, subject, HOLD, "its slots are busy, resting or cooling down", inputs=inputs)
        return
    units, binding = budget.units(layer, candidate, max(1, int(fits + 0.5)))
    if units == 0:
        agenda.note(binding, subject, DECLINE, f"the budget {binding} has no room for another contract", inputs=inputs)
        return
    bought = _buy(agenda, candidate, {slot: lack_usd[slot] for slot in ready}, units, rule, target.text)
    budget.take(layer, candidate, bought)
    text = f"{target.text}: {bought} of {candidate.text}"
    agenda.note(rule, subject, ACT, text, inputs={**inputs, "binding": binding})


def _refused(ctx: HedgeContext, layer: Layer) -> tuple[str, str] | None:
    if layer is not Layer.SHORT:
        return None
    if not ctx.stance.open_short:
        return "A-ROT-1", "the curve is inverted: the short layer is not enlarged"
    if ctx.vix_points is None or ctx.vix_points >= ctx.params.size.outright_below_vix_points:
        return "A-SIZE-2", "VIX is too high to open short-dated calls outright"
    return None


def _ready(agenda: HedgeAgenda, lack_usd: Mapping[int, float]) -> tuple[int, ...]:
    """Slots of a layer that lack something and can take an order now, the greatest lack first."""
    return tuple(
        slot
        for slot in sorted(lack_usd, key=lambda slot: (-lack_usd[slot], slot))
        if lack_usd[slot] > 0.0
        and agenda.slots[slot].state in (SlotState.ARMED, SlotState.ACTIVE)
        and agenda.free(slot)
        and not _cooling(agenda, slot)
    )


def _buy(
    agenda: HedgeAgenda, candidate: Candidate, lack_usd: Mapping[int, float], units: int, rule: str, why: str
) -> int:
    """One order a slot, shared out by what each lacks; returns the contracts planned."""
    whole = sum(lack_usd.values())
    shares = largest_remainder({slot: units * lack / whole for slot, lack in lack_usd.items()})
    bought = 0
    for slot in lack_usd:
        quantity = min(shares[slot], agenda.ctx.params.orders.max_quantity)
        if quantity > 0:
            legs = candidate.leg_intents(slot)
            agenda.steps.append(Step(HedgeAction.OPEN, rule, (slot,), legs, quantity, f"{why}: {candidate.text}"))
            bought += quantity
    return bought


def _cooling(agenda: HedgeAgenda, slot: int) -> bool:
    until = agenda.slots[slot].cooldown_until
    return until is not None and agenda.ctx.now < until


def note_alarm(agenda: HedgeAgenda) -> None:
    """A-VEGA-3: an alarm on either side, nearer while CPI or PPI is elevated. It tells; bands and harvest act."""
    ctx, net = agenda.ctx, agenda.ctx.net_n
    if net is None or net >= ctx.params.band.alarm:  # so far above the cap the harvest speaks for the rule
        return
    limit = ctx.params.band.alarm_inflation if ctx.elevated else ctx.params.band.alarm
    side = "over-short of volatility" if net < 0.0 else "over-hedged"
    text = side if abs(net) >= limit else f"not {side}"
    agenda.note("A-VEGA-3", HEDGE, ACT if abs(net) >= limit else HOLD, text,
                inputs={"net_vega_n": round(net, 4), "inflation_elevated": ctx.elevated},
                thresholds={"alarm_n": limit}, near=abs(abs(net) - limit) / limit)  # fmt: skip
