"""The book's profit and loss some days ahead on the coupled path, and where it crosses zero (P-BE-2).

Rules
- Coupled: when SPX moves by r percent, VIX moves by -1.5 r + .05 r^2 points (r below zero) or -.6 r (above).
- Full revaluation by Black-76. An index option's smile keeps its shape in ln(K/F) / (atm sqrt T); at the money it moves
  by sqrt(30/DTE) a VIX point, the root-time rule net vega is weighed by. A VIX option follows its own future, which
  moves by its beta and slides down its curve; volatility of VIX moves with VVIX, 1.9 a VIX point.
- Profit and loss is against what the open positions cost, so zero is the break-even of what is held.
- A break-even that does not exist is None, never a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bot.twins.arithmetic import Floats
from strategies.pricing import black76
from strategies.pricing.net_vega import spx_weight
from strategies.pricing.vix_beta import FORMULA, vix_beta

MOVES_PCT = np.round(np.arange(-20.0, 20.0001, 0.25), 2)
"""Moves of SPX that are looked at, percent."""
VVIX_A_POINT = 1.9
ATM_PER_VVIX, ATM_TENOR_POWER = 0.955, 0.14
"""Volatility at the money of VIX options is .955 VVIX (30/d)^.14; RULEBOOK 3.8, measured on settlements."""
LEAST_SPX_VOL, LEAST_VIX_VOL = 0.03, 0.20
LEAST_YEARS = 1e-5


class Smile(NamedTuple):
    """Volatility over that at the money (fraction a year) at rising moneyness ln(K/F) / (atm sqrt T)."""

    atm: float
    moneyness: Floats
    ratio: Floats

    def at(self, strike: float, forward: Floats, years: float, atm: Floats) -> Floats:
        """Volatility of a strike when forward and the money's volatility have moved, the shape staying."""
        where = np.log(strike / forward) / (atm * np.sqrt(years))
        return np.asarray(atm * np.interp(where, self.moneyness, self.ratio), dtype=np.float64)


class Open(NamedTuple):
    """One contract held: signed contracts, dollars a point, cost in points per share, its terms and its market.

    `days` to the end of trading; `slide_points_a_day` is what the future of a VIX option
    gains a day while the curve stands still.
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


class Edges(NamedTuple):
    """SPX moves in percent at which the book crosses zero, the first below and the first above where it stands now.

    None: no such crossing within the moves looked at. `loses_now` says that it loses even if SPX does not move.
    """

    down_pct: float | None
    up_pct: float | None
    loses_now: bool


def vix_move(moves_pct: Floats) -> Floats:
    """VIX points that go with moves of SPX in percent."""
    down = -1.5 * moves_pct + 0.05 * moves_pct**2
    return np.asarray(np.where(moves_pct < 0.0, down, -0.6 * moves_pct), dtype=np.float64)


def profit_ahead(book: Sequence[Open], moves_pct: Floats, horizon_days: float) -> Floats:
    """Dollars won or lost against cost for each move of SPX, `horizon_days` calendar days from now."""
    total = np.zeros(len(moves_pct))
    shock = vix_move(moves_pct)
    for one in book:
        value = _vix_value(one, shock, horizon_days) if one.on_vix else _spx_value(one, moves_pct, shock, horizon_days)
        total += one.quantity * one.multiplier_usd * (value - one.cost_points)
    return total


def _spx_value(one: Open, moves_pct: Floats, shock: Floats, horizon_days: float) -> Floats:
    days = max(0.0, one.days - horizon_days)
    years = max(LEAST_YEARS, days / 365.0)
    forward = one.forward * (1.0 + moves_pct / 100.0)
    atm = np.maximum(LEAST_SPX_VOL, one.smile.atm + spx_weight(days) * shock / 100.0)
    return _price(one, forward, one.smile.at(one.strike, forward, years, atm), years)


def _vix_value(one: Open, shock: Floats, horizon_days: float) -> Floats:
    days = max(0.0, one.days - horizon_days)
    years = max(LEAST_YEARS, days / 365.0)
    beta = vix_beta(days, FORMULA)
    forward = np.maximum(5.0, one.forward + one.slide_points_a_day * min(horizon_days, one.days) + beta * shock)
    a_point = ATM_PER_VVIX * VVIX_A_POINT / 100.0 * (30.0 / max(1.0, days)) ** ATM_TENOR_POWER
    atm = np.maximum(LEAST_VIX_VOL, one.smile.atm + a_point * shock)
    return _price(one, forward, one.smile.at(one.strike, forward, years, atm), years)


def _price(one: Open, forward: Floats, sigma: Floats, years: float) -> Floats:
    discount = float(np.exp(-one.rate * years))
    return np.asarray(black76.price(forward, one.strike, sigma, years, one.is_call, discount), dtype=np.float64)


def edges(moves_pct: Floats, profit_usd: Floats) -> Edges:
    """The crossings nearest to no move at all, interpolated; moves must rise and hold 0."""
    zero = int(np.flatnonzero(moves_pct == 0.0)[0])
    if not profit_usd[zero] > 0.0:
        return Edges(None, None, True)
    return Edges(
        _crossing(moves_pct[zero::-1], profit_usd[zero::-1]), _crossing(moves_pct[zero:], profit_usd[zero:]), False
    )


def _crossing(moves_pct: Floats, profit_usd: Floats) -> float | None:
    below = np.flatnonzero(profit_usd <= 0.0)
    if not len(below):
        return None
    i = int(below[0])
    share = profit_usd[i - 1] / (profit_usd[i - 1] - profit_usd[i])
    return float(moves_pct[i - 1] + share * (moves_pct[i] - moves_pct[i - 1]))
