"""`condor closed`: a person says that others closed a condor; the bot books it if the broker's evidence agrees."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from bot import instance
from bot.cli import exits
from bot.cli.arm import leave, now_ms, read_status, say, show_standing, typed_suffix, wait
from bot.cli.root import common
from strategies.domain.control import OperatorVerb

WILL = (
    "closed WILL: book the condor as closed and give it the executions of others that closed it, if two comparisons "
    "with the broker show none of its legs and those executions are exactly its legs, reversed.",
    "closed WILL NOT: place, cancel or close anything, believe you where the broker shows otherwise, or arm: "
    "`condor arm` is a step of its own.",
)


@click.command()
@click.argument("condor")
@common
@click.option("-m", "--message", required=True, help="who closed it and why; goes into the journal")
@click.option("--confirm", help="the last three characters of the account id, to confirm without being asked")
def closed(
    condor: str,
    message: str,
    confirm: str | None,
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
) -> None:
    """Book a condor as closed that was closed by hand in TWS, or by the broker.

    Refused while the broker shows a leg of it, an order on its contracts may still trade, or no executions explain
    where the legs went. Exit 0 booked, 2 not confirmed, 3 refused, 5 no bot runs.
    """
    before = read_status(state_dir)
    if instance.holder(state_dir) is None or before is None:
        say(as_json, "no bot is running on this state directory: start `condor run`; it has to ask the broker")
        sys.exit(exits.NOT_RUNNING)
    if not message.strip():
        say(as_json, "NOT booked: -m needs who closed it and why; it goes into the journal")
        sys.exit(exits.USAGE)
    show_standing(before, state_dir, WILL)
    if not typed_suffix(before, confirm, as_json, "NOT booked"):
        sys.exit(exits.USAGE if before.get("account") else exits.HALTED)
    leave(state_dir, OperatorVerb.CLOSED, message, confirmed=True, number=now_ms(), subject=condor)
    seq = int(before.get("last_alert_seq") or 0)

    def answered(status: dict[str, Any]) -> bool:
        return (_shows(before, condor) and not _shows(status, condor)) or _refused(status, condor, seq)

    answer = wait(state_dir, answered)
    if answer is None:
        say(as_json, f"the bot did not answer: `condor status` says whether {condor} is open")
        sys.exit(exits.FAILED)
    if _shows(answer, condor) or not _shows(before, condor):
        say(as_json, str(answer.get("last_alert")))
        sys.exit(exits.HALTED)
    say(as_json, f"{condor} is booked as closed; `condor status` shows what still stops trading, `condor arm` ends it")


def _shows(status: dict[str, Any], condor: str) -> bool:
    return any(row.get("id") == condor for row in status.get("condors", ()))


def _refused(status: dict[str, Any], condor: str, seq: int) -> bool:
    told = str(status.get("last_alert", "")).startswith(f"{condor} is not booked as closed")
    return told and int(status.get("last_alert_seq") or 0) > seq
