"""The whole book some days ahead, drawn: condors alone and with the hedge, over levels of the index."""

from __future__ import annotations

from collections.abc import Sequence

from bot.report import svg
from bot.report.facts import Json
from bot.report.svg import Scale

WIDTH = 980.0
_LEFT, _RIGHT, _BETWEEN = 74.0, 14.0, 26.0
DAYS = 10.0
PANELS: tuple[float | None, ...] = (None, 8.0)
LEVELS_TOLD_PCT = (-8.0, -5.0, -3.0, -1.0, 0.0, 1.0, 3.0, 5.0)
"""Columns of the table, in per cent of the index."""

ROWS_TOLD = ((0.0, None), (5.0, None), (10.0, None), (20.0, None), (10.0, 5.0), (10.0, 8.0))
"""Rows of the table: days ahead, and VIX with the index (None) or so many points higher."""


def words(days: float, vix_points: float | None) -> str:
    """A case in words."""
    when = "at once" if not days else "in a day" if days == 1.0 else f"in {days:.0f} days"
    return f"{when}, VIX with the index" if vix_points is None else f"{when}, VIX {vix_points:.0f} points higher"


def case(told: Json, days: float, vix_points: float | None) -> Json:
    """One case of the book."""
    found: Json = next(c for c in told["cases"] if (c["days"], c["vix_points"]) == (days, vix_points))
    return found


def table(told: Json) -> Json:
    """Levels with their per cent, and rows of gain with the hedge and of the condors alone."""
    if not told["cases"]:
        return {"levels": [], "rows": []}
    spot = told["spot_points"]
    percents = [round(100.0 * (level / spot - 1.0), 1) for level in told["levels_points"]]
    where = [percents.index(pct) for pct in LEVELS_TOLD_PCT]
    rows = []
    for days, vix_points in ROWS_TOLD:
        mine = case(told, days, vix_points)
        cells = [{"whole": mine["whole_usd"][i], "condors": mine["condors_usd"][i]} for i in where]
        rows.append({"words": words(days, vix_points), "cells": cells})
    return {"levels": [{"pct": percents[i], "points": told["levels_points"][i]} for i in where], "rows": rows}


def book(told: Json) -> str:
    """Two panels on one scale: VIX with the index, and VIX eight points higher; empty without a valuation."""
    if not told["cases"]:
        return ""
    shown = [case(told, DAYS, vix_points) for vix_points in PANELS]
    wide = svg.spread([v for c in shown for key in ("condors_usd", "whole_usd") for v in c[key]] + [0.0], least=50.0)
    assert wide is not None
    height, top, bottom = 262.0, 52.0, 218.0
    y = Scale(wide[0], wide[1], bottom, top)
    room = (WIDTH - _LEFT - _RIGHT - _BETWEEN) / len(PANELS)
    parts = [svg.text(_LEFT, 14.0, "from now on, dollars", "cap")]
    entries = [
        (svg.path([(-9, 0), (9, 0)], "ln c1"), "  with the hedge"),
        (svg.path([(-9, 0), (9, 0)], "ln c2 dash"), "  condors alone"),
    ]
    parts += svg.legend(entries, _LEFT + 220.0, 14.0)
    for tick in svg.ticks(*wide, 5):
        parts.append(svg.text(_LEFT - 6.0, y(tick) + 3.5, svg.number(tick), "lab", "end"))
    for number, mine in enumerate(shown):
        left = _LEFT + number * (room + _BETWEEN)
        parts += _panel(told, mine, Scale(told["levels_points"][0], told["levels_points"][-1], left, left + room), y)
    return svg.chart(WIDTH, height, parts, "Gain of all condors, alone and with the hedge, ten days ahead")


def _panel(told: Json, mine: Json, x: Scale, y: Scale) -> list[str]:
    bottom, top = y.start, y.end
    parts = [svg.text(x.start, top - 20.0, words(mine["days"], mine["vix_points"]), "cap")]
    for tick in svg.ticks(y.low, y.high, 5):
        parts.append(svg.line(x.start, y(tick), x.end, y(tick), "zero" if tick == 0.0 else "grid"))
    for tick in svg.ticks(x.low, x.high, 5):
        parts.append(svg.text(x(tick), bottom + 15.0, svg.number(tick), "lab", "middle"))
    parts.append(svg.text(0.5 * (x.start + x.end), bottom + 31.0, "SPX, points", "lab", "middle"))
    parts.append(svg.line(x(told["spot_points"]), top, x(told["spot_points"]), bottom, "spot"))
    parts.append(svg.text(x(told["spot_points"]), top - 5.0, f"{told['spot_points']:,.0f}", "cap", "middle"))
    parts.append(_line(told["levels_points"], mine["condors_usd"], x, y, "ln c2 dash"))
    parts.append(_line(told["levels_points"], mine["whole_usd"], x, y, "ln c1"))
    return parts


def _line(levels: Sequence[float], usd: Sequence[float], x: Scale, y: Scale, css: str) -> str:
    return svg.path([(x(level), y(value)) for level, value in zip(levels, usd, strict=True)], css)
