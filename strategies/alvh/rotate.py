"""Moving protection out along the curve in an inversion, and back afterwards (A-ROT-0 to A-ROT-4), with one budget.

Rules
- A-ROT-2 first and at once: front over second by more than 3.000 points for three samples moves slot 4 into slot 5,
  once per inversion; it is armed again below 1.5 points.
- A-ROT-1 after the inversion has lasted (60 minutes, or two closes): 40 to 60 % of the short layer's weight in two
  clips; what slot 4 already moved counts. Before the flip, on a bullish cross of the basis in a flat curve, 20 %.
- A-ROT-0 before each: the book revalued at VIX +5, +6.5 and +8; a rotation that makes the loss at +8 more than a tenth
  worse is not done.
- A-ROT-3 enlarges the intermediate layer by a quarter while the front stays 3 points over and the floor is broken.
- A-ROT-4 undoes it over three sessions after three closes in contango.
- Every rotation is one calendar order, neutral in weighted vega within one contract. A rotation that has not filled is
  tried once more, then rests between tries; a person hears of it. One that the gate refuses was no try; it is asked for
  again ever more seldom, and a person hears of it when that has lasted as long as such a rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from strategies.alvh import orders, spending
from strategies.alvh.context import HEDGE, HedgeAgenda, Step, nearness
from strategies.alvh.exposure import Line
from strategies.alvh.instruments import Candidate, find
from strategies.alvh.lattice import HedgeAction, SlotState
from strategies.alvh.memory import Episode
from strategies.domain.decision import DecisionVerdict
from strategies.domain.hedge import SLOTS_OF, Layer, slot_name
from strategies.domain.instruments import Option
from strategies.domain.marks import Mark
from strategies.domain.orders import Action, LegIntent
from strategies.pricing import black76
from strategies.signals.curve import Regime
from strategies.signals.term_structure import exceeds

HOLD, ACT, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.ACT, DecisionVerdict.DECLINE
SPIKES_POINTS = (5.0, 6.5, 8.0)
RECEIVER = dict(zip(SLOTS_OF[Layer.SHORT], SLOTS_OF[Layer.INTERMEDIATE], strict=True))
"""Slot 4 gives to 8, except in A-ROT-2, where it gives to 5 at once."""
QUARTER = 1.0 / len(SLOTS_OF[Layer.SHORT])
"""Slot 4's share of the short layer."""
LEAST_SHARE = 0.02
"""Less than this share of the short layer is not worth an order."""
INVERTED = (Regime.BACKWARDATION, Regime.DEEP_BACKWARDATION)
MOST_RATIO = 12


def keep_episode(agenda: HedgeAgenda) -> None:
    """Moves the episode's clocks with what this look shows; closes are counted once a session."""
    ctx, episode = agenda.ctx, agenda.memory.episode
    b12 = ctx.outlook.curve.front_minus_second_points
    inverted = ctx.official in INVERTED
    if inverted and b12 is not None:  # the official regime calms down only at a close: the front itself must stay above
        stands = exceeds(b12, 0.0)
        since = (episode.inverted_at or ctx.now) if stands else None
        episode = msgspec.structs.replace(episode, inverted_at=since, surplus=False)
    if not inverted and ctx.official is not Regime.UNKNOWN:
        episode = msgspec.structs.replace(episode, inverted_at=None, closes=0)
    if b12 is not None and b12 < ctx.params.rotation.slot4_rearm_below_points and episode.slot4_at is not None:
        episode = msgspec.structs.replace(episode, slot4_at=None)  # a new inversion may move it again
    agenda.memory = msgspec.structs.replace(agenda.memory, episode=episode)


def close_episode(episode: Episode, agenda: HedgeAgenda) -> Episode:
    """The episode after a session's close."""
    ctx, params = agenda.ctx, agenda.ctx.params.rotation
    episode = msgspec.structs.replace(episode, refused=0, refused_since=None, refused_at=None)  # another day's refusals
    if ctx.official in INVERTED:
        return msgspec.structs.replace(episode, closes=episode.closes + 1, calm_closes=0, unwind_left=0)
    episode = orders.forget_tries(episode)
    if ctx.official is not Regime.CONTANGO:
        return msgspec.structs.replace(episode, calm_closes=0)
    calm = episode.calm_closes + 1
    moved = episode.rotated_share > 0.0 or episode.slot4_moved or episode.addon_pct > 0.0
    if not moved or calm < params.unwind_closes:
        return msgspec.structs.replace(episode, calm_closes=calm)
    left = episode.unwind_left or params.unwind_sessions
    inputs, thresholds = {"calm_closes": calm, "sessions_left": left}, {"closes": params.unwind_closes}
    agenda.note("A-ROT-4", HEDGE, ACT, "contango has lasted: undone in steps", inputs=inputs, thresholds=thresholds)
    if left <= 1:
        return Episode(calm_closes=calm, slot4_at=episode.slot4_at, surplus=True)
    kept = 1.0 - 1.0 / left
    return msgspec.structs.replace(
        episode,
        calm_closes=calm,
        unwind_left=left - 1,
        rotated_share=episode.rotated_share * kept,
        share_wanted=episode.share_wanted * kept,
        addon_pct=episode.addon_pct * kept,
        slot4_moved=False,
        preempted=False,
        surplus=True,
    )


def slot_four_first(agenda: HedgeAgenda) -> None:
    """A-ROT-2, before anything is sold: what is due to move at once is not harvested from under it."""
    if _readable(agenda):
        _slot_four(agenda)


def rotate(agenda: HedgeAgenda) -> None:
    """A-ROT-1, then A-ROT-3."""
    if not _readable(agenda):
        agenda.note("T-REG-3", HEDGE, HOLD, "the curve cannot be read: no rotation",
                    inputs={"reason": agenda.ctx.outlook.curve.reason})  # fmt: skip
        return
    _confirmed(agenda)
    _addon(agenda)


def _readable(agenda: HedgeAgenda) -> bool:
    return Regime.UNKNOWN not in (agenda.ctx.official, agenda.ctx.outlook.curve.regime)


def tries_left(agenda: HedgeAgenda) -> bool:
    """Whether a rotation may be tried now. Orders that found nobody: the first and one more at once, each further one
    after a pause. What the gate refused: after a minute, then after twice the time before, up to that pause."""
    episode, params = agenda.memory.episode, agenda.ctx.params.rotation
    if episode.refused > 1 and episode.refused_at is not None:
        pause_min = min(params.retry_pause_min, 2.0 ** (episode.refused - 2))
        if agenda.ctx.now - episode.refused_at < timedelta(minutes=pause_min):
            return False
    if episode.unfilled_at is None or episode.unfilled <= params.retries:
        return True
    return agenda.ctx.now - episode.unfilled_at >= timedelta(minutes=params.retry_pause_min)


def _tries(episode: Episode) -> dict[str, int]:
    return {"unfilled": episode.unfilled, "refused": episode.refused}


# A-ROT-2 ---------------------------------------------------------------------------------------------
def _slot_four(agenda: HedgeAgenda) -> None:
    ctx, episode, params = agenda.ctx, agenda.memory.episode, agenda.ctx.params.rotation
    b12 = ctx.outlook.curve.front_minus_second_points
    if b12 is None:
        return
    inputs = {"front_minus_second_points": round(b12, 4), "official": ctx.official.value}
    thresholds = {"above_points": params.slot4_above_points}
    near = nearness(b12, params.slot4_above_points)
    deep = ctx.official is Regime.DEEP_BACKWARDATION and exceeds(b12, params.slot4_above_points)
    if not deep:
        agenda.note("A-ROT-2", slot_name(4), HOLD, "front minus second has not stood above 3 points",
                    inputs=inputs, thresholds=thresholds, near=near)  # fmt: skip
        return
    lines = _alone(agenda, 4)
    if episode.slot4_at is not None and not lines:  # what the first order left behind still goes
        agenda.note("A-ROT-2", slot_name(4), HOLD, "slot 4 has moved in this inversion",
                    inputs=inputs, thresholds=thresholds)  # fmt: skip
        return
    share = max(0.0, QUARTER - episode.rotated_share)
    if not lines:
        text = "slot 4 holds nothing: its weight moves to slot 5"
        agenda.note("A-ROT-2", slot_name(4), ACT, text, inputs=inputs, thresholds=thresholds)
        _remember(agenda, slot4_moved=True, slot4_at=ctx.now, rotated_share=episode.rotated_share + share)
        return
    if not tries_left(agenda):
        agenda.note("A-ROT-2", slot_name(4), HOLD, "its order came to nothing: it is tried again after a pause",
                    inputs={**inputs, **_tries(episode)}, thresholds=thresholds)  # fmt: skip
        return
    step = _calendar(lines[0], lines[0].held.quantity, 5, "A-ROT-2", agenda)
    if isinstance(step, str):
        agenda.note("A-ROT-2", slot_name(4), HOLD, f"slot 4 is to move: {step}", inputs=inputs, thresholds=thresholds)
        return
    agenda.steps.append(step._replace(share=share))
    agenda.note("A-ROT-2", slot_name(4), ACT, "slot 4 moves to slot 5", inputs=inputs, thresholds=thresholds)


def _remember(agenda: HedgeAgenda, **changes: object) -> None:
    episode = msgspec.structs.replace(agenda.memory.episode, **changes)
    agenda.memory = msgspec.structs.replace(agenda.memory, episode=episode)


# A-ROT-1 ---------------------------------------------------------------------------------------------
def _share_wanted(agenda: HedgeAgenda) -> tuple[float, str]:
    """Share of the short layer's weight that should have moved by now, and why."""
    ctx, episode, params = agenda.ctx, agenda.memory.episode, agenda.ctx.params.rotation
    b12 = max(0.0, ctx.outlook.curve.front_minus_second_points or 0.0)
    if episode.inverted_at is not None and ctx.stance.rotate:
        lasted = ctx.now - episode.inverted_at >= timedelta(minutes=params.confirm_min)
        if lasted or episode.closes >= params.confirm_closes:
            span = params.share_high_pct - params.share_low_pct
            share = params.share_low_pct + span * min(1.0, b12 / params.share_full_at_points)
            return share / 100.0, "the inversion has lasted"
        return episode.share_wanted, "the inversion is not confirmed yet"
    measures = ctx.outlook.measures
    falling = measures.basis_crossed_up is True
    if ctx.official is Regime.FLAT and falling and not episode.preempted:
        return max(episode.share_wanted, params.preemptive_pct / 100.0), "the basis crossed up in a flat curve"
    return episode.share_wanted, "no inversion"


def _confirmed(agenda: HedgeAgenda) -> None:
    ctx, episode, params = agenda.ctx, agenda.memory.episode, agenda.ctx.params.rotation
    share, why = _share_wanted(agenda)
    if share > episode.share_wanted + 1e-9:
        done = 0 if episode.share_wanted - episode.rotated_share <= LEAST_SHARE else episode.clips_done
        early = episode.preempted or ctx.official is Regime.FLAT
        _remember(agenda, share_wanted=share, clips_done=done, preempted=early)
        episode = agenda.memory.episode
    already = episode.rotated_share
    rest = episode.share_wanted - already
    inputs = {"share_wanted": round(episode.share_wanted, 4), "share_moved": round(already, 4),
              "inverted": episode.inverted_at is not None, "closes": episode.closes}  # fmt: skip
    thresholds = {"confirm_min": params.confirm_min, "confirm_closes": params.confirm_closes}
    paused = episode.clip_at is not None and ctx.now - episode.clip_at < timedelta(minutes=params.clip_pause_min)
    gone = episode.inverted_at is None and not (ctx.official is Regime.FLAT and episode.preempted)
    if rest <= LEAST_SHARE or paused or gone:
        text = "between two clips" if paused and rest > LEAST_SHARE else why
        agenda.note("A-ROT-1", HEDGE, HOLD, text, inputs=inputs, thresholds=thresholds)
        return
    if not tries_left(agenda):
        agenda.note("A-ROT-1", HEDGE, HOLD, "its orders came to nothing: they are tried again after a pause",
                    inputs={**inputs, **_tries(episode)}, thresholds=thresholds)  # fmt: skip
        return
    clips_left = max(1, params.clips - episode.clips_done)
    steps = _clip(agenda, rest / clips_left) or _clip(agenda, rest)
    if isinstance(steps, str):
        agenda.note("A-ROT-1", HEDGE, HOLD, f"{why}: {steps}", inputs=inputs, thresholds=thresholds)
        return
    agenda.note("A-ROT-1", HEDGE, ACT, f"{why}: protection moves out", inputs={**inputs, "orders": len(steps)},
                thresholds=thresholds)  # fmt: skip
    agenda.steps.extend(steps)
    if not steps and ctx.exposure.held_in(SLOTS_OF[Layer.SHORT]) == 0:  # only the weights move
        _remember(agenda, rotated_share=already + rest)


def _clip(agenda: HedgeAgenda, share: float) -> list[Step] | str:
    """Steps that move this share of the short layer, from slot 4 down; or why not now."""
    lines = [line for slot in reversed(SLOTS_OF[Layer.SHORT]) for line in _alone(agenda, slot)]
    total = sum(line.held.quantity for line in lines)
    rest = int(total * share / max(1e-9, 1.0 - agenda.memory.episode.rotated_share) + 0.5)
    to_move, steps = rest, []
    for line in lines:
        quantity = min(to_move, line.held.quantity)
        if quantity == 0:
            break
        step = _calendar(line, quantity, RECEIVER[line.held.slot], "A-ROT-1", agenda)
        if isinstance(step, str):
            return step
        steps.append(step._replace(share=share * quantity / rest))
        to_move -= quantity
    return steps


# A-ROT-3 ---------------------------------------------------------------------------------------------
def _addon(agenda: HedgeAgenda) -> None:
    ctx, episode, params = agenda.ctx, agenda.memory.episode, agenda.ctx.params.rotation
    b12, net, low = ctx.outlook.curve.front_minus_second_points, ctx.net_n, ctx.band.low
    if b12 is None or net is None or low is None:
        return
    inputs = {"front_minus_second_points": round(b12, 4), "net_vega_n": round(net, 4), "addon_pct": episode.addon_pct}
    thresholds = {"above_points": params.slot4_above_points, "floor_n": low}
    moved = episode.slot4_at is not None or episode.clips_done > 0
    if exceeds(b12, params.slot4_above_points) and moved and net < low and episode.addon_pct == 0.0:
        if ctx.held_back:
            agenda.note("A-ROT-3", HEDGE, DECLINE, f"the add-on is discretionary and held back: {ctx.held_back}",
                        inputs=inputs, thresholds=thresholds)  # fmt: skip
            return
        agenda.note("A-ROT-3", HEDGE, ACT, "the floor is broken after the rotation: the intermediate layer grows",
                    inputs=inputs, thresholds=thresholds)  # fmt: skip
        _remember(agenda, addon_pct=params.addon_pct)
        return
    agenda.note("A-ROT-3", HEDGE, HOLD, "no add-on", inputs=inputs, thresholds=thresholds, near=nearness(net, low))


def _alone(agenda: HedgeAgenda, slot: int) -> list[Line]:
    """Longs of a slot that cap no short: a spread cannot move as one calendar order and stays until it is sold."""
    pieces = agenda.ctx.pieces[slot]
    capping = {piece.long.held.con_id for piece in pieces if piece.short is not None}
    return [piece.long for piece in pieces if piece.long.held.con_id not in capping]


# the order -------------------------------------------------------------------------------------------
def _calendar(line: Line, quantity: int, receiver: int, rule: str, agenda: HedgeAgenda) -> Step | str:
    """Sells `quantity` of a line and buys as much weighted vega for the receiving slot; or why not now."""
    ctx = agenda.ctx
    if not (agenda.free(line.held.slot) and agenda.free(receiver)):
        return "an order of these slots is under way"
    if any(agenda.slots[slot].state is SlotState.BLOCKED for slot in (line.held.slot, receiver)):
        return "one of the two slots is blocked"
    layer = ctx.params.lattice.intermediate
    into = find(layer.kind, layer, layer.delta, agenda)
    if isinstance(into, str):
        return into
    if not isinstance(line.contract, Option) or into.symbol != line.contract.symbol or len(into.legs) != 1:
        return "the two contracts cannot be one calendar order"
    if line.usd_per_vix_point is None or line.usd_per_vix_point <= 0.0:
        return f"contract {line.held.con_id} cannot be valued"
    per_unit = line.usd_per_vix_point / line.held.quantity
    bought = max(1, round(quantity * per_unit / into.usd_per_vix_point))
    worse = _preflight(line, quantity, into, bought, agenda)
    if worse:
        return worse
    room, paid = ctx.month_room_usd, bought * into.risk_usd - quantity * (line.value_usd or 0.0) / line.held.quantity
    if room is not None and paid > max(0.0, room):
        return f"the thirty days' spending has no room for it ({spending.RULE})"
    return calendar_step(HedgeAction.ROTATE, rule, line, quantity, into, bought, receiver, urgent=rule == "A-ROT-2")


def calendar_step(
    action: HedgeAction, rule: str, line: Line, sold: int, into: Candidate, bought: int, receiver: int, *, urgent: bool
) -> Step | str:
    """One order that sells one contract and buys another, in a small whole ratio; a ratio that has none leaves a few
    contracts behind for another order."""
    give, take, parts = whole_ratio(sold, bought)
    con_id, _ = into.legs[0]
    if con_id == line.held.con_id:
        return "it would buy what it sells"
    legs = (
        LegIntent(line.held.con_id, give, Action.SELL, line.held.slot),
        LegIntent(con_id, take, Action.BUY, receiver),
    )
    slots = tuple(dict.fromkeys((line.held.slot, receiver)))
    text = f"{give * parts} out of {slot_name(line.held.slot)}, {take * parts} {into.text}"
    return Step(action, rule, slots, legs, parts, text, urgent)


def whole_ratio(sold: int, bought: int) -> tuple[int, int, int]:
    """Contracts sold and bought per unit, each at most MOST_RATIO, and units: off the wanted ratio by no more than one
    contract bought where any ratio is, and then leaving as few unsold as can be."""
    options = []
    for give in range(1, min(MOST_RATIO, sold) + 1):
        take = max(1, min(MOST_RATIO, round(give * bought / sold)))
        for parts in range(1, sold // give + 1):
            error = abs(parts * take - parts * give * bought / sold)
            options.append((max(0.0, error - 1.0), sold - parts * give, error, (give, take, parts)))
    return min(options)[-1]


def _preflight(line: Line, sold: int, into: Candidate, bought: int, agenda: HedgeAgenda) -> str:
    """A-ROT-0: the book at VIX +5, +6.5 and +8 with and without the rotation; empty when it may be done."""
    ctx = agenda.ctx
    vega = ctx.exposure.vega
    new = ctx.market.option(into.legs[0][0])
    mark = None if new is None else ctx.valuer.mark(new)
    if vega is None or new is None or mark is None or line.mark is None or not isinstance(line.contract, Option):
        return "it cannot be revalued under a spike"
    book = list(ctx.exposure.lines)
    changes = {}
    for spike in SPIKES_POINTS:
        before = vega.condors_usd_per_vix_point * spike + sum(_gain(one, spike) for one in book)
        less = sold * _option_gain(line.contract, line.mark, spike)
        more = bought * _option_gain(new, mark, spike)
        changes[spike] = (before, before - less + more)
    inputs = {f"book_usd_at_vix_plus_{spike:g}": round(after, 2) for spike, (_, after) in changes.items()}
    before, after = changes[SPIKES_POINTS[-1]]
    limit = ctx.params.rotation.abort_worse_pct / 100.0
    worse = after < before and before - after > limit * abs(min(before, 0.0)) and after < 0.0
    verdict, text = (DECLINE, "the rotation would make a spike worse") if worse else (HOLD, "the rotation may be done")
    agenda.note("A-ROT-0", slot_name(line.held.slot), verdict, text, inputs={**inputs, "before_usd": round(before, 2)},
                thresholds={"abort_worse_pct": ctx.params.rotation.abort_worse_pct})  # fmt: skip
    return text if worse else ""


def _gain(line: Line, spike_points: float) -> float:
    """Dollars a holding gains when VIX rises; by full revaluation for options, linear where it cannot."""
    if isinstance(line.contract, Option) and line.mark is not None and line.mark.vix_beta is not None:
        return line.held.quantity * _option_gain(line.contract, line.mark, spike_points)
    return (line.usd_per_vix_point or 0.0) * spike_points


def _option_gain(option: Option, mark: Mark, spike_points: float) -> float:
    """Dollars one contract gains when VIX rises and its future follows by its beta."""
    shift = (mark.vix_beta or 0.0) * spike_points
    prices: Sequence[float] = black76.price(
        [mark.forward_points, mark.forward_points + shift],
        option.strike,
        mark.iv,
        mark.tau_years,
        option.is_call,
        mark.discount,
    ).tolist()
    return (prices[1] - prices[0]) * option.multiplier
