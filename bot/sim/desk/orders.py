"""Order requests: what a client sent becomes a ticket for the venue, what the venue answers becomes messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.sim.desk.client import DeskClient
from bot.sim.desk.tickets import order_facts, ticket_of
from bot.sim.order_terms import OrderStatus
from bot.sim.ports import Venue
from bot.sim.types import Commission, Execution, OrderTicket, Reject, Side, VenueOrder
from bot.sim.wire import encode, encode_order
from bot.sim.wire import requests as ask
from bot.sim.wire.fields import read_flag

_SILENT_OPEN_ORDER = frozenset({OrderStatus.CANCELLED, OrderStatus.PENDING_CANCEL, OrderStatus.INACTIVE})
"""Statuses that a gateway reports by orderStatus alone."""


class OrderDesk:
    """Takes orders and cancels, answers order and execution queries, reports what the venue does."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    # placing -------------------------------------------------------------------------------------
    def place(self, client: DeskClient, request: ask.PlaceOrder) -> None:
        """placeOrder: new, modified or what-if. The venue reports an accepted order through `report_order`."""
        existing = self._working(client.client_id, request.order_id)
        kind = "modify" if existing is not None and not read_flag("whatIf", request.raw["whatIf"]) else "place"
        perm_id = existing.perm_id if existing else 0
        self._venue.record(kind, **order_facts(self._venue, client.client_id, request, perm_id))
        ticket = ticket_of(self._venue, client.client_id, request)
        if isinstance(ticket, Reject):
            self._venue.record("reject", **_reject_facts(client.client_id, request, ticket))
            self._reject(client, request.order_id, ticket, 0)
            return
        if ticket.what_if:
            self._what_if(client, ticket)
            return
        outcome = self._venue.place(ticket)
        if isinstance(outcome, Reject):
            self._reject(client, ticket.order_id, outcome, ticket.quantity)

    def note_unreadable(self, client: DeskClient, order_id: int, code: int, text: str) -> None:
        """An order or cancel message that could not even be read: the ledger knows that it came."""
        self._venue.record("reject", client=client.client_id, order_id=order_id, order_ref="", code=code, text=text)

    def _what_if(self, client: DeskClient, ticket: OrderTicket) -> None:
        impact = self._venue.what_if(ticket)
        if isinstance(impact, Reject):
            client.error(ticket.order_id, impact.code, impact.text)
        else:
            client.send(encode_order.what_if_order(ticket, impact, client.version))

    def _reject(self, client: DeskClient, order_id: int, reject: Reject, quantity: int) -> None:
        client.error(order_id, reject.code, reject.text)
        if reject.final_status is not None:
            client.send(encode_order.rejected_status(order_id, reject.final_status, quantity, client.client_id))

    def cancel(self, client: DeskClient, request: ask.CancelOrder) -> None:
        """cancelOrder: only an order of this client id; the venue answers the rest."""
        working = self._working(client.client_id, request.order_id)
        perm_id = working.perm_id if working else 0
        self._venue.record("cancel", client=client.client_id, order_id=request.order_id, perm_id=perm_id)
        refused = self._venue.cancel(client.client_id, request.order_id)
        if refused is not None:
            self._reject(client, request.order_id, refused, 0)

    def global_cancel(self, client: DeskClient, request: ask.GlobalCancel) -> None:
        """reqGlobalCancel: every working order of every client."""
        self._venue.record("global_cancel", client=client.client_id)
        self._venue.cancel_all(client.client_id)

    def _working(self, client_id: int, order_id: int) -> VenueOrder | None:
        for order in self._venue.open_orders(client_id):
            if order.ticket.order_id == order_id:
                return order
        return None

    # queries -------------------------------------------------------------------------------------
    def open_orders(self, client: DeskClient, request: ask.OpenOrders) -> None:
        """reqOpenOrders: this client's working orders; client 0 binds those made in TWS, which are its own then."""
        if client.client_id == 0:
            self.bind(client)
        self._list_open(client, client.client_id)

    def all_open_orders(self, client: DeskClient, request: ask.AllOpenOrders) -> None:
        """reqAllOpenOrders: the working orders of every client."""
        self._list_open(client, None)

    def auto_open_orders(self, client: DeskClient, request: ask.AutoOpenOrders) -> None:
        """reqAutoOpenOrders: for client 0 only (error 327)."""
        if client.client_id != 0:
            client.error(-1, 327, "Only the default client (i.e 0) can auto bind orders.")
            return
        client.auto_bind = request.bind

    def bind(self, client: DeskClient) -> None:
        """Gives the orders made in TWS an order id of client 0, and tells it which (orderBound)."""
        for order in self._venue.bind_manual_orders():
            client.send(encode_order.order_bound(order))

    def _list_open(self, client: DeskClient, owner: int | None) -> None:
        for order in self._venue.open_orders(owner):
            if order.status is OrderStatus.PENDING_SUBMIT:
                continue
            client.send(encode_order.open_order(order, client.version))
            client.send(encode_order.order_status(order))
        client.send(encode.ending(53))

    def completed_orders(self, client: DeskClient, request: ask.CompletedOrders) -> None:
        """reqCompletedOrders: the orders of the day that are done; those made in TWS only if asked for."""
        for order in self._venue.completed_orders():
            if request.api_only and order.ticket.order_id <= 0:
                continue
            client.send(encode_order.completed_order(order, client.version))
        client.send(encode.ending(102))

    def executions(self, client: DeskClient, request: ask.Executions) -> None:
        """reqExecutions: the day's executions that pass the filter, each with its commission where known."""
        for execution, commission in self._venue.executions():
            if _passes(execution, request):
                client.send(encode.execution_details(request.request_id, execution, client.version))
                if commission is not None:
                    client.send(encode.commission_report(commission))
        client.send(encode.execution_details_end(request.request_id))

    # live ----------------------------------------------------------------------------------------
    def report_order(self, clients: Iterable[DeskClient], order: VenueOrder) -> None:
        """openOrder and orderStatus to the clients given; an order not transmitted yet is nobody's business."""
        if order.status is OrderStatus.PENDING_SUBMIT:
            return
        for client in clients:
            if order.status not in _SILENT_OPEN_ORDER:
                client.send(encode_order.open_order(order, client.version))
            client.send(encode_order.order_status(order))

    def report_execution(self, clients: Iterable[DeskClient], execution: Execution) -> None:
        """execDetails of something that just happened."""
        for client in clients:
            client.send(encode.execution_details(-1, execution, client.version))

    def report_commission(self, clients: Iterable[DeskClient], commission: Commission) -> None:
        """commissionReport."""
        for client in clients:
            client.send(encode.commission_report(commission))


def _reject_facts(client_id: int, request: ask.PlaceOrder, reject: Reject) -> dict[str, object]:
    """The ledger's fields of an order message that the gateway itself refuses."""
    ref = request.raw["orderRef"]
    return {
        "client": client_id,
        "order_id": request.order_id,
        "order_ref": ref,
        "code": reject.code,
        "text": reject.text,
    }


def _passes(execution: Execution, wanted: ask.Executions) -> bool:
    since: datetime | None = wanted.since
    spec = execution.spec
    side = {"BUY": Side.BUY, "BOT": Side.BUY, "SELL": Side.SELL, "SLD": Side.SELL}.get(wanted.side.upper())
    return (
        wanted.client_id in (0, execution.client_id)
        and wanted.account in ("", execution.account)
        and wanted.symbol in ("", spec.symbol)
        and wanted.sec_type in ("", spec.sec_type.value)
        and wanted.exchange in ("", spec.exchange)
        and (side is None or side is execution.side)
        and (since is None or execution.at >= since)
    )
