"""Seeds that begin alike, played from one beginning: the process forks where the faults of each begin.

What a bot does in peace (greeting, contracts, three hundred sessions of history, first quotes and orders) costs more
than what most faults do to it, and follows from the beginning alone. It is lived once; each seed goes on from there in
a process of its own, on the very files, which are put back before the next one. A seed played alone lives the same,
and comes to the same row.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.campaign.found import Found
from tests.campaign.plan import Plan, facts
from tests.campaign.play import Seed, row_of
from tests.flow.standing_folder import StandingFolder, fork

MOST_CPU_S, MOST_REAL_S = 300, 3600
"""Processor and real seconds after which a seed that hangs is given up, and fails; a machine may be busy with other
things, or stop the process for a while."""


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
            self.out, self.plan = writing, plan
            child = fork(loop, folder)
            if child == 0:
                os.close(reading)
                guard()
                seed.take(plan)
                return False
            self.plan = None
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
