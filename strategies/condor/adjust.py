"""Defends a tested condor: widen the tested side (C-ADJ-2), else close to roll out (C-ADJ-3), else close.

Rules
- Widening is one order of four legs on the tested side: the old spread is bought back and the same width sold 15 to 25
  points further out, same expiry. It costs at most the allowed share of the original credit, happens once a side and
  twice a life, and must at least take the new short out of the threat that caused it.
- How its orders are walked, and what happens when only a part of it fills: `change`.
- Rolling out closes first. The second half is an ordinary entry, later, that must collect at least what closing cost.
- Narrowing (C-ADJ-1) answers correlation and needs the hedge's diagnostics; it comes with them.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

import msgspec

from strategies.condor.change import debit_cap_points, legs_to_trade, send
from strategies.condor.context import Agenda
from strategies.condor.exits import start_exit
from strategies.condor.filters import still_wanted
from strategies.condor.machine import Adjustment, Condor, Side, prepare_adjustment
from strategies.condor.manage import Verdict, Wish
from strategies.condor.marks import forward_points, tau_years
from strategies.condor.place import chain_name
from strategies.condor.standing import Standing, fresh_quotes
from strategies.condor.structure import Leg, Legs, Net, net_price
from strategies.condor.walk import Look, Urgency, look
from strategies.domain.decision import DecisionVerdict
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
        _start(condor, side, widening, agenda)
        return
    agenda.note("C-ADJ-2", condor.id, DECLINE, text)
    if _may_roll(condor, agenda):
        _row2(condor, agenda, "roll out: close now, sell a later expiry if it collects more than closing cost")
        start_exit(condor, Verdict(Wish.CLOSE, "C-ADJ-3", Urgency.FIRM, side), agenda)
        return
    _row2(condor, agenda, "close")
    start_exit(condor, Verdict(Wish.CLOSE, "C-DEC-1", Urgency.FIRM, side), agenda)


def _row2(condor: Condor, agenda: Agenda, text: str) -> None:
    agenda.note("C-DEC-1", condor.id, ACT, f"row 2: {text}", inputs={"row": 2})


def _before_gate(condor: Condor, agenda: Agenda) -> bool:
    """Whether a widening order waits for the gate; one that was denied counts as refused for this threat."""
    walk, ctx = agenda.walks.get(condor.id), agenda.ctx
    if walk is None or walk.purpose is not Purpose.ADJUST or walk.ref in ctx.book.orders:
        return False
    if look(walk, None, ctx.now, walk.ref in ctx.pending_refs, ctx.params.orders) is Look.WAIT:
        return True
    agenda.remember(condor.id, widen_refused=True)
    return False


def _may_roll(condor: Condor, agenda: Agenda) -> bool:
    """Whether a later entry could follow at all; without that it is a plain close."""
    ctx = agenda.ctx
    calm = ctx.regime.calm and ctx.tier is not None and ctx.tier <= Tier.WATCH
    return ctx.params.adjust.roll and condor.rolls_used < ctx.params.adjust.max_rolls and calm and not still_wanted(ctx)


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
    if room < adjust.widen_breakeven_min_em - 1e-9:
        return "the break-even would stay too near"
    delta = _delta(condor, legs.put_short if side is Side.PUT else legs.call_short, agenda)
    if delta is None:
        return "the new short has no usable quote"
    return "the new short would still be tested" if delta >= ctx.params.exit.short_delta_max else ""


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


def _start(condor: Condor, side: Side, widening: Widening, agenda: Agenda) -> None:
    """The first order of a widening, with the condor that knows what it leads to."""
    number = len(condor.adjustments) + 1
    chain = chain_name(condor.id, Purpose.ADJUST, number)
    adjustment = Adjustment(side, widening.legs, condor.quantity, condor.legs)
    prepared = prepare_adjustment(condor, chain, adjustment)
    agenda.proposals.append(prepared)
    send(prepared, chain, number, 1, widening.net, agenda)
