"""A hedge order's price walks from mid towards natural in few steps, one order at a time, each proved over first."""

from __future__ import annotations

import math
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.alvh.context import HedgeContext
from strategies.alvh.lattice import SlotState
from strategies.alvh.orders import NetPrice, limit_of
from strategies.alvh.params import HedgeOrderParams
from strategies.domain.orders import OrderState, PlaceIntent, Purpose
from strategies.signals.tiers import Tier
from tests.strategies.alvh.bench import JULY_WEEKLY, JUNE_WEEKLY, HedgeBench

P = HedgeOrderParams()


def at_tier(tier: Tier) -> HedgeContext:
    """As much of the moment as the price of an attempt depends on."""
    return cast(HedgeContext, SimpleNamespace(params=SimpleNamespace(orders=P), tier=tier))


@given(st.floats(-20.0, 20.0), st.floats(0.0, 1.0), st.sampled_from([0.01, 0.05]), st.booleans(), st.sampled_from(Tier))
def test_attempts_only_concede_and_never_pass_their_share_of_the_half_spread(mid, half, tick, urgent, tier):
    """Every limit is on the grid, never below the one before, from mid at most to the walk's share of the way."""
    net = NetPrice(mid, mid + half, tick)
    limits = [limit_of(net, attempt, urgent, at_tier(tier)) for attempt in range(1, P.reprices + 2)]
    share = (P.crisis_concession_pct if urgent or tier is Tier.CRISIS else P.concession_pct) / 100.0
    assert limits == sorted(limits)
    assert limits[0] <= mid + 1e-6
    assert limits[-1] <= mid + share * half + 1e-5
    assert all(limit <= net.natural + 1e-5 for limit in limits)
    assert all(math.isclose(limit / tick, round(limit / tick), abs_tol=1e-3) for limit in limits)


def test_a_crisis_concedes_twice_as_much():
    """X-EXEC: 40 % of the half-spread, 80 % at tier 3 or where it must be now."""
    net = NetPrice(2.0, 3.0, 0.01)
    assert limit_of(net, 4, False, at_tier(Tier.STRESS)) == 2.4
    assert limit_of(net, 4, False, at_tier(Tier.CRISIS)) == 2.8
    assert limit_of(net, 4, True, at_tier(Tier.CALM)) == 2.8


def first_walk(bench: HedgeBench) -> PlaceIntent:
    """The first order of slot 5, the only slot that may be bought for."""
    for slot in (1, 2, 3, 4, 6, 7, 8):
        bench.slots[slot] = msgspec.structs.replace(bench.slots[slot], state=SlotState.BLOCKED)
    (intent,) = bench.ask()
    assert intent.legs[0].slot == 5
    return intent


def attempts(bench: HedgeBench, looks: int = 12) -> list[PlaceIntent]:
    """What is asked for while every cancel is proved at once."""
    found: list[PlaceIntent] = []
    for _ in range(looks):
        found += bench.look(21.0).places
        bench.finish_cancels()
    return found


def test_a_walk_of_four_attempts_then_gives_up(bench):
    """One chain, attempts 1 to 4, references that never repeat, then none until the slot has cooled down."""
    first = first_walk(bench)
    later = attempts(bench)
    assert [i.attempt for i in later] == [2, 3, 4]
    assert {i.chain_ref for i in later} == {first.chain_ref}
    assert len({i.ref for i in (first, *later)}) == 4
    assert [i.limit_points for i in (first, *later)] == sorted(i.limit_points for i in (first, *later))
    assert not bench.memory.walks


def test_no_attempt_is_made_before_the_last_one_is_proved_over(bench):
    """A cancel asked for, claimed, or an order in doubt: the walk waits, however long."""
    intent = first_walk(bench)
    for state in (OrderState.CANCELING, OrderState.CANCEL_CLAIMED, OrderState.REJECT_CLAIMED, OrderState.UNKNOWN):
        bench.tell(intent.ref, state)
        for _ in range(3):
            assert not bench.look(61.0).places
    bench.tell(intent.ref, OrderState.CANCELED)
    assert [i.attempt for i in bench.look(5.0).places] == [2]


def test_an_order_is_cancelled_when_its_step_is_over_and_not_before(bench):
    """Twenty seconds a step."""
    intent = first_walk(bench)
    assert not bench.look(19.0).cancels
    assert [c.ref for c in bench.look(1.0).cancels] == [intent.ref]


def test_the_next_attempt_asks_only_for_what_has_not_filled(bench):
    """Three wanted, one filled: two are asked for, and what fills late is never bought twice."""
    bench.condors = (HedgeBench.condor(9),)
    intent = first_walk(bench)
    assert intent.quantity >= 2
    bench.fill(intent.ref, 1)
    bench.look(21.0)
    bench.finish_cancels()
    (second,) = bench.look(5.0).places
    assert second.quantity == intent.quantity - 1


def test_a_walk_that_filled_ends(bench):
    """Nothing more is asked for; the slot is active."""
    intent = first_walk(bench)
    bench.fill(intent.ref)
    assert not attempts(bench, 6)
    assert not bench.memory.walks
    assert bench.slots[5].state is SlotState.ACTIVE


def test_a_denied_order_rests_a_minute_and_the_walk_ends(bench):
    """The gate's no is not argued with: no second attempt of that walk."""
    bench.refuse = True
    first_walk(bench)
    assert bench.memory.walks
    assert not bench.look(30.0).places
    bench.may_open = False
    bench.look(40.0)
    assert not bench.memory.walks


def test_an_order_still_at_the_gate_is_waited_for(bench):
    """While the reference is pending it is neither denied nor asked for again."""
    bench.refuse = True
    intent = first_walk(bench)
    bench.pending = frozenset({intent.ref})
    for _ in range(5):
        assert not bench.look(61.0).places
    assert bench.memory.walks


@pytest.mark.parametrize("what", ["may_trade", "blocked"])
def test_a_walk_stops_when_trading_or_the_slot_does(bench, what):
    """No leave to trade, or a slot that was blocked meanwhile: its order is cancelled and no other follows."""
    intent = first_walk(bench)
    if what == "may_trade":
        bench.may_trade = False
    else:
        bench.slots[5] = msgspec.structs.replace(bench.slots[5], state=SlotState.BLOCKED)
    assert [c.ref for c in bench.look(5.0).cancels] == [intent.ref]
    bench.finish_cancels()
    assert not attempts(bench, 4)
    assert not bench.memory.walks


def test_no_order_is_made_without_fresh_quotes(bench):
    """The next attempt waits for a two-sided quote and asks for its line."""
    intent = first_walk(bench)
    con_id = intent.legs[0].con_id
    bench.look(21.0)
    bench.finish_cancels()
    bench.silent = {con_id}
    out = bench.look(5.0)
    assert not out.places
    assert con_id in out.lines
    bench.silent = set()
    assert [i.attempt for i in bench.look(5.0).places] == [2]


def test_an_order_no_walk_waits_for_is_cancelled(bench):
    """What outlived its walk is taken back."""
    intent = first_walk(bench)
    bench.memory = msgspec.structs.replace(bench.memory, walks={})
    assert [c.ref for c in bench.look(5.0).cancels] == [intent.ref]


def test_no_more_orders_at_once_than_allowed(bench):
    """Three alive, however much is lacking."""
    for _ in range(10):
        bench.look(61.0)
        assert len(bench.work()) <= P.orders_at_once


def test_purposes_and_prices_of_an_opening_and_a_sale(bench):
    """Buying protection is a hedge, selling it an exit; debits are positive, credits negative."""
    opened = first_walk(bench)
    assert opened.purpose is Purpose.HEDGE
    assert 0.0 < opened.limit_points <= opened.natural_points
    other = HedgeBench()
    other.may_open = False
    option = other.hold(5, JULY_WEEKLY, 21.0, 4, price=0.2)
    (sale,) = other.look(60.0).places
    assert sale.purpose is Purpose.EXIT
    assert sale.legs[0].con_id == option.con_id
    assert sale.limit_points <= sale.mid_points + 1e-9 < sale.natural_points < 0.0


def test_references_begin_anew_each_day_and_stay_unique(bench):
    """The day is part of the name, the count restarts."""
    first = first_walk(bench)
    attempts(bench)
    bench.now += timedelta(days=1)
    second: list[Any] = bench.ask()
    assert second[0].ref.endswith("20260505.1")
    assert second[0].ref != first.ref


def test_between_two_evaluations_nothing_is_valued_but_quotes_keep_coming():
    """A look before its minute, with no order alive, decides nothing and wants the lines of the look before; an entry
    that waits for the hedge's word gets the exposure at once."""
    bench = HedgeBench(condors=0)
    bench.hold(1, JUNE_WEEKLY, 20.0, 1)
    for _ in range(3):
        evaluated = bench.look(60.0)
    waited = bench.look(5.0)
    assert evaluated.decisions
    assert evaluated.exposure is not None
    assert (waited.decisions, waited.places, waited.exposure) == ((), (), None)
    assert set(waited.lines) >= set(evaluated.lines)
    bench.judged = True
    assert bench.look(5.0).exposure is not None


def test_slots_that_buy_the_same_contract_do_so_one_after_the_other(bench):
    """The gate takes the same legs within a minute for a duplicate (C27), and latches: the next slot waits."""
    for slot in (1, 2, 3, 4):
        bench.slots[slot] = msgspec.structs.replace(bench.slots[slot], state=SlotState.BLOCKED)
    (first,) = [i for i in bench.ask() if i.legs[0].slot in (5, 6, 7, 8)]
    bench.fill(first.ref)
    bench.memory = msgspec.structs.replace(bench.memory, evaluated_at=None)  # a condor waits for its hedge
    same = lambda out: [i for i in out.places if i.legs[0].con_id == first.legs[0].con_id]  # noqa: E731
    assert same(bench.look(P.same_legs_pause_s - 1.0)) == []
    held = bench.said("X-EXEC", "alvh-s06")
    assert held is not None
    assert "one after the other" in held.text
    bench.memory = msgspec.structs.replace(bench.memory, evaluated_at=None)
    (second,) = same(bench.look(1.0))
    assert second.legs[0].slot != first.legs[0].slot
    assert second.quantity == first.quantity


def test_a_slot_whose_order_is_between_two_prices_keeps_the_legs_to_itself(bench):
    """While a walk asks anew its cancelled order is no longer alive: no other slot slips in between."""
    for slot in (1, 2, 3, 4):
        bench.slots[slot] = msgspec.structs.replace(bench.slots[slot], state=SlotState.BLOCKED)
    (first,) = [i for i in bench.ask() if i.legs[0].slot in (5, 6, 7, 8)]
    bench.look(P.step_s)
    bench.finish_cancels()
    assert bench.work() == []
    (again,) = bench.look(1.0).places
    assert (again.legs[0].slot, again.attempt) == (first.legs[0].slot, 2)


def test_a_slot_whose_calls_are_gone_is_bought_for_again(bench):
    """What a hand sold protects nobody: the slot counts as empty, and the rules ask for it as for any other."""
    bench.settle_in(30)
    (held,) = [key for key, (quantity, _) in bench.held.items() if key[0] == 5 and quantity]
    before = bench.quantity((5,))
    bench.held[held] = (0, 0.0)
    bench.settle_in(6)
    assert bench.quantity((5,)) == before > 0
