"""What counts as a difference between a journal and the venue's ledger."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from bot.engine.state import State
from strategies.domain.book import Book, Fill, ref_by_hand
from strategies.domain.orders import Action
from tests.flow.crash_child import disagreements
from tests.oracle.ledger import Execution, Truth

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def state(ref: str | None) -> State:
    """A journal with one execution."""
    fill = Fill("a.01", ref, 7, Action.SELL, 1, price_points=2.0, multiplier=100, at=AT)
    return msgspec.structs.replace(State(), book=Book(fills={"a.01": fill}))


def ledger(ref: str) -> Truth:
    """A ledger with the same execution under that reference."""
    truth = Truth()
    truth.executions["a.01"] = Execution("a.01", ref, 7, "SELL", 1, 2.0, 100)
    return truth


@pytest.mark.parametrize("ref", [None, ref_by_hand("ic-20260302-1")])
def test_what_others_did_is_no_difference(ref: str | None) -> None:
    """It has no reference in the ledger; in the journal none either, or the owner's that a person gave it."""
    assert not [words for words in disagreements(state(ref), ledger("")) if words.startswith("fills")]


def test_an_execution_under_another_order_is_a_difference() -> None:
    """Ours at the venue and nobody's in the journal, or the other way round."""
    assert [words for words in disagreements(state(None), ledger("ic-1.entry.1")) if words.startswith("fills")]
    assert [words for words in disagreements(state("ic-1.entry.1"), ledger("")) if words.startswith("fills")]
