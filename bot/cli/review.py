"""`condor status`, `report`, `why` and `replay`: views of the journal and of the status file."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bot import instance
from bot.cli import exits
from bot.cli.root import common
from bot.cli.trouble import told
from bot.consent_view import lines as consent_lines
from bot.open_view import flatten_line
from strategies.domain.session import NEW_YORK


@click.command()
@common
def status(state_dir: Path, config_file: Path | None, assignments: tuple[str, ...], as_json: bool) -> None:
    """What the bot is doing now. Exit 0 active, 3 halted, flattening or reducing, 4 blind, 5 not running."""
    running = instance.holder(state_dir)
    try:
        told: Any = json.loads((state_dir / "status.json").read_text())
    except (OSError, ValueError):
        told = None
    found: dict[str, Any] = told if isinstance(told, dict) else {}
    found["running_pid"] = running
    if as_json:
        click.echo(json.dumps(found))
    elif not found.get("at"):
        click.echo(f"no status in {state_dir}: the bot has not run here")
    else:
        click.echo(status_text(found))
    if running is None:
        sys.exit(exits.NOT_RUNNING)
    if found.get("trading_state") != "active":
        sys.exit(exits.HALTED)
    sys.exit(exits.OK if found.get("link") == "up" else exits.BLIND)


def status_text(s: dict[str, Any]) -> str:
    """The lines of `condor status` from the values of the status file and `running_pid`."""

    def number(value: Any, digits: int = 2) -> str:
        return "unknown" if value is None else f"{value:,.{digits}f}"

    blind = "" if s["link"] == "up" else "  BLIND"
    lines = [
        f"{s['trading_state'].upper()}{'  PAUSED' if s['paused'] else ''}{blind}   paper {s['account']}   "
        f"config {s['config']}   {s['at'][:19]}Z"
        + ("" if s["running_pid"] else "   (not running: this is the last word)"),
        f"link    {s['link']}: {s['link_reason']}   reconciled {s['reconciled']}   lines {s['market_data_lines']}",
        f"market  SPX {number(s['spx'])}   VIX {number(s['vix'])}",
        f"account NLV {number(s['net_liquidation_usd'], 0)}   excess liquidity {number(s['excess_liquidity_usd'], 0)}",
        f"orders  {s['working_orders']} working"
        + (f", in doubt: {', '.join(s['doubtful_orders'])}" if s["doubtful_orders"] else ""),
    ]
    lines += [
        f"condor  {c['id']}  {c['expiry']}  x{c['quantity']}  credit {number(c['credit_points'])}  {c['state']}"
        for c in s["condors"]
    ] or ["condor  none"]
    lines += [f"stop    {latch}" for latch in s["latches"]]
    lines += flatten_line((s.get("open") or {}).get("flatten"))
    lines += consent_lines(s.get("consent") or {})
    lines += _macro_lines(s.get("macro") or {})
    lines += [f"last    {s['last_decision']}", f"alert   {s['last_alert'] or 'none'}"]
    return "\n".join(lines)


def _macro_lines(macro: dict[str, Any]) -> list[str]:
    from bot.macro_view import told_line

    verdict, until = macro.get("verdict", "unknown"), macro.get("events_until")
    lines = [f"events  {verdict}: the list of releases reaches to {until or 'nowhere'}"]
    lines += [f"told    {told_line(row)}" for row in macro.get("inputs", ())]
    return lines + [f"macro   {text}" for text in macro.get("says", ())]


@click.command()
@click.argument("subject", default="last")
@common
@click.option("--rule", help="only decisions of this rule, for example C-ENTRY-5")
@click.option("--count", type=click.IntRange(1, 1000), help="how many of the latest  [5; of a group 60]")
@click.option("--at", "until", metavar="TIME", help="nothing after this moment: 'YYYY-MM-DD HH:MM' in New York, or ISO")
def why(
    subject: str,
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
    rule: str | None,
    count: int | None,
    until: str | None,
) -> None:
    """The reason for decisions, acted on or not.

    SUBJECT is a condor id, an order ref, a hedge slot (alvh-s04) or `last`. `entry` and `hedge` show the last word (by
    --at) of every rule about a new condor or the hedge, in full what acted or stood in the way; with --rule all that
    one rule said. `nothing` shows what did not act, `near` the near misses, `refused` what the gate denied.
    """
    from bot.report.why import GROUPS, NOTHING, TELLING, answer, explain

    _need_journal(state_dir)
    moment = None if until is None else _moment(until)
    most = 60 if subject == NOTHING or (subject in GROUPS and rule is None) else 5
    with told():
        rows = explain(state_dir, subject, rule, count or most, moment)
    if not rows:
        about = {"near": "that missed by a little", "refused": "denied by the gate", "nothing": "that did not act"}
        what = about.get(subject, "at all") if subject in TELLING else f"about {subject}"
        by, when = f" by {rule}" if rule else "", f" until {until}" if until else ""
        click.echo(f"the journal has no decision {what}{by}{when}", err=True)
        sys.exit(exits.FAILED)
    click.echo(json.dumps(rows) if as_json else answer(rows, subject, rule))


def _moment(text: str) -> datetime:
    """A moment as people write it; without a zone it is New York's. Ends the command for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no moment; write 2026-03-11 10:30, or an ISO time with a zone", param_hint="--at"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=NEW_YORK)


@click.command()
@click.argument("session", default="all")
@common
def replay(
    session: str, state_dir: Path, config_file: Path | None, assignments: tuple[str, ...], as_json: bool
) -> None:
    """Make every decision again from the journal. Exit 0 identical, 6 diverged."""
    from bot.replay import replay as make_again

    _need_journal(state_dir)
    with told():
        try:
            result = make_again(state_dir, session)
        except LookupError as reason:
            click.echo(str(reason), err=True)
            sys.exit(exits.FAILED)
    if as_json:
        click.echo(json.dumps(result.as_dict()))
    elif result.divergence is None:
        click.echo(f"replayed {result.events:,} events of {result.session}: {result.outcomes:,} outcomes, identical")
    else:
        click.echo(f"DIVERGED in {result.session}:\n{result.divergence}")
    sys.exit(exits.OK if result.divergence is None else exits.DIVERGED)


def _need_journal(state_dir: Path) -> None:
    if not (state_dir / "journal.sqlite3").exists():
        click.echo(f"{state_dir} holds no journal: nothing was run there (see --state)", err=True)
        sys.exit(exits.FAILED)
