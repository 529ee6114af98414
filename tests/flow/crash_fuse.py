"""A bot that kills itself: SIGKILL to its own process at the n-th hit of one named point of an order's life.

Functions at the bot's seams are wrapped from outside. No handler, no finally, no flush runs at the end.

Points: `PURPOSE.decided`, `.outcome.appended`, `.outcome.before_commit`, `.outcome.committed`, `.submit`, `.write`,
`.half_written`, `.written` of an order's way out; `PURPOSE.WORD.received`, `.appended`, `.before_commit`, `.committed`
of a fact's way in, with the words sent, ack, partial, fill, cancel_claim; `proof` and `snapshot` of broker snapshots
with and without an order in doubt; `recovery.begin`, `.fold`, `.end`; `checkpoint.before`, `.appended`, `.committed`;
`latch.before`, `.written`; `cancel_all.before`, `.written`; other facts by the name of their class.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import bot.life
import bot.recover
import bot.runner
from bot import actions, latch
from bot.engine.state import State
from bot.ibkr.broker import IbkrBroker
from bot.ibkr.gateway import Wire
from bot.inbox import Inbox
from bot.journal.store import Journal
from strategies.domain import events as ev

_WORDS = {"Submitted": "ack", "PreSubmitted": "ack", "Cancelled": "cancel_claim", "Filled": "filled_status"}


class Fuse:
    """Kills this process at the `nth` time a point is reached after it was woken."""

    def __init__(self, point: str, nth: int, *, awake: bool) -> None:
        self.awake = awake
        self._point = point
        self._left = nth
        self._wanted: dict[str, int] = {}
        self._seen: dict[tuple[str | None, int], int] = {}
        self._uncommitted: list[str] = []
        self._doubt = False

    def reach(self, point: str) -> None:
        if self.awake and point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    # names ---------------------------------------------------------------------------------------
    def name(self, event: ev.AnyEvent) -> str:
        """A fact in an order's words: `entry.ack`, `exit.fill`, `proof` for a snapshot while something is in doubt."""
        match event:
            case ev.OrderSent(ref=ref):
                return f"{_purpose(ref)}.sent"
            case ev.OrderStatusReported(ref=ref, status=status):
                return f"{_purpose(ref)}.{_WORDS.get(status.value, 'status')}"
            case ev.Filled(fill=fill) if fill.ref:
                key = (fill.ref, fill.con_id)
                whole = self._seen.get(key, 0) + fill.quantity >= self._wanted.get(fill.ref, 0)
                return f"{_purpose(fill.ref)}.{'fill' if whole else 'partial'}"
            case ev.BrokerSnapshot():
                return "proof" if self._doubt else "snapshot"
        return type(event).__name__

    def heed(self, envelope: ev.Envelope, result: Any) -> None:
        """What a step decided."""
        state: State = result.state
        self._doubt = bool(state.book.doubtful())
        if isinstance(envelope.event, ev.Filled) and envelope.event.fill.ref:
            key = (envelope.event.fill.ref, envelope.event.fill.con_id)
            self._seen[key] = self._seen.get(key, 0) + envelope.event.fill.quantity
        for action in result.actions:
            for name in _decided(action):
                self.reach(f"{name}.decided")
            if isinstance(action, actions.Submit):
                self._wanted[action.approved.intent.ref] = action.approved.intent.quantity

    # seams ---------------------------------------------------------------------------------------
    def fit(self) -> None:
        """Wraps the seams."""
        self._fit_engine()
        self._fit_journal()
        self._fit_broker()

    def _fit_engine(self) -> None:
        step, recover, fold = vars(bot.runner)["step"], vars(bot.life)["recover"], vars(bot.recover)["step"]
        post, engage = Inbox.post, latch.engage

        def stepped(state: State, envelope: ev.Envelope) -> Any:
            self.reach(f"{self.name(envelope.event)}.appended")
            result = step(state, envelope)
            self.heed(envelope, result)
            return result

        def recovered(*args: Any) -> State:
            self.reach("recovery.begin")
            state: State = recover(*args)
            self.reach("recovery.end")
            return state

        def folded(state: State, envelope: ev.Envelope) -> Any:
            self.reach("recovery.fold")
            return fold(state, envelope)

        def posted(inbox: Inbox, event: ev.AnyEvent) -> None:
            self.reach(f"{self.name(event)}.received")
            post(inbox, event)

        def engaged(*args: Any, **rest: Any) -> Any:
            self.reach("latch.before")
            found = engage(*args, **rest)
            self.reach("latch.written")
            return found

        _fit(bot.runner, step=stepped)
        _fit(bot.life, recover=recovered)
        _fit(bot.recover, step=folded)
        _fit(Inbox, post=posted)
        _fit(latch, engage=engaged)

    def _fit_journal(self) -> None:
        event, outcome, checkpoint, commit = (
            Journal.append_event,
            Journal.append_outcome,
            Journal.append_checkpoint,
            Journal.commit,
        )

        def append_event(journal: Journal, envelope: ev.Envelope) -> ev.Envelope:
            self._uncommitted.append(self.name(envelope.event))
            return event(journal, envelope)

        def append_outcome(journal: Journal, cause_seq: int, at: datetime, body: Any) -> int:
            seq = outcome(journal, cause_seq, at, body)
            for action in body.actions:
                if action["type"] == "submit":
                    self._uncommitted.append(f"{_purpose(action['intent']['ref'])}.outcome")
                    self.reach(f"{_purpose(action['intent']['ref'])}.outcome.appended")
            return seq

        def append_checkpoint(journal: Journal, at: datetime, state: bytes) -> int:
            self.reach("checkpoint.before")
            seq = checkpoint(journal, at, state)
            self._uncommitted.append("checkpoint")
            self.reach("checkpoint.appended")
            return seq

        def committed(journal: Journal, durable: bool) -> None:
            names, self._uncommitted = self._uncommitted, []
            for name in names:
                self.reach(f"{name}.before_commit")
            commit(journal, durable)
            for name in names:
                self.reach(f"{name}.committed")

        _fit(
            Journal,
            append_event=append_event,
            append_outcome=append_outcome,
            append_checkpoint=append_checkpoint,
            commit=committed,
        )

    def _fit_broker(self) -> None:
        submit, cancel, cancel_all = IbkrBroker.submit, IbkrBroker.cancel, IbkrBroker.cancel_all
        place, wire_cancel = Wire.place, Wire.cancel

        def submitted(broker: IbkrBroker, approved: Any) -> None:
            self.reach(f"{_purpose(approved.intent.ref)}.submit")
            submit(broker, approved)

        def cancelled(broker: IbkrBroker, ref: str) -> None:
            self.reach(f"{_purpose(ref)}.cancel")
            cancel(broker, ref)

        def all_cancelled(broker: IbkrBroker) -> None:
            self.reach("cancel_all.before")
            cancel_all(broker)
            self.reach("cancel_all.written")

        def placed(wire: Wire, order_id: int, outbound: Any, **rest: Any) -> None:
            name = "what_if" if rest.get("what_if") else _purpose(outbound.order["orderRef"])
            self.reach(f"{name}.write")
            with self._halved(wire, f"{name}.half_written"):
                place(wire, order_id, outbound, **rest)
            self.reach(f"{name}.written")

        def cancel_written(wire: Wire, order_id: int) -> None:
            self.reach("cancel.write")
            wire_cancel(wire, order_id)
            self.reach("cancel.written")

        _fit(IbkrBroker, submit=submitted, cancel=cancelled, cancel_all=all_cancelled)
        _fit(Wire, place=placed, cancel=cancel_written)

    @contextlib.contextmanager
    def _halved(self, wire: Wire, point: str) -> Iterator[None]:
        """While the fuse is set here, half of the message's bytes leave before the end."""
        if self._point != point:
            yield
            return
        connection = wire._client.conn
        whole = connection.sendMsg

        def half(message: bytes) -> None:
            if self.awake and self._left == 1:
                connection.transport.write(message[: len(message) // 2])
            else:
                whole(message)
            self.reach(point)

        connection.sendMsg = half
        try:
            yield
        finally:
            connection.sendMsg = whole


def _fit(owner: Any, **seams: Callable[..., Any]) -> None:
    """Puts functions in the place of an owner's own."""
    for name, function in seams.items():
        setattr(owner, name, function)


def _purpose(ref: str) -> str:
    """Of `ic-20260302-1.entry.2` entry, of `alvh-s05.open.20260302.3` open."""
    return ref.split(".")[1]


def _decided(action: actions.Action) -> list[str]:
    match action:
        case actions.Submit(approved=approved):
            return [_purpose(approved.intent.ref)]
        case actions.Cancel(ref=ref):
            return [f"{_purpose(ref)}.cancel"]
        case actions.CancelAll():
            return ["cancel_all"]
        case actions.AskMargin():
            return ["what_if"]
    return []
