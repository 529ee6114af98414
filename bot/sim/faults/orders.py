"""Faults of orders and executions: what fills, what does not, what is lost, forked, refused, corrected or cancelled."""

from __future__ import annotations

from collections.abc import Mapping

from bot.sim.faults.arguments import Argument, Arguments, FaultError, flag, number, seconds, text, whole, word
from bot.sim.faults.reach import WHICH, lay, on_venue, times, which
from bot.sim.faults.shared import FOR, TIMES
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Layer, Verb
from bot.sim.order_terms import OrderStatus
from bot.sim.types import Reject, SecType
from bot.sim.venue.booking import Executed
from bot.sim.venue.hazards import Hazard, Trap
from bot.sim.venue.interventions import PriceAt
from bot.sim.venue.sim import SimVenue

_Facts = Mapping[str, object]
_PRICE: tuple[Argument, ...] = (
    number("price", "the net per unit, negative for a credit", low=-1e5, high=1e5, default=None, unit="points"),
    word("price_at", "where it fills when no price is given", [at.value for at in PriceAt], default="natural"),
)


# fills -------------------------------------------------------------------------------------------
def _fill(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    price = given.maybe_number("price")
    working = venue.interventions.fill(
        which(given),
        venue.now,
        units=given.maybe_whole("quantity"),
        price=PriceAt(given.text("price_at")) if price is None else price,
    )
    order = working.order
    return {"perm_id": order.perm_id, "status": order.status, "filled": order.filled, "price": order.last_fill_price}


def _fill_leg_only(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    exec_id = venue.interventions.fill_leg(
        which(given),
        venue.now,
        leg=given.whole("leg"),
        contracts=given.maybe_whole("quantity"),
        price=given.maybe_number("price"),
        ends=given.text("then") == "cancel",
    )
    return {"exec_id": exec_id}


def _fill_after_cancel(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    trap = Trap(
        Hazard.FILL_AFTER_CANCEL, "fill_after_cancel", which(given), times(given), delay_s=given.number("delay_s")
    )
    return lay(venue, stage, given, trap)


def _fill_while_disconnected(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    trap = Trap(Hazard.FILL_WHEN_GONE, "fill_while_disconnected", which(given), times(given))
    facts = lay(venue, stage, given, trap)
    connected = stage.desk.client_ids()
    for owner in sorted({order.ticket.client_id for order in venue.open_orders()}):
        if owner not in connected:
            venue.interventions.owner_left(owner, venue.now)
    return facts


def _hold_fills(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    trap = Trap(Hazard.NO_FILLS, "hold_fills", which(given), None)
    return lay(venue, stage, given, trap)


# executions --------------------------------------------------------------------------------------
def _correct_execution(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    executed = _execution(venue, given.maybe_text("exec_id"))
    old = executed.execution
    quantity, price = given.maybe_whole("quantity"), given.maybe_number("price")
    if quantity is None and price is None:
        raise FaultError("a correction needs a new quantity (0 busts the execution), a new price, or both")
    new = venue.booking.correct(
        old.exec_id,
        quantity=old.quantity if quantity is None else quantity,
        price=old.price if price is None else price,
        at=venue.now,
    )
    return {"exec_id": new.exec_id, "corrects": old.exec_id}


def _execution(venue: SimVenue, exec_id: str | None) -> Executed:
    """The execution named, or the latest of a leg or single contract that has not been corrected away."""
    standing = [
        e for e in venue.booking.executed if not e.corrected_by and e.execution.spec.sec_type is not SecType.BAG
    ]
    if exec_id is None:
        if not standing:
            raise FaultError("there is no execution today that could be corrected")
        return standing[-1]
    found = next((e for e in venue.booking.executed if e.execution.exec_id == exec_id), None)
    if found is None:
        known = ", ".join(e.execution.exec_id for e in standing[-6:]) or "none"
        raise FaultError(f"there is no execution {exec_id!r} today; the latest are {known}")
    return found


def _late_commission(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    never, delay_s = given.flag("never"), given.maybe_number("delay_s")
    if never == (delay_s is not None):
        raise FaultError("give either delay_s, or never = true")
    hazard = Hazard.COMMISSION_UNTOLD if never else Hazard.COMMISSION_LATE
    trap = Trap(hazard, "late_commission", which(given), times(given), delay_s=delay_s or 0.0)
    return lay(venue, stage, given, trap)


# orders ------------------------------------------------------------------------------------------
def _never_ack(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    hazard = Hazard.ORDER_LOST if given.text("order") == "lost" else Hazard.NO_ACKNOWLEDGEMENT
    return lay(venue, stage, given, Trap(hazard, "never_ack", which(given), times(given)))


def _fork_on_modify(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    trap = Trap(Hazard.FORK_ON_MODIFY, "fork_on_modify", which(given), times(given))
    return lay(venue, stage, given, trap)


def _reject_next(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    after_s, status = given.maybe_number("after_s"), given.text("status")
    hazard = Hazard.REJECT if after_s is None else Hazard.REJECT_LATER
    if hazard is Hazard.REJECT_LATER and status == "none":
        raise FaultError("an order that was accepted must end: status Inactive or Cancelled, not none")
    reject = Reject(given.whole("code"), given.text("text"), None if status == "none" else OrderStatus(status))
    trap = Trap(hazard, "reject_next", which(given), times(given), delay_s=after_s or 0.0, reject=reject)
    return lay(venue, stage, given, trap)


def _inactive(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    working = venue.interventions.deactivate(which(given), venue.now, for_s=given.maybe_number("for_s"))
    return {"perm_id": working.order.perm_id}


def _cancel_by_human(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    working = venue.interventions.cancel(which(given), venue.now, "cancelled by a human in TWS")
    return {"perm_id": working.order.perm_id}


_QUANTITY = whole("quantity", "units of the order; all that remain where absent", low=1, high=100_000, default=None)

VERBS: tuple[Verb[Stage], ...] = (
    Verb(
        "fill_now",
        Layer.VENUE,
        "fills a working order at once, whatever the market says",
        on_venue(_fill),
        (*WHICH, _QUANTITY, *_PRICE),
    ),
    Verb(
        "fill_part",
        Layer.VENUE,
        "fills so many units of a working order at once; the rest works on",
        on_venue(_fill),
        (*WHICH, whole("quantity", "units of the order", low=1, high=100_000), *_PRICE),
    ),
    Verb(
        "fill_leg_only",
        Layer.VENUE,
        "executes one leg of a working combination and no other: positions and executions are out of balance",
        on_venue(_fill_leg_only),
        (
            *WHICH,
            whole("leg", "which leg, counted from 1 in the order's own sequence", low=1, high=100, default=1),
            whole("quantity", "contracts of that leg; all of it where absent", low=1, high=100_000, default=None),
            number(
                "price", "per share; the leg's natural where absent", low=0.0, high=1e5, default=None, unit="points"
            ),
            word(
                "then",
                "what becomes of the order: it is cancelled, or all of it works on",
                ("cancel", "work"),
                default="cancel",
            ),
        ),
    ),
    Verb(
        "fill_after_cancel",
        Layer.VENUE,
        "the next order to be cancelled is confirmed as Cancelled and fills all the same, at its limit",
        on_venue(_fill_after_cancel),
        (*WHICH, seconds("delay_s", "from the confirmation to the fill", default=5.0), TIMES, FOR),
    ),
    Verb(
        "fill_while_disconnected",
        Layer.VENUE,
        "orders fill at their limit as soon as their owner is not connected: told by reqExecutions, never pushed",
        on_venue(_fill_while_disconnected),
        (*WHICH, TIMES, FOR),
    ),
    Verb("hold_fills", Layer.VENUE, "working orders do not fill", on_venue(_hold_fills), (*WHICH, FOR)),
    Verb(
        "correct_execution",
        Layer.VENUE,
        "corrects an execution of today: a second one with the next id number replaces it in cash, position and "
        "commission",
        on_venue(_correct_execution),
        (
            text("exec_id", "the execution; the latest of a contract where absent", default=None),
            whole("quantity", "new contracts; 0 busts the execution", high=100_000, default=None),
            number("price", "new price per share", low=0.0, high=1e5, default=None, unit="points"),
        ),
    ),
    Verb(
        "late_commission",
        Layer.VENUE,
        "the commissions of the next executions come late (and are charged then), or are charged and never reported",
        on_venue(_late_commission),
        (
            *WHICH,
            seconds("delay_s", "from the execution to its commission", default=None),
            flag("never", "charged in time, never reported"),
            TIMES,
            FOR,
        ),
    ),
    Verb(
        "never_ack",
        Layer.VENUE,
        "the next order gets no answer: it is lost, or it works and only its later life is told",
        on_venue(_never_ack),
        (*WHICH, word("order", "what becomes of it", ("lost", "works"), default="lost"), TIMES, FOR),
    ),
    Verb(
        "fork_on_modify",
        Layer.VENUE,
        "the next modification leaves the old order working and makes a second one of the same order id with another "
        "permanent id",
        on_venue(_fork_on_modify),
        (*WHICH, TIMES, FOR),
    ),
    Verb(
        "reject_next",
        Layer.VENUE,
        "the next order (or modification) is refused at once, or accepted and refused later",
        on_venue(_reject_next),
        (
            *WHICH,
            whole("code", "error code", high=100_000, default=201),
            text("text", "error text", default="Order rejected - reason:The exchange does not accept this order."),
            word(
                "status",
                "the order's last status; none sends the error alone",
                ("Inactive", "Cancelled", "none"),
                default="Inactive",
            ),
            seconds("after_s", "accepted first, refused so much later; refused at once where absent", default=None),
            TIMES,
            FOR,
        ),
    ),
    Verb(
        "inactive",
        Layer.VENUE,
        "a working order becomes Inactive: it is there and does not trade; a cancel or a forced fill still ends it",
        on_venue(_inactive),
        (*WHICH, seconds("for_s", "then it is as before; for good where absent", default=None)),
    ),
    Verb(
        "cancel_by_human",
        Layer.VENUE,
        "a human cancels a working order in TWS",
        on_venue(_cancel_by_human),
        (*WHICH,),
    ),
)
