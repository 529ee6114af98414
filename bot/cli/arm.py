"""`condor arm`, `pause` and `reduce`: commands for a running bot, left in its mailbox and answered by its status."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from bot import instance, latch, mailbox
from bot.cli import exits
from bot.cli.kill import who
from bot.cli.root import common
from bot.logs import mask
from strategies.domain.control import OperatorVerb

ANSWER_DEADLINE_S = 10.0


@click.command()
@common
@click.option("-m", "--message", required=True, help="why trading may go on; goes into the journal")
@click.option("--confirm", help="type the last three characters of the account id to confirm")
def arm(
    message: str,
    confirm: str | None,
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
) -> None:
    """Allow trading again after a stop.

    Shows what stopped the bot and what is open now. Refused while anything is in doubt. It clears every latch and
    starts the loss baselines anew; it does not place, cancel or close anything.
    """
    status = _status(state_dir)
    if instance.holder(state_dir) is None or status is None:
        _print(as_json, "no bot is running on this state directory: start `condor run` (it starts halted), then arm")
        sys.exit(exits.NOT_RUNNING)
    shown_ms = _now_ms()
    _show_cause(status, state_dir)
    suffix = str(status.get("account", ""))[-3:]
    if not suffix:
        _print(as_json, "NOT armed: the account is not known yet, because no broker link was up so far")
        sys.exit(exits.HALTED)
    typed = confirm if confirm is not None else click.prompt(f"Type the last three characters of {status['account']}")
    if not suffix or typed != suffix:
        _print(as_json, "not confirmed: nothing was changed")
        sys.exit(exits.USAGE)
    _leave(state_dir, OperatorVerb.ARM, message, confirmed=True, number=shown_ms)  # a later kill outweighs it
    answer = _wait(state_dir, lambda s: _armed(s) or _rearm_request(s) is not None)
    if answer is not None and not _armed(answer):
        request = _rearm_request(answer) or {}
        _print(as_json, f"NOT armed yet: {request['id']} needs {request['needed']} approvers (`condor approve "
                        f"{request['id']} --as NAME`) and opens at {request['not_before'][11:16]}Z")  # fmt: skip
        sys.exit(exits.HALTED)
    if answer is None:
        last = (_status(state_dir) or {}).get("last_alert", "no answer")
        _print(as_json, f"NOT armed: {last}")
        sys.exit(exits.HALTED)
    _print(as_json, "armed: trading state ACTIVE")


def _armed(status: dict[str, Any]) -> bool:
    return status.get("trading_state") == "active" and status.get("paused") is False


def _rearm_request(status: dict[str, Any]) -> dict[str, Any] | None:
    """The open question to arm with two approvals, None without one."""
    rows = (status.get("consent") or {}).get("requests", ())
    return next((row for row in rows if row["kind"] == "rearm"), None)


@click.command()
@common
@click.option("-m", "--message", required=True, help="why")
def pause(message: str, state_dir: Path, config_file: Path | None, assignments: tuple[str, ...], as_json: bool) -> None:
    """No new entries, resting ones are withdrawn; exits go on. `condor arm` ends it."""
    _command(state_dir, OperatorVerb.PAUSE, message, as_json, lambda s: s.get("paused") is True, "paused")


@click.command()
@common
@click.option("-m", "--message", required=True, help="why")
def reduce(
    message: str, state_dir: Path, config_file: Path | None, assignments: tuple[str, ...], as_json: bool
) -> None:
    """Only orders that reduce risk, until armed."""
    _command(
        state_dir, OperatorVerb.REDUCE, message, as_json, lambda s: s.get("trading_state") == "reducing", "reducing"
    )


def _command(state_dir: Path, verb: OperatorVerb, message: str, as_json: bool, done: Any, word: str) -> None:
    if instance.holder(state_dir) is None:
        _print(as_json, "no bot is running on this state directory")
        sys.exit(exits.NOT_RUNNING)
    _leave(state_dir, verb, message, confirmed=True, number=_now_ms())
    if _wait(state_dir, done) is None:
        _print(as_json, f"the bot did not acknowledge within {ANSWER_DEADLINE_S:g} s")
        sys.exit(exits.FAILED)
    _print(as_json, f"acknowledged: {word}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _leave(state_dir: Path, verb: OperatorVerb, message: str, *, confirmed: bool, number: int, **more: Any) -> None:
    try:
        mailbox.leave(state_dir, verb, who(), message, confirmed=confirmed, number=number, **more)
    except OSError as reason:
        sys.stderr.write(f"the command cannot be left in {state_dir / mailbox.FOLDER}: {reason.strerror}\n")
        sys.exit(exits.BROKEN_STATE)


def _show_cause(status: dict[str, Any], state_dir: Path) -> None:
    found = latch.read(state_dir / "KILL")
    if found is not None:
        sys.stderr.write(mask(f"kill latch: {found.reason} (by {found.who}, {found.at})") + "\n")
    for cause in status.get("latches", []):
        sys.stderr.write(f"stop: {cause}\n")
    sys.stderr.write(
        f"now: {status.get('working_orders')} working orders, {status.get('open_condors')} open condors, "
        f"link {status.get('link')}\n"
    )


def _status(state_dir: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((state_dir / "status.json").read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _wait(state_dir: Path, done: Any) -> dict[str, Any] | None:
    deadline = time.monotonic() + ANSWER_DEADLINE_S
    while time.monotonic() < deadline:
        status = _status(state_dir)
        if status is not None and done(status):
            return status
        time.sleep(0.1)
    return None


def _print(as_json: bool, text: str) -> None:
    sys.stdout.write((json.dumps({"text": text}) if as_json else text) + "\n")
