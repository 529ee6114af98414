"""What the venue shows of the world: prices on the tick grid, nothing while shut, and nets of combinations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bot.sim.exchange.hours import Schedule
from bot.sim.ports import World
from bot.sim.types import Bar, ContractSpec, Floats, IndexLevel, Leg, LevelPath, Marks, Places, SecType
from bot.sim.venue.products import MARKET_RULES, tick_at
from bot.sim.venue.refusal import VenueRefusal
from bot.sim.venue.sessions import Sessions, schedule_of

_GRID_CACHE_SIZE = 256
_DAY = timedelta(days=1)
_NOTHING = IndexLevel(None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class LegMarket:
    """One contract's market in points: `bid` and `ask` as quoted (None nobody), `mid` between them or modelled;
    displayed sizes in contracts, None where they are not known."""

    bid: float | None
    ask: float | None
    mid: float
    bid_size: float | None = None
    ask_size: float | None = None


@dataclass(frozen=True, slots=True)
class NetMarket:
    """A combination's market for action BUY, points per unit: naturals (None where a side is missing) and mid."""

    bid: float | None
    ask: float | None
    mid: float


@dataclass(frozen=True, slots=True)
class _Grid:
    """Tick rules and trading bounds of a list of options, as arrays."""

    fine: Floats
    edge: Floats
    coarse: Floats
    stops_s: Floats
    has_nights: NDArray[np.bool_]


class Quotes:
    """Reads the world for the venue; holds no state but caches of contract terms."""

    def __init__(self, world: World, sessions: Sessions) -> None:
        self._world = world
        self._sessions = sessions
        self._grids: dict[tuple[int, ...], _Grid] = {}

    def option_marks(self, specs: Sequence[ContractSpec], at: datetime) -> Marks:
        """World marks with bids rounded down and asks rounded up to their ticks; NaN quotes and zero sizes while shut.

        A bid that rounds down to nothing is no bid.
        """
        grid = self._grid(specs)
        session = self._sessions.on(at.date())
        if session is not None and session.open_at <= at < session.close_at:
            quoted = grid.stops_s > at.timestamp()
        elif self._sessions.is_extended(Schedule.INDEX_OPTIONS, at):
            quoted = grid.has_nights & (grid.stops_s > at.timestamp())
        else:
            quoted = np.zeros(len(specs), dtype=bool)
        return _shown(self._world.marks(specs), grid, quoted)

    def option_path(self, spec: ContractSpec, at_s: Floats, quoted: NDArray[np.bool_]) -> Marks:
        """The same of one option over moments (epoch seconds, rising, up to now); `quoted` says where it trades."""
        return _shown(self._world.option_path(spec, at_s), self._grid([spec]), quoted)

    def option_points(self, specs: Sequence[ContractSpec], which: Places, at_s: Floats) -> Marks:
        """The same of many options while they trade; `which` is the place in `specs` of the option of each moment."""
        grid = self._grid(specs)
        own = _Grid(grid.fine[which], grid.edge[which], grid.coarse[which], grid.stops_s[which], grid.has_nights[which])
        return _shown(self._world.option_points(specs, which, at_s), own, np.ones(len(at_s), dtype=bool))

    def level_path(self, spec: ContractSpec, at_s: Floats, quoted: NDArray[np.bool_]) -> LevelPath:
        """An index, future or stock over moments; a symbol that the world does not have is NaN throughout."""
        nothing = np.full(len(at_s), np.nan)
        try:
            if spec.exchange == "CME" and spec.expiry is not None:
                path = self._world.equity_future_path(spec.expiry, at_s)
            elif spec.sec_type is SecType.FUTURE and spec.expiry is not None:
                path = self._world.future_path(spec.expiry, at_s)
            else:
                path = self._world.level_path(spec.symbol, at_s)
        except KeyError:
            return LevelPath(nothing, nothing, nothing)
        return replace(path, bid=np.where(quoted, path.bid, np.nan), ask=np.where(quoted, path.ask, np.nan))

    def level(self, spec: ContractSpec) -> IndexLevel:
        """The level of an index, future or stock; a future nobody quotes gets one tick either side of its last."""
        if spec.sec_type is SecType.FUTURE and spec.expiry is not None:
            if spec.exchange == "CME":
                return self._world.equity_future(spec.expiry)
            shown = self._world.future(spec.expiry)
            if shown.last is None or shown.bid is not None:
                return shown
            tick = spec.min_tick
            return replace(
                shown,
                bid=round(math.floor(shown.last / tick - 0.5 + 1e-9) * tick, 2),
                ask=round(math.ceil(shown.last / tick + 0.5 - 1e-9) * tick, 2),
            )
        try:
            return self._world.index(spec.symbol)
        except KeyError:
            return _NOTHING

    def shown_level(self, spec: ContractSpec, at: datetime) -> IndexLevel:
        """The same as clients see it. Where nights are lived quotes are withdrawn between sessions; in a run of regular
        sessions the last ones stand."""
        level = self.level(spec)
        if not self._sessions.overnight or spec.sec_type is SecType.INDEX or self._sessions.is_open(spec, at):
            return level
        return replace(level, bid=None, ask=None, bid_size=0, ask_size=0)

    def future_bars(self, spec: ContractSpec, before: date, count: int) -> Sequence[Bar]:
        """Daily bars of a future before a date; none of anything else."""
        if spec.sec_type is not SecType.FUTURE or spec.expiry is None:
            return []
        if spec.exchange == "CME":
            return self._world.equity_future_daily_bars(spec.expiry, before, count)
        return self._world.future_daily_bars(spec.expiry, before, count)

    def day_volume(self, spec: ContractSpec, day: date) -> float | None:
        """What the daily bar of a stock or future says was traded; None where it has no volume."""
        bars: Sequence[Bar] = self.future_bars(spec, day + _DAY, 1)
        if spec.sec_type is SecType.STOCK:
            bars = self._world.daily_bars(spec.symbol, day + _DAY, 1)
        known = [bar.volume for bar in bars if bar.at.date() == day and bar.volume > 0.0]
        return known[0] if known else None

    def markets(self, specs: Sequence[ContractSpec], at: datetime) -> dict[int, LegMarket]:
        """The tradable market of each contract by id, in one look at the world."""
        found: dict[int, LegMarket] = {}
        options = [spec for spec in specs if spec.sec_type is SecType.OPTION]
        if options:
            marks = self.option_marks(options, at)
            rows = zip(
                options,
                marks.bid.tolist(),
                marks.ask.tolist(),
                marks.mid.tolist(),
                marks.bid_size.tolist(),
                marks.ask_size.tolist(),
                strict=True,
            )
            for spec, bid, ask, model, bid_size, ask_size in rows:
                found[spec.con_id] = _leg_market(_known(bid), _known(ask), model, bid_size, ask_size)
        for spec in specs:
            if spec.sec_type is not SecType.OPTION:
                shown = self.level(spec)
                shut = shown.last is None or not self._sessions.is_open(spec, at)
                bid, ask = (None, None) if shut else (shown.bid, shown.ask)
                model = shown.last if shown.last is not None else math.nan
                found[spec.con_id] = _leg_market(bid, ask, model, shown.bid_size, shown.ask_size)
        return found

    def tradable(self, spec: ContractSpec, *, buys: bool, at: datetime) -> float:
        """The price in points at which one contract trades at once: its ask or bid, else its mid in whole cents.

        Raises VenueRefusal for a contract without any value."""
        market = self.markets([spec], at)[spec.con_id]
        price = market.ask if buys else market.bid
        if price is None and not math.isfinite(market.mid):
            raise VenueRefusal(f"{spec.local_symbol.strip()} has no value now: give a price")
        return round(market.mid, 2) if price is None else price

    def mids(self, specs: Sequence[ContractSpec]) -> dict[int, float]:
        """The mark of each contract by id in points, open or shut; contracts the world cannot value are left out."""
        found: dict[int, float] = {}
        options = [spec for spec in specs if spec.sec_type is SecType.OPTION]
        if options:
            found.update(zip((s.con_id for s in options), self._world.marks(options).mid.tolist(), strict=True))
        for spec in specs:
            if spec.sec_type is not SecType.OPTION:
                last = self.level(spec).last
                found[spec.con_id] = math.nan if last is None else last
        return {con_id: mid for con_id, mid in found.items() if math.isfinite(mid)}

    def _grid(self, specs: Sequence[ContractSpec]) -> _Grid:
        key = tuple([spec.con_id for spec in specs])
        known = self._grids.get(key)
        if known is None:
            rules = [MARKET_RULES[spec.market_rule_id] for spec in specs]
            known = _Grid(
                np.array([rule[0][1] for rule in rules]),
                np.array([rule[-1][0] if len(rule) > 1 else np.inf for rule in rules]),
                np.array([rule[-1][1] for rule in rules]),
                np.array([spec.last_trade_at.timestamp() if spec.last_trade_at else np.inf for spec in specs]),
                np.array([schedule_of(spec) is Schedule.INDEX_OPTIONS for spec in specs]),
            )
            if len(self._grids) >= _GRID_CACHE_SIZE:
                self._grids.clear()
            self._grids[key] = known
        return known


def _shown(raw: Marks, grid: _Grid, quoted: NDArray[np.bool_]) -> Marks:
    """The world's marks as the venue shows them."""
    bid = _to_grid(raw.bid, grid, up=False)
    ask = _to_grid(raw.ask, grid, up=True)
    bid = np.where(quoted & (bid > 0.0), bid, np.nan)
    ask = np.where(quoted, np.maximum(ask, grid.fine), np.nan)
    return replace(
        raw,
        bid=bid,
        ask=ask,
        bid_size=np.where(np.isnan(bid), 0.0, raw.bid_size),
        ask_size=np.where(np.isnan(ask), 0.0, raw.ask_size),
    )


def _to_grid(prices: Floats, grid: _Grid, *, up: bool) -> Floats:
    tick = np.where(prices >= grid.edge - 1e-9, grid.coarse, grid.fine)
    ticks = np.ceil(prices / tick - 1e-6) if up else np.floor(prices / tick + 1e-6)
    return np.round(ticks * tick, 2)


def _known(price: float) -> float | None:
    return price if math.isfinite(price) else None


def _leg_market(bid: float | None, ask: float | None, model: float, bid_size: float, ask_size: float) -> LegMarket:
    if ask is None:
        return LegMarket(bid, ask, model, bid_size or None, None)
    mid = (bid + ask) / 2 if bid is not None else ask / 2
    return LegMarket(bid, ask, mid, bid_size or None, ask_size or None)


def net_market(legs: Sequence[Leg], markets: Mapping[int, LegMarket]) -> NetMarket:
    """The net of a combination for action BUY: bought legs at their ask and sold ones at their bid, and the reverse."""
    bid: float | None = 0.0
    ask: float | None = 0.0
    mid = 0.0
    for leg in legs:
        market = markets[leg.spec.con_id]
        weight = leg.side.sign * leg.ratio
        to_buy, to_sell = (market.ask, market.bid) if weight > 0 else (market.bid, market.ask)
        ask = None if ask is None or to_buy is None else ask + weight * to_buy
        bid = None if bid is None or to_sell is None else bid + weight * to_sell
        mid += weight * market.mid
    return NetMarket(_tidy(bid), _tidy(ask), round(mid, 6))


def _tidy(price: float | None) -> float | None:
    return None if price is None else round(price, 4)


def conforms(spec: ContractSpec, price: float) -> bool:
    """Whether a price lies on the contract's tick grid."""
    tick = tick_at(spec.market_rule_id, price)
    ticks = price / tick
    return abs(ticks - round(ticks)) < 1e-6
