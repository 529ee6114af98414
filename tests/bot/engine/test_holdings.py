"""Who holds what: hedge slots apart, average prices of what is held, settlements on their owners."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine import orders
from bot.engine.holdings import held_by_slots, holdings
from strategies.domain.book import Book, Fill, Settled
from strategies.domain.hedge import HEDGE_OWNER, SLOTS, SLOTS_OF, Layer, layer_of, slot_name
from strategies.domain.orders import Action, LegIntent, PlaceIntent, Purpose

AT = datetime(2026, 5, 4, 15, 0, tzinfo=UTC)
CALL = 501


def hedge_order(ref: str, *legs: LegIntent) -> PlaceIntent:
    return PlaceIntent(
        ref=ref, chain_ref=ref, attempt=1, purpose=Purpose.HEDGE, owner=HEDGE_OWNER, rule="A-SIZE-1", legs=legs,
        quantity=1, limit_points=2.0, mid_points=2.0, natural_points=2.1, decided_at=AT,
    )  # fmt: skip


def traded(book: Book, ref: str, slot: int, side: Action, quantity: int, price: float, con_id: int = CALL) -> Book:
    if ref not in book.orders:
        book = orders.approve(book, hedge_order(ref, LegIntent(con_id, 1, side, slot)), AT)
    fill = Fill(f"{ref}.{len(book.fills)}.01", ref, con_id, side, quantity, price, 100, AT)
    return orders.fold_fill(book, fill, AT).book


def test_two_slots_hold_the_same_contract_apart() -> None:
    """A contract bought for slot 1 and for slot 2 is two holdings with their own average prices."""
    book = traded(Book(), "alvh-s01.open.1", 1, Action.BUY, 2, 1.50)
    book = traded(book, "alvh-s02.open.1", 2, Action.BUY, 1, 1.80)
    rows = {row.slot: (row.quantity, row.average_price_points) for row in holdings(book)}
    assert rows == {1: (2, pytest.approx(1.50)), 2: (1, pytest.approx(1.80))}


def test_what_a_hedge_brought_does_not_make_the_rest_look_free() -> None:
    """Selling part of a slot at a gain leaves the average price of the rest: the premium at risk stays true."""
    book = traded(Book(), "alvh-s01.open.1", 1, Action.BUY, 2, 2.00)
    book = traded(book, "alvh-s01.harvest.1", 1, Action.SELL, 1, 5.00)
    (row,) = holdings(book)
    assert (row.quantity, row.average_price_points) == (1, pytest.approx(2.00))


def sold_by_hand(book: Book, quantity: int, con_id: int = CALL) -> Book:
    """Executions that no order of ours explains."""
    fill = Fill(f"hand.{len(book.fills)}.01", None, con_id, Action.SELL, quantity, 2.0, 100, AT)
    return msgspec.structs.replace(book, fills={**book.fills, fill.base_id: fill})


def protected(book: Book) -> dict[int, int]:
    """Contracts that count as held, by slot."""
    return {held.slot: held.quantity for held in held_by_slots(book)}


def test_calls_that_a_hand_sold_protect_nobody_and_are_not_sold_again() -> None:
    """Two slots hold three calls of one contract, a hand sells two: one counts, in the earlier slot; the books still
    say whose they were."""
    book = traded(Book(), "alvh-s05.open.1", 5, Action.BUY, 2, 1.50)
    book = traded(book, "alvh-s06.open.1", 6, Action.BUY, 1, 1.80)
    assert protected(book) == {5: 2, 6: 1}
    assert protected(sold_by_hand(book, 2)) == {5: 1}
    assert protected(sold_by_hand(book, 3)) == {}
    assert protected(sold_by_hand(book, 9)) == {}
    assert protected(sold_by_hand(book, 2, CALL + 1)) == {5: 2, 6: 1}
    assert [(r.slot, r.quantity) for r in holdings(sold_by_hand(book, 2)) if r.owner == HEDGE_OWNER] == [(5, 2), (6, 1)]


def test_a_position_that_is_behind_an_execution_takes_nothing_from_a_slot() -> None:
    """Executions come before the position that they make: what was just bought counts, or it would be bought again."""
    book = traded(Book(), "alvh-s05.open.1", 5, Action.BUY, 2, 1.50)
    assert protected(msgspec.structs.replace(book, broker_positions={CALL: 1})) == {5: 2}


def test_a_rotation_moves_quantity_between_slots() -> None:
    """The legs of one order belong to their own slots: slot 4 sells, slot 5 buys."""
    book = traded(Book(), "alvh-s04.open.1", 4, Action.BUY, 1, 1.50)
    legs = (LegIntent(CALL, 1, Action.SELL, 4), LegIntent(CALL + 1, 1, Action.BUY, 5))
    book = orders.approve(book, hedge_order("alvh-s04.rotate.1", *legs), AT)
    for con_id, side, price in ((CALL, Action.SELL, 3.0), (CALL + 1, Action.BUY, 2.5)):
        fill = Fill(f"r{con_id}.01", "alvh-s04.rotate.1", con_id, side, 1, price, 100, AT)
        book = orders.fold_fill(book, fill, AT).book
    assert [(row.slot, row.con_id, row.quantity) for row in holdings(book)] == [(5, CALL + 1, 1)]


def test_a_settled_slot_is_empty() -> None:
    """Settlement takes its own slot's contracts away and leaves the other slot's."""
    book = traded(Book(), "alvh-s01.open.1", 1, Action.BUY, 2, 2.00)
    book = traded(book, "alvh-s02.open.1", 2, Action.BUY, 1, 2.00)
    gone = Settled(CALL, 2, 7.0, 100, AT, owner=HEDGE_OWNER, slot=1)
    book = msgspec.structs.replace(book, settlements=(gone,))
    assert [(row.slot, row.quantity) for row in holdings(book)] == [(2, 1)]


@given(st.lists(st.tuples(st.sampled_from([1, 2, 3]), st.integers(1, 4), st.integers(1, 900)), max_size=12))
def test_average_prices_stay_within_what_was_paid(trades: list[tuple[int, int, int]]) -> None:
    """Over any row of purchases and partial sales the average price lies between the least and the most paid."""
    book, held, paid = Book(), dict.fromkeys((1, 2, 3), 0), {}
    for number, (slot, quantity, cents) in enumerate(trades):
        sell = number % 3 == 2 and held[slot] >= quantity
        side = Action.SELL if sell else Action.BUY
        book = traded(book, f"alvh-s{slot:02d}.{number}", slot, side, quantity, cents / 100)
        held[slot] += side.sign * quantity
        if not sell:
            paid.setdefault(slot, []).append(cents / 100)
    for row in holdings(book):
        assert row.quantity == held[row.slot]
        assert min(paid[row.slot]) - 1e-9 <= (row.average_price_points or 0.0) <= max(paid[row.slot]) + 1e-9


def test_the_lattice_is_four_four_two() -> None:
    """Ten slots in three layers, each in exactly one, written with two digits."""
    assert sorted(slot for slots in SLOTS_OF.values() for slot in slots) == list(SLOTS)
    assert [len(SLOTS_OF[layer]) for layer in Layer] == [4, 4, 2]
    assert (layer_of(4), layer_of(5), layer_of(10)) == (Layer.SHORT, Layer.INTERMEDIATE, Layer.DEEP)
    assert slot_name(4) == "alvh-s04"
