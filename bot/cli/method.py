"""`condor method`: the method at work in a journal."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import msgspec

from bot.cli import exits
from bot.cli.root import common
from bot.cli.trouble import told


@click.command()
@common
def method(state_dir: Path, config_file: Path | None, assignments: tuple[str, ...], as_json: bool) -> None:
    """How the method worked: regimes, adjustments, net vega in its band, the answer to inversions, slot 4."""
    from bot.method.build import build
    from bot.method.text import render

    if not (state_dir / "journal.sqlite3").exists():
        click.echo(f"{state_dir} holds no journal: nothing was run there (see --state)", err=True)
        sys.exit(exits.FAILED)
    with told():
        found = build(state_dir)
    click.echo(json.dumps(msgspec.to_builtins(found)) if as_json else render(found), nl=as_json)
