"""The command line `condor`: verbs are imported only when used, and `kill` needs nothing but the standard library."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point. `kill` goes its own short way, so that it works when everything else is broken."""
    if len(sys.argv) > 1 and sys.argv[1] == "kill":
        from bot.cli.kill import main as kill

        sys.exit(kill(sys.argv[2:]))
    from bot.cli.root import cli
    from bot.cli.trouble import mask_tracebacks

    mask_tracebacks()
    cli(prog_name="condor")
