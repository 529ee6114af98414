"""C-PRESS-1, the cash press: fear is still paid for while it leaves."""

from __future__ import annotations

from typing import NamedTuple

from strategies.signals.measures import Measures

RICH_POINTS = 4.0


class Press(NamedTuple):
    """Whether it holds, and what it saw."""

    holds: bool
    inputs: dict[str, float | bool | None]
    thresholds: dict[str, float]


def press(measures: Measures, *, hedged: bool, rsi_high: float) -> Press:
    """Implied four points over realised, RSI of VIX turning down from its extreme, the front below its high, a hedge
    held. What is unknown is no press."""
    rich, before, now = measures.vix_less_rv20_points, measures.rsi_vix_before, measures.rsi_vix
    front, high = measures.front_points, measures.front_high_20_points
    turned = before is not None and now is not None and before >= rsi_high > now
    falling = front is not None and high is not None and front < high
    return Press(
        rich is not None and rich >= RICH_POINTS and turned and falling and hedged,
        {
            "vix_less_rv20_points": None if rich is None else round(rich, 2),
            "rsi_vix": now,
            "rsi_vix_before": before,
            "hedges_active": hedged,
        },
        {"vix_less_rv20_points": RICH_POINTS, "rsi": rsi_high},
    )
