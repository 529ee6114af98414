"""One seed in a worker process; one that hangs fails."""

from __future__ import annotations

import gc
import signal
from typing import Any

SEED_DEADLINE_S = 300
"""Real seconds after which a seed that hangs is given up, and fails."""

Job = tuple[str, int]
_begun: list[bool] = []


def one(job: Job) -> dict[str, Any]:
    """Plays the seed and gives its row."""
    from tests.campaign import quick
    from tests.campaign.play import play

    quick.prepare()
    gc.disable()
    signal.signal(signal.SIGALRM, _hung)
    signal.alarm(SEED_DEADLINE_S)
    try:
        return play(*job)
    finally:
        signal.alarm(0)
        gc.collect()
        if not _begun:
            _begun.append(True)
            gc.freeze()  # what the first seed leaves is kept for all others: it need not be looked through each time


def _hung(number: int, frame: object) -> None:
    raise TimeoutError(f"the seed was not over after {SEED_DEADLINE_S} real seconds")
