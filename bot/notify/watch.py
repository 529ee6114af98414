"""The watcher: hears each journaled step, decides what is told when, and hands messages to the postman.

What needs the memory of more than one step is here: how long the link has been away, the two messages of the day, how
long urgent news has waited for an answer, whether the channels work. Nothing here may raise into the loop or block it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from bot.engine.outcome import Outcome
from bot.engine.state import State
from bot.notify import classify, daily, words
from bot.notify.answers import ALL, Answers
from bot.notify.fills import described
from bot.notify.kinds import Kind, Loudness
from bot.notify.links import LinkWatch
from bot.notify.notice import Message, Notice
from bot.notify.pace import Pacer
from bot.notify.postman import Report
from bot.settings.models import NotifySection
from strategies.domain import events as ev
from strategies.domain.control import OperatorVerb, TradingState
from strategies.domain.session import NEW_YORK, session_date

AT_END_S = 10.0
"""How long an orderly end waits for messages on their way, real seconds."""
TROUBLE_AGAIN_S = 3600.0
"""A channel that goes on failing is told on the dashboard again after so many real seconds."""


class Carrier(Protocol):
    """What the watcher needs of the postman."""

    def put(self, message: Message) -> None:
        """Queues a message; never blocks."""

    def ping(self) -> None:
        """Queues a sign of life."""

    def report(self) -> Report:
        """What became of the messages so far."""

    def close(self, within_s: float) -> int:
        """Sends what waits, for so long; how many messages were left behind."""


class ReportPlan(NamedTuple):
    """Where a session's report will be; `expected`: whether one is written, `within_s`: real seconds it may take."""

    folder: Path
    expected: bool
    within_s: float


class Notifier:
    """One per life. `report_done` is called by whoever has the report written."""

    def __init__(
        self,
        section: NotifySection,
        state_dir: Path,
        carrier: Carrier,
        post: Callable[[ev.AnyEvent], None],
        plan: ReportPlan,
        *,
        crashed: bool = False,
        missing: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`crashed`: the life before ended without an orderly stop. `missing`: why nothing can be sent, else "".
        `clock` counts real seconds, for channels."""
        self._section, self._carrier, self._post, self._plan, self._clock = section, carrier, post, plan, clock
        self._levels = {kind: Loudness(getattr(section.levels, kind.value)) for kind in Kind}
        self._pacer = Pacer()
        self._answers = Answers(state_dir, section.ack_within_min, post)
        self._links = LinkWatch(section.blind_after_s, section.login_after_s)
        self._crashed, self._missing = crashed, missing
        self._digest: tuple[str, float] | None = None
        self._done: dict[str, str] = {}
        self._last: tuple[State, datetime] | None = None
        self._troubles: dict[str, tuple[str, float]] = {}
        self._pinged_s = self._asked_s = -1e9
        self._told_dropped = self._seen_dropped = 0

    # every step ----------------------------------------------------------------------------------
    def observe(self, envelope: ev.Envelope, state: State, outcome: Outcome) -> None:
        """Hears a journaled step."""
        at, event = envelope.at, envelope.event
        self._last = (state, at)
        if not outcome.empty:
            for notice in classify.notices(envelope, outcome):
                self._offer(described(notice, state), envelope.seq, at)
        match event:
            case ev.QuotesUpdated():
                pass
            case ev.TimerFired():
                self._timer(event, state, envelope.seq, at)
            case ev.LinkChanged():
                self._tell_links(self._links.changed(event, state, at), envelope.seq, at)
            case ev.OperatorCommanded():
                self._heard(event, outcome)
            case ev.RunStarted():
                self._started(event, envelope.seq, at)
            case _:
                pass
        if not self._pacer.idle:
            self._flush(state, at)

    def _offer(self, notice: Notice, seq: int, at: datetime) -> None:
        level = self._levels[notice.kind]
        if level is Loudness.OFF:
            return
        name = self._answers.ask(notice, seq, at) if level is Loudness.URGENT else ""
        self._pacer.offer(notice, level, at, name)

    def _flush(self, state: State, at: datetime, *, everything: bool = False) -> None:
        batch = self._pacer.due(at, everything=everything)
        if batch is not None:
            self._put(words.message(batch, state, at, self._newly_dropped()))

    def _put(self, message: Message) -> None:
        self._carrier.put(message)

    def _newly_dropped(self) -> int:
        dropped, self._told_dropped = self._seen_dropped - self._told_dropped, self._seen_dropped
        return dropped

    def _heard(self, event: ev.OperatorCommanded, outcome: Outcome) -> None:
        if event.verb is OperatorVerb.ACK:
            self._answers.hear(event)
        elif event.verb is OperatorVerb.ARM and any(alert.key == "arm" for alert in outcome.alerts):
            self._answers.close(ALL)  # whoever armed again has looked

    def _started(self, event: ev.RunStarted, seq: int, at: datetime) -> None:
        if self._missing:
            self._fault(self._missing)
        if self._crashed:
            text = f"started again as {event.run_id}: the process before ended without an orderly stop"
            self._offer(Notice(Kind.WATCHDOG, "started", text, "condor status; condor report"), seq, at)
        else:
            self._offer(Notice(Kind.LIFE, "started", f"started as {event.run_id}", "condor status"), seq, at)

    # the timetable -------------------------------------------------------------------------------
    def _timer(self, event: ev.TimerFired, state: State, seq: int, at: datetime) -> None:
        today = at.astimezone(NEW_YORK).date()
        if event.name == "premarket" and state.parameters is not None:
            if self._levels[Kind.READY] is not Loudness.OFF:
                self._put(daily.ready(state, today))
            self._tell_links(self._links.before_open(state, at), seq, at)
        elif event.name == "report" and state.calendar.session_on(today) is not None:
            self._digest = (session_date(at), self._clock() + self._plan.within_s)
        elif event.name == "pulse":
            self._tell_links(self._links.look(state, at), seq, at)
            self._answers.look(at, trading=state.control.state is TradingState.ACTIVE)
            self._look_at_channels()
        if self._digest is not None:
            self._tell_day(state, at)

    def _tell_links(self, notices: tuple[Notice, ...], seq: int, at: datetime) -> None:
        for notice in notices:
            self._offer(notice, seq, at)

    def report_done(self, session: str, trouble: str) -> None:
        """The report of a session is written, or never will be (`trouble` says why)."""
        self._done[session] = trouble

    def _tell_day(self, state: State, at: datetime) -> None:
        """The digest goes out with the report, or without it when that does not come."""
        assert self._digest is not None
        session, until_s = self._digest
        late = self._clock() >= until_s
        if self._plan.expected and session not in self._done and not late:
            return
        self._digest = None
        trouble = self._done.pop(session, "") if not late else "The report was not written in time."
        if self._levels[Kind.DIGEST] is Loudness.OFF:
            return
        self._flush(state, at, everything=True)
        folder = self._plan.folder if self._plan.expected else None
        self._put(daily.digest(state, session, folder, attach=self._section.attach_report, missing=trouble))

    # channels ------------------------------------------------------------------------------------
    def _look_at_channels(self) -> None:
        now_s = self._clock()
        if now_s - self._pinged_s >= self._section.ping_every_s:
            self._pinged_s = now_s
            self._carrier.ping()
        if now_s - self._asked_s < 1.0:
            return
        self._asked_s = now_s
        report = self._carrier.report()
        for name, trouble in report.channels.items():
            before, since_s = self._troubles.get(name, ("", -1e9))
            if trouble and (not before or now_s - since_s >= TROUBLE_AGAIN_S):
                self._fault(f"alerts through {name} fail: {trouble}; trading goes on, this page and the log have them")
                self._troubles[name] = (trouble, now_s)
            elif before and not trouble:
                self._fault(f"alerts through {name} arrive again")
                self._troubles[name] = ("", now_s)
        dropped = report.given_up + report.pushed_out
        if dropped > self._seen_dropped:
            self._fault(f"{dropped - self._seen_dropped} alerts were dropped ({dropped} since the start)")
        self._seen_dropped = dropped
        self._answers.note(report.channels, dropped)

    def _fault(self, text: str) -> None:
        self._post(ev.FaultNoted(code="NOTIFY", text=text))

    # the end -------------------------------------------------------------------------------------
    def end(self, code: int, text: str) -> int:
        """Says that the run is over and why, and waits a bounded time for what is on its way; how many were left."""
        if self._last is not None:
            state, at = self._last
            kind = Kind.LIFE if code == 0 else Kind.WATCHDOG
            notice = Notice(kind, "ended", f"the process ends (exit {code}): {text}", "condor status")
            level = self._levels[kind]
            if level is not Loudness.OFF:
                self._pacer.offer(notice, level, at)
            self._flush(state, at, everything=True)
        return self._carrier.close(AT_END_S)
