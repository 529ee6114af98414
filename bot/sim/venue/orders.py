"""The venue's order book: who asked for what, under which ids, and where each order stands.

Rules: an order id belongs to its client and is used once; a permanent id never changes; only the owner modifies or
cancels, everybody's orders go in a global cancel; a done order never works again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from bot.sim.types import ContractSpec, Leg, OrderTicket, Reject, Side, VenueOrder
from bot.sim.venue.hazards import Identity
from bot.sim.venue.matching import Chance

PRE_SUBMITTED, SUBMITTED, PENDING_CANCEL = "PreSubmitted", "Submitted", "PendingCancel"
CANCELLED, FILLED, INACTIVE = "Cancelled", "Filled", "Inactive"

_FIRST_PERM_ID = 1_830_000_000


@dataclass(slots=True)
class LegProgress:
    """Contracts of one leg executed so far and the cents they came to, for cumulative figures."""

    quantity: int = 0
    value_cents: int = 0

    @property
    def average_price(self) -> float:
        """Average price in points."""
        return round(self.value_cents / self.quantity / 100, 6) if self.quantity else 0.0


@dataclass(slots=True, eq=False)
class Working:
    """A live order with what the venue remembers about it."""

    order: VenueOrder
    legs: tuple[Leg, ...]
    chance: Chance
    expires_at: datetime
    lived_until: datetime
    cancel_at: datetime | None = None
    value_cents: int = 0
    progress: dict[int, LegProgress] = field(default_factory=dict)

    @property
    def ticket(self) -> OrderTicket:
        """The order as last asked for."""
        return self.order.ticket

    @property
    def identity(self) -> Identity:
        """The order's names."""
        return Identity.of(self.order.ticket, self.order.perm_id)

    @property
    def specs(self) -> tuple[ContractSpec, ...]:
        """Contracts of the legs."""
        return tuple(leg.spec for leg in self.legs)


def legs_of(ticket: OrderTicket) -> tuple[Leg, ...]:
    """Legs as bought by action BUY: a combination's own, or the single contract once, whatever its leg's side says."""
    if ticket.is_bag:
        return ticket.legs
    return (Leg(ticket.legs[0].spec, 1, Side.BUY),)


class OrderBook:
    """Orders by client and id. Pure bookkeeping: decides nothing about markets or money."""

    def __init__(self) -> None:
        self._working: dict[tuple[int, int], Working] = {}
        self._forks: list[Working] = []
        self._ends: dict[tuple[int, int], str] = {}
        self._done: list[VenueOrder] = []
        self._next: dict[int, int] = {}
        self._perm_ids = 0

    # ids ---------------------------------------------------------------------------------------
    def next_order_id(self, client_id: int) -> int:
        """One above the highest id this client ever used."""
        return self._next.get(client_id, 1)

    def next_perm_id(self) -> int:
        """A new permanent id."""
        self._perm_ids += 1
        return _FIRST_PERM_ID + self._perm_ids

    # life --------------------------------------------------------------------------------------
    def get(self, client_id: int, order_id: int) -> Working | None:
        """The client's working order of that id."""
        return self._working.get((client_id, order_id))

    def by_perm_id(self, perm_id: int) -> Working | None:
        """The working order of that permanent id, forks included."""
        return next((working for working in self if working.order.perm_id == perm_id), None)

    def add(self, working: Working) -> None:
        """A new live order; its id is used from now on."""
        ticket = working.ticket
        self._use(ticket)
        self._working[ticket.client_id, ticket.order_id] = working

    def refuse(self, order: VenueOrder) -> None:
        """Keeps an order that reached the broker and was rejected: its id is used, it never works."""
        self._use(order.ticket)
        self._end(order)

    def finish(self, working: Working, status: str, at: datetime) -> None:
        """Takes a live order out of the market with its last status."""
        order = working.order
        order.status = status
        order.completed_at = at
        order.completed_status = status
        order.why_held = ""
        if working in self._forks:
            self._forks.remove(working)
        else:
            self._working.pop((order.ticket.client_id, order.ticket.order_id), None)
        self._end(order)

    def fork(self, working: Working) -> None:
        """The broker's confusion: this order works on, yet its id may start another one. A cancel reaches the new one
        only; a global cancel both."""
        self._working.pop((working.ticket.client_id, working.ticket.order_id))
        self._forks.append(working)

    def unfork(self, working: Working) -> None:
        """Takes a fork back."""
        self._forks.remove(working)
        self._working[working.ticket.client_id, working.ticket.order_id] = working

    def _use(self, ticket: OrderTicket) -> None:
        self._next[ticket.client_id] = max(self.next_order_id(ticket.client_id), ticket.order_id + 1)

    def _end(self, order: VenueOrder) -> None:
        self._ends[order.ticket.client_id, order.ticket.order_id] = order.status
        if not any(done is order for done in self._done):  # one that fills after its cancellation ends twice
            self._done.append(order)

    def forget_done(self) -> None:
        """Midnight: yesterday's done orders leave the list; their ids stay used."""
        self._done.clear()

    # views -------------------------------------------------------------------------------------
    def __len__(self) -> int:
        return len(self._working) + len(self._forks)

    def __iter__(self) -> Iterator[Working]:
        """Live orders, oldest first; safe against changes while looping."""
        return iter([*self._forks, *self._working.values()])

    def done(self) -> list[VenueOrder]:
        """Orders that ended today, oldest first."""
        return list(self._done)

    # refusals about ids ------------------------------------------------------------------------
    def refuse_id(self, ticket: OrderTicket) -> Reject | None:
        """Why this id cannot start a new order: used before (103) or filled (104). A forked order's id can."""
        if any(_key(fork.ticket) == _key(ticket) for fork in self._forks):
            return None
        end = self._ends.get((ticket.client_id, ticket.order_id))
        if end == FILLED:
            return Reject(104, "Cannot modify a filled order.")
        if end is not None or ticket.order_id < self.next_order_id(ticket.client_id):
            return Reject(103, "Duplicate order id")
        return None

    def refuse_modify(self, working: Working, ticket: OrderTicket) -> Reject | None:
        """Why a working order cannot become this one: other contract, side or account (105), or too small (201)."""
        old = working.ticket
        same = (old.side, old.account, old.is_bag, _terms(old)) == (
            ticket.side,
            ticket.account,
            ticket.is_bag,
            _terms(ticket),
        )
        if not same:
            return Reject(105, "Order being modified does not match original order")
        if ticket.quantity <= working.order.filled:
            return Reject(
                201,
                f"Order rejected - reason:Order quantity {ticket.quantity} must exceed "
                f"the quantity already filled, {working.order.filled}",
            )
        if working.order.status == PENDING_CANCEL:
            return Reject(201, "Order rejected - reason:Order is pending cancellation")
        return None

    def refuse_cancel(self, client_id: int, order_id: int) -> Reject | None:
        """Why there is nothing to cancel: unknown to this client (10147), done (10148), on its way out (161)."""
        working = self.get(client_id, order_id)
        if working is not None:
            if working.order.status != PENDING_CANCEL:
                return None
            perm_id = working.order.perm_id
            return Reject(161, f"Cancel attempted when order is not in a cancellable state.  Order permId ={perm_id}")
        end = self._ends.get((client_id, order_id))
        if end is None:
            return Reject(10147, f"OrderId {order_id} that needs to be cancelled is not found.")
        return Reject(10148, f"OrderId {order_id} that needs to be cancelled cannot be cancelled, state: {end}.")


def _key(ticket: OrderTicket) -> tuple[int, int]:
    return ticket.client_id, ticket.order_id


def _terms(ticket: OrderTicket) -> list[tuple[int, int, int]]:
    """What must not change in a modification: contracts, ratios and sides, in the order given."""
    return [(leg.spec.con_id, leg.ratio, leg.side.sign) for leg in legs_of(ticket)]
