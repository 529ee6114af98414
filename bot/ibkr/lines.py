"""The market-data line budget: the exact set of contracts to quote, one step at a time, never above the limit; pure.

Contracts no longer wanted are dropped before new ones are added, so that the count at the broker stays in budget.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Step(NamedTuple):
    """One message to write: `request_id` is set where a line is dropped, None where one is added."""

    con_id: int
    request_id: int | None


class Lines:
    """Which contract has which line (request id), and which contracts should have one."""

    def __init__(self, max_lines: int) -> None:
        self._max_lines = max_lines
        self._wanted: dict[int, None] = {}
        self._live: dict[int, int] = {}
        self._stale: set[int] = set()

    def want(self, con_ids: Iterable[int]) -> tuple[int, ...]:
        """Sets the wanted contracts, most important first; returns those for which there is no line."""
        ordered = list(dict.fromkeys(con_ids))
        self._wanted = dict.fromkeys(ordered[: self._max_lines])
        return tuple(ordered[self._max_lines :])

    def step(self) -> Step | None:
        """The next message that brings the lines nearer to what is wanted; None when they agree."""
        for con_id, request_id in self._live.items():
            if con_id not in self._wanted or con_id in self._stale:
                return Step(con_id, request_id)
        for con_id in self._wanted:
            if con_id not in self._live:
                return Step(con_id, None)
        return None

    def added(self, con_id: int, request_id: int) -> None:
        """A line was requested."""
        self._live[con_id] = request_id

    def dropped(self, con_id: int) -> None:
        """A line was given up."""
        self._live.pop(con_id, None)
        self._stale.discard(con_id)

    def renew(self) -> None:
        """Every line is to be dropped and requested again: the broker may have forgotten or frozen it."""
        self._stale = set(self._live)

    def forget(self) -> None:
        """A new connection: no line is live, what is wanted stays wanted."""
        self._live.clear()
        self._stale.clear()

    def remove(self, con_id: int) -> None:
        """Stops wanting a contract that cannot be quoted."""
        self._wanted.pop(con_id, None)

    @property
    def live(self) -> int:
        """Lines in use."""
        return len(self._live)
