"""Invented histories for the tests of the daily signals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import pytest

from strategies.signals.closes import HISTORY_SYMBOLS, AdvanceDecline, SessionCloses
from strategies.signals.term_structure import VxMonth, settlement_rule

FIRST = date(2025, 1, 2)


def weekdays(count: int, first: date = FIRST) -> list[date]:
    days = [first + timedelta(days=n) for n in range(count * 7 // 5 + 7)]
    return [day for day in days if day.weekday() < 5][:count]


def expiries_after(day: date, count: int) -> list[date]:
    month, found = VxMonth(day.year, day.month), []
    while len(found) < count:
        if settlement_rule(month) > day:
            found.append(settlement_rule(month))
        month = month.next()
    return found


@lru_cache(maxsize=16)
def _history(count: int, seed: int, feeds: bool, first: date) -> tuple[SessionCloses, ...]:
    rng = np.random.default_rng(seed)
    shocks = rng.normal(0.0002, 0.01, count)
    spx = 5500.0 * np.exp(np.cumsum(shocks))
    vix, sessions, level = 17.0, [], dict.fromkeys(HISTORY_SYMBOLS, 100.0)
    for n, day in enumerate(weekdays(count, first)):
        vix = float(np.clip(vix + 0.08 * (17.0 - vix) - 110.0 * shocks[n] + rng.normal(0.0, 0.4), 9.5, 80.0))
        for symbol in level:
            level[symbol] *= float(np.exp(0.8 * shocks[n] + rng.normal(0.0, 0.006)))
        expiries = expiries_after(day, 9)
        pull = [np.exp(-(expiry - day).days / 60.0) for expiry in expiries]
        futures = {
            e: round(float(19.5 + (vix - 19.5) * p + rng.normal(0.0, 0.1)), 3)
            for e, p in zip(expiries, pull, strict=True)
        }
        closes = {**level, "SPX": float(spx[n]), "VIX": vix, "VIX3M": 18.0 + 0.6 * (vix - 17.0), "VVIX": 85.0 + vix}
        up = int(np.clip(1500 + 60_000 * shocks[n] + rng.normal(0, 200), 100, 2900))
        breadth = AdvanceDecline(up, 3000 - up) if feeds else None
        skew = float(4.0 + rng.normal(0.0, 0.5)) if feeds else None
        sessions.append(SessionCloses(day, closes, futures, breadth, skew))
    return tuple(sessions)


@pytest.fixture(scope="session")
def history() -> Callable[..., tuple[SessionCloses, ...]]:
    """Makes a history of so many sessions from a seed; `feeds` adds breadth counts and skew."""

    def make(count: int, seed: int = 1, feeds: bool = True, first: date = FIRST) -> tuple[SessionCloses, ...]:
        return _history(count, seed, feeds, first)

    return make
