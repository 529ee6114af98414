"""A-BUD-3: a part of what a harvest gained is put aside, and buys deep protection while VIX is low.

Rules
- A sale's gain is its executions' cash less fees and what the contracts had cost; a loss puts nothing aside and takes
  nothing away. What a correction changes after the order is over is left alone.
- The reserve is spent on deep calls alone, only below its level of VIX and while the curve is calm; the deep slots then
  stand beside the others and take no weight from them. What an order paid is taken off, less gain or not.
"""

from __future__ import annotations

import msgspec

from strategies.alvh.context import HEDGE, HedgeAgenda
from strategies.alvh.lattice import HedgeAction
from strategies.alvh.memory import AlvhMemory, HedgeWalk
from strategies.domain.decision import DecisionVerdict
from strategies.domain.orders import OrderRecord

RULE = "A-BUD-3"


def open_for_business(agenda: HedgeAgenda) -> bool:
    """Whether the reserve may be spent now."""
    ctx, size = agenda.ctx, agenda.ctx.params.size
    low = ctx.vix_points is not None and ctx.vix_points < size.reserve_below_vix_points
    return agenda.memory.reserve_usd > 0.0 and low and ctx.stance.budget_first


def refreshing(memory: AlvhMemory) -> bool:
    """Whether the deep slots are awake for the reserve's sake."""
    return memory.deep is not None and memory.deep_rule == RULE


def left_usd(agenda: HedgeAgenda) -> float:
    """What may still be promised: the reserve less what orders on their way may cost at their limits."""
    left = agenda.memory.reserve_usd
    for walk in agenda.memory.walks.values():
        record = agenda.ctx.book.orders.get(walk.ref)
        if walk.rule == RULE and record is not None:
            contract = agenda.ctx.market.tradable(walk.legs[0].con_id)
            size = 100 if contract is None else contract.multiplier
            left -= max(0.0, record.intent.limit_points) * size * record.intent.quantity
    return max(0.0, left)


def settle(agenda: HedgeAgenda, walk: HedgeWalk, record: OrderRecord | None) -> None:
    """Counts an order that is over: part of a harvest's gain comes in, what a refresh paid goes out."""
    harvest, refresh = walk.action is HedgeAction.HARVEST, walk.rule == RULE and walk.action is HedgeAction.OPEN
    if record is None or record.filled_units == 0 or not (harvest or refresh):
        return
    cash_usd, cost_usd = _cash_and_cost_usd(agenda, walk, record)
    before, share = agenda.memory.reserve_usd, agenda.ctx.params.size.reinvest_pct / 100.0
    then = before + share * max(0.0, cash_usd - cost_usd) if harvest else max(0.0, before + cash_usd)
    if then == before:
        return
    agenda.memory = msgspec.structs.replace(agenda.memory, reserve_usd=round(then, 2))
    text = "part of a harvest's gain is put aside" if harvest else "the reserve has bought deep protection"
    agenda.note(RULE, HEDGE, DecisionVerdict.HOLD, text,
                inputs={"cash_usd": round(cash_usd, 2), "cost_usd": round(cost_usd, 2), "before_usd": before,
                        "reserve_usd": round(then, 2)},
                thresholds={"reinvest_pct": agenda.ctx.params.size.reinvest_pct})  # fmt: skip


def _cash_and_cost_usd(agenda: HedgeAgenda, walk: HedgeWalk, record: OrderRecord) -> tuple[float, float]:
    """Cash an order brought, fees paid, and what the contracts it sold had cost."""
    book = agenda.ctx.book
    cash = cost = 0.0
    for base_id, fill in book.fills.items():
        if fill.ref == record.ref:
            cash += fill.cash_usd - book.commissions_usd.get(base_id, 0.0)
            cost -= fill.signed_quantity * walk.costs.get(fill.con_id, 0.0) * fill.multiplier
    return cash, cost
