"""The variance term structure of one day: what VIX9D, VIX and VIX3M say of every expiry, and the VX curve beyond them.

Each index is Cboe's interpolation, in calendar time, between the settlements on either side of its horizon: Fridays for
VIX9D and VIX (the third one of a month in the morning), third Fridays for VIX3M. Total variance is linear in the
variance clock between those settlements, so that VIX and VIX3M computed from the options come back exactly.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from bot.sim.exchange.holidays import on_or_before
from bot.sim.exchange.hours import settles_at
from bot.sim.types import Floats, Settlement
from bot.sim.world.variance_clock import DAYS_A_YEAR, VarianceClock, variance_clock

FAR_DAYS = (90.0, 150.0, 210.0)
"""Days to settlement of the VX contracts that stand for the level beyond VIX3M."""
VIX9D_DAYS, VIX_DAYS, VIX3M_DAYS = 9.0, 30.0, 93.0
_DAY_SECONDS = 86_400.0
_FRIDAY = 4
_REACH_DAYS = 140
_LEAST_SHARE = 0.15  # of the nearer variance a day: keeps calendars free of arbitrage through an inversion
_LEAST_NEAR_SHARE = 0.5
_FAR_CONVEXITY = 1.15  # forward variance over the square of the VX future of the same month, October 2018
_FAR_DAYS = 250.0
_INSTANT = 1e-6
_END = 10_000.0  # trading days: beyond every listed expiry
_LEAST_LEFT = 0.6 / 390.0  # trading days: the last minute of a session; nothing is priced nearer to its settlement


class Levels(NamedTuple):
    """The surface's inputs at one instant: index points."""

    spot: float
    vix9d: float
    vix: float
    vix3m: float

    def scaled(self, factor: float) -> Levels:
        """The same spot with the volatility indices times `factor`."""
        return Levels(self.spot, self.vix9d * factor, self.vix * factor, self.vix3m * factor)


class LevelRows(NamedTuple):
    """The same at several instants, arrays of one length."""

    spot: Floats
    vix9d: Floats
    vix: Floats
    vix3m: Floats


Value = TypeVar("Value", float, Floats)
"""One instant's value, or an array over instants."""


class Bracket(NamedTuple, Generic[Value]):
    """An index's horizon on the variance clock, trading days from now, and the settlements on either side of it."""

    before: Value
    horizon: Value
    after: Value


class _Settlements:
    """The settlements an index is interpolated between, in epoch seconds and on the clock."""

    def __init__(self, expiries: list[tuple[date, Settlement]], horizon_days: float, clock: VarianceClock) -> None:
        instants = np.array([settles_at(*expiry).timestamp() for expiry in expiries])
        self._arrays = instants, clock.at(instants)
        self._instants: list[float] = instants.tolist()
        self._clock: list[float] = self._arrays[1].tolist()
        self._ahead = horizon_days * _DAY_SECONDS

    def around(self, now_ts: float, elapsed: float) -> Bracket[float]:
        """The bracket seen at an instant at which the clock shows `elapsed`."""
        at = now_ts + self._ahead
        i = min(max(bisect_right(self._instants, at), 1), len(self._instants) - 1)
        left, right = self._clock[i - 1], self._clock[i]
        share = (at - self._instants[i - 1]) / (self._instants[i] - self._instants[i - 1])
        return Bracket(left - elapsed, left + share * (right - left) - elapsed, right - elapsed)

    def around_each(self, now_ts: Floats, elapsed: Floats) -> Bracket[Floats]:
        """The same at many instants."""
        instants, clock = self._arrays
        at = now_ts + self._ahead
        i = np.clip(np.searchsorted(instants, at, side="right"), 1, len(instants) - 1)
        share = (at - instants[i - 1]) / (instants[i] - instants[i - 1])
        horizon = clock[i - 1] + share * (clock[i] - clock[i - 1])
        return Bracket(clock[i - 1] - elapsed, horizon - elapsed, clock[i] - elapsed)


class TermStructure:
    """Total variance by expiry. `far_vix` is the level of the VX curve some months out, points; None where there is no
    curve: then the forward variance between VIX and VIX3M goes on."""

    def __init__(self, morning: datetime, far_vix: float | None) -> None:
        self._clock = variance_clock(morning.year)
        self._far = None if far_vix is None else _FAR_CONVEXITY * far_vix * far_vix * 1e-4 / DAYS_A_YEAR
        fridays = index_expiries(morning.date())
        thirds = [expiry for expiry in fridays if expiry[1] is Settlement.AM]
        self._indices = (
            _Settlements(fridays, VIX9D_DAYS, self._clock),
            _Settlements(fridays, VIX_DAYS, self._clock),
            _Settlements(thirds, VIX3M_DAYS, self._clock),
        )
        self._seen: tuple[Levels, float] | None = None
        self._kept: tuple[list[float], list[float]] = ([], [])

    def elapsed(self, ts: float) -> float:
        """The variance clock at an instant (epoch seconds)."""
        return self._clock.at_instant(ts)

    def total(self, levels: Levels | LevelRows, now_ts: float | Floats, settled: Floats) -> Floats:
        """Total variance (annual variance times years) left at an instant until `settled` on the clock; with rows of
        levels and instants each of `settled` is seen from its own."""
        if isinstance(levels, LevelRows):
            return self._totals(levels, np.asarray(now_ts), settled)
        now = float(now_ts)
        elapsed = self._clock.at_instant(now)
        if self._seen != (levels, now):  # one tick asks for several boards
            near, mid, late = (index.around(now, elapsed) for index in self._indices)
            points = _points(levels.vix9d, levels.vix, levels.vix3m, near, mid, late, self._far, min, max)
            self._seen, self._kept = (levels, now), points
        return np.asarray(np.interp(np.maximum(settled - elapsed, _LEAST_LEFT), *self._kept), dtype=np.float64)

    def _totals(self, levels: LevelRows, now_ts: Floats, settled: Floats) -> Floats:
        elapsed = self._clock.at(now_ts)
        near, mid, late = (index.around_each(now_ts, elapsed) for index in self._indices)
        points = _points(levels.vix9d, levels.vix, levels.vix3m, near, mid, late, self._far, np.minimum, np.maximum)
        where, total = (np.stack(np.broadcast_arrays(*values)) for values in points)
        left = np.maximum(settled - elapsed, _LEAST_LEFT)
        i = np.maximum(np.sum(where <= left, axis=0), 1)
        i, moment = np.minimum(i, len(where) - 1), np.arange(len(left))
        share = (left - where[i - 1, moment]) / (where[i, moment] - where[i - 1, moment])
        return np.asarray(total[i - 1, moment] + share * (total[i, moment] - total[i - 1, moment]), dtype=np.float64)


def _points(
    vix9d: Value, vix: Value, vix3m: Value, near: Bracket[Value], mid: Bracket[Value], late: Bracket[Value],
    far: float | None, least: Callable[[Value, Value], Value], most: Callable[[Value, Value], Value],
) -> tuple[list[Value], list[Value]]:  # fmt: skip
    """Points of the term structure: trading days from now, total variance. VIX is taken at its word; VIX9D is cut and
    VIX3M lifted where they would leave less than _LEAST_SHARE of the variance a day to what follows. `least` and `most`
    choose the smaller and the greater of two values."""
    at_mid = vix * vix * (1e-4 * VIX_DAYS / 365.0)
    at_near = vix9d * vix9d * (1e-4 * VIX9D_DAYS / 365.0)
    at_near = least(at_near, at_mid * (1.0 - _LEAST_SHARE * (1.0 - near.horizon / mid.horizon)))
    floor = at_mid + _LEAST_SHARE * at_mid / mid.horizon * (late.horizon - mid.horizon)
    at_late = most(vix3m * vix3m * (1e-4 * VIX3M_DAYS / 365.0), floor)
    centre = _passage(mid, at_mid, near.horizon, at_near, late.horizon, at_late, _LEAST_SHARE, least, most)
    beyond = (at_late - centre.total_after) / (late.horizon - centre.after)
    if far is not None:
        beyond = most(0.0 * at_late + far, _LEAST_SHARE * at_late / late.horizon)
    end, at_end = late.horizon + _FAR_DAYS, at_late + beyond * _FAR_DAYS
    last = _passage(late, at_late, centre.after, centre.total_after, end, at_end, _LEAST_SHARE, least, most)
    nothing = 0.0 * at_near
    first = _passage(
        near, at_near, nothing, nothing, centre.before, centre.total_before, _LEAST_NEAR_SHARE, least, most
    )
    where, total = [nothing, first.before, first.after], [nothing, first.total_before, first.total_after]
    for earlier, later in ((first, centre), (centre, last)):
        _bridge(earlier, later, where, total, least)
        where += (later.before, later.after)
        total += (later.total_before, later.total_after)
    where.append(nothing + _END)
    total.append(last.total_after + beyond * (_END - last.after))
    return where, total


class _Passage(NamedTuple, Generic[Value]):
    """A bracket with the straight line of total variance inside it; slope in variance a trading day."""

    before: Value
    after: Value
    total_before: Value
    total_after: Value
    slope: Value


def _passage(
    at: Bracket[Value], total: Value, left: Value, total_left: Value, right: Value, total_right: Value, share: float,
    least: Callable[[Value, Value], Value], most: Callable[[Value, Value], Value],
) -> _Passage[Value]:  # fmt: skip
    """The line through `total` at the horizon whose slope is the mean of those to the points on either side, less where
    that would leave a neighbour under `share` of its own slope."""
    before, horizon, after = at
    behind, ahead = horizon - left, right - horizon
    to_left, to_right = (total - total_left) / behind, (total_right - total) / ahead
    # A horizon may stand on a settlement: an instant of it is enough to divide by.
    since, until = most(horizon - before, 0.0 * horizon + _INSTANT), most(after - horizon, 0.0 * horizon + _INSTANT)
    slope = least(0.5 * (to_left + to_right), to_left * (behind - share * (behind - since)) / since)
    slope = least(slope, to_right * (ahead - share * (ahead - until)) / until)
    return _Passage(before, after, total - slope * (horizon - before), total + slope * (after - horizon), slope)


def _bridge(
    earlier: _Passage[Value],
    later: _Passage[Value],
    where: list[Value],
    total: list[Value],
    least: Callable[[Value, Value], Value],
) -> None:
    """Appends points on the way from one bracket to the next: a cubic that leaves and arrives with the lines' slopes,
    so that the variance a day has no jump."""
    gap, rise = later.before - earlier.after, later.total_before - earlier.total_after
    start, arrive = least(earlier.slope * gap, 3.0 * rise) - rise, least(later.slope * gap, 3.0 * rise) - rise
    at, base = earlier.after, earlier.total_after
    where += (at + 0.25 * gap, at + 0.5 * gap, at + 0.75 * gap)
    total += (
        base + 0.25 * rise + 0.1875 * (0.75 * start - 0.25 * arrive),
        base + 0.5 * rise + 0.125 * (start - arrive),
        base + 0.75 * rise + 0.1875 * (0.25 * start - 0.75 * arrive),
    )


def index_expiries(today: date) -> list[tuple[date, Settlement]]:
    """The Friday settlements around a day from which the VIX family is computed: SPX in the morning of third Fridays,
    SPXW in the afternoon of the others; the day before where the Friday is a holiday."""
    monday = today - timedelta(days=today.weekday())
    found = []
    for week in range(-1, _REACH_DAYS // 7):
        friday = monday + timedelta(days=_FRIDAY + 7 * week)
        settlement = Settlement.AM if 15 <= friday.day <= 21 else Settlement.PM
        found.append((on_or_before(friday), settlement))
    return found
