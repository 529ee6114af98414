"""Smiles fitted to a real end-of-day chain: forward from put-call parity, then a penalised spline in m per expiry."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bot.sim.exchange.hours import settles_at
from bot.sim.types import Floats, Settlement, TradingDay
from bot.sim.world import files
from bot.sim.world.errors import WorldDataError
from bot.sim.world.smile import GRID, GRID_LOW, GRID_STEP, KNOT_M, hermite
from bot.sim.world.spreads import SpreadMarket, spx_half_spread
from bot.sim.world.surface import YEAR_SECONDS, DaySurface, FittedSlice, SliceKey, gather, price_spx
from strategies.pricing.implied import IvStatus, implied_vol

_COLUMNS = ("quote_date", "underlying_price", "expiry", "strike", "right", "bid", "ask")
_FEWEST_QUOTES = 12
_SMOOTHNESS = 0.002
_PARITY_STRIKES = 12
_SHORTEST_YEARS = 0.5 / 365.0
_NARROWEST, _WIDEST = 0.25, 4.0
# What each knot contributes at each grid point: the spline is linear in its knot values.
_KNOT_BASIS = np.column_stack([hermite(KNOT_M, unit, GRID) for unit in np.eye(len(KNOT_M))])


class ChainQuote(NamedTuple):
    """One two-sided quote of a chain, points."""

    strike: float
    is_call: bool
    bid: float
    ask: float


def read_chain(folder: Path, day: date) -> tuple[float, dict[SliceKey, list[ChainQuote]]]:
    """The underlying's price and the quotes of each expiry from spx_chain_DAY.csv (no bid counts as zero); root SPX
    settles AM, SPXW PM; a file without that column holds SPX only."""
    name = f"spx_chain_{day.isoformat()}.csv"
    out: dict[SliceKey, list[ChainQuote]] = {}
    spot = 0.0
    roots = ("root",) if "root" in files.header(folder, name) else ()
    for row in files.rows(folder, name, (*_COLUMNS, *roots)):
        root = row.get("root", "SPX")
        if root not in ("SPX", "SPXW"):
            raise WorldDataError(f"holds {root!r}; allowed are SPX and SPXW", name, "root", day)
        values = [files.number(row, c, name, day) for c in ("underlying_price", "strike", "bid", "ask")]
        price, strike, bid, ask = values
        if price is None or strike is None or ask is None:
            continue
        spot = price
        settlement = Settlement.AM if root == "SPX" else Settlement.PM
        key = (files.day_of(row, "expiry", name), settlement)
        out.setdefault(key, []).append(ChainQuote(strike, row["right"] == "C", bid or 0.0, ask))
    return spot, out


def parity_forward(quotes: list[ChainQuote], discount: float) -> float | None:
    """The forward at which calls and puts agree: median over the strikes where their mids are nearest."""
    calls = {q.strike: (q.bid + q.ask) / 2 for q in quotes if q.is_call and q.bid > 0.0}
    puts = {q.strike: (q.bid + q.ask) / 2 for q in quotes if not q.is_call and q.bid > 0.0}
    both = sorted(calls.keys() & puts.keys(), key=lambda k: abs(calls[k] - puts[k]))[:_PARITY_STRIKES]
    if len(both) < 4:
        return None
    return float(np.median([k + (calls[k] - puts[k]) / discount for k in both]))


def fit_smile(
    quotes: list[ChainQuote], forward: float, years: float, discount: float, prior: Floats
) -> tuple[Floats, float] | None:
    """iv/atm on GRID and the at-the-money volatility, from out-of-the-money quotes with a bid; None with too few.

    `prior` is the table the fit leans on where quotes are missing. Each quote weighs by how tightly it is quoted.
    """
    used = [q for q in quotes if q.bid > 0.0 and q.is_call == (q.strike >= forward)]
    if len(used) < _FEWEST_QUOTES:
        return None
    strike = np.array([q.strike for q in used])
    call = np.array([q.is_call for q in used])
    columns = [np.array([getattr(q, side) for q in used]) for side in ("bid", "ask")]
    low, high = (implied_vol(c, forward, strike, years, call, discount) for c in columns)
    mid = implied_vol((columns[0] + columns[1]) / 2, forward, strike, years, call, discount)
    good = (low.status == IvStatus.OK) & (high.status == IvStatus.OK) & (mid.status == IvStatus.OK)
    if good.sum() < _FEWEST_QUOTES:
        return None
    order = np.argsort(strike[good])
    strike, iv = strike[good][order], mid.sigma[good][order]
    half = np.maximum((high.sigma - low.sigma)[good][order] / 2, 2e-4)
    atm = float(np.interp(forward, strike, iv))
    values = np.interp(KNOT_M, GRID, prior)
    for _ in range(2):
        m = np.log(strike / forward) / (atm * np.sqrt(years))
        values = _penalised(m, iv / atm, atm / half, np.interp(KNOT_M, GRID, prior))
        centre = float(hermite(KNOT_M, values, np.zeros(1))[0])
        atm, values = atm * centre, values / centre
    return hermite(KNOT_M, values, GRID), atm


def _penalised(m: Floats, ratio: Floats, weight: Floats, prior: Floats) -> Floats:
    """Knot values minimising weighted squared error plus the bending of the difference from the prior."""
    n = len(KNOT_M)
    place = np.clip((m - GRID_LOW) / GRID_STEP, 0.0, len(GRID) - 1.001)
    i = place.astype(np.intp)
    share = (place - i)[:, None]
    basis = _KNOT_BASIS[i] * (1.0 - share) + _KNOT_BASIS[i + 1] * share
    scale = np.minimum(weight, 2000.0)[:, None]
    bend = np.zeros((n - 2, n))
    for j in range(n - 2):
        left, right = KNOT_M[j + 1] - KNOT_M[j], KNOT_M[j + 2] - KNOT_M[j + 1]
        bend[j, j : j + 3] = 1 / left, -1 / left - 1 / right, 1 / right
    strength = np.sqrt(_SMOOTHNESS * len(m)) * np.median(weight)
    stacked = np.vstack([basis * scale, bend * strength, np.eye(n) * 1e-3 * strength])
    target = np.concatenate([(ratio - basis @ prior) * scale[:, 0], np.zeros(2 * n - 2)])
    return np.asarray(prior + np.linalg.lstsq(stacked, target, rcond=None)[0], dtype=np.float64)


def fit_chain(folder: Path, day: date, hours: TradingDay, surface: DaySurface) -> None:
    """Gives the surface what the chain says at the close: the forward and the smile of every expiry that still lives
    and has quotes enough, and each contract's real half-spread over the general one."""
    spot, chain = read_chain(folder, day)
    now = hours.close_at.timestamp()
    surface.fitted_at = hours.close_at
    years = {key: (settles_at(*key).timestamp() - now) / YEAR_SECONDS for key in chain}
    discount = {key: float(np.exp(-surface.rate * t)) for key, t in years.items()}
    forwards: dict[SliceKey, float] = {}
    for key, quotes in chain.items():
        forward = parity_forward(quotes, discount[key]) if years[key] > _SHORTEST_YEARS else None
        if forward is not None:
            forwards[key] = forward
    if not forwards:
        return
    # The index stops fifteen minutes before its options: the move in between shows as one shift in every forward.
    carry = surface.rate - surface.dividend
    near = {key: f for key, f in forwards.items() if years[key] < 0.25} or forwards
    shift = float(np.median([f * np.exp(-carry * years[key]) - spot for key, f in near.items()]))
    surface.late_shift_points = shift
    for key, forward in forwards.items():
        surface.carries[key] = float(np.log(forward / (spot + shift))) / years[key]
        prior = surface.shape.table(years[key] * 365.0)
        fitted = fit_smile(chain[key], forward, years[key], discount[key], prior)
        if fitted is not None:
            surface.fitted[key] = FittedSlice(*fitted)
            _scale_spreads(key, chain[key], surface, now)


def _scale_spreads(key: SliceKey, quotes: list[ChainQuote], surface: DaySurface, now: float) -> None:
    strike = np.array([q.strike for q in quotes])
    call = np.array([q.is_call for q in quotes])
    levels = surface.reference._replace(spot=surface.reference.spot + surface.late_shift_points)
    terms = gather(surface, [key] * len(quotes), strike, call)
    priced = price_spx(terms, levels, now, surface.rate)
    market = SpreadMarket(levels.spot, levels.vix, surface.spread_era, 1.0)
    half = spx_half_spread(priced.mid, priced.delta, terms.tenor, market)
    real = np.array([(q.ask - q.bid) / 2 for q in quotes])
    scale = np.clip(real / half, _NARROWEST, _WIDEST)
    for q, factor in zip(quotes, scale, strict=True):
        if q.bid > 0.0:
            surface.spread_scale[(*key, q.strike, q.is_call)] = float(factor)
