"""The order table: complete, every row reachable, and the real world's surprises each with their row."""

from __future__ import annotations

import pytest

from strategies.domain.orders import DOUBTFUL_STATES, LIVE_STATES, ORDER_TABLE, OrderState, OrderTrigger
from strategies.domain.transitions import IllegalMove, ImpossibleEvent

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
