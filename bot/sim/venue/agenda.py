"""What the venue has promised itself to do at a later moment of market time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

Action = Callable[[datetime], None]


class Agenda:
    """Actions by due time; the oldest promise first where several are due at once."""

    def __init__(self) -> None:
        self._planned: list[tuple[datetime, int, Action]] = []
        self._promises = 0

    def plan(self, due: datetime, action: Action) -> Callable[[], None]:
        """Does it at the first step at or after `due`, with that step's time; returns what takes the promise back."""
        self._promises += 1
        promise = (due, self._promises, action)
        self._planned.append(promise)
        return lambda: self._planned.remove(promise) if promise in self._planned else None

    @property
    def next_due(self) -> datetime | None:
        """When the next promise is due, None without one."""
        return min((due for due, _, _ in self._planned), default=None) if self._planned else None

    def run(self, at: datetime) -> None:
        """Keeps the promises that are due by then."""
        if not self._planned:
            return
        due = sorted((promise for promise in self._planned if promise[0] <= at), key=lambda promise: promise[:2])
        for promise in due:
            if promise in self._planned:
                self._planned.remove(promise)
                promise[2](at)
