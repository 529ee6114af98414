"""Faults of the connection, seen by a client that reads bytes."""

from __future__ import annotations

import asyncio

import pytest

from bot.sim.faults.arguments import FaultError
from bot.sim.gateway import SimulatedGateway
from bot.sim.wire.limits import Limits
from tests.sim.fakes.fake_market import FakeVenue, FakeWorld
from tests.sim.faults.raw import HELLO, PING, Raw, play, said


async def ping(raw: Raw, gateway: SimulatedGateway, within_s: float = 0.01) -> bool:
    """Whether a time request is answered."""
    raw.messages.clear()
    raw.ask(*PING)
    await asyncio.sleep(within_s)
    return "49" in raw.numbers()


@pytest.mark.parametrize(("verb", "ending"), [("drop", "fin"), ("reset", "rst")])
def test_connections_fall_by_client_in_order_or_by_reset(verb: str, ending: str) -> None:
    """Only the named client loses its connection, by FIN or by RST, and may come back at once."""

    async def story(gateway: SimulatedGateway) -> None:
        first, second = await Raw.joined(gateway, 1), await Raw.joined(gateway, 2)
        assert gateway.cause(verb, client=1) == {"connections": 1}
        await asyncio.sleep(0.1)
        assert (first.ended, second.ended) == (ending, "")
        assert await ping(second, gateway)
        with pytest.raises(FaultError, match="client 1 is not connected; connected are: 2"):
            gateway.cause(verb, client=1)
        assert gateway.cause(verb) == {"connections": 1}
        await asyncio.sleep(0.1)
        assert second.ended == ending
        assert await ping(await Raw.joined(gateway, 1), gateway)

    play(story)


@pytest.mark.parametrize("reads", [True, False])
def test_a_half_open_connection_answers_nothing_and_recovers_with_everything(reads: bool) -> None:
    """Requests are done (or left unread) in silence; at the end all answers come, in order, and none is lost."""

    async def story(gateway: SimulatedGateway) -> None:
        deaf, other = await Raw.joined(gateway, 1), await Raw.joined(gateway, 2)
        number = gateway.cause("half_open", client=1, reads=reads)["fault"]
        received = gateway.server.links_of(1)[0].session.received
        for _ in range(3):
            assert not await ping(deaf, gateway, 10.0)
            assert await ping(other, gateway)
        assert deaf.ended == ""
        assert gateway.server.links_of(1)[0].session.received == received + (3 if reads else 0)
        assert [one["fault"] for one in gateway.stage.lasting.listed()] == [number]
        gateway.cause("end", fault=number)
        await asyncio.sleep(0.1)
        assert len(deaf.of(49)) == 3
        assert gateway.server.links_of(1)[0].path is None
        assert await ping(deaf, gateway)

    play(story)


def test_a_half_open_connection_stays_silent_for_ever_and_is_reset_when_it_kept_too_much() -> None:
    """More output than may be kept does not end the silence; ending the fault then resets the connection."""

    async def story(gateway: SimulatedGateway) -> None:
        deaf = await Raw.joined(gateway, 1)
        gateway.cause("half_open", client=1)
        for _ in range(40):
            deaf.ask(*PING)
            await asyncio.sleep(1.0)
        assert deaf.ended == ""
        assert gateway.cause("clear") == {"ended": 1}
        await asyncio.sleep(0.1)
        assert deaf.ended == "rst"

    play(story, limits=Limits(queue_bytes=500))


def test_a_half_open_gateway_stays_so_for_those_who_reconnect() -> None:
    """A client that hangs up and comes back under its id finds the same silence until the time is over."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway, 1)
        gateway.cause("half_open", client=1, for_s=60)
        raw.writer.close()
        await asyncio.sleep(1.0)
        again = await Raw.joined(gateway, 1)
        assert not await ping(again, gateway, 1.0)
        await asyncio.sleep(60.0)
        assert "49" in again.numbers()
        assert await ping(await Raw.joined(gateway, 2), gateway)

    play(story)


def test_a_silent_gateway_accepts_and_never_answers_new_connections() -> None:
    """The handshake of a new client is not answered; the one that was there is untouched."""

    async def story(gateway: SimulatedGateway) -> None:
        before = await Raw.joined(gateway, 1)
        gateway.cause("silent_accept", for_s=30)
        hanging = await Raw.to(gateway)
        hanging.writer.write(HELLO)
        await asyncio.sleep(20.0)
        assert (hanging.bytes, hanging.ended) == (b"", "")
        assert await ping(before, gateway)
        await asyncio.sleep(11.0)
        assert hanging.bytes
        assert await ping(await Raw.joined(gateway, 3), gateway)

    play(story)


async def test_a_silent_gateway_is_silent_over_tcp_too() -> None:
    """A real socket is accepted and neither read nor written to."""
    world = FakeWorld()
    gateway = SimulatedGateway(FakeVenue(world), world, begin=world.days[0].open_at)
    await gateway.start()
    number = gateway.cause("silent_accept")["fault"]
    hanging = await Raw.to(gateway)
    hanging.writer.write(HELLO)
    await asyncio.sleep(0.05)
    assert hanging.bytes == b""
    gateway.cause("end", fault=number)
    await hanging.next_bytes()
    assert hanging.bytes
    hanging.writer.close()
    await gateway.stop()


@pytest.mark.parametrize(("direction", "late_s"), [("out", 5.0), ("in", 5.0), ("both", 10.0)])
def test_latency_delays_either_way_and_keeps_the_order(direction: str, late_s: float) -> None:
    """The answer comes later by the latency of the directions it passes; several answers keep their order."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway, 1)
        gateway.cause("delay", latency_s=5.0, jitter_s=0.0, direction=direction)
        raw.ask(*PING)
        await asyncio.sleep(late_s - 0.1)
        assert raw.numbers() == []
        await asyncio.sleep(0.2)
        assert raw.numbers() == ["49"]
        gateway.cause("clear")
        gateway.cause("delay", latency_s=1.0, jitter_s=4.0, direction=direction, for_s=100)
        for request in range(20):
            raw.ask(8, 1, request)
            raw.ask(*PING)
            await asyncio.sleep(0.2)
        await asyncio.sleep(20.0)
        assert raw.numbers() == ["49"] + ["9", "49"] * 20

    play(story)


def test_jitter_is_drawn_from_the_seed() -> None:
    """The same seed delays the same, another one otherwise."""

    def arrival(seed: int) -> float:
        took: list[float] = []

        async def story(gateway: SimulatedGateway) -> None:
            raw = await Raw.joined(gateway, 1)
            gateway.cause("delay", latency_s=1.0, jitter_s=5.0, seed=seed)
            start = asyncio.get_running_loop().time()
            raw.ask(*PING)
            await raw.next_bytes()
            took.append(asyncio.get_running_loop().time() - start)

        play(story)
        return took[0]

    assert arrival(1) == arrival(1) != arrival(2)


def test_one_byte_segments_carry_the_same_bytes() -> None:
    """Each byte arrives alone, and together they are what they would have been."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway, 1)
        gateway.cause("segment", bytes=1, client=1)
        raw.sizes.clear()
        assert await ping(raw, gateway, 0.5)
        assert set(raw.sizes) == {1}
        assert raw.messages == [["49", "1", raw.messages[0][2]]]
        gateway.cause("clear")
        raw.sizes.clear()
        assert await ping(raw, gateway)
        assert raw.sizes == [len(said(*raw.messages[0]))]

    play(story)


def test_a_trickle_takes_its_time() -> None:
    """Four bytes a tenth of a second: the answer of some twenty bytes takes half a second."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway, 1)
        gateway.cause("trickle", bytes=4, every_s=0.1)
        assert not await ping(raw, gateway, 0.3)
        await asyncio.sleep(0.5)
        assert raw.numbers() == ["49"]

    play(story)


def test_a_connection_ends_in_order_after_its_delayed_bytes() -> None:
    """FIN comes behind what is still under way; a reset does not wait."""

    async def story(gateway: SimulatedGateway) -> None:
        raw, other = await Raw.joined(gateway, 1), await Raw.joined(gateway, 2)
        gateway.cause("delay", latency_s=3.0, direction="out")
        for one in (raw, other):
            one.ask(*PING)
        await asyncio.sleep(0.1)
        gateway.cause("drop", client=1)
        gateway.cause("reset", client=2)
        await asyncio.sleep(0.1)
        assert (raw.ended, other.ended) == ("", "rst")
        await asyncio.sleep(5.0)
        assert (raw.ended, raw.numbers(), other.numbers()) == ("fin", ["49"], [])

    play(story)


def test_a_gateway_that_stops_ends_disturbed_connections_too() -> None:
    """Bytes that would come in hours, and silence for ever, do not keep a connection open."""
    ended: list[Raw] = []

    async def story(gateway: SimulatedGateway) -> None:
        for number, verb in enumerate(("delay", "half_open"), start=1):
            raw = await Raw.joined(gateway, number)
            gateway.cause(verb, client=number, **({"latency_s": 10_000.0} if verb == "delay" else {}))
            raw.ask(*PING)
            ended.append(raw)
        await asyncio.sleep(0.1)
        await gateway.stop()
        await asyncio.sleep(0.1)
        assert [raw.ended for raw in ended] == ["fin", "fin"]

    play(story)


def test_garbage_stands_between_two_messages() -> None:
    """The bytes asked for arrive as they are; random ones are the seed's."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway, 1)
        have = len(raw.bytes)
        assert gateway.cause("garbage", hex="deadbeef") == {"connections": 1, "bytes": 4}
        assert gateway.cause("garbage", bytes=10, seed=1) == {"connections": 1, "bytes": 10}
        await asyncio.sleep(0.1)
        assert raw.bytes[have : have + 4] == bytes.fromhex("deadbeef")
        assert len(raw.bytes) == have + 14
        with pytest.raises(FaultError, match="hex must be pairs of hexadecimal digits, got 'xy'"):
            gateway.cause("garbage", hex="xy")

    play(story)


def test_the_port_refuses_for_a_while() -> None:
    """Connections are refused, those that are open live on, and afterwards the same port serves again."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway, 1)
        gateway.cause("refuse", for_s=30)
        with pytest.raises(ConnectionRefusedError):
            await Raw.to(gateway)
        assert await ping(raw, gateway)
        await asyncio.sleep(31.0)
        assert await ping(await Raw.joined(gateway, 2), gateway)

    play(story)


def test_ending_all_faults_opens_a_closed_port() -> None:
    """However often it was closed; what was never closed is not counted."""

    async def story(gateway: SimulatedGateway) -> None:
        assert gateway.cause("clear") == {"ended": 0}
        for for_s in (600, 60):
            gateway.cause("refuse", for_s=for_s)
        assert gateway.server.refusing
        assert gateway.cause("clear") == {"ended": 1}
        await asyncio.sleep(0.1)
        assert not gateway.server.refusing
        assert await ping(await Raw.joined(gateway, 1), gateway)

    play(story)
