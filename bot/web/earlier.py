"""Log lines of an earlier life: what the journal's last outcomes said, so that a restart does not empty the page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from bot.actions import Alert
from bot.engine.outcome import Move
from bot.journal import reader
from risk.gate import Verdict
from strategies.domain.decision import Decision

RECORDS_READ = 20_000


class Told(msgspec.Struct):
    """The parts of an outcome that people read."""

    decisions: tuple[Decision, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    moves: tuple[Move, ...] = ()
    alerts: tuple[Alert, ...] = ()


def earlier(journal_path: Path, last_seq: int) -> Iterator[tuple[datetime, str, Any]]:
    """Moment, kind and value, oldest first, of the last RECORDS_READ records; an outcome of another version that does
    not fit is left out. Raises JournalError."""
    if not last_seq:
        return
    for outcome in reader.read_outcomes(journal_path, from_seq=max(1, last_seq - RECORDS_READ), to_seq=last_seq):
        try:
            told = msgspec.convert(outcome.body, Told)
        except msgspec.ValidationError:
            continue
        for kind, values in (
            ("decision", told.decisions), ("verdict", told.verdicts), ("move", told.moves), ("alert", told.alerts)
        ):  # fmt: skip
            for value in values:
                yield outcome.at, kind, value
