"""Names of the daily histories the bot keeps: indices and ETFs by symbol, VIX futures by settlement day."""

from __future__ import annotations

from datetime import date

INDEX_SERIES: tuple[str, ...] = ("SPX", "VIX")
"""Without these nothing is decided."""

VOLATILITY_SERIES: tuple[str, ...] = ("VIX9D", "VIX3M", "VVIX", "SKEW")
"""Indices that only refine: without them their measures are unknown."""

SECTOR_SERIES: tuple[str, ...] = (
    "XLB", "XLC", "XLE", "XLF", "XLI", "XLK", "XLP", "XLRE", "XLU", "XLV", "XLY",
)  # fmt: skip
"""The eleven sectors of the index as ETFs: stand-in for breadth."""

STOCK_SERIES: tuple[str, ...] = ("SPY", "QQQ", "RSP", "HYG", "LQD", *SECTOR_SERIES)
"""ETFs whose closes the diagnostics read; none of them is ever traded."""

_FUTURE = "VX "


def future_series(expiry: date) -> str:
    """Name of the history of the VX contract that settles on a day, e.g. `VX 2026-04-15`."""
    return f"{_FUTURE}{expiry.isoformat()}"


def future_expiry(series: str) -> date | None:
    """The settlement day in the name of a VX history, None for any other series."""
    return date.fromisoformat(series[len(_FUTURE) :]) if series.startswith(_FUTURE) else None
