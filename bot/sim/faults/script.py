"""Fault scripts: rows of a verb, its arguments and a moment, from TOML, JSON lines or a scenario; refused whole.

Rules: a row is what the control channel takes, plus `when`. Nothing of a file with a mistake is used; the error names
file, row and key.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.sim.faults.arguments import FaultError, unknown
from bot.sim.faults.table import Call, read_call
from bot.sim.faults.when import When, read_when
from bot.sim.types import TradingDay, WorldEvent


class ScriptError(FaultError):
    """A script that cannot be used; names the file, the row and the key."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row, checked; `where` is where it is written, such as `faults.toml: fault[2]`. `expected` False is part of a
    world's story, of which nobody needs to hear that it has not happened yet."""

    where: str
    call: Call
    when: When
    expected: bool = True

    def __str__(self) -> str:
        return f"{self.where} ({self.call.verb.name} {self.when})"


def read_rows(
    written: Iterable[WorldEvent],
    days: Sequence[TradingDay],
    begin: datetime | None,
    *,
    expected: bool = True,
    overnight: bool = False,
) -> list[Row]:
    """Rows checked against the verbs and against the world, whose market time may live nights. Raises ScriptError."""

    def when(values: object) -> When:
        return read_when(values, days, begin, overnight=overnight)

    return [_row(one.where, one.row, when, expected) for one in written]


def _row(where: str, values: Mapping[str, object], read_moment: Callable[[object], When], expected: bool) -> Row:
    rest = dict(values)
    if "verb" not in rest:
        raise ScriptError(f"{where}: verb is missing: say what shall happen")
    if "when" not in rest:
        raise ScriptError(f"{where}: when is missing: say at which moment")
    verb, moment = rest.pop("verb"), rest.pop("when")
    try:
        call = read_call(verb, rest)
    except FaultError as error:
        raise ScriptError(f"{where}: {error}") from None
    try:
        return Row(where, call, read_moment(moment), expected)
    except FaultError as error:
        raise ScriptError(f"{where}: when: {error}") from None


def read_file(path: Path) -> list[WorldEvent]:
    """The rows of a script file as written: `[[fault]]` tables of TOML, or one JSON object per line where the name ends
    in .jsonl. Raises ScriptError for a file that cannot be read or is no such file."""
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8 text"
        raise ScriptError(f"{path}: cannot be read: {reason}") from None
    return _json_lines(path, content) if path.suffix == ".jsonl" else _toml(path, content)


def _toml(path: Path, content: str) -> list[WorldEvent]:
    try:
        raw = tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise ScriptError(f"{path}: is not TOML: {problem}") from None
    for name in raw:
        if name != "fault":
            raise ScriptError(f"{path}: {unknown('key', name, ['fault'])}; a script consists of [[fault]] tables")
    rows = raw.get("fault", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ScriptError(f"{path}: fault must be written as [[fault]] tables")
    return [WorldEvent(f"{path}: fault[{number}]", row) for number, row in enumerate(rows, start=1)]


def _json_lines(path: Path, content: str) -> list[WorldEvent]:
    found = []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise ScriptError(f"{where}: is not one JSON object: {problem}") from None
        if not isinstance(row, dict):
            raise ScriptError(f"{where}: must be one JSON object with verb and when")
        found.append(WorldEvent(where, row))
    return found
