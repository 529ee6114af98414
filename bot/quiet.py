"""Keeps the garbage collector's pauses away from orders: it runs when nothing waits, not when it likes.

Rules
- What start-up built is never walked again while the bot lives, and the automatic collector is off.
- Young objects are collected in quiet moments, or at last when very many have gathered in a storm of facts.
- Once a day, after the close, everything younger than start-up is walked. The state itself is freed by reference
  counts; only cycles wait for a collection.
"""

from __future__ import annotations

import gc
from types import TracebackType
from typing import Self

from strategies.domain.events import AnyEvent, TimerFired

ENOUGH_YOUNG = 20_000
"""Young objects worth a look in a quiet moment: a millisecond or two, every few seconds of a busy market."""
TOO_MANY_YOUNG = 400_000
"""Young objects that are collected even though facts are waiting."""


class QuietCollector:
    """Owned by one life, from the end of start-up (`with`) to its end, which gives the collector back as it was."""

    def __init__(self) -> None:
        self._was_enabled = True

    def __enter__(self) -> Self:
        self._was_enabled = gc.isenabled()
        gc.collect()
        gc.freeze()
        gc.disable()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        gc.unfreeze()
        if self._was_enabled:
            gc.enable()

    def after(self, event: AnyEvent, *, idle: bool) -> None:
        """Hears each fact once it was handled; `idle` says that nothing waits."""
        if isinstance(event, TimerFired) and event.name == "end_of_day":
            gc.collect()
            return
        young = gc.get_count()[0]
        if young >= TOO_MANY_YOUNG or (idle and young >= ENOUGH_YOUNG):
            gc.collect(1)
