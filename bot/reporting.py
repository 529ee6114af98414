"""Has the report of each session written when it is over, by a process beside the bot, one at a time.

The loop only starts the process and looks now and then whether it has ended. A report that fails, or takes longer than
its deadline, becomes a fault that a person hears of; trading goes on.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol

from bot.engine.outcome import Outcome
from bot.engine.state import State
from bot.settings.models import ReportSection
from strategies.domain import events as ev
from strategies.domain.session import session_date

AT_END_S = 10.0
"""How long an orderly end waits for a report that is being written."""


class Process(Protocol):
    """What is needed of `subprocess.Popen`."""

    returncode: int | None

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end. Raises subprocess.TimeoutExpired."""

    def kill(self) -> None:
        """Ends it."""

    def communicate(self) -> tuple[str | None, str | None]:
        """Its output and errors, when it has ended."""


def started(command: list[str]) -> Process:
    """A process whose errors are kept. Raises OSError."""
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


class Reporter:
    """Owns the process that writes; used as a context, so that none outlives the run."""

    def __init__(
        self,
        settings: ReportSection,
        state_dir: Path,
        post: Callable[[ev.AnyEvent], None],
        *,
        start: Callable[[list[str]], Process] = started,
        clock: Callable[[], float] = time.monotonic,
        done: Callable[[str, str], None] = lambda session, trouble: None,
    ) -> None:
        """`clock` counts real seconds for the deadline: writing is real work also while market time is simulated.
        `done` hears of each session's end: "" when its report is written, else what went wrong."""
        self._done = done
        self._settings, self._state_dir, self._post = settings, state_dir, post
        self._start, self._clock = start, clock
        self._waiting: list[str] = []
        self._session = ""
        self._process: Process | None = None
        self._began = 0.0

    def observe(self, envelope: ev.Envelope, state: State, outcome: Outcome) -> None:
        """Hears every step: the timetable's `report` moment asks for a report, each pulse looks after it."""
        event = envelope.event
        if not self._settings.each_session or not isinstance(event, ev.TimerFired):
            return
        if event.name == "report":
            self._waiting.append(session_date(envelope.at))
        if event.name in ("report", "pulse"):
            self._look()

    def _look(self) -> None:
        self._settle()
        if self._process is None and self._waiting:
            self._session = self._waiting.pop(0)
            command = [sys.executable, "-m", "bot.report", self._session, str(self._state_dir), *self._settings.formats]
            self._began = self._clock()
            try:
                self._process = self._start(command)
            except OSError as reason:
                self._fault(f"cannot be started: {reason}")

    def _settle(self) -> None:
        """Takes note of a process that has ended or must."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            if self._clock() - self._began <= self._settings.deadline_s:
                return
            process.kill()
            process.communicate()
            self._fault(f"was not written within {self._settings.deadline_s:.0f} s")
        else:
            told = (process.communicate()[1] or "").strip().splitlines()
            if process.returncode:
                self._fault(f"was not written: {told[-1] if told else f'exit code {process.returncode}'}")
            else:
                self._done(self._session, "")
        self._process = None

    def _fault(self, text: str) -> None:
        self._done(self._session, f"The report {text}.")
        self._post(ev.FaultNoted(code="REPORT", text=f"the report of {self._session} {text}; see condor report"))

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(AT_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._process.communicate()
        self._process = None
