"""The verbs of `condor`, each imported when it is called."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import click

VERBS = {
    "run": ("bot.cli.run", "run", "the bot against the configured gateway"),
    "sim": ("bot.cli.sim", "sim", "bot and simulated gateway together, on a scenario or on real history"),
    "gateway": ("bot.cli.gateway", "gateway", "the simulated IB Gateway alone, for any client"),
    "doctor": ("bot.cli.doctor", "doctor", "what would keep the bot from working, each with its remedy"),
    "status": ("bot.cli.review", "status", "what the bot is doing now"),
    "watch": ("bot.cli.watch", "watch", "the same in this terminal, renewed every second; --link for the dashboard"),
    "report": ("bot.cli.report", "report", "a session explained: verdict, orders, caps, faults, what is due"),
    "why": ("bot.cli.review", "why", "the reason for a decision, or for its absence"),
    "log": ("bot.cli.log", "log", "what happened, line by line: filter, follow"),
    "plan": ("bot.cli.plan", "plan", "what would be sent now and which cap binds; nothing is sent"),
    "rules": ("bot.cli.rules", "rules", "every rule: sources, settings, state, what it saw last"),
    "method": ("bot.cli.method", "method", "regimes, adjustments, net vega in its band, answers to inversions"),
    "twins": (
        "bot.cli.twins",
        "twins",
        "what the hedge did for the condors of a simulation",
    ),
    "replay": ("bot.cli.review", "replay", "make every decision of the journal again and compare"),
    "arm": ("bot.cli.arm", "arm", "allow trading again after a stop"),
    "pause": ("bot.cli.arm", "pause", "no new entries, resting ones withdrawn; exits go on"),
    "reduce": ("bot.cli.arm", "reduce", "only orders that reduce risk, until armed"),
    "flatten": ("bot.cli.flatten", "flatten", "close everything the bot owns by limit orders, then halt"),
    "closed": ("bot.cli.closed", "closed", "book a condor that was closed by hand in TWS, if the broker agrees"),
    "approve": ("bot.cli.approve", "approve", "answer yes to what the bot asks"),
    "decline": ("bot.cli.approve", "decline", "answer no; an advised order is taken back"),
    "override": ("bot.cli.approve", "override", "hold back new condors or discretionary additions for a while"),
    "approver": ("bot.cli.approve", "approver", "who may approve: add, remove, list"),
    "alerts": ("bot.cli.alerts", "alerts", "who is told what: show, test (a message through every channel)"),
    "ack": ("bot.cli.alerts", "ack", "urgent news was seen: one alert by its id, or all"),
    "calendar": ("bot.cli.calendar", "calendar", "sessions, early closes and releases ahead: check, show"),
    "macro": ("bot.cli.macro", "macro", "inputs that no market data carries: set, list, unset, keys"),
    "config": ("bot.cli.config", "config", "the effective configuration, where each value comes from, what it means"),
    "kill": ("bot.cli.root", "kill_help", "stop trading now, cancel everything, keep positions"),
}


class Verbs(click.Group):
    """Imports a verb's module when it is asked for, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the order a user meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command, None if there is no such verb."""
        if cmd_name not in VERBS:
            return None
        module, name, _ = VERBS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, text) for verb, (_, _, text) in VERBS.items()])


@click.command(cls=Verbs)
@click.version_option(package_name="condor-desk")
def cli() -> None:
    """An unattended SPX iron-condor bot for an Interactive Brokers paper account."""


@click.command("kill", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def kill_help(arguments: tuple[str, ...]) -> None:
    """Stop trading now: no new orders, cancel everything, keep positions."""
    from bot.cli.kill import main

    raise SystemExit(main(list(arguments)))


def common(command: Any) -> Any:
    """The options every verb takes: --state, --config, --set, --json."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="print JSON instead of text"),
        click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="override one setting"),
        click.option("--config", "config_file", type=click.Path(path_type=Path), help="a further TOML file"),
        click.option(
            "--state",
            "state_dir",
            type=click.Path(path_type=Path),
            default=Path("var"),
            show_default=True,
            help="journal, latch, logs and reports",
        ),
    ):
        command = option(command)
    return command
