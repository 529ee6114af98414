"""Volatility levels from daily bars: realised volatility, and the rank of VIX within its year."""

from __future__ import annotations

from strategies.domain.market import DailyBar
from strategies.signals.indicators import realised_vol_of

SESSIONS_PER_YEAR = 252


def realised_vol_points(bars: tuple[DailyBar, ...], sessions: int = 20) -> float | None:
    """Annualised standard deviation of the last close-to-close log returns, in volatility points (16.0 = 16 %).

    About a mean of zero, so that a steady trend counts as movement. None with fewer than sessions + 1 usable closes.
    """
    closes = [bar.close for bar in bars[-(sessions + 1) :]]
    if len(closes) < sessions + 1 or min(closes) <= 0.0:
        return None
    return realised_vol_of(closes, SESSIONS_PER_YEAR)


def rank_pct(
    bars: tuple[DailyBar, ...], level_points: float, window: int = SESSIONS_PER_YEAR, fewest: int = 120
) -> float | None:
    """Where a level lies between the lowest (0) and highest (100) close of the window; None with too few bars.

    A level outside the window's range extends it, so the answer is always within 0..100.
    """
    closes = [bar.close for bar in bars[-window:]]
    if len(closes) < fewest:
        return None
    low, high = min(*closes, level_points), max(*closes, level_points)
    return None if high <= low else 100.0 * (level_points - low) / (high - low)
