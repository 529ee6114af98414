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
    if pid is None:
        _say(
            options.json,
            False,
            f"latch written to {path}; no running bot found. Working orders, if any, are untouched: look in TWS. "
            "A bot started later cancels everything as soon as its link is up and stays halted until `condor arm`.",
        )
        return exits.NOT_RUNNING
    status = _acknowledged(options.state, before)
    if status is None:
        _say(
            options.json,
            False,
            f"latch written to {path}, but the bot (pid {pid}) did not acknowledge within "
            f"{ACK_DEADLINE_S:g} s. Orders and positions are UNVERIFIED: look in TWS.",
        )
        return exits.NOT_RUNNING
    _say(options.json, True, f"HALTED, acknowledged by pid {pid}. {_proof(status)}. Positions are kept.")
    return exits.OK


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
