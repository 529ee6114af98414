"""The order desk's front: new orders, modifications, cancels and what-ifs, each accepted or refused with its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.sim.types import MarginImpact, OrderTicket, Reject, VenueOrder
from bot.sim.venue import orders as life
from bot.sim.venue.accounts import Account
from bot.sim.venue.announce import Announcer
from bot.sim.venue.dealing import Dealing
from bot.sim.venue.halts import Halts
from bot.sim.venue.matching import Chance, FillModel, natural_of
from bot.sim.venue.orders import OrderBook, Working, legs_of
from bot.sim.venue.quotes import Quotes, net_market
from bot.sim.venue.sessions import Sessions
from bot.sim.venue.validation import check_ticket
from bot.sim.venue.valuation import Valuation

_CLOSED = Reject(201, "Order rejected - reason:This contract has expired or no longer trades.", life.INACTIVE)


class Intake:
    """Decides about order messages; what happens afterwards is `Dealing`'s."""

    def __init__(
        self,
        *,
        accounts: Mapping[str, Account],
        announcer: Announcer,
        book: OrderBook,
        dealing: Dealing,
        halts: Halts,
        model: FillModel,
        quotes: Quotes,
        seed: int,
        sessions: Sessions,
        valuation: Valuation,
    ) -> None:
        self._accounts = accounts
        self._announce = announcer
        self._book = book
        self._dealing = dealing
        self._halts = halts
        self._model = model
        self._quotes = quotes
        self._seed = seed
        self._sessions = sessions
        self._valuation = valuation

    # place -------------------------------------------------------------------------------------
    def place(self, ticket: OrderTicket, at: datetime) -> VenueOrder | Reject:
        """A new order, or a modification where the client already has a working order of this id."""
        working = self._book.get(ticket.client_id, ticket.order_id)
        if working is not None:
            return self._modify(working, ticket, at)
        refusal = check_ticket(ticket, self._accounts) or self._book.refuse_id(ticket)
        window = None if refusal else self._sessions.window([leg.spec for leg in legs_of(ticket)], at)
        if refusal is None:
            refusal = _CLOSED if window is None else self._refuse_margin(ticket, at)
        if refusal is not None or window is None:
            return self.refuse(ticket, refusal or _CLOSED, at)
        halted = self._halts.any(leg.spec for leg in legs_of(ticket))
        held = halted or at < window[0] or not ticket.transmit
        perm_id = self._book.next_perm_id()
        order = VenueOrder(ticket, perm_id, life.PRE_SUBMITTED if held else life.SUBMITTED, remaining=ticket.quantity)
        self._book.add(
            Working(
                order=order,
                legs=legs_of(ticket),
                chance=Chance(self._seed, perm_id),
                expires_at=_expiry(ticket, window[1]),
                lived_until=at,
            )
        )
        self._announce.order(order, "held until the market takes it" if held else "accepted")
        if at < window[0]:
            self._announce.error(ticket.client_id, ticket.order_id, 399, _held_text(ticket, window[0]))
        return order

    def refuse(self, ticket: OrderTicket, refusal: Reject, at: datetime) -> Reject:
        """Answers an error. An order that came as far as the broker keeps a place among the day's done orders."""
        perm_id: int | None = None
        order: VenueOrder | None = None
        if refusal.final_status is not None and ticket.order_id > 0:
            perm_id = self._book.next_perm_id()
            order = VenueOrder(
                ticket,
                perm_id,
                refusal.final_status,
                remaining=ticket.quantity,
                completed_at=at,
                completed_status=refusal.text,
            )
            self._book.refuse(order)
        self._announce.refused(ticket, refusal)
        if order is not None:
            self._announce.record(
                "state",
                client=ticket.client_id,
                order_id=ticket.order_id,
                perm_id=perm_id,
                order_ref=ticket.order_ref,
                status=order.status,
                filled=0,
                remaining=order.remaining,
                reason=refusal.text,
            )
        return refusal

    def _modify(self, working: Working, ticket: OrderTicket, at: datetime) -> VenueOrder | Reject:
        """New price, size or validity for a working order; a refusal leaves the original working."""
        order = working.order
        window = self._sessions.window(working.specs, at)
        refusal = self._book.refuse_modify(working, ticket) or check_ticket(ticket, self._accounts)
        if refusal is None and window is None:
            refusal = Reject(_CLOSED.code, _CLOSED.text)
        if refusal is None:
            refusal = self._refuse_margin(ticket, at, already=order.filled)
        if refusal is not None or window is None:
            refusal = refusal or _CLOSED
            refusal = Reject(refusal.code, refusal.text)
            self._announce.refused(ticket, refusal)
            return refusal
        order.ticket = ticket
        order.remaining = ticket.quantity - order.filled
        working.expires_at = _expiry(ticket, window[1])
        self._announce.order(order, "modified")
        return order

    def _refuse_margin(self, ticket: OrderTicket, at: datetime, already: int = 0) -> Reject | None:
        """Refuses an order that raises the requirement above the equity; one that lowers it always passes."""
        impact = self._impact(replace(ticket, quantity=ticket.quantity - already), at)
        if impact.initial_after <= impact.initial_before or impact.initial_after <= impact.equity_after:
            return None
        return Reject(
            201,
            "Order rejected - reason:YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY "
            f"WITH LOAN VALUE [{impact.equity_after:.2f} USD] MUST EXCEED THE INITIAL MARGIN "
            f"[{impact.initial_after:.2f} USD]",
            life.INACTIVE,
        )

    # what-if -----------------------------------------------------------------------------------
    def what_if(self, ticket: OrderTicket, at: datetime) -> MarginImpact | Reject:
        """The order's margin impact, or why it would be refused; nothing is kept."""
        refusal = check_ticket(ticket, self._accounts)
        if refusal is None and self._sessions.window([leg.spec for leg in legs_of(ticket)], at) is None:
            refusal = _CLOSED
        if refusal is not None:
            self._announce.refused(ticket, refusal)
            return Reject(refusal.code, refusal.text)
        return self._impact(ticket, at)

    def _impact(self, ticket: OrderTicket, at: datetime) -> MarginImpact:
        natural: float | None = None
        if ticket.order_type != "LMT":
            legs = legs_of(ticket)
            net = net_market(legs, self._quotes.markets([leg.spec for leg in legs], at))
            natural = natural_of(net, ticket.side)
        return self._valuation.impact(ticket, natural)

    # cancel ------------------------------------------------------------------------------------
    def cancel(self, client_id: int, order_id: int, at: datetime) -> Reject | None:
        """Cancels the client's own working order, at once or after the model's delay."""
        refusal = self._book.refuse_cancel(client_id, order_id)
        working = self._book.get(client_id, order_id)
        if refusal is not None or working is None:
            return refusal
        self._begin_cancel(working, at)
        return None

    def cancel_all(self, at: datetime) -> None:
        """Global cancel: every working order of every client."""
        for working in self._book:
            if working.order.status != life.PENDING_CANCEL:
                self._begin_cancel(working, at)

    def _begin_cancel(self, working: Working, at: datetime) -> None:
        if self._model.cancel_delay_s <= 0.0:
            self._dealing.cancel(working, at, "cancelled by the client")
            return
        working.cancel_at = at + timedelta(seconds=self._model.cancel_delay_s)
        working.order.status = life.PENDING_CANCEL
        self._announce.order(working.order, "cancel requested")


def _expiry(ticket: OrderTicket, close: datetime) -> datetime:
    """When the order lapses: at the session's close, or with the first of its contracts."""
    ends = [leg.spec.last_trade_at for leg in ticket.legs if leg.spec.last_trade_at is not None]
    if ticket.tif != "GTC":
        return close
    return min(ends, default=close + timedelta(days=36500))


def _held_text(ticket: OrderTicket, opens_at: datetime) -> str:
    name = ticket.legs[0].spec.symbol
    return (
        f"Order Message:\n{ticket.side.value} {ticket.quantity} {name}\nWarning: your order will not be placed at the "
        f"exchange until {opens_at:%Y-%m-%d %H:%M:%S} US/Eastern"
    )
