"""SIGKILL over real processes: gateway and bot forked over TCP, the bot dying at named points and at random moments.

Each story begins a gateway and a first life; it dies again and again, then an untouched life has to agree with the
gateway's ledger, and journal and ledger are judged as in tests/flow/test_crash_points.py.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tests.flow.test_crash_points import (
    LATE_FEES,
    MORNING,
    NEVER,
    PARTS,
    QUICK,
    SELDOM,
    STORIES,
    Lab,
    Zygote,
    judge,
    judge_kill,
)

FILLS = (QUICK, PARTS, SELDOM, NEVER, LATE_FEES)
LIVES = 12
"""Random deaths of one story."""
LONGEST_LIFE_S = 3.0
"""Real seconds of a life that is killed at a random moment; start-up and recovery are within."""
MOST_LINES = 40
LONGEST_WAIT_S = 8.0
"""The other half is killed a moment after so many lines came to the ledger, or when none come."""


def named(zygote: Zygote, number: int) -> dict[str, Any]:
    """One story of named points, by number around the list; a row of results."""
    story = STORIES[number % len(STORIES)]
    began = time.perf_counter()

    def tell(lab: Lab, killed: list[str]) -> None:
        for place, point in enumerate(story.points):
            lab.crash(point, first=place == 0)
            killed.append(point.name)
        lab.restart()
        judge(lab)
        if any(point.press for point in story.points):
            judge_kill(lab)

    return _story(zygote, f"named: {story.name}", number, story.fills, story.begin, story.hedged, tell, began)


def at_random(zygote: Zygote, number: int) -> dict[str, Any]:
    """One story of lives that are killed after a random time."""
    chance = np.random.default_rng([number, 9])
    fills = FILLS[int(chance.integers(len(FILLS)))]
    hedged = bool(chance.random() < 0.3)
    began = time.perf_counter()

    def tell(lab: Lab, killed: list[str]) -> None:
        for _ in range(LIVES):
            if kill_somewhere(lab, chance):
                killed.append("at random")
        lab.restart()
        judge(lab)

    return _story(zygote, "random", number, fills, MORNING, hedged, tell, began)


def kill_somewhere(lab: Lab, chance: np.random.Generator) -> bool:
    """A life that ends some time after its fork, or a moment after something happened at the venue; whether SIGKILL
    ended it."""
    job = {"state": str(lab.state), "ledger": str(lab.ledger), "out": str(lab.out), "set": lab.settings}
    before = lab.ledger.stat().st_size
    pid = lab._zygote.ask(play="bot", **job)["pid"]
    if chance.random() < 0.5:
        time.sleep(float(chance.uniform(0.0, LONGEST_LIFE_S)))
    else:
        wanted, last = before + 300 * int(chance.integers(1, MOST_LINES)), time.monotonic() + LONGEST_WAIT_S
        while lab.ledger.stat().st_size < wanted and time.monotonic() < last:
            time.sleep(0.002)
        time.sleep(float(chance.uniform(0.0, 0.03)))
    os.kill(pid, signal.SIGKILL)
    code: int = lab._zygote.ask(pid=pid)["code"]
    return code == -signal.SIGKILL


def zygote_for_long_stories() -> Zygote:
    """The process that forks gateways and bots, for as many stories as are told; a busy machine makes no hang."""
    os.environ.setdefault("CRASH_LIFETIME_S", "900")
    return Zygote()


def _story(
    zygote: Zygote, name: str, number: int, fills: dict[str, float], begin: str, hedged: bool, tell: Any, began: float
) -> dict[str, Any]:
    place = Path(tempfile.mkdtemp(prefix="kills-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    killed: list[str] = []
    wrong = ""
    try:
        lab = Lab(zygote, place, fills, begin, hedged=hedged)
        try:
            tell(lab, killed)
        finally:
            lab.close()
    except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as error:
        wrong = f"{type(error).__name__}: {str(error)[:1500]}"
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return {
        "story": name,
        "number": number,
        "kills": dict(Counter(killed)),
        "wrong": wrong,
        "real_s": round(time.perf_counter() - began, 1),
    }
