"""A twin's open contracts as the book the bot itself projects, and where it breaks even on the coupled path (P-BE-2).

Rules
- The revaluation, the path and the grid are those of `strategies.pricing.projection`; here contracts become its book.
- Profit and loss is against what the open contracts cost, so zero is the break-even of what is held.
- A break-even that does not exist is None, never a number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from bot.twins.arithmetic import Floats
from strategies.pricing.projection import (
    SPOT_GRID_PCT,
    Book,
    IndexOptions,
    Shocks,
    Smile,
    VixProducts,
    around,
    coupled_vix_points,
    values_usd,
)
from strategies.pricing.vix_beta import FORMULA, vix_beta


class Open(NamedTuple):
    """One contract held: signed contracts, dollars a point, cost in points per share, its terms and its market.

    `days` to the end of trading; `slide_points_a_day` is what the future of a VIX option gains a day while the curve
    stands still.
    """

    quantity: float
    multiplier_usd: float
    cost_points: float
    on_vix: bool
    strike: float
    is_call: bool
    days: float
    forward: float
    rate: float
    smile: Smile
    slide_points_a_day: float = 0.0

    @property
    def years(self) -> float:
        """Years of 365 days to the end of trading."""
        return self.days / 365.0

    @property
    def volatility(self) -> float:
        """Its volatility now, a fraction a year, off the smile."""
        m = math.log(self.strike / self.forward) / (self.smile.atm * math.sqrt(self.years))
        return float(self.smile.atm * np.interp(m, self.smile.m, self.smile.ratio))


class Edges(NamedTuple):
    """SPX moves in percent at which the book crosses zero, the first below and the first above where it stands now.

    None: no such crossing within the moves looked at. `loses_now` says that it loses even if SPX does not move.
    """

    down_pct: float | None
    up_pct: float | None
    loses_now: bool


def book_of(held: Sequence[Open], spot_points: float) -> Book:
    """The contracts as a book; each index option lies on a smile of its own."""
    index, vix = [one for one in held if not one.on_vix], [one for one in held if one.on_vix]
    spx = IndexOptions(
        _column(one.quantity * one.multiplier_usd for one in index),
        _column(one.strike for one in index),
        np.array([one.is_call for one in index], dtype=bool),
        _column(one.forward for one in index),
        _column(one.years for one in index),
        _column(math.exp(-one.rate * one.years) for one in index),
        tuple(range(len(index))),
    )
    products = VixProducts(
        _column(one.quantity * one.multiplier_usd for one in vix),
        _column(one.strike for one in vix),
        np.array([one.is_call for one in vix], dtype=bool),
        np.ones(len(vix), dtype=bool),
        _column(one.forward for one in vix),
        _column(one.volatility for one in vix),
        _column(one.years for one in vix),
        _column(math.exp(-one.rate * one.years) for one in vix),
        _column(vix_beta(one.days, FORMULA) for one in vix),
        _column(one.slide_points_a_day for one in vix),
    )
    carry = math.log(index[0].forward / spot_points) / index[0].years if index else 0.0
    return Book(spx, tuple(one.smile for one in index), products, carry)


def _column(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=np.float64)


def profit_ahead(held: Sequence[Open], spot_points: float, horizon_days: float) -> Floats:
    """Dollars won or lost against cost for each move of the grid, `horizon_days` calendar days from now."""
    days = np.full(len(SPOT_GRID_PCT), float(horizon_days))
    shocks = Shocks(SPOT_GRID_PCT, coupled_vix_points(SPOT_GRID_PCT), days)
    paid = sum(one.quantity * one.multiplier_usd * one.cost_points for one in held)
    return np.asarray(values_usd(book_of(held, spot_points), shocks) - paid, dtype=np.float64)


def edges(profit_usd: Floats, spot_points: float) -> Edges:
    """Where a line over the grid crosses zero around the present level."""
    found = around(SPOT_GRID_PCT, profit_usd, spot_points)
    low, high = (None, None) if found is None else (_percent(level, spot_points) for level in found)
    if found is None or (low is not None and low > 0.0) or (high is not None and high < 0.0):
        return Edges(None, None, True)
    return Edges(low, high, False)


def _percent(level_points: float | None, spot_points: float) -> float | None:
    return None if level_points is None else 100.0 * (level_points / spot_points - 1.0)
