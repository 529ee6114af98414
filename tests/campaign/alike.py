"""Seeds that begin alike, played from one beginning: the process forks where the faults of each begin.

What a bot does in peace (greeting, contracts, three hundred sessions of history, first quotes and orders) costs more
than what most faults do to it, and follows from the beginning alone. It is lived once; each seed goes on from there in
a process of its own, on the very files, which are put back before the next one. A seed played alone lives the same,
and comes to the same row.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bot.instance import LOCK_NAME
from tests.campaign.found import Found
from tests.campaign.plan import Plan, facts
from tests.campaign.play import Seed, row_of

OPEN_FILES = Path("/proc/self/fd")
MOST_CPU_S, MOST_REAL_S = 300, 3600
"""Processor and real seconds after which a seed that hangs is given up, and fails; a machine may be busy with other
things, or stop the process for a while."""


class _File(NamedTuple):
    """A file as it was: another name of it, under which it survives being deleted, and what it held."""

    path: Path
    twin: Path
    data: bytes


class StandingFolder:
    """A folder as it is now, and as it can be made again: the same files under the same names, not copies, with what
    they hold now. So whoever has them open does not notice. Its lock is given up: whoever plays on takes it."""

    def __init__(self, place: Path, beside: Path) -> None:
        """`beside` is a folder of the same file system. Open files have to be flushed."""
        self._place = place
        self._folders = [path for path in place.rglob("*") if path.is_dir()]
        self._files: list[_File] = []
        for number, path in enumerate(path for path in place.rglob("*") if path.is_file()):
            twin = beside / str(number)
            os.link(path, twin)
            self._files.append(_File(path, twin, path.read_bytes()))
        self._open = list(_open_files(place))
        self._locks = [number for number, _ in self._open if _name(number) == LOCK_NAME]
        for number in self._locks:
            fcntl.flock(number, fcntl.LOCK_UN)

    def again(self) -> None:
        """Makes the folder what it was."""
        for path in list(self._place.iterdir()):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        for folder in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
        for path, twin, data in self._files:
            with twin.open("r+b") as file:
                file.truncate(len(data))
                file.write(data)
            os.link(twin, path)

    def take(self) -> None:
        """In a child: its open files become its own, at the places where they were, and so does the lock."""
        for number, offset in self._open:
            how = fcntl.fcntl(number, fcntl.F_GETFL) & (os.O_ACCMODE | os.O_APPEND)
            own = os.open(OPEN_FILES / str(number), how)
            os.lseek(own, offset, os.SEEK_SET)
            os.dup2(own, number, inheritable=False)
            os.close(own)
        for number in self._locks:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _open_files(place: Path) -> Iterator[tuple[int, int]]:
    for name in os.listdir(OPEN_FILES):
        with contextlib.suppress(OSError):  # the one that reads the list is closed by now
            if Path(os.readlink(OPEN_FILES / name)).is_relative_to(place):
                yield int(name), os.lseek(int(name), 0, os.SEEK_CUR)


def _name(number: int) -> str:
    return Path(os.readlink(OPEN_FILES / str(number))).name


class Alike:
    """Plays seeds of one beginning. In each child `row` is that seed's, in the parent `rows` are all of them."""

    def __init__(self, plans: Sequence[Plan], beside: Path) -> None:
        if len({plan.beginning for plan in plans}) != 1:
            raise ValueError("these seeds do not begin alike")
        self.rows: list[dict[str, Any]] = []
        self.plan: Plan | None = None
        self.out = -1
        self._plans = plans
        self._beside = beside
        self._began_cpu_s = time.process_time()

    def __call__(self, seed: Seed) -> bool:
        """At the end of the time in peace: True in the parent when every seed was played, False in a child, which has
        to play on as the seed of `plan`."""
        folder = StandingFolder(seed.arena.place, self._beside)
        spent_s = time.process_time() - self._began_cpu_s
        loop = asyncio.get_running_loop()
        for plan in self._plans:
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                self.out, self.plan = writing, plan
                os.close(reading)
                asyncio._set_running_loop(loop)  # it is remembered with the number of the process
                folder.take()
                guard()
                seed.take(plan)
                return False
            os.close(writing)
            with os.fdopen(reading, "rb") as told:
                text = told.read()
            _, status = os.waitpid(child, 0)
            row = json.loads(text) if text else _lost(plan, os.waitstatus_to_exitcode(status))
            row["cpu_s"] = round(row["cpu_s"] + spent_s / len(self._plans), 2)
            self.rows.append(row)
            folder.again()
        return True


def play_alike(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """Plays seeds of one beginning, which have time in peace before their faults; a row for each, in their order.

    Raises OSError where the system does not tell a process its open files (only Linux does).
    """
    place = Path(tempfile.mkdtemp(prefix="campaign-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    (place / "played").mkdir()
    (place / "beside").mkdir()
    alike = Alike(plans, place / "beside")
    one = Seed(plans[0], place / "played", alike)
    began_s, error = time.perf_counter(), None
    try:
        one.run()
    except Exception as reason:  # a seed that breaks the rig is a failing seed, the next one plays on
        error = reason
        if os.environ.get("CAMPAIGN_RAISE"):
            raise
    if alike.plan is not None:
        _tell(alike, one, error, began_s)
    shutil.rmtree(place, ignore_errors=True)
    if len(alike.rows) < len(plans):
        reason_text = f"before the faults began: {type(error).__name__}: {error}; {one.found.words}"
        alike.rows += [_broken(plan, reason_text) for plan in plans[len(alike.rows) :]]
    return alike.rows


def _tell(alike: Alike, one: Seed, error: Exception | None, began_s: float) -> None:
    """The end of a child: its row goes to its parent, and it ends without touching anything."""
    if error is not None:
        one.found.look("harness", False, f"{type(error).__name__}: {error}")
    row = row_of(one, time.perf_counter() - began_s, time.process_time())
    with os.fdopen(alike.out, "wb") as out:
        out.write(json.dumps(row).encode())
    os._exit(0)


def _lost(plan: Plan, code: int) -> dict[str, Any]:
    return _broken(plan, f"the process of the seed ended with {code} and without a word")


def _broken(plan: Plan, words: str) -> dict[str, Any]:
    found = Found()
    found.look("harness", False, words)
    return {**facts(plan), **found.as_dict(), "calm_after_s": None, "most_per_s": 0, "real_s": 0.0, "cpu_s": 0.0,
            "struck": [], "endings": []}  # fmt: skip


def guard() -> None:
    """From here on a seed that hangs is given up."""
    signal.signal(signal.SIGALRM, _hung)
    signal.signal(signal.SIGPROF, _hung)
    signal.alarm(MOST_REAL_S)
    signal.setitimer(signal.ITIMER_PROF, MOST_CPU_S)


def unguard() -> None:
    """The seed is over."""
    signal.alarm(0)
    signal.setitimer(signal.ITIMER_PROF, 0.0)


def _hung(number: int, frame: object) -> None:
    raise TimeoutError(f"the seed was not over after {MOST_CPU_S} s of processor time, or {MOST_REAL_S} s in all")
