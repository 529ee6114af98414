"""One exchange day as the market will play it: index paths on a grid and the day's futures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import numpy as np

from bot.sim.types import Bar, Floats, IndexLevel, TradingDay, WorldEvent
from bot.sim.world.curve import beta
from bot.sim.world.path import STEP_SECONDS, Ohlc, pinned, widened
from bot.sim.world.spreads import REGULAR, Depth, SpreadMarket, spread_hour
from bot.sim.world.surface import DaySurface

VX_TICK = 0.05
SYMBOLS = ("SPX", "VIX", "VIX9D", "VIX3M", "VVIX", "SKEW")
SPX, VIX, VIX9D, VIX3M, VVIX, SKEW = range(6)
_KEPT_TAPES = 12


def grid_points(day: TradingDay) -> tuple[int, int]:
    """Number of grid points until the index close and until the day's close, both ends included."""
    to_index = int((day.index_close_at - day.open_at).total_seconds() / STEP_SECONDS) + 1
    to_close = int((day.close_at - day.open_at).total_seconds() / STEP_SECONDS) + 1
    return to_index, to_close


def known(value: float, digits: int = 2) -> float | None:
    """A rounded value, None for NaN."""
    plain = float(value)
    return None if math.isnan(plain) else round(plain, digits)


def on_vx_grid(price: float) -> float:
    """A price on the 0.05 grid of VX futures, points."""
    return round(round(price / VX_TICK) * VX_TICK, 2)


_WIDE_AFTER_DAYS = 70


def vx_quote(price: Floats, days: int, depth: Depth = REGULAR) -> tuple[Floats, Floats, int]:
    """(bid, ask, size of either) of a VX future `days` before it settles, points: in regular hours one tick wide while
    it is near."""
    ticks, size = (1, 40) if days <= _WIDE_AFTER_DAYS else (2, 12)
    ticks, size = round(ticks * depth.width), round(size * depth.size)
    bid = np.floor(price / VX_TICK - 0.5 * (ticks - 1)) * VX_TICK
    return np.round(bid, 2), np.round(bid + ticks * VX_TICK, 2), size


def vx_quote_of(price: float, days: int, depth: Depth = REGULAR) -> tuple[float, float, int]:
    """The same of one price in plain numbers: a quote a tick for each contract is asked for often."""
    ticks, size = (1, 40) if days <= _WIDE_AFTER_DAYS else (2, 12)
    ticks, size = round(ticks * depth.width), round(size * depth.size)
    bid = math.floor(price / VX_TICK - 0.5 * (ticks - 1)) * VX_TICK
    return round(bid * 100.0) / 100.0, round((bid + ticks * VX_TICK) * 100.0) / 100.0, size


def future_day(
    previous: float,
    settle: float,
    days: int,
    vix: Ohlc,
    vix_previous: float,
    told: tuple[float, float] | None = None,
) -> Ohlc:
    """The regular session of one VX contract `days` before it settles, points: it opens at the previous settlement plus
    beta times VIX's gap and closes at its settlement. `told` is its real (high, low); without it the range is VIX's own
    beyond open and close, times beta. Previous values are NaN where there are none."""
    b = float(beta(np.array([float(days)]))[0])
    gap = 0.0 if np.isnan(vix_previous) else vix.open - vix_previous
    opening = on_vx_grid(max((settle if np.isnan(previous) else previous) + b * gap, 1.0))
    if told is not None:
        high, low = told
        return widened(Ohlc(min(max(opening, low), high), high, low, settle))
    high = on_vx_grid(max(opening, settle) + b * (vix.high - max(vix.open, vix.close)))
    low = on_vx_grid(max(min(opening, settle) - b * (min(vix.open, vix.close) - vix.low), 1.0))
    return widened(Ohlc(opening, high, low, settle))


@dataclass(frozen=True, slots=True)
class FuturesDay:
    """The VX contracts of one day: settlement before it and its session, points; NaN where there is none.
    `listed` are those still trading after the day's 09:30, i.e. settling later than that day."""

    listed: tuple[date, ...]
    previous: Floats
    prices: tuple[Ohlc, ...]
    monthly: tuple[date, ...]

    def paths(self, today: date, vix: Floats, vix_previous: float) -> Floats:
        """Prices over the day's grid, grid x contracts: the shape is a straight line from settlement to settlement plus
        beta times VIX's deviation from its own straight line (previous close to close), bent to the session's prices.
        """
        progress = np.linspace(0.0, 1.0, len(vix))[:, None]
        opening = vix[0] if np.isnan(vix_previous) else vix_previous
        deviation = vix[:, None] - (opening + progress * (vix[-1] - opening))
        days = np.array([(e - today).days for e in self.listed], dtype=np.float64)
        settle = np.array([prices.close for prices in self.prices])
        start = np.where(np.isnan(self.previous), settle, self.previous)
        shape = start + progress * (settle - start) + beta(days) * deviation
        bent = [pinned(prices, shape[:, i]) for i, prices in enumerate(self.prices)]
        return np.column_stack(bent) if bent else np.empty((len(vix), 0))


@dataclass(frozen=True, slots=True)
class DayTape:
    """A day ready to play. `levels` is grid x SYMBOLS; `previous` the closes before it, NaN where none; NaN columns
    are indices the world does not have. `future_levels` is grid x listed contracts. `opened_s` and `closed_s` are the
    session's ends in epoch seconds."""

    session: TradingDay
    levels: Floats
    highs: Floats
    lows: Floats
    previous: Floats
    futures: FuturesDay
    future_levels: Floats
    future_highs: Floats
    future_lows: Floats
    surface: DaySurface
    opened_s: float = field(init=False)
    closed_s: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "opened_s", self.session.open_at.timestamp())
        object.__setattr__(self, "closed_s", self.session.close_at.timestamp())

    def index(self, column: int, row: Floats, grid_index: int) -> IndexLevel:
        """An index that stands as in `row`, after that grid point; None where it has no value."""
        previous, last = known(self.previous[column]), known(row[column])
        if last is None:
            return IndexLevel(None, None, None, None, previous)
        high = max(float(self.highs[grid_index, column]), last)
        low = min(float(self.lows[grid_index, column]), last)
        return IndexLevel(last, round(float(self.levels[0, column]), 2), round(high, 2), round(low, 2), previous)

    def spread_market(self, at_s: float | Floats, spot: float | Floats, vix: float | Floats) -> SpreadMarket:
        """What decides the width of SPX quotes at moments of this day, in epoch seconds."""
        return SpreadMarket(spot, vix, self.surface.spread_era, spread_hour(at_s - self.opened_s, self.closed_s - at_s))

    def between(self, grid: Floats, at_s: Floats) -> Floats:
        """Rows of a grid (`levels`, `future_levels`) at moments of this day in epoch seconds, straight lines between
        grid points; NaN outside the session."""
        place = np.clip((at_s - self.opened_s) / STEP_SECONDS, 0.0, len(grid) - 1.0)
        left = np.minimum(place.astype(np.intp), len(grid) - 2)
        weight = (place - left)[:, None]
        rows = grid[left] * (1.0 - weight) + grid[left + 1] * weight
        rows[(at_s < self.opened_s) | (at_s > self.closed_s)] = np.nan
        return np.asarray(rows, dtype=np.float64)


class Source(Protocol):
    """Where a market gets its days from: a scenario or a history folder."""

    @property
    def name(self) -> str:
        """Name of the world."""
        ...

    @property
    def sessions(self) -> Sequence[TradingDay]:
        """The days, in order."""
        ...

    @property
    def seed(self) -> int:
        """The world's seed."""
        ...

    @property
    def known_days(self) -> Sequence[date]:
        """Every day with daily bars and a tape, oldest first: those before the first session included."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """Substitutions made, one sentence each."""
        ...

    @property
    def events(self) -> Sequence[WorldEvent]:
        """What the world asks of its gateway."""
        ...

    def tape(self, index: int) -> DayTape:
        """The day at that position."""
        ...

    def tape_on(self, day: date) -> DayTape:
        """Any of `known_days` as it was lived; KeyError for another."""
        ...

    def bars(self, symbol: str, until: date, count: int) -> Sequence[Bar]:
        """Daily bars of an index before `until`; KeyError for an unknown symbol."""
        ...

    def lived(self, symbol: str, day: date) -> Ohlc:
        """A known day of an index as it is lived, points."""
        ...

    def curve(self, day: date, maturities: Floats) -> Floats:
        """VX settlements of a known day by calendar days to settlement, points."""
        ...

    def carry(self, day: date) -> float:
        """Continuous yearly financing less dividends on a known day."""
        ...

    def spy(self, day: date) -> Ohlc | None:
        """Real SPY prices of that day in dollars, None where there are none."""
        ...

    def future_bars(self, expiry: date, until: date, count: int) -> Sequence[Bar]:
        """Daily bars of a VX contract before `until`."""
        ...

    def monthlies(self, on: date) -> Sequence[date]:
        """Settlement days of the monthly VX contracts listed on that day and settling after it."""
        ...

    def weeklies(self, on: date) -> Sequence[date]:
        """Settlement days of the weekly VX contracts listed on that day and settling after it."""
        ...

    def opening_settlement(self, symbol: str, expiry: date) -> float | None:
        """SOQ of SPX or VIX (VRO) on that day."""
        ...

    def closing_settlement(self, symbol: str, expiry: date) -> float | None:
        """Official close on that day."""
        ...


class TapeShelf:
    """The tapes made last, so that looking back over some days does not make each of them again and again."""

    def __init__(self, make: Callable[[date], DayTape]) -> None:
        self._make = make
        self._kept: dict[date, DayTape] = {}

    def get(self, day: date) -> DayTape:
        """The day's tape, made when it is not at hand."""
        tape = self._kept.pop(day, None) or self._make(day)
        self._kept[day] = tape
        if len(self._kept) > _KEPT_TAPES:
            del self._kept[next(iter(self._kept))]
        return tape


def make_tape(
    session: TradingDay,
    paths: Sequence[Floats | None],
    previous: Floats,
    futures: FuturesDay,
    surface: DaySurface,
) -> DayTape:
    """Assembles a tape from one path per symbol; shorter paths are held at their last value to the day's close."""
    _, points = grid_points(session)
    levels = np.full((points, len(SYMBOLS)), np.nan)
    for column, path in enumerate(paths):
        if path is not None:
            levels[: len(path), column] = path
            levels[len(path) :, column] = path[-1]
    prices = futures.paths(session.day, levels[:, VIX], float(previous[VIX]))
    return DayTape(
        session,
        levels,
        np.maximum.accumulate(levels, axis=0),
        np.minimum.accumulate(levels, axis=0),
        previous,
        futures,
        prices,
        np.maximum.accumulate(prices, axis=0),
        np.minimum.accumulate(prices, axis=0),
        surface,
    )
