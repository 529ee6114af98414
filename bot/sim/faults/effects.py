"""What a rule does to the messages whose turn it is: swallow, repeat, hold, delay, change, cut short."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bot.sim.faults.arguments import FaultError
from bot.sim.faults.filter import Letter, Turn
from bot.sim.faults.stage import Timers
from bot.sim.wire.answer_names import Direction, message_type
from bot.sim.wire.framing import LENGTH, frame

Change = Callable[[Letter], Iterable[Letter]]
"""What goes on in place of a message."""


@dataclass(slots=True)
class Changing:
    """A rule that replaces each message whose turn it is by what `change` makes of it."""

    match: Callable[[Letter], bool]
    turn: Turn
    change: Change

    def process(self, letter: Letter) -> Iterable[Letter]:
        """See Rule."""
        return self.change(letter) if self.match(letter) and self.turn.comes() else (letter,)

    @property
    def over(self) -> bool:
        """See Rule."""
        return self.turn.over

    def release(self) -> None:
        """See Rule: it keeps nothing."""


@dataclass(slots=True)
class Holding:
    """A rule that keeps each message whose turn it is until `behind` further messages of its connection and direction
    (`same`: of its type) have gone by; kept messages of a connection that ends are lost with it."""

    match: Callable[[Letter], bool]
    turn: Turn
    behind: int
    same: bool
    _kept: list[tuple[Letter, list[int]]] = field(default_factory=list)

    def process(self, letter: Letter) -> Iterable[Letter]:
        """See Rule."""
        if self.match(letter) and self.turn.comes():
            self._kept.append((letter, [self.behind]))
            return ()
        freed = [letter]
        for entry in list(self._kept):
            kept, left = entry
            if kept.link.transport.is_closing():
                self._kept.remove(entry)
            elif kept.link is letter.link and kept.direction is letter.direction:
                left[0] -= not self.same or kept.number == letter.number
                if left[0] <= 0:
                    self._kept.remove(entry)
                    freed.append(kept)
        return freed

    @property
    def over(self) -> bool:
        """See Rule."""
        return self.turn.over and not self._kept

    def release(self) -> None:
        """See Rule."""
        kept, self._kept = self._kept, []
        for letter, _ in kept:
            letter.go()


@dataclass(slots=True)
class Withholding:
    """A rule that keeps messages of some kind until it is released; they go on then, in order."""

    match: Callable[[Letter], bool]
    _kept: list[Letter] = field(default_factory=list)

    def process(self, letter: Letter) -> Iterable[Letter]:
        """See Rule."""
        if not self.match(letter):
            return (letter,)
        self._kept.append(letter)
        return ()

    @property
    def over(self) -> bool:
        """See Rule: never by itself."""
        return False

    def release(self) -> None:
        """See Rule."""
        kept, self._kept = self._kept, []
        for letter in kept:
            letter.go()


def of_types(*names: str) -> Callable[[Letter], bool]:
    """Whether a message is of one of these types, given by name."""
    types = {(kind.direction, kind.number) for kind in map(message_type, names)}
    return lambda letter: (letter.direction, letter.number) in types


def of_client(client: int | None, match: Callable[[Letter], bool]) -> Callable[[Letter], bool]:
    """The same, of one client only (None: of all)."""
    return lambda letter: client in (None, letter.client_id) and match(letter)


def swallowed(letter: Letter) -> Iterable[Letter]:
    """Nothing goes on."""
    return ()


def repeated(copies: int) -> Change:
    """The message, then so many copies."""
    return lambda letter: [letter] * (copies + 1)


def delayed(timers: Timers, market_s: float) -> Change:
    """The message goes on so many market seconds later, behind what has gone on by then."""

    def change(letter: Letter) -> Iterable[Letter]:
        def late() -> None:
            letter.go()
            letter.link.settle()

        timers.after(market_s, late)
        return ()

    return change


def with_field(index: int, text: str) -> Change:
    """One field replaced; 0 is the message's number, negative ones count from the end. A message without that field
    goes on as it is."""

    def change(letter: Letter) -> Iterable[Letter]:
        fields = list(letter.fields)
        if not -len(fields) <= index < len(fields):
            return (letter,)
        fields[index] = text
        return (letter.with_fields(fields),)

    return change


def with_text(old: str, new: str) -> Change:
    """A text replaced wherever it stands, except in the message's number. Raises FaultError for an empty one."""
    if not old:
        raise FaultError("old is empty: say which text is to be replaced")

    def change(letter: Letter) -> Iterable[Letter]:
        head, *rest = letter.fields
        return (letter.with_fields([head, *(one.replace(old, new) for one in rest)]),)

    return change


def shortened(count: int) -> Change:
    """The last fields cut off, but never the message's number."""

    def change(letter: Letter) -> Iterable[Letter]:
        return (letter.with_fields(letter.fields[: max(len(letter.fields) - count, 1)]),)

    return change


def with_length(length: int) -> Change:
    """A message to the client under a false length prefix; one of a client is lost instead."""

    def change(letter: Letter) -> Iterable[Letter]:
        if letter.direction is Direction.OUT:
            letter.link.session.put(LENGTH.pack(length) + letter.payload)
        return ()

    return change


def cut_off(reset: bool, keep_bytes: int | None) -> Change:
    """The connection ends inside the message: its first bytes (length prefix included; None: half) are written, then
    FIN or RST. A message of a client counts as never read."""

    def change(letter: Letter) -> Iterable[Letter]:
        link = letter.link
        if letter.direction is Direction.OUT:
            data = frame(letter.payload)
            keep = len(data) // 2 if keep_bytes is None else min(keep_bytes, len(data) - 1)
            link.session.put(data[:keep])
        if reset:
            link.flush()
            link.reset("connection reset inside a message")
        else:
            link.close("connection dropped inside a message")
        return ()

    return change
