"""From when and until when an order works: its sessions, and the moment it lapses.

Rules: an order works in regular sessions. Where nights are lived, one with outsideRth that trades at a limit also works
in the overnight and curb sessions of its contract. For futures LMT and MKT do so asked or not, every other type when
asked (IB's pages: stops of futures trigger in regular hours unless told otherwise). The attribute is ignored for
combinations, for other orders at the market and for contracts without such sessions.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.sim.order_terms import OrderType, TimeInForce
from bot.sim.order_types import RULES, Style
from bot.sim.types import OrderTicket, SecType
from bot.sim.venue.orders import legs_of
from bot.sim.venue.sessions import Sessions

_FOR_EVER = timedelta(days=36500)
_ALWAYS_FOR_FUTURES = frozenset({OrderType.LIMIT, OrderType.MARKET})


def works_any_hours(sessions: Sessions, ticket: OrderTicket, at: datetime) -> bool:
    """Whether the order works outside regular sessions too."""
    if not sessions.overnight or ticket.is_bag or ticket.tif is TimeInForce.AT_THE_OPENING:
        return False
    if ticket.legs[0].spec.sec_type is SecType.FUTURE:
        willing = ticket.outside_rth or ticket.order_type in _ALWAYS_FOR_FUTURES
    else:
        willing = ticket.outside_rth and RULES[ticket.order_type].style is Style.AT_LIMIT
    return willing and sessions.has_nights(ticket.legs[0].spec, at)


def ignores_outside(sessions: Sessions, ticket: OrderTicket, at: datetime) -> bool:
    """Whether the order asks for other sessions than its own without effect."""
    if not ticket.outside_rth or ticket.is_bag or not sessions.overnight:
        return ticket.outside_rth and ticket.is_bag
    always = ticket.legs[0].spec.sec_type is SecType.FUTURE and ticket.order_type in _ALWAYS_FOR_FUTURES
    return always or not works_any_hours(sessions, ticket, at)


def next_window(sessions: Sessions, ticket: OrderTicket, at: datetime) -> tuple[datetime, datetime] | None:
    """(open, close) of the session in which the order works first, None if its contracts trade no more. One that works
    at any hour has the end of the trade date as its close.

    An order for the opening waits for the next opening: once the session runs, that is the next one's."""
    specs = [leg.spec for leg in legs_of(ticket)]
    if works_any_hours(sessions, ticket, at):
        found = sessions.any_hours_window(specs[0], at)
        if found is not None:
            return found
    window = sessions.window(specs, at)
    if window is not None and ticket.tif is TimeInForce.AT_THE_OPENING and window[0] <= at:
        return sessions.window(specs, window[1])
    return window


def expiry(ticket: OrderTicket, close: datetime) -> datetime:
    """When the order lapses: with its session, at its date, or with the first of its contracts."""
    if ticket.tif is TimeInForce.GOOD_TILL_DATE and ticket.good_till is not None:
        lapse = ticket.good_till
    elif ticket.tif is TimeInForce.GOOD_TILL_CANCELLED:
        lapse = close + _FOR_EVER
    else:
        return close
    ends = [leg.spec.last_trade_at for leg in ticket.legs if leg.spec.last_trade_at is not None]
    return min([lapse, *ends])
