"""What one step produced: the journal's record of decisions, verdicts, moves and actions."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from bot.actions import Action, Alert, Submit
from bot.engine.state import State
from risk.gate import Verdict
from risk.utilisation import Use
from strategies.domain.book import Fill, Settled
from strategies.domain.decision import Decision
from strategies.domain.desk_sample import DeskSample


class Move(msgspec.Struct, frozen=True):
    """A condor or an order changed state. `what` is `condor` or `order`."""

    what: str
    subject: str
    before: str
    after: str
    text: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a step concluded, in the order it concluded it; `caps` is their use, sampled every five minutes.

    `settled` are positions booked as cash in this step, `adopted` executions of others that a person gave to a condor,
    `sample` is what the look measured, about once a minute.
    """

    decisions: tuple[Decision, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    moves: tuple[Move, ...] = ()
    actions: tuple[dict[str, Any], ...] = ()
    alerts: tuple[Alert, ...] = ()
    caps: tuple[Use, ...] = ()
    settled: tuple[Settled, ...] = ()
    adopted: tuple[Fill, ...] = ()
    sample: DeskSample | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing worth a record."""
        told = (self.decisions, self.verdicts, self.moves, self.actions, self.alerts, self.caps, self.settled)
        return self.sample is None and not any(told)


class Step(NamedTuple):
    """The result of one event: the next state, what to do, what to write down."""

    state: State
    actions: tuple[Action, ...]
    outcome: Outcome


def journal_form(action: Action) -> dict[str, Any]:
    """An action as plain JSON values; an approval is written as its intent and journal position."""
    if isinstance(action, Submit):
        intent: dict[str, Any] = msgspec.to_builtins(action.approved.intent)
        return {"type": "submit", "seq": action.approved.seq, "intent": intent}
    plain: dict[str, Any] = msgspec.to_builtins(action)
    return plain
