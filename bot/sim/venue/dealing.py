"""Works the live orders: ends what is over, releases what was held, wakes what waits for a trigger, matches the rest.

Rules: an order is looked at once a step, oldest first, all against one look at the market; it is held until it has been
transmitted, its parent has filled, its time has come, its contract trades, its shares are found and its trigger has
fired, in that order; only then does it show as Submitted. A market order that fills in its first look never shows so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.sim.order_terms import Hold, Liquidity, OrderStatus, OrderType, TimeInForce
from bot.sim.order_types import RULES, Style
from bot.sim.types import SecType
from bot.sim.venue.agenda import Agenda
from bot.sim.venue.announce import Announcer
from bot.sim.venue.auctions import auction_price, is_auction_due
from bot.sim.venue.endings import Endings
from bot.sim.venue.filling import Fill, Filling
from bot.sim.venue.halts import Halts
from bot.sim.venue.hazards import Hazard, Hazards
from bot.sim.venue.matching import (
    FillModel,
    aggressiveness,
    displayed_units,
    marketable_net,
    natural_of,
    units_to_fill,
)
from bot.sim.venue.orders import OrderBook, Working
from bot.sim.venue.products import net_tick, tick_at
from bot.sim.venue.quotes import LegMarket, NetMarket, Quotes, net_market
from bot.sim.venue.refusal import VenueRefusal
from bot.sim.venue.sessions import Sessions
from bot.sim.venue.triggers import Kind
from bot.sim.venue.working_price import working_price

_AT_ONCE = frozenset({TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL})


class Dealing:
    """The trading floor: everything that happens to a live order as time passes."""

    def __init__(
        self,
        *,
        agenda: Agenda,
        announcer: Announcer,
        book: OrderBook,
        endings: Endings,
        filling: Filling,
        halts: Halts,
        hazards: Hazards,
        model: FillModel,
        quotes: Quotes,
        sessions: Sessions,
    ) -> None:
        self._agenda = agenda
        self._announce = announcer
        self._book = book
        self._endings = endings
        self._filling = filling
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
        ready = [working for working in self._book if self._book.is_live(working) and self._is_ready(working, at)]
        if ready:
            specs = list(dict.fromkeys(spec for working in ready for spec in working.specs))
            markets = self._quotes.markets(specs, at)
            for working in ready:
                if self._book.is_live(working):
                    self._look(working, markets, at)
        self._endings.after_look(at)

    def _is_ready(self, working: Working, at: datetime) -> bool:
        """Ends what is over, releases what was held; True for an order that may see the market now."""
        order, ticket = working.order, working.ticket
        if working.cancel_at is not None and at >= working.cancel_at:
            self.cancel(working, at, "cancelled by the client")
            return False
        if is_auction_due(working, self._sessions, at):
            self._auction(working, at)
            return False
        if at >= working.expires_at:
            self._endings.cancel(working, at, "expired")
            return False
        if order.status is OrderStatus.INACTIVE or not working.transmitted or Hold.CHILD in working.holds:
            return False
        if ticket.good_after is not None and at < ticket.good_after:
            return False
        if RULES[ticket.order_type].style is Style.IN_THE_CLOSE or ticket.tif is TimeInForce.AT_THE_OPENING:
            return False
        trades = self._sessions.is_open if working.any_hours else self._sessions.is_regular
        if self._halts.any(working.specs) or not all(trades(spec, at) for spec in working.specs):
            return False
        return self._is_located(working, at)

    def _is_located(self, working: Working, at: datetime) -> bool:
        if Hold.LOCATE not in working.holds:
            return True
        if working.located_at is None or at < working.located_at:
            return False
        working.release(Hold.LOCATE)
        working.lived_until = at
        self._announce.order(working.order, "shares located")
        return True

    def cancel(self, working: Working, at: datetime, reason: str) -> None:
        """Cancels a live order. Armed so, it fills all the same later."""
        self._endings.cancel(working, at, reason)
        trap = self._hazards.spring(Hazard.FILL_AFTER_CANCEL, working.identity)
        if trap is not None:
            due = at + timedelta(seconds=trap.delay_s)
            self._agenda.plan(due, lambda then: self.fill_all(working, trap.verb, then))

    def fill_all(self, working: Working, verb: str, at: datetime) -> None:
        """Fills what remains at the order's own price, for the fault `verb`; where that is impossible the ledger says
        so."""
        try:
            self._filling.force(working, working.order.remaining, self._filling.asked(working, at), at)
        except VenueRefusal as refusal:
            self._announce.record(
                "fault", verb=verb, arguments={"perm_id": working.order.perm_id}, refused=str(refusal)
            )

    # auctions ----------------------------------------------------------------------------------
    def _auction(self, working: Working, at: datetime) -> None:
        """The opening or closing price is struck: the order fills whole at it or ends."""
        spec = working.specs[0]
        price = auction_price(working, self._quotes.level(spec).last)
        if price is None:
            self._endings.cancel(working, at, "not executed in the auction")
            return
        market = LegMarket(None, None, price)
        self._filling.fill(
            working,
            Fill(working.order.remaining, price, Liquidity.ADDED),
            at,
            net=NetMarket(None, None, price),
            markets={spec.con_id: market},
        )

    # one look ----------------------------------------------------------------------------------
    def _look(self, working: Working, markets: Mapping[int, LegMarket], at: datetime) -> None:
        net = net_market(working.legs, markets)
        minutes = self._lived_minutes(working, at)
        working.lived_until = at
        if working.watch is not None and not self._has_woken(working, net):
            return
        working.minutes += minutes
        if working.ticket.order_type is not OrderType.MARKET:
            self._submit(working)
        if not self._hazards.waits(Hazard.NO_FILLS, working.identity):
            self._match(working, net, markets, minutes, at)
        if not self._book.is_live(working):
            return
        if working.ticket.tif in _AT_ONCE:
            self.cancel(working, at, "immediate or cancel")
        else:
            self._submit(working)

    def _has_woken(self, working: Working, net: NetMarket) -> bool:
        """One look of an order that waits for its trigger; True once that has fired."""
        watch, order = working.watch, working.order
        assert watch is not None, "asked only of an order that waits"
        fired = watch.look(net, self._last(working), self._tick(working, net.mid))
        if watch.kind is Kind.TRAIL and watch.price != order.trail_stop:
            order.trail_stop = watch.price
            self._announce.order_again(order)
        if not fired:
            return False
        working.watch = None
        working.release(Hold.TRIGGER)
        working.limit = self._limit_after_trigger(working, watch.price)
        return True

    def _last(self, working: Working) -> float | None:
        """The last trade in points: of shares and futures; options and combinations show none here."""
        spec = working.specs[0]
        if working.ticket.is_bag or spec.sec_type is SecType.OPTION:
            return None
        return self._quotes.level(spec).last

    def _limit_after_trigger(self, working: Working, stop: float | None) -> float | None:
        """The limit at which a woken order works: its own, or for a trailing one its stop and an offset."""
        ticket = working.ticket
        if ticket.order_type is not OrderType.TRAIL_LIMIT or stop is None:
            return ticket.limit
        offset = ticket.limit_offset
        if offset is None:
            assert ticket.limit is not None, "checked when the order came"
            assert ticket.trail_stop is not None, "checked when the order came"
            offset = ticket.side.sign * (ticket.limit - ticket.trail_stop)
        tick = self._tick(working, stop)
        return round(round((stop + ticket.side.sign * offset) / tick) * tick, 2)

    def _submit(self, working: Working) -> None:
        if working.order.status is OrderStatus.PRE_SUBMITTED:
            working.order.status = OrderStatus.SUBMITTED
            tell = self._announce.state if working.silent else self._announce.order
            tell(working.order, "working")

    def _lived_minutes(self, working: Working, at: datetime) -> float:
        """Open market minutes since the last look; what lies between sessions does not count."""
        if working.any_hours:
            begun = self._sessions.begun(working.specs, at)
            return max(0.0, (at - max(working.lived_until, begun)).total_seconds() / 60.0)
        session = self._sessions.on(at.date())
        since = working.lived_until if session is None else max(working.lived_until, session.open_at)
        return max(0.0, (at - since).total_seconds() / 60.0)

    # matching ----------------------------------------------------------------------------------
    def _match(
        self, working: Working, net: NetMarket, markets: Mapping[int, LegMarket], minutes: float, at: datetime
    ) -> None:
        """Trades what this moment's market allows."""
        if working.refill_at is not None and at < working.refill_at:
            return
        price, taking = self._fill_price(working, net, minutes)
        if price is None:
            return
        shown = displayed_units(working.legs, markets, working.ticket.side) if taking else None
        units = units_to_fill(working.ticket, working.order, working.chance, self._model, shown)
        if not units:
            return
        liquidity = Liquidity.REMOVED if taking else Liquidity.ADDED
        if not self._filling.fill(working, Fill(units, price, liquidity), at, net=net, markets=markets):
            return
        if RULES[working.ticket.order_type].style is Style.AT_MARKET_THEN_LIMIT:
            working.limit = price
        if units == shown:
            working.refill_at = at + timedelta(seconds=self._model.refill_s)

    def _fill_price(self, working: Working, net: NetMarket, minutes: float) -> tuple[float | None, bool]:
        """The net at which the order trades in this look, None if it does not; and whether it takes from the book."""
        side, model = working.ticket.side, self._model
        natural = natural_of(net, side)
        if natural is None:
            return None, False
        tick = self._tick(working, natural)
        wanted = working_price(working, net, tick)
        if not wanted.anywhere:
            return None, False
        keen = 1.0
        if wanted.limit is not None:
            keen = aggressiveness(wanted.limit, net, side) or 0.0
        if keen >= 1.0:
            return marketable_net(net, side, tick, working.chance.improvement(model)), True
        if keen >= 0.0 and working.chance.rest(model.rate_per_minute(keen), minutes):
            return wanted.limit, False
        return None, False

    @staticmethod
    def _tick(working: Working, price: float) -> float:
        if working.ticket.is_bag:
            return net_tick([spec.trading_class for spec in working.specs])
        return tick_at(working.specs[0].market_rule_id, price)
