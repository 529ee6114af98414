"""Which urgent news nobody has acknowledged yet, kept in STATE/alerts.json, and since when it is too long.

The file is the watcher's own memory, not trading state: what it leads to enters the journal as a fact
(`alert_unanswered`), so a replay needs no file. Several tellings of one key stay one question with its first id.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from bot.masking import mask
from bot.notify.notice import Notice
from strategies.domain import events as ev

NAME = "alerts.json"
OPEN_MOST = 100
ALL = "all"


class Question(msgspec.Struct, frozen=True):
    """An urgent alert that waits for a person. `overdue` says that its time ran out and the bot was told."""

    id: str
    key: str
    text: str
    at: datetime
    overdue: bool = False


class Board(msgspec.Struct, frozen=True):
    """The file: open questions oldest first, each channel's last trouble ("" where it works), messages given up."""

    open: tuple[Question, ...] = ()
    channels: dict[str, str] = {}
    dropped: int = 0


def read(state_dir: Path) -> Board:
    """The board of a state directory; an absent or broken file is an empty one."""
    try:
        return msgspec.json.decode((state_dir / NAME).read_bytes(), type=Board)
    except (OSError, ValueError):
        return Board()


class Answers:
    """Owned by the watcher. `write` failures are said by `trouble`, which is asked after each change."""

    def __init__(self, state_dir: Path, ack_within_min: float, post: Callable[[ev.AnyEvent], None]) -> None:
        """`ack_within_min` market minutes; 0 waits for ever."""
        self._path = state_dir / NAME
        self._within = timedelta(minutes=ack_within_min) if ack_within_min > 0.0 else None
        self._post = post
        self.board = read(state_dir)

    def ask(self, notice: Notice, seq: int, at: datetime) -> str:
        """Opens a question for urgent news, or finds the one that is open; returns its id."""
        for question in self.board.open:
            if question.key == notice.key:
                return question.id
        taken = sum(1 for q in self.board.open if q.id.partition(".")[0] == f"a{seq}")
        name = f"a{seq}" if not taken else f"a{seq}.{taken + 1}"
        question = Question(name, notice.key, mask(notice.text)[:300], at)
        self._keep((*self.board.open, question)[-OPEN_MOST:])
        return name

    def hear(self, event: ev.OperatorCommanded) -> None:
        """Closes what a person acknowledged; `all` closes everything."""
        self.close(event.subject)

    def close(self, subject: str) -> None:
        """Takes a question, or all of them, off the board."""
        left = tuple(q for q in self.board.open if subject not in (ALL, q.id))
        if left != self.board.open:
            self._keep(left)

    def look(self, at: datetime, *, trading: bool) -> None:
        """Posts the fact for each question whose time ran out, once. Nothing is posted while the bot is stopped anyway:
        the question then waits for `condor arm`, which closes it."""
        if self._within is None or not trading or not self.board.open:
            return
        late = [q for q in self.board.open if not q.overdue and at - q.at >= self._within]
        if not late:
            return
        names = {q.id for q in late}
        self._keep(tuple(msgspec.structs.replace(q, overdue=q.overdue or q.id in names) for q in self.board.open))
        for question in late:
            self._post(ev.AlertUnanswered(id=question.id, text=question.text, told_at=question.at))

    def note(self, channels: dict[str, str], dropped: int) -> None:
        """What the channels did, for `condor alerts` and `condor doctor`."""
        if (channels, dropped) != (self.board.channels, self.board.dropped):
            self.board = msgspec.structs.replace(self.board, channels=channels, dropped=dropped)
            self._write()

    def _keep(self, questions: tuple[Question, ...]) -> None:
        self.board = msgspec.structs.replace(self.board, open=questions)
        self._write()

    def _write(self) -> None:
        draft = self._path.with_suffix(".draft")
        try:
            draft.write_bytes(msgspec.json.encode(self.board))
            draft.chmod(0o600)
            draft.replace(self._path)
        except OSError as reason:
            self._post(ev.FaultNoted(code="NOTIFY", text=f"{self._path.name} cannot be written: {reason.strerror}"))
