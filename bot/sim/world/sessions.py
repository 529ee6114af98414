"""Counting exchange days, VX settlement days and the instants at which expiries settle."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache

from bot.sim.exchange.expiries import add_months, vix_settlement_day
from bot.sim.exchange.holidays import next_business_day, on_or_after, previous_business_day
from bot.sim.exchange.hours import regular_day
from bot.sim.types import Settlement


def trading_days_from(start: date, count: int) -> list[date]:
    """The first `count` trading days at or after `start`."""
    days = [on_or_after(start)] if count > 0 else []
    while len(days) < count:
        days.append(next_business_day(days[-1]))
    return days


def trading_days_before(end: date, count: int) -> list[date]:
    """The last `count` trading days before `end`, oldest first."""
    days: list[date] = []
    day = end
    while len(days) < count:
        day = previous_business_day(day)
        days.append(day)
    return days[::-1]


def vx_expiries_after(day: date, count: int) -> list[date]:
    """The next `count` monthly VX settlement days strictly after `day`."""
    out: list[date] = []
    ahead = 0
    while len(out) < count:
        expiry = vix_settlement_day(*add_months(day.year, day.month, ahead))
        if expiry > day:
            out.append(expiry)
        ahead += 1
    return out


@lru_cache(maxsize=16384)
def settles_at(expiry: date, settlement: Settlement) -> datetime:
    """The instant the settlement value is struck: 09:30 for AM, the index close for PM."""
    day = regular_day(expiry)
    return day.open_at if settlement is Settlement.AM else day.index_close_at
