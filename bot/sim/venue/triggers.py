"""When an order that waits for the market wakes up: stops, touches and trailing stops.

Rules: a stop buys once the market has risen to its price and sells once it has fallen to it, a touch the other way
round; a trailing stop moves with the market and never away from it. Which price counts is the trigger method: BID_ASK
takes the side that proves the move (the bid for what must rise, the ask for what must fall), the double methods want it
in two looks running. A price that nobody quotes triggers nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from bot.sim.order_terms import OrderType, TriggerMethod
from bot.sim.types import OrderTicket, SecType
from bot.sim.venue.quotes import NetMarket


class Kind(StrEnum):
    """What wakes an order."""

    STOP = "stop"
    TOUCH = "touch"
    TRAIL = "trail"


KINDS = {
    OrderType.STOP: Kind.STOP,
    OrderType.STOP_LIMIT: Kind.STOP,
    OrderType.MARKET_IF_TOUCHED: Kind.TOUCH,
    OrderType.LIMIT_IF_TOUCHED: Kind.TOUCH,
    OrderType.TRAIL: Kind.TRAIL,
    OrderType.TRAIL_LIMIT: Kind.TRAIL,
}
"""The types that wait, and for what."""

_TWICE = frozenset({TriggerMethod.DOUBLE_BID_ASK, TriggerMethod.DOUBLE_LAST})


@dataclass(slots=True)
class Watch:
    """One order's wait for its trigger. `price` is the stop or touch price in points, None for a trailing stop that has
    not seen a market yet; `follow` the distance of a trailing stop in points, or in percent of the market."""

    kind: Kind
    rising: bool
    method: TriggerMethod
    price: float | None
    follow: float = 0.0
    follow_is_percent: bool = False
    seen: int = 0

    def look(self, net: NetMarket, last: float | None, tick: float) -> bool:
        """One look at the market; True when the order wakes. `tick` is the grid that a trailing stop moves on."""
        reference = self._reference(net, last)
        if reference is None:
            return False
        if self.kind is Kind.TRAIL:
            self._follow(reference, tick)
        assert self.price is not None
        reached = reference >= self.price - 1e-9 if self.rising else reference <= self.price + 1e-9
        self.seen = self.seen + 1 if reached else 0
        return self.seen >= (2 if self.method in _TWICE else 1)

    def _reference(self, net: NetMarket, last: float | None) -> float | None:
        quoted = net.bid if self.rising else net.ask
        if self.method in (TriggerMethod.DOUBLE_BID_ASK, TriggerMethod.BID_ASK):
            return quoted
        if self.method is TriggerMethod.MID_POINT:
            return net.mid if net.bid is not None and net.ask is not None else None
        if self.method is TriggerMethod.LAST_OR_BID_ASK:
            known = [price for price in (quoted, last) if price is not None]
            return (max(known) if self.rising else min(known)) if known else None
        return last

    def _follow(self, reference: float, tick: float) -> None:
        """Moves the stop towards the market, rounded away from it; never back."""
        gap = abs(reference) * self.follow / 100.0 if self.follow_is_percent else self.follow
        if self.rising:
            wanted = round(math.ceil((reference + gap) / tick - 1e-6) * tick, 2)
            self.price = wanted if self.price is None else min(self.price, wanted)
        else:
            wanted = round(math.floor((reference - gap) / tick + 1e-6) * tick, 2)
            self.price = wanted if self.price is None else max(self.price, wanted)


def watch_for(ticket: OrderTicket) -> Watch | None:
    """The wait that an order begins with, None for a type that works at once."""
    kind = KINDS.get(ticket.order_type)
    if kind is None:
        return None
    buys = ticket.side.sign > 0
    rising = buys != (kind is Kind.TOUCH)
    method = ticket.trigger_method
    if method is TriggerMethod.DEFAULT:
        quoted = ticket.is_bag or ticket.legs[0].spec.sec_type is SecType.OPTION
        method = TriggerMethod.DOUBLE_BID_ASK if quoted else TriggerMethod.LAST
    if kind is not Kind.TRAIL:
        return Watch(kind, rising, method, ticket.aux)
    percent = ticket.trail_percent
    return Watch(
        kind,
        rising,
        method,
        ticket.trail_stop,
        follow=(percent if percent is not None else ticket.aux) or 0.0,
        follow_is_percent=percent is not None,
    )
