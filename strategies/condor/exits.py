"""Runs the closing of a condor: starts walks, goes on with them, escalates them, and never has two orders alive."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import msgspec

from strategies.condor import manage
from strategies.condor.context import Agenda
from strategies.condor.machine import Condor, release_exit
from strategies.condor.manage import Verdict, Wish
from strategies.condor.params import OrderParams
from strategies.condor.place import Ticket, chain_name, next_number, place
from strategies.condor.standing import Standing, fresh_quotes
from strategies.condor.structure import net_price
from strategies.condor.walk import Look, Urgency, Walk, closing_limit_points, look, shares
from strategies.domain.decision import DecisionVerdict
from strategies.domain.flatten import RULE as FLATTEN
from strategies.domain.orders import OrderRecord, Purpose

HOLD, ACT, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.ACT, DecisionVerdict.DECLINE

_RELEASABLE = ("C-EXIT-1", "C-EXIT-5", "C-THETA-1", "A-VEGA-2")
"""Rules whose closing may be dropped when the walk ends unfilled: nothing is lost by waiting. So may a patient roll."""


class Round(NamedTuple):
    """Which attempt of which walk comes next."""

    rule: str
    urgency: Urgency
    number: int
    attempt: int


def start_exit(condor: Condor, verdict: Verdict, agenda: Agenda) -> None:
    """Begins to close an open condor, unless a walk that ended a moment ago still rests."""
    walk = agenda.walks.get(condor.id)
    number = next_number(condor, Purpose.EXIT, walk)
    if walk is not None and walk.purpose is Purpose.EXIT:
        if _resting(walk, verdict, agenda):
            agenda.note("X-EXEC", condor.id, HOLD, "the closing walk rests before its next round")
            return
        if _latest(walk, agenda) is Look.WAIT:
            agenda.note("X-EXEC", condor.id, HOLD, "a closing order is before the gate or was just denied")
            return
    _attempt(condor, agenda, Round(verdict.rule, verdict.urgency, number, 1))


def run_exit(condor: Condor, stand: Standing, agenda: Agenda) -> None:
    """Goes on with the closing of a condor in EXIT_WORKING."""
    verdict = manage.judge_urgent(condor, stand, agenda)
    walk = agenda.walks.get(condor.id)
    live = agenda.live.get(condor.id, [])
    escalate = verdict.wish is Wish.CLOSE and (
        walk is None
        or walk.urgency is Urgency.PATIENT
        or walk.purpose is not Purpose.EXIT
        or (verdict.rule == FLATTEN and walk.rule != FLATTEN)
    )
    if live:
        _mind(condor, live, walk, escalate, agenda)
        return
    if walk is None or walk.purpose is not Purpose.EXIT:
        rule = verdict.rule or condor.exit_rule or "C-EXIT-2"
        _attempt(condor, agenda, Round(rule, Urgency.FIRM, next_number(condor, Purpose.EXIT, walk), 1))
        return
    if escalate:
        _attempt(condor, agenda, Round(verdict.rule, Urgency.FIRM, walk.number + 1, 1))
        return
    _go_on(condor, stand, walk, agenda)


def _go_on(condor: Condor, stand: Standing, walk: Walk, agenda: Agenda) -> None:
    """No order is alive: the next attempt, the next walk, or the release of the condor."""
    ctx = agenda.ctx
    if _flattened_no_more(walk, agenda):
        _release(condor, walk, "the flattening was ended: the rules look after it again", agenda)
        return
    if walk.paused_until is not None:
        if ctx.now >= walk.paused_until:
            _attempt(condor, agenda, Round(walk.rule, Urgency.FIRM, walk.number + 1, 1))
        return
    if _latest(walk, agenda) is Look.WAIT:
        return
    if walk.rule == "C-EXIT-1" and not manage.profit_holds(condor, stand, agenda):
        _release(condor, walk, "the profit target no longer holds at mid", agenda)
    elif walk.attempt < len(shares(Purpose.EXIT, walk.urgency, _orders(agenda))):
        _attempt(condor, agenda, Round(walk.rule, walk.urgency, walk.number, walk.attempt + 1))
    elif walk.rule in _RELEASABLE or (walk.rule == "C-ADJ-3" and walk.urgency is Urgency.PATIENT):
        _release(condor, walk, "the walk ended unfilled; the reason may wait", agenda)
    else:
        firm = walk.urgency is Urgency.FIRM
        pause = timedelta(seconds=_orders(agenda).firm_pause_s if firm else _orders(agenda).patient_pause_s)
        agenda.walks[condor.id] = msgspec.structs.replace(walk, paused_until=ctx.now + pause)
        agenda.note("X-EXEC", condor.id, HOLD, "the closing walk ended unfilled: another round after a pause")


def _mind(condor: Condor, live: list[OrderRecord], walk: Walk | None, escalate: bool, agenda: Agenda) -> None:
    """Looks after the order that is alive; more than one, or one that is not the walk's, is cancelled."""
    ctx = agenda.ctx
    for record in live:
        if walk is None or record.ref != walk.ref:
            agenda.cancel(record, "X-EXEC", "not the order this condor waits for")
        elif escalate:
            agenda.cancel(record, "X-EXEC", "a more urgent rule takes over")
        elif not ctx.can_trade:
            agenda.cancel(record, "X-EXEC", "no orders near the close")
        elif _flattened_no_more(walk, agenda):
            agenda.cancel(record, FLATTEN, "the flattening was ended")
        elif look(walk, record, ctx.now, False, _orders(agenda)) is Look.CANCEL:
            agenda.cancel(record, "X-EXEC", "step of the price walk")
    agenda.note("X-EXEC", condor.id, HOLD, "a closing order works")


def _attempt(condor: Condor, agenda: Agenda, at: Round) -> None:
    """Sends the next closing order if the quotes can price it."""
    ctx, orders = agenda.ctx, _orders(agenda)
    rule, urgency, number, attempt = at
    if condor.quantity <= 0 or not ctx.can_trade:
        return
    lot = condor.held[0]  # a half-made change of legs leaves two sets: one is closed after the other
    legs = lot.legs.closing()
    quotes = fresh_quotes(lot.legs.con_ids(), ctx, orders.close_quote_max_age_s)
    net = net_price(legs, quotes, orders.worthless_ask_points)
    if net is None:
        agenda.note("X-EXEC", condor.id, DECLINE, "wants to close, but a leg has no fresh quote to price it")
        return
    plan = shares(Purpose.EXIT, urgency, orders)
    limit = closing_limit_points(net, attempt, plan, lot.legs.width_points, orders)
    ticket = Ticket(
        purpose=Purpose.EXIT,
        rule=rule,
        urgency=urgency,
        legs=legs,
        quantity=lot.units,
        net=net,
        limit_points=limit,
        chain_ref=chain_name(condor.id, Purpose.EXIT, number),
        number=number,
        attempt=attempt,
        text=f"close by {rule}, {urgency.value} walk",
    )
    ref = place(condor, ticket, agenda)
    agenda.note(
        "X-EXEC",
        condor.id,
        ACT,
        f"closing order of a {urgency.value} walk for {rule}",
        inputs={
            "attempt": attempt,
            "limit_points": limit,
            "mid_points": round(net.mid_points, 4),
            "natural_points": round(net.natural_points, 4),
        },
        ref=ref,
    )


def _release(condor: Condor, walk: Walk, text: str, agenda: Agenda) -> None:
    """Back to OPEN; the same wish may come again after a pause."""
    ctx = agenda.ctx
    agenda.updates.append(release_exit(condor, ctx.now, text))
    pause = timedelta(seconds=_orders(agenda).patient_pause_s)
    agenda.walks[condor.id] = msgspec.structs.replace(walk, paused_until=ctx.now + pause)
    agenda.note("X-EXEC", condor.id, HOLD, text)


def _resting(walk: Walk, verdict: Verdict, agenda: Agenda) -> bool:
    if walk.paused_until is None or agenda.ctx.now >= walk.paused_until:
        return False
    return verdict.urgency is Urgency.PATIENT or walk.urgency is Urgency.FIRM


def _latest(walk: Walk, agenda: Agenda) -> Look:
    ctx = agenda.ctx
    return look(walk, ctx.book.orders.get(walk.ref), ctx.now, walk.ref in ctx.pending_refs, _orders(agenda))


def _flattened_no_more(walk: Walk, agenda: Agenda) -> bool:
    """Whether this walk closes for a flattening that a person has ended by arming."""
    return walk.rule == FLATTEN and not agenda.ctx.flattening


def _orders(agenda: Agenda) -> OrderParams:
    return agenda.ctx.params.orders
