"""The pace at which history may be asked: IB's three rules, which it applies to bars under a minute and to ticks.

Rules: not more than 60 requests in ten minutes, the same request not twice within 15 seconds, not six of one contract
and price within two seconds. A request for bids and asks together counts twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

from bot.sim.wire.limits import HistoryLimits


class HistoryPace:
    """Counts the requests of all clients; times are seconds that never stand still (`MarketClock.pacing_s`)."""

    def __init__(self, limits: HistoryLimits) -> None:
        self._limits = limits
        self._all: deque[float] = deque()
        self._same: dict[Hashable, float] = {}
        self._of_contract: dict[Hashable, deque[float]] = {}

    def admit(self, at_s: float, request: Hashable, contract: Hashable, weight: int = 1) -> bool:
        """Whether a request may be answered; one that may not is not counted."""
        limits = self._limits
        _forget(self._all, at_s - limits.window_s)
        recent = self._of_contract.setdefault(contract, deque())
        _forget(recent, at_s - limits.contract_window_s)
        self._same = {key: when for key, when in self._same.items() if at_s - when < limits.identical_s}
        if len(self._all) + weight > limits.requests or len(recent) + weight >= limits.contract_requests:
            return False
        if request in self._same:
            return False
        self._all.extend([at_s] * weight)
        recent.extend([at_s] * weight)
        self._same[request] = at_s
        return True


def _forget(times: deque[float], before_s: float) -> None:
    while times and times[0] <= before_s:
        times.popleft()
