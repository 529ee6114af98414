"""People stop and start the bot: kill, pause, reduce, arm, stop; a kill survives and hunts what is alive."""

from __future__ import annotations

import pytest

from bot.actions import Cancel, CancelAll, ClearLatch, WriteLatch
from risk.approval import Approved
from strategies.domain import events as ev
from strategies.domain.control import LinkState, OperatorVerb, TradingState
from strategies.domain.orders import OrderState
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import (
    calendar_loaded,
    command,
    link,
    run_started,
)

S = OrderState


@pytest.fixture
def bench() -> Bench:
    return Bench().start()


def test_kill_latches_writes_it_down_and_cancels_everything_in_one_step(bench: Bench) -> None:
    """The latch comes before the cancels; every live order is marked; positions are kept."""
    ref = bench.working()
    killed = bench.feed(command(OperatorVerb.KILL))[0]
    kinds = [type(a) for a in killed.actions if isinstance(a, WriteLatch | CancelAll)]
    assert kinds == [WriteLatch, CancelAll]
    assert killed.state.book.orders[ref].state is S.CANCELING
    assert killed.state.kill_file
    assert bench.state.control.state is TradingState.HALTED


def test_a_second_kill_cancels_again_and_keeps_the_first_cause(bench: Bench) -> None:
    """Idempotent: one latch, the first reason, cancels every time."""
    bench.feed(command(OperatorVerb.KILL))
    latches = bench.state.control.latches
    again = bench.feed(command(OperatorVerb.KILL))[0]
    assert [type(a) for a in again.actions if isinstance(a, WriteLatch | CancelAll)] == [CancelAll]
    assert bench.state.control.latches == latches


def test_a_kill_cancels_until_the_broker_has_nothing_of_ours(bench: Bench) -> None:
    """While an order stays alive the global cancel is repeated every two seconds, then never again."""
    ref = bench.working()
    bench.broker.mute.add("cancel")
    bench.feed(command(OperatorVerb.KILL))
    for _ in range(4):
        bench.pulse(2.0)
    assert len(bench.broker.said("cancel_all")) == 5
    bench.broker.mute.discard("cancel")
    bench.pulse(2.0)
    for _ in range(4):
        bench.pulse(4.0)
    assert bench.order(ref).state is S.CANCELED
    done = len(bench.broker.said("cancel_all"))
    bench.pulse(10.0)
    assert len(bench.broker.said("cancel_all")) == done


def test_a_kill_survives_restart_and_reconnect(bench: Bench) -> None:
    """Neither a new process nor a new connection lifts it, latch file or not."""
    bench.feed(command(OperatorVerb.KILL))
    bench.restart().connect()
    assert bench.causes() == {"kill"}
    assert bench.state.kill_file
    bench.tick(60.0)
    for _ in range(10):
        bench.tick(300.0)
    assert bench.broker.said("submit") == []


def test_a_latch_file_found_before_the_first_fact_halts_the_run() -> None:
    """The latch overtakes RunStarted in the inbox; it still holds afterwards."""
    bench = Bench()
    bench.feed(ev.LatchFound(who="file", reason="touched"), run_started(), calendar_loaded())
    assert bench.state.kill_file
    assert bench.causes() == {"kill"}


def test_an_order_approved_when_the_kill_came_is_cancelled_once_it_is_out(bench: Bench) -> None:
    """A send already on its way when the latch engages is hunted down."""
    submit = bench.broker.submit
    held: list[Approved] = []
    bench.broker.submit = held.append  # type: ignore[assignment, method-assign]
    ref = bench.propose().ref
    bench.feed(command(OperatorVerb.KILL))
    assert bench.order(ref).state is S.APPROVED
    submit(held[0])
    bench.feed()
    bench.pulse(3.0)
    bench.pulse(4.0)
    assert bench.order(ref).state is S.CANCELED


def test_arm_clears_every_latch_and_the_file(bench: Bench) -> None:
    """A confirmed arm with nothing in doubt is the one way back."""
    bench.feed(command(OperatorVerb.KILL), command(OperatorVerb.REDUCE), command(OperatorVerb.PAUSE))
    armed = bench.feed(command(OperatorVerb.ARM))[0]
    assert ClearLatch() in armed.actions
    assert (bench.state.control.latches, bench.state.control.paused, bench.state.kill_file) == ((), False, False)


@pytest.mark.parametrize("trouble", ["unconfirmed", "link", "unsynced", "order"])
def test_arm_is_refused_in_doubt(bench: Bench, trouble: str) -> None:
    """Without confirmation, a reconciled link and the fate of every order, nothing is cleared."""
    if trouble == "order":
        bench.lost()
    bench.feed(command(OperatorVerb.KILL))
    if trouble == "link":
        bench.feed(link(LinkState.DEGRADED))
    if trouble == "unsynced":
        bench.feed(link(LinkState.UP, 2))
    refused = bench.feed(command(OperatorVerb.ARM, confirmed=trouble != "unconfirmed"))[0]
    assert ClearLatch() not in refused.actions
    assert [a.key for a in refused.outcome.alerts] == ["arm.refused"]
    assert bench.causes() == {"kill"}
    assert bench.state.kill_file


def test_arm_is_refused_while_positions_differ(bench: Bench) -> None:
    """A book that is wrong is looked at by a person first, with condors open as well as without."""
    bench.open_condor()
    bench.feed(command(OperatorVerb.KILL))
    bench.broker.positions[999] = 1
    bench.feed(bench.broker.snapshot())
    refused = bench.feed(command(OperatorVerb.ARM))[0]
    assert ClearLatch() not in refused.actions
    assert "positions differ" in refused.outcome.alerts[0].text
    assert bench.causes() == {"kill"}
    bench.broker.positions.pop(999)
    bench.feed(bench.broker.snapshot())
    assert ClearLatch() in bench.feed(command(OperatorVerb.ARM))[0].actions


def test_pause_stops_entries_and_reduce_latches(bench: Bench) -> None:
    """Paused: the morning passes without an order. Reduced: a latch that only arming lifts."""
    bench.feed(command(OperatorVerb.PAUSE))
    with pytest.raises(AssertionError, match="no order"):
        bench.propose()
    assert bench.state.control.state == "active"
    bench.feed(command(OperatorVerb.REDUCE))
    assert bench.state.control.state is TradingState.REDUCING


def test_an_orderly_stop_withdraws_entries_and_nothing_else(bench: Bench) -> None:
    """Resting entries are cancelled one by one; no latch, no global cancel."""
    ref = bench.working()
    stopped = bench.feed(command(OperatorVerb.STOP))[0]
    assert [a.ref for a in stopped.actions if isinstance(a, Cancel)] == [ref]
    assert not any(isinstance(a, CancelAll) for a in stopped.actions)
    assert bench.causes() == set()
