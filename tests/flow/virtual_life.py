"""A gateway and the lives of one bot on a virtual loop: market hours in seconds, the venue's ledger beside it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.engine.state import State
from bot.life import Life
from bot.runner import Stopped
from bot.settings.load import load
from bot.sim.gateway import SimulatedGateway
from bot.sim.venue.ledger import Ledger
from bot.sim.venue.matching import FillModel
from bot.sim.venue.sim import SimVenue
from bot.sim.virtual_time import VirtualLoop, run_virtual
from bot.sim.world.load import load_scenario
from strategies.domain import events as ev
from tests.oracle import ledger as truth
from tests.oracle.ledger import Line

ACCOUNT = "DU1234567"

BUSY = (
    "alvh.enabled=false",
    "condor.entry.entries_per_day=20",
    "condor.entry.every_min=5",
    "condor.entry.scan_min=5",
    "condor.entry.proposals_per_slot=5",
    "condor.exit.take_profit_pct_of_credit=0.5",
    "condor.exit.stop_loss_multiple_of_credit=0.02",
    "condor.orders.patient_pause_s=30.0",
    "condor.curve.samples=1",
    "condor.curve.sample_every_s=30.0",
    "engine.prove_again_s=15.0",
    "risk.guards.identical_opens_per_day=1000",
    "risk.guards.round_trips_per_hour=1000",
)
"""Condors are sold at the first chance and closed at the first tick of profit or loss: orders all the time. Without
their hedge, which they would wait for; tests of the hedge switch it on."""


class Stage:
    """Where lives are lived. `state` is the last one a watcher saw, `alerts` everything people were told."""

    def __init__(self, place: Path, gateway: SimulatedGateway, settings: tuple[str, ...]) -> None:
        self.state_dir = place / "state"
        self.state_dir.mkdir(exist_ok=True)
        self.ledger = place / "ledger.jsonl"
        self.gateway = gateway
        self.state = State()
        self.alerts: list[str] = []
        self.handlers: dict[int, Callable[[], None]] = {}
        self._settings = settings
        self._life: asyncio.Task[Stopped] | None = None

    # lives ---------------------------------------------------------------------------------------
    def begin(self) -> asyncio.Task[Stopped]:
        """Starts the bot; signals can be delivered through `handlers`."""
        assert self.gateway.control is not None
        loop: Any = asyncio.get_running_loop()
        loop.add_signal_handler = self.handlers.__setitem__
        ends = (f"broker.port={self.gateway.port}", f'clock.follow="127.0.0.1:{self.gateway.control.port}"')
        life = Life(
            loaded=load(profile="sim", assignments=(*ends, *self._settings), environ={}),
            state_dir=self.state_dir,
            tell=lambda at, level, text: self.alerts.append(text),
            watchers=(self._watch,),
            status_every_s=600.0,
        )
        self.state = State()
        self._life = asyncio.create_task(life.run(), name="life")
        return self._life

    async def drop_dead(self) -> None:
        """Ends the bot without a word to the broker: what works at the venue goes on working."""
        assert self._life is not None
        self._life.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._life

    async def until(self, condition: Callable[[State], bool], what: str, within_min: float = 60.0) -> None:
        """Waits in market time."""
        assert self._life is not None
        first: datetime | None = None
        while not (self.state.run_id and condition(self.state)):
            await asyncio.sleep(1.0)
            if self._life.done():
                raise AssertionError(f"the bot ended before {what}: {self._life.result()}")
            now = self.state.now
            first = first or now
            waited = (now - first).total_seconds() / 60.0 if now and first else 0.0
            assert waited < within_min, f"never happened: {what}; {self.alerts[-4:]}"

    async def live_on(self, minutes: float) -> None:
        """Lets market time pass."""
        assert self.state.now is not None
        start = self.state.now
        passed: Callable[[State], bool] = lambda s: bool(s.now) and (s.now - start).total_seconds() >= 60.0 * minutes  # type: ignore[operator]  # noqa: E731
        await self.until(passed, f"{minutes} minutes pass", minutes + 5.0)

    def _watch(self, envelope: ev.Envelope, state: State, outcome: Any) -> None:
        self.state = state

    # truth ---------------------------------------------------------------------------------------
    def truth(self) -> truth.Truth:
        """The ledger so far."""
        return truth.read(self.ledger)

    def lines(self, *kinds: str, after: int = -1) -> list[Line]:
        """Ledger lines of these kinds after a line."""
        return [line for line in truth.lines(self.ledger) if line["kind"] in kinds and line["seq"] > after]

    def orders_after(self, seq: int) -> list[str]:
        """References of orders (what-ifs apart) that reached the venue after a ledger line."""
        return [line["order_ref"] for line in self.lines("place", "modify", after=seq) if not line["what_if"]]


Story = Callable[[Stage], Awaitable[None]]


def tell(
    story: Story,
    place: Path,
    scenario: str,
    *,
    fills: FillModel | None = None,
    begin: str | None = None,
    settings: tuple[str, ...] = BUSY,
    tick_s: float = 15.0,
    seed: int = 7,
) -> Stage:
    """Plays a story in virtual time; the market stands still while no bot follows it."""
    world = load_scenario(scenario, seed)
    keeper = Ledger(place / "ledger.jsonl")
    venue = SimVenue(world, accounts={ACCOUNT: 500_000.0}, ledger=keeper, seed=seed, fills=fills)
    start = datetime.fromisoformat(begin) if begin is not None else None
    stages: list[Stage] = []

    async def whole() -> None:
        assert isinstance(asyncio.get_running_loop(), VirtualLoop)
        gateway = SimulatedGateway(venue, world, tick_s=tick_s, begin=start, control_port=0)
        await gateway.start()
        assert gateway.control is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.control.port)
        writer.write(json.dumps({"verb": "hold"}).encode() + b"\n")
        await reader.readline()
        stage = Stage(place, gateway, settings)
        stages.append(stage)
        try:
            await story(stage)
        finally:
            await stage.drop_dead()
            writer.close()
            await gateway.stop()

    with keeper:
        run_virtual(whole)
    return stages[0]
