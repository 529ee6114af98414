"""One connection through the client library: the only module that imports it, and the only one that writes orders.

Rules
- The library carries bytes, frames and field layouts; its own order, position and ticker bookkeeping is not used.
- Every raw message goes straight to the inbox; a message that cannot be decoded, or whose handler fails, is reported.
- Nothing is written to a connection that is not open: then the caller knows for certain that nothing left.
- The library's own queue stays empty (its throttle is off); pacing is the outbox's.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import sys
from collections.abc import Iterable, Sequence
from typing import Any, cast

from ib_insync import IB, Client, ComboLeg, Contract, ExecutionFilter, Order  # noqa: TID251 - the one door
from ib_insync.wrapper import Wrapper  # noqa: TID251 - the one door

from bot.ibkr.egress import Auditor
from bot.ibkr.inbox import (
    COMPLETED_ORDERS,
    CURRENT_TIME,
    OPEN_ORDERS,
    POSITIONS,
    ChainRow,
    Inbox,
    RawStatus,
    market_rule_key,
)
from bot.ibkr.outbound import Fields, OutboundOrder
from bot.ibkr.settings import BrokerSettings

LARGEST_FRAME = 16 * 1024 * 1024
"""A longer frame is a corrupt length: the library would wait for its end for ever."""

_EXECUTION_DETAILS = 11

_quiet = logging.getLogger("bot.ibkr.library")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class DialFailed(Exception):
    """No usable connection; `silent` if somebody accepted and then said nothing."""

    def __init__(self, reason: str, *, silent: bool = False) -> None:
        super().__init__(reason)
        self.silent = silent


class NotWritten(ConnectionError):
    """The connection is not open; certainly nothing was written."""


class _DecoderAlarm:
    """Stands where the decoder's logger would: a lost message is a fact, not a log line."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def exception(self, message: str) -> None:
        """Called by the decoder inside its except clause."""
        error = sys.exc_info()[1]
        known = not (isinstance(error, KeyError) and message.startswith("Error handling fields"))
        self._inbox.on_broken_message(f"{message[:200]} ({type(error).__name__}: {error})", known=known)


class _Tap(Wrapper):
    """Hands every raw callback to the inbox and keeps nothing."""

    def __init__(self, ib: IB, inbox: Inbox) -> None:
        self._inbox = inbox
        self.client: Any = None
        super().__init__(ib)  # type: ignore[no-untyped-call]

    # orders --------------------------------------------------------------------------------------
    def orderStatus(self, orderId: int, status: str, filled: float, remaining: float, *rest: Any) -> None:  # noqa: N802, N803
        perm_id, client_id = rest[1], rest[4]
        self._inbox.on_status(RawStatus(orderId, client_id, perm_id, status, filled, remaining))

    def openOrder(self, orderId: int, contract: Contract, order: Order, orderState: Any) -> None:  # noqa: N802, N803
        if order.whatIf:
            self._inbox.on_what_if(orderId, orderState)
            return
        if self.client is not None:
            self.client.updateReqId(orderId + 1)
        self._inbox.on_open_order(orderId, order, orderState)

    def openOrderEnd(self) -> None:  # noqa: N802
        self._inbox.on_end(OPEN_ORDERS)

    def completedOrder(self, contract: Contract, order: Order, orderState: Any) -> None:  # noqa: N802, N803
        self._inbox.on_completed_order(order, orderState)

    def completedOrdersEnd(self) -> None:  # noqa: N802
        self._inbox.on_end(COMPLETED_ORDERS)

    def execDetailsEnd(self, reqId: int) -> None:  # noqa: N802, N803
        self._inbox.on_end(reqId)

    def commissionReport(self, commissionReport: Any) -> None:  # noqa: N802, N803
        self._inbox.on_commission(commissionReport.execId, commissionReport.commission, commissionReport.currency)

    # account -------------------------------------------------------------------------------------
    def position(self, account: str, contract: Contract, posSize: float, avgCost: float) -> None:  # noqa: N803
        self._inbox.on_position(account, contract.conId, contract.secType, posSize)

    def positionEnd(self) -> None:  # noqa: N802
        self._inbox.on_end(POSITIONS)

    def updateAccountValue(self, tag: str, val: str, currency: str, account: str) -> None:  # noqa: N802
        self._inbox.on_account_value(tag, val, currency, account)

    def updatePortfolio(self, *values: Any) -> None:  # noqa: N802
        """Positions come from `position`; marks are our own."""

    def accountDownloadEnd(self, account: str) -> None:  # noqa: N802
        """Figures are taken as they come."""

    # contracts and history -----------------------------------------------------------------------
    def contractDetails(self, reqId: int, contractDetails: Any) -> None:  # noqa: N802, N803
        self._inbox.on_row(reqId, contractDetails)

    def contractDetailsEnd(self, reqId: int) -> None:  # noqa: N802, N803
        self._inbox.on_end(reqId)

    def securityDefinitionOptionParameter(  # noqa: N802
        self,
        reqId: int,  # noqa: N803
        exchange: str,
        underlyingConId: Any,  # noqa: N803
        tradingClass: str,  # noqa: N803
        multiplier: str,
        expirations: Iterable[str],
        strikes: Iterable[float],
    ) -> None:
        self._inbox.on_row(reqId, ChainRow(exchange, tradingClass, multiplier, tuple(expirations), tuple(strikes)))

    def securityDefinitionOptionParameterEnd(self, reqId: int) -> None:  # noqa: N802, N803
        self._inbox.on_end(reqId)

    def marketRule(self, marketRuleId: int, priceIncrements: Iterable[Any]) -> None:  # noqa: N802, N803
        key = market_rule_key(marketRuleId)
        for row in priceIncrements:
            self._inbox.on_row(key, (row.lowEdge, row.increment))
        self._inbox.on_end(key)

    def historicalData(self, reqId: int, bar: Any) -> None:  # noqa: N802, N803
        self._inbox.on_row(reqId, bar)

    def historicalDataEnd(self, reqId: int, start: str, end: str) -> None:  # noqa: N802, N803
        self._inbox.on_end(reqId)

    # market data ---------------------------------------------------------------------------------
    def priceSizeTick(self, reqId: int, tickType: int, price: float, size: float) -> None:  # noqa: N802, N803
        self._inbox.on_tick_price(reqId, tickType, price, size)

    def tickSize(self, reqId: int, tickType: int, size: float) -> None:  # noqa: N802, N803
        self._inbox.on_tick_size(reqId, tickType, size)

    def tickGeneric(self, reqId: int, tickType: int, value: float) -> None:  # noqa: N802, N803
        self._inbox.on_tick_generic(reqId, tickType, value)

    def tickString(self, reqId: int, tickType: int, value: str) -> None:  # noqa: N802, N803
        """Time stamps of trades are not used."""

    def tickOptionComputation(self, reqId: int, tickType: int, *values: float) -> None:  # noqa: N802, N803
        """Greeks are our own; the model's volatility (1) and vega (6) are only compared with them (C52)."""
        self._inbox.on_tick_model(reqId, tickType, values[1], values[6])

    def tickReqParams(self, *values: Any) -> None:  # noqa: N802
        """Tick rules come from contract details."""

    def marketDataType(self, reqId: int, marketDataId: int) -> None:  # noqa: N802, N803
        self._inbox.on_data_type(reqId, marketDataId)

    # system --------------------------------------------------------------------------------------
    def error(self, reqId: int, errorCode: int, errorString: str, advancedOrderRejectJson: str) -> None:  # noqa: N803
        self._inbox.on_error(reqId, errorCode, errorString)

    def currentTime(self, time: int) -> None:  # noqa: N802
        self._inbox.on_row(CURRENT_TIME, time)
        self._inbox.on_end(CURRENT_TIME)

    def tcpDataArrived(self) -> None:  # noqa: N802
        """Nothing to note before the packet is decoded."""

    def tcpDataProcessed(self) -> None:  # noqa: N802
        self._inbox.on_packet()


def _contract(fields: Fields, legs: Sequence[Fields] = ()) -> Contract:
    """A fresh contract of the library from our fields."""
    combo = [ComboLeg(**cast(dict[str, Any], leg)) for leg in legs]
    return Contract(**cast(dict[str, Any], fields), comboLegs=combo)


class Wire:
    """One connection to a gateway, from dial to close. `closed` resolves with the reason once it is over."""

    def __init__(self, settings: BrokerSettings, inbox: Inbox) -> None:
        self._settings = settings
        self._inbox = inbox
        ib = IB()  # type: ignore[no-untyped-call]
        self._tap = _Tap(ib, inbox)
        self._client = cast(Any, Client(self._tap))  # type: ignore[no-untyped-call]
        ib.wrapper, ib.client = self._tap, self._client
        self._tap.client = self._client
        self._client.MaxRequests = 0
        self._client._logger = self._tap._logger = _quiet
        self._client.decoder.logger = _DecoderAlarm(inbox)
        self._client.decoder.handlers[_EXECUTION_DETAILS] = inbox.on_execution_row
        self._client.conn.disconnected += self._on_lost
        self._client.conn.hasData.error_event += self._on_stream_error
        self._client.apiError += self._on_api_error
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.auditor = Auditor()
        write = self._client.conn.sendMsg

        def audited(data: bytes) -> None:
            self.auditor.pass_frames(data)
            write(data)

        self._client.conn.sendMsg = audited

    # life ----------------------------------------------------------------------------------------
    async def dial(self) -> None:
        """Connects and shakes hands. Raises DialFailed with the reason in words."""
        settings = self._settings
        where = f"{settings.host}:{settings.port}"
        connecting = asyncio.ensure_future(
            self._client.connectAsync(settings.host, settings.port, settings.client_id, timeout=0)
        )
        accepted = closed = False
        try:
            await asyncio.wait(
                {connecting, self.closed}, timeout=settings.connect_timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            accepted, closed = self._client.conn.transport is not None, self.closed.done()
        finally:
            if not connecting.done():
                connecting.cancel()
            outcome = (await asyncio.gather(connecting, return_exceptions=True))[0]
        if isinstance(outcome, OSError):
            raise DialFailed(f"no gateway at {where}: {outcome}") from outcome
        if closed:
            raise DialFailed(f"the gateway at {where} closed during the handshake: {self.closed.result()}")
        if isinstance(outcome, BaseException):
            text = "accepted the connection but does not speak" if accepted else "did not answer"
            raise DialFailed(f"the gateway at {where} {text} ({settings.connect_timeout_s:g} s)", silent=accepted)

    def close(self, reason: str) -> None:
        """Ends the connection; working orders stay as they are."""
        if not self.closed.done():
            self.closed.set_result(reason)
        self._client.disconnect()

    @property
    def accounts(self) -> tuple[str, ...]:
        """Accounts the gateway manages, by its own answer."""
        return tuple(self._client.getAccounts())

    @property
    def server_version(self) -> int:
        """Negotiated protocol version."""
        return int(self._client.serverVersion())

    @property
    def messages_received(self) -> int:
        """Complete messages so far: proof that the other side lives."""
        return int(self._client._numMsgRecv)

    @property
    def writable(self) -> bool:
        """Whether bytes written now are taken by an open connection."""
        transport = self._client.conn.transport
        return bool(self._client.isReady()) and transport is not None and not transport.is_closing()

    def next_id(self, floor: int = 0) -> int:
        """A fresh id for a request or order, above `floor` and above every id seen on this connection."""
        self._require()
        self._client.updateReqId(floor + 1)
        return int(self._client.getReqId())

    # orders --------------------------------------------------------------------------------------
    def place(self, order_id: int, outbound: OutboundOrder, *, what_if: bool = False) -> None:
        """Writes an order, or the question what it would cost. Raises NotWritten."""
        self._require()
        order = Order(**cast(dict[str, Any], outbound.order), whatIf=what_if)
        self._client.placeOrder(order_id, _contract(outbound.contract, outbound.legs), order)

    def cancel(self, order_id: int) -> None:
        """Asks to cancel one order of this client id."""
        self._require()
        self._client.cancelOrder(order_id)

    def cancel_everything(self) -> None:
        """Asks to cancel every open order of the account, of whatever client."""
        self._require()
        self._client.reqGlobalCancel()

    # requests ------------------------------------------------------------------------------------
    def ask_positions(self) -> None:
        """Positions, answered under POSITIONS."""
        self._require()
        self._client.reqPositions()

    def ask_open_orders(self) -> None:
        """Open orders of every client, answered under OPEN_ORDERS."""
        self._require()
        self._client.reqAllOpenOrders()

    def ask_completed_orders(self) -> None:
        """Completed orders of the day, answered under COMPLETED_ORDERS."""
        self._require()
        self._client.reqCompletedOrders(False)

    def ask_executions(self, request_id: int) -> None:
        """Executions of the day, of every client."""
        self._require()
        self._client.reqExecutions(request_id, ExecutionFilter())

    def ask_account(self, account: str) -> None:
        """Streams account figures."""
        self._require()
        self._client.reqAccountUpdates(True, account)

    def ask_time(self) -> None:
        """The gateway's clock, answered under CURRENT_TIME."""
        self._require()
        self._client.reqCurrentTime()

    def ask_contracts(self, request_id: int, contract: Fields) -> None:
        """Contract details."""
        self._require()
        self._client.reqContractDetails(request_id, _contract(contract))

    def ask_chain(self, request_id: int, symbol: str, con_id: int) -> None:
        """Option chain of an index."""
        self._require()
        self._client.reqSecDefOptParams(request_id, symbol, "", "IND", con_id)

    def ask_market_rule(self, rule_id: int) -> None:
        """Tick rule, answered under its own key."""
        self._require()
        self._client.reqMarketRule(rule_id)

    def ask_bars(self, request_id: int, contract: Fields, duration: str) -> None:
        """Daily bars of the regular session up to now."""
        self._require()
        self._client.reqHistoricalData(
            request_id, _contract(contract), "", duration, "1 day", "TRADES", True, 1, False, []
        )

    def live_data_only(self) -> None:
        """Asks for live market data."""
        self._require()
        self._client.reqMarketDataType(1)

    def open_line(self, request_id: int, contract: Fields) -> None:
        """Streams quotes of a contract."""
        self._require()
        self._client.reqMktData(request_id, _contract(contract), "", False, False, [])

    def close_line(self, request_id: int) -> None:
        """Ends a stream of quotes."""
        self._require()
        self._client.cancelMktData(request_id)

    # inside --------------------------------------------------------------------------------------
    def _require(self) -> None:
        if not self.writable:
            raise NotWritten("the connection to the gateway is not open")

    def _on_lost(self, message: str) -> None:
        if not self.closed.done():
            self.closed.set_result(message or "the gateway closed the connection")

    def _on_api_error(self, message: str) -> None:
        """The library gives up for a reason of its own, such as a server version it does not speak."""
        if not self.closed.done() and "version" in message:
            self.closed.set_result(message)

    def _on_stream_error(self, _event: object, error: Exception) -> None:
        self._inbox.on_broken_message(f"the byte stream cannot be read: {type(error).__name__}: {error}", known=True)
        self.close("the byte stream cannot be read")

    def frame_too_long(self) -> bool:
        """Whether the bytes waiting begin a frame of impossible length."""
        waiting = self._client._data
        return len(waiting) >= 4 and int(struct.unpack(">I", waiting[:4])[0]) > LARGEST_FRAME
