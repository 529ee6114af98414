"""One volatility surface per day: it prices SPX options and is what the VIX indices of that day say.

The variance term structure goes through VIX9D, VIX and VIX3M; at-the-money volatility follows by dividing by the ratio
k between the variance-swap volatility of the smile and its at-the-money volatility, so that VIX recomputed from the
generated options (30 days, Cboe method) gives back the world's VIX.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.sim.exchange.hours import settles_at
from bot.sim.types import Floats, Settlement
from bot.sim.world.smile import GRID, GRID_LOW, GRID_STEP, SmileShape
from bot.sim.world.spreads import SPX_TICKS, spx_half_spread
from strategies.pricing import black76

YEAR_SECONDS = 365.0 * 86400.0
_NODES = (0.0, 9.0 / 365.0, 30.0 / 365.0, 93.0 / 365.0)  # horizons of VIX9D, VIX and VIX3M in years
MIN_YEARS = 60.0 / YEAR_SECONDS
_MIN_FORWARD_VARIANCE = 0.15  # of the nearer variance: keeps calendars free of arbitrage through an inversion
_STRIP_STRIDE = 2
_LOWEST_STRIKE = 0.1

SliceKey = tuple[date, Settlement]
ContractKey = tuple[date, Settlement, float, bool]  # expiry, settlement, strike, is call


class Levels(NamedTuple):
    """The surface's inputs at one instant: index points."""

    spot: float
    vix9d: float
    vix: float
    vix3m: float


class LevelRows(NamedTuple):
    """The same at several instants: arrays of the length of the horizons (`SpxTerms.settles_ts`) asked about."""

    spot: Floats
    vix9d: Floats
    vix: Floats
    vix3m: Floats


def vix_variance(levels: Levels | LevelRows, years: Floats) -> Floats:
    """Total variance (annual variance times years) of the VIX family to each horizon, linear between the indices'
    own horizons; before 9 days the 9-day level, after 93 days the forward variance between 30 and 93 days."""
    _, near, mid, far = _NODES
    at_near = levels.vix9d * levels.vix9d * (1e-4 * near)
    floor = at_near * (1.0 + _MIN_FORWARD_VARIANCE * (mid / near - 1.0))
    at_mid = np.maximum(levels.vix * levels.vix * (1e-4 * mid), floor)
    floor = at_mid * (1.0 + _MIN_FORWARD_VARIANCE * (far / mid - 1.0))
    at_far = np.maximum(levels.vix3m * levels.vix3m * (1e-4 * far), floor)
    first = at_near / near * years
    second = at_near + (at_mid - at_near) / (mid - near) * (years - near)
    third = at_mid + (at_far - at_mid) / (far - mid) * (years - mid)
    return np.asarray(np.where(years <= near, first, np.where(years <= mid, second, third)), dtype=np.float64)


def variance_swap_ratio(table: Floats, atm_total_vol: float, smallest: float) -> float:
    """k: volatility that the strip of out-of-the-money options implies, over at-the-money volatility.

    `table` is iv/atm on GRID, `atm_total_vol` = atm * sqrt(T), `smallest` the least option value, as a share of spot,
    that still has a bid: Cboe's index leaves the rest out, and strikes below a tenth of spot are not listed.
    """
    log_k = GRID[::_STRIP_STRIDE] * atm_total_vol
    strike = np.exp(log_k)
    price = black76.price(1.0, strike, table[::_STRIP_STRIDE] * atm_total_vol, 1.0, log_k >= 0.0)
    price = np.where((price >= smallest) & (strike >= _LOWEST_STRIKE), price, 0.0)
    variance = 2.0 * float(np.sum(price / strike)) * GRID_STEP * _STRIP_STRIDE * atm_total_vol
    return float(np.sqrt(variance)) / atm_total_vol


def smallest_with_bid(levels: Levels) -> float:
    """Least mid, as a share of spot, at which the half-spread leaves a bid of one tick."""
    half = spx_half_spread(np.array([0.1]), np.zeros(1), np.zeros(1), levels.spot, levels.vix)
    return (float(half[0]) + 0.5 * SPX_TICKS.small) / levels.spot


@dataclass(frozen=True, slots=True)
class FittedSlice:
    """An expiry of a real chain: its smile on GRID and its at-the-money volatility."""

    table: Floats
    atm: float


@dataclass(frozen=True, slots=True)
class Slice:
    """One expiry ready to price: settlement instant, smile table, ratio atm / VIX-family volatility, carry a year."""

    settles_ts: float
    table: Floats
    ratio: float
    carry: float


@dataclass(slots=True)
class DaySurface:
    """The surface of one day. `reference` are levels at which the ratios are calibrated (the day's close);
    `fitted`, `carries` and `spread_scale` hold what the day's real chain says, where there is one; `late_shift_points`
    is how far its options saw the market move between the index close and their own."""

    morning: datetime
    reference: Levels
    rate: float
    dividend: float
    shape: SmileShape = field(default_factory=SmileShape)
    fitted: dict[SliceKey, FittedSlice] = field(default_factory=dict)
    fitted_at: datetime | None = None
    carries: dict[SliceKey, float] = field(default_factory=dict)
    spread_scale: dict[ContractKey, float] = field(default_factory=dict)
    late_shift_points: float = 0.0
    _slices: dict[SliceKey, Slice] = field(default_factory=dict)

    def slice(self, key: SliceKey) -> Slice:
        """The expiry's terms, computed once a day."""
        found = self._slices.get(key)
        if found is None:
            found = self._slices[key] = self._build(key)
        return found

    def forget(self, keep_forwards: bool) -> None:
        """Drops what the day's real chain said about volatility and spreads, and about forwards unless told to keep."""
        self.fitted.clear()
        if not keep_forwards:
            self.carries.clear()
            self.late_shift_points = 0.0
        self.spread_scale.clear()
        self._slices.clear()

    def _build(self, key: SliceKey) -> Slice:
        settles_ts = settles_at(*key).timestamp()
        carry = self.carries.get(key, self.rate - self.dividend)
        real = self.fitted.get(key)
        if real is not None and self.fitted_at is not None:
            years = max((settles_ts - self.fitted_at.timestamp()) / YEAR_SECONDS, MIN_YEARS)
            total = float(vix_variance(self.reference, np.array([years]))[0])
            return Slice(settles_ts, real.table, real.atm * np.sqrt(years / total), carry)
        years = max((settles_ts - self.morning.timestamp()) / YEAR_SECONDS, 0.5 / 365.0)
        table = self.shape.table(years * 365.0)
        vix_total_vol = float(np.sqrt(vix_variance(self.reference, np.array([years]))[0]))
        smallest = smallest_with_bid(self.reference)
        k = 1.2
        for _ in range(4):
            k = variance_swap_ratio(table, vix_total_vol / k, smallest)
        return Slice(settles_ts, table, 1.0 / k, carry)


class SpxTerms(NamedTuple):
    """Contracts grouped by expiry, so that a tick computes each expiry once. Arrays `settles_ts`, `ratio` and `carry`
    run over expiries; `table` is expiries x GRID; the others run over contracts."""

    settles_ts: Floats
    ratio: Floats
    carry: Floats
    table: Floats
    group: NDArray[np.intp]
    row: NDArray[np.intp]
    strike: Floats
    log_strike: Floats
    is_call: NDArray[np.bool_]


def gather(day: DaySurface, keys: list[SliceKey], strikes: Floats, is_call: NDArray[np.bool_]) -> SpxTerms:
    """Binds contracts (one key each) to the day's surface."""
    order: dict[SliceKey, int] = {}
    group = np.array([order.setdefault(key, len(order)) for key in keys], dtype=np.intp)
    slices = [day.slice(key) for key in order]
    return SpxTerms(
        np.array([s.settles_ts for s in slices]),
        np.array([s.ratio for s in slices]),
        np.array([s.carry for s in slices]),
        np.concatenate([s.table for s in slices]),
        group,
        group * len(GRID),
        strikes,
        np.log(strikes),
        is_call,
    )


class Priced(NamedTuple):
    """Model values over contracts; greeks per share as black76 states them, delta and gamma against the index."""

    mid: Floats
    iv: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    forward: Floats
    years: Floats


def price_spx(terms: SpxTerms, levels: Levels | LevelRows, now_ts: float | Floats, rate: float) -> Priced:
    """Values and greeks of the bound contracts at that instant (epoch seconds) and those levels; with rows of levels
    and instants each expiry is priced at its own (one contract over time is an expiry per instant)."""
    years = np.maximum((terms.settles_ts - now_ts) / YEAR_SECONDS, MIN_YEARS)
    atm_total = np.sqrt(vix_variance(levels, years)) * terms.ratio
    growth = np.exp(terms.carry * years)
    forward = levels.spot * growth
    discount = np.exp(-rate * years)
    group = terms.group
    fwd = forward[group]
    # Position on the smile's grid: (ln(K/F) / atm_total - GRID_LOW) / GRID_STEP, the part per expiry taken out first.
    slope = 1.0 / (atm_total * GRID_STEP)
    start = -np.log(forward) * slope - GRID_LOW / GRID_STEP
    place = terms.log_strike * slope[group] + start[group]
    place = np.minimum(np.maximum(place, 0.0), len(GRID) - 1.001)
    i = place.astype(np.intp)
    weight = place - i
    i += terms.row
    left = terms.table[i]
    ratio = left + (terms.table[i + 1] - left) * weight
    t = years[group]
    iv = ratio * (atm_total / np.sqrt(years))[group]
    df = discount[group]
    values = black76.greeks(fwd, terms.strike, iv, t, terms.is_call, df)
    per_spot = growth[group]
    return Priced(
        np.maximum(values.price, 1e-6),
        iv,
        values.delta * per_spot,
        values.gamma * per_spot**2,
        values.vega,
        values.theta,
        fwd,
        t,
    )
