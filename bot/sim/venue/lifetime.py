"""From when and until when an order works: its session, and the moment it lapses."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.sim.order_terms import TimeInForce
from bot.sim.types import OrderTicket
from bot.sim.venue.orders import legs_of
from bot.sim.venue.sessions import Sessions

_FOR_EVER = timedelta(days=36500)


def next_window(sessions: Sessions, ticket: OrderTicket, at: datetime) -> tuple[datetime, datetime] | None:
    """(open, close) of the session in which the order works first, None if its contracts trade no more.

    An order for the opening waits for the next opening: once the session runs, that is the next one's."""
    specs = [leg.spec for leg in legs_of(ticket)]
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
