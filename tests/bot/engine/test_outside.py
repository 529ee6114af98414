"""What others do to a condor's legs: seen, told, never traded against, and booked as its end only when it is proven."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import msgspec
import pytest

from bot.actions import Cancel, Submit
from bot.engine.holdings import holdings
from bot.engine.outside import awaited, uncovered, watch
from bot.engine.work import Work
from strategies.condor.machine import Condor, CondorState, realised_points_usd
from strategies.domain import events as ev
from strategies.domain.control import LinkState, OperatorVerb, TradingState
from strategies.domain.orders import Action, OrderState
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import command, link, make_fill


@pytest.fixture
def bench() -> Bench:
    return Bench().start()


def legs_of(bench: Bench, condor: Condor) -> dict[int, int]:
    return {row.con_id: row.quantity for row in holdings(bench.state.book) if row.owner == condor.id}


def by_hand(bench: Bench, trades: dict[int, int], *, tell: bool = True, liquidation: bool = False) -> None:
    """Somebody trades these signed contracts at 2.00 points each; `tell` says whether their executions are told."""
    for con_id, signed in trades.items():
        name = f"hand{len(bench.broker.executions)}.01"
        side = Action.BUY if signed > 0 else Action.SELL
        fill = msgspec.structs.replace(
            make_fill(name, quantity=abs(signed), ref=None), con_id=con_id, side=side, price_points=2.0,
            liquidation=liquidation,
        )  # fmt: skip
        bench.broker.positions[con_id] = bench.broker.positions.get(con_id, 0) + signed
        if tell:
            bench.broker.executions.append(fill)
            bench.feed(ev.Filled(fill=fill))


def closes(bench: Bench, condor: Condor, con_ids: Iterable[int] | None = None) -> dict[int, int]:
    held = legs_of(bench, condor)
    return {c: -held[c] for c in (held if con_ids is None else con_ids)}


def wait(bench: Bench, seconds: float = 100.0) -> None:
    for _ in range(int(seconds / 5)):
        bench.pulse(5.0)


def shown(bench: Bench, after_s: float, **changes: str) -> None:
    """The broker is asked after a while, and answers at once."""
    bench.now += timedelta(seconds=after_s)
    bench.feed(bench.broker.snapshot(**changes))


def say_closed(bench: Bench, condor: Condor, *, confirmed: bool = True, name: str | None = None) -> str:
    """The operator's word; what the bot answered."""
    bench.feed(command(OperatorVerb.CLOSED, subject=name or condor.id, confirmed=confirmed))
    told = [alert.text for alert in bench.steps[-1].outcome.alerts if alert.key.startswith("closed.")]
    return told[-1] if told else ""


def state_of(bench: Bench, condor: Condor) -> CondorState:
    return bench.state.condors[condor.id].state


# seen and told ------------------------------------------------------------------------------------
def test_a_condor_with_a_leg_traded_against_is_in_quarantine_after_a_moment_and_what_is_bare_is_named(
    bench: Bench,
) -> None:
    """C32: the long put goes. For twenty seconds a person may be half-way; then no rule touches the condor, new risk
    stops, the missing cover is named and named again; nothing is bought back."""
    condor = bench.open_condor()
    sent = len(bench.broker.said("submit"))
    long_put = condor.legs.put_long.con_id
    by_hand(bench, closes(bench, condor, [long_put]))
    bench.feed(bench.broker.snapshot())
    wait(bench, 15.0)
    assert state_of(bench, condor) is CondorState.OPEN
    wait(bench, 15.0)
    assert state_of(bench, condor) is CondorState.QUARANTINE
    assert "C32" in bench.causes()
    assert bench.state.control.state is TradingState.REDUCING
    wait(bench, 1300.0)
    told = [a.text for s in bench.steps for a in s.outcome.alerts if a.key == f"quarantine.{condor.id}"]
    assert len(told) == 3
    assert all(f"WITHOUT COVER: {condor.quantity} puts" in text for text in told)
    assert len(bench.broker.said("submit")) == sent
    assert bench.state.book.positions() == {c: q for c, q in legs_of(bench, condor).items() if c != long_put}


def test_own_executions_that_come_leg_by_leg_are_no_sign_of_others(bench: Bench) -> None:
    """The broker's positions are behind our executions, or before them, for as long as it likes: what no execution of
    others explains is a difference (C30), not a condor that somebody traded against."""
    condor = bench.open_condor()
    bench.broker.positions = {c: q for c, q in bench.broker.positions.items() if q < 0}
    wait(bench, 200.0)
    assert state_of(bench, condor) is CondorState.OPEN
    assert bench.causes() == {"limit:C30"}


def test_what_works_for_a_condor_that_others_closed_is_taken_back_at_once(bench: Bench) -> None:
    """A closing order would turn round what a hand has closed already."""
    condor = bench.open_condor()
    bench.feed(command(OperatorVerb.FLATTEN))
    for _ in range(12):
        bench.tick(2.0)
    live = [r for r in bench.state.book.live_orders() if r.intent.owner == condor.id]
    assert live
    before = len(bench.actions(Cancel))
    by_hand(bench, closes(bench, condor))
    bench.feed(bench.broker.snapshot())
    bench.pulse(1.0)
    assert [a.ref for a in bench.actions(Cancel)[before:]] == [live[0].ref]
    sent = len(bench.actions(Submit))
    for _ in range(40):
        bench.tick(5.0)
    assert len(bench.actions(Submit)) == sent


def test_a_liquidation_by_the_broker_halts_and_cancels_everything(bench: Bench) -> None:
    """F66: one leg goes by the broker's own hand. HALTED, nothing of ours works on, the condor is in quarantine, and
    being told of the same execution again after arming halts nothing anew."""
    condor = bench.open_condor()
    by_hand(bench, closes(bench, condor, [condor.legs.call_long.con_id]), liquidation=True)
    assert bench.state.control.state is TradingState.HALTED
    assert "limit:C20" in bench.causes()
    assert bench.broker.said("cancel_all")
    wait(bench, 60.0)
    assert state_of(bench, condor) is CondorState.QUARANTINE
    bench.feed(command(OperatorVerb.ARM))
    assert bench.state.control.state is TradingState.ACTIVE
    bench.feed(bench.broker.snapshot())
    assert bench.state.control.state is TradingState.ACTIVE


def test_a_person_may_be_half_way_for_as_long_as_the_guard_says_and_no_longer(bench: Bench) -> None:
    """A thousandth of a second before its end the condor is open, at its end it is in quarantine."""
    condor = bench.open_condor()
    bench.broker.mute.add("snapshot")
    by_hand(bench, closes(bench, condor, [condor.legs.put_long.con_id]))
    shown(bench, 1.0)
    noted, grace_s = bench.state.outside[condor.id].noted_at, bench.parameters.limits.guards.uneven_legs_s
    for after_s, state in ((grace_s - 0.001, CondorState.OPEN), (grace_s, CondorState.QUARANTINE)):
        work = Work(bench.state, noted + timedelta(seconds=after_s))
        watch(work)
        assert work.state.condors[condor.id].state is state


def test_what_lasts_is_told_again_every_ten_minutes(bench: Bench) -> None:
    """Not a moment earlier, and by then at once."""
    condor = gone(bench)
    key = f"closed.{condor.id}"
    last = bench.state.told_at[key]
    for after_s, told in ((599.999, []), (600.0, [key])):
        work = Work(bench.state, last + timedelta(seconds=after_s))
        watch(work)
        assert [alert.key for alert in work.alerts] == told


def test_a_settlement_that_is_awaited_is_said_once_in_twenty_hours(bench: Bench) -> None:
    """By the contract's name, or its number where it is not loaded; nothing is said of nothing."""
    work = Work(bench.state, bench.now)
    awaited(work, ())
    assert work.alerts == []
    for after, said in ((timedelta(0), 1), (timedelta(hours=20) - timedelta(seconds=1), 1), (timedelta(hours=20), 2)):
        work.at = bench.now + after
        awaited(work, (777,))
        assert len(work.alerts) == said
    assert work.alerts[0].text.startswith("contract 777: settled, the value is not known yet")


def test_shorts_without_a_long_are_counted_by_right(bench: Bench) -> None:
    """A contract that is not loaded covers nothing and, short, is uncovered itself."""
    condor = bench.open_condor()
    puts, calls = condor.legs.put_short.con_id, condor.legs.call_short.con_id
    market = bench.state.market
    assert uncovered({puts: -2, condor.legs.put_long.con_id: 1, calls: -1}, market) == "1 calls, 1 puts"
    assert uncovered({puts: -1, condor.legs.put_long.con_id: 1}, market) == ""
    assert uncovered({777: -3, 778: 3}, market) == "3 contracts unknown to this run"


# the operator's word -------------------------------------------------------------------------------
def gone(bench: Bench) -> Condor:
    """A condor that a hand has closed, shown twice."""
    condor = bench.open_condor()
    by_hand(bench, closes(bench, condor))
    wait(bench)
    return condor


def test_a_condor_closed_by_hand_is_booked_on_a_persons_word_and_counts_no_more(bench: Bench) -> None:
    """Before the word it counts as open and nothing new may be sold; after it and after arming the books are clean: the
    executions are the condor's, its result has them, nothing foreign is held and nothing stops trading."""
    condor = gone(bench)
    credit = condor.credit_points
    assert credit is not None
    assert state_of(bench, condor) is CondorState.QUARANTINE
    assert any(f"condor closed {condor.id}" in a.text for s in bench.steps for a in s.outcome.alerts)
    assert say_closed(bench, condor).startswith(f"{condor.id} is booked as closed by others, 4 executions")
    assert state_of(bench, condor) is CondorState.CLOSED
    assert holdings(bench.state.book) == ()
    ended = bench.state.condors[condor.id]
    assert (ended.quantity, ended.lots) == (0, ())
    units = condor.quantity
    assert ended.exit_cost() == (units, pytest.approx(0.0))  # two sold and two bought at the same price
    result = realised_points_usd(ended, bench.state.book.fills.values())
    assert result.points == pytest.approx(credit * units)
    assert len(bench.steps[-1].outcome.adopted) == 4
    bench.feed(command(OperatorVerb.ARM))
    assert bench.state.control.state is TradingState.ACTIVE
    assert not [c for c in bench.state.condors.values() if c.active]


def test_a_word_that_nobody_confirmed_or_about_no_condor_books_nothing(bench: Bench) -> None:
    """The typed confirmation and the exact name are part of the command."""
    condor = gone(bench)
    assert "not confirmed" in say_closed(bench, condor, confirmed=False)
    assert f"open: {condor.id}" in say_closed(bench, condor, name="ic-19990101-1")
    assert state_of(bench, condor) is CondorState.QUARANTINE
    say_closed(bench, condor)
    assert "no open condor has this name" in say_closed(bench, condor)


def test_a_leg_that_is_left_is_never_believed_gone(bench: Bench) -> None:
    """Three legs closed, one long left: refused with its name, however long it lasts."""
    condor = bench.open_condor()
    rest = [c for c in legs_of(bench, condor) if c != condor.legs.call_long.con_id]
    by_hand(bench, closes(bench, condor, rest))
    wait(bench, 300.0)
    assert "the broker still holds of it: +" in say_closed(bench, condor)
    assert state_of(bench, condor) is CondorState.QUARANTINE


def test_legs_that_vanish_without_executions_are_never_believed_gone(bench: Bench) -> None:
    """The broker shows nothing, again and again, and nobody's executions say why: Unknown is not flat."""
    condor = bench.open_condor()
    by_hand(bench, closes(bench, condor), tell=False)
    wait(bench, 300.0)
    assert "no executions explain" in say_closed(bench, condor)
    assert state_of(bench, condor) is CondorState.OPEN
    assert bench.state.book.positions() == legs_of(bench, condor)


def test_a_single_snapshot_or_two_within_a_moment_prove_nothing(bench: Bench) -> None:
    """The first comparison after the executions only notes them; two later ones, ten seconds apart, are needed."""
    condor = bench.open_condor()
    bench.broker.mute.add("snapshot")
    by_hand(bench, closes(bench, condor))
    for pause_s in (1.0, 1.0, 9.0):
        shown(bench, pause_s)
        assert "not yet shown twice" in say_closed(bench, condor)
    assert state_of(bench, condor) is CondorState.OPEN
    shown(bench, 1.0)
    assert "is booked as closed" in say_closed(bench, condor)


def test_a_snapshot_that_was_begun_before_the_executions_were_known_proves_nothing(bench: Bench) -> None:
    """Two answers to questions from before: their positions may be older than what is to be proven."""
    condor = bench.open_condor()
    bench.broker.mute.add("snapshot")
    bench.now += timedelta(seconds=120)
    by_hand(bench, closes(bench, condor))
    shown(bench, 1.0)
    for before_s in (40.0, 20.0):
        late = bench.broker.snapshot()
        bench.feed(msgspec.structs.replace(late, started_at=bench.now - timedelta(seconds=before_s)))
    assert "not yet shown twice" in say_closed(bench, condor)


def test_an_incomplete_snapshot_is_no_evidence(bench: Bench) -> None:
    """One part unanswered: it counts for nothing, however often it comes."""
    condor = bench.open_condor()
    bench.broker.mute.add("snapshot")
    by_hand(bench, closes(bench, condor))
    for _ in range(5):
        shown(bench, 15.0, open_orders="silent")
    assert "not yet shown twice" in say_closed(bench, condor)


def test_anything_that_happens_after_the_proof_ends_it(bench: Bench) -> None:
    """Flat was shown twice, then a leg is bought again: refused, though the older snapshots agreed; and after it was
    sold again the count begins anew."""
    condor = gone(bench)
    leg = condor.legs.put_long.con_id
    bench.broker.mute.add("snapshot")
    by_hand(bench, {leg: 1})
    assert "is not booked as closed" in say_closed(bench, condor)
    by_hand(bench, {leg: -1})
    assert "not yet shown twice" in say_closed(bench, condor)
    bench.broker.mute.discard("snapshot")
    wait(bench)
    assert "is booked as closed" in say_closed(bench, condor)


def test_no_link_or_a_connection_not_compared_books_nothing(bench: Bench) -> None:
    """What was proven on a connection that is gone is proven again on the next."""
    condor = gone(bench)
    bench.feed(link(LinkState.DOWN))
    assert "positions are unknown" in say_closed(bench, condor)
    bench.broker.epoch = 2
    bench.broker.mute.add("snapshot")
    bench.feed(link(LinkState.SYNCING, 2), link(LinkState.UP, 2))
    assert "positions are unknown" in say_closed(bench, condor)


def test_looks_of_an_earlier_connection_do_not_count_on_the_next(bench: Bench) -> None:
    """Shown twice before the line broke: on the new connection one look is one look, and a second is needed."""
    condor = gone(bench)
    bench.broker.mute.add("snapshot")
    bench.feed(link(LinkState.DOWN))
    bench.broker.epoch = 2
    bench.feed(link(LinkState.SYNCING, 2), link(LinkState.UP, 2))
    for pause_s in (30.0, 9.0):
        shown(bench, pause_s)
        assert "not yet shown twice" in say_closed(bench, condor)
    assert state_of(bench, condor) is CondorState.QUARANTINE
    shown(bench, 1.0)
    assert "is booked as closed" in say_closed(bench, condor)


def test_looks_of_an_earlier_life_do_not_count_in_the_next(bench: Bench) -> None:
    """Connections are counted from one again after a restart: the same number is not the same connection."""
    condor = gone(bench)
    bench.restart()
    bench.broker.mute.add("snapshot")
    bench.now += timedelta(seconds=30)
    bench.feed(link(LinkState.SYNCING), bench.broker.snapshot(), link(LinkState.UP))
    assert "not yet shown twice" in say_closed(bench, condor)
    shown(bench, 10.0)
    assert "is booked as closed" in say_closed(bench, condor)


def test_an_order_that_may_still_trade_on_its_contracts_holds_it_up(bench: Bench) -> None:
    """The closing order's cancel is not proven: the condor could be opened the other way round in this moment."""
    condor = gone(bench)
    record = next(r for r in bench.state.book.orders.values() if r.intent.owner == condor.id)
    ref = f"{condor.id}.exit.1"
    intent = msgspec.structs.replace(record.intent, ref=ref)
    doubtful = msgspec.structs.replace(record, intent=intent, state=OrderState.UNKNOWN, filled_by_leg={})
    orders = {**bench.state.book.orders, ref: doubtful}
    bench.state = msgspec.structs.replace(bench.state, book=msgspec.structs.replace(bench.state.book, orders=orders))
    bench.broker.mute.add("snapshot")
    assert "may still trade" in say_closed(bench, condor)
    assert state_of(bench, condor) is CondorState.QUARANTINE


def test_a_correction_keeps_its_condor_only_with_the_quantity_that_was_seen(bench: Bench) -> None:
    """A better price of the same contracts stays the condor's; another quantity is nobody's and stops new risk."""
    condor = gone(bench)
    say_closed(bench, condor)
    bench.feed(command(OperatorVerb.ARM))
    last = bench.broker.executions[-1]
    price = msgspec.structs.replace(last, exec_id=last.exec_id.replace(".01", ".02"), price_points=1.5)
    bench.feed(ev.Filled(fill=price))
    assert holdings(bench.state.book) == ()
    assert bench.state.book.fills[last.base_id].price_points == 1.5
    more = msgspec.structs.replace(last, exec_id=last.exec_id.replace(".01", ".03"), quantity=last.quantity + 1)
    bench.broker.positions[last.con_id] = bench.broker.positions.get(last.con_id, 0) + last.side.sign
    bench.feed(ev.Filled(fill=more))
    assert {row.owner for row in holdings(bench.state.book)} == {condor.id, None}


def test_a_condor_that_was_closed_stays_closed_after_a_restart(bench: Bench) -> None:
    """The day's executions are told again without our name on them: they are the condor's all the same."""
    condor = gone(bench)
    say_closed(bench, condor)
    bench.restart().connect()
    wait(bench)
    assert state_of(bench, condor) is CondorState.CLOSED
    assert holdings(bench.state.book) == ()
