"""The earliest moment with data, past ticks and histograms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, timedelta

import numpy as np

from bot.sim.desk.bar_maker import BarMaker
from bot.sim.desk.bar_query import (
    INVALID_TIME,
    INVALID_TIME_TEXT,
    SERVED,
    SERVICE,
    BarQuery,
    BarSize,
    Duration,
    Price,
    Unit,
    invalid,
)
from bot.sim.desk.client import DeskClient
from bot.sim.desk.contracts import find_one
from bot.sim.desk.history import PACING_TEXT
from bot.sim.past_types import MarketTape
from bot.sim.ports import Venue
from bot.sim.types import ContractSpec, Reject, SecType
from bot.sim.wire import encode_data
from bot.sim.wire import requests_data as data
from bot.sim.wire.fields import MalformedRequest
from bot.sim.wire.times import read_moment

_MOST_TICKS = 1000
_TICK_DAYS = 10
_PERIOD = re.compile(r"(\d{1,4}) (second|minute|hour|day|week|month|year)s?", re.ASCII)
_PERIOD_UNITS = {"day": Unit.DAYS, "week": Unit.WEEKS, "month": Unit.MONTHS, "year": Unit.YEARS}
_PERIOD_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


class PastTicks:
    """Answers reqHeadTimestamp, reqHistoricalTicks and reqHistogramData. `admits(request, contract)` keeps the pace."""

    def __init__(self, venue: Venue, admits: Callable[[object, object], bool]) -> None:
        self._venue = venue
        self._admits = admits
        self._maker = BarMaker(venue)

    def head_timestamp(self, client: DeskClient, request: data.HeadTimestamp) -> None:
        """reqHeadTimestamp: the first moment with data in UTC, or 162."""
        spec = find_one(self._venue, request.contract)
        if isinstance(spec, Reject):
            return _refuse(client, request.request_id, spec)
        price = request.what.upper() or Price.TRADES
        if price not in frozenset(Price):
            return _refuse(client, request.request_id, invalid(f"What to show {request.what!r} is invalid."))
        first = self._venue.past.first_moment(spec) if Price(price) in SERVED[spec.sec_type] else None
        if first is None:
            return _refuse(client, request.request_id, Reject(162, f"{SERVICE}No head time stamp"))
        epoch = int(first.timestamp())
        text = str(epoch) if request.date_format == 2 else f"{first.astimezone(UTC):%Y%m%d-%H:%M:%S}"
        client.send(encode_data.head_timestamp(request.request_id, text))
        return None

    # past ticks ----------------------------------------------------------------------------------
    def ticks(self, client: DeskClient, request: data.HistoricalTicks) -> None:
        """reqHistoricalTicks: up to 1000 ticks from the start on, or up to the end; 321, 10314, 10187 or 162."""
        spec = find_one(self._venue, request.contract)
        refused = spec if isinstance(spec, Reject) else _refused_ticks(request, spec)
        if refused is None:
            assert isinstance(spec, ContractSpec)
            if not self._admits((spec.con_id, request.start, request.end, request.what, request.count), spec.con_id):
                refused = Reject(162, PACING_TEXT)
        if refused is not None:
            return _refuse(client, request.request_id, refused)
        assert isinstance(spec, ContractSpec)
        try:
            tape, forward = self._tick_tape(spec, request)
        except MalformedRequest:
            return _refuse(client, request.request_id, Reject(INVALID_TIME, INVALID_TIME_TEXT))
        send_ticks(client, request.request_id, spec, tape, request.what, request.count, forward=forward)
        return None

    def _tick_tape(self, spec: ContractSpec, request: data.HistoricalTicks) -> tuple[MarketTape, bool]:
        start = read_moment("startDateTime", request.start.strip())
        end = read_moment("endDateTime", request.end.strip())
        if start is not None:
            until = min(start + timedelta(days=_TICK_DAYS), self._venue.now)
            return self._venue.past.tape(spec, start, until), True
        end = min(end or self._venue.now, self._venue.now)
        return self._venue.past.tape(spec, end - timedelta(days=_TICK_DAYS), end), False

    # histogram -----------------------------------------------------------------------------------
    def histogram(self, client: DeskClient, request: data.Histogram) -> None:
        """reqHistogramData: contracts or shares by price over a period such as '3 days'; an index counts its prints."""
        spec = find_one(self._venue, request.contract)
        if isinstance(spec, Reject):
            return _refuse(client, request.request_id, spec)
        match = _PERIOD.fullmatch(request.period.strip().lower())
        if match is None:
            text = f"Time period {request.period!r} is invalid; for example '3 days'"
            return _refuse(client, request.request_id, invalid(text))
        count, name = int(match[1]), match[2]
        unit = _PERIOD_UNITS.get(name, Unit.SECONDS)
        duration = Duration(count * _PERIOD_SECONDS.get(name, 1), unit)
        query = BarQuery(None, duration, BarSize.MIN_1, Price.TRADES, 1)
        counts: Counter[float] = Counter()
        for session in self._maker.sessions(spec, query, self._venue.now):
            tape = self._venue.past.tape(spec, *session)
            done = np.isfinite(tape.printed)
            for price, size in zip(tape.printed[done].tolist(), tape.traded[done].tolist(), strict=True):
                counts[price] += int(size) or 1
        if not counts:
            return _refuse(client, request.request_id, Reject(10188, "Failed to request histogram data:No data"))
        client.send(encode_data.histogram(request.request_id, sorted(counts.items())))
        return None


def send_ticks(
    client: DeskClient,
    request_id: int,
    spec: ContractSpec,
    tape: MarketTape,
    what: str,
    count: int,
    *,
    forward: bool,
) -> None:
    """The first or last `count` ticks of a tape as one message."""
    values = {"TRADES": tape.printed, "BID_ASK": tape.bid + tape.ask, "MIDPOINT": tape.mid}[what]
    known = np.flatnonzero(np.isfinite(values))
    chosen = known[:count] if forward else known[-count:]
    at_s = tape.at_s[chosen].astype(np.int64).tolist()
    if what == "TRADES":
        rows = zip(at_s, tape.printed[chosen].tolist(), tape.traded[chosen].astype(np.int64).tolist(), strict=True)
        client.send(encode_data.historical_trades(request_id, spec.exchange, list(rows)))
    elif what == "BID_ASK":
        sizes = (side[chosen].astype(np.int64).tolist() for side in (tape.bid_size, tape.ask_size))
        quotes = zip(at_s, tape.bid[chosen].tolist(), tape.ask[chosen].tolist(), *sizes, strict=True)
        client.send(encode_data.historical_quotes(request_id, list(quotes)))
    else:
        middles = zip(at_s, tape.mid[chosen].tolist(), strict=True)
        client.send(encode_data.historical_midpoints(request_id, list(middles)))


def _refused_ticks(request: data.HistoricalTicks, spec: ContractSpec) -> Reject | None:
    what = request.what
    if what not in ("TRADES", "BID_ASK", "MIDPOINT"):
        return invalid(f"What to show {what!r} is invalid. Legal ones are: TRADES, BID_ASK, MIDPOINT")
    if not 1 <= request.count <= _MOST_TICKS:
        return invalid(f"Number of ticks must lie between 1 and {_MOST_TICKS}, got {request.count}")
    if bool(request.start.strip()) == bool(request.end.strip()):
        return invalid("Exactly one of start and end of the ticks must be given")
    if spec.sec_type is SecType.INDEX and what != "TRADES":
        return Reject(10187, f"Failed to request historical ticks:No data of type {what} for {spec.symbol}")
    return None


def _refuse(client: DeskClient, request_id: int, refused: Reject) -> None:
    client.error(request_id, refused.code, refused.text)
