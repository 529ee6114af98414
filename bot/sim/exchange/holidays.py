"""When the exchange opens: New York holidays, early closes and one-off closures, 1990 to 2030 and beyond by rule.

Source: the published holiday rules of the New York Stock Exchange, which index options follow.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

_MON, _TUE, _WED, _THU, _FRI, _SAT, _SUN = range(7)
_DAY = timedelta(days=1)

_CLOSURES = frozenset(
    {
        date(1994, 4, 27),  # funeral of President Nixon
        date(2001, 9, 11),
        date(2001, 9, 12),
        date(2001, 9, 13),
        date(2001, 9, 14),
        date(2004, 6, 11),  # funeral of President Reagan
        date(2007, 1, 2),  # funeral of President Ford
        date(2012, 10, 29),  # hurricane Sandy
        date(2012, 10, 30),
        date(2018, 12, 5),  # funeral of President Bush
        date(2025, 1, 9),  # funeral of President Carter
    }
)
_EXTRA_EARLY = frozenset({date(1997, 12, 26), date(1999, 12, 31), date(2003, 12, 26)})


def nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    """The nth (from 1) Monday = 0 .. Sunday = 6 of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def third_friday(year: int, month: int) -> date:
    """The third Friday of a month, holiday or not."""
    return nth_weekday(year, month, _FRI, 3)


def good_friday(year: int) -> date:
    """The Friday before Gregorian Easter (anonymous computus)."""
    golden, century, rest = year % 19, year // 100, year % 100
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    shift = (golden + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * shift + 114, 31)
    return date(year, month, day + 1) - 2 * _DAY


def _observed(day: date) -> date:
    """Saturday holidays are kept on Friday, Sunday holidays on Monday."""
    return day - _DAY if day.weekday() == _SAT else day + _DAY if day.weekday() == _SUN else day


@lru_cache(maxsize=128)
def holidays(year: int) -> frozenset[date]:
    """Weekdays of a year on which the exchange is shut all day, one-off closures included."""
    last_of_may = date(year, 5, 31)
    found = {
        nth_weekday(year, 2, _MON, 3),
        good_friday(year),
        last_of_may - timedelta(days=last_of_may.weekday()),
        _observed(date(year, 7, 4)),
        nth_weekday(year, 9, _MON, 1),
        nth_weekday(year, 11, _THU, 4),
        _observed(date(year, 12, 25)),
    }
    new_year = date(year, 1, 1)
    if new_year.weekday() != _SAT:  # a Saturday New Year is not kept on the old year's last day
        found.add(_observed(new_year))
    if year >= 1998:
        found.add(nth_weekday(year, 1, _MON, 3))
    if year >= 2022:
        found.add(_observed(date(year, 6, 19)))
    return frozenset(found) | frozenset(day for day in _CLOSURES if day.year == year)


@lru_cache(maxsize=128)
def short_holidays(year: int) -> frozenset[date]:
    """Holidays on whose morning the overnight sessions still run: all but Good Friday, Christmas and New Year (and
    one-off closures)."""
    feasts = {good_friday(year), _observed(date(year, 1, 1)), _observed(date(year, 12, 25))}
    return holidays(year) - feasts - _CLOSURES


def is_business_day(day: date) -> bool:
    """Whether the exchange opens that day."""
    return day.weekday() < _SAT and day not in holidays(day.year)


def is_early_close(day: date) -> bool:
    """Whether the index stops at 13:00 instead of 16:00 that day."""
    if not is_business_day(day):
        return False
    if day in _EXTRA_EARLY:
        return True
    if (day.month, day.day) == (12, 24) or (day.year >= 1992 and day == nth_weekday(day.year, 11, _THU, 4) + _DAY):
        return True
    if day.month != 7 or day.year < 1995:
        return False
    fourth = date(day.year, 7, 4).weekday()
    if fourth == _THU and day.year < 2013:
        return day.day == 5
    return day.day == 3 and fourth not in (_SAT, _SUN, _MON)


def previous_business_day(day: date) -> date:
    """The last business day strictly before a day."""
    day -= _DAY
    while not is_business_day(day):
        day -= _DAY
    return day


def next_business_day(day: date) -> date:
    """The first business day strictly after a day."""
    day += _DAY
    while not is_business_day(day):
        day += _DAY
    return day


def on_or_before(day: date) -> date:
    """The day itself if the exchange opens, else the last business day before it."""
    return day if is_business_day(day) else previous_business_day(day)


def on_or_after(day: date) -> date:
    """The day itself if the exchange opens, else the first business day after it."""
    return day if is_business_day(day) else next_business_day(day)
