"""Fills: units of an order become executions of its legs, bookings, and the order's new count.

Rules: the legs of one fill are executed in ratio at prices that add up to the net in whole cents; an order that has
filled whole ends, and whatever is tied to it hears of it; a fill that no whole cents can make does not happen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.sim.order_terms import Liquidity, OrderStatus
from bot.sim.types import ContractSpec, Execution, Side
from bot.sim.venue.accounts import Account
from bot.sim.venue.announce import Announcer
from bot.sim.venue.booking import Booking
from bot.sim.venue.endings import Endings
from bot.sim.venue.matching import leg_prices, natural_of
from bot.sim.venue.orders import LegProgress, Working
from bot.sim.venue.products import bag_spec
from bot.sim.venue.quotes import LegMarket, NetMarket, Quotes, net_market
from bot.sim.venue.refusal import VenueRefusal


@dataclass(frozen=True, slots=True)
class Fill:
    """So many units at a net in points per unit."""

    units: int
    price: float
    liquidity: Liquidity = Liquidity.REMOVED


class Filling:
    """Books fills of live orders, those of the market and those that are forced."""

    def __init__(
        self,
        *,
        accounts: Mapping[str, Account],
        announcer: Announcer,
        booking: Booking,
        endings: Endings,
        quotes: Quotes,
    ) -> None:
        self._accounts = accounts
        self._announce = announcer
        self._booking = booking
        self._endings = endings
        self._quotes = quotes

    # what a fill would cost --------------------------------------------------------------------
    def market(self, working: Working, at: datetime) -> tuple[NetMarket, dict[int, LegMarket]]:
        """The order's net market for action BUY, and its legs' own."""
        markets = self._quotes.markets(working.specs, at)
        return net_market(working.legs, markets), markets

    def natural(self, working: Working, at: datetime) -> float:
        """The net in points at which the order would trade at once; where nobody quotes, the mid in whole cents."""
        net, _ = self.market(working, at)
        natural = natural_of(net, working.ticket.side)
        return round(net.mid, 2) if natural is None else natural

    def mid(self, working: Working, at: datetime) -> float:
        """The net in points between the quotes, in whole cents; NaN where a leg has no value."""
        return round(self.market(working, at)[0].mid, 2)

    def asked(self, working: Working, at: datetime) -> float:
        """The order's own limit, else the natural."""
        limit = working.ticket.limit
        return self.natural(working, at) if limit is None else limit

    # fills -------------------------------------------------------------------------------------
    def force(self, working: Working, units: int, price: float, at: datetime) -> None:
        """Fills so many units at that net in points, whatever the market says.

        Raises VenueRefusal where the price cannot be split over the legs in whole cents, or a leg has no value."""
        net, markets = self.market(working, at)
        if not (math.isfinite(net.mid) and self.fill(working, Fill(units, price), at, net=net, markets=markets)):
            raise VenueRefusal(
                f"order {working.order.perm_id} cannot fill at {price}: its legs cannot share that price"
            )

    def fill_leg(self, working: Working, place: int, quantity: int, price: float, at: datetime) -> Execution:
        """Executes contracts of one leg alone (place counted from 0), points per share; the order's own count stays."""
        self._booking.new_fill()
        shares = {place: (quantity, price)}
        (execution,) = self._leg_executions(working, shares, at, Liquidity.REMOVED)
        self._booking.book(execution, at, order=working.order, order_contracts=_contracts(working))
        self._announce.position(self._accounts[execution.account].line(execution.spec))
        return execution

    def fill(
        self, working: Working, fill: Fill, at: datetime, *, net: NetMarket, markets: Mapping[int, LegMarket]
    ) -> bool:
        """Books a fill; False, with nothing done, where no whole cents of its legs make that net."""
        order, ticket = working.order, working.ticket
        prices = leg_prices(fill.price, net, ticket.side, working.legs, markets)
        if prices is None:
            return False
        self._booking.new_fill()
        order.filled += fill.units
        order.remaining -= fill.units
        working.value_cents += round(fill.price * 100) * fill.units
        order.average_price = round(working.value_cents / order.filled / 100, 6)
        order.last_fill_price = fill.price
        shares = {place: (fill.units * leg.ratio, prices[place]) for place, leg in enumerate(working.legs)}
        legs = self._leg_executions(working, shares, at, fill.liquidity)
        for execution in legs:
            self._booking.book(execution, at, order=order, order_contracts=_contracts(working))
        if ticket.is_bag:
            self._booking.report(self._bag_execution(working, fill, at))
        if order.remaining == 0:
            self._endings.filled(working, at)
        else:
            if order.status is OrderStatus.PRE_SUBMITTED:
                order.status = OrderStatus.SUBMITTED
            self._announce.order(order, "partial fill")
        account = self._accounts[ticket.account]
        for execution in legs:
            self._announce.position(account.line(execution.spec))
        self._endings.traded(working, fill.units, at)
        return True

    # executions --------------------------------------------------------------------------------
    def _leg_executions(
        self, working: Working, shares: Mapping[int, tuple[int, float]], at: datetime, liquidity: Liquidity
    ) -> list[Execution]:
        """One execution for each leg's share of a fill: (contracts, price in points) by the leg's place."""
        ticket, found = working.ticket, []
        for place, (quantity, price) in shares.items():
            leg = working.legs[place]
            progress = working.progress.setdefault(leg.spec.con_id, LegProgress())
            progress.quantity += quantity
            progress.value_cents += round(price * 100) * quantity
            found.append(
                self._execution(
                    working,
                    at,
                    part=place + 2 if ticket.is_bag else 1,
                    spec=leg.spec,
                    side=Side.BUY if ticket.side.sign * leg.side.sign > 0 else Side.SELL,
                    quantity=quantity,
                    price=price,
                    cumulative=progress.quantity,
                    average_price=progress.average_price,
                    liquidity=liquidity,
                )
            )
        return found

    def _bag_execution(self, working: Working, fill: Fill, at: datetime) -> Execution:
        order = working.order
        return self._execution(
            working,
            at,
            part=1,
            spec=bag_spec(working.specs[0].symbol),
            side=working.ticket.side,
            quantity=fill.units,
            price=fill.price,
            cumulative=order.filled,
            average_price=order.average_price,
            liquidity=fill.liquidity,
        )

    def _execution(
        self,
        working: Working,
        at: datetime,
        *,
        part: int,
        spec: ContractSpec,
        side: Side,
        quantity: int,
        price: float,
        cumulative: int,
        average_price: float,
        liquidity: Liquidity,
    ) -> Execution:
        ticket = working.ticket
        return Execution(
            exec_id=self._booking.exec_id(part),
            at=at,
            perm_id=working.order.perm_id,
            client_id=ticket.client_id,
            order_id=ticket.order_id,
            order_ref=ticket.order_ref,
            account=ticket.account,
            spec=spec,
            side=side,
            quantity=quantity,
            price=price,
            cumulative_quantity=cumulative,
            average_price=average_price,
            liquidity=liquidity,
        )


def _contracts(working: Working) -> int:
    """Contracts that the order asks for over all legs."""
    return working.ticket.quantity * sum(leg.ratio for leg in working.legs)
