"""Carries the condors of a run through its market again: with the hedge it had, with none, with a static one.

Every trade is priced from the quotes of its own moment, the run's and the static hedge's alike; every book is valued
when SPX stood lowest in a session and at each close. What is kept are plain trades and a tape of prices.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from bot.sim.types import SecType
from bot.twins import static
from bot.twins.arithmetic import Tape, Trades
from bot.twins.coupled import Edges, Open, edges, profit_ahead
from bot.twins.market import Seen, TwinMarket, commission_usd
from bot.twins.record import Deal, Record, TwinsError
from bot.twins.static import Lot, Offer
from strategies.domain.hedge import Layer
from strategies.pricing.net_vega import spx_weight
from strategies.pricing.vix_beta import FORMULA, vix_beta

HORIZONS_DAYS = (5, 10)
ROLL_AFTER_OPEN = timedelta(minutes=60)
MATCH_SLACK_POINTS = 0.06
LEAST_MATCH = 0.9
HOW = "name the world the run was made in (the same --history or --scenario, --start, --end and --seed)"


class Part(StrEnum):
    """Whose trade it is."""

    CONDORS = "condors"
    ALVH = "alvh"
    STATIC = "static"


class Row(NamedTuple):
    """One trade with the market of its moment; `filled_points` is None where nobody traded but the static twin."""

    part: Part
    at: datetime
    con_id: int
    quantity: int
    mid_points: float
    half_points: float
    commission_usd: float
    filled_points: float | None


class Mark(NamedTuple):
    """One valuation: the moment, whether it is the close, SPX and VIX, quotes of what any twin holds."""

    at: datetime
    close: bool
    spx: float
    vix: float
    seen: dict[int, tuple[float, float]]


class Standing(NamedTuple):
    """Where the books stand at a close with condors open: edges by part and horizon; `sale` on a day one was sold."""

    at: datetime
    sale: bool
    edges: dict[tuple[Part, int], Edges]


class Carried(NamedTuple):
    """Everything a comparison needs. `carry_usd` is roll and theta of each hedge at each close, `theta_usd` what time
    earns the condors; `vix_before` is the close before the first session; `matched` the share of the run's fills that
    lie within the quotes of this market."""

    rows: tuple[Row, ...]
    marks: tuple[Mark, ...]
    multiplier: dict[int, int]
    standings: tuple[Standing, ...]
    carry_usd: dict[Part, tuple[float, ...]]
    theta_usd: tuple[float, ...]
    vix_before: float
    spx_before: float
    matched: float


class _Walk:
    """One pass through the days."""

    def __init__(self, record: Record, market: TwinMarket) -> None:
        self.record, self.market = record, market
        self.rows: list[Row] = []
        self.marks: list[Mark] = []
        self.standings: list[Standing] = []
        self.carry: dict[Part, list[float]] = {Part.ALVH: [], Part.STATIC: []}
        self.theta: list[float] = []
        self.held: dict[Part, dict[int, int]] = {part: defaultdict(int) for part in Part}
        self.cost: dict[tuple[Part, int], float] = {}
        self.multiplier: dict[int, int] = {}
        self.lots: tuple[Lot, ...] = ()
        self.wanted: dict[str, float] = {}
        self.sold_today = False
        self.condor_legs: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))

    def day(self, deals: Sequence[Deal]) -> None:
        """Trades in order of their moments, the static hedge's rolls among them, then the two valuations."""
        market, bounds = self.market, (self.market.day.open_at, self.market.day.index_close_at)
        low_at = market.low_at()
        self.sold_today = False
        todo: list[tuple[datetime, int, Sequence[Deal]]] = [
            (bounds[0] + ROLL_AFTER_OPEN, 1, ()), (low_at, 2, ()), (bounds[1], 3, ())
        ]  # fmt: skip
        groups: dict[tuple[datetime, str], list[Deal]] = defaultdict(list)
        for deal in deals:
            groups[min(bounds[1], max(bounds[0], deal.at)), deal.ref].append(deal)
        todo += [(at, 0, group) for (at, _), group in groups.items()]
        for at, what, group in sorted(todo, key=lambda one: (one[0], one[1])):
            if what == 0:
                self._deal(at, group)
            elif what == 1:
                self._roll(at)
            else:
                self._value(at, close=what == 3)
        self._stand(bounds[1])

    # trades ----------------------------------------------------------------------------------------
    def _deal(self, at: datetime, group: Sequence[Deal]) -> None:
        seen = self.market.seen(sorted({deal.con_id for deal in group}), at)
        for deal in group:
            part = Part.ALVH if deal.of_hedge else Part.CONDORS
            self._book(part, at, deal.con_id, deal.quantity, seen[deal.con_id], deal.commission_usd, deal.price_points)
        if not group[0].of_hedge:
            self._follow(at, group)

    def _book(
        self, part: Part, at: datetime, con_id: int, quantity: int, seen: Seen, fee_usd: float, filled: float | None
    ) -> None:
        self.rows.append(Row(part, at, con_id, quantity, seen.mid, seen.half, fee_usd, filled))
        self.multiplier[con_id] = self.market.spec(con_id).multiplier
        before = self.held[part][con_id]
        after = before + quantity
        if before * quantity >= 0 and after:
            known = self.cost.get((part, con_id), 0.0)
            self.cost[part, con_id] = (before * known + quantity * seen.mid) / after
        elif before * after < 0:
            self.cost[part, con_id] = seen.mid
        self.held[part][con_id] = after
        if after == 0:
            del self.held[part][con_id]
            self.cost.pop((part, con_id), None)

    # the static hedge --------------------------------------------------------------------------------
    def _follow(self, at: datetime, group: Sequence[Deal]) -> None:
        """The static hedge's answer to what the condors just did."""
        owner = group[0].owner
        legs = self.condor_legs[owner]
        for deal in group:
            legs[deal.con_id] += deal.quantity
        open_legs = {con_id: quantity for con_id, quantity in legs.items() if quantity}
        if not open_legs:
            self.wanted.pop(owner, None)
        elif group[0].ref.split(".")[1:2] == ["entry"]:
            self.sold_today = True
            self.wanted[owner] = self.record.alvh.size.offset_base * max(0.0, -self._weighted_usd(open_legs, at))
        else:
            return
        self._trade(at, static.follow(self.lots, sum(self.wanted.values()), self._offers(at)))

    def _weighted_usd(self, legs: dict[int, int], at: datetime) -> float:
        """Dollars per VIX point of some SPX options, each weighed by root time."""
        seen = self.market.seen(sorted(legs), at)
        return sum(
            quantity * self.market.spec(con_id).multiplier * seen[con_id].vega * spx_weight(seen[con_id].days)
            for con_id, quantity in legs.items()
        )

    def _offers(self, at: datetime) -> dict[Layer, Offer]:
        found = {}
        lattice = self.record.alvh.lattice
        for layer in Layer:
            spec = self.market.call_of(lattice.layer(layer), lattice.monthly_bonus_days, at)
            if spec is not None and spec.expiry is not None:
                seen = self.market.seen([spec.con_id], at)[spec.con_id]
                beta = vix_beta(float((spec.expiry - self.market.day.day).days), FORMULA)
                found[layer] = Offer(spec.con_id, spec.multiplier * seen.delta * beta)
        return found

    def _roll(self, at: datetime) -> None:
        lattice = self.record.alvh.lattice
        due = {}
        for lot in self.lots:
            expiry = self.market.spec(lot.con_id).expiry
            assert expiry is not None, "a call has an expiry"
            due[lot.con_id] = (expiry - self.market.day.day).days <= lattice.layer(lot.layer).roll_dte_days
        if any(due.values()):
            self._trade(at, static.roll(self.lots, due, self._offers(at)))

    def _trade(self, at: datetime, change: static.Change) -> None:
        self.lots = change.lots
        seen = self.market.seen(sorted({con_id for con_id, _ in change.trades}), at)
        for con_id, quantity in change.trades:
            fee = commission_usd(self.market.spec(con_id), abs(quantity), seen[con_id].mid)
            self._book(Part.STATIC, at, con_id, quantity, seen[con_id], fee, None)

    # valuation -------------------------------------------------------------------------------------
    def _value(self, at: datetime, *, close: bool) -> None:
        con_ids = sorted({con_id for part in Part for con_id in self.held[part]})
        seen = self.market.seen(con_ids, at)
        quotes = {con_id: (one.mid, one.half) for con_id, one in seen.items()}
        self.marks.append(Mark(at, close, self.market.level("SPX", at), self.market.level("VIX", at), quotes))

    def _stand(self, at: datetime) -> None:
        """Carry of the hedges and break-evens of the books at the close."""
        book = {part: self._open(part, at) for part in Part}
        for part in (Part.ALVH, Part.STATIC):
            self.carry[part].append(self._carry(part, at))
        seen = self.market.seen(sorted(self.held[Part.CONDORS]), at)
        self.theta.append(
            sum(q * self.multiplier[c] * seen[c].theta for c, q in self.held[Part.CONDORS].items() if seen[c].days > 0)
        )
        condors = book[Part.CONDORS]
        if not condors:
            return
        found: dict[tuple[Part, int], Edges] = {}
        spot = self.market.level("SPX", at)
        for horizon in HORIZONS_DAYS:
            lines = {part: None if one is None else profit_ahead(one, spot, horizon) for part, one in book.items()}
            alone = lines[Part.CONDORS]
            if alone is None:
                continue
            for part, line in lines.items():
                if line is not None:
                    found[part, horizon] = edges(alone if part is Part.CONDORS else alone + line, spot)
        self.standings.append(Standing(at, self.sold_today, found))

    def _open(self, part: Part, at: datetime) -> list[Open] | None:
        """A book ready for revaluation; None where a part of it cannot be valued."""
        found = []
        for con_id, quantity in sorted(self.held[part].items()):
            spec = self.market.spec(con_id)
            if spec.sec_type is not SecType.OPTION or spec.expiry is None or spec.strike is None or spec.right is None:
                return None
            seen = self.market.seen([con_id], at)[con_id]
            if seen.days <= 0.0 or not math.isfinite(seen.forward):
                continue
            smile = self.market.smile(spec, at)
            on_vix = spec.symbol == "VIX"
            slide = self.market.slide_points_a_day(spec.expiry, at) if on_vix else 0.0
            if smile is None or not math.isfinite(slide):
                return None
            found.append(
                Open(
                    float(quantity), float(spec.multiplier), self.cost[part, con_id], on_vix, spec.strike,
                    spec.right.value == "C", seen.days, seen.forward, self.market.rate, smile, slide,
                )
            )  # fmt: skip
        return found

    def _carry(self, part: Part, at: datetime) -> float:
        """Roll and theta of a hedge in dollars a day; NaN where one of its contracts is not valued."""
        total = 0.0
        for con_id, quantity in self.held[part].items():
            spec, seen = self.market.spec(con_id), self.market.seen([con_id], at)[con_id]
            if seen.days <= 0.0 or spec.expiry is None:
                continue
            slide = self.market.slide_points_a_day(spec.expiry, at) if spec.symbol in ("VIX", "VXM") else 0.0
            total += quantity * spec.multiplier * (seen.theta + seen.delta * slide)
        return total


def carry(record: Record, market: TwinMarket) -> Carried:
    """One pass through the market. Raises TwinsError where the run was made in another market."""
    walk = _Walk(record, market)
    by_day: dict[object, list[Deal]] = defaultdict(list)
    for deal in record.deals:
        by_day[deal.at.astimezone(market.day.open_at.tzinfo).date()].append(deal)
    days = [day for day in market.days if record.first_at <= day.close_at and day.open_at <= record.last_at]
    lost = sorted(str(day) for day in by_day if day not in {one.day for one in days})
    if lost or not days:
        raise TwinsError(
            f"the run traded on {', '.join(lost) or 'no day of this world'}, which this world does not have: {HOW}"
        )
    before = (math.nan, math.nan)
    for day in market.days:
        if day.open_at > days[-1].open_at:
            break
        market.enter(day)
        if day is days[0]:
            before = market.close_before("VIX"), market.close_before("SPX")
        if day in days:
            walk.day(by_day[day.day])
    matched = _matched(walk.rows)
    if matched < LEAST_MATCH:
        raise TwinsError(
            f"only {100 * matched:.0f} % of the fills lie within this world's quotes, so it is not the run's: {HOW}"
        )
    return Carried(
        rows=tuple(walk.rows),
        marks=tuple(walk.marks),
        multiplier=walk.multiplier,
        standings=tuple(walk.standings),
        carry_usd={part: tuple(values) for part, values in walk.carry.items()},
        theta_usd=tuple(walk.theta),
        vix_before=before[0],
        spx_before=before[1],
        matched=matched,
    )


def _matched(rows: Iterable[Row]) -> float:
    """Share of the run's own fills within the spread, with a little slack; 1 where there were none."""
    within = [
        abs(row.filled_points - row.mid_points) <= row.half_points + MATCH_SLACK_POINTS
        for row in rows
        if row.filled_points is not None
    ]
    return sum(within) / len(within) if within else 1.0


def tape_of(carried: Carried) -> tuple[Tape, dict[int, int]]:
    """The valuations as a tape, and each contract's column on it."""
    column = {con_id: i for i, con_id in enumerate(sorted(carried.multiplier))}
    shape = len(carried.marks), len(column)
    mid, half = np.full(shape, np.nan), np.full(shape, np.nan)
    for row, mark in enumerate(carried.marks):
        for con_id, (one_mid, one_half) in mark.seen.items():
            mid[row, column[con_id]], half[row, column[con_id]] = one_mid, one_half
    at_s = np.array([mark.at.timestamp() for mark in carried.marks])
    each = np.array([float(carried.multiplier[con_id]) for con_id in sorted(column)])
    return Tape(at_s, mid, half, each), column


def trades_of(carried: Carried, parts: Iterable[Part], column: dict[int, int], *, as_filled: bool = False) -> Trades:
    """Trades of some parts; `as_filled` at the prices of the executions instead of mids (no half-spread then)."""
    rows = [row for row in carried.rows if row.part in set(parts)]
    price = [row.filled_points if as_filled and row.filled_points is not None else row.mid_points for row in rows]
    return Trades(
        np.array([row.at.timestamp() for row in rows]),
        np.array([column[row.con_id] for row in rows], dtype=np.intp),
        np.array([float(row.quantity) for row in rows]),
        np.array(price, dtype=np.float64),
        np.array([0.0 if as_filled else row.half_points for row in rows]),
        np.array([row.commission_usd for row in rows]),
    )
