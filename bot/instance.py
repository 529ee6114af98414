"""One bot per state directory: the lock, and the directory's modes.

The lock is the kernel's (flock): it ends with the process however that dies, so there is nothing to clean up after a
crash and no pid to guess about. The pid in the file is for the message only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import stat
from pathlib import Path
from types import TracebackType
from typing import Final

LOCK_NAME: Final = "lock"

_PRIVATE: Final = (
    "journal.sqlite3*", LOCK_NAME, "status.json", "web.token", "web.url", "killer.json", "killer.log*", "killer.lock",
    "heartbeat", "alerts.json", "stacks.txt", "log", "log/*", "reports", "reports/*",
)  # fmt: skip
_UMASK: Final = 0o077
_TRIES: Final = 50


class StateDirRefused(Exception):
    """The state directory cannot be used safely: the text says why and what to do."""


class AlreadyRunning(Exception):
    """Another process holds the state directory. `pid` is None if it has not written its number yet."""

    def __init__(self, state_dir: Path, pid: int | None) -> None:
        self.pid = pid
        who = f"process {pid}" if pid is not None else "another process"
        super().__init__(
            f"{state_dir}: {who} is already running on this state. Stop it first, or give this one another --state "
            "(two bots must never share an account)."
        )


class InstanceLock:
    """The held lock; ends with `release`, the end of a with block, or the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    def held(self) -> bool:
        """Whether the lock is still the one other processes would meet (the directory was not moved or deleted)."""
        if self._descriptor is None:
            return False
        try:
            named = os.stat(self.path)
        except OSError:
            return False
        return os.path.samestat(named, os.fstat(self._descriptor))

    def release(self) -> None:
        """Lets the next one in. The file stays: removing it would race with whoever just opened it."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> InstanceLock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def acquire(state_dir: Path, name: str = LOCK_NAME) -> InstanceLock:
    """Creates the state directory if need be (mode 0700), checks it and takes its lock; `name` is another process's.

    Also sets this process's umask to 077, so that all it writes is its owner's alone, and forbids core dumps.
    Raises AlreadyRunning or StateDirRefused.
    """
    os.umask(_UMASK)
    _no_core_dumps()
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except FileExistsError:
        raise StateDirRefused(f"{state_dir}: is a file, the state needs a directory. Choose another --state.") from None
    except OSError as error:
        raise _refusal(state_dir, "cannot be created", error) from error
    path = state_dir / name
    try:
        _refuse_open_modes(state_dir)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _refusal(state_dir, "cannot be used", error) from error
    try:
        _lock(descriptor)
    except BlockingIOError:
        pid = _pid_in(descriptor)
        os.close(descriptor)
        raise AlreadyRunning(state_dir, pid) from None
    except OSError as error:
        os.close(descriptor)
        raise _refusal(state_dir, "cannot be locked (network disk?)", error) from error
    lock = InstanceLock(path, descriptor)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        lock.release()
        raise _refusal(state_dir, "cannot be written", error) from error
    return lock


def holder(state_dir: Path, name: str = LOCK_NAME) -> int | None:
    """Pid of the bot running on this state, None if none runs (for `condor kill` and `condor status`)."""
    try:
        descriptor = os.open(state_dir / name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _pid_in(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Takes the lock. Raises BlockingIOError after a few tries: `holder` in another process has it for an instant."""
    for _ in range(_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        os.sched_yield()
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _no_core_dumps() -> None:
    """A crash must not write the process's memory to disk: it holds the account and every order."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _refuse_open_modes(state_dir: Path) -> None:
    if stat.S_IMODE(state_dir.stat().st_mode) & (stat.S_IWGRP | stat.S_IWOTH):
        raise StateDirRefused(
            f"{state_dir}: others may write here, so anyone could replace the journal or remove the kill latch. "
            f"Run: chmod 700 '{state_dir}'"
        )
    for pattern in _PRIVATE:
        for path in sorted(state_dir.glob(pattern)):
            mode = stat.S_IMODE(path.lstat().st_mode)
            if mode & 0o077 and not path.is_symlink():
                raise StateDirRefused(
                    f"{path}: is open to other users (mode {mode:04o}); it holds account data. "
                    f"Run: chmod -R go-rwx '{state_dir}'"
                )


def _refusal(state_dir: Path, what: str, error: OSError) -> StateDirRefused:
    return StateDirRefused(f"{state_dir}: {what} ({error.strerror}). Check its owner and mode, or choose --state.")


def _pid_in(descriptor: int) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(os.pread(descriptor, 32, 0))
    return None
