"""The venue's order book: who asked for what, under which ids, and where each order stands.

Rules: an order id belongs to its client and is used once; a permanent id never changes; only the owner modifies or
cancels, everybody's orders go in a global cancel; a done order never works again. An order made in TWS itself has order
id 0 until client 0 binds it, which gives it a negative one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from bot.sim.order_terms import Hold, OrderStatus
from bot.sim.types import ContractSpec, Leg, OrderTicket, Reject, Side, VenueOrder
from bot.sim.venue.hazards import Identity
from bot.sim.venue.matching import Chance
from bot.sim.venue.triggers import Watch

PRE_SUBMITTED, SUBMITTED, PENDING_CANCEL = OrderStatus.PRE_SUBMITTED, OrderStatus.SUBMITTED, OrderStatus.PENDING_CANCEL
CANCELLED, FILLED, INACTIVE = OrderStatus.CANCELLED, OrderStatus.FILLED, OrderStatus.INACTIVE

MANUAL_CLIENT, MANUAL_ORDER_ID = 0, 0
"""Under which ids the API shows what was entered in TWS itself."""

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
    """A live order with what the venue remembers about it.

    `works_from` is the open of the session it waits for, or when it came if one was open; `any_hours` says that it
    works in overnight and curb sessions too.
    `watch` waits for a trigger and is gone once it has fired; `limit` is the price at which the order works now in
    points, None at the market; `minutes` the open market minutes it has worked; `refill_at` when the book shows size
    again after this order took what there was; `located_at` when the shares of a short sale are found; `holds` why it
    does not work yet. A `silent` one is not acknowledged: nobody hears that it works.
    """

    order: VenueOrder
    legs: tuple[Leg, ...]
    chance: Chance
    expires_at: datetime
    lived_until: datetime
    works_from: datetime
    any_hours: bool = False
    cancel_at: datetime | None = None
    value_cents: int = 0
    progress: dict[int, LegProgress] = field(default_factory=dict)
    watch: Watch | None = None
    limit: float | None = None
    minutes: float = 0.0
    refill_at: datetime | None = None
    located_at: datetime | None = None
    silent: bool = False
    holds: set[Hold] = field(default_factory=set)

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

    @property
    def transmitted(self) -> bool:
        """Whether the broker has it; before that only the gateway does."""
        return self.order.status is not OrderStatus.PENDING_SUBMIT

    def hold(self, reason: Hold) -> None:
        """One more reason not to work."""
        self.holds.add(reason)
        self._tell_holds()

    def release(self, reason: Hold) -> None:
        """That reason is gone."""
        self.holds.discard(reason)
        self._tell_holds()

    def _tell_holds(self) -> None:
        self.order.why_held = ",".join(hold for hold in Hold if hold in self.holds)


def legs_of(ticket: OrderTicket) -> tuple[Leg, ...]:
    """Legs as bought by action BUY: a combination's own, or the single contract once, whatever its leg's side says."""
    if ticket.is_bag:
        return ticket.legs
    return (Leg(ticket.legs[0].spec, 1, Side.BUY),)


class OrderBook:
    """Orders by permanent id and by client and id. Pure bookkeeping: decides nothing about markets or money."""

    def __init__(self) -> None:
        self._working: dict[int, Working] = {}
        self._by_client_id: dict[tuple[int, int], Working] = {}
        self._ends: dict[tuple[int, int], OrderStatus] = {}
        self._done: dict[int, VenueOrder] = {}
        self._next: dict[int, int] = {}
        self._perm_ids = 0
        self._bound = 0

    # ids ---------------------------------------------------------------------------------------
    def next_order_id(self, client_id: int) -> int:
        """One above the highest id this client ever used."""
        return self._next.get(client_id, 1)

    def next_perm_id(self) -> int:
        """A new permanent id."""
        self._perm_ids += 1
        return _FIRST_PERM_ID + self._perm_ids

    def bind_manual(self) -> list[Working]:
        """Gives every working order made in TWS a negative order id of client 0; returns the newly bound ones."""
        found = [working for working in self if working.ticket.order_id == MANUAL_ORDER_ID]
        for working in found:
            self._bound -= 1
            working.ticket.order_id = self._bound
            self._by_client_id[MANUAL_CLIENT, self._bound] = working
        return found

    # life --------------------------------------------------------------------------------------
    def get(self, client_id: int, order_id: int) -> Working | None:
        """The client's working order of that id."""
        return self._by_client_id.get((client_id, order_id))

    def by_perm_id(self, perm_id: int) -> Working | None:
        """The working order of that permanent id, forks included."""
        return self._working.get(perm_id)

    def add(self, working: Working) -> None:
        """A new live order; its id is used from now on."""
        ticket = working.ticket
        self._use(ticket)
        self._working[working.order.perm_id] = working
        if ticket.order_id != MANUAL_ORDER_ID:
            self._by_client_id[_key(ticket)] = working

    def refuse(self, order: VenueOrder) -> None:
        """Keeps an order that reached the broker and was rejected: its id is used, it never works."""
        self._use(order.ticket)
        self._end(order)

    def finish(self, working: Working, status: OrderStatus, at: datetime) -> None:
        """Takes a live order out of the market with its last status."""
        order = working.order
        order.status = status
        order.completed_at = at
        order.completed_status = status
        working.holds.clear()
        order.why_held = ""
        self._working.pop(order.perm_id, None)
        if self._by_client_id.get(_key(order.ticket)) is working:
            del self._by_client_id[_key(order.ticket)]
        self._end(order)

    def fork(self, working: Working) -> None:
        """The broker's confusion: this order works on, yet its id may start another one. A cancel reaches the new one
        only; a global cancel both."""
        del self._by_client_id[_key(working.ticket)]

    def unfork(self, working: Working) -> None:
        """Takes a fork back."""
        self._by_client_id[_key(working.ticket)] = working

    def _use(self, ticket: OrderTicket) -> None:
        self._next[ticket.client_id] = max(self.next_order_id(ticket.client_id), ticket.order_id + 1)

    def _end(self, order: VenueOrder) -> None:
        if order.ticket.order_id != MANUAL_ORDER_ID:
            self._ends[_key(order.ticket)] = order.status
        self._done[order.perm_id] = order  # one that fills after its cancellation ends twice

    def forget_done(self) -> None:
        """Midnight: yesterday's done orders leave the list; their ids stay used."""
        self._done.clear()

    # views -------------------------------------------------------------------------------------
    def __len__(self) -> int:
        return len(self._working)

    def __iter__(self) -> Iterator[Working]:
        """Live orders, oldest first; safe against changes while looping."""
        return iter(list(self._working.values()))

    def is_live(self, working: Working) -> bool:
        """Whether it still works: a fill of another order may have ended it a moment ago."""
        return working.order.perm_id in self._working

    def done(self) -> list[VenueOrder]:
        """Orders that ended today, oldest first."""
        return list(self._done.values())

    # refusals about ids ------------------------------------------------------------------------
    def refuse_id(self, ticket: OrderTicket) -> Reject | None:
        """Why this id cannot start a new order: used before (103) or filled (104). A forked order's id can."""
        if any(_key(working.ticket) == _key(ticket) for working in self._working.values()):
            return None
        end = self._ends.get(_key(ticket))
        if end == FILLED:
            return Reject(104, "Cannot modify a filled order.")
        if end is not None or ticket.order_id < self.next_order_id(ticket.client_id):
            return Reject(103, "Duplicate order id")
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
