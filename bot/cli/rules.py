"""`condor rules`: every rule with sources, parameters and state, and what each saw last."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from click.core import ParameterSource

from bot.cli import exits
from bot.cli.root import common
from bot.cli.trouble import told


@click.command()
@click.argument("rule", required=False)
@common
@click.option("--profile", default="paper", show_default=True, help="config/PROFILE.toml")
@click.pass_context
def rules(
    ctx: click.Context,
    rule: str | None,
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
    profile: str,
) -> None:
    """Every rule: where it comes from, its settings, whether it runs. RULE (C-ENTRY-9) shows one in full, a
    statement of the sources (S0-17) the rules that honour it.

    With --state DIR the settings are those of the journal's last run, and each rule says what it saw last and how far
    that was from its threshold.
    """
    from bot.rules import text, view
    from bot.rules.catalogue import catalogue
    from bot.settings.layers import closest, flatten
    from bot.settings.load import load
    from bot.settings.models import known_keys

    wanted = None if rule is None else rule.upper()
    known = frozenset((*catalogue().rules, *catalogue().statements))
    if wanted is not None and wanted not in known:
        hint = closest(wanted, known)
        click.echo(f"no rule {rule!r}" + (f"; did you mean {hint}?" if hint else "; condor rules lists all"), err=True)
        sys.exit(exits.USAGE)
    with told():
        loaded = load(profile=profile, config=config_file, assignments=assignments)
        values = flatten(loaded.settings.model_dump(mode="json"), known_keys())
        last = None
        if ctx.get_parameter_source("state_dir") is not ParameterSource.DEFAULT:
            last, values = _journal(state_dir, values)
    if wanted in catalogue().statements:
        row = view.statement(wanted, values)
        click.echo(json.dumps(row) if as_json else text.stated(row))
        return
    rows = view.rows(values, last, wanted)
    if as_json:
        click.echo(json.dumps(rows if wanted is None else rows[0]))
    else:
        click.echo(text.listed(rows) if wanted is None else text.explained(rows[0]))


def _journal(
    state_dir: Path, values: dict[str, object]
) -> tuple[dict[str, list[dict[str, object]]], dict[str, object]]:
    """The last decisions of a journal and the settings they were made with."""
    from bot.journal import reader
    from bot.rules import view

    path = state_dir / "journal.sqlite3"
    if not path.exists():
        click.echo(f"{state_dir} holds no journal: nothing was run there (see --state)", err=True)
        sys.exit(exits.FAILED)
    return view.last_decisions(reader.read_outcomes(path)), view.recorded_values(state_dir, values)
