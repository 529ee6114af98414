"""`condor gateway`: the simulated IB Gateway alone, for the bot or for any other client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bot.cli import exits
from bot.cli.gateway_options import LOOPBACK, gateway_options
from bot.cli.trouble import told
from bot.cli.worlds import WorldChoice, chosen, gateway_for, ledger_for, world_options
from bot.sim.desk.rights import DataRights
from bot.sim.gateway import SimulatedGateway
from bot.sim.types import WorldEvent


@dataclass(frozen=True, slots=True)
class _Service:
    """What is served, to whom and where; as the options say."""

    host: str
    port: int
    control: tuple[str, int]
    faults: Path | None
    accounts: Mapping[str, float]
    limits: str
    server_version: int
    master_client_id: int | None
    tick_s: float | None
    begin: str
    overnight: bool
    market_data: str


@click.group(invoke_without_command=True)
@world_options(default_speed="1")
@gateway_options
@click.pass_context
def gateway(
    context: click.Context,
    /,
    scenario: str | None,
    history: Path | None,
    start: datetime | None,
    end: datetime | None,
    seed: int,
    speed: float | None,
    ledger: Path | None,
    accounts: tuple[tuple[str, float], ...],
    **service: Any,
) -> None:
    """A simulated IB Gateway: speaks the TWS socket protocol to any IB client library.

    With no options at all it opens an invented trading day on port 4002, inside the session, with a paper account of
    500,000 dollars and IB's limits. When it is ready it prints one JSON line {"host", "port", "account", "control"};
    point your client at host and port. SIGTERM or Ctrl-C end it.

    \b
    condor gateway                                     the market in real time
    condor gateway --scenario crash --speed 60         a crash, an hour a minute
    condor gateway --faults faults.toml --ledger l.jsonl
                                                       misbehaving on schedule, the truth in a file
    condor gateway verbs                               everything that can go wrong on command
    """
    if context.invoked_subcommand is not None:
        return
    choice = chosen(scenario, history, start, end, seed=seed, speed=speed, ledger=ledger)
    if service["host"] not in LOOPBACK:
        raise click.UsageError("the protocol has no authentication: the gateway listens on loopback only")
    if len({account for account, _ in accounts}) < len(accounts):
        raise click.UsageError("--account names an account twice")
    with told():
        sys.exit(asyncio.run(_serve(choice, _Service(accounts=dict(accounts), **service))))


@gateway.command("verbs")
@click.option("--json", "as_json", is_flag=True, help="print JSON instead of text")
def verbs(as_json: bool) -> None:
    """Every fault and control verb with its arguments."""
    from bot.sim.control import documentation
    from bot.sim.faults.when import KEYS

    when = [key.facts() for key in KEYS]
    if as_json:
        click.echo(json.dumps({"verbs": documentation(), "when": when}, indent=2))
        return
    click.echo('Over the control channel: {"verb": NAME, ARGUMENT: VALUE, ...}, one JSON object per line.')
    click.echo("In a script: [[fault]] tables of verb, its arguments, and when; `market s` are seconds of market time.")
    layer = None
    for name, facts in documentation().items():
        if facts["layer"] != layer:
            layer = facts["layer"]
            click.echo(f"\n{layer}")
        click.echo(f"\n  {name}")
        _say(str(facts["text"]), 6)
        for argument in facts["arguments"]:  # type: ignore[attr-defined]  # a list by its own documentation
            _say_argument(argument)
    click.echo("\nwhen = { ... }")
    for key in when:
        _say_argument(key)


def _say(text: str, indent: int, hanging: int = 0) -> None:
    first, later = " " * indent, " " * (indent + hanging)
    click.echo(click.wrap_text(text, width=110, initial_indent=first, subsequent_indent=later))


def _say_argument(facts: Mapping[str, object]) -> None:
    default = facts.get("default")
    told = "required" if "required" in facts else "may be absent" if default is None else f"default {default}"
    _say(f"{facts['name']}: {facts['text']}; {facts['allowed']}; {told}", 8, 4)


async def _serve(choice: WorldChoice, service: _Service) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Before anything else: whoever read the ready line may end the gateway at once, and that is a clean end too.
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    world = choice.build()
    ledger = ledger_for(choice)
    served = gateway_for(
        replace(choice, speed=choice.speed if choice.speed is not None else 1e6),
        world,
        ledger,
        host=service.host,
        port=service.port,
        control=service.control,
        tick_s=service.tick_s,
        begin=world.days[0].open_at if service.begin == "open" else None,
        overnight=service.overnight,
        server_version=service.server_version,
        accounts=service.accounts,
        limited=service.limits == "ib",
        master_client_id=service.master_client_id,
        faults=_script(service.faults),
        rights=DataRights(service.market_data),
    )
    try:
        await served.start()
    except OSError as reason:
        sys.stderr.write(f"{reason}\n")
        return exits.FAILED
    sys.stdout.write(json.dumps(served.ready_line()) + "\n")
    sys.stdout.flush()
    try:
        await stop.wait()
    finally:
        with contextlib.suppress(OSError):
            await served.stop()
        if ledger is not None:
            ledger.close()
    _say_what_never_happened(served)
    return exits.OK


def _script(path: Path | None) -> list[WorldEvent]:
    from bot.sim.faults.script import read_file

    return read_file(path) if path is not None else []


def _say_what_never_happened(served: SimulatedGateway) -> None:
    for complaint in served.script.complaints():
        sys.stderr.write(f"{complaint}\n")
