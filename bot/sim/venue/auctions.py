"""Orders for the opening and the closing auction of shares: when their price is struck, and whether they trade at it.

Rules: an order for the opening (OPG) trades at the first price of the next session that begins after it was placed, one
for the close (MOC, LOC) at the last price of its session; whole or not at all, at the limit or better. In the last ten
minutes before the close an order for it can no longer be cancelled.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.sim.order_terms import TimeInForce
from bot.sim.order_types import RULES, Style
from bot.sim.types import OrderTicket
from bot.sim.venue.orders import Working
from bot.sim.venue.products import tick_at
from bot.sim.venue.sessions import Sessions

CLOSE_IS_FINAL = timedelta(minutes=10)


def is_for_the_close(ticket: OrderTicket) -> bool:
    """Whether the order trades in the closing auction only."""
    return RULES[ticket.order_type].style is Style.IN_THE_CLOSE


def is_auction_due(working: Working, sessions: Sessions, at: datetime) -> bool:
    """Whether the price that the order waits for is struck now."""
    ticket = working.ticket
    if not working.transmitted or working.holds:
        return False
    if is_for_the_close(ticket):
        return at >= working.expires_at
    if ticket.tif is not TimeInForce.AT_THE_OPENING:
        return False
    return all(sessions.is_regular(spec, at) for spec in working.specs) and at >= working.works_from


def auction_price(working: Working, last: float | None) -> float | None:
    """The price in dollars at which the order trades when `last` is struck, None if it does not."""
    if last is None:
        return None
    tick = tick_at(working.specs[0].market_rule_id, last)
    price = round(round(last / tick) * tick, 2)
    limit, side = working.ticket.limit, working.ticket.side
    if limit is not None and side.sign * (limit - price) < -1e-9:
        return None
    return price


def is_final(working: Working, at: datetime) -> bool:
    """Whether it is too late to take the order back."""
    return is_for_the_close(working.ticket) and at >= working.expires_at - CLOSE_IS_FINAL
