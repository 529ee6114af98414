"""Sorts what the wire says: each raw message to the desk it belongs to, and its fact to the runner.

Handlers only take notes and post facts. A message that is lost, or a handler that fails, becomes a fault and asks for a
fresh snapshot; nothing is swallowed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.ibkr import errors, fields, inbound
from bot.ibkr.accounts import AccountFigures
from bot.ibkr.faults import Faults
from bot.ibkr.inbox import MARKET_RULE, RawStatus
from bot.ibkr.marketdata import MarketData
from bot.ibkr.orders import Orders
from bot.ibkr.outbox import Outbox
from bot.ibkr.requests import Requests
from bot.ibkr.snapshot import Snapshots
from bot.ports import PostFact
from strategies.domain.events import Filled
from strategies.domain.known import Known

TOO_FAST_PAUSE_S = 60.0


class Inflow:
    """Implements `Inbox` over the desks of the adapter.

    `on_notice` takes system codes (False: not one of the link), `force_snapshot` is asked when something was missed.
    """

    def __init__(
        self,
        *,
        orders: Orders,
        market: MarketData,
        figures: AccountFigures,
        outbox: Outbox,
        faults: Faults,
        post_fact: PostFact,
        now: Callable[[], datetime],
        naive_zone: ZoneInfo,
        force_snapshot: Callable[[str], None],
    ) -> None:
        self._orders = orders
        self._market = market
        self._figures = figures
        self._outbox = outbox
        self._faults = faults
        self._post_fact = post_fact
        self._now = now
        self._zone = naive_zone
        self._force_snapshot = force_snapshot
        self._requests: Requests | None = None
        self._snapshots: Snapshots | None = None
        self._account = ""
        self._told_executions: set[str] = set()
        self._told_commissions: set[str] = set()
        self.on_notice: Callable[[int, str], bool] = _nobody

    def begin(self, requests: Requests, snapshots: Snapshots, account: str) -> None:
        """A checked connection."""
        self._requests, self._snapshots, self._account = requests, snapshots, account

    def end(self) -> None:
        """The connection is over."""
        self._requests = self._snapshots = None

    # orders -------------------------------------------------------------------------------
    def on_status(self, raw: RawStatus) -> None:
        """orderStatus."""
        if self._snapshots is not None:
            self._snapshots.on_status(raw)
        if not self._orders.on_status(raw):
            self._force_snapshot("a status names an order that nobody here knows")

    def on_open_order(self, order_id: int, order: Any, state: Any) -> None:
        """openOrder."""
        found = inbound.open_order(order_id, order, state)
        self._orders.on_open_order(found)
        if self._snapshots is not None:
            self._snapshots.on_open_order(found)

    def on_what_if(self, order_id: int, state: Any) -> None:
        """A what-if answer; one without figures is followed by another, or by the deadline."""
        if isinstance(inbound.margin(state), Known):
            self.on_row(order_id, state)
            self.on_end(order_id)

    def on_completed_order(self, order: Any, state: Any) -> None:
        """completedOrder."""
        if self._snapshots is not None:
            self._snapshots.on_completed_order(inbound.completed_order(order, state))

    def on_execution_row(self, row: list[str]) -> None:
        """execDetails, live or replayed; every execution id becomes a fact once per process."""
        raw, complaint = inbound.execution(row, self._zone, self._now())
        if complaint:
            self._faults.note("EXEC-TIME", complaint)
        if raw.fill is not None and raw.fill.account not in (self._account, ""):
            return
        self._orders.on_execution(raw)
        if raw.fill is not None and raw.fill.exec_id not in self._told_executions:
            self._told_executions.add(raw.fill.exec_id)
            self._post_fact(Filled(fill=raw.fill))
        if self._snapshots is not None:
            self._snapshots.on_execution(raw)

    def on_commission(self, exec_id: str, amount: float, currency: str) -> None:
        """commissionReport."""
        found = inbound.commission(exec_id, amount, currency)
        if found is not None and exec_id not in self._told_commissions:
            self._told_commissions.add(exec_id)
            self._post_fact(found)

    # account and answers ------------------------------------------------------------------
    def on_position(self, account: str, con_id: int, sec_type: str, quantity: float) -> None:
        """position."""
        if self._snapshots is not None and account == self._account and sec_type != "BAG":
            self._snapshots.on_position(con_id, fields.whole(quantity, "position"))

    def on_account_value(self, key: str, value: str, currency: str, account: str) -> None:
        """updateAccountValue."""
        self._figures.on_value(key, value, currency, account)

    def on_row(self, key: int | str, row: object) -> None:
        """One row of an answer."""
        if self._requests is not None:
            self._requests.row(key, row)

    def on_end(self, key: int | str) -> None:
        """The end of an answer."""
        if self._snapshots is not None and self._snapshots.on_end(key):
            return
        if self._requests is not None:
            self._requests.end(key)

    def on_error(self, request_id: int, code: int, text: str) -> None:
        """An error or notice: of an order, of a line, of a question, of the link, or of nothing we know."""
        if code == 100:
            self._outbox.slow(TOO_FAST_PAUSE_S)
            self._faults.note("PACE-100", text)
        if self._orders.on_error(request_id, code, text) or self._market.on_error(request_id, code, text):
            return
        if self._requests is not None and self._requests.waiting(request_id):
            if errors.ends_request(code):
                self._requests.fail(request_id, f"{code}: {text}")
            return
        nameless = request_id < 0 and code in errors.VALIDATION and self._requests is not None
        if nameless and self._requests is not None and self._requests.fail_one_of(MARKET_RULE, f"{code}: {text}"):
            return  # market rules are asked one at a time and without an id, and so are their refusals
        if not self.on_notice(code, text) and code not in errors.SILENT_REMARKS:
            self._faults.note(f"BROKER-{code}", text)

    # market data --------------------------------------------------------------------------
    def on_tick_price(self, request_id: int, tick: int, price: float, size: float) -> None:
        """tickPrice."""
        self._market.book.price(request_id, tick, price, size)

    def on_tick_size(self, request_id: int, tick: int, size: float) -> None:
        """tickSize."""
        self._market.book.size(request_id, tick, size)

    def on_tick_generic(self, request_id: int, tick: int, value: float) -> None:
        """tickGeneric."""
        self._market.book.generic(request_id, tick, value)

    def on_tick_model(self, request_id: int, tick: int, iv: float, vega: float) -> None:
        """tickOptionComputation."""
        self._market.book.computed(request_id, tick, iv, vega)

    def on_data_type(self, request_id: int, kind: int) -> None:
        """marketDataType."""
        self._market.book.kind(request_id, kind)

    def on_packet(self) -> None:
        """One read of the socket is done: quotes and account figures go out together."""
        try:
            self._market.drain()
            self._figures.flush()
        except Exception as error:  # noqa: BLE001 - the library would only log it
            self._faults.note("HANDLER", f"{type(error).__name__}: {error}")

    def on_broken_message(self, text: str, *, known: bool) -> None:
        """A message was lost; what it said must be asked again."""
        self._faults.note("WIRE-DECODE" if known else "WIRE-UNKNOWN", text)
        if not known:
            return
        if self._snapshots is not None:
            self._snapshots.on_lost_message()
        self._force_snapshot("a message was lost")


def _nobody(code: int, text: str) -> bool:
    return False
