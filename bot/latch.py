"""The kill latch: a file whose mere presence forbids every order until a person removes it.

Rules
- Presence counts, content explains: a touched empty file, a line of text or an unreadable file is a kill.
- Whatever cannot be answered with a certain no (permission, I/O error) counts as present.
- The first cause is never lost: later ones are added below it.
- Standard library only, so that `condor kill` starts fast and works when nothing else does.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

NAME: Final = "KILL"
"""File name inside the state directory."""

_UNKNOWN: Final = "unknown"
_TEXT_KEPT: Final = 1000
_LATER_KEPT: Final = 100
_READ_BYTES: Final = 4 << 20
"""More than any latch written here can have: a latch read short would lose its first cause."""


class LatchFailed(OSError):
    """The latch could not be written, not even as an empty file. Say so loudly and stop by other means."""


class LatchChanged(Exception):
    """The latch is not the one that was looked at: somebody killed again meanwhile. Nothing was removed."""


class Cause(NamedTuple):
    """Who stopped the trading, when (None if the file does not say), why, and at which journal seq if known."""

    who: str
    at: datetime | None
    reason: str
    seq: int | None = None


class LatchFile(NamedTuple):
    """The latch on disk: its first cause and the later ones, oldest first."""

    first: Cause
    later: tuple[Cause, ...] = ()

    @property
    def who(self) -> str:
        """Who engaged it first."""
        return self.first.who

    @property
    def at(self) -> datetime | None:
        """When it was engaged first."""
        return self.first.at

    @property
    def reason(self) -> str:
        """Why it was engaged first."""
        return self.first.reason


def present(path: str | os.PathLike[str]) -> bool:
    """Whether the latch forbids orders: one system call, no content read. Pass a str where every microsecond counts."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def changed_ms(path: str | os.PathLike[str]) -> int:
    """When the latch was last engaged, in milliseconds of the epoch; 0 where there is none."""
    try:
        return os.lstat(path).st_mtime_ns // 1_000_000
    except OSError:
        return 0


def read(path: str | os.PathLike[str]) -> LatchFile | None:
    """The latch and its causes, None only where there is certainly no file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        if not present(path):
            return None
        return LatchFile(Cause(_UNKNOWN, None, f"latch present but unreadable ({error.strerror})"))
    try:
        raw = os.read(descriptor, _READ_BYTES)
        changed_at = datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
    except OSError as error:
        return LatchFile(Cause(_UNKNOWN, None, f"latch present but unreadable ({error.strerror})"))
    finally:
        os.close(descriptor)
    return _parse(raw, changed_at)


def engage(path: str | os.PathLike[str], who: str, reason: str, at: datetime, *, seq: int | None = None) -> LatchFile:
    """Makes the latch present and durable; returns what is on disk now. An older latch keeps its first cause.

    With a full disk an empty file is left instead (its cause reads `unknown`), or the older latch as it was. Raises
    LatchFailed if no file could be left at all.
    """
    name = os.fspath(path)
    cause = Cause(who[:_TEXT_KEPT], at, reason[:_TEXT_KEPT], seq)
    wanted = LatchFile(cause)
    temporary = f"{name}.{os.getpid()}.tmp"
    try:
        _write(temporary, wanted)
        if not _claim(temporary, name):
            older = read(name)
            if older is not None:
                wanted = LatchFile(older.first, (*older.later, cause)[-_LATER_KEPT:])
                _write(temporary, wanted)
            os.replace(temporary, name)
        _sync_directory(name)
    except (OSError, ValueError) as error:  # ValueError: text that no encoding can write
        return _leave_bare(name, error)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    return wanted


def clear(path: str | os.PathLike[str], *, seen: LatchFile | None = None) -> None:
    """Removes the latch durably after a person's `arm`; nothing happens where there is none.

    With `seen`, what the person was shown, a latch engaged again since then stays: raises LatchChanged. Raises
    LatchFailed where it cannot be removed.
    """
    name = os.fspath(path)
    now = read(name) if seen is not None else None
    if now is not None and now != seen:
        raise LatchChanged(f"{name}: engaged again meanwhile by {(now.later or (now.first,))[-1].who}; look again")
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        _sync_directory(name)
    except OSError as error:
        raise LatchFailed(
            error.errno or errno.EIO, f"{name}: kill latch cannot be removed: {error.strerror}"
        ) from error


def _write(name: str, latch: LatchFile) -> None:
    content = _plain(latch.first) | ({"later": [_plain(cause) for cause in latch.later]} if latch.later else {})
    raw = (json.dumps(content, indent=1) + "\n").encode()
    descriptor = os.open(name, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    try:
        written = 0
        while written < len(raw):
            written += os.write(descriptor, raw[written:])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _claim(temporary: str, name: str) -> bool:
    """Puts the file in place if nobody has; two processes that kill at once cannot overwrite each other's cause."""
    try:
        os.link(temporary, name)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if present(name):
            return False
        os.replace(temporary, name)
    return True


def _leave_bare(name: str, cause: Exception) -> LatchFile:
    """The last resort when the content cannot be written: a directory entry alone needs no space on most disks."""
    try:
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY | os.O_NONBLOCK, 0o600))
        with contextlib.suppress(OSError):
            _sync_directory(name)
    except OSError:
        if not present(name):
            raise LatchFailed(
                getattr(cause, "errno", None) or errno.EIO,
                f"{name}: KILL LATCH NOT WRITTEN ({cause}). Stop the bot and cancel orders in TWS",
            ) from cause
    return read(name) or LatchFile(Cause(_UNKNOWN, None, "latch present but unreadable"))


def _sync_directory(name: str) -> None:
    descriptor = os.open(os.path.dirname(name) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plain(cause: Cause) -> dict[str, Any]:
    return {
        "who": cause.who,
        "when": None if cause.at is None else cause.at.isoformat(),
        "why": cause.reason,
        "seq": cause.seq,
    }


def _parse(raw: bytes, changed_at: datetime) -> LatchFile:
    with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError):  # not ours: then it is plain text
        content = json.loads(raw)
        if isinstance(content, dict):
            return LatchFile(_cause(content, changed_at), tuple(_cause(c, None) for c in content.get("later", ())))
    text = raw.decode("utf-8", "replace").strip()
    return LatchFile(Cause(_UNKNOWN, changed_at, text[:_TEXT_KEPT] or "file touched, no reason given"))


def _cause(content: dict[str, Any], fallback: datetime | None) -> Cause:
    when, seq = content.get("when"), content.get("seq")
    return Cause(
        str(content.get("who") or _UNKNOWN)[:_TEXT_KEPT],
        datetime.fromisoformat(when) if isinstance(when, str) else fallback,
        str(content.get("why") or "no reason given")[:_TEXT_KEPT],
        seq if isinstance(seq, int) else None,
    )
