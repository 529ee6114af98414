"""Which legs a condor's open units have: all the same, or some the old and some the new ones of a half-made change.

Every order of a condor trades whole units of four legs. An entry adds units, an exit takes them from the set of legs
it closes, a change of legs moves them from one set to another. So after any number of units, in any order, each open
unit is a whole condor, and each set can be closed by an order of its own (K-DEF-1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from strategies.condor.structure import Legs
from strategies.domain.orders import Purpose
from strategies.domain.transitions import ImpossibleEvent


class Side(StrEnum):
    """Half of a condor."""

    PUT = "put"
    CALL = "call"


class Adjustment(msgspec.Struct, frozen=True):
    """A change of legs: the tested side (None: both move), the legs afterwards and before, the units it is for, the
    rule. Known by its orders' chain."""

    side: Side | None
    legs: Legs
    units: int
    before: Legs
    rule: str = "C-ADJ-2"


class Tally(msgspec.Struct, frozen=True):
    """What one order has done: whole units, points per share paid (positive) for all of them together, and the legs of
    the units it took (a change of legs, an exit) or made (an entry)."""

    purpose: Purpose
    chain_ref: str
    units: int
    paid_points: float
    legs: Legs


class Lot(msgspec.Struct, frozen=True):
    """Open units of one set of legs."""

    legs: Legs
    units: int


def known_legs(now: Legs, adjustments: Mapping[str, Adjustment]) -> tuple[Legs, ...]:
    """Every set of legs the condor has had or may come to have."""
    found = [now]
    for item in adjustments.values():
        found += [item.before, item.legs]
    return tuple(dict.fromkeys(found))


def legs_of_order(con_ids: Iterable[int], ref: str, known: tuple[Legs, ...]) -> Legs:
    """The set of legs an order opens or closes. Raises ImpossibleEvent when it is none of the condor's."""
    wanted = frozenset(con_ids)
    for legs in known:
        if frozenset(legs.con_ids()) == wanted:
            return legs
    raise ImpossibleEvent(f"{ref}: its legs {sorted(wanted)} are no set of legs of this condor")


def count_lots(tallies: Iterable[Tally], adjustments: Mapping[str, Adjustment]) -> tuple[Lot, ...]:
    """Open units by their legs, the oldest set first. Raises ImpossibleEvent where more were taken than there were."""
    units: dict[Legs, int] = {}
    for tally in tallies:
        sign = 1 if tally.purpose is Purpose.ENTRY else -1
        units[tally.legs] = units.get(tally.legs, 0) + sign * tally.units
        if tally.purpose is Purpose.ADJUST:
            after = adjustments[tally.chain_ref].legs
            units[after] = units.get(after, 0) + tally.units
    for legs, count in units.items():
        if count < 0:
            raise ImpossibleEvent(f"{-count} more units closed than were open with the legs {legs.con_ids()}")
    return tuple(Lot(legs, count) for legs, count in units.items() if count)
