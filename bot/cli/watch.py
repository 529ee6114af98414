"""`condor watch`: the dashboard's view in the terminal, or the status file's where no dashboard is served."""

from __future__ import annotations

import http.client
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import click

from bot import instance
from bot.cli import exits
from bot.cli.root import common

if TYPE_CHECKING:
    from rich.console import RenderableType

ANSWER_DEADLINE_S = 2.0
LINK = "web.url"


@click.command()
@common
@click.option("--every", "every_s", default=1.0, show_default=True, type=click.FloatRange(0.2, 60.0), help="seconds")
@click.option("--once", is_flag=True, help="one picture, then end (so too where the output is no terminal)")
@click.option("--link", "only_link", is_flag=True, help="print the dashboard's link with its token, then end")
def watch(
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
    every_s: float,
    once: bool,
    only_link: bool,
) -> None:
    """What the bot is doing, in this terminal, until Ctrl-C. It changes nothing. Exit 5 where no bot runs."""
    if only_link:
        _print_link(state_dir)
        return
    if as_json:
        view, _ = look(state_dir)
        click.echo(json.dumps(view))
        sys.exit(exits.OK if view is not None else exits.NOT_RUNNING)
    from rich.console import Console

    console = Console()
    if once or not console.is_terminal:
        console.print(_now(state_dir))
        sys.exit(exits.OK if instance.holder(state_dir) is not None else exits.NOT_RUNNING)
    _follow(console, state_dir, every_s)


def _follow(console: Any, state_dir: Path, every_s: float) -> None:
    from rich.live import Live

    try:
        with Live(_now(state_dir), console=console, screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(every_s)
                live.update(_now(state_dir), refresh=True)
    except KeyboardInterrupt:
        console.print(_now(state_dir))


def _print_link(state_dir: Path) -> None:
    try:
        click.echo((state_dir / LINK).read_text().strip())
    except OSError:
        click.echo(f"no dashboard is served for {state_dir}: no bot runs there, or web.enabled is false", err=True)
        sys.exit(exits.NOT_RUNNING)


def _now(state_dir: Path) -> RenderableType:
    from bot.cli.picture import picture

    view, status = look(state_dir)
    pid = instance.holder(state_dir)
    for known in ((view, status), (None, status)):
        try:
            return picture(*known, pid)
        except (KeyError, TypeError):  # a bot of another version tells it otherwise
            continue
    return picture(None, None, pid)


def look(state_dir: Path) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The dashboard's view, None where none answers, and the status file, None where there is none."""
    try:
        status: Any = json.loads((state_dir / "status.json").read_text())
    except (OSError, ValueError):
        status = None
    return _view(state_dir), status if isinstance(status, dict) else None


def _view(state_dir: Path) -> dict[str, Any] | None:
    try:
        link = urlsplit((state_dir / LINK).read_text().strip())
        token = parse_qs(link.query)["token"][0]
        connection = http.client.HTTPConnection(link.hostname or "", link.port, timeout=ANSWER_DEADLINE_S)
        try:
            connection.request("GET", "/view.json", headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            found: Any = json.loads(answer.read()) if answer.status == 200 else None
        finally:
            connection.close()
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        return None
    return found if isinstance(found, dict) else None
