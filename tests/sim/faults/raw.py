"""A client that speaks bytes, and a gateway on a small market, for tests of faults on the wire."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from bot.sim.gateway import SimulatedGateway
from bot.sim.types import WorldEvent
from bot.sim.virtual_time import run_virtual
from bot.sim.wire.framing import BrokenFrame, FrameBuffer, frame, split_fields
from tests.sim.fakes.fake_market import FakeVenue, FakeWorld

HELLO = b"API\0" + frame(b"v157..176")
PING = ["49", "1"]


def said(*fields: object) -> bytes:
    return frame("".join(f"{field}\0" for field in fields).encode())


class Raw(asyncio.Protocol):
    """Collects everything the gateway writes, as bytes and as messages; the handshake is not among the messages."""

    def __init__(self) -> None:
        self.bytes = b""
        self.sizes: list[int] = []
        self.messages: list[list[str]] = []
        self.greeted = False
        self.ended = ""
        self.changed = asyncio.Event()
        self.writer: asyncio.WriteTransport
        self._frames = FrameBuffer(1 << 31)

    @classmethod
    async def to(cls, gateway: SimulatedGateway) -> Raw:
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(cls, "127.0.0.1", gateway.port))[1]

    @classmethod
    async def joined(cls, gateway: SimulatedGateway, client_id: int = 7, settle_s: float = 0.2) -> Raw:
        """Connected, started, and the greetings read and forgotten."""
        raw = await cls.to(gateway)
        raw.writer.write(HELLO + said(71, 2, client_id, ""))
        await asyncio.sleep(settle_s)
        raw.messages.clear()
        return raw

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.writer = transport

    def data_received(self, data: bytes) -> None:
        self.bytes += data
        self.sizes.append(len(data))
        self._frames.feed(data)
        with contextlib.suppress(BrokenFrame):  # deaf from here on, like any client that meets garbage
            for payload in self._frames.frames():
                if self.greeted:
                    self.messages.append(split_fields(payload))
                self.greeted = True
        self.changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = "fin" if exc is None else "rst"
        self.changed.set()

    async def next_bytes(self) -> None:
        """Returns when something more has come."""
        self.changed.clear()
        await asyncio.wait_for(self.changed.wait(), 20)

    def ask(self, *fields: object) -> None:
        self.writer.write(said(*fields))

    def numbers(self) -> list[str]:
        """Numbers of the messages read so far, in order."""
        return [fields[0] for fields in self.messages]

    def of(self, number: int) -> list[list[str]]:
        return [fields for fields in self.messages if fields[0] == str(number)]


Story = Callable[[SimulatedGateway], Awaitable[None]]


def play(story: Story, *, faults: list[dict[str, Any]] | None = None, **options: Any) -> SimulatedGateway:
    """Runs the story on a gateway over virtual time; `faults` are the rows of a script. Returns the ended gateway."""
    world = FakeWorld()
    options.setdefault("begin", world.days[0].open_at)
    rows = [WorldEvent(f"test: fault[{number}]", row) for number, row in enumerate(faults or [], start=1)]
    gateway = SimulatedGateway(FakeVenue(world), world, faults=rows, **options)

    async def main() -> None:
        await gateway.start()
        try:
            await story(gateway)
        finally:
            await gateway.stop()

    run_virtual(main)
    return gateway


def fault_lines(gateway: SimulatedGateway) -> list[str]:
    """Verbs in the ledger, in order."""
    venue = gateway.venue
    assert isinstance(venue, FakeVenue)
    return [str(facts["verb"]) for kind, facts in venue.lines if kind == "fault"]
