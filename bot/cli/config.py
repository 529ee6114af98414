"""`condor config`: the effective configuration with the origin of each value, and what a key means."""

from __future__ import annotations

import json
import sys
from pathlib import Path

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
    """Show every setting and its origin, check the configuration, or explain a KEY. Exit 78 when it is refused.

    KEY is a setting (risk.open_condors) or a section (risk). `show KEY` shows only what is below it; `explain` adds
    meaning, what the value overrides, what is allowed, its variable, and the rules that read it.
    """
    from bot.settings.explain import below, explain, lines
    from bot.settings.layers import closest, flatten
    from bot.settings.load import load
    from bot.settings.models import known_keys

    with told():
        loaded = load(profile=profile, config=config_file, assignments=assignments)
    if what == "check":
        good = f"configuration {loaded.config_hash}: good"
        click.echo(json.dumps({"config": loaded.config_hash}) if as_json else good)
        return
    if what == "explain" and key is None:
        raise click.UsageError("explain needs a KEY, for example risk.open_condors")
    chosen = below(key) if key is not None else tuple(known_keys())
    if not chosen:
        hint = closest(key or "", known_keys())
        click.echo(f"no setting {key!r}" + (f"; did you mean {hint}?" if hint else ""), err=True)
        sys.exit(exits.USAGE)
    if what == "explain":
        found = [explain(loaded, name) for name in chosen]
        if as_json:
            click.echo(json.dumps(found[0] if chosen == (key,) else found))
        else:
            click.echo("\n".join(line for row in found for line in lines(row)))
        return
    values = flatten(loaded.settings.model_dump(mode="json"), known_keys())
    rows = {name: {"value": value, "from": loaded.origin(name)} for name, value in values.items() if name in chosen}
    if as_json:
        click.echo(json.dumps(rows))
    else:
        click.echo("\n".join(f"{name} = {row['value']!r}    # {row['from']}" for name, row in rows.items()))
