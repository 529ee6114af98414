"""`condor kill`: writes the latch, wakes the bot, reports what it acknowledged. Standard library only."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bot import instance, latch
from bot.cli import exits

ACK_DEADLINE_S = 2.0


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0 acknowledged, 5 latch written but no bot answered, 1 latch could not be written."""
    parser = argparse.ArgumentParser(
        prog="condor kill",
        description="Stop trading now: no new orders, cancel everything, keep positions. Stays until `condor arm`.",
    )
    parser.add_argument("-m", "--message", required=True, help="why; goes into the journal and the report")
    parser.add_argument("--state", type=Path, default=Path("var"), help="state directory of the bot (default var)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    for unused in ("--config", "--set"):  # every verb takes them; a kill must not fail over one
        parser.add_argument(unused, action="append", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    path = options.state / "KILL"
    try:
        options.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        latch.engage(path, who(), options.message, datetime.now(UTC))  # noqa: TID251 - a person's clock
    except OSError as reason:
        _say(options.json, False, f"THE LATCH COULD NOT BE WRITTEN to {path}: {reason}. Use TWS to cancel orders.")
        return exits.FAILED
    before = _written_at(options.state)
    pid = _wake(options.state)
    status = None if pid is None else _acknowledged(options.state, before)
    proven = status is not None and _proven(status)
    acknowledged, text = _verdict(path, pid, status, None if proven else _killer(options.state))
    _say(options.json, acknowledged, text)
    return exits.OK if acknowledged else exits.NOT_RUNNING


def _verdict(
    path: Path, pid: int | None, status: dict[str, object] | None, killer: dict[str, object] | None
) -> tuple[bool, str]:
    """Whether somebody has acted on the latch, and what is known: the bot's word, or else the killer's."""
    silent = f"the bot (pid {pid}) did not acknowledge within {ACK_DEADLINE_S:g} s" if pid else "no running bot found"
    verified = killer is not None and killer.get("phase") == "verified"
    if status is not None:
        proof = _killer_proof(killer) if killer is not None and verified else _proof(status)
        return True, f"HALTED, acknowledged by pid {pid}. {proof}. Positions are kept."
    if killer is not None:
        text = f"latch written to {path}; {silent}. {_killer_proof(killer)}"
        return verified, f"{text}. Positions are kept." if verified else text
    later = "" if pid else (
        " A bot started later cancels everything as soon as its link is up and stays halted until `condor arm`."
    )  # fmt: skip
    return False, (
        f"latch written to {path}; {silent}, and no killer process either. Orders and positions are UNVERIFIED, what "
        f"works, works on: look in TWS.{later}"
    )


def who() -> str:
    """The person's name, their number where the system knows no name: a kill never fails over it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f"uid {os.getuid()}"


def _proven(status: dict[str, object]) -> bool:
    """No order working, as of a broker asked after the halt: without a link the bot only knows what it knew."""
    return status.get("halt_proved") is True and status.get("link") == "up" and status.get("reconciled") is True


def _proof(status: dict[str, object]) -> str:
    if _proven(status):
        return "VERIFIED: no working orders"
    if status.get("link") != "up" or status.get("reconciled") is not True:
        return f"UNVERIFIED: the link is {status.get('link')}, so the broker could not be asked. Look in TWS"
    if status.get("working_orders") == 0:
        return "UNVERIFIED: the broker has not yet shown that it holds no open order. Look at `condor status`"
    return f"UNVERIFIED: {status.get('working_orders')} orders not yet proven cancelled"


def _killer(state: Path) -> dict[str, object] | None:
    """What the killer process says of this latch, once it has proof or its time is over; None where none lives."""
    if instance.holder(state, "killer.lock") is None:
        return None
    seen: dict[str, object] = {}
    deadline = time.monotonic() + ACK_DEADLINE_S
    while time.monotonic() < deadline:
        try:
            seen = json.loads((state / "killer.json").read_text())
        except (OSError, ValueError):
            seen = {}
        if seen.get("latch_ms") == latch.changed_ms(state / "KILL") and seen.get("phase") == "verified":
            return seen
        time.sleep(0.05)
    return {**seen, "phase": "killing"}


def _killer_proof(killer: dict[str, object]) -> str:
    if killer.get("phase") == "verified":
        others = killer.get("other_orders")
        rest = f"; {others} orders of others are open" if others else ""
        return (
            f"VERIFIED by the killer's own connection {killer.get('verified_ms')} ms after it saw the latch: "
            f"no working orders of the bot{rest}"
        )
    return f"UNVERIFIED: the killer goes on cancelling; its link is {killer.get('link', 'unknown')}. Look in TWS"


def _wake(state: Path) -> int | None:
    """Signals the bot that holds the lock; None when there is none. A pid left by a crash is never signalled."""
    pid = instance.holder(state)
    if pid is None or pid <= 1:
        return None
    try:
        os.kill(pid, signal.SIGUSR1)
    except OSError:
        return None
    return pid


def _written_at(state: Path) -> int:
    """When the status file was last written, in nanoseconds; 0 where there is none."""
    try:
        return (state / "status.json").stat().st_mtime_ns
    except OSError:
        return 0


def _acknowledged(state: Path, before: int) -> dict[str, object] | None:
    """The status file once it says halted; waits for the proof of no working orders within the deadline.

    A file not written since `before` is what an earlier stop left: it proves nothing about this one.
    """
    seen: dict[str, object] | None = None
    deadline = time.monotonic() + ACK_DEADLINE_S
    while time.monotonic() < deadline:
        try:
            status = json.loads((state / "status.json").read_text())
        except (OSError, ValueError):
            status = {}
        if status.get("trading_state") == "halted" and _written_at(state) > before:
            seen = status
            if _proven(status) or status.get("link") != "up":
                return seen
        time.sleep(0.05)
    return seen


def _say(as_json: bool, acknowledged: bool, text: str) -> None:
    line = json.dumps({"acknowledged": acknowledged, "text": text}) if as_json else text
    sys.stdout.write(line + "\n")
