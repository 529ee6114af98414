"""The file of macro inputs: STATE/macro.jsonl, one observation a line, written by `condor macro`, read by the bot.

Rules
- It is taken whole or refused whole; after a refusal, and after the file has vanished, what was read before stays.
- It is rewritten whole, never torn, readable by its owner only.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from strategies.domain.events import FaultNoted, MacroTold
from strategies.domain.macro import MacroInput, faults

NAME = "macro.jsonl"
KEPT_PER_KEY = 90
"""Observations of one key that are kept: enough for sixty days and the months around them."""
LARGEST_BYTES = 1 << 20
FAULT = "MACRO"

_row = msgspec.json.Decoder(MacroInput)


class MacroRefused(ValueError):
    """The inputs cannot be taken; the text lists every fault with file and line."""


def read(path: Path, today: date) -> tuple[MacroInput, ...]:
    """The observations of a file as they may be taken on a day. Raises MacroRefused, FileNotFoundError."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise MacroRefused(f"{path.name} is larger than {LARGEST_BYTES} bytes: that is no list of macro inputs")
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        raise
    except OSError as reason:
        raise MacroRefused(f"{path.name} cannot be read: {reason.strerror}") from reason
    rows: list[MacroInput] = []
    places: list[int] = []
    problems: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rows.append(_row.decode(line))
            places.append(number)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as reason:
            problems.append((number, f"is no macro input: {reason}"))
    problems += [(places[fault.place], fault.text) for fault in faults(rows, today)]
    if problems:
        raise MacroRefused("; ".join(f"{path.name}:{number}: {text}" for number, text in sorted(problems)))
    return tuple(rows)


def write(path: Path, rows: Sequence[MacroInput]) -> None:
    """Replaces the file. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(".draft")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def with_input(rows: Sequence[MacroInput], fresh: MacroInput, today: date) -> tuple[MacroInput, ...]:
    """The observations with one more; it replaces one of the same key and day. Raises MacroRefused.

    Per key the newest are kept; older ones still tell how a value moved.
    """
    others = [row for row in rows if (row.key, row.as_of) != (fresh.key, fresh.as_of)]
    mine = sorted((row for row in (*others, fresh) if row.key == fresh.key), key=lambda row: row.as_of)
    kept = (*(row for row in others if row.key != fresh.key), *mine[-KEPT_PER_KEY:])
    problems = faults(kept, today)
    if problems:
        raise MacroRefused("; ".join(fault.text for fault in problems))
    return tuple(kept)


class MacroWatch:
    """Looks whether the file has changed since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: tuple[int, int, int] | None = None

    def look(self, known: tuple[MacroInput, ...], today: date) -> MacroTold | FaultNoted | None:
        """A fact if there is something to tell: other inputs than `known`, or a file that is refused."""
        mark = self._signature()
        if mark == self._mark:
            return None
        vanished, self._mark = mark is None, mark
        if vanished:
            return FaultNoted(code=FAULT, text=f"{self._path.name} is gone; inputs read before stay until they end")
        try:
            rows = read(self._path, today)
        except FileNotFoundError:
            self._mark = None
            return None
        except MacroRefused as reason:
            return FaultNoted(code=FAULT, text=f"macro inputs refused, the old ones stay: {reason}")
        return MacroTold(inputs=rows, origin=self._path.name) if rows != known else None

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino)
