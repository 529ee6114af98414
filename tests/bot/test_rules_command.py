"""`condor rules`: the catalogue with effective values, and with what a journal says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from bot.cli.root import cli
from bot.engine.outcome import Outcome
from bot.engine.state import Parameters
from bot.journal import Journal
from bot.rules.catalogue import catalogue
from bot.settings.load import load
from risk.gate import Verdict
from risk.result import CheckResult, Consequence
from strategies.domain import events as ev
from strategies.domain.decision import Decision, DecisionVerdict
from strategies.domain.session import session_date

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["rules", *arguments])


def test_every_rule_is_listed_with_its_state() -> None:
    """One line for each rule, its sources and its settings as they are in effect."""
    told = run("--set", "condor.exit.time_exit_dte_days=14")
    assert told.exit_code == 0
    for key in catalogue().rules:
        assert f"  {key} " in told.output
    assert "condor.exit.time_exit_dte_days=14" in told.output


def test_a_switch_turns_rules_on() -> None:
    """The state is that of these settings: the hedge's rules run where it is enabled."""
    off, on = (
        json.loads(run("A-ROT-2", "--json", "--set", f"alvh.enabled={word}").output) for word in ("false", "true")
    )
    assert (off["state"], off["because"]) == ("off by default", "alvh.enabled is off")
    assert (on["state"], on["because"]) == ("runs", "")


def test_one_rule_in_full() -> None:
    """Sources in words, settings, conditions, code and tests; the ID may be written small."""
    told = run("c-entry-5").output
    for text in (
        "S3-9",
        "condor.entry.rank_min_pct = 15",
        "vix_points < blocked_from_vix_points",
        "may_enter",
        "test_rank",
    ):
        assert text in told


def test_a_statement_leads_to_its_rules_and_tests() -> None:
    """S1-11 is honoured by two rules; one without a rule says why."""
    row = json.loads(run("S1-11", "--json").output)
    assert [rule["id"] for rule in row["rules"]] == ["A-SIZE-1", "M-MAC-3"]
    assert all(rule["tests"] for rule in row["rules"])
    text = run("s4-25").output
    assert "no rule" in text
    assert "disclaimer" in text.lower()


def test_an_unknown_rule_is_refused_with_the_nearest() -> None:
    """A mistyped ID ends with usage and a suggestion."""
    told = run("C-ENTRY-55")
    assert told.exit_code == 2
    assert "C-ENTRY-5" in told.output


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A journal of one run with another profit target: decisions, one of a condor of last week, and a denied order."""
    loaded = load(profile="paper", environ={}, assignments=["condor.exit.take_profit_pct_of_credit=40"])
    parameters: Parameters = loaded.parameters
    started = ev.RunStarted(
        run_id="r", config_hash="c", parameters=msgspec.json.encode(parameters).decode(), code_version="v"
    )
    decision = Decision(
        at=AT, rule="C-EXIT-1", subject="ic-1", verdict=DecisionVerdict.HOLD, text="profit target not reached",
        inputs={"profit_points": 3.9}, thresholds={"target_points": 4.0},
    )  # fmt: skip
    older = msgspec.structs.replace(decision, inputs={"profit_points": 1.0})
    closed = msgspec.structs.replace(older, subject="ic-0", at=AT - timedelta(days=3))
    check = CheckResult("C06", "condor loss", False, 3.5, 3.0, "% of NLV", "too much", Consequence.DENY)
    verdict = Verdict("ic-2.entry.1", False, (check,), "C06", "too much")
    journal = Journal.open(tmp_path / "journal.sqlite3", clock_session=session_date)
    journal.append_event(ev.Envelope(journal.next_seq, AT, started))
    journal.append_outcome(1, AT, Outcome(decisions=(closed, older)))
    journal.append_outcome(1, AT, Outcome(decisions=(decision,), verdicts=(verdict,)))
    journal.commit(durable=True)
    journal.close()
    return tmp_path


def test_a_journal_tells_what_each_rule_saw_last(state: Path) -> None:
    """With a state directory: the run's own settings, the newest decision, its distance; a check under its rule."""
    told = json.loads(run("--state", str(state), "--json").output)
    rows = {row["id"]: row for row in told}
    exit_rule = rows["C-EXIT-1"]
    assert exit_rule["parameters"] == {"condor.exit.take_profit_pct_of_credit": 40.0}
    (last,) = exit_rule["last"]
    assert last["inputs"] == {"profit_points": 3.9}
    assert last["distance"] == pytest.approx(0.025)
    assert last["would_change"] == ["to act it needed profit_points >= 4 (was 3.9)"]
    (check,) = rows["K-SIZE-1"]["last"]
    assert (check["rule"], check["verdict"], check["subject"]) == ("C06", "decline", "ic-2.entry.1")
    assert rows["C-EXIT-2"]["last"] == []
    text = run("--state", str(state)).output
    assert "2026-03-02 10:00:00 ic-1: hold, profit target not reached; 2.5 % from acting" in text


def test_a_directory_without_a_journal_is_told(tmp_path: Path) -> None:
    """Nothing was run there: said, with exit 1."""
    told = run("--state", str(tmp_path))
    assert told.exit_code == 1
    assert "holds no journal" in told.output
