"""`condor alerts` and `condor ack`: what they show, that no address is in it, and what cannot be done is said."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from bot import instance, mailbox
from bot.cli import alerts as verbs
from bot.notify import postman
from bot.notify.answers import Board, Question, read
from strategies.domain.control import OperatorVerb
from strategies.domain.events import OperatorCommanded

AT = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)
OPEN = Board(
    open=(Question("a7", "latch.kill", "HALTED by cli: drill", AT), Question("a9", "x", "text", AT, overdue=True)),
    channels={"phone": "not delivered"},
    dropped=3,
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    place = tmp_path / "state"
    place.mkdir(mode=0o700)
    put(place, OPEN)
    return place


def put(place: Path, board: Board) -> None:
    (place / "alerts.json").write_bytes(msgspec.json.encode(board))
    (place / "alerts.json").chmod(0o600)


@pytest.fixture
def channels(tmp_path: Path) -> str:
    path = tmp_path / "channels.toml"
    path.write_text(
        '[channels]\nphone = "json://s3cr3t"\nmail = { url = "json://s3cr3t2", urgent_only = true }\n'
        '[dead_man]\nurl = "https://s3cr3t.example"\n'
    )
    path.chmod(0o600)
    return f'notify.file="{path}"'


def asked(command: Any, *words: str) -> Any:
    return CliRunner().invoke(command, words)


def test_show_tells_channels_levels_and_open_questions_but_no_address(state: Path, channels: str) -> None:
    """As text and as JSON."""
    for words in ((), ("--json",)):
        done = asked(verbs.alerts, "show", "--state", str(state), "--set", channels, *words)
        assert done.exit_code == 0, done.output
        assert "s3cr3t" not in done.output
        for told in ("phone", "not delivered", "a7", "HALTED by cli: drill", "kill"):
            assert told in done.output
    shown = json.loads(done.output)
    assert shown["dead_man"]
    assert (shown["dropped"], [row["id"] for row in shown["open"]]) == (3, ["a7", "a9"])
    assert shown["levels"]["kill"] == "urgent"


def test_test_sends_through_each_channel_and_fails_with_any(
    state: Path, channels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both channels and the dead man; --channel takes one; without a file there is nothing to try."""
    orders: list[dict[str, Any]] = []
    failing: dict[str, str] = {}

    def send(order: str, deadline_s: float) -> dict[str, str]:
        orders.append(json.loads(order))
        return failing

    monkeypatch.setattr(postman, "by_process", send)
    good = asked(verbs.alerts, "test", "--state", str(state), "--set", channels)
    assert (good.exit_code, good.output) == (0, "phone: sent\nmail: sent\ndead_man: sent\n")
    assert [c["name"] for c in orders[0]["channels"]] == ["phone", "mail"]
    assert orders[1]["ping"] == "https://s3cr3t.example"
    failing["mail"] = "not delivered"
    bad = asked(verbs.alerts, "test", "--state", str(state), "--set", channels, "--json")
    assert bad.exit_code == 1
    assert json.loads(bad.output) == {"phone": "", "mail": "not delivered", "dead_man": ""}
    one = asked(verbs.alerts, "test", "--state", str(state), "--set", channels, "--channel", "phone")
    assert (one.exit_code, one.output) == (0, "phone: sent\n")
    assert asked(verbs.alerts, "test", "--set", channels, "--channel", "pager").exit_code == 2
    none = asked(verbs.alerts, "test", "--state", str(state))
    assert (none.exit_code, "notify.file" in none.output) == (1, True)


def test_ack_lists_refuses_and_needs_a_running_bot(state: Path) -> None:
    """Without an argument the open ones; an unknown id 2; no bot 5."""
    listed = asked(verbs.ack, "--state", str(state))
    assert listed.exit_code == 0
    assert "a9" in listed.output
    assert "OVERDUE" in listed.output
    assert len(json.loads(asked(verbs.ack, "--state", str(state), "--json").output)) == 2
    assert asked(verbs.ack, "a8", "--state", str(state)).exit_code == 2
    assert asked(verbs.ack, "a7", "--state", str(state)).exit_code == 5


@pytest.mark.parametrize(("subject", "left"), [("a7", ["a9"]), ("all", [])])
def test_ack_leaves_its_word_and_waits_for_the_bot(
    state: Path, subject: str, left: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left in the mailbox is what a bot takes; a bot that does not answer is told as one."""

    def bot(seconds: float) -> None:
        for command in mailbox.take(state):
            assert isinstance(command, OperatorCommanded)
            assert (command.verb, command.subject, command.reason) == (OperatorVerb.ACK, subject, "saw it")
            kept = tuple(q for q in read(state).open if subject not in ("all", q.id))
            put(state, Board(open=kept))

    monkeypatch.setattr(verbs.time, "sleep", bot)
    with instance.acquire(state):
        done = asked(verbs.ack, subject, "-m", "saw it", "--state", str(state))
        assert done.exit_code == 0, done.output
        assert [q.id for q in read(state).open] == left
        monkeypatch.setattr(verbs, "ANSWER_DEADLINE_S", 0.0)
        put(state, OPEN)
        assert asked(verbs.ack, subject, "--state", str(state)).exit_code == 1


def test_ack_of_all_is_a_word_to_the_bot_even_where_nothing_is_open(state: Path) -> None:
    """That somebody is there is what C54 waits for."""
    put(state, Board(open=()))
    with instance.acquire(state):
        done = asked(verbs.ack, "all", "--state", str(state))
        assert (done.exit_code, "nothing was open" in done.output) == (0, True)
        (command,) = mailbox.take(state)
        assert isinstance(command, OperatorCommanded)
        assert (command.verb, command.subject) == (OperatorVerb.ACK, "all")
