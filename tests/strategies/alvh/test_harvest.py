"""What has paid or is too much is sold: in parts, in time, never more than is held or than the floor can spare."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.alvh.lattice import SlotState
from strategies.alvh.pieces import pieces_of
from strategies.domain.hedge import SLOTS_OF, Layer
from strategies.domain.orders import Action, OrderState, Purpose
from strategies.signals.measures import Measures
from tests.strategies.alvh.bench import CONTANGO, JULY_WEEKLY, JUNE_WEEKLY, MONTHS, HedgeBench

L1, L2, L3 = (SLOTS_OF[layer] for layer in (Layer.SHORT, Layer.INTERMEDIATE, Layer.DEEP))
PRESS = Measures(
    rsi_vix=65.0, rsi_vix_before=75.0, vix_less_rv20_points=6.0, front_points=18.0, front_high_20_points=20.0
)


@pytest.fixture
def bench() -> HedgeBench:
    """The hedge's bench on which nothing new is bought."""
    made = HedgeBench()
    made.may_open = False
    return made


def at_multiple(bench: HedgeBench, slot: int, multiple: float, quantity: int) -> None:
    """A slot whose calls are worth that many times their price."""
    option = bench.hold(slot, JULY_WEEKLY, 21.0, quantity)
    bench.held[slot, option.con_id] = (quantity, round(bench.worth(option), 2) / multiple)


def sales(bench: HedgeBench, looks: int = 3) -> dict[int, int]:
    """Contracts asked to be sold, by slot; what is asked for fills."""
    found: dict[int, int] = {}
    for _ in range(looks):
        for intent in bench.look(60.0).places:
            assert intent.purpose is Purpose.EXIT
            (leg,) = intent.legs
            assert leg.action is Action.SELL
            assert leg.slot is not None
            found[leg.slot] = found.get(leg.slot, 0) + intent.quantity
            bench.fill(intent.ref)
    return found


def enough(bench: HedgeBench) -> None:
    """So much in other slots that the floor holds whatever slot 5 sells, and the cap is far."""
    bench.hold(6, JULY_WEEKLY, 21.0, 12)


# several contracts in one slot ------------------------------------------------------------------------
def test_a_slot_of_several_contracts_is_sold_one_after_the_other(bench: HedgeBench) -> None:
    """After rotations a slot holds several calls: with nothing to protect all of them go, one at a time."""
    bench.condors = ()
    bench.memory = msgspec.structs.replace(bench.memory, idle_sessions=3)
    for strike, quantity in ((19.0, 2), (21.0, 1), (23.0, 3)):
        bench.hold(6, JULY_WEEKLY, strike, quantity)
    for _ in range(6):
        alive = [intent for intent in bench.look(60.0).places if any(leg.slot == 6 for leg in intent.legs)]
        assert len(alive) <= 1
        for intent in alive:
            bench.fill(intent.ref)
    assert bench.quantity((6,)) == 0


def test_each_contract_of_a_slot_is_harvested_by_its_own_multiple(bench: HedgeBench) -> None:
    """Of two contracts in slot 5 one is worth four times its cost: three quarters of it are sold, the other stays."""
    enough(bench)
    cheap, dear = bench.hold(5, JULY_WEEKLY, 21.0, 8), bench.hold(5, JULY_WEEKLY, 23.0, 4)
    bench.held[5, cheap.con_id] = (8, round(bench.worth(cheap), 2) / 4.2)
    for _ in range(3):
        for intent in bench.look(60.0).places:
            bench.fill(intent.ref)
    assert bench.held[5, cheap.con_id][0] == 2
    assert bench.held[5, dear.con_id][0] == 4


def test_a_spread_is_sold_whole_and_never_from_under_its_short(bench: HedgeBench) -> None:
    """One order sells the bought call and buys back the sold one; a second long of the slot goes by itself."""
    bench.condors = ()
    bench.memory = msgspec.structs.replace(bench.memory, idle_sessions=3)
    near, far = bench.hold(9, MONTHS[4], 21.0, 3), bench.hold(9, MONTHS[4], 30.0, -2)
    orders = []
    for _ in range(6):
        for intent in bench.look(60.0).places:
            orders.append({leg.con_id: leg.action.sign * leg.ratio * intent.quantity for leg in intent.legs})
            bench.fill(intent.ref)
    assert {near.con_id: -2, far.con_id: 2} in orders
    assert {near.con_id: -1} in orders
    assert not [quantity for (slot, _), (quantity, _) in bench.held.items() if slot == 9 and quantity]


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(15, 30)), min_size=1, max_size=4, unique_by=lambda t: t[1]),
       st.lists(st.tuples(st.integers(1, 3), st.integers(15, 30)), max_size=3, unique_by=lambda t: t[1]))  # fmt: skip
def test_pieces_are_what_is_held_and_cover_every_short_they_can(longs, shorts) -> None:
    """Pieces never hold more of a long or a short than the slot does, each short caps a nearer strike, and the longs
    are all there."""
    bench = HedgeBench()
    rows = [(quantity, strike) for quantity, strike in longs]
    rows += [(-quantity, strike) for quantity, strike in shorts if strike not in {s for _, s in longs}]
    for quantity, strike in rows:
        bench.hold(9, MONTHS[4], float(strike), quantity)
    bench.judged = True
    bench.look(0.0)
    found = pieces_of(bench.look(60.0).exposure.of_slot(9))
    sold: dict[int, int] = {}
    for piece in found:
        sold[piece.long.held.con_id] = sold.get(piece.long.held.con_id, 0) + piece.quantity
        if piece.short is not None:
            assert bench.options[piece.short.held.con_id].strike > bench.options[piece.long.held.con_id].strike
            sold[piece.short.held.con_id] = sold.get(piece.short.held.con_id, 0) - piece.quantity
    held = {con_id: quantity for (_, con_id), (quantity, _) in bench.held.items()}
    assert {c: q for c, q in sold.items() if q > 0} == {c: q for c, q in held.items() if q > 0}
    assert all(held[c] <= q < 0 for c, q in sold.items() if held[c] < 0)


# A-HARV-1 ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("multiple", "quantity", "sold"), [(1.9, 8, 0), (2.1, 8, 4), (2.1, 5, 2), (2.1, 1, 0), (4.1, 8, 6), (4.1, 1, 1)]
)
def test_half_goes_at_twice_the_cost_and_all_but_a_quarter_at_four_times(bench, multiple, quantity, sold):
    """A-HARV-1: thresholds, fractions, and the single contract that cannot be halved."""
    at_multiple(bench, 5, multiple, quantity)
    enough(bench)
    assert sales(bench).get(5, 0) == sold


def test_slots_that_hold_the_same_contract_are_harvested_each(bench):
    """The stage is kept by slot: what one slot sold is nothing the other has sold."""
    for slot in (5, 7):
        at_multiple(bench, slot, 2.1, 4)
    enough(bench)
    assert sales(bench, 5) == {5: 2, 7: 2}


def test_a_harvest_that_never_filled_is_asked_for_again(bench):
    """The stage counts once something has sold, not when it is planned or refused."""
    at_multiple(bench, 5, 2.1, 4)
    enough(bench)
    bench.refuse = True
    assert bench.look(60.0).places
    bench.refuse = False
    for _ in range(4):
        bench.look(60.0)
    assert any(r.intent.rule == "A-HARV-1" for r in bench.book.orders.values())


def test_the_first_half_stays_while_the_floor_needs_it(bench):
    """Twice its cost is no reason to break the floor."""
    at_multiple(bench, 5, 2.1, 4)
    assert not sales(bench)
    assert bench.said("A-HARV-1", "alvh-s05").text == "twice its cost, but the floor needs it"


def test_two_halves_of_one_look_together_leave_the_floor(bench):
    """Each sale counts for the next: the floor spares either half, so one is sold and not both."""
    for slot, strike, quantity in ((5, 21.0, 5), (7, 22.0, 4)):
        option = bench.hold(slot, JULY_WEEKLY, strike, quantity)
        bench.held[slot, option.con_id] = (quantity, round(bench.worth(option), 2) / 2.1)
    assert sales(bench, 1) == {5: 2}
    bench.look(60.0)
    assert bench.last is not None
    assert bench.net_n() >= bench.last.band.low


def test_a_slot_sold_out_rests_until_the_next_session_and_a_calmer_rsi(bench):
    """A-HARV-4: the same day, or while the RSI of VIX is at 60 or more, it is not bought for again."""
    at_multiple(bench, 5, 4.1, 1)
    enough(bench)
    sales(bench)
    assert bench.slots[5].state is SlotState.RESTING
    bench.look(60.0)
    assert bench.slots[5].state is SlotState.RESTING
    bench.now += timedelta(days=1)
    bench.measures = Measures(rsi_vix=61.0, rsi_vix_before=62.0)
    bench.look(60.0)
    assert bench.slots[5].state is SlotState.RESTING
    bench.measures = Measures(rsi_vix=59.0, rsi_vix_before=62.0)
    bench.look(60.0)
    assert bench.slots[5].state is not SlotState.RESTING


# the cap ----------------------------------------------------------------------------------------------
def too_much(bench: HedgeBench, each: int = 14) -> None:
    """Far more protection than the cap allows: net vega between the cap and the alarm."""
    for slot in (5, 6, 7, 8):
        bench.hold(slot, JULY_WEEKLY, 21.0, each)


def test_above_the_cap_it_waits_twenty_minutes_and_then_sells_to_it(bench):
    """A-VEGA-2: the dwell first; then down to the cap less the margin, within a contract, and no further."""
    too_much(bench)
    bench.look(60.0)
    assert bench.last is not None
    assert bench.last.band.high is not None
    assert bench.last.band.high < bench.net_n() < 0.40
    assert not sales(bench, 19)
    assert sales(bench, 10)
    bench.look(60.0)
    one = 14.0 / (100.0 * 15.0)
    assert bench.last.band.high - 0.02 - one <= bench.net_n() <= bench.last.band.high


def test_the_dwell_begins_again_when_net_vega_came_back(bench):
    """An excursion that ends before its time leaves no clock running."""
    too_much(bench)
    bench.look(60.0)
    assert bench.memory.outside_since is not None
    bench.condors = (HedgeBench.condor(9),)
    bench.look(60.0)
    assert bench.memory.outside_since is None


def test_over_the_alarm_nothing_waits(bench):
    """A-VEGA-3: at .40 and more it is sold in the same look."""
    too_much(bench, 20)
    assert sales(bench, 1)
    assert bench.said("A-VEGA-3").thresholds["alarm_n"] == 0.40


@pytest.mark.parametrize(
    "measures",
    [
        Measures(rsi_vix=69.0, rsi_vix_before=70.0),
        Measures(rsi_vix=50.0, rsi_vix_before=50.0, front_points=17.0, front_high_20_points=20.0),
    ],
)
def test_mean_reversion_lowers_the_cap_and_skips_the_dwell(bench, measures):
    """A-HARV-3: RSI down through 70, or the front 15 % off its high: to +.10 in the same session."""
    too_much(bench)
    bench.measures = measures
    assert sales(bench, 6)
    bench.look(60.0)
    assert bench.net_n() <= 0.10


def test_sales_under_way_are_not_asked_for_twice(bench):
    """While the surplus is being sold and has not filled, nothing more is sold elsewhere."""
    too_much(bench, 20)
    bench.look(60.0)
    asked = sum(i.intent.quantity for i in bench.book.orders.values())
    assert asked
    for _ in range(3):
        bench.look(15.0)
        bench.look(45.0)
        bench.finish_cancels()
    net = bench.net_n()
    alive = sum(r.intent.quantity - r.filled_units for r in bench.work())
    assert net - alive * 14.0 / 1500.0 >= bench.last.band.high - 0.02 - 0.02


# the press, the idle hedge ------------------------------------------------------------------------------
def test_the_cash_press_spares_slots_one_and_two_and_sells_deep_first(bench):
    """A-HARV-2: deep, then intermediate, never the short layer, and only what has gained."""
    bench.condors = (HedgeBench.condor(8),)
    for slot, expiry, strike in ((1, JUNE_WEEKLY, 19.0), (5, JULY_WEEKLY, 21.0), (9, MONTHS[4], 23.0)):
        option = bench.hold(slot, expiry, strike, 20)
        bench.held[slot, option.con_id] = (20, bench.worth(option) / 1.5)
    bench.measures = PRESS
    intents = bench.look(60.0).places
    slots = [i.legs[0].slot for i in intents if i.rule == "A-HARV-2"]
    assert slots
    assert slots[0] == 9
    assert not set(slots) & set(L1)


def test_without_a_condor_for_two_sessions_the_hedge_is_sold(bench):
    """Nothing is left to protect: it waits for the next condor first, then goes."""
    bench.hold(5, JULY_WEEKLY, 21.0, 2)
    bench.condors = ()
    assert not sales(bench)
    bench.memory = msgspec.structs.replace(bench.memory, idle_sessions=2)
    assert sales(bench) == {5: 2}


def test_what_was_bought_for_a_planned_condor_is_kept_while_its_order_works(bench):
    """27 July 2011: after idle sessions the hedge was bought for a planned condor and sold again a minute after the
    condor's order had gone to work, when it was planned no more and not open yet."""
    bench.hold(5, JULY_WEEKLY, 21.0, 2)
    bench.memory = msgspec.structs.replace(bench.memory, idle_sessions=2)
    bench.condors = (HedgeBench.condor(2),)
    bench.look(60.0)
    bench.condors = ()
    assert not sales(bench)


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.floats(0.4, 6.0)), min_size=10, max_size=10),
    st.integers(1, 6),
    st.sampled_from([Measures(rsi_vix=50.0, rsi_vix_before=50.0), PRESS]),
)
def test_never_more_is_sold_than_is_held(held, condors, measures):
    """Whatever the slots hold and have gained, sales leave no slot short, and each slot has one order at a time."""
    bench = HedgeBench(condors=condors)
    bench.may_open, bench.measures, bench.vx = False, measures, CONTANGO
    for slot, (quantity, multiple) in enumerate(held, start=1):
        expiry, strike = ((JUNE_WEEKLY, 19.0), (JULY_WEEKLY, 21.0), (MONTHS[4], 23.0))[(slot > 4) + (slot > 8)]
        option = bench.hold(slot, expiry, strike, quantity)
        bench.held[slot, option.con_id] = (quantity, bench.worth(option) / multiple)
    for number in range(8):
        for intent in bench.look(60.0).places:
            if number % 3:
                bench.fill(intent.ref)
        alive = [slot for r in bench.work() for slot in {leg.slot for leg in r.intent.legs}]
        assert len(alive) == len(set(alive))
        bench.finish_cancels()
    assert all(quantity >= 0 for quantity, _ in bench.held.values())


def test_nothing_is_sold_at_an_unknown_price(bench):
    """A line without a quote is not harvested on a guess."""
    at_multiple(bench, 5, 4.1, 4)
    enough(bench)
    bench.silent = {con for _, con in bench.held}
    assert not sales(bench)


def test_an_order_alive_keeps_the_slot_from_another(bench):
    """One order a slot: a working sale that is in doubt blocks the next reason to sell."""
    at_multiple(bench, 5, 4.1, 8)
    enough(bench)
    (intent,) = bench.look(60.0).places
    bench.tell(intent.ref, OrderState.UNKNOWN)
    for _ in range(4):
        assert not [i for i in bench.look(60.0).places if i.legs[0].slot == 5]
