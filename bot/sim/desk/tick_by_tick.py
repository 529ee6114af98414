"""Tick-by-tick streams: every trade, or every change of the quote or of its middle.

Rules: stocks and futures only, as indices and options have no such data at IB; few at a time. What a stream tells is
what lines tell, at each look at the market; trades carry the time at which they happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bot.sim.desk.client import DeskClient
from bot.sim.desk.contracts import find_one
from bot.sim.desk.past_ticks import send_ticks
from bot.sim.desk.rights import DataRights
from bot.sim.ports import Trades, Venue
from bot.sim.types import ContractSpec, IndexLevel, Reject, SecType
from bot.sim.wire import encode_data
from bot.sim.wire import requests_data as data

_FAILED = "Failed to request tick-by-tick data"
_MOST_PAST_TICKS = 1000
_STREAMED = frozenset({SecType.STOCK, SecType.FUTURE})


class TickKind(StrEnum):
    """What a stream tells; all trades are those of the last price here."""

    LAST = "Last"
    ALL_LAST = "AllLast"
    BID_ASK = "BidAsk"
    MIDPOINT = "MidPoint"


_PAST = {
    TickKind.LAST: "TRADES",
    TickKind.ALL_LAST: "TRADES",
    TickKind.BID_ASK: "BID_ASK",
    TickKind.MIDPOINT: "MIDPOINT",
}


@dataclass(slots=True, eq=False)
class _Stream:
    """One stream of one client; `told` is the quote or middle told last."""

    client: DeskClient
    request_id: int
    spec: ContractSpec
    kind: TickKind
    ignore_size: bool
    trades: Trades | None
    told: tuple[float, ...] = ()


class TickStreams:
    """Opens, feeds and closes the streams, of which there are at most `most`; `rights()` is what the login may see."""

    def __init__(self, venue: Venue, most: int, rights: Callable[[], DataRights]) -> None:
        self._venue = venue
        self._rights = rights
        self._most = most
        self._streams: dict[tuple[int, int], _Stream] = {}

    def open(self, client: DeskClient, request: data.TickByTick) -> None:
        """reqTickByTickData: past ticks if asked for, then the stream; 102, 200, 321, 10189 or 10190."""
        found = self._admitted(client, request)
        if isinstance(found, Reject):
            client.error(request.request_id, found.code, found.text)
            return
        spec, kind = found
        if request.ticks:
            self._send_past(client, request, spec, kind)
        stream = _Stream(client, request.request_id, spec, kind, request.ignore_size, self._trades(spec))
        self._streams[client.client_id, request.request_id] = stream

    def _admitted(self, client: DeskClient, request: data.TickByTick) -> tuple[ContractSpec, TickKind] | Reject:
        if (client.client_id, request.request_id) in self._streams:
            return Reject(102, "Duplicate ticker ID.")
        if request.kind not in tuple(TickKind):
            return _invalid(f"Tick type {request.kind!r} is invalid. Legal ones are: {', '.join(TickKind)}")
        if not 0 <= request.ticks <= _MOST_PAST_TICKS:
            return _invalid(f"Number of ticks must lie between 0 and {_MOST_PAST_TICKS}, got {request.ticks}")
        if request.contract.sec_type == SecType.BAG:
            return Reject(10189, f"{_FAILED}.BAG tick-by-tick requests are not supported")
        spec, kind = find_one(self._venue, request.contract), TickKind(request.kind)
        if isinstance(spec, Reject):
            return spec
        if spec.sec_type not in _STREAMED:
            what = f"{kind} tick-by-tick requests are not supported for {spec.local_symbol or spec.symbol}"
            return Reject(10189, f"{_FAILED}.{what}")
        if self._rights() is not DataRights.LIVE:
            return Reject(10189, f"{_FAILED}:No market data permissions for {spec.exchange} {spec.sec_type}")
        if len(self._streams) >= self._most:
            return Reject(10190, "Max number of tick-by-tick requests has been reached.")
        return spec, kind

    def _send_past(self, client: DeskClient, request: data.TickByTick, spec: ContractSpec, kind: TickKind) -> None:
        session = self._venue.past.current_session(spec)
        if session is not None:
            opened, closed = session
            tape = self._venue.past.tape(spec, opened, min(closed, self._venue.now))
            send_ticks(client, request.request_id, spec, tape, _PAST[kind], request.ticks, forward=False)

    def _trades(self, spec: ContractSpec) -> Trades | None:
        return self._venue.past.days_so_far([spec])[0][1]

    def close(self, client: DeskClient, request: data.CancelTickByTick) -> None:
        """cancelTickByTickData, 300 for an id not in use."""
        if self._streams.pop((client.client_id, request.request_id), None) is None:
            client.error(request.request_id, 300, f"Can't find EId with tickerId:{request.request_id}")

    def close_all(self, client: DeskClient | None) -> None:
        """Ends every stream of a client that has gone, or (None) of all."""
        for key in [key for key, stream in self._streams.items() if client in (None, stream.client)]:
            del self._streams[key]

    # pump ----------------------------------------------------------------------------------------
    def tick(self) -> None:
        """Tells what has happened since the last look at the market."""
        now_s = self._venue.now.timestamp()
        for stream in self._streams.values():
            level = self._venue.index_level(stream.spec)
            if stream.kind in (TickKind.LAST, TickKind.ALL_LAST):
                self._tell_trades(stream, level, now_s)
            elif level.bid is not None and level.ask is not None:
                _tell_quote(stream, level, level.bid, level.ask, int(now_s))

    def _tell_trades(self, stream: _Stream, level: IndexLevel, now_s: float) -> None:
        session = self._venue.past.current_session(stream.spec)
        if session is None:
            return
        if stream.trades is None or stream.trades.opened_at != session[0]:
            stream.trades = self._trades(stream.spec)
        if stream.trades is None or level.last is None:
            return
        number = 1 if stream.kind is TickKind.LAST else 2
        for at_s, size, _ in stream.trades.until(now_s):
            told = encode_data.tick_by_tick_trade(
                stream.request_id, number, int(at_s), level.last, size, stream.spec.exchange
            )
            stream.client.send(told)


def _tell_quote(stream: _Stream, level: IndexLevel, bid: float, ask: float, at_s: int) -> None:
    if stream.kind is TickKind.MIDPOINT:
        middle = round((bid + ask) / 2.0, 4)
        if stream.told != (middle,):
            stream.told = (middle,)
            stream.client.send(encode_data.tick_by_tick_midpoint(stream.request_id, at_s, middle))
        return
    shown = (bid, ask) if stream.ignore_size else (bid, ask, level.bid_size, level.ask_size)
    if stream.told != shown:
        stream.told = shown
        mask = (level.low is not None and bid < level.low) + 2 * (level.high is not None and ask > level.high)
        quote = (bid, ask, level.bid_size, level.ask_size)
        stream.client.send(encode_data.tick_by_tick_quote(stream.request_id, at_s, quote, mask))


def _invalid(cause: str) -> Reject:
    return Reject(321, f"Error validating request.-'bW' : cause - {cause}")
