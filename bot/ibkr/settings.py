"""What the adapter must be told: where the gateway is, which account is meant, and its deadlines and budgets."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Deadlines are seconds of event-loop time; rates are messages per second of market time; a
    reserve is at most a quarter of the whole.

    `account` empty means: the one paper account the gateway manages. `naive_zone` reads the times that the gateway
    writes without a zone. `seed` drives the jitter between reconnects.
    """

    host: str = "127.0.0.1"
    port: int = 4002
    client_id: int = 1
    account: str = ""
    connect_timeout_s: float = 4.0
    request_timeout_s: float = 10.0
    history_timeout_s: float = 60.0
    margin_timeout_s: float = 3.0
    send_deadline_s: float = 2.0
    heartbeat_s: float = 5.0
    half_open_s: float = 10.0
    upstream_lost_s: float = 120.0
    reconnect_initial_s: float = 1.0
    reconnect_max_s: float = 60.0
    max_lines: int = 90
    messages_per_s: int = 40
    cancel_reserve_per_s: int = 10
    order_reserve_per_s: int = 10
    opens_per_s: int = 2
    naive_zone: str = "America/New_York"
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError naming the setting, its value and what is allowed."""
        for name in _SECONDS:
            value = getattr(self, name)
            if not (isfinite(value) and value > 0.0):
                raise ValueError(f"{name} must be a positive number of seconds, got {value!r}")
        if self.half_open_s <= self.heartbeat_s:
            raise ValueError(f"half_open_s must be above heartbeat_s ({self.heartbeat_s} s), got {self.half_open_s!r}")
        if self.reconnect_max_s < self.reconnect_initial_s:
            raise ValueError("reconnect_max_s must not be below reconnect_initial_s")
        if not 4 <= self.messages_per_s <= 50:
            raise ValueError(f"messages_per_s must be 4 to 50, which the gateway allows, got {self.messages_per_s!r}")
        if min(self.cancel_reserve_per_s, self.order_reserve_per_s) < 1:
            raise ValueError("the reserves for cancels and orders must be at least 1 message per second")
        if self.max_lines < 1 or self.opens_per_s < 1:
            raise ValueError("max_lines and opens_per_s must be at least 1")
        ZoneInfo(self.naive_zone)


_SECONDS = (
    "connect_timeout_s",
    "request_timeout_s",
    "history_timeout_s",
    "margin_timeout_s",
    "send_deadline_s",
    "heartbeat_s",
    "half_open_s",
    "upstream_lost_s",
    "reconnect_initial_s",
    "reconnect_max_s",
)
