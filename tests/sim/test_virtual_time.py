"""The virtual loop: jumping time, in-memory connections, determinism, and what it refuses."""

from __future__ import annotations

import asyncio

import pytest

from bot.sim.virtual_time import VirtualDeadlock, VirtualLoop, run_virtual


class Echo(asyncio.Protocol):
    """Sends back what it gets; notes how it ended."""

    def __init__(self) -> None:
        self.ended: list[Exception | None] = []
        self.got = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got += data
        self.transport.write(data.upper())

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.append(exc)


class Silent(Echo):
    def data_received(self, data: bytes) -> None:
        self.got += data


def test_time_jumps_over_idle_hours_in_order() -> None:
    """Timers fire in order at their time, and a year passes at once."""

    async def main() -> list[tuple[str, float]]:
        loop, seen = asyncio.get_running_loop(), []
        for name, delay in (("year", 3e7), ("hour", 3600.0), ("second", 1.0)):
            loop.call_later(delay, lambda name=name: seen.append((name, round(loop.time(), 2))))
        await asyncio.sleep(4e7)
        return seen

    assert run_virtual(main) == [("second", 1.0), ("hour", 3600.0), ("year", 3e7)]


def test_code_that_rearms_a_timer_until_time_has_passed_gets_on() -> None:
    """A client that compares with 'greater than' at the exact moment of its timer does not spin for ever."""

    async def main() -> int:
        loop, turns, start = asyncio.get_running_loop(), 0, asyncio.get_running_loop().time()
        while not loop.time() - start > 1.0:
            turns += 1
            woken = loop.create_future()
            loop.call_at(start + 1.0, woken.set_result, None)
            await woken
        return turns

    assert run_virtual(main) <= 3


def test_connections_carry_bytes_and_endings() -> None:
    """Bytes written in one turn arrive together; a close is seen as an end, an abort as a reset."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        served: list[Echo] = []
        server = await loop.create_server(lambda: served.append(Echo()) or served[-1], "127.0.0.1", 0)  # type: ignore[func-returns-value]
        port = server.sockets[0].getsockname()[1]
        transport, client = await loop.create_connection(Silent, "127.0.0.1", port)
        transport.write(b"ab")
        transport.write(b"cd")
        await asyncio.sleep(0.1)
        assert bytes(client.got) == b"ABCD"
        transport.close()
        await asyncio.sleep(0.1)
        assert served[0].ended == [None]
        assert client.ended == [None]
        transport, client = await loop.create_connection(Silent, "127.0.0.1", port)
        served[1].transport.write(b"lost")
        served[1].transport.abort()
        await asyncio.sleep(0.1)
        assert isinstance(client.ended[0], ConnectionResetError)
        assert bytes(client.got) == b""
        server.close()
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(Silent, "127.0.0.1", port)

    run_virtual(main)


def test_a_reader_that_pauses_is_felt_by_the_writer() -> None:
    """The unread bytes show in the writer's buffer size, as a full socket would."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        served: list[Echo] = []
        server = await loop.create_server(lambda: served.append(Silent()) or served[-1], "127.0.0.1", 7496)  # type: ignore[func-returns-value]
        transport, client = await loop.create_connection(Silent, "127.0.0.1", 7496)
        transport.pause_reading()
        served[0].transport.write(b"x" * 200_000)
        await asyncio.sleep(1)
        assert served[0].transport.get_write_buffer_size() == 200_000
        transport.resume_reading()
        await asyncio.sleep(1)
        assert len(client.got) == 200_000
        server.close()

    run_virtual(main)


def test_streams_work_on_it() -> None:
    """asyncio's own stream functions run unchanged."""

    async def main() -> bytes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        writer.write(b"hello\n")
        answer = await reader.read()
        writer.close()
        server.close()
        return answer

    assert run_virtual(main) == b"HELLO\n"


def test_being_stuck_is_said_and_threads_are_refused() -> None:
    """A wait that nothing will end raises instead of hanging; executors would break determinism."""

    async def stuck() -> None:
        await asyncio.get_running_loop().create_future()

    async def threaded() -> None:
        await asyncio.to_thread(lambda: None)

    with pytest.raises(VirtualDeadlock, match="every task is waiting"):
        run_virtual(stuck)
    with pytest.raises(RuntimeError, match="one thread"):
        run_virtual(threaded)


def test_a_taken_port_is_refused_and_the_current_loop_is_restored() -> None:
    """As a real one would be; afterwards the thread's loop is what it was."""
    before = asyncio.get_event_loop_policy()._local._loop  # type: ignore[attr-defined]

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        await loop.create_server(Echo, "127.0.0.1", 7496)
        with pytest.raises(OSError, match="in use"):
            await loop.create_server(Echo, "127.0.0.1", 7496)

    run_virtual(main)
    assert asyncio.get_event_loop_policy()._local._loop is before  # type: ignore[attr-defined]


def test_a_protocol_that_raises_is_reported_and_loses_its_connection() -> None:
    """As on a socket: the error reaches the loop's handler and the other end sees a reset."""

    class Broken(Silent):
        def data_received(self, data: bytes) -> None:
            raise LookupError("no such thing")

    async def main() -> None:
        loop, reports = asyncio.get_running_loop(), []
        loop.set_exception_handler(lambda _, context: reports.append(context["exception"]))
        await loop.create_server(Broken, "127.0.0.1", 7496)
        transport, client = await loop.create_connection(Silent, "127.0.0.1", 7496)
        transport.write(b"x")
        await asyncio.sleep(1)
        assert isinstance(reports[0], LookupError)
        assert isinstance(client.ended[0], ConnectionResetError)

    run_virtual(main)
