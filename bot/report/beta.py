"""J-RPT-5: how condors and hedge moved with the index in a session, by least squares over its minutes.

The slope of dollars gained on percent of SPX, executions and fees left out, the night as one step like any other. It is
what was seen that day, not a forecast: a minute in which volatility moves by itself is in it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bot.report.facts import Json

Floats = NDArray[np.float64]

LEAST_INTERVALS = 30
"""Fewer minutes with a move say nothing."""
LAYERS = ("L1", "L2", "L3")


def betas(moves: Mapping[str, Floats], spot: Floats | None) -> Json | None:
    """Slopes in dollars per percent of SPX, and correlations, of condors and hedge; None where too little was quoted.

    `moves` are dollars gained by holder over each interval, `spot` the index at its ends, nan where unknown.
    """
    if spot is None or len(spot) < 2:
        return None
    percent = 100.0 * np.diff(spot) / spot[:-1]
    known = np.isfinite(percent)
    if int(np.count_nonzero(percent[known])) < LEAST_INTERVALS:
        return None
    groups = {"condors": [m for h, m in moves.items() if h not in (*LAYERS, "other")],
              "hedge": [m for h, m in moves.items() if h in LAYERS]}  # fmt: skip
    found: Json = {"intervals": int(np.count_nonzero(known))}
    for name, rows in groups.items():
        slope, correlation = _fit(percent[known], np.sum(rows, axis=0)[known]) if rows else (None, None)
        found[f"{name}_usd_per_pct"], found[f"{name}_correlation"] = slope, correlation
    return found


def _fit(percent: Floats, usd: Floats) -> tuple[float | None, float | None]:
    x, y = percent - percent.mean(), usd - usd.mean()
    spread, size = float(x @ x), float(y @ y)
    if spread <= 0.0:
        return None, None
    both = float(x @ y)
    return round(both / spread, 2), None if size <= 0.0 else round(both / (spread * size) ** 0.5, 3)


def beta_words(beta: Json | None) -> str:
    """One sentence for a reader; empty where nothing can be said."""
    if beta is None:
        return ""
    told = []
    for name, words in (("condors", "the condors"), ("hedge", "the hedge")):
        slope, correlation = beta[f"{name}_usd_per_pct"], beta[f"{name}_correlation"]
        if slope is not None:
            close = "" if correlation is None else f" (corr. {correlation:+.2f})"
            told.append(f"{words} {slope:+,.0f} dollars{close}")
    return f"Per percent of SPX over {beta['intervals']} minutes: {', '.join(told)}" if told else ""
