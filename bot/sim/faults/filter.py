"""The message filter: rules that swallow, hold, change or add single messages, and watchers that count them.

Rules: it is in the way only while a rule or a watcher is there; then every message of every client passes, also those
of the quote pump. Watchers hear of a message before any rule touches it. Each rule gets what the one before let
through: first those that read what they change, then those that mangle whatever it is, each in the order in which they
were made. What a rule holds back goes on later without meeting further rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from bot.sim.server import ClientLink, WireServer
from bot.sim.wire.answer_names import Direction, MessageType
from bot.sim.wire.fields import message
from bot.sim.wire.framing import LENGTH, frame, split_fields
from bot.sim.wire.session import START_API, Incoming, SessionEvent, SessionState, Started


class Letter:
    """One message on its way: its number, its fields (number first, as texts), and the connection it belongs to."""

    __slots__ = ("_fields", "_payload", "direction", "link", "number")

    def __init__(self, link: ClientLink, direction: Direction, payload: bytes | None, fields: list[str] | None) -> None:
        self.link = link
        self.direction = direction
        self._payload = payload
        self._fields = fields
        head = fields[0] if fields else (payload or b"").split(b"\0", 1)[0].decode("ascii", errors="replace")
        self.number = int(head) if head.isascii() and head.isdigit() and len(head) < 10 else -1

    @property
    def fields(self) -> list[str]:
        """The message's fields, its number first. Not to be changed in place."""
        if self._fields is None:
            self._fields = split_fields(self._payload or b"\0")
        return self._fields

    @property
    def client_id(self) -> int:
        """Whose message it is; of startApi, who it says it is."""
        if self.number == START_API and self.direction is Direction.IN:
            event = _event(self.fields)
            return event.client_id if isinstance(event, Started) else -1
        return self.link.client_id

    @property
    def payload(self) -> bytes:
        """Its bytes without the length prefix."""
        if self._payload is None:
            self._payload = message(self._fields or [])
        return self._payload

    def with_fields(self, fields: list[str]) -> Letter:
        """The same message with other fields."""
        return Letter(self.link, self.direction, None, fields)

    def go(self) -> None:
        """Sends it on to where it was going, past every rule; nothing happens if the connection is gone."""
        if self.link.session.state is SessionState.CLOSED:
            return
        if self.direction is Direction.OUT:
            self.link.session.put(frame(self.payload))
        else:
            self.link.deliver(_event(self.fields))


def _event(fields: list[str]) -> SessionEvent:
    """What the session would have read; an unreadable number or client id is one that nobody has."""
    number = int(fields[0]) if fields[0].isascii() and fields[0].isdigit() and len(fields[0]) < 10 else 0
    if number == START_API and len(fields) > 2 and fields[2].isascii() and fields[2].isdigit():
        return Started(int(fields[2]))
    return Incoming(number, fields[1:])


@dataclass(frozen=True, slots=True)
class Match:
    """Which messages: of a type, of one client (None: any), with a field that is exactly `having` (None: any)."""

    type: MessageType
    client: int | None = None
    having: str | None = None

    def __call__(self, letter: Letter) -> bool:
        """Whether the message is meant."""
        return (
            letter.direction is self.type.direction
            and self.type.number in (None, letter.number)
            and self.client in (None, letter.client_id)
            and (self.having is None or self.having in letter.fields[1:])
        )


@dataclass(slots=True)
class Turn:
    """Which of the messages that match: the `nth`, then every `every`-th after it, `times` in all (None: no end)."""

    nth: int = 1
    every: int = 1
    times: int | None = 1
    seen: int = 0
    taken: int = 0

    def comes(self) -> bool:
        """Counts one message; whether it is its turn."""
        self.seen += 1
        if self.over or self.seen < self.nth or (self.seen - self.nth) % self.every:
            return False
        self.taken += 1
        return True

    @property
    def over(self) -> bool:
        """Whether no further message can have its turn."""
        return self.times is not None and self.taken >= self.times


class Rule(Protocol):
    """Something done to messages."""

    def process(self, letter: Letter) -> Iterable[Letter]:
        """What goes on in place of this message, in order; nothing swallows it."""
        ...

    @property
    def over(self) -> bool:
        """Whether it will never do anything again, nor keeps anything."""
        ...

    def release(self) -> None:
        """It is ended: lets go what it keeps."""
        ...


class Watcher(Protocol):
    """Something that counts messages."""

    def saw(self, letter: Letter) -> None:
        """A message is on its way. What is done here happens before it, and may only concern other parts of the
        gateway where the message comes from a client: what the desk says, it says in the middle of its work."""
        ...


@dataclass(slots=True, eq=False)
class _Armed:
    """One rule in the way; two alike are not the same: each is ended by itself."""

    rule: Rule
    when_over: Callable[[], None]
    reads: bool


@dataclass(slots=True)
class MessageFilter:
    """Implements the server's tap; comes into its way with the first rule or watcher, leaves with the last."""

    server: WireServer
    _rules: list[_Armed] = field(default_factory=list)
    _watchers: list[Watcher] = field(default_factory=list)

    def add(self, rule: Rule, when_over: Callable[[], None], *, reads: bool = False) -> Callable[[], None]:
        """Arms a rule; `when_over` is called once when it has done all it will do. `reads` says that the rule relies on
        the form of messages, so that it must see them before any rule that mangles them. Returns what disarms it."""
        armed = _Armed(rule, when_over, reads)
        readers = sum(one.reads for one in self._rules)
        self._rules.insert(readers if reads else len(self._rules), armed)
        self._adjust()

        def remove() -> None:
            if armed in self._rules:
                self._rules.remove(armed)
                armed.rule.release()
                self._adjust()

        return remove

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Lets it count messages. Returns what ends that."""
        self._watchers.append(watcher)
        self._adjust()

        def remove() -> None:
            if watcher in self._watchers:
                self._watchers.remove(watcher)
                self._adjust()

        return remove

    def _adjust(self) -> None:
        self.server.use_tap(self if self._rules or self._watchers else None)

    # the server's tap ----------------------------------------------------------------------------
    def incoming(self, link: ClientLink, event: SessionEvent) -> None:
        """A message of a client; a broken stream is none and goes on at once."""
        if isinstance(event, Incoming):
            letter = Letter(link, Direction.IN, None, [str(event.message_id), *event.fields])
        elif isinstance(event, Started):
            letter = Letter(link, Direction.IN, None, [str(START_API), "2", str(event.client_id), ""])
        else:
            link.deliver(event)
            return
        self._pass(letter)

    def outgoing(self, link: ClientLink, frames: bytes) -> None:
        """Messages for a client, each with its length prefix."""
        place = 0
        while place < len(frames):
            (length,) = LENGTH.unpack_from(frames, place)
            place += 4 + length
            if link.session.state is SessionState.CLOSED:
                return
            self._pass(Letter(link, Direction.OUT, frames[place - length : place], None))

    def _pass(self, letter: Letter) -> None:
        for watcher in list(self._watchers):
            watcher.saw(letter)
        letters = [letter]
        for armed in list(self._rules):
            letters = [passed for one in letters for passed in armed.rule.process(one)]
            if armed.rule.over and armed in self._rules:
                self._rules.remove(armed)
                armed.when_over()
        for one in letters:
            one.go()
        if not self._rules and not self._watchers:
            self._adjust()
