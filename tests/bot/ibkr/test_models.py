"""The broker's model of an option: kept beside its quote, told when it is asked for, never a quote of its own."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from bot.ibkr.quotes import QuoteBook
from strategies.domain.marks import BrokerModel

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
UNSET = 1.7976931348623157e308


def book() -> QuoteBook:
    """A line for contract 1001."""
    found = QuoteBook(epoch=3)
    found.open(7, 1001)
    return found


def test_the_brokers_model_is_kept_beside_the_quote_and_makes_none() -> None:
    """Tick 13 only, the last one counts, for contracts that were asked about."""
    found = book()
    found.computed(7, 13, 0.20, 5.0)
    found.computed(7, 13, 0.21, 5.2)
    found.computed(7, 10, 0.25, 6.0)
    found.computed(8, 13, 0.25, 6.0)
    assert found.drain(NOW) == []
    assert found.models([1001, 1002]) == (BrokerModel(1001, 0.21, 5.2),)
    assert found.models([1002]) == ()


@pytest.mark.parametrize(("iv", "vega"), [(-1.0, 5.0), (0.2, -2.0), (math.nan, 5.0), (0.2, UNSET), (0.0, 5.0)])
def test_what_the_model_cannot_say_is_nothing(iv: float, vega: float) -> None:
    """-1, -2, zero, NaN and unset end here, and so does what it said before."""
    found = book()
    found.computed(7, 13, 0.20, 5.0)
    found.computed(7, 13, iv, vega)
    assert found.models([1001]) == ()


def test_a_model_of_other_data_and_of_a_closed_line_is_forgotten() -> None:
    """It belonged to prices that do not count any more."""
    found = book()
    found.computed(7, 13, 0.20, 5.0)
    found.kind(7, 3)
    assert found.models([1001]) == ()
    found.computed(7, 13, 0.20, 5.0)
    found.close(7)
    assert found.models([1001]) == ()
