"""Makes every decision of the journal again and compares each outcome with the recorded one, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.engine.state import State
from bot.journal import reader
from bot.journal.codec import outcome_dict
from bot.journal.divergence import Divergence, first_divergence
from bot.recover import code_version, decode_state, remade
from bot.report.replayed import note_replay
from strategies.domain.session import session_date


@dataclass(slots=True)
class Replayed:
    """Result of a replay: how many facts and outcomes were made again, and the first difference if any."""

    session: str
    events: int
    outcomes: int
    divergence: Divergence | None
    to_seq: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For --json and for the report."""
        return {
            "status": "identical" if self.divergence is None else "diverged",
            "session": self.session,
            "events": self.events,
            "outcomes": self.outcomes,
            "to_seq": self.to_seq,
            "code": code_version(),
            "first_divergence": None if self.divergence is None else str(self.divergence),
        }


def replay(state_dir: Path, session: str = "all") -> Replayed:
    """Replays one session or all of the journal. Raises JournalError, and LookupError for an unknown session.

    One session starts from the checkpoint before it; `all` starts from nothing, checkpoints play no part.
    """
    path = state_dir / "journal.sqlite3"
    start, state = 1, State()
    if session != "all":
        days = reader.sessions(path)
        if session == "last":
            session = days[-1] if days else "last"
        if session not in days:
            raise LookupError(f"no session {session}; the journal has {', '.join(days[:1])} to {', '.join(days[-1:])}")
        found = reader.last_checkpoint(path, before=session)
        kept = decode_state(found.body) if found is not None else None
        if found is not None and kept is not None:
            start, state = found.seq + 1, kept
    count = _Counter()
    recorded = _recorded(path, start, session)
    made = _made(path, start, state, session, count)
    divergence = first_divergence(recorded, made)
    result = Replayed(session, count.events, count.outcomes, divergence, count.to_seq)
    note_replay(state_dir, result.as_dict())
    return result


@dataclass(slots=True)
class _Counter:
    events: int = 0
    outcomes: int = 0
    to_seq: int = 0


def _recorded(path: Path, start: int, session: str) -> Iterator[dict[str, Any]]:
    for row in reader.read_outcomes(path, from_seq=start):
        if session in ("all", session_date(row.at)):
            yield {"cause_seq": row.cause_seq, **row.body}


def _made(path: Path, start: int, state: State, session: str, count: _Counter) -> Iterator[dict[str, Any]]:
    for envelope in reader.read_events(path, from_seq=start):
        result = remade(state, envelope, path)
        state = result.state
        if session not in ("all", session_date(envelope.at)):
            continue
        count.events += 1
        count.to_seq = envelope.seq
        if not result.outcome.empty:
            count.outcomes += 1
            yield {"cause_seq": envelope.seq, **outcome_dict(result.outcome)}
