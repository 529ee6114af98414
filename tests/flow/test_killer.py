"""The killer beside a bot and a gateway: it cancels when the bot is dead or hangs; the ledger is the judge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot import heartbeat, instance, latch
from bot.engine.state import State
from bot.ibkr.settings import BrokerSettings
from bot.killer.duty import Patience, Phase
from bot.killer.process import Killer, Spec
from bot.sim.venue.matching import FillModel
from strategies.domain.orders import OrderState
from tests.flow.virtual_life import ACCOUNT, Stage, tell

WORLD = str(Path(__file__).with_name("crash_days.toml"))
MORNING = "2026-03-02T10:28:30-05:00"
NEVER = FillModel(mid_per_minute=0.0, improvement_probability=0.0)
BOT_CLIENT = 17


@asynccontextmanager
async def killer_on(stage: Stage, account: str = ACCOUNT, hung_s: float = 30.0) -> AsyncIterator[Killer]:
    """A killer on the stage's gateway, ended afterwards."""
    broker = BrokerSettings(port=stage.gateway.port, client_id=917, account=account, reconnect_initial_s=0.2)
    killer = Killer(Spec(stage.state_dir, broker, BOT_CLIENT, Patience(hung_s=hung_s)))
    task = asyncio.create_task(killer.run())
    try:
        yield killer
    finally:
        killer.stop()
        await task


async def comes(condition: Callable[[], bool], what: str, within_s: float = 60.0) -> float:
    """Waits on the virtual loop; the seconds it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not condition():
        assert loop.time() - began < within_s, what
        await asyncio.sleep(0.01)
    return loop.time() - began


def working(state: State) -> bool:
    return any(order.state is OrderState.WORKING for order in state.book.live_orders())


def play(story: Callable[[Stage], Awaitable[None]], place: Path) -> Stage:
    return tell(story, place, WORLD, fills=NEVER, begin=MORNING)


def test_a_dead_bots_order_is_cancelled_and_proved(tmp_path: Path) -> None:
    """The bot died with an order working: touching the latch is enough; cancelled within a look, verified at once."""

    async def story(stage: Stage) -> None:
        async with killer_on(stage) as killer:
            stage.begin()
            await stage.until(working, "an order works")
            await stage.drop_dead()
            assert len(stage.truth().live()) == 1
            (stage.state_dir / latch.NAME).touch()
            took_s = await comes(lambda: stage.truth().live() == [], "the order is cancelled")
            assert took_s < 0.5
            await comes(lambda: killer.describe()["phase"] == Phase.VERIFIED.value, "the killer has proof")
            assert killer.describe()["bot_orders"] == 0

    stage = play(story, tmp_path)
    assert [line["client"] for line in stage.lines("global_cancel")] == [917]


def test_an_opening_that_a_dead_bot_left_is_cancelled_without_a_latch(tmp_path: Path) -> None:
    """The bot dies with an opening at the broker: it works on for half a minute, then the killer takes it back."""

    async def story(stage: Stage) -> None:
        async with killer_on(stage):
            stage.begin()
            await stage.until(working, "an order works")
            await stage.drop_dead()
            await asyncio.sleep(25.0)
            assert len(stage.truth().live()) == 1
            await comes(lambda: stage.truth().live() == [], "the opening is cancelled", 15.0)
        assert not latch.present(stage.state_dir / latch.NAME)

    stage = play(story, tmp_path)
    assert {line["client"] for line in stage.lines("global_cancel")} == {917}


def test_a_bot_that_hangs_is_killed_by_its_missing_heartbeat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process holds its lock and takes no step: after 30 s the latch is engaged, says who, and all is cancelled."""

    async def story(stage: Stage) -> None:
        async with killer_on(stage) as killer:
            stage.begin()
            await stage.until(working, "an order works")
            await stage.drop_dead()
            with instance.acquire(stage.state_dir):  # still there, but it does not move
                await asyncio.sleep(20.0)
                assert not latch.present(stage.state_dir / latch.NAME)
                await comes(lambda: latch.present(stage.state_dir / latch.NAME), "the watchdog engages", 40.0)
                await comes(lambda: stage.truth().live() == [], "the order is cancelled", 2.0)
            assert killer.describe()["verified_ms"] is not None or killer.describe()["phase"] == "killing"

    stage = play(story, tmp_path)
    found = latch.read(stage.state_dir / latch.NAME)
    assert found is not None
    assert found.who == "killer"
    assert "has not moved for 30 s" in found.reason


def test_a_living_bot_is_left_alone(tmp_path: Path) -> None:
    """Minutes of market time with a killer beside: no latch, nothing cancelled by it."""

    async def story(stage: Stage) -> None:
        async with killer_on(stage):
            stage.begin()
            await stage.until(working, "an order works")
            await stage.live_on(4.0)

    stage = play(story, tmp_path)
    assert not latch.present(stage.state_dir / latch.NAME)
    assert stage.lines("global_cancel") == []
    assert (stage.state_dir / heartbeat.NAME).exists()


def test_a_gateway_that_restarts_under_a_kill_is_told_first_thing(tmp_path: Path) -> None:
    """The gateway is away when the latch comes; back again, the first request of the killer is the cancel."""

    async def story(stage: Stage) -> None:
        async with killer_on(stage) as killer:
            stage.begin()
            await stage.until(working, "an order works")
            await stage.drop_dead()
            stage.gateway.cause("restart", refuse_s=30.0)
            await asyncio.sleep(1.0)
            (stage.state_dir / latch.NAME).touch()
            await asyncio.sleep(2.0)
            assert len(stage.truth().live()) == 1
            assert killer.describe()["phase"] == Phase.KILLING.value
            await comes(lambda: stage.truth().live() == [], "the order is cancelled", 120.0)

    play(story, tmp_path)


def test_another_account_is_told_nothing(tmp_path: Path) -> None:
    """The gateway serves an account that was not meant: no cancel reaches it, and the status says why."""

    async def story(stage: Stage) -> None:
        async with killer_on(stage, account="DU7654321") as killer:
            stage.begin()
            await stage.until(working, "an order works")
            await stage.drop_dead()
            (stage.state_dir / latch.NAME).touch()
            await asyncio.sleep(20.0)
            assert len(stage.truth().live()) == 1
            assert killer.describe()["link"].startswith("refused")

    stage = play(story, tmp_path)
    assert stage.lines("global_cancel") == []
