"""`condor alerts` and `condor ack`: who is told what, a message to try the channels, and that urgent news was seen."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from bot import instance
from bot.cli import exits
from bot.cli.arm import ANSWER_DEADLINE_S, leave, now_ms, say
from bot.cli.root import common
from bot.cli.trouble import told
from bot.notify.answers import ALL, read
from strategies.domain.control import OperatorVerb

NO_CHANNEL = "no channel is configured: name a file with addresses in notify.file (docs/alerts.md)"


@click.command()
@click.argument("what", type=click.Choice(["show", "test"]))
@click.option("--channel", help="only this channel of the file")
@click.option("--profile", default="paper", show_default=True, help="config/PROFILE.toml")
@common
def alerts(what: str, channel: str | None, profile: str, state_dir: Path, config_file: Path | None,
           assignments: tuple[str, ...], as_json: bool) -> None:  # fmt: skip
    """Show who is told what and which urgent news is open, or send a test message. Addresses are never shown.

    `test` exits 1 when a channel failed or none is configured.
    """
    from bot.notify import channels
    from bot.settings.load import load

    with told():
        section = load(profile=profile, config=config_file, assignments=assignments).settings.notify
        found = channels.read(Path(section.file)) if section.file else channels.Channels()
    if what == "show":
        shown = _shown(section, found, state_dir)
        click.echo(json.dumps(shown) if as_json else "\n".join(_lines(shown)))
        return
    results = _tried(section, found, channel)
    words = "\n".join(f"{name}: {why or 'sent'}" for name, why in results.items())
    click.echo(json.dumps(results) if as_json else words or NO_CHANNEL)
    sys.exit(exits.FAILED if not results or any(results.values()) else exits.OK)


def _tried(section: Any, found: Any, only: str | None) -> dict[str, str]:
    """Each channel's failure, "" where the test message went out; the dead-man address is asked too."""
    from bot.notify.notice import Message
    from bot.notify.postman import by_process, order_of

    names = tuple(c.name for c in found.channels if only in (None, c.name))
    if only is not None and only not in (*names, "dead_man"):
        known = ", ".join(c.name for c in found.channels) or "none"
        raise click.UsageError(f"no channel {only!r} in {section.file or 'notify.file'}; there are {known}")
    results: dict[str, str] = {}
    if names:
        text = "A test of the alerts, asked for by condor alerts test. Nothing happened and nothing is needed."
        message = Message("[TEST] condor", text, urgent=True)
        failed = by_process(order_of(message, found, names, section.deadline_s), section.deadline_s)
        results |= {name: failed.get(name, failed.get("*", "")) for name in names}
    if found.dead_man_url is not None and only in (None, "dead_man"):
        order = json.dumps({"ping": found.dead_man_url, "deadline_s": section.deadline_s})
        failed = by_process(order, section.deadline_s)
        results["dead_man"] = failed.get("dead_man", failed.get("*", ""))
    return results


def _shown(section: Any, found: Any, state_dir: Path) -> dict[str, Any]:
    board = read(state_dir)
    return {
        "file": section.file,
        "channels": [
            {"name": c.name, "urgent_only": c.urgent_only, "trouble": board.channels.get(c.name, "")}
            for c in found.channels
        ],
        "dead_man": found.dead_man_url is not None,
        "levels": {kind: level.value for kind, level in section.levels},
        "ack_within_min": section.ack_within_min,
        "dropped": board.dropped,
        "open": _open(state_dir),
    }


def _open(state_dir: Path) -> list[dict[str, Any]]:
    questions = read(state_dir).open
    return [{"id": q.id, "at": q.at.isoformat(), "text": q.text, "overdue": q.overdue} for q in questions]


def _lines(shown: dict[str, Any]) -> list[str]:
    lines = [
        f"{c['name']}{'  urgent only' if c['urgent_only'] else ''}  {c['trouble'] or 'no trouble known'}"
        for c in shown["channels"]
    ] or [NO_CHANNEL]
    lines.append(f"dead-man address: {'yes' if shown['dead_man'] else 'none'}")
    for level in ("urgent", "normal", "quiet", "off"):
        kinds = ", ".join(kind for kind, value in shown["levels"].items() if value == level)
        lines.append(f"{level:<7} {kinds or '-'}")
    minutes = shown["ack_within_min"]
    lines.append(
        f"unacknowledged urgent news reduces after {minutes:g} min" if minutes else "acknowledging is optional"
    )
    if shown["dropped"]:
        lines.append(f"{shown['dropped']} messages were dropped")
    return [*lines, *_open_lines(shown["open"])]


def _open_lines(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return ["no urgent news waits for an answer"]
    return [f"{r['id']}  {r['at'][:16]}Z  {'OVERDUE  ' if r['overdue'] else ''}{r['text']}" for r in rows]


@click.command()
@click.argument("subject", required=False, metavar="[ID|all]")
@click.option("-m", "--message", default="seen", show_default=True, help="goes into the journal")
@common
def ack(subject: str | None, message: str, state_dir: Path, config_file: Path | None,
        assignments: tuple[str, ...], as_json: bool) -> None:  # fmt: skip
    """Say that urgent news was seen: one alert by its ID, or `all`; without either the open ones are listed.

    It starts nothing again: a stop is ended by `condor arm`, which also acknowledges everything.
    """
    rows = _open(state_dir)
    if subject is None:
        click.echo(json.dumps(rows) if as_json else "\n".join(_open_lines(rows)))
        return
    meant = {str(row["id"]) for row in rows if subject in (ALL, row["id"])}
    if subject != ALL and not meant:
        known = ", ".join(str(row["id"]) for row in rows) or "none"
        say(as_json, f"no open alert {subject}; open are {known}")
        sys.exit(exits.USAGE)
    if instance.holder(state_dir) is None:
        say(as_json, "no bot is running on this state directory: acknowledge when one runs")
        sys.exit(exits.NOT_RUNNING)
    if meant or subject == ALL:  # with nothing open it still says that somebody is there (C54)
        leave(state_dir, OperatorVerb.ACK, message, confirmed=True, number=now_ms(), subject=subject)
        if meant and not _closed(state_dir, meant):
            say(as_json, f"the bot did not acknowledge within {ANSWER_DEADLINE_S:g} s")
            sys.exit(exits.FAILED)
    say(as_json, f"acknowledged: {', '.join(sorted(meant)) or 'nothing was open'}")


def _closed(state_dir: Path, names: set[str]) -> bool:
    """Waits until the running bot has taken these questions off its board."""
    deadline_s = time.monotonic() + ANSWER_DEADLINE_S
    while time.monotonic() < deadline_s:
        if not names & {q.id for q in read(state_dir).open}:
            return True
        time.sleep(0.1)
    return False
