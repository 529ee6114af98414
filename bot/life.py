"""One life of the bot: lock, journal, recovery, link, loop, orderly end; the same for paper and simulated ends."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec

from bot import instance, latch, mailbox
from bot.calendar import BrokerHours, ExchangeCalendar, calendar_fact, load_events
from bot.clock import FollowedClock
from bot.compose import Ends, make_ends
from bot.engine.outcome import Outcome
from bot.engine.state import State
from bot.heartbeat import NAME as HEARTBEAT
from bot.heartbeat import Heartbeat
from bot.host import HostWatch
from bot.inbox import Inbox
from bot.journal.store import Journal
from bot.killer.keeper import keep
from bot.killer.told import told
from bot.logs import Chronicle, SessionFile, make_logger
from bot.macro_file import NAME as MACRO_FILE
from bot.macro_file import MacroWatch
from bot.notify import beside as alerts
from bot.quiet import QuietCollector
from bot.recover import code_version, encode_state, recover
from bot.reporting import Reporter
from bot.runner import Runner, Stopped
from bot.scheduler import FollowedTimetable, LiveTimetable, timetable
from bot.service import STACKS, Pulse, ServiceManager
from bot.settings.load import Loaded
from bot.status import StatusFile
from bot.web.beside import beside
from bot.web.earlier import earlier
from bot.web.gathered import Gathered
from strategies.domain import events as ev
from strategies.domain.control import LinkState, OperatorVerb
from strategies.domain.orders import Purpose
from strategies.domain.session import NEW_YORK, session_date

JOURNAL = "journal.sqlite3"
STOP_DEADLINE_S = 10.0
DUMP_SHARE = 0.8
"""A hang's stacks are written down after this share of the time after which the killer acts."""


class Watcher(Protocol):
    """Somebody who looks at each step without touching it (progress display, tests)."""

    def __call__(self, envelope: ev.Envelope, state: State, outcome: Outcome) -> None:
        """Hears a journaled step."""


@dataclass(slots=True)
class Life:
    """What a run needs beside its configuration."""

    loaded: Loaded
    state_dir: Path
    tell: Callable[[datetime, str, str], None]
    watchers: tuple[Watcher, ...] = ()
    handle_signals: bool = True
    status_every_s: float = 1.0
    tell_address: Callable[[str], None] = lambda address: None
    pressed: bool = False
    """A signal has pressed the kill and the loop has not handled it yet: no order is written meanwhile."""

    async def run(self) -> Stopped:
        """Lives until stopped. Raises the typed errors of lock, journal, clock and configuration before any order."""
        with instance.acquire(self.state_dir):
            journal = Journal.open(self.state_dir / JOURNAL, clock_session=session_date)
            files = SessionFile(self.state_dir / "log")
            try:
                return await self._live(journal, files)
            finally:
                journal.close()
                files.close()

    async def _live(self, journal: Journal, files: SessionFile) -> Stopped:
        settings = self.loaded.settings
        inbox = Inbox()
        ends = make_ends(settings, inbox, latch_present=lambda: self.pressed or latch.present(self.state_dir / "KILL"))
        if isinstance(ends.clock, FollowedClock):
            await ends.clock.connect()
        code = code_version()
        state = recover(journal.path)
        _same_world(state, bool(settings.clock.follow), self.state_dir)
        ends.broker.set_order_id_floor(max((o.order_id or 0 for o in state.book.orders.values()), default=0) + 1)
        quiet = QuietCollector()
        chronicle = Chronicle(make_logger(files, settings.run.log_level), files, self.tell)
        status = StatusFile(self.state_dir / "status.json", self.status_every_s, ends.broker.lines_in_use)
        gathered = Gathered(ends.broker.lines_in_use)
        notifier = alerts.begin(settings, self.state_dir, state, inbox.post)
        told_day = (lambda session, trouble: None) if notifier is None else notifier.report_done
        reporter = Reporter(settings.report, self.state_dir, inbox.post, done=told_day)
        watchers = (chronicle.observe, status.observe, gathered.observe, reporter.observe, *self.watchers)
        if notifier is not None:
            watchers = (*watchers, notifier.observe)
        loop_time = asyncio.get_running_loop().time
        heartbeat = Heartbeat(self.state_dir / HEARTBEAT, loop_time)
        dump_after_s = None if settings.clock.follow else DUMP_SHARE * settings.killer.hung_s
        pulse = Pulse(ServiceManager(), self.state_dir / STACKS, dump_after_s)

        def observe(envelope: ev.Envelope, now_state: State, outcome: Outcome) -> None:
            if heartbeat.beat(now_state.link.state is LinkState.UP):
                pulse.beat(now_state, loop_time())
            if _is_kill(envelope.event):
                self.pressed = False  # the step that heard of it has halted, cancelled and written the latch
            for watcher in watchers:
                watcher(envelope, now_state, outcome)
            self._after_step(envelope, runner, journal)
            quiet.after(envelope.event, idle=inbox.idle)

        days = self._calendar(ends)
        runner = Runner(
            state=state,
            journal=journal,
            broker=ends.broker,
            clock=ends.clock,
            inbox=inbox,
            latch_path=self.state_dir / "KILL",
            observe=observe,
            refresh_calendar=lambda: days(ends.clock.now(), ends.broker.liquid_hours()),
            cadence_s=0.0 if settings.clock.follow else settings.run.quote_cadence_ms / 1000.0,
        )
        macro = MacroWatch(self.state_dir / MACRO_FILE)
        self._first_facts(inbox, ends, days, code)
        if settings.web.enabled:
            gathered.remember(earlier(journal.path, state.seq))
        page = beside(
            settings.web, gathered, self.state_dir, inbox.post, self.tell_address, lambda: _last_words(runner)
        )
        host = self._host(ends, inbox, journal)
        stopped = Stopped(1, "the process failed")
        pulse.ready()
        try:
            with quiet, reporter:
                async with page:
                    stopped = await self._tasks(runner, inbox, ends, macro, host)
                    return stopped
        finally:
            pulse.end(stopped.text)
            alerts.finish(notifier, stopped.code, stopped.text)

    def _calendar(self, ends: Ends) -> Callable[[datetime, BrokerHours | None], ev.CalendarLoaded]:
        macro = self.loaded.settings.macro
        events, until = load_events(macro.events, macro.kinds)
        today = ends.clock.now().astimezone(NEW_YORK).date()
        exchange = ExchangeCalendar(today - timedelta(days=10), today + timedelta(days=420))

        def fact(now: datetime, broker: BrokerHours | None) -> ev.CalendarLoaded:
            day = now.astimezone(NEW_YORK).date()
            return calendar_fact(exchange, day, broker, events=events, events_until=until)

        return fact

    def _first_facts(
        self, inbox: Inbox, ends: Ends, days: Callable[[datetime, BrokerHours | None], ev.CalendarLoaded], code: str
    ) -> None:
        now = ends.clock.now()
        parameters = msgspec.json.encode(self.loaded.parameters).decode()
        inbox.post(
            ev.RunStarted(
                run_id=f"run-{now.strftime('%Y%m%dT%H%M%S')}",
                config_hash=self.loaded.config_hash,
                parameters=parameters,
                code_version=code,
                expected_account=self.loaded.settings.account.id,
                simulated=bool(self.loaded.settings.clock.follow),
            )
        )
        inbox.post(days(now, None))
        found = latch.read(self.state_dir / "KILL")
        if found is not None:
            inbox.post(ev.LatchFound(who=found.who, reason=found.reason))

    def _after_step(self, envelope: ev.Envelope, runner: Runner, journal: Journal) -> None:
        """At the end of each day the state is written down, so that a start needs only the days since."""
        event = envelope.event
        if isinstance(event, ev.TimerFired) and event.name == "end_of_day":
            journal.append_checkpoint(envelope.at, encode_state(runner.state))

    def _host(self, ends: Ends, inbox: Inbox, journal: Journal) -> HostWatch:
        return HostWatch(
            state_dir=self.state_dir,
            post=inbox.post,
            now=ends.clock.now,
            slowest_commit_ms=journal.take_slowest_commit_ms,
            facts_waiting=lambda: inbox.waiting,
            broker_clock_ms=ends.broker.clock_difference_ms,
        )

    async def _tasks(self, runner: Runner, inbox: Inbox, ends: Ends, macro: MacroWatch, host: HostWatch) -> Stopped:
        """Every background task is owned here; if one dies the run ends and says so."""
        moments = timetable(self.loaded.settings.run.pulse_s)
        loop_task = asyncio.create_task(runner.run(), name="runner")
        watch = asyncio.create_task(self._watch_files(runner, inbox, ends, macro), name="latch watch")
        others = [watch]
        if self.loaded.settings.killer.enabled:
            note = lambda text: inbox.post(ev.FaultNoted(code="KILLER", text=text))  # noqa: E731
            others.append(asyncio.create_task(keep(told(self.loaded.settings, self.state_dir), note), name="killer"))
        live: LiveTimetable | None = None
        if isinstance(ends.clock, FollowedClock):
            followed = FollowedTimetable(moments, inbox.post)
            follow = self._follow(ends.clock, followed, runner, inbox, macro)
            others.append(asyncio.create_task(follow, name="followed clock"))
        else:
            live = LiveTimetable(moments, inbox.post, ends.clock.now)
            live.start()
            others.append(asyncio.create_task(host.run(), name="host watch"))
        self._signals(inbox, runner)
        try:
            await ends.broker.start()
            done, _ = await asyncio.wait({loop_task, *others}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task is not loop_task and (trouble := task.exception()) is not None:
                    inbox.post(ev.FaultNoted(code="TASK", text=f"{task.get_name()} failed: {trouble!r}"))
                    await self._withdraw(runner, inbox)
                    runner.stop(4, f"{task.get_name()} failed: {trouble!r}")
            return await loop_task
        finally:
            if live is not None:
                live.stop()
            for task in (*others, loop_task):  # the loop itself is still there only when something above has failed
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
            async with asyncio.timeout(STOP_DEADLINE_S):
                await ends.broker.stop()
            if isinstance(ends.clock, FollowedClock):
                await ends.clock.close()

    async def _follow(
        self, clock: FollowedClock, moments: FollowedTimetable, runner: Runner, inbox: Inbox, macro: MacroWatch
    ) -> None:
        async def on_tick(at: datetime, phase: str) -> None:
            moments.advance(at)
            self._look_at_files(runner, inbox, macro, at)
            runner.drain()
            # One turn of the loop lets what the broker already sent be handled in this tick's time.
            await asyncio.sleep(0)

        await clock.follow(on_tick)
        await self._withdraw(runner, inbox)
        runner.stop(0, "the simulated world has ended")

    async def _watch_files(self, runner: Runner, inbox: Inbox, ends: Ends, macro: MacroWatch) -> None:
        """Looks for the kill latch, for commands left by the command line and for macro inputs."""
        if isinstance(ends.clock, FollowedClock):
            await asyncio.get_running_loop().create_future()  # each tick looks instead
        pause_s = self.loaded.settings.run.latch_poll_ms / 1000.0
        while True:
            self._look_at_files(runner, inbox, macro, ends.clock.now())
            await asyncio.sleep(pause_s)

    def _look_at_files(self, runner: Runner, inbox: Inbox, macro: MacroWatch, now: datetime) -> None:
        if not runner.state.kill_file and runner.state.run_id and latch.present(self.state_dir / "KILL"):
            found = latch.read(self.state_dir / "KILL")
            who, reason = (found.who, found.reason) if found is not None else ("file", "kill file appeared")
            inbox.post(ev.LatchFound(who=who, reason=reason))
        for command in mailbox.take(self.state_dir, stopped_ms=latch.changed_ms(self.state_dir / "KILL")):
            inbox.post(command)
        told = macro.look(runner.state.macro_inputs, now.astimezone(NEW_YORK).date())
        if told is not None:
            inbox.post(told)

    def _signals(self, inbox: Inbox, runner: Runner) -> None:
        if not self.handle_signals:
            return
        loop = asyncio.get_running_loop()

        def command(verb: OperatorVerb, name: str) -> Callable[[], None]:
            return lambda: inbox.post(ev.OperatorCommanded(verb=verb, who="signal", reason=name))

        def kill() -> None:
            self.pressed = True  # from now on, not from the loop's next turn: an order may wait to be written
            found = latch.read(self.state_dir / "KILL")  # `condor kill` wrote who and why before it signalled
            if found is not None:
                inbox.post(ev.LatchFound(who=found.who, reason=found.reason))
            else:
                command(OperatorVerb.KILL, "pressed by signal SIGUSR1")()

        loop.add_signal_handler(signal.SIGUSR1, kill)
        loop.add_signal_handler(signal.SIGUSR2, command(OperatorVerb.PAUSE, "pressed by signal SIGUSR2"))
        stopping: list[asyncio.Task[None]] = []

        def stop() -> None:
            if not stopping:
                stopping.append(asyncio.create_task(self._stop(runner, inbox), name="orderly stop"))

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)

    async def _stop(self, runner: Runner, inbox: Inbox) -> None:
        await self._withdraw(runner, inbox)
        runner.stop(0, "stopped by signal; positions and exits stay as they are")

    async def _withdraw(self, runner: Runner, inbox: Inbox) -> None:
        """Cancels resting entries and waits a moment for the broker's word."""
        inbox.post(ev.OperatorCommanded(verb=OperatorVerb.STOP, who="process", reason="orderly stop"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_DEADLINE_S / 2):
                await asyncio.sleep(0.05)
                while any(o.intent.purpose is Purpose.ENTRY for o in runner.state.book.live_orders()):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)


def _is_kill(event: ev.AnyEvent) -> bool:
    """Whether this fact is a kill; a pause that was waiting before it is none."""
    told = isinstance(event, ev.OperatorCommanded) and event.verb is OperatorVerb.KILL
    return told or isinstance(event, ev.LatchFound)


def _last_words(runner: Runner) -> str:
    """What browsers are told at the end."""
    return "the bot has stopped" if runner.stopped is None else runner.stopped.text


def _same_world(state: State, simulated: bool, state_dir: Path) -> None:
    """A journal of simulated days must not be continued on a real account, nor the other way round."""
    if state.run_id and state.simulated != simulated:
        kinds = ("a simulated market", "a real gateway")
        was, now = kinds if state.simulated else kinds[::-1]
        raise instance.StateDirRefused(
            f"{state_dir}: this journal was made against {was} and must not be continued against {now}; "
            "name another directory with --state, or move this one away"
        )
