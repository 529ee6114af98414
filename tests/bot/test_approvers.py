"""Approvers prove themselves without their token ever being written down; a command without proof is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot import approvers, instance, mailbox
from bot.cli import exits
from bot.cli.approve import approve, approver, override
from strategies.domain.control import OperatorVerb
from strategies.domain.events import FaultNoted, OperatorCommanded

APPROVE = OperatorVerb.APPROVE


def answered(
    state: Path, name: str, token: str, subject: str = "ap-1", number: int = 7
) -> OperatorCommanded | FaultNoted:
    proof = approvers.proof(state, name, token, mailbox.message(APPROVE, subject, number))
    mailbox.leave(
        state, APPROVE, "joe", "fine", confirmed=True, number=number, subject=subject, approver=name, proof=proof
    )
    return mailbox.take(state)[0]


def test_a_token_is_shown_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    """Owner-only file; neither it nor the command holds the token."""
    token = approvers.add(tmp_path, "anna")
    path = tmp_path / approvers.FOLDER / "anna.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert token not in path.read_text()
    proof = approvers.proof(tmp_path, "anna", token, "approve ap-1 7")
    command = mailbox.leave(
        tmp_path, APPROVE, "joe", "fine", confirmed=True, number=7, subject="ap-1", approver="anna", proof=proof
    )
    assert token not in command.read_text()
    with pytest.raises(approvers.ApproverRefused, match="never shown again"):
        approvers.add(tmp_path, "anna")
    assert approvers.names(tmp_path) == ["anna"]


def test_a_proven_answer_becomes_a_fact_with_the_approvers_name(tmp_path: Path) -> None:
    """The proof itself is not in the fact."""
    token = approvers.add(tmp_path, "anna")
    assert answered(tmp_path, "anna", token) == OperatorCommanded(
        verb=APPROVE, who="joe", reason="fine", confirmed=True, subject="ap-1", approver="anna"
    )


@pytest.mark.parametrize("change", [("subject", "ap-2"), ("approver", "ben"), ("proof", "00"), ("approver", ""),
                                    ("verb", "decline"), ("approver", "../anna")])  # fmt: skip
def test_a_proof_is_of_one_answer_to_one_question_by_one_person(tmp_path: Path, change: tuple[str, str]) -> None:
    """Altered in any part it is refused, and so is an answer without a name where approvers exist."""
    token = approvers.add(tmp_path, "anna")
    approvers.add(tmp_path, "ben")
    proof = approvers.proof(tmp_path, "anna", token, mailbox.message(APPROVE, "ap-1", 7))
    path = mailbox.leave(
        tmp_path, APPROVE, "joe", "", confirmed=True, number=7, subject="ap-1", approver="anna", proof=proof
    )
    path.write_text(json.dumps(json.loads(path.read_text()) | dict([change])))
    taken = mailbox.take(tmp_path)[0]
    assert isinstance(taken, FaultNoted)
    assert "no proof" in taken.text


def test_a_copied_command_proves_nothing_a_second_time(tmp_path: Path) -> None:
    """The number is part of what is proven: under another one the same file is refused."""
    token = approvers.add(tmp_path, "anna")
    proof = approvers.proof(tmp_path, "anna", token, mailbox.message(APPROVE, "ap-1", 7))
    path = mailbox.leave(
        tmp_path, APPROVE, "joe", "", confirmed=True, number=7, subject="ap-1", approver="anna", proof=proof
    )
    path.rename(path.with_name("000000000000008-approve.json"))
    assert isinstance(mailbox.take(tmp_path)[0], FaultNoted)


def test_without_any_approver_whoever_types_it_answers(tmp_path: Path) -> None:
    """One person alone needs no token; questions that need two refuse such an answer later, in the engine."""
    mailbox.leave(tmp_path, APPROVE, "joe", "fine", confirmed=True, number=7, subject="ap-1")
    taken = mailbox.take(tmp_path)[0]
    assert isinstance(taken, OperatorCommanded)
    assert (taken.who, taken.approver) == ("joe", "")


@pytest.mark.parametrize("name", ["", "A", "Anna", "../x", "a" * 33, "a b", "anna.json"])
def test_a_name_that_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    """Nothing is written."""
    with pytest.raises(approvers.ApproverRefused):
        approvers.add(tmp_path, name)
    assert approvers.names(tmp_path) == []


def test_a_wrong_token_and_a_damaged_file_prove_nothing(tmp_path: Path) -> None:
    """Both are told to the person who tries."""
    approvers.add(tmp_path, "anna")
    with pytest.raises(approvers.ApproverRefused, match="not anna's token"):
        approvers.proof(tmp_path, "anna", "guess", "m")
    (tmp_path / approvers.FOLDER / "anna.json").write_text("{")
    assert not approvers.proven(tmp_path, "anna", "m", "00")
    with pytest.raises(approvers.ApproverRefused, match="no approver"):
        approvers.proof(tmp_path, "anna", "guess", "m")


def test_an_overrides_end_is_a_moment_with_a_zone(tmp_path: Path) -> None:
    """A naive time is refused whole."""
    until = datetime(2026, 5, 4, 18, tzinfo=UTC)
    mailbox.leave(tmp_path, OperatorVerb.OVERRIDE, "joe", "y", confirmed=True, number=7, subject="entry", until=until)
    taken = mailbox.take(tmp_path)[0]
    assert isinstance(taken, OperatorCommanded)
    assert (taken.subject, taken.until) == ("entry", until)
    path = mailbox.leave(tmp_path, OperatorVerb.OVERRIDE, "joe", "y", confirmed=True, number=8, subject="entry")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"until": "2026-05-04T18:00:00"}))
    assert isinstance(mailbox.take(tmp_path)[0], FaultNoted)


# the command line ---------------------------------------------------------------------------------
def test_the_verbs_for_approvers(tmp_path: Path) -> None:
    """Add shows the token, a second add does not, list shows names, remove takes away."""
    runner, state = CliRunner(), ["--state", str(tmp_path)]
    made = runner.invoke(approver, ["add", "anna", *state])
    assert made.exit_code == exits.OK
    token = made.output.strip().rpartition(" ")[2]
    assert approvers.proof(tmp_path, "anna", token, "m")
    again = runner.invoke(approver, ["add", "anna", *state])
    assert (again.exit_code, token in again.output) == (exits.USAGE, False)
    assert runner.invoke(approver, ["list", *state]).output == "anna\n"
    assert runner.invoke(approver, ["remove", "anna", *state]).exit_code == exits.OK
    assert runner.invoke(approver, ["remove", "anna", *state]).exit_code == exits.USAGE


def test_answers_and_overrides_need_a_running_bot(tmp_path: Path) -> None:
    """Exit 5, and nothing is left for a later one to find."""
    runner, state = CliRunner(), ["--state", str(tmp_path)]
    assert runner.invoke(approve, ["ap-1", *state]).exit_code == exits.NOT_RUNNING
    assert runner.invoke(override, ["entry", "-m", "x", "--hours", "1", *state]).exit_code == exits.NOT_RUNNING
    assert not (tmp_path / mailbox.FOLDER).exists()


def test_an_answer_to_a_question_that_is_not_open_is_refused_here(tmp_path: Path) -> None:
    """The open ones are named; where approvers exist a name is asked for."""
    runner, state = CliRunner(), ["--state", str(tmp_path)]
    asked = {"id": "ap-1", "needed": 1, "approved_by": []}
    with instance.acquire(tmp_path):
        (tmp_path / "status.json").write_text(json.dumps({"at": "x", "consent": {"requests": [asked]}}))
        wrong = runner.invoke(approve, ["ap-2", *state])
        assert (wrong.exit_code, "open are ap-1" in wrong.output) == (exits.USAGE, True)
        approvers.add(tmp_path, "anna")
        nameless = runner.invoke(approve, ["ap-1", *state])
        assert (nameless.exit_code, "--as NAME (anna)" in nameless.output) == (exits.USAGE, True)
        token_file = tmp_path / "token"
        token_file.write_text("wrong")
        wrong = runner.invoke(approve, ["ap-1", "--as", "anna", "--token-file", str(token_file), *state])
        assert (wrong.exit_code, "not anna's token" in wrong.output) == (exits.USAGE, True)
    assert not (tmp_path / mailbox.FOLDER).exists()
