"""The add-on after a rotation, the way back after contango has lasted, and the ratio of the calendar order."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from strategies.alvh.memory import Episode
from strategies.alvh.rotate import MOST_RATIO, whole_ratio
from strategies.domain.decision import DecisionVerdict
from strategies.domain.hedge import SLOTS_OF, Layer
from strategies.signals.curve import Regime
from tests.strategies.alvh.bench import CONTANGO, DEEP, FLAT, INVERTED, JULY_WEEKLY, JUNE_WEEKLY, HedgeBench
from tests.strategies.alvh.test_rotation import rotations, short_book, turn

L1, L2 = SLOTS_OF[Layer.SHORT], SLOTS_OF[Layer.INTERMEDIATE]
ACT, HOLD, DECLINE = DecisionVerdict.ACT, DecisionVerdict.HOLD, DecisionVerdict.DECLINE


def test_the_add_on_needs_a_rotation_and_a_broken_floor(bench):
    """A-ROT-3: 25 % more in the intermediate layer after slot 4 moved, while the floor is still broken; not before."""
    short_book(bench, each=1, slots=(4,))
    bench.official = Regime.BACKWARDATION
    turn(bench, DEEP, 30.0)
    bench.look(60.0)
    assert bench.memory.episode.addon_pct == 0.0
    bench.official = None
    rotations(bench, 20)
    assert bench.memory.episode.addon_pct == 25.0


def test_the_add_on_is_discretionary_and_can_be_held_back(bench):
    """G-GOV-1: the rotation itself goes on, the add-on is declined with the reason."""
    short_book(bench, each=1, slots=(4,))
    bench.official = Regime.BACKWARDATION
    turn(bench, DEEP, 30.0)
    bench.look(60.0)
    bench.official, bench.held_back = None, "an override by anna"
    rotations(bench, 20)
    assert bench.memory.episode.slot4_moved
    assert bench.memory.episode.addon_pct == 0.0
    said = bench.said("A-ROT-3")
    assert (said.verdict, "an override by anna" in said.text) == (DECLINE, True)


def close(bench: HedgeBench) -> None:
    """One session's close, then the next morning."""
    bench.at_close = True
    bench.look(60.0)
    bench.at_close = False
    bench.now += timedelta(days=1)


def test_the_rotated_share_returns_over_three_sessions_after_three_calm_closes(bench):
    """A-ROT-4: thirds, beginning with the third close in contango, never by an intraday look."""
    short_book(bench, each=1)
    bench.memory = msgspec.structs.replace(
        bench.memory, episode=Episode(share_wanted=0.48, rotated_share=0.48, slot4_moved=True)
    )
    seen = []
    for _ in range(5):
        bench.look(60.0)
        close(bench)
        seen.append(round(bench.memory.episode.rotated_share, 4))
    assert seen == [0.48, 0.48, 0.32, 0.16, 0.0]


def test_a_close_out_of_contango_begins_the_count_again(bench):
    """Two calm closes, a flat one, two calm ones: nothing returns."""
    short_book(bench, each=1)
    bench.memory = msgspec.structs.replace(bench.memory, episode=Episode(share_wanted=0.48, rotated_share=0.48))
    for shape in (CONTANGO, CONTANGO, FLAT, CONTANGO, CONTANGO):
        turn(bench, shape, 17.0)
        close(bench)
    assert bench.memory.episode.rotated_share == 0.48


def test_a_close_counts_once_a_session(bench):
    """Several looks within the closing minutes are one close."""
    short_book(bench)
    turn(bench, INVERTED)
    bench.at_close = True
    for _ in range(4):
        bench.look(60.0)
    assert bench.memory.episode.closes == 1


def test_surplus_without_an_inversion_is_not_sold_as_one(bench):
    """A smaller condor book in calm contango leaves the intermediate layer alone: A-ROT-4 undoes rotations only."""
    bench.may_open = False
    for slot in L2:
        bench.hold(slot, JULY_WEEKLY, 21.0, 2)
    bench.memory = msgspec.structs.replace(bench.memory, episode=Episode(calm_closes=9))
    bench.condors = (HedgeBench.condor(2),)
    for _ in range(6):
        assert not [i for i in bench.look(60.0).places if i.rule == "A-ROT-4"]


def test_the_excess_of_an_inversion_is_sold_down_to_what_is_wanted(bench):
    """A-ROT-4: after the unwind the intermediate layer sells its excess, never below what the floor needs."""
    bench.may_open = False
    for slot in L2:
        bench.hold(slot, JULY_WEEKLY, 21.0, 3)
    for slot in L1:
        bench.hold(slot, JUNE_WEEKLY, 19.0, 2)
    bench.memory = msgspec.structs.replace(bench.memory, episode=Episode(calm_closes=5, surplus=True))
    bench.settle_in(20)
    sold = [r for r in bench.book.orders.values() if r.intent.rule == "A-ROT-4"]
    assert sold
    assert bench.last is not None
    assert bench.net_n() >= bench.last.band.low
    assert not bench.memory.episode.surplus


@given(st.integers(1, 20), st.integers(1, 40))
def test_a_calendar_ratio_is_small_and_neutral_within_one_contract(sold, bought):
    """Never more sold than held; per unit at most twelve a leg; within one contract of neutral where a ratio exists."""
    give, take, parts = whole_ratio(sold, bought)
    assert 1 <= give <= MOST_RATIO
    assert 1 <= take <= MOST_RATIO
    assert 1 <= give * parts <= sold
    if bought <= MOST_RATIO * sold:
        assert abs(take * parts - give * parts * bought / sold) <= 1.0 + 1e-9
