"""Contracts that come near their settlement give way to later ones of their layer (A-ROLL-1, A-ROLL-2, A-ENG-4).

Rules
- A-ROLL-1: a slot's contract is rolled at its layer's days, as one calendar order, into what the slot is to hold now; a
  slot that is to hold nothing sells instead. What is nearly worthless is left to expire.
- A-ROLL-2: a week earlier when breadth diverges from price or the momentum of VIX turns up.
- A-ENG-4: a deep call whose delta has grown beyond .75 is rolled up to .40 in its own expiry; the premium is banked.
- Nothing is held into its settlement week unless the tier is 2 or more.
"""

from __future__ import annotations

from strategies.alvh.context import HedgeAgenda, Step, nearness
from strategies.alvh.exposure import Line
from strategies.alvh.instruments import find
from strategies.alvh.lattice import HedgeAction, SlotState
from strategies.alvh.params import HedgeKind
from strategies.alvh.pieces import Piece
from strategies.alvh.rotate import calendar_step
from strategies.domain.decision import DecisionVerdict
from strategies.domain.hedge import SLOTS, Layer, layer_of, slot_name
from strategies.domain.instruments import Option
from strategies.signals.tiers import Tier

HOLD, ACT = DecisionVerdict.HOLD, DecisionVerdict.ACT
EARLY_DAYS = 7
SETTLEMENT_WEEK_DAYS = 5


def roll(agenda: HedgeAgenda, contracts: dict[int, int]) -> None:
    """Looks at every slot that holds something; `contracts` is what each is to hold in new contracts, a slot that is
    absent is one of which that is not known."""
    for slot in SLOTS:
        pieces = agenda.ctx.pieces[slot]
        for piece in pieces:
            _roll_piece(agenda, piece, contracts.get(slot), alone=len(pieces) == 1)
    _convexity(agenda)


def _roll_piece(agenda: HedgeAgenda, piece: Piece, wanted: int | None, *, alone: bool) -> None:
    ctx, slot, line = agenda.ctx, piece.slot, piece.long
    layer = ctx.params.lattice.layer(layer_of(slot))
    due, rule, why = _due(agenda, line, layer.roll_dte_days)
    inputs = {"days_left": round(line.days, 1), "wanted_contracts": wanted, "held": piece.quantity}
    thresholds = {"roll_dte_days": layer.roll_dte_days}
    if not due:
        agenda.note("A-ROLL-1", slot_name(slot), HOLD, why, inputs=inputs, thresholds=thresholds,
                    near=nearness(line.days, layer.roll_dte_days))  # fmt: skip
        return
    if not agenda.free(slot):
        return
    if piece.mid_points is not None and piece.mid_points < ctx.params.harvest.leftover_below_points:
        agenda.note(rule, slot_name(slot), HOLD, "next to worthless: it is left to expire", inputs=inputs)
        return
    step = _replace(agenda, piece, wanted, rule, alone=alone)
    if isinstance(step, str):
        agenda.note(rule, slot_name(slot), HOLD, f"due for its roll: {step}", inputs=inputs, thresholds=thresholds)
        return
    agenda.steps.append(step)
    agenda.note(rule, slot_name(slot), ACT, why, inputs=inputs, thresholds=thresholds)


def _due(agenda: HedgeAgenda, line: Line, roll_days: int) -> tuple[bool, str, str]:
    """Whether a contract is to be rolled now, by which rule, and the sentence for it."""
    ctx = agenda.ctx
    if line.days <= SETTLEMENT_WEEK_DAYS and ctx.tier < Tier.STRESS:
        return True, "A-ROLL-1", "settlement week: it is not held into it"
    if line.days <= roll_days:
        return True, "A-ROLL-1", "its days have come"
    if line.days <= roll_days + EARLY_DAYS:
        diverges = any(r.rule == "D-AD-1" and r.verdict.holds for r in ctx.outlook.readings)
        macd = ctx.outlook.measures.vix_macd
        turns = macd is not None and macd.histogram > 0.0 and ctx.tier >= Tier.WATCH
        if diverges or turns:
            return True, "A-ROLL-2", "breadth diverges" if diverges else "the momentum of VIX turns up"
    return False, "A-ROLL-1", "its roll is not due"


def _replace(agenda: HedgeAgenda, piece: Piece, wanted: int | None, rule: str, *, alone: bool) -> Step | str:
    """The calendar order of a roll; a plain sale where nothing is wanted or one order cannot do both: a spread, or one
    of several pieces of a slot, whose successor is bought for the slot as a whole. What is wanted may not be known (no
    chain, no quote, no net vega): then it waits, in the settlement week it sells."""
    ctx, slot, line = agenda.ctx, piece.slot, piece.long
    number = layer_of(slot)
    layer = ctx.params.lattice.layer(number)
    if wanted is None and (line.days > SETTLEMENT_WEEK_DAYS or ctx.tier >= Tier.STRESS):
        return "what the slot is to hold is not known yet"
    if not wanted or (number is Layer.SHORT and not ctx.stance.open_short):
        return sale(piece, piece.quantity, rule, "nothing is to replace it")
    if agenda.slots[slot].state is SlotState.BLOCKED:
        return sale(piece, piece.quantity, rule, "its slot is blocked: sold without a successor")
    into = find(layer.kind, layer, layer.delta, agenda)
    if isinstance(into, str):
        return into
    one_order = alone and piece.short is None and len(into.legs) == 1 and into.symbol == line.contract.symbol
    if not one_order:
        return sale(piece, piece.quantity, rule, "sold; its successor is bought by an order of its own")
    return calendar_step(HedgeAction.ROLL, rule, line, piece.quantity, into, wanted, slot, urgent=False)


def sale(piece: Piece, quantity: int, rule: str, text: str, *, urgent: bool = False) -> Step:
    """A sale of units of a piece out of its slot, a spread as one order."""
    return Step(HedgeAction.HARVEST, rule, (piece.slot,), piece.legs(), quantity, text, urgent)


def _convexity(agenda: HedgeAgenda) -> None:
    """A-ENG-4."""
    ctx, params = agenda.ctx, agenda.ctx.params.second_engine
    for line in ctx.exposure.lines:
        slot = line.held.slot
        if layer_of(slot) is not Layer.DEEP or line.held.quantity <= 0 or line.delta is None:
            continue
        inputs, thresholds = {"delta": round(line.delta, 4)}, {"convexity_delta": params.convexity_delta}
        single = isinstance(line.contract, Option) and len(ctx.exposure.of_slot(slot)) == 1  # several roll up apart
        blocked = agenda.slots[slot].state is SlotState.BLOCKED
        if line.delta <= params.convexity_delta or not single or blocked or not agenda.free(slot):
            agenda.note("A-ENG-4", slot_name(slot), HOLD, "its delta is not too deep", inputs=inputs,
                        thresholds=thresholds, near=nearness(line.delta, params.convexity_delta))  # fmt: skip
            continue
        into = find(HedgeKind.VIX_CALL, ctx.params.lattice.deep, params.convexity_to_delta, agenda)
        step: Step | str = into if isinstance(into, str) else calendar_step(
            HedgeAction.ROLL, "A-ENG-4", line, line.held.quantity, into, line.held.quantity, slot, urgent=False
        )  # fmt: skip
        if isinstance(step, str):
            agenda.note("A-ENG-4", slot_name(slot), HOLD, f"due for its roll up: {step}", inputs=inputs)
            continue
        agenda.steps.append(step)
        agenda.note("A-ENG-4", slot_name(slot), ACT, "deep in the money: rolled up, the gain is banked",
                    inputs=inputs, thresholds=thresholds)  # fmt: skip
