"""Marks on paper: the few SVG elements the report's charts are made of, and scales with round ticks.

Colours are classes; the page's style sheet gives them values for light, dark and print. Every text is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple


class Scale(NamedTuple):
    """Values to pixels on one axis; `low` maps to `start`, `high` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def inside(self, value: float) -> bool:
        """Whether a value lies on the axis."""
        return self.low <= value <= self.high


def spread(values: Iterable[float | None], pad: float = 0.08, least: float = 1e-9) -> tuple[float, float] | None:
    """Lowest and highest of the known values with a margin; None when nothing is known. `least` is the least span."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    if not known:
        return None
    low, high = min(known), max(known)
    span = max(high - low, least)
    middle = 0.5 * (low + high)
    if high - low < least:
        low, high = middle - 0.5 * span, middle + 0.5 * span
    return low - pad * span, high + pad * span


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round values on an axis, about so many."""
    raw = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(k * step, 10) + 0.0 for k in range(first, last + 1)]


def number(value: float) -> str:
    """A tick's label: no more digits than it has."""
    text = f"{value:,.10f}".rstrip("0").rstrip(".")
    return text.replace("-", "\u2212")


def numbers(values: Sequence[float]) -> list[str]:
    """Labels of one axis: all with the decimals of the longest."""
    digits = max((len(number(v).partition(".")[2]) for v in values), default=0)
    return [f"{v:,.{digits}f}".replace("-", "\u2212") for v in values]


# elements -----------------------------------------------------------------------------------------
def line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def rect(x: float, y: float, width: float, height: float, css: str, title: str = "") -> str:
    """A box; `title` shows when pointed at."""
    box = f'x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{max(0.0, height):.1f}" class="{css}"'
    return f"<rect {box}/>" if not title else f"<rect {box}><title>{escape(title)}</title></rect>"


def text(x: float, y: float, words: str, css: str = "lab", anchor: str = "start") -> str:
    """A text; `anchor` start, middle or end."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">{escape(words)}</text>'


def path(points: Sequence[tuple[float, float] | None], css: str) -> str:
    """A line through points; None lifts the pen. Points in one column are thinned to their extremes."""
    parts: list[str] = []
    pen = False
    for point in _thinned(points):
        if point is None:
            pen = False
            continue
        parts.append(f"{'L' if pen else 'M'}{point[0]:.1f} {point[1]:.1f}")
        pen = True
    return f'<path d="{"".join(parts)}" class="{css}"/>' if parts else ""


def _thinned(points: Sequence[tuple[float, float] | None]) -> Iterable[tuple[float, float] | None]:
    last: tuple[float, float] | None = None
    for point in points:
        if point is not None and last is not None and abs(point[0] - last[0]) < 0.4 and abs(point[1] - last[1]) < 0.4:
            continue
        last = point
        yield point


def area(top: Sequence[tuple[float, float]], bottom: Sequence[tuple[float, float]], css: str) -> str:
    """The surface between two lines."""
    corners = [*top, *reversed(bottom)]
    if len(corners) < 3:
        return ""
    return f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in corners)}Z" class="{css}"/>'


def glyph(kind: str, x: float, y: float, size: float, css: str, title: str = "") -> str:
    """A small sign: circle, square, diamond, up, down, cross or bar."""
    s = size
    shapes = {
        "circle": f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{s * 0.9:.1f}" class="{css}">',
        "square": f'<rect x="{x - s * 0.8:.1f}" y="{y - s * 0.8:.1f}" width="{s * 1.6:.1f}" height="{s * 1.6:.1f}" '
        f'class="{css}">',
        "diamond": _closed([(x, y - s), (x + s, y), (x, y + s), (x - s, y)], css),
        "up": _closed([(x, y - s), (x + s, y + s * 0.8), (x - s, y + s * 0.8)], css),
        "down": _closed([(x, y + s), (x + s, y - s * 0.8), (x - s, y - s * 0.8)], css),
        "cross": f'<path d="M{x - s:.1f} {y - s:.1f}L{x + s:.1f} {y + s:.1f}M{x - s:.1f} {y + s:.1f}'
        f'L{x + s:.1f} {y - s:.1f}" class="{css} open">',
        "bar": f'<path d="M{x:.1f} {y - s:.1f}L{x:.1f} {y + s:.1f}" class="{css} open">',
    }
    opened = shapes[kind]
    tag = opened[1 : opened.index(" ")]
    return f"{opened}<title>{escape(title)}</title></{tag}>"


def _closed(points: Sequence[tuple[float, float]], css: str) -> str:
    return f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}Z" class="{css}">'


def chart(width: float, height: float, parts: Iterable[str], label: str) -> str:
    """The drawing; `label` is what a screen reader says."""
    body = "".join(part for part in parts if part)
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(label, quote=True)}" '
        f'xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )


def legend(entries: Sequence[tuple[str, str]], x: float, y: float) -> list[str]:
    """Drawn signs with their names from left to right; each entry is (element drawn at 0,0, name)."""
    parts: list[str] = []
    for drawn, name in entries:
        parts.append(f'<g transform="translate({x:.1f} {y - 4:.1f})">{drawn}</g>')
        parts.append(text(x + 13, y, name))
        x += 28 + 6.1 * len(name)
    return parts
