"""Which expiries are listed on a day: the date rules of SPX, SPXW, VIX, VIXW and VX.

Every date here is the settlement day. Simplified on purpose: SPXW Fridays are listed in every year (the exchange began
them in 2005), so that a history before that has a PM-settled series to trade.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from bot.sim.venue.holidays import on_or_after, on_or_before, previous_business_day, third_friday

_MON, _TUE, _WED, _THU, _FRI = range(5)
_FIRST_BY_WEEKDAY = {
    _WED: date(2016, 2, 24),
    _MON: date(2016, 8, 22),
    _TUE: date(2022, 4, 19),
    _THU: date(2022, 5, 12),
}
_DAILIES_DAYS = 45
_FRIDAYS_DAYS = 66
_MONTH_ENDS_DAYS = 200
_QUARTER_ENDS_DAYS = 365
_THIRD_FRIDAYS_DAYS = 280
_VIX_MONTHS = 8
_VIX_WEEKS_DAYS = 45
_VIX_WEEKLIES_SINCE = date(2015, 10, 8)


def add_months(year: int, month: int, count: int) -> tuple[int, int]:
    """The (year, month) that many months later."""
    index = year * 12 + month - 1 + count
    return index // 12, index % 12 + 1


def vix_settlement_day(year: int, month: int) -> date:
    """Settlement day of the VX and VIX option month: 30 days before the SPX expiry of the next month, moved to the
    business day before where that day or that expiry falls on a holiday."""
    friday = third_friday(*add_months(year, month, 1))
    anchor = on_or_before(friday)
    return on_or_before(anchor - timedelta(days=30))


def _month_end(year: int, month: int) -> date:
    return on_or_before(date(*add_months(year, month, 1), 1) - timedelta(days=1))


@lru_cache(maxsize=4096)
def spx_expiries(on: date) -> tuple[date, ...]:
    """AM-settled SPX: third Fridays (Thursday if that is a holiday) of twelve months, then June and December to 36."""
    found = []
    for ahead in range(37):
        year, month = add_months(on.year, on.month, ahead)
        expiry = on_or_before(third_friday(year, month))
        if expiry >= on and (ahead <= 12 or month in {6, 12}):
            found.append(expiry)
    return tuple(found)


@lru_cache(maxsize=4096)
def spxw_expiries(on: date) -> tuple[date, ...]:
    """PM-settled SPXW: Fridays, Mon and Wed from 2016, every weekday from 2022, month-ends and third Fridays."""
    found: set[date] = set()
    for offset in range(-4, _FRIDAYS_DAYS + 8):
        nominal = on + timedelta(days=offset)
        weekday = nominal.weekday()
        if weekday == _FRI:
            expiry, horizon = on_or_before(nominal), _FRIDAYS_DAYS
        elif weekday in _FIRST_BY_WEEKDAY and nominal >= _FIRST_BY_WEEKDAY[weekday]:
            # A Monday series moves forward over a holiday, every other one back.
            expiry = on_or_after(nominal) if weekday == _MON else on_or_before(nominal)
            horizon = _DAILIES_DAYS
        else:
            continue
        if 0 <= (expiry - on).days <= horizon:
            found.add(expiry)
    for ahead in range(14):
        year, month = add_months(on.year, on.month, ahead)
        horizon = _QUARTER_ENDS_DAYS if month % 3 == 0 else _MONTH_ENDS_DAYS
        for expiry, limit in (
            (_month_end(year, month), horizon),
            (on_or_before(third_friday(year, month)), _THIRD_FRIDAYS_DAYS),
        ):
            if 0 <= (expiry - on).days <= limit:
                found.add(expiry)
    return tuple(sorted(found))


@lru_cache(maxsize=4096)
def vix_expiries(on: date) -> tuple[date, ...]:
    """Monthly VIX options, AM-settled on the same day as the VX future of the month."""
    days = (vix_settlement_day(*add_months(on.year, on.month, ahead)) for ahead in range(_VIX_MONTHS + 1))
    return tuple(day for day in days if day >= on)


@lru_cache(maxsize=4096)
def vixw_expiries(on: date) -> tuple[date, ...]:
    """Weekly VIX options: the Wednesdays between the months, about six weeks out."""
    monthly = {vix_settlement_day(*add_months(on.year, on.month, ahead)) for ahead in range(-1, 4)}
    found: set[date] = set()
    for offset in range(-2, _VIX_WEEKS_DAYS + 1):
        nominal = on + timedelta(days=offset)
        if nominal.weekday() != _WED or nominal < _VIX_WEEKLIES_SINCE:
            continue
        expiry = on_or_before(nominal)
        if expiry >= on and expiry not in monthly:
            found.add(expiry)
    return tuple(sorted(found))


def is_vix_month(expiry: date) -> bool:
    """Whether a settlement day belongs to a monthly VX contract (else a weekly)."""
    return expiry in {vix_settlement_day(*add_months(expiry.year, expiry.month, ahead)) for ahead in (-1, 0, 1)}


def last_trading_day(expiry: date, *, morning: bool) -> date:
    """Morning-settled series trade until the business day before; the others on their last day."""
    return previous_business_day(expiry) if morning else expiry
