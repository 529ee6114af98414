"""What the loop leaves for the page at every step: the newest state, and the last lines of what happened.

The observer runs in the trading loop: it keeps references and nothing else. Everything that costs time (views, JSON,
metrics) is made by the reader, in the dashboard's thread, from values that nobody changes any more. Reading a deque
into a tuple is one call that holds the interpreter's lock, so neither side waits for the other.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from bot.engine.outcome import Outcome
from bot.engine.state import State
from strategies.domain import events as ev
from strategies.domain.control import LinkState
from strategies.domain.decision import DecisionVerdict
from strategies.domain.known import Known

LINES_KEPT = 400
HELD_KEPT = 200
"""Decisions that let things be come many a minute: they have a place of their own, so that they push nothing out."""

SAMPLES_KEPT = 1200
LINKS_KEPT = 200


class Entry(NamedTuple):
    """One line of the log: `number` counts from 1 in this process, `what` is the journaled value itself."""

    number: int
    at: datetime
    kind: str
    what: Any


class Sample(NamedTuple):
    """Net liquidation less the day's start in dollars, at a minute of market time."""

    at: datetime
    day_change_usd: float


class LinkSeen(NamedTuple):
    """The link entered a state."""

    at: datetime
    state: LinkState
    reason: str


class Look(NamedTuple):
    """Everything a view is made of. `seen_s` is the machine's clock (monotonic) at the last step, `steps` its count."""

    state: State
    at: datetime
    entries: tuple[Entry, ...]
    samples: tuple[Sample, ...]
    links: tuple[LinkSeen, ...]
    counts: dict[str, int]
    lines_in_use: int
    steps: int
    seen_s: float


class Gathered:
    """Hears every step; `look` may be called from another thread."""

    def __init__(self, lines_in_use: Callable[[], int]) -> None:
        self._lines_in_use = lines_in_use
        self._lines = 0
        self._numbers = itertools.count(1)
        self._entries: deque[Entry] = deque(maxlen=LINES_KEPT)
        self._held: deque[Entry] = deque(maxlen=HELD_KEPT)
        self._samples: deque[Sample] = deque(maxlen=SAMPLES_KEPT)
        self._links: deque[LinkSeen] = deque(maxlen=LINKS_KEPT)
        self._counts: Counter[str] = Counter()
        self._newest: tuple[State, datetime, int, float] | None = None
        self._steps = 0
        self._minute: tuple[int, ...] = ()

    def observe(self, envelope: ev.Envelope, state: State, outcome: Outcome) -> None:
        """Hears a journaled step; keeps references, computes nothing."""
        self._steps += 1
        self._lines = self._lines_in_use()
        self._newest = (state, envelope.at, self._steps, time.monotonic())
        self._event(envelope.at, envelope.event, state)
        if not outcome.empty:
            self._outcome(envelope.at, outcome)

    def look(self) -> Look | None:
        """The newest state and the last lines; None before the first step."""
        newest = self._newest
        if newest is None:
            return None
        state, at, steps, seen_s = newest
        return Look(
            state,
            at,
            tuple(heapq.merge(tuple(self._entries), tuple(self._held))),
            tuple(self._samples),
            tuple(self._links),
            dict(self._counts),
            self._lines,
            steps,
            seen_s,
        )

    def remember(self, entries: Iterable[tuple[datetime, str, Any]]) -> None:
        """Puts lines of an earlier life before the first step, oldest first."""
        for at, kind, what in entries:
            self._add(at, kind, what)

    def _add(self, at: datetime, kind: str, what: Any) -> None:
        held = kind == "decision" and what.verdict is DecisionVerdict.HOLD
        (self._held if held else self._entries).append(Entry(next(self._numbers), at, kind, what))

    def _event(self, at: datetime, event: ev.AnyEvent, state: State) -> None:
        match event:
            case ev.QuotesUpdated():
                self._counts["quotes"] += len(event.quotes)
            case ev.Filled():
                self._counts["fills"] += 1
                self._add(at, "fill", event.fill)
            case ev.LinkChanged():
                self._counts["link_changes"] += 1
                self._links.append(LinkSeen(at, event.state, event.reason))
            case ev.OperatorCommanded() | ev.LatchFound():
                self._add(at, "command", event)
            case ev.AccountReported():
                self._sample(at, state)
            case _:
                pass

    def _sample(self, at: datetime, state: State) -> None:
        account = state.account.value if isinstance(state.account, Known) else None
        start_usd = state.baselines.day_start_usd
        if account is None or account.net_liquidation_usd is None or start_usd is None:
            return
        minute = (at.toordinal(), at.hour, at.minute)
        sample = Sample(at, account.net_liquidation_usd - start_usd)
        if minute == self._minute and self._samples:
            self._samples[-1] = sample
            return
        self._minute = minute
        self._samples.append(sample)

    def _outcome(self, at: datetime, outcome: Outcome) -> None:
        for decision in outcome.decisions:
            self._counts[f"decisions_{decision.verdict.value}"] += 1
            self._add(at, "decision", decision)
        for verdict in outcome.verdicts:
            self._counts["approved" if verdict.approved else "denied"] += 1
            self._add(at, "verdict", verdict)
        for move in outcome.moves:
            self._add(at, "move", move)
        for alert in outcome.alerts:
            self._counts[f"alerts_{alert.level.value}"] += 1
            self._add(at, "alert", alert)
