"""`condor doctor`: everything that has kept such bots from working, each with its remedy."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from bot.cli import exits
from bot.cli.root import common


@click.command()
@click.option("--broker", is_flag=True, help="also connect: account, contracts, live quotes")
@click.option("--client-id", default=918, show_default=True, type=click.IntRange(1, 999), help="for --broker")
@click.option("--profile", default="paper", show_default=True, help="config/PROFILE.toml")
@common
def doctor(broker: bool, client_id: int, profile: str, state_dir: Path, config_file: Path | None,
           assignments: tuple[str, ...], as_json: bool) -> None:  # fmt: skip
    """Look at this machine, the configuration, the state directory and the gateway. It changes nothing.

    Exit 0 where nothing failed (warnings may stand), 1 otherwise. With --broker a short connection of its own is made
    to the gateway; it asks for contracts and four quotes and cannot send an order.
    """
    from bot.clock import SystemClock
    from bot.doctor.examine import examine
    from bot.doctor.row import Grade
    from bot.settings.load import load

    rows = examine(
        lambda: load(profile=profile, config=config_file, assignments=assignments),
        state_dir,
        SystemClock(),
        broker_client_id=client_id if broker else None,
    )
    failed = [row for row in rows if row.grade is Grade.FAIL]
    if as_json:
        click.echo(json.dumps([{**row._asdict(), "grade": row.grade.value} for row in rows]))
    else:
        width = max(len(row.name) for row in rows)
        for row in rows:
            click.echo(f"{row.grade.value.upper():<4}  {row.name:<{width}}  {row.text}")
            if row.remedy:
                click.echo(f"{'':<{width + 8}}-> {row.remedy}")
        warned = sum(1 for row in rows if row.grade is Grade.WARN)
        click.echo(f"{len(rows)} looked at: {len(failed)} failed, {warned} to be looked at")
    sys.exit(exits.FAILED if failed else exits.OK)
