"""One condor, folded from evidence: proposals, orders and their executions, settlement, and what the desk gives up.

The states, the table and its rules are in `lifecycle`; everything here moves a condor through that table.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

import msgspec

from strategies.condor.lifecycle import CONDOR_TABLE, FINISHED_STATES, CondorState, CondorTrigger
from strategies.condor.lots import Adjustment, Lot, Side, Tally, count_lots, known_legs, legs_of_order
from strategies.condor.structure import MULTIPLIER, Legs
from strategies.domain.book import Fill, Settled, ref_by_hand
from strategies.domain.orders import LIVE_STATES, OrderRecord, OrderState, Purpose
from strategies.domain.transitions import ImpossibleEvent

__all__ = [
    "CONDOR_TABLE",
    "FINISHED_STATES",
    "Adjustment",
    "Change",
    "Condor",
    "CondorState",
    "CondorTrigger",
    "Lot",
    "ProposedCondor",
    "Realised",
    "Side",
    "Tally",
    "give_up_adjustment",
    "give_up_entry",
    "moved",
    "on_order",
    "on_settlement",
    "prepare_adjustment",
    "propose",
    "prove_flat",
    "quarantine",
    "realised_points_usd",
    "release_exit",
    "stop_adjustment",
]

_T = CondorTrigger


class Change(NamedTuple):
    """One line of a condor's history: the state entered, when, and by which rule or event."""

    state: CondorState
    at: datetime
    text: str


class Condor(msgspec.Struct, frozen=True, kw_only=True):
    """One condor. Prices in points per share of one unit; `credit_points` is the average collected at entry.

    `quantity` counts open units by executions. `adjust_points` is the net collected (negative: paid) by changes of legs
    per unit. `lots` are the open units by their legs and `legs` those of the first: a second lot is a change of legs of
    which only a part was done, and `adjusting` names the chain of one in progress. `carry_rate` is ln(forward/spot) a
    year at entry, to get a forward from spot later, and `smile_gap` how far the smile then hung below the straight line
    between the shorts (`standing.expected_move`).
    """

    id: str
    trading_class: str
    expiry: date
    legs: Legs
    quantity_wanted: int
    proposed_at: datetime
    state: CondorState = CondorState.CANDIDATE
    state_since: datetime
    history: tuple[Change, ...] = ()
    quantity: int = 0
    credit_points: float | None = None
    adjust_points: float = 0.0
    carry_rate: float = 0.0
    smile_gap: float = 0.0
    spot_points: float | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    exit_rule: str | None = None
    rolled_from: str | None = None
    rolls_used: int = 0
    adjusting: str | None = None
    adjustments: dict[str, Adjustment] = {}
    lots: tuple[Lot, ...] = ()
    tallies: dict[str, Tally] = {}
    settled: dict[int, int] = {}
    quarantine_reason: str = ""

    def con_ids(self) -> tuple[int, ...]:
        """Contract ids it may hold, of the legs now and of a change of legs in progress."""
        sets = [self.legs, *(lot.legs for lot in self.lots)]
        if self.adjusting is not None:
            sets.append(self.adjustments[self.adjusting].legs)
        return tuple(dict.fromkeys(con_id for legs in sets for con_id in legs.con_ids()))

    @property
    def held(self) -> tuple[Lot, ...]:
        """The open units by their legs; before any fill the wanted ones."""
        return self.lots or (Lot(self.legs, self.quantity or self.quantity_wanted),)

    @property
    def active(self) -> bool:
        """Whether it holds or may come to hold anything."""
        return self.state not in FINISHED_STATES

    @property
    def max_loss_usd(self) -> float:
        """Greatest loss at expiry of the open units (of the wanted ones before any fill), from width less credit."""
        kept = (self.credit_points or 0.0) + self.adjust_points
        return sum(max(0.0, lot.legs.width_points - kept) * lot.units for lot in self.held) * MULTIPLIER

    def exit_cost(self) -> tuple[int, float]:
        """Units closed by exit orders and the average debit of one in points; (0, 0.0) before any."""
        rows = [t for t in self.tallies.values() if t.purpose is Purpose.EXIT]
        units = sum(t.units for t in rows)
        return units, sum(t.paid_points for t in rows) / units if units else 0.0

    def adjustments_done(self, side: Side | None = None) -> int:
        """Changes of legs of which anything traded, in all or those that moved one side."""
        traded = {t.chain_ref for t in self.tallies.values() if t.purpose is Purpose.ADJUST and t.units > 0}
        return sum(1 for chain in traded if side is None or self.adjustments[chain].side in (side, None))


class ProposedCondor(NamedTuple):
    """What a proposal says about the condor it wants to sell."""

    id: str
    trading_class: str
    expiry: date
    legs: Legs
    quantity: int
    carry_rate: float
    smile_gap: float
    spot_points: float
    rolled_from: str | None = None
    rolls_used: int = 0


def propose(proposal: ProposedCondor, at: datetime, text: str = "") -> Condor:
    """A candidate, not yet seen by the gate."""
    return Condor(
        id=proposal.id,
        trading_class=proposal.trading_class,
        expiry=proposal.expiry,
        legs=proposal.legs,
        quantity_wanted=proposal.quantity,
        proposed_at=at,
        state_since=at,
        history=(Change(CondorState.CANDIDATE, at, text),),
        carry_rate=proposal.carry_rate,
        smile_gap=proposal.smile_gap,
        spot_points=proposal.spot_points,
        rolled_from=proposal.rolled_from,
        rolls_used=proposal.rolls_used,
    )


def moved(condor: Condor, trigger: CondorTrigger, at: datetime, text: str = "") -> Condor:
    """The condor after one table move; history grows only when the state changes."""
    then = CONDOR_TABLE.move(condor.state, trigger)
    if then is condor.state:
        return condor
    ended = then in FINISHED_STATES
    return msgspec.structs.replace(
        condor,
        state=then,
        state_since=at,
        history=(*condor.history, Change(then, at, text or trigger.value)),
        opened_at=at if then is CondorState.OPEN and condor.opened_at is None else condor.opened_at,
        closed_at=at if ended else None,
    )


def quarantine(condor: Condor, reason: str, at: datetime) -> Condor:
    """The world contradicts the table: nothing touches this condor until a person has looked."""
    return msgspec.structs.replace(moved(condor, _T.CONTRADICTED, at, reason), quarantine_reason=reason)


def on_order(condor: Condor, record: OrderRecord, at: datetime, fills: Iterable[Fill] = ()) -> Condor:
    """Folds the present evidence of one of the condor's orders.

    `fills` holds at least that order's executions (others are ignored); without them the order's limit stands in for
    the price, which is never better than what was paid. Raises ImpossibleEvent where the evidence cannot be.
    """
    intent = record.intent
    if record.filled_units > intent.quantity:
        raise ImpossibleEvent(f"{record.ref}: {record.filled_units} units filled of an order for {intent.quantity}")
    if not record.live and not record.balanced:
        raise ImpossibleEvent(f"{record.ref}: ended with legs filled out of ratio ({record.filled_by_leg})")
    before = condor.tallies.get(record.ref)
    tally = Tally(intent.purpose, intent.chain_ref, record.filled_units, _paid(record, fills), _taken(condor, record))
    grew = tally.units > (before.units if before is not None else 0)
    noted = msgspec.structs.replace(condor, tallies={**condor.tallies, record.ref: tally})
    if condor.state is CondorState.QUARANTINE:
        return noted
    after = _counted(noted)
    trigger = _trigger(after, record, grew)
    after = _with_reason(after, record)
    first = {_T.EXIT_PARTLY_FILLED: _T.EXIT_WORKS, _T.ADJUST_PARTLY_FILLED: _T.ADJUST_WORKS}.get(trigger)
    if first is not None and record.live and after.state is CondorState.OPEN:
        after = moved(after, first, at, intent.rule)
    moved_on = moved(after, trigger, at, intent.rule)
    return _in_progress(moved_on, trigger, intent.chain_ref)


def _taken(condor: Condor, record: OrderRecord) -> Legs:
    """The set of legs an order made (entry) or took units from (change of legs, exit)."""
    intent = record.intent
    if intent.purpose is Purpose.ADJUST:
        if intent.chain_ref not in condor.adjustments:
            raise ImpossibleEvent(f"{record.ref}: {condor.id} knows no change of legs {intent.chain_ref}")
        return condor.adjustments[intent.chain_ref].before
    before = condor.tallies.get(record.ref)
    if before is not None:
        return before.legs
    return legs_of_order((leg.con_id for leg in intent.legs), record.ref, known_legs(condor.legs, condor.adjustments))


def _paid(record: OrderRecord, fills: Iterable[Fill]) -> float:
    """Points per share paid for the whole units filled so far."""
    if record.filled_units == 0:
        return 0.0
    mine = [f for f in fills if f.ref == record.ref]
    if not mine:
        return record.filled_units * record.intent.limit_points
    return sum(f.signed_quantity * f.price_points for f in mine)


def _counted(condor: Condor) -> Condor:
    """Quantity, credit and adjustment cost from the tallies of all orders."""
    units = dict.fromkeys(Purpose, 0)
    paid = dict.fromkeys(Purpose, 0.0)
    for tally in condor.tallies.values():
        units[tally.purpose] += tally.units
        paid[tally.purpose] += tally.paid_points
    entered, adjusted = units[Purpose.ENTRY], units[Purpose.ADJUST]
    lots = count_lots(condor.tallies.values(), condor.adjustments)
    return msgspec.structs.replace(
        condor,
        quantity=entered - units[Purpose.EXIT],
        lots=lots,
        legs=lots[0].legs if lots else condor.legs,
        credit_points=-paid[Purpose.ENTRY] / entered if entered else None,
        adjust_points=-paid[Purpose.ADJUST] / entered if entered and adjusted else 0.0,
    )


def _trigger(condor: Condor, record: OrderRecord, grew: bool) -> CondorTrigger:
    """What the evidence says, most important first: executions, then whether the order may still trade."""
    purpose = record.intent.purpose
    if purpose is Purpose.ENTRY:
        if grew:
            entered = sum(t.units for t in condor.tallies.values() if t.purpose is Purpose.ENTRY)
            return _T.ENTRY_FILLED if entered >= condor.quantity_wanted else _T.ENTRY_PARTLY_FILLED
        if record.state is OrderState.APPROVED:
            return _T.ENTRY_APPROVED
        return _T.ENTRY_WORKS if record.state in LIVE_STATES else _T.ENTRY_ENDED
    if purpose is Purpose.EXIT:
        if grew:
            return _T.EXIT_FILLED if condor.quantity == 0 else _T.EXIT_PARTLY_FILLED
        return _T.EXIT_WORKS if record.state in LIVE_STATES else _T.EXIT_ENDED
    if purpose is Purpose.ADJUST and record.intent.chain_ref in condor.adjustments:
        if grew:
            done = _adjusted_units(condor, record.intent.chain_ref)
            whole = done >= condor.adjustments[record.intent.chain_ref].units
            return _T.ADJUST_FILLED if whole else _T.ADJUST_PARTLY_FILLED
        return _T.ADJUST_WORKS if record.state in LIVE_STATES else _T.ADJUST_ENDED
    raise ImpossibleEvent(f"{record.ref}: no order of {condor.id} has the purpose {purpose.value} in this chain")


def _adjusted_units(condor: Condor, chain_ref: str) -> int:
    return sum(t.units for t in condor.tallies.values() if t.chain_ref == chain_ref)


def _with_reason(condor: Condor, record: OrderRecord) -> Condor:
    """Notes the rule that closes it, while the order is one that closes."""
    if record.intent.purpose is Purpose.EXIT and (record.live or record.filled_units):
        return msgspec.structs.replace(condor, exit_rule=record.intent.rule)
    return condor


def _in_progress(condor: Condor, trigger: CondorTrigger, chain_ref: str) -> Condor:
    """Names the change of legs in progress, until it is whole."""
    if trigger is _T.ADJUST_FILLED:
        return msgspec.structs.replace(condor, adjusting=None)
    if trigger in (_T.ADJUST_PARTLY_FILLED, _T.ADJUST_WORKS) and condor.state is CondorState.ADJUST_WORKING:
        return msgspec.structs.replace(condor, adjusting=chain_ref)
    return condor


def give_up_entry(condor: Condor, at: datetime, text: str) -> Condor:
    """Our decision to stop trying to open: abandoned if nothing filled, else open with what did."""
    return moved(condor, _T.ENTRY_KEPT if condor.quantity else _T.ENTRY_GIVEN_UP, at, text)


def release_exit(condor: Condor, at: datetime, text: str) -> Condor:
    """Our decision not to close for now."""
    return msgspec.structs.replace(moved(condor, _T.EXIT_RELEASED, at, text), exit_rule=None)


def prepare_adjustment(condor: Condor, chain_ref: str, adjustment: Adjustment) -> Condor:
    """Notes what a widening's orders will turn the legs into; the state moves when the order does."""
    return msgspec.structs.replace(condor, adjustments={**condor.adjustments, chain_ref: adjustment})


def give_up_adjustment(condor: Condor, at: datetime, text: str) -> Condor:
    """Our decision to keep the old legs; only while nothing of the change filled."""
    return msgspec.structs.replace(moved(condor, _T.ADJUST_GIVEN_UP, at, text), adjusting=None)


def stop_adjustment(condor: Condor, at: datetime, text: str) -> Condor:
    """Our decision to leave a change of legs half done: the units of either set are whole condors and can be closed."""
    return msgspec.structs.replace(moved(condor, _T.ADJUST_STOPPED, at, text), adjusting=None)


def on_settlement(condor: Condor, settled: Iterable[Settled], at: datetime) -> Condor:
    """Legs that expired into cash; settled as a whole once every leg is. A finished condor holds none and stays."""
    if not condor.active:
        return condor
    seen = dict(condor.settled)
    for item in settled:
        if item.con_id in condor.con_ids():
            seen[item.con_id] = seen.get(item.con_id, 0) + abs(item.quantity)
    noted = msgspec.structs.replace(condor, settled=seen)
    if not CONDOR_TABLE.allows(condor.state, _T.SETTLED_PARTLY):
        return quarantine(noted, "settlement of legs it should not hold yet", at)
    wanted: dict[int, int] = {}
    for lot in condor.lots or (Lot(condor.legs, max(condor.quantity, 1)),):
        for con_id in lot.legs.con_ids():
            wanted[con_id] = wanted.get(con_id, 0) + lot.units
    whole = all(seen.get(con_id, 0) >= units for con_id, units in wanted.items())
    if not whole:
        return moved(noted, _T.SETTLED_PARTLY, at)
    return msgspec.structs.replace(moved(noted, _T.SETTLED_WHOLLY, at, "settlement"), quantity=0, lots=())


def prove_flat(condor: Condor, at: datetime, who: str, fills: Iterable[Fill] = ()) -> Condor:
    """Ends a quarantine after the broker was seen to hold none of the legs and a person agreed.

    `fills` are the executions of others that closed it: they stand for a closing order of its own.
    """
    flat = moved(condor, _T.FLAT_PROVED, at, f"flat, by {who}")
    tallies = {**condor.tallies, **_closed_by_others(condor, tuple(fills))}
    return msgspec.structs.replace(flat, quantity=0, lots=(), tallies=tallies)


def _closed_by_others(condor: Condor, fills: tuple[Fill, ...]) -> dict[str, Tally]:
    """One closing for each set of legs; what all of them cost together stands with the first."""
    ref = ref_by_hand(condor.id)
    paid = sum(fill.signed_quantity * fill.price_points for fill in fills)
    return {
        f"{ref}.{number}": Tally(Purpose.EXIT, ref, lot.units, paid if number == 1 else 0.0, lot.legs)
        for number, lot in enumerate(condor.lots, start=1)
    }


class Realised(NamedTuple):
    """Cash that has come and gone: points per share over all units, and dollars, before commission."""

    points: float
    usd: float


def realised_points_usd(condor: Condor, fills: Iterable[Fill], settlements: Iterable[Settled] = ()) -> Realised:
    """Net cash of the condor's own orders and settlements: its result once nothing is held any more."""
    prefix = f"{condor.id}."
    mine = [f for f in fills if f.ref is not None and f.ref.startswith(prefix)]
    closed = [s for s in settlements if s.owner == condor.id]
    points = -sum(f.signed_quantity * f.price_points for f in mine)
    points += sum(s.quantity * s.price_points for s in closed)
    return Realised(points, sum(f.cash_usd for f in mine) + sum(s.cash_usd for s in closed))
