"""One slot of the lattice as the desk remembers it, and what it holds as the book says."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from strategies.domain.hedge import SLOTS, Layer, layer_of, slot_name
from strategies.domain.orders import PlaceIntent


class SlotState(StrEnum):
    """Where a slot stands."""

    DORMANT = "dormant"
    ARMED = "armed"
    OPENING = "opening"
    ACTIVE = "active"
    ROLLING = "rolling"
    ROTATING = "rotating"
    HARVESTING = "harvesting"
    RESTING = "resting"
    BLOCKED = "blocked"


class HedgeAction(StrEnum):
    """What a hedge order does to its slots; part of its chain's name."""

    OPEN = "open"
    ROLL = "roll"
    ROTATE = "rotate"
    HARVEST = "harvest"


class Held(NamedTuple):
    """Signed contracts of one instrument in one slot and the average price paid, points per share."""

    slot: int
    con_id: int
    quantity: int
    price_points: float


class SlotChange(NamedTuple):
    """One line of a slot's history."""

    state: SlotState
    at: datetime
    text: str


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One of the ten. Quantities live in the book; this is what the machine and the rules remember.

    `rested_from` is the session the rest began in; `opened_on` the session of the last opening order that filled;
    `cooldown_until` keeps a new opening away after one that ended unfilled.
    """

    number: int
    state: SlotState = SlotState.DORMANT
    since: datetime | None = None
    history: tuple[SlotChange, ...] = ()
    opened_on: date | None = None
    rested_from: date | None = None
    cooldown_until: datetime | None = None
    blocked_reason: str = ""

    @property
    def layer(self) -> Layer:
        """Its tenor layer."""
        return layer_of(self.number)

    @property
    def name(self) -> str:
        """As written in decisions and order references."""
        return slot_name(self.number)


def fresh_lattice() -> dict[int, Slot]:
    """Ten dormant slots."""
    return {number: Slot(number=number) for number in SLOTS}


def action_of(intent: PlaceIntent) -> HedgeAction:
    """What an order of the hedge does, from its chain's name `alvh-s04.rotate/...`. Raises ValueError for others."""
    _, _, rest = intent.chain_ref.partition(".")
    return HedgeAction(rest.partition("/")[0])


def slots_of(intent: PlaceIntent) -> tuple[int, ...]:
    """Slots an order touches, the one it is named for first."""
    return tuple(dict.fromkeys(leg.slot for leg in intent.legs if leg.slot is not None))


def held_in(slot: int, holdings: tuple[Held, ...]) -> tuple[Held, ...]:
    """What one slot holds."""
    return tuple(row for row in holdings if row.slot == slot and row.quantity)
