"""One seed in a worker process; one that hangs fails."""

from __future__ import annotations

import gc
import signal
from typing import Any

MOST_CPU_S, MOST_REAL_S = 300, 3600
"""Processor and real seconds after which a seed that hangs is given up, and fails; a machine may be busy with other
things, or stop the process for a while."""

Job = tuple[str, int]
_begun: list[bool] = []


def one(job: Job) -> dict[str, Any]:
    """Plays the seed and gives its row."""
    from tests.campaign import quick
    from tests.campaign.play import play

    quick.prepare()
    gc.disable()
    signal.signal(signal.SIGALRM, _hung)
    signal.signal(signal.SIGPROF, _hung)
    signal.alarm(MOST_REAL_S)
    signal.setitimer(signal.ITIMER_PROF, MOST_CPU_S)
    try:
        return play(*job)
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        gc.collect()
        if not _begun:
            _begun.append(True)
            gc.freeze()  # what the first seed leaves is kept for all others: it need not be looked through each time


def _hung(number: int, frame: object) -> None:
    raise TimeoutError(f"the seed was not over after {MOST_CPU_S} s of processor time, or {MOST_REAL_S} s in all")
