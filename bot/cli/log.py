"""`condor log`: the lines of a session that matter, as text or JSON, once or as they come."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import click

from bot.cli import exits
from bot.cli.root import common
from bot.cli.trouble import told
from bot.log_lines import LEVELS

POLL_S = 0.5


@click.command()
@click.option("--event", default="*", metavar="GLOB", help="decision.C-ENTRY-*, verdict.C*, move.condor  [all]")
@click.option("--condor", "about", default="", metavar="ID", help="a condor (ic-...), a slot (alvh-s04) or an order")
@click.option("--since", metavar="HH:MM", help="New York, of the session; or an ISO moment")
@click.option("--until", metavar="HH:MM", help="the same")
@click.option("--level", type=click.Choice(LEVELS), default="debug", show_default=True, help="this loud or louder")
@click.option("--session", default="last", show_default=True, metavar="DATE", help="a session, last or all")
@click.option("--journal", "from_journal", is_flag=True, help="from the journal: facts too, whatever the log kept")
@click.option("--follow", is_flag=True, help="go on until Ctrl-C")
@common
def log(event: str, about: str, since: str | None, until: str | None, level: str, session: str, from_journal: bool,
        follow: bool, state_dir: Path, config_file: Path | None, assignments: tuple[str, ...],
        as_json: bool) -> None:  # fmt: skip
    """What happened, line by line: decisions, verdicts of the gate, moves, fills, alerts. Reads, changes nothing.

    GLOB is compared with the whole name of a line (decision.C-EXIT-3, alert.latch.kill) and with its first word.
    """
    from bot import log_view

    if follow and (from_journal or session != "last"):
        raise click.UsageError("--follow goes with the newest log file: neither --journal nor --session")
    known = _known(state_dir, from_journal)
    chosen = _chosen(known, session)
    try:
        day = date.fromisoformat(chosen[-1])
        wanted = log_view.Wanted(
            event,
            about,
            None if since is None else log_view.moment(since, day),
            None if until is None else log_view.moment(until, day),
            level,
        )
    except ValueError as reason:
        raise click.UsageError(f"--since and --until are HH:MM or ISO moments: {reason}") from None
    with told():
        if from_journal:
            only = chosen[0] if len(chosen) == 1 else None
            lines = log_view.from_journal(state_dir / "journal.sqlite3", only)
        elif follow:
            lines = _followed(state_dir)
        else:
            lines = log_view.from_files(state_dir, chosen)
        try:
            _print(lines, wanted, as_json)
        except (KeyboardInterrupt, BrokenPipeError):
            sys.stderr.close()


def _known(state_dir: Path, from_journal: bool) -> list[str]:
    from bot import log_view
    from bot.journal import reader

    if not from_journal:
        found = log_view.sessions(state_dir)
    else:
        path = state_dir / "journal.sqlite3"
        with told():
            found = reader.sessions(path) if path.exists() else []
    if not found:
        click.echo(f"{state_dir}: no log here; the bot has not run on this state directory", err=True)
        sys.exit(exits.FAILED)
    return found


def _chosen(known: list[str], session: str) -> list[str]:
    if session == "all":
        return known
    if session == "last":
        return known[-1:]
    if session not in known:
        raise click.UsageError(f"no log of {session}; there are {known[0]} to {known[-1]} ({len(known)} sessions)")
    return [session]


def _print(lines: Iterator[dict[str, Any]], wanted: Any, as_json: bool) -> None:
    from bot.log_view import words

    for line in lines:
        if wanted.takes(line):
            sys.stdout.write((json.dumps(line) if as_json else words(line)) + "\n")
            sys.stdout.flush()


def _followed(state_dir: Path) -> Iterator[dict[str, Any]]:
    """The newest file from its beginning and whatever is added, then the next session's file."""
    from bot import log_view

    session, at, rest = log_view.sessions(state_dir)[-1], 0, b""
    while True:
        path = state_dir / log_view.FOLDER / f"{session}.jsonl"
        with path.open("rb") as file:
            file.seek(at)
            raw = file.read()
        at += len(raw)
        *whole, rest = (rest + raw).split(b"\n")
        for piece in whole:
            if (line := log_view.parsed(piece)) is not None:
                yield line
        if raw:
            continue
        newer = [name for name in log_view.sessions(state_dir) if name > session]
        if newer:
            session, at, rest = newer[0], 0, b""
        else:
            time.sleep(POLL_S)
