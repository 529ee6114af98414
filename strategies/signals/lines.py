"""One daily series with the indicators wanted on it, and two series kept in step: the building blocks of `daily`.

Rules
- A value more than `HOLE_DAYS` calendar days after the last one starts the series anew: no window, mean or previous
  close reaches across a hole. Shorter gaps (a closed market, a bar the broker did not send) are bridged.
- Two series are compared over sessions on which both had a value, never over windows that slipped against each other.
"""

from __future__ import annotations

from datetime import date

import msgspec

from strategies.signals.indicators import Macd, Rsi, Window

HOLE_DAYS = 7
"""Longest stretch without a session since 1990 that was no hole: 2001-09-10 to 2001-09-17."""


def hole(before: date | None, day: date) -> bool:
    """Whether two consecutive values are too far apart to belong to one history."""
    return before is not None and (day - before).days > HOLE_DAYS


class Line(msgspec.Struct, frozen=True):
    """Last values of a series and its folds; `rsi_before` is the RSI one session earlier."""

    window: Window
    rsi: Rsi | None = None
    macd: Macd | None = None
    rsi_before: float | None = None
    day: date | None = None

    def update(self, day: date, value: float) -> Line:
        """With the value of one more session."""
        return Line(
            self.window.update(value),
            None if self.rsi is None else self.rsi.update(value),
            None if self.macd is None else self.macd.update(value),
            None if self.rsi is None else self.rsi.value,
            day,
        )

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.window.values[-1] if self.window.values else None


class Pair(msgspec.Struct, frozen=True):
    """Two series over the sessions they share, oldest first."""

    first: Window
    second: Window
    day: date | None = None

    @staticmethod
    def of(size: int) -> Pair:
        """An empty one that keeps `size` sessions."""
        return Pair(Window(size), Window(size))

    def update(self, day: date, first: float, second: float) -> Pair:
        """With the values of one more session."""
        return Pair(self.first.update(first), self.second.update(second), day)

    def last(self, count: int) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """The last `count` values of both; None while there are fewer."""
        first, second = self.first.last(count), self.second.last(count)
        return None if first is None or second is None else (first, second)
