"""Logs and status file: every line valid JSON without account ids, and no trouble with the disk reaches the loop."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.actions import Alert, AlertLevel
from bot.engine.outcome import Move, Outcome
from bot.engine.state import Link, State
from bot.logs import Chronicle, SessionFile, make_logger, mask
from bot.status import StatusFile
from strategies.domain.control import LinkState, OperatorVerb
from strategies.domain.decision import Decision, DecisionVerdict
from strategies.domain.events import AnyEvent, Envelope, FaultNoted, OperatorCommanded, TimerFired

AT = datetime(2018, 10, 15, 14, 30, tzinfo=UTC)


def lines(folder: Path, session: str = "2018-10-15") -> list[dict[str, Any]]:
    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    text = (folder / f"{session}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line, parse_constant=no_constant) for line in text.splitlines()]


@pytest.fixture
def files(tmp_path: Path) -> Iterator[SessionFile]:
    opened = SessionFile(tmp_path / "log")
    yield opened
    opened.close()


def logged(files: SessionFile, folder: Path, **fields: Any) -> dict[str, Any]:
    make_logger(files, "info").info("fact", session="2018-10-15", **fields)
    files.close()
    return lines(folder / "log")[-1]


# masking ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("account DU1234567 is ready", "account DU***567 is ready"),
        ("U7654321", "U***321"),
        ("(DU1234567,U7654321)", "(DU***567,U***321)"),
        ("account_DU1234567_margin", "account_DU***567_margin"),
        ("DF1234567 F1234567 DI1234567", "DF***567 F***567 DI***567"),
        ("SPXW 181019P02700000", "SPXW 181019P02700000"),
        ("U12 D1 DU1234567X BUD1234567", "U12 D1 DU1234567X BUD1234567"),
        ("ic-20181015-1.e1", "ic-20181015-1.e1"),
    ],
)
def test_account_ids_are_masked_and_contracts_are_not(text: str, shown: str) -> None:
    """The last three digits stay, so that a person recognises the account; option symbols and refs stay whole."""
    assert mask(text) == shown


@given(st.text())
def test_masked_text_can_neither_move_a_terminal_nor_break_a_line_of_json(text: str) -> None:
    """No escape sequence, reordering mark or broken character is left in any text from outside."""
    shown = mask(text)
    assert not any((ord(c) < 32 and c not in "\t\n") or 127 <= ord(c) < 160 for c in shown)
    assert not any(c in "\u2028\u2029\u202e\u2066" or 0xD800 <= ord(c) < 0xE000 for c in shown)
    shown.encode()


def test_escape_sequences_from_the_broker_are_neutralised() -> None:
    """An error text that clears the screen or rewrites the line above stays readable and harmless."""
    assert mask("\x1b[2J\x9b1A\rall is well\x00") == "?[2J?1A?all is well?"


# lines --------------------------------------------------------------------------------------------
def test_numbers_that_are_not_finite_are_null(files: SessionFile, tmp_path: Path) -> None:
    """NaN and infinity are not JSON; jq must be able to read every line."""
    told = logged(files, tmp_path, a=math.nan, b={"c": [math.inf, 1.5]}, d=(-math.inf,))
    assert (told["a"], told["b"], told["d"]) == (None, {"c": [None, 1.5]}, [None])


def test_masking_reaches_into_keys_lists_and_objects(files: SessionFile, tmp_path: Path) -> None:
    """No account id survives, wherever it stands and whatever type carries it."""

    class Account:
        def __str__(self) -> str:
            return "DU1234567"

    told = logged(
        files, tmp_path, a={"DU1234567": ["DU1234567", {"x": "U7654321"}]}, b=Account(), c={"DU1234567"}, d=[Account()]
    )
    assert "1234567" not in json.dumps(told)
    assert "7654321" not in json.dumps(told)


def test_any_value_makes_a_line(files: SessionFile, tmp_path: Path) -> None:
    """Dates, huge integers, bytes, broken characters: a log line never raises into the loop."""
    told = logged(files, tmp_path, day=date(2018, 10, 15), huge=2**80, raw=b"\xff", broken="\ud800x", at=AT, no=None)
    assert told["day"] == "2018-10-15"
    assert told["huge"] == str(2**80)
    assert told["broken"] == "?x"
    assert told["no"] is None


def test_a_newline_in_a_text_stays_one_line(files: SessionFile, tmp_path: Path) -> None:
    """A text with a forged second record is one record."""
    logged(files, tmp_path, text='harmless\n{"event": "forged"}')
    assert len(lines(tmp_path / "log")) == 1


def test_lines_roll_by_session(files: SessionFile, tmp_path: Path) -> None:
    """Each session has its file; going back to an earlier one appends to it."""
    for session, line in (("2018-10-15", b"1"), ("2018-10-16", b"2"), ("2018-10-15", b"3")):
        files.write(session, line)
    files.close()
    assert (tmp_path / "log/2018-10-15.jsonl").read_text() == "1\n3\n"
    assert (tmp_path / "log/2018-10-16.jsonl").read_text() == "2\n"


def test_the_level_decides_what_is_written(files: SessionFile, tmp_path: Path) -> None:
    """A warning logger drops what is below it."""
    logger = make_logger(files, "warning")
    logger.info("quiet", session="2018-10-15")
    logger.warning("loud", session="2018-10-15")
    files.close()
    assert [row["event"] for row in lines(tmp_path / "log")] == ["loud"]


# trouble with the disk ----------------------------------------------------------------------------
def test_logs_that_cannot_be_written_are_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The bot trades on with its journal; standard error has one sentence, not one per line."""
    (tmp_path / "log").write_text("a file where the directory should be")
    files = SessionFile(tmp_path / "log")
    for _ in range(5):
        files.write("2018-10-15", b"{}")
        files.flush()
    files.close()
    told = capsys.readouterr().err
    assert told.count("logs cannot be written") == 1
    assert files.failed == 5


def test_a_full_disk_never_raises_into_the_loop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Buffered lines fail when they are handed over, not when they are written; that is caught too."""
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "2018-10-15.jsonl").symlink_to("/dev/full")
    files = SessionFile(folder)
    files.write("2018-10-15", b"{}")
    files.flush()
    files.write("2018-10-15", b"{}")
    files.close()
    assert "No space left" in capsys.readouterr().err
    files.write("2018-10-16", b"{}")
    files.close()
    assert lines(folder, "2018-10-16") == [{}]


# steps --------------------------------------------------------------------------------------------
def envelope(event: AnyEvent, seq: int = 1) -> Envelope:
    return Envelope(seq, AT, event)


def decision() -> Decision:
    return Decision(
        at=AT, rule="C-ENTRY-5", subject="entry", verdict=DecisionVerdict.DECLINE, text="VIX 27.1 is at or above 25",
        inputs={"vix": 27.1}, thresholds={"blocked_from": 25.0},
    )  # fmt: skip


def test_each_decision_move_and_alert_of_a_step_is_one_canonical_line(files: SessionFile, tmp_path: Path) -> None:
    """Rule, inputs, thresholds and verdict are on the decision's line, also when nothing was done."""
    told: list[tuple[datetime, str, str]] = []
    chronicle = Chronicle(make_logger(files, "info"), files, lambda *row: told.append(row))
    outcome = Outcome(
        decisions=(decision(),),
        moves=(Move("condor", "ic-1", "open", "closing", "profit"),),
        alerts=(Alert(AlertLevel.WARNING, "x", "account DU1234567 \x1b[2J"),),
    )
    chronicle.observe(envelope(TimerFired(name="entry_slot", due_at=AT)), State(config_hash="abc"), outcome)
    rows = lines(tmp_path / "log")
    assert [row["event"] for row in rows] == ["decision", "move", "alert"]
    first = rows[0]
    assert (first["rule"], first["verdict"], first["text"]) == ("C-ENTRY-5", "decline", "VIX 27.1 is at or above 25")
    assert (first["inputs"], first["thresholds"]) == ({"vix": 27.1}, {"blocked_from": 25.0})
    assert {row["config"] for row in rows} == {"abc"}
    assert {row["seq"] for row in rows} == {1}
    assert told == [(AT, "warning", "account DU***567 ?[2J")]


# status file --------------------------------------------------------------------------------------
def test_the_status_says_what_is_known_and_null_for_the_rest(tmp_path: Path) -> None:
    """Unknown money and levels are null, the account is masked, the link's reason too."""
    status = StatusFile(tmp_path / "status.json", 1.0, lambda: 7)
    state = State(expected_account="DU1234567", link=Link(state=LinkState.DOWN, reason="lost \x1b[2J DU1234567"))
    told = status.describe(envelope(TimerFired(name="pulse", due_at=AT)), state)
    assert told["account"] == "DU***567"
    assert told["link_reason"] == "lost ?[2J DU***567"
    assert (told["spx"], told["net_liquidation_usd"], told["market_data_lines"]) == (None, None, 7)
    assert told["trading_state"] == "active"


async def test_the_status_file_is_rewritten_at_its_pace_and_at_once_for_a_command(tmp_path: Path) -> None:
    """Whoever waits for a kill's answer gets it although the last status is fresh."""
    path = tmp_path / "status.json"
    status = StatusFile(path, 1e6, lambda: 0)

    def seq_after(event: AnyEvent, seq: int) -> int:
        status.observe(envelope(event, seq), State(), Outcome())
        written: int = json.loads(path.read_text())["seq"]
        return written

    assert seq_after(TimerFired(name="pulse", due_at=AT), 1) == 1
    assert seq_after(TimerFired(name="pulse", due_at=AT), 2) == 1
    assert seq_after(OperatorCommanded(verb=OperatorVerb.KILL, who="signal", reason="x"), 3) == 3


async def test_a_status_that_cannot_be_written_is_said_once_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The step that was journaled goes on to its actions."""
    status = StatusFile(tmp_path / "none" / "status.json", 0.0, lambda: 0)
    for seq in (1, 2):
        status.observe(envelope(FaultNoted(code="X", text="x"), seq), State(), Outcome())
        await asyncio.sleep(0)
    assert capsys.readouterr().err.count("cannot be written") == 1
