"""The control channel: JSON lines over TCP to watch market time, hold it in step, and cause faults on command.

Rules: one request and one reply per line; after `follow` the connection also gets one line per tick, and market time
waits for its `{"ack": n}`. A follower that stays silent for two loop seconds is not waited for until it acks again.
After `hold` market time never runs without a follower, nor ahead of one that is slow: a client can die and come back
at the same market moment.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.sim.clock import MarketClock, Tick
from bot.sim.faults.arguments import FaultError, flag, unknown, whole
from bot.sim.faults.table import FAULTS
from bot.sim.faults.verb import Layer, Verb, by_name

MAX_WAIT_S = 2.0
MAX_LINE_BYTES = 65_536


class Controlled(Protocol):
    """What the channel steers."""

    @property
    def clock(self) -> MarketClock:
        """Market time."""
        ...

    def status(self) -> dict[str, object]:
        """Figures."""
        ...

    def cause(self, verb: str, /, **arguments: object) -> Mapping[str, object]:
        """Does a fault. Raises FaultError."""
        ...


class _Follower:
    """One connection in step with market time."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.sent = 0
        self.acked = 0
        self.ahead = 0
        self.lagging = False
        self.changed = asyncio.Event()

    async def wait(self, loop: asyncio.AbstractEventLoop, *, patient: Callable[[], bool]) -> None:
        """Returns when the last tick is acked, the follower is gone, or patience ends (never while `patient`)."""
        patience = loop.call_later(MAX_WAIT_S, self._give_up)
        try:
            while (
                self.acked < self.sent - self.ahead and not self.writer.is_closing() and (patient() or not self.lagging)
            ):
                self.changed.clear()
                await self.changed.wait()
        finally:
            patience.cancel()

    def ack(self, number: int) -> None:
        """Takes an acknowledgement; one of the newest tick ends lagging."""
        self.acked = max(self.acked, number)
        if self.acked >= self.sent:
            self.lagging = False
        self.changed.set()

    def _give_up(self) -> None:
        self.lagging = True
        self.changed.set()


class ControlServer:
    """Serves control connections."""

    def __init__(self, gateway: Controlled, host: str, port: int) -> None:
        self._gateway = gateway
        self._host = host
        self._asked_port = port
        self._server: asyncio.Server | None = None
        self._followers: dict[_Follower, None] = {}
        self._holding = False
        self._moved = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: dict[asyncio.StreamWriter, None] = {}
        self.port = 0

    async def start(self) -> None:
        """Opens the port. Raises OSError, saying so, when it is taken."""
        try:
            server = await asyncio.start_server(self._serve, self._host, self._asked_port, limit=MAX_LINE_BYTES)
        except OSError as error:
            asked = f"{self._host}:{self._asked_port}"
            raise OSError(error.errno, f"cannot listen for control on {asked}: {error.strerror or error}") from error
        self._server = server
        self.port = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes the port and every control connection."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def publish(self, tick: Tick) -> None:
        """Tells the followers about a tick and waits for those in step; held, it waits for one to be there as well."""
        await self._somebody()
        loop = asyncio.get_running_loop()
        line = _line({"n": tick.number, "at": tick.at.isoformat(), "phase": tick.phase.value})
        for follower in list(self._followers):
            follower.sent = tick.number
            follower.writer.write(line)
        for follower in list(self._followers):
            if self._holding or not follower.lagging:
                await follower.wait(loop, patient=lambda: self._holding)
        await self._somebody()

    async def _somebody(self) -> None:
        """Returns at once unless market time is held and nobody follows it."""
        while self._holding and not self._followers:
            self._moved.clear()
            await self._moved.wait()

    # connections ---------------------------------------------------------------------------------
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers[writer] = None
        follower = _Follower(writer)
        try:
            while line := await _next_line(reader, writer):
                reply = self._answer(line, follower)
                if reply is not None:
                    writer.write(_line(reply))
        except (ConnectionError, asyncio.CancelledError):
            return  # the other side is gone, or the gateway stops
        finally:
            self._followers.pop(follower, None)
            follower.changed.set()
            writer.close()
            follower.changed.set()
            self._writers.pop(writer, None)
            self._tasks.discard(task)

    def _answer(self, line: bytes, follower: _Follower) -> dict[str, object] | None:
        try:
            command = _command(line)
            if "ack" in command:
                follower.ack(_ACK.read(command).whole("ack"))
                return None
            return {"ok": True, **self._run(command, follower)}
        except FaultError as error:
            return {"ok": False, "error": str(error)}

    def _run(self, command: dict[str, object], follower: _Follower) -> Mapping[str, object]:
        verb = command.pop("verb", None)
        own = CHANNEL.get(verb) if isinstance(verb, str) else None
        if own is not None:
            return own.act(_Caller(self, follower), own.read(command))
        if not isinstance(verb, str) or verb not in FAULTS:
            raise FaultError(unknown("verb", verb, [*CHANNEL, *FAULTS]))
        return self._gateway.cause(verb, **command)

    # the channel's own verbs ---------------------------------------------------------------------
    @property
    def gateway(self) -> Controlled:
        """What is steered."""
        return self._gateway

    def follow(self, follower: _Follower, ahead: int) -> dict[str, object]:
        """Market time stays at most `ahead` ticks before this connection's acknowledgements."""
        follower.ahead = ahead
        self._followers[follower] = None
        self._moved.set()
        return {"at": self._gateway.clock.now.isoformat(), "tick_s": self._gateway.clock.tick_s}

    def hold(self, on: bool) -> dict[str, object]:
        """Market time stands still while nobody follows, or no more."""
        self._holding = on
        self._moved.set()
        for follower in self._followers:
            follower.changed.set()
        return {"holding": on, "at": self._gateway.clock.now.isoformat()}


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who uses one of the channel's own verbs: the server and the connection."""

    server: ControlServer
    connection: _Follower


_ACK: Verb[_Caller] = Verb("ack", Layer.CONTROL, "", lambda _, __: {}, (whole("ack", "number of the tick lived"),))

_OWN: tuple[Verb[_Caller], ...] = (
    Verb(
        "clock",
        Layer.CONTROL,
        "current market time",
        lambda caller, _: {"at": caller.server.gateway.clock.now.isoformat()},
    ),
    Verb(
        "status",
        Layer.CONTROL,
        "market time, phase, tick, clients, lines and counters",
        lambda caller, _: caller.server.gateway.status(),
    ),
    Verb(
        "follow",
        Layer.CONTROL,
        "from now on one line {'n', 'at', 'phase'} per tick, each to be answered by {'ack': n}; market time waits for "
        "the answers, for at most two seconds",
        lambda caller, given: caller.server.follow(caller.connection, given.whole("ahead")),
        (whole("ahead", "how many ticks market time may run before the answers", default=0, unit="ticks"),),
    ),
    Verb(
        "hold",
        Layer.CONTROL,
        "market time stands still while nobody follows, and waits for followers without limit",
        lambda caller, given: caller.server.hold(given.flag("on")),
        (flag("on", "false ends it", default=True),),
    ),
    Verb(
        "verbs",
        Layer.CONTROL,
        "every verb with its arguments",
        lambda _, __: {"verbs": documentation()},
    ),
)
CHANNEL: Mapping[str, Verb[_Caller]] = by_name(_OWN)
"""The verbs that belong to a control connection; all others are faults."""


def documentation() -> dict[str, dict[str, object]]:
    """Every verb of the channel, by layer: layer, sentence, arguments with what is allowed."""
    own = {name: row.facts() for name, row in CHANNEL.items()}
    every = own | {name: row.facts() for name, row in FAULTS.items()}
    layers = [layer.value for layer in Layer]
    return dict(sorted(every.items(), key=lambda item: layers.index(str(item[1]["layer"]))))


async def _next_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The next line, empty at the end of the connection; one longer than any command is answered and ends it."""
    try:
        return await reader.readline()
    except ValueError:
        writer.write(_line({"ok": False, "error": f"a line may have at most {MAX_LINE_BYTES} bytes"}))
        return b""


def _command(line: bytes) -> dict[str, object]:
    try:
        command = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FaultError(f"not one JSON object on one line: {error}") from None
    if not isinstance(command, dict):
        raise FaultError("a command is a JSON object with a 'verb'")
    return command


def _line(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
