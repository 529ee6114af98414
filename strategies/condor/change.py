"""Carries a change of legs out: one order of four legs at a time, walked, ended by what is more urgent.

Rules
- Each order trades whole units: the legs that go and the ones that come, four at most. After any number of units each
  unit is a whole condor, with the old legs or with the new ones (K-DEF-1).
- Nothing filled: the walk is patient and under the debit cap. Something filled: it is firm, to get the rest done.
- A limit never leaves the price collar of the gate (C11): there every attempt would be denied.
- The walk ends after its attempts, near the close, without quotes, and at once for a stop or a crisis. Then a change of
  which nothing filled is given up, and one half done is left so: every other rule sees both sets of legs.
"""

from __future__ import annotations

import math
from datetime import timedelta

from strategies.condor import manage
from strategies.condor.context import Agenda
from strategies.condor.lots import Adjustment
from strategies.condor.machine import Condor, give_up_adjustment, prepare_adjustment, stop_adjustment
from strategies.condor.manage import Wish
from strategies.condor.marks import mark_options
from strategies.condor.place import Ticket, chain_name, place
from strategies.condor.standing import Standing, fresh_quotes
from strategies.condor.structure import MULTIPLIER, Legs, Net, net_price
from strategies.condor.walk import (
    Look,
    Urgency,
    Walk,
    closing_cap_points,
    in_our_favour,
    limit_points,
    look,
    shares,
)
from strategies.domain.decision import DecisionVerdict
from strategies.domain.orders import LegIntent, Purpose

ACTS = {"C-ADJ-1": "move both shorts out", "C-ADJ-2": "widen the tested side"}
"""What an order of each rule does, in words."""

HOLD, ACT, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.ACT, DecisionVerdict.DECLINE


def legs_to_trade(old: Legs, new: Legs) -> tuple[LegIntent, ...]:
    """Order legs that turn one unit of the old legs into one of the new: those that go by rising strike, then those
    that come."""
    kept = set(old.con_ids()) & set(new.con_ids())
    return tuple(leg for leg in (*old.closing(), *new.opening()) if leg.con_id not in kept)


def debit_cap_points(condor: Condor, agenda: Agenda) -> float:
    """The most a widening may cost per unit (C-ADJ-2)."""
    return agenda.ctx.params.adjust.widen_max_debit_pct_of_credit / 100.0 * (condor.credit_points or 0.0)


def cap_points(condor: Condor, chain: str, agenda: Agenda) -> float:
    """The most a change of legs may cost per unit: narrowing gives back at most the whole credit."""
    narrows = condor.adjustments[chain].rule == "C-ADJ-1"
    return (condor.credit_points or 0.0) if narrows else debit_cap_points(condor, agenda)


def trading_cost_usd(net: Net, legs: int, units: int, agenda: Agenda) -> float:
    """What a patient walk may concede against mid, the collar included, and commissions: dollars for all units."""
    params = agenda.ctx.params
    share = params.orders.patient_concession_pct / 100.0 * max(0.0, net.half_spread_points)
    conceded = min(share, max(0.0, closing_cap_points(net, math.inf, params.orders) - net.mid_points))
    return (conceded * MULTIPLIER + legs * params.book.commission_usd_per_contract) * units


def begin(condor: Condor, adjustment: Adjustment, net: Net, agenda: Agenda) -> None:
    """The first order of a change of legs, with the condor that knows what it leads to."""
    number = len(condor.adjustments) + 1
    chain = chain_name(condor.id, Purpose.ADJUST, number)
    prepared = prepare_adjustment(condor, chain, adjustment)
    agenda.proposals.append(prepared)
    send(prepared, chain, number, 1, net, agenda)


def run_adjust(condor: Condor, stand: Standing, agenda: Agenda) -> None:
    """Goes on with a change of legs while its walk lasts; an urgent close ends it, whether or not a part of it is done.

    What is left half done is left in whole units, some with the old legs and some with the new ones: the stop and every
    other rule then see both, and a closing order follows for each.
    """
    ctx, walk = agenda.ctx, agenda.walks.get(condor.id)
    assert condor.adjusting is not None
    rule = condor.adjustments[condor.adjusting].rule
    urgent = manage.judge_urgent(condor, stand, agenda).wish is Wish.CLOSE
    live = agenda.live.get(condor.id, [])
    if live:
        for record in live:
            if urgent or not ctx.can_trade or walk is None or record.ref != walk.ref:
                agenda.cancel(record, "X-EXEC", "a more urgent rule takes over" if urgent else "the change must stop")
            elif look(walk, record, ctx.now, False, ctx.params.orders) is Look.CANCEL:
                agenda.cancel(record, "X-EXEC", "step of the price walk")
        agenda.note(rule, condor.id, HOLD, f"an order to {ACTS[rule]} works")
        return
    if walk is not None and walk.purpose is Purpose.ADJUST:
        latest = ctx.book.orders.get(walk.ref)
        if look(walk, latest, ctx.now, walk.ref in ctx.pending_refs, ctx.params.orders) is Look.WAIT:
            return
    _go_on(condor, walk, urgent, agenda)


def _go_on(condor: Condor, walk: Walk | None, urgent: bool, agenda: Agenda) -> None:
    """No order of the change is alive: the next attempt, or its end."""
    ctx = agenda.ctx
    assert condor.adjusting is not None
    target = condor.adjustments[condor.adjusting]
    done = _units_done(condor, condor.adjusting)
    mine = walk if walk is not None and walk.purpose is Purpose.ADJUST else None
    attempt = mine.attempt + 1 if mine is not None else 1
    order = legs_to_trade(target.before, target.legs)
    ids = tuple(leg.con_id for leg in order)
    net = net_price(order, fresh_quotes(ids, ctx, ctx.params.orders.close_quote_max_age_s))
    ended = _ended(condor, condor.adjusting, net, attempt, done, urgent, agenda)
    if not ended and net is None:
        # Half done and blind: the quotes get as long as the strikes further out got before.
        at = condor.state_since if mine is None else mine.at
        patient = ctx.now - at < timedelta(seconds=ctx.params.adjust.widen_wait_s)
        ended = "" if patient else "a leg has no fresh quote to price the rest"
        if patient:
            agenda.note(target.rule, condor.id, DECLINE, "a half-made change of legs waits for quotes to finish it")
            return
    if ended or net is None:
        _leave(condor, target.rule, done, ended, agenda)
        return
    number = mine.number if mine is not None else len(condor.adjustments)
    send(condor, condor.adjusting, number, attempt, net, agenda)


def _ended(condor: Condor, chain: str, net: Net | None, attempt: int, done: int, urgent: bool, agenda: Agenda) -> str:
    """Why the change goes no further, empty while it may."""
    orders = agenda.ctx.params.orders
    if urgent:
        return "a more urgent rule takes over"
    if not agenda.ctx.can_trade:
        return "no orders near the close"
    if attempt > len(shares(Purpose.EXIT, Urgency.FIRM if done else Urgency.PATIENT, orders)):
        return "its walk has ended"
    if done:
        return ""
    if net is None:
        return "a leg has no fresh quote"
    return "it costs too much of the credit" if net.mid_points > cap_points(condor, chain, agenda) else ""


def _leave(condor: Condor, rule: str, done: int, why: str, agenda: Agenda) -> None:
    """Ends a change of legs: the old legs stay, or, half done, both sets do. It is not tried again."""
    now = agenda.ctx.now
    if done:
        text = f"to {ACTS[rule]} is left half done: {why}; both sets of legs are whole condors"
        agenda.updates.append(stop_adjustment(condor, now, text))
    else:
        text = f"to {ACTS[rule]} is given up: {why}; the old legs stay"
        agenda.updates.append(give_up_adjustment(condor, now, text))
    tried = {"narrow_refused": True} if rule == "C-ADJ-1" else {"widen_refused": True}
    agenda.remember(condor.id, **tried)
    agenda.walks.pop(condor.id, None)
    agenda.note(rule, condor.id, HOLD, text, inputs={"units_done": done, "units": condor.quantity})


def _units_done(condor: Condor, chain: str) -> int:
    return sum(t.units for t in condor.tallies.values() if t.chain_ref == chain)


def send(condor: Condor, chain: str, number: int, attempt: int, net: Net, agenda: Agenda) -> None:
    """One attempt: patient and under the debit cap while nothing has filled, firm and free of it once something has."""
    target = condor.adjustments[chain]
    legs = legs_to_trade(target.before, target.legs)
    done = _units_done(condor, chain)
    # The gate revalues the book with the order in it, so the legs not held yet need their marks as well.
    mark_options(agenda, [(leg.con_id, condor.carry_rate) for leg in legs if leg.con_id not in agenda.marks])
    orders = agenda.ctx.params.orders
    urgency = Urgency.FIRM if done else Urgency.PATIENT
    limit = limit_points(net, attempt, shares(Purpose.EXIT, urgency, orders), orders)
    # Beyond the collar the gate denies (C11): an attempt there would be no attempt at all.
    limit = min(limit, closing_cap_points(net, math.inf, orders))
    if not done:
        limit = min(limit, in_our_favour(cap_points(condor, chain, agenda), orders.tick_points))
    ticket = Ticket(
        purpose=Purpose.ADJUST,
        rule=target.rule,
        urgency=urgency,
        legs=legs,
        quantity=target.units - done,
        net=net,
        limit_points=limit,
        chain_ref=chain,
        number=number,
        attempt=attempt,
        text=ACTS[target.rule],
    )
    ref = place(condor, ticket, agenda)
    inputs = {"attempt": attempt, "limit_points": limit, "mid_points": round(net.mid_points, 4)}
    thresholds = {"max_debit_points": round(cap_points(condor, chain, agenda), 4)}
    agenda.note(
        target.rule, condor.id, ACT, f"order to {ACTS[target.rule]}", inputs=inputs, thresholds=thresholds, ref=ref
    )
