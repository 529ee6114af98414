"""`condor flatten` and `condor arm` show what stands and what they do, ask for a word, and pass on the bot's answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot import instance, latch, mailbox
from bot.cli import arm as arm_module
from bot.cli import exits
from bot.cli.root import cli
from strategies.domain import events as ev
from strategies.domain.control import OperatorVerb

STATUS: dict[str, Any] = {
    "at": "2026-03-02T15:30:00+00:00", "trading_state": "active", "paused": False, "latches": [],
    "account": "DU***567", "link": "up", "reconciled": True, "working_orders": 1, "open_condors": 1,
    "doubtful_orders": [], "last_alert": "", "last_alert_seq": 5, "consent": {"rearm_approvals": 1, "requests": []},
    "condors": [{"id": "ic-1", "quantity": 2, "expiry": "2026-04-17", "state": "open", "worst_loss_usd": 6800.0}],
    "open": {
        "orders": [{"ref": "ic-1.exit.1", "state": "working", "limit_points": 3.2, "units": 2}],
        "hedge": [{"slot": "alvh-s05", "contract": "VIX 2026-04-15 20C", "quantity": 4}],
        "others": [{"contract": "SPXW 2026-04-17 5000P", "quantity": 1}],
        "flatten": None,
    },
}  # fmt: skip
UNDER_WAY = {"phase": "closing", "text": "open: ic-1 x2", "who": "me", "reason": "x", "asked_at": "2026-03-02T15:30:05"}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory whose lock this process holds, as a running bot would."""
    monkeypatch.setattr(arm_module, "ANSWER_DEADLINE_S", 0.0)
    with instance.acquire(tmp_path):
        tell(tmp_path)
        yield tmp_path


def tell(state: Path, **changes: Any) -> None:
    (state / "status.json").write_text(json.dumps({**STATUS, **changes}))


def run(state: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--state", str(state)])


def bot_answers(monkeypatch: pytest.MonkeyPatch, state: Path, **changes: Any) -> None:
    """The bot writes its status as soon as a command is left."""
    leave: Callable[..., Path] = mailbox.leave

    def left(*given: Any, **more: Any) -> Path:
        tell(state, **changes)
        return leave(*given, **more)

    monkeypatch.setattr(mailbox, "leave", left)
    monkeypatch.setattr(arm_module, "ANSWER_DEADLINE_S", 5.0)


def test_flatten_shows_what_is_open_and_what_it_will_and_will_not_do(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Account, condors, hedge, orders, others; then the command is in the mailbox and the bot's word is printed."""
    bot_answers(monkeypatch, state, trading_state="flattening", open={**STATUS["open"], "flatten": UNDER_WAY})
    found = run(state, "flatten", "-m", "out", "--confirm", "567")
    assert found.exit_code == exits.OK, found.output
    for words in ("DU***567", "ic-1 x2", "6,800 USD", "alvh-s05 +4", "ic-1.exit.1", "not ours", "flatten WILL NOT",
                  "FLATTEN".lower(), "CLOSING"):  # fmt: skip
        assert words in found.output
    assert mailbox.take(state) == [command(OperatorVerb.FLATTEN, "out")]


def command(verb: OperatorVerb, reason: str) -> ev.OperatorCommanded:
    from bot.cli.kill import who

    return ev.OperatorCommanded(verb=verb, who=who(), reason=reason, confirmed=True)


@pytest.mark.parametrize("verb", ["flatten", "arm"])
def test_a_wrong_word_changes_nothing(state: Path, verb: str) -> None:
    """Another suffix than the account's: no command is left."""
    found = run(state, verb, "-m", "out", "--confirm", "568")
    assert found.exit_code == exits.USAGE
    assert mailbox.take(state) == []


def test_flatten_under_a_kill_says_what_to_do(state: Path) -> None:
    """Refused at once: arm first, or close in TWS."""
    (state / latch.NAME).touch()
    found = run(state, "flatten", "-m", "out", "--confirm", "567")
    assert found.exit_code == exits.HALTED
    assert "condor arm" in found.output
    assert "TWS" in found.output
    assert mailbox.take(state) == []


def test_flatten_passes_the_bots_refusal_on(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal of this command, not one of an earlier command."""
    bot_answers(monkeypatch, state, last_alert="flatten refused: HALTED by C45", last_alert_seq=9)
    found = run(state, "flatten", "-m", "out", "--confirm", "567")
    assert found.exit_code == exits.HALTED
    assert "HALTED by C45" in found.output


def test_flatten_without_a_bot_says_that_nobody_closes_anything(tmp_path: Path) -> None:
    """No process holds the lock."""
    tell(tmp_path)
    found = run(tmp_path, "flatten", "-m", "out", "--confirm", "567")
    assert found.exit_code == exits.NOT_RUNNING
    assert "nobody is there" in found.output


def test_arm_shows_trigger_account_exposure_and_what_it_does_not_do(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First cause and later ones, every condor, hedge holding and order, the second approver; then it asks."""
    for cause in ("spike", "again"):
        latch.engage(state / latch.NAME, "me", cause, ev_time())
    tell(state, trading_state="halted", latches=["kill: spike (by me)"],
         consent={"rearm_approvals": 2, "requests": []}, doubtful_orders=["ic-1.exit.1"])  # fmt: skip
    found = run(state, "arm", "-m", "fine", "--confirm", "567")
    for words in ("kill latch: spike", "and then: again", "stop: kill", "DU***567", "ic-1 x2", "alvh-s05 +4",
                  "ic-1.exit.1 working", "in doubt: ic-1.exit.1", "arm WILL:", "arm WILL NOT:",
                  "2 different approvers"):  # fmt: skip
        assert words in found.output, words
    assert found.exit_code == exits.HALTED  # nobody answered


def ev_time() -> Any:
    from datetime import UTC, datetime

    return datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def test_arm_without_a_reason_is_refused(state: Path) -> None:
    """Blank is no reason."""
    assert run(state, "arm", "-m", "  ", "--confirm", "567").exit_code == exits.USAGE
    assert mailbox.take(state) == []
