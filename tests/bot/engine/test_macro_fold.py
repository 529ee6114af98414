"""Macro inputs are facts of the journal: folded, said by status and decisions, and replayed to the same decisions."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import msgspec

from bot.macro_view import describe
from bot.recover import decode_state, encode_state
from bot.replay import replay
from bot.report.why import explain
from strategies.domain import events as ev
from strategies.domain.decision import Decision
from strategies.domain.macro import MacroInput
from strategies.macro import earnings_weeks
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import DAY, TEN, calendar_loaded
from tests.bot.engine.live_bench import LiveBench
from tests.strategies.macro_samples import benign_inputs, told


def fact(*inputs: MacroInput) -> ev.MacroTold:
    return ev.MacroTold(inputs=inputs, origin="macro.jsonl")


def last_said(bench: Bench, rule: str) -> Decision:
    return [d for s in bench.steps for d in s.outcome.decisions if d.rule == rule and d.subject in ("macro", "market")][
        -1
    ]


def test_what_is_told_replaces_what_was_told_and_reaches_the_rules() -> None:
    """A surprise becomes an alarm at the next look, and goes with the input; a person hears that it was read."""
    bench = Bench().start()
    steps = bench.feed(fact(told("cpi_surprise_pp", 0.3, DAY)))
    assert any("cpi_surprise_pp" in alert.text for s in steps for alert in s.outcome.alerts)
    bench.pulse(20.0)
    assert bench.state.desk.macro.word.alarm
    bench.feed(fact(told("gdp_nowcast_pct", 2.0, DAY)))
    bench.pulse(20.0)
    assert not bench.state.desk.macro.word.alarm
    assert [row.key for row in bench.state.macro_inputs] == ["gdp_nowcast_pct"]


def test_every_macro_rule_leaves_a_decision_with_values_and_ages() -> None:
    """M-MAC-1 to 7, M-CAL-1 to 3 and 5; IPOs only when they are told."""
    bench = Bench().start()
    bench.feed(fact(*benign_inputs(DAY - timedelta(days=2)), told("ipo_count", 12.0, DAY)))
    bench.tick(20.0)
    rules = {d.rule for s in bench.steps for d in s.outcome.decisions if d.subject == "macro"}
    assert rules == {*(f"M-MAC-{n}" for n in range(1, 8)), *(f"M-CAL-{n}" for n in range(1, 6))}
    seen = last_said(bench, "M-MAC-4").inputs
    assert (seen["gdp_nowcast_pct"], seen["gdp_nowcast_pct_age_days"]) == (2.1, 2)


def test_a_stale_input_is_marked_in_the_decision_and_in_the_status() -> None:
    """People see that it counts nothing any more."""
    bench = Bench().start()
    bench.feed(fact(told("gdp_nowcast_pct", 2.0, DAY - timedelta(days=30))))
    bench.tick(20.0)
    assert last_said(bench, "M-MAC-4").inputs["gdp_nowcast_pct_stale"] is True
    row = describe(bench.state)["inputs"][0]
    assert (row["key"], row["stale"], row["age_days"], row["source"]) == ("gdp_nowcast_pct", True, 30, "the release")


def test_the_status_says_what_the_inputs_do_and_when_the_calendar_ends() -> None:
    """Words for each flag in force; MACRO_CALENDAR_STALE once the list of events ends before the coming sessions."""
    bench = Bench().start()
    assert describe(bench.state)["verdict"] == "ok"
    assert describe(bench.state)["says"] == []
    bench.feed(fact(told("cpi_surprise_pp", 0.3, DAY)))
    bench.feed(msgspec.structs.replace(calendar_loaded(), events_until=DAY + timedelta(days=3)))
    bench.tick(20.0)
    found = describe(bench.state)
    assert found["verdict"] == "MACRO_CALENDAR_STALE"
    assert any("A-VEGA-2" in text for text in found["says"])
    json.dumps(found)


def test_a_calendar_that_ends_blocks_entries_under_its_name() -> None:
    """C-ENTRY-6 declines, and the reason carries the verdict people look for."""
    bench = Bench().start()
    bench.feed(msgspec.structs.replace(calendar_loaded(), events_until=None))
    bench.now = max(bench.now, TEN)
    bench.tick(1.0)
    decision = [d for s in bench.steps for d in s.outcome.decisions if d.rule == "C-ENTRY-6"][-1]
    assert decision.verdict.value == "decline"
    assert decision.text.startswith("MACRO_CALENDAR_STALE")


def test_a_checkpoint_keeps_inputs_and_confirmation() -> None:
    """The state of a confirmed release comes back whole."""
    bench = Bench().start()
    bench.feed(fact(told("cpi_surprise_pp", 0.3, DAY), told("bill_sofr_z60", 2.5, DAY)))
    bench.tick(20.0)
    assert bench.state.desk.macro.word.confirmed
    assert decode_state(encode_state(bench.state)) == bench.state


def test_a_replay_makes_the_same_decisions_and_why_shows_them(tmp_path: Path) -> None:
    """From the journal alone: the inputs are in it."""
    with LiveBench(tmp_path) as live:
        live.start()
        live.feed(fact(told("cpi_surprise_pp", 0.3, DAY), told("fomc_stance", "hawkish", DAY)))
        for _ in range(3):
            live.tick(20.0)
        live.feed(fact())
        live.tick(20.0)
    result = replay(tmp_path)
    assert result.divergence is None
    words = explain(tmp_path, "macro", "M-MAC-1", 10)[1]["words"]
    assert "fomc_stance hawkish" in words
    assert "fomc_stance_age_days 0" in words


def test_the_weeks_after_a_quarter_are_earnings_weeks() -> None:
    """M-CAL-5: from the eighth day of a quarter for six weeks."""
    assert [earnings_weeks(date(2026, *day)) for day in ((1, 7), (1, 8), (2, 18), (2, 19), (4, 20), (12, 31))] == [
        False, True, True, False, True, False,
    ]  # fmt: skip
