"""A folder of a running process that can be made again as it was, so that the process can fork and play on twice."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bot.instance import LOCK_NAME

OPEN_FILES = Path("/proc/self/fd")
"""Where the system tells a process its open files; only Linux does."""


class _File(NamedTuple):
    """A file as it was: another name of it, under which it survives being deleted, and what it held."""

    path: Path
    twin: Path
    data: bytes


class StandingFolder:
    """A folder as it is now, and as it can be made again: the same files under the same names, not copies, with what
    they hold now. So whoever has them open does not notice. Its lock is given up: whoever plays on takes it."""

    def __init__(self, place: Path, beside: Path) -> None:
        """`beside` is a folder of the same file system. Open files have to be flushed."""
        self._place = place
        self._folders = [path for path in place.rglob("*") if path.is_dir()]
        self._files: list[_File] = []
        for number, path in enumerate(path for path in place.rglob("*") if path.is_file()):
            twin = beside / str(number)
            os.link(path, twin)
            self._files.append(_File(path, twin, path.read_bytes()))
        self._open = list(_open_files(place))
        self._locks = [number for number, _ in self._open if _name(number) == LOCK_NAME]
        for number in self._locks:
            fcntl.flock(number, fcntl.LOCK_UN)

    def again(self) -> None:
        """Makes the folder what it was."""
        for path in list(self._place.iterdir()):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        for folder in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
        for path, twin, data in self._files:
            with twin.open("r+b") as file:
                file.truncate(len(data))
                file.write(data)
            os.link(twin, path)

    def take(self) -> None:
        """In a child: its open files become its own, at the places where they were, and so does the lock."""
        for number, offset in self._open:
            how = fcntl.fcntl(number, fcntl.F_GETFL) & (os.O_ACCMODE | os.O_APPEND)
            own = os.open(OPEN_FILES / str(number), how)
            os.lseek(own, offset, os.SEEK_SET)
            os.dup2(own, number, inheritable=False)
            os.close(own)
        for number in self._locks:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _open_files(place: Path) -> Iterator[tuple[int, int]]:
    for name in os.listdir(OPEN_FILES):
        with contextlib.suppress(OSError):  # the one that reads the list is closed by now
            if Path(os.readlink(OPEN_FILES / name)).is_relative_to(place):
                yield int(name), os.lseek(int(name), 0, os.SEEK_CUR)


def _name(number: int) -> str:
    return Path(os.readlink(OPEN_FILES / str(number))).name


def fork(loop: asyncio.AbstractEventLoop, folder: StandingFolder) -> int:
    """Forks between two steps of a loop that holds nothing of the system's: 0 in the child, which goes on with the
    loop and with files of its own."""
    child = os.fork()
    if child == 0:
        asyncio._set_running_loop(loop)  # it is remembered with the number of the process
        folder.take()
    return child
