"""Historical daily bars."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from bot.sim.desk.client import DeskClient
from bot.sim.desk.contracts import find_one
from bot.sim.ports import Venue
from bot.sim.types import Bar, Reject
from bot.sim.wire import encode
from bot.sim.wire import requests as ask
from bot.sim.wire.times import moment, read_moment

_DURATION = re.compile(r"\s*(\d{1,5})\s*([SDWMY])\s*", re.ASCII)
_TRADING_DAYS = {"D": 1, "W": 5, "M": 21, "Y": 252}
_CALENDAR_DAYS = {"S": 1, "D": 1, "W": 7, "M": 31, "Y": 365}
_DAILY = frozenset({"1 day", "1 D", "1D", "1day"})
_PRICES = frozenset({"TRADES", "MIDPOINT", "BID", "ASK", "ADJUSTED_LAST"})
_SERVICE = "Historical Market Data Service error message:"


class HistoryDesk:
    """Answers reqHistoricalData from the venue's daily bars."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def bars(self, client: DeskClient, request: ask.HistoricalData) -> None:
        """All bars of the duration up to the end, oldest first; 162, 200 or 321 where there are none to give."""
        refused = _not_served(request)
        count = _days_of(request.duration)
        if refused is None and count is None:
            refused = Reject(
                321, f"Error validating request: duration {request.duration!r}; for example '60 D' or '1 Y'"
            )
        found = find_one(self._venue, request.contract)
        if refused is None and isinstance(found, Reject):
            refused = found
        if refused is not None or count is None or isinstance(found, Reject):
            assert refused is not None, "every way here has a reason"
            client.error(request.request_id, refused.code, refused.text)
            return
        end = read_moment("endDateTime", request.end) or self._venue.now
        bars = self._venue.daily_bars(found, min(end, self._venue.now), count)
        if not bars:
            client.error(request.request_id, 162, f"{_SERVICE} HMDS query returned no data: {found.local_symbol}")
            return
        start = end - timedelta(days=_calendar_days(request.duration))
        span = moment(start, client.version), moment(end, client.version)
        client.send(encode.historical_data(request.request_id, *span, [(_label(bar), bar) for bar in bars]))

    def cancel(self, client: DeskClient, request: ask.CancelHistoricalData) -> None:
        """cancelHistoricalData: nothing runs on after the answer, so the id is never known (366)."""
        client.error(request.request_id, 366, f"No historical data query found for ticker id:{request.request_id}")


def _not_served(request: ask.HistoricalData) -> Reject | None:
    if request.keep_up_to_date:
        return Reject(321, "Error validating request: keepUpToDate bars are not served by this gateway")
    if request.bar_size not in _DAILY:
        return Reject(162, f"{_SERVICE} bars of {request.bar_size!r} are not served, only '1 day'")
    if request.what not in _PRICES:
        return Reject(162, f"{_SERVICE} no data of type {request.what!r}; served are {', '.join(sorted(_PRICES))}")
    return None


def _days_of(duration: str) -> int | None:
    match = _DURATION.fullmatch(duration)
    if match is None:
        return None
    return 1 if match[2] == "S" else int(match[1]) * _TRADING_DAYS[match[2]]


def _calendar_days(duration: str) -> int:
    match = _DURATION.fullmatch(duration)
    assert match is not None, "checked before"
    return min(int(match[1]) * _CALENDAR_DAYS[match[2]], 20_000)


def _label(bar: Bar) -> str:
    """Daily bars are labelled by their day in either date format."""
    at: datetime = bar.at
    return f"{at:%Y%m%d}"
