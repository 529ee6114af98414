"""`condor approve`, `decline`, `override` and `approver`: people's answers, what they hold back, and who may answer."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from bot import approvers, instance, mailbox
from bot.cli import exits
from bot.cli.arm import leave, now_ms, read_status, say, wait
from bot.cli.kill import who
from bot.cli.root import common
from strategies.domain.control import OperatorVerb


@click.command()
@click.argument("request")
@click.option("-m", "--message", default="", help="why; goes into the journal")
@click.option("--as", "name", help="the approver; needed where approvers exist")
@click.option("--token-file", type=click.Path(path_type=Path), help="file with the token; else it is asked for")
@common
def approve(request: str, message: str, name: str | None, token_file: Path | None, state_dir: Path,
            config_file: Path | None, assignments: tuple[str, ...], as_json: bool) -> None:  # fmt: skip
    """Answer yes to an open REQUEST (`condor status` lists them). A stop never waits for this."""
    _answer(OperatorVerb.APPROVE, request, message, name, token_file, state_dir, as_json)


@click.command()
@click.argument("request")
@click.option("-m", "--message", default="", help="why; goes into the journal")
@click.option("--as", "name", help="the approver; needed where approvers exist")
@click.option("--token-file", type=click.Path(path_type=Path), help="file with the token; else it is asked for")
@common
def decline(request: str, message: str, name: str | None, token_file: Path | None, state_dir: Path,
            config_file: Path | None, assignments: tuple[str, ...], as_json: bool) -> None:  # fmt: skip
    """Answer no to an open REQUEST; an advised order that still works is taken back."""
    _answer(OperatorVerb.DECLINE, request, message, name, token_file, state_dir, as_json)


def _answer(
    verb: OperatorVerb, request: str, text: str, name: str | None, token_file: Path | None, state: Path, as_json: bool
) -> None:
    status = _running(state, as_json)
    asked = next((r for r in _requests(status) if r["id"] == request), None)
    if asked is None:
        known = ", ".join(r["id"] for r in _requests(status)) or "none"
        say(as_json, f"no open request {request}; open are {known}")
        sys.exit(exits.USAGE)
    number, proof = now_ms(), ""
    if name is not None:
        token = token_file.read_text().strip() if token_file is not None else click.prompt("Token", hide_input=True)
        try:
            proof = approvers.proof(state, name, token, mailbox.message(verb, request, number))
        except approvers.ApproverRefused as reason:
            say(as_json, str(reason))
            sys.exit(exits.USAGE)
    elif approvers.names(state) or asked["needed"] > 1:
        known = ", ".join(approvers.names(state)) or "none yet: `condor approver add NAME`"
        say(as_json, f"say who approves with --as NAME ({known})")
        sys.exit(exits.USAGE)
    leave(state, verb, text or "no reason given", confirmed=True, number=number, subject=request, approver=name or "",
           proof=proof)  # fmt: skip
    person, before = name or who(), asked["approved_by"]

    def heard(now: dict[str, Any]) -> bool:
        row = next((r for r in _requests(now) if r["id"] == request), None)
        return row is None or (person in row["approved_by"] and person not in before)

    after = wait(state, heard)
    if after is None:
        last = (read_status(state) or {}).get("last_alert", "no answer")
        say(as_json, f"the bot did not take it: {last}")
        sys.exit(exits.FAILED)
    row = next((r for r in _requests(after) if r["id"] == request), None)
    if row is None:
        say(as_json, f"{request}: ended. {after.get('last_alert', '')}")
    else:
        say(as_json, f"{request}: {len(row['approved_by'])} of {row['needed']} approvals; it goes on waiting")


@click.command()
@click.argument("action", type=click.Choice(["entry", "discretionary"]))
@click.option("-m", "--message", required=True, help="why; goes into the journal and the report")
@click.option("--hours", type=click.FloatRange(min=0.1), help="how long, in hours of market time")
@click.option("--end", is_flag=True, help="end the override now")
@common
def override(action: str, message: str, hours: float | None, end: bool, state_dir: Path, config_file: Path | None,
             assignments: tuple[str, ...], as_json: bool) -> None:  # fmt: skip
    """Hold back new condors (`entry`) or discretionary additions for some hours. What reduces risk goes on."""
    if end == (hours is not None):
        raise click.UsageError("say --hours N or --end")
    status = _running(state_dir, as_json)
    until = None if hours is None else datetime.fromisoformat(status["at"]) + timedelta(hours=hours)
    leave(state_dir, OperatorVerb.OVERRIDE, message, confirmed=True, number=now_ms(), subject=action, until=until)

    def heard(now: dict[str, Any]) -> bool:
        rows = (now.get("consent") or {}).get("overrides", ())
        mine = [o for o in rows if o["action"] == action and o["reason"] == message]
        return (not mine) if end else bool(mine)

    after = wait(state_dir, heard)
    if after is None:
        say(as_json, "the bot did not acknowledge")
        sys.exit(exits.FAILED)
    say(as_json, f"{action}: the override has ended" if end else f"{action}: held back. {after.get('last_alert', '')}")


@click.command()
@click.argument("what", type=click.Choice(["add", "remove", "list"]))
@click.argument("name", required=False)
@common
def approver(what: str, name: str | None, state_dir: Path, config_file: Path | None, assignments: tuple[str, ...],
             as_json: bool) -> None:  # fmt: skip
    """Who may approve: `add NAME` shows a token once, `remove NAME`, `list`."""
    if what == "list":
        found = approvers.names(state_dir)
        click.echo(json.dumps(found) if as_json else "\n".join(found) or "no approver: whoever types it approves")
        return
    if name is None:
        raise click.UsageError(f"{what} needs a NAME")
    try:
        if what == "remove":
            approvers.remove(state_dir, name)
            say(as_json, f"{name} approves no more")
            return
        token = approvers.add(state_dir, name)
    except approvers.ApproverRefused as reason:
        say(as_json, str(reason))
        sys.exit(exits.USAGE)
    except OSError as reason:
        say(as_json, f"{state_dir / approvers.FOLDER}: {reason.strerror}")
        sys.exit(exits.BROKEN_STATE)
    click.echo(json.dumps({"name": name, "token": token}) if as_json else f"{name}'s token, shown this once: {token}")


def _running(state: Path, as_json: bool) -> dict[str, Any]:
    status = read_status(state)
    if instance.holder(state) is None or status is None:
        say(as_json, "no bot is running on this state directory")
        sys.exit(exits.NOT_RUNNING)
    return status


def _requests(status: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (status.get("consent") or {}).get("requests", [])
    return found
