"""The options that choose a simulated world, shared by `condor gateway` and `condor sim`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from bot.sim.desk.rights import DataRights
from bot.sim.faults.script import read_rows
from bot.sim.gateway import SimulatedGateway
from bot.sim.types import WorldEvent
from bot.sim.venue.ledger import Ledger
from bot.sim.venue.sim import SimVenue
from bot.sim.wire.limits import Limits, no_limits
from bot.sim.wire.session import MAX_VERSION, MIN_VERSION, speakable
from bot.sim.world.load import load_history, load_scenario
from bot.sim.world.market import MarketWorld

ACCOUNT = "DU1234567"
FUNDS_USD = 500_000.0


@dataclass(frozen=True, slots=True)
class WorldChoice:
    """Which world to build and how fast it runs; `speed` None means as fast as the machine allows."""

    scenario: str | None
    history: Path | None
    start: date | None
    end: date | None
    seed: int
    speed: float | None
    ledger: Path | None

    @property
    def name(self) -> str:
        """For titles: the scenario, or the dates."""
        if self.history is not None:
            return f"history {self.start} to {self.end}"
        return self.scenario_name + (f" from {self.start}" if self.start is not None else "")

    @property
    def scenario_name(self) -> str:
        """The scenario asked for, or the default."""
        return self.scenario or "flip"

    def build(self) -> MarketWorld:
        """The world, its events checked. Raises ScenarioError, WorldDataError or ScriptError."""
        if self.history is not None:
            assert self.start is not None
            assert self.end is not None
            return load_history(self.history, self.start, self.end, self.seed)
        world = load_scenario(self.scenario_name, self.seed, self.start)
        read_rows(world.events, world.days, None)
        return world

    def arguments(self) -> list[str]:
        """The same choice as command-line words for another process."""
        words = ["--seed", str(self.seed), "--speed", "max" if self.speed is None else repr(self.speed)]
        if self.history is not None:
            words += ["--history", str(self.history), "--end", str(self.end)]
        else:
            words += ["--scenario", self.scenario_name]
        words += ["--start", str(self.start)] if self.start is not None else []
        return words + (["--ledger", str(self.ledger)] if self.ledger is not None else [])


def ledger_for(choice: WorldChoice) -> Ledger | None:
    """The ledger file, opened; None where none is wanted. Raises click.UsageError where it cannot be written."""
    if choice.ledger is None:
        return None
    try:
        choice.ledger.parent.mkdir(parents=True, exist_ok=True)
        return Ledger(choice.ledger)
    except OSError as reason:
        raise click.UsageError(f"--ledger {choice.ledger} cannot be written: {reason.strerror}") from reason


def gateway_for(
    choice: WorldChoice,
    world: MarketWorld,
    ledger: Ledger | None,
    *,
    host: str,
    port: int,
    control: tuple[str, int],
    tick_s: float | None = None,
    begin: datetime | None = None,
    overnight: bool = False,
    server_version: int = MAX_VERSION,
    accounts: Mapping[str, float] | None = None,
    limited: bool = True,
    master_client_id: int | None = None,
    faults: Sequence[WorldEvent] = (),
    rights: DataRights = DataRights.LIVE,
) -> SimulatedGateway:
    """A gateway on that world, with one funded paper account where none are named (id to dollars)."""
    venue = SimVenue(world, accounts=accounts or {ACCOUNT: FUNDS_USD}, ledger=ledger, seed=choice.seed)
    return SimulatedGateway(
        venue,
        world,
        host,
        port,
        speed=choice.speed if choice.speed is not None else 1.0,
        tick_s=tick_s,
        control_host=control[0],
        control_port=control[1],
        begin=begin,
        overnight=overnight,
        server_version=server_version,
        limits=Limits() if limited else no_limits(),
        master_client_id=master_client_id,
        faults=faults,
        rights=rights,
    )


class Speed(click.ParamType[Any]):
    """A positive factor of real time, or `max`."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """None stands for max."""
        if value is None or value == "max":
            return None
        try:
            factor = float(value)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is neither a number nor 'max'", param, ctx)
        if not 0.0 < factor <= 1e6:
            self.fail(f"{value!r} must lie above 0 and at most 1,000,000", param, ctx)
        return factor


class Tick(click.ParamType[Any]):
    """Market seconds between two looks at the market."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A number from 0.1 to 3600; NaN is none."""
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        if not 0.1 <= seconds <= 3600.0:
            self.fail(f"{value!r} must lie between 0.1 and 3600 market seconds", param, ctx)
        return seconds


class ServerVersion(click.ParamType[Any]):
    """A protocol version that the gateway can speak."""

    name = "version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """157 to 176, not 158."""
        text = str(value)
        version = int(text) if text.isascii() and text.isdigit() else 0
        if not speakable(version):
            self.fail(f"{value!r} must be a protocol version from {MIN_VERSION} to {MAX_VERSION}, not 158", param, ctx)
        return version


def world_options(default_speed: str) -> Callable[[Any], Any]:
    """--scenario, maybe with --start, or --history with --start and --end; --seed, --speed, --ledger."""

    def decorate(command: Any) -> Any:
        day = click.DateTime(formats=["%Y-%m-%d"])
        for option in (
            click.option("--ledger", type=click.Path(path_type=Path), help="write the venue's own truth, JSON lines"),
            click.option(
                "--speed",
                type=Speed(),
                default=default_speed,
                show_default=True,
                help="market seconds per second, or max; nights and weekends are skipped",
            ),
            click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="chance, in one number"),
            click.option("--end", type=day, help="last day of the history"),
            click.option(
                "--start",
                type=day,
                help="first day of the history; a scenario is moved to begin there, or on the next trading day",
            ),
            click.option("--history", type=click.Path(path_type=Path), help="folder of daily market data"),
            click.option("--scenario", help="a shipped scenario (calm, flip, inversion, crash, melt_up) or a file"),
        ):
            command = option(command)
        return command

    return decorate


def chosen(
    scenario: str | None,
    history: Path | None,
    start: datetime | None,
    end: datetime | None,
    *,
    seed: int,
    speed: float | None,
    ledger: Path | None,
) -> WorldChoice:
    """Checks that the options say one thing. Raises click.UsageError."""
    if scenario and history:
        raise click.UsageError("--scenario and --history exclude each other")
    if history is None and end:
        raise click.UsageError("--end belongs to --history DIR: a scenario has its own number of days")
    if history is not None and (start is None or end is None):
        raise click.UsageError("--history needs --start YYYY-MM-DD and --end YYYY-MM-DD")
    if start is not None and end is not None and end < start:
        raise click.UsageError(f"--end {end.date()} lies before --start {start.date()}")
    return WorldChoice(
        scenario, history, start.date() if start else None, end.date() if end else None, seed, speed, ledger
    )
