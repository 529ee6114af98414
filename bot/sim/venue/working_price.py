"""At which price a live order works in this moment: its own limit, a price that follows the market, or none.

Rules: a following price never goes beyond the order's limit; it lies on the grid, rounded away from the market, so that
a peg is never more generous than it says. An Adaptive order begins a little inside mid and natural and walks to the
natural; what it may pay at last is its limit, or the natural itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bot.sim.order_terms import Patience
from bot.sim.order_types import RULES, Style
from bot.sim.types import Side
from bot.sim.venue.matching import natural_of
from bot.sim.venue.orders import Working
from bot.sim.venue.quotes import NetMarket

ADAPTIVE_MINUTES = {Patience.URGENT: 0.5, Patience.NORMAL: 2.0, Patience.PATIENT: 6.0}
"""Market minutes until an Adaptive order stands at the natural."""
_ADAPTIVE_START = 0.25


@dataclass(frozen=True, slots=True)
class WorkingPrice:
    """The limit in points that counts now. `limit` None trades at the market; `anywhere` False waits for a quote."""

    limit: float | None
    anywhere: bool = True


def working_price(working: Working, net: NetMarket, tick: float) -> WorkingPrice:
    """What a live order would trade at now, for a market of action BUY on a grid of `tick` points."""
    ticket = working.ticket
    style = RULES[ticket.order_type].style
    if ticket.patience is not None:
        return _adaptive(working, ticket.patience, net, tick)
    if style is Style.WITH_THE_NEAR_SIDE:
        near = net.bid if ticket.side is Side.BUY else net.ask
        return _following(working, None if near is None else near + ticket.side.sign * (ticket.aux or 0.0), tick)
    if style is Style.AT_THE_MID:
        known = net.bid is not None and net.ask is not None
        return _following(working, net.mid if known else None, tick)
    return WorkingPrice(working.limit)


def _following(working: Working, price: float | None, tick: float) -> WorkingPrice:
    if price is None:
        return WorkingPrice(None, anywhere=False)
    return WorkingPrice(_capped(working, _round(price, tick, up=working.ticket.side is Side.SELL)))


def _adaptive(working: Working, patience: Patience, net: NetMarket, tick: float) -> WorkingPrice:
    natural = natural_of(net, working.ticket.side)
    if natural is None:
        return WorkingPrice(None, anywhere=False)
    share = min(1.0, _ADAPTIVE_START + (1.0 - _ADAPTIVE_START) * working.minutes / ADAPTIVE_MINUTES[patience])
    price = net.mid + share * (natural - net.mid)
    return WorkingPrice(_capped(working, _round(price, tick, up=working.ticket.side is Side.BUY)))


def _capped(working: Working, price: float) -> float:
    limit = working.ticket.limit
    if limit is None or not limit:
        return price
    return min(price, limit) if working.ticket.side is Side.BUY else max(price, limit)


def _round(price: float, tick: float, *, up: bool) -> float:
    ticks = price / tick
    return round((math.ceil(ticks - 1e-6) if up else math.floor(ticks + 1e-6)) * tick, 2)
