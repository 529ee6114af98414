"""Noise against the whole gateway: it answers, it closes the sender at most, and everybody else is served on.

The slice here runs in every test run; `make fuzz` sends a million frames.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

import numpy as np
import pytest
from ib_insync import ComboLeg, Contract  # noqa: TID251
from ib_insync.decoder import Decoder  # noqa: TID251 - what the gateway answers must be readable too

from bot.sim.gateway import SimulatedGateway
from bot.sim.venue.sim import SimVenue
from bot.sim.virtual_time import run_virtual
from bot.sim.wire.framing import FrameBuffer, frame, split_fields
from bot.sim.wire.limits import Limits
from bot.sim.world.load import load_scenario
from tests.sim.fuzz import noise
from tests.sim.wire.recorder import VERSIONS

PING = frame(b"49\x001\x00")
PER_CONNECTION = 60
CAMPAIGN = int(os.environ.get("FUZZ_FRAMES", "1000000"))


class Silent:
    """A wrapper to which every callback is welcome."""

    def __init__(self) -> None:
        self.ib = self
        self.TimezoneTWS = "US/Eastern"

    def __getattr__(self, name: str) -> Any:
        return lambda *args: None


class Sender:
    """A client that sends what it likes and reads, with the real decoder, whatever comes back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, version: int) -> None:
        self.reader, self.writer, self.version = reader, writer, version
        self.buffer, self.decoder = FrameBuffer(), Decoder(Silent(), version)  # type: ignore[arg-type]
        self.greeted = False

    @classmethod
    async def join(cls, port: int, version: int, client_id: int) -> Sender:
        sender = cls(*await asyncio.open_connection("127.0.0.1", port), version)
        sender.writer.write(b"API\0" + frame(b"v157..%d" % version) + frame(b"71\x002\x00%d\x00\x00" % client_id))
        return sender

    async def answered(self) -> bool:
        """Reads until a ping comes back; False if the gateway closes the connection, or waits for the rest of a frame
        whose length was a lie."""
        self.writer.write(PING)
        while True:
            try:
                data = await asyncio.wait_for(self.reader.read(65_536), 60.0)
            except (TimeoutError, ConnectionError):
                return False
            if not data:
                return False
            self.buffer.feed(data)
            if self._pong():
                return True

    def _pong(self) -> bool:
        found = False
        for payload in self.buffer.frames():
            fields = split_fields(payload)
            if not self.greeted:
                self.greeted = True
                continue
            self.decoder.interpret(fields)
            found = found or fields[0] == "49"
        return found


def frames_of(kind: int, draw: noise.Draw, mutations: noise.Mutations) -> bytes:
    """One frame of noise: mostly almost right, sometimes with nothing right about it."""
    if kind == 0:
        return noise.random_bytes(draw)
    if kind == 1:
        return noise.wrong_length(draw)
    if kind == 2:
        return noise.framed_bytes(draw)
    return mutations.one(draw) if kind % 4 else noise.random_fields(draw)


def real_contracts(venue: SimVenue) -> list[Contract]:
    """An index, an option by its number and by its terms, a future and a vertical spread, as the venue lists them."""
    chain = next(one for one in venue.option_chains("SPX") if one[2] == "SPXW")
    day = chain[4][10]
    asked = {"symbol": "SPX", "sec_type": "OPT", "trading_class": "SPXW", "right": "P", "expiry": f"{day:%Y%m%d}"}
    puts = [one for one in venue.find(asked) if one.strike is not None and 5350.0 <= one.strike <= 5450.0]
    near, far = puts[0], puts[-1]
    legs = [ComboLeg(near.con_id, 1, "BUY", "SMART"), ComboLeg(far.con_id, 1, "SELL", "SMART")]
    return [
        Contract(secType="IND", symbol="SPX", exchange="CBOE", currency="USD"),
        Contract(conId=near.con_id, exchange="SMART"),
        Contract(secType="OPT", symbol="SPX", lastTradeDateOrContractMonth=f"{day:%Y%m%d}", strike=near.strike or 0.0,
                 right="P", exchange="SMART", currency="USD", tradingClass="SPXW"),
        Contract(conId=venue.find({"symbol": "VIX", "sec_type": "FUT"})[0].con_id, exchange="CFE"),
        Contract(secType="BAG", symbol="SPX", exchange="SMART", currency="USD", comboLegs=legs),
    ]  # fmt: skip


async def storm(frames: int, seed: int) -> dict[str, int]:
    """Sends that many frames over one connection after another and asks a well-behaved client in between."""
    troubles: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: troubles.append(repr(context.get("exception") or context["message"]))
    )
    world = load_scenario("calm", 7)
    venue = SimVenue(world, accounts={"DU1234567": 500_000.0}, seed=7)
    gateway = SimulatedGateway(
        venue, world, speed=5.0, tick_s=15.0, begin=world.days[0].open_at, limits=Limits(messages_per_s=10**9)
    )
    await gateway.start()
    draw = np.random.default_rng(seed)
    contracts = real_contracts(venue)
    mutations = {version: noise.Mutations(version, contracts) for version in VERSIONS}
    good = await Sender.join(gateway.port, 176, 0)
    sent = closed = connections = 0
    while sent < frames:
        version = VERSIONS[connections % len(VERSIONS)]
        bad = await Sender.join(gateway.port, version, 1 + connections % 7)
        connections += 1
        kinds = draw.integers(0, 1000, PER_CONNECTION)  # kinds 0 to 2 break the stream
        for kind in kinds:
            bad.writer.write(frames_of(int(kind), draw, mutations[version]))
        sent += PER_CONNECTION
        closed += not await bad.answered()
        bad.writer.close()
        assert await good.answered(), f"the neighbour was hurt after {sent} frames"
        assert troubles == [], f"after {sent} frames, connection {connections}"
    market = gateway.clock.elapsed_s
    await asyncio.sleep(30.0)
    assert gateway.clock.elapsed_s > market, "market time stands still"
    good.writer.close()
    await gateway.stop()
    return {"sent": sent, "connections": connections, "closed": closed}


def survived(frames: int, seed: int, caplog: pytest.LogCaptureFixture) -> dict[str, int]:
    with caplog.at_level(logging.ERROR):
        told = run_virtual(lambda: storm(frames, seed))
    assert [record.getMessage() for record in caplog.records] == []
    return told


def test_thousands_of_hostile_frames_hurt_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Every grade of noise at every version: no exception, no unreadable answer, a neighbour served throughout."""
    told = survived(20_000, 11, caplog)
    assert told["sent"] >= 20_000
    assert 0 < told["closed"] < told["connections"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(10))
def test_a_million_hostile_frames_hurt_nobody(part: int, caplog: pytest.LogCaptureFixture) -> None:
    """The campaign: a tenth of the frames with each of ten seeds."""
    survived(CAMPAIGN // 10, 1000 + part, caplog)
