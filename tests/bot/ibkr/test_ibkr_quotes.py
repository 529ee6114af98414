"""Ticks into quotes: conflation, delayed data that cannot pass for live, halts, competing sessions."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.ibkr.quotes import QuoteBook
from strategies.domain.market import DataType, Quote

NOW = datetime(2018, 10, 15, 15, 0, tzinfo=UTC)


def book() -> QuoteBook:
    found = QuoteBook(epoch=3)
    found.open(7, 1001)
    return found


def only(found: QuoteBook) -> Quote:
    (quote,) = found.drain(NOW)
    return quote


def test_a_packet_of_ticks_is_one_quote() -> None:
    """Bid, ask, last and close of one read come out together, with epoch and arrival time."""
    found = book()
    found.price(7, 1, 4.2, 10)
    found.price(7, 2, 4.6, 12)
    found.price(7, 4, 4.4, 1)
    found.price(7, 9, 5.0, 0)
    assert only(found) == Quote(1001, 4.2, 4.6, 10, 12, 4.4, 5.0, NOW, 3)
    assert found.drain(NOW) == []


def test_a_worthless_wing_has_no_bid() -> None:
    """-1 with size 0 is nobody, not a price."""
    found = book()
    found.price(7, 1, -1.0, 0)
    found.price(7, 2, 0.05, 40)
    quote = only(found)
    assert (quote.bid, quote.ask, quote.two_sided) == (None, 0.05, False)


def test_delayed_ticks_change_the_data_type_before_their_value() -> None:
    """A delayed bid on a live line wipes the live prices and marks the quote as delayed."""
    found = book()
    found.price(7, 1, 4.2, 10)
    found.price(7, 2, 4.6, 10)
    found.price(7, 66, 3.9, 10)
    quote = only(found)
    assert (quote.bid, quote.ask, quote.data_type) == (3.9, None, DataType.DELAYED)


def test_a_change_of_data_type_clears_the_line() -> None:
    """Frozen prices do not mix with live ones."""
    found = book()
    found.price(7, 1, 4.2, 10)
    found.kind(7, 2)
    quote = only(found)
    assert (quote.bid, quote.data_type) == (None, DataType.FROZEN)
    found.kind(7, 2)
    assert found.drain(NOW) == []


def test_a_competing_session_freezes_until_a_live_tick() -> None:
    """10197 marks every line; the next live price clears its own line only."""
    found = book()
    found.open(8, 1002)
    found.price(7, 1, 4.2, 10)
    found.freeze()
    assert {quote.data_type for quote in found.drain(NOW)} == {DataType.FROZEN}
    found.price(7, 1, 4.3, 10)
    assert only(found).data_type is DataType.LIVE
    found.price(8, 9, 4.3, 0)
    assert only(found).data_type is DataType.FROZEN


def test_halts_are_told_and_unknown_halts_are_not() -> None:
    """1 and 2 halt, 0 resumes, -1 says nothing."""
    found = book()
    found.generic(7, 49, 2.0)
    assert only(found).halted
    found.generic(7, 49, -1.0)
    assert found.drain(NOW) == []
    found.generic(7, 49, 0.0)
    assert not only(found).halted


def test_ticks_of_a_closed_line_are_ignored() -> None:
    """Ticks under way when a line was given up belong to nobody."""
    found = book()
    found.price(7, 1, 4.2, 10)
    found.close(7)
    found.price(7, 1, 4.2, 10)
    found.size(7, 0, 10)
    found.kind(7, 3)
    assert found.drain(NOW) == []


anything = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.tuples(st.integers(0, 90), anything, anything), max_size=60))
def test_no_tick_makes_a_number_that_is_not_one(ticks: list[tuple[int, float, float]]) -> None:
    """Whatever arrives, quotes hold finite, non-negative numbers or None."""
    found = book()
    for tick, value, size in ticks:
        found.price(7, tick, value, size)
        found.size(7, tick, size)
        found.generic(7, tick, value)
    for quote in found.drain(NOW):
        numbers = (quote.bid, quote.ask, quote.last, quote.close, quote.bid_size, quote.ask_size)
        assert all(number is None or (math.isfinite(number) and number >= 0) for number in numbers)
