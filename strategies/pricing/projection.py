"""What a book of SPX and VIX options would be worth some days from now if index and VIX moved: full revaluation.

Rules
- SPX options: the smile keeps its shape over m = ln(K/F)/(atm * sqrt(tau)), so it travels with the index; its level at
  the money moves with VIX by sqrt(30/days left), days never below 7 (D5, the weight net vega uses).
- VIX products: the contract's own future moves by its beta per VIX point and by its roll per day; its volatility
  follows VVIX, 1.9 points per VIX point, less far out: by sqrt(30/days) beyond 30 days. Never priced on spot VIX.
- Time passes in calendar days. What is left of an expired option is its intrinsic value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from strategies.pricing import black76
from strategies.pricing.normal import BoolArray, FloatArray

SHOCK_DAYS, LEAST_DAYS = 30.0, 7.0
LEAST_ATM, LEAST_FORWARD_POINTS, LEAST_TAU_YEARS = 0.03, 1.0, 1.0 / (365.0 * 24.0)
RATIO_LOW, RATIO_HIGH, FAR_M = 0.55, 4.0, 8.0
VVIX_PER_VIX_POINT, VVIX_LEVEL_SHARE = 1.9, 0.955


class Smile(NamedTuple):
    """One expiry: volatility over that at the money (`ratio`) by m, rising m, linear between and beyond."""

    m: FloatArray
    ratio: FloatArray
    atm: float


def smile_of(strikes: Sequence[float], ivs: Sequence[float], atm: float, forward: float, tau_years: float) -> Smile:
    """The smile through some quoted strikes and the volatility at the money; flat beyond the floor and the ceiling.

    Strikes and forward in points, volatilities as fractions a year. Raises InvalidInput for what is no
    number above zero.
    """
    if not all(0.0 < value < math.inf for value in (atm, tau_years, *ivs)):
        black76.positive("atm", atm)  # one of these says which
        black76.positive("iv", list(ivs))
        black76.positive("tau", tau_years)
    scale = atm * math.sqrt(tau_years)
    nodes = {math.log(strike / forward) / scale: iv / atm for strike, iv in zip(strikes, ivs, strict=True)}
    if all(abs(m) > 1e-6 for m in nodes):
        nodes[0.0] = 1.0
    rows = sorted(nodes.items())
    m, ratio = [r[0] for r in rows], [r[1] for r in rows]
    if len(rows) > 1:
        low = ratio[0] + (ratio[1] - ratio[0]) / (m[1] - m[0]) * (-FAR_M - m[0])
        high = ratio[-1] + (ratio[-1] - ratio[-2]) / (m[-1] - m[-2]) * (FAR_M - m[-1])
        m, ratio = [-FAR_M, *m, FAR_M], [low, *ratio, high]
    return Smile(np.array(m), np.array([min(max(r, RATIO_LOW), RATIO_HIGH) for r in ratio]), atm)


class IndexOptions(NamedTuple):
    """SPX options: signed contracts times multiplier, terms, and which smile each lies on."""

    size: FloatArray
    strike: FloatArray
    is_call: BoolArray
    forward: FloatArray
    tau_years: FloatArray
    discount: FloatArray
    smile: tuple[int, ...]


class VixProducts(NamedTuple):
    """VIX options and futures (`is_option` false: strike and volatility are not read), each on its own future, with the
    points that future moves per VIX point and per day of an unchanged curve."""

    size: FloatArray
    strike: FloatArray
    is_call: BoolArray
    is_option: BoolArray
    forward: FloatArray
    iv: FloatArray
    tau_years: FloatArray
    discount: FloatArray
    beta: FloatArray
    roll_per_day: FloatArray


class Book(NamedTuple):
    """Everything held. `carry_rate` is ln(forward/spot) a year."""

    spx: IndexOptions
    smiles: tuple[Smile, ...]
    vix: VixProducts
    carry_rate: float


class Shocks(NamedTuple):
    """Scenarios, one per row: percent of the index, points of VIX, calendar days that pass."""

    spot_pct: FloatArray
    vix_points: FloatArray
    days: FloatArray


class Timed(NamedTuple):
    """Scenarios with the different days that pass in them, one per row, and which of those each scenario has: a grid
    has two or three, and what depends on time alone is worked out once for each."""

    spot_pct: FloatArray
    vix_points: FloatArray
    days: FloatArray
    of_day: NDArray[np.intp]


def timed(shocks: Shocks) -> Timed:
    """The scenarios sorted by time."""
    days, of_day = np.unique(shocks.days, return_inverse=True)
    return Timed(shocks.spot_pct, shocks.vix_points, days[:, None], of_day)


def values_usd(book: Book, shocks: Shocks) -> FloatArray:
    """Dollars the book is worth in each scenario."""
    total: FloatArray = np.zeros(len(shocks.days), dtype=np.float64)
    rows = timed(shocks)
    if len(book.spx.size):
        total += _index_prices(book, rows) @ book.spx.size
    if len(book.vix.size):
        total += _vix_prices(book.vix, rows) @ book.vix.size
    return total


def gains_usd(book: Book, shocks: Shocks) -> FloatArray:
    """The same less what it is worth now: dollars gained (lost: negative) from this moment on."""
    gained: FloatArray = values_usd(book, shocks) - values_usd(book, TODAY)[0]
    return gained


def gains_with_and_without(book: Book, own: int, rows: Timed) -> tuple[FloatArray, FloatArray]:
    """Dollars gained from now on by the first `own` SPX legs alone, and by everything, in each scenario but the first,
    which is today: one revaluation for both."""
    alone: FloatArray = np.zeros(len(rows.spot_pct), dtype=np.float64)
    whole: FloatArray = np.zeros(len(rows.spot_pct), dtype=np.float64)
    if len(book.spx.size):
        prices = _index_prices(book, rows)
        alone += prices[:, :own] @ book.spx.size[:own]
        whole += prices @ book.spx.size
    if len(book.vix.size):
        whole += _vix_prices(book.vix, rows) @ book.vix.size
    return alone[1:] - alone[0], whole[1:] - whole[0]


def _index_prices(book: Book, shocks: Timed) -> FloatArray:
    rows, of_day = book.spx, shocks.of_day
    gone = shocks.days / black76.DAYS_PER_YEAR
    left = np.maximum(rows.tau_years - gone, LEAST_TAU_YEARS)
    weight = np.sqrt(SHOCK_DAYS / np.maximum(left * black76.DAYS_PER_YEAR, LEAST_DAYS))[of_day]
    forward = rows.forward * (1.0 + 0.01 * shocks.spot_pct[:, None]) * np.exp(-book.carry_rate * gone)[of_day]
    level = np.array([book.smiles[i].atm for i in rows.smile])
    atm = np.maximum(level + 0.01 * shocks.vix_points[:, None] * weight, LEAST_ATM)
    m = np.log(rows.strike / forward) / (atm * np.sqrt(left)[of_day])
    sigma = np.empty_like(m)
    for number, smile in enumerate(book.smiles):
        mine = _columns([i for i, used in enumerate(rows.smile) if used == number])
        if mine is not None:
            sigma[:, mine] = atm[:, mine] * np.interp(m[:, mine], smile.m, smile.ratio)
    discount = (rows.discount ** (left / rows.tau_years))[of_day]
    priced: FloatArray = black76.price(forward, rows.strike, sigma, left[of_day], rows.is_call, discount)
    return priced


def _columns(places: Sequence[int]) -> slice | Sequence[int] | None:
    """Places as a slice where they stand side by side, which copies nothing; None for no place."""
    if not places:
        return None
    first, last = places[0], places[-1]
    return slice(first, last + 1) if last - first + 1 == len(places) else places


def _vix_prices(rows: VixProducts, shocks: Timed) -> FloatArray:
    gone, of_day, moved = shocks.days, shocks.of_day, shocks.vix_points[:, None]
    left = np.maximum(rows.tau_years - gone / black76.DAYS_PER_YEAR, LEAST_TAU_YEARS)
    forward = np.maximum(rows.forward + rows.beta * moved + (rows.roll_per_day * gone)[of_day], LEAST_FORWARD_POINTS)
    days = np.maximum(left * black76.DAYS_PER_YEAR, SHOCK_DAYS)
    response = (0.01 * VVIX_PER_VIX_POINT * VVIX_LEVEL_SHARE * np.sqrt(SHOCK_DAYS / days))[of_day]
    sigma = np.maximum(rows.iv + response * moved, LEAST_ATM)
    discount = (rows.discount ** (left / rows.tau_years))[of_day]
    priced = black76.price(forward, rows.strike, sigma, left[of_day], rows.is_call, discount)
    worth: FloatArray = np.where(rows.is_option, priced, forward)
    return worth


# the scenarios ---------------------------------------------------------------------------------------
HORIZONS_DAYS = (5.0, 10.0)
SCENARIOS: tuple[tuple[str, float, float], ...] = (
    ("base", 0.0, 0.0),
    ("gdp_miss", -3.0, 5.0),
    ("gdp_beat", 2.0, -1.5),
    ("earnings_shock", -5.0, 9.0),
    ("earnings_melt_up", 4.0, -2.5),
    ("vol_only", 0.0, 5.0),
    ("crash", -10.0, 25.0),
)
"""P-PROJ-1: name, percent of the index, points of VIX; each at both horizons."""

ORDINARY = tuple(i for i, (name, _, _) in enumerate(SCENARIOS) if name != "crash")
"""Those a defence is judged by; the crash has its own cap (K-SIZE-5)."""


def scenario_shocks() -> Shocks:
    """The grid of P-PROJ-1: all scenarios at the first horizon, then at the second."""
    spot, vix = [s for _, s, _ in SCENARIOS], [v for _, _, v in SCENARIOS]
    count = len(HORIZONS_DAYS)
    return Shocks(np.array(spot * count), np.array(vix * count), np.repeat(HORIZONS_DAYS, len(SCENARIOS)))


def worst_usd(gains: Sequence[float]) -> tuple[float, str]:
    """The worst gain of the ordinary scenarios of a grid, and where: `earnings_shock+10d`."""
    rows = [(gains[h * len(SCENARIOS) + i], i, h) for h in range(len(HORIZONS_DAYS)) for i in ORDINARY]
    gain, i, h = min(rows)
    return gain, f"{SCENARIOS[i][0]}+{HORIZONS_DAYS[h]:.0f}d"


def coupled_vix_points(spot_pct: FloatArray) -> FloatArray:
    """The move of VIX that goes with one of the index (P-BE-2): -1.5 r + .05 r^2 in a fall, -0.6 r in a rise."""
    moved: FloatArray = np.where(spot_pct < 0.0, -1.5 * spot_pct + 0.05 * spot_pct**2, -0.6 * spot_pct)
    return moved


class Interval(NamedTuple):
    """Index levels between which the book does not lose, in points; None where the grid ends
    before it loses."""

    low_points: float | None
    high_points: float | None


SPOT_GRID_PCT = np.arange(-12.0, 12.01, 0.5)


def spot_grid(days: float, vix_points: float | None = None) -> Shocks:
    """Every level of the grid after some days; VIX moves with the index on the coupled path (P-BE-2), or by points
    that do not depend on it (P-BE-3)."""
    moved = coupled_vix_points(SPOT_GRID_PCT) if vix_points is None else np.full(len(SPOT_GRID_PCT), vix_points)
    return Shocks(SPOT_GRID_PCT, moved, np.full(len(SPOT_GRID_PCT), days))


TODAY = Shocks(np.zeros(1), np.zeros(1), np.zeros(1))
"""Nothing moves and no time passes."""


def joined(parts: Sequence[Shocks]) -> Shocks:
    """Several sets of scenarios as one."""
    return Shocks(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def break_evens(
    book: Book, spot_points: float, earned_usd: float, days: float, vix_points: float | None = None
) -> Interval | None:
    """Where the book, with what it has earned so far, breaks even after some days; None where it loses everywhere."""
    return around(SPOT_GRID_PCT, gains_usd(book, spot_grid(days, vix_points)) + earned_usd, spot_points)


def around(spot_pct: FloatArray, profit_usd: FloatArray, spot_points: float) -> Interval | None:
    """The stretch of levels without loss that holds the present one, or the nearest to it."""
    levels, profit = spot_pct.tolist(), profit_usd.tolist()  # a few dozen: plain numbers are faster
    good = [usd >= 0.0 for usd in profit]
    if True not in good:
        return None
    low = high = min((place for place, fine in enumerate(good) if fine), key=lambda place: abs(levels[place]))
    while low > 0 and good[low - 1]:
        low -= 1
    while high < len(good) - 1 and good[high + 1]:
        high += 1
    return Interval(
        None if low == 0 else _root(levels, profit, low - 1, low, spot_points),
        None if high == len(good) - 1 else _root(levels, profit, high, high + 1, spot_points),
    )


def _root(spot_pct: Sequence[float], profit: Sequence[float], left: int, right: int, spot_points: float) -> float:
    share = profit[left] / (profit[left] - profit[right])
    percent = spot_pct[left] + share * (spot_pct[right] - spot_pct[left])
    return spot_points * (1.0 + 0.01 * percent)


class Shift(NamedTuple):
    """How far the hedge moves each break-even outward, in basis points of the index; None where one of them is not."""

    put_bp: float | None
    call_bp: float | None


def shift_bp(hedged: Interval | None, bare: Interval | None, spot_points: float) -> Shift:
    """Hedged against unhedged, positive outward."""
    if hedged is None or bare is None:
        return Shift(None, None)
    put = call = None
    if hedged.low_points is not None and bare.low_points is not None:
        put = 1e4 * (bare.low_points - hedged.low_points) / spot_points
    if hedged.high_points is not None and bare.high_points is not None:
        call = 1e4 * (hedged.high_points - bare.high_points) / spot_points
    return Shift(put, call)
