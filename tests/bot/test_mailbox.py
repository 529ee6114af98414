"""Commands to a running bot: taken once, in order, and a bad one is set aside without harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot import mailbox
from strategies.domain.control import OperatorVerb
from strategies.domain.events import FaultNoted, OperatorCommanded


def put(state: Path, name: str, content: str | bytes) -> Path:
    folder = state / mailbox.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def leave(state: Path, verb: OperatorVerb, number: int, reason: str = "why") -> Path:
    return mailbox.leave(state, verb, "joe", reason, confirmed=verb is OperatorVerb.ARM, number=number)


def test_commands_are_taken_in_their_order_and_once(tmp_path: Path) -> None:
    """Numbers order them, not names of verbs; the second look finds nothing."""
    leave(tmp_path, OperatorVerb.ARM, 1002)
    leave(tmp_path, OperatorVerb.REDUCE, 1001)
    leave(tmp_path, OperatorVerb.PAUSE, 999)
    assert mailbox.take(tmp_path) == [
        OperatorCommanded(verb=OperatorVerb.PAUSE, who="joe", reason="why", confirmed=False),
        OperatorCommanded(verb=OperatorVerb.REDUCE, who="joe", reason="why", confirmed=False),
        OperatorCommanded(verb=OperatorVerb.ARM, who="joe", reason="why", confirmed=True),
    ]
    assert mailbox.take(tmp_path) == []


def test_no_mailbox_is_an_empty_mailbox(tmp_path: Path) -> None:
    """Neither a missing folder nor a file in its place stops the bot."""
    assert mailbox.take(tmp_path) == []
    (tmp_path / mailbox.FOLDER).write_text("")
    assert mailbox.take(tmp_path) == []


def test_a_command_half_written_is_not_looked_at(tmp_path: Path) -> None:
    """Only complete files carry the name that is looked for."""
    put(tmp_path, "1-arm.draft", '{"verb": "arm", "who"')
    assert mailbox.take(tmp_path) == []


DEEP = b"[" * 200_000


@pytest.mark.parametrize(
    "content",
    [b"", b"arm", b"[]", b"null", b'"arm"', b"{}", b'{"verb": "arm"}', b'{"verb": "fly", "who": "x", "reason": "y"}',
     b"\xff\xfe", DEEP, json.dumps({"verb": "arm", "who": "x", "reason": "y"}).encode()],
    ids=["empty", "word", "list", "null", "string", "no verb", "verb only", "unknown verb", "not text", "deep",
         "no confirmation"],
)  # fmt: skip
def test_a_bad_command_becomes_one_fault_and_is_set_aside(tmp_path: Path, content: bytes) -> None:
    """The fault names the file; the next look does not meet it again; a good command behind it is still taken."""
    put(tmp_path, "000000000000001-arm.json", content)
    leave(tmp_path, OperatorVerb.PAUSE, 2)
    fault, command = mailbox.take(tmp_path)
    assert isinstance(fault, FaultNoted)
    assert fault.code == "COMMAND"
    assert "000000000000001-arm.json" in fault.text
    assert isinstance(command, OperatorCommanded)
    assert mailbox.take(tmp_path) == []
    assert [p.name for p in (tmp_path / mailbox.FOLDER).iterdir()] == ["000000000000001-arm.refused"]


@pytest.mark.parametrize("verb", [OperatorVerb.KILL, OperatorVerb.STOP])
def test_verbs_with_their_own_way_are_not_taken_from_files(tmp_path: Path, verb: OperatorVerb) -> None:
    """A kill is the latch's business and a stop the process's."""
    put(tmp_path, "1-x.json", json.dumps({"verb": verb.value, "who": "x", "reason": "y", "confirmed": True}))
    assert [type(fact) for fact in mailbox.take(tmp_path)] == [FaultNoted]


@pytest.mark.parametrize("confirmed", ["true", 1, "yes", None])
def test_only_a_literal_true_confirms(tmp_path: Path, confirmed: object) -> None:
    """A hand-written file cannot arm by accident of types."""
    put(tmp_path, "1-arm.json", json.dumps({"verb": "arm", "who": "x", "reason": "y", "confirmed": confirmed}))
    (command,) = mailbox.take(tmp_path)
    assert isinstance(command, OperatorCommanded)
    assert not command.confirmed


def test_a_directory_named_like_a_command_is_refused(tmp_path: Path) -> None:
    """It is moved aside like any other bad one."""
    (tmp_path / mailbox.FOLDER / "1-arm.json").mkdir(parents=True)
    assert [type(fact) for fact in mailbox.take(tmp_path)] == [FaultNoted]
    assert mailbox.take(tmp_path) == []


def test_the_mailbox_belongs_to_its_owner(tmp_path: Path) -> None:
    """Whoever may write here commands the bot."""
    path = leave(tmp_path, OperatorVerb.PAUSE, 1)
    assert path.parent.stat().st_mode & 0o077 == 0
