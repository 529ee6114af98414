"""`condor twins`: the condors of a recorded simulation without the hedge, with a static one, and smaller."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

import click
import msgspec

from bot.cli import exits
from bot.cli.root import common
from bot.cli.trouble import told
from bot.cli.worlds import chosen


@click.command()
@click.option("--scenario", help="the scenario the run was made in, a name or a TOML file")
@click.option("--history", type=click.Path(path_type=Path), help="the history folder the run was made in")
@click.option("--start", type=click.DateTime(formats=["%Y-%m-%d"]), help="first day of the run's world")
@click.option("--end", type=click.DateTime(formats=["%Y-%m-%d"]), help="last day of the run's world")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="the seed of the run's world")
@common
def twins(
    scenario: str | None,
    history: Path | None,
    start: datetime | None,
    end: datetime | None,
    seed: int,
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
) -> None:
    """What the hedge did for the condors of a simulation.

    The condors in the journal of --state are carried through the market they were traded in once more: unhedged, with
    the hedge as it was run, with a static 4/4/2 hedge of VIX calls, and smaller. Name the same world as for the run.
    """
    from bot.twins.carried import carry
    from bot.twins.compare import compare
    from bot.twins.market import TwinMarket
    from bot.twins.record import TwinsError, read
    from bot.twins.text import render

    if not (state_dir / "journal.sqlite3").exists():
        click.echo(f"{state_dir} holds no journal: nothing was run there (see --state)", err=True)
        sys.exit(exits.FAILED)
    choice = chosen(scenario, history, start, end, seed=seed, speed=None, ledger=None)
    with told():
        try:
            record = read(state_dir)
            found = compare(record, carry(record, TwinMarket(choice.build())))
        except TwinsError as reason:
            click.echo(str(reason), err=True)
            sys.exit(exits.FAILED)
    click.echo(json.dumps(msgspec.to_builtins(found)) if as_json else render(found), nl=as_json)
