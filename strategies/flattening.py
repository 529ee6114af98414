"""X-FLAT, the hedge's part: once no condor holds anything its pieces are sold, one order a slot, walked to the natural.

Rules
- Nothing is sold while a condor of ours holds or may come to hold something: shorts go first, as whole condors.
- A piece is a long with the short that caps it, sold together; what is sold is held: no order adds to a position.
- The price walks from mid by the shares of an urgent walk and ends at the natural, within the gate's collar (C11) and
  never below a tick: nothing is paid to be rid of a long. A leg nobody bids for is offered at what its ask leaves.
- It asks nothing of signals, marks or the hedge's own rules: a flattening must work when they know nothing.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from strategies.alvh.exposure import Line
from strategies.alvh.lattice import HedgeAction, Held
from strategies.alvh.memory import AlvhMemory, HedgeWalk
from strategies.alvh.params import HedgeOrderParams
from strategies.alvh.pieces import Piece, pieces_of
from strategies.condor.context import Agenda, Context
from strategies.domain.decision import DecisionVerdict
from strategies.domain.flatten import RULE, not_closing
from strategies.domain.hedge import HEDGE_OWNER, slot_name
from strategies.domain.instruments import tick_size
from strategies.domain.orders import Action, LegIntent, OrderRecord, OrderState, PlaceIntent, Purpose

HOLD, ACT, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.ACT, DecisionVerdict.DECLINE
SUBJECT = "hedge"
TICK_POINTS = 0.01


class Price(NamedTuple):
    """Net price of selling one unit, points per share: negative is collected."""

    mid: float
    natural: float
    tick: float


def sell_hedge(agenda: Agenda, holdings: tuple[Held, ...], memory: AlvhMemory, params: HedgeOrderParams) -> AlvhMemory:
    """One look: goes on with the walks, begins what can begin; the memory afterwards."""
    live = agenda.live.get(HEDGE_OWNER, [])
    held = tuple(row for row in holdings if row.quantity)
    agenda.line_wants.extend(row.con_id for row in held)
    before = memory if memory.day == agenda.ctx.today else msgspec.structs.replace(
        memory, day=agenda.ctx.today, counts={}
    )  # fmt: skip
    memory = msgspec.structs.replace(before, walks={s: w for s, w in before.walks.items() if w.rule == RULE})
    if not held and not live:
        return memory
    wait = _first(agenda.ctx)
    _mind(agenda, live, memory, params, wait)
    if wait:
        agenda.note(RULE, SUBJECT, HOLD, wait, inputs={"contracts": sum(abs(row.quantity) for row in held)})
        return memory
    memory = _go_on(agenda, memory, params)
    return _begin(agenda, held, memory, params)


def end_sales(agenda: Agenda, memory: AlvhMemory) -> AlvhMemory:
    """Without a flattening: what one had under way is given up, and what of it works is cancelled."""
    for record in agenda.live.get(HEDGE_OWNER, []):
        if record.intent.rule == RULE and not agenda.ctx.halted:
            agenda.cancel(record, RULE, "the flattening was ended")
    if not any(walk.rule == RULE for walk in memory.walks.values()):
        return memory
    return msgspec.structs.replace(memory, walks={s: w for s, w in memory.walks.items() if w.rule != RULE})


def _first(ctx: Context) -> str:
    """What must come before the hedge is sold, or keeps anything from being sent; empty when it is its turn."""
    if not_closing(ctx.book):
        return "orders that do not close are alive: their cancels are proven first"
    condors = [condor.id for condor in ctx.condors.values() if condor.active]
    if condors:
        return f"the hedge is sold after the last condor: {', '.join(condors)}"
    return "" if ctx.can_trade else "it waits for the session"


def _mind(agenda: Agenda, live: list[OrderRecord], memory: AlvhMemory, params: HedgeOrderParams, wait: str) -> None:
    """Cancels a sale whose step is over, that no walk waits for, or that must wait after all."""
    awaited = {walk.ref for walk in memory.walks.values()}
    for record in live:
        if record.intent.rule != RULE:
            agenda.cancel(record, RULE, "everything is cancelled before anything is closed")
        elif record.ref not in awaited or wait:
            agenda.cancel(record, RULE, wait or "no walk waits for it")
        elif record.state is OrderState.WORKING:
            since = record.sent_at if record.sent_at is not None else record.approved_at
            if (agenda.ctx.now - since).total_seconds() >= params.step_s:
                agenda.cancel(record, RULE, "step of the price walk")


def _go_on(agenda: Agenda, memory: AlvhMemory, params: HedgeOrderParams) -> AlvhMemory:
    """The next attempt of each walk whose order is over; a walk at its end rests, then a new one begins."""
    ctx = agenda.ctx
    for slot, walk in tuple(memory.walks.items()):
        record = ctx.book.orders.get(walk.ref)
        waited_s = (ctx.now - walk.at).total_seconds()
        if record is None and (walk.ref in ctx.pending_refs or waited_s < ctx.params.orders.denied_pause_s):
            continue  # denied a moment ago
        if record is not None and record.live:
            continue
        filled = walk.filled + (0 if record is None else record.filled_units)
        rest = {number: one for number, one in memory.walks.items() if number != slot}
        if filled >= walk.quantity:
            memory = msgspec.structs.replace(memory, walks=rest)
        elif record is not None and walk.attempt < len(_shares(params)):
            again = msgspec.structs.replace(walk, filled=filled, attempt=walk.attempt + 1)
            memory = _attempt(agenda, again, memory, params)
        elif waited_s >= params.step_s + ctx.params.orders.firm_pause_s:
            memory = msgspec.structs.replace(memory, walks=rest)
    return memory


def _begin(agenda: Agenda, held: tuple[Held, ...], memory: AlvhMemory, params: HedgeOrderParams) -> AlvhMemory:
    """A walk for each slot that holds something, as many as may be alive at once, never two in the same legs."""
    taken = [{(leg.con_id, leg.action) for leg in walk.legs} for walk in memory.walks.values()]
    for slot in sorted({row.slot for row in held}):
        if len(memory.walks) >= params.orders_at_once or slot in memory.walks:
            continue
        for piece in _pieces(agenda.ctx, slot, held):
            legs = piece.legs()
            if {(leg.con_id, leg.action) for leg in legs} in taken:
                continue
            count = memory.counts.get(slot, 0) + 1
            walk = HedgeWalk(
                action=HedgeAction.HARVEST,
                rule=RULE,
                slots=(slot,),
                legs=legs,
                quantity=min(piece.quantity, params.max_quantity),
                chain_ref=f"{slot_name(slot)}.{HedgeAction.HARVEST.value}/{agenda.ctx.today:%Y%m%d}-{count}",
                ref="",
                attempt=1,
                at=agenda.ctx.now,
                urgent=True,
                text="everything is sold on a person's order",
            )
            memory = _attempt(agenda, walk, memory, params)
            if slot in memory.walks:
                taken.append({(leg.con_id, leg.action) for leg in legs})
                break
    return memory


def _pieces(ctx: Context, slot: int, held: tuple[Held, ...]) -> list[Piece]:
    """What one slot can sell, unvalued. A contract without details cannot be priced and is in none."""
    lines = []
    for row in held:
        contract = ctx.market.tradable(row.con_id)
        if row.slot == slot and contract is not None:
            lines.append(Line(row, contract, 0.0, 0.0, None, None, None, None, None, None, None))
    return pieces_of(lines)


def _attempt(agenda: Agenda, walk: HedgeWalk, memory: AlvhMemory, params: HedgeOrderParams) -> AlvhMemory:
    """Makes the order of an attempt; without fresh quotes nothing changes, and it is said."""
    ctx, slot = agenda.ctx, walk.slots[0]
    price = price_of(walk.legs, ctx)
    if price is None:
        agenda.note(RULE, slot_name(slot), DECLINE, "to be sold, but a leg has no fresh quote to price it")
        return memory
    count = memory.counts.get(slot, 0) + 1
    limit = limit_of(price, walk.attempt, _shares(params), ctx)
    ref = f"{slot_name(slot)}.{walk.action.value}.{ctx.today:%Y%m%d}.{count}"
    intent = PlaceIntent(
        ref=ref, chain_ref=walk.chain_ref, attempt=walk.attempt, purpose=Purpose.EXIT, owner=HEDGE_OWNER, rule=RULE,
        legs=walk.legs, quantity=walk.quantity - walk.filled, limit_points=limit, mid_points=round(price.mid, 6),
        natural_points=round(price.natural, 6), decided_at=ctx.now, text=walk.text,
    )  # fmt: skip
    agenda.places.append(intent)
    inputs = {"attempt": walk.attempt, "limit_points": limit, "mid_points": round(price.mid, 4),
              "natural_points": round(price.natural, 4), "quantity": intent.quantity}  # fmt: skip
    agenda.note(RULE, slot_name(slot), ACT, "sold on a person's order", inputs=inputs, ref=ref)
    kept = msgspec.structs.replace(walk, ref=ref, at=ctx.now)
    return msgspec.structs.replace(
        memory, walks={**memory.walks, slot: kept}, counts={**memory.counts, slot: count}
    )  # fmt: skip


def price_of(legs: tuple[LegIntent, ...], ctx: Context) -> Price | None:
    """From fresh quotes; a leg to be sold needs one side of its market, one to be bought an offer."""
    mid = natural = 0.0
    for leg in legs:
        quote = ctx.market.fresh(leg.con_id, ctx.now, ctx.params.orders.close_quote_max_age_s)
        if quote is None:
            return None
        bid, ask = quote.bid, quote.ask
        if ask is not None and not (ask > 0.0 and (bid or 0.0) <= ask):
            return None
        if leg.action is Action.BUY:
            if ask is None:
                return None
            mid, natural = mid + 0.5 * ((bid or 0.0) + ask), natural + ask
        else:
            if ask is None and not bid:
                return None
            mid -= (bid or 0.0) if ask is None else 0.5 * ((bid or 0.0) + ask)
            natural -= bid or 0.0
    contract = ctx.market.tradable(legs[0].con_id)
    single = contract is not None and len(legs) == 1 and contract.ticks
    if contract is None or not single:
        on_index = contract is not None and contract.symbol == "SPX"
        return Price(mid, natural, ctx.params.orders.tick_points if on_index else TICK_POINTS)
    return Price(mid, natural, tick_size(contract.ticks, mid))


def limit_of(price: Price, attempt: int, shares: tuple[float, ...], ctx: Context) -> float:
    """Limit of an attempt (from 1): mid plus its share of the half-spread, collared, at least a tick collected."""
    orders, half = ctx.params.orders, max(0.0, price.natural - price.mid)
    share = shares[min(attempt, len(shares)) - 1]
    walked = price.mid + max(share * half, min((attempt - 1) * price.tick, shares[-1] * half))
    collar = price.mid + max(orders.collar_min_points, 0.01 * orders.collar_pct_of_mid * abs(price.mid))
    wanted = min(walked, collar, -price.tick)
    return round(math.floor(wanted / price.tick + 1e-6) * price.tick, 6)


def _shares(params: HedgeOrderParams) -> tuple[float, ...]:
    """What each attempt concedes: an urgent walk's share, then the natural price."""
    last, steps = params.crisis_concession_pct / 100.0, max(1, params.reprices)
    return (*(last * step / steps for step in range(steps + 1)), 1.0)
