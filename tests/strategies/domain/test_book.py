"""The book by hand: executions and their corrections, cash, positions, whose an execution is, what may still trade."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from strategies.domain.book import Book, Fill, Settled, base_of, given_by_hand, ref_by_hand
from strategies.domain.orders import Action, LegIntent, OrderRecord, OrderState, PlaceIntent, Purpose

AT = datetime(2026, 5, 4, 15, 0, tzinfo=UTC)


def fill(exec_id: str, con_id: int, signed: int, ref: str | None = None, price: float = 2.0) -> Fill:
    side = Action.BUY if signed > 0 else Action.SELL
    return Fill(exec_id, ref, con_id, side, abs(signed), price, 100, AT)


def order(ref: str, owner: str, state: OrderState = OrderState.WORKING, after_s: float = 0.0) -> OrderRecord:
    at = AT + timedelta(seconds=after_s)
    legs = (LegIntent(5, 1, Action.BUY),)
    return OrderRecord(
        PlaceIntent(ref, ref, 1, Purpose.ENTRY, owner, "C-TEST", legs, 1, 2.0, 2.0, 2.1, at), state, at, at
    )


@pytest.mark.parametrize(
    ("exec_id", "base", "revision"),
    [
        ("0000e1a7.65.01", "0000e1a7.65", 1), ("0000e1a7.65.02", "0000e1a7.65", 2), ("a.12", "a", 12),
        ("plain", "plain", 0), ("a.b", "a.b", 0), (".01", ".01", 1), ("", "", 0),
    ],
)  # fmt: skip
def test_an_execution_is_known_without_its_revision(exec_id: str, base: str, revision: int) -> None:
    """The last group is the revision where it is a number; what has no such group is its own execution, unrevised."""
    assert base_of(exec_id) == fill(exec_id, 5, 1).base_id == base
    assert fill(exec_id, 5, 1).revision == revision


def test_cash_of_executions_and_settlements_has_the_sign_of_who_is_paid() -> None:
    """Buying pays, selling receives; a long settles into what its payoff is worth, a short pays it."""
    bought, sold = fill("a.1.01", 5, 3, price=2.5), fill("a.2.01", 5, -2, price=1.25)
    assert (bought.perm_id, bought.account, bought.liquidation) == (0, "", False)  # nothing that was not told
    assert (bought.signed_quantity, bought.cash_usd) == (3, -750.0)
    assert (sold.signed_quantity, sold.cash_usd) == (-2, 250.0)
    assert Settled(5, 3, 4.5, 100, AT).cash_usd == 1_350.0
    assert Settled(5, -2, 4.5, 100, AT).cash_usd == -900.0


def test_positions_are_executions_less_settlements() -> None:
    """Over all orders and others' executions; what nets to nothing is not held."""
    rows = (
        fill("a.1.01", 5, 3),
        fill("a.2.01", 5, -1),
        fill("a.3.01", 6, -2),
        fill("a.4.01", 7, 1),
        fill("a.5.01", 7, -1),
    )
    book = Book(fills={row.base_id: row for row in rows})
    assert book.positions() == {5: 2, 6: -2}
    settled = msgspec.structs.replace(book, settlements=(Settled(5, 1, 0.0, 100, AT), Settled(6, -2, 0.0, 100, AT)))
    assert settled.positions() == {5: 1}
    unseen = msgspec.structs.replace(book, settlements=(Settled(8, 2, 0.0, 100, AT),))
    assert unseen.positions() == {5: 2, 6: -2, 8: -2}


def test_whose_an_execution_is() -> None:
    """Its order's owner; who a person gave it to; nobody's without a reference, or with one that nothing knows."""
    book = Book(orders={"ic-1.entry.1": order("ic-1.entry.1", "ic-1")})
    for ref, owner in (
        ("ic-1.entry.1", "ic-1"), (ref_by_hand("ic-7"), "ic-7"), (None, None), ("ic-9.entry.1", None),
    ):  # fmt: skip
        assert book.owner_of(fill("a.1.01", 5, 1, ref)) == owner
    assert given_by_hand("ic-1.entry.1") is None


def test_what_may_still_trade_is_told_oldest_first_and_what_is_in_doubt_apart() -> None:
    """By approval and, at one moment, by reference; an order that is over is in neither."""
    rows = (
        order("b.1", "ic-1", after_s=5.0), order("c.1", "ic-1"), order("a.2", "ic-1", OrderState.UNKNOWN),
        order("d.1", "ic-1", OrderState.CANCELED, after_s=-9.0),
    )  # fmt: skip
    book = Book(orders={row.ref: row for row in rows})
    assert [row.ref for row in book.live_orders()] == ["a.2", "c.1", "b.1"]
    assert [row.ref for row in book.alive()] == ["b.1", "c.1", "a.2"]
    assert [row.ref for row in book.doubtful()] == ["a.2"]


def test_where_broker_and_executions_say_different_things() -> None:
    """Either side's contracts, the broker's number first; nothing while the broker has not answered."""
    book = Book(fills={"a.1": fill("a.1.01", 5, 3), "a.2": fill("a.2.01", 6, -2)})
    assert book.unconfirmed() == {}
    for broker, differs in (
        ({5: 3, 6: -2}, {}), ({5: 3, 6: -2, 7: 0}, {}), ({5: 2, 6: -2}, {5: (2, 3)}), ({}, {5: (0, 3), 6: (0, -2)}),
        ({5: 3, 6: -2, 4: 1}, {4: (1, 0)}), ({5: 4, 6: -2}, {5: (4, 3)}),
    ):  # fmt: skip
        assert msgspec.structs.replace(book, broker_positions=broker).unconfirmed() == differs
    single = Book(fills={"a.1": fill("a.1.01", 5, 1), "a.2": fill("a.2.01", 6, -1)}, broker_positions={})
    assert single.unconfirmed() == {5: (0, 1), 6: (0, -1)}  # a single contract is missing too
