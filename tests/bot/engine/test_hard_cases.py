"""Ways to lose money or to tell a lie: lost cancels, late legs, other people's trades, orders after an orderly stop."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from bot.actions import AlertLevel, AskSnapshot, CancelAll
from bot.engine.state import PendingMargin
from strategies.alvh.memory import Episode
from strategies.condor.hedgeword import HedgeWord
from strategies.condor.machine import Condor, CondorState
from strategies.domain import events as ev
from strategies.domain.control import OperatorVerb, TradingState
from strategies.domain.market import Quote
from strategies.domain.orders import OrderState, PlaceIntent, Purpose
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import command, make_fill, make_parameters, seconds

S = OrderState


@pytest.fixture
def bench() -> Bench:
    return Bench().start()


def pass_time(bench: Bench, rounds: int, each_s: float = 4.0) -> None:
    """Quotes and pulses."""
    for _ in range(rounds):
        bench.tick(each_s)
        bench.pulse()


def told(bench: Bench, key: str) -> list[str]:
    """What people were told under a key."""
    return [a.text for s in bench.steps for a in s.outcome.alerts if a.key == key]


def abandoned(bench: Bench) -> tuple[str, str]:
    """Condor and last order of an entry walk that ended unfilled, every order proven cancelled."""
    condor_id = bench.propose().owner
    pass_time(bench, 40)
    assert bench.state.condors[condor_id].state is CondorState.ABANDONED
    ref = list(bench.state.book.orders)[-1]
    assert bench.order(ref).state is S.CANCELED
    return condor_id, ref


# cancels ------------------------------------------------------------------------------------------
def test_a_cancel_nobody_heard_is_asked_again(bench: Bench) -> None:
    """A cancel lost on the way must not leave an order, and with it the condor's stop, stuck for the day."""
    ref = bench.working()
    bench.broker.mute.add("cancel")
    pass_time(bench, 6)
    assert bench.order(ref).state is S.CANCELING
    assert bench.broker.said("cancel") == [ref]
    bench.broker.mute.discard("cancel")
    pass_time(bench, 6)
    assert bench.broker.said("cancel") == [ref, ref]
    assert bench.order(ref).state is S.CANCELED


# late executions ----------------------------------------------------------------------------------
def test_a_late_fill_told_leg_by_leg_opens_the_condor_and_no_quarantine(bench: Bench) -> None:
    """Four executions after a proven cancel: doubt until the last is here, then a condor that is managed."""
    condor_id, ref = abandoned(bench)
    bench.broker.mute.add("snapshot")
    for fill in bench.broker.fill(ref, tell=False)[:-1]:
        bench.feed(ev.Filled(fill=fill))
        assert bench.order(ref).state is S.UNKNOWN
    bench.feed(ev.Filled(fill=bench.broker.executions[-1]))
    assert bench.order(ref).state is S.FILLED
    assert bench.state.condors[condor_id].state is CondorState.OPEN
    assert told(bench, f"revived.{ref}"), "an order that comes back is told"


def test_a_late_fill_of_part_of_the_units_is_proven_again(bench: Bench) -> None:
    """One unit of two filled after the cancel: the doubt ends with the next snapshot, the unit is a condor."""
    condor_id, ref = abandoned(bench)
    bench.broker.mute.add("snapshot")
    bench.broker.fill(ref, 1)
    bench.broker.orders[ref].status = ev.BrokerOrderStatus.CANCELLED
    bench.feed()
    assert bench.order(ref).state is S.UNKNOWN
    bench.broker.mute.discard("snapshot")
    pass_time(bench, 3)
    assert bench.order(ref).state is S.CANCELED
    assert (bench.state.condors[condor_id].state, bench.state.condors[condor_id].quantity) == (CondorState.OPEN, 1)


def test_a_snapshot_that_has_only_half_the_legs_ends_nothing(bench: Bench) -> None:
    """It was begun before the first of them was heard: the order stays in doubt, the condor out of quarantine."""
    condor_id, ref = abandoned(bench)
    bench.broker.mute.add("snapshot")
    begun = bench.now
    rows = bench.broker.fill(ref, 1, tell=False)
    bench.broker.orders[ref].status = ev.BrokerOrderStatus.CANCELLED
    bench.now += seconds(1)
    half = bench.broker.snapshot(executions=tuple(rows[:2]))
    bench.feed(msgspec.structs.replace(half, started_at=begun))
    assert bench.order(ref).state is S.UNKNOWN
    assert bench.state.condors[condor_id].state is CondorState.ABANDONED


@pytest.mark.parametrize("told_later", [False, True])
def test_an_order_whose_executions_come_first_or_alone_is_filled_by_them(bench: Bench, told_later: bool) -> None:
    """F31, F32: nothing was said about the order when its legs are executed; it is filled, the condor is open, and
    statuses that come after that, or never, change nothing."""
    bench.broker.mute.add("ack")
    intent = bench.propose()
    assert bench.order(intent.ref).state is S.SENT
    bench.broker.fill(intent.ref)
    bench.feed()
    assert bench.order(intent.ref).state is S.FILLED
    assert bench.state.condors[intent.owner].state is CondorState.OPEN
    held = bench.state.book.positions()
    if told_later:
        for word in (ev.BrokerOrderStatus.PRE_SUBMITTED, ev.BrokerOrderStatus.SUBMITTED, ev.BrokerOrderStatus.FILLED):
            bench.feed(ev.OrderStatusReported(ref=intent.ref, perm_id=9000, status=word, filled=0.0, remaining=1.0))
    pass_time(bench, 5)
    assert bench.order(intent.ref).state is S.FILLED
    assert bench.state.book.positions() == held
    assert bench.causes() == set()


# other people -------------------------------------------------------------------------------------
@pytest.mark.parametrize("legs", [1, 4])
def test_what_a_person_closed_by_hand_is_not_closed_again(legs: int) -> None:
    """Broker and journal agree on nothing held, yet the condor thinks it is open: closing it would open its mirror. The
    gate sees that by itself, in the moment before the condor is put into quarantine (here ten minutes)."""
    usual = make_parameters()
    guards = msgspec.structs.replace(usual.limits.guards, uneven_legs_s=600.0)
    limits = msgspec.structs.replace(usual.limits, guards=guards)
    bench = Bench(msgspec.structs.replace(usual, limits=limits)).start()
    condor = bench.open_condor()
    bench.pulse(4.0)
    for number, leg in enumerate(condor.legs.closing()[:legs]):
        fill = make_fill(f"h{number}.01", quantity=condor.quantity, ref=None, con_id=leg.con_id)
        fill = msgspec.structs.replace(fill, side=leg.action, at=bench.now)
        bench.broker.executions.append(fill)
        bench.broker.positions[leg.con_id] += fill.signed_quantity
        bench.feed(ev.Filled(fill=fill))
    bench.world.premium = 0.3
    entered = len(bench.broker.said("submit"))
    pass_time(bench, 30)
    assert len(bench.broker.said("submit")) == entered
    assert any("somebody else" in v.text for s in bench.steps for v in s.outcome.verdicts)
    assert bench.causes() == {"C31"}


def test_an_order_that_a_person_cancels_is_proven_over_and_never_sent_again_under_its_name(bench: Bench) -> None:
    """F65: cancelled in TWS, asked for by nobody here. The word is a claim until a snapshot proves it; nothing latches,
    and whatever the walk does next has another reference and stays within its attempts."""
    ref = bench.working()
    bench.broker.mute.add("snapshot")
    bench.broker.cancel(ref)
    bench.feed()
    assert bench.order(ref).state is S.CANCEL_CLAIMED
    bench.broker.mute.discard("snapshot")
    for _ in range(20):
        bench.tick(5.0)
        bench.pulse()
    assert bench.order(ref).state is S.CANCELED
    assert bench.causes() == set()
    sent = [intent.ref for intent in bench.broker.said("submit")]
    assert len(set(sent)) == len(sent)
    assert len(sent) <= 1 + bench.parameters.limits.reprices_per_order


def test_what_a_person_added_does_not_stop_our_own_close(bench: Bench) -> None:
    """The same contracts bought by hand beside ours: our quantity is still ours to close."""
    condor = bench.open_condor()
    bench.pulse(4.0)
    wing = condor.legs.closing()[0].con_id
    fill = make_fill("h1.01", quantity=1, ref=None, con_id=wing, at=bench.now)
    bench.broker.executions.append(fill)
    bench.broker.positions[wing] += 1
    bench.feed(ev.Filled(fill=fill))
    bench.world.premium = 0.3
    entered = len(bench.broker.said("submit"))
    pass_time(bench, 10)
    assert len(bench.broker.said("submit")) > entered


# one order per condor -----------------------------------------------------------------------------
def widening(bench: Bench, condor: Condor) -> PlaceIntent:
    """Some other order of a condor, as if it waited for its what-if."""
    base: PlaceIntent = bench.broker.said("ask_margin")[0]
    ref, chain = f"{condor.id}.adjust.1", f"{condor.id}.adjust/1"
    return msgspec.structs.replace(base, ref=ref, chain_ref=chain, purpose=Purpose.ADJUST)


def test_a_later_decision_outweighs_an_order_that_waits_for_its_what_if(bench: Bench) -> None:
    """The stop fires while a widening is being priced: the closing goes out, the widening never."""
    condor = bench.open_condor()
    bench.pulse(4.0)
    waiting = widening(bench, condor)
    pending = {waiting.ref: PendingMargin(waiting, bench.now)}
    bench.state = msgspec.structs.replace(bench.state, pending_margin=pending)
    bench.world.premium = 0.3
    bench.tick(1.0)
    assert [o.intent.purpose for o in bench.state.book.live_orders()] == [Purpose.EXIT]
    assert bench.state.pending_margin == {}
    bench.feed(ev.MarginAnswered(ref=waiting.ref, impact=bench.broker.margin))
    assert [o.intent.purpose for o in bench.state.book.live_orders()] == [Purpose.EXIT]


# stop and start -----------------------------------------------------------------------------------
def test_after_an_orderly_stop_no_entry_leaves_until_the_next_start(bench: Bench) -> None:
    """The proof of the withdrawn entry must not start the next attempt of its walk in a process about to end."""
    bench.working()
    bench.tick(2.0)
    bench.feed(command(OperatorVerb.STOP))
    pass_time(bench, 12)
    assert len(bench.broker.said("submit")) == 1
    assert not bench.state.book.live_orders()
    assert not bench.state.control.paused
    bench.restart().connect()
    assert bench.state.in_force == bench.state.control


def test_an_exit_still_leaves_while_the_process_stops(bench: Bench) -> None:
    """What reduces risk is not held up by an orderly end."""
    bench.open_condor()
    bench.pulse(4.0)
    bench.feed(command(OperatorVerb.STOP))
    bench.world.premium = 0.3
    pass_time(bench, 2)
    assert [i.purpose for i in bench.broker.said("submit")] == [Purpose.ENTRY, Purpose.EXIT]


def test_quotes_of_a_dead_process_price_nothing(bench: Bench) -> None:
    """A new process counts connections from one again: a quote of the old first connection must not pass for new."""
    bench.propose()
    assert any(bench.state.market.fresh(c, bench.now, 3.0) for c in bench.state.market.quotes)
    bench.restart().connect()
    assert not any(bench.state.market.fresh(c, bench.now, 3.0) for c in bench.state.market.quotes)


# people are told ----------------------------------------------------------------------------------
def test_a_stop_that_cannot_see_is_told_and_the_lines_are_asked_again(bench: Bench) -> None:
    """Ten minutes without a two-sided quote of one leg: once, critically, and again only half an hour later."""
    condor = bench.open_condor()
    wing = condor.legs.put_long.con_id
    quotes = bench.world.quotes

    def one_sided(con_ids: tuple[int, ...], at: datetime, epoch: int) -> tuple[Quote, ...]:
        rows = quotes(con_ids, at, epoch)
        return tuple(msgspec.structs.replace(q, bid=None) if q.con_id == wing else q for q in rows)

    bench.world.quotes = one_sided  # type: ignore[method-assign]
    pass_time(bench, 9, 60.0)
    assert told(bench, f"blind.{condor.id}") == []
    bench.broker.lines = ()
    pass_time(bench, 4, 60.0)
    assert ["cannot be valued" in text for text in told(bench, f"blind.{condor.id}")] == [True]
    assert wing in bench.broker.lines
    pass_time(bench, 31, 60.0)
    assert len(told(bench, f"blind.{condor.id}")) == 2


def test_a_condor_seen_whole_is_not_spoken_of(bench: Bench) -> None:
    """Quotes that come and go within the patience are nobody's business."""
    condor = bench.open_condor()
    pass_time(bench, 30, 55.0)
    assert told(bench, f"blind.{condor.id}") == []


def test_a_closing_that_does_not_end_is_told(bench: Bench) -> None:
    """A condor that wants to be closed and cannot: the rule, since when and how much is open."""
    condor = bench.open_condor()
    bench.pulse(4.0)
    bench.world.spot -= 150.0
    bench.world.vix = 40.0
    bench.world.vx = (36.0, 33.0, 31.0)
    for _ in range(70):
        pass_time(bench, 1, 20.0)
    texts = told(bench, f"slow.{condor.id}")
    assert texts
    assert all(word in texts[0] for word in (condor.id, "closing by C-", "still open"))
    assert {a.level for s in bench.steps for a in s.outcome.alerts if a.key.startswith("slow.")} == {
        AlertLevel.CRITICAL
    }


def with_episode(bench: Bench, **changes: object) -> None:
    """The hedge's memory of an inversion, as given."""
    hedge = msgspec.structs.replace(bench.state.desk.hedge, episode=Episode(**changes))
    bench.state = msgspec.structs.replace(bench.state, desk=msgspec.structs.replace(bench.state.desk, hedge=hedge))


@pytest.mark.parametrize(("unfilled", "old_min", "heard"), [(1, 0, False), (2, 0, True), (2, 45, False)])
def test_a_rotation_of_the_hedge_that_does_not_fill_is_told(
    bench: Bench, unfilled: int, old_min: int, heard: bool
) -> None:
    """One missed rotation is tried again in silence; from the second in a row a person hears of it, while tries go on:
    what nothing asks for any more needs nobody."""
    with_episode(bench, unfilled=unfilled, unfilled_at=bench.now - timedelta(minutes=old_min))
    pass_time(bench, 3)
    assert bool(told(bench, "rotation")) is heard


@pytest.mark.parametrize(("lasted_min", "heard"), [(10, False), (31, True)])
def test_rotations_that_the_gate_refuses_are_told_when_it_lasts(bench: Bench, lasted_min: int, heard: bool) -> None:
    """Refusals pass, as a rule; after half an hour of them a person hears of it, with since when and where to look."""
    since = bench.now - timedelta(minutes=lasted_min)
    with_episode(bench, refused=5, refused_since=since, refused_at=bench.now)
    pass_time(bench, 3)
    assert bool(told(bench, "rotation")) is heard
    assert all("refused 5 rotations in a row since" in text for text in told(bench, "rotation"))


def with_carry(bench: Bench, share_pct: float) -> None:
    """A hedge that said it takes this share of the condors' theta."""
    word = HedgeWord(at=bench.now, enabled=True, theta_usd=100.0, carry_usd=-share_pct)
    bench.state = msgspec.structs.replace(bench.state, desk=msgspec.structs.replace(bench.state.desk, word=word))


def test_a_hedge_that_takes_much_of_the_theta_is_told_once(bench: Bench) -> None:
    """A-BUD-1 warns from 35 %: not at 34, once at 36, and not again the same day."""
    with_carry(bench, 34.0)
    bench.pulse(4.0)
    assert not told(bench, "carry")
    for _ in range(3):
        with_carry(bench, 36.0)
        bench.pulse(4.0)
    (text,) = told(bench, "carry")
    assert "takes 36 % of the condors' theta" in text


def test_an_order_stopped_at_the_socket_halts_and_cancels_everything(bench: Bench) -> None:
    """What was about to leave was not what was approved: nothing is traded until a person has armed."""
    bench.feed(ev.FaultNoted(code="EGRESS", text="ic-1.entry.1: the bytes say something else"))
    assert bench.state.control.state is TradingState.HALTED
    assert any(isinstance(action, CancelAll) for step in bench.steps for action in step.actions)
    assert told(bench, "fault.EGRESS")


def test_a_kill_asks_the_broker_and_counts_what_it_shows(bench: Bench) -> None:
    """Proof of a kill is the broker's answer after it, with every open order in it, ours or not."""
    bench.working()
    killed = bench.feed(command(OperatorVerb.KILL))[0]
    assert AskSnapshot(reason="kill") in killed.actions
    bench.pulse(4.0)
    assert bench.state.open_at_broker == 0
    bench.restart()
    assert bench.state.open_at_broker is None


# news ---------------------------------------------------------------------------------------------
def test_the_same_fault_of_forty_lines_is_one_piece_of_news_a_minute(bench: Bench) -> None:
    """Refused market data comes line by line: told once, again a minute later; a grave fault is told each time."""
    for _ in range(40):
        bench.feed(ev.FaultNoted(code="DATA-10090", text="no market data"), after_s=0.5)
    assert len(told(bench, "fault.DATA-10090")) == 1
    bench.feed(ev.FaultNoted(code="DATA-10090", text="no market data"), after_s=60.0)
    assert len(told(bench, "fault.DATA-10090")) == 2
    bench.feed(ev.FaultNoted(code="CLOCK", text="set back"), ev.FaultNoted(code="CLOCK", text="set back again"))
    assert len(told(bench, "fault.CLOCK")) == 2
