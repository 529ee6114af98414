"""When news becomes a message: the same news at most once a minute, a burst as one message, urgent news within seconds.

Pure: time enters with every call. Nothing offered is lost without a count: it is told, counted into a later telling of
the same news, or, where more than KEYS_MOST different things wait, counted as "and so many more".
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.notify.kinds import Kind, Loudness
from bot.notify.notice import Notice, Told

SAME_S, SAME_MOST_S = 60.0, 3600.0
"""Least market seconds between two tellings of the same news; doubled while the text does not change."""
BURST = 6
"""Messages in a minute after which news is gathered."""
GATHER_URGENT_S = 2.0
"""Urgent news waits no longer than this even in a burst (and the time to the next fact: run.pulse_s at most)."""
_NEVER_SLOWER = (Kind.KILL, Kind.HALT, Kind.LOSS_CAP)
"""Each of these is a new stop, not the same one again."""
KEYS_MOST = 200
_MINUTE = timedelta(seconds=60.0)


class Batch(NamedTuple):
    """What one message says; `more` things were left out of it."""

    rows: tuple[Told, ...]
    more: int

    @property
    def urgent(self) -> bool:
        """Whether it wants a person now."""
        return any(row.urgent for row in self.rows)


class _Waiting:
    """News of one key: when it was told last, and what has come since."""

    __slots__ = ("before", "id", "level", "notice", "pause_s", "since", "times", "told_at")

    def __init__(self) -> None:
        self.told_at: datetime | None = None
        self.before = ""
        self.pause_s = SAME_S
        self.notice: Notice | None = None
        self.level = Loudness.QUIET
        self.times = 0
        self.since: datetime | None = None
        self.id = ""


class Pacer:
    """Owned by the watcher. Offer news, then ask what is due; asking often costs little."""

    def __init__(self) -> None:
        self._keys: dict[str, _Waiting] = {}
        self._sent: deque[datetime] = deque()
        self._waiting = 0
        self._more = 0

    @property
    def idle(self) -> bool:
        """Whether nothing at all waits."""
        return not self._waiting and not self._more

    def offer(self, notice: Notice, level: Loudness, at: datetime, told_by: str = "") -> None:
        """Takes news of a level that is not off; `told_by` is the id to acknowledge it by."""
        row = self._keys.get(notice.key)
        if row is None:
            if not self._room(at, urgent=level is Loudness.URGENT):
                self._more += 1
                return
            row = self._keys[notice.key] = _Waiting()
        if row.notice is None:
            self._waiting += 1
            row.times, row.since, row.level = 0, at, level
        row.notice, row.id = notice, told_by or row.id
        row.level = max(row.level, level, key=list(Loudness).index)
        row.times += 1

    def due(self, at: datetime, *, everything: bool = False) -> Batch | None:
        """The message to send now, None while there is none. `everything`: the digest, or the end of the run."""
        if self.idle:
            return None
        while self._sent and at - self._sent[0] >= _MINUTE:
            self._sent.popleft()
        ready = [row for row in self._keys.values() if row.notice is not None and (everything or self._may(row, at))]
        urgent = any(row.level is Loudness.URGENT for row in ready)
        normal = any(row.level is Loudness.NORMAL for row in ready)
        calm = len(self._sent) < BURST
        waited = not self._sent or at - self._sent[-1] >= timedelta(seconds=GATHER_URGENT_S)
        if not (everything or (urgent and (calm or waited)) or (normal and calm)):
            return None
        ready.sort(key=lambda row: (row.level is not Loudness.URGENT, row.since))
        batch = Batch(tuple(self._tell(row, at) for row in ready), self._more)
        self._more = 0
        self._sent.append(at)
        return batch if batch.rows or batch.more else None

    def _may(self, row: _Waiting, at: datetime) -> bool:
        if row.told_at is None:
            return True
        assert row.notice is not None
        pause_s = row.pause_s if row.notice.text == row.before else SAME_S
        return at - row.told_at >= timedelta(seconds=pause_s)

    def _tell(self, row: _Waiting, at: datetime) -> Told:
        notice, since = row.notice, row.since
        assert notice is not None
        assert since is not None
        again = row.told_at is not None and at - row.told_at <= timedelta(seconds=2.0 * row.pause_s)
        slower = again and notice.text == row.before and notice.kind not in _NEVER_SLOWER
        row.pause_s = min(2.0 * row.pause_s, SAME_MOST_S) if slower else SAME_S
        row.told_at, row.before, row.notice = at, notice.text, None
        self._waiting -= 1
        return Told(notice, row.level is Loudness.URGENT, since, row.times, row.id)

    def _room(self, at: datetime, *, urgent: bool) -> bool:
        """Forgets keys that were told and have been calm, for urgent news also one that waits and is not urgent; False
        while too many different things wait."""
        if len(self._keys) < KEYS_MOST:
            return True
        calm = timedelta(seconds=2.0 * SAME_MOST_S)
        for pass_over in (calm, timedelta(seconds=SAME_S)):
            old = [
                key
                for key, row in self._keys.items()
                if row.notice is None and row.told_at is not None and at - row.told_at >= pass_over
            ]
            for key in old:
                del self._keys[key]
            if old:
                return True
        given_up = next((k for k, r in self._keys.items() if urgent and r.level is not Loudness.URGENT), None)
        if given_up is None:
            return False
        self._more += self._keys.pop(given_up).times
        self._waiting -= 1
        return True
