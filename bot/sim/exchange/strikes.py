"""Which strikes an expiry has: fine steps near the money, coarse ones far away, and none ever withdrawn.

Bands are measured on the real chains: SPX and SPXW of 2018-10-15 to -17 by kind of expiry and tenor, VIX of 2022-07-15,
SPY of 2020-07-02. What a series got while the level stood elsewhere it keeps, so the levels of the past count too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from bot.sim.exchange.holidays import on_or_before, third_friday

Band = tuple[float, float, float]
"""(step in points, low edge, high edge) with the edges as fractions of the level."""

_FRIDAY = 4
_FAR = 10_000
_MEASURED_VIX = 20.0
_COARSE_STEP = 50.0


class Kind(Enum):
    """Kinds of expiry that the exchange gives different ladders."""

    WEEKLY = "weekly"
    FRIDAY = "friday"
    MONTH_END = "month end"
    QUARTER_END = "quarter end"
    THIRD_FRIDAY = "third friday"
    VIX = "vix"
    SPY_WEEKLY = "spy weekly"
    SPY_THIRD_FRIDAY = "spy third friday"


@dataclass(frozen=True, slots=True)
class Stage:
    """The bands added to a series while it has at most `days` calendar days to live."""

    days: int
    bands: tuple[Band, ...]


_STAGES: Mapping[Kind, Sequence[Stage]] = {
    Kind.WEEKLY: (
        Stage(30, ((5, 0.90, 1.053), (10, 0.85, 1.067), (25, 0.805, 1.09), (50, 0.66, 1.16), (100, 0.62, 1.16))),
        Stage(_FAR, ((5, 0.93, 1.04), (10, 0.90, 1.055), (25, 0.80, 1.10), (50, 0.65, 1.16), (100, 0.62, 1.16))),
    ),
    Kind.FRIDAY: (
        Stage(30, ((5, 0.85, 1.06), (10, 0.815, 1.075), (25, 0.75, 1.09), (50, 0.42, 1.22), (100, 0.29, 1.30))),
        Stage(45, ((5, 0.86, 1.05), (10, 0.82, 1.058), (25, 0.75, 1.09), (50, 0.59, 1.16), (100, 0.48, 1.16))),
        Stage(_FAR, ((5, 0.90, 1.035), (10, 0.82, 1.04), (25, 0.75, 1.075), (50, 0.59, 1.13), (100, 0.48, 1.16))),
    ),
    Kind.MONTH_END: (
        Stage(90, ((5, 0.88, 1.06), (10, 0.82, 1.078), (25, 0.75, 1.092), (50, 0.59, 1.16), (100, 0.37, 1.195))),
        Stage(_FAR, ((10, 0.905, 1.04), (25, 0.75, 1.092), (50, 0.59, 1.16), (100, 0.37, 1.195))),
    ),
    Kind.QUARTER_END: (
        Stage(170, ((5, 0.88, 1.06), (10, 0.80, 1.078), (25, 0.72, 1.092), (50, 0.50, 1.16), (100, 0.37, 1.25))),
        Stage(300, ((25, 0.50, 1.092), (50, 0.45, 1.16), (100, 0.41, 1.33))),
        Stage(_FAR, ((10, 0.97, 1.04), (25, 0.53, 1.125), (50, 0.48, 1.16), (100, 0.44, 1.43))),
    ),
    Kind.THIRD_FRIDAY: (
        Stage(110, ((5, 0.785, 1.075), (10, 0.70, 1.10), (25, 0.49, 1.165), (50, 0.29, 1.23), (100, 0.18, 1.31))),
        Stage(400, ((25, 0.49, 1.125), (50, 0.45, 1.16), (100, 0.37, 1.42))),
        Stage(_FAR, ((25, 0.49, 1.125), (50, 0.42, 1.16), (100, 0.04, 1.43))),
    ),
    Kind.SPY_WEEKLY: (Stage(_FAR, ((1, 0.87, 1.12), (5, 0.50, 1.25))),),
    Kind.SPY_THIRD_FRIDAY: (
        Stage(250, ((1, 0.86, 1.10), (5, 0.11, 1.64))),
        Stage(_FAR, ((5, 0.30, 1.64),)),
    ),
}
_LISTED_DAYS: Mapping[Kind, int] = {
    Kind.WEEKLY: 36,
    Kind.FRIDAY: 66,
    Kind.MONTH_END: 170,
    Kind.QUARTER_END: 365,
    Kind.THIRD_FRIDAY: 120,
    Kind.VIX: 120,
    Kind.SPY_WEEKLY: 45,
    Kind.SPY_THIRD_FRIDAY: 250,
}
"""For how many calendar days back the levels of the past are taken to have shaped a series."""


def kind_of(symbol: str, expiry: date) -> Kind:
    """The kind of an expiry of options on SPX, VIX or SPY."""
    if symbol == "VIX":
        return Kind.VIX
    monthly = expiry == on_or_before(third_friday(expiry.year, expiry.month))
    if symbol == "SPY":
        return Kind.SPY_THIRD_FRIDAY if monthly else Kind.SPY_WEEKLY
    if monthly:
        return Kind.THIRD_FRIDAY
    next_month = date(expiry.year + expiry.month // 12, expiry.month % 12 + 1, 1)
    if expiry == on_or_before(next_month - timedelta(days=1)):
        return Kind.QUARTER_END if expiry.month % 3 == 0 else Kind.MONTH_END
    friday = expiry + timedelta(days=(_FRIDAY - expiry.weekday()) % 7)
    return Kind.FRIDAY if expiry == on_or_before(friday) else Kind.WEEKLY


def bands_for(kind: Kind, days: int) -> tuple[Band, ...]:
    """The bands of an SPX or SPY expiry with that many calendar days to live."""
    return next(stage.bands for stage in _STAGES[kind] if days <= stage.days)


class StrikeLadder:
    """The strikes of one expiry, widened day by day as the level moves; a strike once listed stays."""

    def __init__(self, kind: Kind, expiry: date) -> None:
        self._kind = kind
        self._expiry = expiry
        self._edges: dict[float, tuple[int, int]] = {}
        self._strikes: tuple[float, ...] | None = None
        self.days_seen = 0

    def see(self, day: date, level: float, vix: float | None = None) -> None:
        """Adds what the exchange lists on a day on which the underlying stands at `level` (points); nothing on days
        before the series existed or after it expired. At a `vix` beyond that of the chains the bands were measured on,
        the coarse SPX strikes reach as much farther as options are worth something there."""
        days = (self._expiry - day).days
        if not days >= 0:
            return
        if self._kind is Kind.VIX:
            self._see_vix(level, days)
            return
        reach = 1.0 if vix is None else max(vix / _MEASURED_VIX, 1.0)
        for step, low, high in bands_for(self._kind, days):
            farther = reach if step >= _COARSE_STEP else 1.0
            self._widen(step, low**farther * level, high**farther * level)

    def remember(self, closes: Sequence[tuple[date, float]]) -> None:
        """Adds what was listed on earlier days: the lowest and highest level of each stage of the series' life."""
        since = self._expiry - timedelta(days=_LISTED_DAYS[self._kind])
        extremes: dict[int, tuple[tuple[float, date], tuple[float, date]]] = {}
        for day, level in closes:
            days = (self._expiry - day).days
            if day < since or days < 0:
                continue
            stage = 0 if self._kind is Kind.VIX else next(s.days for s in _STAGES[self._kind] if days <= s.days)
            low, high = extremes.get(stage, ((level, day), (level, day)))
            extremes[stage] = min(low, (level, day)), max(high, (level, day))
        for low, high in extremes.values():
            for level, day in (low, high):
                self.see(day, level)

    def _see_vix(self, level: float, days: int) -> None:
        """Half points at the bottom near expiry, ones to 30, two and a half to 50, fives to 100, tens above."""
        if days <= 45:
            self._widen(0.5, 10.0, 20.0)
        self._widen(1.0, 10.0, max(30.0, 1.2 * level))
        self._widen(2.5, 30.0, max(50.0, 1.6 * level))
        self._widen(5.0, 50.0, max(100.0, 2.5 * level))
        self._widen(10.0, 100.0, 200.0)

    def _widen(self, step: float, low: float, high: float) -> None:
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
            found = {
                float(step * count) for step, (first, last) in self._edges.items() for count in range(first, last + 1)
            }
            self._strikes = tuple(sorted(found))
        return self._strikes
