"""What the killer's process writes on standard output and error: a file of its own, its owner's alone, and bounded.

The killer may outlive the bot. With the bot's own streams it would keep the pipe open that a person put behind
`condor run`, and whoever reads that pipe would wait for ever.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

NAME = "killer.log"
OLDER = "killer.log.1"
MOST_BYTES = 256 * 1024
"""A file longer than this is put aside; the one put aside before it is lost."""
_FLAGS = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_NOFOLLOW


def opened(state_dir: Path) -> int:
    """A descriptor at the end of the file, mode 600. Where none can be had (a full disk, a mode) one that forgets:
    the killer starts whatever becomes of its words."""
    descriptor: int | None = None
    try:
        descriptor = os.open(state_dir / NAME, _FLAGS, 0o600)
        os.fchmod(descriptor, 0o600)
    except OSError:
        if descriptor is not None:
            os.close(descriptor)
        return os.open(os.devnull, os.O_WRONLY)
    return descriptor


def turn_over(state_dir: Path) -> bool:
    """In the killer's own process: puts a file that has grown too long aside and goes on in a new one. Whether it was
    done; a file that cannot be put aside is left alone."""
    path = state_dir / NAME
    with contextlib.suppress(OSError):
        there, mine = os.stat(path), os.fstat(sys.stderr.fileno())
        if not os.path.samestat(there, mine) or mine.st_size <= MOST_BYTES:
            return False
        os.replace(path, state_dir / OLDER)
        fresh = opened(state_dir)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(fresh, stream.fileno())
        os.close(fresh)
        return True
    return False
