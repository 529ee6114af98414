"""Stands before the intake while traps are armed: orders that get lost, go unanswered, are refused or forked."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.sim.types import OrderTicket, Reject, VenueOrder
from bot.sim.venue.agenda import Agenda
from bot.sim.venue.announce import Announcer
from bot.sim.venue.endings import Endings
from bot.sim.venue.hazards import Hazard, Hazards, Identity, Trap
from bot.sim.venue.intake import Intake
from bot.sim.venue.orders import OrderBook, Working


class Ambush:
    """Takes order messages as the intake does, unless a trap waits for them."""

    def __init__(
        self,
        *,
        agenda: Agenda,
        announcer: Announcer,
        book: OrderBook,
        endings: Endings,
        hazards: Hazards,
        intake: Intake,
    ) -> None:
        self._agenda = agenda
        self._announce = announcer
        self._book = book
        self._endings = endings
        self._hazards = hazards
        self._intake = intake

    def place(self, ticket: OrderTicket, at: datetime) -> VenueOrder | Reject | None:
        """The intake's answer, or None where the client hears nothing.

        An order that is lost is nowhere; one that is not acknowledged works, and its later life is told as ever.
        """
        working = self._book.get(ticket.client_id, ticket.order_id)
        order = Identity.of(ticket, working.order.perm_id if working is not None else 0)
        if self._hazards.spring(Hazard.ORDER_LOST, order) is not None:
            return None
        if (trap := self._hazards.spring(Hazard.REJECT, order)) is not None:
            return self._refuse(ticket, trap, at, working)
        if self._hazards.spring(Hazard.NO_ACKNOWLEDGEMENT, order) is not None:
            with self._announce.in_the_ledger_only():
                self._intake.place(ticket, at)
            if (taken := self._book.get(ticket.client_id, ticket.order_id)) is not None:
                taken.silent = True
            return None
        if working is not None and self._hazards.spring(Hazard.FORK_ON_MODIFY, order) is not None:
            return self._fork(working, ticket, at)
        outcome = self._intake.place(ticket, at)
        if working is None and isinstance(outcome, VenueOrder):
            self._plan_rejection(outcome, at)
        return outcome

    def _refuse(self, ticket: OrderTicket, trap: Trap, at: datetime, working: Working | None) -> Reject:
        assert trap.reject is not None, "a rejecting trap carries its rejection"
        if working is not None:  # a refused modification leaves the order as it was
            refusal = Reject(trap.reject.code, trap.reject.text)
            self._announce.refused(ticket, refusal)
            return refusal
        return self._intake.refuse(ticket, trap.reject, at)

    def _fork(self, working: Working, ticket: OrderTicket, at: datetime) -> VenueOrder | Reject:
        self._book.fork(working)
        outcome = self._intake.place(ticket, at)
        if isinstance(outcome, Reject):
            self._book.unfork(working)
        return outcome

    def _plan_rejection(self, order: VenueOrder, at: datetime) -> None:
        trap = self._hazards.spring(Hazard.REJECT_LATER, Identity.of(order.ticket, order.perm_id))
        if trap is not None:
            due = at + timedelta(seconds=trap.delay_s)
            self._agenda.plan(due, lambda then: self._reject_now(order, trap, then))

    def _reject_now(self, order: VenueOrder, trap: Trap, at: datetime) -> None:
        """The market's no after the broker's yes; too late for an order that is done by then."""
        working = self._book.by_perm_id(order.perm_id)
        if working is not None:
            assert trap.reject is not None, "a rejecting trap carries its rejection"
            self._endings.reject(working, trap.reject, at)
