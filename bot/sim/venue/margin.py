"""Margin rules: what the broker holds back for a set of positions.

Rules, dollars. Options of one class and expiry: what the puts could still lose at any settlement level, and what the
calls could, each side with its longs covering its shorts; where both sides have spreads of the same width one side only
is held for them (a condor cannot lose on both), otherwise both. An uncovered short needs its market value plus the
larger of 20 % of the underlying less the amount out of the money and 10 % of the strike (of the underlying for a call),
unless shares cover it. Another expiry covers nothing. Long options are held at their premium. Shares: 50 % of their
value at first and 25 % afterwards, sold short 50 % and 30 %. Futures: a part of their value by class and days to
settlement, with a floor per contract.

Requirements are stated against the net liquidation value: a condor's is its width less what it would cost to buy
back, which at the opening is its maximum loss.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from bot.sim.types import ContractSpec, Right, SecType

MAINTENANCE_PART = 0.9
"""Maintenance margin of a future as a part of its initial margin."""
VOLATILITY_FUTURE_PARTS = ((30, 0.35), (90, 0.25))
VOLATILITY_FUTURE_FAR_PART = 0.18
"""Part of the value held for a VX or VXM future: up to so many days from settlement, and beyond. The exchange asks less
for later months, which move less."""
VOLATILITY_FUTURE_FLOOR_USD_PER_POINT = 2.5
"""Least initial margin in dollars for each dollar of the multiplier: 2,500 for VX, 250 for VXM."""
EQUITY_FUTURE_PART = 0.08
LONG_SHARES, SHORT_SHARES, PAID_SHARES = (0.50, 0.25), (0.50, 0.30), (1.0, 1.0)
"""(initial, maintenance) as parts of the value: Regulation T and the usual house minimum; a cash account's."""
SHARES_PER_OPTION = 100
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


def requirement(
    holdings: Iterable[Holding], levels: Mapping[str, float], on: date | None = None, *, borrows: bool = True
) -> Requirement:
    """The margin of one account on a day. `levels` gives the underlying's level in points by symbol, for uncovered
    shorts; without a day every future counts as near. An account that does not borrow holds shares at their value."""
    initial = maintenance = 0.0
    groups: dict[tuple[str, date], list[Holding]] = defaultdict(list)
    shares: Counter[str] = Counter()
    for held in holdings:
        spec = held.spec
        if held.quantity == 0:
            continue
        if spec.sec_type is SecType.OPTION and spec.expiry is not None:
            groups[spec.trading_class, spec.expiry].append(held)
        elif spec.sec_type is SecType.FUTURE:
            needed = abs(held.quantity) * future_margin_usd(spec, held.mark, on)
            initial, maintenance = initial + needed, maintenance + MAINTENANCE_PART * needed
        else:
            shares[spec.symbol] += held.quantity
            parts = (LONG_SHARES if borrows else PAID_SHARES) if held.quantity > 0 else SHORT_SHARES
            value = abs(held.quantity) * held.mark * spec.multiplier
            initial, maintenance = initial + parts[0] * value, maintenance + parts[1] * value
    covers = _Covers(shares)
    for key in sorted(groups, key=lambda key: (key[1], key[0])):
        group = groups[key]
        needed = _group_requirement(group, levels.get(group[0].spec.symbol, 0.0), covers)
        initial, maintenance = initial + needed, maintenance + needed
    return Requirement(round(initial, 2), round(maintenance, 2))


def future_margin_usd(spec: ContractSpec, mark: float, on: date | None) -> float:
    """Initial margin of one future in dollars, long or short."""
    value = mark * spec.multiplier
    if spec.symbol not in ("VIX", "VXM"):
        return EQUITY_FUTURE_PART * value
    days = 0 if on is None or spec.expiry is None else (spec.expiry - on).days
    part = next((part for until, part in VOLATILITY_FUTURE_PARTS if days <= until), VOLATILITY_FUTURE_FAR_PART)
    return max(part * value, VOLATILITY_FUTURE_FLOOR_USD_PER_POINT * spec.multiplier)


class _Covers:
    """Shares that can still cover short options: bought ones a call, sold ones a put, a hundred each."""

    def __init__(self, shares: Counter[str]) -> None:
        self._lots = {symbol: count // SHARES_PER_OPTION if count > 0 else -(-count // SHARES_PER_OPTION)
                      for symbol, count in shares.items()}  # fmt: skip

    def take(self, spec: ContractSpec, units: int) -> int:
        """How many of so many short options are covered; those shares are taken."""
        lots = self._lots.get(spec.symbol, 0)
        sign = 1 if spec.right is Right.CALL else -1
        found = min(units, max(0, sign * lots))
        self._lots[spec.symbol] = lots - sign * found
        return found


def _group_requirement(group: list[Holding], level: float, covers: _Covers) -> float:
    """One class and expiry: market value plus what its spreads and uncovered shorts could still cost beyond it."""
    value = sum(held.quantity * held.mark * held.spec.multiplier for held in group)
    multiplier = group[0].spec.multiplier
    sides: dict[Right, _Side] = {}
    uncovered = 0.0
    for right in Right:
        side, naked = _side([held for held in group if held.spec.right is right])
        sides[right] = side
        for held, units in naked:
            uncovered += _naked(held, units, units - covers.take(held.spec, units), level)
    points = _spread_points(sides[Right.PUT], sides[Right.CALL])
    return max(0.0, value + multiplier * points + uncovered)


@dataclass(frozen=True, slots=True)
class _Side:
    """The covered shorts of one right: widths of their pairs in points with units, and the most the side can lose."""

    widths: Counter[float]
    worst: float

    @property
    def paired(self) -> float:
        """Points that the pairs alone would need."""
        return sum(width * units for width, units in self.widths.items())


def _side(side: Sequence[Holding]) -> tuple[_Side, list[tuple[Holding, int]]]:
    """One right of a group: its covered part, and the uncovered shorts with their units.

    Shorts nearest the money choose first, each the nearest long; a surplus of longs stays at the far end.
    """
    put = any(held.spec.right is Right.PUT for held in side)
    outward = -1.0 if put else 1.0
    shorts = sorted((h for h in side if h.quantity < 0), key=lambda h: outward * (h.spec.strike or 0.0))
    longs = sorted((h for h in side if h.quantity > 0), key=lambda h: outward * (h.spec.strike or 0.0))
    left = [held.quantity for held in longs]
    widths: Counter[float] = Counter()
    covered: list[tuple[float, int]] = [(held.spec.strike or 0.0, held.quantity) for held in longs]
    naked: list[tuple[Holding, int]] = []
    place = 0
    for short in shorts:
        open_units, strike = -short.quantity, short.spec.strike or 0.0
        while open_units and place < len(longs):
            units = min(open_units, left[place])
            widths[max(0.0, outward * ((longs[place].spec.strike or 0.0) - strike))] += units
            covered.append((strike, -units))
            left[place] -= units
            open_units -= units
            if left[place] == 0:
                place += 1
        if open_units:
            naked.append((short, open_units))
    return _Side(widths, _worst_points(covered, put=put)), naked


def _worst_points(legs: Sequence[tuple[float, int]], *, put: bool) -> float:
    """The most that (strike, signed units) of one right can owe at any settlement level, in points."""
    levels = [0.0, *(strike for strike, _ in legs), max((strike for strike, _ in legs), default=0.0) * 2.0]
    sign = -1.0 if put else 1.0
    return max(0.0, *(-sum(units * max(0.0, sign * (level - strike)) for strike, units in legs) for level in levels))


def _spread_points(puts: _Side, calls: _Side) -> float:
    """Points at risk of the covered shorts: equal widths of the two sides are held once, the rest in full."""
    if abs(puts.worst - calls.worst) < 1e-9:
        return puts.worst
    if abs(puts.worst - puts.paired) > 1e-9 or abs(calls.worst - calls.paired) > 1e-9:
        return puts.worst + calls.worst  # a butterfly's wings offset each other: its widths say nothing
    both = puts.widths & calls.widths
    shared = sum(width * units for width, units in both.items())
    return puts.paired + calls.paired - shared


def _naked(held: Holding, units: int, unprotected: int, level: float) -> float:
    """Dollars held for shorts without a long option, on top of the group's value, which already carries them as a
    liability; those that shares cover need that value only."""
    spec = held.spec
    strike = spec.strike or 0.0
    put = spec.right is Right.PUT
    out_of_money = max(0.0, level - strike if put else strike - level)
    floor = _FLOOR_PART * (strike if put else level)
    extra = max(_UNDERLYING_PART * level - out_of_money, floor)
    return (units * held.mark + unprotected * extra) * spec.multiplier
