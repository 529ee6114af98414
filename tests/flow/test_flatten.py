"""FLATTEN with the real client against a gateway: its ledger goes to zero through a death and a lost gateway."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from bot import mailbox
from bot.engine.state import State
from bot.replay import replay
from bot.sim.venue.matching import FillModel
from strategies.condor.machine import CondorState
from strategies.domain.control import LinkState, OperatorVerb, TradingState
from strategies.domain.flatten import FlattenPhase
from tests.flow.virtual_life import BUSY, Stage, tell

WORLD = str(Path(__file__).with_name("crash_days.toml"))
MORNING = "2026-03-02T10:28:30-05:00"
EAGER = FillModel(mid_per_minute=6.0)
HELD = (
    *(s for s in BUSY if "exit." not in s), "condor.entry.dte_max_days=60", "alvh.band.calm_hard_low=-9.0",
    "alvh.band.calm_soft_low=-8.0", "alvh.enabled=true",
)  # fmt: skip
"""Condors are sold at the first chance and kept, before and beside their hedge."""


def open_condors(state: State) -> int:
    return sum(condor.state is CondorState.OPEN for condor in state.condors.values())


def whole_book(state: State) -> bool:
    """Two condors and something of the hedge."""
    hedge = any(r.intent.owner == "alvh" and r.filled_units for r in state.book.orders.values())
    return open_condors(state) >= 2 and hedge


def order(stage: Stage) -> None:
    """What `condor flatten` leaves for the bot."""
    mailbox.leave(
        stage.state_dir, OperatorVerb.FLATTEN, "a person", "enough", confirmed=True, number=time.time_ns() // 1_000_000
    )


def phase_is(*phases: FlattenPhase) -> Any:
    return lambda state: state.flatten is not None and state.flatten.phase in phases


def only_closes(stage: Stage, after: int) -> None:
    """From the ledger alone: no execution after a line makes any position larger or turns it round."""
    held: dict[int, int] = {}
    assert stage.lines("fill", after=after)
    for line in stage.lines("fill"):
        con_id, signed = line["contract"]["con_id"], line["quantity"] * (1 if line["side"] == "BUY" else -1)
        before = held.get(con_id, 0)
        held[con_id] = before + signed
        if line["seq"] > after:
            assert abs(held[con_id]) < abs(before), line
            assert held[con_id] * before >= 0, line
    assert not any(held.values()), held


def test_two_condors_and_a_hedge_go_to_zero_through_a_death_and_a_lost_gateway(tmp_path: Path) -> None:
    """Ordered by file; the bot dies after its first closing order and goes on after the restart by itself; the gateway
    goes away and comes back; then all is flat by the ledger, the bot halted, and the journal replays the same."""

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(whole_book, "two condors and a hedge are held")
        ordered_at = stage.truth().seq
        order(stage)
        await stage.until(lambda s: bool(stage.orders_after(ordered_at)), "a closing order is out", 10.0)
        await stage.drop_dead()
        stage.begin()
        await stage.until(phase_is(FlattenPhase.CLOSING), "it goes on by itself", 10.0)
        stage.gateway.cause("restart", refuse_s=120.0)
        await stage.until(lambda s: s.link.state is not LinkState.UP, "the gateway is away", 5.0)
        assert stage.state.flatten is not None
        await stage.until(phase_is(FlattenPhase.FLAT), "everything is flat", 60.0)
        assert stage.truth().positions() == {}
        assert stage.truth().live() == []
        assert stage.state.control.state is TradingState.HALTED
        only_closes(stage, ordered_at)
        flat_at = stage.truth().seq
        await stage.live_on(5.0)
        assert stage.orders_after(flat_at) == []
        assert not stage.lines("global_cancel")

    stage = tell(story, tmp_path, WORLD, fills=EAGER, begin=MORNING, settings=HELD)
    assert any("FLAT:" in text for text in stage.alerts)
    replayed = replay(stage.state_dir)
    assert replayed.divergence is None, str(replayed.divergence)


@pytest.mark.slow
def test_ordered_in_the_evening_it_waits_for_the_open(tmp_path: Path) -> None:
    """After the close nothing is sent all night; the next morning everything goes."""

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(lambda s: open_condors(s) >= 1, "a condor is held", 60.0)
        await stage.until(lambda s: bool(s.now) and s.now.hour >= 21, "the evening has come", 330.0)  # type: ignore[union-attr]
        ordered_at = stage.truth().seq
        order(stage)
        await stage.until(phase_is(FlattenPhase.WAITING), "it is queued", 10.0)
        assert any("queued for the open: orders go from 2026-03-03 09:35" in text for text in stage.alerts)
        await stage.until(lambda s: bool(stage.orders_after(ordered_at)), "the first closing order", 18.0 * 60.0)
        assert stage.state.now is not None
        assert stage.state.now.hour == 14  # 09:35 in New York
        await stage.until(phase_is(FlattenPhase.FLAT), "everything is flat", 60.0)
        assert stage.truth().positions() == {}

    tell(
        story,
        tmp_path,
        WORLD,
        fills=EAGER,
        begin="2026-03-02T15:28:30-05:00",
        settings=(*HELD[:-1], "alvh.enabled=false"),
    )
