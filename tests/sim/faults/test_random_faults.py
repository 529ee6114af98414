"""Whatever is asked of it, the gateway answers or refuses, and market time goes on."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from bot.sim.faults.arguments import Argument, FaultError, Kind, Need
from bot.sim.faults.script import ScriptError, read_rows
from bot.sim.faults.table import FAULTS
from bot.sim.faults.verb import Verb
from bot.sim.gateway import SimulatedGateway
from bot.sim.types import WorldEvent
from bot.sim.venue.sim import SimVenue
from bot.sim.virtual_time import run_virtual
from bot.sim.wire.answer_names import ANSWER_NAMES
from bot.sim.wire.message_names import REQUEST_NAMES
from bot.sim.world import load_scenario
from tests.sim.faults.raw import PING, Raw, said

MESSAGES = [*ANSWER_NAMES.values(), *REQUEST_NAMES.values(), "in:any", "out:any", "out:99999", "in:3"]
ODD = some.one_of(
    some.none(), some.integers(), some.floats(), some.text(max_size=3), some.booleans(), some.lists(some.none())
)
TEXTS = some.one_of(some.sampled_from(["", "DU1234567", "1", "-1", "x", "49", "20261016"]), some.text(max_size=5))


def value_of(argument: Argument) -> some.SearchStrategy[Any]:
    """Mostly what is allowed, now and then anything."""
    low = int(argument.low) if argument.low is not None else -3
    high = int(argument.high) if argument.high is not None else low + 40
    likely: dict[Kind, some.SearchStrategy[Any]] = {
        Kind.WHOLE: some.integers(low, min(high, low + 40)),
        Kind.NUMBER: some.floats(low, min(high, low + 40)),
        Kind.FLAG: some.booleans(),
        Kind.WORD: some.sampled_from(argument.words or ("none",)),
        Kind.TEXT: TEXTS,
        Kind.TEXTS: some.lists(TEXTS, max_size=4),
        Kind.TIME: some.sampled_from(["09:31", "10:00:00", "15:59:59", "20:00"]),
        Kind.MESSAGE: some.sampled_from(MESSAGES),
    }
    return some.one_of(*[likely[argument.kind]] * 9, ODD)


@some.composite
def calls(draw: some.DrawFn) -> tuple[str, dict[str, Any]]:
    """A verb with some of its arguments."""
    verb: Verb[Any] = draw(some.sampled_from(list(FAULTS.values())))
    values: dict[str, Any] = {}
    for argument in verb.arguments:
        needed = argument.default is Need.REQUIRED
        if draw(some.integers(0, 9)) < (9 if needed else 3):
            values[argument.name] = draw(value_of(argument))
    return verb.name, values


MOMENTS = some.fixed_dictionaries(
    {},
    optional={
        "after_s": some.floats(0.0, 40.0),
        "on": some.sampled_from([*MESSAGES, "connect", "disconnect", "fill", "order_working"]),
        "nth": some.integers(1, 3),
        "every": some.integers(1, 3),
        "every_s": some.floats(1.0, 9.0),
        "times": some.integers(1, 5),
        "before": some.booleans(),
        "delay_s": some.floats(0.0, 3.0),
    },
)


def watch(raw: Raw, request_id: int, con_id: int) -> None:
    raw.ask(1, 11, request_id, con_id, "", "", "", "0.0", "", "", "SMART", "", "", "", "", 0, "", 0, 0, "")


async def life(gateway: SimulatedGateway, asked: list[tuple[str, dict[str, Any]]]) -> None:
    """A busy client, a fault every two seconds, and the proof that the gateway lives."""
    raw = await Raw.joined(gateway, 1)
    watch(raw, 1, 416904)
    for name, values in asked:
        with contextlib.suppress(FaultError):
            gateway.cause(name, **values)
        if raw.ended and not gateway.server.refusing:
            raw = await Raw.to(gateway)
            raw.writer.write(b"API\0" + said("v157..176")[:4] + b"v157..176\0" + said(71, 2, 1, ""))
        for request in ((61, 1), (5, 1), (6, 2, 1, ""), (8, 1, 1), PING, (7, 3, 9, 0, "", "", "", "", "", "")):
            raw.ask(*request)
        await asyncio.sleep(2.0)
    gateway.cause("clear")
    before = gateway.clock.tick.number
    await asyncio.sleep(20.0)
    assert gateway.clock.tick.number - before == 10, "market time stands still"
    gateway.cause("clear")
    assert gateway.stage.lasting.listed() == []
    gateway.status()


ASKED = some.lists(calls(), min_size=1, max_size=12)
SCRIPTED = some.lists(MOMENTS, max_size=4)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked=ASKED, moments=SCRIPTED, seed=some.integers(1, 3))
def test_random_faults_never_crash_the_gateway_nor_stop_market_time(
    asked: list[tuple[str, dict[str, Any]]], moments: list[dict[str, Any]], seed: int
) -> None:
    """Random verbs with random arguments, called and scripted together: each is done or refused, none raises anything
    else, and afterwards ticks come as before."""
    survive(asked, moments, seed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked=ASKED, moments=SCRIPTED, seed=some.integers(1, 9))
def test_a_campaign_of_random_faults(
    asked: list[tuple[str, dict[str, Any]]], moments: list[dict[str, Any]], seed: int
) -> None:
    """The same, forty times as often."""
    survive(asked, moments, seed)


def survive(asked: list[tuple[str, dict[str, Any]]], moments: list[dict[str, Any]], seed: int) -> None:
    world = load_scenario("calm", seed)
    scripted = []
    for (name, values), when in zip(asked, moments, strict=False):
        row = WorldEvent("random", {**values, "verb": name, "when": when})
        try:
            read_rows([row], world.days, world.days[0].open_at)
        except ScriptError:
            continue
        scripted.append(row)
    troubles: list[dict[str, Any]] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: troubles.append(context))
        venue = SimVenue(world, accounts={"DU1234567": 500_000.0}, ledger=None, seed=seed)
        gateway = SimulatedGateway(venue, world, begin=world.days[0].open_at, tick_s=2.0, faults=scripted)
        await gateway.start()
        try:
            await life(gateway, asked)
        finally:
            await gateway.stop()

    run_virtual(main)
    assert troubles == []
