"""New York advances and declines (IB's AD-NYSE): advancers in the bid, decliners in the ask, the net in the bars.

Invented from the day's move of SPX against what VIX leads one to expect, with a seeded part of its own. That IB serves
the counts as bid and ask is what clients report; no page of IB's says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Protocol

import numpy as np

from bot.sim.types import Bar, IndexLevel

SYMBOL = "AD-NYSE"
_ISSUES = 2900
_LEAN = 0.40
_STEEPNESS = 0.9
_OWN = 0.35


class BarSource(Protocol):
    """What the counts need of a source of days."""

    @property
    def seed(self) -> int:
        """The world's seed."""
        ...

    def bars(self, symbol: str, until: date, count: int) -> Sequence[Bar]:
        """Daily bars of an index before `until`."""
        ...


class Breadth:
    """Advancing and declining issues of one source."""

    def __init__(self, source: BarSource) -> None:
        self._source = source
        self._luck: dict[date, float] = {}

    def level(self, day: date, spx: float, spx_previous: float, vix_previous: float) -> IndexLevel:
        """The counts while SPX stands at `spx`, all in index points; no last price, as IB sends none."""
        up, down = self._counts(day, spx, spx_previous, vix_previous)
        return IndexLevel(None, None, None, None, None, bid=float(up), ask=float(down))

    def bars(self, until: date, count: int) -> list[Bar]:
        """Daily nets (advancers less decliners) before `until`; the first known day has none."""
        spx = self._source.bars("SPX", until, count + 1) if count > 0 else []
        vix = {bar.at: bar.close for bar in self._source.bars("VIX", until, count + 1)}
        found = []
        for before, bar in pairwise(spx):
            opening, high, low, close = (
                self._net(bar.at.date(), price, before.close, vix[before.at])
                for price in (bar.open, bar.high, bar.low, bar.close)
            )
            found.append(Bar(bar.at, opening, high, low, close))
        return found

    def _net(self, day: date, spx: float, spx_previous: float, vix_previous: float) -> float:
        up, down = self._counts(day, spx, spx_previous, vix_previous)
        return float(up - down)

    def _counts(self, day: date, spx: float, spx_previous: float, vix_previous: float) -> tuple[int, int]:
        expected = vix_previous / 100.0 / np.sqrt(252.0)
        surprise = np.log(spx / spx_previous) / expected + _OWN * self._own(day)
        up = round(_ISSUES * (0.5 + _LEAN * float(np.tanh(_STEEPNESS * surprise))))
        return up, _ISSUES - up

    def _own(self, day: date) -> float:
        if day not in self._luck:
            rng = np.random.default_rng([self._source.seed, zlib.crc32(SYMBOL.encode()), day.toordinal()])
            self._luck[day] = float(rng.standard_normal())
        return self._luck[day]
