"""One connected client as the front desk sees it: its session, its rate limit and what it subscribed to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sim.wire import encode
from bot.sim.wire.limits import RateLimit
from bot.sim.wire.session import ClientSession


@dataclass(slots=True, eq=False)
class DeskClient:
    """State of one client that ends with its connection; everything lasting is in the venue. Subscriptions by request
    id: `account_multi` (account, money only), `positions_multi` and `pnl` account, `pnl_single` (account, contract)."""

    session: ClientSession
    rate: RateLimit
    hang_up: Callable[[str], None]
    client_id: int = -1
    market_data_kind: int = 1
    positions: bool = False
    auto_bind: bool = False
    account_updates: str = ""
    account_multi: dict[int, tuple[str, bool]] = field(default_factory=dict)
    positions_multi: dict[int, str] = field(default_factory=dict)
    pnl: dict[int, str] = field(default_factory=dict)
    pnl_single: dict[int, tuple[str, int]] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """Protocol version spoken with this client."""
        return self.session.version

    def send(self, payload: bytes) -> None:
        """Queues one message."""
        self.session.send(payload)

    def error(self, request_id: int, code: int, text: str) -> None:
        """Sends an error or notice."""
        self.session.send(encode.error(request_id, code, text, self.version))
