"""`condor run`: the bot in the foreground against the configured gateway."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path

import click

from bot.cli.root import common
from bot.cli.trouble import told


@click.command()
@common
@click.option("--profile", default="paper", show_default=True, help="config/PROFILE.toml")
def run(profile: str, state_dir: Path, config_file: Path | None, assignments: tuple[str, ...], as_json: bool) -> None:
    """Run the bot until it is stopped (Ctrl-C, SIGTERM) or killed (`condor kill`)."""
    with told():
        from bot.life import Life
        from bot.settings.load import load

        loaded = load(profile=profile, config=config_file, assignments=assignments)
        life = Life(
            loaded=loaded, state_dir=state_dir, tell=_terminal(as_json), tell_address=lambda at: _address(at, state_dir)
        )
        stopped = asyncio.run(life.run())
    sys.stderr.write(f"{stopped.text}\n")
    sys.exit(stopped.code)


def _address(address: str, state_dir: Path) -> None:
    """Without the token, because this output is often kept in a system log."""
    sys.stderr.write(f"dashboard {address}  (link with the token: {state_dir / 'web.url'})\n")


def _terminal(as_json: bool):  # type: ignore[no-untyped-def]  # two shapes of the same callback
    import orjson

    def tell(at: datetime, level: str, text: str) -> None:
        if as_json:
            line = orjson.dumps({"at": at.isoformat(), "level": level, "text": text}).decode()
        else:
            line = f"{at:%Y-%m-%d %H:%M:%S}Z  {level:<8}  {text}"
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    return tell
