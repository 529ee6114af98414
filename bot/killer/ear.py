"""The killer's ear on its connection: open orders, the clock, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.ibkr.inbox import CURRENT_TIME, OPEN_ORDERS, RawStatus

OPENING = ".entry."
"""Part of the reference of every order that opens a condor."""


class Ear:
    """Implements `bot.ibkr.inbox.Inbox`. An answer counts when it is complete; `now_s` is the killer's own clock."""

    def __init__(self, now_s: Callable[[], float], bot_client_id: int) -> None:
        self._now_s = now_s
        self._bot = bot_client_id
        self._coming: dict[int, tuple[bool, bool]] = {}
        self.answered_at_s: float | None = None
        self.bot_orders = 0
        self.bot_openings = 0
        self.other_orders = 0
        self.heard_at_s = now_s()
        self.last_error = ""

    def on_open_order(self, order_id: int, order: Any, state: Any) -> None:
        """openOrder: part of an answer, or news. What the gateway calls done is not open."""
        if state.status not in ("Cancelled", "ApiCancelled", "Filled"):
            ours = order.clientId == self._bot
            self._coming[int(order.permId)] = ours, ours and OPENING in str(order.orderRef)

    def on_end(self, key: int | str) -> None:
        """openOrderEnd completes an answer."""
        if key == OPEN_ORDERS:
            self.bot_orders = sum(ours for ours, _ in self._coming.values())
            self.bot_openings = sum(opens for _, opens in self._coming.values())
            self.other_orders = len(self._coming) - self.bot_orders
            self._coming = {}
            self.answered_at_s = self._now_s()

    def on_packet(self) -> None:
        """The gateway lives."""
        self.heard_at_s = self._now_s()

    def on_error(self, request_id: int, code: int, text: str) -> None:
        """Kept for the status file."""
        self.last_error = f"{code} {text[:200]}"

    def on_broken_message(self, text: str, *, known: bool) -> None:
        """An answer with a hole proves nothing: it is thrown away and asked for again."""
        self._coming = {-1: (True, False)}

    # heard and not used ----------------------------------------------------------------------------
    def on_status(self, raw: RawStatus) -> None:
        """orderStatus: only complete answers prove anything."""

    def on_what_if(self, order_id: int, state: Any) -> None:
        """Nothing of the killer's."""

    def on_completed_order(self, order: Any, state: Any) -> None:
        """Not asked for."""

    def on_execution_row(self, row: list[str]) -> None:
        """Not asked for."""

    def on_commission(self, exec_id: str, amount: float, currency: str) -> None:
        """Not asked for."""

    def on_position(self, account: str, con_id: int, sec_type: str, quantity: float) -> None:
        """Not asked for."""

    def on_account_value(self, key: str, value: str, currency: str, account: str) -> None:
        """Not asked for."""

    def on_row(self, key: int | str, row: object) -> None:
        """The gateway's clock, asked for to see that it answers."""
        if key == CURRENT_TIME:
            self.heard_at_s = self._now_s()

    def on_tick_price(self, request_id: int, tick: int, price: float, size: float) -> None:
        """Not asked for."""

    def on_tick_size(self, request_id: int, tick: int, size: float) -> None:
        """Not asked for."""

    def on_tick_generic(self, request_id: int, tick: int, value: float) -> None:
        """Not asked for."""

    def on_tick_model(self, request_id: int, tick: int, iv: float, vega: float) -> None:
        """Not asked for."""

    def on_data_type(self, request_id: int, kind: int) -> None:
        """Not asked for."""
