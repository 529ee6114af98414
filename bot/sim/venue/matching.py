"""How an order meets the market: when it fills, at which net, and how the net splits over the legs.

Rules: at or beyond the natural an order is marketable and fills there or better; between mid and natural it rests and
fills with a chance per market minute that grows from mid to natural; short of mid it waits. Never better than mid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from bot.sim.order_terms import TimeInForce
from bot.sim.types import Leg, OrderTicket, Side, VenueOrder
from bot.sim.venue.quotes import LegMarket, NetMarket


@dataclass(frozen=True, slots=True)
class FillModel:
    """Chances and delays of a fill; market minutes and seconds.

    `mid_per_minute` and `natural_per_minute` are the fill rates of an order resting at mid and just short of the
    natural (between them the rate grows geometrically). A marketable order is improved with `improvement_probability`
    by up to `improvement_share` of the way to mid. Of a fill of several units only a part comes with
    `partial_probability`. An order takes no more than the displayed size at a time; after that the book shows size
    again in `refill_s` market seconds. `commission_delay_s` and `cancel_delay_s` of 0 mean the next advance and at
    once.
    """

    mid_per_minute: float = 0.15
    natural_per_minute: float = 12.0
    improvement_probability: float = 0.3
    improvement_share: float = 0.25
    partial_probability: float = 0.15
    refill_s: float = 5.0
    commission_delay_s: float = 0.0
    cancel_delay_s: float = 0.0

    def rate_per_minute(self, aggressiveness: float) -> float:
        """Fill rate of an order resting that part of the way from mid (0) to natural (1); 0 short of mid."""
        if aggressiveness < 0.0 or self.mid_per_minute <= 0.0:
            return 0.0
        return float(self.mid_per_minute * (self.natural_per_minute / self.mid_per_minute) ** min(aggressiveness, 1.0))


def natural_of(net: NetMarket, side: Side) -> float | None:
    """The net at which the order trades at once, None where a leg has no quote on that side."""
    if side is Side.BUY:
        return None if net.ask is None else max(net.ask, net.mid)  # a crossed quote still trades no better than mid
    return None if net.bid is None else min(net.bid, net.mid)


def aggressiveness(limit: float, net: NetMarket, side: Side) -> float | None:
    """Where a limit stands between mid (0) and natural (1 and above); None without a natural."""
    natural = natural_of(net, side)
    if natural is None:
        return None
    reach = side.sign * (natural - net.mid)
    asked = side.sign * (limit - net.mid)
    if reach < 1e-9:
        return 1.0 if asked >= -1e-9 else -1.0
    return 1.0 if asked >= reach - 1e-9 else asked / reach


def marketable_net(net: NetMarket, side: Side, tick: float, improvement: float) -> float | None:
    """The net of an immediate fill: the natural, moved `improvement` (0..1) of the way to mid, on the grid.

    Rounded towards the natural, so that it is never better than mid and never worse than the natural.
    """
    natural = natural_of(net, side)
    if natural is None:
        return None
    wanted = natural + improvement * (net.mid - natural)
    ticks = wanted / tick
    rounded = math.ceil(ticks - 1e-6) if side is Side.BUY else math.floor(ticks + 1e-6)
    return round(rounded * tick, 2)


def leg_prices(
    net_price: float, net: NetMarket, side: Side, legs: Sequence[Leg], markets: Mapping[int, LegMarket]
) -> tuple[float, ...] | None:
    """Prices of the legs in points, whole cents, summing exactly to the net; each inside its own quote where possible.

    None when the ratios allow no exact split.
    """
    natural = natural_of(net, side)
    share = 0.0
    if natural is not None and abs(natural - net.mid) > 1e-9:
        share = min(max((net_price - net.mid) / (natural - net.mid), 0.0), 1.0)
    weights = [leg.side.sign * leg.ratio for leg in legs]
    cents, lows, highs = [], [], []
    for leg, weight in zip(legs, weights, strict=True):
        market = markets[leg.spec.con_id]
        edge = market.ask if weight * side.sign > 0 else market.bid
        price = market.mid + share * ((edge if edge is not None else market.mid) - market.mid)
        cents.append(max(round(price * 100), 0))
        lows.append(round((market.bid or 0.0) * 100))
        highs.append(round((market.ask if market.ask is not None else price) * 100))
    missing = round(net_price * 100) - sum(weight * price for weight, price in zip(weights, cents, strict=True))
    if not (_spread(missing, weights, cents, lows, highs) or _spread(missing, weights, cents, [0] * len(legs), None)):
        return None
    return tuple(price / 100 for price in cents)


def _spread(missing: int, weights: list[int], cents: list[int], lows: list[int], highs: list[int] | None) -> bool:
    """Adds whole cents to the legs until their net has grown by `missing`; False (and no change) if it cannot."""

    def room(place: int, step: int) -> bool:
        price = cents[place] + step
        return lows[place] <= price and (highs is None or price <= highs[place])

    before = list(cents)
    order = sorted(range(len(weights)), key=lambda place: -abs(weights[place]))
    for place in order:
        step = (1 if missing > 0 else -1) * (1 if weights[place] > 0 else -1)
        while abs(weights[place]) <= abs(missing) and room(place, step):
            cents[place] += step
            missing -= step * weights[place]
    if missing == 0:
        return True
    # What is left is smaller than every leg's ratio that has room: two legs moved together can still make it.
    for first, second in permutations(range(len(weights)), 2):
        for step in range(-12, 13):
            rest = missing - step * weights[first]
            other, odd = divmod(rest, weights[second])
            if odd == 0 and room(first, step) and room(second, other):
                cents[first] += step
                cents[second] += other
                return True
    cents[:] = before
    return False


def displayed_units(legs: Sequence[Leg], markets: Mapping[int, LegMarket], side: Side) -> int | None:
    """Units that the displayed sizes of the legs allow an order to take, None where no size is known."""
    found: list[int] = []
    for leg in legs:
        market = markets[leg.spec.con_id]
        size = market.ask_size if side.sign * leg.side.sign > 0 else market.bid_size
        if size is not None:
            found.append(int(size) // leg.ratio)
    return min(found, default=None)


def units_to_fill(ticket: OrderTicket, order: VenueOrder, chance: Chance, model: FillModel, shown: int | None) -> int:
    """Units of the next fill: at most `shown` of them, all or none where the order says so, its minimum at first."""
    most = order.remaining if shown is None else min(order.remaining, shown)
    if ticket.all_or_none or ticket.tif is TimeInForce.FILL_OR_KILL:
        return most if most == order.remaining else 0
    units = min(chance.units(model, order.remaining), most)
    least = ticket.min_quantity if not order.filled else 0
    if units < least:
        units = least if least <= most else 0
    return units


class Chance:
    """The luck of one order: its own seeded stream, spent in market time and not in ticks."""

    def __init__(self, seed: int, perm_id: int) -> None:
        self._draw = np.random.default_rng((seed, perm_id))
        self._patience = float(self._draw.exponential())

    def rest(self, rate_per_minute: float, minutes: float) -> bool:
        """Lives `minutes` at that rate; True when a fill is due (and the next wait begins)."""
        self._patience -= rate_per_minute * minutes
        if self._patience > 0.0:
            return False
        self._patience = float(self._draw.exponential())
        return True

    def improvement(self, model: FillModel) -> float:
        """How far towards mid a marketable order is improved, 0..1."""
        lucky, share = self._draw.random(2)
        return float(share) * model.improvement_share if lucky < model.improvement_probability else 0.0

    def units(self, model: FillModel, remaining: int) -> int:
        """How many units of the remaining ones this fill brings, at least one."""
        if remaining > 1 and self._draw.random() < model.partial_probability:
            return int(self._draw.integers(1, remaining))
        return remaining
