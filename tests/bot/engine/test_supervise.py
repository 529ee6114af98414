"""Supervision: overdue orders, doubts and their proof, restarts, links, baselines, limits, kill and arm."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from bot.actions import AskSnapshot
from strategies.condor.machine import CondorState
from strategies.domain import events as ev
from strategies.domain.control import LinkState, OperatorVerb, TradingState
from strategies.domain.known import Unknown
from strategies.domain.orders import Action, OrderState
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import (
    ACCOUNT,
    NLV_USD,
    account_reported,
    broker_order,
    command,
    link,
    make_fill,
    run_started,
)

S = OrderState


@pytest.fixture
def bench() -> Bench:
    return Bench().start()


# overdue and proof --------------------------------------------------------------------------------
def test_an_order_without_an_answer_is_in_doubt_after_the_deadline_and_not_before(bench: Bench) -> None:
    """Silence for five seconds is neither a reject nor a loss: the broker is asked."""
    bench.broker.mute |= {"submit", "snapshot"}
    ref = bench.propose().ref
    bench.pulse(5.0)
    assert bench.order(ref).state is S.SENT
    steps = bench.pulse(0.5)
    assert bench.order(ref).state is S.UNKNOWN
    assert AskSnapshot(reason="doubt") in steps[0].actions


def test_absence_is_proven_by_three_complete_snapshots_and_not_faster_than_asked(bench: Bench) -> None:
    """Each look is at least three seconds after the one before; only the third ends the doubt."""
    ref = bench.lost()
    seen = []
    for _ in range(4):
        bench.pulse(1.5)
        bench.pulse(1.6)
        seen.append((bench.order(ref).state, bench.order(ref).absences))
    assert seen == [(S.UNKNOWN, 1), (S.UNKNOWN, 2), (S.ABSENT, 3), (S.ABSENT, 3)]


def test_snapshots_with_an_unknown_part_count_for_nothing(bench: Bench) -> None:
    """However often the broker answers in part, absence is not concluded."""
    ref = bench.lost()
    bench.broker.mute.add("snapshot")
    for _ in range(6):
        bench.now += timedelta(seconds=4)
        bench.feed(bench.broker.snapshot(completed_orders="silent"))
    assert (bench.order(ref).state, bench.order(ref).absences) == (S.UNKNOWN, 0)


def test_a_sign_of_life_between_the_looks_starts_the_count_anew(bench: Bench) -> None:
    """Two absences, then a status: the order works, and earlier looks no longer count."""
    ref = bench.lost()
    for _ in range(2):
        bench.pulse(4.0)
    assert bench.order(ref).absences == 2
    bench.feed(
        ev.OrderStatusReported(
            ref=ref, perm_id=5, status=ev.BrokerOrderStatus.SUBMITTED, filled=0.0, remaining=2.0
        )
    )  # fmt: skip
    bench.now += timedelta(seconds=4)
    bench.feed(bench.broker.snapshot())
    assert (bench.order(ref).state, bench.order(ref).absences) == (S.WORKING, 1)


def test_a_snapshot_of_an_older_connection_is_not_looked_at(bench: Bench) -> None:
    """What was asked on a connection that is gone proves nothing on this one."""
    ref = bench.working()
    bench.feed(bench.broker.snapshot(epoch=0, open_orders=(), executions=(make_fill("z.01", ref=None),)))
    assert bench.order(ref).absences == 0
    assert "z" not in bench.state.book.fills


def test_a_reject_claim_is_proven_or_disproven_by_the_next_snapshot(bench: Bench) -> None:
    """The same words of the broker end one order and not the other; the snapshot decides."""
    ref = bench.working()
    bench.now += timedelta(seconds=1)
    bench.broker.mute.add("snapshot")
    claim = ev.OrderErrored(ref=ref, code=201, text="rejected", meaning=ev.ErrorMeaning.REJECTED)
    bench.feed(claim)
    assert bench.order(ref).state is S.REJECT_CLAIMED
    bench.now += timedelta(seconds=1)
    bench.feed(bench.broker.snapshot())
    assert bench.order(ref).state is S.WORKING
    bench.feed(claim)
    bench.broker.orders[ref].status = ev.BrokerOrderStatus.INACTIVE
    bench.feed(bench.broker.snapshot())
    assert bench.order(ref).state is S.REJECTED


def test_fills_of_an_outage_come_from_the_snapshot_and_count_once(bench: Bench) -> None:
    """What filled unseen is booked from the executions of the next snapshot, then told again without effect."""
    ref = bench.working()
    rows = bench.broker.fill(ref, tell=False)
    bench.now += timedelta(seconds=31)
    bench.pulse()
    assert bench.order(ref).state is S.FILLED
    assert bench.state.condors[bench.order(ref).intent.owner].state is CondorState.OPEN
    before = bench.state.book
    bench.feed(*[ev.Filled(fill=row) for row in rows], bench.broker.snapshot())
    assert bench.state.book.positions() == before.positions() == bench.broker.positions
    assert len(bench.state.book.fills) == 4


def test_the_credit_of_a_condor_is_what_its_executions_say(bench: Bench) -> None:
    """A fill better than the limit is a better credit."""
    intent = bench.propose()
    bench.broker.fill(intent.ref, net=intent.limit_points - 0.25)
    bench.feed()
    assert bench.state.condors[intent.owner].credit_points == pytest.approx(-intent.limit_points + 0.25)


# what is not ours ---------------------------------------------------------------------------------
@pytest.mark.parametrize("ref", [None, "by hand", "ic-19990101-1.entry.1"])
@pytest.mark.parametrize("by_snapshot", [False, True])
def test_an_external_execution_is_counted_and_latches(bench: Bench, ref: str | None, by_snapshot: bool) -> None:
    """A trade no order of ours explains is held in risk and stops new risk until a person arms."""
    fill = make_fill("m1.01", quantity=3, ref=ref)
    bench.broker.positions[fill.con_id] = 3
    fact = bench.broker.snapshot(executions=(fill,)) if by_snapshot else ev.Filled(fill=fill)
    bench.feed(fact)
    assert bench.state.book.positions() == {fill.con_id: 3}
    assert bench.causes() == {"C31"}
    assert bench.state.control.state is TradingState.REDUCING
    latches = bench.state.control.latches
    bench.feed(fact, ev.Filled(fill=fill))
    assert bench.state.book.positions() == {fill.con_id: 3}
    assert bench.state.control.latches == latches


def test_an_order_of_ours_that_the_journal_lacks_halts_even_where_a_milder_stop_stands(bench: Bench) -> None:
    """An orphan order means a journal or a second bot is wrong: nothing but cancels leaves."""
    bench.feed(ev.Filled(fill=make_fill("m1.01", ref=None)))
    assert bench.state.control.state == "reducing"
    bench.feed(bench.broker.snapshot(open_orders=(broker_order("ic-20260101-1.entry.1"),)))
    assert bench.state.control.state is TradingState.HALTED


def test_positions_that_differ_are_noted_at_once_and_latch_after_the_grace(bench: Bench) -> None:
    """A difference between broker and journal may settle; after a minute it stops new risk; arming waits for it."""
    bench.broker.positions[4711] = 1
    bench.pulse(31.0)
    assert bench.state.mismatch_since == bench.now
    assert bench.causes() == set()
    for _ in range(7):
        bench.pulse(10.0)
    assert bench.causes() == {"limit:C30"}
    bench.feed(command(OperatorVerb.ARM))
    assert bench.causes() == {"limit:C30"}
    bench.broker.positions.clear()
    bench.pulse(10.0)
    assert bench.state.mismatch_since is None
    bench.feed(command(OperatorVerb.ARM))
    assert bench.causes() == set()


# restart and link ---------------------------------------------------------------------------------
def test_a_restart_puts_what_was_approved_or_sent_in_doubt_and_sends_nothing(bench: Bench) -> None:
    """The process died around a send: the order is UNKNOWN until the broker's snapshot shows it."""
    bench.broker.mute.add("ack")
    ref = bench.propose().ref
    assert bench.order(ref).state is S.SENT
    sent = len(bench.broker.said("submit"))
    bench.restart()
    assert bench.order(ref).state is S.UNKNOWN
    assert bench.state.link.state is LinkState.DOWN
    bench.connect()
    assert bench.order(ref).state is S.WORKING
    assert len(bench.broker.said("submit")) == sent


def test_an_approval_that_never_left_is_proven_absent_after_a_restart(bench: Bench) -> None:
    """Died between the journal and the socket: absent after its proof, and never sent late."""
    bench.broker.submit = lambda approved: None  # type: ignore[method-assign]
    ref = bench.propose().ref
    assert bench.order(ref).state is S.APPROVED
    bench.restart()
    assert bench.order(ref).state is S.UNKNOWN
    bench.connect()
    for _ in range(4):
        bench.pulse(4.0)
    assert bench.order(ref).state is S.ABSENT


def test_a_restart_forgets_what_only_the_old_process_waited_for(bench: Bench) -> None:
    """Pending what-ifs, candidates, requests and lines end with the process; account and link are unknown."""
    bench.broker.mute.add("margin")
    intent = bench.propose()
    assert set(bench.state.pending_margin) == {intent.ref}
    bench.feed(run_started(run_id="run-2"))
    state = bench.state
    assert (state.pending_margin, state.asked, state.lines, state.condors) == ({}, {}, (), {})
    assert isinstance(state.account, Unknown)
    assert state.link.synced_epoch is None
    assert intent.ref not in state.book.orders


def test_a_link_that_goes_down_puts_unanswered_orders_in_doubt_and_drops_candidates(bench: Bench) -> None:
    """A sent order may or may not have arrived; a working one is known; a candidate was never anything."""
    ref = bench.working()
    bench.feed(link(LinkState.DOWN))
    assert bench.order(ref).state is S.WORKING
    other = Bench().start()
    other.broker.mute.add("ack")
    unanswered = other.propose().ref
    other.feed(link(LinkState.DOWN))
    assert other.order(unanswered).state is S.UNKNOWN
    third = Bench().start()
    third.broker.mute.add("margin")
    third.propose()
    third.feed(link(LinkState.DOWN))
    assert third.state.condors == {}
    assert third.state.pending_margin == {}


def test_after_a_reconnect_nothing_is_reconciled_until_the_new_connection_was_compared(bench: Bench) -> None:
    """Quotes and snapshots of the old connection are stale on the new one."""
    assert bench.state.link.synced_epoch == 1
    bench.tick()
    bench.feed(link(LinkState.DOWN))
    bench.broker.epoch = 2
    bench.feed(link(LinkState.SYNCING, 2))
    assert bench.state.link.synced_epoch is None
    quote = bench.state.market.quotes[1]
    assert bench.state.market.fresh(1, bench.now, 1e9) is None
    bench.feed(ev.QuotesUpdated(quotes=(msgspec.structs.replace(quote, last=1.0),)))
    assert bench.state.market.quotes[1] == quote
    for part in ("positions", "open_orders", "completed_orders", "executions"):
        bench.feed(bench.broker.snapshot(**{part: "silent"}))
        assert bench.state.link.synced_epoch is None
    bench.feed(bench.broker.snapshot())
    assert bench.state.link.synced_epoch == 2


def test_the_only_paper_account_is_learned_once_and_another_one_halts(bench: Bench) -> None:
    """After the first connection no other account will do (C45)."""
    assert bench.state.expected_account == ACCOUNT
    ref = bench.working()
    bench.feed(link(LinkState.UP, accounts=("DU0000001",)))
    assert "C45" in bench.causes()
    assert bench.state.control.state is TradingState.HALTED
    assert bench.order(ref).state in (S.CANCELING, S.CANCEL_CLAIMED, S.CANCELED)


# baselines ----------------------------------------------------------------------------------------
def test_baselines_of_day_and_week_begin_with_the_first_figure_and_the_high_only_rises(bench: Bench) -> None:
    """Day by New York date, week by ISO week; a later or lower figure does not move them."""
    for days, value in ((0, 490_000.0), (0, 505_000.0), (1, 480_000.0), (7, 470_000.0)):
        bench.now = max(bench.now, bench.now.replace(day=4 + days))
        bench.feed(account_reported(bench.now, value))
    base = bench.state.baselines
    assert (base.day_start_usd, base.week_start_usd, base.high_water_usd) == (470_000.0, 470_000.0, 505_000.0)
    assert base.day is not None
    assert base.day.isoformat() == "2026-05-11"


def test_a_restart_keeps_the_baselines_of_losses(bench: Bench) -> None:
    """A crash grants no new loss allowance: day, week and high-water mark measure from where they did."""
    before = bench.state.baselines
    bench.restart().feed(account_reported(bench.now, 0.95 * NLV_USD))  # the first figure of the new process is lower
    assert bench.state.baselines == before
    assert before.high_water_usd == before.day_start_usd == NLV_USD


def test_an_account_without_net_liquidation_moves_no_baseline(bench: Bench) -> None:
    """Unknown is not zero."""
    before = bench.state.baselines
    bench.feed(account_reported(bench.now, None))
    assert bench.state.baselines == before


def test_only_arming_starts_the_baselines_anew(bench: Bench) -> None:
    """Pause, reduce, a restart or a refused arm keep the losses measured from where they were."""
    bench.feed(account_reported(bench.now, 495_000.0))
    before = bench.state.baselines
    bench.feed(command(OperatorVerb.PAUSE), command(OperatorVerb.REDUCE), command(OperatorVerb.ARM, confirmed=False))
    bench.restart().connect()
    assert bench.state.baselines.high_water_usd == before.high_water_usd == NLV_USD
    bench.feed(command(OperatorVerb.ARM))
    assert bench.state.baselines.high_water_usd is None
    bench.feed(account_reported(bench.now, 495_000.0))
    assert bench.state.baselines.high_water_usd == 495_000.0


# limits -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "causes"),
    [(NLV_USD * 0.975, set()), (NLV_USD * 0.965, {"limit:C21"}), (NLV_USD * 0.89, {"limit:C21", "limit:C22"})],
)
def test_a_loss_beyond_its_latching_limit_stops_new_risk_until_armed(
    bench: Bench, value: float, causes: set[str]
) -> None:
    """Daily loss and drawdown latch; recovery of the account alone does not lift them."""
    bench.feed(account_reported(bench.now, value))
    assert bench.causes() == causes
    bench.feed(account_reported(bench.now, NLV_USD))
    assert bench.causes() == causes
    bench.feed(command(OperatorVerb.ARM))
    assert bench.causes() == set()


def test_excess_liquidity_near_forced_liquidation_halts_and_cancels_everything(bench: Bench) -> None:
    """C20's last step: no order stays at the broker."""
    ref = bench.working()
    bench.feed(account_reported(bench.now, NLV_USD, excess_liquidity_usd=0.05 * NLV_USD))
    assert bench.state.control.state is TradingState.HALTED
    assert bench.broker.said("cancel_all")
    assert bench.order(ref).state not in (S.SENT, S.WORKING)


def test_limits_are_not_judged_while_the_link_is_down() -> None:
    """Figures from before an outage latch nothing."""
    bench = Bench().start()
    bench.feed(link(LinkState.DOWN), account_reported(bench.now, NLV_USD * 0.8))
    assert bench.causes() == set()


# requests ----------------------------------------------------------------------------------------
def test_requests_are_made_once_per_patience_interval() -> None:
    """A broker that does not answer is asked again after thirty seconds, not at every fact."""
    quiet = Bench()
    quiet.broker.mute |= {"reference"}
    asked = []
    quiet.broker.ask_reference = lambda ask: asked.append(quiet.now)  # type: ignore[method-assign]
    quiet.start()
    for _ in range(12):
        quiet.pulse(10.0)
    assert len(asked) == 5


def test_the_world_contradicting_the_table_latches_and_changes_nothing(bench: Bench) -> None:
    """A status for an order that was never sent cannot be; it is said aloud and stops new risk."""
    bench.broker.submit = lambda approved: None  # type: ignore[method-assign]
    ref = bench.propose().ref
    bench.feed(
        ev.OrderStatusReported(
            ref=ref, perm_id=1, status=ev.BrokerOrderStatus.SUBMITTED, filled=0.0, remaining=2.0
        )
    )  # fmt: skip
    assert bench.order(ref).state is S.APPROVED
    assert bench.causes() == {"C31"}


def test_executions_out_of_ratio_at_the_end_quarantine_the_condor(bench: Bench) -> None:
    """One leg filled, the rest cancelled and proven: nobody touches that condor any more."""
    intent = bench.propose()
    leg = intent.legs[0]
    fill = make_fill("u1.01", quantity=1, ref=intent.ref, con_id=leg.con_id)
    bench.broker.executions.append(msgspec.structs.replace(fill, side=Action(leg.action)))
    bench.broker.positions[leg.con_id] = leg.action.sign
    bench.broker.cancel(intent.ref)
    bench.feed()
    bench.pulse(4.0)
    assert bench.order(intent.ref).state is S.CANCELED
    assert bench.state.condors[intent.owner].state is CondorState.QUARANTINE
