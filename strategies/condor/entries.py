"""Runs the opening of a condor after its proposal: goes on with the walk, or gives it up with what has filled."""

from __future__ import annotations

from strategies.condor.context import Agenda
from strategies.condor.filters import still_wanted
from strategies.condor.machine import Condor, CondorState, give_up_entry
from strategies.condor.place import Ticket, place
from strategies.condor.standing import fresh_quotes
from strategies.condor.structure import net_price
from strategies.condor.walk import Look, Urgency, Walk, limit_points, look, shares
from strategies.domain.decision import DecisionVerdict
from strategies.domain.orders import Purpose

HOLD, ACT = DecisionVerdict.HOLD, DecisionVerdict.ACT


def run_entry(condor: Condor, agenda: Agenda) -> None:
    """Minds a condor in CANDIDATE, GATED or ENTRY_WORKING."""
    ctx = agenda.ctx
    walk = agenda.walks.get(condor.id)
    stop = still_wanted(ctx)
    live = agenda.live.get(condor.id, [])
    if live:
        for record in live:
            if walk is None or record.ref != walk.ref:
                agenda.cancel(record, "X-EXEC", "not the order this condor waits for")
            elif stop:
                agenda.cancel(record, "X-EXEC", stop)
            elif look(walk, record, ctx.now, False, ctx.params.orders) is Look.CANCEL:
                agenda.cancel(record, "X-EXEC", "step of the price walk")
        agenda.note("X-EXEC", condor.id, HOLD, "an entry order works")
        return
    if walk is None or walk.purpose is not Purpose.ENTRY:
        _give_up(condor, agenda, "its entry walk is not known")
        return
    latest = ctx.book.orders.get(walk.ref)
    if condor.state is CondorState.CANDIDATE and latest is None:
        waited = (ctx.now - walk.at).total_seconds()
        if stop:  # it waits for a what-if or for people; nothing was sent
            _give_up(condor, agenda, stop)
        elif walk.ref not in ctx.pending_refs and waited >= ctx.params.orders.candidate_expires_s:
            _give_up(condor, agenda, "no verdict came in time")
        return
    if look(walk, latest, ctx.now, walk.ref in ctx.pending_refs, ctx.params.orders) is Look.WAIT:
        return
    if stop:
        _give_up(condor, agenda, stop)
        return
    _next(condor, walk, agenda)


def _next(condor: Condor, walk: Walk, agenda: Agenda) -> None:
    """The next attempt, while the walk has one, the quotes are fresh and the credit is still enough."""
    ctx, orders = agenda.ctx, agenda.ctx.params.orders
    plan = shares(Purpose.ENTRY, Urgency.PATIENT, orders)
    attempt = walk.attempt + 1
    if attempt > len(plan):
        _give_up(condor, agenda, "the entry walk ended unfilled")
        return
    if not ctx.regime.calm:
        _give_up(condor, agenda, f"the futures curve is {ctx.regime.value}")
        return
    legs = condor.legs.opening()
    net = net_price(legs, fresh_quotes(condor.legs.con_ids(), ctx, orders.entry_quote_max_age_s))
    if net is None:
        if (ctx.now - walk.at).total_seconds() > orders.candidate_expires_s:
            _give_up(condor, agenda, "the legs' quotes stay stale")
            return
        agenda.note("X-EXEC", condor.id, HOLD, "the entry walk waits for fresh quotes")
        return
    entry = ctx.params.entry
    least = entry.min_credit_pct_of_width / 100.0 * condor.legs.width_points
    limit = limit_points(net, attempt, plan, orders)
    if -limit < least - 1e-9:
        _give_up(condor, agenda, "the credit has fallen below the minimum")
        return
    ticket = Ticket(
        purpose=Purpose.ENTRY,
        rule=walk.rule,
        urgency=Urgency.PATIENT,
        legs=legs,
        quantity=condor.quantity_wanted - condor.quantity,
        net=net,
        limit_points=limit,
        chain_ref=walk.chain_ref,
        number=walk.number,
        attempt=attempt,
        text="sell to open",
    )
    ref = place(condor, ticket, agenda)
    inputs = {"attempt": attempt, "limit_points": limit, "mid_points": round(net.mid_points, 4),
              "natural_points": round(net.natural_points, 4)}  # fmt: skip
    agenda.note("X-EXEC", condor.id, ACT, "next attempt of the entry walk", inputs=inputs, ref=ref)


def _give_up(condor: Condor, agenda: Agenda, text: str) -> None:
    agenda.updates.append(give_up_entry(condor, agenda.ctx.now, text))
    agenda.walks.pop(condor.id, None)
    agenda.note("X-EXEC", condor.id, HOLD, f"entry given up: {text}", inputs={"filled": condor.quantity})
