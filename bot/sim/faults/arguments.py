"""Typed arguments of verbs: declared once, read from JSON or TOML values, refused whole with what is allowed.

Rules: a value is taken as it is or refused, never converted from text; NaN and infinities are no numbers; an argument
that is absent takes its default, and one with default None stays absent.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from enum import Enum, StrEnum

from bot.sim.wire.answer_names import MessageType, message_type


class FaultError(ValueError):
    """A fault that cannot be done as asked: what was wrong and what is allowed. Nothing has happened."""


class Kind(StrEnum):
    """What a value may be, in the words of the error texts."""

    WHOLE = "a whole number"
    NUMBER = "a number"
    FLAG = "true or false"
    WORD = "one of the words"
    TEXT = "a text"
    TEXTS = "a list of texts"
    TIME = "a New York time such as 10:30:00"
    MESSAGE = "a message type: a name such as placeOrder or orderStatus, a number as in:3 or out:99, in:any or out:any"


class Need(Enum):
    """Marks an argument that has no default."""

    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a verb. `low` and `high` bound numbers (both included); `words` are those allowed of a WORD;
    `unit` is the unit of a number, such as "market s" or "index points"."""

    name: str
    kind: Kind
    text: str
    default: object = Need.REQUIRED
    unit: str = ""
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """What a value must be, in words."""
        if self.kind is Kind.WORD:
            return f"one of {', '.join(self.words)}"
        bounds = ""
        if self.low is not None and self.high is not None:
            bounds = f" from {self.low:.12g} to {self.high:.12g}"
        elif self.low is not None:
            bounds = f" of at least {self.low:.12g}"
        elif self.high is not None:
            bounds = f" of at most {self.high:.12g}"
        return f"{self.kind.value}{bounds}{f' ({self.unit})' if self.unit else ''}"

    def read(self, value: object) -> object:
        """The value, checked. Raises FaultError saying what is allowed."""
        checked = self._typed(value)
        if checked is None:
            raise FaultError(f"{self.name} must be {self.allowed}, got {value!r}")
        return checked

    def _typed(self, value: object) -> object | None:
        if self.kind is Kind.FLAG:
            return value if isinstance(value, bool) else None
        if self.kind in (Kind.WHOLE, Kind.NUMBER):
            return self._number(value)
        if self.kind is Kind.TEXTS:
            return tuple(value) if isinstance(value, (list, tuple)) and all(map(_is_text, value)) else None
        if self.kind is Kind.TIME:
            return _clock_time(value)
        if self.kind is Kind.MESSAGE and isinstance(value, str):
            return _message_type(self.name, value)
        if self.kind is Kind.WORD and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)  # a code among the words may be written as the number that it is
        if not _is_text(value) or (self.kind is Kind.WORD and value not in self.words):
            return None
        return value

    def _number(self, value: object) -> object | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if self.kind is Kind.WHOLE and not isinstance(value, int):
            return None
        if abs(value) > 1e15 or not math.isfinite(value):
            return None
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            return None
        return float(value) if self.kind is Kind.NUMBER else value

    def facts(self) -> dict[str, object]:
        """Its documentation as plain values."""
        required = self.default is Need.REQUIRED
        found: dict[str, object] = {"name": self.name, "text": self.text, "allowed": self.allowed}
        return found | ({"required": True} if required else {"default": self.default})


def _clock_time(value: object) -> time | None:
    """A time of day from TOML or from text, None where it is none."""
    try:
        found = time.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return found if isinstance(found, time) and found.tzinfo is None else None


def _is_text(value: object) -> bool:
    """Whether it is a text that can be written to a socket or a file: half a surrogate pair cannot."""
    return isinstance(value, str) and not any(0xD800 <= ord(sign) <= 0xDFFF for sign in value)


def _message_type(name: str, value: str) -> str:
    try:
        return str(message_type(value))
    except ValueError as error:
        raise FaultError(f"{name}: {error}") from None


def whole(
    name: str,
    text: str,
    *,
    low: int | None = 0,
    high: int | None = None,
    default: object = Need.REQUIRED,
    unit: str = "",
) -> Argument:
    """A whole number between the bounds."""
    return Argument(name, Kind.WHOLE, text, default, unit, low, high)


def number(
    name: str, text: str, *, low: float | None = None, high: float | None = None, default: object = Need.REQUIRED,
    unit: str = "",
) -> Argument:  # fmt: skip
    """A finite number between the bounds."""
    return Argument(name, Kind.NUMBER, text, default, unit, low, high)


def seconds(name: str, text: str, *, default: object = Need.REQUIRED, low: float = 0.0, high: float = 1e7) -> Argument:
    """Market seconds."""
    return Argument(name, Kind.NUMBER, text, default, "market s", low, high)


def flag(name: str, text: str, *, default: object = False) -> Argument:
    """True or false."""
    return Argument(name, Kind.FLAG, text, default)


def word(name: str, text: str, words: Iterable[str], *, default: object = Need.REQUIRED) -> Argument:
    """One of the words."""
    return Argument(name, Kind.WORD, text, default, words=tuple(words))


def text(name: str, meaning: str, *, default: object = Need.REQUIRED) -> Argument:
    """Any text."""
    return Argument(name, Kind.TEXT, meaning, default)


def texts(name: str, meaning: str, *, default: object = Need.REQUIRED) -> Argument:
    """A list of texts."""
    return Argument(name, Kind.TEXTS, meaning, default)


def message(name: str, meaning: str, *, default: object = Need.REQUIRED) -> Argument:
    """A message type of either direction."""
    return Argument(name, Kind.MESSAGE, meaning, default)


class Arguments:
    """The checked arguments of one call. Each reader gives the type of the declared kind; the `maybe_` ones give None
    for an argument left out whose default is None. Raises KeyError for a name that the verb does not declare."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = dict(values)

    def given(self) -> dict[str, object]:
        """Every argument that has a value, defaults included: what the ledger writes."""
        return {name: value for name, value in self._values.items() if value is not None}

    def whole(self, name: str) -> int:
        """A whole number."""
        value = self._values[name]
        assert isinstance(value, int), f"{name} is no whole number"
        return value

    def number(self, name: str) -> float:
        """A finite number."""
        value = self._values[name]
        assert isinstance(value, float), f"{name} is no number"
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._values[name]
        assert isinstance(value, bool), f"{name} is no flag"
        return value

    def text(self, name: str) -> str:
        """A text or a word."""
        value = self._values[name]
        assert isinstance(value, str), f"{name} is no text"
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._values[name]
        assert isinstance(value, tuple), f"{name} is no list"
        return value

    def message(self, name: str) -> MessageType:
        """A message type."""
        return message_type(self.text(name))

    def maybe_time(self, name: str) -> time | None:
        """A time of day, None where it was left out."""
        value = self._values[name]
        assert value is None or isinstance(value, time), f"{name} is no time"
        return value

    def maybe_whole(self, name: str) -> int | None:
        """A whole number, None where it was left out."""
        return None if self._values[name] is None else self.whole(name)

    def maybe_number(self, name: str) -> float | None:
        """A finite number, None where it was left out."""
        return None if self._values[name] is None else self.number(name)

    def maybe_text(self, name: str) -> str | None:
        """A text, None where it was left out."""
        return None if self._values[name] is None else self.text(name)


def read_arguments(declared: Sequence[Argument], values: Mapping[str, object]) -> Arguments:
    """All arguments of one call, checked together. Raises FaultError for an unknown, missing or wrong one."""
    known = {argument.name: argument for argument in declared}
    for name in values:
        if name not in known:
            raise FaultError(unknown("argument", name, known))
    found: dict[str, object] = {}
    for name, argument in known.items():
        if name in values:
            found[name] = argument.read(values[name])
        elif argument.default is Need.REQUIRED:
            raise FaultError(f"{name} is missing: {argument.text}; it must be {argument.allowed}")
        else:
            default = argument.default
            found[name] = None if default is None else argument.read(default)
    return Arguments(found)


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """The text about a name nobody knows: the nearest known one, then all of them."""
    names = list(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"unknown {what} {name!r}{hint}; known are {', '.join(names) or 'none'}"
