"""Worst case at expiry by brute force: every fill subset, every breakpoint {0, each strike, infinity}.

Written from the definition and knowing nothing of the gate: what a position costs is cash received plus what it is
worth when the index settles at a level; an order may fill any whole number of its units; the worst case is the greatest
loss anybody can name. Groups (condors) are worst-cased one by one and added, gains of one never offset another.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Contract(NamedTuple):
    """An option: `settles_on` names the number it settles on (two options with the same name see the same level)."""

    settles_on: str
    strike: float
    is_call: bool
    multiplier: int = 100


class Held(NamedTuple):
    """Signed contracts of a group at an average price in points."""

    group: str
    con_id: int
    quantity: int
    price_points: float


class Working(NamedTuple):
    """An order: signed contracts per unit, units that may still fill, limit (positive = pays) and fee per unit."""

    group: str
    legs: tuple[tuple[int, int], ...]
    units: int
    limit_points: float
    fee_usd: float = 0.0


def worst_case_usd(contracts: Mapping[int, Contract], held: Iterable[Held], working: Iterable[Working]) -> float:
    """Sum over groups of the greatest loss in usd, a group that cannot lose counting as zero; inf if unbounded."""
    held, working = list(held), list(working)
    groups = {row.group for row in held} | {row.group for row in working}
    return sum(
        max(
            0.0,
            group_worst_usd(contracts, [h for h in held if h.group == group], [w for w in working if w.group == group]),
        )
        for group in groups
    )


def group_worst_usd(contracts: Mapping[int, Contract], held: list[Held], working: list[Working]) -> float:
    """Greatest loss of one group over every combination of fills; negative when a gain is certain."""
    worst = -math.inf
    for fills in itertools.product(*(range(order.units + 1) for order in working)):
        position: dict[int, int] = {}
        cash = 0.0
        for row in held:
            position[row.con_id] = position.get(row.con_id, 0) + row.quantity
            cash -= row.quantity * row.price_points * contracts[row.con_id].multiplier
        for order, filled in zip(working, fills, strict=True):
            multiplier = contracts[order.legs[0][0]].multiplier
            cash -= filled * (order.limit_points * multiplier + order.fee_usd)
            for con_id, ratio in order.legs:
                position[con_id] = position.get(con_id, 0) + ratio * filled
        worst = max(worst, position_loss_usd(contracts, position, cash))
    return worst


def position_loss_usd(contracts: Mapping[int, Contract], position: Mapping[int, int], cash_usd: float) -> float:
    """Greatest loss of one certain position over the breakpoints of everything it settles on."""
    loss = -cash_usd
    for name in {contracts[con_id].settles_on for con_id in position}:
        rows = [(contracts[c], q) for c, q in position.items() if contracts[c].settles_on == name]
        if sum(q * c.multiplier for c, q in rows if c.is_call) < 0:
            return math.inf
        loss += max(-sum(q * c.multiplier * _worth(c, level) for c, q in rows) for level in _levels(rows))
    return loss


def naked_shorts(contracts: Mapping[int, Contract], held: list[Held], working: list[Working]) -> int:
    """Greatest number of short contracts without a long of the same right and settlement, over every fill subset."""
    worst = 0
    for fills in itertools.product(*(range(order.units + 1) for order in working)):
        net: dict[tuple[str, bool], int] = {}
        moves = [(row.con_id, row.quantity) for row in held]
        for order, filled in zip(working, fills, strict=True):
            moves += [(con_id, ratio * filled) for con_id, ratio in order.legs]
        for con_id, quantity in moves:
            key = (contracts[con_id].settles_on, contracts[con_id].is_call)
            net[key] = net.get(key, 0) + quantity
        worst = max(worst, sum(-q for q in net.values() if q < 0))
    return worst


def _levels(rows: list[tuple[Contract, int]]) -> list[float]:
    return [0.0, *(contract.strike for contract, _ in rows)]


def _worth(contract: Contract, level: float) -> float:
    return max(0.0, level - contract.strike if contract.is_call else contract.strike - level)
