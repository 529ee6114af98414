"""Market time of the simulated gateway: runs around regular sessions or while anything trades, jumps over the rest."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.sim.exchange.hours import Span, joined, live_time
from bot.sim.types import TradingDay

MARGIN = timedelta(minutes=15)
"""Market time lived before the open and after the close of each session."""


class Phase(StrEnum):
    """Where market time stands relative to the regular sessions of the world; EXTENDED where nights are lived."""

    OPEN = "open"
    EXTENDED = "extended"
    CLOSED = "closed"
    END = "end"


@dataclass(frozen=True, slots=True)
class Tick:
    """One step of market time; `number` counts from 1, `elapsed_s` is its place on the compressed time line."""

    number: int
    at: datetime
    phase: Phase
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class _Window:
    """A stretch of market time, and where it starts on the compressed time line."""

    start: datetime
    end: datetime
    starts_s: float

    @property
    def ends_s(self) -> float:
        return self.starts_s + (self.end - self.start).total_seconds()


def lived(days: Sequence[TradingDay], *, overnight: bool = False) -> tuple[Span, ...]:
    """The stretches that market time runs through: around the regular session of each day, or `overnight` whatever lies
    between the first and the last of them while anything trades. Between two stretches it jumps."""
    around = [Span(day.open_at - MARGIN, day.close_at + MARGIN) for day in days]
    if not overnight:
        return tuple(around)
    begins, ends = around[0].open_at, around[-1].close_at
    every = joined([*around, *live_time(days)])
    return tuple(
        Span(max(span.open_at, begins), min(span.close_at, ends))
        for span in every
        if span.close_at > begins and span.open_at < ends
    )


def default_tick_s(speed: float) -> float:
    """Market seconds between two ticks when none are asked for: fine at watching speed, coarse when time flies."""
    return 1.0 if speed <= 60.0 else 15.0


class MarketClock:
    """Maps loop time to market time.

    Time advances by ticks of `tick_s` market seconds at `speed` market seconds per loop second; between two ticks
    `now` is interpolated but never runs past the next tick, so a held clock (lockstep) holds market time too.
    What is jumped over counts as one tick. After the last window the clock stands still and `phase` is `end`.
    """

    def __init__(
        self,
        days: Sequence[TradingDay],
        *,
        loop_time: Callable[[], float],
        speed: float = 1.0,
        tick_s: float = 1.0,
        begin: datetime | None = None,
        overnight: bool = False,
    ) -> None:
        """`begin` None starts before the first open; `overnight` lives nights as well. Raises ValueError for an empty
        world, a speed or tick that is not positive, and a `begin` after the last session."""
        if not days:
            raise ValueError("the world has no trading days: nothing to simulate")
        if not speed > 0.0:
            raise ValueError(f"speed must be a positive factor, got {speed!r}")
        if not tick_s > 0.0:
            raise ValueError(f"tick_s must be positive market seconds, got {tick_s!r}")
        self.speed = speed
        self.tick_s = tick_s
        self._opens = [day.open_at for day in days]
        self._closes = [day.close_at for day in days]
        self._overnight = overnight
        self._loop_time = loop_time
        self._windows = _windows(lived(days, overnight=overnight), tick_s)
        self._starts = [window.starts_s for window in self._windows]
        self._origin = loop_time()
        self._begin_s = self.place_of(begin) if begin is not None else 0.0
        self._tick = Tick(0, self.at(self._begin_s), Phase.CLOSED, self._begin_s)
        self._ticked_at = self._origin
        self._leap_s = 0.0

    @property
    def now(self) -> datetime:
        """Current market time, aware, America/New_York."""
        return self.at(self.elapsed_s)

    @property
    def elapsed_s(self) -> float:
        """Market seconds lived since the start; what is jumped over counts as one tick."""
        if self._tick.phase is Phase.END:
            return self._tick.elapsed_s
        since = (self._loop_time() - self._ticked_at) * self.speed
        return self._tick.elapsed_s + min(max(since, 0.0), self.tick_s)

    @property
    def pacing_s(self) -> float:
        """Market seconds that never stand still: the measure for message rates, also while the clock is held."""
        return (self._loop_time() - self._origin) * self.speed

    @property
    def phase(self) -> Phase:
        """Phase as of the last tick."""
        return self._tick.phase

    @property
    def tick(self) -> Tick:
        """The last tick applied (number 0 before the first)."""
        return self._tick

    def at(self, elapsed_s: float) -> datetime:
        """Market time at a place on the compressed time line; between two stretches, the end of the earlier one."""
        index = max(bisect_right(self._starts, elapsed_s) - 1, 0)
        window = self._windows[index]
        return min(window.start + timedelta(seconds=elapsed_s - window.starts_s), window.end)

    def place_of(self, moment: datetime) -> float:
        """Place of a moment on the compressed time line; between two stretches, the start of the later one.
        Raises ValueError for a moment after the last."""
        for window in self._windows:
            if moment <= window.end:
                return window.starts_s + max((moment - window.start).total_seconds(), 0.0)
        raise ValueError(f"{moment.isoformat()} lies after the last session, which ends {self._windows[-1].end}")

    def schedule(self) -> Iterator[Tick]:
        """Every tick of the world in order, the last one with phase `end`."""
        number = 0
        for window in self._windows:
            if window.ends_s < self._begin_s:
                continue
            place = max(window.starts_s, self._begin_s)
            while place < window.ends_s:
                number += 1
                at = self.at(place)
                yield Tick(number, at, self._phase_at(at), place)
                place = self._leapt(place + self.tick_s, window)
            number += 1
            last = window is self._windows[-1]
            yield Tick(number, window.end, Phase.END if last else Phase.CLOSED, window.ends_s)

    def _phase_at(self, at: datetime) -> Phase:
        index = bisect_right(self._opens, at) - 1
        if index < 0 or at >= self._closes[-1]:
            return Phase.CLOSED
        if at < self._closes[index]:
            return Phase.OPEN
        return Phase.EXTENDED if self._overnight else Phase.CLOSED

    def leap(self, market_s: float) -> float:
        """Jumps ahead once the present tick is done, no further than to the end of its stretch; returns the
        seconds that will be skipped, earlier leaps of the same tick included."""
        window = self._windows[max(bisect_right(self._starts, self._tick.elapsed_s) - 1, 0)]
        left = max(window.ends_s - self._tick.elapsed_s - self.tick_s, 0.0)
        self._leap_s = min(self._leap_s + market_s, left)
        return self._leap_s

    def _leapt(self, place: float, window: _Window) -> float:
        """The place of the next tick; a leap moves the last tick along, so that nothing waits for what is skipped."""
        leap, self._leap_s = min(self._leap_s, max(window.ends_s - place, 0.0)), 0.0
        if leap > 0.0:
            self._tick = replace(self._tick, elapsed_s=self._tick.elapsed_s + leap)
        return place + leap

    def due_s(self, tick: Tick) -> float:
        """Loop time at which a tick should be applied if nothing holds it."""
        return self._ticked_at + (tick.elapsed_s - self._tick.elapsed_s) / self.speed

    def apply(self, tick: Tick) -> None:
        """Moves market time to the tick. A late tick moves the time line: lost time is not caught up in a burst."""
        self._ticked_at = max(self.due_s(tick), self._loop_time())
        self._tick = tick


def _windows(spans: Sequence[Span], jump_s: float) -> tuple[_Window, ...]:
    windows: list[_Window] = []
    for span in spans:
        starts_s = windows[-1].ends_s + jump_s if windows else 0.0
        windows.append(_Window(span.open_at, span.close_at, starts_s))
    return tuple(windows)
