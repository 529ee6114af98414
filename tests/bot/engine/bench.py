"""The pure engine and a fake broker answering each other, fact by fact."""

from __future__ import annotations

from typing import Any

from bot.actions import (
    Action,
    AskBars,
    AskChain,
    AskMargin,
    AskOptions,
    AskReference,
    AskSnapshot,
    Cancel,
    CancelAll,
    Submit,
    Subscribe,
)
from bot.engine.outcome import Step
from bot.engine.state import Parameters, State
from bot.engine.step import step
from strategies.condor.machine import Condor
from strategies.domain import events as ev
from strategies.domain.control import LinkState
from strategies.domain.decision import DecisionVerdict
from strategies.domain.orders import OrderRecord, OrderState, PlaceIntent
from tests.bot.engine.builders import (
    NINE_THIRTY_SIX,
    TEN,
    account_reported,
    calendar_loaded,
    link,
    make_parameters,
    run_started,
    seconds,
)
from tests.bot.engine.fakes import FakeBroker, World


class Bench:
    """Steps the engine over facts and lets the broker answer its actions; remembers every envelope and step."""

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.parameters = parameters or make_parameters()
        self.now = NINE_THIRTY_SIX
        self.state = State()
        self.world = World()
        self.queue: list[ev.AnyEvent] = []
        self.broker = FakeBroker(self.queue.append, lambda: self.now, self.world)
        self.envelopes: list[ev.Envelope] = []
        self.steps: list[Step] = []
        self._seq = 0

    # facts ------------------------------------------------------------------------------------------
    def feed(self, *events: ev.AnyEvent, after_s: float = 0.0) -> list[Step]:
        """Time passes, the facts happen, and everything the broker answers to them."""
        self.now += seconds(after_s)
        before = len(self.steps)
        self.queue.extend(events)
        for _ in range(400):
            if not self.queue:
                return self.steps[before:]
            self._step(self.queue.pop(0))
        raise AssertionError("the engine and the broker answer each other without end")

    def _step(self, event: ev.AnyEvent) -> None:
        self._seq += 1
        envelope = ev.Envelope(self._seq, self.now, event)
        result = step(self.state, envelope)
        self.envelopes.append(envelope)
        self.steps.append(result)
        self.state = result.state
        for action in result.actions:
            self._perform(action)

    def _perform(self, action: Action) -> None:
        broker = self.broker
        instruments = self.state.market.instruments
        match action:
            case Submit(approved=approved):
                broker.submit(approved)
            case Cancel(ref=ref):
                broker.cancel(ref)
            case CancelAll():
                broker.cancel_all()
            case Subscribe(con_ids=con_ids):
                broker.subscribe(tuple(instruments[c] for c in con_ids if c in instruments))
            case AskMargin():
                broker.ask_margin(action, ())
            case AskSnapshot():
                broker.ask_snapshot(action)
            case AskOptions():
                broker.ask_options(action)
            case AskChain():
                broker.ask_chain(action)
            case AskReference():
                broker.ask_reference(action)
            case AskBars():
                broker.ask_bars(action)
            case _:
                pass

    def pulse(self, after_s: float = 0.0) -> list[Step]:
        """A timer fires."""
        return self.feed(ev.TimerFired(name="pulse", due_at=self.now + seconds(after_s)), after_s=after_s)

    def tick(self, after_s: float = 0.0) -> list[Step]:
        """Every subscribed line is quoted anew; the account is reported when its figures grow old."""
        at = self.now + seconds(after_s)
        quotes = self.world.quotes(self.broker.lines, at, self.broker.epoch)
        return self.feed(ev.QuotesUpdated(quotes=quotes), after_s=after_s)

    # a day ------------------------------------------------------------------------------------------
    def start(self) -> Bench:
        """A process begins on an empty account: calendar, link, first snapshot, account, reference data."""
        self.feed(run_started(self.parameters), calendar_loaded())
        return self.connect()

    def connect(self) -> Bench:
        self.feed(link(LinkState.CONNECTING, self.broker.epoch - 1))
        self.feed(link(LinkState.SYNCING, self.broker.epoch))
        self.feed(self.broker.snapshot(), link(LinkState.UP, self.broker.epoch), account_reported(self.now))
        self.pulse()
        return self

    def restart(self) -> Bench:
        """The process dies and a new one reads its journal; its broker counts connections from one again."""
        self.queue.clear()
        self.broker.epoch = 1
        self.broker.lines = ()
        self.feed(run_started(self.parameters, run_id="run-2"), calendar_loaded())
        return self

    def propose(self) -> PlaceIntent:
        """Runs the morning until the desk's first order is asked for; returns its intent."""
        self.tick(60.0)
        self.now = max(self.now, TEN)
        self.feed(account_reported(self.now))
        for _ in range(12):
            for made in self.tick(2.0):
                for action in made.actions:
                    if isinstance(action, Submit):
                        return action.approved.intent
                    if isinstance(action, AskMargin) and "margin" in self.broker.mute:
                        return action.intent
        said = [v.text for s in self.steps for v in s.outcome.verdicts]
        said += [d.text for s in self.steps for d in s.outcome.decisions if d.verdict is DecisionVerdict.DECLINE]
        raise AssertionError(f"no order: {said}")

    def open_condor(self) -> Condor:
        """An entry order that fills."""
        intent = self.propose()
        self.broker.fill(intent.ref)
        self.feed()
        return self.state.condors[intent.owner]

    def working(self) -> str:
        """Ref of an entry order that works at the broker."""
        ref = self.propose().ref
        assert self.order(ref).state is OrderState.WORKING
        return ref

    def lost(self) -> str:
        """Ref of an order the broker never had, now in doubt."""
        self.broker.mute |= {"submit", "snapshot"}
        ref = self.propose().ref
        assert self.order(ref).state is OrderState.SENT
        self.pulse(6.0)
        self.broker.mute.discard("snapshot")
        assert self.order(ref).state is OrderState.UNKNOWN
        return ref

    # what was seen ------------------------------------------------------------------------------------
    def actions(self, kind: type) -> list[Any]:
        return [a for s in self.steps for a in s.actions if isinstance(a, kind)]

    def order(self, ref: str) -> OrderRecord:
        return self.state.book.orders[ref]

    def causes(self) -> set[str]:
        """Causes of the latches in force."""
        return {latch.cause for latch in self.state.control.latches}
