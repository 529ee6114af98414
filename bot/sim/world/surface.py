"""One volatility surface per day: it prices SPX options and is what the VIX indices of that day say.

The variance term structure comes from VIX9D, VIX and VIX3M; at-the-money volatility is that volatility divided by the
ratio k between the variance-swap volatility of the smile and its at-the-money volatility, so that VIX recomputed from
the generated options (30 days, Cboe method) gives back the world's VIX.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.sim.exchange.hours import settles_at
from bot.sim.types import Floats, Settlement
from bot.sim.world.smile import GRID, GRID_LOW, GRID_STEP, SmileShape, bounded_wing
from bot.sim.world.spreads import LEAST_MID_WITH_BID, QuoteTenor, quote_tenor, spread_era
from bot.sim.world.term_structure import LevelRows, Levels, TermStructure
from bot.sim.world.variance_clock import DAYS_A_YEAR
from strategies.pricing import black76

YEAR_SECONDS = 365.0 * 86400.0
MIN_YEARS = 60.0 / YEAR_SECONDS
_STRIP_STRIDE = 6
_STRIP = GRID[::_STRIP_STRIDE]
_USUAL_K = 1.2
_SHORTEST_TENOR = 0.5  # trading days
_LISTED_LOW, _LISTED_HIGH = 0.2, 1.7  # strikes near a month's expiry, of the index level
_VIX_SCALES = np.array([0.5, 0.75, 1.0, 1.3, 1.65, 2.1])  # levels at which k is known, of the day's reference
_SCALES: list[float] = _VIX_SCALES.tolist()
_SCALE_PLACES = np.arange(len(_SCALES), dtype=np.float64)

SliceKey = tuple[date, Settlement]
ContractKey = tuple[date, Settlement, float, bool]  # expiry, settlement, strike, is call


def variance_swap_ratios(table: Floats, atm_total_vols: Floats, smallest: float) -> Floats:
    """k: volatility that the strip of out-of-the-money options implies, over at-the-money volatility, for each of the
    at-the-money total volatilities (atm * sqrt(T)).

    `table` is iv/atm on GRID, `smallest` the least option value, as a share of spot, that still has a bid: Cboe's index
    leaves the rest out, as it does strikes that are not listed.
    """
    atm = atm_total_vols[:, None]
    log_k = _STRIP * atm
    strike = np.exp(log_k)
    price = black76.price(1.0, strike, table[::_STRIP_STRIDE] * atm, 1.0, log_k >= 0.0)
    counted = (price >= smallest) & (strike >= _LISTED_LOW) & (strike <= _LISTED_HIGH)
    step = GRID_STEP * _STRIP_STRIDE
    sums = 2.0 * step * np.sum(np.where(counted, price / strike, 0.0), axis=1) / atm_total_vols
    # The price has a corner at the money, which the sum over steps of m cuts too wide by step^2 / 6.
    return np.asarray(np.sqrt(sums - step * step / 6.0), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class FittedSlice:
    """An expiry of a real chain: its smile on GRID and its at-the-money volatility."""

    table: Floats
    atm: float


@dataclass(frozen=True, slots=True)
class Slice:
    """One expiry ready to price: settlement instant in epoch seconds and on the variance clock, smile table, ratio of
    at-the-money to VIX-family volatility at each of _VIX_SCALES, carry a year."""

    settles_ts: float
    settled: float
    table: Floats
    ratios: Floats
    carry: float
    tenor: QuoteTenor


@dataclass(slots=True)
class DaySurface:
    """The surface of one day. `reference` are levels around which the ratios are calibrated (the day's close);
    `fitted`, `carries` and `spread_scale` hold what the day's real chain says, where there is one; `late_shift_points`
    is how far its options saw the market move between the index close and their own."""

    morning: datetime
    reference: Levels
    rate: float
    dividend: float
    shape: SmileShape = field(default_factory=SmileShape)
    far_vix: float | None = None
    fitted: dict[SliceKey, FittedSlice] = field(default_factory=dict)
    fitted_at: datetime | None = None
    carries: dict[SliceKey, float] = field(default_factory=dict)
    spread_scale: dict[ContractKey, float] = field(default_factory=dict)
    late_shift_points: float = 0.0
    term: TermStructure = field(init=False)
    spread_era: float = field(init=False)
    _slices: dict[SliceKey, Slice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.term = TermStructure(self.morning, self.far_vix)
        self.spread_era = spread_era(self.morning.date())

    def slice(self, key: SliceKey) -> Slice:
        """The expiry's terms, computed once a day."""
        found = self._slices.get(key)
        if found is None:
            found = self._slices[key] = self._build(key)
        return found

    def forget(self) -> None:
        """Drops what the day's real chain said."""
        self.fitted.clear()
        self.carries.clear()
        self.late_shift_points = 0.0
        self.spread_scale.clear()
        self._slices.clear()

    def _build(self, key: SliceKey) -> Slice:
        settles_ts = settles_at(*key).timestamp()
        settled = self.term.elapsed(settles_ts)
        carry = self.carries.get(key, self.rate - self.dividend)
        real = self.fitted.get(key)
        if real is not None and self.fitted_at is not None:
            at = self.fitted_at.timestamp()
            years = max((settles_ts - at) / YEAR_SECONDS, MIN_YEARS)
            ratio = real.atm * np.sqrt(years / float(self.term.total(self.reference, at, np.array(settled))))
            ratios = np.full(len(_VIX_SCALES), ratio)
            return Slice(settles_ts, settled, real.table, ratios, carry, quote_tenor(np.array(years)))
        morning = self.morning.timestamp()
        years = max(settled - self.term.elapsed(morning), _SHORTEST_TENOR) / DAYS_A_YEAR
        total = float(self.term.total(self.reference, morning, np.array(settled)))
        # A tenor is counted on the variance clock too: a weekend changes the smile no more than it adds variance.
        table = bounded_wing(self.shape.table(years * 365.0), np.sqrt(total) / _USUAL_K)
        ratios = self._ratios(table, settled)
        return Slice(settles_ts, settled, table, ratios, carry, quote_tenor(np.array(years)))

    def _ratios(self, table: Floats, settled: float) -> Floats:
        """At-the-money over VIX-family volatility, 1/k, at each of _VIX_SCALES times the reference."""
        morning, end = self.morning.timestamp(), np.array(settled)
        totals = [float(self.term.total(self.reference.scaled(scale), morning, end)) for scale in _SCALES]
        total_vols, k = np.sqrt(totals), np.full(len(_SCALES), _USUAL_K)
        for _ in range(3):
            k = variance_swap_ratios(table, total_vols / k, LEAST_MID_WITH_BID / self.reference.spot)
        return np.asarray(1.0 / k, dtype=np.float64)


class SpxTerms(NamedTuple):
    """Contracts grouped by expiry, so that a tick computes each expiry once. Arrays `settles_ts`, `settled` and `carry`
    run over expiries; `ratios` is scales x expiries, `table` expiries x GRID; the others run over contracts."""

    day: DaySurface
    settles_ts: Floats
    settled: Floats
    ratios: Floats
    carry: Floats
    table: Floats
    tenor: QuoteTenor
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
        day,
        np.array([s.settles_ts for s in slices]),
        np.array([s.settled for s in slices]),
        np.column_stack([s.ratios for s in slices]),
        np.array([s.carry for s in slices]),
        np.concatenate([s.table for s in slices]),
        QuoteTenor(*(np.array(part)[group] for part in zip(*(s.tenor for s in slices), strict=True))),
        group,
        group * len(GRID),
        strikes,
        np.log(strikes),
        is_call,
    )


class Priced(NamedTuple):
    """Model values over contracts. Greeks per share at each contract's own volatility, held: delta and gamma against
    the index, vega per volatility point, theta per calendar day with the index still (its forward sliding along)."""

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
    atm_total = np.sqrt(terms.day.term.total(levels, now_ts, terms.settled)) * _ratio_at(terms, levels.vix)
    growth = np.exp(terms.carry * years)
    forward = levels.spot * growth
    # Position on the smile's grid: (ln(K/F) / atm_total - GRID_LOW) / GRID_STEP, the part per expiry taken out first.
    slope = 1.0 / (atm_total * GRID_STEP)
    start = -np.log(forward) * slope - GRID_LOW / GRID_STEP
    slide = forward * terms.carry / black76.DAYS_PER_YEAR
    group = terms.group
    place = terms.log_strike * slope.take(group)
    place += start.take(group)
    np.minimum(np.maximum(place, 0.0, out=place), len(GRID) - 1.001, out=place)
    i = place.astype(np.intp)
    place -= i
    i += terms.row
    left = terms.table.take(i)
    i += 1
    iv = terms.table.take(i)
    iv -= left
    iv *= place
    iv += left
    iv *= (atm_total / np.sqrt(years)).take(group)
    fwd, t, df, per_spot = (part.take(group) for part in (forward, years, np.exp(-rate * years), growth))
    values = black76.greeks(fwd, terms.strike, iv, t, terms.is_call, df)
    return Priced(
        np.maximum(values.price, 1e-6),
        iv,
        values.delta * per_spot,
        values.gamma * per_spot**2,
        values.vega,
        values.theta - slide.take(group) * values.delta,
        fwd,
        t,
    )


def _ratio_at(terms: SpxTerms, vix: float | Floats) -> Floats:
    """At-the-money over VIX-family volatility of each expiry at that level of VIX."""
    scale = vix / terms.day.reference.vix
    if isinstance(scale, np.ndarray):
        place, every = np.interp(scale, _VIX_SCALES, _SCALE_PLACES), np.arange(len(terms.settled))
        left = np.minimum(place, len(_SCALES) - 2).astype(np.intp)
        low, high = terms.ratios[left, every], terms.ratios[left + 1, every]
        return np.asarray(low + (place - left) * (high - low), dtype=np.float64)
    i = min(max(bisect_right(_SCALES, scale) - 1, 0), len(_SCALES) - 2)
    weight = min(max((scale - _SCALES[i]) / (_SCALES[i + 1] - _SCALES[i]), 0.0), 1.0)
    return np.asarray(terms.ratios[i] * (1.0 - weight) + terms.ratios[i + 1] * weight, dtype=np.float64)
