"""A tap on the bot's connections to the gateway: every message both ways, as bytes on the wire, in memory.

It reads the protocol's frames by itself; orders are decoded by the gateway's own decoder, never by the bot's.
"""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.sim.wire.decode import decode

PLACE, CANCEL, GLOBAL_CANCEL, MARKET_DATA, NO_MARKET_DATA, START_API = 3, 4, 58, 1, 2, 71
TICK_PRICE, ERROR, ACCOUNTS, DATA_TYPE, NEXT_ID = 1, 4, 15, 58, 9
VERSION = 176
TOO_LONG = 1 << 24
_PREFIX = struct.Struct(">I")
MOVING = frozenset({b"21\0", b"45\0", b"46\0"})
"""Option computations, generic and string ticks."""


@dataclass(slots=True)
class Told:
    """What one market data line was told on this connection; `at` is the market's moment of its last price, in
    seconds. `wanted` until the bot cancels it."""

    con_id: int
    bid: float | None = None
    ask: float | None = None
    at: float = -1e9
    data_type: int = 1
    wanted: bool = True


@dataclass(slots=True, eq=False)
class Line:
    """One connection of the bot: what the gateway said on it so far, and whether it still can be read."""

    opened_at: float
    lines: dict[int, Told] = field(default_factory=dict)
    accounts: tuple[str, ...] | None = None
    upstream: bool = True
    open: bool = True
    readable: bool = True
    handshaken: bool = False
    rest_out: bytes = b""
    rest_in: bytes = b""
    last_in_at: float = -1e9

    def of(self, con_id: int) -> Told | None:
        """The newest line of a contract."""
        found = [told for told in self.lines.values() if told.con_id == con_id]
        return max(found, key=lambda told: told.at) if found else None


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of the bot as it left, by the loop's clock and the market's: its number and fields (number first)."""

    at: float
    market_s: float
    line: Line
    number: int
    fields: list[str]

    def order(self) -> Any:
        """The order in a placeOrder message, by the gateway's decoder."""
        return decode(PLACE, self.fields[1:], VERSION)


class Tap:
    """Stands in the loop's `create_connection` for the gateway's port. `heard` is called with each message of the bot
    before the gateway can read it; `counted` counts messages by direction."""

    def __init__(
        self, is_broker: Callable[[int], bool], heard: Callable[[Sent], None], market_s: Callable[[], float]
    ) -> None:
        self._is_broker = is_broker
        self._heard = heard
        self._market_s = market_s
        self.lines: list[Line] = []
        self.sent = 0
        self.received = 0
        self.per_second: Counter[int] = Counter()
        """Messages of the gateway by the market's second in which they came."""

    def fit(self, loop: Any) -> None:
        """Taps every later connection of the loop."""
        connect = loop.create_connection

        async def tapped(factory: Any, host: Any = None, port: Any = None, **rest: Any) -> Any:
            transport, protocol = await connect(factory, host, port, **rest)
            if self._is_broker(int(port or 0)):
                self._listen(loop, transport, protocol)
            return transport, protocol

        loop.create_connection = tapped

    @property
    def line(self) -> Line | None:
        """The open connection, if there is one."""
        return self.lines[-1] if self.lines and self.lines[-1].open else None

    def _listen(self, loop: asyncio.AbstractEventLoop, transport: Any, protocol: Any) -> None:
        line = Line(loop.time())
        self.lines.append(line)
        write = transport.write

        def written(data: bytes) -> None:
            for number, fields in self._leaving(line, bytes(data)):
                self.sent += 1
                if number == MARKET_DATA:
                    line.lines[int(fields[2])] = Told(int(fields[3] or 0))
                elif number == NO_MARKET_DATA and int(fields[2]) in line.lines:
                    line.lines[int(fields[2])].wanted = False
                self._heard(Sent(loop.time(), self._market_s(), line, number, fields))
            write(data)

        transport.write = written
        transport.set_protocol(_Listening(self, loop, line, protocol))

    def _leaving(self, line: Line, data: bytes) -> Iterator[tuple[int, list[str]]]:
        line.rest_out += data
        if not line.handshaken:
            if len(line.rest_out) < 8:
                return
            line.rest_out, line.handshaken = line.rest_out[4:], True
            (length,) = _PREFIX.unpack_from(line.rest_out)
            line.rest_out = line.rest_out[4 + length :]
        while len(line.rest_out) >= 4:
            (length,) = _PREFIX.unpack_from(line.rest_out)
            if len(line.rest_out) < 4 + length:
                return
            fields = line.rest_out[4 : 3 + length].decode(errors="replace").split("\0")
            line.rest_out = line.rest_out[4 + length :]
            if fields[0].isdigit():
                yield int(fields[0]), fields

    def arriving(self, line: Line, data: bytes, now: float) -> None:
        """Bytes of the gateway on their way to the bot."""
        if not line.readable:
            return
        line.last_in_at = now
        rest = line.rest_in + data
        place, end, before = 0, len(rest), self.received
        while end - place >= 4:
            (length,) = _PREFIX.unpack_from(rest, place)
            if length > TOO_LONG:
                line.readable = False
                break
            if end - place < 4 + length:
                break
            self.received += 1
            head = rest[place + 4 : place + 7]
            if head[:2] == b"2\0" or head in MOVING:
                self._moved(line, rest[place + 4 : place + 40].split(b"\0", 4))
            if head[:2] == b"1\0" or head[:2] == b"4\0" or head in (b"15\0", b"58\0"):
                self._note(line, rest[place + 4 : place + 3 + length].decode(errors="replace").split("\0"), now)
            place += 4 + length
        line.rest_in = rest[place:]
        self.per_second[int(self._market_s())] += self.received - before

    def _moved(self, line: Line, fields: list[bytes]) -> None:
        """A size, a computation, a trade: the line lives, whether or not its prices move."""
        place = 1 if fields[0] == b"21" else 2
        told = line.lines.get(int(fields[place])) if len(fields) > place and fields[place].isdigit() else None
        if told is not None:
            told.at = self._market_s()

    def _note(self, line: Line, fields: list[str], now: float) -> None:
        try:
            self._understand(line, int(fields[0]), fields, now)
        except (ValueError, IndexError):
            return  # a mangled message tells the tap nothing, as it must tell the bot nothing

    def _understand(self, line: Line, number: int, fields: list[str], now: float) -> None:
        if number == TICK_PRICE:
            told = line.lines.get(int(fields[2]))
            if told is not None:
                if fields[3] == "1":
                    told.bid = float(fields[4])
                elif fields[3] == "2":
                    told.ask = float(fields[4])
                told.at = self._market_s()
        elif number == ERROR:
            code = int(fields[3])
            line.upstream = False if code == 1100 else True if code in (1101, 1102) else line.upstream
        elif number == ACCOUNTS:
            line.accounts = tuple(name for name in fields[2].split(",") if name)
        elif number == DATA_TYPE and int(fields[2]) in line.lines:
            line.lines[int(fields[2])].data_type = int(fields[3])


class _Listening(asyncio.Protocol):
    """Hands everything on to the client library's own protocol."""

    def __init__(self, tap: Tap, loop: asyncio.AbstractEventLoop, line: Line, protocol: Any) -> None:
        self._tap, self._loop, self._line, self._protocol = tap, loop, line, protocol

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)

    def data_received(self, data: bytes) -> None:
        self._tap.arriving(self._line, data, self._loop.time())
        self._protocol.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._line.open = False
        self._protocol.connection_lost(exc)

    def eof_received(self) -> bool | None:
        keep: bool | None = self._protocol.eof_received()
        return keep

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()
