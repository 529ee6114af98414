"""The variance clock: time as option prices count it, in trading days, so that nights and weekends weigh what they do.

A whole trading day counts one: its session SESSION_SHARE, spread evenly, the night around it the rest. A day without a
session adds IDLE_DAY. Both were read off the real chains of 2018-10-16 and -17: total at-the-money variance grows from
a Friday's to a Monday's expiry by about 1.1 times what it grows from one weekday to the next, and between the morning
and the afternoon settlement of one date by .5 to .8 of a day.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from functools import lru_cache

import numpy as np

from bot.sim.exchange.hours import regular_day
from bot.sim.types import Floats
from bot.sim.world.sessions import trading_days_from

SESSION_SHARE = 0.6
IDLE_DAY = 0.05
_SESSION_SECONDS = 23_400.0
_COVERED_SESSIONS = 1_300  # five years: options reach three years beyond the day they are priced on
_YEARS_AT_MEAN_PACE = 20.0
DAYS_A_YEAR = 252.0 + 113.0 * IDLE_DAY
"""Trading days of variance in a calendar year."""


class VarianceClock:
    """Trading days of variance from a month before a year on, so that the night into it is on the clock; beyond five
    years it goes on at the mean pace."""

    def __init__(self, year: int) -> None:
        days = [regular_day(day) for day in trading_days_from(date(year - 1, 12, 1), _COVERED_SESSIONS)]
        opens = np.array([day.open_at.timestamp() for day in days])
        closes = np.array([day.index_close_at.timestamp() for day in days])
        idle = np.diff([day.day.toordinal() for day in days], prepend=days[0].day.toordinal() - 1) - 1.0
        inside = SESSION_SHARE * (closes - opens) / _SESSION_SECONDS
        ends = np.cumsum(inside + (1.0 - SESSION_SHARE) + IDLE_DAY * idle)
        last = closes[-1] + 365.0 * 86_400.0 * _YEARS_AT_MEAN_PACE
        self._instants = np.append(np.column_stack((opens, closes)), last)
        self._elapsed = np.append(np.column_stack((ends - inside, ends)), ends[-1] + DAYS_A_YEAR * _YEARS_AT_MEAN_PACE)
        self._knots: tuple[list[float], list[float]] = (self._instants.tolist(), self._elapsed.tolist())

    def at(self, ts: Floats) -> Floats:
        """Trading days elapsed at those instants (epoch seconds); only differences mean anything."""
        return np.asarray(np.interp(ts, self._instants, self._elapsed), dtype=np.float64)

    def at_instant(self, ts: float) -> float:
        """The same for one instant, as every tick asks."""
        instants, elapsed = self._knots
        i = min(max(bisect_right(instants, ts), 1), len(instants) - 1)
        share = (ts - instants[i - 1]) / (instants[i] - instants[i - 1])
        return elapsed[i - 1] + share * (elapsed[i] - elapsed[i - 1])


@lru_cache(maxsize=16)
def variance_clock(year: int) -> VarianceClock:
    """The clock for a surface of that year."""
    return VarianceClock(year)
