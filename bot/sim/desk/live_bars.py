"""Bars that go on forming: historical bars kept up to date, and real-time bars of five seconds.

Rules: a forming bar is told at the looks at the market at which five seconds have passed since the last; a bar that is
over is told once more as it ended, then the next begins. Real-time bars are told when they are over, several at once
where looks at the market are further apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from bot.sim.desk import bars as cut
from bot.sim.desk.bar_maker import BarMaker, label
from bot.sim.desk.bar_query import BarQuery, BarSize, Price, invalid
from bot.sim.desk.client import DeskClient
from bot.sim.desk.contracts import find_one
from bot.sim.ports import Venue
from bot.sim.types import Bar, ContractSpec, Reject, SecType
from bot.sim.wire import encode_data
from bot.sim.wire import requests_data as data
from bot.sim.wire.times import EASTERN

Session = tuple[datetime, datetime]
REAL_TIME_S = 5
_BEAT = timedelta(seconds=REAL_TIME_S)
_REAL_TIME_PRICES = (Price.TRADES, Price.MIDPOINT, Price.BID, Price.ASK)


@dataclass(slots=True, eq=False)
class _Following:
    """Historical bars of one client that are kept up to date."""

    client: DeskClient
    request_id: int
    spec: ContractSpec
    query: BarQuery
    zone: ZoneInfo
    begun: datetime
    told: datetime


@dataclass(slots=True, eq=False)
class _RealTime:
    """One stream of real-time bars; `told_s` is the end of the last bar told, epoch seconds."""

    client: DeskClient
    request_id: int
    spec: ContractSpec
    price: Price
    told_s: float
    last: float | None = None


class LiveBars:
    """Feeds both kinds at every look at the market."""

    def __init__(self, venue: Venue, maker: BarMaker) -> None:
        self._venue = venue
        self._maker = maker
        self._following: dict[tuple[int, int], _Following] = {}
        self._real_time: dict[tuple[int, int], _RealTime] = {}

    # kept up to date -----------------------------------------------------------------------------
    def follow(
        self, client: DeskClient, request_id: int, spec: ContractSpec, query: BarQuery, last: Bar, zone: ZoneInfo
    ) -> None:
        """Goes on with the bars just sent, of which `last` was the newest."""
        self._following[client.client_id, request_id] = _Following(
            client, request_id, spec, query, zone, last.at, self._venue.now
        )

    def forget(self, client: DeskClient, request_id: int) -> bool:
        """Ends the updates under an id; whether there were any."""
        return self._following.pop((client.client_id, request_id), None) is not None

    def _update(self, line: _Following, now: datetime) -> None:
        if now - line.told < _BEAT:
            return
        sessions = self._since(line, now)
        if not sessions:
            return
        line.told = now
        for bar in self._maker.bars(line.spec, line.query, sessions, line.zone):
            if bar.at >= line.begun:
                line.begun = bar.at
                text = label(bar.at, line.query, line.zone, line.client.version)
                line.client.send(encode_data.historical_data_update(line.request_id, text, bar))

    def _since(self, line: _Following, now: datetime) -> list[Session]:
        """The sessions, up to now, that hold the last bar told and what came after."""
        first = line.begun.astimezone(EASTERN).date()
        if line.query.size is BarSize.WEEK:
            first -= timedelta(days=first.weekday())
        elif line.query.size is BarSize.MONTH:
            first = first.replace(day=1)
        known = self._venue.past.sessions(line.spec, first, now.date())
        if line.query.size.seconds is not None:
            known = [(max(opened, line.begun), closed) for opened, closed in known if closed > line.begun]
        live = [(opened, min(closed, now)) for opened, closed in known if opened < now]
        return live if live and live[-1][1] > line.told else []

    # real-time bars ------------------------------------------------------------------------------
    def open(self, client: DeskClient, request: data.RealTimeBars) -> None:
        """reqRealTimeBars: bars of five seconds from now on; 102, 200, 321 or 420."""
        key = (client.client_id, request.request_id)
        spec = find_one(self._venue, request.contract)
        refused = spec if isinstance(spec, Reject) else _refused(request, spec)
        if key in self._real_time:
            refused = Reject(102, "Duplicate ticker ID.")
        if refused is not None:
            client.error(request.request_id, refused.code, refused.text)
            return
        assert isinstance(spec, ContractSpec)
        begun_s = np.ceil(self._venue.now.timestamp() / REAL_TIME_S) * REAL_TIME_S
        self._real_time[key] = _RealTime(client, request.request_id, spec, Price(request.what.upper()), float(begun_s))

    def close(self, client: DeskClient, request: data.CancelRealTimeBars) -> None:
        """cancelRealTimeBars, 300 for an id not in use."""
        if self._real_time.pop((client.client_id, request.request_id), None) is None:
            client.error(request.request_id, 300, f"Can't find EId with tickerId:{request.request_id}")

    def _tell(self, line: _RealTime, now: datetime) -> None:
        day = now.date()
        for opened, closed in self._venue.past.sessions(line.spec, day, day):
            begin = max(line.told_s, opened.timestamp())
            end = np.floor(min(now, closed).timestamp() / REAL_TIME_S) * REAL_TIME_S
            if end <= begin:
                continue
            limits = np.arange(begin, end + 1.0, REAL_TIME_S)
            start, until = (datetime.fromtimestamp(at_s, EASTERN) for at_s in (begin, float(end)))
            tape = self._venue.past.tape(line.spec, start, until, float(REAL_TIME_S))
            found = {bar.at: bar for bar in cut.bars_of(tape, limits, line.price, line.spec.sec_type, EASTERN)}
            for at_s in limits[:-1].tolist():
                self._send(line, at_s, found.get(datetime.fromtimestamp(at_s, EASTERN)))
            line.told_s = float(end)

    @staticmethod
    def _send(line: _RealTime, at_s: float, bar: Bar | None) -> None:
        """Where nothing was traded the last price stands."""
        if bar is None:
            if line.last is None:
                return
            at = datetime.fromtimestamp(at_s, EASTERN)
            bar = Bar(at, line.last, line.last, line.last, line.last)
        line.last = bar.close
        line.client.send(encode_data.real_time_bar(line.request_id, int(at_s), bar))

    # both ----------------------------------------------------------------------------------------
    def tick(self) -> None:
        """The market has moved."""
        now = self._venue.now
        for line in list(self._following.values()):
            self._update(line, now)
        for stream in list(self._real_time.values()):
            self._tell(stream, now)

    def close_all(self, client: DeskClient | None) -> None:
        """Ends everything of a client that has gone, or (None) of all."""
        tables: Iterable[dict[tuple[int, int], _Following] | dict[tuple[int, int], _RealTime]]
        tables = (self._following, self._real_time)
        for table in tables:
            for key in [key for key, line in table.items() if client in (None, line.client)]:
                del table[key]


def _refused(request: data.RealTimeBars, spec: ContractSpec) -> Reject | None:
    if request.bar_size != REAL_TIME_S:
        return invalid(f"Real-time bars have 5 seconds, got {request.bar_size}")
    if request.what.upper() not in _REAL_TIME_PRICES:
        return invalid(f"What to show {request.what!r} is invalid. Legal ones are: {', '.join(_REAL_TIME_PRICES)}")
    if spec.sec_type is SecType.INDEX and request.what.upper() != Price.TRADES:
        return Reject(420, f"Invalid Real-time Query:No data of type {request.what} for {spec.symbol}")
    return None
