"""`condor closed`: names its condor, asks for the typed word, and passes on what the bot made of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bot import mailbox
from bot.cli import exits
from strategies.domain.control import OperatorVerb
from tests.bot.test_flatten_command import bot_answers, command, run, state

__all__ = ["state"]


def test_a_condor_that_the_bot_books_is_no_longer_listed(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command carries the condor's name; the answer is what the status shows, and what is still to be done."""
    bot_answers(monkeypatch, state, condors=[], last_alert="later news", last_alert_seq=9)
    found = run(state, "closed", "ic-1", "-m", "closed in TWS", "--confirm", "567")
    assert found.exit_code == exits.OK, found.output
    assert "closed WILL NOT" in found.output
    assert "condor arm" in found.output
    wanted = msgspec.structs.replace(command(OperatorVerb.CLOSED, "closed in TWS"), subject="ic-1")
    assert mailbox.take(state) == [wanted]


def test_the_bots_refusal_is_passed_on(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker still holds a leg: the sentence of the bot, and exit 3."""
    text = "ic-1 is not booked as closed: the broker still holds of it: +2 SPXW"
    bot_answers(monkeypatch, state, last_alert=text, last_alert_seq=9)
    found = run(state, "closed", "ic-1", "-m", "closed in TWS", "--confirm", "567")
    assert found.exit_code == exits.HALTED
    assert "still holds" in found.output


def test_a_condor_that_was_not_open_is_not_called_booked(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong name is listed neither before nor after: only the bot's own word counts."""
    bot_answers(monkeypatch, state, last_alert="ic-9 is not booked as closed: no open condor", last_alert_seq=9)
    found = run(state, "closed", "ic-9", "-m", "closed in TWS", "--confirm", "567")
    assert found.exit_code == exits.HALTED
    assert "no open condor" in found.output


def test_without_the_word_or_without_a_bot_nothing_is_left(state: Path, tmp_path: Path) -> None:
    """Another suffix than the account's, or no process: exit 2 and 5."""
    assert run(state, "closed", "ic-1", "-m", "x", "--confirm", "568").exit_code == exits.USAGE
    assert run(state, "closed", "ic-1", "-m", "  ", "--confirm", "567").exit_code == exits.USAGE
    assert mailbox.take(state) == []
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert run(elsewhere, "closed", "ic-1", "-m", "x", "--confirm", "567").exit_code == exits.NOT_RUNNING
