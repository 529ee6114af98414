"""The decision task's heartbeat: a file whose time moves with the steps, for whoever watches from outside."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

NAME = "heartbeat"
EVERY_S = 1.0
LINK_DOWN = b"link down"


class Heartbeat:
    """Touches the file after a step, at most once a second of the given clock. A disk that fails stops nothing: the
    watcher then takes the bot for hung and kills, which is what a bot without a disk deserves."""

    def __init__(self, path: Path, now_s: Callable[[], float]) -> None:
        self._path = path
        self._now_s = now_s
        self._beaten_at_s = -EVERY_S

    def beat(self, link_up: bool = True) -> bool:
        """A step has been taken; whether it was time to say so. The file also says whether the link is up."""
        now_s = self._now_s()
        if now_s - self._beaten_at_s < EVERY_S:
            return False
        self._beaten_at_s = now_s
        with contextlib.suppress(OSError):
            descriptor = os.open(self._path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
            try:
                os.write(descriptor, b"" if link_up else LINK_DOWN)
            finally:
                os.close(descriptor)
            os.utime(self._path)
        return True


class HeartbeatWatch:
    """How long the heartbeat has stood still, by the watcher's own clock and not by anybody's wall clock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen_ns = 0
        self._moved_at_s: float | None = None

    def silent_s(self, now_s: float) -> float | None:
        """Seconds since it was seen to move; None while there is no heartbeat."""
        try:
            beat_ns = os.stat(self._path).st_mtime_ns
        except OSError:
            self._moved_at_s = None
            return None
        if beat_ns != self._seen_ns or self._moved_at_s is None:
            self._seen_ns, self._moved_at_s = beat_ns, now_s
        return now_s - self._moved_at_s

    def link_down(self) -> bool:
        """Whether the bot says that its link is not up; what cannot be read says nothing."""
        try:
            return self._path.read_bytes() == LINK_DOWN
        except OSError:
            return False
