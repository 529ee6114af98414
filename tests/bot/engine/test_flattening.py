"""FLATTEN: cancels first, then whole condors, then the hedge; only closings, whatever happens; HALTED once flat."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import numpy as np
import pytest

from bot.actions import Cancel, CancelAll
from strategies.domain.book import Fill
from strategies.domain.control import LinkState, OperatorVerb, TradingState
from strategies.domain.events import Filled
from strategies.domain.flatten import FLATTEN_TABLE, RULE, FlattenPhase, FlattenTrigger, not_closing
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.orders import Action
from strategies.domain.session import NEW_YORK
from tests.bot.engine.builders import command, link
from tests.bot.engine.flat_bench import FlatBench

P = FlattenPhase


def ordered(condors: int = 2, *, opening: bool = False) -> FlatBench:
    """Everything held, and the order to flatten given."""
    bench = FlatBench(condors, opening=opening)
    bench.feed(command(OperatorVerb.FLATTEN))
    return bench


def phase(bench: FlatBench) -> FlattenPhase:
    assert bench.state.flatten is not None
    return bench.state.flatten.phase


def finish(bench: FlatBench, looks: int = 90) -> None:
    """Everything that works is filled, look by look, until it says that it is flat."""
    for _ in range(looks):
        if phase(bench) is P.FLAT:
            return
        bench.look(5.0)
        bench.fill_all()
    raise AssertionError(
        f"never flat: {bench.state.flatten}; {[v.text for s in bench.steps[-9:] for v in s.outcome.verdicts]}"
    )


def test_it_ends_flat_and_halted_and_nothing_leaves_after_that() -> None:
    """Two condors and four slots go to zero at the broker, in that order; then HALTED, which only `arm` ends."""
    bench = ordered()
    assert bench.state.control.state is TradingState.FLATTENING
    finish(bench)
    assert not any(bench.broker.positions.values())
    assert bench.state.control.state is TradingState.HALTED
    owners = [intent.owner for intent in bench.sent]
    assert owners == sorted(owners, key=lambda owner: owner == HEDGE_OWNER), "a hedge sale before a condor's closing"
    assert {intent.rule for intent in bench.sent} == {RULE}
    sent = len(bench.sent)
    for _ in range(6):
        bench.look(60.0)
    assert len(bench.sent) == sent
    assert not bench.actions(CancelAll), "what others have working is theirs"
    bench.feed(command(OperatorVerb.ARM))
    assert bench.state.control.state is TradingState.ACTIVE
    assert bench.state.flatten is None


def test_orders_that_do_not_close_are_cancelled_and_proven_over_before_anything_is_closed() -> None:
    """An entry and a hedge purchase work: both are cancelled, again every two seconds; nothing is sent meanwhile."""
    bench = FlatBench(2, opening=True)
    bench.broker.mute.add("cancel")
    first = bench.feed(command(OperatorVerb.FLATTEN))[0]
    alive = {record.ref for record in not_closing(bench.state.book)}
    assert len(alive) == 2
    assert {action.ref for action in first.actions if isinstance(action, Cancel)} == alive
    for _ in range(5):
        bench.look(3.0)
    assert phase(bench) is P.CANCELLING
    assert not bench.sent
    assert len(bench.broker.said("cancel")) == 12
    bench.broker.mute.discard("cancel")
    finish(bench)
    assert not any(bench.broker.positions.values())


def test_what_fills_while_it_is_being_cancelled_is_closed_too() -> None:
    """The race of cancel and fill is lost twice: a new condor and a new hedge position are there, and go."""
    bench = FlatBench(2, opening=True)
    bench.broker.mute.add("cancel")
    bench.feed(command(OperatorVerb.FLATTEN))
    bench.fill_all()
    bench.broker.mute.discard("cancel")
    finish(bench)
    assert not any(bench.broker.positions.values())
    assert len([intent for intent in bench.sent if intent.owner != HEDGE_OWNER]) >= 2


def test_out_of_hours_it_queues_for_the_open_and_says_so() -> None:
    """Ordered on a Saturday: cancels at once, no order, the moment of the open in words; on Monday it closes."""
    bench = FlatBench(1)
    saturday = bench.now + timedelta(days=5, hours=3)
    assert saturday.astimezone(NEW_YORK).weekday() == 5
    bench.now = saturday
    bench.feed(command(OperatorVerb.FLATTEN))
    assert phase(bench) is P.WAITING
    assert bench.state.flatten is not None
    assert "queued for the open: orders go from 2026-05-11 09:35 New York" in bench.state.flatten.text
    assert any("queued for the open" in alert.text for step in bench.steps for alert in step.outcome.alerts)
    for _ in range(8):
        bench.look(4.0 * 3600.0)
    assert not bench.sent
    bench.now = saturday.replace(day=11, hour=13, minute=40)
    finish(bench)
    assert not any(bench.broker.positions.values())


def test_a_kill_outranks_it_at_any_moment_and_a_pause_or_reduce_does_not() -> None:
    """Pause and reduce change nothing. Kill: no order any more, and after `arm` nothing is closed by it either."""
    bench = ordered()
    bench.look()
    bench.feed(command(OperatorVerb.PAUSE), command(OperatorVerb.REDUCE))
    assert bench.state.control.state is TradingState.FLATTENING
    bench.feed(command(OperatorVerb.KILL))
    assert phase(bench) is P.OVERRULED
    sent = len(bench.sent)
    for _ in range(10):
        bench.look(30.0)
    assert len(bench.sent) == sent
    assert bench.state.control.state is TradingState.HALTED
    again = bench.feed(command(OperatorVerb.FLATTEN))[0]
    assert [a.key for a in again.outcome.alerts] == ["flatten.refused"]
    assert "condor arm" in again.outcome.alerts[0].text
    bench.feed(command(OperatorVerb.ARM))
    assert bench.state.flatten is None
    working = [intent.ref for intent in bench.sent if bench.state.book.orders[intent.ref].live]
    assert not working


def test_arming_ends_it_and_gives_the_condors_back_to_the_rules() -> None:
    """Armed in the middle: its orders are cancelled, what it had begun to close is open again, nothing more is sold."""
    bench = ordered()
    bench.look()
    assert bench.broker.said("submit")
    bench.judging = False
    bench.feed(command(OperatorVerb.ARM))
    for _ in range(6):
        bench.look(20.0)
    assert not [r for r in bench.state.book.live_orders() if r.intent.rule == RULE]
    assert not [walk for walk in bench.state.desk.hedge.walks.values() if walk.rule == RULE]
    assert {condor.state.value for condor in bench.state.condors.values()} == {"open"}


@pytest.mark.parametrize("trouble", ["unconfirmed", "kill", "account"])
def test_it_is_refused_with_words_that_say_what_to_do(trouble: str) -> None:
    """Not confirmed, under a kill, or halted for another account: nothing is latched, and the way out is named."""
    bench = FlatBench(1)
    if trouble == "kill":
        bench.feed(command(OperatorVerb.KILL))
    if trouble == "account":
        bench.feed(link(LinkState.UP, bench.broker.epoch, accounts=("DU1",)))
    step = bench.feed(command(OperatorVerb.FLATTEN, confirmed=trouble != "unconfirmed"))[0]
    (alert,) = [a for a in step.outcome.alerts if a.key == "flatten.refused"]
    assert ("not confirmed" in alert.text) if trouble == "unconfirmed" else ("condor arm" in alert.text)
    assert [d.rule for d in step.outcome.decisions if d.text.startswith("refused")] == [RULE]
    assert bench.state.flatten is None
    assert not bench.sent


def test_a_limit_that_halts_does_not_hold_it_up() -> None:
    """Forced liquidation is near: that is what closing prevents; the limit's cancel is obeyed, then closing goes on."""
    bench = ordered(1)
    poor = msgspec.structs.replace(bench.account(), excess_liquidity_usd=1_000.0)
    bench.short_of_cash = poor
    bench.look()
    assert "limit:C20" in bench.causes()
    assert bench.state.control.state is TradingState.FLATTENING
    finish(bench)
    assert bench.state.control.state is TradingState.HALTED
    assert not any(bench.broker.positions.values())


def test_a_late_execution_takes_it_up_again() -> None:
    """Flat and halted, then an entry believed cancelled was filled after all: it is closed, and halted anew."""
    bench = FlatBench(2, opening=True)
    (entry,) = [r for r in not_closing(bench.state.book) if r.intent.owner != HEDGE_OWNER]
    bench.feed(command(OperatorVerb.FLATTEN))
    finish(bench)
    for order in (bench.broker.orders[entry.ref],):
        bench.broker.fill(order.intent.ref)
    bench.feed()
    assert phase(bench) in (P.CANCELLING, P.WAITING, P.CLOSING)
    assert bench.state.control.state is TradingState.FLATTENING
    finish(bench)
    assert not any(bench.broker.positions.values())


def test_what_is_not_ours_is_left_alone_and_named() -> None:
    """A put bought by hand stays; flat means that nothing of ours is held."""
    bench = FlatBench(1)
    stranger = bench.strangers_contract()
    bench.feed(Filled(fill=Fill("hand.01", None, stranger, Action.BUY, 3, 5.0, 100, bench.now)))
    bench.broker.positions[stranger] = 3
    bench.feed(command(OperatorVerb.FLATTEN))
    finish(bench)
    assert {con_id: q for con_id, q in bench.broker.positions.items() if q} == {stranger: 3}
    assert any("3 contracts of others are left alone" in a.text for s in bench.steps for a in s.outcome.alerts)


def test_what_cannot_be_closed_is_said_aloud_again_and_again() -> None:
    """A condor without quotes: after ten minutes and then every ten it is named; the hedge is not sold before it."""
    bench = FlatBench(1)
    bench.silent |= set(next(iter(bench.state.condors.values())).con_ids())
    bench.now += timedelta(seconds=30)
    bench.feed(command(OperatorVerb.FLATTEN))
    for _ in range(27):
        bench.look(50.0)
    told = [a.text for s in bench.steps for a in s.outcome.alerts if a.key == "flatten.slow"]
    assert len(told) == 2
    assert all(next(iter(bench.state.condors)) in text for text in told)
    assert not bench.sent


def test_the_table_has_a_row_for_every_pair() -> None:
    """Whatever is seen in whatever phase leads somewhere, and a kill always to the end."""
    for state in FlattenPhase:
        for trigger in FlattenTrigger:
            assert FLATTEN_TABLE.allows(state, trigger)
        assert FLATTEN_TABLE.move(state, FlattenTrigger.STOPPED) is P.OVERRULED


def stirred(bench: FlatBench, rng: np.random.Generator) -> None:
    """One thing that happens."""
    what = rng.choice(("look", "look", "look", "fill", "part", "away", "restart", "deaf", "silent", "shift"))
    if what == "look":
        bench.look(float(rng.choice((1.0, 4.0, 9.0, 21.0))))
    elif what == "fill":
        bench.fill_all()
    elif what == "part":
        bench.fill_all(1)
    elif what == "away":
        bench.away()
        bench.now += timedelta(seconds=float(rng.choice((1.0, 40.0))))
        bench.back()
    elif what == "restart":
        bench.restart().connect()
    elif what == "deaf":
        bench.broker.mute ^= {str(rng.choice(("cancel", "ack", "snapshot")))}
    elif what == "silent":
        quoted = {leg.con_id for record in bench.state.book.orders.values() for leg in record.intent.legs}
        bench.silent = {int(con_id) for con_id in rng.choice(sorted(quoted), 3)}
    else:
        bench.world.shift = float(rng.choice((-150.0, -20.0, 0.0, 20.0, 150.0)))  # type: ignore[attr-defined]


def random_run(seed: int) -> None:
    """A flattening among faults; the bench judges each order as it leaves, the broker's book has the last word."""
    rng = np.random.default_rng(seed)
    bench = FlatBench(int(rng.choice((1, 2, 3))), opening=rng.random() < 0.5)
    bench.feed(command(OperatorVerb.FLATTEN))
    for _ in range(25):
        stirred(bench, rng)
    bench.broker.mute -= {"cancel", "ack", "snapshot"}
    bench.silent, bench.world.shift = set(), 0.0  # type: ignore[attr-defined]
    if phase(bench) is not P.FLAT:
        bench.back()
    finish(bench)
    assert not any(bench.broker.positions.values()), f"seed {seed}"


@pytest.mark.parametrize("seed", range(4))
def test_no_order_adds_risk_or_size_whatever_happens_and_it_ends_flat(seed: int) -> None:
    """Partial fills, lost cancels, reconnects, restarts, silence: each order only takes from what is held (judged from
    the broker's positions) and leaves no worse cell on the grid (reckoned apart); in the end nothing is held."""
    random_run(seed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_same_over_many_seeds() -> None:
    """Two hundred runs."""
    for seed in range(100, 300):
        random_run(seed)
