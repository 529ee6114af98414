"""The TCP shell: segmentation, garbage, slow readers, taken ports, rates; each client only harms itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import numpy as np
import pytest

from bot.sim.gateway import SimulatedGateway
from bot.sim.virtual_time import run_virtual
from bot.sim.wire.framing import FrameBuffer, frame, split_fields
from bot.sim.wire.limits import Limits
from tests.sim.fakes.fake_market import OPTIONS, FakeVenue, FakeWorld

HELLO = b"API\0" + frame(b"v157..176")


def start_api(client_id: int) -> bytes:
    return frame(f"71\x002\x00{client_id}\x00\x00".encode())


def watch(request_id: int, con_id: int) -> bytes:
    contract = [con_id, "", "", "", "0.0", "", "", "SMART", "", "", "", ""]
    return frame("".join(f"{field}\0" for field in [1, 11, request_id, *contract, 0, "", 0, 0, ""]).encode())


def describe_all(request_id: int) -> bytes:
    """reqContractDetails of every option listed: a long answer."""
    contract = ["0", "SPX", "OPT", "", "0.0", "", "", "SMART", "", "USD", "", ""]
    return frame("".join(f"{field}\0" for field in ["9", "8", request_id, *contract, "0", "", "", ""]).encode())


class RawClient:
    """A client that writes bytes as told and reads messages as they come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.buffer = FrameBuffer()

    async def read_until(self, message_id: str) -> list[list[str]]:
        """Messages up to the first one with this number; the handshake counts as number 0."""
        seen: list[list[str]] = []
        while True:
            for payload in self.buffer.frames():
                fields = split_fields(payload)
                seen.append(fields)
                if fields[0] == message_id:
                    return seen
            data = await asyncio.wait_for(self.reader.read(4096), 20)
            assert data, f"closed before message {message_id}; seen {[one[0] for one in seen]}"
            self.buffer.feed(data)

    async def closed(self) -> bytes:
        """Everything up to the end of the connection."""
        with contextlib.suppress(ConnectionError):
            return await asyncio.wait_for(self.reader.read(), 20)
        return b""


@contextlib.asynccontextmanager
async def serving(**options: object) -> AsyncIterator[SimulatedGateway]:
    world = FakeWorld()
    options.setdefault("begin", world.days[0].open_at)
    gateway = SimulatedGateway(FakeVenue(world), world, **options)  # type: ignore[arg-type]
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


async def connect(gateway: SimulatedGateway) -> RawClient:
    return RawClient(*await asyncio.open_connection("127.0.0.1", gateway.port))


async def joined(gateway: SimulatedGateway, client_id: int) -> RawClient:
    client = await connect(gateway)
    client.writer.write(HELLO + start_api(client_id))
    await client.read_until("9")
    return client


async def ping(client: RawClient) -> None:
    client.writer.write(frame(b"49\x001\x00"))
    await client.read_until("49")


async def test_single_bytes_over_tcp_are_understood() -> None:
    """The worst segmentation a network can make."""
    async with serving() as gateway:
        client = await connect(gateway)
        for byte in HELLO + start_api(5) + frame(b"49\x001\x00"):
            client.writer.write(bytes([byte]))
            await client.writer.drain()
        seen = await client.read_until("49")
        assert seen[0][0] == "176"
        assert ["15", "1", "DU1234567,"] in seen
        assert [fields[3] for fields in seen if fields[0] == "4"] == ["2104", "2104", "2106", "2158"]
        client.writer.close()


async def test_garbage_closes_only_its_sender() -> None:
    """Noise before and after the handshake ends that connection; the neighbour is served on."""
    async with serving() as gateway:
        good = await joined(gateway, 1)
        for noise in (b"\x00\x01\x02", b"GET / HTTP/1.0\r\n\r\n", HELLO + start_api(2) + b"\xff" * 9):
            bad = await connect(gateway)
            bad.writer.write(noise)
            await bad.closed()
            bad.writer.close()
            await ping(good)
        assert gateway.desk.client_ids() == [1]
        good.writer.close()


def test_thousands_of_garbage_frames_neither_crash_nor_hang_it() -> None:
    """Framed noise with valid message numbers is answered by errors; the client behind it still gets its answer."""

    async def main() -> int:
        rng = np.random.default_rng(3)
        async with serving(limits=Limits(messages_per_s=10**6)) as gateway:
            client = await joined(gateway, 1)
            errors = 0
            for _ in range(40):
                for _ in range(100):
                    number = int(rng.integers(1, 110))
                    noise = bytes(rng.integers(32, 127, int(rng.integers(0, 90)), dtype=np.uint8))
                    cut = int(rng.integers(1, 12))
                    client.writer.write(frame(str(number).encode() + b"\0" + noise[::cut].replace(b"!", b"\0") + b"\0"))
                client.writer.write(frame(b"49\x001\x00"))
                errors += sum(fields[0] == "4" for fields in await client.read_until("49"))
            assert sum(gateway.desk.unknown_requests().values()) > 100
            client.writer.close()
            return errors

    assert run_virtual(main) > 1000


def test_a_client_that_does_not_read_is_dropped_and_others_are_not_hurt() -> None:
    """What a client leaves unread is bounded; beyond it the connection is reset."""

    async def main() -> None:
        async with serving(limits=Limits(queue_bytes=200_000), tick_s=1.0) as gateway:
            slow, good = await joined(gateway, 1), await joined(gateway, 2)
            slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
            for number, spec in enumerate(OPTIONS[:40]):
                slow.writer.write(watch(100 + number, spec.con_id))
            await asyncio.sleep(120)
            assert gateway.server.dropped_slow == 1
            assert gateway.desk.client_ids() == [2]
            assert gateway.desk.lines_in_use() == 0
            await ping(good)
            good.writer.close()

    run_virtual(main)


async def test_over_tcp_too_a_client_that_does_not_read_is_dropped_alone() -> None:
    """Kernel buffers fill up, then the gateway's own bounded queue; the neighbour is answered all the while."""
    async with serving(limits=Limits(queue_bytes=200_000, messages_per_s=10**6)) as gateway:
        slow, good = await joined(gateway, 1), await joined(gateway, 2)
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        asked = b"".join(describe_all(number) for number in range(10))
        async with asyncio.timeout(60.0):
            while not gateway.server.dropped_slow:
                slow.writer.write(asked)
                await ping(good)
        assert gateway.desk.client_ids() == [2]
        slow.writer.transport.abort()
        good.writer.close()


def test_bursts_stay_below_64_kib() -> None:
    """A long answer arrives in pieces that a client can slice cheaply."""

    async def main() -> None:
        async with serving() as gateway:
            client = await joined(gateway, 1)
            sizes: list[int] = []
            feed = client.reader.feed_data
            client.reader.feed_data = lambda data: (sizes.append(len(data)), feed(data))[1]  # type: ignore[method-assign,func-returns-value]
            for request_id in range(40):
                client.writer.write(describe_all(request_id))
            await client.read_until("52")
            await asyncio.sleep(5)
            assert sum(sizes) > 150_000
            assert max(sizes) <= 65_536
            client.writer.close()

    run_virtual(main)


def test_too_many_messages_are_answered_with_100_and_then_the_door() -> None:
    """The 51st message in a second is refused; three such seconds close the connection."""

    async def main() -> list[str]:
        async with serving() as gateway:
            client = await joined(gateway, 1)
            for _ in range(3):
                client.writer.write(frame(b"49\x001\x00") * 60)
                await asyncio.sleep(1.5)
            seen = await client.closed()
            client.writer.close()
            return [text for text in seen.decode().split("\0") if text.startswith("Max rate")]

    texts = run_virtual(main)
    assert len(texts) == 10 + 10 + 1
    assert texts[0].endswith("max=50 rec=51 (1)")
    assert texts[-1].endswith("(3)")


async def test_a_taken_port_is_a_clear_error() -> None:
    """Address, reason and what to do."""
    async with serving() as gateway:
        world = FakeWorld()
        second = SimulatedGateway(FakeVenue(world), world, port=gateway.port)
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{gateway.port}.*--port"):
            await second.start()
        await second.stop()
        line = gateway.ready_line()
        assert line == {"host": "127.0.0.1", "port": gateway.port, "account": "DU1234567", "control": None}


async def test_connects_and_disconnects_are_in_the_ledger() -> None:
    """With the client's id and why it went."""
    async with serving() as gateway:
        client = await joined(gateway, 4)
        client.writer.close()
        for _ in range(100):
            if not gateway.desk.client_ids():
                break
            await asyncio.sleep(0.01)
        kinds = [(kind, facts["client"]) for kind, facts in gateway.venue.lines]  # type: ignore[attr-defined]
        assert kinds == [("connect", 4), ("disconnect", 4)]


def test_market_time_that_stops_by_an_error_is_reported() -> None:
    """A venue that fails in a tick reaches the loop's handler and whoever waits for the end."""

    async def main() -> None:
        reports: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context["message"]))
        async with serving() as gateway:
            gateway.venue.advance = lambda at: 1 / 0  # type: ignore[method-assign,assignment]
            with pytest.raises(ZeroDivisionError):
                await gateway.wait_end()
        assert reports == ["market time has stopped by an error"]

    run_virtual(main)


async def test_a_request_that_breaks_the_gateway_is_answered_and_its_sender_stays() -> None:
    """A bug behind one request becomes error 320, a ledger line and a loud report; the session goes on."""
    async with serving() as gateway:
        reported: list[dict[str, object]] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))

        def broken(rule_id: int) -> None:
            raise KeyError(rule_id)

        gateway.venue.market_rule = broken  # type: ignore[method-assign, assignment]
        client = await joined(gateway, 5)
        client.writer.write(frame(b"91\x0026\x00"))
        (*_, error) = await client.read_until("4")
        while error[3] != "320":
            (*_, error) = await client.read_until("4")
        assert "reqMarketRule" in error[4]
        await ping(client)
        client.writer.close()
        assert [str(context["message"]) for context in reported] == ["reqMarketRule failed in this gateway"]
