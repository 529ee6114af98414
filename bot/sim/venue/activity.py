"""How much is traded and held: prints, volumes and open interest, drawn from the seed, the contract and the day.

The volume of a stock's or future's day is the one its daily bar has, where it has one. The other figures are plausible,
not measured: busy at the open and the close, near the money and near expiry. Volume never falls within a day, open
interest stands still within one.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.sim.past_types import Prints
from bot.sim.types import ContractSpec, Floats, SecType

STEP_S = 15.0
"""Seconds between two possible prints, the grid of the worlds' paths."""
_KEPT_DAYS = 4096
_SPY_SHARES, _OTHER_SHARES = 72e6, 4e6
_PER_TRADE = {SecType.STOCK: 180.0, SecType.FUTURE: 3.0, SecType.OPTION: 6.0}
_FRONT_MONTH_CONTRACTS, _MINI_SHARE = 110_000.0, 0.2
_MOST_TRADES = 900.0
_UNEVEN = 0.7


def expected_volume(spec: ContractSpec, level: float, on: date) -> float:
    """Contracts or shares of a normal day; `level` is the underlying's, in points. Indices are not traded."""
    if spec.sec_type is SecType.STOCK:
        return _SPY_SHARES if spec.symbol == "SPY" else _OTHER_SHARES
    days = max((spec.expiry - on).days, 0) if spec.expiry is not None else 0
    if spec.sec_type is SecType.FUTURE:
        share = 1.0 if spec.multiplier >= 1000 else _MINI_SHARE
        return share * _FRONT_MONTH_CONTRACTS * math.exp(-days / 40.0)
    if spec.sec_type is not SecType.OPTION or not spec.strike or not level > 0.0:
        return 0.0
    width = 0.012 * math.sqrt(days + 1.0) * (4.0 if spec.symbol == "VIX" else 1.0)
    near = math.exp(-1.1 * abs(math.log(spec.strike / level)) / width)
    round_strike = 2.5 if spec.strike % 50.0 == 0.0 else 1.4 if spec.strike % 25.0 == 0.0 else 1.0
    return 9000.0 * near * round_strike / math.pow(1.0 + days / 4.0, 0.8)


@dataclass(frozen=True, slots=True)
class Volume:
    """Contracts or shares of a session: `exact` where the day's own figure is known."""

    expected: float
    exact: bool = False


class _Lot(NamedTuple):
    """All that the trades of a session follow from."""

    seed: int
    con_id: int
    sec_type: SecType
    opened_s: float
    steps: int
    volume: Volume


def _lot(seed: int, spec: ContractSpec, opened: datetime, closed: datetime, volume: Volume) -> _Lot:
    steps = max(int((closed - opened).total_seconds() / STEP_S), 1)
    return _Lot(seed, spec.con_id, spec.sec_type, opened.timestamp(), steps, volume)


def _draw(lot: _Lot) -> Prints:
    rng = _luck(lot)
    size = _sizes(lot, rng)
    step = np.flatnonzero(size)
    return Prints(
        np.asarray(lot.opened_s + step * STEP_S, dtype=np.float64),
        size[step],
        rng.integers(-1, 2, len(step)).astype(np.int64),
    )


def _luck(lot: _Lot) -> np.random.Generator:
    return np.random.default_rng([lot.seed, lot.con_id, int(lot.opened_s), 1])


def _sizes(lot: _Lot, rng: np.random.Generator) -> NDArray[np.int64]:
    """Traded at each step of the session, 0 where nothing was."""
    if lot.volume.exact:
        return _split(rng, _busy(lot.steps), lot.volume)
    return _about(rng, _busy(lot.steps), lot.volume.expected, lot.sec_type)


@lru_cache(maxsize=16)  # sessions have few lengths
def _busy(steps: int) -> Floats:
    """How busy each step is; nobody changes it in place."""
    return np.asarray(0.55 + 3.4 * (np.linspace(0.0, 1.0, steps) - 0.52) ** 2)


@lru_cache(
    maxsize=65_536
)  # every morning, and every gateway of a process, asks for a year of daily bars of each future
def _total(lot: _Lot) -> tuple[float, int]:
    size = _sizes(lot, _luck(lot))
    return float(size.sum()), int(np.count_nonzero(size))


class Activity:
    """Draws each contract-day once and remembers the latest."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._days: dict[tuple[int, float], Prints] = {}

    def drawn(self, spec: ContractSpec, opened: datetime) -> Prints | None:
        """The trades of the session that opened then, if they are known already."""
        return self._days.get((spec.con_id, opened.timestamp()))

    def draw(self, spec: ContractSpec, opened: datetime, closed: datetime, volume: Volume) -> Prints:
        """Every trade of a session: at the open or a whole number of steps after it, before the close."""
        if len(self._days) >= _KEPT_DAYS:
            self._days.clear()
        prints = _draw(_lot(self._seed, spec, opened, closed, volume))
        self._days[spec.con_id, opened.timestamp()] = prints
        return prints

    def total(self, spec: ContractSpec, opened: datetime, closed: datetime, volume: Volume) -> tuple[float, int]:
        """Contracts or shares of a session and how many trades they were."""
        return _total(_lot(self._seed, spec, opened, closed, volume))

    def open_interest(self, spec: ContractSpec, level: float, on: date) -> int:
        """Contracts open on the morning of a day: grows towards expiry, differs a little from day to day."""
        rng = np.random.default_rng([self._seed, spec.con_id, 2])
        own = math.exp(0.6 * rng.standard_normal())
        days = (spec.expiry - on).days if spec.expiry is not None else 0
        age = 1.0 / (1.0 + max(days, 0) / 60.0)
        daily = np.random.default_rng([self._seed, spec.con_id, on.toordinal(), 3]).uniform(0.97, 1.03)
        times = 4.0 if spec.sec_type is SecType.FUTURE else 3.0 * age * (1.0 + max(days, 0) / 20.0)
        return round(expected_volume(spec, level, on) * times * own * daily)


def _split(rng: np.random.Generator, busy: Floats, volume: Volume) -> NDArray[np.int64]:
    """Exactly the day's volume, by how busy each step is, more or less."""
    share = busy * np.exp(_UNEVEN * rng.standard_normal(len(busy)))
    return rng.multinomial(round(volume.expected), share / share.sum()).astype(np.int64)


def _about(rng: np.random.Generator, busy: Floats, expected: float, sec_type: SecType) -> NDArray[np.int64]:
    """About the expected volume: trades as they come, each of a size as is usual."""
    total = expected * math.exp(0.35 * rng.standard_normal())
    per_trade = _PER_TRADE.get(sec_type, 1.0)
    trades = total / per_trade
    if sec_type is SecType.OPTION:
        trades = min(trades, _MOST_TRADES)
        per_trade = max(total / max(trades, 1e-9), 1.0)
    count = rng.poisson(trades * busy / busy.sum())
    return np.asarray(count + rng.poisson((per_trade - 1.0) * count), dtype=np.int64)


class TradeCursor:
    """Walks through the trades of one session as time passes; implements `bot.sim.ports.Trades`."""

    def __init__(self, prints: Prints, opened: datetime, from_s: float) -> None:
        """`from_s` (epoch seconds) is where the walk begins: trades up to it have been told."""
        self.opened_at = opened
        self._at_s, self._size, self._side = prints.at_s.tolist(), prints.size.tolist(), prints.side.tolist()
        self._next = bisect_right(self._at_s, from_s)

    def until(self, at_s: float) -> Sequence[tuple[float, int, int]]:
        """Trades not yet told up to that moment: (epoch seconds, size, side)."""
        begin = self._next
        if begin == len(self._at_s) or self._at_s[begin] > at_s:
            return ()
        self._next = bisect_right(self._at_s, at_s, begin)
        here = slice(begin, self._next)
        return list(zip(self._at_s[here], self._size[here], self._side[here], strict=True))

    def recent(self, at_s: float, seconds: float) -> tuple[int, int]:
        """(trades, volume) of the last `seconds`, of what has been told."""
        begin = bisect_right(self._at_s, at_s - seconds, 0, self._next)
        return self._next - begin, sum(self._size[begin : self._next])
