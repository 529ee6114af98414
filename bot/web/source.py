"""Between look and browser: the newest view, made once for all browsers, with account ids masked in every byte."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import orjson

from bot.masking import mask
from bot.web.gathered import Entry, Gathered, Look
from bot.web.stream import event
from bot.web.view.log import lines
from bot.web.view.numbers import Json
from bot.web.view.view import view_of

KEEP_VIEW_S = 0.2
SILENT_S = 20.0
"""Seconds without a step after which the page says that the bot is silent; a pulse comes every few seconds."""

FETCHED_S = 90.0
"""Who fetched the bare view within so long still looks: `condor watch` comes back every minute at the slowest."""


class Made(NamedTuple):
    """A view with its moment: `steps` of the look, when made (monotonic), the values and their JSON."""

    steps: int
    made_s: float
    view: Json
    body: bytes


class Source:
    """Makes views when asked; belongs to the dashboard's thread alone."""

    def __init__(self, gathered: Gathered, trouble: Callable[[str], None], beside: Callable[[], Json] = dict) -> None:
        """`beside` gives what a view shows that no state holds: the result by part, the last drill."""
        self._gathered, self._beside = gathered, beside
        self._trouble = trouble
        self._made: Made | None = None
        self._book: tuple[tuple[Any, ...], Json | None] = (), None
        self._sent_number = 0
        self._fetched_s: float | None = None
        self.life = secrets.token_hex(4)
        self.failed = 0

    def view(self) -> Made | None:
        """The newest view; None before the first step, or when it cannot be made (which is told)."""
        look, now_s = self._gathered.look(), time.monotonic()
        if look is None:
            return None
        old = self._made
        if old is not None and (old.steps == look.steps or now_s - old.made_s < KEEP_VIEW_S):
            return old
        try:
            minute = look.at.replace(second=0, microsecond=0), *(c.quantity for c in look.state.condors.values())
            view = view_of(look, self._book[1] if self._book[0] == minute else None)
            self._book = minute, view["book"]
            view |= self._beside()
        except Exception as reason:  # noqa: BLE001 - a state the page cannot draw must not take the kill button away
            self.failed += 1
            self._trouble(f"the page cannot be drawn: {type(reason).__name__} {reason}")
            return old
        self._made = Made(look.steps, now_s, view, plain(view))
        return self._made

    def fetched(self) -> Made | None:
        """The newest view for somebody who asks for it alone, as `condor watch` does."""
        self._fetched_s = time.monotonic()
        return self.view()

    @property
    def fetched_lately(self) -> bool:
        """Whether somebody looks without listening."""
        return self._fetched_s is not None and time.monotonic() - self._fetched_s < FETCHED_S

    def values(self) -> Json | None:
        """The newest view's values."""
        made = self.view()
        return None if made is None else made.view

    def whole(self, last_event_id: str | None) -> bytes:
        """What a browser gets when it comes: how to come back, the view, and the log lines it does not have."""
        look = self._gathered.look()
        after = self._after(last_event_id)
        return b"retry: 2000\n\n" + self._event(look, after, fresh=after == 0)

    def news(self) -> bytes:
        """What everybody gets at a refresh: the view if there is a new one, and new log lines; else a sign of life."""
        look = self._gathered.look()
        newest = look.entries[-1].number if look is not None and look.entries else 0
        if look is None or (self._made is not None and self._made.steps == look.steps and newest <= self._sent_number):
            return event("beat", plain({"silent_s": _silent_s(look)}))
        sent = self._event(look, self._sent_number, fresh=False)
        self._sent_number = newest
        return sent

    def skip(self) -> None:
        """Nobody listens: lines up to now are told to whoever comes by `whole`."""
        look = self._gathered.look()
        self._sent_number = look.entries[-1].number if look is not None and look.entries else 0

    def _lines(self, new: tuple[Entry, ...], look: Look) -> list[Json]:
        try:
            return lines(new, look.state.market.instruments)
        except Exception as reason:  # noqa: BLE001 - a line that cannot be told must not end the stream
            self.failed += 1
            self._trouble(f"a log line cannot be told: {type(reason).__name__} {reason}")
            return []

    def _after(self, last_event_id: str | None) -> int:
        life, _, number = (last_event_id or "").partition("-")
        return int(number) if life == self.life and number.isascii() and number.isdigit() and len(number) < 16 else 0

    def _event(self, look: Look | None, after: int, *, fresh: bool) -> bytes:
        if look is None:
            return event("beat", plain({"silent_s": None}))
        made = self.view()
        new = tuple(entry for entry in look.entries if entry.number > after)
        newest = look.entries[-1].number if look.entries else 0
        head = plain(
            {
                "silent_s": _silent_s(look),
                "fresh": fresh,
                "skipped": 0 if fresh else max(0, newest - after - len(new)),
                "lines": self._lines(new, look),
            }
        )
        body = b"null" if made is None else made.body
        return event("look", head[:-1] + b',"view":' + body + b"}", f"{self.life}-{newest}")


def _silent_s(look: Look | None) -> float | None:
    return None if look is None else round(time.monotonic() - look.seen_s, 1)


def plain(value: Json) -> bytes:
    """JSON in one line with account ids masked; what is no number in JSON becomes null."""
    text = orjson.dumps(value, default=msgspec.to_builtins).decode()
    return mask(text).encode()
