"""Worst case at expiry of positions and working orders over every fill subset, in closed form.

Rules
- Everything is grouped by condor; the book's worst case is the sum over condors, so that no condor's gain hides
  another's loss. What no condor of ours explains is one group of its own.
- A combo order fills in whole units. Leg executions that ran ahead of their sisters prove their unit: the rest of it
  is counted as certain, everything beyond as possible.
- At a given index level the loss is linear in each order's fill, so an order adds either nothing or all of it,
  whichever is worse there; the sum is convex between strikes, so level 0, the strikes and the slope above the last
  strike decide. Expiries (and settlement styles) move independently of each other.
- The same argument makes two fills of one candidate, none and all, enough to prove that it never adds risk; the fills
  of the other orders are enumerated one by one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from typing import NamedTuple

from risk.view import Holding, RiskView
from strategies.domain.book import Book
from strategies.domain.instruments import Option, Right, SettlementStyle
from strategies.domain.orders import OrderRecord, PlaceIntent

CENT_USD = 0.005
"""Differences below this are arithmetic noise."""

MAX_SUBSETS = 4096
"""Fill subsets enumerated in a proof of reduction; an order behind more of them is not proven to reduce."""

Series = tuple[str, date, SettlementStyle]
"""Options that settle on the same number: underlying, expiry, settlement style."""


class Unit(NamedTuple):
    """An order's remaining units: signed contracts per con id and cash received per unit (paid: negative)."""

    ref: str
    legs: tuple[tuple[int, int], ...]
    cash_usd: float
    quantity: int


class Shape(NamedTuple):
    """A position's worth at expiry: per series the value in usd at each level and the slope above the last strike."""

    values: dict[Series, list[float]]
    slopes: dict[Series, float]


class Stake:
    """One condor's certain position and cash and its working units; `unknown` says why it cannot be valued."""

    def __init__(
        self,
        options: Mapping[int, Option],
        held: Mapping[int, int],
        cash_usd: float,
        units: tuple[Unit, ...] = (),
        unknown: str = "",
    ) -> None:
        self.options = options
        self.held = {con_id: quantity for con_id, quantity in held.items() if quantity}
        self.cash_usd = cash_usd
        self.units = units
        self.unknown = unknown

    def plus(self, unit: Unit) -> Stake:
        """The same stake with one more order working."""
        return Stake(self.options, self.held, self.cash_usd, (*self.units, unit), self.unknown)

    def at_rest(self) -> Stake:
        """The same stake as if no order of it were working."""
        return Stake(self.options, self.held, self.cash_usd, (), self.unknown)

    @cached_property
    def con_ids(self) -> frozenset[int]:
        """Every option held or possibly traded."""
        return frozenset(self.held).union(con_id for unit in self.units for con_id, _ in unit.legs)

    @cached_property
    def levels(self) -> dict[Series, list[float]]:
        """Index levels that decide, per series: zero and every strike."""
        found: dict[Series, set[float]] = {}
        for con_id in self.con_ids:
            option = self.options[con_id]
            found.setdefault(series_of(option), {0.0}).add(option.strike)
        return {series: sorted(levels) for series, levels in found.items()}

    def shape(self, legs: Iterable[tuple[int, int]]) -> Shape:
        """Worth at expiry of signed contracts at this stake's levels."""
        values: dict[Series, list[float]] = {}
        slopes: dict[Series, float] = {}
        for con_id, quantity in legs:
            option = self.options[con_id]
            series = series_of(option)
            strike, size = option.strike, quantity * option.multiplier
            if option.right is Right.CALL:
                paid = [size * (level - strike) if level > strike else 0.0 for level in self.levels[series]]
                slopes[series] = slopes.get(series, 0.0) + size
            else:
                paid = [size * (strike - level) if level < strike else 0.0 for level in self.levels[series]]
            before = values.get(series)
            values[series] = paid if before is None else [a + b for a, b in zip(before, paid, strict=True)]
        return Shape(values, slopes)

    def worst_loss_usd(self) -> float:
        """Greatest loss over every fill subset and every level, in usd; negative if a gain is certain, inf if open."""
        if self.unknown:
            return math.inf
        split = [unit for unit in self.units if len({series_of(self.options[c]) for c, _ in unit.legs}) > 1]
        whole = [unit for unit in self.units if unit not in split]
        if 2 ** len(split) > MAX_SUBSETS:
            return math.inf
        choices = itertools.product(*[(0, unit.quantity) for unit in split])
        return max(self._worst_given(whole, zip(split, fills, strict=True)) for fills in choices)

    def _worst_given(self, whole: list[Unit], filled: Iterable[tuple[Unit, int]]) -> float:
        held, cash = dict(self.held), self.cash_usd
        for unit, count in filled:
            held, cash = _after(held, cash, unit, count)
        sure = self.shape(held.items())
        loss = {series: [-v for v in sure.values.get(series, [0.0] * len(at))] for series, at in self.levels.items()}
        slope = {series: -sure.slopes.get(series, 0.0) for series in self.levels}
        for unit in whole:
            maybe = self.shape(unit.legs)
            for series, values in maybe.values.items():
                adds = [max(0.0, -(value + unit.cash_usd)) * unit.quantity for value in values]
                loss[series] = [a + b for a, b in zip(loss[series], adds, strict=True)]
                slope[series] += max(0.0, -maybe.slopes.get(series, 0.0)) * unit.quantity
        if any(rise > 0.0 for rise in slope.values()):
            return math.inf
        return sum(max(at) for at in loss.values()) - cash

    def uncovered(self) -> dict[tuple[Series, Right], int]:
        """Short contracts without a long of the same series and right, at worst over every fill subset."""
        short: dict[tuple[Series, Right], int] = {}
        for con_id, quantity in self.held.items():
            self._short(short, con_id, -quantity)
        for unit in self.units:
            adds: dict[tuple[Series, Right], int] = {}
            for con_id, ratio in unit.legs:
                self._short(adds, con_id, -ratio)
            for key, per_unit in adds.items():
                short[key] = short.get(key, 0) + max(0, per_unit) * unit.quantity
        return {key: count for key, count in short.items() if count > 0}

    def _short(self, into: dict[tuple[Series, Right], int], con_id: int, quantity: int) -> None:
        option = self.options[con_id]
        key = (series_of(option), option.right)
        into[key] = into.get(key, 0) + quantity

    def is_reduced_by(self, unit: Unit) -> bool:
        """Whether filling the unit wholly or partly adds nothing to the worst case, whatever else has filled."""
        if self.unknown or math.prod(u.quantity + 1 for u in self.units) > MAX_SUBSETS:
            return False
        wide = self.plus(unit)
        for fills in itertools.product(*[range(u.quantity + 1) for u in self.units]):
            held, cash = dict(self.held), self.cash_usd
            for other, count in zip(self.units, fills, strict=True):
                held, cash = _after(held, cash, other, count)
            after, cash_after = _after(held, cash, unit, unit.quantity)
            if not wide.no_worse(held, cash, after, cash_after):
                return False
        return True

    def no_worse(self, before: dict[int, int], cash: float, after: dict[int, int], cash_after: float) -> bool:
        """Whether one certain position risks at most what the other does: level by level, above, and uncovered."""
        was, now = self.shape(before.items()), self.shape(after.items())
        for series in self.levels:
            if max(0.0, -now.slopes.get(series, 0.0)) > max(0.0, -was.slopes.get(series, 0.0)):
                return False
        if _worst(now) - cash_after > _worst(was) - cash + CENT_USD:
            return False
        naked = Stake(self.options, before, cash).uncovered()
        still = Stake(self.options, after, cash_after).uncovered()
        return all(count <= naked.get(key, 0) for key, count in still.items())


def _worst(shape: Shape) -> float:
    return sum(-min(values) for values in shape.values.values())


def _after(held: dict[int, int], cash: float, unit: Unit, count: int) -> tuple[dict[int, int], float]:
    changed = dict(held)
    for con_id, ratio in unit.legs:
        changed[con_id] = changed.get(con_id, 0) + ratio * count
    return changed, cash + unit.cash_usd * count


def series_of(option: Option) -> Series:
    """What the option settles on."""
    return (option.symbol, option.expiry, option.settlement)


def unit_of(intent: PlaceIntent, options: Mapping[int, Option], fee_usd: float, count: int | None = None) -> Unit:
    """An intent as units; `fee_usd` per contract is taken off the cash of each unit."""
    legs = tuple((leg.con_id, leg.action.sign * leg.ratio) for leg in intent.legs)
    multiplier = options[intent.legs[0].con_id].multiplier
    fees = fee_usd * sum(leg.ratio for leg in intent.legs)
    return Unit(intent.ref, legs, -intent.limit_points * multiplier - fees, intent.quantity if count is None else count)


def payoff_bounds_points(intent: PlaceIntent, options: Mapping[int, Option]) -> tuple[float, float]:
    """Least and greatest worth of one unit at expiry in points per share; infinite where there is no bound."""
    unit = unit_of(intent, options, 0.0)
    stake = Stake(options, {}, 0.0, (unit,))
    shape = stake.shape(unit.legs)
    multiplier = options[intent.legs[0].con_id].multiplier
    low = sum(min(values) for values in shape.values.values())
    high = sum(max(values) for values in shape.values.values())
    low = -math.inf if any(s < 0.0 for s in shape.slopes.values()) else low / multiplier
    high = math.inf if any(s > 0.0 for s in shape.slopes.values()) else high / multiplier
    return low, high


class _Draft:
    """A stake under construction."""

    def __init__(self) -> None:
        self.held: dict[int, int] = {}
        self.cash_usd = 0.0
        self.units: list[Unit] = []
        self.unknown = ""


def stakes(view: RiskView, fee_usd: float) -> dict[str | None, Stake]:
    """Every group with something held or working, by condor id."""
    options = {c: i for c, i in view.market.instruments.items() if isinstance(i, Option)}
    drafts: dict[str | None, _Draft] = {}
    for holding in view.holdings:
        if holding.quantity:
            _hold(drafts.setdefault(holding.condor_id, _Draft()), holding, options)
    for record in view.book.orders.values():
        if record.live:
            _work(drafts.setdefault(record.intent.condor_id, _Draft()), record, view.book, options, fee_usd)
    return {
        owner: Stake(options, draft.held, draft.cash_usd, tuple(draft.units), draft.unknown)
        for owner, draft in drafts.items()
    }


def _hold(draft: _Draft, holding: Holding, options: Mapping[int, Option]) -> None:
    option, price = options.get(holding.con_id), holding.average_price_points
    if option is None:
        draft.unknown = f"contract {holding.con_id} is held and is no option this bot has details of"
    elif price is None or not math.isfinite(price):
        draft.unknown = f"contract {holding.con_id} is held at an unknown price"
    else:
        draft.held[holding.con_id] = draft.held.get(holding.con_id, 0) + holding.quantity
        draft.cash_usd -= holding.quantity * price * option.multiplier


def _work(draft: _Draft, record: OrderRecord, book: Book, options: Mapping[int, Option], fee_usd: float) -> None:
    """Adds what a live order may still do; executions already reported are part of the holdings."""
    intent, filled = record.intent, record.filled_by_leg
    missing = [leg.con_id for leg in intent.legs if leg.con_id not in options]
    if missing:
        draft.unknown = f"order {record.ref} works on contract {missing[0]} without details"
        return
    done = {leg.con_id: abs(filled.get(leg.con_id, 0)) for leg in intent.legs}
    balanced = record.filled_units
    proven = min(intent.quantity, max(-(-done[leg.con_id] // leg.ratio) for leg in intent.legs))
    unit = unit_of(intent, options, fee_usd, intent.quantity - proven)
    if proven > balanced:
        draft.cash_usd += unit.cash_usd * (proven - balanced)
        for leg in intent.legs:
            sign, option = leg.action.sign, options[leg.con_id]
            ahead = done[leg.con_id] - balanced * leg.ratio
            missing_legs = (proven - balanced) * leg.ratio - ahead
            draft.held[leg.con_id] = draft.held.get(leg.con_id, 0) + sign * missing_legs
            if ahead:
                draft.cash_usd += sign * ahead * _paid_points(book, record, leg.con_id) * option.multiplier
    if unit.quantity:
        draft.units.append(unit)


def _paid_points(book: Book, record: OrderRecord, con_id: int) -> float:
    """Average price of an order's executions of one leg; 0 points, the least helpful to a sale, if none is booked."""
    rows = [f for f in book.fills.values() if f.ref == record.ref and f.con_id == con_id]
    quantity = sum(f.quantity for f in rows)
    return sum(f.quantity * f.price_points for f in rows) / quantity if quantity else 0.0
