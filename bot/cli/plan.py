"""`condor plan`: what the bot would send now, and which cap binds; nothing is sent."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from bot.cli import exits
from bot.cli.root import common
from bot.cli.trouble import told


@click.command()
@common
def plan(state_dir: Path, config_file: Path | None, assignments: tuple[str, ...], as_json: bool) -> None:
    """Ask the rules once on the journal's last state: what would be sent now, what the gate says, which cap binds.

    Works beside a running bot, whose journal is read up to its last record, and after one. The numbers are those of the
    run (parameters are in the journal); nothing is sent and nothing is written.
    """
    from bot.plan import NothingToPlan, lines
    from bot.plan import plan as planned
    from bot.recover import code_version, recover

    path = state_dir / "journal.sqlite3"
    if not path.exists():
        click.echo(f"{state_dir}: no journal; the bot has not run here", err=True)
        sys.exit(exits.FAILED)
    try:
        with told():
            found = planned(recover(path))
    except NothingToPlan as reason:
        click.echo(str(reason), err=True)
        sys.exit(exits.FAILED)
    if found["code"] != code_version():
        click.echo("the journal was written by other code than this; what follows is this code's answer", err=True)
    click.echo(json.dumps(found) if as_json else "\n".join(lines(found)))
