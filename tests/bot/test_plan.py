"""`condor plan` says what the next step of the engine does, sends nothing, and names the cap that binds."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from bot.actions import AskMargin
from bot.cli.plan import plan as command
from bot.engine.state import State
from bot.journal.store import Journal
from bot.plan import NothingToPlan, lines, plan
from risk.limits import paper_limits
from strategies.domain import events as ev
from strategies.domain.control import OperatorVerb
from strategies.domain.session import session_date
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import TEN, account_reported, make_parameters
from tests.bot.engine.builders import command as ordered


def before_the_order(bench: Bench) -> State:
    """The last state of a morning before the engine asks the broker about its first order; the fact in between is a
    tick of quotes, so the plan on its state must say what that step did."""
    bench.broker.mute.add("margin")
    bench.propose()
    at = next(i for i, step in enumerate(bench.steps) if any(isinstance(a, AskMargin) for a in step.actions))
    bench.asked = next(a.intent for a in bench.steps[at].actions if isinstance(a, AskMargin))  # type: ignore[attr-defined]
    state = bench.steps[at - 1].state
    event = bench.envelopes[at].event
    assert isinstance(event, ev.QuotesUpdated | ev.AccountReported | ev.TimerFired)
    quotes = {q.con_id: q for q in event.quotes} if isinstance(event, ev.QuotesUpdated) else {}
    market = msgspec.structs.replace(state.market, quotes={**state.market.quotes, **quotes})
    return msgspec.structs.replace(state, market=market, now=bench.envelopes[at].at)


def test_the_plan_is_what_the_next_step_asks_the_broker() -> None:
    """Same order, leg by leg, same price; permitted; the margin would be asked; the fullest cap is named with it."""
    bench = Bench()
    bench.start()
    state = before_the_order(bench)
    intent = bench.asked  # type: ignore[attr-defined]
    frozen = msgspec.json.encode(state)
    found = plan(state)
    assert msgspec.json.encode(state) == frozen, "asking changes nothing"
    assert [o["ref"] for o in found["orders"]] == [intent.ref]
    order = found["orders"][0]
    assert (order["quantity"], order["limit_points"], len(order["legs"])) == (
        intent.quantity,
        intent.limit_points,
        len(intent.legs),
    )
    assert order["permitted"]
    assert order["asks_broker_first"]
    assert not order["reduces_risk"]
    fullest = order["caps_after"][0]
    assert all(fullest["full_pct"] >= row["full_pct"] for row in order["caps_after"])
    before = {row["code"]: row["full_pct"] for row in found["caps"]}
    assert fullest["full_pct"] > before.get(fullest["code"], 0.0), "the order counts in what it would fill"
    text = "\n".join(lines(found))
    assert f"send    entry {intent.ref} x{intent.quantity}, collect" in text
    assert "the broker's margin is asked first" in text
    assert f"fullest cap then: {fullest['code']}" in text


def test_a_cap_that_binds_refuses_in_the_plan_as_in_the_gate() -> None:
    """With the largest condor held to next to nothing the plan says which control refuses, and why."""
    tight = msgspec.structs.replace(
        paper_limits(), condor_loss_soft_pct=0.4, condor_loss_hard_pct=0.5, order_loss_pct=0.5
    )
    bench = Bench(make_parameters())
    bench.start()
    state = before_the_order(bench)
    assert state.parameters is not None
    state = msgspec.structs.replace(state, parameters=msgspec.structs.replace(state.parameters, limits=tight))
    order = plan(state)["orders"][0]
    assert not order["permitted"]
    assert order["refused_by"] in ("C04", "C06")
    assert any(line.startswith("refused entry") for line in lines(plan(state)))


def test_a_stopped_bot_plans_nothing_and_says_what_stops_it() -> None:
    """HALTED: no order in the plan, the stop first."""
    bench = Bench()
    bench.start()
    bench.feed(ordered(OperatorVerb.KILL))
    bench.now = TEN
    bench.feed(account_reported(bench.now))
    found = plan(bench.state)
    assert found["orders"] == []
    assert lines(found)[1] == "stop    kill: because"


def test_without_a_run_there_is_nothing_to_plan() -> None:
    """An empty state is refused in words."""
    with pytest.raises(NothingToPlan):
        plan(State())


def test_the_verb_reads_the_journal_of_a_bot_and_leaves_it_as_it_is(tmp_path: Path) -> None:
    """As JSON and as text; a directory without a journal exits 1."""
    bench = Bench()
    bench.start()
    bench.propose()
    store = Journal.open(tmp_path / "journal.sqlite3", clock_session=session_date)
    for envelope in bench.envelopes:
        store.append_event(envelope)
    store.commit(durable=False)
    answer = CliRunner().invoke(command, ["--state", str(tmp_path), "--json"])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.output.splitlines()[-1])
    assert found["as_of"] == bench.now.isoformat()
    assert found["working"] == [o.ref for o in bench.state.book.live_orders()]
    assert "as of" in CliRunner().invoke(command, ["--state", str(tmp_path)]).output
    assert store.next_seq == len(bench.envelopes) + 1
    store.close()
    assert CliRunner().invoke(command, ["--state", str(tmp_path / "none")]).exit_code == 1
