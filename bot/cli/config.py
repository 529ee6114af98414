"""`condor config`: the effective configuration with the origin of each value, and what a key means."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from bot.cli import exits
from bot.cli.root import common
from bot.cli.trouble import told


@click.command()
@click.argument("what", type=click.Choice(["show", "check", "explain"]))
@click.argument("key", required=False)
@common
@click.option("--profile", default="paper", show_default=True, help="config/PROFILE.toml")
def config(
    what: str,
    key: str | None,
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
    profile: str,
) -> None:
    """Show every setting and its origin, check the configuration, or explain one KEY. Exit 78 when it is refused."""
    from bot.settings.layers import closest, flatten
    from bot.settings.load import load
    from bot.settings.models import known_keys

    with told():
        loaded = load(profile=profile, config=config_file, assignments=assignments)
    values = flatten(loaded.settings.model_dump(mode="json"), known_keys())
    if what == "check":
        click.echo(
            json.dumps({"config": loaded.config_hash}) if as_json else f"configuration {loaded.config_hash}: good"
        )
        return
    if what == "explain":
        if key is None:
            raise click.UsageError("explain needs a KEY, for example risk.open_condors")
        if key not in known_keys():
            hint = closest(key, known_keys())
            click.echo(f"no setting {key!r}" + (f"; did you mean {hint}?" if hint else ""), err=True)
            sys.exit(exits.USAGE)
        _explain(loaded, key, values.get(key), as_json)
        return
    rows = {name: {"value": value, "from": loaded.origin(name)} for name, value in values.items()}
    if as_json:
        click.echo(json.dumps(rows))
    else:
        click.echo("\n".join(f"{name} = {row['value']!r}    # {row['from']}" for name, row in rows.items()))


def _explain(loaded: Any, key: str, value: Any, as_json: bool) -> None:
    meaning = next((layer.comments[key] for layer in loaded.layers if key in layer.comments), "")
    row = {"key": key, "value": value, "from": loaded.origin(key), "meaning": meaning}
    click.echo(json.dumps(row) if as_json else f"{key} = {value!r}\n  {meaning}\n  from {row['from']}")
