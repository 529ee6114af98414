"""What the broker refuses by looking at the order alone, with the protocol's codes and IB's words.

Rules are tried in order and the first that fails answers; money, other orders and order ids are looked at elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from math import gcd

from bot.sim.order_terms import OcaType, OrderType, TimeInForce
from bot.sim.order_types import RULES, TIMES_BY_TYPE, takes
from bot.sim.types import OrderTicket, Reject, SecType
from bot.sim.venue import rejects
from bot.sim.venue.orders import legs_of
from bot.sim.venue.products import net_tick, on_grid
from bot.sim.venue.quotes import conforms

_TRADABLE = {SecType.OPTION, SecType.FUTURE, SecType.STOCK}
_COMBO_LEGS_MOST = 6


def check_ticket(ticket: OrderTicket, accounts: Container[str]) -> Reject | None:
    """The first reason to refuse this order, or None. Prices are checked on the grid of the contract or of the net."""
    for check in (_check_form, _check_legs, _check_combination, _check_type, _check_terms, _check_prices):
        refusal = check(ticket)
        if refusal is not None:
            return refusal
    if ticket.account not in accounts:
        return rejects.invalid(f"The account code {ticket.account!r} is unknown.")
    return None


def _check_form(ticket: OrderTicket) -> Reject | None:
    if ticket.quantity <= 0:
        return rejects.NO_SIZE
    if ticket.order_type not in RULES:
        return rejects.unsupported_type(ticket.order_type)
    return None


def _check_legs(ticket: OrderTicket) -> Reject | None:
    if not ticket.legs or (ticket.is_bag and len(ticket.legs) < 2):
        return rejects.NO_LEGS
    if any(leg.spec.sec_type not in _TRADABLE for leg in ticket.legs):
        return rejects.NOT_TRADABLE
    return None


def _check_combination(ticket: OrderTicket) -> Reject | None:
    if not ticket.is_bag:
        return None
    ratios = [leg.ratio for leg in ticket.legs]
    con_ids = {leg.spec.con_id for leg in ticket.legs}
    if min(ratios) <= 0 or gcd(*ratios) != 1 or len(con_ids) != len(ratios):
        return rejects.invalid("Combination legs must be different contracts with positive ratios in lowest terms.")
    if len(ratios) > _COMBO_LEGS_MOST:
        return rejects.invalid(f"A combination has at most {_COMBO_LEGS_MOST} legs, got {len(ratios)}.")
    if len({leg.spec.symbol for leg in ticket.legs}) != 1:
        return rejects.rejected("Combination legs must share one underlying.")
    if len({leg.spec.multiplier for leg in ticket.legs}) != 1:
        return rejects.rejected(
            "Invalid leg ratios: legs of different multipliers (stock or future with options) are not simulated."
        )
    if ticket.per_leg_prices:
        return rejects.LEG_PRICES
    if ticket.non_guaranteed:
        return rejects.invalid("Non-guaranteed combinations are not simulated: leave NonGuaranteed out.")
    return None


def _check_type(ticket: OrderTicket) -> Reject | None:
    """The order type must be taken for this kind of contract and with this time in force."""
    order_type, tif = ticket.order_type, ticket.tif
    kind = SecType.BAG if ticket.is_bag else ticket.legs[0].spec.sec_type
    if kind not in RULES[order_type].sec_types:
        return rejects.unsupported_type(order_type, f"not taken for {kind}")
    if tif not in set(TimeInForce) or (tif is TimeInForce.AT_THE_OPENING and kind is not SecType.STOCK):
        return Reject(10052, f"Invalid time in force:{tif}.")
    if not takes(order_type, tif):
        return rejects.CLOSE_TIF if order_type in TIMES_BY_TYPE else rejects.TIF_AND_TYPE
    if (tif is TimeInForce.GOOD_TILL_DATE) != (ticket.good_till is not None):
        return rejects.GOOD_TILL_DATE
    return None


def _check_terms(ticket: OrderTicket) -> Reject | None:
    """Size conditions, times and groups."""
    if not 0 <= ticket.min_quantity <= ticket.quantity:
        return rejects.invalid(f"minQty must lie between 0 and the quantity, got {ticket.min_quantity}")
    if not ticket.is_bag:
        return None
    if ticket.min_quantity:
        return rejects.COMBO_MIN_QUANTITY
    if ticket.good_after is not None:
        return rejects.COMBO_GOOD_AFTER
    if ticket.oca_group and ticket.oca_type is not OcaType.REDUCE_WITHOUT_BLOCK:
        return rejects.COMBO_OCA
    return None


# prices --------------------------------------------------------------------------------------------
def _check_prices(ticket: OrderTicket) -> Reject | None:
    rule = RULES[ticket.order_type]
    if rule.limit and not _is_price(ticket.limit):
        return rejects.invalid(f"A limit price is needed for an order of type {ticket.order_type}.")
    if rule.aux and not _is_price(ticket.aux):
        return rejects.STOP_PRICE
    trouble = _check_trail(ticket) or _check_signs(ticket)
    if trouble is not None:
        return trouble
    asked = [ticket.limit if rule.limit or rule.limit_possible else None, ticket.aux if rule.aux else None]
    if all(_on_grid(ticket, price) for price in asked if price is not None):
        return None
    return rejects.OFF_GRID


def _is_price(price: float | None) -> bool:
    return price is not None and math.isfinite(price)


def _check_trail(ticket: OrderTicket) -> Reject | None:
    """A trailing stop follows by an amount or a percentage; its limit stands off by an offset or by two prices."""
    if ticket.order_type not in (OrderType.TRAIL, OrderType.TRAIL_LIMIT):
        return None
    if (ticket.aux is None or ticket.aux <= 0.0) and ticket.trail_percent is None:
        return rejects.NO_TRAIL
    if ticket.trail_percent is not None and not 0.0 < ticket.trail_percent < 100.0:
        return rejects.TRAIL_PERCENT
    if ticket.order_type is OrderType.TRAIL or ticket.limit_offset is not None:
        return None
    if ticket.limit is None or ticket.trail_stop is None:
        return rejects.invalid("A trailing limit order needs lmtPriceOffset, or lmtPrice and trailStopPrice.")
    return None


def _check_signs(ticket: OrderTicket) -> Reject | None:
    """A single contract has a positive price; a net may be a credit."""
    if ticket.is_bag:
        return None
    rule = RULES[ticket.order_type]
    if rule.aux and ticket.aux is not None and ticket.aux <= 0.0:
        return rejects.STOP_PRICE
    if rule.limit and ticket.limit is not None and ticket.limit <= 0.0:
        return rejects.rejected("The limit price must be positive.")
    return None


def _on_grid(ticket: OrderTicket, price: float) -> bool:
    if ticket.is_bag:
        return on_grid(price, net_tick(_classes(ticket)))
    return conforms(ticket.legs[0].spec, price)


def _classes(ticket: OrderTicket) -> Sequence[str]:
    return [leg.spec.trading_class for leg in legs_of(ticket)]
