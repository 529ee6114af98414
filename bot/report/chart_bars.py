"""The report's bars: profit and loss by part and by session, and how full a cap was."""

from __future__ import annotations

from collections.abc import Sequence

from bot.report import svg
from bot.report.facts import Json
from bot.report.svg import Scale

WIDTH = 980.0
_RIGHT = 14.0

PART_NAMES = {
    "delta": "delta", "gamma": "gamma", "vega": "vega", "theta": "theta", "cross": "vanna, volga",
    "trading": "fills against mark", "settlement": "settlement", "fees": "fees", "residual": "residual",
}  # fmt: skip


def shares(told: Json) -> str:
    """What each part brought or cost, all holders together, and the total."""
    totals = {part: sum(row[f"{part}_usd"] for row in told["rows"]) for part in PART_NAMES}
    rows = [(PART_NAMES[part], value) for part, value in totals.items() if abs(value) >= 0.005 or part == "residual"]
    rows.append(("total", told["total_usd"]))
    return _bars(rows, "dollars")


def days(rows: Sequence[tuple[str, float]]) -> str:
    """Profit and loss by session."""
    return _bars(list(rows), "dollars")


def _bars(rows: Sequence[tuple[str, float]], unit: str) -> str:
    row_height, label = 19.0, 150.0
    wide = svg.spread([value for _, value in rows] + [0.0], least=1.0)
    assert wide is not None
    room = 70.0
    x = Scale(wide[0], wide[1], label + room, WIDTH - _RIGHT - room)
    parts: list[str] = []
    bottom = 6.0 + row_height * len(rows)
    for tick in svg.ticks(*wide, 6):
        parts.append(svg.line(x(tick), 4.0, x(tick), bottom, "zero" if tick == 0.0 else "grid"))
        parts.append(svg.text(x(tick), bottom + 14.0, svg.number(tick), "lab", "middle"))
    for i, (name, value) in enumerate(rows):
        y = 6.0 + i * row_height
        left, right = sorted((x(0.0), x(value)))
        parts.append(svg.text(label - 8.0, y + 12.0, name, "cap" if name == "total" else "lab", "end"))
        parts.append(
            svg.rect(left, y + 2.0, max(1.0, right - left), row_height - 6.0, "bar gain" if value >= 0 else "bar loss")
        )
        words = f"{value:+,.0f}".replace("-", "\u2212")
        parts.append(svg.text(right + 5.0 if value >= 0 else left - 5.0, y + 12.0, words, "lab",
                              "start" if value >= 0 else "end"))  # fmt: skip
    parts.append(svg.text(label - 8.0, bottom + 14.0, unit, "lab", "end"))
    return svg.chart(WIDTH, bottom + 22.0, parts, "Profit and loss by part")


def cap_bar(share: float | None, last: float | None) -> str:
    """A thin bar of a cap in use: filled to its fullest, a tick at its last, lines at 70, 90 and 100 per cent."""
    width, height = 180.0, 14.0
    parts = [svg.rect(0, 3, width / 1.25, 8, "track")]
    if share is not None:
        css = "bar full" if share >= 90.0 else "bar high" if share >= 70.0 else "bar calm"
        parts.append(svg.rect(0, 3, min(share, 125.0) / 125.0 * width, 8, css))
    parts += [
        svg.line(m / 125.0 * width, 1, m / 125.0 * width, 13, "axis" if m == 100 else "grid") for m in (70, 90, 100)
    ]
    if last is not None:
        at = min(last, 125.0) / 125.0 * width
        parts.append(svg.line(at, 1, at, 13, "spot"))
    return svg.chart(
        width, height, parts, "unknown" if share is None else f"{share:.0f} per cent of the cap at its fullest"
    )
