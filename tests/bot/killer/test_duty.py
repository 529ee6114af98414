"""The killer's duty: cancels first, proves it, leaves other people's orders alone, and kills a bot that hangs."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.killer.duty import Duty, Order, Patience, Phase, Sight, act

PATIENCE = Patience()


class Gateway:
    """A gateway in small: orders of the bot and of others, answers a moment after a question, cancels after a while."""

    def __init__(self, bot_orders: int = 3, other_orders: int = 1, obeys_after: int = 1) -> None:
        self.now_s = 0.0
        self.latch_ms = 0
        self.epoch: int | None = 1
        self.silent_s: float | None = 0.1
        self.bot_orders, self.other_orders = bot_orders, other_orders
        self._obeys_after = obeys_after
        self._cancels = 0
        self._answer: tuple[float, int, int] | None = None
        self.duty = Duty()
        self.told: list[Order] = []

    def look(self, after_s: float = 0.1) -> tuple[Order, ...]:
        """Time passes; the killer looks and what it orders is done."""
        self.now_s += after_s
        answered, bot, others = self._answer or (None, 0, 0)
        self.duty, orders = act(
            self.duty,
            Sight(self.now_s, self.latch_ms, self.epoch, answered, bot, others, self.silent_s),
            PATIENCE,
        )
        for order in orders:
            self.told.append(order)
            if order is Order.CANCEL_ALL:
                self._cancels += 1
                if self._cancels >= self._obeys_after:
                    self.bot_orders = self.other_orders = 0
            elif order is Order.ASK_OPEN:
                self._answer = (self.now_s, self.bot_orders, self.other_orders)
            else:
                self.latch_ms = 77
        return orders

    def reconnect(self) -> None:
        """A new connection has heard nothing yet."""
        self.epoch, self._answer = (self.epoch or 1) + 1, None


def test_openings_of_a_bot_without_its_link_are_cancelled_after_a_while_and_nothing_else() -> None:
    """For half a minute nothing; then it is asked, and cancelled only if an opening works, again until none does."""
    for openings, cancels in ((1, 2), (0, 0)):
        duty, told, asked_at_s = Duty(), [], None
        left = openings
        for tenth in range(700):
            now_s = 0.1 * tenth
            sight = Sight(now_s, 0, 1, asked_at_s, 3, 1, None, now_s, left)
            duty, orders = act(duty, sight, PATIENCE)
            told += [(now_s, order) for order in orders]
            if Order.ASK_OPEN in orders:
                asked_at_s = now_s
            if [order for _, order in told].count(Order.CANCEL_ALL) == 2:
                left = 0  # the second cancel is obeyed
        assert told[0][0] >= 30.0
        assert [order for _, order in told].count(Order.CANCEL_ALL) == cancels
        assert Order.ENGAGE not in [order for _, order in told]
    back, orders = act(duty, Sight(71.0, 0, 1, asked_at_s, 3, 1, 0.1, None, 1), PATIENCE)
    assert (back, orders) == (Duty(epoch=1), ())


def test_without_a_latch_nothing_is_ever_written() -> None:
    """Watching is silent, however long."""
    gateway = Gateway()
    for _ in range(500):
        assert gateway.look(1.0) == ()


def test_the_first_thing_after_a_latch_is_a_global_cancel_and_proof_follows() -> None:
    """Cancel, then the question; VERIFIED by the answer to it and not before."""
    gateway = Gateway()
    gateway.latch_ms = 5
    assert gateway.look() == (Order.CANCEL_ALL, Order.ASK_OPEN)
    assert gateway.duty.phase is Phase.KILLING
    gateway.look()
    assert gateway.duty.phase is Phase.VERIFIED


def test_an_answer_older_than_the_last_cancel_proves_nothing() -> None:
    """The gateway showed no order before the cancel was written: an order on its way then may have come after it."""
    duty = Duty(Phase.KILLING, 5, 1, cancelled_at_s=10.0, asked_at_s=10.0)
    early, late = Sight(10.5, 5, 1, answered_at_s=9.9), Sight(10.5, 5, 1, answered_at_s=10.2)
    assert act(duty, early, PATIENCE)[0].phase is Phase.KILLING
    assert act(duty, late, PATIENCE)[0].phase is Phase.VERIFIED


def test_a_cancel_the_gateway_does_not_obey_is_repeated_every_two_seconds_until_it_does() -> None:
    """Four deaf cancels: five in all, two seconds apart, asked about in between; then proof."""
    gateway = Gateway(obeys_after=5)
    gateway.latch_ms = 5
    times = []
    while gateway.duty.phase is not Phase.VERIFIED:
        if Order.CANCEL_ALL in gateway.look():
            times.append(gateway.now_s)
    assert len(times) == 5
    assert all(2.0 <= b - a < 2.3 for a, b in pairwise(times))


def test_with_the_gateway_away_the_cancel_goes_out_the_moment_it_is_back() -> None:
    """No connection, no order and no proof; the first look on a new one cancels."""
    gateway = Gateway()
    gateway.latch_ms, gateway.epoch = 5, None
    for _ in range(50):
        assert gateway.look() == ()
    assert gateway.duty.phase is Phase.KILLING
    gateway.reconnect()
    assert gateway.look()[0] is Order.CANCEL_ALL


def test_orders_that_hands_place_after_the_kill_are_left_alone() -> None:
    """A person closes positions in TWS: after the proof nothing of theirs is cancelled."""
    gateway = Gateway()
    gateway.latch_ms = 5
    gateway.look()
    gateway.look()
    gateway.other_orders = 4
    told = [order for _ in range(400) for order in gateway.look()]
    assert Order.CANCEL_ALL not in told
    assert Order.ASK_OPEN in told


def test_an_order_of_the_bot_under_a_latch_begins_the_kill_anew() -> None:
    """Whatever brought it there: it is cancelled, and proof is asked for again."""
    gateway = Gateway()
    gateway.latch_ms = 5
    gateway.look()
    gateway.look()
    gateway.bot_orders = 1
    told = [order for _ in range(150) for order in gateway.look()]
    assert told.count(Order.CANCEL_ALL) == 1
    assert gateway.duty.phase is Phase.VERIFIED


def test_a_second_kill_is_a_kill_of_its_own() -> None:
    """The latch has another time stamp: everything is cancelled again."""
    gateway = Gateway()
    for latch_ms in (5, 9):
        gateway.latch_ms = latch_ms
        assert gateway.look()[0] is Order.CANCEL_ALL
        gateway.look()
    assert gateway.told.count(Order.CANCEL_ALL) == 2


def test_arming_ends_the_duty() -> None:
    """The latch is gone: the killer watches again and says nothing."""
    gateway = Gateway()
    gateway.latch_ms = 5
    gateway.look()
    gateway.latch_ms = 0
    assert gateway.look() == ()
    assert gateway.duty.phase is Phase.WATCHING


def test_a_bot_that_does_not_move_for_half_a_minute_is_killed() -> None:
    """At 29.9 s it may still be busy, at 30 s the latch is engaged, and the cancel follows at the next look."""
    gateway = Gateway()
    gateway.silent_s = 29.9
    assert gateway.look() == ()
    gateway.silent_s = 30.0
    assert gateway.look() == (Order.ENGAGE,)
    assert gateway.look()[0] is Order.CANCEL_ALL


def test_where_no_bot_lives_none_is_hung() -> None:
    """After an orderly stop the heartbeat stands still for ever and nothing is engaged."""
    gateway = Gateway()
    gateway.silent_s = None
    assert gateway.look(1e6) == ()


DEEDS = ["look", "drop", "connect", "kill", "arm", "bot order", "deaf"]


@given(
    st.lists(
        st.tuples(st.sampled_from(DEEDS), st.floats(0.05, 5.0)),
        max_size=60,
    )
)
def test_verified_is_never_said_while_an_order_of_the_bot_worked_at_the_last_answer(story: list) -> None:
    """Over any mix of drops, kills, orders and deaf gateways: VERIFIED follows an answer without bot orders that was
    asked for after the last cancel on this very connection; without a latch nothing is written."""
    gateway = Gateway()
    for what, after_s in story:
        before = gateway.duty.phase
        if what == "drop":
            gateway.epoch = None
        elif what == "connect":
            gateway.epoch = gateway.epoch or 0
            gateway.reconnect()
        elif what == "kill":
            gateway.latch_ms += 1
        elif what == "arm":
            gateway.latch_ms = 0
        elif what == "bot order":
            gateway.bot_orders += 1
        elif what == "deaf":
            gateway._obeys_after = gateway._cancels + 2
        orders = gateway.look(after_s)
        assert gateway.latch_ms or not orders
        if gateway.duty.phase is Phase.VERIFIED and before is not Phase.VERIFIED:
            assert gateway._answer is not None
            assert gateway._answer[1] == 0
            assert gateway.duty.cancelled_at_s is not None
            assert gateway._answer[0] >= gateway.duty.cancelled_at_s
