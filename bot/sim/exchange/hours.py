"""When things trade, by kind of product and date: overnight (GTH), regular and curb sessions, early closes, holidays.

Rules: a session belongs to a trade date, and an overnight one opens on the evening before it. Regular hours follow the
day's index close; the other hours are the exchange's of that date. docs/simulated-worlds.md names the sources and what
could not be verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from functools import lru_cache
from zoneinfo import ZoneInfo

from bot.sim.exchange.holidays import holidays, is_business_day, is_early_close, short_holidays
from bot.sim.types import Settlement, TradingDay

NEW_YORK = ZoneInfo("America/New_York")
CHICAGO = ZoneInfo("US/Central")
EASTERN = ZoneInfo("US/Eastern")
_DAY = timedelta(days=1)
TEXT_DAYS = 7
"""Calendar days that the protocol's hours cover."""

_GTH_SINCE = date(2015, 3, 9)  # SPX; VIX options began a week earlier
_GTH_FROM_EVENING_SINCE = date(2021, 11, 22)
_GTH_TO_0925_SINCE = date(2023, 1, 1)  # assumed: 09:15 until at least 2022, 09:25 seen in 2025
_CURB_SINCE = date(2022, 4, 25)
_VIX_NIGHT_SINCE = date(2016, 4, 15)
_VIX_NIGHT_LATER_SINCE = date(2019, 4, 30)
_VX_POST_SINCE = date(2013, 10, 29)
_VX_FROM_0300_SINCE = date(2013, 11, 4)
_VX_ROUND_THE_CLOCK_SINCE = date(2014, 6, 23)
_VX_FROM_1800_SINCE = date(2018, 2, 26)
_VX_WITHOUT_PAUSE_SINCE = date(2020, 10, 26)  # from memory of the exchange's notice
_CME_WITHOUT_PAUSE_SINCE = date(2021, 6, 28)


class Schedule(Enum):
    """Kinds of product by their hours."""

    INDEX_OPTIONS = "SPX and VIX options"
    ETF_OPTIONS = "SPY options"
    STOCKS = "stocks and ETFs"
    VX_FUTURES = "VX and VXM"
    CME_FUTURES = "ES and MES"
    CASH_INDEX = "indices of the cash session"
    VIX_INDEX = "VIX"
    VOL_INDEX = "the other volatility indices"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which IB states the hours: Eastern for stocks and what hangs on them, else Central."""
        return EASTERN if self in {Schedule.STOCKS, Schedule.ETF_OPTIONS} else CHICAGO


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """One session, New York time; the closing instant is shut."""

    open_at: datetime
    close_at: datetime


@lru_cache(maxsize=16384)
def regular_day(day: date) -> TradingDay:
    """The exchange day by rule: 09:30 to 16:15, the index to 16:00 (13:15 and 13:00 on early days)."""
    early = is_early_close(day)
    hour = 13 if early else 16
    return TradingDay(
        day=day,
        open_at=_at(day, 9, 30),
        index_close_at=_at(day, hour),
        close_at=_at(day, hour, 15),
        early_close=early,
    )


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), NEW_YORK)


# sessions of a trade date --------------------------------------------------------------------------------------------
@lru_cache(maxsize=8192)
def sessions(schedule: Schedule, day: TradingDay) -> tuple[Span, ...]:
    """Every session of that trade date, in order; those that touch are one."""
    return joined([*_night(schedule, day), _regular(schedule, day), *_after(schedule, day)])


@lru_cache(maxsize=8192)
def liquid_sessions(schedule: Schedule, day: TradingDay) -> tuple[Span, ...]:
    """What IB calls liquid hours. VIX counts as liquid whenever it is computed (IB's own contract details)."""
    if schedule is Schedule.VIX_INDEX:
        return sessions(schedule, day)
    regular = _regular(schedule, day)
    if schedule is Schedule.VX_FUTURES and day.day >= _VX_WITHOUT_PAUSE_SINCE:
        return (Span(regular.open_at, day.index_close_at),)
    if schedule is Schedule.CME_FUTURES and day.day >= _CME_WITHOUT_PAUSE_SINCE and not day.early_close:
        return (Span(regular.open_at, _at(day.day, 17)),)
    return (regular,)


def holiday_session(schedule: Schedule, holiday: date) -> Span | None:
    """The shortened overnight session that ends on the morning of a holiday; it belongs to the next trade date."""
    if holiday not in short_holidays(holiday.year):
        return None
    eve = holiday - _DAY
    if schedule is Schedule.INDEX_OPTIONS and holiday >= _GTH_FROM_EVENING_SINCE:
        return Span(_at(eve, 20, 15), _at(holiday, 11, 30))
    if schedule is Schedule.VX_FUTURES and holiday >= _VX_ROUND_THE_CLOCK_SINCE:
        return Span(_at(eve, 18), _at(holiday, 11, 30))
    if schedule is Schedule.CME_FUTURES:
        return Span(_at(eve, 18), _at(holiday, 13))
    return None


def _regular(schedule: Schedule, day: TradingDay) -> Span:
    with_index = schedule in {Schedule.STOCKS, Schedule.CASH_INDEX}
    return Span(day.open_at, day.index_close_at if with_index else day.close_at)


def _night(schedule: Schedule, day: TradingDay) -> list[Span]:
    """What comes before the regular session of that trade date."""
    on = day.day
    if schedule is Schedule.INDEX_OPTIONS and on >= _GTH_SINCE:
        ends = _at(on, 9, 25 if on >= _GTH_TO_0925_SINCE else 15)
        return [Span(_at(on - _DAY, 20, 15) if on >= _GTH_FROM_EVENING_SINCE else _at(on, 3), ends)]
    if schedule is Schedule.VIX_INDEX and on >= _VIX_NIGHT_SINCE:
        return [Span(_at(on, 3, 15 if on >= _VIX_NIGHT_LATER_SINCE else 0), _at(on, 9, 15))]
    if schedule is Schedule.STOCKS:
        return [Span(_at(on, 4), day.open_at)]
    if schedule is Schedule.CME_FUTURES:
        return [Span(_at(on - _DAY, 18), day.open_at)]
    if schedule is Schedule.VX_FUTURES:
        return _vx_night(day)
    return []


def _vx_night(day: TradingDay) -> list[Span]:
    """VX before 09:30: by phases of the exchange's extended hours. The evening session of 2013 to 2018 followed a
    regular one by fifteen minutes; after a weekend or a holiday the week began at 18:00."""
    on, eve = day.day, day.day - _DAY
    follows_session = is_business_day(eve)
    if on >= _VX_ROUND_THE_CLOCK_SINCE:
        starts = _at(eve, 18)
        if on < _VX_FROM_1800_SINCE and follows_session and not is_early_close(eve):
            starts = _at(eve, 16, 30)
        return [Span(starts, day.open_at)]
    evening = [Span(_at(eve, 16, 30), _at(eve, 17, 15))] if on >= _VX_POST_SINCE and follows_session else []
    return [*evening, Span(_at(on, 3 if on >= _VX_FROM_0300_SINCE else 8), day.open_at)]


def _after(schedule: Schedule, day: TradingDay) -> list[Span]:
    """What comes after the regular session of that trade date; nothing but shorter stock hours on early days."""
    on = day.day
    if schedule is Schedule.STOCKS:
        return [Span(day.index_close_at, _at(on, 17 if day.early_close else 20))]
    if day.early_close:
        return []
    if schedule in {Schedule.INDEX_OPTIONS, Schedule.VIX_INDEX} and on >= _CURB_SINCE:
        return [Span(day.close_at, _at(on, 17))]
    if schedule is Schedule.VX_FUTURES and on >= _VX_FROM_1800_SINCE:
        return [Span(day.close_at if on >= _VX_WITHOUT_PAUSE_SINCE else _at(on, 16, 30), _at(on, 17))]
    if schedule is Schedule.CME_FUTURES:
        return [Span(day.close_at if on >= _CME_WITHOUT_PAUSE_SINCE else _at(on, 16, 30), _at(on, 17))]
    return []


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same time in as few spans as possible, in order: overlapping and touching ones become one."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.open_at <= found[-1].close_at:
            found[-1] = Span(found[-1].open_at, max(found[-1].close_at, span.close_at))
        else:
            found.append(span)
    return tuple(found)


# stretches of days ---------------------------------------------------------------------------------------------------
def calendar(schedule: Schedule, days: Sequence[TradingDay]) -> tuple[Span, ...]:
    """Every session of those trade dates in order, the shortened ones of the holidays before them included."""
    found: list[Span] = []
    for day in days:
        for holiday in _holidays_before(day.day):
            short = holiday_session(schedule, holiday)
            if short is not None:
                found.append(short)
        found.extend(sessions(schedule, day))
    return tuple(sorted(found))


def live_time(days: Sequence[TradingDay]) -> tuple[Span, ...]:
    """All time in which anything trades, as few spans as possible."""
    return joined(span for schedule in Schedule for span in calendar(schedule, days))


def _holidays_before(day: date) -> list[date]:
    """Holidays between the business day before a trade date and that date."""
    found: list[date] = []
    earlier = day - _DAY
    while not is_business_day(earlier):
        if earlier in holidays(earlier.year):
            found.append(earlier)
        earlier -= _DAY
    return found


# the protocol's text -------------------------------------------------------------------------------------------------
def hours_text(spans: Sequence[Span], today: date, zone: ZoneInfo) -> str:
    """`YYYYMMDD:HHMM-YYYYMMDD:HHMM;...;YYYYMMDD:CLOSED`: the given sessions in order, and CLOSED for every date of the
    week from `today` on which none begins or ends."""
    local = [(span.open_at.astimezone(zone), span.close_at.astimezone(zone)) for span in spans]
    touched = {moment.date() for pair in local for moment in pair}
    entries = [(opened.date(), f"{opened:%Y%m%d:%H%M}-{closed:%Y%m%d:%H%M}") for opened, closed in local]
    entries += [(day, f"{day:%Y%m%d}:CLOSED") for day in week_of(today) if day not in touched]
    return ";".join(text for _, text in sorted(entries))


def week_of(today: date) -> list[date]:
    """The dates that the protocol's hours cover."""
    return [today + timedelta(days=offset) for offset in range(TEXT_DAYS)]


@lru_cache(maxsize=16384)
def settles_at(expiry: date, settlement: Settlement) -> datetime:
    """The instant the settlement value is struck: 09:30 for AM, the index close for PM."""
    day = regular_day(expiry)
    return day.open_at if settlement is Settlement.AM else day.index_close_at
