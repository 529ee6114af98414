"""A journal that is older than what the broker has seen: a backup came back, or another one is in its place."""

from __future__ import annotations

import pytest

from bot.actions import Cancel
from bot.engine.holdings import holdings
from bot.engine.state import State
from strategies.domain.control import OperatorVerb, TradingState
from strategies.domain.orders import OrderState, PlaceIntent
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import account_reported, command


@pytest.fixture
def bench() -> Bench:
    return Bench().start()


def restored(bench: Bench, backup: State) -> None:
    """The state of earlier comes back, and a new process begins on it."""
    bench.state = backup
    bench.restart().connect()


def refused(bench: Bench) -> list[str]:
    return [v.text for s in bench.steps for v in s.outcome.verdicts if v.code == "C01"]


def test_a_condor_that_the_journal_has_lost_stops_new_risk_and_lends_its_name_to_no_other(bench: Bench) -> None:
    """F104: the condor was opened after the backup. Its executions are counted without an owner, new risk stops, a
    person hears which orders were lost; when somebody arms all the same, nothing is sent under its name."""
    backup = bench.state
    lost = bench.open_condor()
    restored(bench, backup)
    assert bench.state.control.state is TradingState.REDUCING
    assert bench.causes() == {"C31"}
    assert bench.state.book.lost_refs == (f"{lost.id}.entry.1",)
    assert {row.owner for row in holdings(bench.state.book)} == {None}
    assert any(f"{lost.id}.entry.1" in a.text for s in bench.steps for a in s.outcome.alerts if a.key == "latch.C31")
    sent = len(bench.broker.said("submit"))
    bench.feed(command(OperatorVerb.ARM))
    bench.feed(account_reported(bench.now))
    for _ in range(40):
        bench.tick(5.0)
    later = bench.broker.said("submit")[sent:]
    assert later
    assert all(intent.owner != lost.id for intent in later)


def test_an_order_that_ended_without_an_execution_is_lost_as_well(bench: Bench) -> None:
    """Cancelled at the broker, unknown here. Once armed the next condor has another name, and the fate of the lost
    order is not taken for its own."""
    backup = bench.state
    ref = bench.working()
    bench.broker.cancel(ref)
    restored(bench, backup)
    assert bench.causes() == {"C31"}
    bench.feed(command(OperatorVerb.ARM))
    assert bench.causes() == set()
    bench.feed(account_reported(bench.now))  # arming has begun the baselines anew
    intent = next_order(bench)
    assert intent.owner != ref.split(".")[0]
    assert any(ref in text for text in refused(bench))
    bench.feed(bench.broker.snapshot())
    assert bench.order(intent.ref).state is OrderState.WORKING


def next_order(bench: Bench) -> PlaceIntent:
    for _ in range(60):
        bench.tick(5.0)
        found = bench.broker.said("submit")
        if len(found) > 1:
            return found[-1]  # type: ignore[no-any-return]
    raise AssertionError(refused(bench))


def test_an_open_order_that_the_journal_has_lost_is_cancelled_and_halts(bench: Bench) -> None:
    """It works at the broker and nobody here answers for it."""
    backup = bench.state
    ref = bench.working()
    restored(bench, backup)
    assert bench.state.control.state is TradingState.HALTED
    assert ref in [action.ref for action in bench.actions(Cancel)]
