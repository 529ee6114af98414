"""One exchange day as the market will play it: index paths on a grid and the day's futures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np

from bot.sim.types import Bar, Floats, TradingDay, WorldEvent
from bot.sim.world.curve import beta
from bot.sim.world.path import STEP_SECONDS
from bot.sim.world.surface import DaySurface

SYMBOLS = ("SPX", "VIX", "VIX9D", "VIX3M", "VVIX", "SKEW")
SPX, VIX, VIX9D, VIX3M, VVIX, SKEW = range(6)


def grid_points(day: TradingDay) -> tuple[int, int]:
    """Number of grid points until the index close and until the day's close, both ends included."""
    to_index = int((day.index_close_at - day.open_at).total_seconds() / STEP_SECONDS) + 1
    to_close = int((day.close_at - day.open_at).total_seconds() / STEP_SECONDS) + 1
    return to_index, to_close


@dataclass(frozen=True, slots=True)
class FuturesDay:
    """The VX contracts of one day: settlement before it and at its end, points; NaN where there is none.
    `listed` are those still trading after the day's 09:30, i.e. settling later than that day."""

    listed: tuple[date, ...]
    previous: Floats
    settle: Floats
    monthly: tuple[date, ...]

    def paths(self, today: date, vix: Floats, vix_previous: float) -> Floats:
        """Prices over the day's grid, grid x contracts: from settlement to settlement in a straight line, plus beta
        times VIX's deviation from its own straight line (previous close to close)."""
        progress = np.linspace(0.0, 1.0, len(vix))[:, None]
        opening = vix[0] if np.isnan(vix_previous) else vix_previous
        deviation = vix[:, None] - (opening + progress * (vix[-1] - opening))
        days = np.array([(e - today).days for e in self.listed], dtype=np.float64)
        start = np.where(np.isnan(self.previous), self.settle, self.previous)
        straight = start + progress * (self.settle - start)
        return np.asarray(np.maximum(straight + beta(days) * deviation, 1.0), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class DayTape:
    """A day ready to play. `levels` is grid x SYMBOLS; `previous` the closes before it, NaN where none; NaN columns
    are indices the world does not have. `future_levels` is grid x listed contracts."""

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

    def bars(self, symbol: str, until: date, count: int) -> Sequence[Bar]:
        """Daily bars of an index before `until`; KeyError for an unknown symbol."""
        ...

    def future_bars(self, expiry: date, until: date, count: int) -> Sequence[Bar]:
        """Daily bars of a VX contract before `until`."""
        ...

    def monthlies(self, on: date) -> Sequence[date]:
        """Settlement days of the monthly VX contracts listed on that day and settling after it."""
        ...

    def opening_settlement(self, symbol: str, expiry: date) -> float | None:
        """SOQ of SPX or VIX (VRO) on that day."""
        ...

    def closing_settlement(self, symbol: str, expiry: date) -> float | None:
        """Official close on that day."""
        ...


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
