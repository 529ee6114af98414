"""The rules of spreads and sizes against real quotes, at real prices: the model's own prices have no part in it.

Each quote's delta comes from the volatility of the out-of-the-money option at its strike, so that the rules are asked
about the very options that were quoted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.sim.exchange.hours import regular_day
from bot.sim.types import Floats
from bot.sim.world import files, real_quotes
from bot.sim.world.chains import ChainQuote, parity_forward
from bot.sim.world.real_quotes import RealExpiry
from bot.sim.world.spreads import SpreadMarket, quote_tenor, spread_era, spread_hour, spx_half_spread, spx_liquidity
from strategies.pricing import black76
from strategies.pricing.implied import IvStatus, implied_vol

RULE_DELTAS = ((0.0, 0.01), (0.01, 0.05), (0.05, 0.12), (0.12, 0.20), (0.20, 0.40), (0.40, 0.60), (0.60, 0.95))
_EVERY_MINUTES = 15
_WHITE_PAPER = "vix_whitepaper_chain.csv"
_PANIC, _PANIC_VIX = date(2008, 11, 13), 60.0


@dataclass(frozen=True, slots=True)
class Ruled:
    """Two-sided quotes: |delta|; real half-spread in points and bid size in contracts (NaN where unknown), and what
    the rules say."""

    delta: Floats
    half: Floats
    rule_half: Floats
    size: Floats
    rule_size: Floats

    def only(self, pick: NDArray[np.bool_]) -> Ruled:
        """Some of the quotes."""
        return Ruled(*(getattr(self, field.name)[pick] for field in fields(self)))


def rules_on_a_chain(folder: Path, day: date) -> Ruled:
    """The rules on a day's SPX chain at the options' close."""
    return _ruled(real_quotes.spx_chain(folder, day, 0.0), _vix(folder))


def rules_on_minutes(folder: Path) -> Ruled:
    """The rules on the one-minute quotes of January 2021, every quarter of an hour."""
    return _ruled(real_quotes.every_minute(folder, 0.0, _EVERY_MINUTES), _vix(folder))


def _vix(folder: Path) -> dict[date, float]:
    table = files.read_table(folder, "vol_indices_daily.csv", ("vix_close",), date(2013, 1, 1), date(2022, 12, 31))
    return {day: row["vix_close"] for day, row in table.items() if "vix_close" in row}


def rules_on_a_panic(folder: Path) -> Ruled:
    """The rules on the chain of the VIX white paper, whose date is nominal: its index level, its terms of 9 and 37 days
    and a VIX near 60 are those of 2008-11-13. No constant was fitted on it but the width at a high VIX."""
    columns = ("days", "strike", "call_bid", "call_ask", "put_bid", "put_ask")
    by_days: dict[float, list[ChainQuote]] = {}
    for row in files.rows(folder, _WHITE_PAPER, columns):
        days, strike, *sides = (files.number(row, c, _WHITE_PAPER) or 0.0 for c in columns)
        quotes = by_days.setdefault(days, [])
        quotes += [ChainQuote(strike, True, *sides[:2]), ChainQuote(strike, False, *sides[2:])]
    parts = []
    for days, quotes in by_days.items():
        forward = parity_forward(quotes, 1.0)
        assert forward is not None
        strike_, call, bid, ask = np.array(quotes, dtype=np.float64).T
        market = SpreadMarket(forward, _PANIC_VIX, spread_era(_PANIC), 1.0)
        unknown = np.full(len(bid), np.nan)
        part = _at(_Terms(forward, 1.0, days / 365.0), strike_, call > 0.0, (bid, ask, unknown), market)
        parts += [part] if part is not None else []
    return _joined(parts)


def _ruled(expiries: Iterable[RealExpiry], vix: dict[date, float]) -> Ruled:
    return _joined([part for part in (_one(real, vix[real.at.date()]) for real in expiries) if part is not None])


def _joined(parts: Sequence[Ruled]) -> Ruled:
    return Ruled(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Ruled)))


def _one(real: RealExpiry, vix: float) -> Ruled | None:
    day = regular_day(real.at.date())
    since, until = (real.at - day.open_at).total_seconds(), (day.close_at - real.at).total_seconds()
    market = SpreadMarket(real.forward, vix, spread_era(day.day), float(spread_hour(since, until)))
    terms = _Terms(real.forward, real.discount, real.years)
    return _at(terms, real.strike, real.is_call > 0.0, (real.bid, real.ask, real.bid_size), market)


class _Terms(NamedTuple):
    """Forward in points, discount factor and years of an expiry."""

    forward: float
    discount: float
    years: float


def _at(
    terms: _Terms, strike: Floats, call: NDArray[np.bool_], quotes: tuple[Floats, Floats, Floats], market: SpreadMarket
) -> Ruled | None:
    forward, discount, years = terms
    bid, ask, bid_size = quotes
    mid = 0.5 * (bid + ask)
    # In the money the time value alone prices the option on the other side of the forward, by parity.
    inside = np.maximum(np.where(call, forward - strike, strike - forward), 0.0)
    value = np.maximum(mid - discount * inside, 1e-9)
    found = implied_vol(value, forward, strike, years, strike >= forward, discount)
    keep = (bid > 0.0) & (ask > bid) & (found.status == IvStatus.OK)
    if not keep.any():
        return None
    greeks = black76.greeks(forward, strike[keep], found.sigma[keep], years, call[keep], discount)
    tenor = quote_tenor(np.array(years))
    half = spx_half_spread(mid[keep], greeks.delta, tenor, market)
    size = spx_liquidity(greeks.delta, tenor)
    return Ruled(np.abs(greeks.delta), 0.5 * (ask - bid)[keep], half, bid_size[keep], size)
