"""Worst case at expiry of positions and working orders over every fill subset, in closed form.

Rules
- Everything is grouped by owner, each condor and the hedge; the book's worst case is the sum over owners, so that no
  condor's gain hides another's loss. What nothing of ours explains is one group of its own.
- A combo order fills in whole units. Leg executions that ran ahead of their sisters prove their unit: the rest of it
  is counted as certain, everything beyond as possible.
- At a given index level the loss is linear in each order's fill, so an order adds either nothing or all of it,
  whichever is worse there; the sum is convex between strikes, so level 0, the strikes and the slope above the last
  strike decide. Expiries (and trading classes) move independently of each other.
- The same argument makes two fills of one candidate, none and all, enough to prove that it never adds risk; the fills
  of the other orders are enumerated one by one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property, lru_cache
from typing import NamedTuple

from risk.view import Holding, RiskView
from strategies.domain.book import Book
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.instruments import Instrument, Right, Tradable, payoff_strike, pays_above
from strategies.domain.market import Market
from strategies.domain.orders import OrderRecord, PlaceIntent
from strategies.domain.same import Same

CENT_USD = 0.005
"""Differences below this are arithmetic noise."""

MAX_SUBSETS = 4096
"""Fill subsets enumerated in a proof of reduction; an order behind more of them is not proven to reduce."""

Series = tuple[str, str, date]
"""What settles on the same number: underlying, trading class (which fixes AM or PM), expiry. A future is a call
struck at zero here: the most that its holder can lose is all of it."""


class Unit(NamedTuple):
    """An order's remaining units. Per unit: signed contracts by con id, cash received (paid: negative), fees."""

    ref: str
    legs: tuple[tuple[int, int], ...]
    cash_usd: float
    fee_usd: float
    quantity: int


class Shape(NamedTuple):
    """Worth at expiry in usd at each level of the grid, and how fast it rises above the last strike of each series."""

    values: list[float]
    slopes: list[float]


class Grid:
    """Index levels that decide, zero and every strike, series after series; and what each contract is worth there."""

    def __init__(self, contracts: Mapping[int, Tradable], con_ids: Iterable[int]) -> None:
        by_series: dict[Series, list[int]] = {}
        for con_id in con_ids:
            by_series.setdefault(series_of(contracts[con_id]), []).append(con_id)
        self.ranges: list[range] = []
        self.place = {con_id: i for i, members in enumerate(by_series.values()) for con_id in members}
        self.worth: dict[int, list[float]] = {}
        self.rise: dict[int, float] = {}
        levels = [sorted({0.0}.union(payoff_strike(contracts[c]) for c in members)) for members in by_series.values()]
        self.size = sum(len(row) for row in levels)
        start = 0
        for row, members in zip(levels, by_series.values(), strict=True):
            self.ranges.append(range(start, start + len(row)))
            before, behind = [0.0] * start, [0.0] * (self.size - start - len(row))
            for con_id in members:
                strike, size = payoff_strike(contracts[con_id]), float(contracts[con_id].multiplier)
                call = pays_above(contracts[con_id])
                sign = size if call else -size
                gains = [sign * (level - strike) for level in row]
                self.worth[con_id] = [*before, *[gain if gain > 0.0 else 0.0 for gain in gains], *behind]
                self.rise[con_id] = size if call else 0.0
            start += len(row)

    def shape(self, legs: Iterable[tuple[int, int]]) -> Shape:
        """Worth of signed contracts."""
        values, slopes = [0.0] * self.size, [0.0] * len(self.ranges)
        for con_id, quantity in legs:
            values = [value + quantity * each for value, each in zip(values, self.worth[con_id], strict=True)]
            slopes[self.place[con_id]] += quantity * self.rise[con_id]
        return Shape(values, slopes)

    def bounds_usd(self, legs: Iterable[tuple[int, int]]) -> tuple[float, float]:
        """Least and greatest worth of signed contracts; infinite where there is no bound."""
        values, slopes = self.shape(legs)
        low = -math.inf if min(slopes) < 0.0 else -self.greatest([-value for value in values])
        return low, math.inf if max(slopes) > 0.0 else self.greatest(values)

    def greatest(self, losses: list[float]) -> float:
        """The worst level of each series, added."""
        return sum(max([losses[i] for i in at]) for at in self.ranges)


class Stake:
    """One owner's certain position and cash and its working units; `unknown` says why it cannot be valued."""

    def __init__(
        self,
        contracts: Mapping[int, Tradable],
        held: Mapping[int, int],
        cash_usd: float,
        units: tuple[Unit, ...] = (),
        unknown: str = "",
        *,
        hedge: bool = False,
    ) -> None:
        self.contracts = contracts
        self.held = {con_id: quantity for con_id, quantity in held.items() if quantity}
        self.cash_usd = cash_usd
        self.units = units
        self.unknown = unknown
        self.hedge = hedge

    def plus(self, unit: Unit) -> Stake:
        """The same stake with one more order working."""
        return Stake(self.contracts, self.held, self.cash_usd, (*self.units, unit), self.unknown, hedge=self.hedge)

    def filled(self, unit: Unit) -> Stake:
        """The same stake after the whole order has filled, fees paid."""
        held, cash = _after(self.held, self.cash_usd - unit.fee_usd * unit.quantity, unit, unit.quantity)
        return Stake(self.contracts, held, cash, self.units, self.unknown, hedge=self.hedge)

    def knowing(self, contracts: Mapping[int, Tradable]) -> Stake:
        """The same stake with details of more contracts, for an order that may bring others than it has."""
        return Stake(contracts, self.held, self.cash_usd, self.units, self.unknown, hedge=self.hedge)

    def alone(self, unit: Unit) -> Stake:
        """One of this stake's orders by itself, on the stake's grid (more levels than needed change nothing)."""
        if self.units == (unit,) and not (self.held or self.cash_usd or self.unknown):
            return self
        single = Stake(self.contracts, {}, 0.0, (unit,))
        single.__dict__["grid"] = self.grid
        return single

    @cached_property
    def con_ids(self) -> frozenset[int]:
        """Every contract held or possibly traded."""
        return frozenset(self.held).union(con_id for unit in self.units for con_id, _ in unit.legs)

    def only_helps(self, con_id: int) -> bool:
        """Whether this is a contract of the hedge that no fill of the working orders can make short."""
        sold = sum(min(0, dict(unit.legs).get(con_id, 0)) * unit.quantity for unit in self.units)
        return self.hedge and self.held.get(con_id, 0) + sold >= 0

    @cached_property
    def needed(self) -> frozenset[int]:
        """Contracts without whose worth the stake has none: all but those that only help."""
        return frozenset(c for c in self.con_ids if not self.only_helps(c)) if self.hedge else self.con_ids

    @cached_property
    def grid(self) -> Grid:
        """The levels of everything held or possibly traded."""
        return Grid(self.contracts, sorted(self.con_ids))

    @cached_property
    def worst_loss_usd(self) -> float:
        """Greatest loss over every fill subset and every level, in usd; negative if a gain is certain, inf if open.

        Fees are counted on what may still fill.
        """
        if self.unknown:
            return math.inf
        if not self.units:
            return self.resting_loss_usd
        place = self.grid.place
        split = [unit for unit in self.units if len({place[con_id] for con_id, _ in unit.legs}) > 1]
        whole = [unit for unit in self.units if unit not in split]
        if 2 ** len(split) > MAX_SUBSETS:
            return math.inf
        choices = itertools.product(*[(0, unit.quantity) for unit in split])
        return max(self._worst_given(whole, zip(split, fills, strict=True)) for fills in choices)

    @cached_property
    def resting_loss_usd(self) -> float:
        """The worst case if nothing were working, found without a grid: what most stakes are most of the time."""
        return math.inf if self.unknown else sum(self._series_losses_usd, -self.cash_usd)

    @cached_property
    def width_usd(self) -> float:
        """What is held can lose so much at expiry before any credit; inf if open."""
        return sum(self._series_losses_usd, 0.0)

    @cached_property
    def _series_losses_usd(self) -> list[float]:
        """Greatest loss at expiry of what is held, series by series and without cash; inf alone where one is open."""
        by_series: dict[Series, list[tuple[float, int, bool]]] = {}
        for con_id, quantity in self.held.items():
            contract = self.contracts[con_id]
            row = (payoff_strike(contract), quantity * contract.multiplier, pays_above(contract))
            by_series.setdefault(series_of(contract), []).append(row)
        losses = []
        for rows in by_series.values():
            if sum([size for _, size, call in rows if call]) < 0:
                return [math.inf]
            worst = sum([-size * strike for strike, size, call in rows if not call])
            for level, _, _ in rows:
                paid = 0.0
                for strike, size, call in rows:
                    gap = level - strike if call else strike - level
                    if gap > 0.0:
                        paid += size * gap
                worst = max(worst, -paid)
            losses.append(worst)
        return losses

    def _worst_given(self, whole: list[Unit], filled: Iterable[tuple[Unit, int]]) -> float:
        held, cash = dict(self.held), self.cash_usd
        for unit, count in filled:
            held, cash = _after(held, cash - unit.fee_usd * count, unit, count)
        sure = self.grid.shape(held.items())
        losses, falls = [-value for value in sure.values], [-slope for slope in sure.slopes]
        for unit in whole:
            maybe, count, cost = self.grid.shape(unit.legs), unit.quantity, unit.fee_usd - unit.cash_usd
            series = self.grid.place[unit.legs[0][0]]
            for i in self.grid.ranges[series]:
                if cost > maybe.values[i]:
                    losses[i] += (cost - maybe.values[i]) * count
            falls[series] += max(0.0, -maybe.slopes[series]) * count
        return math.inf if max(falls, default=0.0) > 0.0 else self.grid.greatest(losses) - cash

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
        contract = self.contracts[con_id]
        key = (series_of(contract), Right.CALL if pays_above(contract) else Right.PUT)
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
        """Whether one certain position risks at most what the other does, in loss and cover, reversing no leg.

        Where the loss is unbounded before, falling less steeply above the last strike is what counts.
        """
        if any(quantity * after.get(con_id, 0) < 0 for con_id, quantity in before.items()):
            return False
        was, now = self.grid.shape(before.items()), self.grid.shape(after.items())
        falls = [(max(0.0, -old), max(0.0, -new)) for old, new in zip(was.slopes, now.slopes, strict=True)]
        if any(new > old for old, new in falls):
            return False
        loss = self.grid.greatest([-value for value in was.values]) - cash
        milder = any(new < old for old, new in falls)
        if not milder and self.grid.greatest([-value for value in now.values]) - cash_after > loss + CENT_USD:
            return False
        naked = Stake(self.contracts, before, cash).uncovered()
        still = Stake(self.contracts, after, cash_after).uncovered()
        return all(count <= naked.get(key, 0) for key, count in still.items())


def _after(held: dict[int, int], cash: float, unit: Unit, count: int) -> tuple[dict[int, int], float]:
    changed = dict(held)
    for con_id, ratio in unit.legs:
        changed[con_id] = changed.get(con_id, 0) + ratio * count
    return changed, cash + unit.cash_usd * count


def series_of(contract: Tradable) -> Series:
    """What the contract settles on."""
    return (contract.symbol, contract.trading_class, contract.expiry)


def unit_of(intent: PlaceIntent, contracts: Mapping[int, Tradable], fee_usd: float, count: int | None = None) -> Unit:
    """An intent as units; `fee_usd` is per contract."""
    legs = tuple((leg.con_id, leg.action.sign * leg.ratio) for leg in intent.legs)
    multiplier = contracts[intent.legs[0].con_id].multiplier
    fees = fee_usd * sum(leg.ratio for leg in intent.legs)
    return Unit(intent.ref, legs, -intent.limit_points * multiplier, fees, intent.quantity if count is None else count)


class _Draft:
    """A stake under construction."""

    def __init__(self) -> None:
        self.held: dict[int, int] = {}
        self.cash_usd = 0.0
        self.units: list[Unit] = []
        self.unknown = ""


class Exposure(NamedTuple):
    """Contracts with loaded details among what is held or working, and every group of them, by owner."""

    contracts: dict[int, Tradable]
    stakes: dict[str | None, Stake]


def exposure_of(view: RiskView, fee_usd: float) -> Exposure:
    """What is held and working now; `fee_usd` is per contract."""
    return _exposure(Same(view.book), Same(view.holdings), Same(view.market.instruments), fee_usd)


# Between two facts about orders every review is about the same book, and so are its stakes and their worst cases.
@lru_cache(maxsize=8)
def _exposure(
    book: Same[Book], holdings: Same[tuple[Holding, ...]], instruments: Same[dict[int, Instrument]], fee_usd: float
) -> Exposure:
    contracts = _in_use(book.value, holdings.value, Market(instruments=instruments.value))
    return Exposure(contracts, _stakes(book.value, holdings.value, contracts, fee_usd))


def _in_use(book: Book, holdings: tuple[Holding, ...], market: Market) -> dict[int, Tradable]:
    wanted = {holding.con_id for holding in holdings}
    for record in book.live_orders():
        wanted.update(leg.con_id for leg in record.intent.legs)
    found = {con_id: market.tradable(con_id) for con_id in sorted(wanted)}
    return {con_id: contract for con_id, contract in found.items() if contract is not None}


def _stakes(
    book: Book, holdings: tuple[Holding, ...], contracts: Mapping[int, Tradable], fee_usd: float
) -> dict[str | None, Stake]:
    drafts: dict[str | None, _Draft] = {}
    for holding in holdings:
        if holding.quantity:
            _hold(drafts.setdefault(holding.owner, _Draft()), holding, contracts)
    for record in book.orders.values():
        if record.live:
            _work(drafts.setdefault(record.intent.owner, _Draft()), record, book, contracts, fee_usd)
    return {
        owner: Stake(
            contracts, draft.held, draft.cash_usd, tuple(draft.units), draft.unknown, hedge=owner == HEDGE_OWNER
        )
        for owner, draft in drafts.items()
    }


def _hold(draft: _Draft, holding: Holding, contracts: Mapping[int, Tradable]) -> None:
    contract, price = contracts.get(holding.con_id), holding.average_price_points
    if contract is None:
        draft.unknown = f"contract {holding.con_id} is held and this bot has no details of it"
    elif price is None or not math.isfinite(price):
        draft.unknown = f"contract {holding.con_id} is held at an unknown price"
    else:
        draft.held[holding.con_id] = draft.held.get(holding.con_id, 0) + holding.quantity
        draft.cash_usd -= holding.quantity * price * contract.multiplier


def _work(draft: _Draft, record: OrderRecord, book: Book, contracts: Mapping[int, Tradable], fee_usd: float) -> None:
    """Adds what a live order may still do; executions already reported are part of the holdings."""
    intent, filled = record.intent, record.filled_by_leg
    missing = [leg.con_id for leg in intent.legs if leg.con_id not in contracts]
    if missing:
        draft.unknown = f"order {record.ref} works on contract {missing[0]} without details"
        return
    done = {leg.con_id: abs(filled.get(leg.con_id, 0)) for leg in intent.legs}
    balanced = record.filled_units
    proven = min(intent.quantity, max(-(-done[leg.con_id] // leg.ratio) for leg in intent.legs))
    unit = unit_of(intent, contracts, fee_usd, intent.quantity - proven)
    if proven > balanced:
        draft.cash_usd += unit.cash_usd * (proven - balanced)
        for leg in intent.legs:
            sign, contract = leg.action.sign, contracts[leg.con_id]
            due = (proven - balanced) * leg.ratio
            ahead = min(done[leg.con_id] - balanced * leg.ratio, due)  # what executed beyond the order stays as held
            draft.held[leg.con_id] = draft.held.get(leg.con_id, 0) + sign * (due - ahead)
            if ahead:
                draft.cash_usd += sign * ahead * _paid_points(book, record, leg.con_id) * contract.multiplier
    if unit.quantity:
        draft.units.append(unit)


def _paid_points(book: Book, record: OrderRecord, con_id: int) -> float:
    """Average price of an order's executions of one leg; 0 points, the least helpful to a sale, if none is booked."""
    rows = [f for f in book.fills.values() if f.ref == record.ref and f.con_id == con_id]
    quantity = sum(f.quantity for f in rows)
    return sum(f.quantity * f.price_points for f in rows) / quantity if quantity else 0.0
