"""The order table: complete, every row reachable, and the real world's surprises each with their row."""

from __future__ import annotations

import pytest

from strategies.domain.book import Book, Fill, Settled
from strategies.domain.orders import (
    DOUBTFUL_STATES,
    LIVE_STATES,
    ORDER_TABLE,
    Action,
    CancelIntent,
    LegIntent,
    OrderRecord,
    OrderState,
    OrderTrigger,
    PlaceIntent,
)
from strategies.domain.transitions import IllegalMove, ImpossibleEvent, Row, Table
from tests.bot.engine.builders import make_intent, make_record

S, T = OrderState, OrderTrigger

REVIVALS = {
    (S.CANCELED, T.FILLED_WHOLLY): S.FILLED,
    (S.EXPIRED, T.FILLED_WHOLLY): S.FILLED,
    (S.ABSENT, T.FILLED_WHOLLY): S.FILLED,
    (S.REJECTED, T.FILLED_WHOLLY): S.FILLED,
    (S.CANCELED, T.FILLED_LATE): S.UNKNOWN,
    (S.EXPIRED, T.FILLED_LATE): S.UNKNOWN,
    (S.ABSENT, T.FILLED_LATE): S.UNKNOWN,
    (S.REJECTED, T.FILLED_LATE): S.UNKNOWN,
    (S.ABSENT, T.ACKNOWLEDGED): S.WORKING,
    (S.REJECTED, T.ACKNOWLEDGED): S.WORKING,
    (S.CANCELED, T.PROVED_WORKING): S.WORKING,
    (S.EXPIRED, T.PROVED_WORKING): S.WORKING,
    (S.REJECTED, T.PROVED_WORKING): S.WORKING,
    (S.ABSENT, T.PROVED_WORKING): S.WORKING,
}
"""Every way out of an end state; nothing else leaves one."""


@pytest.mark.parametrize("state", list(OrderState))
@pytest.mark.parametrize("trigger", list(OrderTrigger))
def test_every_pair_is_a_row_or_a_named_refusal(state: OrderState, trigger: OrderTrigger) -> None:
    """The table answers every state and trigger: a state, IllegalMove for our own bugs, ImpossibleEvent otherwise."""
    if ORDER_TABLE.allows(state, trigger):
        assert isinstance(ORDER_TABLE.move(state, trigger), OrderState)
        return
    ours = trigger in (T.SEND, T.SEND_REFUSED, T.CANCEL)
    with pytest.raises(IllegalMove if ours else ImpossibleEvent, match=f"{state.name} has no move for {trigger.name}"):
        ORDER_TABLE.move(state, trigger)


def test_every_state_is_reached_from_an_approval() -> None:
    """No state of the table is dead: each can be arrived at from APPROVED."""
    reached = {S.APPROVED}
    while more := {r.then for r in ORDER_TABLE.rows if r.state in reached} - reached:
        reached |= more
    assert reached == set(OrderState)


def test_end_states_are_left_only_by_the_listed_revivals() -> None:
    """What is over stays over, apart from late fills and proofs that the broker had it after all."""
    left = {
        (r.state, r.trigger): r.then
        for r in ORDER_TABLE.rows
        if r.state in ORDER_TABLE.terminal and r.then is not r.state
    }
    assert left == REVIVALS


def test_filled_is_left_by_nothing() -> None:
    """A wholly filled order can never become anything else."""
    assert {r.then for r in ORDER_TABLE.rows if r.state is S.FILLED} == {S.FILLED}


@pytest.mark.parametrize("state", sorted(LIVE_STATES - {S.APPROVED}))
@pytest.mark.parametrize(
    "trigger",
    [T.FILLED_WHOLLY, T.CANCEL_REPORTED, T.REJECT_REPORTED, T.LOST, T.PROVED_CANCELED, T.PROVED_ABSENT, T.CANCEL],
)
def test_no_word_of_the_world_surprises_an_order_that_was_sent(state: OrderState, trigger: OrderTrigger) -> None:
    """Whatever the broker says about an order on its way has a row: cancelled, rejected, filled, lost, proven."""
    assert ORDER_TABLE.allows(state, trigger)


@pytest.mark.parametrize(
    ("words", "end"),
    [
        ((T.SEND, T.ACKNOWLEDGED, T.CANCEL, T.CANCEL_REPORTED, T.FILLED_WHOLLY), S.FILLED),
        ((T.SEND, T.ACKNOWLEDGED, T.CANCEL, T.CANCEL_REPORTED, T.PROVED_CANCELED, T.FILLED_WHOLLY), S.FILLED),
        ((T.SEND, T.ACKNOWLEDGED, T.CANCEL_REPORTED, T.ACKNOWLEDGED), S.WORKING),
        ((T.SEND, T.REJECT_REPORTED, T.PROVED_REJECTED, T.ACKNOWLEDGED, T.FILLED_WHOLLY), S.FILLED),
        ((T.SEND, T.REJECT_REPORTED, T.ACKNOWLEDGED), S.WORKING),
        ((T.SEND, T.LOST, T.ACKNOWLEDGED), S.WORKING),
        ((T.SEND, T.LOST, T.PROVED_ABSENT, T.FILLED_WHOLLY), S.FILLED),
        ((T.SEND, T.FILLED_WHOLLY, T.ACKNOWLEDGED, T.CANCEL_REPORTED), S.FILLED),
        ((T.LOST, T.PROVED_WORKING, T.DAY_ENDED), S.EXPIRED),
        ((T.SEND_REFUSED,), S.ABSENT),
    ],
)
def test_real_lives_of_orders_end_where_they_should(words: tuple[OrderTrigger, ...], end: OrderState) -> None:
    """Cancel claimed then filled, late fill after a proven cancel, revived rejects, lost and found orders."""
    state = S.APPROVED
    for word in words:
        state = ORDER_TABLE.move(state, word)
    assert state is end


def test_a_claim_is_never_an_end() -> None:
    """The broker's word alone (cancelled, rejected, lost) never ends an order; proof or a fill does."""
    words = (T.CANCEL_REPORTED, T.REJECT_REPORTED, T.LOST, T.ACKNOWLEDGED, T.CANCEL)
    ended = [r for r in ORDER_TABLE.rows if r.trigger in words and r.then in ORDER_TABLE.terminal]
    assert all(r.state in ORDER_TABLE.terminal for r in ended)


def test_live_doubtful_and_over_divide_the_states() -> None:
    """Each state counts in the worst case or is over; every doubtful one counts."""
    assert frozenset(OrderState) == LIVE_STATES | ORDER_TABLE.terminal
    assert not LIVE_STATES & ORDER_TABLE.terminal
    assert DOUBTFUL_STATES < LIVE_STATES
    assert {S.CANCEL_CLAIMED, S.REJECT_CLAIMED, S.UNKNOWN} == DOUBTFUL_STATES


def test_one_contract_of_two_legs_is_half_an_order() -> None:
    """A leg of which nothing is told has not filled: a single unit is complete with both legs only."""
    legs = (LegIntent(1, 1, Action.BUY), LegIntent(2, 1, Action.SELL))
    for filled, complete in (({}, False), ({1: 1}, False), ({2: -1}, False), ({1: 1, 2: -1}, True)):
        record = make_record(intent=make_intent(quantity=1, legs=legs), filled_by_leg=filled)
        assert record.complete is complete


MATRIX = """
                 send  refused  cancel          ack      cancel_said     reject_said     lost      filled  late     is_open    is_canceled  is_rejected  is_absent  day_over
approved         sent  absent   -               -        -               -               unknown   -       -        -          -            -            -          -
sent             -     -        canceling       working  cancel_claimed  reject_claimed  unknown   filled  -        working    canceled     rejected     absent     expired
working          -     -        canceling       working  cancel_claimed  reject_claimed  unknown   filled  -        working    canceled     rejected     absent     expired
canceling        -     -        canceling       canceling cancel_claimed reject_claimed  unknown   filled  -        canceling  canceled     rejected     absent     expired
cancel_claimed   -     -        cancel_claimed  working  cancel_claimed  reject_claimed  unknown   filled  -        working    canceled     rejected     absent     expired
reject_claimed   -     -        reject_claimed  working  cancel_claimed  reject_claimed  unknown   filled  -        working    canceled     rejected     absent     expired
unknown          -     -        unknown         working  cancel_claimed  reject_claimed  unknown   filled  -        working    canceled     rejected     absent     expired
filled           -     -        filled          filled   filled          filled          filled    filled  -        -          -            -            -          -
canceled         -     -        canceled        canceled canceled        canceled        canceled  filled  unknown  working    -            -            -          -
rejected         -     -        rejected        working  rejected        rejected        rejected  filled  unknown  working    -            -            -          -
expired          -     -        expired         expired  expired         expired         expired   filled  unknown  working    -            -            -          -
absent           -     -        absent          working  absent          absent          absent    filled  unknown  working    -            -            -          -
"""  # noqa: E501 - a table is read as a table
COLUMNS = (
    T.SEND, T.SEND_REFUSED, T.CANCEL, T.ACKNOWLEDGED, T.CANCEL_REPORTED, T.REJECT_REPORTED, T.LOST, T.FILLED_WHOLLY,
    T.FILLED_LATE, T.PROVED_WORKING, T.PROVED_CANCELED, T.PROVED_REJECTED, T.PROVED_ABSENT, T.DAY_ENDED,
)  # fmt: skip


def test_the_whole_table_is_this() -> None:
    """Every state under every trigger, written down a second time by hand: no row is lost and none slips in."""
    _, *rows = MATRIX.strip().splitlines()
    told = {
        (S(state), trigger): S(then)
        for state, *cells in map(str.split, rows)
        for trigger, then in zip(COLUMNS, cells, strict=True)
        if then != "-"
    }
    assert {(r.state, r.trigger): r.then for r in ORDER_TABLE.rows} == told
    assert len(ORDER_TABLE.rows) == len(told)
    assert frozenset(COLUMNS) == frozenset(OrderTrigger)
    assert ORDER_TABLE.ours == {T.SEND, T.SEND_REFUSED, T.CANCEL}
    assert ORDER_TABLE.terminal == {S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED, S.ABSENT}


def test_two_rows_for_one_move_are_refused() -> None:
    """A table that says two things about one move is a mistake of ours, found when the program starts."""
    row = Row(S.SENT, T.LOST, S.UNKNOWN, "because")
    with pytest.raises(ValueError, match="two rows for SENT"):
        Table("order", (row, row), ours=(), terminal=())


def test_what_was_decided_cannot_be_changed_afterwards() -> None:
    """Intents, records, executions and the book are values: nobody alters what was approved or booked."""
    for kind in (LegIntent, PlaceIntent, CancelIntent, OrderRecord, Fill, Settled, Book):
        assert kind.__struct_config__.frozen, kind


@pytest.mark.parametrize(
    ("filled", "units", "balanced", "complete"),
    [
        ({}, 0, True, False),
        ({1: 2}, 0, False, False),
        ({1: 1, 2: -2}, 0, True, False),
        ({1: 2, 2: -4}, 1, True, False),
        ({1: 3, 2: -4}, 1, False, False),
        ({1: 6, 2: -12}, 3, True, True),
        ({1: 6, 2: -11}, 2, False, False),
        ({1: 7, 2: -12}, 3, False, True),
    ],
)
def test_units_are_whole_on_every_leg(filled: dict[int, int], units: int, balanced: bool, complete: bool) -> None:
    """Of three units of 2 by 4 contracts, a unit counts when all its legs are there; uneven legs are seen."""
    legs = (LegIntent(1, 2, Action.BUY, slot=4), LegIntent(2, 4, Action.SELL))
    record = make_record(intent=make_intent(quantity=3, legs=legs), filled_by_leg=filled)
    assert (record.filled_units, record.balanced, record.complete) == (units, balanced, complete)
    assert (record.slot_of(1), record.slot_of(2), record.slot_of(3)) == (4, None, None)
