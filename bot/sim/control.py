"""The control channel: JSON lines over TCP to watch market time, hold it in step, and cause faults on command.

Rules: one request and one reply per line; after `follow` the connection also gets one line per tick, and market time
waits for its `{"ack": n}`. A follower that stays silent for two loop seconds is not waited for until it acks again.
After `hold` market time never runs without a follower, nor ahead of one that is slow: a client can die and come back
at the same market moment.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Protocol

from bot.sim.clock import MarketClock, Tick

MAX_WAIT_S = 2.0
MAX_LINE_BYTES = 65_536

VERBS = {
    "clock": "current market time",
    "follow": "from now on one line per tick, each to be answered by {'ack': n}; market time stays at most `ahead` (0) "
    "ticks before the answers",
    "hold": "market time stands still while nobody follows and waits for followers however long; 'on': false ends it",
    "restart": "reset every client and refuse connections for refuse_s market seconds; rollback_ids lowers next ids",
    "drop": "reset every client connection",
    "status": "clients, lines, tick and counters",
    "verbs": "this list",
}


class Controlled(Protocol):
    """What the channel steers."""

    @property
    def clock(self) -> MarketClock:
        """Market time."""
        ...

    def status(self) -> dict[str, object]:
        """Figures."""
        ...

    def restart(self, refuse_s: float = 60.0, rollback_ids: int = 0) -> None:
        """Restarts the gateway's connections."""
        ...

    def drop(self) -> None:
        """Resets every client."""
        ...


class _BadCommand(ValueError):
    """The line asks for something that does not exist."""


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
            while line := await reader.readline():
                reply = self._answer(line, follower)
                if reply is not None:
                    writer.write(_line(reply))
        except (ConnectionError, ValueError, asyncio.CancelledError):
            return  # the other side is gone, sent an endless line, or the gateway stops
        finally:
            self._followers.pop(follower, None)
            follower.changed.set()
            writer.close()
            follower.changed.set()
            self._writers.pop(writer, None)
            self._tasks.discard(task)

    def _answer(self, line: bytes, follower: _Follower) -> dict[str, object] | None:
        try:
            command = json.loads(line)
            if not isinstance(command, dict):
                raise _BadCommand("a command is a JSON object with a 'verb'")
            if "ack" in command:
                follower.ack(_whole(command["ack"], "ack"))
                return None
            return {"ok": True, **self._run(command, follower)}
        except (_BadCommand, json.JSONDecodeError, UnicodeDecodeError) as error:
            return {"ok": False, "error": str(error)}

    def _run(self, command: dict[str, object], follower: _Follower) -> dict[str, object]:
        verb = command.get("verb")
        if verb == "restart":
            rollback = _whole(command.get("rollback_ids", 0), "rollback_ids")
            self._gateway.restart(_seconds(command.get("refuse_s", 60.0)), rollback)
            return {}
        if verb == "follow":
            follower.ahead = _whole(command.get("ahead", 0), "ahead")
            self._followers[follower] = None
            self._moved.set()
            return {"at": self._gateway.clock.now.isoformat(), "tick_s": self._gateway.clock.tick_s}
        if verb == "hold":
            return self._hold(command.get("on", True))
        simple: dict[object, Callable[[], dict[str, object]]] = {
            "clock": lambda: {"at": self._gateway.clock.now.isoformat()},
            "status": self._gateway.status,
            "verbs": lambda: {"verbs": VERBS},
            "drop": self._drop,
        }
        if verb not in simple:
            raise _BadCommand(f"unknown verb {verb!r}; known are {', '.join(VERBS)}")
        return simple[verb]()

    def _hold(self, on: object) -> dict[str, object]:
        if not isinstance(on, bool):
            raise _BadCommand(f"on must be true or false, got {on!r}")
        self._holding = on
        self._moved.set()
        for follower in self._followers:
            follower.changed.set()
        return {"holding": on, "at": self._gateway.clock.now.isoformat()}

    def _drop(self) -> dict[str, object]:
        self._gateway.drop()
        return {}


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _BadCommand(f"{name} must be a whole number of at least 0, got {value!r}")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value < 1e7:
        raise _BadCommand(f"refuse_s must be market seconds of at least 0, got {value!r}")
    return float(value)
