"""How much protection is wanted, in dollars per VIX point, in all and slot by slot (A-SIZE-1, A-VEGA-2, A-LAT-1).

Rules
- The whole: the base share of the condors' weighted vega (the confirmed share after M-MAC-3), or what reaches the
  band's floor plus a margin if that is more. Without condors nothing is wanted.
- Ten slots weigh a tenth each; slots that sleep (deep ones outside the second engine) leave their share to the others.
- Rotation moves weight from slots 1 to 4 to slots 5 to 8; slot 4 after A-ROT-2 has given all of its to slot 5. The
  add-on of A-ROT-3 enlarges the intermediate layer. A-WACC-1 shifts weight among slots 5 to 8.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from strategies.alvh.joint import BandName, Stance
from strategies.alvh.params import BandParams, SizeParams
from strategies.domain.hedge import SLOTS, SLOTS_OF, Layer
from strategies.pricing.net_vega import NetVega

TENTH = 0.1


class Band(NamedTuple):
    """Floor and cap of normalised net vega; None where no band holds. `soft` is the calm floor that is aimed at as the
    market tenses, between it and `low` nothing is forced."""

    low: float | None
    soft: float | None
    high: float | None


class Mood(NamedTuple):
    """What besides regime and tier moves the band: falling RSI of VIX, benign or alarming macro data."""

    rsi_falling: bool = False
    benign: bool = False
    alarm: bool = False


def band_of(stance: Stance, mood: Mood, params: BandParams) -> Band:
    """The band that holds now (R1)."""
    if stance.band is BandName.NONE:
        return Band(None, None, None)
    if stance.band is BandName.FLIP:
        return Band(params.flip_low, params.flip_low, params.flip_high)
    wide = params.benign_widen if mood.benign and not mood.alarm else 0.0
    if stance.band is BandName.FLAT:
        return Band(params.flat_low - wide, params.flat_low, params.flat_high)
    low = params.calm_soft_low if mood.alarm else params.calm_hard_low
    high = params.calm_high_falling if mood.rsi_falling else params.calm_high
    return Band(low - wide, params.calm_soft_low, high)


class Target(NamedTuple):
    """Protection wanted in dollars per VIX point, the share of the condors' vega it is, and which rule asks for it."""

    usd_per_vix_point: float
    share: float
    rule: str
    text: str


def wanted(vega: NetVega, band: Band, size: SizeParams, margin: float, *, confirmed: bool) -> Target:
    """A-SIZE-1: the larger of the standing share and what the band's floor needs."""
    short = -vega.condors_usd_per_vix_point
    if short <= 0.0 or vega.wing_units <= 0.0:
        return Target(0.0, 0.0, "A-SIZE-1", "no short volatility to protect")
    share = size.offset_confirmed if confirmed else size.offset_base
    standing = share * short
    need = 0.0 if band.low is None else short + vega.usd(band.low + margin)
    if need > standing:
        return Target(need, need / short, "A-VEGA-2", "what reaches the band's floor")
    why = "confirmed by the macro surprise" if confirmed else "the standing share"
    return Target(standing, share, "A-SIZE-1", why)


class Weights(NamedTuple):
    """What shifts weight between slots: share of L1 rotated, slot 4's move, the add-on, WACC weights, deep slots awake
    with a share of the whole, or for the reserve's sake (A-BUD-3) with a tenth each beside it."""

    rotated_share: float = 0.0
    slot4_moved: bool = False
    addon_pct: float = 0.0
    wacc: Mapping[int, float] = {}
    wacc_total: float = 1.0
    deep: bool = False
    refresh: bool = False


def slot_weights(weights: Weights) -> dict[int, float]:
    """Share of the whole that each slot is to hold; they add up to one (to more with the add-on or the reserve's
    deep slots, to less by WACC)."""
    awake = [slot for slot in SLOTS if weights.deep or slot not in SLOTS_OF[Layer.DEEP]]
    share = dict.fromkeys(SLOTS, 0.0) | dict.fromkeys(awake, TENTH / (TENTH * len(awake)))
    if weights.slot4_moved:
        share[5], share[4] = share[5] + share[4], 0.0
    staying = [slot for slot in SLOTS_OF[Layer.SHORT] if share[slot] > 0.0]
    whole_short = TENTH * len(SLOTS_OF[Layer.SHORT]) / (TENTH * len(awake))
    gone = whole_short - sum(share[slot] for slot in staying)
    still_to_go = max(0.0, weights.rotated_share * whole_short - gone)
    kept = sum(share[slot] for slot in staying)
    for slot in staying:
        moved = still_to_go * share[slot] / kept
        share[slot] -= moved
        for receiver in SLOTS_OF[Layer.INTERMEDIATE]:
            share[receiver] += moved / len(SLOTS_OF[Layer.INTERMEDIATE])
    for slot in SLOTS_OF[Layer.INTERMEDIATE]:
        share[slot] *= (1.0 + weights.addon_pct / 100.0) * weights.wacc.get(slot, 1.0) * weights.wacc_total
    if weights.refresh:
        share |= dict.fromkeys(SLOTS_OF[Layer.DEEP], TENTH)
    return share


def largest_remainder(wanted_contracts: Mapping[int, float]) -> dict[int, int]:
    """Whole contracts per slot: their sum is the rounded sum, the largest fractions are rounded up (A-SIZE-3)."""
    whole = {slot: int(max(0.0, amount)) for slot, amount in wanted_contracts.items()}
    total = int(sum(max(0.0, amount) for amount in wanted_contracts.values()) + 0.5)
    order = sorted(whole, key=lambda slot: (whole[slot] - max(0.0, wanted_contracts[slot]), slot))
    for slot in order[: max(0, total - sum(whole.values()))]:
        whole[slot] += 1
    return whole


def wacc_weights(costs: Mapping[int, float], sensitivity: float, limit_pct: float) -> dict[int, float]:
    """A-WACC-1: factors of slots 5 to 8 from what a dollar of their weighted vega costs a day (`costs`, positive).

    Dearer protection weighs less; each stays within the limit of one, and their mean stays one as far as that allows.
    """
    if len(costs) < 2:
        return dict.fromkeys(costs, 1.0)
    mean = sum(costs.values()) / len(costs)
    if mean <= 0.0:
        return dict.fromkeys(costs, 1.0)
    raw = {slot: math.exp(-sensitivity * (cost - mean) / mean) for slot, cost in costs.items()}
    scale = len(raw) / sum(raw.values())
    low, high = 1.0 - limit_pct / 100.0, 1.0 + limit_pct / 100.0
    return {slot: min(high, max(low, factor * scale)) for slot, factor in raw.items()}
