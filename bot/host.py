"""Measures the machine under the bot every few seconds and tells the engine: clocks, disk, memory, the process itself.

Rules
- Only runs against a real gateway are measured: a simulated market must depend on its seed alone.
- What cannot be measured is None; the gate then takes no new risk (C44, C49, C50).
- The look itself must not block: it reads /proc and asks the file system for one number.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bot.ports import PostFact
from strategies.domain.events import HostMeasured
from strategies.domain.host import HostReading

EVERY_S = 10.0
LAG_STEP_S = 0.5
CLOCK_EVERY = 6
"""The broker's clock is asked with every so many looks."""
STEPS_KEPT = 60
"""A step of the wall clock counts for so many looks (ten minutes)."""
MIB = 1024.0 * 1024.0


@dataclass(slots=True)
class HostWatch:
    """Looks, compares and tells. `wall_s` and `steady_s` are the wall clock and one that nobody sets."""

    state_dir: Path
    post: PostFact
    now: Callable[[], datetime]
    slowest_commit_ms: Callable[[], float | None]
    facts_waiting: Callable[[], int]
    broker_clock_ms: Callable[[], Awaitable[float | None]]
    wall_s: Callable[[], float] = time.time  # noqa: TID251 - the wall clock itself is what is measured
    steady_s: Callable[[], float] = time.monotonic
    _offsets_s: deque[float] = field(default_factory=lambda: deque(maxlen=STEPS_KEPT))
    _broker_ms: float | None = None
    _lag_s: float = 0.0

    async def run(self) -> None:
        """For ever; the first look comes at once."""
        looks = 0
        while True:
            if looks % CLOCK_EVERY == 1:
                self._broker_ms = await self.broker_clock_ms()
            self.post(HostMeasured(reading=self.look()))
            looks += 1
            await self._wait()

    async def _wait(self) -> None:
        """Sleeps in short steps and notes how late the loop woke it."""
        loop = asyncio.get_running_loop()
        for _ in range(round(EVERY_S / LAG_STEP_S)):
            due_s = loop.time() + LAG_STEP_S
            await asyncio.sleep(LAG_STEP_S)
            self._lag_s = max(self._lag_s, loop.time() - due_s)

    def look(self) -> HostReading:
        """One reading; the lag and the slowest commit begin anew with it."""
        lag_s, self._lag_s = self._lag_s, 0.0
        return HostReading(
            at=self.now(),
            clock_step_ms=self._clock_step_ms(),
            broker_clock_ms=self._broker_ms,
            disk_free_mib=free_mib(self.state_dir),
            commit_ms=self.slowest_commit_ms(),
            memory_mib=memory_mib(),
            descriptors=descriptors(),
            tasks=len(asyncio.all_tasks()),
            facts_waiting=self.facts_waiting(),
            loop_lag_s=lag_s,
        )

    def _clock_step_ms(self) -> float:
        """The greatest change of wall against steady clock within the last looks; sleep of the machine is one too."""
        self._offsets_s.append(self.wall_s() - self.steady_s())
        first = self._offsets_s[0]
        return 1000.0 * max((offset - first for offset in self._offsets_s), key=abs)


def free_mib(folder: Path) -> float | None:
    """Free space on the disk of a folder, None if it cannot be asked."""
    try:
        return shutil.disk_usage(folder).free / MIB
    except OSError:
        return None


def memory_mib() -> float | None:
    """Resident memory of this process; its greatest so far where the system does not tell the present one."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / MIB
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / MIB if sys.platform == "darwin" else peak / 1024.0


def descriptors() -> int | None:
    """Open files and sockets of this process, None if the system does not list them."""
    try:
        return len(os.listdir("/dev/fd"))
    except OSError:
        return None
