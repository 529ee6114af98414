"""Seeds in a worker process: those that begin alike together; one that hangs fails."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import Any

from tests.campaign.plan import Plan, draw

Job = tuple[str, int]
MOST_TOGETHER = 24
"""More seeds of one beginning are played from another such beginning: rows come in time, and two workers share."""
_begun: list[bool] = []


def together(jobs: Iterable[Job]) -> list[list[Job]]:
    """The seeds grouped by their beginning, groups in the order of their first seeds; a cold seed stands alone."""
    groups: dict[object, list[list[Job]]] = {}
    found: list[list[Job]] = []
    for job in jobs:
        plan = draw(*job)
        key: object = plan.beginning if plan.lived_s else job
        last = groups.setdefault(key, [])
        if not last or len(last[-1]) == MOST_TOGETHER:
            last.append([])
            found.append(last[-1])
        last[-1].append(job)
    return found


def some(jobs: list[Job]) -> list[dict[str, Any]]:
    """Plays a group of seeds and gives their rows."""
    from tests.campaign import alike, quick
    from tests.campaign.play import play
    from tests.flow import standing_folder

    quick.prepare()
    gc.disable()
    plans: list[Plan] = [draw(*job) for job in jobs]
    alike.guard()
    try:
        if plans[0].lived_s and standing_folder.OPEN_FILES.is_dir():
            return alike.play_alike(plans)
        return [play(*job) for job in jobs]
    finally:
        alike.unguard()
        gc.collect()
        if not _begun:
            _begun.append(True)
            gc.freeze()  # what the first seed leaves is kept for all others: it need not be looked through each time
