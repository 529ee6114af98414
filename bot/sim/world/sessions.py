"""Counting exchange days and VX settlement days."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from bot.sim.exchange.expiries import add_months, vix_settlement_day
from bot.sim.exchange.holidays import next_business_day, on_or_after, previous_business_day


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


@lru_cache(maxsize=4096)
def vx_expiries_after(day: date, count: int) -> tuple[date, ...]:
    """The next `count` monthly VX settlement days strictly after `day`."""
    out: list[date] = []
    ahead = 0
    while len(out) < count:
        expiry = vix_settlement_day(*add_months(day.year, day.month, ahead))
        if expiry > day:
            out.append(expiry)
        ahead += 1
    return tuple(out)
