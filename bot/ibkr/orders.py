"""Orders out, and what the wire says about them back in: redeems approvals, keeps ref and order id apart, posts facts.

Rules
- The kill file is looked at when an order is handed over and again in the moment it is written; then the link.
- An order id is fresh: above every id seen on the connection and above the highest the journal ever recorded.
- An order still waiting in our own queue can be taken back for certain; it is answered by SendRefused.
- A status finds its order by permanent id first; the order id counts only for our own client id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from bot.ibkr import errors, inbound, outbound
from bot.ibkr.egress import EgressRefused
from bot.ibkr.faults import Faults
from bot.ibkr.gateway import NotWritten, Wire
from bot.ibkr.inbox import RawStatus
from bot.ibkr.outbox import Outbox
from bot.ibkr.pacing import Lane
from bot.ibkr.settings import BrokerSettings
from bot.ports import PostFact
from risk.approval import Approved
from strategies.domain.events import BrokerOrder, OrderErrored, OrderSent, OrderStatusReported, SendRefused
from strategies.domain.instruments import Instrument
from strategies.domain.orders import PlaceIntent


@dataclass(slots=True)
class _Waiting:
    """An approved order in our own queue."""

    intent: PlaceIntent
    order: outbound.OutboundOrder
    ticket: int = 0
    deadline: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _Known:
    """Names of orders on the wire, over all connections of this process."""

    ref_by_order_id: dict[int, str] = field(default_factory=dict)
    ref_by_perm_id: dict[int, str] = field(default_factory=dict)
    place_by_ref: dict[str, tuple[int, int]] = field(default_factory=dict)
    external_perm_ids: set[int] = field(default_factory=set)


class Orders:
    """The order desk. `wire` is None while the link does not allow orders; cancels need only an open socket."""

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        outbox: Outbox,
        faults: Faults,
        instruments: dict[int, Instrument],
        post_fact: PostFact,
        kill_file_present: Callable[[], bool],
        link_up: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._outbox = outbox
        self._faults = faults
        self._instruments = instruments
        self._post_fact = post_fact
        self._kill_file_present = kill_file_present
        self._link_up = link_up
        self._wire: Wire | None = None
        self._account = ""
        self._floor = 0
        self._waiting: dict[str, _Waiting] = {}
        self._known = _Known()

    def begin(self, wire: Wire, account: str) -> None:
        """A new connection. Its request ids start above our order ids as well: an error names nothing but an id."""
        self._wire = wire
        self._account = account
        if self._floor and wire.writable:
            wire.next_id(self._floor)

    def end(self, reason: str) -> None:
        """The connection is gone: what was not written never will be."""
        self._wire = None
        self._refuse_waiting(reason)

    def raise_floor(self, order_id: int) -> None:
        """Order ids given out from now on are above this one."""
        self._floor = max(self._floor, order_id)

    # out -----------------------------------------------------------------------------------------
    def submit(self, approved: Approved) -> None:
        """Redeems and writes, or refuses. Raises TicketSpent for an approval already used: a bug of the caller."""
        ref = approved.intent.ref
        refusal = self._refusal()
        if refusal is not None:
            self._refuse(ref, refusal)
            return
        intent = approved.redeem()
        try:
            order = outbound.place(intent, self._instruments, self._account)
        except outbound.OrderRefused as error:
            self._refuse(ref, str(error))
            return
        waiting = _Waiting(intent, order)
        self._waiting[ref] = waiting
        waiting.ticket = self._outbox.send(outbound.lane(intent.purpose), partial(self._write, ref))
        if ref in self._waiting:
            deadline_s = self._settings.send_deadline_s
            waiting.deadline = asyncio.get_running_loop().call_later(deadline_s, self._expire, ref)

    def cancel(self, ref: str) -> None:
        """Cancels by ref: taken back if still in our queue, else by the order id it has on the wire."""
        if self._take_back(ref):
            self._refuse(ref, "cancelled before it was written")
            return
        place = self._known.place_by_ref.get(ref)
        if place is None:
            self._faults.note("CANCEL-UNKNOWN", f"cannot cancel {ref}: no order id is known for it yet")
            return
        order_id, client_id = place
        if client_id != self._settings.client_id:
            self._faults.note(
                "CANCEL-FOREIGN",
                f"cannot cancel {ref}: it belongs to client id {client_id}, this is {self._settings.client_id}; "
                "a global cancel reaches it",
            )
            return
        self._outbox.send(Lane.CANCEL, partial(self._write_cancel, ref, order_id))

    def cancel_all(self) -> None:
        """Drops what waits and writes the global cancel now, ahead of every lane."""
        self._refuse_waiting("cancel all: dropped before it was written")
        wire = self._wire
        if wire is None:
            self._faults.note("CANCEL-UNSENT", "global cancel could not be sent: no connection")
            return
        try:
            self._outbox.write_past_all(wire.cancel_everything)
        except NotWritten as error:
            self._faults.note("CANCEL-UNSENT", f"global cancel could not be sent: {error}")

    # in ------------------------------------------------------------------------------------------
    def on_open_order(self, order: BrokerOrder) -> None:
        """Learns the names of an order, ours of an earlier process too."""
        if not order.ref:
            self._known.external_perm_ids.add(order.perm_id)
            return
        if order.order_id > 0:
            self._known.place_by_ref[order.ref] = (order.order_id, order.client_id)
            if order.client_id == self._settings.client_id:
                self._known.ref_by_order_id[order.order_id] = order.ref
                self.raise_floor(order.order_id)
        self._learn(order.perm_id, order.ref)

    def on_execution(self, raw: inbound.RawExecution) -> None:
        """An execution names its order as well."""
        if raw.ref:
            self._learn(raw.perm_id, raw.ref)

    def on_status(self, raw: RawStatus) -> bool:
        """Posts the status; False the first time a status names an order that nobody knows."""
        ref = self._known.ref_by_perm_id.get(raw.perm_id)
        if ref is None and raw.client_id == self._settings.client_id:
            ref = self._known.ref_by_order_id.get(raw.order_id)
        if ref is None:
            strange = raw.perm_id not in self._known.external_perm_ids
            self._known.external_perm_ids.add(raw.perm_id)
            return not strange
        self._learn(raw.perm_id, ref)
        self._post_fact(
            OrderStatusReported(
                ref=ref,
                perm_id=raw.perm_id,
                status=inbound.status(raw.status),
                filled=raw.filled,
                remaining=raw.remaining,
            )
        )
        return True

    def on_error(self, order_id: int, code: int, text: str) -> bool:
        """Posts an error that names one of our orders; False if the id is none of them."""
        ref = self._known.ref_by_order_id.get(order_id)
        if ref is None:
            return False
        self._post_fact(OrderErrored(ref=ref, code=code, text=text, meaning=errors.meaning(code)))
        return True

    # inside --------------------------------------------------------------------------------------
    def _refusal(self) -> str | None:
        if self._kill_file_present():
            return "the kill latch is set"
        if self._wire is None or not self._link_up():
            return "the broker link is not up"
        return None

    def _write(self, ref: str) -> None:
        waiting = self._forget(ref)
        if waiting is None:
            return
        refusal = self._refusal()
        wire = self._wire
        if refusal is not None or wire is None:
            self._refuse(ref, refusal or "the broker link is not up")
            return
        try:
            order_id = wire.next_id(self._floor)
        except NotWritten as error:
            self._refuse(ref, str(error))
            return
        self._floor = order_id
        self._known.ref_by_order_id[order_id] = ref
        self._known.place_by_ref[ref] = (order_id, self._settings.client_id)
        try:
            wire.auditor.expect(waiting.intent, self._account)
            wire.place(order_id, waiting.order)
        except EgressRefused as error:
            self._faults.note("EGRESS", f"an order was stopped at the socket: {error}")
            self._refuse(ref, f"stopped at the socket: {error}")
            return
        except NotWritten as error:
            wire.auditor.forget(ref)
            self._refuse(ref, str(error))
            return
        except Exception as error:  # noqa: BLE001 - some of it may have left: sent in doubt, the broker will say
            self._faults.note("HANDLER", f"writing {ref}: {type(error).__name__}: {error}")
        self._post_fact(OrderSent(ref=ref, order_id=order_id))

    def _write_cancel(self, ref: str, order_id: int) -> None:
        try:
            if self._wire is None:
                raise NotWritten("no connection")
            self._wire.cancel(order_id)
        except NotWritten as error:
            self._faults.note("CANCEL-UNSENT", f"cancel of {ref} could not be sent: {error}")

    def _expire(self, ref: str) -> None:
        if self._take_back(ref):
            self._refuse(ref, f"waited longer than {self._settings.send_deadline_s:g} s for the message budget")

    def _take_back(self, ref: str) -> bool:
        waiting = self._forget(ref)
        return waiting is not None and self._outbox.withdraw(waiting.ticket)

    def _forget(self, ref: str) -> _Waiting | None:
        waiting = self._waiting.pop(ref, None)
        if waiting is not None and waiting.deadline is not None:
            waiting.deadline.cancel()
        return waiting

    def _refuse_waiting(self, reason: str) -> None:
        for ref in tuple(self._waiting):
            self._take_back(ref)
            self._refuse(ref, reason)

    def _refuse(self, ref: str, reason: str) -> None:
        self._post_fact(SendRefused(ref=ref, reason=reason))

    def _learn(self, perm_id: int, ref: str) -> None:
        if perm_id:
            self._known.ref_by_perm_id[perm_id] = ref
