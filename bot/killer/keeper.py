"""The bot's side of the killer: starts it, starts it again when it dies, says so, and ends it with an orderly stop.

A killer outlives a bot that crashed, so that `condor kill` still cancels; and one that stops while a kill is not yet
proven, as when the journal cannot be written: nobody else would go on cancelling. The next bot replaces it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from bot import instance, latch
from bot.killer import said
from bot.killer.duty import Phase
from bot.killer.process import LOCK, STATUS
from bot.killer.told import Told

AGAIN_S, AGAIN_MOST_S = 2.0, 60.0
"""Pause before the next killer: doubled each time one dies young."""
END_DEADLINE_S = 5.0
LOOK_S = 0.5
"""How often its process is looked at."""


async def keep(told: Told, note: Callable[[str], None]) -> None:
    """Keeps a killer running until cancelled, then ends it, unless a kill is unproven. `note` hears of its deaths."""
    state_dir = Path(told.state_dir)
    await _replace_orphan(state_dir)
    pause_s = AGAIN_S
    while True:
        began_s = asyncio.get_running_loop().time()
        process = start(told)
        try:
            code = await _ended(process)
        except asyncio.CancelledError:
            if unproven(state_dir):
                process.returncode = 0  # not ours any more: it lives on, and Python need not warn of it
            else:
                await _end(process)
            raise
        note(
            f"the killer process ended by itself (exit {code}; {said.NAME} has what it said); until the next one has "
            "started only the bot cancels"
        )
        lived_s = asyncio.get_running_loop().time() - began_s
        pause_s = AGAIN_S if lived_s > AGAIN_MOST_S else min(2.0 * pause_s, AGAIN_MOST_S)
        await asyncio.sleep(pause_s)


def start(told: Told) -> subprocess.Popen[bytes]:
    """A killer in a session of its own with streams of its own: Ctrl-C on the bot's terminal is not the killer's, nor
    does it end with a bot that ends, nor does it hold up a pipe that the bot wrote to."""
    command = [sys.executable, "-m", "bot.killer", msgspec.json.encode(told).decode()]
    words = said.opened(Path(told.state_dir))
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True)
    finally:
        os.close(words)


async def _ended(process: subprocess.Popen[bytes]) -> int:
    while (code := process.poll()) is None:  # noqa: ASYNC110 - another process
        await asyncio.sleep(LOOK_S)
    return code


def unproven(state_dir: Path) -> bool:
    """Whether a kill stands of which the killer has not yet said that it is verified."""
    if not latch.present(state_dir / latch.NAME):
        return False
    told = {}
    with contextlib.suppress(OSError, ValueError):
        told = json.loads((state_dir / STATUS).read_text())
    mine = told.get("latch_ms") == latch.changed_ms(state_dir / latch.NAME)
    return not (mine and told.get("phase") == Phase.VERIFIED.value)


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


async def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_DEADLINE_S):
            while process.poll() is None:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.poll()
