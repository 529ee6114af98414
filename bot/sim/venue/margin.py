"""Margin rules: what the broker holds back for a set of positions.

Rules, dollars: a short option is covered by a long one of the same right, class and expiry; a covered pair needs the
width between the strikes if the long is the worse one, else nothing. Where put pairs and call pairs of one expiry need
the same width, one side only is held (a condor cannot lose on both); otherwise both. An uncovered short needs its
market value plus the larger of 20 % of the underlying less the amount out of the money and 10 % of the strike (of the
underlying for a call). Long options are held at their premium. A future needs a fixed part of its value.

Requirements are stated against the net liquidation value: a condor's is its width less what it would cost to buy
back, which at the opening is its maximum loss.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from bot.sim.types import ContractSpec, Right, SecType

FUTURE_INITIAL = 0.35
FUTURE_MAINTENANCE = 0.315
_UNDERLYING_PART = 0.20
_FLOOR_PART = 0.10


@dataclass(frozen=True, slots=True)
class Holding:
    """Signed contracts of one spec and their mark in points."""

    spec: ContractSpec
    quantity: int
    mark: float


@dataclass(frozen=True, slots=True)
class Requirement:
    """Dollars held back, initial and maintenance, against the net liquidation value."""

    initial: float
    maintenance: float


def requirement(holdings: Iterable[Holding], levels: Mapping[str, float]) -> Requirement:
    """The margin of one account. `levels` gives the underlying's level in points by symbol, for uncovered shorts."""
    initial = maintenance = 0.0
    groups: dict[tuple[str, date], list[Holding]] = defaultdict(list)
    for held in holdings:
        spec = held.spec
        if held.quantity == 0:
            continue
        if spec.sec_type is SecType.OPTION and spec.expiry is not None:
            groups[spec.trading_class, spec.expiry].append(held)
            continue
        value = abs(held.quantity) * held.mark * spec.multiplier
        initial += FUTURE_INITIAL * value
        maintenance += FUTURE_MAINTENANCE * value
    for group in groups.values():
        needed = _group_requirement(group, levels.get(group[0].spec.symbol, 0.0))
        initial += needed
        maintenance += needed
    return Requirement(round(initial, 2), round(maintenance, 2))


def _group_requirement(group: list[Holding], level: float) -> float:
    """One class and expiry: market value plus what its spreads and uncovered shorts could still cost beyond it."""
    value = sum(held.quantity * held.mark * held.spec.multiplier for held in group)
    widths: dict[Right, Counter[float]] = {Right.PUT: Counter(), Right.CALL: Counter()}
    uncovered = 0.0
    for right in Right:
        side = [held for held in group if held.spec.right is right]
        pairs, naked = _pair(side)
        for width, units in pairs:
            widths[right][width] += units
        uncovered += sum(_naked(held, units, level) for held, units in naked)
    multiplier = group[0].spec.multiplier
    return max(0.0, value + multiplier * _spread_points(widths[Right.PUT], widths[Right.CALL]) + uncovered)


def _pair(side: list[Holding]) -> tuple[list[tuple[float, int]], list[tuple[Holding, int]]]:
    """Covers the shorts of one right with its longs: (width points, units) of the pairs, and the uncovered shorts.

    Shorts nearest the money choose first, each the long that leaves it the least to lose.
    """
    put = any(held.spec.right is Right.PUT for held in side)
    outward = -1.0 if put else 1.0
    shorts = sorted((h for h in side if h.quantity < 0), key=lambda h: outward * (h.spec.strike or 0.0))
    longs = sorted((h for h in side if h.quantity > 0), key=lambda h: outward * (h.spec.strike or 0.0))
    left = [held.quantity for held in longs]
    pairs: list[tuple[float, int]] = []
    naked: list[tuple[Holding, int]] = []
    place = 0  # the nearest longs protect best and are used first; a surplus stays at the far end
    for short in shorts:
        open_units = -short.quantity
        while open_units and place < len(longs):
            units = min(open_units, left[place])
            gap = outward * ((longs[place].spec.strike or 0.0) - (short.spec.strike or 0.0))
            pairs.append((max(0.0, gap), units))
            left[place] -= units
            open_units -= units
            if left[place] == 0:
                place += 1
        if open_units:
            naked.append((short, open_units))
    return pairs, naked


def _spread_points(puts: Counter[float], calls: Counter[float]) -> float:
    """Points at risk of the covered shorts: equal widths of the two sides are held once, the rest in full."""
    both = puts & calls
    shared = sum(width * units for width, units in both.items())
    puts, calls = puts - both, calls - both
    rest_puts = sum(width * units for width, units in puts.items())
    rest_calls = sum(width * units for width, units in calls.items())
    if abs(rest_puts - rest_calls) < 1e-9:  # the same total in other pieces is still one side's risk
        return shared + rest_puts
    return shared + rest_puts + rest_calls


def _naked(held: Holding, units: int, level: float) -> float:
    """Dollars held for uncovered shorts on top of the group's value, which already carries them as a liability."""
    spec = held.spec
    strike = spec.strike or 0.0
    put = spec.right is Right.PUT
    out_of_money = max(0.0, level - strike if put else strike - level)
    floor = _FLOOR_PART * (strike if put else level)
    held_points = held.mark + max(_UNDERLYING_PART * level - out_of_money, floor)
    return held_points * spec.multiplier * units
