"""Works the live orders: releases, matches, fills, expires and cancels them, and books what the fills move."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.sim.types import Execution, Side
from bot.sim.venue import orders as life
from bot.sim.venue.accounts import Account
from bot.sim.venue.agenda import Agenda
from bot.sim.venue.announce import Announcer
from bot.sim.venue.booking import Booking
from bot.sim.venue.halts import Halts
from bot.sim.venue.hazards import Hazard, Hazards
from bot.sim.venue.matching import FillModel, aggressiveness, leg_prices, marketable_net, natural_of
from bot.sim.venue.orders import LegProgress, OrderBook, Working
from bot.sim.venue.products import bag_spec, net_tick, tick_at
from bot.sim.venue.quotes import LegMarket, NetMarket, Quotes, net_market
from bot.sim.venue.refusal import VenueRefusal
from bot.sim.venue.sessions import Sessions


class Dealing:
    """The trading floor: everything that happens to a live order as time passes."""

    def __init__(
        self,
        *,
        accounts: Mapping[str, Account],
        agenda: Agenda,
        announcer: Announcer,
        book: OrderBook,
        booking: Booking,
        halts: Halts,
        hazards: Hazards,
        model: FillModel,
        quotes: Quotes,
        sessions: Sessions,
    ) -> None:
        self._accounts = accounts
        self._agenda = agenda
        self._announce = announcer
        self._book = book
        self._booking = booking
        self._halts = halts
        self._hazards = hazards
        self._model = model
        self._quotes = quotes
        self._sessions = sessions

    # time --------------------------------------------------------------------------------------
    def work(self, at: datetime) -> None:
        """One look at every live order; free when there is none."""
        if not len(self._book):
            return
        ready = [working for working in self._book if self._is_ready(working, at)]
        if not ready:
            return
        specs = list(dict.fromkeys(spec for working in ready for spec in working.specs))
        markets = self._quotes.markets(specs, at)
        for working in ready:
            self._match(working, markets, at)

    def _is_ready(self, working: Working, at: datetime) -> bool:
        """Ends what is over, releases what was held; True for an order that may trade now."""
        order = working.order
        if working.cancel_at is not None and at >= working.cancel_at:
            self.cancel(working, at, "cancelled by the client")
            return False
        if at >= working.expires_at:
            self._end_cancelled(working, at, "expired at the close")
            return False
        if order.status == life.INACTIVE or not order.ticket.transmit:
            return False
        if self._halts.any(working.specs) or not all(self._sessions.is_open(spec, at) for spec in working.specs):
            return False
        if order.status == life.PRE_SUBMITTED:
            order.status = life.SUBMITTED
            order.why_held = ""
            self._announce.order(order, "the market takes it")
        return True

    def cancel(self, working: Working, at: datetime, reason: str) -> None:
        """Ends a live order: state first, then notice 202 to its owner. Armed so, it fills all the same later."""
        self._end_cancelled(working, at, reason)
        trap = self._hazards.spring(Hazard.FILL_AFTER_CANCEL, working.identity)
        if trap is not None:
            due = at + timedelta(seconds=trap.delay_s)
            self._agenda.plan(due, lambda then: self.fill_all(working, trap.verb, then))

    def fill_all(self, working: Working, verb: str, at: datetime) -> None:
        """Fills what remains at the order's own price, for the fault `verb`; where that is impossible the ledger says
        so."""
        try:
            self.force(working, working.order.remaining, self.asked(working, at), at)
        except VenueRefusal as refusal:
            self._announce.record(
                "fault", verb=verb, arguments={"perm_id": working.order.perm_id}, refused=str(refusal)
            )

    def _end_cancelled(self, working: Working, at: datetime, reason: str) -> None:
        self._book.finish(working, life.CANCELLED, at)
        ticket = working.ticket
        self._announce.order(working.order, reason)
        self._announce.error(ticket.client_id, ticket.order_id, 202, "Order Canceled - reason:")

    # matching ----------------------------------------------------------------------------------
    def _match(self, working: Working, markets: dict[int, LegMarket], at: datetime) -> None:
        ticket = working.ticket
        net = net_market(working.legs, markets)
        minutes = self._lived_minutes(working, at)
        working.lived_until = at
        held = self._hazards.waits(Hazard.NO_FILLS, working.identity)
        price = None if held else self._fill_price(working, net, minutes)
        if price is not None:
            units = working.chance.units(self._model, working.order.remaining)
            self._fill(working, units, price, at, net=net, markets=markets)
        if ticket.tif == "IOC" and working.order.remaining:
            self.cancel(working, at, "immediate or cancel")

    def _lived_minutes(self, working: Working, at: datetime) -> float:
        """Open market minutes since the last look (nights do not count)."""
        session = self._sessions.on(at.date())
        since = working.lived_until if session is None else max(working.lived_until, session.open_at)
        return max(0.0, (at - since).total_seconds() / 60.0)

    def _fill_price(self, working: Working, net: NetMarket, minutes: float) -> float | None:
        """The net at which the order trades in this look, None if it does not."""
        ticket, model = working.ticket, self._model
        natural = natural_of(net, ticket.side)
        if natural is None:
            return None
        keen = 1.0
        if ticket.order_type == "LMT" and ticket.limit is not None:
            keen = aggressiveness(ticket.limit, net, ticket.side) or 0.0
        if keen >= 1.0:
            return marketable_net(net, ticket.side, self._tick(working, natural), working.chance.improvement(model))
        if keen >= 0.0 and working.chance.rest(model.rate_per_minute(keen), minutes):
            return ticket.limit
        return None

    @staticmethod
    def _tick(working: Working, price: float) -> float:
        if working.ticket.is_bag:
            return net_tick([spec.trading_class for spec in working.specs])
        return tick_at(working.specs[0].market_rule_id, price)

    # fills -------------------------------------------------------------------------------------
    def force(self, working: Working, units: int, price: float, at: datetime) -> None:
        """Fills so many units at that net in points, whatever the market says.

        Raises VenueRefusal where the price cannot be split over the legs in whole cents, or a leg has no value."""
        markets = self._quotes.markets(working.specs, at)
        net = net_market(working.legs, markets)
        if not (math.isfinite(net.mid) and self._fill(working, units, price, at, net=net, markets=markets)):
            raise VenueRefusal(
                f"order {working.order.perm_id} cannot fill at {price}: its legs cannot share that price"
            )

    def natural(self, working: Working, at: datetime) -> float:
        """The net in points at which the order would trade at once; where nobody quotes, the mid in whole cents."""
        net = net_market(working.legs, self._quotes.markets(working.specs, at))
        natural = natural_of(net, working.ticket.side)
        return self.mid(working, at) if natural is None else natural

    def mid(self, working: Working, at: datetime) -> float:
        """The net in points between the quotes, in whole cents; NaN where a leg has no value."""
        return round(net_market(working.legs, self._quotes.markets(working.specs, at)).mid, 2)

    def asked(self, working: Working, at: datetime) -> float:
        """The order's own limit, else the natural."""
        limit = working.ticket.limit
        return self.natural(working, at) if limit is None else limit

    def fill_leg(self, working: Working, place: int, quantity: int, price: float, at: datetime) -> Execution:
        """Executes contracts of one leg alone (place counted from 0), points per share; the order's own count stays."""
        self._booking.new_fill()
        (execution,) = self._leg_executions(working, {place: (quantity, price)}, at)
        self._booking.book(execution, at)
        self._announce.position(self._accounts[execution.account].line(execution.spec))
        return execution

    def _fill(
        self,
        working: Working,
        units: int,
        price: float,
        at: datetime,
        *,
        net: NetMarket,
        markets: dict[int, LegMarket],
    ) -> bool:
        """Books a fill; False, with nothing done, where no whole cents of its legs make that net."""
        order, ticket = working.order, working.ticket
        prices = leg_prices(price, net, ticket.side, working.legs, markets)
        if prices is None:
            return False
        self._booking.new_fill()
        order.filled += units
        order.remaining -= units
        working.value_cents += round(price * 100) * units
        order.average_price = round(working.value_cents / order.filled / 100, 6)
        order.last_fill_price = price
        shares = {place: (units * leg.ratio, prices[place]) for place, leg in enumerate(working.legs)}
        legs = self._leg_executions(working, shares, at)
        for execution in legs:
            self._booking.book(execution, at)
        if ticket.is_bag:
            self._booking.report(self._bag_execution(working, units, price, at))
        if order.remaining == 0:
            self._book.finish(working, life.FILLED, at)
            self._announce.order(order, "filled")
        else:
            self._announce.order(order, "partial fill")
        account = self._accounts[ticket.account]
        for execution in legs:
            self._announce.position(account.line(execution.spec))
        return True

    def _leg_executions(
        self, working: Working, shares: Mapping[int, tuple[int, float]], at: datetime
    ) -> list[Execution]:
        """One execution for each leg's share of a fill: (contracts, price in points) by the leg's place."""
        ticket, found = working.ticket, []
        for place, (quantity, price) in shares.items():
            leg = working.legs[place]
            progress = working.progress.setdefault(leg.spec.con_id, LegProgress())
            progress.quantity += quantity
            progress.value_cents += round(price * 100) * quantity
            found.append(
                Execution(
                    exec_id=self._booking.exec_id(place + 2 if ticket.is_bag else 1),
                    at=at,
                    perm_id=working.order.perm_id,
                    client_id=ticket.client_id,
                    order_id=ticket.order_id,
                    order_ref=ticket.order_ref,
                    account=ticket.account,
                    spec=leg.spec,
                    side=Side.BUY if ticket.side.sign * leg.side.sign > 0 else Side.SELL,
                    quantity=quantity,
                    price=price,
                    cumulative_quantity=progress.quantity,
                    average_price=progress.average_price,
                )
            )
        return found

    def _bag_execution(self, working: Working, units: int, price: float, at: datetime) -> Execution:
        order, ticket = working.order, working.ticket
        return Execution(
            exec_id=self._booking.exec_id(1),
            at=at,
            perm_id=order.perm_id,
            client_id=ticket.client_id,
            order_id=ticket.order_id,
            order_ref=ticket.order_ref,
            account=ticket.account,
            spec=bag_spec(working.specs[0].symbol),
            side=ticket.side,
            quantity=units,
            price=price,
            cumulative_quantity=order.filled,
            average_price=order.average_price,
        )
