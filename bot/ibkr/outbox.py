"""Writes what the pacer hands out, as soon as it may: the one place where messages wait.

A message that may go at once is written inside `send`. Waiting messages are looked at again after a short pause of loop
time, because market time, which the budget is measured in, may run at another speed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.ibkr.pacing import Lane, Pacer

LONGEST_PAUSE_S = 0.02
SHORTEST_PAUSE_S = 0.0005

Write = Callable[[], None]


class Outbox:
    """Queue in front of the socket. `now` gives seconds of market time; `failed` hears of a write that raised."""

    def __init__(self, pacer: Pacer[Write], now: Callable[[], float], failed: Callable[[Exception], None]) -> None:
        self._pacer = pacer
        self._now = now
        self._failed = failed
        self._timer: asyncio.TimerHandle | None = None

    def send(self, lane: Lane, write: Write) -> int:
        """Writes now or when its turn comes; the returned ticket withdraws it."""
        ticket = self._pacer.push(lane, write)
        self.pump()
        return ticket

    def withdraw(self, ticket: int) -> bool:
        """Takes a message back; False if it was written."""
        return self._pacer.withdraw(ticket)

    def write_past_all(self, write: Write) -> None:
        """Writes at once, ahead of every lane and whatever the budget says; it is counted all the same."""
        self._pacer.spend(self._now())
        write()

    def slow(self, seconds: float) -> None:
        """Halves the budget for a while."""
        self._pacer.slow(self._now(), seconds)

    def clear(self) -> None:
        """Forgets everything that waits: the connection it was meant for is gone."""
        self._pacer.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def queued(self) -> int:
        """Messages waiting."""
        return self._pacer.queued

    def pump(self) -> None:
        """Writes what may be written and arranges to look again if something is left."""
        while (write := self._pacer.take(self._now())) is not None:
            try:
                write()
            except Exception as error:  # noqa: BLE001 - one failed write must not hold up the others; it is reported
                self._failed(error)
        wait = self._pacer.wait_s(self._now())
        if wait is not None and self._timer is None:
            pause = min(max(wait, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)
            self._timer = asyncio.get_running_loop().call_later(pause, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self.pump()
