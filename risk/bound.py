"""What a number among the caps may be."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Bound(NamedTuple):
    """Low and high, both included, and which direction is the stricter one (None where neither is)."""

    low: float
    high: float
    tighter: Literal["lower", "higher"] | None
