"""`condor macro`: inputs that no market data carries, told by a person with source, date and time to live."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import click

from bot import instance, macro_file
from bot.cli import exits
from bot.cli.kill import who
from bot.cli.root import common
from bot.macro_view import told_line, told_rows
from strategies.domain.macro import KIND_OF, MACRO_KINDS, MacroInput
from strategies.domain.session import NEW_YORK


@click.group()
def macro() -> None:
    """Inputs that no market data carries: `keys`, `set`, `list`, `unset`."""


@macro.command("set", context_settings={"ignore_unknown_options": True})  # a value may be negative: -0.1
@click.argument("key")
@click.argument("value")
@click.option("--source", required=True, help="where the value comes from, for example the agency's release")
@click.option("--as-of", required=True, metavar="DATE", help="the day it is of (YYYY-MM-DD); a release: its day")
@click.option(
    "--ttl", "ttl_days", type=int, metavar="DAYS", help="how long it holds; default as `condor macro keys` says"
)
@click.option("--unit", help="checked against the key's unit when given")
@click.option("--on", "entered", metavar="DATE", help="the day it is told, for a simulated world; default today")
@common
def set_(
    key: str,
    value: str,
    source: str,
    as_of: str,
    ttl_days: int | None,
    unit: str | None,
    entered: str | None,
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
) -> None:
    """Tell one value. A running bot reads it within a second; it is kept for the next start too."""
    today = _today(state_dir) if entered is None else _day(entered)
    path = state_dir / macro_file.NAME
    kind = KIND_OF.get(key)
    fresh = MacroInput(
        key=key,
        value=_typed(value),
        unit=unit if unit is not None else "" if kind is None else kind.unit.value,
        source=source,
        as_of=_day(as_of),
        ttl_days=ttl_days if ttl_days is not None else 1 if kind is None else kind.ttl_days,
        entered_on=today,
        by=who(),
    )
    rows = _kept(path, today)
    try:
        rows = macro_file.with_input(rows, fresh, today)
    except macro_file.MacroRefused as reason:
        _refuse(str(reason))
    _write(path, rows)
    _say(as_json, f"{key} = {value} {fresh.unit} as of {fresh.as_of}, holds until {fresh.until}. {_heard(state_dir)}")


@macro.command()
@click.argument("key")
@click.option("--as-of", metavar="DATE", help="only the observation of this day; default all of the key")
@common
def unset(
    key: str,
    as_of: str | None,
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
) -> None:
    """Take back what was told of a key: it is unknown again, which relaxes nothing."""
    today, path = _today(state_dir), state_dir / macro_file.NAME
    day = None if as_of is None else _day(as_of)
    rows = _kept(path, today)
    left = [row for row in rows if row.key != key or (day is not None and row.as_of != day)]
    if len(left) == len(rows):
        _refuse(f"nothing is told of {key}" + (f" as of {day}" if day is not None else ""))
    _write(path, left)
    _say(as_json, f"{key}: {len(rows) - len(left)} observation(s) taken back. {_heard(state_dir)}")


@macro.command("list")
@common
def list_(state_dir: Path, config_file: Path | None, assignments: tuple[str, ...], as_json: bool) -> None:
    """What is told, how old it is, and until when it holds."""
    today = _today(state_dir)
    rows = told_rows(_kept(state_dir / macro_file.NAME, today), today)
    if as_json:
        click.echo(json.dumps(rows))
        return
    click.echo("\n".join(told_line(row) for row in rows) or "nothing is told: every macro rule is neutral")


@macro.command()
@common
def keys(state_dir: Path, config_file: Path | None, assignments: tuple[str, ...], as_json: bool) -> None:
    """Every key with its unit, range, time to live and the rules that read it."""
    if as_json:
        click.echo(json.dumps([{**kind._asdict(), "unit": kind.unit.value} for kind in MACRO_KINDS]))
        return
    for kind in MACRO_KINDS:
        click.echo(
            f"{kind.key:18} {kind.unit.value:11} {kind.allowed:32} {kind.ttl_days:3} days  {', '.join(kind.rules)}"
        )
        click.echo(f"{'':18} {kind.meaning}")


def _kept(path: Path, today: date) -> tuple[MacroInput, ...]:
    try:
        return macro_file.read(path, today)
    except FileNotFoundError:
        return ()
    except macro_file.MacroRefused as reason:
        _refuse(f"{reason}. Correct {path} by hand, or move it away; the bot goes on with what it read before")
        raise  # not reached: _refuse ends the process


def _write(path: Path, rows: Sequence[MacroInput]) -> None:
    try:
        macro_file.write(path, rows)
    except OSError as reason:
        click.echo(f"{path} cannot be written: {reason.strerror}; nothing was changed", err=True)
        sys.exit(exits.BROKEN_STATE)


def _typed(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is no date; write YYYY-MM-DD") from None


def _today(state_dir: Path) -> date:
    """The bot's market day while one runs here (simulated days too), else the person's."""
    if instance.holder(state_dir) is not None:
        try:
            at = json.loads((state_dir / "status.json").read_text())["at"]
            return datetime.fromisoformat(at).astimezone(NEW_YORK).date()
        except (OSError, ValueError, KeyError, TypeError):
            click.echo("the running bot's day cannot be read; today's date is taken", err=True)
    return datetime.now(NEW_YORK).date()  # noqa: TID251 - a person's clock


def _heard(state_dir: Path) -> str:
    running = instance.holder(state_dir) is not None
    return "The running bot reads it within a second." if running else "No bot runs here: it is read at the next start."


def _refuse(text: str) -> None:
    click.echo(f"refused, nothing was changed: {text}", err=True)
    sys.exit(exits.USAGE)


def _say(as_json: bool, text: str) -> None:
    click.echo(json.dumps({"text": text}) if as_json else text)
