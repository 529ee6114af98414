"""The hedge's places: ten slots in three tenor layers, and the one owner under which all of its orders are kept."""

from __future__ import annotations

from enum import StrEnum

import msgspec

HEDGE_OWNER = "alvh"
"""Owner of every hedge order and position; slots tell them apart."""


class Layer(StrEnum):
    """Tenor layer of the lattice (A-LAT-1): up to 30 days, 30 to 90, beyond."""

    SHORT = "L1"
    INTERMEDIATE = "L2"
    DEEP = "L3"


SLOTS: tuple[int, ...] = tuple(range(1, 11))
"""Slot numbers; the lattice has ten for ever."""

SLOTS_OF: dict[Layer, tuple[int, ...]] = {
    Layer.SHORT: (1, 2, 3, 4),
    Layer.INTERMEDIATE: (5, 6, 7, 8),
    Layer.DEEP: (9, 10),
}
"""Four short, four intermediate, two deep."""

_NAMES = {slot: f"{HEDGE_OWNER}-s{slot:02d}" for slots in SLOTS_OF.values() for slot in slots}
_LAYER_OF = {slot: layer for layer, slots in SLOTS_OF.items() for slot in slots}


def layer_of(slot: int) -> Layer:
    """The layer a slot belongs to. Raises KeyError for a number that is no slot."""
    return _LAYER_OF[slot]


def slot_name(slot: int) -> str:
    """How a slot is written as the subject of a decision or in an order's reference, e.g. `alvh-s04`."""
    return _NAMES.get(slot) or f"{HEDGE_OWNER}-s{slot:02d}"


class Ask(StrEnum):
    """What the condors' rules ask of the hedge; how it is met is the hedge's own affair (its rules, its budgets)."""

    SHARE = "share"
    FLOOR = "floor"
    USD = "usd"
    SELL_DEAREST = "sell_dearest"


class Demand(msgspec.Struct, frozen=True):
    """A verdict of the condors' rules that the hedge is to carry out: which rule and row of C-DEC-1, what, and why.

    SHARE: the confirmed share of the condors' vega. FLOOR: what reaches the band's floor, intermediate layer first.
    USD: at least `usd_per_vix_point` of protection in all. SELL_DEAREST: the holding with the dearest carry goes.
    """

    rule: str
    ask: Ask
    text: str
    row: int | None = None
    usd_per_vix_point: float = 0.0
