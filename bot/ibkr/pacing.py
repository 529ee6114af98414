"""The message budget: who may write next, by lane, so that a cancel never waits behind a quote; pure.

A token comes back exactly one second after it was spent, so no second of market time ever holds more than
`per_s` messages. Only cancels may use the last `cancel_reserve` tokens, and only orders the `order_reserve` before
those: an order never waits for quotes. The broker drops a client above 50 a second.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import Generic, TypeVar

T = TypeVar("T")
WINDOW_S = 1.0


class Lane(IntEnum):
    """Lanes by priority, the most urgent first."""

    CANCEL = 0
    CLOSE = 1
    HEDGE = 2
    OPEN = 3
    QUERY = 4
    DATA = 5


ORDER_LANES = (Lane.CLOSE, Lane.HEDGE, Lane.OPEN)


class PaceClock:
    """Seconds that the budget is measured in: market time, but never slower than loop time.

    A simulated market may fly (market time leads) or be held between two steps (loop time leads).
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._market_s: float | None = None
        self._loop_s = 0.0

    def read(self, market_s: float, loop_s: float) -> float:
        """The present reading, given both clocks."""
        if self._market_s is not None:
            self._seconds += max(market_s - self._market_s, loop_s - self._loop_s, 0.0)
        self._market_s, self._loop_s = market_s, loop_s
        return self._seconds


class Pacer(Generic[T]):
    """Queues payloads per lane and hands them out as the budget allows. Times are seconds of one rising clock."""

    def __init__(self, per_s: int, *, cancel_reserve: int, order_reserve: int, opens_per_s: int) -> None:
        self._per_s = per_s
        self._kept_back = {
            lane: 0 if lane is Lane.CANCEL else cancel_reserve + (0 if lane in ORDER_LANES else order_reserve)
            for lane in Lane
        }
        self._opens_per_s = opens_per_s
        self._lanes: dict[Lane, deque[tuple[int, T]]] = {lane: deque() for lane in Lane}
        self._spent: deque[float] = deque()
        self._opened: deque[float] = deque()
        self._next_ticket = 0
        self._slow_until = float("-inf")
        self._now = float("-inf")

    def push(self, lane: Lane, payload: T) -> int:
        """Queues a payload at the end of its lane; the ticket withdraws it."""
        self._next_ticket += 1
        self._lanes[lane].append((self._next_ticket, payload))
        return self._next_ticket

    def withdraw(self, ticket: int) -> bool:
        """Removes a payload that was not handed out yet; False if it was."""
        for queue in self._lanes.values():
            for entry in queue:
                if entry[0] == ticket:
                    queue.remove(entry)
                    return True
        return False

    def clear(self) -> None:
        """Forgets every queued payload; what was spent stays spent."""
        for queue in self._lanes.values():
            queue.clear()

    def take(self, now: float) -> T | None:
        """The next payload that may be written now, counted as written; None if nothing may."""
        self._expire(now)
        for lane, queue in self._lanes.items():
            if queue and self._wait_s(lane) <= 0.0:
                self._count(lane)
                return queue.popleft()[1]
        return None

    def wait_s(self, now: float) -> float | None:
        """Seconds until `take` may hand something out; None if nothing is queued."""
        self._expire(now)
        waits = [self._wait_s(lane) for lane, queue in self._lanes.items() if queue]
        return max(min(waits), 0.0) if waits else None

    def spend(self, now: float) -> None:
        """Counts a message that was written past every lane."""
        self._expire(now)
        self._spent.append(self._now)

    def slow(self, now: float, seconds: float) -> None:
        """Halves the budget for a while; the answer to the broker's complaint about the rate."""
        self._expire(now)
        self._slow_until = self._now + seconds

    @property
    def queued(self) -> int:
        """Payloads waiting in all lanes."""
        return sum(len(queue) for queue in self._lanes.values())

    # inside --------------------------------------------------------------------------------------
    def _expire(self, now: float) -> None:
        self._now = max(now, self._now)
        for times in (self._spent, self._opened):
            while times and self._now - times[0] >= WINDOW_S:
                times.popleft()

    def _count(self, lane: Lane) -> None:
        self._spent.append(self._now)
        if lane is Lane.OPEN:
            self._opened.append(self._now)

    def _wait_s(self, lane: Lane) -> float:
        total = self._per_s if self._now >= self._slow_until else max(self._per_s // 2, 1)
        limit = max(total - self._kept_back[lane], 1)
        wait = self._until_below(self._spent, limit)
        if lane is Lane.OPEN:
            wait = max(wait, self._until_below(self._opened, self._opens_per_s))
        return wait

    def _until_below(self, times: deque[float], limit: int) -> float:
        return 0.0 if len(times) < limit else times[len(times) - limit] + WINDOW_S - self._now
