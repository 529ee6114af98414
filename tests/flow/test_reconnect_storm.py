"""Sockets drop, the gateway restarts with older ids and the bot is killed, again and again, while orders work.

Faults strike at random moments of market time and, as often, in the very turn of the loop in which an order or a
cancel was written, so that it may or may not have arrived. Virtual time, seeded: a failing seed fails the same way
every time. The judge is the venue's ledger; the journal has to agree with it once the storm is over, and every
decision has to come out of the journal again.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.engine.state import State
from bot.replay import replay
from bot.sim.venue.matching import FillModel
from strategies.alvh.lattice import SlotState
from strategies.condor.machine import CondorState
from strategies.domain import events as ev
from strategies.domain.control import LinkState
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.orders import OrderState
from tests.flow.crash_child import disagreements
from tests.flow.virtual_life import BUSY, Stage, tell
from tests.oracle import ledger as truth
from tests.oracle.check_ledger import check

WORLD = str(Path(__file__).with_name("crash_days.toml"))
MORNING = "2026-03-02T10:28:30-05:00"

SLOW = FillModel(mid_per_minute=4.0, partial_probability=0.7, cancel_delay_s=20.0, commission_delay_s=45.0)
QUICK = FillModel(mid_per_minute=6.0, partial_probability=0.3)
STUBBORN = FillModel(mid_per_minute=0.3, natural_per_minute=2.0, improvement_probability=0.0, cancel_delay_s=10.0)

WRITES = {"submit", "cancel"}
HEDGED = (*BUSY, "alvh.enabled=true")


class Storm:
    """Causes faults on a stage until as many as wanted have struck and two orders were struck by them."""

    def __init__(self, stage: Stage, seed: int, gusts: int) -> None:
        self.stage = stage
        self.done: list[str] = []
        self._chance = np.random.default_rng(seed)
        self._gusts = gusts
        self._listen = stage._watch
        stage._watch = self._watch  # type: ignore[method-assign]

    def _goes_on(self) -> bool:
        """One order that never fills would be a storm over an empty book."""
        return len(self.done) < self._gusts or self._known() < 2

    def _known(self) -> int:
        """Orders that the venue has given a permanent id: those that reached it."""
        return sum(order.perm_id is not None for order in self.stage.state.book.orders.values())

    def _watch(self, envelope: ev.Envelope, state: State, outcome: Any) -> None:
        """Hears a step right after its actions: what was written has not left this turn of the loop."""
        self._listen(envelope, state, outcome)
        wrote = sorted(WRITES & {action["type"] for action in outcome.actions})
        if wrote and self._goes_on() and self._chance.random() < 0.4:
            self.done.append(f"drop at a {wrote[0]}")
            self.stage.gateway.cause("reset")

    async def blow(self) -> None:
        """One fault after another at moments an order is alive; sometimes while the last one is still being healed."""
        stage, chance = self.stage, self._chance
        stage.begin()
        while self._goes_on():
            await asyncio.sleep(float(chance.exponential(0.7)))
            if not stage.state.run_id or not stage.state.book.live_orders():
                await stage.until(lambda s: bool(s.book.live_orders()), f"an order after {self.done}", 60.0)
                continue
            self.done.append(str(chance.choice(["drop", "restart", "kill -9"])))
            await self._strike(self.done[-1])
            if chance.random() < 0.6:
                await stage.until(settled, f"the bot knows where it stands after {self.done}", 30.0)

    async def _strike(self, what: str) -> None:
        if what == "drop":
            self.stage.gateway.cause("reset")
        elif what == "restart":
            refuse_s = float(self._chance.choice([15.0, 60.0, 150.0]))
            self.stage.gateway.cause("restart", refuse_s=refuse_s, rollback_ids=int(self._chance.integers(9)))
        else:
            await self.stage.drop_dead()
            self.stage.begin()


def settled(state: State) -> bool:
    """Connected, compared, nothing in doubt, positions agreed."""
    link = state.link
    known = link.state is LinkState.UP and link.synced_epoch == link.epoch
    return known and not state.book.doubtful() and state.mismatch_since is None


def over(state: State, refs: list[str]) -> bool:
    """None of these orders is alive any more."""
    return not any(state.book.orders[ref].live for ref in refs)


def play(
    place: Path, seed: int, fills: FillModel, settings: tuple[str, ...] = BUSY, world_seed: int | None = None
) -> tuple[Stage, list[str]]:
    """A storm and the calm after it, in which bot and venue come to the same words. The world has the storm's seed or,
    where its past is drawn already, another one."""
    storms: list[Storm] = []

    async def story(stage: Stage) -> None:
        storms.append(Storm(stage, seed, gusts=12))
        await storms[0].blow()
        await stage.until(settled, "the bot knows where it stands after the storm", 20.0)
        hanging = [order.ref for order in stage.state.book.live_orders() if order.state is OrderState.CANCELING]
        await stage.until(lambda s: over(s, hanging), "no cancel is left hanging", 8.0)
        await stage.until(lambda s: settled(s) and not disagreements(s, stage.truth()), "journal and venue agree", 10.0)

    drawn = seed if world_seed is None else world_seed
    stage = tell(story, place, WORLD, fills=fills, begin=MORNING, seed=drawn, settings=settings)
    return stage, storms[0].done


MORE = pytest.mark.slow
"""Seeds that the long run plays too: the campaign's storms in `make test` are others again."""


@pytest.mark.parametrize(
    ("seed", "fills"),
    [
        (7, QUICK),
        pytest.param(14, STUBBORN, marks=MORE),
        pytest.param(16, QUICK, marks=MORE),
        pytest.param(27, SLOW, marks=MORE),
    ],
)
def test_a_storm_of_faults_loses_and_doubles_nothing(seed: int, fills: FillModel, tmp_path: Path) -> None:
    """Every order reached the venue once, caps held at every instant, the journal ends up where the venue is."""
    judged(*play(tmp_path, seed, fills))


@pytest.mark.parametrize(("seed", "world", "fills"), [(3, 7, STUBBORN), pytest.param(1, 1, QUICK, marks=MORE)])
def test_a_storm_over_a_bot_with_its_hedge_loses_and_doubles_nothing(
    seed: int, world: int, fills: FillModel, tmp_path: Path
) -> None:
    """The same with VIX calls being bought: no slot is blocked, and what slots hold is what the venue says."""
    stage = judged(*play(tmp_path, seed, fills, HEDGED, world))
    assert any(order.intent.owner == HEDGE_OWNER for order in stage.state.book.orders.values())
    assert not [number for number, slot in stage.state.slots.items() if slot.state is SlotState.BLOCKED]


def judged(stage: Stage, done: list[str]) -> Stage:
    """What must hold after any storm."""
    assert len(done) >= 12
    found = check(truth.lines(stage.ledger))
    assert found.violations == []
    assert found.orders >= 2
    assert any(what.startswith("drop at") for what in done)
    assert stage.state.control.latches == ()
    assert not [c.id for c in stage.state.condors.values() if c.state is CondorState.QUARANTINE]
    assert replay(stage.state_dir).divergence is None
    return stage
