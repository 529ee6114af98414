"""`condor gateway`: the simulated IB Gateway alone, for the bot or for any other client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from datetime import datetime
from pathlib import Path

import click

from bot.cli import exits
from bot.cli.trouble import told
from bot.cli.worlds import ServerVersion, Tick, WorldChoice, chosen, gateway_for, ledger_for, world_options
from bot.sim.wire.session import MAX_VERSION


@click.command()
@world_options(default_speed="1")
@click.option("--host", default="127.0.0.1", show_default=True, help="address to listen on (loopback)")
@click.option("--port", type=click.IntRange(0, 65535), default=4002, show_default=True, help="0 takes a free port")
@click.option("--control-port", type=click.IntRange(0, 65535), default=0, help="control channel; 0 takes a free port")
@click.option("--tick", "tick_s", type=Tick(), help="market seconds between two looks at the market")
@click.option(
    "--server-version",
    type=ServerVersion(),
    default=MAX_VERSION,
    show_default=True,
    help="newest protocol version spoken, 157 to 176 without 158; a client with an older one gets its own",
)
@click.option(
    "--begin",
    type=click.Choice(["open", "premarket"]),
    default="open",
    show_default=True,
    help="where the first day starts: inside the session, or fifteen minutes before it",
)
def gateway(
    scenario: str | None,
    history: Path | None,
    start: datetime | None,
    end: datetime | None,
    seed: int,
    speed: float | None,
    ledger: Path | None,
    host: str,
    port: int,
    control_port: int,
    tick_s: float | None,
    server_version: int,
    begin: str,
) -> None:
    """A simulated IB Gateway that speaks the TWS socket protocol.

    Prints one JSON line {"host", "port", "account", "control"} when ready. Point any IB client at host and port.
    """
    choice = chosen(scenario, history, start, end, seed=seed, speed=speed, ledger=ledger)
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise click.UsageError("the protocol has no authentication: the gateway listens on loopback only")
    with told():
        serving = _serve(choice, host, port, control_port, tick_s=tick_s, begin=begin, server_version=server_version)
        sys.exit(asyncio.run(serving))


async def _serve(
    choice: WorldChoice,
    host: str,
    port: int,
    control_port: int,
    *,
    tick_s: float | None,
    begin: str,
    server_version: int,
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Before anything else: whoever read the ready line may end the gateway at once, and that is a clean end too.
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    world = choice.build()
    ledger = ledger_for(choice)
    speed = choice.speed if choice.speed is not None else 1e6
    free = WorldChoice(choice.scenario, choice.history, choice.start, choice.end, choice.seed, speed, choice.ledger)
    start = world.days[0].open_at if begin == "open" else None
    served = gateway_for(
        free,
        world,
        ledger,
        host=host,
        port=port,
        control_port=control_port,
        tick_s=tick_s,
        begin=start,
        server_version=server_version,
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
    return exits.OK
