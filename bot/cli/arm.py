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
from bot.masking import mask
from bot.open_view import exposure_lines, flatten_line
from strategies.domain.control import OperatorVerb

ANSWER_DEADLINE_S = 10.0


WILL = (
    "arm WILL: clear every stop, the pause and the kill file, start the loss baselines of day, week and high-water "
    "mark anew, and let the rules trade again:",
    "  they may open, close and hedge at their next look. Walks that were under way go on; looser caps of a new "
    "configuration hold from then on.",
    "arm WILL NOT: place, cancel or close anything by itself, close what a flattening had left open, lift a limit that "
    "still holds (it latches again), or touch orders and positions of others.",
    "It is refused while an order is in doubt, the link is not reconciled, or positions differ.",
)


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

    Shows what stopped the bot, what is open now, and what arming will and will not do. Refused while anything is in
    doubt. It clears every latch and starts the loss baselines anew; it does not place, cancel or close anything.
    """
    status = read_status(state_dir)
    if instance.holder(state_dir) is None or status is None:
        say(as_json, "no bot is running on this state directory: start `condor run` (it starts halted), then arm")
        sys.exit(exits.NOT_RUNNING)
    if not message.strip():
        say(as_json, "NOT armed: -m needs a reason; it goes into the journal")
        sys.exit(exits.USAGE)
    shown_ms = now_ms()
    show_standing(status, state_dir, (*WILL, *_second_person(status)))
    if not typed_suffix(status, confirm, as_json, "NOT armed"):
        sys.exit(exits.USAGE if status.get("account") else exits.HALTED)
    leave(state_dir, OperatorVerb.ARM, message, confirmed=True, number=shown_ms)  # a later kill outweighs it
    answer = wait(state_dir, lambda s: _armed(s) or _rearm_request(s) is not None)
    if answer is not None and not _armed(answer):
        request = _rearm_request(answer) or {}
        say(as_json, f"NOT armed yet: {request['id']} needs {request['needed']} approvers (`condor approve "
                     f"{request['id']} --as NAME`) and opens at {request['not_before'][11:16]}Z")  # fmt: skip
        sys.exit(exits.HALTED)
    if answer is None:
        last = (read_status(state_dir) or {}).get("last_alert", "no answer")
        say(as_json, f"NOT armed: {last}")
        sys.exit(exits.HALTED)
    say(as_json, "armed: trading state ACTIVE")


def typed_suffix(status: dict[str, Any], confirm: str | None, as_json: bool, word: str) -> bool:
    """Whether the last characters of the account were given or typed now; says why not."""
    suffix = str(status.get("account") or "")[-3:]
    if not suffix:
        say(as_json, f"{word}: the account is not known yet, because no broker link was up so far")
        return False
    typed = confirm if confirm is not None else click.prompt(f"Type the last three characters of {status['account']}")
    if typed != suffix:
        say(as_json, "not confirmed: nothing was changed")
        return False
    return True


def _second_person(status: dict[str, Any]) -> tuple[str, ...]:
    needed = (status.get("consent") or {}).get("rearm_approvals", 1)
    if needed < 2 or status.get("trading_state") not in ("halted", "flattening"):
        return ()
    return (
        f"Out of HALTED or FLATTENING it needs {needed} different approvers and a delay (governance.rearm_approvals).",
    )


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
        say(as_json, "no bot is running on this state directory")
        sys.exit(exits.NOT_RUNNING)
    leave(state_dir, verb, message, confirmed=True, number=now_ms())
    if wait(state_dir, done) is None:
        say(as_json, f"the bot did not acknowledge within {ANSWER_DEADLINE_S:g} s")
        sys.exit(exits.FAILED)
    say(as_json, f"acknowledged: {word}")


def now_ms() -> int:
    """The number of a command given now: a millisecond count."""
    return time.time_ns() // 1_000_000


def leave(state_dir: Path, verb: OperatorVerb, message: str, *, confirmed: bool, number: int, **more: Any) -> None:
    """Leaves a command for the bot; ends the program where that cannot be."""
    try:
        mailbox.leave(state_dir, verb, who(), message, confirmed=confirmed, number=number, **more)
    except OSError as reason:
        sys.stderr.write(f"the command cannot be left in {state_dir / mailbox.FOLDER}: {reason.strerror}\n")
        sys.exit(exits.BROKEN_STATE)


def show_standing(status: dict[str, Any], state_dir: Path, words: tuple[str, ...]) -> None:
    """What stopped the bot, for which account, what is open, and what the command will and will not do."""
    rows = []
    found = latch.read(state_dir / latch.NAME)
    if found is not None:
        rows.append(f"kill latch: {found.reason} (by {found.who}, {found.at})")
        rows += [f"  and then: {cause.reason} (by {cause.who}, {cause.at})" for cause in found.later[-3:]]
    rows += [f"stop: {cause}" for cause in status.get("latches", [])]
    rows += flatten_line((status.get("open") or {}).get("flatten"))
    if status.get("paused"):
        rows.append("paused: new condors are held back")
    rows.append(
        f"now: paper {status.get('account') or 'account not known yet'}, link {status.get('link')}, "
        f"reconciled {status.get('reconciled')}, {status.get('working_orders')} working orders, "
        f"{status.get('open_condors')} open condors, as of {str(status.get('at'))[:19]}Z"
    )
    rows += exposure_lines(status)
    doubtful = status.get("doubtful_orders") or []
    rows += [f"in doubt: {', '.join(doubtful)}"] if doubtful else []
    sys.stderr.write(mask("\n".join((*rows, *words))) + "\n")


def read_status(state_dir: Path) -> dict[str, Any] | None:
    """The status file as it is now, None without a readable one."""
    try:
        found = json.loads((state_dir / "status.json").read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def wait(state_dir: Path, done: Any) -> dict[str, Any] | None:
    """The first status that is what was waited for, None where none came in time."""
    deadline = time.monotonic() + ANSWER_DEADLINE_S
    while time.monotonic() < deadline:
        status = read_status(state_dir)
        if status is not None and done(status):
            return status
        time.sleep(0.1)
    return None


def say(as_json: bool, text: str) -> None:
    """Prints the answer, as text or as one JSON object."""
    sys.stdout.write((json.dumps({"text": text}) if as_json else text) + "\n")
