"""One look at the hedge: goes on with its orders, then asks the rules in their order what more is to be done.

Order: walks under way; the close's bookkeeping; slot 4 to slot 5; sell what is too much or has paid; rotate; roll;
open. Each rule leaves its verdict whether it acts or not. A slot takes one order at a time, and only so many orders are
alive at once.
"""

from __future__ import annotations

import msgspec

from strategies.alvh import harvest, opening, orders, reserve, roll, rotate
from strategies.alvh.context import HEDGE, HedgeAgenda, HedgeContext, Step, nearness
from strategies.alvh.demands import meet
from strategies.alvh.exposure import Exposure, Valuer, measure
from strategies.alvh.forwards import Forwards
from strategies.alvh.joint import stance
from strategies.alvh.lattice import HedgeAction, SlotState
from strategies.alvh.machine import SlotTrigger, moved
from strategies.alvh.targets import Mood, Target, Weights, band_of, slot_weights, wacc_weights, wanted
from strategies.alvh.view import HedgeOutcome, HedgeView
from strategies.domain.decision import Decision, DecisionVerdict
from strategies.domain.hedge import HEDGE_OWNER, SLOTS_OF, Layer, slot_name
from strategies.domain.orders import DOUBTFUL_STATES, CancelIntent, LegIntent, OrderRecord
from strategies.signals.curve import Regime
from strategies.signals.press import press
from strategies.signals.tiers import Tier

HOLD, ACT = DecisionVerdict.HOLD, DecisionVerdict.ACT


def look(view: HedgeView) -> HedgeOutcome:
    """Looks once. Pure: the same view gives the same outcome."""
    if not (view.judged or _rested(view) or view.memory.walks or _live(view)):
        return _waits(view)
    ctx = _context(view)
    memory = view.memory if view.memory.day == view.today else msgspec.structs.replace(
        view.memory, day=view.today, counts={}, refused={}
    )  # fmt: skip
    agenda = HedgeAgenda(ctx, memory, dict(view.slots))
    for line in ctx.exposure.lines:
        agenda.lines.append(line.held.con_id)
        if line.mark is not None:
            agenda.marks[line.held.con_id] = line.mark
    for condor in ctx.condors:
        agenda.lines.extend(con_id for con_id, _ in condor.legs)
    orders.run_walks(agenda)
    _cancel_strays(agenda)
    target = None
    rested = _rested(view)
    if rested:
        agenda.memory = msgspec.structs.replace(agenda.memory, evaluated_at=ctx.now)
        target = _evaluate(agenda)
        _send(agenda)
        agenda.memory = msgspec.structs.replace(agenda.memory, lines=tuple(dict.fromkeys(agenda.lines)))
    return HedgeOutcome(
        cancels=tuple(agenda.cancels),
        places=tuple(agenda.places),
        decisions=_settle(agenda),
        slots=agenda.slots,
        memory=agenda.memory,
        chains=tuple(dict.fromkeys(agenda.chains)),
        boards=tuple(dict.fromkeys(agenda.boards)),
        lines=tuple(dict.fromkeys((*agenda.lines, *agenda.memory.lines))),
        marks=agenda.marks,
        exposure=ctx.exposure,
        band=ctx.band,
        target=target,
        held=_held(view, ctx) if rested else None,
    )


def _held(view: HedgeView, ctx: HedgeContext) -> Exposure:
    """The exposure of what is held: the condor that is only planned stands last."""
    if not view.planned:
        return ctx.exposure
    return measure(ctx.valuer, view.holdings, view.condors[:-1], view.marks)


def _live(view: HedgeView) -> bool:
    return any(record.intent.owner == HEDGE_OWNER for record in view.book.alive())


def _rested(view: HedgeView) -> bool:
    last = view.memory.evaluated_at
    rested = last is None or (view.now - last).total_seconds() >= view.params.evaluate_every_s
    return view.may_trade and rested


def _waits(view: HedgeView) -> HedgeOutcome:
    """A look between two evaluations with no order to attend: keeps its quotes coming, values nothing."""
    held = tuple(held.con_id for held in view.holdings)
    lines = tuple(dict.fromkeys((*held, *view.memory.lines)))
    return HedgeOutcome((), (), (), view.slots, view.memory, (), (), lines, {}, None, None, None)


def _context(view: HedgeView) -> HedgeContext:
    forwards = Forwards(view.market, view.futures, view.now, view.params.orders.forward_max_age_s)
    valuer = Valuer(
        view.market,
        view.now,
        forwards,
        view.outlook.measures.scales,
        rate=view.rate,
        spot_points=view.spot_points,
        carry_rate=view.carry_rate,
        max_age_s=view.params.orders.mark_max_age_s,
    )
    row = stance(view.outlook.regime, view.outlook.tier)
    measures = view.outlook.measures
    falling = measures.rsi_vix is not None and measures.rsi_vix_before is not None and (
        measures.rsi_vix < measures.rsi_vix_before
    )  # fmt: skip
    mood = Mood(falling, view.macro.benign, view.macro.alarm)
    live: dict[int, list[OrderRecord]] = {}
    doubtful: set[int] = set()
    for record in view.book.alive():
        if record.intent.owner != HEDGE_OWNER:
            continue
        for leg in record.intent.legs:
            if leg.slot is not None and record not in live.setdefault(leg.slot, []):
                live[leg.slot].append(record)
                if record.state in DOUBTFUL_STATES:
                    doubtful.add(leg.slot)
    return HedgeContext(
        now=view.now,
        today=view.today,
        market=view.market,
        book=view.book,
        futures=view.futures,
        slots=view.slots,
        holdings=view.holdings,
        condors=view.condors,
        planned=view.planned,
        outlook=view.outlook,
        official=view.official,
        stance=row,
        band=band_of(row, mood, view.params.band),
        exposure=measure(valuer, view.holdings, view.condors, view.marks, view.planned),
        valuer=valuer,
        nlv_usd=view.nlv_usd,
        vix_points=view.vix_points,
        params=view.params,
        may_trade=view.may_trade,
        may_open=view.may_open,
        at_close=view.at_close,
        confirmed=view.macro.confirmed,
        benign=view.macro.benign,
        alarm=view.macro.alarm,
        elevated=view.macro.elevated,
        macro_addon_pct=view.macro.addon_pct,
        pending_refs=view.pending_refs,
        live=live,
        doubtful=frozenset(doubtful),
        held_back=view.held_back,
        demands=view.demands,
    )


def _cancel_strays(agenda: HedgeAgenda) -> None:
    """An order alive that no walk waits for: it outlived its walk."""
    awaited = {walk.ref for walk in agenda.memory.walks.values()}
    for slot, records in agenda.ctx.live.items():
        for record in records:
            known = any(cancel.ref == record.ref for cancel in agenda.cancels)
            if record.ref not in awaited and not known and record.intent.legs[0].slot == slot:
                agenda.cancels.append(CancelIntent(ref=record.ref, rule="X-EXEC", text="no walk waits for it"))


def _evaluate(agenda: HedgeAgenda) -> Target | None:
    """Every rule once."""
    ctx = agenda.ctx
    _note_state(agenda)
    rotate.keep_episode(agenda)
    _rest_over(agenda)
    opening.second_engine(agenda)
    if ctx.at_close and agenda.memory.closed_on != ctx.today:
        _close_of_day(agenda)
    if ctx.outlook.regime is Regime.UNKNOWN:
        reason = ctx.outlook.curve.reason or "its official regime is not known yet: three equal samples make it"
        agenda.note("T-REG-3", HEDGE, HOLD, f"the curve cannot be read: {reason}")
        return None
    found = opening.candidates(agenda)
    target, weights = _wanted(agenda)
    opening.note_alarm(agenda)
    layer_usd: dict[Layer, float] = {}
    if target is not None:
        for layer, slots in SLOTS_OF.items():
            layer_usd[layer] = sum(target.usd_per_vix_point * weights[slot] for slot in slots)
    rotate.slot_four_first(agenda)
    harvest.harvest(agenda, layer_usd)
    if _in_press(agenda):
        harvest.press(agenda)
    rotate.rotate(agenda)
    contracts = {} if target is None else opening.contracts_wanted(target, weights, found)
    roll.roll(agenda, contracts)
    if target is not None:
        opening.open_slots(agenda, target, weights, found)
    return target


def _note_state(agenda: HedgeAgenda) -> None:
    """The hedge's readings, as one decision a look: raw and normalised net vega, carry, band, tier."""
    ctx, vega = agenda.ctx, agenda.ctx.exposure.vega
    if vega is None:
        agenda.note("A-VEGA-1", HEDGE, HOLD, f"net vega is unknown: {ctx.exposure.unknown}")
        return
    theta, carry = ctx.exposure.condor_theta_usd, ctx.exposure.carry_usd
    share = None if not theta or carry is None else round(100.0 * max(0.0, -carry) / theta, 2)
    net = vega.net_n
    agenda.note(
        "A-VEGA-1",
        HEDGE,
        HOLD,
        "net vega of condors and hedge" if net is not None else "no condor is open",
        inputs={
            "net_vega_n": None if net is None else round(net, 4),
            "condors_vega_n": None if vega.condors_n is None else round(vega.condors_n, 4),
            "net_vega_usd_per_vix_point": round(vega.net_usd_per_vix_point, 2),
            "condors_usd_per_vix_point": round(vega.condors_usd_per_vix_point, 2),
            "condors_raw_usd_per_vol_point": round(vega.condors_raw_usd_per_vol_point, 2),
            "hedge_usd_per_vix_point": round(vega.hedges_usd_per_vix_point, 2),
            "hedge_low_beta_usd_per_vix_point": round(vega.hedges_low_beta_usd_per_vix_point, 2),
            "vvix_usd_per_vol_point": round(vega.vvix_usd_per_vol_point, 2),
            "carry_usd_per_day": None if carry is None else round(carry, 2),
            "carry_pct_of_theta": share,
            "regime": ctx.outlook.regime.value,
            "tier": int(ctx.tier),
        },
        thresholds={
            "low_n": ctx.band.low,
            "soft_n": ctx.band.soft,
            "high_n": ctx.band.high,
            "carry_warn_pct": ctx.params.size.carry_warn_pct_of_theta,
        },
        near=None if net is None or ctx.band.low is None else nearness(net, ctx.band.low),
    )


def _wanted(agenda: HedgeAgenda) -> tuple[Target | None, dict[int, float]]:
    """The target and each slot's share of it; None while net vega is unknown."""
    ctx, memory = agenda.ctx, agenda.memory
    weights = slot_weights(
        Weights(
            rotated_share=memory.episode.rotated_share,
            slot4_moved=memory.episode.slot4_moved,
            addon_pct=memory.episode.addon_pct + ctx.macro_addon_pct,
            wacc=memory.wacc,
            wacc_total=memory.wacc_total,
            deep=memory.deep is not None and not reserve.refreshing(memory),
            refresh=reserve.refreshing(memory),
        )
    )
    if ctx.exposure.vega is None:
        return None, weights
    target = wanted(ctx.exposure.vega, ctx.band, ctx.params.size, ctx.params.band.margin, confirmed=ctx.confirmed)
    return meet(agenda, target, weights)


def _in_press(agenda: HedgeAgenda) -> bool:
    """C-PRESS-1: implied far over realised, VIX turning down from an extreme, the front falling, hedges active."""
    hedged = any(line.held.quantity > 0 for line in agenda.ctx.exposure.lines)
    seen = press(agenda.ctx.outlook.measures, hedged=hedged, rsi_high=agenda.ctx.params.second_engine.rsi_high)
    text = "cash press" if seen.holds else "no cash press"
    agenda.note(
        "C-PRESS-1", "market", ACT if seen.holds else HOLD, text, inputs=seen.inputs, thresholds=seen.thresholds
    )
    return seen.holds


def _rest_over(agenda: HedgeAgenda) -> None:
    """RESTING slots go back to sleep after a session, once the RSI of VIX has come down."""
    ctx, params = agenda.ctx, agenda.ctx.params.harvest
    rsi = ctx.outlook.measures.rsi_vix
    for number, slot in agenda.slots.items():
        if slot.state is not SlotState.RESTING:
            continue
        rested = slot.rested_from is not None and slot.rested_from < ctx.today
        calm = rsi is not None and rsi < params.rest_rsi_below
        if rested and calm:
            agenda.slots[number] = moved(slot, SlotTrigger.REST_OVER, ctx.now, "rested")
        agenda.note("A-HARV-4", slot_name(number), HOLD, "rested" if rested and calm else "it rests after its harvest",
                    inputs={"rsi_vix": rsi}, thresholds={"rsi_below": params.rest_rsi_below})  # fmt: skip


def _close_of_day(agenda: HedgeAgenda) -> None:
    """Once a session, in its last minutes: the episode's closes, WACC weights, idle sessions."""
    ctx, memory = agenda.ctx, agenda.memory
    costs = {
        slot: -carry / usd
        for slot in SLOTS_OF[Layer.INTERMEDIATE]
        if (usd := ctx.exposure.slot_usd(slot)) > 0.0
        and (carry := sum(line.carry_usd_per_day or 0.0 for line in ctx.exposure.of_slot(slot))) < 0.0
    }
    params, rsi = ctx.params.wacc, ctx.outlook.measures.rsi_vix
    weights = wacc_weights(costs, params.sensitivity, params.slot_limit_pct)
    total = 1.0
    normalising = memory.episode.calm_closes > 0 and ctx.tier <= Tier.WATCH
    if normalising and rsi is not None:
        share = params.floor + (1.0 - params.floor) * (rsi - params.rsi_from) / params.rsi_span
        total = min(1.0, max(params.floor, share))
    mean = round(sum(costs.values()) / len(costs), 4) if costs else None
    inputs = {f"weight_{slot_name(slot)}": round(weight, 4) for slot, weight in weights.items()}
    inputs |= {"total": round(total, 4)} | ({} if mean is None else {"mean_usd_per_day_per_vega": mean})
    text = "weights of slots 5 to 8 by what their protection costs"
    agenda.note("A-WACC-1", "layer L2", HOLD, text, inputs=inputs)
    idle = 0 if ctx.condors else memory.idle_sessions + 1
    agenda.memory = msgspec.structs.replace(
        memory,
        closed_on=ctx.today,
        episode=rotate.close_episode(memory.episode, agenda),
        wacc=weights,
        wacc_total=total,
        idle_sessions=idle,
    )


def _send(agenda: HedgeAgenda) -> None:
    """Begins the planned steps, the urgent first, as many as may be alive at once and never two in the same legs.

    The slots of a layer buy the same contract: one after the other, and not so soon after each other that the gate
    would take the second for the first again (C27), whose refusals latch.
    """
    records = {record.ref: record for rows in agenda.ctx.live.values() for record in rows}
    room = agenda.ctx.params.orders.orders_at_once - max(len(agenda.memory.walks), len(records))
    taken = {_traded(record.intent.legs) for record in records.values()}
    taken |= {_traded(intent.legs) for intent in agenda.places}
    taken |= {_traded(walk.legs) for walk in agenda.memory.walks.values()}
    for step in sorted(agenda.steps, key=lambda step: not step.urgent):
        blocked = step.action is HedgeAction.OPEN and agenda.slots[step.slots[0]].state is SlotState.BLOCKED
        if room <= 0 or blocked or _in_turn(agenda, step, taken):
            continue
        if orders.begin(agenda, step):
            room -= 1
            taken.add(_traded(step.legs))


def _in_turn(agenda: HedgeAgenda, step: Step, taken: set[frozenset[tuple[int, int, str]]]) -> bool:
    """Whether a step has to wait for another slot's order in the same legs."""
    legs = _traded(step.legs)
    waits = legs in taken or (step.action is not HedgeAction.HARVEST and _just_bought(agenda, step, legs))
    if waits and step.slots[0] not in agenda.memory.walks:
        text, pause_s = "another slot trades the same legs: one after the other", _pause_s(agenda)
        agenda.note("X-EXEC", slot_name(step.slots[0]), HOLD, text,
                    inputs={"rule": step.rule}, thresholds={"pause_s": pause_s})  # fmt: skip
    return waits


def _just_bought(agenda: HedgeAgenda, step: Step, legs: frozenset[tuple[int, int, str]]) -> bool:
    """Whether the same legs were asked for in the same size within the pause."""
    now, pause_s = agenda.ctx.now, _pause_s(agenda)
    return any(
        record.intent.quantity == step.quantity
        and (now - record.approved_at).total_seconds() < pause_s
        and _traded(record.intent.legs) == legs
        for record in agenda.ctx.book.orders.values()
    )


def _pause_s(agenda: HedgeAgenda) -> float:
    return agenda.ctx.params.orders.same_legs_pause_s


def _traded(legs: tuple[LegIntent, ...]) -> frozenset[tuple[int, int, str]]:
    return frozenset((leg.con_id, leg.ratio, leg.action.value) for leg in legs)


def _settle(agenda: HedgeAgenda) -> tuple[Decision, ...]:
    """A verdict is ACT only where an order of this look follows it, and names that order; else it holds."""
    refs = {intent.rule: intent.ref for intent in agenda.places} | {
        cancel.rule: cancel.ref for cancel in agenda.cancels
    }

    def settled(row: Decision) -> Decision:
        if row.verdict is not ACT or row.intent_ref is not None:
            return row
        ref = refs.get(row.rule)
        return msgspec.structs.replace(row, verdict=HOLD if ref is None else ACT, intent_ref=ref)

    return tuple(settled(row) for row in agenda.decisions)
