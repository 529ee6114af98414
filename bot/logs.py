"""Structured logs: one JSON line per thing that happened, per session, with account ids masked.

The journal is the authority; these lines are for people and `jq`. Writing never raises into the loop: a log that cannot
be written is reported once on standard error and counted.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, MutableMapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import structlog

from bot import log_lines
from bot.engine.outcome import Outcome
from bot.engine.state import State
from bot.masking import mask
from strategies.domain import events as ev
from strategies.domain.session import session_date

_MAYBE_ACCOUNT = re.compile(rb"[DUFI]\d{5}")
_LARGEST_INT = 2**63 - 1
EventDict = MutableMapping[str, Any]


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {mask(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) <= _LARGEST_INT):
        return value
    return mask(value.isoformat() if isinstance(value, date) else str(value))


def _line(event: EventDict) -> bytes:
    """The event as one line of JSON.

    Nearly every line is plain ASCII without anything that must be masked; that is seen on the finished line at a tenth
    of the cost of looking at every value. What is not plain, or what JSON has no word for, is cleaned value by value.
    """
    try:
        line = orjson.dumps(event, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    except TypeError:
        return orjson.dumps(_clean(event))
    if line.isascii() and b"\\" not in line and b"\x7f" not in line and _MAYBE_ACCOUNT.search(line) is None:
        return line
    return orjson.dumps(_clean(event))


class SessionFile:
    """`LOGDIR/YYYY-MM-DD.jsonl` of the session a line belongs to; rolls by market time, not by the wall."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: tuple[str, BinaryIO] | None = None
        self._failed = 0

    def write(self, session: str, line: bytes) -> None:
        """Appends one line; failure is said once on standard error."""
        try:
            if self._open is None or self._open[0] != session:
                self.close()
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                path = self._folder / f"{session}.jsonl"
                self._open = (session, path.open("ab"))
            self._open[1].write(line + b"\n")
        except OSError as reason:
            self._fail(reason)

    def flush(self) -> None:
        """Hands what was written to the operating system; failure as for `write`."""
        try:
            if self._open is not None:
                self._open[1].flush()
        except OSError as reason:
            self._fail(reason)

    def close(self) -> None:
        """Closes the session's file; failure as for `write`."""
        try:
            if self._open is not None:
                self._open[1].close()
        except OSError as reason:
            self._fail(reason)
        self._open = None

    @property
    def failed(self) -> int:
        """How often writing failed."""
        return self._failed

    def _fail(self, reason: OSError) -> None:
        self._failed += 1
        if self._failed == 1:
            sys.stderr.write(f"logs cannot be written to {self._folder}: {reason}; the journal goes on\n")


def make_logger(files: SessionFile, level: str) -> Any:
    """A structlog logger that renders JSON into the session files."""

    def render(_: Any, __: str, event: EventDict) -> str:
        files.write(str(event.get("session", "none")), _line(event))
        raise structlog.DropEvent

    order = {"debug": 10, "info": 20, "warning": 30}
    return structlog.wrap_logger(
        structlog.PrintLogger(file=sys.stderr),
        processors=[structlog.processors.add_log_level, render],
        wrapper_class=structlog.make_filtering_bound_logger(order[level]),
        cache_logger_on_first_use=True,
    )


class Chronicle:
    """Writes each step as log lines: one canonical line per decision, verdict, move, fill and alert."""

    def __init__(
        self, logger: Any, files: SessionFile, tell: Callable[[datetime, str, str], None] | None = None
    ) -> None:
        """`tell(at, level, text)` is shown alerts as they happen (terminal, progress display)."""
        self._by_level = {level: getattr(logger, level) for level in log_lines.LEVELS}
        self._files = files
        self._tell = tell

    def observe(self, envelope: ev.Envelope, state: State, outcome: Outcome) -> None:
        """Hears a step; the runner calls this after the journal has it."""
        at = envelope.at
        common = {
            "at": at.isoformat(),
            "seq": envelope.seq,
            "session": session_date(at),
            "config": state.config_hash,
        }
        for line in log_lines.of_event(envelope.event):
            self._write(line, common)
        if outcome.empty:
            return
        for decision in outcome.decisions:
            self._write(log_lines.of_decision(decision), common)
        for verdict in outcome.verdicts:
            self._write(log_lines.of_verdict(verdict), common)
        for move in outcome.moves:
            self._write(log_lines.of_move(move), common)
        for alert in outcome.alerts:
            self._write(log_lines.of_alert(alert), common)
            if self._tell is not None:
                self._tell(at, alert.level.value, " ".join(mask(alert.text).split("\n")))  # one alert, one line
        self._files.flush()

    def _write(self, line: log_lines.Line, common: dict[str, Any]) -> None:
        self._by_level[line.level](line.event, **common, **line.fields)
