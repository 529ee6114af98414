"""Reading the journal, also while a bot writes it: events for the replay, outcomes for people, proofs for both.

Rules
- Readers never write and never wait for the writer.
- Whatever is handed out was checked against its hash; a gap or an altered record raises JournalDamaged.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from bot.journal import codec, schema
from bot.journal.schema import JournalDamaged, JournalError
from strategies.domain.events import Envelope

_PAGE: Final = 256
_LAST: Final = "SELECT max(seq) FROM records"
_OF_KIND: Final = f"""SELECT seq FROM records
    WHERE kind = '{codec.EVENT}' AND seq <= ? AND substr(body, 1, 60) LIKE ? ORDER BY seq"""
_LAST_CHECKPOINT: Final = f"SELECT max(seq) FROM records WHERE kind = '{codec.CHECKPOINT}' AND session < ?"


class Record(NamedTuple):
    """One record as people see it; `cause_seq` is None for events."""

    seq: int
    at: datetime
    kind: str
    session: str
    cause_seq: int | None
    body: dict[str, Any]


class Outcome(NamedTuple):
    """What the step of event `cause_seq` produced."""

    seq: int
    cause_seq: int
    at: datetime
    body: dict[str, Any]


class Checkpoint(NamedTuple):
    """A state written down at `seq`: the fold of every event before it, as the JSON given to `append_checkpoint`."""

    seq: int
    at: datetime
    body: bytes


class Integrity(msgspec.Struct, frozen=True):
    """Result of checking every record. `head` is the last link in hex: note it down and nothing before can change.

    `clock_steps_back` counts records stamped earlier than the one before: no damage, but the clock was wrong once.
    """

    records: int
    events: int
    outcomes: int
    checkpoints: int
    head: str
    first_at: datetime | None = None
    last_at: datetime | None = None
    clock_steps_back: int = 0
    problem: str | None = None

    @property
    def sound(self) -> bool:
        """Whether every record is present and unaltered."""
        return self.problem is None


class _Raw(NamedTuple):
    seq: int
    at: str
    kind: str
    session: str
    cause_seq: int | None
    body: bytes | None
    chain: bytes


def read_events(
    path: Path, *, from_seq: int = 1, to_seq: int | None = None, session: str | None = None
) -> Iterator[Envelope]:
    """The facts in order, all that a replay needs. `session` (ISO date) narrows to one. Raises JournalError."""
    with _reading(path) as db:
        low, high = _range(db, path, from_seq, to_seq, session)
        for raw in _scan(db, path, low, high, codec.EVENT):
            yield Envelope(raw.seq, _when(path, raw), _event(path, raw))


def read_outcomes(
    path: Path, *, from_seq: int = 1, to_seq: int | None = None, session: str | None = None
) -> Iterator[Outcome]:
    """What the steps produced, in order: (seq, cause_seq, at, dict). Raises JournalError."""
    with _reading(path) as db:
        low, high = _range(db, path, from_seq, to_seq, session)
        for raw in _scan(db, path, low, high, codec.OUTCOME):
            if raw.cause_seq is None:
                raise schema.altered(path, raw.seq, "is an outcome that names no event")
            yield Outcome(raw.seq, raw.cause_seq, _when(path, raw), _dict(path, raw))


def read_facts(path: Path, kind: type[msgspec.Struct], *, to_seq: int | None = None) -> list[Envelope]:
    """The facts of one kind in order, without decoding what is between them. Raises JournalError."""
    with _reading(path) as db:
        last = _last(db) if to_seq is None else to_seq
        tagged = f'%"{kind.__struct_config__.tag}"%'
        return [
            Envelope(raw.seq, _when(path, raw), _event(path, raw))
            for (seq,) in db.execute(_OF_KIND, (last, tagged)).fetchall()
            for raw in _scan(db, path, seq, seq, codec.EVENT)
        ]


def last_checkpoint(path: Path, *, before: str | None = None) -> Checkpoint | None:
    """The newest state written down, before the session of that date if one is given; None if there is none.

    Raises JournalError.
    """
    with _reading(path) as db:
        seq = db.execute(_LAST_CHECKPOINT, (before or "9999",)).fetchone()[0]
        if seq is None:
            return None
        for raw in _scan(db, path, seq, seq, codec.CHECKPOINT):
            return Checkpoint(raw.seq, _when(path, raw), raw.body or b"")
    raise schema.altered(path, seq, "is indexed as a checkpoint and is none")


def tail(path: Path, count: int) -> list[Record]:
    """The last `count` records of all kinds, oldest first. Raises JournalError."""
    with _reading(path) as db:
        last = _last(db)
        return [
            Record(raw.seq, _when(path, raw), raw.kind, raw.session, raw.cause_seq, _dict(path, raw))
            for raw in _scan(db, path, max(1, last - count + 1), last, None)
        ]


def sessions(path: Path) -> list[str]:
    """Trade dates (ISO) that have records, in order. Raises JournalError."""
    found: list[str] = []
    with _reading(path) as db:
        seq, last = 1, _last(db)
        while seq <= last:
            found.append(_session_of(db, path, seq))
            seq = _first_after(db, path, found[-1], seq, last)
    return found


def journal_hash(path: Path, session: str | None = None) -> str:
    """SHA-256 (hex) over the facts and outcomes of a session, or of all; equal for two runs that did the same.

    Checkpoints, which follow from them, are left out. Raises JournalError.
    """
    digest = hashlib.sha256()
    with _reading(path) as db:
        low, high = _range(db, path, 1, None, session)
        for raw in _scan(db, path, low, high, None):
            if raw.kind != codec.CHECKPOINT:
                digest.update(codec.payload(raw[:5], raw.body or b""))
    return digest.hexdigest()


def verify(path: Path) -> Integrity:
    """Checks every record against the chain. Damage is reported, not raised; a foreign file raises JournalError."""
    counts = dict.fromkeys(codec.KINDS, 0)
    head, first, last, back, problem = codec.GENESIS, "", "", 0, None
    try:
        with _reading(path) as db:
            for raw in _scan(db, path, 1, _last(db), None):
                counts[raw.kind] += 1
                back += raw.at < last
                first, last, head = first or raw.at, raw.at, raw.chain
    except JournalDamaged as error:
        problem = str(error)
    return Integrity(
        records=sum(counts.values()),
        events=counts[codec.EVENT],
        outcomes=counts[codec.OUTCOME],
        checkpoints=counts[codec.CHECKPOINT],
        head=head.hex(),
        first_at=codec.unstamp(first) if first else None,
        last_at=codec.unstamp(last) if last else None,
        clock_steps_back=back,
        problem=problem,
    )


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    db = schema.connect_readonly(path)
    try:
        yield db
    except sqlite3.Error as error:
        raise schema.damaged(path, error) from error
    finally:
        db.close()


def _scan(db: sqlite3.Connection, path: Path, low: int, high: int, kind: str | None) -> Iterator[_Raw]:
    """Records low..high of a kind (None: all), each proven; in short reads, so that checkpoints are never blocked."""
    body = "CAST(body AS BLOB)" if kind is None else f"CASE kind WHEN '{kind}' THEN CAST(body AS BLOB) END"
    query = (
        f"SELECT seq, at, kind, session, cause_seq, {body}, chain FROM records WHERE seq BETWEEN ? AND ? ORDER BY seq"
    )
    previous = _chain_of(db, path, low - 1) if low <= high else codec.GENESIS
    for start in range(low, high + 1, _PAGE):
        page = db.execute(query, (start, min(start + _PAGE - 1, high))).fetchall()
        expected = start
        for raw in map(_Raw._make, page):
            if raw.seq != expected:
                break
            expected += 1
            if raw.kind not in codec.KINDS:
                raise schema.altered(path, raw.seq, "is of no known kind")
            if raw.body is not None:
                if codec.link(previous, codec.payload(raw[:5], raw.body)) != raw.chain:
                    raise schema.altered(path, raw.seq, "does not match its hash: it, or the one before, was altered")
                yield raw
            previous = raw.chain
        if expected <= min(start + _PAGE - 1, high):
            raise schema.altered(path, expected, "is missing")


def _range(
    db: sqlite3.Connection, path: Path, from_seq: int, to_seq: int | None, session: str | None
) -> tuple[int, int]:
    last = _last(db)
    low, high = max(1, from_seq), last if to_seq is None else min(to_seq, last)
    if session is not None and last:
        low = max(low, _first_after(db, path, session, 1, last, inclusive=True))
        high = min(high, _first_after(db, path, session, 1, last) - 1)
    return low, high


def _first_after(
    db: sqlite3.Connection, path: Path, session: str, low: int, last: int, *, inclusive: bool = False
) -> int:
    """First seq whose session is later than (inclusive: not earlier than) the given one; last + 1 if none."""
    high = last + 1
    while low < high:
        middle = (low + high) // 2
        found = _session_of(db, path, middle)
        if found > session or (inclusive and found == session):
            high = middle
        else:
            low = middle + 1
    return low


def _last(db: sqlite3.Connection) -> int:
    return int(db.execute(_LAST).fetchone()[0] or 0)


def _session_of(db: sqlite3.Connection, path: Path, seq: int) -> str:
    row = db.execute("SELECT session FROM records WHERE seq = ?", (seq,)).fetchone()
    if row is None:
        raise schema.altered(path, seq, "is missing")
    return str(row[0])


def _chain_of(db: sqlite3.Connection, path: Path, seq: int) -> bytes:
    if seq == 0:
        return codec.GENESIS
    row = db.execute("SELECT chain FROM records WHERE seq = ?", (seq,)).fetchone()
    if row is None:
        raise schema.altered(path, seq, "is missing")
    return bytes(row[0])


def _when(path: Path, raw: _Raw) -> datetime:
    try:
        return codec.unstamp(raw.at)
    except ValueError as error:
        raise schema.altered(path, raw.seq, f"has no readable time ({raw.at!r})") from error


def _event(path: Path, raw: _Raw) -> Any:
    try:
        return codec.decode_event(raw.body or b"")
    except (msgspec.MsgspecError, ValueError) as error:
        raise JournalError(
            f"{path}: event {raw.seq} is intact but unknown to this version ({error}). Read this journal with the "
            "version that wrote it; its RunStarted record names it."
        ) from error


def _dict(path: Path, raw: _Raw) -> dict[str, Any]:
    try:
        return codec.decode_outcome(raw.body or b"")
    except (msgspec.MsgspecError, ValueError) as error:
        raise schema.altered(path, raw.seq, f"is intact but not JSON ({error})") from error
