"""The runner's inbox: facts in order and never lost, quotes latest-wins per instrument."""

from __future__ import annotations

import asyncio
from collections import deque

from strategies.domain import events as ev
from strategies.domain.market import Quote

_URGENT = (ev.OperatorCommanded, ev.LatchFound)
"""Commands go to the head: a kill never waits behind market data or fills."""


class Inbox:
    """Single consumer, filled from the same event loop."""

    def __init__(self) -> None:
        self._urgent: deque[ev.AnyEvent] = deque()
        self._facts: deque[ev.AnyEvent] = deque()
        self._quotes: dict[int, Quote] = {}
        self._wake = asyncio.Event()

    def post(self, event: ev.AnyEvent) -> None:
        """Queues a fact; commands overtake."""
        (self._urgent if isinstance(event, _URGENT) else self._facts).append(event)
        self._wake.set()

    def post_quote(self, quote: Quote) -> None:
        """Keeps only the newest quote of each instrument until the runner looks."""
        self._quotes[quote.con_id] = quote
        self._wake.set()

    def next_fact(self) -> ev.AnyEvent | None:
        """The next fact, commands first; None when there is none."""
        if self._urgent:
            return self._urgent.popleft()
        return self._facts.popleft() if self._facts else None

    def take_quotes(self) -> ev.QuotesUpdated | None:
        """All changed quotes as one fact, ordered by contract id so that a replay sees the same."""
        if not self._quotes:
            return None
        quotes = tuple(self._quotes[con_id] for con_id in sorted(self._quotes))
        self._quotes.clear()
        return ev.QuotesUpdated(quotes=quotes)

    @property
    def idle(self) -> bool:
        """Whether nothing at all waits."""
        return not (self._urgent or self._facts or self._quotes)

    @property
    def waiting(self) -> int:
        """Facts that wait to be handled; quotes replace each other and are not counted."""
        return len(self._urgent) + len(self._facts)

    @property
    def has_quotes(self) -> bool:
        """Whether quotes changed since they were last taken."""
        return bool(self._quotes)

    def wake(self) -> None:
        """Makes the consumer look, although nothing was posted."""
        self._wake.set()

    async def wait(self) -> None:
        """Returns when something was posted since the last wait."""
        await self._wake.wait()
        self._wake.clear()
