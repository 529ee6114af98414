"""Shocks that bend a market's days on command: jumps, volatility spikes, curve inversions, an early stop.

Rules: a shock begins at a grid point of its day, so nothing that has been lived changes; it is a function of time, so
that the present, the look back, bars, previous closes and settlements all tell the same story; an ended shock stays in
the past it has made. With no shock every answer is the source's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

import numpy as np

from bot.sim.types import Bar, Floats, IndexLevel, TradingDay, WorldEvent
from bot.sim.world.curve import beta
from bot.sim.world.path import STEP_SECONDS, Ohlc
from bot.sim.world.tape import SPX, SYMBOLS, VIX, VIX3M, VIX9D, VVIX, DayTape, Source, grid_points

FAMILY = {VIX: 1.0, VIX9D: 1.45, VIX3M: 0.62, VVIX: 1.9}
"""Points that each index moves per VIX point, with futures that move by their betas (relations of derive.py)."""
LOWEST_VOLATILITY = 3.0
LOWEST_FUTURE = 1.0
_CURVE_DAYS = 30.0
_KEPT_DAYS = 16
VIX_POINTS_PER_PCT = 1.3
"""VIX points that a fall of one percent brings where nothing else is asked for: the size of ordinary bad days."""


@dataclass(frozen=True, slots=True)
class Shock:
    """A change of the market's course from `start_s` (epoch seconds) on: SPX times `spx_factor`, VIX plus `vix_points`
    with its family and its futures, the futures curve plus `curve_points` at its near end, fading over 30 days.

    It comes over `ramp_s` seconds, stands until `end_s` and then fades with `half_life_s`; below a second either means
    at once."""

    start_s: float
    spx_factor: float = 1.0
    vix_points: float = 0.0
    curve_points: float = 0.0
    ramp_s: float = 0.0
    end_s: float = math.inf
    half_life_s: float = 0.0

    def weight(self, at_s: Floats) -> Floats:
        """How much of the shock is there at each moment, 0 to 1."""
        since = at_s - self.start_s
        came = np.clip(since / self.ramp_s, 0.0, 1.0) if self.ramp_s >= 1.0 else np.ones(len(at_s))
        after = np.maximum(at_s - self.end_s, 0.0)
        left = 0.5 ** (after / self.half_life_s) if self.half_life_s >= 1.0 else (after <= 0.0).astype(np.float64)
        return np.asarray(np.where(since > 0.0, came * left, 0.0), dtype=np.float64)


class BentSource:
    """A source whose days are bent by the shocks given so far."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._shocks: list[Shock] = []
        self._stops: dict[date, float] = {}
        self._bent: dict[date, DayTape] = {}
        self._first: date | None = None

    # shocks ------------------------------------------------------------------------------------
    def add(self, shock: Shock) -> None:
        """Bends the market from the shock's start on."""
        self._shocks.append(shock)
        self._changed(datetime.fromtimestamp(shock.start_s, self.sessions[0].open_at.tzinfo).date())

    def end(self, shock: Shock, at_s: float) -> Shock:
        """Lets a shock stand no longer than until then; returns it as it is now."""
        ended = replace(shock, end_s=min(shock.end_s, at_s))
        self._shocks[self._shocks.index(shock)] = ended
        self._bent.clear()
        return ended

    def stop(self, day: date, at_s: float) -> None:
        """Every index and future of a day stands still from then on."""
        self._stops[day] = at_s
        self._changed(day)

    def _changed(self, day: date) -> None:
        self._first = day if self._first is None else min(self._first, day)
        self._bent.clear()

    # days --------------------------------------------------------------------------------------
    @property
    def name(self) -> str:
        """The source's name."""
        return self._source.name

    @property
    def sessions(self) -> Sequence[TradingDay]:
        """The days, in order."""
        return self._source.sessions

    @property
    def known_days(self) -> Sequence[date]:
        """Every day with daily bars and a tape."""
        return self._source.known_days

    @property
    def notes(self) -> Sequence[str]:
        """The source's notes."""
        return self._source.notes

    @property
    def events(self) -> Sequence[WorldEvent]:
        """The source's events."""
        return self._source.events

    @property
    def seed(self) -> int:
        """The source's seed."""
        return self._source.seed

    def lived(self, symbol: str, day: date) -> Ohlc:
        """A day of an index as it would have been without a shock."""
        return self._source.lived(symbol, day)

    def curve(self, day: date, maturities: Floats) -> Floats:
        """The curve of a day as it would have been without a shock."""
        return self._source.curve(day, maturities)

    def carry(self, day: date) -> float:
        """Financing less dividends."""
        return self._source.carry(day)

    def spy(self, day: date) -> Ohlc | None:
        """Real SPY prices of a day."""
        return self._source.spy(day)

    def straight(self, day: date) -> DayTape | None:
        """The tape of a bent day as it would have been, None for a day that nothing has bent."""
        return None if self._untouched(day) else self._source.tape_on(day)

    def raw(self, index: int) -> DayTape:
        """The day at that position as it would have been."""
        return self._source.tape(index)

    def bend(self, levels: Floats, futures: Floats, days: Floats, at_s: Floats) -> tuple[Floats, Floats]:
        """Levels and futures (so many days before they settle) at any moments, as the shocks bend them."""
        return self._levels(levels, at_s), self._futures(futures, days, at_s)

    def stop_place(self, tape: DayTape) -> int | None:
        """The grid point from which on a day stands still."""
        stop = self._stops.get(tape.session.day)
        if stop is None:
            return None
        place = math.ceil((stop - tape.session.open_at.timestamp()) / STEP_SECONDS)
        return min(max(place, 0), len(tape.levels) - 1)

    def tape(self, index: int) -> DayTape:
        """The day at that position, bent."""
        tape = self._source.tape(index)
        return tape if self._untouched(tape.session.day) else self._bend(tape)

    def tape_on(self, day: date) -> DayTape:
        """Any known day, bent."""
        tape = self._source.tape_on(day)
        return tape if self._untouched(day) else self._bend(tape)

    def _untouched(self, day: date) -> bool:
        return self._first is None or day < self._first

    def _bend(self, tape: DayTape) -> DayTape:
        day = tape.session.day
        if day not in self._bent:
            if len(self._bent) >= _KEPT_DAYS:
                self._bent.clear()
            levels, futures = self._paths(tape)
            previous, settled = self._evening_before(tape)
            self._bent[day] = replace(
                tape,
                levels=levels,
                highs=np.maximum.accumulate(levels, axis=0),
                lows=np.minimum.accumulate(levels, axis=0),
                previous=previous,
                futures=replace(tape.futures, previous=settled),
                future_levels=futures,
                future_highs=np.maximum.accumulate(futures, axis=0),
                future_lows=np.minimum.accumulate(futures, axis=0),
            )
        return self._bent[day]

    def _paths(self, tape: DayTape) -> tuple[Floats, Floats]:
        """Levels and futures over the day's grid, bent and stopped."""
        opened = tape.session.open_at.timestamp()
        at_s = opened + STEP_SECONDS * np.arange(len(tape.levels), dtype=np.float64)
        days = np.array([(expiry - tape.session.day).days for expiry in tape.futures.listed], dtype=np.float64)
        levels, futures = self.bend(tape.levels, tape.future_levels, days, at_s)
        place = self.stop_place(tape)
        if place is not None:
            levels[place:], futures[place:] = levels[place], futures[place]
        return levels, futures

    def _levels(self, levels: Floats, at_s: Floats) -> Floats:
        bent = levels.copy()
        for shock in self._shocks:
            weight = shock.weight(at_s)
            bent[:, SPX] *= 1.0 + (shock.spx_factor - 1.0) * weight
            for column, points in FAMILY.items():
                bent[:, column] += points * shock.vix_points * weight
        family = list(FAMILY)
        touched = np.any(bent != levels, axis=1)
        bent[np.ix_(touched, family)] = np.maximum(bent[np.ix_(touched, family)], LOWEST_VOLATILITY)
        return bent

    def _futures(self, prices: Floats, days: Floats, at_s: Floats) -> Floats:
        bent = prices.copy()
        for shock in self._shocks:
            points = shock.vix_points * beta(days) + shock.curve_points * np.exp(-days / _CURVE_DAYS)
            bent += np.outer(shock.weight(at_s), points)
        return np.maximum(bent, LOWEST_FUTURE) if self._shocks else bent

    def _evening_before(self, tape: DayTape) -> tuple[Floats, Floats]:
        """Closes and settlements before a day: the source's, moved by as much as that evening itself was bent."""
        days = self.known_days
        place = days.index(tape.session.day) - 1
        if place < 0 or self._untouched(days[place]):
            return tape.previous, tape.futures.previous
        raw = self._source.tape_on(days[place])
        levels, futures = self._paths(raw)
        moved = dict(zip(raw.futures.listed, futures[-1] - raw.future_levels[-1], strict=True))
        settled = [
            before + moved.get(expiry, 0.0)
            for expiry, before in zip(tape.futures.listed, tape.futures.previous, strict=True)
        ]
        return np.round(tape.previous + levels[-1] - raw.levels[-1], 2), np.round(np.array(settled), 3)

    # bars and settlements ------------------------------------------------------------------------
    def bars(self, symbol: str, until: date, count: int) -> Sequence[Bar]:
        """Daily bars; of bent days what was lived."""
        column = SYMBOLS.index(symbol) if symbol in SYMBOLS else None
        bars = self._source.bars(symbol, until, count)
        if self._first is None or column is None:
            return bars
        return [self._bar(bar, column) for bar in bars]

    def _bar(self, bar: Bar, column: int) -> Bar:
        if self._untouched(bar.at.date()):
            return bar
        tape = self.tape_on(bar.at.date())
        end = grid_points(tape.session)[0]
        return _over(bar, tape.levels[:end, column])

    def future_bars(self, expiry: date, until: date, count: int) -> Sequence[Bar]:
        """Daily bars of a future; of bent days what was lived."""
        bars = self._source.future_bars(expiry, until, count)
        if self._first is None:
            return bars
        return [self._future_bar(bar, expiry) for bar in bars]

    def _future_bar(self, bar: Bar, expiry: date) -> Bar:
        if self._untouched(bar.at.date()):
            return bar
        tape = self.tape_on(bar.at.date())
        if expiry not in tape.futures.listed:
            return bar
        return _over(bar, tape.future_levels[:, tape.futures.listed.index(expiry)])

    def monthlies(self, on: date) -> Sequence[date]:
        """The monthly contracts listed that day."""
        return self._source.monthlies(on)

    def weeklies(self, on: date) -> Sequence[date]:
        """The weekly contracts listed that day."""
        return self._source.weeklies(on)

    def opening_settlement(self, symbol: str, expiry: date) -> float | None:
        """The opening value, bent as the market is at the open."""
        value = self._source.opening_settlement(symbol, expiry)
        return value if value is None or self._untouched(expiry) else self._bent_value(symbol, value, expiry, 0)

    def closing_settlement(self, symbol: str, expiry: date) -> float | None:
        """The closing value, bent as the market is at the index close."""
        value = self._source.closing_settlement(symbol, expiry)
        return value if value is None or self._untouched(expiry) else self._bent_value(symbol, value, expiry, -1)

    def _bent_value(self, symbol: str, value: float, day: date, place: int) -> float:
        """The official value moved by as much as the index was at its first or last grid point."""
        raw = self._source.tape_on(day)
        levels, _ = self._paths(raw)
        end = grid_points(raw.session)[0]
        column = SYMBOLS.index(symbol)
        return round(value + float(levels[:end][place, column] - raw.levels[:end][place, column]), 2)


class Course:
    """The course of a market, as whoever causes faults can change it; `reread` is called after every change."""

    def __init__(
        self,
        source: BentSource,
        present: Callable[[], tuple[TradingDay, datetime | None]],
        reread: Callable[[], None],
    ) -> None:
        self._source = source
        self._present = present
        self._reread = reread

    def shock(self, shock: Shock) -> Shock:
        """Bends the market from the next grid point (up to 15 seconds away) on; returns the shock with its start.
        RuntimeError before the market has begun."""
        begun = replace(shock, start_s=self._next_grid_point())
        self._source.add(begun)
        self._reread()
        return begun

    def end(self, shock: Shock) -> Shock:
        """Lets a shock stand no longer; it fades as it was told to."""
        ended = self._source.end(shock, self._next_grid_point())
        self._reread()
        return ended

    def stop(self, at: datetime) -> None:
        """Indices and futures of the day stand still from `at` (its next grid point, and not before the next one from
        now) until the next day's open; closing values are what they stand at."""
        session, _ = self._present()
        self._source.stop(session.day, max(self._next_grid_point(), at.timestamp()))
        self._reread()

    def _next_grid_point(self) -> float:
        session, now = self._present()
        if now is None:
            raise RuntimeError("the market has not begun: advance it first")
        opened = session.open_at.timestamp()
        steps = math.floor((now.timestamp() - opened) / STEP_SECONDS) + 1
        return opened + max(steps, 0) * STEP_SECONDS


def _over(bar: Bar, path: Floats) -> Bar:
    """A bar with the prices of a path; unchanged where the path has none."""
    if np.isnan(path).any():
        return bar
    prices = (round(float(value), 2) for value in (path[0], path.max(), path.min(), path[-1]))
    opened, high, low, close = prices
    return replace(bar, open=opened, high=high, low=low, close=close)


class Curve(Protocol):
    """A market with VX futures."""

    @property
    def now(self) -> datetime | None:
        """The present."""
        ...

    def future_expiries(self, on: date) -> Sequence[date]:
        """Settlement days of the monthly contracts."""
        ...

    def future(self, expiry: date) -> IndexLevel:
        """One of them."""
        ...


def curve_points(world: Curve, over: float) -> float | None:
    """The `curve_points` of a shock that puts the front VX month so many points over the second; None where the two
    have no prices now."""
    today = None if world.now is None else world.now.date()
    if today is None:
        return None
    months = [(expiry, world.future(expiry).last) for expiry in world.future_expiries(today)]
    known = [((expiry - today).days, last) for expiry, last in months if last is not None]
    if len(known) < 2:
        return None
    (near_days, near), (far_days, far) = known[:2]
    return (over - (near - far)) / (math.exp(-near_days / _CURVE_DAYS) - math.exp(-far_days / _CURVE_DAYS))
