"""Faults that a world schedules for itself: at a time, and some only once an order is working."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

ORDER_WORKING = "order_working"
VERBS = ("restart", "drop")


class WorldEvent(Protocol):
    """What a world's `events` hold."""

    @property
    def at(self) -> datetime:
        """Earliest market time."""
        ...

    @property
    def verb(self) -> str:
        """One of VERBS; others belong to the world itself."""
        ...

    @property
    def seconds(self) -> float:
        """Market seconds that the verb lasts."""
        ...

    @property
    def condition(self) -> str:
        """Empty, or `order_working`: wait until some order works."""
        ...


class ScriptedEvents:
    """Hands out each event once, when its time and its condition have come."""

    def __init__(self, events: Sequence[WorldEvent]) -> None:
        self._waiting = sorted((event for event in events if event.verb in VERBS), key=lambda event: event.at)

    def waiting_for_order(self, now: datetime) -> bool:
        """Whether an event is due as soon as an order works."""
        return any(event.at <= now and event.condition == ORDER_WORKING for event in self._waiting)

    def due(self, now: datetime, order_working: Callable[[], bool]) -> list[WorldEvent]:
        """Events whose time has come and whose condition holds, removed from those waiting."""
        ripe = [event for event in self._waiting if event.at <= now]
        if any(event.condition == ORDER_WORKING for event in ripe) and not order_working():
            ripe = [event for event in ripe if event.condition != ORDER_WORKING]
        for event in ripe:
            self._waiting.remove(event)
        return ripe
