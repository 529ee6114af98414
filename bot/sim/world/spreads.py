"""Bid and ask around a model mid: half-spreads fitted to real quotes, exchange ticks, sizes, worthless wings.

Source: the real SPX chains of October 2018 (end of day), the one-minute SPXW quotes of January 2021 and, for SPY, the
chain of 2020-07-02.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.sim.types import Floats

_REFERENCE_SPOT = 2770.0
_REFERENCE_SPY = 312.0
_MAX_SIZE = 999.0
SIZE_BEAT_SECONDS = 5.0
"""Market seconds for which displayed sizes stand."""


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


def spx_half_spread(mid: Floats, delta: Floats, years: Floats, spot: float | Floats, vix: float | Floats) -> Floats:
    """Half the bid-ask spread of SPX options in points.

    Out of the money: .5 * s * (.12 + .10*sqrt(price/s)) with s = S/2770, wider above VIX 19. In the money the market is
    several times wider, growing with delta; long tenors are wider.
    """
    s = spot / _REFERENCE_SPOT
    base = 0.5 * s * (0.12 + 0.10 * np.sqrt(mid / s))
    stress = 1.0 + 0.05 * np.maximum(vix - 19.0, 0.0)
    inside = np.maximum(np.abs(delta) - 0.55, 0.0)
    tenor = 1.0 + 1.2 * np.maximum(years - 0.3, 0.0)
    return np.asarray(base * stress * tenor * (1.0 + 6.0 * inside), dtype=np.float64)


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
    tick_low = np.where(low >= 3.0, ticks.large, ticks.small)
    tick_high = np.where(high >= 3.0, ticks.large, ticks.small)
    # The small nudge keeps a mid that is itself on the grid from being floored a tick lower.
    bid = np.minimum(np.rint(low / tick_low), np.floor(mid / tick_low + 1e-9)) * tick_low
    ask = np.maximum(np.rint(high / tick_high), np.floor(mid / tick_high + 1e-9) + 1.0) * tick_high
    bid = np.where(bid < ticks.small - 1e-9, np.nan, bid)
    return np.rint(bid * 100.0) / 100.0, np.rint(ask * 100.0) / 100.0


def size_wobble(con_ids: NDArray[np.int64], beat: int | NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Two factors per contract between 0.4 and 1.6 for the displayed bid and ask sizes; `beat` counts few seconds
    (one beat for all, or one each)."""
    first = np.abs(np.sin(con_ids * 12.9898 + beat * 78.233) * 43758.5453) % 1.0
    second = np.abs(np.sin(con_ids * 39.3461 + beat * 11.135) * 24634.6345) % 1.0
    return 0.4 + 1.2 * first, 0.4 + 1.2 * second


def displayed(liquidity: Floats, wobble: Floats, price: Floats) -> Floats:
    """Displayed size in whole contracts, 0 where there is no price."""
    size = np.minimum(np.rint(liquidity * wobble) + 1.0, _MAX_SIZE)
    return np.where(price > 0.0, size, 0.0)


def spx_liquidity(mid: Floats, delta: Floats, years: Floats) -> Floats:
    """Typical displayed size in contracts: hundreds in cheap near wings, tens at the money, few deep in the money."""
    far = 1.0 / (1.0 + 1.5 * years)
    return far * np.where(np.abs(delta) > 0.6, 15.0, 30.0 + 220.0 / (1.0 + mid / 4.0))


def vix_liquidity(mid: Floats) -> Floats:
    """Typical displayed size of VIX options in contracts: thousands trade cheaply, the books show hundreds."""
    return 60.0 + 400.0 / (1.0 + mid)
