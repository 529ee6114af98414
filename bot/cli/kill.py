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
    options = parser.parse_args(arguments)
    path = options.state / "KILL"
    try:
        options.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        latch.engage(path, getpass.getuser(), options.message, datetime.now(UTC))  # noqa: TID251 - a person's clock
    except OSError as reason:
        _say(options.json, False, f"THE LATCH COULD NOT BE WRITTEN to {path}: {reason}. Use TWS to cancel orders.")
        return exits.FAILED
    pid = _wake(options.state)
    if pid is None:
        _say(
            options.json,
            False,
            f"latch written to {path}; no running bot found. Working orders, if any, are untouched: look in TWS. "
            "A bot started later cancels everything first and stays halted until `condor arm`.",
        )
        return exits.NOT_RUNNING
    status = _acknowledged(options.state)
    if status is None:
        _say(
            options.json,
            False,
            f"latch written to {path}, but the bot (pid {pid}) did not acknowledge within "
            f"{ACK_DEADLINE_S:g} s. Orders and positions are UNVERIFIED: look in TWS.",
        )
        return exits.NOT_RUNNING
    working = status.get("working_orders")
    word = "VERIFIED: no working orders" if working == 0 else f"UNVERIFIED: {working} orders not yet proven cancelled"
    _say(options.json, True, f"HALTED, acknowledged by pid {pid}. {word}. Positions are kept.")
    return exits.OK


def _wake(state: Path) -> int | None:
    """Signals the bot that holds the lock; None when there is none. A pid left by a crash is never signalled."""
    pid = instance.holder(state)
    if pid is None:
        return None
    try:
        os.kill(pid, signal.SIGUSR1)
    except OSError:
        return None
    return pid


def _acknowledged(state: Path) -> dict[str, object] | None:
    """The status file once it says halted; waits for the proof of no working orders within the deadline."""
    seen: dict[str, object] | None = None
    deadline = time.monotonic() + ACK_DEADLINE_S
    while time.monotonic() < deadline:
        try:
            status = json.loads((state / "status.json").read_text())
        except (OSError, ValueError):
            status = {}
        if status.get("trading_state") == "halted":
            seen = status
            if status.get("working_orders") == 0:
                return seen
        time.sleep(0.05)
    return seen


def _say(as_json: bool, acknowledged: bool, text: str) -> None:
    line = json.dumps({"acknowledged": acknowledged, "text": text}) if as_json else text
    sys.stdout.write(line + "\n")
