"""A slot's table is total, and evidence never lets a slot that holds something look empty."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.alvh.lattice import Slot, SlotState, fresh_lattice
from strategies.alvh.machine import (
    SLOT_IMPOSSIBLE,
    SLOT_TABLE,
    SlotTrigger,
    block,
    moved,
    on_order,
    on_settlement,
    release,
)
from strategies.domain.hedge import SLOTS
from strategies.domain.orders import Action, LegIntent, OrderRecord, OrderState
from strategies.domain.transitions import IllegalMove, ImpossibleEvent
from tests.strategies.alvh.bench import DAY, NY, order

S, T = SlotState, SlotTrigger
AT = datetime(2026, 5, 4, 10, 0, tzinfo=NY)
BUY, SELL = LegIntent(7, 1, Action.BUY, 4), LegIntent(8, 1, Action.SELL, 4)


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(S, T)))
def test_every_pair_is_a_row_or_a_named_impossibility(state, trigger):
    """No pair of state and trigger is undecided, none is both, and an impossible one is refused."""
    assert SLOT_TABLE.allows(state, trigger) is ((state, trigger) not in SLOT_IMPOSSIBLE)
    if (state, trigger) in SLOT_IMPOSSIBLE:
        assert SLOT_IMPOSSIBLE[state, trigger]
        with pytest.raises((IllegalMove, ImpossibleEvent)):
            SLOT_TABLE.move(state, trigger)


def test_only_a_release_leaves_the_blocked_state():
    """Whatever the market reports, a blocked slot stays blocked until a person has armed again."""
    ways_out = {row.trigger for row in SLOT_TABLE.rows if row.state is S.BLOCKED and row.then is not S.BLOCKED}
    assert ways_out == {T.RELEASE}


def test_only_an_armed_or_active_slot_begins_an_opening():
    """Nothing is bought for a slot that sleeps, rests or is blocked."""
    begins = {row.state for row in SLOT_TABLE.rows if row.then is S.OPENING} - {S.OPENING}
    assert begins == {S.ARMED, S.ACTIVE}


def test_every_state_is_reached_and_every_row_has_a_reason():
    """The diagram has no islands."""
    assert {S.DORMANT} | {row.then for row in SLOT_TABLE.rows} == set(S)
    assert all(row.why for row in SLOT_TABLE.rows)


def slot_in(state: SlotState) -> Slot:
    return Slot(number=4, state=state)


def record(leg: LegIntent, action: str, state: OrderState, filled: int = 0) -> OrderRecord:
    by_leg = {leg.con_id: leg.action.sign * filled} if filled else {}
    return OrderRecord(order((leg,), action, 2), state, AT, AT, AT, filled_by_leg=by_leg)


def told(slot: Slot, seen: OrderRecord, held: bool) -> Slot:
    return on_order(slot, seen, held, AT, DAY, 10.0)


def test_an_opening_that_fills_makes_the_slot_active_and_dates_it():
    """Armed, opening, active; the session of the purchase is kept."""
    opening = told(slot_in(S.ARMED), record(BUY, "open", OrderState.WORKING), False)
    active = told(opening, record(BUY, "open", OrderState.FILLED, 2), True)
    assert (opening.state, active.state, active.opened_on) == (S.OPENING, S.ACTIVE, DAY)


def test_an_opening_that_never_fills_cools_down():
    """Ten minutes pass before the slot is bought for again."""
    ended = told(slot_in(S.OPENING), record(BUY, "open", OrderState.CANCELED), False)
    assert ended.state is S.ARMED
    assert ended.cooldown_until == AT + timedelta(minutes=10)


def test_a_part_filled_opening_that_is_cancelled_is_active():
    """One contract of two is a holding."""
    assert told(slot_in(S.OPENING), record(BUY, "open", OrderState.CANCELED, 1), True).state is S.ACTIVE


def test_a_sale_of_everything_rests_from_today():
    """After the whole harvest the slot rests, and a repeated report does not renew the rest."""
    resting = told(slot_in(S.HARVESTING), record(SELL, "harvest", OrderState.FILLED, 2), False)
    assert (resting.state, resting.rested_from) == (S.RESTING, DAY)
    again = on_order(resting, record(SELL, "harvest", OrderState.FILLED, 2), False, AT, DAY + timedelta(1), 10.0)
    assert again == resting


def test_a_late_execution_wakes_a_quiet_slot():
    """A slot believed empty that holds something after all is active at once."""
    for state in (S.DORMANT, S.ARMED, S.RESTING):
        assert told(slot_in(state), record(BUY, "open", OrderState.CANCELED, 1), True).state is S.ACTIVE


def test_an_opening_order_for_a_sleeping_slot_contradicts_the_table():
    """Such an order is nothing of ours: the holder has to block the slot."""
    with pytest.raises(ImpossibleEvent):
        told(slot_in(S.DORMANT), record(BUY, "open", OrderState.WORKING), False)


def test_settlement_empties_a_slot_but_not_one_that_still_holds():
    """Cash settlement of all contracts ends in sleep; of some of them changes nothing."""
    assert on_settlement(slot_in(S.ACTIVE), False, AT).state is S.DORMANT
    assert on_settlement(slot_in(S.ACTIVE), True, AT).state is S.ACTIVE


@pytest.mark.parametrize("holds", [True, False])
def test_release_gives_the_slot_the_state_of_what_it_holds(holds):
    """A person arms again: active if it holds something, asleep if not, the reason gone."""
    blocked = block(slot_in(S.OPENING), "two orders at once", AT)
    free = release(blocked, holds, AT)
    assert blocked.blocked_reason == "two orders at once"
    assert (free.state, free.blocked_reason) == (S.ACTIVE if holds else S.DORMANT, "")


def test_history_keeps_the_last_twenty_changes():
    """The memory of a slot is bounded."""
    slot = fresh_lattice()[1]
    for _ in range(30):
        slot = moved(moved(slot, T.ARM, AT), T.DISARM, AT)
    assert len(slot.history) == 20


def test_the_lattice_is_ten_sleeping_slots():
    """Ten slots, for ever, asleep at first."""
    lattice = fresh_lattice()
    assert tuple(lattice) == SLOTS
    assert {slot.state for slot in lattice.values()} == {S.DORMANT}


EVIDENCE = st.tuples(
    st.sampled_from(["open", "roll", "rotate", "harvest"]), st.sampled_from(list(OrderState)), st.integers(0, 2)
)


@given(st.sampled_from(list(S)), st.lists(EVIDENCE, min_size=1, max_size=12))
def test_a_slot_that_holds_something_never_looks_empty(first, events):
    """Over any row of order evidence, a slot holding contracts is neither asleep, armed nor resting, and stays blocked
    once it is."""
    slot, held = slot_in(first), 1 if first in (S.ACTIVE, S.ROLLING, S.HARVESTING) else 0
    for action, state, units in events:
        leg = SELL if action == "harvest" and held >= units else BUY
        held += leg.action.sign * units
        was_blocked = slot.state is S.BLOCKED
        try:
            slot = told(slot, record(leg, action, state, units), held > 0)
        except ImpossibleEvent as reason:
            slot = block(slot, str(reason), AT)
        assert held >= 0
        if held > 0:
            assert slot.state not in (S.DORMANT, S.ARMED, S.RESTING)
        if was_blocked:
            assert slot.state is S.BLOCKED


def test_a_slot_travels_through_the_journal_unchanged():
    """What is written is what is read."""
    slot = block(slot_in(S.OPENING), "why", AT)
    assert msgspec.json.decode(msgspec.json.encode(slot), type=Slot) == slot
