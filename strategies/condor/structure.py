"""The four legs of a condor: strikes, what they cost to open and close at given quotes, and the orders' legs."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from strategies.domain.market import Quote
from strategies.domain.orders import Action, LegIntent

MULTIPLIER = 100
"""Dollars per index point of one SPX option contract."""


class Leg(msgspec.Struct, frozen=True):
    """One option of a condor: its contract id and strike in index points."""

    con_id: int
    strike_points: float


class Legs(msgspec.Struct, frozen=True):
    """Long put, short put, short call, long call by rising strike, one contract each per unit."""

    put_long: Leg
    put_short: Leg
    call_short: Leg
    call_long: Leg

    def all(self) -> tuple[Leg, Leg, Leg, Leg]:
        """The legs by rising strike."""
        return (self.put_long, self.put_short, self.call_short, self.call_long)

    def con_ids(self) -> tuple[int, int, int, int]:
        """Contract ids by rising strike."""
        return (self.put_long.con_id, self.put_short.con_id, self.call_short.con_id, self.call_long.con_id)

    @property
    def width_points(self) -> float:
        """The wider of the two wings."""
        return max(
            self.put_short.strike_points - self.put_long.strike_points,
            self.call_long.strike_points - self.call_short.strike_points,
        )

    def opening(self) -> tuple[LegIntent, ...]:
        """Order legs that open one unit."""
        return tuple(LegIntent(leg.con_id, 1, action) for leg, action in zip(self.all(), _OPEN, strict=True))

    def closing(self) -> tuple[LegIntent, ...]:
        """Order legs that close one unit."""
        return tuple(LegIntent(leg.con_id, 1, action.opposite) for leg, action in zip(self.all(), _OPEN, strict=True))


_OPEN = (Action.BUY, Action.SELL, Action.SELL, Action.BUY)


class Net(NamedTuple):
    """Net price of one unit in points per share: positive is paid, negative collected."""

    mid_points: float
    natural_points: float

    @property
    def half_spread_points(self) -> float:
        """What trading at once costs against mid."""
        return self.natural_points - self.mid_points


def net_price(legs: tuple[LegIntent, ...], quotes: dict[int, Quote], worthless_ask_points: float = 0.0) -> Net | None:
    """Net mid and natural price of order legs; None unless every leg is quoted on both sides.

    With `worthless_ask_points`, for closing: a leg that nobody bids for has a bid of 0 where it is to be bought, which
    needs an offer only, and where it is to be sold if it is offered at or below that price: it may be given away.
    """
    mid = natural = 0.0
    for leg in legs:
        quote = quotes.get(leg.con_id)
        if quote is None:
            return None
        bid, ask = quote.bid, quote.ask
        if bid is None and ask is not None and worthless_ask_points > 0.0:
            bid = 0.0 if leg.action is Action.BUY or ask <= worthless_ask_points else None
        if bid is None or ask is None or not 0.0 <= bid <= ask or ask <= 0.0:
            return None
        if leg.action is Action.BUY:
            mid += leg.ratio * 0.5 * (bid + ask)
            natural += leg.ratio * ask
        else:
            mid -= leg.ratio * 0.5 * (bid + ask)
            natural -= leg.ratio * bid
    return Net(mid, natural)
