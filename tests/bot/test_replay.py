"""Replay: every decision made again is the recorded one, and whatever differs is named first of all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.cli import exits
from bot.cli.review import replay as replay_command
from bot.journal import Journal, JournalDamaged, read_events, read_outcomes, tail
from bot.recover import encode_state
from bot.replay import replay
from risk.checks import CHECKS
from strategies.condor import walk
from strategies.domain.control import OperatorVerb
from strategies.domain.session import session_date
from tests.bot.engine.builders import command
from tests.bot.engine.live_bench import LiveBench

FIRST, SECOND = "2026-05-04", "2026-05-05"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions: a condor is sold, the state is written down overnight, then a kill and a restart."""
    folder = tmp_path_factory.mktemp("recorded")
    with LiveBench(folder) as live:
        live.start().open_condor()
        for _ in range(5):
            live.pulse(4.0)
            live.tick()
        live.journal.append_checkpoint(live.now, encode_state(live.state))
        live.now += timedelta(days=1)
        live.connect()
        live.tick(5.0)
        live.feed(command(OperatorVerb.KILL))
        live.restart().connect()
    return folder


@pytest.fixture
def copy(recorded: Path, tmp_path: Path) -> Path:
    """The recorded run, free to be altered."""
    shutil.copytree(recorded, tmp_path / "copy")
    return tmp_path / "copy"


def rewritten(source: Path, target: Path, alter: Callable[[int, dict[str, Any]], dict[str, Any] | None]) -> Path:
    """The same journal with outcomes altered (None: left out), its hashes in order as if it had been written so."""
    target.mkdir()
    path = source / "journal.sqlite3"
    outcomes = {o.cause_seq: o for o in read_outcomes(path)}
    journal = Journal.open(target / "journal.sqlite3", clock_session=session_date)
    for number, envelope in enumerate(read_events(path)):
        fact = type(envelope)(journal.next_seq, envelope.at, envelope.event)
        journal.append_event(fact)
        found = outcomes.get(envelope.seq)
        body = alter(number, found.body) if found is not None else None
        if body is not None:
            journal.append_outcome(fact.seq, envelope.at, body)
    journal.close()
    return target


@pytest.mark.parametrize("session", ["all", "last", FIRST, SECOND])
def test_a_recorded_run_replays_identically(copy: Path, session: str) -> None:
    """All of it, or one session from the state written down before it: every outcome is made again, bit for bit."""
    made = replay(copy, session)
    assert made.divergence is None
    assert made.session == (SECOND if session == "last" else session)
    assert made.outcomes > 5
    assert json.loads((copy / "replay.json").read_text())[made.session] == made.as_dict()
    assert made.as_dict()["status"] == "identical"


def test_sessions_add_up_to_all(copy: Path) -> None:
    """No fact is replayed in two sessions or in none."""
    parts = [replay(copy, session) for session in (FIRST, SECOND)]
    whole = replay(copy)
    assert sum(p.events for p in parts) == whole.events
    assert sum(p.outcomes for p in parts) == whole.outcomes
    kinds = [record.kind for record in tail(copy / "journal.sqlite3", 10_000)]
    assert (whole.events, whole.outcomes) == (kinds.count("event"), kinds.count("outcome"))


def test_a_running_bot_can_be_replayed(tmp_path: Path) -> None:
    """The replay reads beside the writer and finds what was committed so far."""
    with LiveBench(tmp_path) as live:
        live.start().propose()
        assert replay(tmp_path).divergence is None
        live.pulse(4.0)
        assert replay(tmp_path).divergence is None


def test_an_altered_outcome_is_the_first_divergence(recorded: Path, tmp_path: Path) -> None:
    """One limit price in one recorded submit: the replay names the field, the recorded and the remade value."""

    def alter(_: int, body: dict[str, Any]) -> dict[str, Any]:
        for action in body["actions"]:
            if action["type"] == "submit":
                action["intent"]["limit_points"] = -9.95
        return body

    made = replay(rewritten(recorded, tmp_path / "altered", alter))
    assert made.divergence is not None
    assert [(f.path, f.expected, f.actual) for f in made.divergence.fields] == [
        ("actions[0].intent.limit_points", -9.95, -10.9)
    ]
    assert "journal -9.95, replay -10.9" in str(made.as_dict()["first_divergence"])


def test_only_the_first_of_many_differences_is_explained(recorded: Path, tmp_path: Path) -> None:
    """Later outcomes follow from the first wrong one; they are not compared."""
    seen: list[int] = []

    def alter(number: int, body: dict[str, Any]) -> dict[str, Any]:
        seen.append(number)
        return {**body, "alerts": [{"level": "info", "key": "x", "text": "never said"}]} if len(seen) > 3 else body

    made = replay(rewritten(recorded, tmp_path / "altered", alter))
    assert made.divergence is not None
    assert made.divergence.index == 3


@pytest.mark.parametrize("place", [0, 5])
def test_a_missing_outcome_diverges(recorded: Path, tmp_path: Path, place: int) -> None:
    """A decision the journal does not have is as wrong as a different one."""
    count = -1

    def alter(_: int, body: dict[str, Any]) -> dict[str, Any] | None:
        nonlocal count
        count += 1
        return None if count == place else body

    made = replay(rewritten(recorded, tmp_path / "altered", alter))
    assert made.divergence is not None
    assert made.divergence.index == place


def test_an_unaltered_copy_through_the_same_hands_is_identical(recorded: Path, tmp_path: Path) -> None:
    """The rewriting itself is not what the other tests find."""
    assert replay(rewritten(recorded, tmp_path / "same", lambda _, body: body)).divergence is None


def test_other_code_decides_otherwise_and_is_told(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that rounds the other way: the first order it prices differently is named."""
    monkeypatch.setattr(walk, "in_our_favour", lambda points, tick: round(points + 0.1, 6))
    made = replay(copy)
    assert made.divergence is not None
    assert any("limit_points" in field.path for field in made.divergence.fields)


def test_another_gate_is_told(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check taken away shows in the first verdict, although the order would still pass."""
    monkeypatch.setattr("risk.gate.CHECKS", CHECKS[:-1])
    made = replay(copy)
    assert made.divergence is not None
    assert "verdicts" in made.divergence.fields[0].path


def test_a_session_is_judged_from_the_state_before_it(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What other code would have done on the first day does not colour the second."""
    monkeypatch.setattr(walk, "in_our_favour", lambda points, tick: round(points + 0.1, 6))
    assert replay(copy, SECOND).divergence is None


def test_altered_bytes_are_damage_and_no_divergence(copy: Path) -> None:
    """A record changed in place breaks the chain: refused before anything is compared."""
    path = copy / "journal.sqlite3"
    path.write_bytes(path.read_bytes().replace(b'"reason":"because"', b'"reason":"becausE"'))
    with pytest.raises(JournalDamaged, match="does not match its hash"):
        replay(copy)


def test_an_unknown_session_is_refused_with_what_there_is(copy: Path) -> None:
    """The journal's first and last sessions are named."""
    with pytest.raises(LookupError, match=f"no session 2020-01-01; the journal has {FIRST} to {SECOND}"):
        replay(copy, "2020-01-01")


def test_the_command_exits_0_when_identical_and_6_when_not(recorded: Path, copy: Path, tmp_path: Path) -> None:
    """`condor replay` speaks with its exit code and explains the first divergence."""
    same = CliRunner().invoke(replay_command, ["--state", str(copy)])
    assert (same.exit_code, exits.DIVERGED) == (0, 6)
    assert "identical" in same.output
    wrong = rewritten(recorded, tmp_path / "wrong", lambda _, body: {**body, "moves": []})
    told = CliRunner().invoke(replay_command, ["--state", str(wrong)])
    assert told.exit_code == 6
    assert "DIVERGED" in told.output
    assert "moves" in told.output
    none = CliRunner().invoke(replay_command, ["--state", str(tmp_path / "nowhere")])
    assert none.exit_code == exits.FAILED
