"""Order facts folded into the book: claims, proofs and executions in any order, each execution counted once."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.engine import orders
from bot.engine.orders import Folded
from strategies.domain.book import Book, Fill
from strategies.domain.events import (
    BrokerOrderStatus,
    ErrorMeaning,
    OrderErrored,
    OrderSent,
    OrderStatusReported,
    SendRefused,
)
from strategies.domain.orders import LIVE_STATES, ORDER_TABLE, OrderState, OrderTrigger
from tests.bot.engine.builders import TEN, book_with, make_fill, make_intent, make_record, seconds
from tests.bot.engine.test_order_table import REVIVALS

S = OrderState
REF = make_intent().ref
LATER = TEN + seconds(1)


def status(word: BrokerOrderStatus, filled: float = 0.0) -> OrderStatusReported:
    return OrderStatusReported(ref=REF, perm_id=9001, status=word, filled=filled, remaining=2.0 - filled)


def errored(meaning: ErrorMeaning, code: int = 201) -> OrderErrored:
    return OrderErrored(ref=REF, code=code, text="words of the broker", meaning=meaning)


def filled_whole(book: Book, units: int = 2) -> Book:
    for leg in range(4):
        book = orders.fold_fill(book, make_fill(f"e{leg}.01", leg, units), LATER).book
    return book


@pytest.mark.parametrize(
    ("word", "then"),
    [
        (BrokerOrderStatus.SUBMITTED, S.WORKING),
        (BrokerOrderStatus.PRE_SUBMITTED, S.WORKING),
        (BrokerOrderStatus.CANCELLED, S.CANCEL_CLAIMED),
        (BrokerOrderStatus.API_CANCELLED, S.CANCEL_CLAIMED),
        (BrokerOrderStatus.INACTIVE, S.REJECT_CLAIMED),
        (BrokerOrderStatus.FILLED, S.SENT),
        (BrokerOrderStatus.PENDING_SUBMIT, S.SENT),
        (BrokerOrderStatus.PENDING_CANCEL, S.SENT),
        (BrokerOrderStatus.OTHER, S.SENT),
    ],
)
def test_what_a_status_word_is_worth(word: BrokerOrderStatus, then: OrderState) -> None:
    """Cancelled and Inactive are claims, Filled is believed from executions only, pending words say nothing."""
    folded = orders.fold_status(book_with(make_record(S.SENT)), status(word, 2.0), LATER)
    assert folded.book.orders[REF].state is then
    assert folded.impossible == ()


@pytest.mark.parametrize(
    ("meaning", "then"),
    [
        (ErrorMeaning.REJECTED, S.REJECT_CLAIMED),
        (ErrorMeaning.CANCEL_CONFIRMED, S.CANCEL_CLAIMED),
        (ErrorMeaning.AMBIGUOUS, S.UNKNOWN),
        (ErrorMeaning.INFORMATION, S.WORKING),
    ],
)
def test_what_an_error_about_an_order_is_worth(meaning: ErrorMeaning, then: OrderState) -> None:
    """A reject is a claim, an unlisted code puts the order in doubt, a notice changes nothing; the words are kept."""
    record = orders.fold_error(book_with(make_record()), errored(meaning), LATER).book.orders[REF]
    assert record.state is then
    assert (record.last_code, record.last_text) == (201, "words of the broker")


def test_a_claimed_cancel_that_fills_is_filled() -> None:
    """The fill crossed our cancel: the executions win over the word Cancelled."""
    book = book_with(make_record(S.CANCELING))
    book = orders.fold_status(book, status(BrokerOrderStatus.CANCELLED), LATER).book
    assert book.orders[REF].state is S.CANCEL_CLAIMED
    book = filled_whole(book)
    assert book.orders[REF].state is S.FILLED
    assert book.positions() == {101: 2, 102: -2, 103: -2, 104: 2}


@pytest.mark.parametrize("over", [S.CANCELED, S.EXPIRED, S.ABSENT, S.REJECTED])
def test_a_late_fill_after_a_proven_end_counts(over: OrderState) -> None:
    """An order believed over that fills after all is a position, and no contradiction."""
    book = book_with(make_record(over))
    for leg in range(4):
        folded = orders.fold_fill(book, make_fill(f"e{leg}.01", leg, 2), LATER)
        assert folded.impossible == ()
        book = folded.book
    assert book.orders[REF].state is S.FILLED


@pytest.mark.parametrize("over", [S.CANCELED, S.EXPIRED, S.ABSENT, S.REJECTED])
def test_one_leg_that_fills_after_a_proven_end_puts_the_order_in_doubt(over: OrderState) -> None:
    """Until its sisters are told, nobody knows what the order still is; the same leg told again changes nothing."""
    folded = orders.fold_fill(book_with(make_record(over)), make_fill("e0.01", 0, 2), LATER)
    assert folded.book.orders[REF].state is S.UNKNOWN
    assert orders.fold_fill(folded.book, make_fill("e0.01", 0, 2), LATER).book is folded.book


def test_an_execution_is_counted_once_however_often_it_is_reported() -> None:
    """Live report, snapshot and reconnect tell of the same execution; the book changes once."""
    once = orders.fold_fill(book_with(make_record()), make_fill("e1.01", 0, 2), LATER).book
    again = orders.fold_fill(once, make_fill("e1.01", 0, 2), LATER)
    assert again.book is once
    assert again.changed == ()
    assert once.orders[REF].filled_by_leg == {101: 2}


@pytest.mark.parametrize("state", [S.SENT, S.WORKING, S.CANCELING])
def test_statuses_that_come_again_or_count_by_themselves_change_no_quantity(state: OrderState) -> None:
    """F33: Filled three times, with all, half and none of it: what is held comes from executions, and those already
    booked stay as they are."""
    book = orders.fold_fill(book_with(make_record(state)), make_fill("e0.01", 0, 2), LATER).book
    for filled in (2.0, 1.0, 0.0, 2.0):
        folded = orders.fold_status(book, status(BrokerOrderStatus.FILLED, filled), LATER)
        assert folded.impossible == ()
        book = folded.book
    assert book.positions() == {101: 2}
    assert book.orders[REF].filled_by_leg == {101: 2}
    assert book.orders[REF].live
    whole = filled_whole(book)
    before = whole.orders[REF]
    for word in (BrokerOrderStatus.SUBMITTED, BrokerOrderStatus.FILLED, BrokerOrderStatus.SUBMITTED):
        whole = orders.fold_status(whole, status(word), LATER).book
    assert whole.orders[REF].state is before.state is S.FILLED


def test_a_correction_replaces_and_an_older_revision_is_ignored() -> None:
    """Revision 02 stands in place of 01, in quantity and price; 01 arriving late changes nothing."""
    book = orders.fold_fill(book_with(make_record()), make_fill("e1.01", 0, 2, price_points=5.0), LATER).book
    book = orders.fold_fill(book, make_fill("e1.02", 0, 1, price_points=4.0), LATER).book
    assert book.orders[REF].filled_by_leg == {101: 1}
    assert [(f.quantity, f.price_points) for f in book.fills.values()] == [(1, 4.0)]
    assert orders.fold_fill(book, make_fill("e1.01", 0, 2), LATER).book is book


def test_a_bust_takes_the_execution_back() -> None:
    """A correction to zero contracts leaves no position."""
    book = orders.fold_fill(book_with(make_record()), make_fill("e1.01", 0, 2), LATER).book
    book = orders.fold_fill(book, make_fill("e1.02", 0, 0), LATER).book
    assert book.positions() == {}
    assert book.orders[REF].filled_by_leg == {101: 0}


def test_a_correction_that_forgets_whose_order_it_was_still_corrects_it() -> None:
    """A higher revision without an order reference belongs to the order of the execution it replaces."""
    book = orders.fold_fill(book_with(make_record()), make_fill("e1.01", 0, 2), LATER).book
    book = orders.fold_fill(book, make_fill("e1.02", 0, 1, ref=None), LATER).book
    assert book.orders[REF].filled_by_leg == {101: 1}
    assert book.fills["e1"].ref == REF


def test_an_execution_of_nobody_is_a_position_and_moves_no_order() -> None:
    """A manual trade is counted in the book; our orders are left alone."""
    folded = orders.fold_fill(book_with(make_record()), make_fill("m1.01", 0, 3, ref=None), LATER)
    assert folded.book.positions() == {101: 3}
    assert folded.changed == ()
    assert folded.book.orders[REF].filled_by_leg == {}


def test_a_refused_send_is_absent_at_once() -> None:
    """What was never written needs no proof."""
    book = orders.approve(Book(), make_intent(), TEN)
    record = orders.fold_refused(book, SendRefused(ref=REF, reason="latch"), LATER).book.orders[REF]
    assert (record.state, record.last_text) == (S.ABSENT, "latch")


def test_a_word_about_an_order_the_journal_lacks_is_reported() -> None:
    """A move of an unknown order changes nothing and is named as impossible."""
    folded = orders.fold_sent(Book(), OrderSent(ref="ic-9.entry.1", order_id=3), TEN)
    assert folded.book == Book()
    assert "does not know" in folded.impossible[0]


def test_an_acknowledgement_starts_the_count_of_absences_anew() -> None:
    """Sightings of absence from before a sign of life prove nothing any more."""
    book = book_with(make_record(S.UNKNOWN, absences=2))
    book = orders.fold_status(book, status(BrokerOrderStatus.SUBMITTED), LATER).book
    assert book.orders[REF].absences == 0
    book = book_with(make_record(S.WORKING, absences=2))
    book = orders.fold_status(book, status(BrokerOrderStatus.SUBMITTED), LATER).book
    assert book.orders[REF].absences == 0


def test_an_execution_starts_the_count_of_absences_anew() -> None:
    """An order that trades is at the broker, whatever earlier snapshots did not show."""
    book = orders.fold_fill(book_with(make_record(S.UNKNOWN, absences=2)), make_fill(), LATER).book
    assert book.orders[REF].absences == 0


def test_the_permanent_id_is_learned_and_never_lost() -> None:
    """A status or an execution that names the broker's id teaches it; one without it takes nothing away."""
    unnamed, named = book_with(make_record(S.SENT)), book_with(make_record(S.SENT, perm_id=77))
    said = status(BrokerOrderStatus.SUBMITTED)
    silent = msgspec.structs.replace(said, perm_id=0)
    assert orders.fold_status(unnamed, said, LATER).book.orders[REF].perm_id == 9001
    assert orders.fold_status(named, silent, LATER).book.orders[REF].perm_id == 77
    assert orders.fold_fill(unnamed, make_fill(), LATER).book.orders[REF].perm_id == 9001
    assert orders.fold_fill(named, make_fill(perm_id=0), LATER).book.orders[REF].perm_id == 77


class OrderLife(RuleBasedStateMachine):
    """One order of two units under words, proofs and executions in any order, told any number of times."""

    @initialize()
    def approve(self) -> None:
        self.at = TEN
        self.book = orders.approve(Book(), make_intent(quantity=2), self.at)
        self.truth: dict[str, Fill] = {}
        self.moves: list[tuple[OrderState, OrderState]] = []
        self.take(orders.fold_sent(self.book, OrderSent(ref=REF, order_id=5), self.at))

    @property
    def state(self) -> OrderState:
        return self.book.orders[REF].state

    def take(self, folded: Folded, trigger: OrderTrigger | None = None) -> None:
        before, self.book = self.state, folded.book
        assert folded.impossible == () or trigger is not None
        if before is not self.state:
            self.moves.append((before, self.state))
        if before in ORDER_TABLE.terminal and before is not self.state:
            assert (before, self.state) in {(s, then) for (s, _), then in REVIVALS.items()}

    @rule(word=st.sampled_from(list(BrokerOrderStatus)))
    def hear_status(self, word: BrokerOrderStatus) -> None:
        self.at += seconds(1)
        self.take(orders.fold_status(self.book, status(word), self.at))

    @rule(meaning=st.sampled_from(list(ErrorMeaning)))
    def hear_error(self, meaning: ErrorMeaning) -> None:
        self.take(orders.fold_error(self.book, errored(meaning), self.at))

    @rule()
    def ask_to_cancel(self) -> None:
        self.take(orders.move(self.book, REF, OrderTrigger.CANCEL, self.at))

    @rule(
        trigger=st.sampled_from(
            [
                OrderTrigger.PROVED_WORKING,
                OrderTrigger.PROVED_CANCELED,
                OrderTrigger.PROVED_REJECTED,
                OrderTrigger.PROVED_ABSENT,
                OrderTrigger.DAY_ENDED,
                OrderTrigger.LOST,
            ]
        )
    )
    def prove(self, trigger: OrderTrigger) -> None:
        self.take(orders.move(self.book, REF, trigger, self.at), trigger)

    @rule(leg=st.integers(0, 3), part=st.integers(0, 1), revision=st.integers(1, 3))
    def hear_fill(self, leg: int, part: int, revision: int) -> None:
        """Each leg trades as two executions of one contract; corrections change the price only."""
        fill = make_fill(f"e{leg}-{part}.{revision:02d}", leg, 1, price_points=float(revision))
        known = self.truth.get(fill.base_id)
        if known is None or known.revision < revision:
            self.truth[fill.base_id] = fill
        self.take(orders.fold_fill(self.book, fill, self.at))

    @invariant()
    def the_book_holds_each_execution_once(self) -> None:
        assert self.book.fills == self.truth

    @invariant()
    def filled_is_what_the_executions_say_and_never_more_than_ordered(self) -> None:
        record = self.book.orders[REF]
        for leg in record.intent.legs:
            told = [f.signed_quantity for f in self.truth.values() if f.con_id == leg.con_id]
            assert record.filled_by_leg.get(leg.con_id, 0) == sum(told)
            assert abs(sum(told)) <= 2
        assert 0 <= record.filled_units <= record.intent.quantity

    @invariant()
    def filled_state_means_filled_legs(self) -> None:
        assert (self.state is S.FILLED) == self.book.orders[REF].complete
        assert [after for _, after in self.moves].count(S.FILLED) <= 1

    @invariant()
    def what_may_trade_is_listed_as_live(self) -> None:
        assert bool(self.book.live_orders()) == (self.state in LIVE_STATES)


OrderLife.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestOrderLife = OrderLife.TestCase


def test_a_book_of_orders_survives_the_journal() -> None:
    """Every state and field of a record comes back from JSON as it was."""
    book = filled_whole(book_with(make_record(S.CANCEL_CLAIMED, perm_id=7, absences=2, last_code=202)))
    assert msgspec.json.decode(msgspec.json.encode(book), type=Book) == book
