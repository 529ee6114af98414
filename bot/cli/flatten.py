"""`condor flatten`: everything the bot owns is closed by limit orders, after a typed confirmation; then it halts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from bot import instance, latch
from bot.cli import exits
from bot.cli.arm import leave, now_ms, read_status, say, show_standing, typed_suffix, wait
from bot.cli.root import common
from bot.open_view import flatten_line
from strategies.domain.control import OperatorVerb

WILL = (
    "flatten WILL: latch FLATTENING, cancel every order of the bot and wait for the proof, close each condor whole, "
    "then sell the hedge,",
    "  all by limit orders that only close, walked from mid within the gate's collar, in as many sessions as it takes; "
    "then HALTED.",
    "flatten WILL NOT: send a market order, open or add anything, touch orders or positions of others, or trade "
    "outside the session: then it is queued for the open.",
    "`condor kill` ends it at any moment, `condor arm` too; pause and reduce do not.",
)


@click.command()
@common
@click.option("-m", "--message", required=True, help="why; goes into the journal and the report")
@click.option("--confirm", help="the last three characters of the account id, to confirm without being asked")
def flatten(
    message: str,
    confirm: str | None,
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
) -> None:
    """Close everything the bot owns by limit orders, then halt.

    Cancels first, then closes whole condors, then sells the hedge. Outside the session it waits for the open and says
    so. Exit 0 begun, 2 not confirmed, 3 refused, 5 no bot runs.
    """
    if latch.present(state_dir / latch.NAME):
        say(as_json, "NOT flattening: KILL holds, nothing of ours trades under it. Either close positions in TWS, or "
                     "`condor arm` and then `condor flatten` at once")  # fmt: skip
        sys.exit(exits.HALTED)
    before = read_status(state_dir)
    if instance.holder(state_dir) is None or before is None:
        say(as_json, "no bot is running on this state directory: nobody is there to close anything. Start "
                     "`condor run`, then flatten; or close positions in TWS")  # fmt: skip
        sys.exit(exits.NOT_RUNNING)
    show_standing(before, state_dir, WILL)
    if not typed_suffix(before, confirm, as_json, "NOT flattening"):
        sys.exit(exits.USAGE if before.get("account") else exits.HALTED)
    leave(state_dir, OperatorVerb.FLATTEN, message, confirmed=True, number=now_ms())
    seq = int(before.get("last_alert_seq") or 0)

    def answered(status: dict[str, Any]) -> bool:
        return _running(status) is not None or _refused(status, seq)

    answer = wait(state_dir, answered)
    if answer is None:
        say(as_json, "the bot did not answer: `condor status` says whether it flattens")
        sys.exit(exits.FAILED)
    if _running(answer) is None:
        say(as_json, f"NOT flattening: {answer.get('last_alert')}")
        sys.exit(exits.HALTED)
    say(as_json, "\n".join(flatten_line(_running(answer))))


def _running(status: dict[str, Any]) -> dict[str, Any] | None:
    """The flattening under way, None without one."""
    found: dict[str, Any] | None = (status.get("open") or {}).get("flatten")
    return found if found and found["phase"] not in ("flat", "overruled") else None


def _refused(status: dict[str, Any], seq: int) -> bool:
    """Whether the bot has refused since then."""
    told = str(status.get("last_alert", "")).startswith("flatten refused")
    return told and int(status.get("last_alert_seq") or 0) > seq
