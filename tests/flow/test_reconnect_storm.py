"""Sockets drop, the gateway restarts with older ids and the bot is killed, again and again, while orders work.

Virtual time, seeded: a failing seed fails the same way every time. The judge is the venue's ledger; the journal has to
agree with it once the storm is over, and every decision has to come out of the journal again.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from bot.engine.state import State
from bot.replay import replay
from bot.sim.venue.matching import FillModel
from strategies.condor.machine import CondorState
from strategies.domain.control import LinkState
from tests.flow.crash_child import disagreements
from tests.flow.virtual_life import Stage, tell
from tests.oracle import ledger as truth
from tests.oracle.check_ledger import check

WORLD = str(Path(__file__).with_name("crash_days.toml"))
MORNING = "2026-03-02T10:28:30-05:00"

SLOW_CANCELS = FillModel(mid_per_minute=4.0, partial_probability=0.7, cancel_delay_s=20.0, commission_delay_s=45.0)
QUICK = FillModel(mid_per_minute=6.0, partial_probability=0.3)
STUBBORN = FillModel(mid_per_minute=0.3, natural_per_minute=2.0, improvement_probability=0.0, cancel_delay_s=10.0)


def settled(state: State) -> bool:
    """Connected, compared, nothing in doubt, positions agreed."""
    link = state.link
    known = link.state is LinkState.UP and link.synced_epoch == link.epoch
    return known and not state.book.doubtful() and state.mismatch_since is None


async def blow(stage: Stage, chance: np.random.Generator, gusts: int) -> list[str]:
    """One fault after another at moments an order is alive; returns what was done."""
    done: list[str] = []
    while len(done) < gusts:
        await asyncio.sleep(float(chance.exponential(0.7)))
        if stage._life is not None and stage._life.done():
            raise AssertionError(f"the bot ended after {done}: {stage.alerts[-4:]}")
        if not any(order.live for order in stage.state.book.orders.values()):
            continue
        what = str(chance.choice(["drop", "drop", "restart", "kill -9"]))
        if what == "drop":
            stage.gateway.drop()
        elif what == "restart":
            stage.gateway.restart(refuse_s=float(chance.choice([15.0, 60.0, 150.0])), rollback_ids=int(chance.integers(9)))
        else:
            await stage.drop_dead()
            stage.begin()
        done.append(what)
        if chance.random() < 0.6:  # else the next one strikes while the bot still asks where it stands
            await stage.until(settled, f"the bot knows where it stands after {what}", 30.0)
    return done


@pytest.mark.parametrize(
    ("seed", "fills"), [(1, SLOW_CANCELS), (2, QUICK), (3, STUBBORN), (4, SLOW_CANCELS), (5, STUBBORN)]
)
def test_a_storm_of_faults_loses_and_doubles_nothing(seed: int, fills: FillModel, tmp_path: Path) -> None:
    """Every order reached the venue once, caps held at every instant, the journal ends up where the venue is."""
    chance = np.random.default_rng(seed)

    async def story(stage: Stage) -> None:
        stage.begin()
        await blow(stage, chance, 12)
        await stage.until(settled, "the bot knows where it stands after the storm", 20.0)
        await stage.live_on(2.0)
        await stage.until(lambda s: settled(s) and not disagreements(s, stage.truth()), "journal and venue agree", 10.0)

    stage = tell(story, tmp_path, WORLD, fills=fills, begin=MORNING, seed=seed)
    found = check(truth.lines(stage.ledger))
    assert found.violations == []
    assert found.orders >= 3
    assert stage.state.control.latches == ()
    assert not [c.id for c in stage.state.condors.values() if c.state is CondorState.QUARANTINE]
    assert replay(stage.state_dir).divergence is None
