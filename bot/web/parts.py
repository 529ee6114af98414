"""The result by part beside the page: a process that reads the journal now and then while somebody looks.

The dashboard's thread only waits for its answer. A process that fails or takes too long leaves the last answer standing
with the reason beside it; nothing of it reaches the trading loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from bot.web.view.numbers import Json

LOOK_EVERY_S = 1.0
RENEW_S = 15.0
REST_SHARE = 20.0
"""It rests so many times as long as the last one took: one twentieth of a processor at most."""

DEADLINE_S = 300.0
"""A second of work; on a machine that many share it has taken three minutes."""

MOST_BYTES = 100_000


class Parts:
    """Asks again and again while `wanted` says that somebody looks; `told` is the newest answer."""

    def __init__(self, state_dir: Path, wanted: Callable[[], bool], command: Sequence[str] | None = None) -> None:
        default = (sys.executable, "-m", "bot.report.sofar", str(state_dir))
        self._command = tuple(command) if command is not None else default
        self._wanted = wanted
        self.told: Json = {"rows": [], "unknown": "not asked yet"}

    async def run(self) -> None:
        """Until cancelled; a process that runs then is ended."""
        rest_s = 0.0
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            rest_s -= LOOK_EVERY_S
            if rest_s > 0.0 or not self._wanted():
                continue
            began_s = time.monotonic()
            await self.ask()
            rest_s = max(RENEW_S, REST_SHARE * (time.monotonic() - began_s))

    async def ask(self) -> None:
        """One answer, or why there is none."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as reason:
            self._failed(f"cannot be started: {reason}")
            return
        try:
            async with asyncio.timeout(DEADLINE_S):
                body, errors = await process.communicate()
        except TimeoutError:
            await _end(process)
            self._failed(f"took longer than {DEADLINE_S:.0f} s")
            return
        except asyncio.CancelledError:
            await _end(process)
            raise
        self._take(process.returncode, body, errors)

    def _take(self, code: int | None, body: bytes, errors: bytes) -> None:
        if len(body) > MOST_BYTES:
            self._failed("said too much")
            return
        if code:
            lines = errors.decode("utf-8", "replace").strip().splitlines()
            self._failed(lines[-1][:200] if lines else f"ended with {code}")
            return
        try:
            told = orjson.loads(body)
        except orjson.JSONDecodeError:
            self._failed("gave no answer")
            return
        self.told = {**told, "unknown": None}

    def _failed(self, why: str) -> None:
        self.told = {**self.told, "unknown": f"the result by part {why}"}


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kills it and takes what its pipes still hold, so that nothing of it is left open."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.communicate()
