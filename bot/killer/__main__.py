"""`python -m bot.killer JSON`: the killer as the bot starts it. The one argument is a `Told` as JSON."""

from __future__ import annotations

import asyncio
import sys

import msgspec

from bot.instance import AlreadyRunning, StateDirRefused
from bot.killer.process import serve
from bot.killer.told import Told

REFUSED = 6


def main(arguments: list[str]) -> int:
    """Returns 0 after an orderly end, 6 where this state has a killer already or the argument is unusable."""
    try:
        told = msgspec.json.decode(arguments[0].encode(), type=Told)
        spec = told.spec()
    except (IndexError, ValueError, msgspec.MsgspecError) as reason:
        sys.stderr.write(f"killer: the argument must be the JSON the bot gives: {reason}\n")
        return REFUSED
    try:
        asyncio.run(serve(spec))
    except (AlreadyRunning, StateDirRefused) as reason:
        sys.stderr.write(f"killer: {reason}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
