"""The message budget: never above the rate, cancels never behind anything, nothing lost or doubled."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.ibkr.pacing import Lane, PaceClock, Pacer

steps = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.sampled_from(Lane)),
        st.tuples(st.just("wait"), st.floats(0.0, 0.7)),
        st.tuples(st.just("take"), st.none()),
    ),
    max_size=300,
)


@given(steps)
def test_no_second_holds_more_than_the_budget(script: list[tuple[str, Any]]) -> None:
    """In every window of one second at most 40 messages leave, 30 without cancels, 20 that are no orders, 2 opens."""
    pacer: Pacer[Lane] = Pacer(40, cancel_reserve=10, order_reserve=10, opens_per_s=2)
    now, sent, pushed = 0.0, [], Counter[Lane]()
    for what, argument in script:
        if what == "push":
            for _ in range(5):
                pacer.push(Lane(argument), Lane(argument))
                pushed[Lane(argument)] += 1
        elif what == "wait":
            now += float(argument)
        else:
            while (lane := pacer.take(now)) is not None:
                sent.append((now, lane))
    for at, _ in sent:
        window = [lane for then, lane in sent if at <= then < at + 1.0]
        assert len(window) <= 40
        assert sum(lane is not Lane.CANCEL for lane in window) <= 30
        assert sum(lane in (Lane.QUERY, Lane.DATA) for lane in window) <= 20
        assert sum(lane is Lane.OPEN for lane in window) <= 2
    gone = Counter(lane for _, lane in sent)
    assert sum(pushed.values()) == sum(gone.values()) + pacer.queued
    assert all(gone[lane] <= pushed[lane] for lane in Lane)


def test_orders_and_cancels_have_their_reserves() -> None:
    """With the budget of quotes spent, ten closes and then ten cancels still leave in the same second."""
    pacer: Pacer[str] = Pacer(40, cancel_reserve=10, order_reserve=10, opens_per_s=2)
    for _ in range(100):
        pacer.push(Lane.DATA, "data")
    assert [pacer.take(0.0) for _ in range(21)] == ["data"] * 20 + [None]
    for _ in range(12):
        pacer.push(Lane.CLOSE, "close")
    assert [pacer.take(0.25) for _ in range(11)] == ["close"] * 10 + [None]
    for _ in range(12):
        pacer.push(Lane.CANCEL, "cancel")
    assert [pacer.take(0.5) for _ in range(11)] == ["cancel"] * 10 + [None]
    assert pacer.take(1.0) == "cancel"


def test_lanes_are_served_by_urgency() -> None:
    """Whatever the order of pushing, cancel, close, hedge, open, query and data leave in this order."""
    pacer: Pacer[Lane] = Pacer(40, cancel_reserve=10, order_reserve=10, opens_per_s=2)
    for lane in reversed(Lane):
        pacer.push(lane, lane)
    assert [pacer.take(0.0) for _ in Lane] == list(Lane)


def test_an_opening_order_at_its_own_limit_does_not_hold_up_the_rest() -> None:
    """The third opening order waits; a query behind it does not."""
    pacer: Pacer[str] = Pacer(40, cancel_reserve=10, order_reserve=10, opens_per_s=2)
    for number in range(3):
        pacer.push(Lane.OPEN, f"open {number}")
    pacer.push(Lane.QUERY, "query")
    assert [pacer.take(0.0) for _ in range(4)] == ["open 0", "open 1", "query", None]
    assert pacer.wait_s(0.25) == 0.75
    assert pacer.take(1.0) == "open 2"


def test_a_withdrawn_message_is_never_written() -> None:
    """Withdrawing works once and only before the message is handed out."""
    pacer: Pacer[str] = Pacer(40, cancel_reserve=10, order_reserve=10, opens_per_s=2)
    first, second = pacer.push(Lane.CLOSE, "first"), pacer.push(Lane.CLOSE, "second")
    assert pacer.withdraw(first)
    assert not pacer.withdraw(first)
    assert pacer.take(0.0) == "second"
    assert not pacer.withdraw(second)


def test_a_message_past_all_lanes_is_counted_and_a_complaint_halves_the_rate() -> None:
    """The global cancel spends a token; after error 100 only half the messages leave for a while."""
    pacer: Pacer[str] = Pacer(40, cancel_reserve=10, order_reserve=10, opens_per_s=2)
    pacer.spend(0.0)
    for _ in range(60):
        pacer.push(Lane.DATA, "data")
    assert sum(pacer.take(0.0) is not None for _ in range(60)) == 19
    pacer.slow(1.0, 60.0)
    assert sum(pacer.take(1.0) is not None for _ in range(60)) == 1
    assert sum(pacer.take(61.5) is not None for _ in range(60)) == 20


def test_pacing_time_follows_whichever_clock_is_faster() -> None:
    """A flying market gives tokens back sooner, a held one no later than the loop; time never runs back."""
    clock = PaceClock()
    assert clock.read(1000.0, 0.0) == 0.0
    assert clock.read(1060.0, 0.5) == 60.0
    assert clock.read(1060.0, 2.5) == 62.0
    assert clock.read(900.0, 2.5) == 62.0
