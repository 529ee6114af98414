"""Indicators as immutable folds: `update` takes one more value and returns the next state, which answers for itself.

Rules
- Nothing answers before it has all the values its definition asks for: None until then, never an early number.
- A fold does not change, so a look at a value that may still move (the running day) is an update not kept.
- A value that is no finite number is refused with ValueError; what is unknown is simply not given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from operator import mul
from typing import NamedTuple

import msgspec

HISTOGRAM_BARS = 4
"""Bars of a MACD histogram kept: three rises in a row need four."""


class Ema(msgspec.Struct, frozen=True):
    """Exponential mean with weight 2/(span+1), begun with the plain mean of its first `span` values."""

    span: int
    count: int = 0
    mean: float = 0.0

    def update(self, value: float) -> Ema:
        """With one more value. Raises ValueError for what is no number."""
        if not math.isfinite(value):
            _number(value)
        span, count, before = self.span, self.count, self.mean
        if count < span:
            return Ema(span, count + 1, before + (value - before) / (count + 1))
        return Ema(span, count, before + (value - before) * 2.0 / (span + 1.0))

    @property
    def value(self) -> float | None:
        """The mean, None before `span` values."""
        return self.mean if self.count >= self.span else None


class MacdValue(NamedTuple):
    """Fast minus slow mean, its own mean, and the difference of the two; in the unit of the values."""

    line: float
    signal: float
    histogram: float


class Macd(msgspec.Struct, frozen=True):
    """Moving average convergence divergence: EMA(fast) - EMA(slow), its EMA(signal), and the last histogram bars.

    The first answer comes with value number slow + signal - 1.
    """

    fast: Ema
    slow: Ema
    signal: Ema
    bars: tuple[float, ...] = ()
    crossed_up: bool | None = None
    """Whether the last value took the line from at or below its signal to above it; None before two bars."""

    @staticmethod
    def of(fast: int, slow: int, signal: int) -> Macd:
        """An empty one. Raises ValueError unless 0 < fast < slow and 0 < signal."""
        if not 0 < fast < slow or signal < 1:
            raise ValueError(f"MACD({fast}, {slow}, {signal}): it needs 0 < fast < slow and a signal of 1 or more")
        return Macd(Ema(fast), Ema(slow), Ema(signal))

    def update(self, value: float) -> Macd:
        """With one more value. Raises ValueError for what is no number."""
        fast, slow = self.fast.update(value), self.slow.update(value)
        if fast.value is None or slow.value is None:
            return Macd(fast, slow, self.signal)
        line = fast.value - slow.value
        signal = self.signal.update(line)
        if signal.value is None:
            return Macd(fast, slow, signal)
        bars = (*self.bars[1 - HISTOGRAM_BARS :], line - signal.value)
        crossed = bars[-2] <= 0.0 < bars[-1] if len(bars) > 1 else None
        return Macd(fast, slow, signal, bars, crossed)

    @property
    def line(self) -> float | None:
        """EMA(fast) - EMA(slow), None before `slow` values."""
        fast, slow = self.fast.value, self.slow.value
        return None if fast is None or slow is None else fast - slow

    @property
    def value(self) -> MacdValue | None:
        """Line, signal and histogram, None before slow + signal - 1 values."""
        fast, slow, signal = self.fast.value, self.slow.value, self.signal.value
        if fast is None or slow is None or signal is None:
            return None
        return MacdValue(fast - slow, signal, fast - slow - signal)

    @property
    def expanding(self) -> bool | None:
        """Whether the histogram is above zero after three rises in a row; None before four bars."""
        if len(self.bars) < HISTOGRAM_BARS:
            return None
        return self.bars[-1] > 0.0 and all(a < b for a, b in pairwise(self.bars))


class Rsi(msgspec.Struct, frozen=True):
    """Wilder's relative strength index, 0..100: means of rises and of falls begun plainly over `length` changes, then
    weighted 1/length. The first answer comes with value number length + 1. Without any change it is 50."""

    length: int
    last: float | None = None
    count: int = 0
    rise: float = 0.0
    fall: float = 0.0

    def update(self, value: float) -> Rsi:
        """With one more value. Raises ValueError for what is no number."""
        if not math.isfinite(value):
            _number(value)
        if self.last is None:
            return Rsi(self.length, value)
        change = value - self.last
        up, down = (change, 0.0) if change > 0.0 else (0.0, -change)
        count = min(self.count + 1, self.length)
        share = 1.0 / count
        return Rsi(
            self.length, value, count, self.rise + (up - self.rise) * share, self.fall + (down - self.fall) * share
        )

    @property
    def value(self) -> float | None:
        """The index, None before length + 1 values."""
        if self.count < self.length:
            return None
        both = self.rise + self.fall
        return 100.0 * (self.rise / both) if both > 0.0 else 50.0


class Window(msgspec.Struct, frozen=True):
    """The last `size` values, oldest first."""

    size: int
    values: tuple[float, ...] = ()

    def update(self, value: float) -> Window:
        """With one more value, without the oldest when full. Raises ValueError for what is no number."""
        if not math.isfinite(value):
            _number(value)
        values, size = self.values, self.size
        if len(values) < size:
            return Window(size, (*values, value))
        return Window(size, (*values[1 - size :], value) if size > 1 else (value,))

    def last(self, count: int) -> tuple[float, ...] | None:
        """The last `count` values, oldest first; None while there are fewer."""
        return self.values[-count:] if 0 < count <= len(self.values) else None


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean (SMA when taken of the last closes)."""
    return sum(values) / len(values)


def z_score(values: Sequence[float]) -> float | None:
    """The last value's distance from the mean of all, in sample deviations; None if they are all equal."""
    centre = mean(values)
    deviation = math.sqrt(_squares(values, centre) / (len(values) - 1)) if len(values) > 1 else 0.0
    return (values[-1] - centre) / deviation if _spread(deviation, centre) else None


def percentile_rank(values: Sequence[float]) -> float | None:
    """Share of the earlier values the last one exceeds, equal ones counted half: 0 lowest, 1 highest. None if alone."""
    others, last = len(values) - 1, values[-1]
    if others < 1:
        return None
    return (sum(map(last.__gt__, values)) + 0.5 * (values.count(last) - 1)) / others


def correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Pearson's, of two series of equal length; None where one of them does not move."""
    if len(xs) != len(ys):
        raise ValueError(f"series of {len(xs)} and {len(ys)} values do not belong together")
    mx, my = mean(xs), mean(ys)
    dx, dy = [x - mx for x in xs], [y - my for y in ys]
    sx, sy = math.sqrt(sum(map(mul, dx, dx))), math.sqrt(sum(map(mul, dy, dy)))
    if not (_spread(sx, mx) and _spread(sy, my)):
        return None
    shared: float = sum(map(mul, dx, dy))
    return max(-1.0, min(1.0, shared / (sx * sy)))


def bandwidth(values: Sequence[float], deviations: float = 2.0) -> float:
    """Bollinger's: distance of the bands (population deviations around the mean) over the mean. Values above zero."""
    centre = mean(values)
    return 2.0 * deviations * math.sqrt(_squares(values, centre) / len(values)) / centre


def slope(values: Sequence[float]) -> float:
    """Least-squares slope per step of two values or more."""
    count = len(values)
    middle = 0.5 * (count - 1)
    return sum([(i - middle) * value for i, value in enumerate(values)]) * 12.0 / (count * (count * count - 1.0))


def realised_vol_of(closes: Sequence[float], sessions_per_year: int = 252) -> float:
    """Annualised deviation of the close-to-close log returns about zero, in volatility points (16.0 = 16 %).

    About zero, so that a steady trend counts as movement. Two closes or more, all above zero.
    """
    returns = [math.log(b / a) for a, b in pairwise(closes)]
    return 100.0 * math.sqrt(sessions_per_year * _squares(returns, 0.0) / len(returns))


def _squares(values: Sequence[float], centre: float) -> float:
    """Sum of squared distances from the mean: multiplied, which is half the cost of a power."""
    away = [value - centre for value in values]
    total: float = sum(map(mul, away, away))
    return total


def _spread(deviation: float, centre: float) -> bool:
    """Whether values spread by more than the rounding of their own size."""
    return deviation > 1e-12 * max(1.0, abs(centre))


def _number(value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{value!r} is no value of a series; leave out what is not known")
