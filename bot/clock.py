"""Where time enters: the system clock, or market time followed from a simulated gateway. Nobody else reads a clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any


class SystemClock:
    """Real time, never running backwards within a process."""

    def __init__(self) -> None:
        self._last = datetime.now(UTC)  # noqa: TID251 - the one place the wall clock is read

    def now(self) -> datetime:
        """Aware UTC time; a backward step of the wall clock repeats the last reading."""
        self._last = max(self._last, datetime.now(UTC))  # noqa: TID251 - the one place the wall clock is read
        return self._last


class FixedClock:
    """Time set by hand: for replay, tools and tests."""

    def __init__(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """The moment last set."""
        return self._at

    def set(self, at: datetime) -> None:
        """Moves time forward; an earlier moment is ignored."""
        self._at = max(self._at, at.astimezone(UTC))


class FollowError(RuntimeError):
    """The simulated gateway's control channel cannot be followed."""


OnTick = Callable[[datetime, str], Awaitable[None]]


class FollowedClock:
    """Market time told by a simulated gateway, tick by tick; the gateway waits for our acknowledgement.

    Between ticks time stands still, so a run is as exact at 4,000 times real speed as at one. For loopback addresses
    only: a real gateway has no such channel.
    """

    def __init__(self, host: str, port: int, *, ahead: int = 0, connect_deadline_s: float = 10.0) -> None:
        """`ahead`: ticks the gateway may be before us. 0 is exact step; 1 lets two processes work at the same time."""
        self._ahead = ahead
        self._host = host
        self._port = port
        self._deadline_s = connect_deadline_s
        self._at = datetime(1970, 1, 1, tzinfo=UTC)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    def now(self) -> datetime:
        """The last tick's market time, UTC."""
        return self._at

    async def connect(self) -> None:
        """Joins the channel and learns the first market time. Raises FollowError with what to do."""
        try:
            async with asyncio.timeout(self._deadline_s):
                self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
                self._send({"verb": "clock"})
                answer = json.loads(await self._reader.readline() or b"{}")
        except (OSError, TimeoutError, ValueError) as reason:
            raise FollowError(
                f"no simulated gateway answers on its control port {self._host}:{self._port} "
                f"({type(reason).__name__}); start `condor gateway` first, or clear clock.follow to use real time"
            ) from reason
        try:
            self._at = datetime.fromisoformat(answer["at"]).astimezone(UTC)
        except (KeyError, TypeError, ValueError) as reason:
            raise FollowError(
                f"{self._host}:{self._port} is not a simulated gateway's control port: {answer}"
            ) from reason

    async def follow(self, on_tick: OnTick) -> None:
        """Runs until the gateway says `end`; `on_tick(at, phase)` is awaited before each answer.

        Raises FollowError when the gateway goes away before that: half a run must not look like a whole one.
        """
        if self._reader is None:
            await self.connect()
        assert self._reader is not None
        self._send({"verb": "follow", "ahead": self._ahead})
        while True:
            message = await self._message(self._reader)
            if "n" not in message:
                continue
            self._at = max(self._at, datetime.fromisoformat(message["at"]).astimezone(UTC))
            await on_tick(self._at, message["phase"])
            if message["phase"] == "end":
                return
            self._send({"ack": message["n"]})

    async def _message(self, reader: asyncio.StreamReader) -> dict[str, Any]:
        try:
            line = await reader.readline()
            if not line:
                raise ConnectionResetError("closed before the end of the world")
            message: dict[str, Any] = json.loads(line)
        except (OSError, ValueError) as reason:
            raise FollowError(
                f"the simulated gateway on {self._host}:{self._port} went away at market time "
                f"{self._at:%Y-%m-%d %H:%M:%S}Z: {reason}"
            ) from reason
        return message

    async def close(self) -> None:
        """Leaves the channel."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _send(self, message: dict[str, object]) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")
