"""Selling protection that has paid or is too much (A-HARV-1 to 3, A-VEGA-2 and 3 above the cap, A-ROT-4, A-SIZE-1).

Rules
- Above the band's cap for the dwell time: sell to the cap less a margin, the dearest carry per weighted vega first. At
  once, without the dwell, when the RSI of VIX falls back through 70 or the front is 15 % off its high.
- A slot worth twice its cost sells half, at four times all but a quarter; the first only while the floor holds.
- In the cash press deep slots are sold first, then intermediate ones; slots 1 and 2 stay for the next expansion.
- With nothing to protect for two sessions, or after the roll back into contango, the surplus is sold in turn.
- Nothing is re-levered on the day of a harvest: entries see it in the day's proceeds (A-HARV-4).
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from strategies.alvh.context import HEDGE, HedgeAgenda, Inputs, nearness
from strategies.alvh.orders import stage_key, under_way_usd
from strategies.alvh.pieces import Piece
from strategies.alvh.roll import sale
from strategies.domain.decision import DecisionVerdict
from strategies.domain.hedge import SLOTS, SLOTS_OF, Layer, layer_of, slot_name
from strategies.pricing.net_vega import NetVega

HOLD, ACT, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.ACT, DecisionVerdict.DECLINE
IDLE_SESSIONS = 2


def reverting(agenda: HedgeAgenda) -> str:
    """A-HARV-3's sign of mean reversion, in words; empty without one."""
    measures, params = agenda.ctx.outlook.measures, agenda.ctx.params.harvest
    before, now = measures.rsi_vix_before, measures.rsi_vix
    if before is not None and now is not None and before >= params.rsi_down_through > now:
        return "the RSI of VIX fell through 70"
    front, high = measures.front_points, measures.front_high_20_points
    if front is not None and high is not None and front <= (1.0 - params.front_fall_pct / 100.0) * high:
        return f"the front future is {100.0 * (1.0 - front / high):.0f} % off its high"
    return ""


def harvest(agenda: HedgeAgenda, layer_wanted_usd: dict[Layer, float]) -> None:
    """All reasons to sell, the most pressing first."""
    _over_cap(agenda)
    _multiples(agenda)
    _idle(agenda)
    _unwind(agenda, layer_wanted_usd)


def _net_usd(agenda: HedgeAgenda, vega: NetVega) -> float:
    """Net vega when the sales under way and planned have filled; purchases count once they are held."""
    return vega.net_usd_per_vix_point + sum(min(0.0, usd) for usd in under_way_usd(agenda).values())


def _sellable(agenda: HedgeAgenda, *, valued: bool = True) -> list[Piece]:
    """Pieces that can be sold now, the dearest carry per weighted vega first, those whose vega is unknown only if it
    need not be `valued`. Of several in one slot only one goes at a time: ask `agenda.free` before each."""
    least = agenda.ctx.params.harvest.leftover_below_points
    found = [
        piece
        for slot in SLOTS
        for piece in agenda.ctx.pieces[slot]
        if ((piece.usd_per_vix_point or 0.0) > 0.0 or not valued)
        and (piece.mid_points or 0.0) >= least
        and agenda.free(slot)
    ]
    return sorted(found, key=_dearness, reverse=True)


def _dearness(piece: Piece) -> float:
    usd, carry = piece.usd_per_vix_point or 0.0, piece.carry_usd_per_day
    return 0.0 if carry is None or usd <= 0.0 else -carry / usd


def _over_cap(agenda: HedgeAgenda) -> None:
    ctx, net, vega = agenda.ctx, agenda.ctx.net_n, agenda.ctx.exposure.vega
    sign = reverting(agenda)
    high = ctx.band.high
    if high is not None and sign:
        high = min(high, ctx.params.band.calm_high_falling)
    if net is None or vega is None or high is None:
        return
    inputs: Inputs = {"net_vega_n": round(net, 4), "net_vega_usd": round(vega.net_usd_per_vix_point, 2), "sign": sign}
    thresholds = {"cap_n": high, "dwell_min": ctx.params.band.dwell_min, "alarm_n": ctx.params.band.alarm}
    rule = "A-HARV-3" if sign else "A-VEGA-3" if net >= ctx.params.band.alarm else "A-VEGA-2"
    if net <= high:
        agenda.memory = msgspec.structs.replace(agenda.memory, outside_since=None)
        agenda.note("A-VEGA-2", HEDGE, HOLD, "net vega is not above the cap", inputs=inputs, thresholds=thresholds,
                    near=nearness(net, high))  # fmt: skip
        return
    since = agenda.memory.outside_since or ctx.now
    agenda.memory = msgspec.structs.replace(agenda.memory, outside_since=since)
    if rule == "A-VEGA-2" and ctx.now - since < timedelta(minutes=ctx.params.band.dwell_min):
        agenda.note(rule, HEDGE, HOLD, "above the cap: waiting for it to last", inputs=inputs, thresholds=thresholds)
        return
    surplus = _net_usd(agenda, vega) - vega.usd(high - ctx.params.band.margin)
    sold = _sell_usd(agenda, surplus, rule)
    text = "over-hedged: protection is sold" if sold else "over-hedged, but nothing can be sold now"
    agenda.note(rule, HEDGE, ACT if sold else HOLD, text, inputs={**inputs, "surplus_usd": round(surplus, 2)},
                thresholds=thresholds)  # fmt: skip


def _sell_usd(agenda: HedgeAgenda, surplus_usd: float, rule: str) -> bool:
    """Sells contracts worth this much weighted vega, never more than rounds to it."""
    sold = False
    for piece in _sellable(agenda):
        per_unit = piece.usd_per_vix_point or 0.0
        quantity = min(piece.quantity, int(surplus_usd / per_unit + 0.5)) if per_unit > 0.0 else 0
        if quantity < 1 or not agenda.free(piece.slot):
            continue
        agenda.steps.append(sale(piece, quantity, rule, "too much protection"))
        surplus_usd -= quantity * per_unit
        sold = True
    return sold


def sell_dearest(agenda: HedgeAgenda, rule: str, why: str) -> bool:
    """Sells the whole of the holding that costs most to carry per weighted vega, if the floor holds without it."""
    for piece in _sellable(agenda):
        if _dearness(piece) > 0.0 and _floor_holds_without(agenda, piece, piece.quantity):
            agenda.steps.append(sale(piece, piece.quantity, rule, why))
            return True
    return False


def _multiples(agenda: HedgeAgenda) -> None:
    """A-HARV-1: what has multiplied is sold in part."""
    ctx, params = agenda.ctx, agenda.ctx.params.harvest
    for piece in (one for slot in SLOTS for one in ctx.pieces[slot]):
        slot, multiple = piece.slot, piece.multiple
        if multiple is None:
            continue
        stage = agenda.memory.stages.get(stage_key(slot, piece.long.held.con_id), 0)
        inputs = {"multiple": round(multiple, 3), "stage": stage, "held": piece.quantity}
        thresholds = {"half_at": params.half_at_multiple, "most_at": params.most_at_multiple}
        quantity, then = _to_sell(piece.quantity, multiple, stage, agenda)
        if quantity == 0:
            halved = stage == 0 and multiple >= params.half_at_multiple
            text = "a single contract cannot be halved" if halved else "it has not multiplied further"
            agenda.note("A-HARV-1", slot_name(slot), HOLD, text, inputs=inputs,
                        thresholds=thresholds, near=nearness(multiple, params.half_at_multiple))  # fmt: skip
            continue
        if not agenda.free(slot):
            continue
        if then == 1 and not _floor_holds_without(agenda, piece, quantity):
            agenda.note("A-HARV-1", slot_name(slot), DECLINE, "twice its cost, but the floor needs it", inputs=inputs,
                        thresholds=thresholds)  # fmt: skip
            continue
        agenda.steps.append(
            sale(piece, quantity, "A-HARV-1", f"worth {multiple:.1f} times its cost")._replace(stage=then)
        )
        agenda.note("A-HARV-1", slot_name(slot), ACT, f"worth {multiple:.1f} times its cost: part is sold",
                    inputs=inputs, thresholds=thresholds)  # fmt: skip


def _to_sell(held: int, multiple: float, stage: int, agenda: HedgeAgenda) -> tuple[int, int]:
    """Contracts to sell and the stage afterwards (1 half sold, 2 most sold)."""
    params = agenda.ctx.params.harvest
    if multiple >= params.most_at_multiple and stage < 2:
        return max(1, held - int(held * params.most_leaves_pct / 100.0 + 0.5)), 2
    if multiple >= params.half_at_multiple and stage < 1:
        return held // 2, 1
    return 0, stage


def _floor_holds_without(agenda: HedgeAgenda, piece: Piece, quantity: int) -> bool:
    vega, low = agenda.ctx.exposure.vega, agenda.ctx.band.low
    if vega is None or low is None or vega.net_n is None:
        return False
    left = _net_usd(agenda, vega) - quantity * (piece.usd_per_vix_point or 0.0)
    return left >= vega.usd(low)


def press(agenda: HedgeAgenda) -> None:
    """A-HARV-2: in the cash press the deep slots are sold, then the intermediate ones down to what the floor needs."""
    ctx, vega = agenda.ctx, agenda.ctx.exposure.vega
    if vega is None or ctx.band.low is None or vega.net_n is None:
        return
    room = _net_usd(agenda, vega) - vega.usd(ctx.band.low + ctx.params.band.margin)
    order = [*SLOTS_OF[Layer.DEEP], *SLOTS_OF[Layer.INTERMEDIATE]]
    pieces = sorted((piece for piece in _sellable(agenda) if piece.slot in order),
                    key=lambda piece: order.index(piece.slot))  # fmt: skip
    sold = 0
    for piece in pieces:
        per_unit = piece.usd_per_vix_point or 0.0
        quantity = min(piece.quantity, int(room / per_unit)) if per_unit > 0.0 else 0
        if quantity < 1 or not _pays(piece) or not agenda.free(piece.slot):
            continue
        agenda.steps.append(sale(piece, quantity, "A-HARV-2", "the cash press: extrinsic value is harvested"))
        room -= quantity * per_unit
        sold += quantity
    text = "cash press: deeper layers are harvested" if sold else "cash press: nothing deeper can be spared"
    inputs = {"contracts": sold, "room_usd": round(room, 2)}
    agenda.note("A-HARV-2", HEDGE, ACT if sold else HOLD, text, inputs=inputs)


def _pays(piece: Piece) -> bool:
    return piece.multiple is not None and piece.multiple > 1.0


def _idle(agenda: HedgeAgenda) -> None:
    """Nothing to protect for some sessions: what can be sold is sold. A condor that is only planned is something: the
    count begins anew with it, or its hedge would be sold while its own order is still at work."""
    ctx, memory = agenda.ctx, agenda.memory
    if ctx.condors and memory.idle_sessions:
        agenda.memory = msgspec.structs.replace(memory, idle_sessions=0)
    if ctx.condors or not any(line.held.quantity > 0 for line in ctx.exposure.lines):
        return
    inputs, thresholds = {"sessions_without_condor": memory.idle_sessions}, {"idle_sessions": IDLE_SESSIONS}
    if memory.idle_sessions < IDLE_SESSIONS:
        agenda.note("A-SIZE-1", HEDGE, HOLD, "no condor is open: the hedge waits for the next", inputs=inputs,
                    thresholds=thresholds)  # fmt: skip
        return
    pieces = _sellable(agenda, valued=False)
    for piece in pieces:
        if agenda.free(piece.slot):
            agenda.steps.append(sale(piece, piece.quantity, "A-SIZE-1", "nothing is left to protect"))
    agenda.note("A-SIZE-1", HEDGE, ACT if pieces else HOLD, "nothing is left to protect", inputs=inputs,
                thresholds=thresholds)  # fmt: skip


def _unwind(agenda: HedgeAgenda, layer_wanted_usd: dict[Layer, float]) -> None:
    """A-ROT-4: while the rotation is undone, what the intermediate layer holds too much is sold."""
    ctx, episode = agenda.ctx, agenda.memory.episode
    if not episode.surplus or ctx.net_n is None:
        return
    coming = under_way_usd(agenda)
    held = sum(ctx.exposure.slot_usd(slot) + coming.get(slot, 0.0) for slot in SLOTS_OF[Layer.INTERMEDIATE])
    excess = held - layer_wanted_usd.get(Layer.INTERMEDIATE, 0.0)
    low, vega = ctx.band.low, ctx.exposure.vega
    if vega is None or low is None:
        return
    if excess < _least_usd(agenda, Layer.INTERMEDIATE) and episode.unwind_left == 0:
        episode = msgspec.structs.replace(episode, surplus=False)
        agenda.memory = msgspec.structs.replace(agenda.memory, episode=episode)
        return
    room = min(excess, _net_usd(agenda, vega) - vega.usd(low + ctx.params.band.margin))
    for piece in _sellable(agenda):
        if layer_of(piece.slot) is not Layer.INTERMEDIATE or not agenda.free(piece.slot):
            continue
        per_unit = piece.usd_per_vix_point or 0.0
        quantity = min(piece.quantity, int(room / per_unit)) if per_unit > 0.0 else 0
        if quantity < 1:
            continue
        agenda.steps.append(sale(piece, quantity, "A-ROT-4", "contango has lasted: the excess of the inversion goes"))
        agenda.note("A-ROT-4", slot_name(piece.slot), ACT, "the excess of the inversion is sold",
                    inputs={"excess_usd": round(excess, 2), "contracts": quantity})  # fmt: skip
        room -= quantity * per_unit


def _least_usd(agenda: HedgeAgenda, layer: Layer) -> float:
    """Weighted vega of the least contract a layer holds, dollars per VIX point; zero when it holds none."""
    pieces = [piece for slot in SLOTS_OF[layer] for piece in agenda.ctx.pieces[slot]]
    return min((piece.usd_per_vix_point or 0.0 for piece in pieces), default=0.0)
