"""Bid and ask around a model mid: half-spreads fitted to real quotes, exchange ticks, sizes, worthless wings.

Source: the real SPX chains of October 2018 (end of day) and the one-minute SPXW quotes of January 2021.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.sim.types import Floats

_REFERENCE_SPOT = 2770.0
_MAX_SIZE = 999.0


class Quotes(NamedTuple):
    """Quotes over contracts, points and contracts; NaN where nobody bids."""

    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats


def spx_half_spread(mid: Floats, delta: Floats, years: Floats, spot: float, vix: float) -> Floats:
    """Half the bid-ask spread of SPX options in points.

    Out of the money: .5 * s * (.12 + .10*sqrt(price/s)) with s = S/2770, wider above VIX 19. In the money the market is
    several times wider, growing with delta; long tenors are wider.
    """
    s = spot / _REFERENCE_SPOT
    base = 0.5 * s * (0.12 + 0.10 * np.sqrt(mid / s))
    stress = 1.0 + 0.05 * max(vix - 19.0, 0.0)
    inside = np.maximum(np.abs(delta) - 0.55, 0.0)
    tenor = 1.0 + 1.2 * np.maximum(years - 0.3, 0.0)
    return base * stress * tenor * (1.0 + 6.0 * inside)


def vix_half_spread(mid: Floats, vix: float) -> Floats:
    """Half the bid-ask spread of VIX options in points: about .04 near 1 point, .10 near 4; wider above VIX 25."""
    return (0.015 + 0.025 * np.sqrt(np.maximum(mid, 0.0))) * (1.0 + 0.03 * max(vix - 25.0, 0.0))


def on_ticks(
    mid: Floats, half: Floats, small: Floats, large: Floats, size_seed: NDArray[np.int64], liquidity: Floats, beat: int
) -> Quotes:
    """Rounds mid -+ half to the tick grid (`small` below 3 points, `large` from 3) and adds sizes.

    The bid never exceeds the mid rounded down, the ask never undercuts it rounded up and lies at least a tick above the
    bid. A bid below one tick is no bid. Sizes wander with `beat`, a counter of a few seconds.
    """
    low, high = mid - half, mid + half
    tick_low = np.where(low >= 3.0, large, small)
    tick_high = np.where(high >= 3.0, large, small)
    bid = np.minimum(np.round(low / tick_low), np.floor(mid / tick_low)) * tick_low
    ask = np.maximum(np.round(high / tick_high), np.floor(mid / tick_high) + 1.0) * tick_high
    no_bid = bid < small - 1e-9
    wobble = np.abs(np.sin(size_seed * 12.9898 + beat * 78.233) * 43758.5453) % 1.0
    other = np.abs(np.sin(size_seed * 39.3461 + beat * 11.135) * 24634.6345) % 1.0
    bid_size = np.where(no_bid, 0.0, np.clip(np.round(liquidity * (0.4 + 1.2 * wobble)), 1.0, _MAX_SIZE))
    ask_size = np.clip(np.round(liquidity * (0.4 + 1.2 * other)), 1.0, _MAX_SIZE)
    return Quotes(np.where(no_bid, np.nan, np.round(bid, 2)), np.round(ask, 2), bid_size, ask_size)


def spx_liquidity(mid: Floats, delta: Floats, years: Floats) -> Floats:
    """Typical displayed size in contracts: hundreds in cheap near wings, tens at the money, few deep in the money."""
    far = 1.0 / (1.0 + 1.5 * years)
    return far * np.where(np.abs(delta) > 0.6, 15.0, 30.0 + 220.0 / (1.0 + mid / 4.0))
