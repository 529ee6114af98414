"""Seeded intraday paths pinned to a day's open, high, low and close.

A path is an array over a regular grid; the four prices are reached exactly and nothing lies outside high and low.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from bot.sim.types import Floats

STEP_SECONDS = 15.0
_RANGE_TO_SIGMA = 1.6  # mean range of a random walk over its standard deviation (Feller)


@dataclass(frozen=True, slots=True)
class Ohlc:
    """A day's four prices, index points."""

    open: float
    high: float
    low: float
    close: float


def widened(prices: Ohlc) -> Ohlc:
    """The same prices with high and low pushed out to contain open and close (sources disagree by a tick)."""
    return Ohlc(
        prices.open,
        max(prices.open, prices.high, prices.close),
        min(prices.open, prices.low, prices.close),
        prices.close,
    )


def random_shape(points: int, rng: Generator) -> Floats:
    """A unit-variance random walk of that many points, busier near the open and the close."""
    when = np.linspace(0.0, 1.0, points)
    activity = 0.6 + 3.2 * (when - 0.55) ** 2
    steps = rng.standard_normal(points) * np.sqrt(activity)
    steps[0] = 0.0
    walk = np.cumsum(steps)
    return np.asarray(walk / np.sqrt(np.sum(activity)), dtype=np.float64)


def pinned(prices: Ohlc, shape: Floats) -> Floats:
    """Bends `shape` (any scale) so that it starts at open, ends at close and touches high and low where it peaks most.

    The shape is scaled to the day's range, its turning points are kept, and the error at the pins is spread linearly
    in between; what would still overshoot is reflected at the bound.
    """
    day = widened(prices)
    points = len(shape)
    spread = day.high - day.low
    if spread <= 0.0:
        return np.full(points, day.close)
    span = float(np.ptp(shape))
    scaled = (shape - shape[0]) * (spread / span if span > 0.0 else 0.0)
    # The turning points are looked for on the shape already bent to open and close.
    ramp = np.linspace(0.0, 1.0, points)
    bent = day.open + scaled + ramp * (day.close - day.open - scaled[-1])
    pins = _pins(day, bent)
    where = np.array(sorted(pins))
    target = np.array([pins[i] for i in where])
    path = bent + np.interp(np.arange(points), where, target - bent[where])
    path = np.where(path > day.high, 2.0 * day.high - path, path)
    path = np.where(path < day.low, 2.0 * day.low - path, path)
    path = np.clip(path, day.low, day.high)
    path[where] = target
    return np.asarray(path, dtype=np.float64)


def _pins(day: Ohlc, bent: Floats) -> dict[int, float]:
    last = len(bent) - 1
    pins = {0: day.open, last: day.close}
    inner = bent[1:last]
    high_at = 1 + int(np.argmax(inner))
    low_at = 1 + int(np.argmin(inner))
    if high_at == low_at:
        low_at = high_at + 1 if high_at + 1 < last else high_at - 1
    if day.high > max(day.open, day.close):
        pins[high_at] = day.high
    if day.low < min(day.open, day.close):
        pins[low_at] = day.low
    return pins


def against(prices: Ohlc, driver: Floats, rng: Generator, *, follow: float = 0.85, sign: float = -1.0) -> Floats:
    """A pinned path that moves against (or with, `sign` +1) another path of the same length.

    `follow` is the correlation of the free part with the driver; the rest is the path's own noise.
    """
    points = len(driver)
    ramp = np.linspace(0.0, 1.0, points)
    free = driver - (driver[0] + ramp * (driver[-1] - driver[0]))
    scale = float(np.std(free))
    common = free / scale if scale > 0.0 else free
    own = random_shape(points, rng)
    own = own - ramp * own[-1]
    own_scale = float(np.std(own)) or 1.0
    mixed = sign * follow * common + np.sqrt(1.0 - follow**2) * own / own_scale
    # The part open to close shares its direction with the driver too, so that turning points agree.
    return pinned(prices, mixed + ramp * (prices.close - prices.open) / max(prices.high - prices.low, 1e-9) * 2.0)


def invented_range(open_: float, close: float, daily_sigma: float, rng: Generator) -> Ohlc:
    """High and low for a day of which only open and close are given; `daily_sigma` in price units."""
    reach = daily_sigma * _RANGE_TO_SIGMA
    room = max(reach - abs(close - open_), 0.25 * daily_sigma)
    upper = room * rng.uniform(0.25, 0.75)
    return Ohlc(open_, max(open_, close) + upper, min(open_, close) - (room - upper), close)


def bar_shape(bars: Sequence[tuple[float, float, float, float]], points: int, rng: Generator) -> Floats:
    """A shape through real bars (open, high, low, close each): inside a bar the nearer extreme comes first, and small
    noise keeps neighbouring seeds apart."""
    steps = (points - 1) // len(bars)
    where, value = [], []
    for i, (open_, high, low, close) in enumerate(bars):
        inner = (low, high) if close >= open_ else (high, low)
        for share, price in zip((0.0, 0.3, 0.7), (open_, *inner), strict=True):
            where.append((i + share) * steps)
            value.append(price)
    where.append(float(points - 1))
    value.append(bars[-1][3])
    shape = np.interp(np.arange(points), where, value)
    noise = rng.standard_normal(points) * 0.0015 * float(np.ptp(shape))
    return np.asarray(shape + noise, dtype=np.float64)
