"""The hedge: ten slots with what they hold, and net vega in its band."""

from __future__ import annotations

from bot.engine.holdings import held_by_slots
from bot.engine.state import Parameters, State
from bot.valued import exposure_of
from bot.web.gathered import Look
from bot.web.view.numbers import Json, rounded, stamp
from strategies.alvh.exposure import Exposure, Line
from strategies.alvh.joint import stance
from strategies.alvh.lattice import Slot
from strategies.alvh.targets import Band, Mood, band_of
from strategies.domain.hedge import HEDGE_OWNER, SLOTS_OF, Layer
from strategies.domain.instruments import describe
from strategies.signals.signals import Outlook

DAYS_OF = {Layer.SHORT: "up to 30 days", Layer.INTERMEDIATE: "30 to 90 days", Layer.DEEP: "beyond 90 days"}


def lattice(look: Look) -> Json:
    """`layers` of slots, and `vega`: net per condor and 10 points of wing against low, soft and high, with its parts in
    dollars per VIX point. `unknown` says why a figure is missing."""
    state, parameters = look.state, look.state.parameters
    signals = state.desk.feed.signals
    outlook = None if signals is None else signals.outlook
    if parameters is None:
        return {"enabled": None, "layers": [], "vega": None, "unknown": "no run has begun"}
    exposure = None if outlook is None else exposure_of(state, parameters, outlook, look.at)
    working = _working(state)
    layers = [
        {
            "layer": layer.value,
            "days": DAYS_OF[layer],
            "slots": [_cell(state.slots[n], exposure, working, state) for n in slots],
        }
        for layer, slots in SLOTS_OF.items()
    ]
    unknown = "no signals yet" if exposure is None else exposure.unknown or None
    vega = None if exposure is None or outlook is None else _vega(exposure, outlook, parameters)
    return {"enabled": parameters.alvh.enabled, "layers": layers, "vega": vega, "unknown": unknown}


def _working(state: State) -> dict[int, str]:
    """Slot to what an order of it is doing."""
    found: dict[int, str] = {}
    for order in state.book.live_orders():
        if order.intent.owner == HEDGE_OWNER:
            for leg in order.intent.legs:
                if leg.slot is not None:
                    found[leg.slot] = f"{order.intent.rule} {order.state.value}"
    return found


def _cell(slot: Slot, exposure: Exposure | None, working: dict[int, str], state: State) -> Json:
    lines = () if exposure is None else exposure.of_slot(slot.number)
    change = slot.history[-1] if slot.history else None
    values = [line.value_usd for line in lines]
    usd = [line.usd_per_vix_point for line in lines]
    return {
        "number": slot.number,
        "name": slot.name,
        "state": slot.state.value,
        "since": stamp(slot.since),
        "why": slot.blocked_reason or (change.text if change is not None else ""),
        "working": working.get(slot.number),
        "held": [_held(line) for line in lines] if exposure is not None else _named(slot.number, state),
        "cost_usd": rounded(sum(line.cost_usd for line in lines), 0) if lines else None,
        "value_usd": rounded(sum(v for v in values if v is not None), 0) if lines and None not in values else None,
        "usd_per_vix_point": rounded(sum(u for u in usd if u is not None), 0) if lines and None not in usd else None,
    }


def _named(slot: int, state: State) -> list[Json]:
    """What the slot holds by the book alone, before anything can be valued."""
    rows = [held for held in held_by_slots(state.book) if held.slot == slot and held.quantity]
    return [
        {
            "contract": f"contract {held.con_id}" if (found := state.market.tradable(held.con_id)) is None
            else describe(found),
            "quantity": held.quantity,
            "price_points": rounded(held.price_points),
            "mid_points": None,
            "days": None,
        }
        for held in rows
    ]  # fmt: skip


def _held(line: Line) -> Json:
    return {
        "contract": describe(line.contract),
        "quantity": line.held.quantity,
        "price_points": rounded(line.held.price_points),
        "mid_points": rounded(line.mid_points),
        "days": rounded(line.days, 0),
    }


def _vega(exposure: Exposure, outlook: Outlook, parameters: Parameters) -> Json:
    """Net vega in the unit of the bands; `net_n` None while no condor is open or a part is unknown."""
    band, vega = _band(outlook, parameters), exposure.vega
    row = stance(outlook.regime, outlook.tier)
    return {
        "net_n": None if vega is None else rounded(vega.net_n, 3),
        "condors_n": None if vega is None else rounded(vega.condors_n, 3),
        "low_n": band.low,
        "soft_n": band.soft,
        "high_n": band.high,
        "band": row.band.value,
        "why": row.why,
        "over_short_n": -parameters.limits.vega_over_short,
        "over_long_n": parameters.limits.vega_over_long,
        "net_usd_per_vix_point": None if vega is None else rounded(vega.net_usd_per_vix_point, 0),
        "condors_usd_per_vix_point": None if vega is None else rounded(vega.condors_usd_per_vix_point, 0),
        "hedge_usd_per_vix_point": None if vega is None else rounded(vega.hedges_usd_per_vix_point, 0),
        "carry_usd_per_day": rounded(exposure.carry_usd, 0),
        "condor_theta_usd_per_day": rounded(exposure.condor_theta_usd, 0),
    }


def _band(outlook: Outlook, parameters: Parameters) -> Band:
    measures = outlook.measures
    now, before = measures.rsi_vix, measures.rsi_vix_before
    falling = now is not None and before is not None and now < before
    return band_of(stance(outlook.regime, outlook.tier), Mood(rsi_falling=falling), parameters.alvh.band)
