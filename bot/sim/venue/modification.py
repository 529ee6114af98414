"""What a client may change about a working order, and what not.

Rules: price, size, time in force, trigger and display fields may change; contract, side, legs, parent and group may not
(105), nor the account (422); the order type may change between limit and market only (329). The new size must exceed
what has filled.
"""

from __future__ import annotations

from bot.sim.order_terms import OrderStatus, OrderType
from bot.sim.types import OrderTicket, Reject
from bot.sim.venue import rejects
from bot.sim.venue.orders import Working, legs_of

_INTERCHANGEABLE = frozenset({OrderType.LIMIT, OrderType.MARKET})


def refuse_modify(working: Working, ticket: OrderTicket) -> Reject | None:
    """Why a working order cannot become this one, or None."""
    old = working.ticket
    if _what_stays(old) != _what_stays(ticket):
        return rejects.MISMATCH
    if ticket.oca_group not in ("", working.order.oca_group):
        return rejects.MISMATCH
    if old.account != ticket.account:
        return rejects.ACCOUNT_CHANGE
    if old.order_type != ticket.order_type and not {old.order_type, ticket.order_type} <= _INTERCHANGEABLE:
        return rejects.NO_TYPE_CHANGE
    filled = working.order.filled
    if ticket.quantity <= filled:
        return rejects.rejected(f"Order quantity {ticket.quantity} must exceed the quantity already filled, {filled}")
    if working.order.status is OrderStatus.PENDING_CANCEL:
        return rejects.rejected("Order is pending cancellation")
    return None


def _what_stays(ticket: OrderTicket) -> tuple[object, ...]:
    """Side, kind, parent, and the contracts with ratios and sides in the order given."""
    terms = tuple((leg.spec.con_id, leg.ratio, leg.side.sign) for leg in legs_of(ticket))
    return ticket.side, ticket.is_bag, ticket.parent_id, terms
