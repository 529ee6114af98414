"""How orders meet the market."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FillModel:
    """Chances of a fill; replaced below."""
