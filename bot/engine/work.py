"""The scratch pad of one step: the state being built and what was concluded so far."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from bot.actions import Action, Alert, AlertLevel
from bot.engine.holdings import held_by_slots
from bot.engine.orders import Folded
from bot.engine.outcome import Move, Outcome, Step, journal_form
from bot.engine.state import Parameters, State
from risk.gate import Verdict
from risk.utilisation import Use
from strategies.alvh.lattice import Slot, slots_of
from strategies.alvh.machine import block
from strategies.alvh.machine import on_order as on_slot_order
from strategies.condor.machine import Condor, on_order, quarantine
from strategies.domain.book import Fill, Settled
from strategies.domain.control import Latch, TradingState
from strategies.domain.decision import Decision
from strategies.domain.desk_sample import DeskSample
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.orders import ORDER_TABLE, OrderRecord
from strategies.domain.session import NEW_YORK
from strategies.domain.transitions import ImpossibleEvent


class Work:
    """Lives for one step only; never escapes `step`."""

    def __init__(self, state: State, at: datetime) -> None:
        self.state = state
        self.at = at
        self.actions: list[Action] = []
        self.decisions: list[Decision] = []
        self.verdicts: list[Verdict] = []
        self.moves: list[Move] = []
        self.alerts: list[Alert] = []
        self.caps: tuple[Use, ...] = ()
        self.settled: tuple[Settled, ...] = ()
        self.adopted: tuple[Fill, ...] = ()
        self.sample: DeskSample | None = None

    @property
    def parameters(self) -> Parameters:
        """The run's parameters; a fact that needs them cannot come before RunStarted."""
        if self.state.parameters is None:
            raise ValueError("the journal has facts before its first RunStarted record")
        return self.state.parameters

    def set(self, **changes: Any) -> None:
        """Replaces fields of the state."""
        self.state = msgspec.structs.replace(self.state, **changes)

    def act(self, *actions: Action) -> None:
        """Asks the world for something."""
        self.actions.extend(actions)

    def alert(self, level: AlertLevel, key: str, text: str) -> None:
        """Tells a person something."""
        alert = Alert(level=level, key=key, text=text)
        self.alerts.append(alert)
        self.actions.append(alert)

    def latch(self, cause: str, state: TradingState, who: str, reason: str) -> bool:
        """Adds a stop unless the same cause already stands as strictly; returns whether it is new."""
        control = self.state.control
        if any(latch.cause == cause and latch.state in (state, TradingState.HALTED) for latch in control.latches):
            return False
        latch = Latch(cause=cause, state=state, at=self.at, who=who, reason=reason)
        self.set(control=msgspec.structs.replace(control, latches=(*control.latches, latch)))
        self.alert(AlertLevel.CRITICAL, f"latch.{cause}", f"{state.value.upper()} by {who}: {reason}")
        return True

    def note_move(self, what: str, subject: str, before: str, after: str, text: str) -> None:
        """Notes a change of state for the journal."""
        self.moves.append(Move(what, subject, before, after, text))

    def put_condor(self, condor: Condor, text: str = "") -> None:
        """Stores a condor and notes its move."""
        before = self.state.condors.get(condor.id)
        old = before.state.value if before is not None else "-"
        if before is None or before.state is not condor.state:
            self.note_move("condor", condor.id, old, condor.state.value, text or condor.exit_rule or "")
        self.set(condors={**self.state.condors, condor.id: condor})

    def put_slot(self, slot: Slot, text: str = "") -> None:
        """Stores a slot of the hedge and notes its move."""
        before = self.state.slots.get(slot.number)
        if before == slot:
            return
        if before is None or before.state is not slot.state:
            old = before.state.value if before is not None else "-"
            why = text or (slot.history[-1].text if slot.history else "")
            self.note_move("slot", slot.name, old, slot.state.value, why)
        self.set(slots={**self.state.slots, slot.number: slot})

    def take(self, folded: Folded) -> None:
        """Takes a folded book: notes order moves, tells the condors, quarantines what the world contradicted."""
        before = self.state.book
        self.set(book=folded.book)
        for ref in folded.changed:
            record = folded.book.orders[ref]
            old = before.orders.get(ref)
            old_state = old.state.value if old is not None else "-"
            if old is None or old.state is not record.state:
                self.note_move("order", ref, old_state, record.state.value, record.last_text)
            if old is not None and old.state in ORDER_TABLE.terminal and old.state is not record.state:
                text = f"{ref} was over ({old_state}) and is {record.state.value}: the broker had it after all"
                self.alert(AlertLevel.WARNING, f"revived.{ref}", text)
            self._tell_owner(ref)
        for text in folded.impossible:
            self.alert(AlertLevel.CRITICAL, "impossible", f"the broker reported something impossible: {text}")
            self.latch("C31", TradingState.REDUCING, "engine", text)

    def _tell_owner(self, ref: str) -> None:
        record = self.state.book.orders[ref]
        if record.intent.owner == HEDGE_OWNER:
            self._tell_slots(record)
            return
        condor = self.state.condors.get(record.intent.owner)
        if condor is None:
            return
        try:
            self.put_condor(on_order(condor, record, self.at, self.state.book.fills.values()))
        except ImpossibleEvent as reason:
            self.put_condor(quarantine(condor, str(reason), self.at), str(reason))
            self.alert(AlertLevel.CRITICAL, f"quarantine.{condor.id}", f"{condor.id} is in quarantine: {reason}")

    def _tell_slots(self, record: OrderRecord) -> None:
        """Every slot of a hedge order hears of it, with what it holds now."""
        held = {row.slot for row in held_by_slots(self.state.book) if row.quantity}
        today = self.at.astimezone(NEW_YORK).date()
        for number in slots_of(record.intent):
            slot = self.state.slots[number]
            try:
                cooldown_min = self.parameters.alvh.orders.cooldown_min
                self.put_slot(on_slot_order(slot, record, number in held, self.at, today, cooldown_min))
            except ImpossibleEvent as reason:
                self.put_slot(block(slot, str(reason), self.at), str(reason))
                self.alert(AlertLevel.CRITICAL, f"blocked.{slot.name}", f"{slot.name} is blocked: {reason}")

    def finish(self) -> Step:
        """The step's result."""
        outcome = Outcome(
            decisions=tuple(self.decisions),
            verdicts=tuple(self.verdicts),
            moves=tuple(self.moves),
            actions=tuple(journal_form(a) for a in self.actions if not isinstance(a, Alert)),
            alerts=tuple(self.alerts),
            caps=self.caps,
            settled=self.settled,
            adopted=self.adopted,
            sample=self.sample,
        )
        return Step(self.state, tuple(self.actions), outcome)
