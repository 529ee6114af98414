"""C37: has the market moved within minutes in a way in which nothing new should be sold?"""

from __future__ import annotations

from datetime import datetime, timedelta

from risk.guards import Guards
from risk.watch import Levels, Watch


def longest_window(guards: Guards) -> timedelta:
    """How far back levels are needed."""
    return timedelta(minutes=max(guards.shock_vix_window_min, guards.shock_spx_window_min))


def shock(levels: tuple[Levels, ...], guards: Guards) -> str:
    """What moved too far up to the newest level, in words; empty if nothing did.

    VIX above its least within the window, SPX below its greatest, and the first VIX future from below the second (or
    less above it) to above it.
    """
    if not levels:
        return ""
    now = levels[-1]
    of_vix = _within(levels, now.at, guards.shock_vix_window_min)
    of_spx = _within(levels, now.at, guards.shock_spx_window_min)
    low, high = min(row.vix for row in of_vix), max(row.spx for row in of_spx)
    rise_pct, fall_pct = 100.0 * (now.vix / low - 1.0), 100.0 * (1.0 - now.spx / high)
    if rise_pct >= guards.shock_vix_pct:
        return f"VIX rose {rise_pct:.1f} % within {guards.shock_vix_window_min:g} min, from {low:g} to {now.vix:g}"
    if fall_pct >= guards.shock_spx_pct:
        return f"SPX fell {fall_pct:.2f} % within {guards.shock_spx_window_min:g} min, from {high:g} to {now.spx:g}"
    return _flipped(of_vix, guards)


def _flipped(levels: tuple[Levels, ...], guards: Guards) -> str:
    told = [row.flip_points for row in levels if row.flip_points is not None]
    if not told or told[-1] <= 0.0 or told[-1] - min(told) < guards.shock_flip_points:
        return ""
    return (
        f"the first VIX future went from {min(told):+.2f} to {told[-1]:+.2f} points above the second within "
        f"{guards.shock_vix_window_min:g} min"
    )


def _within(levels: tuple[Levels, ...], now: datetime, minutes: float) -> tuple[Levels, ...]:
    since = now - timedelta(minutes=minutes)
    return tuple(row for row in levels if row.at >= since)


def pause_left_min(watch: Watch, guards: Guards, now: datetime) -> float:
    """Minutes that the pause after the last shock still lasts; 0.0 where none does."""
    if watch.shocked_at is None:
        return 0.0
    return max(0.0, guards.shock_pause_min - (now - watch.shocked_at).total_seconds() / 60.0)
