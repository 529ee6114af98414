"""What other hands than the client's do to its working orders: the exchange fills them, a human cancels them.

Rules: an order is found among those that work, forks included; a fill at a price that the market would not give is
booked like any other; whatever cannot be done is refused before anything has changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from bot.sim.order_terms import OrderStatus
from bot.sim.venue.agenda import Agenda
from bot.sim.venue.announce import Announcer
from bot.sim.venue.dealing import Dealing
from bot.sim.venue.filling import Filling
from bot.sim.venue.hazards import Hazard, Hazards, Which
from bot.sim.venue.orders import OrderBook, Working
from bot.sim.venue.quotes import Quotes
from bot.sim.venue.refusal import VenueRefusal


class PriceAt(StrEnum):
    """Where a fill happens when no price is given."""

    NATURAL = "natural"
    LIMIT = "limit"
    MID = "mid"


class Interventions:
    """Acts on working orders. Every method raises VenueRefusal for what cannot be done."""

    def __init__(
        self,
        *,
        agenda: Agenda,
        announcer: Announcer,
        book: OrderBook,
        dealing: Dealing,
        filling: Filling,
        hazards: Hazards,
        quotes: Quotes,
    ) -> None:
        self._agenda = agenda
        self._announce = announcer
        self._book = book
        self._dealing = dealing
        self._filling = filling
        self._hazards = hazards
        self._quotes = quotes

    def find(self, which: Which) -> Working:
        """The oldest working order meant."""
        found = next((working for working in self._book if which.fits(working.identity)), None)
        if found is None:
            raise VenueRefusal(f"no working order fits {which.text}; working are {_listed(self._book)}")
        return found

    # fills -------------------------------------------------------------------------------------
    def fill(self, which: Which, at: datetime, *, units: int | None = None, price: float | PriceAt) -> Working:
        """Fills so many units (None: all that remain) at a net in points, or where `price` says."""
        working = self.find(which)
        remaining = working.order.remaining
        if units is not None and not 1 <= units <= remaining:
            raise VenueRefusal(f"quantity must be from 1 to the {remaining} that remain of the order, got {units}")
        self._filling.force(working, units or remaining, self._price(working, price, at), at)
        return working

    def _price(self, working: Working, price: float | PriceAt, at: datetime) -> float:
        if price is PriceAt.NATURAL:
            return self._filling.natural(working, at)
        if price is PriceAt.LIMIT:
            if working.ticket.limit is None:
                raise VenueRefusal(f"order {working.order.perm_id} has no limit: give a price, or natural or mid")
            return working.ticket.limit
        if price is PriceAt.MID:
            return self._filling.mid(working, at)
        assert not isinstance(price, PriceAt), "every word has its branch"
        if abs(price * 100 - round(price * 100)) > 1e-6 or (price < 0.0 and not working.ticket.is_bag):
            raise VenueRefusal(f"a price is in whole cents, and not negative for a single contract; got {price}")
        return round(price, 2)

    def fill_leg(
        self, which: Which, at: datetime, *, leg: int, contracts: int | None, price: float | None, ends: bool
    ) -> str:
        """Executes one leg of a combination alone (`leg` counted from 1): contracts (None: the whole leg) at points
        per share (None: that leg's own natural). `ends` cancels the order afterwards, else all of it works on.
        Returns the execution's id."""
        working = self.find(which)
        count = len(working.legs)
        if not working.ticket.is_bag or not 1 <= leg <= count:
            what = f"has {count} legs" if working.ticket.is_bag else "is no combination"
            raise VenueRefusal(f"order {working.order.perm_id} {what}: leg counts from 1, got {leg}")
        part = working.legs[leg - 1]
        whole = part.ratio * working.order.remaining
        if contracts is not None and not 1 <= contracts <= whole:
            raise VenueRefusal(f"quantity must be from 1 to the {whole} contracts of that leg, got {contracts}")
        if price is None:
            buys = working.ticket.side.sign * part.side.sign > 0
            price = self._quotes.tradable(part.spec, buys=buys, at=at)
        if abs(price * 100 - round(price * 100)) > 1e-6 or price < 0.0:
            raise VenueRefusal(f"a leg's price is in whole cents and not negative; got {price}")
        execution = self._filling.fill_leg(working, leg - 1, contracts or whole, round(price, 2), at)
        if ends:
            self._dealing.cancel(working, at, "one leg executed, the rest cancelled by the exchange")
        return execution.exec_id

    def owner_left(self, client_id: int, at: datetime) -> None:
        """A client's connection has ended: fills whatever is armed to fill in its absence."""
        for working in self._book:
            if working.ticket.client_id != client_id or not self._book.is_live(working):
                continue  # the fill before it may have ended it
            trap = self._hazards.spring(Hazard.FILL_WHEN_GONE, working.identity)
            if trap is not None:
                self._dealing.fill_all(working, trap.verb, at)

    # states ------------------------------------------------------------------------------------
    def cancel(self, which: Which, at: datetime, reason: str) -> Working:
        """Cancels an order as somebody else than its client: the client gets the state and notice 202."""
        working = self.find(which)
        self._dealing.cancel(working, at, reason)
        return working

    def deactivate(self, which: Which, at: datetime, *, for_s: float | None) -> Working:
        """Makes an order Inactive: it is there and does not trade. After `for_s` market seconds it is as before."""
        working = self.find(which)
        before = working.order.status
        if before is OrderStatus.INACTIVE:
            raise VenueRefusal(f"order {working.order.perm_id} is inactive already")
        working.order.status = OrderStatus.INACTIVE
        self._announce.order(working.order, "made inactive by the broker")
        if for_s is not None:
            self._agenda.plan(at + timedelta(seconds=for_s), lambda then: self._revive(working, before))
        return working

    def _revive(self, working: Working, before: OrderStatus) -> None:
        if working.order.status is OrderStatus.INACTIVE and self._book.is_live(working):
            working.order.status = before
            self._announce.order(working.order, "works again")


def _listed(working: Iterable[Working]) -> str:
    found = [f"{w.order.perm_id} ({w.ticket.client_id}:{w.ticket.order_id} {w.ticket.order_ref!r})" for w in working]
    return ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "") or "none"
