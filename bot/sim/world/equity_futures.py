"""E-mini S&P 500 futures (ES, MES): the index carried to the morning of settlement, on quarter points.

Rules: price = SPX times exp(carry times years to 09:30 of the settlement day), carry being the day's financing less
dividends, as for option forwards without a real chain; one tick wide at all hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

import numpy as np

from bot.sim.exchange.hours import settles_at
from bot.sim.types import Bar, Floats, IndexLevel, LevelPath, Settlement
from bot.sim.world.spreads import REGULAR, Depth
from bot.sim.world.surface import YEAR_SECONDS

TICK = 0.25
_BID_SIZE, _ASK_SIZE = 65, 60
_VOLUME = 1_500_000.0


class CarrySource(Protocol):
    """What the futures need of a source of days."""

    def carry(self, day: date) -> float:
        """Continuous yearly financing less dividends on that day."""
        ...


class EquityFutures:
    """Futures on SPX over one source; ES and MES have one price."""

    def __init__(self, source: CarrySource) -> None:
        self._source = source

    def factor(self, expiry: date, day: date, at_s: Floats | float) -> Floats:
        """Future over index at moments (epoch seconds) of a day."""
        years = np.maximum(settles_at(expiry, Settlement.AM).timestamp() - np.asarray(at_s), 0.0) / YEAR_SECONDS
        return np.asarray(np.exp(self._source.carry(day) * years), dtype=np.float64)

    def level(self, expiry: date, day: date, spx: IndexLevel, at_s: float, depth: Depth = REGULAR) -> IndexLevel:
        """The future while the index stands as given, points; nothing before the index has printed."""
        factor = float(self.factor(expiry, day, at_s))
        previous = None if spx.previous_close is None else on_grid(spx.previous_close * factor)
        if spx.last is None or spx.open is None or spx.high is None or spx.low is None:
            return IndexLevel(None, None, None, None, previous)
        last = on_grid(spx.last * factor)
        bid = float(np.floor(spx.last * factor / TICK)) * TICK
        opening, high, low = (on_grid(price * factor) for price in (spx.open, spx.high, spx.low))
        sizes = (round(size * depth.size) for size in (_BID_SIZE, _ASK_SIZE))
        return IndexLevel(last, opening, max(high, last), min(low, last), previous, bid, bid + TICK, *sizes)

    @staticmethod
    def path(prices: Floats) -> LevelPath:
        """Prices off the grid as the market shows them, NaN where there are none."""
        last, bid = np.rint(prices / TICK) * TICK, np.floor(prices / TICK) * TICK
        return LevelPath(last, bid, bid + TICK, _BID_SIZE, _ASK_SIZE)

    def bars(self, expiry: date, spx: Sequence[Bar]) -> list[Bar]:
        """Daily bars from those of the index, each carried from its close."""
        found = []
        for bar in spx:
            factor = float(self.factor(expiry, bar.at.date(), bar.at.timestamp()))
            opening, high, low, close = (on_grid(price * factor) for price in (bar.open, bar.high, bar.low, bar.close))
            found.append(Bar(bar.at, opening, high, low, close, _VOLUME))
        return found


def on_grid(price: float) -> float:
    """A price on quarter points."""
    return round(price / TICK) * TICK
