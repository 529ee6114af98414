"""What is remembered about a book, a market or a day is remembered of that very value only."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from bot.engine.holdings import holdings
from strategies.domain.book import Book, Fill
from strategies.domain.orders import Action
from strategies.domain.same import Same


def fill(number: int) -> Fill:
    return Fill(f"x.{number}.01", None, 7, Action.BUY, 1, 2.0, 100, datetime(2026, 1, 5, tzinfo=UTC))


def test_the_same_value_is_itself_and_an_equal_one_is_another() -> None:
    """Identity, not equality: two equal dicts may come to differ, one dict is never two."""
    first, second = {"a": 1}, {"a": 1}
    assert Same(first) == Same(first)
    assert Same(first) != Same(second)
    assert Same(first) != first


def test_a_book_that_was_replaced_is_read_again() -> None:
    """Positions and holdings follow the book asked, however often an earlier one was asked before."""
    before = Book(fills={"x.1": fill(1)})
    after = msgspec.structs.replace(before, fills={**before.fills, "x.2": fill(2)})
    assert before.positions() == before.positions() == {7: 1}
    assert after.positions() == {7: 2}
    assert [[row.quantity for row in holdings(book)] for book in (before, after, before)] == [[1], [2], [1]]


def test_what_a_caller_does_to_its_answer_stays_with_it() -> None:
    """Positions are given out as a copy."""
    book = Book(fills={"x.1": fill(1)})
    book.positions().clear()
    assert book.positions() == {7: 1}
