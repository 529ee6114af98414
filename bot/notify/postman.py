"""Carries messages out of the trading loop: a bounded queue, a thread, and for each message a process with a deadline.

The loop only puts a value into the queue. A message that finds it full pushes out the oldest that is not urgent; what
was pushed out or could not be delivered is counted and told.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from bot.notify.channels import Channels
from bot.notify.notice import Message

TRIES_AFTER_S = (30.0, 120.0)
"""An urgent message is sent again after these pauses through the channels that failed."""
START_ALLOWANCE_S = 5.0
"""The process may take this long beside its deadline for starting and ending."""

Send = Callable[[str, float], dict[str, str]]
"""Order (JSON) and deadline in real seconds to failures by channel name; empty when all went well."""


class Report(NamedTuple):
    """What became of messages so far: each channel's last trouble ("" when its last message went out), `given_up`
    deliveries to a channel that failed for good, `pushed_out` messages of a full queue."""

    channels: dict[str, str]
    given_up: int
    pushed_out: int


class _Letter(NamedTuple):
    message: Message | None  # None is the dead man's ping
    names: tuple[str, ...]
    tries: int
    not_before_s: float


def by_process(order: str, deadline_s: float) -> dict[str, str]:
    """Runs `python -m bot.notify` for one order; a process that does not end in time is killed."""
    command = [sys.executable, "-m", "bot.notify"]
    try:
        done = subprocess.run(
            command, input=order, text=True, capture_output=True, timeout=deadline_s + START_ALLOWANCE_S, check=False
        )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"*": f"no answer within {deadline_s:g} s"}
    except (OSError, ValueError) as reason:
        return {"*": f"the sender failed: {type(reason).__name__}"}
    failed: dict[str, str] = answer["failed"]
    return failed


def order_of(message: Message, channels: Channels, names: tuple[str, ...], deadline_s: float) -> str:
    """What the sending process is told: the message and the addresses of the named channels."""
    rows = [{"name": c.name, "url": c.url} for c in channels.channels if c.name in names]
    attachment = None if message.attachment is None else str(message.attachment)
    return json.dumps(
        {"channels": rows, "title": message.title, "body": message.body, "urgent": message.urgent,
         "attachment": attachment, "deadline_s": deadline_s}
    )  # fmt: skip


def _turn(letter: _Letter) -> tuple[bool, bool]:
    """What goes first: new before what failed already, urgent before the rest; else in order."""
    return letter.tries > 0, letter.message is None or not letter.message.urgent


class Postman:
    """`put` and `report` may be called from the loop and never block; `close` waits a bounded time for what waits."""

    def __init__(
        self,
        channels: Channels,
        *,
        deadline_s: float,
        queue_most: int,
        send: Send = by_process,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channels, self._deadline_s, self._most = channels, deadline_s, queue_most
        self._send, self._clock = send, clock
        self._letters: deque[_Letter] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._state: dict[str, str] = {}
        self._given_up = self._pushed_out = 0
        self._thread = threading.Thread(target=self._work, name="postman", daemon=True)
        self._thread.start()

    def put(self, message: Message) -> None:
        """Queues a message for the channels that want it."""
        names = tuple(c.name for c in self._channels.for_message(urgent=message.urgent))
        if names:
            self._add(_Letter(message, names, 0, self._clock()))

    def ping(self) -> None:
        """Queues one sign of life to the dead-man address, unless one waits already."""
        with self._changed:
            waiting = any(letter.message is None for letter in self._letters)
        if self._channels.dead_man_url is not None and not waiting:
            self._add(_Letter(None, ("dead_man",), 0, self._clock()))

    def report(self) -> Report:
        """What became of everything so far."""
        with self._changed:
            return Report(dict(self._state), self._given_up, self._pushed_out)

    def close(self, within_s: float) -> int:
        """Sends what waits for at most `within_s` real seconds; returns how many messages were left behind."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(within_s)
        with self._changed:
            return sum(1 for letter in self._letters if letter.message is not None) if self._thread.is_alive() else 0

    def _add(self, letter: _Letter) -> None:
        with self._changed:
            if len(self._letters) >= self._most:
                self._push_out()
            self._letters.append(letter)
            self._changed.notify()

    def _push_out(self) -> None:
        plain = next((x for x in self._letters if x.message is None or not x.message.urgent), self._letters[0])
        self._letters.remove(plain)
        self._pushed_out += plain.message is not None

    def _work(self) -> None:
        while (letter := self._next()) is not None:
            failed = self._deliver(letter)
            with self._changed:
                self._settle(letter, failed)

    def _next(self) -> _Letter | None:
        """The next letter whose time has come; None when the queue is done with. At the end nothing waits longer."""
        with self._changed:
            while True:
                now_s = self._clock()
                ready = [x for x in self._letters if self._closing or x.not_before_s <= now_s]
                if ready:
                    first = min(ready, key=_turn)
                    self._letters.remove(first)
                    return first
                if self._closing:
                    return None
                first_s = min((x.not_before_s for x in self._letters), default=None)
                self._changed.wait(None if first_s is None else max(0.05, first_s - now_s))

    def _deliver(self, letter: _Letter) -> dict[str, str]:
        if letter.message is None:
            order = json.dumps({"ping": self._channels.dead_man_url, "deadline_s": self._deadline_s})
        else:
            order = order_of(letter.message, self._channels, letter.names, self._deadline_s)
        try:
            failed = self._send(order, self._deadline_s)
        except Exception as reason:  # noqa: BLE001 - the thread must outlive whatever a sender does
            failed = {"*": f"the sender failed: {type(reason).__name__}"}
        return dict.fromkeys(letter.names, failed["*"]) if "*" in failed else failed

    def _settle(self, letter: _Letter, failed: dict[str, str]) -> None:
        for name in letter.names:
            self._state[name] = failed.get(name, "")
        again = tuple(name for name in letter.names if name in failed)
        if letter.message is None or not again:
            return
        if letter.message.urgent and letter.tries < len(TRIES_AFTER_S) and not self._closing:
            not_before_s = self._clock() + TRIES_AFTER_S[letter.tries]
            self._letters.append(_Letter(letter.message, again, letter.tries + 1, not_before_s))
        else:
            self._given_up += len(again)
