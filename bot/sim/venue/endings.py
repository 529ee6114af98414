"""How orders end, and what fills and ends do to the orders tied to them: brackets and one-cancels-all groups.

Rules
- A child waits for its parent to fill whole; a parent that ends with a part filled lets its children work for that
  part, one that ends with nothing takes them along. Children of one parent are a group of their own.
- A fill in a group cancels the others or takes the same share of what remains of them, at once or, without a block,
  when every order has had its look at this moment's market: then two of a group may have filled.
- A cancelled member takes its group along.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.sim.order_terms import Hold, OcaType, OrderStatus
from bot.sim.types import Reject
from bot.sim.venue.announce import Announcer
from bot.sim.venue.orders import OrderBook, Working

_CANCELLED_TEXT = "Order Canceled - reason:"


class Endings:
    """Takes orders out of the market and follows their ties."""

    def __init__(self, book: OrderBook, announcer: Announcer) -> None:
        self._book = book
        self._announce = announcer
        self._late: list[tuple[Working, int]] = []

    # ties --------------------------------------------------------------------------------------
    def tie(self, child: Working, parent: Working) -> None:
        """Makes an order the child of another: held until then, in one group with its siblings."""
        child.hold(Hold.CHILD)
        child.order.oca_group = child.order.oca_group or str(parent.order.perm_id)

    def family(self, parent: Working) -> list[Working]:
        """The live children of an order."""
        ticket = parent.ticket
        return [
            item
            for item in self._book
            if item.ticket.parent_id == ticket.order_id and item.ticket.client_id == ticket.client_id
        ]

    def _group(self, member: Working) -> list[Working]:
        """The other live orders of a one-cancels-all group; a group is of one account."""
        name, account = member.order.oca_group, member.ticket.account
        if not name:
            return []
        return [
            item
            for item in self._book
            if item is not member and item.order.oca_group == name and item.ticket.account == account
        ]

    # ends --------------------------------------------------------------------------------------
    def cancel(self, working: Working, at: datetime, reason: str) -> None:
        """Ends a live order: state first, then notice 202 to its owner, then the orders tied to it."""
        children, group = self.family(working), self._group(working)
        self._book.finish(working, OrderStatus.CANCELLED, at)
        ticket = working.ticket
        self._announce.order(working.order, reason)
        self._announce.error(ticket.client_id, ticket.order_id, 202, _CANCELLED_TEXT)
        self._untie(working, children, group, at)

    def reject(self, working: Working, reject: Reject, at: datetime) -> None:
        """Ends a live order that was accepted: first the error, then its last status, then the orders tied to it."""
        children, group = self.family(working), self._group(working)
        self._book.finish(working, reject.final_status or OrderStatus.CANCELLED, at)
        ticket = working.ticket
        self._announce.error(ticket.client_id, ticket.order_id, reject.code, reject.text)
        self._announce.order(working.order, reject.text)
        self._untie(working, children, group, at)

    def _untie(self, working: Working, children: list[Working], group: list[Working], at: datetime) -> None:
        """What becomes of the orders tied to one that has ended unfilled."""
        for item in [*children, *group]:
            if not self._book.is_live(item):
                continue
            if item in children and working.order.filled:
                self._resize(item, min(item.order.remaining, working.order.filled))
                self._release(item, at)
            else:
                self.cancel(item, at, "its parent is cancelled" if item in children else "its group is cancelled")

    def filled(self, working: Working, at: datetime) -> None:
        """Ends an order that has filled whole; its children begin to work."""
        children = self.family(working)
        self._book.finish(working, OrderStatus.FILLED, at)
        self._announce.order(working.order, "filled")
        for child in children:
            self._release(child, at)

    def _release(self, child: Working, at: datetime) -> None:
        child.release(Hold.CHILD)
        child.lived_until = at
        if child.transmitted:
            self._announce.order(child.order, "its parent has filled")

    # groups ------------------------------------------------------------------------------------
    def traded(self, working: Working, units: int, at: datetime) -> None:
        """A fill of so many units: what it does to the order's group."""
        if not working.order.oca_group:
            return
        if working.ticket.oca_type is OcaType.REDUCE_WITHOUT_BLOCK:
            self._late.append((working, units))
        else:
            self._strike(working, units, at)

    def after_look(self, at: datetime) -> None:
        """Every order has had its look: fills of groups without a block take effect."""
        late, self._late = self._late, []
        for working, units in late:
            self._strike(working, units, at)

    def _strike(self, working: Working, units: int, at: datetime) -> None:
        before = working.order.remaining + units
        for other in self._group(working):
            if not self._book.is_live(other):
                continue
            left = other.order.remaining - round(other.order.remaining * units / before)
            if working.ticket.oca_type is OcaType.CANCEL_WITH_BLOCK or left <= 0:
                self._cancel_alone(other, at)
            else:
                self._resize(other, left)
                self._announce.order(other.order, "reduced: an order of its group has traded")

    def _cancel_alone(self, working: Working, at: datetime) -> None:
        working.order.oca_group = ""  # its group goes on without it
        self.cancel(working, at, "an order of its group has traded")

    @staticmethod
    def _resize(working: Working, remaining: int) -> None:
        order = working.order
        order.remaining = remaining
        order.ticket = replace(order.ticket, quantity=order.filled + remaining)
