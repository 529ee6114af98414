"""Which strikes an expiry has: fine steps near the money, coarse ones far away, and none ever withdrawn.

Bands follow the real SPX and SPXW chains of October 2018 (five-point strikes from about 0.85 to 1.10 of the index
up to ten weeks out, 25-point strikes only beyond four months).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Band = tuple[float, float, float]
"""(step in points, low edge, high edge) with the edges as fractions of the index level."""

_NEAR: Sequence[Band] = (
    (5.0, 0.85, 1.10),
    (10.0, 0.79, 1.13),
    (25.0, 0.72, 1.17),
    (50.0, 0.60, 1.22),
    (100.0, 0.40, 1.35),
)
_MIDDLE: Sequence[Band] = (
    (5.0, 0.92, 1.06),
    (10.0, 0.82, 1.10),
    (25.0, 0.65, 1.20),
    (50.0, 0.50, 1.30),
    (100.0, 0.35, 1.45),
)
_FAR: Sequence[Band] = ((25.0, 0.60, 1.20), (50.0, 0.40, 1.35), (100.0, 0.20, 1.60))
_NEAR_DAYS, _MIDDLE_DAYS = 75, 130


class StrikeLadder:
    """The strikes of one expiry, widened day by day as the level moves; a strike once listed stays."""

    def __init__(self) -> None:
        self._edges: dict[float, tuple[int, int]] = {}
        self._strikes: tuple[float, ...] | None = None
        self.days_seen = 0

    def widen(self, step: float, low: float, high: float) -> None:
        """Lists every multiple of `step` from `low` to `high` (points)."""
        first, last = max(1, math.ceil(low / step - 1e-9)), math.floor(high / step + 1e-9)
        if last < first:
            return
        if step in self._edges:
            known_first, known_last = self._edges[step]
            first, last = min(first, known_first), max(last, known_last)
            if (first, last) == (known_first, known_last):
                return
        self._edges[step] = (first, last)
        self._strikes = None

    @property
    def strikes(self) -> tuple[float, ...]:
        """All listed strikes, ascending, in points."""
        if self._strikes is None:
            found = {step * count for step, (first, last) in self._edges.items() for count in range(first, last + 1)}
            self._strikes = tuple(sorted(found))
        return self._strikes


def widen_spx(ladder: StrikeLadder, level: float, days: int) -> None:
    """Adds what the exchange lists for an SPX expiry `days` calendar days away at this index level."""
    bands = _NEAR if days <= _NEAR_DAYS else _MIDDLE if days <= _MIDDLE_DAYS else _FAR
    for step, low, high in bands:
        ladder.widen(step, low * level, high * level)


def widen_vix(ladder: StrikeLadder, level: float, days: int) -> None:
    """Adds what the exchange lists for a VIX expiry: half points at the bottom, tens at the top."""
    if days <= 45:
        ladder.widen(0.5, 10.0, 20.0)
    ladder.widen(1.0, 10.0, max(40.0, 1.4 * level))
    ladder.widen(5.0, 40.0, max(100.0, 2.5 * level))
    ladder.widen(10.0, 100.0, 200.0)
