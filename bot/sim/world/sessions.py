"""Exchange days computed by rule: US holidays, early closes, VX settlement days.

Sources: NYSE holiday and early-close rules; Cboe: VX settles 30 days before the third Friday of the next month.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from bot.sim.types import Settlement, TradingDay

NEW_YORK = ZoneInfo("America/New_York")
_FRIDAY = 4
_MONDAY = 0
_THURSDAY = 3


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())


def _easter(year: int) -> date:
    """Gregorian Easter Sunday (Meeus' form of the computus)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = b // 4, b % 4
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    day_shift = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * day_shift) // 451
    month, day = divmod(h + day_shift - 7 * m + 114, 31)
    return date(year, month, day + 1)


def _observed(day: date) -> date:
    if day.weekday() == 5:
        return day - timedelta(days=1)
    return day + timedelta(days=1) if day.weekday() == 6 else day


@lru_cache(maxsize=128)
def holidays(year: int) -> frozenset[date]:
    """Days of that year on which the exchange is shut by rule (weekends and one-off closures are not in it)."""
    days = {
        _nth_weekday(year, 2, _MONDAY, 3),
        _easter(year) - timedelta(days=2),
        _last_monday_of_may(year),
        _observed(date(year, 7, 4)),
        _nth_weekday(year, 9, _MONDAY, 1),
        _nth_weekday(year, 11, _THURSDAY, 4),
        _observed(date(year, 12, 25)),
    }
    new_year = date(year, 1, 1)
    if new_year.weekday() != 5:  # a Saturday New Year is not moved into the old year
        days.add(_observed(new_year))
    if year >= 1998:
        days.add(_nth_weekday(year, 1, _MONDAY, 3))
    if year >= 2022:
        days.add(_observed(date(year, 6, 19)))
    return frozenset(days)


def is_trading_day(day: date) -> bool:
    """Whether the exchange opens that day by rule."""
    return day.weekday() < 5 and day not in holidays(day.year)


def is_early_close(day: date) -> bool:
    """Whether the index stops at 13:00: the day after Thanksgiving, Christmas Eve, the eve of Independence Day."""
    if not is_trading_day(day):
        return False
    if day.month == 7 and day.day == 3:
        return date(day.year, 7, 4).weekday() < 5
    if day.month == 12 and day.day == 24:
        return True
    return day == _nth_weekday(day.year, 11, _THURSDAY, 4) + timedelta(days=1)


def at_time(day: date, clock_time: time) -> datetime:
    """That wall-clock time in New York."""
    return datetime.combine(day, clock_time, NEW_YORK)


@lru_cache(maxsize=16384)
def session(day: date) -> TradingDay:
    """The exchange day: 09:30 to 16:15 (index 16:00), or to 13:15 (index 13:00) on early days."""
    early = is_early_close(day)
    hour = 13 if early else 16
    return TradingDay(
        day=day,
        open_at=at_time(day, time(9, 30)),
        index_close_at=at_time(day, time(hour, 0)),
        close_at=at_time(day, time(hour, 15)),
        early_close=early,
    )


def trading_days_from(start: date, count: int) -> list[date]:
    """The first `count` trading days at or after `start`."""
    days: list[date] = []
    day = start
    while len(days) < count:
        if is_trading_day(day):
            days.append(day)
        day += timedelta(days=1)
    return days


def trading_days_before(end: date, count: int) -> list[date]:
    """The last `count` trading days before `end`, oldest first."""
    days: list[date] = []
    day = end - timedelta(days=1)
    while len(days) < count:
        if is_trading_day(day):
            days.append(day)
        day -= timedelta(days=1)
    return days[::-1]


@lru_cache(maxsize=2048)
def vx_expiry(year: int, month: int) -> date:
    """Settlement day of the VX contract of that month: 30 days before the next month's third Friday,
    taken as the Thursday where that Friday is a holiday; the day before where the result is itself a holiday."""
    following = date(year + month // 12, month % 12 + 1, 1)
    friday = _nth_weekday(following.year, following.month, _FRIDAY, 3)
    if not is_trading_day(friday):
        friday -= timedelta(days=1)
    expiry = friday - timedelta(days=30)
    return expiry if is_trading_day(expiry) else expiry - timedelta(days=1)


def vx_expiries_after(day: date, count: int) -> list[date]:
    """The next `count` monthly VX settlement days strictly after `day`."""
    out: list[date] = []
    year, month = day.year, day.month
    while len(out) < count:
        expiry = vx_expiry(year, month)
        if expiry > day:
            out.append(expiry)
        year, month = year + month // 12, month % 12 + 1
    return out


@lru_cache(maxsize=16384)
def settles_at(expiry: date, settlement: Settlement) -> datetime:
    """The instant the settlement value is struck: 09:30 for AM, the index close for PM."""
    day = session(expiry)
    return day.open_at if settlement is Settlement.AM else day.index_close_at
