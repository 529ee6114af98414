"""Volatility levels from daily bars: realised volatility, and the rank of VIX within its year."""

from __future__ import annotations

import math
from functools import lru_cache

from strategies.domain.market import DailyBar
from strategies.domain.same import Same
from strategies.signals.indicators import realised_vol_of

SESSIONS_PER_YEAR = 252


def realised_vol_points(bars: tuple[DailyBar, ...], sessions: int = 20) -> float | None:
    """Annualised standard deviation of the last close-to-close log returns, in volatility points (16.0 = 16 %).

    About a mean of zero, so that a steady trend counts as movement. None with fewer than sessions + 1 usable closes.
    """
    return _realised_vol_points(Same(bars), sessions)


# Every look asks, and histories come a few times a day.
@lru_cache(maxsize=8)
def _realised_vol_points(seen: Same[tuple[DailyBar, ...]], sessions: int) -> float | None:
    closes = [bar.close for bar in seen.value[-(sessions + 1) :]]
    if len(closes) < sessions + 1 or min(closes) <= 0.0:
        return None
    return realised_vol_of(closes, SESSIONS_PER_YEAR)


def rank_pct(
    bars: tuple[DailyBar, ...], level_points: float, window: int = SESSIONS_PER_YEAR, fewest: int = 120
) -> float | None:
    """Where a level lies between the lowest (0) and highest (100) close of the window; None with too few bars.

    A level outside the window's range extends it, so the answer is always within 0..100.
    """
    count, lowest, highest = _range(Same(bars), window)
    if count < fewest:
        return None
    low, high = min(lowest, level_points), max(highest, level_points)
    return None if high <= low else 100.0 * (level_points - low) / (high - low)


@lru_cache(maxsize=8)
def _range(seen: Same[tuple[DailyBar, ...]], window: int) -> tuple[int, float, float]:
    """How many closes the window holds, the lowest and the highest."""
    closes = [bar.close for bar in seen.value[-window:]]
    return len(closes), min(closes, default=math.inf), max(closes, default=-math.inf)
