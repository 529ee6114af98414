"""Defends a tested condor: widen the tested side (C-ADJ-2), else close to roll out (C-ADJ-3), else close.

Rules
- Widening is one order of four legs on the tested side: the old spread is bought back and the same width sold 15 to 25
  points further out, same expiry. It costs at most the allowed share of the original credit, happens once a side and
  twice a life, and must at least take the new short out of the threat that caused it.
- How its orders are walked, and what happens when only a part of it fills: `change`.
- A widening must improve the worst of the projection by more than its half-spreads cost (P-PROJ-1).
- Rolling out closes first: eight legs are two orders of four, and between them nothing is held. It is begun only when
  a model of the later condor collects a net credit; the second half is an ordinary entry whose quotes must.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

import msgspec

from strategies.condor.change import begin, debit_cap_points, legs_to_trade, trading_cost_usd
from strategies.condor.context import Agenda
from strategies.condor.exits import start_exit
from strategies.condor.filters import still_wanted
from strategies.condor.forecast import Change, improves, later_credit, legs_of, smile_of_expiry
from strategies.condor.machine import Adjustment, Condor, Side
from strategies.condor.manage import Verdict, Wish
from strategies.condor.marks import forward_points, mark_options, tau_years
from strategies.condor.resale import later_vega_usd, unsellable, weighted_usd
from strategies.condor.select import choose_expiry
from strategies.condor.standing import Standing, fresh_quotes
from strategies.condor.structure import MULTIPLIER, Leg, Legs, Net, net_price
from strategies.condor.walk import Look, Urgency, look
from strategies.domain.decision import DecisionVerdict, Scalar
from strategies.domain.instruments import Option
from strategies.domain.market import Board
from strategies.domain.orders import LegIntent, Purpose
from strategies.pricing.single import analyse_one
from strategies.signals.tiers import Tier

HOLD, ACT, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.ACT, DecisionVerdict.DECLINE


class Answer(StrEnum):
    """What looking for a widening came to."""

    FOUND = "found"
    WAIT = "wait"
    NONE = "none"


class Widening(NamedTuple):
    """Legs afterwards, the order's legs and its net price (debit positive)."""

    legs: Legs
    order: tuple[LegIntent, ...]
    net: Net


def defend(condor: Condor, stand: Standing, side: Side, agenda: Agenda) -> None:
    """C-DEC-1 row 2: price threat."""
    if _before_gate(condor, agenda):
        agenda.note("C-ADJ-2", condor.id, HOLD, "a widening is before the gate or was just denied")
        return
    answer, widening, text = _look_for_widening(condor, stand, side, agenda)
    if answer is Answer.WAIT:
        agenda.note("C-ADJ-2", condor.id, HOLD, text)
        return
    if widening is not None:
        _row2(condor, agenda, "widen the tested side")
        adjustment = Adjustment(side, widening.legs, condor.quantity, condor.legs)
        begin(condor, adjustment, widening.net, agenda)
        return
    agenda.note("C-ADJ-2", condor.id, DECLINE, text)
    refused = cannot_roll(condor, stand, agenda)
    if not refused:
        _row2(condor, agenda, "roll out: close now, sell a later expiry if it collects more than closing cost")
        start_exit(condor, Verdict(Wish.CLOSE, "C-ADJ-3", Urgency.FIRM, side), agenda)
        return
    _row2(condor, agenda, "close", refused)
    start_exit(condor, Verdict(Wish.CLOSE, "C-DEC-1", Urgency.FIRM, side), agenda)


def _row2(condor: Condor, agenda: Agenda, text: str, no_roll: str = "") -> None:
    inputs: dict[str, Scalar] = {"row": 2, "roll_refused": no_roll} if no_roll else {"row": 2}
    agenda.note("C-DEC-1", condor.id, ACT, f"row 2: {text}", inputs=inputs)


def _before_gate(condor: Condor, agenda: Agenda) -> bool:
    """Whether a widening order waits for the gate; one that was denied counts as refused for this threat."""
    walk, ctx = agenda.walks.get(condor.id), agenda.ctx
    if walk is None or walk.purpose is not Purpose.ADJUST or walk.ref in ctx.book.orders:
        return False
    if look(walk, None, ctx.now, walk.ref in ctx.pending_refs, ctx.params.orders) is Look.WAIT:
        return True
    agenda.remember(condor.id, widen_refused=True)
    return False


def cannot_roll(condor: Condor, stand: Standing, agenda: Agenda) -> str:
    """C-ADJ-3: why this condor cannot be rolled out, empty when it can.

    A later entry must be possible at all, and by the model a condor of a later expiry, both shorts at the call's delta,
    must collect what closing this one costs at the natural price, less slippage, and pass every filter of an entry and
    the hedge's word (C-ENTRY-9). The second half asks its own quotes.
    """
    ctx, adjust = agenda.ctx, agenda.ctx.params.adjust
    calm = ctx.regime.calm and ctx.tier is not None and ctx.tier <= Tier.WATCH
    if not adjust.roll:
        return "rolling is switched off"
    if condor.rolls_used >= adjust.max_rolls:
        return "it has been rolled as often as allowed"
    if not calm or still_wanted(ctx):
        return still_wanted(ctx) or "the curve or the tier allows no later entry"
    if len(condor.held) > 1:
        return "its units have two sets of legs"
    chain = ctx.market.chains.get(condor.trading_class)
    taken = {c.expiry for c in ctx.condors.values() if c.active}
    expiry = None if chain is None else choose_expiry(
        [e for e in chain.expiries if e > condor.expiry], ctx.today, taken, ctx.params.entry
    )  # fmt: skip
    if expiry is None:
        return "no later expiry in the entry range is listed"
    legs = legs_of(condor.legs, condor.quantity, agenda)
    smile = None if legs is None or ctx.spot_points is None else smile_of_expiry(
        legs, stand.em_points, stand.dte_days, ctx.spot_points
    )  # fmt: skip
    if legs is None or smile is None or stand.close is None:
        return "a later condor cannot be priced: marks are missing"
    delta = min(ctx.params.entry.delta_put, ctx.params.entry.delta_call)
    later = later_credit(condor.legs, smile, legs[0].mark.forward_points, delta, agenda, expiry)
    costs = 4.0 * ctx.params.entry.slippage_points_per_leg
    net = later.credit_points - costs - stand.close.natural_points
    inputs = {
        "later_credit_points": round(later.credit_points, 4),
        "close_natural_points": round(stand.close.natural_points, 4),
        "net_credit_points": round(net, 4),
        "later_dte_days": (expiry - ctx.today).days,
    }
    refused = "a later condor would collect no net credit" if net < 0.0 else unsellable(
        ctx, weighted_usd(legs, stand.dte_days), later_vega_usd(later, condor.quantity, MULTIPLIER)
    )  # fmt: skip
    agenda.note("C-ADJ-3", condor.id, DECLINE if refused else HOLD,
                refused or "a later condor would collect a net credit", inputs=inputs,
                thresholds={"net_credit_points": 0.0, "costs_points": costs})  # fmt: skip
    return refused


def _look_for_widening(
    condor: Condor, stand: Standing, side: Side, agenda: Agenda
) -> tuple[Answer, Widening | None, str]:
    """A widening that fulfils C-ADJ-2, or what is waited for, or why there is none (stable words, no numbers)."""
    ctx, adjust = agenda.ctx, agenda.ctx.params.adjust
    if not adjust.widen:
        return Answer.NONE, None, "widening is switched off"
    if len(condor.held) > 1:
        return Answer.NONE, None, "its units have two sets of legs: they are only closed"
    if stand.dte_days <= ctx.params.exit.time_exit_dte_days:
        return Answer.NONE, None, "too close to the time exit"
    if condor.adjustments_done(side) >= adjust.max_per_side or condor.adjustments_done() >= adjust.max_per_life:
        return Answer.NONE, None, "this condor has been widened as often as allowed"
    if agenda.watch(condor.id).widen_refused:
        return Answer.NONE, None, "a widening was already tried in vain"
    options = {
        o.strike: o for o in ctx.market.options(condor.trading_class, condor.expiry) if o.is_call is (side is Side.CALL)
    }
    candidates = _candidates(condor.legs, side, options, agenda)
    since = agenda.watch(condor.id).widen_since
    if since is None:
        agenda.remember(condor.id, widen_since=ctx.now)
    patient = since is None or ctx.now - since < timedelta(seconds=adjust.widen_wait_s)
    if not candidates:
        _want_contracts(condor, side, agenda)
        return (Answer.WAIT if patient else Answer.NONE), None, "no listed strikes further out are known"
    for legs in candidates:
        agenda.line_wants.extend(c for c in legs.con_ids() if c not in agenda.line_wants)
    text = "waiting for quotes of the strikes further out"
    for legs in candidates:
        order = legs_to_trade(condor.legs, legs)
        ids = tuple(leg.con_id for leg in order)
        quotes = fresh_quotes(ids, ctx, ctx.params.orders.close_quote_max_age_s)
        net = net_price(order, quotes)
        if net is None:
            continue
        text = _refused(condor, stand, side, legs, net, agenda)
        if not text:
            return Answer.FOUND, Widening(legs, order, net), ""
    waiting = text.startswith("waiting")
    return (Answer.WAIT if waiting and patient else Answer.NONE), None, text


def _candidates(legs: Legs, side: Side, options: dict[float, Option], agenda: Agenda) -> list[Legs]:
    """Legs with the tested spread moved out by the allowed distances, preferred distance first."""
    adjust = agenda.ctx.params.adjust
    found: list[tuple[float, Legs]] = []
    if side is Side.PUT:
        short, wing, sign = legs.put_short, legs.put_short.strike_points - legs.put_long.strike_points, -1.0
    else:
        short, wing, sign = legs.call_short, legs.call_long.strike_points - legs.call_short.strike_points, 1.0
    held = set(legs.con_ids())
    for strike, option in options.items():
        moved = sign * (strike - short.strike_points)
        outer = options.get(strike + sign * wing)
        if not adjust.widen_min_points <= moved <= adjust.widen_max_points or outer is None:
            continue
        if option.con_id in held or outer.con_id in held:
            continue
        new_short, new_long = Leg(option.con_id, strike), Leg(outer.con_id, outer.strike)
        if side is Side.PUT:
            widened = msgspec.structs.replace(legs, put_short=new_short, put_long=new_long)
        else:
            widened = msgspec.structs.replace(legs, call_short=new_short, call_long=new_long)
        found.append((abs(moved - adjust.widen_points), widened))
    return [legs for _, legs in sorted(found, key=lambda pair: (pair[0], pair[1].con_ids()))]


def _want_contracts(condor: Condor, side: Side, agenda: Agenda) -> None:
    reach = agenda.ctx.params.adjust.widen_max_points
    if side is Side.PUT:
        low, high = condor.legs.put_long.strike_points - reach, condor.legs.put_short.strike_points
    else:
        low, high = condor.legs.call_short.strike_points, condor.legs.call_long.strike_points + reach
    symbol = agenda.ctx.params.symbol
    agenda.option_wants.append(Board(symbol, condor.trading_class, condor.expiry, low, high))


def _refused(condor: Condor, stand: Standing, side: Side, legs: Legs, net: Net, agenda: Agenda) -> str:
    """Why this widening is not allowed, empty when it is."""
    ctx, adjust = agenda.ctx, agenda.ctx.params.adjust
    if net.mid_points > debit_cap_points(condor, agenda):
        return "widening costs too much of the credit"
    if stand.em_points is None or ctx.spot_points is None:
        return "the expected move is not known"
    kept = (condor.credit_points or 0.0) + condor.adjust_points - net.mid_points
    put_room = ctx.spot_points - (legs.put_short.strike_points - kept)
    call_room = legs.call_short.strike_points + kept - ctx.spot_points
    room = (put_room if side is Side.PUT else call_room) / stand.em_points
    near = room < adjust.widen_breakeven_min_em - 1e-9
    agenda.note("P-BE-1", condor.id, DECLINE if near else HOLD,
                "afterwards the tested break-even would stay too near" if near else "afterwards it stands far enough",
                inputs={"side": side.value, "tested_breakeven_em": round(room, 4)},
                thresholds={"breakeven_min_em": adjust.widen_breakeven_min_em})  # fmt: skip
    if near:
        return "the break-even would stay too near"
    delta = _delta(condor, legs.put_short if side is Side.PUT else legs.call_short, agenda)
    if delta is None:
        return "the new short has no usable quote"
    if delta >= ctx.params.exit.short_delta_max:
        return "the new short would still be tested"
    mark_options(agenda, [(c, condor.carry_rate) for c in legs.con_ids() if c not in agenda.marks])
    cost_usd = trading_cost_usd(net, 4, condor.quantity, agenda)
    change = Change("C-ADJ-2", condor.legs, legs, condor.quantity, cost_usd)
    return improves(condor.id, change, stand.em_points, stand.dte_days, agenda)


def _delta(condor: Condor, leg: Leg, agenda: Agenda) -> float | None:
    """Absolute delta of an option not held, from its own mid."""
    ctx = agenda.ctx
    option, quote = ctx.market.option(leg.con_id), ctx.market.quotes.get(leg.con_id)
    if option is None or quote is None or quote.mid is None or ctx.spot_points is None:
        return None
    tau = tau_years(option, ctx)
    forward = forward_points(ctx.spot_points, condor.carry_rate, tau)
    found = analyse_one(quote.mid, forward, option.strike, tau, option.is_call)
    return None if found is None else abs(found.delta)
