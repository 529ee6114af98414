"""The loop: takes facts from the inbox, journals each before it is handled, steps the engine, performs its actions.

Rules
- One task owns the state. Whatever else runs (broker, timers, signals, files) only posts facts.
- A step that submits an order is committed durably before the order is handed over.
- A journal that cannot be written ends trading: cancel everything, engage the latch, stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot import latch
from bot.actions import (
    Action,
    Alert,
    AlertLevel,
    AskBars,
    AskCalendar,
    AskChain,
    AskMargin,
    AskOptions,
    AskReference,
    AskSnapshot,
    Cancel,
    CancelAll,
    ClearLatch,
    Submit,
    Subscribe,
    WriteLatch,
)
from bot.engine.outcome import Outcome, Step
from bot.engine.state import State
from bot.engine.step import step
from bot.inbox import Inbox
from bot.journal.schema import JournalError
from bot.journal.store import Journal
from bot.ports import Broker, Clock
from strategies.domain import events as ev
from strategies.domain.instruments import Instrument

Observe = Callable[[ev.Envelope, State, Outcome], None]
"""Hears every step after it was journaled: logs, status file, progress display. Must not raise or block."""


CLOCK_STEP_S = 2.0
"""A clock this far behind the journal was set back (C44); less is the wobble of its synchronisation."""


@dataclass(slots=True)
class Stopped:
    """Why the loop ended: `code` is the process exit code, `text` one sentence."""

    code: int
    text: str


class Runner:
    """Owns the state for the life of the process."""

    def __init__(
        self,
        *,
        state: State,
        journal: Journal,
        broker: Broker,
        clock: Clock,
        inbox: Inbox,
        latch_path: Path,
        observe: Observe,
        refresh_calendar: Callable[[], ev.CalendarLoaded],
        cadence_s: float = 0.25,
    ) -> None:
        """`cadence_s`: least loop seconds between two looks at quotes; the first after a pause is seen at once."""
        self.state = state
        self._journal = journal
        self._broker = broker
        self._clock = clock
        self._inbox = inbox
        self._latch_path = latch_path
        self._observe = observe
        self._refresh_calendar = refresh_calendar
        self._cadence_s = cadence_s
        self._looked_at = -1e9
        self._later: asyncio.TimerHandle | None = None
        self._stopping: Stopped | None = None
        self._pending_commit = False
        self._clock_told = False

    @property
    def stopped(self) -> Stopped | None:
        """Why the loop ends or has ended; None while it goes on."""
        return self._stopping

    async def run(self) -> Stopped:
        """Processes facts until `stop` is called or the journal fails."""
        try:
            while self._stopping is None:
                await self._inbox.wait()
                self.drain()
        finally:
            if self._later is not None:
                self._later.cancel()
        assert self._stopping is not None
        return self._stopping

    def stop(self, code: int, text: str) -> None:
        """Ends the loop after the fact in hand."""
        if self._stopping is None:
            self._stopping = Stopped(code, text)
        self._inbox.wake()

    def drain(self) -> None:
        """Handles everything waiting: facts first, then quotes if their time has come; then commits.

        Whoever calls it (the loop, a followed clock's tick), a journal that fails ends the loop.
        """
        try:
            self._handle_waiting()
        except JournalError as reason:
            self._emergency(f"the journal cannot be written: {reason}")

    def _handle_waiting(self) -> None:
        while self._stopping is None and (fact := self._inbox.next_fact()) is not None:
            self.process(fact)
        if self._stopping is None and self._inbox.has_quotes:
            self._look_at_quotes()
        if self._pending_commit:
            self._journal.commit(durable=False)
            self._pending_commit = False

    def _look_at_quotes(self) -> None:
        loop = asyncio.get_running_loop()
        wait_s = self._looked_at + self._cadence_s - loop.time()
        if wait_s > 0.0:
            if self._later is None:
                self._later = loop.call_later(wait_s, self._wake_later)
            return
        self._looked_at = loop.time()
        quotes = self._inbox.take_quotes()
        if quotes is not None:
            self.process(quotes)

    def _wake_later(self) -> None:
        self._later = None
        self._inbox.wake()

    def process(self, event: ev.AnyEvent) -> Step:
        """Journals one fact, steps the engine, journals the outcome, performs the actions."""
        at = self._clock.now()
        if self.state.now is not None and at < self.state.now:
            self._note_clock((self.state.now - at).total_seconds())
            at = self.state.now
        # The journal gives the fact back as a replay will read it, so live and replay step over equal values.
        envelope = self._journal.append_event(ev.Envelope(self._journal.next_seq, at, event))
        self._pending_commit = True
        result = step(self.state, envelope)
        self.state = result.state
        if not result.outcome.empty:
            self._journal.append_outcome(envelope.seq, at, result.outcome)
        if any(isinstance(action, Submit) for action in result.actions):
            self._journal.commit(durable=True)
            self._pending_commit = False
        for action in result.actions:
            self._perform(action, at)
        self._observe(envelope, self.state, result.outcome)
        return result

    def _note_clock(self, behind_s: float) -> None:
        """Facts keep the order of the journal; a clock that was set back is told, once: until it has caught up no
        quote counts as fresh and nothing comes due."""
        if behind_s > CLOCK_STEP_S and not self._clock_told:
            self._clock_told = True
            text = f"the clock is {behind_s:.0f} s behind the journal; nothing is traded until it has caught up"
            self._inbox.post(ev.FaultNoted(code="CLOCK", text=text))

    def _perform(self, action: Action, at: datetime) -> None:
        broker = self._broker
        match action:
            case Submit(approved=approved):
                broker.submit(approved)
            case Cancel(ref=ref):
                broker.cancel(ref)
            case CancelAll():
                broker.cancel_all()
            case Subscribe(con_ids=con_ids):
                broker.subscribe(self._instruments(con_ids))
            case AskMargin(intent=intent):
                broker.ask_margin(action, self._instruments(tuple(leg.con_id for leg in intent.legs)))
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
            case AskCalendar():
                self._inbox.post(self._refresh_calendar())
            case WriteLatch(who=who, reason=reason):
                self._engage(who, reason, at)
            case ClearLatch():
                self._clear()
            case Alert():
                pass  # written down with the outcome; the observer tells people

    def _instruments(self, con_ids: tuple[int, ...]) -> tuple[Instrument, ...]:
        known = self.state.market.instruments
        return tuple(known[con_id] for con_id in con_ids if con_id in known)

    def _engage(self, who: str, reason: str, at: datetime) -> None:
        """A latch that cannot be written must be heard: it will not survive a restart."""
        try:
            latch.engage(self._latch_path, who, reason, at)
        except OSError as trouble:
            self._inbox.post(ev.FaultNoted(code="LATCH", text=f"the kill latch could not be written: {trouble}"))

    def _clear(self) -> None:
        """Removes the latch; if it cannot be removed the bot is halted again, because a restart would be."""
        try:
            latch.clear(self._latch_path)
        except (OSError, latch.LatchChanged) as trouble:
            self._inbox.post(ev.FaultNoted(code="LATCH", text=f"the kill latch could not be removed: {trouble}"))
            self._inbox.post(ev.LatchFound(who="latch", reason="the latch stands: it could not be removed"))

    def _emergency(self, text: str) -> None:
        """Without a journal nothing may be sent; cancels may, and the latch makes the stop survive."""
        self._broker.cancel_all()
        at = self._clock.now()
        try:
            latch.engage(self._latch_path, "journal", text, at)
        except OSError as trouble:
            text = f"{text}; and the latch could not be written: {trouble}"
        alert = Alert(level=AlertLevel.CRITICAL, key="journal", text=text)
        self._observe(
            ev.Envelope(0, at, ev.FaultNoted(code="JOURNAL", text=text)), self.state, Outcome(alerts=(alert,))
        )
        self._stopping = Stopped(3, text)
        self._inbox.wake()
