"""Bid and ask around a model mid: half-spreads fitted to real quotes, exchange ticks, sizes, worthless wings.

Sources: the real SPX chains of 2013-04-19 (sizes too) and October 2018, all at the options' close, and the one-minute
SPX and SPXW quotes of January 2021 (time of day, sizes); above VIX 29 only the chain of the VIX white paper (2008).
SPY: the chain of 2020-07-02.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.sim.types import Floats

_REFERENCE_SPOT = 2770.0
_REFERENCE_SPY = 312.0
_MAX_SIZE = 999.0
SIZE_BEAT_SECONDS = 5.0
"""Market seconds for which displayed sizes stand."""
# Half-spread of an out-of-the-money option worth p points, October 2018 at 16:15: flat + root * sqrt(p).
_TENOR_DAYS = np.array([3.0, 12.0, 40.0, 90.0, 150.0, 400.0])
_LOG_TENOR = np.log(_TENOR_DAYS)
_FLAT = np.array([0.045, 0.055, 0.062, 0.075, 0.25, 0.40])
_ROOT = np.array([0.085, 0.062, 0.055, 0.050, 0.075, 0.120])
# Displayed sizes by |delta|, contracts, looked up in steps of 1/400.
_SIZE_DELTA = np.array([0.002, 0.01, 0.03, 0.08, 0.15, 0.30, 0.50, 0.70, 0.88, 0.98])
_NEAR_SIZE = np.array([120.0, 200.0, 250.0, 200.0, 170.0, 48.0, 20.0, 8.0, 4.0, 22.0])
_LATER_SIZE = np.array([50.0, 45.0, 42.0, 42.0, 40.0, 75.0, 95.0, 100.0, 110.0, 140.0])
_SIZE_STEPS = 400
_NEAR_SIZES, _LATER_SIZES = (
    np.interp(np.arange(_SIZE_STEPS + 1) / _SIZE_STEPS, _SIZE_DELTA, sizes) for sizes in (_NEAR_SIZE, _LATER_SIZE)
)
_NEAR_SIZE_DAYS, _LATER_SIZE_DAYS = 10.0, 62.0
_WOBBLE = np.exp2(4.0 * (np.arange(256) + 0.5) / 256.0 - 2.0)
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xD6E8FEB86659FD93], dtype=np.uint64)
_MIX_SHIFT, _BID_BITS, _ASK_BITS, _BYTE = np.uint64(32), np.uint64(56), np.uint64(40), np.uint64(255)
_WIDEST_OF_MID = 0.7
_STRESS_FROM_VIX, _STRESS_PER_POINT = 21.0, 0.03
_ERA = (np.array([date(2013, 4, 19).toordinal(), date(2018, 10, 16).toordinal(), date(2021, 1, 6).toordinal()]),
        np.log([6.2, 1.0, 0.42]))  # fmt: skip
# Seconds from the open, and from the options' close; January 2021.
_USUAL_HOUR = 0.75
_OPENING = (60.0 * np.array([0.0, 5.0, 15.0, 60.0]), np.array([1.20, 0.90, 0.80, _USUAL_HOUR]))
_CLOSING = (60.0 * np.array([-75.0, -60.0, -25.0, 0.0]), np.array([_USUAL_HOUR, 0.90, 1.00, 1.00]))


class Ticks(NamedTuple):
    """Price increments in points: below 3 points, and from 3 points on."""

    small: float
    large: float


class Depth(NamedTuple):
    """How a market is quoted compared with regular hours: width and displayed sizes, as factors."""

    width: float
    size: float


REGULAR = Depth(1.0, 1.0)
OVERNIGHT = Depth(2.5, 0.25)
"""Outside regular hours: plausible, not measured."""

SPX_TICKS = Ticks(0.05, 0.10)
VIX_TICKS = Ticks(0.01, 0.05)
SPY_TICKS = Ticks(0.01, 0.01)


class SpreadMarket(NamedTuple):
    """The market in which SPX options are quoted: index level and VIX in points, the year's and the hour's width over
    October 2018 at the options' close (`spread_era`, `spread_hour`)."""

    spot: float | Floats
    vix: float | Floats
    era: float
    hour: float | Floats


LEAST_MID_WITH_BID = 0.5 * SPX_TICKS.small / (1.0 - _WIDEST_OF_MID)
"""Points: a cheaper SPX option is nobody's bid; where spreads are as wide as they get, half a tick is left for it."""


class QuoteTenor(NamedTuple):
    """How an expiry's tenor shapes its quotes: half-spread in points, flat and per root of the price, for an index at
    _REFERENCE_SPOT; share of the sizes of two months ahead in the sizes shown, the rest being those of a fortnight."""

    flat: Floats
    root: Floats
    later: Floats


def quote_tenor(years: Floats) -> QuoteTenor:
    """The terms of expiries that many years away."""
    log_days = np.log(np.maximum(years, 1e-6) * 365.0)
    later = np.clip((log_days - np.log(_NEAR_SIZE_DAYS)) / np.log(_LATER_SIZE_DAYS / _NEAR_SIZE_DAYS), 0.0, 1.0)
    return QuoteTenor(np.interp(log_days, _LOG_TENOR, _FLAT), np.interp(log_days, _LOG_TENOR, _ROOT), later)


def spx_half_spread(mid: Floats, delta: Floats, tenor: QuoteTenor, market: SpreadMarket) -> Floats:
    """Half the bid-ask spread of SPX options in points.

    Out of the money it grows with the root of the price, at long tenors it is much wider; in the money it is up to
    2.3 times as wide, growing with delta. The era widens what grows with the price, stress and hour widen all of it.
    Seven tenths of the price is the most: where bids end, they end at the same price in every market.
    """
    s = market.spot / _REFERENCE_SPOT
    wider_inside = np.maximum(3.0 * np.abs(delta) - 0.7, 1.0)
    level = s * market.hour * _stress(market.vix)
    half = (tenor.flat + tenor.root * np.sqrt(mid * (market.era**2 / s))) * wider_inside * level
    return np.minimum(half, _WIDEST_OF_MID * mid)


def _stress(vix: float | Floats) -> Floats:
    return 1.0 + _STRESS_PER_POINT * np.maximum(vix - _STRESS_FROM_VIX, 0.0)


def spread_era(day: date) -> float:
    """How wide SPX options were quoted that year, over October 2018: a third narrower each year from 2013 to 2021."""
    return float(np.exp(np.interp(day.toordinal(), *_ERA)))


def spread_hour(since_open_s: float | Floats, until_close_s: float | Floats) -> float | Floats:
    """SPX spreads over those at the options' close: wide for some minutes after the open, then three quarters."""
    if isinstance(since_open_s, float) and since_open_s >= _OPENING[0][-1] and until_close_s >= -_CLOSING[0][0]:
        return _USUAL_HOUR  # most moments of a day, asked one by one
    opening = np.interp(since_open_s, *_OPENING)
    return np.asarray(np.maximum(opening, np.interp(np.negative(until_close_s), *_CLOSING)), dtype=np.float64)


def spy_half_spread(mid: Floats, delta: Floats, years: Floats, spot: float | Floats) -> Floats:
    """Half the bid-ask spread of SPY options in dollars: a cent for the cheap, nine cents at five dollars, several
    times that in the money and for long tenors (real chain of 2020-07-02)."""
    s = spot / _REFERENCE_SPY
    base = 0.5 * s * (0.01 + 0.02 * np.minimum(mid / s, 10.0) ** 0.85)
    inside = np.maximum(np.abs(delta) - 0.65, 0.0)
    return np.asarray(base * (1.0 + 6.0 * np.maximum(years - 0.1, 0.0)) * (1.0 + 5.0 * inside), dtype=np.float64)


def vix_half_spread(mid: Floats, vix: float | Floats) -> Floats:
    """Half the bid-ask spread of VIX options in points: about .04 near 1 point, .10 near 4; wider above VIX 25."""
    return (0.015 + 0.025 * np.sqrt(np.maximum(mid, 0.0))) * (1.0 + 0.03 * np.maximum(vix - 25.0, 0.0))


def on_ticks(mid: Floats, half: Floats, ticks: Ticks) -> tuple[Floats, Floats]:
    """Bid and ask on the tick grid around mid -+ half; the bid is NaN where nobody bids.

    The bid never exceeds the mid rounded down, the ask never undercuts it rounded up and lies at least a tick above the
    bid. A bid below one tick is no bid.
    """
    low, high = mid - half, mid + half
    # Counted in ticks: a whole number over ticks a point is the price as written, without rounding it again.
    small, large = float(round(1.0 / ticks.small)), float(round(1.0 / ticks.large))
    per_point = np.where(low >= 3.0, large, small)
    # The small nudge keeps a mid that is itself on the grid from being floored a tick lower.
    bid = np.minimum(np.rint(low * per_point), np.floor(mid * per_point + 1e-9))
    bid = np.where(bid < 1.0, np.nan, bid) / per_point
    per_point = np.where(high >= 3.0, large, small)
    ask = np.maximum(np.rint(high * per_point), np.floor(mid * per_point + 1e-9) + 1.0) / per_point
    return bid, ask


def size_wobble(con_ids: NDArray[np.int64], beat: int | NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Two factors per contract for the displayed bid and ask sizes, half of them between 1/2 and 2 and all between 1/4
    and 4, as the sizes of January 2021 scatter; `beat` counts few seconds."""
    # A multiplication, a shift and another one spread neighbouring ids and beats over all 64 bits.
    mixed = (con_ids.astype(np.uint64) * _MIX[0]) ^ (np.asarray(beat, dtype=np.uint64) * _MIX[1])
    mixed ^= mixed >> _MIX_SHIFT
    mixed *= _MIX[2]
    return _WOBBLE.take((mixed >> _BID_BITS).astype(np.intp)), _WOBBLE.take(
        (mixed >> _ASK_BITS & _BYTE).astype(np.intp)
    )


def displayed(liquidity: Floats, wobble: Floats, price: Floats) -> Floats:
    """Displayed size in whole contracts, 0 where there is no price."""
    size = np.minimum(np.floor(liquidity * wobble + 1.5), _MAX_SIZE)
    return np.where(price > 0.0, size, 0.0)


def spx_liquidity(delta: Floats, tenor: QuoteTenor) -> Floats:
    """Median displayed size in contracts: hundreds in near wings, tens at the money, few in the money (January 2021,
    within a fortnight); some fifty everywhere two months out, more in the money (April 2013)."""
    place = (np.abs(delta) * _SIZE_STEPS).astype(np.intp)
    near = _NEAR_SIZES[place]
    return np.asarray(near + (_LATER_SIZES[place] - near) * tenor.later, dtype=np.float64)


def vix_liquidity(mid: Floats) -> Floats:
    """Typical displayed size of VIX options in contracts: thousands trade cheaply, the books show hundreds."""
    return 60.0 + 400.0 / (1.0 + mid)
