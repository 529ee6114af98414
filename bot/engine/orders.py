"""Order facts folded into the book: every move goes through the order table, every execution counts once."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from strategies.domain.book import Book, Fill, given_by_hand
from strategies.domain.events import (
    BrokerOrderStatus,
    ErrorMeaning,
    OrderErrored,
    OrderSent,
    OrderStatusReported,
    SendRefused,
)
from strategies.domain.orders import ORDER_TABLE, OrderRecord, OrderState, OrderTrigger, PlaceIntent
from strategies.domain.transitions import ImpossibleEvent


class Folded(NamedTuple):
    """A new book, the refs whose record changed, and what did not fit the table (one sentence each)."""

    book: Book
    changed: tuple[str, ...]
    impossible: tuple[str, ...] = ()


_STATUS_TRIGGER = {
    BrokerOrderStatus.PRE_SUBMITTED: OrderTrigger.ACKNOWLEDGED,
    BrokerOrderStatus.SUBMITTED: OrderTrigger.ACKNOWLEDGED,
    BrokerOrderStatus.CANCELLED: OrderTrigger.CANCEL_REPORTED,
    BrokerOrderStatus.API_CANCELLED: OrderTrigger.CANCEL_REPORTED,
    BrokerOrderStatus.INACTIVE: OrderTrigger.REJECT_REPORTED,
}
"""PendingSubmit, ApiPending and PendingCancel say nothing new; Filled is believed from executions only."""

_MEANING_TRIGGER = {
    ErrorMeaning.REJECTED: OrderTrigger.REJECT_REPORTED,
    ErrorMeaning.CANCEL_CONFIRMED: OrderTrigger.CANCEL_REPORTED,
    ErrorMeaning.AMBIGUOUS: OrderTrigger.LOST,
}


def with_record(book: Book, record: OrderRecord) -> Book:
    """The book with this order record in place of the old one."""
    return msgspec.structs.replace(book, orders={**book.orders, record.ref: record})


def approve(book: Book, intent: PlaceIntent, at: datetime) -> Book:
    """Takes an approved intent into the book; it counts in the worst case from this moment."""
    return with_record(book, OrderRecord(intent=intent, state=OrderState.APPROVED, approved_at=at, changed_at=at))


def move(book: Book, ref: str, trigger: OrderTrigger, at: datetime, **changes: object) -> Folded:
    """One table move of one order; `changes` replace fields of the record. A move the table lacks changes nothing."""
    record = book.orders.get(ref)
    if record is None:
        return Folded(book, (), (f"{trigger.value} for {ref}, an order this journal does not know",))
    try:
        state = ORDER_TABLE.move(record.state, trigger)
    except ImpossibleEvent as reason:
        return Folded(book, (), (f"{ref}: {reason}",))
    if state is record.state and not changes:
        return Folded(book, ())
    changed_at = at if state is not record.state else record.changed_at
    updated = msgspec.structs.replace(record, state=state, changed_at=changed_at, **changes)
    return Folded(with_record(book, updated), (ref,))


def fold_sent(book: Book, event: OrderSent, at: datetime) -> Folded:
    """The order was handed to the socket."""
    return move(book, event.ref, OrderTrigger.SEND, at, sent_at=at, order_id=event.order_id)


def fold_refused(book: Book, event: SendRefused, at: datetime) -> Folded:
    """The order was not written."""
    return move(book, event.ref, OrderTrigger.SEND_REFUSED, at, last_text=event.reason)


def fold_status(book: Book, event: OrderStatusReported, at: datetime) -> Folded:
    """A raw status from the wire."""
    trigger = _STATUS_TRIGGER.get(event.status)
    if trigger is None or event.ref not in book.orders:
        return Folded(book, ())
    perm_id = event.perm_id or book.orders[event.ref].perm_id
    return move(book, event.ref, trigger, at, perm_id=perm_id, absences=0)


def fold_error(book: Book, event: OrderErrored, at: datetime) -> Folded:
    """An error or notice that named the order."""
    record = book.orders.get(event.ref)
    if record is None:
        return Folded(book, ())
    trigger = _MEANING_TRIGGER.get(event.meaning)
    if trigger is None:
        noted = msgspec.structs.replace(record, last_code=event.code, last_text=event.text)
        return Folded(with_record(book, noted), ())
    return move(book, event.ref, trigger, at, last_code=event.code, last_text=event.text)


def _keeps_its_owner(known: Fill, corrected: Fill) -> bool:
    """A correction is its order's. One that a person gave to a condor stays there only with the quantity that the
    person saw: another one no longer closes it."""
    given = known.ref is not None and given_by_hand(known.ref) is not None
    return not given or known.signed_quantity == corrected.signed_quantity


def fold_fill(book: Book, fill: Fill, at: datetime) -> Folded:
    """Counts an execution once; a higher revision of the same execution replaces the earlier one."""
    known = book.fills.get(fill.base_id)
    if known is not None and known.revision >= fill.revision:
        return Folded(book, ())
    if known is not None and fill.ref is None and _keeps_its_owner(known, fill):
        fill = msgspec.structs.replace(fill, ref=known.ref)
    book = msgspec.structs.replace(book, fills={**book.fills, fill.base_id: fill})
    if fill.ref is None or fill.ref not in book.orders:
        return Folded(book, ())
    record = book.orders[fill.ref]
    by_leg = dict(record.filled_by_leg)
    added = fill.signed_quantity - (known.signed_quantity if known is not None else 0)
    by_leg[fill.con_id] = by_leg.get(fill.con_id, 0) + added
    record = msgspec.structs.replace(record, filled_by_leg=by_leg, perm_id=fill.perm_id or record.perm_id, absences=0)
    book = with_record(book, record)
    if record.state is OrderState.FILLED or not (record.complete or (added and record.state in ORDER_TABLE.terminal)):
        return Folded(book, (fill.ref,))
    # The legs of a combination are told one by one: until all are here an order believed over is in doubt again.
    folded = move(book, fill.ref, OrderTrigger.FILLED_WHOLLY if record.complete else OrderTrigger.FILLED_LATE, at)
    return Folded(folded.book, (fill.ref,), folded.impossible)
