"""Faults that a world schedules for itself: at a time, and some only once an order is working."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from bot.sim.types import WorldEvent

ORDER_WORKING = "order_working"
VERBS = ("restart", "drop")


class ScriptedEvents:
    """Hands out each event once, when its time and its condition have come."""

    def __init__(self, events: Iterable[WorldEvent]) -> None:
        """Raises ValueError for a verb or condition that the gateway does not know: it would silently never happen."""
        self._waiting = sorted(events, key=lambda event: event.at)
        for event in self._waiting:
            if event.verb not in VERBS or event.condition not in (None, "", ORDER_WORKING):
                raise ValueError(
                    f"the world's event at {event.at.isoformat()} asks for {event.verb!r} on {event.condition!r}; "
                    f"known are {', '.join(VERBS)}, with no condition or {ORDER_WORKING!r}"
                )

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
