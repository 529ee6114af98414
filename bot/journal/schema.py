"""The journal's file on disk: its SQLite schema, how it is created whole or not at all, and how a wrong file is told.

Rules
- A journal file appears complete (built beside, synced, renamed) or not at all; so an empty or short file is damage.
- Nothing is repaired, renamed or deleted here: a file that is not a sound journal is refused with what to do about it.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import quote

APPLICATION_ID: Final = 0x434F4E44
"""`COND` in the SQLite header marks the file as ours."""

SCHEMA_VERSION: Final = 1
"""Stored as SQLite's user_version; any other number is refused."""

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER_BYTES: Final = 100

_DDL: Final = (
    """CREATE TABLE records (
  seq INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('event', 'outcome', 'checkpoint')),
  session TEXT NOT NULL,
  cause_seq INTEGER,
  body TEXT NOT NULL,
  chain BLOB NOT NULL
) STRICT""",
    # Partial: only checkpoints pay for it, and the last one is found at once.
    "CREATE INDEX checkpoints ON records (seq) WHERE kind = 'checkpoint'",
    """CREATE TABLE synced (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL
) STRICT""",
    """CREATE TRIGGER records_never_change BEFORE UPDATE ON records
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
    """CREATE TRIGGER records_never_vanish BEFORE DELETE ON records
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
)

_KEEP_IT: Final = (
    "Keep a copy of the file (with its -wal and -shm neighbours), then restore a backup or start with another --state "
    "directory; the broker's positions must then be reconciled by hand."
)


class JournalError(Exception):
    """The journal cannot be used: the text says what is wrong, where, and what to do."""


class JournalDamaged(JournalError):
    """The file is a journal, but records are missing or altered. Never trade on it."""


def inspect(path: Path) -> None:
    """Refuses, from the header alone, a file that is not a sound journal of this version. Raises JournalError."""
    wal = _wal_bytes(path)
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise JournalError(f"{path}: no journal there. Check --state; `condor run` creates one.") from None
    except IsADirectoryError:
        raise JournalError(f"{path}: is a directory, not a journal. Move it away or choose another --state.") from None
    except OSError as error:
        raise JournalError(f"{path}: cannot be read ({error.strerror}). Check owner and mode of the file.") from error
    if size == 0:
        raise JournalDamaged(f"{path}: is empty; a journal never is, so its content was lost. {_KEEP_IT}")
    if not header.startswith(_MAGIC[: len(header)]):
        raise JournalError(f"{path}: is not a SQLite file. Another program's file? Move it or choose another --state.")
    if len(header) < _HEADER_BYTES:
        raise JournalDamaged(f"{path}: is cut off after {size} bytes, inside the file header. {_KEEP_IT}")
    application_id, version = _number(header, 68), _number(header, 60)
    if application_id != APPLICATION_ID:
        raise JournalError(
            f"{path}: is a SQLite database of another program (application id {application_id:#010x}, a journal has "
            f"{APPLICATION_ID:#010x}). Move it or choose another --state."
        )
    if version != SCHEMA_VERSION:
        age = "a newer" if version > SCHEMA_VERSION else "an unknown, older"
        raise JournalError(
            f"{path}: was written with {age} schema, version {version}; this program reads version {SCHEMA_VERSION} "
            "only. Use the program version that wrote it, or start with another --state."
        )
    page_bytes = int.from_bytes(header[16:18], "big")
    whole = _number(header, 28) * (65536 if page_bytes == 1 else page_bytes)
    if wal == 0 and size < whole and header[24:28] == header[92:96]:
        raise JournalDamaged(f"{path}: is cut off: {size} of {whole} bytes are left. {_KEEP_IT}")


def create(path: Path) -> None:
    """Makes a new empty journal, complete and synced before its name appears. Raises JournalError."""
    if _wal_bytes(path):
        raise JournalDamaged(f"{path}: is missing, but its -wal file is there with records in it. {_KEEP_IT}")
    building = path.with_name(path.name + ".new")
    try:
        for leftover in (building, Path(f"{building}-wal"), Path(f"{building}-shm")):
            leftover.unlink(missing_ok=True)
        os.close(os.open(building, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connection = _connect(building, "rw", timeout_s=1.0)
        try:
            _lay_out(connection)
        finally:
            connection.close()
        _sync(building, os.O_RDWR)
        building.rename(path)
        _sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError as error:
        raise JournalError(f"{path}: its directory {path.parent} does not exist. Check --state.") from error
    except (OSError, sqlite3.Error) as error:
        raise JournalError(f"{path}: cannot be created ({error}). {remedy(error)}") from error


def connect(path: Path) -> sqlite3.Connection:
    """A writing connection to an inspected journal, layout compared with this version's. Raises JournalError."""
    try:
        with path.open("r+b"):
            pass
    except OSError as error:
        raise JournalError(f"{path}: cannot be written ({error.strerror}). {remedy(error)}") from error
    connection = _connect(path, "rw", timeout_s=1.0)
    try:
        connection.execute("PRAGMA cell_size_check=ON")
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise JournalError(f"{path}: this disk cannot do SQLite's WAL mode (got {mode}). Use a local disk.")
        # Checkpoints sync two files; Journal.commit chooses moments when no order is waiting.
        connection.execute("PRAGMA wal_autocheckpoint=0")
        _compare_layout(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise damaged(path, error) from error
    except JournalError:
        connection.close()
        raise
    return connection


def connect_readonly(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, usable while a bot writes. Raises JournalError."""
    inspect(path)
    try:
        connection = _connect(path, "ro", timeout_s=5.0)
        try:
            _compare_layout(connection, path)
        except sqlite3.OperationalError:
            # A copy on a read-only disk has no -shm and cannot get one; nobody can be writing it either.
            connection.close()
            if _wal_bytes(path) or os.access(path.parent, os.W_OK, effective_ids=True):
                raise
            connection = _connect(path, "ro&immutable=1", timeout_s=5.0)
            _compare_layout(connection, path)
    except sqlite3.Error as error:
        raise damaged(path, error) from error
    return connection


def damaged(path: Path, error: sqlite3.Error) -> JournalError:
    """What SQLite's complaint while reading means for a person."""
    if isinstance(error, sqlite3.OperationalError):
        return JournalError(f"{path}: cannot be opened or read ({error}). {remedy(error)}")
    return JournalDamaged(f"{path}: is damaged ({error}). {_KEEP_IT}")


def altered(path: Path, seq: int, what: str) -> JournalDamaged:
    """The error for a record that is missing, altered or out of place."""
    return JournalDamaged(f"{path}: record {seq} {what}. {_KEEP_IT}")


def remedy(error: BaseException) -> str:
    """What a person can do about a failed read, write or creation."""
    text = str(error).lower()
    if "full" in text or "no space" in text:
        return "The disk is full: free space, then start again."
    if "locked" in text:
        return "Another program holds the journal's write lock: close it (an open sqlite3 shell?)."
    if "readonly" in text or "read-only" in text or "permission" in text or "unable to open" in text:
        return "Check owner and mode of the state directory, or choose another --state."
    return "Check the disk (space, quota, file size limit, kernel log), then start again."


def _lay_out(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    for statement in _DDL:
        connection.execute(statement)
    connection.execute("INSERT INTO synced VALUES (1, 0)")
    connection.execute("COMMIT")


def _compare_layout(connection: sqlite3.Connection, path: Path) -> None:
    found = {row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    if found != set(_DDL):
        raise JournalDamaged(f"{path}: its tables are not those of schema version {SCHEMA_VERSION}. {_KEEP_IT}")


def _connect(path: Path, mode: str, *, timeout_s: float) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=timeout_s)
    # Text is compared with the schema and hashed; a flipped bit must surface as damage, not as a decoding crash.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return connection


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _wal_bytes(path: Path) -> int:
    try:
        return Path(f"{path}-wal").stat().st_size
    except OSError:
        return 0


def _number(header: bytes, offset: int) -> int:
    return int.from_bytes(header[offset : offset + 4], "big")
