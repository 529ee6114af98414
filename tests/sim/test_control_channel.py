"""The control channel: verbs, bad commands, and market time in step with a follower."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from bot.sim.gateway import SimulatedGateway
from bot.sim.virtual_time import run_virtual
from tests.sim.fakes.fake_market import FakeVenue, FakeWorld


class Channel:
    """One control connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, gateway: SimulatedGateway) -> Channel:
        assert gateway.control is not None
        return cls(*await asyncio.open_connection("127.0.0.1", gateway.control.port))

    async def line(self) -> dict[str, Any]:
        return json.loads(await asyncio.wait_for(self.reader.readline(), 60))  # type: ignore[no-any-return]

    async def ask(self, command: object) -> dict[str, Any]:
        self.send(command)
        return await self.line()

    def send(self, command: object) -> None:
        text = command if isinstance(command, str) else json.dumps(command)
        self.writer.write(text.encode() + b"\n")


async def gateway_at_the_open(**options: Any) -> SimulatedGateway:
    world = FakeWorld()
    options.setdefault("begin", world.days[0].open_at)
    gateway = SimulatedGateway(FakeVenue(world), world, control_port=0, **options)
    await gateway.start()
    return gateway


def test_the_verbs_answer_and_bad_commands_are_explained() -> None:
    """One reply per line; an unknown verb lists the known ones; nothing bad ends the connection."""

    async def main() -> None:
        gateway = await gateway_at_the_open()
        channel = await Channel.to(gateway)
        at = await channel.ask({"verb": "clock"})
        assert at["ok"] is True
        assert at["at"].startswith("2018-10-01T09:30:00")
        status = await channel.ask({"verb": "status"})
        assert (status["clients"], status["lines"], status["refusing"]) == ([], 0, False)
        described = (await channel.ask({"verb": "verbs"}))["verbs"]
        assert [one["name"] for one in described["restart"]["arguments"]] == ["refuse_s", "rollback_ids"]
        assert described["follow"]["layer"] == "control"
        for bad, said in (
            ({"verb": "explode"}, "known are clock"),
            ("not json", "not one JSON object on one line"),
            ([1], "JSON object"),
            ({"verb": "restart", "refuse_s": "long"}, "refuse_s"),
            ({"ack": "x"}, "ack"),
            ({"verb": ["drop"]}, "unknown verb ['drop']"),
            ({"verb": "drop", "clinet": 1}, "unknown argument 'clinet' (did you mean 'client'?)"),
            ({"verb": "hold", "on": True, "off": False}, "hold: unknown argument 'off'"),
            ('{"verb": "refuse", "for_s": NaN}', "for_s must be a number from 0"),
            ('{"verb": "refuse", "for_s": ' + "9" * 5000 + "}", "not one JSON object on one line"),
            ("[" * 50_000, "not one JSON object on one line"),
            ({"verb": "drop", "client": 9}, "client 9 is not connected; connected are: none"),
        ):
            answer = await channel.ask(bad)
            assert answer["ok"] is False
            assert said in answer["error"]
        assert (await channel.ask({"verb": "restart", "refuse_s": 30}))["ok"] is True
        assert (await channel.ask({"verb": "status"}))["refusing"] is True
        await asyncio.sleep(31)
        assert (await channel.ask({"verb": "status"}))["refusing"] is False
        channel.send("x" * 70_000)
        assert "a line may have at most 65536 bytes" in (await channel.line())["error"]
        assert await channel.reader.read() == b""
        channel.writer.close()
        await gateway.stop()

    run_virtual(main)


def test_market_time_waits_for_the_follower_and_gives_up_on_a_silent_one() -> None:
    """In step, a tick comes only after the ack of the one before; a silent follower costs two seconds once."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        gateway = await gateway_at_the_open(speed=1000.0, tick_s=10.0)
        channel = await Channel.to(gateway)
        assert (await channel.ask({"verb": "follow"}))["tick_s"] == 10.0
        for _ in range(5):
            tick = await channel.line()
            await asyncio.sleep(1.0)
            assert gateway.clock.tick.number == tick["n"]
            assert tick["phase"] == "open"
            channel.send({"ack": tick["n"]})
        silent_from = loop.time()
        first = (await channel.line())["n"]
        await channel.line()
        assert 1.9 < loop.time() - silent_from < 2.2
        later = [await channel.line() for _ in range(10)]
        assert loop.time() - silent_from < 2.5
        channel.send({"ack": later[-1]["n"] + 5})
        assert later[-1]["n"] == first + 11
        channel.writer.close()
        await asyncio.sleep(1)
        assert gateway.clock.tick.number > first + 60
        await gateway.stop()

    run_virtual(main)


def test_a_follower_sees_the_whole_world_to_its_end() -> None:
    """Every tick once, in order, the last one saying end; afterwards the gateway still answers."""

    async def main() -> None:
        gateway = await gateway_at_the_open(speed=100.0, tick_s=300.0)
        channel = await Channel.to(gateway)
        await channel.ask({"verb": "follow"})
        numbers, phase = [], ""
        while phase != "end":
            tick = await channel.line()
            numbers.append(tick["n"])
            phase = tick["phase"]
            channel.send({"ack": tick["n"]})
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        await gateway.wait_end()
        assert (await channel.ask({"verb": "clock"}))["ok"] is True
        channel.writer.close()
        await gateway.stop()

    run_virtual(main)


def test_held_market_time_waits_for_a_follower_to_come_back() -> None:
    """With `hold`, time stands still while nobody follows and for a slow follower; without it, it runs on again."""

    async def main() -> None:
        gateway = await gateway_at_the_open(speed=1000.0, tick_s=10.0)
        master, first = await Channel.to(gateway), await Channel.to(gateway)
        assert (await master.ask({"verb": "hold"}))["holding"] is True
        await asyncio.sleep(60)
        stood = gateway.clock.tick.number
        await asyncio.sleep(60)
        assert gateway.clock.tick.number == stood
        await first.ask({"verb": "follow"})
        tick = await first.line()
        await asyncio.sleep(30)
        assert gateway.clock.tick.number == tick["n"]
        first.send({"ack": tick["n"]})
        assert (await first.line())["n"] == tick["n"] + 1
        first.writer.close()
        await asyncio.sleep(60)
        assert gateway.clock.tick.number <= tick["n"] + 2
        assert (await master.ask({"verb": "hold", "on": "yes"}))["ok"] is False
        assert (await master.ask({"verb": "hold", "on": False}))["holding"] is False
        await asyncio.sleep(1)
        assert gateway.clock.tick.number > tick["n"] + 60
        master.writer.close()
        await gateway.stop()

    run_virtual(main)
