"""Each exit rule closes for its own reason at its boundary, once, with an order that walks and never doubles."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from strategies.condor.machine import CondorState
from strategies.condor.params import AdjustParams, CondorParams, ExitParams
from strategies.domain.control import Control, Latch, LinkState, TradingState
from strategies.domain.decision import DecisionVerdict
from strategies.domain.orders import OrderState, Purpose

ACT, HOLD = DecisionVerdict.ACT, DecisionVerdict.HOLD
NO_WIDENING = CondorParams(adjust=AdjustParams(widen=False, roll=False))


def opened(make_bench, params=None, **changes):
    """A bench with one open condor, in the quiet minutes after its entry slot."""
    bench = make_bench(params)
    for name, value in changes.items():
        setattr(bench, name, value)
    bench.open_condor()
    bench.now = bench.now.replace(minute=12)
    bench.look()
    return bench


def the(bench):
    return next(iter(bench.condors.values()))


def at_profit(bench, points: float) -> None:
    """Rewrites the credit so that the mid shows exactly this profit."""
    condor = the(bench)
    quotes = bench.market().quotes
    cost = sum(-leg.action.opposite.sign * quotes[leg.con_id].mid for leg in condor.legs.closing())
    bench.condors[condor.id] = msgspec.structs.replace(condor, credit_points=10.0, adjust_points=points - 10.0 + cost)


def test_profit_target_is_watched_at_mid_and_closed_by_an_order(make_bench):
    """C-EXIT-1: 4.99 of 10 points holds, 5.00 closes with the opposite legs at a positive debit."""
    bench = opened(make_bench)
    at_profit(bench, 4.99)
    bench.look()
    assert bench.said("C-EXIT-1").verdict is HOLD
    at_profit(bench, 5.0)
    bench.look()
    (intent,) = bench.places()
    assert bench.said("C-EXIT-1").verdict is ACT
    assert (intent.purpose, intent.rule, intent.quantity) == (Purpose.EXIT, "C-EXIT-1", 2)
    assert intent.limit_points > 0
    assert [leg.action for leg in intent.legs] == [leg.action.opposite for leg in the(bench).legs.opening()]
    assert the(bench).state is CondorState.EXIT_WORKING


def test_target_order_that_fills_closes_the_condor(make_bench):
    """The whole way: credit, target, fill, closed with its rule."""
    bench = opened(make_bench)
    at_profit(bench, 6.0)
    bench.look()
    bench.fill(bench.places()[0].ref)
    assert (the(bench).state, the(bench).exit_rule, the(bench).quantity) == (CondorState.CLOSED, "C-EXIT-1", 0)
    bench.look(30.0)
    assert bench.places() == []


def test_target_that_vanishes_between_attempts_is_let_go(make_bench):
    """A patient closing is dropped, not chased, when the profit is no longer there."""
    bench = opened(make_bench)
    at_profit(bench, 5.0)
    bench.look()
    bench.look(20.0)
    assert len(bench.cancels()) == 1
    bench.finish_cancels()
    at_profit(bench, 3.0)
    bench.look(1.0)
    assert bench.places() == []
    assert the(bench).state is CondorState.OPEN
    assert the(bench).exit_rule is None


def test_patient_walk_rests_after_its_last_attempt(make_bench):
    """Four attempts, then the condor is open again and the same wish waits five minutes."""
    bench = opened(make_bench)
    prices = []
    for _ in range(4):
        at_profit(bench, 6.0)
        bench.look(1.0)
        prices.append(bench.places()[0].limit_points)
        bench.look(20.0)
        bench.finish_cancels()
    assert prices == sorted(prices)
    assert len(set(prices)) == 4
    at_profit(bench, 6.0)
    bench.look(1.0)
    assert the(bench).state is CondorState.OPEN
    at_profit(bench, 6.0)
    bench.look(200.0)
    assert bench.places() == []
    at_profit(bench, 6.0)
    bench.look(101.0)
    assert bench.places()[0].chain_ref.endswith("exit/2")


def test_stop_needs_two_samples_a_minute_apart(make_bench):
    """C-EXIT-3: a loss of twice the credit waits 60 seconds for its second sample; 59 are not enough."""
    bench = opened(make_bench)
    at_profit(bench, -19.99)
    bench.look()
    assert bench.said("C-EXIT-3").text == "loss below the stop"
    at_profit(bench, -20.0)
    bench.look(1.0)
    assert bench.places() == []
    bench.look(59.0)
    assert bench.places() == []
    bench.look(1.0)
    assert bench.places()[0].rule == "C-EXIT-3"


def test_stop_forgets_a_breach_that_did_not_last(make_bench):
    """A loss that recovers between the samples starts the count again; so does a sample that is too old."""
    bench = opened(make_bench)
    for profit, wait in ((-25.0, 1.0), (-5.0, 30.0), (-25.0, 31.0)):
        at_profit(bench, profit)
        bench.look(wait)
    assert bench.places() == []
    bench.look(301.0)
    assert bench.places() == []
    bench.look(60.0)
    assert bench.places()[0].rule == "C-EXIT-3"


def test_one_sided_quotes_never_stop(make_bench):
    """C-EXIT-3: however large the loss, a leg without a bid is no sample."""
    bench = opened(make_bench)
    at_profit(bench, -30.0)
    bench.one_sided = {the(bench).legs.call_long.con_id}
    for _ in range(5):
        bench.look(60.0)
        assert bench.places() == []
    assert "no sample" in bench.said("C-EXIT-3").text


def test_stop_walks_firmly_to_the_natural_price(make_bench):
    """Five attempts, each a new order after the proof of the last cancel, ending at the natural price or the collar."""
    bench = opened(make_bench, CondorParams(exit=ExitParams(stop_confirm_s=1.0)))
    at_profit(bench, -20.0)
    bench.look()
    bench.look(2.0)
    orders = []
    for _ in range(5):
        (intent,) = bench.places()
        orders.append(intent)
        bench.look(19.0)
        assert bench.cancels() == []
        bench.look(1.0)
        assert bench.places() == []
        assert [c.ref for c in bench.cancels()] == [intent.ref]
        bench.look(5.0)
        assert bench.places() == bench.cancels() == []
        bench.finish_cancels()
        bench.look(1.0)
    assert [o.attempt for o in orders] == [1, 2, 3, 4, 5]
    assert len({o.ref for o in orders}) == 5
    assert orders[-1].limit_points == pytest.approx(orders[-1].natural_points)
    assert bench.places() == []
    bench.look(31.0)
    assert bench.places()[0].chain_ref.endswith("exit/2")


@pytest.mark.parametrize(("days", "closes"), [(23, False), (24, True)])
def test_time_exit_at_twenty_one_days(make_bench, days, closes):
    """C-EXIT-2: 22 days to expiry hold, 21 close."""
    bench = opened(make_bench)
    bench.now += timedelta(days=days)
    at_profit(bench, 1.0)
    bench.look()
    assert [i.rule for i in bench.places()] == (["C-EXIT-2"] if closes else [])


def test_never_to_expiry(make_bench):
    """C-EXIT-6: an hour before 15:30 on the last session before expiry it takes over, firmly."""
    exits = ExitParams(time_exit_dte_days=1, short_delta_max=0.99, threat_within_em=1e-9)
    bench = opened(make_bench, CondorParams(exit=exits))
    bench.now = bench.now.replace(month=6, day=17, hour=14, minute=29, second=50)
    at_profit(bench, 1.0)
    bench.look()
    assert bench.said("C-EXIT-6").verdict is HOLD
    assert bench.places()[0].rule == "C-EXIT-2"
    bench.look(10.0)
    assert [c.text for c in bench.cancels()] == ["a more urgent rule takes over"]
    bench.finish_cancels()
    bench.look(1.0)
    assert bench.places()[0].rule == "C-EXIT-6"


def test_crisis_that_lasts_closes(make_bench):
    """C-DEC-1 row 1: VIX at 30 for five minutes closes; four are not enough, and a dip below starts again."""
    bench = opened(make_bench, NO_WIDENING)
    bench.atm_scale *= 17.0 / 30.0
    bench.vix_bars = (*bench.vix_bars[:-1], msgspec.structs.replace(bench.vix_bars[-1], close=25.0))
    bench.vix = 30.0
    bench.look()
    bench.look(240.0)
    assert bench.places() == []
    bench.vix = 29.9
    bench.look(30.0)
    bench.vix = 30.0
    bench.look(30.0)
    bench.look(299.0)
    assert bench.places() == []
    bench.look(1.0)
    assert bench.places()[0].rule == "C-DEC-1"
    assert bench.said("C-DEC-1").text == "row 1: tier 3 lasts: close"


@pytest.mark.parametrize("spot", [5300.0, 5705.0])
def test_tested_short_is_closed_when_nothing_else_helps(make_bench, spot):
    """C-EXIT-4 into C-DEC-1 row 2, either side: confirmed after a minute; without adjustments it closes."""
    bench = opened(make_bench, NO_WIDENING)
    bench.spot = spot
    bench.look()
    assert bench.said("C-EXIT-4").text == "a short is tested: waiting for the second sample"
    bench.look(60.0)
    (intent,) = bench.places()
    assert intent.rule == "C-DEC-1"
    assert bench.said("C-EXIT-4").inputs["side"] == ("put" if spot < 5500 else "call")
    assert bench.said("C-DEC-1").text == "row 2: close"


def test_threat_boundary_is_the_shorts_delta(make_bench):
    """C-EXIT-4: the threshold set a hair above the present delta holds, a hair below defends."""
    bench = opened(make_bench, NO_WIDENING)
    bench.spot = 5320.0
    bench.look()
    delta = bench.said("C-EXIT-4").inputs["short_delta"]
    for threshold, tested in ((delta + 0.001, False), (delta - 0.001, True)):
        exits = ExitParams(short_delta_max=threshold, threat_within_em=0.001)
        bench.params = CondorParams(exit=exits, adjust=NO_WIDENING.adjust)
        bench.look(1.0)
        assert (bench.said("C-EXIT-4").text != "no short is tested") is tested


def test_forward_return_is_judged_before_the_close_only(make_bench):
    """C-EXIT-5: a hurdle above what theta earns closes in the last half hour, not at noon."""
    bench = opened(make_bench, CondorParams(exit=ExitParams(hurdle_pct=500.0)))
    at_profit(bench, 1.0)
    bench.look()
    assert bench.said("C-EXIT-5") is None
    bench.now = bench.now.replace(hour=15, minute=31)
    bench.look()
    assert bench.places()[0].rule == "C-EXIT-5"


def test_urgent_rule_takes_over_a_patient_walk(make_bench):
    """A stop during the time exit's patient walk cancels its order and goes on firmly."""
    bench = opened(make_bench, CondorParams(exit=ExitParams(stop_confirm_s=1.0)))
    bench.now += timedelta(days=24)
    at_profit(bench, 1.0)
    bench.look()
    assert bench.places()[0].rule == "C-EXIT-2"
    at_profit(bench, -21.0)
    bench.look(1.0)
    bench.look(2.0)
    assert [c.text for c in bench.cancels()] == ["a more urgent rule takes over"]
    bench.finish_cancels()
    at_profit(bench, -21.0)
    bench.look(1.0)
    assert bench.places()[0].rule == "C-EXIT-3"
    assert the(bench).exit_rule == "C-EXIT-3"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"control": Control((Latch("kill", TradingState.HALTED, None, "me", "why"),))}, "halted"),
        ({"link": LinkState.DOWN}, "link"),
    ],
)
def test_row_zero_forbids_everything(make_bench, change, words):
    """C-DEC-1 row 0: under a kill or without a link even a stop sends nothing."""
    bench = opened(make_bench)
    at_profit(bench, -30.0)
    for name, value in change.items():
        setattr(bench, name, value)
    for _ in range(3):
        bench.look(61.0)
        assert bench.places() == []
    assert words in bench.said("C-DEC-1", the(bench).id).text


@pytest.mark.parametrize("state", [OrderState.UNKNOWN, OrderState.CANCEL_CLAIMED, OrderState.REJECT_CLAIMED])
def test_order_in_doubt_freezes_its_condor(make_bench, state):
    """While the fate of a closing order is unproven nothing is sent or cancelled, however long it takes."""
    bench = opened(make_bench)
    at_profit(bench, 6.0)
    bench.look()
    bench.order(bench.places()[0].ref, state)
    for _ in range(4):
        at_profit(bench, 6.0)
        bench.look(60.0)
        assert bench.places() == bench.cancels() == []
    assert "unproven" in bench.said("C-DEC-1", the(bench).id).text


def test_reduced_trading_still_closes(make_bench):
    """REDUCING forbids entries, never exits."""
    bench = opened(make_bench)
    bench.control = Control((Latch("x", TradingState.REDUCING, None, "me", "why"),))
    at_profit(bench, 6.0)
    bench.look()
    assert bench.places()[0].purpose is Purpose.EXIT


def test_no_orders_near_the_close_and_the_working_one_is_taken_back(make_bench):
    """X-EXEC: from 15:55 nothing is sent, and what works is cancelled."""
    bench = opened(make_bench)
    at_profit(bench, 6.0)
    bench.now = bench.now.replace(hour=15, minute=54, second=50)
    bench.look()
    assert bench.places()
    bench.look(10.0)
    assert [c.text for c in bench.cancels()] == ["no orders near the close"]
    bench.finish_cancels()
    bench.look(5.0)
    assert bench.places() == []


def test_denied_closing_order_is_tried_again_after_a_pause_with_a_new_ref(make_bench):
    """The gate's no is respected for half a minute; a pending answer is never overtaken."""
    bench = opened(make_bench)
    at_profit(bench, 6.0)
    first = bench.look(0.0, approve=False).intents[0]
    bench.look(29.0, approve=False)
    assert bench.places() == []
    bench.pending = frozenset({first.ref})
    bench.look(60.0, approve=False)
    assert bench.places() == []
    bench.pending = frozenset()
    bench.look(1.0, approve=False)
    assert bench.places()[0].ref != first.ref


def test_worthless_wing_can_be_given_away_but_never_stops(make_bench):
    """A long wing nobody bids for, offered at a few cents, does not block taking profit; it is no sample for a stop."""
    bench = opened(make_bench)
    wing = the(bench).legs.call_long.con_id
    bench.one_sided, bench.asks = {wing}, {wing: 0.30}
    bench.look()
    assert bench.said("C-EXIT-1").text == "quotes cannot say what closing costs"
    bench.asks = {wing: 0.25}
    bench.look()
    known = the(bench)
    cost = known.credit_points - bench.said("C-EXIT-1").inputs["profit_points"]
    bench.condors[known.id] = msgspec.structs.replace(known, adjust_points=cost - 45.0)
    for _ in range(4):
        bench.look(60.0)
        assert bench.places() == []
    assert "no sample" in bench.said("C-EXIT-3").text
    bench.condors[known.id] = msgspec.structs.replace(known, adjust_points=cost)
    bench.look(1.0)
    assert bench.places()[0].rule == "C-EXIT-1"
