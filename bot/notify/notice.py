"""One piece of news and one message to people, as values."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from bot.notify.kinds import Kind


class Notice(NamedTuple):
    """What happened. `key` says what counts as the same news again; `command` is the command line that helps."""

    kind: Kind
    key: str
    text: str
    command: str = ""


class Told(NamedTuple):
    """A notice that is told now: `times` it happened since `since`, `id` to acknowledge it by (urgent ones)."""

    notice: Notice
    urgent: bool
    since: datetime
    times: int = 1
    id: str = ""


class Message(NamedTuple):
    """What a channel gets. `urgent` decides which channels and how often it is tried again."""

    title: str
    body: str
    urgent: bool
    attachment: Path | None = None
