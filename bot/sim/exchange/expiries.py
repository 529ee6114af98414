"""Which expiries are listed on a day: the date rules of SPX, SPXW, VIX, VIXW and SPY options, VX and ES futures.

Every date here is the settlement day. Horizons follow the real chains of October 2018 and December 2015, the real VX
rows since 2020 and a published list of August 2022; docs/simulated-worlds.md says which are assumptions. Simplified on
purpose: SPXW Fridays are listed in every year (the exchange began them in 2005), so that a history before that has a
PM-settled series to trade.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from bot.sim.exchange.holidays import on_or_after, on_or_before, previous_business_day, third_friday

_MON, _TUE, _WED, _THU, _FRI = range(5)
_DAY = timedelta(days=1)
_QUARTER_MONTHS = frozenset({3, 6, 9, 12})

_SPXW_SINCE = {_MON: date(2016, 8, 22), _TUE: date(2022, 4, 19), _WED: date(2016, 2, 24), _THU: date(2022, 5, 12)}
_SPXW_DAILIES_DAYS = 36
_SPXW_FRIDAYS_DAYS = 66
_MONTH_ENDS_DAYS = 170
_QUARTER_ENDS_DAYS = 365
_SPXW_THIRD_FRIDAYS_DAYS = 250

_SPX_YEAR_OF_MONTHS_SINCE = date(2020, 1, 21)  # assumed: after October 2018 and before August 2022

_SPY_SINCE = {_MON: date(2018, 2, 26), _TUE: date(2022, 11, 22), _WED: date(2016, 9, 7), _THU: date(2022, 11, 17)}
_SPY_DAILIES_DAYS = 16
_SPY_FRIDAYS_DAYS = 45
_SPY_LEAPS_MONTHS = 30

_VIX_MONTHS = 8
_WEEKLIES = 5
_WEEKLIES_REACH_DAYS = 60
_VIXW_SINCE = date(2015, 10, 8)
_VX_WEEKLIES_SINCE = date(2015, 7, 23)
_ES_QUARTERS = 5


def add_months(year: int, month: int, count: int) -> tuple[int, int]:
    """The (year, month) that many months later."""
    index = year * 12 + month - 1 + count
    return index // 12, index % 12 + 1


@lru_cache(maxsize=4096)
def vix_settlement_day(year: int, month: int) -> date:
    """Settlement day of the VX and VIX option month: 30 days before the SPX expiry of the next month, moved to the
    business day before where that day or that expiry falls on a holiday."""
    friday = third_friday(*add_months(year, month, 1))
    anchor = on_or_before(friday)
    return on_or_before(anchor - timedelta(days=30))


def _month_end(year: int, month: int) -> date:
    return on_or_before(date(*add_months(year, month, 1), 1) - _DAY)


def _third_fridays(on: date, months: int) -> Iterator[tuple[int, int, date]]:
    """(months ahead, month, settlement day) of the live third Fridays; the Thursday where that Friday is a holiday."""
    for ahead in range(months + 1):
        year, month = add_months(on.year, on.month, ahead)
        expiry = on_or_before(third_friday(year, month))
        if expiry >= on:
            yield ahead, month, expiry


@lru_cache(maxsize=4096)
def spx_expiries(on: date) -> tuple[date, ...]:
    """AM-settled SPX, third Fridays. Until 2020 four months, the quarter months of a year, January to 16 months and
    three Decembers; since then thirteen months and six Decembers. June to two years throughout."""
    later = on >= _SPX_YEAR_OF_MONTHS_SINCE
    near, decembers = (13, 6) if later else (4, 3)
    found: list[date] = []
    december_count = 0
    for number, (ahead, month, expiry) in enumerate(_third_fridays(on, 72)):
        december_count += month == 12
        if (
            number < near
            or (month in _QUARTER_MONTHS and ahead <= 12)
            or (month == 6 and ahead <= 24)
            or (month == 1 and ahead <= 16 and not later)
            or (month == 12 and december_count <= decembers)
        ):
            found.append(expiry)
    return tuple(found)


@lru_cache(maxsize=4096)
def spxw_expiries(on: date) -> tuple[date, ...]:
    """PM-settled SPXW: Fridays, Mon and Wed from 2016, every weekday from 2022, month-ends, and the third Fridays that
    the AM class has too."""
    found = _weeklies(on, _SPXW_SINCE, _SPXW_DAILIES_DAYS, _SPXW_FRIDAYS_DAYS)
    found.update(_ends(on, _MONTH_ENDS_DAYS))
    found.update(expiry for expiry in spx_expiries(on) if (expiry - on).days <= _SPXW_THIRD_FRIDAYS_DAYS)
    return tuple(sorted(found))


def _weeklies(on: date, since: dict[int, date], dailies_days: int, fridays_days: int) -> set[date]:
    """Weekly series by weekday, each from the day its weekday was introduced."""
    found: set[date] = set()
    for offset in range(-4, fridays_days + 8):
        nominal = on + timedelta(days=offset)
        weekday = nominal.weekday()
        if weekday == _FRI:
            expiry, horizon = on_or_before(nominal), fridays_days
        elif weekday in since and nominal >= since[weekday]:
            # A Monday series moves forward over a holiday, every other one back.
            expiry = on_or_after(nominal) if weekday == _MON else on_or_before(nominal)
            horizon = dailies_days
        else:
            continue
        if 0 <= (expiry - on).days <= horizon:
            found.add(expiry)
    return found


def _ends(on: date, month_ends_days: int) -> Iterator[date]:
    """Last business days of months, those of quarters up to a year out."""
    for ahead in range(14):
        year, month = add_months(on.year, on.month, ahead)
        expiry = _month_end(year, month)
        if 0 <= (expiry - on).days <= (_QUARTER_ENDS_DAYS if month % 3 == 0 else month_ends_days):
            yield expiry


@lru_cache(maxsize=4096)
def spy_expiries(on: date) -> tuple[date, ...]:
    """PM-settled SPY: Fridays and the weekdays introduced since 2016, quarter-ends, four months, the quarter months of
    a year, and January and December up to 30 months."""
    found = _weeklies(on, _SPY_SINCE, _SPY_DAILIES_DAYS, _SPY_FRIDAYS_DAYS)
    found.update(_ends(on, 0))
    for number, (ahead, month, expiry) in enumerate(_third_fridays(on, _SPY_LEAPS_MONTHS)):
        if number < 4 or (month in _QUARTER_MONTHS and ahead <= 12) or month in {1, 12}:
            found.add(expiry)
    return tuple(sorted(found))


@lru_cache(maxsize=4096)
def vix_expiries(on: date) -> tuple[date, ...]:
    """Monthly VIX options, AM-settled on the same day as the VX future of the month."""
    days = (vix_settlement_day(*add_months(on.year, on.month, ahead)) for ahead in range(_VIX_MONTHS + 1))
    return tuple(day for day in days if day >= on)


@lru_cache(maxsize=4096)
def vixw_expiries(on: date) -> tuple[date, ...]:
    """Weekly VIX options: on the days of the weekly futures they are hedged with."""
    return _vix_weeks(on, _VIXW_SINCE)


@lru_cache(maxsize=4096)
def vx_weekly_expiries(on: date) -> tuple[date, ...]:
    """Weekly VX futures: the nearest five Wednesdays, none in a week in which a month settles."""
    return _vix_weeks(on, _VX_WEEKLIES_SINCE)


def _vix_weeks(on: date, since: date) -> tuple[date, ...]:
    taken = {vix_settlement_day(*add_months(on.year, on.month, ahead)).isocalendar()[:2] for ahead in range(-1, 4)}
    found: list[date] = []
    for offset in range(-2, _WEEKLIES_REACH_DAYS):
        nominal = on + timedelta(days=offset)
        if nominal.weekday() != _WED or nominal < since:
            continue
        expiry = on_or_before(nominal)
        if expiry >= on and nominal.isocalendar()[:2] not in taken:
            found.append(expiry)
    return tuple(found[:_WEEKLIES])


@lru_cache(maxsize=4096)
def es_expiries(on: date) -> tuple[date, ...]:
    """E-mini S&P 500 futures: third Fridays of five quarter months, settled to the morning's SPX opening value."""
    quarters = [expiry for _, month, expiry in _third_fridays(on, 3 * _ES_QUARTERS + 2) if month in _QUARTER_MONTHS]
    return tuple(quarters[:_ES_QUARTERS])


def is_vix_month(expiry: date) -> bool:
    """Whether a settlement day belongs to a monthly VX contract (else a weekly)."""
    return expiry in {vix_settlement_day(*add_months(expiry.year, expiry.month, ahead)) for ahead in (-1, 0, 1)}


def last_trading_day(expiry: date, *, morning: bool) -> date:
    """Morning-settled series trade until the business day before; the others on their last day."""
    return previous_business_day(expiry) if morning else expiry
