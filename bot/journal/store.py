"""The journal's one writer: appends events and outcomes in order and says when they are safe.

Rules
- One counter over events, outcomes and checkpoints, rising by one; every record carries the hash of all before it.
- `commit(durable=True)` returns after the disk has confirmed everything appended so far, earlier commits included.
- After a failed write nothing more is ever written: what the disk holds is unknown until the next start reads it.
- Folding the WAL into the file syncs twice and is slow, so it happens in commits that no order waits for.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from bot.journal import codec, schema
from bot.journal.codec import RecordRefused
from bot.journal.schema import JournalError
from strategies.domain.events import Envelope

Row = tuple[int, str, str, str, int | None, bytes, bytes]

_VALUES: Final = "(?, ?, ?, ?, ?, CAST(? AS TEXT), ?)"
_INSERT: Final = f"INSERT INTO records VALUES {_VALUES}"
_INSERTS: Final = tuple(f"INSERT INTO records VALUES {', '.join([_VALUES] * count)}" for count in range(5))
"""One statement is one transaction: the few rows of a step need no BEGIN and COMMIT around them."""
_SELECT: Final = "SELECT seq, at, kind, session, cause_seq, CAST(body AS BLOB), chain FROM records"

_TAIL_CHECKED: Final = 256
_FOLD_BYTES: Final = 2 << 20
_FOLD_FORCED_BYTES: Final = 32 << 20
_ROW_OVERHEAD_BYTES: Final = 160


class JournalWriteFailed(JournalError):
    """A write did not succeed (disk full, I/O error, lock). The journal is closed to writing for good: halt."""


class Journal:
    """The open journal of a running bot. Not for more than one thread, nor for two processes (see bot.instance)."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        head: tuple[int, bytes, str],
        clock_session: Callable[[datetime], str],
    ) -> None:
        self.path = path
        self._db = connection
        self._seq, self._chain, self._session = head
        self._clock_session = clock_session
        self._rows: list[Row] = []
        self._at: datetime | None = None
        self._stamp = ""
        self._synchronous = ""
        self._unsynced = False
        self._wal_bytes = 0
        self._failed: str | None = None
        self._slowest_s = 0.0

    @classmethod
    def open(cls, path: Path, *, clock_session: Callable[[datetime], str]) -> Journal:
        """Opens the journal or creates it in an existing directory.

        `clock_session` names the New York trade date (ISO) a time belongs to. The file's kind, version, length,
        layout and last records are checked here; each record is checked when it is read. Raises JournalError.
        """
        try:
            exists = path.is_symlink() or path.exists()
        except OSError as error:
            raise JournalError(f"{path}: cannot be reached ({error.strerror}). {schema.remedy(error)}") from error
        if not exists:
            schema.create(path)
        schema.inspect(path)
        connection = schema.connect(path)
        try:
            head = _check_tail(connection, path)
        except sqlite3.Error as error:
            connection.close()
            raise schema.damaged(path, error) from error
        except JournalError:
            connection.close()
            raise
        return cls(path, connection, head, clock_session)

    @property
    def next_seq(self) -> int:
        """The seq the next record must have."""
        return self._seq + 1

    @property
    def failed(self) -> str | None:
        """Why nothing can be written any more, None while all is well."""
        return self._failed

    def append_event(self, envelope: Envelope) -> Envelope:
        """Adds a fact to the open transaction and returns it as a replay will read it.

        Handing the returned envelope to the engine makes live and replay equal by construction (zone names, int for
        float), except for quotes, see `codec.encode_event`. Raises RecordRefused for a wrong seq, a time not in UTC or
        content that JSON would change.
        """
        if envelope.seq != self._seq + 1:
            raise RecordRefused(f"{self.path}: event has seq {envelope.seq}, the next one is {self._seq + 1}")
        body, event = codec.encode_event(envelope.event, envelope.seq)
        self._append(envelope.at, codec.EVENT, None, body)
        return Envelope(envelope.seq, envelope.at, event)

    def append_outcome(self, cause_seq: int, at: datetime, outcome: msgspec.Struct | Mapping[str, object]) -> int:
        """Adds what the step of event `cause_seq` produced to the open transaction; returns its seq."""
        if not 1 <= cause_seq <= self._seq:
            raise RecordRefused(f"{self.path}: outcome names event {cause_seq}, the journal holds 1..{self._seq}")
        body = codec.encode_outcome(outcome)
        return self._append(at, codec.OUTCOME, cause_seq, body)

    def append_checkpoint(self, at: datetime, state: bytes) -> int:
        """Adds a state (JSON object) that stands for all records before it; returns its seq.

        It only shortens a start: events keep their place, so a replay from the first one must arrive at it too.
        """
        if not state.startswith(b"{"):
            raise RecordRefused(f"{self.path}: a checkpoint must be a JSON object, got {state[:40]!r}")
        return self._append(at, codec.CHECKPOINT, None, state)

    def commit(self, durable: bool) -> None:
        """Writes what was appended; with `durable`, returns only when it survives a power cut.

        Without `durable` it survives the death of the process. Raises JournalWriteFailed.
        """
        self._refuse_if_failed()
        if not self._rows and not (durable and self._unsynced):
            return
        began_s = time.perf_counter()
        try:
            self._use_synchronous("FULL" if durable else "NORMAL")
            self._write()
            self._slowest_s = max(self._slowest_s, time.perf_counter() - began_s)
            self._rows.clear()
            self._unsynced = not durable
            if self._wal_bytes > (_FOLD_FORCED_BYTES if durable else _FOLD_BYTES):
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
                self._wal_bytes = 0
        except sqlite3.Error as error:
            self._fail(error)
        except BaseException:  # an interrupt here leaves it open what reached the disk
            self._failed = "interrupted while writing"
            raise

    def take_slowest_commit_ms(self) -> float:
        """The longest a commit took since this was last asked; 0.0 if there was none."""
        slowest_s, self._slowest_s = self._slowest_s, 0.0
        return round(1000.0 * slowest_s, 3)

    def close(self) -> None:
        """Commits what is open durably and closes; a failed journal is only closed. Safe to call twice."""
        try:
            if self._failed is None:
                self.commit(durable=True)
        finally:
            self._failed = self._failed or "closed"
            with contextlib.suppress(sqlite3.Error):
                self._db.close()

    def _append(self, at: datetime, kind: str, cause_seq: int | None, body: bytes) -> int:
        self._refuse_if_failed()
        if at is not self._at:  # an outcome shares the moment of its event
            self._stamp, session = codec.stamp(at), self._clock_session(at)
            # A clock stepping back over midnight must not reorder sessions: readers bisect on them.
            self._session, self._at = max(self._session, session), at
        seq = self._seq + 1
        self._chain = codec.link(self._chain, codec.payload((seq, self._stamp, kind, self._session, cause_seq), body))
        self._rows.append((seq, self._stamp, kind, self._session, cause_seq, body, self._chain))
        self._wal_bytes += len(body) + _ROW_OVERHEAD_BYTES
        self._seq = seq
        return seq

    def _write(self) -> None:
        """One transaction with all rows; without any, one that makes SQLite sync what earlier ones wrote."""
        count = len(self._rows)
        if count == 0:
            self._db.execute("UPDATE synced SET seq = ?", (self._seq,))
        elif count < len(_INSERTS):
            self._db.execute(_INSERTS[count], tuple(chain.from_iterable(self._rows)))
        else:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(_INSERT, self._rows)
            self._db.execute("COMMIT")

    def _use_synchronous(self, level: str) -> None:
        if level != self._synchronous:
            self._db.execute(f"PRAGMA synchronous={level}")
            self._synchronous = level

    def _refuse_if_failed(self) -> None:
        if self._failed is not None:
            raise JournalWriteFailed(f"{self.path}: nothing more is written after: {self._failed}")

    def _fail(self, error: sqlite3.Error) -> NoReturn:
        self._failed = f"{error} ({getattr(error, 'sqlite_errorname', 'SQLITE_ERROR')})"
        with contextlib.suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        safe = self._rows[0][0] - 1 if self._rows else self._seq
        raise JournalWriteFailed(
            f"{self.path}: write failed: {self._failed}. Records after seq {safe} are not safe. {schema.remedy(error)}"
        ) from error


def _check_tail(connection: sqlite3.Connection, path: Path) -> tuple[int, bytes, str]:
    """Seq, link and session of the last record after checking the last few. Raises JournalDamaged."""
    rows: list[Row] = connection.execute(f"{_SELECT} ORDER BY seq DESC LIMIT {_TAIL_CHECKED + 1}").fetchall()
    if not rows:
        return 0, codec.GENESIS, ""
    rows.reverse()
    if len(rows) <= _TAIL_CHECKED:
        seq, previous = 0, codec.GENESIS
    else:
        seq, previous = rows[0][0], rows[0][6]
        rows = rows[1:]
    for row in rows:
        if row[0] != seq + 1:
            raise schema.altered(path, seq + 1, f"is missing (the next one found is {row[0]})")
        if codec.link(previous, codec.payload(row[:5], row[5])) != row[6]:
            raise schema.altered(path, row[0], "does not match its hash: it, or the one before, was altered")
        seq, previous = row[0], row[6]
    return seq, previous, rows[-1][3]
