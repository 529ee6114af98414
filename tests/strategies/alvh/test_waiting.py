"""The hedge waits while positions, executions and ends of orders are still coming in, and what the gate refuses is no
failed rotation."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import msgspec
import pytest

from strategies.alvh.orders import forget_tries
from strategies.domain.orders import Action, LegIntent, OrderRecord, OrderState, Purpose
from strategies.signals.tiers import Tier
from tests.strategies.alvh.bench import DEEP, JUNE_WEEKLY, HedgeBench, order


def deep_with_slot_four(bench: HedgeBench) -> None:
    """Slot 4 holds a call and the curve is officially deep: A-ROT-2 wants to move it."""
    bench.vx, bench.vix, bench.tier = DEEP, 28.0, Tier.STRESS
    bench.hold(4, JUNE_WEEKLY, 25.0, 1)


def shows(bench: HedgeBench, extra: dict[int, int]) -> None:
    """The broker's last answer: what executions explain, and `extra` beyond it."""
    told = bench.book.positions()
    both = {con_id: told.get(con_id, 0) + extra.get(con_id, 0) for con_id in told.keys() | extra.keys()}
    bench.book = msgspec.structs.replace(bench.book, broker_positions={c: q for c, q in both.items() if q})


def rotations(bench: HedgeBench, minutes: int) -> int:
    """Orders of A-ROT-2 that follow within some minutes."""
    return sum(i.rule == "A-ROT-2" for _ in range(minutes) for i in bench.look(60.0).places)


@pytest.mark.parametrize("extra", [1, -1])
def test_nothing_is_sent_while_positions_and_executions_differ(bench, extra):
    """The broker shows a contract more, or one less, than it has told executions of: the gate would refuse every hedge
    order (C30, C56), so the rotation waits, says so, and goes out at once when they agree."""
    deep_with_slot_four(bench)
    shows(bench, {4711: extra})
    assert rotations(bench, 30) == 0
    said = bench.said("X-EXEC", "alvh-s04")
    assert said is not None
    assert "waits for the broker's executions: of contract 4711" in said.text
    assert (bench.memory.episode.unfilled, bench.memory.episode.refused) == (0, 0)
    assert not bench.memory.episode.slot4_moved
    shows(bench, {})
    assert rotations(bench, 2) == 1


def test_unknown_positions_are_the_gates_business(bench):
    """Before the broker's first answer the desk asks and the gate answers."""
    deep_with_slot_four(bench)
    assert bench.book.broker_positions is None
    assert rotations(bench, 6) == 1


@pytest.mark.parametrize("state", [OrderState.CANCEL_CLAIMED, OrderState.UNKNOWN])
def test_new_protection_waits_for_the_end_of_another_order_a_sale_does_not(bench, state):
    """C29: while a condor's order is unproven nothing is bought or moved; what is only sold goes on."""
    deep_with_slot_four(bench)
    bench.hold(1, JUNE_WEEKLY, 20.0, 4, price=0.5)
    condors = order((LegIntent(101, 1, Action.BUY),), "open")
    intent = msgspec.structs.replace(condors, owner="ic-1", ref="ic-1.exit.1", purpose=Purpose.EXIT)
    record = OrderRecord(intent, state, bench.now, bench.now, bench.now)
    bench.book = msgspec.structs.replace(bench.book, orders={intent.ref: record})
    sent = [i for _ in range(10) for i in bench.look(60.0).places]
    assert {i.purpose for i in sent} == {Purpose.EXIT}
    assert {i.rule for i in sent} == {"A-HARV-1"}


def test_what_the_gate_refuses_is_no_failed_rotation_and_is_asked_ever_more_seldom(bench):
    """The first two tries within three minutes, then after pauses that double up to half an hour; none counts as an
    order that found nobody. One that is let through forgets them."""
    deep_with_slot_four(bench)
    bench.refuse = True
    asked = []
    for _ in range(200):
        asked += [bench.now for i in bench.look(60.0).places if i.rule == "A-ROT-2"]
    gaps_min = [(b - a) / timedelta(minutes=1) for a, b in pairwise(asked)]
    assert gaps_min[0] <= 3.0
    assert 30.0 <= max(gaps_min) <= 34.0
    assert len(asked) <= 12
    episode = bench.memory.episode
    assert episode.unfilled == 0
    assert episode.refused == len(asked)
    assert not episode.slot4_moved
    assert forget_tries(episode).refused_since is None


def test_a_refused_rotation_that_is_let_through_is_forgotten(bench):
    """Two refusals, then the gate lets it pass: nothing of them is left."""
    deep_with_slot_four(bench)
    bench.refuse = True
    while bench.memory.episode.refused < 2:
        bench.look(60.0)
    bench.refuse = False
    for _ in range(6):
        for intent in bench.look(60.0).places:
            bench.fill(intent.ref)
    episode = bench.memory.episode
    assert episode.slot4_moved
    assert (episode.refused, episode.refused_since, episode.refused_at) == (0, None, None)


def test_yesterdays_refusals_are_not_counted_on(bench):
    """A person is told of refusals that last; those before the close say nothing about the morning after."""
    deep_with_slot_four(bench)
    bench.refuse = True
    while not bench.memory.episode.refused:
        bench.look(60.0)
    bench.at_close = True
    bench.look(60.0)
    assert bench.memory.episode.refused_since is None


@pytest.mark.parametrize("refused", [True, False])
def test_a_sale_that_comes_to_nothing_is_renewed_ever_more_seldom(bench, refused):
    """Refused by the gate or taken by nobody: the first renewals follow within minutes, later ones after ten."""
    bench.hold(1, JUNE_WEEKLY, 16.0, 4, price=0.5)
    bench.refuse = refused
    chains = {}
    for _ in range(720):
        for intent in bench.look(10.0).places:
            if intent.purpose is Purpose.EXIT:
                chains.setdefault(intent.chain_ref, bench.now)
        bench.finish_cancels()
    gaps_min = [(b - a) / timedelta(minutes=1) for a, b in pairwise(chains.values())]
    assert gaps_min[0] <= 3.0
    assert min(gaps_min[4:]) >= 10.0
    assert max(gaps_min) <= 14.0


def test_a_walk_that_cannot_go_on_for_want_of_the_brokers_word_is_no_failed_rotation(bench):
    """Its first order ended unfilled, then positions stay in doubt: after three minutes the walk ends without having
    been a try."""
    deep_with_slot_four(bench)
    while not bench.memory.walks:
        bench.look(60.0)
    shows(bench, {4711: 1})
    for _ in range(8):
        bench.look(60.0)
        bench.finish_cancels()
    assert not bench.memory.walks
    assert bench.memory.episode.unfilled == 0


def test_the_same_legs_are_bought_no_oftener_than_the_gate_allows(bench):
    """C26 would latch the whole bot at the fourth: of each slot and contract three walks that fill something are the
    day's, however much is still wanted. It says so, and the next day begins anew."""
    walks: dict[tuple, set[str]] = {}

    def buy(looks: int) -> int:
        for _ in range(looks):
            for intent in bench.look(60.0).places:
                bench.fill(intent.ref, 1)
                bench.tell(intent.ref, OrderState.CANCELED)
                walks.setdefault((bench.today, intent.legs), set()).add(intent.chain_ref)
                bench.held.clear()  # what was bought is gone at once: the slot lacks it again
        return max(len(refs) for (day, _), refs in walks.items() if day == bench.today)

    assert buy(120) == 3
    assert bench.said("X-EXEC") is not None
    assert "as often as a session allows" in bench.said("X-EXEC").text
    bench.now += timedelta(days=1)
    assert buy(20) >= 1
