"""The broker's truth in one answer: positions, open and completed orders, executions, each Known or Unknown.

Rules
- A part is Known only when every question ever asked for it on this connection was answered with its end marker; the
  protocol does not say which question an end marker belongs to, so one left over would end the next answer early.
- Executions are asked last, so that a fill between the answers is seen.
- Rows are gathered by identity; a repeat replaces, an order that ends while we gather is no longer open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from bot.ibkr.gateway import Wire
from bot.ibkr.inbound import DONE_STATUSES, RawExecution, status
from bot.ibkr.inbox import COMPLETED_ORDERS, OPEN_ORDERS, POSITIONS, RawStatus
from bot.ibkr.outbox import Outbox
from bot.ibkr.pacing import Lane
from bot.ibkr.requests import RequestExpired, RequestRefused, Requests
from strategies.domain.book import Fill
from strategies.domain.events import BrokerOrder, BrokerSnapshot
from strategies.domain.known import Known, Unknown

R = TypeVar("R")


class _Part(Generic[R]):
    """One part without request ids: rows by identity and how many end markers are still owed to us."""

    def __init__(self) -> None:
        self.rows: dict[int, R] = {}
        self.owed = 0
        self.waiter: asyncio.Future[None] | None = None

    def begin(self) -> asyncio.Future[None]:
        """A question goes out."""
        if self.owed == 0:
            self.rows.clear()
        self.owed += 1
        self.waiter = asyncio.get_running_loop().create_future()
        return self.waiter

    def end(self) -> None:
        """An end marker came; the last one owed completes the answer."""
        self.owed = max(self.owed - 1, 0)
        if self.owed == 0 and self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class Snapshots:
    """Takes snapshots of one connection, one at a time. While `urgent` (a kill waits for its proof) its questions go in
    the lane of cancels: subscriptions that have used up the budget must not hold them up."""

    def __init__(
        self,
        wire: Wire,
        outbox: Outbox,
        requests: Requests,
        *,
        now: Callable[[], datetime],
        epoch: int,
        deadline_s: float,
        urgent: Callable[[], bool] = lambda: False,
    ) -> None:
        self._urgent = urgent
        self._wire = wire
        self._outbox = outbox
        self._requests = requests
        self._now = now
        self._epoch = epoch
        self._deadline_s = deadline_s
        self._positions: _Part[tuple[int, int]] = _Part()
        self._open: _Part[BrokerOrder] = _Part()
        self._completed: _Part[BrokerOrder] = _Part()
        self._one_at_a_time = asyncio.Lock()
        self._lost_messages = 0

    async def take(self, reason: str) -> BrokerSnapshot:
        """Asks everything and returns what was answered in time."""
        async with self._one_at_a_time:
            started_at = self._now()
            lost_before = self._lost_messages
            positions, opened, completed = await asyncio.gather(
                self._gather(self._positions, self._wire.ask_positions, "positions"),
                self._gather(self._open, self._wire.ask_open_orders, "open orders"),
                self._gather(self._completed, self._wire.ask_completed_orders, "completed orders"),
            )
            executions = await self._executions()
        if self._lost_messages != lost_before:
            return nothing_known(reason, self._epoch, started_at, "a message was lost while the answers came in")
        return BrokerSnapshot(
            reason=reason,
            epoch=self._epoch,
            started_at=started_at,
            positions=Known(dict(positions.value)) if isinstance(positions, Known) else positions,
            open_orders=opened,
            completed_orders=completed,
            executions=executions,
        )

    async def _gather(self, part: _Part[R], write: Callable[[], None], name: str) -> Known[tuple[R, ...]] | Unknown:
        waiter = part.begin()

        def written() -> None:
            try:
                write()
            except Exception as error:  # noqa: BLE001 - it becomes the answer
                part.owed -= 1
                if not waiter.done():
                    waiter.set_exception(RequestRefused(str(error)))

        ticket = self._outbox.send(self._lane(), written)
        try:
            async with asyncio.timeout(self._deadline_s):
                await waiter
        except TimeoutError:
            if self._outbox.withdraw(ticket):
                part.owed -= 1
            return Unknown(f"{name}: no complete answer within {self._deadline_s:g} s")
        except RequestRefused as error:
            return Unknown(f"{name}: {error}")
        return Known(tuple(part.rows.values()))

    async def _executions(self) -> Known[tuple[Fill, ...]] | Unknown:
        try:
            request_id = self._wire.next_id()
            ask = lambda: self._wire.ask_executions(request_id)  # noqa: E731
            rows = await self._requests.ask(request_id, ask, self._deadline_s, self._lane())
        except (RequestExpired, RequestRefused, ConnectionError) as error:
            return Unknown(f"executions: {error}")
        return Known(tuple(rows))

    def _lane(self) -> Lane:
        return Lane.CANCEL if self._urgent() else Lane.QUERY

    def fail(self, reason: str) -> None:
        """The connection is gone: nobody answers any more."""
        for part in (self._positions, self._open, self._completed):
            if part.waiter is not None and not part.waiter.done():
                part.waiter.set_exception(RequestRefused(reason))

    def on_lost_message(self) -> None:
        """A message could not be read: it may have been a row of an answer."""
        self._lost_messages += 1

    # what the wire says --------------------------------------------------------------------------
    def on_position(self, con_id: int, quantity: int) -> None:
        """A position row, or an update between snapshots; zero removes it."""
        if quantity == 0:
            self._positions.rows.pop(con_id, None)
        else:
            self._positions.rows[con_id] = (con_id, quantity)

    def on_open_order(self, order: BrokerOrder) -> None:
        """An open order; one that is done is not open."""
        key = _identity(order.perm_id, order.order_id)
        if order.status in DONE_STATUSES:
            self._open.rows.pop(key, None)
        elif self._open.owed:
            self._open.rows[key] = order

    def on_status(self, raw: RawStatus) -> None:
        """A status fills in what an open order has done so far."""
        key = _identity(raw.perm_id, raw.order_id)
        order = self._open.rows.get(key)
        if order is None:
            return
        word = status(raw.status)
        if word in DONE_STATUSES:
            del self._open.rows[key]
        else:
            self._open.rows[key] = msgspec.structs.replace(
                order, status=word, filled=raw.filled, remaining=raw.remaining
            )

    def on_completed_order(self, order: BrokerOrder) -> None:
        """An order of the day that is done."""
        if self._completed.owed:
            self._completed.rows[_identity(order.perm_id, order.order_id)] = order

    def on_execution(self, raw: RawExecution) -> None:
        """A replayed execution."""
        if raw.fill is not None:
            self._requests.row(raw.request_id, raw.fill)

    def on_end(self, key: int | str) -> bool:
        """An end marker; False if it is not one of a snapshot."""
        part = {POSITIONS: self._positions, OPEN_ORDERS: self._open, COMPLETED_ORDERS: self._completed}.get(str(key))
        if part is None:
            return False
        part.end()  # type: ignore[attr-defined]
        return True


def _identity(perm_id: int, order_id: int) -> int:
    """The permanent id; an order that has none yet is known by its order id, kept apart by the sign."""
    return perm_id or -order_id


def complete(snapshot: BrokerSnapshot) -> bool:
    """Whether every part was answered."""
    parts = (snapshot.positions, snapshot.open_orders, snapshot.completed_orders, snapshot.executions)
    return all(isinstance(part, Known) for part in parts)


def nothing_known(reason: str, epoch: int, at: datetime, why: str) -> BrokerSnapshot:
    """The snapshot of a dead link."""
    unknown = Unknown(why)
    return BrokerSnapshot(
        reason=reason,
        epoch=epoch,
        started_at=at,
        positions=unknown,
        open_orders=unknown,
        completed_orders=unknown,
        executions=unknown,
    )
