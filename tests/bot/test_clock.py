"""Where time enters: real time that never steps back, and market time followed tick by tick."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot import clock as clock_module
from bot.clock import FixedClock, FollowedClock, FollowError, SystemClock
from bot.sim.virtual_time import run_virtual

OPEN = datetime(2018, 10, 15, 13, 30, tzinfo=UTC)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def tick(number: int, phase: str = "open", seconds: float | None = None) -> dict[str, Any]:
    at = OPEN + timedelta(seconds=number if seconds is None else seconds)
    return {"n": number, "at": at.isoformat(), "phase": phase}


def line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


class Channel:
    """A control channel that plays its ticks and writes down what it was told."""

    def __init__(self, *ticks: dict[str, Any], greeting: dict[str, Any] | None = None) -> None:
        self.ticks = ticks
        self.greeting = greeting if greeting is not None else {"ok": True, "at": OPEN.isoformat()}
        self.told: list[Any] = []
        self.sent = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.told.append(json.loads(await reader.readline()))
        writer.write(line(self.greeting))
        if follow := await reader.readline():
            self.told.append(json.loads(follow))
            writer.write(line({"ok": True, "tick_s": 1.0}))
            for one in self.ticks:
                self.sent = one["n"]
                writer.write(line(one))
                if answer := await reader.readline():
                    self.told.append(json.loads(answer))
        writer.close()


def following(serve: Serve, use: Callable[[FollowedClock], Awaitable[None]]) -> None:
    """Runs a client against a control channel in virtual time."""

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        clock = FollowedClock("127.0.0.1", server.sockets[0].getsockname()[1])
        try:
            await use(clock)
        finally:
            await clock.close()
            server.close()
            await asyncio.sleep(1.0)  # both ends hear of it

    run_virtual(main)


# real and fixed -----------------------------------------------------------------------------------
def test_a_backward_step_of_the_wall_clock_repeats_the_last_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time server that sets the clock back must not send an order before its own decision."""
    readings = iter([OPEN, OPEN + timedelta(seconds=5), OPEN + timedelta(seconds=2), OPEN + timedelta(seconds=6)])

    class Wall(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return next(readings)

    monkeypatch.setattr(clock_module, "datetime", Wall)
    clock = SystemClock()
    assert [clock.now() for _ in range(3)] == [OPEN + timedelta(seconds=n) for n in (5, 5, 6)]


def test_a_fixed_clock_moves_forward_only() -> None:
    """Setting it earlier is ignored; any zone becomes UTC."""
    clock = FixedClock(OPEN)
    clock.set(OPEN - timedelta(hours=1))
    assert clock.now() == OPEN
    clock.set(OPEN + timedelta(hours=1))
    assert clock.now().tzinfo is UTC


# followed -----------------------------------------------------------------------------------------
def test_following_tells_each_tick_and_acknowledges_it_after_it_was_handled() -> None:
    """Time moves with the ticks, is right while a tick is handled, and the answer comes only afterwards."""
    channel = Channel(tick(1), tick(2), tick(3, "end"))
    seen: list[tuple[datetime, str, list[Any]]] = []

    async def use(clock: FollowedClock) -> None:
        await clock.connect()
        assert clock.now() == OPEN

        async def on_tick(at: datetime, phase: str) -> None:
            assert clock.now() == at
            await asyncio.sleep(0.5)
            seen.append((at, phase, [m for m in channel.told if "ack" in m]))

        await clock.follow(on_tick)

    following(channel.serve, use)
    assert [(at - OPEN, phase) for at, phase, _ in seen] == [
        (timedelta(seconds=1), "open"), (timedelta(seconds=2), "open"), (timedelta(seconds=3), "end"),
    ]  # fmt: skip
    assert [acks for _, _, acks in seen] == [[], [{"ack": 1}], [{"ack": 1}, {"ack": 2}]]
    assert channel.told[:2] == [{"verb": "clock"}, {"verb": "follow", "ahead": 0}]


def test_followed_time_never_runs_backwards() -> None:
    """A tick that claims an earlier time repeats the last one."""
    channel = Channel(tick(1, seconds=100), tick(2, seconds=40), tick(3, "end", seconds=101))
    heard: list[float] = []

    async def use(clock: FollowedClock) -> None:
        async def on_tick(at: datetime, phase: str) -> None:
            heard.append((at - OPEN).total_seconds())

        await clock.follow(on_tick)

    following(channel.serve, use)
    assert heard == [100, 100, 101]


async def _ignore(at: datetime, phase: str) -> None:
    """A follower that does nothing."""


@pytest.mark.parametrize("last", [b"", b'{"n": 2, "at": \n', b"\xff\xfe\n"])
def test_a_gateway_that_dies_or_babbles_is_an_error_and_not_the_end_of_the_world(last: bytes) -> None:
    """Half a run must not be reported as a whole one: the error says at which market time it broke off."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(line({"at": OPEN.isoformat()}))
        await reader.readline()
        writer.write(line(tick(1)))
        await reader.readline()
        writer.write(last)
        writer.close()

    async def use(clock: FollowedClock) -> None:
        with pytest.raises(FollowError, match="went away at market time 2018-10-15 13:30:01Z"):
            await clock.follow(_ignore)

    following(serve, use)


@pytest.mark.parametrize("answer", [b'{"ok": false}\n', b"220 mail ready\n", b"220\n", b'{"at": "soon"}\n', b""])
def test_another_kind_of_server_on_the_port_is_told(answer: bytes) -> None:
    """A wrong port is named, with what to do."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async def use(clock: FollowedClock) -> None:
        with pytest.raises(FollowError, match="control port"):
            await clock.connect()

    following(serve, use)


def test_a_server_that_stays_silent_is_given_up_at_the_deadline() -> None:
    """Joining waits ten seconds of loop time and not for ever."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def use(clock: FollowedClock) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(FollowError, match="TimeoutError"):
            await clock.connect()
        assert 10.0 <= loop.time() - began < 10.1

    following(serve, use)


def test_nobody_on_the_port_is_told_with_what_to_start() -> None:
    """A closed control port says which command is missing."""

    async def main() -> None:
        with pytest.raises(FollowError, match="start `condor gateway` first"):
            await FollowedClock("127.0.0.1", 4102).connect()

    run_virtual(main)
