"""The gateway's limits on one client: message rate, market data lines, unread output."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults are IB's; `queue_bytes` bounds what a client may leave unread before it is dropped."""

    messages_per_s: int = 50
    rate_violations: int = 3
    market_data_lines: int = 100
    queue_bytes: int = 32 << 20


def no_limits() -> Limits:
    """No bound that a client could meet; unread output stays bounded."""
    endless = 1_000_000_000
    return Limits(messages_per_s=endless, market_data_lines=endless)


class Verdict(StrEnum):
    """What a message meets at the rate limit."""

    OK = "ok"
    EXCEEDED = "exceeded"
    CLOSE = "close"


class RateLimit:
    """Counts messages in a sliding second of market time.

    A message above the limit is refused; a second with refusals is one violation, and the last one allowed closes.
    """

    def __init__(self, limits: Limits) -> None:
        self._per_s = limits.messages_per_s
        self._allowed = limits.rate_violations
        self._times: deque[float] = deque()
        self._violated_at: float | None = None
        self.violations = 0

    def admit(self, at_s: float) -> Verdict:
        """Verdict for a message arriving at `at_s` seconds."""
        times = self._times
        while times and at_s - times[0] >= 1.0:
            times.popleft()
        if len(times) < self._per_s:
            times.append(at_s)
            return Verdict.OK
        if self._violated_at is None or at_s - self._violated_at >= 1.0:
            self._violated_at = at_s
            self.violations += 1
        return Verdict.CLOSE if self.violations >= self._allowed else Verdict.EXCEEDED
