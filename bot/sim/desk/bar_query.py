"""A request for bars, checked as a gateway checks it: end, duration, bar size, price, date format, live updates.

The legal words and the texts of the refusals follow what gateways answer; the first fault found is the one told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.sim.types import Reject, SecType
from bot.sim.wire import requests as ask
from bot.sim.wire.fields import MalformedRequest
from bot.sim.wire.times import EASTERN, read_moment

INVALID_TIME = 10314
INVALID_TIME_TEXT = (
    "End Date/Time: The date, time, or time-zone entered is invalid. The correct format is yyyymmdd hh:mm:ss xx/xxxx "
    "where yyyymmdd and xx/xxxx are optional. E.g.: 20031126 15:59:00 US/Eastern. "
    "yyyymmdd-hh:mm:ss is read as UTC."
)
SERVICE = "Historical Market Data Service error message:"


class BarSize(StrEnum):
    """Legal bar sizes in the words of the protocol."""

    SEC_1 = "1 secs"
    SEC_5 = "5 secs"
    SEC_10 = "10 secs"
    SEC_15 = "15 secs"
    SEC_30 = "30 secs"
    MIN_1 = "1 min"
    MIN_2 = "2 mins"
    MIN_3 = "3 mins"
    MIN_5 = "5 mins"
    MIN_10 = "10 mins"
    MIN_15 = "15 mins"
    MIN_20 = "20 mins"
    MIN_30 = "30 mins"
    HOUR_1 = "1 hour"
    HOUR_2 = "2 hours"
    HOUR_3 = "3 hours"
    HOUR_4 = "4 hours"
    HOUR_8 = "8 hours"
    DAY = "1 day"
    WEEK = "1W"
    MONTH = "1M"

    @property
    def seconds(self) -> int | None:
        """Length of a bar within a day, None for a day and more."""
        number, _, unit = self.value.partition(" ")
        return int(number) * _UNIT_S[unit[0]] if self not in _DAYS else None


_UNIT_S = {"s": 1, "m": 60, "h": 3600}
_DAYS = frozenset({BarSize.DAY, BarSize.WEEK, BarSize.MONTH})
_ALIASES = {"1 week": BarSize.WEEK, "1 month": BarSize.MONTH}
_LONGEST_S = {BarSize.SEC_1: 2000, BarSize.SEC_5: 10_000, BarSize.SEC_10: 14_400, BarSize.SEC_15: 14_400,
              BarSize.SEC_30: 28_800}  # fmt: skip
"""Longest durations of bars under a minute, seconds."""


class Price(StrEnum):
    """What bars are made of (whatToShow)."""

    TRADES = "TRADES"
    MIDPOINT = "MIDPOINT"
    BID = "BID"
    ASK = "ASK"
    BID_ASK = "BID_ASK"
    ADJUSTED_LAST = "ADJUSTED_LAST"
    HISTORICAL_VOLATILITY = "HISTORICAL_VOLATILITY"
    OPTION_IMPLIED_VOLATILITY = "OPTION_IMPLIED_VOLATILITY"
    SCHEDULE = "SCHEDULE"

    @property
    def label(self) -> str:
        """Its name in the data service's messages."""
        return self.value.title().replace("_", "")


_LIVE_PRICES = frozenset({Price.TRADES, Price.MIDPOINT, Price.BID, Price.ASK})
_QUOTES = frozenset({Price.MIDPOINT, Price.BID, Price.ASK, Price.BID_ASK})
_VOLATILITIES = frozenset({Price.HISTORICAL_VOLATILITY, Price.OPTION_IMPLIED_VOLATILITY})
SERVED: dict[SecType, frozenset[Price]] = {
    SecType.INDEX: frozenset({Price.TRADES, Price.SCHEDULE, *_VOLATILITIES}),
    SecType.STOCK: frozenset(Price),
    SecType.FUTURE: frozenset({Price.TRADES, Price.SCHEDULE, *_QUOTES}),
    SecType.OPTION: frozenset({Price.TRADES, Price.SCHEDULE, *_QUOTES}),
}
"""Prices with history by security type, after the protocol's documentation."""


class Unit(StrEnum):
    """Units of a duration."""

    SECONDS = "S"
    DAYS = "D"
    WEEKS = "W"
    MONTHS = "M"
    YEARS = "Y"


@dataclass(frozen=True, slots=True)
class Duration:
    """How far back bars go: seconds and calendar spans, or whole sessions for days."""

    count: int
    unit: Unit

    def before(self, end: datetime) -> datetime:
        """The moment so far before the end; for days a generous bound, as sessions are counted by the caller."""
        if self.unit is Unit.SECONDS:
            return end - timedelta(seconds=self.count)
        if self.unit is Unit.DAYS:
            return end - timedelta(days=self.count * 7 // 5 + 10)
        if self.unit is Unit.WEEKS:
            return end - timedelta(weeks=self.count)
        months = self.count * (12 if self.unit is Unit.YEARS else 1)
        month = end.year * 12 + end.month - 1 - months
        year, month = divmod(month, 12)
        for day in range(end.day, end.day - 4, -1):
            try:
                return end.replace(year=year, month=month + 1, day=day)
            except ValueError:
                continue  # the month is shorter
        raise AssertionError("every month has 28 days")


@dataclass(frozen=True, slots=True)
class BarQuery:
    """A checked request for bars; `end` None means now."""

    end: datetime | None
    duration: Duration
    size: BarSize
    price: Price
    date_format: int


def checked(request: ask.HistoricalData, version: int) -> BarQuery | Reject:
    """The request in our words, or the error a gateway answers (10314, 321)."""
    try:
        end = read_moment("endDateTime", request.end.strip())
    except MalformedRequest:
        return Reject(INVALID_TIME, INVALID_TIME_TEXT)
    duration = read_duration(request.duration)
    if isinstance(duration, str):
        return invalid(duration)
    size = _size(request.bar_size)
    price = request.what.upper() or Price.TRADES
    if price == Price.ADJUSTED_LAST and end is not None:
        return invalid("End date not supported with adjusted last")
    if size is None:
        legal = ", ".join(BarSize)
        return invalid(f"Historical data bar size setting is invalid. Legal ones are: {legal}")
    if price not in frozenset(Price) or (price == Price.SCHEDULE and version < 165):
        return invalid(f"What to show {request.what!r} is invalid. Legal ones are: {', '.join(Price)}")
    if request.date_format not in (1, 2, 3):
        return invalid(f"Date formatting selection of {request.date_format} rejected.")
    refused = _refused_updates(request, Price(price)) if request.keep_up_to_date else None
    if refused is not None:
        return invalid(refused)
    if price == Price.SCHEDULE and size is not BarSize.DAY:
        return invalid("Only daily resolution supported for Schedule requests")
    longest = _LONGEST_S.get(size)
    if longest is not None and (duration.unit is not Unit.SECONDS or duration.count > longest):
        return Reject(162, f"{SERVICE}Time length exceed max.")
    return BarQuery(end, duration, size, Price(price), request.date_format)


def _size(text: str) -> BarSize | None:
    if text in frozenset(BarSize):
        return BarSize(text)
    return _ALIASES.get(text)


def _refused_updates(request: ask.HistoricalData, price: Price) -> str | None:
    if request.end.strip():
        return "End date not supported with live updates"
    if request.contract.sec_type == SecType.BAG:
        return "Live updates for combos are not supported"
    if price not in _LIVE_PRICES:
        return "Source price not supported with live updates"
    return None


_DURATION = re.compile(r"(\d{1,6}) ([SDWMY])", re.ASCII)
_MOST = {
    Unit.SECONDS: (86_400, "Historical data request for greater than 86400 seconds rejected."),
    Unit.DAYS: (365, "Historical data requests for durations longer than 365 days must be made in years."),
    Unit.WEEKS: (52, "Historical data request for durations longer than 52 weeks must be made in years."),
    Unit.MONTHS: (12, "Historical data request for durations longer than 12 months must be made in years."),
    Unit.YEARS: (60, "Historical data requested duration is invalid."),
}
_FEWEST_SECONDS = 30


def read_duration(text: str) -> Duration | str:
    """'60 D' and the like, a bare number meaning seconds; or what is wrong with it."""
    if not text.strip():
        return "Historical data request duration not specified."
    plain = f"{text} S" if text.isascii() and text.isdigit() else text
    match = _DURATION.fullmatch(plain.strip().upper())
    if match is None:
        return "When specifying a unit, historical data request duration format is integer{SPACE}unit (S|D|W|M|Y)."
    count, unit = int(match[1]), Unit(match[2])
    if count < 1 or (unit is Unit.SECONDS and count < _FEWEST_SECONDS):
        return "Historical data requested duration is invalid."
    most, text_beyond = _MOST[unit]
    return text_beyond if count > most else Duration(count, unit)


def invalid(cause: str) -> Reject:
    """A request that does not pass validation."""
    return Reject(321, f"Error validating request.-'bR' : cause - {cause}")


def no_data(symbol: str, exchange: str, label: str) -> Reject:
    """The data service has nothing."""
    return Reject(162, f"{SERVICE}HMDS query returned no data: {symbol}@{exchange} {label}")


def in_zone(moment: datetime) -> datetime:
    """The moment on New York's clock, by which days are counted."""
    return moment.astimezone(EASTERN)
