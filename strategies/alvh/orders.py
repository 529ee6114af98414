"""Hedge orders: references that never repeat, prices that walk from mid, one order alive per slot.

Rules
- A walk is a row of orders with the same legs. The first asks for mid, each further one concedes more of the
  half-spread up to the walk's share (more in a crisis); it ends there. Nothing is ever modified: the next attempt is
  sent only after the one before is proved over.
- A walk whose order was denied rests and is given up, and so is one whose legs are not quoted; the rules ask again at
  their next look.
- No order is made while a leg has no fresh two-sided quote, or while an order of the slot is in doubt; none while what
  the broker shows and what it has told differ, and nothing but a sale while any order's end is unproven. The gate
  would refuse each of them (C29, C30, C56).
- Nothing is bought for a blocked slot: its walks that buy end and their orders are cancelled; sales go on.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from strategies.alvh import reserve
from strategies.alvh.context import HedgeAgenda, HedgeContext, Step
from strategies.alvh.lattice import HedgeAction, Held, SlotState
from strategies.alvh.memory import Episode, HedgeWalk, Refused
from strategies.domain.decision import DecisionVerdict
from strategies.domain.hedge import HEDGE_OWNER, slot_name
from strategies.domain.instruments import tick_size
from strategies.domain.orders import Action, CancelIntent, LegIntent, OrderRecord, OrderState, PlaceIntent, Purpose
from strategies.domain.session import NEW_YORK
from strategies.signals.tiers import Tier

HOLD, ACT = DecisionVerdict.HOLD, DecisionVerdict.ACT
SPX_COMBO_TICK = 0.05
DENIED = "denied"
UNASKED = "it could not ask again: no quotes, or no word of the broker"


class NetPrice(NamedTuple):
    """Net price of one unit in points per share: positive is paid. `tick` is the grid it is asked on."""

    mid: float
    natural: float
    tick: float


def net_price(legs: tuple[LegIntent, ...], ctx: HedgeContext) -> NetPrice | None:
    """From fresh two-sided quotes; a leg that is sold may have no bid if it is only part of a combination."""
    mid = natural = 0.0
    for leg in legs:
        quote = ctx.market.fresh(leg.con_id, ctx.now, ctx.params.orders.quote_max_age_s)
        if quote is None or quote.bid is None or quote.ask is None or not quote.two_sided:
            return None
        sign = leg.action.sign * leg.ratio
        mid += sign * 0.5 * (quote.bid + quote.ask)
        natural += sign * (quote.ask if leg.action is Action.BUY else quote.bid)
    return NetPrice(mid, natural, _tick(legs, mid, ctx))


def _tick(legs: tuple[LegIntent, ...], price: float, ctx: HedgeContext) -> float:
    contract = ctx.market.tradable(legs[0].con_id)
    if len(legs) == 1 and contract is not None and contract.ticks:
        return tick_size(contract.ticks, price)
    return SPX_COMBO_TICK if contract is not None and contract.symbol == "SPX" else ctx.params.orders.tick_points


def limit_of(net: NetPrice, attempt: int, urgent: bool, ctx: HedgeContext) -> float:
    """Limit of an attempt (from 1), on the grid in our favour, never beyond the natural."""
    params = ctx.params.orders
    crisis = ctx.tier is Tier.CRISIS or urgent
    share = (params.crisis_concession_pct if crisis else params.concession_pct) / 100.0
    step = share * (attempt - 1) / params.reprices if params.reprices else share
    half = max(0.0, net.natural - net.mid)
    wanted = net.mid + max(step * half, min((attempt - 1) * net.tick, share * half))
    return round(math.floor(wanted / net.tick + 1e-6) * net.tick, 6)


# walks -----------------------------------------------------------------------------------------------
def run_walks(agenda: HedgeAgenda) -> None:
    """Goes on with every walk: waits, cancels, asks again, or ends."""
    for slot, walk in tuple(agenda.memory.walks.items()):
        record = agenda.ctx.book.orders.get(walk.ref)
        if _wait(walk, record, agenda):
            continue
        filled = walk.filled + (record.filled_units if record is not None else 0)
        denied = record is None
        over = denied or filled >= walk.quantity or walk.attempt > agenda.ctx.params.orders.reprices
        blocked = buys_blocked(walk.legs, agenda)
        if over or blocked or not agenda.ctx.may_trade:
            _end(agenda, slot, walk, filled, DENIED if denied else "blocked" if blocked else "")
            continue
        asked = _attempt(agenda, msgspec.structs.replace(walk, filled=filled, attempt=walk.attempt + 1))
        if asked:
            reserve.settle(agenda, walk, record)
        waited = (agenda.ctx.now - walk.at).total_seconds()
        if not asked and waited > agenda.ctx.params.orders.give_up_s:
            _end(agenda, slot, walk, filled, UNASKED)


def _wait(walk: HedgeWalk, record: OrderRecord | None, agenda: HedgeAgenda) -> bool:
    """Whether the walk's order is still to be waited for; asks to cancel one whose time is up."""
    ctx, params = agenda.ctx, agenda.ctx.params.orders
    if record is None:
        young = (ctx.now - walk.at).total_seconds() < params.denied_pause_s
        return walk.ref in ctx.pending_refs or young
    if not record.live:
        return False
    if record.state is OrderState.WORKING:
        since = record.sent_at if record.sent_at is not None else record.approved_at
        late = (ctx.now - since).total_seconds() >= params.step_s
        if late or not ctx.may_trade or buys_blocked(walk.legs, agenda):
            agenda.cancels.append(CancelIntent(ref=record.ref, rule="X-EXEC", text="step of the hedge's price walk"))
    return True


def buys_blocked(legs: tuple[LegIntent, ...], agenda: HedgeAgenda) -> bool:
    """Whether an order would bring something into a slot that is blocked."""
    return any(
        leg.action is Action.BUY and leg.slot is not None and agenda.slots[leg.slot].state is SlotState.BLOCKED
        for leg in legs
    )


def under_way_usd(agenda: HedgeAgenda) -> dict[int, float]:
    """Weighted vega by slot, dollars per VIX point, that walks alive and steps planned bring (sales: take) when they
    fill. What cannot be valued now counts as none."""
    coming: dict[int, float] = {}
    rows = [(walk.legs, units_left(walk, agenda)) for walk in agenda.memory.walks.values()]
    rows += [(step.legs, step.quantity) for step in agenda.steps]
    for legs, units in rows:
        for leg in legs:
            line = agenda.ctx.valuer.line(Held(leg.slot or 0, leg.con_id, 1, 0.0))
            usd = 0.0 if line is None or line.usd_per_vix_point is None else line.usd_per_vix_point
            if leg.slot is not None:
                coming[leg.slot] = coming.get(leg.slot, 0.0) + leg.action.sign * leg.ratio * units * usd
    return coming


def units_left(walk: HedgeWalk, agenda: HedgeAgenda) -> int:
    """Units of a walk that may still fill."""
    record = agenda.ctx.book.orders.get(walk.ref)
    return max(0, walk.quantity - walk.filled - (0 if record is None else record.filled_units))


def _end(agenda: HedgeAgenda, slot: int, walk: HedgeWalk, filled: int, why: str) -> None:
    reserve.settle(agenda, walk, agenda.ctx.book.orders.get(walk.ref))
    rest = {number: one for number, one in agenda.memory.walks.items() if number != slot}
    agenda.memory = msgspec.structs.replace(agenda.memory, walks=rest)
    _note_refusal(agenda, walk, filled, denied=why == DENIED)
    if walk.action is HedgeAction.ROTATE:
        _count_ending(agenda, walk, filled, why)
    if walk.stage and filled > 0:
        stages = {**agenda.memory.stages, stage_key(slot, walk.legs[0].con_id): walk.stage}
        agenda.memory = msgspec.structs.replace(agenda.memory, stages=stages)
    text = f"{walk.action.value} by {walk.rule} ended: {filled} of {walk.quantity} filled"
    agenda.note("X-EXEC", slot_name(slot), HOLD, f"{text}{', ' + why if why else ''}",
                inputs={"attempts": walk.attempt, "filled": filled, "wanted": walk.quantity})  # fmt: skip


def begin(agenda: HedgeAgenda, step: Step) -> bool:
    """Starts the walk of a step; False when a leg has no quote to price it by yet, a slot it buys for is blocked, or
    the same came to nothing a moment ago."""
    slot = step.slots[0]
    if _refused_lately(step, agenda) or _opened_enough(step, agenda):
        return False
    if buys_blocked(step.legs, agenda):
        agenda.note("A-LAT-1", slot_name(slot), HOLD, "blocked: nothing is bought until a person has armed again")
        return False
    count = agenda.memory.counts.get(slot, 0) + 1
    chain = f"{slot_name(slot)}.{step.action.value}/{agenda.ctx.today:%Y%m%d}-{count}"
    walk = HedgeWalk(
        action=step.action,
        rule=step.rule,
        slots=step.slots,
        legs=step.legs,
        quantity=step.quantity,
        chain_ref=chain,
        ref="",
        attempt=1,
        at=agenda.ctx.now,
        urgent=step.urgent,
        share=step.share,
        stage=step.stage,
        text=step.text,
        costs={held.con_id: held.price_points for held in agenda.ctx.holdings if held.slot in step.slots},
    )
    if not _attempt(agenda, walk):
        return False
    count_rotation(agenda, walk)
    return True


def _refused_lately(step: Step, agenda: HedgeAgenda) -> bool:
    """Whether the same order came to nothing so lately that it rests; each time in a row doubles the rest. Rotations
    have a rhythm of their own."""
    before = agenda.memory.refused.get(_order_key(step.slots[0], step.action, step.legs))
    if before is None or step.action is HedgeAction.ROTATE:
        return False
    params = agenda.ctx.params.orders
    pause_s = min(params.denied_pause_max_s, params.denied_pause_s * 2.0 ** (before.times - 1))
    rests = (agenda.ctx.now - before.at).total_seconds() < pause_s
    if rests:
        agenda.note("X-EXEC", slot_name(step.slots[0]), HOLD, "it came to nothing a moment ago: it rests",
                    inputs={"rule": step.rule, "times": before.times}, thresholds={"pause_s": pause_s})  # fmt: skip
    return rests


def _opened_enough(step: Step, agenda: HedgeAgenda) -> bool:
    """Whether these legs were bought for this slot as often as a session allows: walks of which anything filled."""
    if step.action is not HedgeAction.OPEN:
        return False
    today, most = agenda.ctx.today, agenda.ctx.params.orders.same_opens_per_day
    walks = {
        record.intent.chain_ref
        for record in agenda.ctx.book.orders.values()
        if record.intent.legs == step.legs
        and any(record.filled_by_leg.values())
        and record.approved_at.astimezone(NEW_YORK).date() == today
    }
    if len(walks) >= most:
        agenda.note("X-EXEC", slot_name(step.slots[0]), HOLD, "these legs were bought as often as a session allows",
                    inputs={"rule": step.rule, "opened": len(walks)}, thresholds={"most": most})  # fmt: skip
    return len(walks) >= most


def _note_refusal(agenda: HedgeAgenda, walk: HedgeWalk, filled: int, *, denied: bool) -> None:
    """Counts a walk that came to nothing: its first order was refused, or nobody took what is sold or rolled without
    haste (openings have their slot's cooldown). Any other end forgets the count."""
    key, refused = _order_key(walk.slots[0], walk.action, walk.legs), dict(agenda.memory.refused)
    before = refused.pop(key, None)
    untaken = filled == 0 and not walk.urgent and walk.action in (HedgeAction.HARVEST, HedgeAction.ROLL)
    if untaken or (denied and walk.attempt == 1):
        refused[key] = Refused(1 if before is None else before.times + 1, walk.at)
    agenda.memory = msgspec.structs.replace(agenda.memory, refused=refused)


def _order_key(slot: int, action: HedgeAction, legs: tuple[LegIntent, ...]) -> str:
    return f"{slot_name(slot)}/{action.value}/{'+'.join(str(leg.con_id) for leg in legs)}"


def stage_key(slot: int, con_id: int) -> str:
    """How the harvest's stage of one contract in one slot is kept: slots that hold the same contract are apart."""
    return f"{slot_name(slot)}/{con_id}"


def count_rotation(agenda: HedgeAgenda, walk: HedgeWalk) -> None:
    """A rotation counts from its first order on; one look's orders are one clip."""
    if walk.action is not HedgeAction.ROTATE:
        return
    episode, now = agenda.memory.episode, agenda.ctx.now
    episode = msgspec.structs.replace(episode, rotated_share=episode.rotated_share + walk.share)
    if walk.rule == "A-ROT-2":
        episode = msgspec.structs.replace(episode, slot4_moved=True, slot4_at=now)
    else:
        first = episode.clip_at != now
        episode = msgspec.structs.replace(
            episode,
            clips_done=episode.clips_done + (1 if first else 0),
            clip_at=now,
        )
    agenda.memory = msgspec.structs.replace(agenda.memory, episode=episode)


def _count_ending(agenda: HedgeAgenda, walk: HedgeWalk, filled: int, why: str) -> None:
    """The part of a rotation that did not fill did not happen: the rules will ask for it again, in their time. One
    whose first order was denied was no clip either: it does not wait for the pause between two. What the gate refused,
    and what could not be asked for, says nothing about who would have taken it."""
    episode, now = agenda.memory.episode, agenda.ctx.now
    if filled >= walk.quantity:
        agenda.memory = msgspec.structs.replace(agenda.memory, episode=forget_tries(episode))
        return
    left = max(0.0, episode.rotated_share - walk.share * (1.0 - filled / walk.quantity))
    episode = msgspec.structs.replace(episode, rotated_share=left)
    if why == DENIED:
        since = episode.refused_since or walk.at
        episode = msgspec.structs.replace(episode, refused=episode.refused + 1, refused_since=since, refused_at=now)
    else:
        episode = msgspec.structs.replace(episode, refused=0, refused_since=None, refused_at=None)
        if why != UNASKED:
            episode = msgspec.structs.replace(episode, unfilled=episode.unfilled + 1, unfilled_at=now)
    if walk.rule == "A-ROT-2":
        episode = msgspec.structs.replace(episode, slot4_moved=False, slot4_at=None)
    elif why == DENIED and walk.attempt == 1:
        episode = msgspec.structs.replace(episode, clip_at=None, clips_done=max(0, episode.clips_done - 1))
    agenda.memory = msgspec.structs.replace(agenda.memory, episode=episode)


def forget_tries(episode: Episode) -> Episode:
    """The episode without the tries that came to nothing."""
    return msgspec.structs.replace(
        episode, unfilled=0, unfilled_at=None, refused=0, refused_since=None, refused_at=None
    )


def _attempt(agenda: HedgeAgenda, walk: HedgeWalk) -> bool:
    """Makes the order of an attempt and remembers the walk; False, and nothing done, without fresh quotes."""
    ctx, slot = agenda.ctx, walk.slots[0]
    waits = ctx.awaited or (ctx.doubted if walk.action is not HedgeAction.HARVEST else "")
    if waits:
        agenda.lines.extend(leg.con_id for leg in walk.legs)
        agenda.note("X-EXEC", slot_name(slot), HOLD, waits, inputs={"rule": walk.rule})
        return False
    net = net_price(walk.legs, ctx)
    if net is None:
        agenda.lines.extend(leg.con_id for leg in walk.legs)
        agenda.note("X-EXEC", slot_name(slot), HOLD, "a leg has no fresh two-sided quote", inputs={"rule": walk.rule})
        return False
    count = agenda.memory.counts.get(slot, 0) + 1
    ref = f"{slot_name(slot)}.{walk.action.value}.{ctx.today:%Y%m%d}.{count}"
    limit = limit_of(net, walk.attempt, walk.urgent, ctx)
    if len(walk.legs) == 1 and limit * walk.legs[0].action.sign <= 0.0:
        agenda.note("X-EXEC", slot_name(slot), HOLD, "not worth a tick", inputs={"limit_points": limit})
        return False
    agenda.places.append(
        PlaceIntent(
            ref=ref,
            chain_ref=walk.chain_ref,
            attempt=walk.attempt,
            purpose=Purpose.EXIT if walk.action is HedgeAction.HARVEST else Purpose.HEDGE,
            owner=HEDGE_OWNER,
            rule=walk.rule,
            legs=walk.legs,
            quantity=walk.quantity - walk.filled,
            limit_points=limit,
            mid_points=round(net.mid, 6),
            natural_points=round(net.natural, 6),
            decided_at=ctx.now,
            text=walk.text,
        )
    )
    for leg in walk.legs:
        option = ctx.market.option(leg.con_id)
        mark = None if option is None else ctx.valuer.mark(option)
        if mark is not None:
            agenda.marks[leg.con_id] = mark
    kept = msgspec.structs.replace(walk, ref=ref, at=ctx.now)
    agenda.memory = msgspec.structs.replace(
        agenda.memory, walks={**agenda.memory.walks, slot: kept}, counts={**agenda.memory.counts, slot: count}
    )
    inputs = {"attempt": walk.attempt, "limit_points": limit, "mid_points": round(net.mid, 4),
              "natural_points": round(net.natural, 4), "quantity": walk.quantity - walk.filled}  # fmt: skip
    agenda.note("X-EXEC", slot_name(slot), ACT, f"{walk.action.value}: {walk.text}", inputs=inputs, ref=ref)
    return True
