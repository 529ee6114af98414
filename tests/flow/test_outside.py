"""Trades of others on a condor's legs, with the real client against a gateway: its ledger says what really is held."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bot import mailbox
from bot.engine.holdings import holdings
from bot.replay import replay
from bot.sim.venue.matching import FillModel
from strategies.condor.machine import CondorState
from strategies.domain.control import OperatorVerb, TradingState
from tests.flow.virtual_life import BUSY, Stage, tell

WORLD = str(Path(__file__).with_name("crash_days.toml"))
MORNING = "2026-03-02T10:28:30-05:00"
EAGER = FillModel(mid_per_minute=6.0)
ONE = (
    *(s for s in BUSY if "exit." not in s and "entries_per_day" not in s),
    "condor.entry.entries_per_day=1",
    "condor.entry.dte_max_days=60",
)
"""One condor is sold at the first chance and kept."""


def condor_is(*states: CondorState) -> object:
    return lambda state: any(condor.state in states for condor in state.condors.values())


def say(stage: Stage, verb: OperatorVerb, subject: str = "") -> None:
    """What the command line leaves for the bot."""
    number = time.time_ns() // 1_000_000
    mailbox.leave(stage.state_dir, verb, "a person", "in TWS", confirmed=True, number=number, subject=subject)


def held(stage: Stage) -> dict[int, int]:
    """Signed contracts by the ledger alone."""
    return {con_id: quantity for con_id, quantity in stage.truth().positions().items() if quantity}


async def one_condor(stage: Stage) -> str:
    """Starts the bot and waits for its condor; the condor's id."""
    stage.begin()
    await stage.until(condor_is(CondorState.OPEN), "a condor is open", 120.0)  # type: ignore[arg-type]
    return next(c.id for c in stage.state.condors.values() if c.state is CondorState.OPEN)


def trade(stage: Stage, con_id: int, signed: int) -> None:
    side = "BUY" if signed > 0 else "SELL"
    stage.gateway.cause("manual_trade", con_id=con_id, side=side, quantity=abs(signed))


def test_a_condor_closed_by_hand_in_tws_is_booked_on_a_persons_word_and_stays_so(tmp_path: Path) -> None:
    """Four executions of somebody else's. The bot sends no order, says that the condor is gone and keeps it in its
    caps; refuses to book it while a leg is left; then books it, trades again after arming, knows it after a death, and
    the journal replays the same."""

    async def story(stage: Stage) -> None:
        condor = await one_condor(stage)
        legs = held(stage)
        seq = stage.truth().seq
        for con_id, quantity in sorted(legs.items())[:-1]:
            trade(stage, con_id, -quantity)
        await stage.until(condor_is(CondorState.QUARANTINE), "it is in quarantine", 10.0)  # type: ignore[arg-type]
        await stage.live_on(2.0)
        say(stage, OperatorVerb.CLOSED, condor)
        await stage.until(lambda s: any("is not booked as closed" in a for a in stage.alerts), "it is refused", 5.0)
        con_id, quantity = max(legs.items())
        trade(stage, con_id, -quantity)
        await stage.until(lambda s: any(f"condor closed {condor}" in a for a in stage.alerts), "it is told", 10.0)
        await stage.live_on(16.0)  # a simulation compares every five minutes; it takes three comparisons
        assert stage.orders_after(seq) == []
        say(stage, OperatorVerb.CLOSED, condor)
        await stage.until(condor_is(CondorState.CLOSED), "it is booked", 5.0)  # type: ignore[arg-type]
        assert (held(stage), holdings(stage.state.book)) == ({}, ())
        say(stage, OperatorVerb.ARM)
        await stage.until(lambda s: s.control.state is TradingState.ACTIVE, "it is armed", 5.0)
        await stage.drop_dead()
        stage.begin()
        await stage.until(lambda s: s.link.synced_epoch is not None, "compared again", 5.0)
        await stage.live_on(2.0)
        assert stage.state.condors[condor].state is CondorState.CLOSED
        assert holdings(stage.state.book) == ()
        assert stage.state.control.state is TradingState.ACTIVE

    stage = tell(story, tmp_path, WORLD, fills=EAGER, begin=MORNING, settings=ONE)
    assert replay(stage.state_dir).divergence is None


@pytest.mark.parametrize("whole", [False, True])
def test_what_the_broker_liquidates_halts_and_nothing_is_closed_twice(tmp_path: Path, whole: bool) -> None:
    """F66: one leg, or all of them. HALTED with the cause, everything cancelled, no order ever after, and what the bot
    believes to hold is what the ledger shows."""

    async def story(stage: Stage) -> None:
        await one_condor(stage)
        seq = stage.truth().seq
        stage.gateway.cause("liquidate", **({} if whole else {"con_id": min(held(stage))}))
        await stage.until(lambda s: s.control.state is TradingState.HALTED, "it is halted", 5.0)
        await stage.until(condor_is(CondorState.QUARANTINE), "it is in quarantine", 10.0)  # type: ignore[arg-type]
        await stage.live_on(20.0)
        assert stage.lines("global_cancel", after=seq)
        assert stage.orders_after(seq) == []
        assert stage.state.book.positions() == held(stage)
        assert any("the broker liquidates" in text for text in stage.alerts)

    tell(story, tmp_path, WORLD, fills=EAGER, begin=MORNING, settings=ONE)


def test_one_leg_of_a_combination_that_fills_alone_is_told_and_never_traded_on(tmp_path: Path) -> None:
    """F46: the short put of an entry is executed, the other legs are not. Executions are out of ratio, so no new risk;
    when the order is over the condor is in quarantine, and the bot holds what the ledger shows."""

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(lambda s: any(o.perm_id for o in s.book.live_orders()), "an order works", 120.0)
        order = stage.state.book.live_orders()[0]
        stage.gateway.cause("fill_leg_only", order_ref=order.ref, leg=2)
        await stage.until(lambda s: bool(s.book.positions()), "an execution is booked", 5.0)
        seq = stage.truth().seq
        await stage.until(condor_is(CondorState.QUARANTINE), "it is in quarantine", 30.0)  # type: ignore[arg-type]
        await stage.live_on(20.0)
        assert stage.orders_after(seq) == []
        assert stage.state.book.positions() == held(stage) != {}
        assert any("in quarantine" in text for text in stage.alerts)

    tell(story, tmp_path, WORLD, fills=FillModel(mid_per_minute=0.0, improvement_probability=0.0), begin=MORNING,
         settings=ONE)  # fmt: skip
