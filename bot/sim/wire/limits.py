"""The gateway's limits on one client: message rate, market data lines, unread output."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """IB's pace of requests for small bars and ticks: `requests` in `window_s` seconds, the same one not within
    `identical_s`, fewer than `contract_requests` of one contract and price in `contract_window_s`."""

    requests: int = 60
    window_s: float = 600.0
    identical_s: float = 15.0
    contract_requests: int = 6
    contract_window_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults are IB's; `queue_bytes` bounds what a client may leave unread before it is dropped. Tick-by-tick streams
    are counted per hundred lines as IB counts them, books apart; `history` None asks for no pace."""

    messages_per_s: int = 50
    rate_violations: int = 3
    market_data_lines: int = 100
    tick_by_tick_streams: int = 5
    depth_books: int = 3
    queue_bytes: int = 32 << 20
    history: HistoryLimits | None = HistoryLimits()


def no_limits() -> Limits:
    """No bound that a client could meet; unread output stays bounded."""
    endless = 1_000_000_000
    return Limits(
        messages_per_s=endless,
        market_data_lines=endless,
        tick_by_tick_streams=endless,
        depth_books=endless,
        history=None,
    )


class Verdict(StrEnum):
    """What a message meets at the rate limit."""

    OK = "ok"
    EXCEEDED = "exceeded"
    CLOSE = "close"


class RateLimit:
    """Message budget of one client: `messages_per_s` at once, refilled at that rate per second of market time.

    Clients pace themselves by sending bursts a second apart; a burst that was a little slow on the way and one that
    was not must not add up to a violation, as they would in a sliding second. Any second holds at most twice the rate,
    any minute the rate and one burst more. A message above the budget is refused; a second with refusals is one
    violation, and the last one allowed closes.
    """

    def __init__(self, limits: Limits) -> None:
        self._per_s = float(limits.messages_per_s)
        self._allowed = limits.rate_violations
        self._budget = self._per_s
        self._counted_at = 0.0
        self._violated_at: float | None = None
        self.violations = 0

    def admit(self, at_s: float) -> Verdict:
        """Verdict for a message arriving at `at_s` seconds."""
        self._budget = min(self._budget + (at_s - self._counted_at) * self._per_s, self._per_s)
        self._counted_at = at_s
        if self._budget >= 1.0 - 1e-9:
            self._budget -= 1.0
            return Verdict.OK
        if self._violated_at is None or at_s - self._violated_at >= 1.0:
            self._violated_at = at_s
            self.violations += 1
        return Verdict.CLOSE if self.violations >= self._allowed else Verdict.EXCEEDED
