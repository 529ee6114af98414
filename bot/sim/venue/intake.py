"""The order desk's front: new orders, modifications, cancels and what-ifs, each accepted or refused with its code.

Rules: form is checked first, then ids, hours, ties, the broker's rules and margin; the first that fails answers and a
refused modification leaves the order as it was. An order with `transmit` off waits at the gateway, unseen, until it is
sent again with it on or a child of it is: that transmits the whole family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.sim.order_terms import Hold, OrderStatus
from bot.sim.types import MarginImpact, OrderTicket, Reject, VenueOrder
from bot.sim.venue import broker, rejects
from bot.sim.venue.accounts import Account
from bot.sim.venue.announce import Announcer
from bot.sim.venue.auctions import is_final
from bot.sim.venue.broker import BrokerRules
from bot.sim.venue.dealing import Dealing
from bot.sim.venue.endings import Endings
from bot.sim.venue.lifetime import expiry, ignores_outside, next_window, works_any_hours
from bot.sim.venue.matching import Chance, FillModel, natural_of
from bot.sim.venue.modification import refuse_modify
from bot.sim.venue.notices import Notice, notices_of
from bot.sim.venue.orders import MANUAL_ORDER_ID, OrderBook, Working, legs_of
from bot.sim.venue.quotes import NetMarket, Quotes, net_market
from bot.sim.venue.sessions import Sessions
from bot.sim.venue.triggers import watch_for
from bot.sim.venue.validation import check_ticket
from bot.sim.venue.valuation import Valuation

Window = tuple[datetime, datetime]


class Intake:
    """Decides about order messages; what happens afterwards is `Dealing`'s."""

    def __init__(
        self,
        *,
        accounts: Mapping[str, Account],
        announcer: Announcer,
        book: OrderBook,
        dealing: Dealing,
        endings: Endings,
        model: FillModel,
        quotes: Quotes,
        rules: BrokerRules,
        seed: int,
        sessions: Sessions,
        valuation: Valuation,
    ) -> None:
        self._accounts = accounts
        self._announce = announcer
        self._book = book
        self._dealing = dealing
        self._endings = endings
        self._model = model
        self._quotes = quotes
        self._rules = rules
        self._seed = seed
        self._sessions = sessions
        self._valuation = valuation

    # place -------------------------------------------------------------------------------------
    def place(self, ticket: OrderTicket, at: datetime, *, manual: bool = False) -> VenueOrder | Reject:
        """A new order, or a modification where the client already has a working order of this id. A `manual` one is
        entered in TWS itself, without an id."""
        working = None if manual else self._book.get(ticket.client_id, ticket.order_id)
        if working is not None:
            return self._modify(working, ticket, at)
        refusal = _refuse_new_id(ticket, manual=manual) or check_ticket(ticket, self._accounts)
        refusal = refusal or (None if manual else self._book.refuse_id(ticket))
        window = None if refusal else next_window(self._sessions, ticket, at)
        if refusal is None:
            refusal = rejects.EXPIRED if window is None else self._refuse_terms(ticket, at)
        if refusal is not None or window is None:
            return self.refuse(ticket, refusal or rejects.EXPIRED, at)
        return self._accept(ticket, window, at)

    def _accept(self, ticket: OrderTicket, window: Window, at: datetime) -> VenueOrder:
        perm_id = self._book.next_perm_id()
        order = VenueOrder(
            ticket,
            perm_id,
            OrderStatus.PRE_SUBMITTED if ticket.transmit else OrderStatus.PENDING_SUBMIT,
            remaining=ticket.quantity,
            oca_group=ticket.oca_group,
        )
        working = Working(
            order=order,
            legs=legs_of(ticket),
            chance=Chance(self._seed, perm_id),
            expires_at=expiry(ticket, window[1]),
            lived_until=at,
            works_from=max(at, window[0]),
            any_hours=works_any_hours(self._sessions, ticket, at),
            watch=watch_for(ticket),
            limit=ticket.limit,
        )
        if working.watch is not None:
            working.hold(Hold.TRIGGER)
        parent = self._book.get(ticket.client_id, ticket.parent_id) if ticket.parent_id else None
        if parent is not None:
            self._endings.tie(working, parent)
        self._book.add(working)
        self._announce.order(order, _welcome(working, at))
        self._locate(working, at)
        ignored = ignores_outside(self._sessions, ticket, at)
        self._tell(notices_of(ticket, self._rules, self._net(ticket, at), window, at, ignores_outside=ignored))
        if parent is not None and ticket.transmit:
            self._transmit_family(parent)
        return order

    def _transmit_family(self, parent: Working) -> None:
        for working in (parent, *self._endings.family(parent)):
            self._transmit(working)

    def _transmit(self, working: Working) -> None:
        if not working.transmitted:
            working.order.status = OrderStatus.PRE_SUBMITTED
            self._announce.order(working.order, "transmitted")

    def _locate(self, working: Working, at: datetime) -> None:
        """Holds a short sale until its shares are found."""
        if broker.needs_locate(self._rules, working.ticket, self._held(working.ticket.account)):
            working.located_at = at + timedelta(seconds=self._rules.locate_s)
            working.hold(Hold.LOCATE)
            self._announce.order(working.order, "locating shares")
            self._tell([Notice(working.ticket, 404, rejects.LOCATING_TEXT)])

    def _tell(self, notices: list[Notice]) -> None:
        for notice in notices:
            self._announce.error(notice.ticket.client_id, notice.ticket.order_id, notice.code, notice.text)

    def refuse(self, ticket: OrderTicket, refusal: Reject, at: datetime) -> Reject:
        """Answers an error. An order that came as far as the broker keeps a place among the day's done orders."""
        self._announce.refused(ticket, refusal)
        if refusal.final_status is not None and ticket.order_id > 0:
            order = VenueOrder(
                ticket,
                self._book.next_perm_id(),
                refusal.final_status,
                remaining=ticket.quantity,
                completed_at=at,
                completed_status=refusal.text,
            )
            self._book.refuse(order)
            self._announce.state(order, refusal.text)
        return refusal

    # modify ------------------------------------------------------------------------------------
    def _modify(self, working: Working, ticket: OrderTicket, at: datetime) -> VenueOrder | Reject:
        """New price, size or validity for a working order; a refusal leaves the original working."""
        order = working.order
        window = next_window(self._sessions, ticket, at)
        refusal = refuse_modify(working, ticket) or check_ticket(ticket, self._accounts)
        if refusal is None and window is None:
            refusal = rejects.EXPIRED
        if refusal is None:
            refusal = self._refuse_terms(ticket, at, modified=working)
        if refusal is not None or window is None:
            refusal = refusal or rejects.EXPIRED
            refusal = Reject(refusal.code, refusal.text)
            self._announce.refused(ticket, refusal)
            return refusal
        order.ticket = ticket
        order.remaining = ticket.quantity - order.filled
        working.expires_at = expiry(ticket, window[1])
        working.any_hours = works_any_hours(self._sessions, ticket, at)
        working.limit = ticket.limit
        if working.watch is not None:
            working.watch = watch_for(ticket)
        if ticket.transmit:
            self._transmit(working)
        self._announce.order(order, "modified")
        return order

    # refusals ----------------------------------------------------------------------------------
    def _refuse_terms(self, ticket: OrderTicket, at: datetime, modified: Working | None = None) -> Reject | None:
        """What the time, the parent, the broker's rules and the margin say."""
        if ticket.good_till is not None and ticket.good_till <= at:
            return rejects.GOOD_TILL_DATE
        parent = self._book.get(ticket.client_id, ticket.parent_id) if ticket.parent_id else None
        if ticket.parent_id and parent is None and modified is None:
            return rejects.NO_PARENT
        others = [item for item in self._book if item is not modified]
        held = self._held(ticket.account)
        closing = parent is not None and _closes(ticket, parent.ticket)
        if closing and parent is not None:  # judged as it will stand: with its parent's contracts in the account
            held = _with_fill(held, parent)
        refusal = broker.refuse(self._rules, ticket, others, held, self._net(ticket, at))
        if refusal is not None or closing:
            return refusal
        return self._refuse_margin(ticket, at, already=modified.order.filled if modified is not None else 0)

    def _refuse_margin(self, ticket: OrderTicket, at: datetime, already: int = 0) -> Reject | None:
        """Refuses an order that raises the requirement above the equity; one that lowers it always passes."""
        impact = self._impact(replace(ticket, quantity=ticket.quantity - already), at)
        if impact.initial_after <= impact.initial_before or impact.initial_after <= impact.equity_after:
            return None
        return rejects.margin(impact.equity_after, impact.initial_after)

    def _held(self, account: str) -> dict[int, int]:
        return {con_id: position.quantity for con_id, position in self._accounts[account].positions.items()}

    def _net(self, ticket: OrderTicket, at: datetime) -> NetMarket:
        legs = legs_of(ticket)
        return net_market(legs, self._quotes.markets([leg.spec for leg in legs], at))

    # what-if -----------------------------------------------------------------------------------
    def what_if(self, ticket: OrderTicket, at: datetime) -> MarginImpact | Reject:
        """The order's margin impact, or why it would be refused; nothing is kept."""
        refusal = check_ticket(ticket, self._accounts)
        if refusal is None and next_window(self._sessions, ticket, at) is None:
            refusal = rejects.EXPIRED
        if refusal is None:
            refusal = broker.refuse(self._rules, ticket, (), self._held(ticket.account), self._net(ticket, at))
        if refusal is not None:
            self._announce.refused(ticket, refusal)
            return Reject(refusal.code, refusal.text)
        return self._impact(ticket, at)

    def _impact(self, ticket: OrderTicket, at: datetime) -> MarginImpact:
        return self._valuation.impact(ticket, natural_of(self._net(ticket, at), ticket.side))

    # cancel ------------------------------------------------------------------------------------
    def cancel(self, client_id: int, order_id: int, at: datetime) -> Reject | None:
        """Cancels the client's own working order, at once or after the model's delay."""
        refusal = self._book.refuse_cancel(client_id, order_id)
        working = self._book.get(client_id, order_id)
        if refusal is not None or working is None:
            return refusal
        if is_final(working, at):
            return rejects.NOT_CANCELLABLE
        self._begin_cancel(working, at)
        return None

    def cancel_all(self, at: datetime) -> None:
        """Global cancel: every working order of every client, but those too late to take back."""
        for working in self._book:
            done = not self._book.is_live(working) or working.order.status is OrderStatus.PENDING_CANCEL
            if not done and not is_final(working, at):
                self._begin_cancel(working, at)

    def _begin_cancel(self, working: Working, at: datetime) -> None:
        if self._model.cancel_delay_s <= 0.0 or not working.transmitted:
            self._dealing.cancel(working, at, "cancelled by the client")
            return
        working.cancel_at = at + timedelta(seconds=self._model.cancel_delay_s)
        working.order.status = OrderStatus.PENDING_CANCEL
        self._announce.order(working.order, "cancel requested")


def _refuse_new_id(ticket: OrderTicket, *, manual: bool) -> Reject | None:
    if manual:
        return None
    if ticket.order_id <= MANUAL_ORDER_ID:
        return rejects.invalid(f"Order id {ticket.order_id} must be positive.")
    return None


def _closes(child: OrderTicket, parent: OrderTicket) -> bool:
    """Whether a child only undoes its parent: same contract, other side, no more of it."""
    same = [(leg.spec.con_id, leg.ratio) for leg in child.legs] == [(leg.spec.con_id, leg.ratio) for leg in parent.legs]
    return same and child.side is not parent.side and child.quantity <= parent.quantity


def _with_fill(held: dict[int, int], parent: Working) -> dict[int, int]:
    sign = parent.ticket.side.sign * parent.order.remaining
    for leg in parent.legs:
        held[leg.spec.con_id] = held.get(leg.spec.con_id, 0) + sign * leg.side.sign * leg.ratio
    return held


def _welcome(working: Working, at: datetime) -> str:
    """The ledger's reason for a new order's first state."""
    if not working.transmitted:
        return "not transmitted"
    if working.holds:
        return f"held: {working.order.why_held}"
    return "held until the open" if at < working.works_from else "accepted"
