"""What the broker refuses before an order reaches the market, with the protocol's codes and IB's words.

Rules are tried in order and the first that fails answers; money and order ids are looked at elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from math import gcd

from bot.sim.types import OrderTicket, Reject, SecType
from bot.sim.venue.orders import INACTIVE, legs_of
from bot.sim.venue.products import net_tick, on_grid
from bot.sim.venue.quotes import conforms

ORDER_TYPES = ("LMT", "MKT")
TIMES_IN_FORCE = ("DAY", "GTC", "IOC")
_TRADABLE = {SecType.OPTION, SecType.FUTURE, SecType.STOCK}
_TICK_TEXT = "The price does not conform to the minimum price variation for this contract."


def check_ticket(ticket: OrderTicket, accounts: Container[str]) -> Reject | None:
    """The first reason to refuse this order, or None. Prices are checked on the grid of the contract or of the net."""
    for check in (_check_form, _check_legs, _check_combination, _check_price):
        refusal = check(ticket)
        if refusal is not None:
            return refusal
    if ticket.account not in accounts:
        return Reject(321, f"Error validating request:-'b' : cause - The account code {ticket.account!r} is unknown.")
    return None


def _check_form(ticket: OrderTicket) -> Reject | None:
    if ticket.order_id <= 0:
        return Reject(321, f"Error validating request:-'b' : cause - Order id {ticket.order_id} must be positive.")
    if ticket.quantity <= 0:
        return Reject(434, "The order size cannot be zero.")
    if ticket.order_type not in ORDER_TYPES:
        return Reject(387, f"Unsupported order type for this exchange and security type: {ticket.order_type}.")
    if ticket.tif not in TIMES_IN_FORCE:
        return Reject(10052, f"Invalid time in force:{ticket.tif}.")
    if ticket.parent_id:
        return Reject(201, "Order rejected - reason:Attached orders are not supported here.", INACTIVE)
    return None


def _check_legs(ticket: OrderTicket) -> Reject | None:
    if not ticket.legs or (ticket.is_bag and len(ticket.legs) < 2):
        return Reject(321, "Error validating request:-'b' : cause - Missing or invalid combination legs.")
    for leg in ticket.legs:
        if leg.spec.sec_type not in _TRADABLE:
            return Reject(201, f"Order rejected - reason:{leg.spec.symbol} cannot be traded.", INACTIVE)
    return None


def _check_combination(ticket: OrderTicket) -> Reject | None:
    if not ticket.is_bag:
        return None
    ratios = [leg.ratio for leg in ticket.legs]
    con_ids = {leg.spec.con_id for leg in ticket.legs}
    if min(ratios) <= 0 or gcd(*ratios) != 1 or len(con_ids) != len(ratios):
        return Reject(
            321,
            "Error validating request:-'b' : cause - Combination legs must be different contracts "
            "with positive ratios in lowest terms.",
        )
    if len({leg.spec.symbol for leg in ticket.legs}) != 1:
        return Reject(201, "Order rejected - reason:Combination legs must share one underlying.", INACTIVE)
    if ticket.per_leg_prices:
        return Reject(10058, "Per-leg prices are not supported for this combination: send one price for the order.")
    if ticket.non_guaranteed:
        return Reject(
            321, "Error validating request:-'b' : cause - Non-guaranteed combinations are not supported: leave it out."
        )
    return None


def _check_price(ticket: OrderTicket) -> Reject | None:
    if ticket.order_type != "LMT":
        return None
    limit = ticket.limit
    if limit is None or not math.isfinite(limit):
        return Reject(321, "Error validating request:-'b' : cause - A limit order needs a limit price.")
    if ticket.is_bag:
        return None if on_grid(limit, net_tick(_classes(ticket))) else Reject(110, _TICK_TEXT)
    if limit <= 0.0:
        return Reject(201, "Order rejected - reason:The limit price must be positive.", INACTIVE)
    return None if conforms(ticket.legs[0].spec, limit) else Reject(110, _TICK_TEXT)


def _classes(ticket: OrderTicket) -> Sequence[str]:
    return [leg.spec.trading_class for leg in legs_of(ticket)]
