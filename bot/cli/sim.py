"""`condor sim`: the whole story without an account: simulated gateway and bot together, at any speed."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bot import instance
from bot.cli import exits
from bot.cli.progress import Progress
from bot.cli.root import common
from bot.cli.trouble import told
from bot.cli.worlds import Tick, WorldChoice, chosen, gateway_for, ledger_for, world_options
from bot.sim.world.market import MarketWorld

READY_DEADLINE_S = 60.0


@click.command()
@world_options(default_speed="6000")
@common
@click.option("--fresh", is_flag=True, help="empty the state directory first")
@click.option(
    "--tick",
    "tick_s",
    type=Tick(),
    default=15.0,
    show_default=True,
    help="market seconds between two looks at the market",
)
@click.option("--web", is_flag=True, help="serve the dashboard while it plays")
@click.option("--quiet", is_flag=True, help="only the closing words")
def sim(
    scenario: str | None,
    history: Path | None,
    start: datetime | None,
    end: datetime | None,
    seed: int,
    speed: float | None,
    ledger: Path | None,
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
    fresh: bool,
    tick_s: float,
    web: bool,
    quiet: bool,
) -> None:
    """Simulated gateway and bot together.

    With a number for --speed the gateway is another process and the client speaks TCP to it; with --speed max both
    live in one process on virtual time, with the same bytes between them.
    """
    if web:
        assignments = ("web.enabled=true", *assignments)
    choice = chosen(scenario, history, start, end, seed=seed, speed=speed, ledger=ledger)
    with told():
        from bot.report.words import closing_words

        world = choice.build()
        _loaded(config_file, assignments, 4002, 4102, choice)  # what is wrong is refused before anything is emptied
        if fresh:
            _empty(state_dir)
        progress = Progress(quiet=quiet or as_json, title=choice.name)
        run = _virtual if choice.speed is None else _over_tcp
        code = run(choice, world, state_dir, config_file, assignments, tick_s, progress)
        words = closing_words(state_dir, tuple(world.notes()))
    if as_json:
        click.echo(json.dumps({"exit": code, **words.as_dict()}))
    else:
        click.echo(words.render())
    sys.exit(code)


def _empty(state_dir: Path) -> None:
    """Removes an earlier run; refuses a directory that is not one of ours or that a bot is running on."""
    if not state_dir.is_dir():
        return
    if instance.holder(state_dir) is not None:
        raise instance.AlreadyRunning(state_dir, instance.holder(state_dir))
    if any(state_dir.iterdir()) and not (state_dir / "journal.sqlite3").exists():
        raise click.UsageError(f"{state_dir} is not empty and holds no journal of ours: not touched")
    shutil.rmtree(state_dir)


def _loaded(
    config_file: Path | None, assignments: tuple[str, ...], port: int, control: int, choice: WorldChoice
) -> Any:
    from bot.settings.load import load

    ends = [f"broker.port={port}", f'clock.follow="127.0.0.1:{control}"']
    if choice.history is not None and (choice.history / "macro_events.csv").exists():
        ends.append(f'macro.events="{choice.history / "macro_events.csv"}"')
    return load(profile="sim", config=config_file, assignments=(*ends, *assignments))


def _link(state_dir: Path) -> None:
    """The whole link: it opens a simulated account, on this machine, while the story plays."""
    sys.stderr.write(f"dashboard {(state_dir / 'web.url').read_text().strip()}\n")


def _virtual(
    choice: WorldChoice,
    world: MarketWorld,
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    tick_s: float,
    progress: Progress,
) -> int:
    """One process, virtual time: as fast as the machine allows, the same every time."""
    from bot.life import Life
    from bot.sim.virtual_time import run_virtual

    ledger = ledger_for(choice)

    async def both() -> int:
        gateway = gateway_for(choice, world, ledger, host="127.0.0.1", port=0, control=("127.0.0.1", 0), tick_s=tick_s)
        await gateway.start()
        ready = gateway.ready_line()
        port, control = int(str(ready["port"])), int(str(ready["control"]).rpartition(":")[2])
        life = Life(
            loaded=_loaded(config_file, assignments, port, control, choice),
            state_dir=state_dir,
            tell=progress.tell,
            watchers=(progress.observe,),
            handle_signals=False,
            status_every_s=1800.0,
            tell_address=lambda address: _link(state_dir),
        )
        try:
            return (await life.run()).code
        finally:
            await gateway.stop()

    progress.start(len(world.days))
    try:
        code = run_virtual(both)
    finally:
        if ledger is not None:
            ledger.close()
    return code


def _hold(control_port: int) -> None:
    """Market time waits for the bot however slow the machine is: on a busy one it would run away for good otherwise."""
    with (
        socket.create_connection(("127.0.0.1", control_port), timeout=READY_DEADLINE_S) as connection,
        connection.makefile("rw") as lines,
    ):
        lines.write(json.dumps({"verb": "hold"}) + "\n")
        lines.flush()
        answer = json.loads(lines.readline())
        if not answer.get("ok"):
            raise click.ClickException(f"the simulated gateway cannot be held in step: {answer}")


def _over_tcp(
    choice: WorldChoice,
    world: MarketWorld,
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    tick_s: float,
    progress: Progress,
) -> int:
    """Two processes: the client library speaks TCP to the gateway, as it would to the real one."""
    from bot.life import Life

    command = [
        sys.executable,
        "-m",
        "bot",
        "gateway",
        "--port",
        "0",
        "--control",
        "127.0.0.1:0",
        "--begin",
        "premarket",
        "--tick",
        repr(tick_s),
    ]
    process = subprocess.Popen([*command, *choice.arguments()], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.wait(READY_DEADLINE_S)
            raise SystemExit(process.returncode or exits.FAILED)
        ready = json.loads(line)
        control = int(str(ready["control"]).rpartition(":")[2])
        life = Life(
            loaded=_loaded(config_file, ("clock.ahead=1", *assignments), int(ready["port"]), control, choice),
            state_dir=state_dir,
            tell=progress.tell,
            watchers=(progress.observe,),
            tell_address=lambda address: _link(state_dir),
        )
        _hold(control)
        progress.start(len(world.days))
        return asyncio.run(life.run()).code
    finally:
        process.terminate()
        process.wait(10)
