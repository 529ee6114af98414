"""The bot's side of the killer: starts it, starts it again when it dies, says so, and ends it with an orderly stop.

A killer outlives a bot that crashed, so that `condor kill` still cancels. The next bot replaces it by one of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from bot import instance
from bot.killer.process import LOCK
from bot.killer.told import Told

AGAIN_S, AGAIN_MOST_S = 2.0, 60.0
"""Pause before the next killer: doubled each time one dies young."""
END_DEADLINE_S = 5.0


async def keep(told: Told, note: Callable[[str], None]) -> None:
    """Keeps a killer running until cancelled, then ends it. `note` hears of every death of it."""
    state_dir = Path(told.state_dir)
    await _replace_orphan(state_dir)
    pause_s = AGAIN_S
    while True:
        began_s = asyncio.get_running_loop().time()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot.killer",
            msgspec.json.encode(told).decode(),
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C on the bot's terminal is not the killer's
        )
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise
        note(f"the killer process ended by itself (exit {code}); until the next one has started only the bot cancels")
        lived_s = asyncio.get_running_loop().time() - began_s
        pause_s = AGAIN_S if lived_s > AGAIN_MOST_S else min(2.0 * pause_s, AGAIN_MOST_S)
        await asyncio.sleep(pause_s)


async def _replace_orphan(state_dir: Path) -> None:
    """A killer that a crashed bot left is told to go: its settings may be older than this bot's."""
    pid = instance.holder(state_dir, LOCK)
    if pid is None or pid <= 1:
        return
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(END_DEADLINE_S):
            while instance.holder(state_dir, LOCK) is not None:  # noqa: ASYNC110 - a lock of another process
                await asyncio.sleep(0.05)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_DEADLINE_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
