"""Protection moves out along an inverted curve once, in steps, and comes back only when contango has lasted."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.alvh.lattice import SlotState
from strategies.alvh.memory import Episode
from strategies.alvh.params import AlvhParams, HarvestParams
from strategies.domain.decision import DecisionVerdict
from strategies.domain.hedge import SLOTS_OF, Layer
from strategies.domain.orders import Action
from strategies.signals.curve import CurveReading, Regime
from strategies.signals.measures import Measures
from tests.strategies.alvh.bench import CONTANGO, DEEP, FLAT, INVERTED, JUNE_WEEKLY, HedgeBench

L1, L2 = SLOTS_OF[Layer.SHORT], SLOTS_OF[Layer.INTERMEDIATE]
NO_HARVEST = HarvestParams(half_at_multiple=50.0, most_at_multiple=90.0)
ACT, HOLD, DECLINE = DecisionVerdict.ACT, DecisionVerdict.HOLD, DecisionVerdict.DECLINE


def short_book(bench: HedgeBench, each: int = 2, slots: tuple[int, ...] = L1) -> HedgeBench:
    """Calls in the short layer, chains and quotes known; nothing is bought or harvested of itself."""
    bench.may_open = False
    bench.params = msgspec.structs.replace(bench.params, harvest=NO_HARVEST)
    bench.condors = (HedgeBench.condor(20),)  # so much to protect that nothing held is too much
    for slot in slots:
        bench.hold(slot, JUNE_WEEKLY, 20.0, each)
    for _ in range(4):
        bench.look(60.0)
    return bench


def turn(bench: HedgeBench, vx: tuple[float, ...], vix: float = 24.0) -> None:
    """The curve takes another shape."""
    bench.vx, bench.vix = vx, vix


def rotations(bench: HedgeBench, minutes: int) -> list:
    """Looks every five minutes, fills at once; the rotations asked for."""
    found = []
    for step_min in [5] * (minutes // 5) + [minutes % 5] * bool(minutes % 5):
        for intent in bench.look(60.0 * step_min).places:
            if intent.rule.startswith("A-ROT"):
                found.append(intent)
            bench.fill(intent.ref)
    return found


# A-ROT-2 ----------------------------------------------------------------------------------------------
def exactly(points: float) -> CurveReading:
    """A curve officially deep whose front stands this much above the second."""
    return CurveReading(Regime.DEEP_BACKWARDATION, "", -10.0, 24.0 + points, 24.0, points)


@pytest.mark.parametrize(("points", "moves"), [(2.999, False), (3.0, False), (32.20 - 29.20, False), (3.005, True)])
def test_slot_four_moves_above_three_points_and_not_at_three(bench, points, moves):
    """3.000 is not above 3, whatever binary makes of the prices; half a tick more is."""
    short_book(bench)
    turn(bench, DEEP)
    bench.blind, bench.official = exactly(points), Regime.DEEP_BACKWARDATION
    intents = bench.ask()
    assert bool([i for i in intents if i.rule == "A-ROT-2"]) is moves


def test_slot_four_waits_for_the_official_regime(bench):
    """A reading above 3 points that the samples have not confirmed moves nothing."""
    short_book(bench)
    turn(bench, DEEP)
    bench.official = Regime.BACKWARDATION
    assert not bench.ask()


def test_slot_four_moves_once_as_one_order_neutral_in_weighted_vega(bench):
    """One calendar sells all of slot 4 and buys as much weighted vega for slot 5, within one contract; then no more."""
    short_book(bench)
    turn(bench, DEEP)
    bench.judged = True
    before = bench.look(0.0).exposure.slot_usd(4)
    bench.judged = False
    intent = next(i for i in bench.ask() if i.rule == "A-ROT-2")
    assert [(leg.action, leg.slot) for leg in intent.legs] == [(Action.SELL, 4), (Action.BUY, 5)]
    bench.fill(intent.ref)
    out = bench.look(60.0)
    bought = out.exposure.of_slot(5)[0]
    one = (bought.usd_per_vix_point or 0.0) / bought.held.quantity
    assert abs(out.exposure.slot_usd(5) - before) <= one
    assert out.exposure.slot_usd(4) == 0.0
    assert (bench.slots[4].state, bench.slots[5].state) == (SlotState.RESTING, SlotState.ACTIVE)
    assert not [i for i in rotations(bench, 30) if i.rule == "A-ROT-2"]


def test_slot_four_arms_again_below_a_point_and_a_half(bench):
    """Between 1.5 and 3 points it is still the same inversion; below 1.5 a new one may move it again."""
    short_book(bench, slots=(4,))
    turn(bench, DEEP)
    rotations(bench, 20)
    assert bench.memory.episode.slot4_at is not None
    turn(bench, INVERTED)  # exactly 1.5
    bench.look(60.0)
    assert bench.memory.episode.slot4_at is not None
    turn(bench, (23.9, *INVERTED[1:]))
    bench.look(60.0)
    assert bench.memory.episode.slot4_at is None


def test_what_a_first_order_left_in_slot_four_still_goes(bench):
    """A rotation that filled for half is asked for again for the rest, not forgotten."""
    short_book(bench, each=4, slots=(4,))
    turn(bench, DEEP)
    first = next(i for i in bench.ask() if i.rule == "A-ROT-2")
    if first.quantity > 1:
        bench.fill(first.ref, first.quantity // 2)
    bench.look(25.0)
    bench.finish_cancels()
    rotations(bench, 10)
    assert bench.quantity((4,)) == 0
    assert bench.memory.episode.slot4_moved


def test_an_empty_slot_four_gives_its_weight(bench):
    """Nothing to sell: only the weight moves, and the quarter counts as moved."""
    short_book(bench, slots=(1,))
    turn(bench, DEEP)
    bench.look(60.0)
    assert bench.memory.episode.slot4_moved
    assert bench.memory.episode.rotated_share == 0.25


def test_slot_four_moves_before_it_is_harvested(bench):
    """Worth many times its cost and due to move: the order that goes out is the rotation, harvest comes after it."""
    short_book(bench, slots=(1,))
    bench.hold(4, JUNE_WEEKLY, 20.0, 4, price=0.05)
    bench.params = msgspec.structs.replace(bench.params, harvest=HarvestParams())
    turn(bench, DEEP)
    bench.look(60.0)
    of_slot_four = [i.rule for r in range(4) for i in bench.look(60.0).places if any(leg.slot == 4 for leg in i.legs)]
    assert of_slot_four[:1] == ["A-ROT-2"]


def test_a_rotation_nobody_takes_is_tried_twice_then_rests(bench):
    """The first try and one more follow at once; from then on each waits for half an hour."""
    short_book(bench, slots=(4,))
    turn(bench, DEEP)
    chains: dict[str, list] = {}
    for _ in range(400):
        for intent in bench.look(10.0).places:
            chains.setdefault(intent.chain_ref, []).append(bench.now)
        bench.finish_cancels()
    begun = [times[0] for times in chains.values()]
    gaps_min = [(later - earlier).total_seconds() / 60.0 for earlier, later in pairwise(begun)]
    assert len(begun) >= 3
    assert gaps_min[0] < 10.0
    assert min(gaps_min[1:]) >= 30.0
    assert bench.memory.episode.unfilled >= 2


def test_a_rotation_that_fills_forgets_the_tries_before(bench):
    """After a filled order the next rotation has its two tries again."""
    short_book(bench, slots=(4,))
    turn(bench, DEEP)
    while not bench.memory.episode.unfilled:
        bench.look(10.0)
        bench.finish_cancels()
    for _ in range(60):
        for intent in bench.look(10.0).places:
            bench.fill(intent.ref)
        bench.finish_cancels()
    assert bench.quantity((4,)) == 0
    assert (bench.memory.episode.unfilled, bench.memory.episode.unfilled_at) == (0, None)


# A-ROT-1 ----------------------------------------------------------------------------------------------
def test_an_inversion_of_less_than_an_hour_moves_nothing(bench):
    """The confirmation is 60 minutes; the first clip follows it."""
    short_book(bench)
    turn(bench, INVERTED)
    assert not rotations(bench, 1)
    assert not rotations(bench, 59)
    assert bench.said("A-ROT-1").text == "the inversion is not confirmed yet"
    assert {i.rule for i in rotations(bench, 3)} == {"A-ROT-1"}


def test_two_closes_confirm_without_the_hour(bench):
    """Two sessions that ended inverted are as good as 60 minutes of one."""
    short_book(bench)
    bench.official = Regime.BACKWARDATION
    turn(bench, INVERTED)
    bench.memory = msgspec.structs.replace(bench.memory, episode=Episode(inverted_at=bench.now, closes=2))
    assert rotations(bench, 2)


def test_half_of_the_short_layer_moves_in_two_clips(bench):
    """At 1.5 points of inversion 45 % is wanted: of 16 contracts seven or eight go, in two looks apart."""
    short_book(bench, each=4)
    turn(bench, INVERTED)
    rotations(bench, 1)
    rotations(bench, 60)
    after_first = bench.quantity(L1)
    assert 12 <= after_first <= 13
    assert not rotations(bench, 13)
    rotations(bench, 60)
    assert 8 <= bench.quantity(L1) <= 9
    assert bench.memory.episode.rotated_share == pytest.approx(0.45, abs=0.03)


def test_slot_four_counts_in_what_the_confirmed_rotation_moves(bench):
    """A deep inversion wants half of the layer in all: slot 4's quarter and a quarter more, never three quarters."""
    short_book(bench, each=4)
    turn(bench, DEEP)
    rotations(bench, 240)
    wanted = bench.memory.episode.share_wanted
    assert wanted == pytest.approx(0.40 + 0.20 * 3.25 / 6.0)
    assert bench.quantity((4,)) == 0
    assert abs(16 * (1.0 - wanted) - bench.quantity(L1)) <= 1.0
    assert bench.memory.episode.rotated_share == pytest.approx(wanted, abs=0.03)


def test_what_is_less_than_a_contract_does_not_move_and_does_not_count(bench):
    """45 % of one contract rounds to none: it stays, and no share is counted as moved."""
    short_book(bench, each=1, slots=(1,))
    turn(bench, INVERTED)
    rotations(bench, 1)
    rotations(bench, 75)
    assert bench.quantity(L1) == 1
    assert bench.memory.episode.rotated_share == 0.0


def test_the_front_below_the_second_again_stops_the_clock(bench):
    """The official regime calms down only at a close, so an hour is an hour of a front that stands above."""
    short_book(bench)
    bench.official = Regime.BACKWARDATION
    turn(bench, INVERTED)
    rotations(bench, 15)
    turn(bench, CONTANGO)
    assert not rotations(bench, 120)
    turn(bench, INVERTED)
    assert not rotations(bench, 59)
    assert rotations(bench, 10)


@settings(max_examples=6, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 55), st.integers(1, 30), st.sampled_from([INVERTED, DEEP])), max_size=5))
def test_a_flickering_curve_never_moves_anything(turns):
    """Inversions each shorter than the confirmation, whatever their number, leave every contract where it is."""
    bench = short_book(HedgeBench())
    bench.params = AlvhParams(evaluate_every_s=300.0, harvest=NO_HARVEST)
    bench.official = Regime.BACKWARDATION
    held = dict(bench.held)
    for inverted_min, calm_min, shape in turns:
        turn(bench, shape)
        for _ in range(inverted_min // 5):
            assert not bench.look(300.0).places
        turn(bench, CONTANGO)
        for _ in range(1 + calm_min // 5):
            assert not bench.look(300.0).places
    assert bench.held == held
    assert bench.memory.episode.rotated_share == 0.0


def test_a_bullish_cross_in_a_flat_curve_moves_a_fifth_once(bench):
    """A-ROT-1 before the flip: 20 % of the layer, and no second time."""
    short_book(bench, each=5)
    turn(bench, FLAT, 19.0)
    bench.measures = Measures(rsi_vix=55.0, rsi_vix_before=50.0, basis_crossed_up=True)
    rotations(bench, 60)
    assert bench.quantity(L1) == 16
    rotations(bench, 60)
    assert bench.quantity(L1) == 16


def test_no_cross_no_early_move(bench):
    """A flat curve alone moves nothing, and an unknown cross is no cross."""
    short_book(bench)
    turn(bench, FLAT, 19.0)
    assert not rotations(bench, 90)


def test_an_unreadable_curve_rotates_nothing(bench):
    """T-REG-3: UNKNOWN, even after a confirmed inversion, moves nothing."""
    short_book(bench)
    turn(bench, INVERTED)
    rotations(bench, 58)
    bench.blind = CurveReading(Regime.UNKNOWN, "F1 is stale")
    assert not rotations(bench, 30)


def test_a_denied_clip_is_asked_for_again_without_the_pause_between_clips(bench):
    """24 February 2020: the gate refused the first clip while another order was in doubt, and the answer to a confirmed
    inversion came 15 minutes later. What was never sent is no clip: the next try follows within two minutes."""
    short_book(bench)
    turn(bench, INVERTED)
    bench.refuse = True
    asked = []
    for _ in range(80):
        asked += [bench.now for intent in bench.look(60.0).places if intent.rule == "A-ROT-1"]
        if asked:
            break
    assert bench.memory.episode.clips_done == 1
    bench.refuse = False
    for _ in range(3):
        asked += [bench.now for intent in bench.look(60.0).places if intent.rule == "A-ROT-1"]
    assert (asked[-1] - asked[0]).total_seconds() <= 120.0
    assert len(set(asked)) == 2
    assert bench.memory.episode.clips_done == 1


def test_a_second_clip_is_not_sent_into_contango(bench):
    """When the inversion has gone between two clips the rest stays where it is."""
    short_book(bench, each=4)
    turn(bench, INVERTED)
    rotations(bench, 1)
    rotations(bench, 60)
    held = bench.quantity(L1)
    assert held < 16
    turn(bench, CONTANGO, 17.0)
    assert not rotations(bench, 60)
    assert bench.quantity(L1) == held


def test_a_rotation_of_which_nothing_filled_is_taken_back(bench):
    """Four attempts that end unfilled leave no share rotated; the rule asks again."""
    short_book(bench)
    turn(bench, INVERTED)
    assert not rotations(bench, 1)
    assert not rotations(bench, 59)
    bench.ask()
    assert bench.memory.episode.rotated_share > 0.0
    asked = len(bench.book.orders)
    for _ in range(16):
        bench.look(10.0)
        bench.finish_cancels()
    assert bench.memory.episode.rotated_share == 0.0
    assert len(bench.book.orders) > asked


def test_a_blocked_receiver_stops_the_rotation(bench):
    """Nothing is bought for a blocked slot, so slot 4 keeps what it has."""
    short_book(bench, slots=(4,))
    bench.slots[5] = msgspec.structs.replace(bench.slots[5], state=SlotState.BLOCKED)
    turn(bench, DEEP)
    assert not bench.ask()
    assert "blocked" in bench.said("A-ROT-2").text


def test_a_rotation_that_makes_the_spike_worse_is_declined(bench):
    """A-ROT-0: far front calls gain more in a spike than what would be bought for them: they are kept."""
    short_book(bench)
    bench.held.clear()
    bench.hold(4, JUNE_WEEKLY, 38.0, 12)
    bench.params = AlvhParams(
        rotation=msgspec.structs.replace(bench.params.rotation, abort_worse_pct=0.0),
        harvest=NO_HARVEST,
    )
    turn(bench, DEEP, 30.0)
    assert not [i for i in bench.ask() if i.rule == "A-ROT-2"]
    row = bench.said("A-ROT-0")
    assert row.verdict is DECLINE
    assert row.inputs["book_usd_at_vix_plus_8"] < row.inputs["before_usd"] < 0.0


def test_a_second_contract_of_slot_four_follows_the_first(bench):
    """One order moves one contract's holding; the other goes in the next order of the same inversion."""
    short_book(bench, slots=(4,))
    bench.hold(4, JUNE_WEEKLY, 22.0, 2)
    turn(bench, DEEP)
    assert len([i for i in rotations(bench, 30) if i.rule == "A-ROT-2"]) == 2
    assert bench.quantity((4,)) == 0


def test_a_clip_too_small_for_a_contract_is_joined_with_the_next(bench):
    """45 % of two contracts is one contract, though half of it rounds to none."""
    short_book(bench, each=1, slots=(1, 2))
    turn(bench, INVERTED)
    rotations(bench, 1)
    rotations(bench, 75)
    assert bench.quantity(L1) == 1
