"""Who hears the wire: the callbacks that one connection's raw messages become."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol


class RawStatus(NamedTuple):
    """orderStatus as it came, before any bookkeeping."""

    order_id: int
    client_id: int
    perm_id: int
    status: str
    filled: float
    remaining: float


class ChainRow(NamedTuple):
    """One exchange and class of a chain answer."""

    exchange: str
    trading_class: str
    multiplier: str
    expirations: tuple[str, ...]
    strikes: tuple[float, ...]


class Inbox(Protocol):
    """Receives the messages of one connection, in wire order, on the event loop. Only takes notes; never waits."""

    def on_status(self, raw: RawStatus) -> None:
        """orderStatus."""
        ...

    def on_open_order(self, order_id: int, order: Any, state: Any) -> None:
        """openOrder of a real order (not a what-if)."""
        ...

    def on_what_if(self, order_id: int, state: Any) -> None:
        """openOrder that answers a what-if."""
        ...

    def on_completed_order(self, order: Any, state: Any) -> None:
        """completedOrder."""
        ...

    def on_execution_row(self, row: list[str]) -> None:
        """execDetails, undecoded."""
        ...

    def on_commission(self, exec_id: str, amount: float, currency: str) -> None:
        """commissionReport."""
        ...

    def on_position(self, account: str, con_id: int, sec_type: str, quantity: float) -> None:
        """position."""
        ...

    def on_account_value(self, key: str, value: str, currency: str, account: str) -> None:
        """updateAccountValue."""
        ...

    def on_row(self, key: int | str, row: object) -> None:
        """One row of the answer to a request; the key is the request id, or a name where the protocol has none."""
        ...

    def on_end(self, key: int | str) -> None:
        """The answer to a request is complete."""
        ...

    def on_error(self, request_id: int, code: int, text: str) -> None:
        """An error or notice; request id -1 names nothing."""
        ...

    def on_tick_price(self, request_id: int, tick: int, price: float, size: float) -> None:
        """tickPrice."""
        ...

    def on_tick_size(self, request_id: int, tick: int, size: float) -> None:
        """tickSize."""
        ...

    def on_tick_generic(self, request_id: int, tick: int, value: float) -> None:
        """tickGeneric."""
        ...

    def on_tick_model(self, request_id: int, tick: int, iv: float, vega: float) -> None:
        """tickOptionComputation: a fraction a year, points per volatility point."""
        ...

    def on_data_type(self, request_id: int, kind: int) -> None:
        """marketDataType."""
        ...

    def on_packet(self) -> None:
        """Everything that arrived in one read of the socket has been delivered."""
        ...

    def on_broken_message(self, text: str, *, known: bool) -> None:
        """A message was lost: not decodable, or its handler failed. `known` False: nobody knows its id."""
        ...


POSITIONS = "positions"
OPEN_ORDERS = "open_orders"
COMPLETED_ORDERS = "completed_orders"
CURRENT_TIME = "current_time"
MARKET_RULE = "market_rule:"


def market_rule_key(rule_id: int) -> str:
    """Key of a market rule's answer, which names the rule and not the request."""
    return f"{MARKET_RULE}{rule_id}"
