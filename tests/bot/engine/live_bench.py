"""The bench with the real loop: runner, inbox and journal around the same engine and fake broker."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from bot.engine.outcome import Outcome, Step
from bot.engine.state import Parameters, State
from bot.inbox import Inbox
from bot.journal import Journal, JournalWriteFailed
from bot.runner import Runner
from strategies.domain import events as ev
from strategies.domain.session import session_date
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import calendar_loaded, seconds


class SpyJournal(Journal):
    """A real journal that writes its calls into a shared log and fails when told to.

    `fails` names the call that is refused (`event`, `outcome`, `commit`, `durable`) as a full disk would.
    """

    log: list[tuple[str, object]]
    fails: str | None = None

    def _say(self, what: str, about: object) -> None:
        self.log.append((what, about))
        if self.fails == what:
            self._failed = "disk full"
            raise JournalWriteFailed(f"{self.path}: write failed: disk full")

    def append_event(self, envelope: ev.Envelope) -> ev.Envelope:
        self._say("event", type(envelope.event).__name__)
        return super().append_event(envelope)

    def append_outcome(self, cause_seq: int, at: datetime, outcome: msgspec.Struct) -> int:  # type: ignore[override]
        self._say("outcome", cause_seq)
        return super().append_outcome(cause_seq, at, outcome)

    def commit(self, durable: bool) -> None:
        self._say("durable" if durable else "commit", self.next_seq - 1)
        super().commit(durable)


class BenchClock:
    """Market time as the bench sets it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def now(self) -> datetime:
        return self._bench.now


class LiveBench(Bench):
    """Facts go through inbox, journal and runner; `log` has what journal and broker were called with, in order."""

    def __init__(self, folder: Path, parameters: Parameters | None = None, state: State | None = None) -> None:
        super().__init__(parameters)
        self.folder = folder
        self.inbox = Inbox()
        self.broker.post = self.inbox.post
        journal = SpyJournal.open(folder / "journal.sqlite3", clock_session=session_date)
        assert isinstance(journal, SpyJournal)
        journal.log = self.broker.calls
        self.journal = journal
        self.log = self.broker.calls
        self.heard: list[tuple[ev.Envelope, Outcome]] = []
        self.state = state or State()
        self.runner = Runner(
            state=self.state, journal=journal, broker=self.broker, clock=BenchClock(self), inbox=self.inbox,
            latch_path=folder / "KILL", observe=self._hear, refresh_calendar=calendar_loaded, cadence_s=0.0,
        )  # fmt: skip
        self._process = self.runner.process
        self.runner.process = self._spy  # type: ignore[method-assign]

    def __enter__(self) -> LiveBench:
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.close()

    def _hear(self, envelope: ev.Envelope, state: State, outcome: Outcome) -> None:
        self.heard.append((envelope, outcome))
        self.envelopes.append(envelope)

    def _spy(self, event: ev.AnyEvent) -> Step:
        made = self._process(event)
        self.steps.append(made)
        return made

    def feed(self, *events: ev.AnyEvent, after_s: float = 0.0) -> list[Step]:
        """Posts facts and lets the runner handle them and whatever the broker answers."""
        self.now += seconds(after_s)
        before = len(self.steps)
        for event in events:
            self.inbox.post(event)
        self.runner.drain()
        self.state = self.runner.state
        return self.steps[before:]
