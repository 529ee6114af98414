"""The static hedge the layered one is measured against: ten parts of VIX calls bought with the book and rolled.

Rules
- Four tenths short, four intermediate, two deep of the base share of each condor's weighted vega at its sale; whole
  contracts, the largest fractions rounded up.
- Bought when a condor is sold, given back (oldest first) when it has ended, all of it when the last one has.
- On a layer's roll day its calls are sold and as many bought at the layer's tenor. It knows no regime, no band and no
  price at which to sell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from strategies.alvh.targets import largest_remainder
from strategies.domain.hedge import SLOTS, SLOTS_OF, Layer

SHARE = {layer: len(slots) / len(SLOTS) for layer, slots in SLOTS_OF.items()}
"""4/4/2 in tenths."""


class Lot(NamedTuple):
    """Calls of one layer bought together: contracts and what one weighed then, in dollars per VIX point."""

    layer: Layer
    con_id: int
    quantity: int
    usd_per_vix_point: float


class Offer(NamedTuple):
    """What a layer could be bought in now, and what one contract weighs in dollars per VIX point."""

    con_id: int
    usd_per_vix_point: float


class Change(NamedTuple):
    """Lots after a decision and what it trades: signed contracts by contract."""

    lots: tuple[Lot, ...]
    trades: tuple[tuple[int, int], ...]


def follow(lots: Sequence[Lot], target_usd: float, offers: Mapping[Layer, Offer]) -> Change:
    """Brings the lots to a target in dollars per VIX point: buys what is missing, gives back what is too much."""
    if target_usd <= 0.0:
        return Change((), tuple((lot.con_id, -lot.quantity) for lot in lots))
    held = {layer: sum(lot.quantity * lot.usd_per_vix_point for lot in lots if lot.layer is layer) for layer in SHARE}
    lack = {layer: SHARE[layer] * target_usd - held[layer] for layer in SHARE}
    if sum(lack.values()) < 0.0:
        return _give_back(lots, lack)
    layers = [layer for layer in SHARE if layer in offers and offers[layer].usd_per_vix_point > 0.0]
    wanted = {i: max(0.0, lack[layer]) / offers[layer].usd_per_vix_point for i, layer in enumerate(layers)}
    bought = largest_remainder(wanted)
    new = [
        Lot(layer, offers[layer].con_id, bought[i], offers[layer].usd_per_vix_point)
        for i, layer in enumerate(layers)
        if bought[i] > 0
    ]
    return Change((*lots, *new), tuple((lot.con_id, lot.quantity) for lot in new))


def _give_back(lots: Sequence[Lot], lack: Mapping[Layer, float]) -> Change:
    kept, sold = [], []
    surplus = {layer: max(0.0, -missing) for layer, missing in lack.items()}
    for lot in lots:
        gone = min(lot.quantity, int(surplus[lot.layer] / lot.usd_per_vix_point + 0.5))
        surplus[lot.layer] -= gone * lot.usd_per_vix_point
        if gone:
            sold.append((lot.con_id, -gone))
        if gone < lot.quantity:
            kept.append(lot._replace(quantity=lot.quantity - gone))
    return Change(tuple(kept), tuple(sold))


def roll(lots: Sequence[Lot], due: Mapping[int, bool], offers: Mapping[Layer, Offer]) -> Change:
    """Moves every lot whose contract is due into its layer's offer, contract for contract; a layer without an offer
    keeps what it has."""
    kept, trades = [], []
    for lot in lots:
        offer = offers.get(lot.layer)
        if not due[lot.con_id] or offer is None or offer.con_id == lot.con_id:
            kept.append(lot)
            continue
        trades += [(lot.con_id, -lot.quantity), (offer.con_id, lot.quantity)]
        kept.append(lot._replace(con_id=offer.con_id))
    return Change(tuple(kept), tuple(trades))
