"""What the condors' rules ask of the hedge (C-DEC-1 rows 3 to 5, C-ADJ-1, C-THETA-1), met by the hedge's own rules.

A demand may raise the target or name a holding to sell; budgets, bands, layers and order rules stay in force, so it can
also go unmet, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping

from strategies.alvh.context import HEDGE, HedgeAgenda
from strategies.alvh.harvest import sell_dearest
from strategies.alvh.targets import Target
from strategies.domain.decision import DecisionVerdict, Scalar
from strategies.domain.hedge import SLOTS_OF, Ask, Demand, Layer
from strategies.pricing.net_vega import NetVega

HOLD, ACT = DecisionVerdict.HOLD, DecisionVerdict.ACT


def meet(agenda: HedgeAgenda, target: Target, weights: Mapping[int, float]) -> tuple[Target, dict[int, float]]:
    """The target and the slots' shares with the largest demand in them; each demand leaves its verdict."""
    ctx, shares = agenda.ctx, dict(weights)
    vega = ctx.exposure.vega
    if vega is None:
        return target, shares
    for demand in ctx.demands:
        if demand.ask is Ask.SELL_DEAREST:
            _sell(agenda, demand)
            continue
        usd = _wanted_usd(demand, vega, agenda)
        inputs: dict[str, Scalar] = {
            "row": demand.row,
            "asked_usd_per_vix_point": round(usd, 2),
            "target_usd_per_vix_point": round(target.usd_per_vix_point, 2),
            "held_usd_per_vix_point": round(vega.hedges_usd_per_vix_point, 2),
        }
        raised = usd > target.usd_per_vix_point + 1e-9
        text = "raises the target" if raised else "is within the target already"
        agenda.note(demand.rule, HEDGE, HOLD, f"{demand.text}: {text}", inputs=inputs)
        if demand.ask is Ask.FLOOR:
            whole, deep = max(usd, target.usd_per_vix_point), agenda.memory.deep is not None
            shares = _to_later_layers(shares, whole, vega.hedges_usd_per_vix_point, deep=deep)
        if raised:
            short = -vega.condors_usd_per_vix_point
            target = Target(usd, usd / short if short > 0.0 else 0.0, demand.rule, demand.text)
    return target, shares


def _wanted_usd(demand: Demand, vega: NetVega, agenda: HedgeAgenda) -> float:
    """Protection in all, dollars per VIX point, never more than the condors' own weighted vega."""
    short = max(0.0, -vega.condors_usd_per_vix_point)
    band, params = agenda.ctx.band, agenda.ctx.params
    if demand.ask is Ask.SHARE:
        usd = params.size.offset_confirmed * short
    elif demand.ask is Ask.FLOOR:
        floor = -params.band.alarm if band.low is None else band.low
        usd = short + vega.usd(floor + params.band.margin)
    else:
        usd = demand.usd_per_vix_point
    return min(max(0.0, usd), short)


def _to_later_layers(shares: dict[int, float], usd: float, held_usd: float, *, deep: bool) -> dict[int, float]:
    """Row 5: what is still missing goes to the intermediate layer, and to the deep one where its engine is awake; what
    is held counts by the usual weights."""
    missing = max(0.0, usd - max(0.0, held_usd)) / usd if usd > 0.0 else 0.0
    places = [*SLOTS_OF[Layer.INTERMEDIATE], *(SLOTS_OF[Layer.DEEP] if deep else ())]
    moved = {slot: share * (1.0 - missing) for slot, share in shares.items()}
    for slot in places:
        moved[slot] = moved.get(slot, 0.0) + missing / len(places)
    return moved


def _sell(agenda: HedgeAgenda, demand: Demand) -> None:
    if any(walk.rule == demand.rule for walk in agenda.memory.walks.values()):
        agenda.note(demand.rule, HEDGE, HOLD, f"{demand.text}: a sale for it works")
        return
    sold = sell_dearest(agenda, demand.rule, demand.text)
    text = "the holding with the dearest carry is sold" if sold else "nothing can be spared above the floor"
    agenda.note(demand.rule, HEDGE, ACT if sold else HOLD, f"{demand.text}: {text}")
