"""Field texts of the protocol: strict reading of what clients send, exact writing of what a gateway sends."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

UNSET_DOUBLE = "1.7976931348623157E308"
UNSET_INTEGER = "2147483647"
UNSET_LONG = "9223372036854775807"
UNSET_INTEGERS = frozenset({"", UNSET_INTEGER, UNSET_LONG})
"""Texts that leave a whole number open."""
_UNSET_FLOAT = 1.7976931348623157e308
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,3})?", re.ASCII)


class MalformedRequest(ValueError):
    """A message whose fields cannot be read; the text names the field and says what was expected."""


class FieldReader:
    """Reads the fields of one message in order. Every method raises MalformedRequest naming the field."""

    def __init__(self, values: list[str]) -> None:
        self._values = values
        self._next = 0

    @property
    def remaining(self) -> int:
        """Fields not read yet."""
        return len(self._values) - self._next

    def text(self, name: str) -> str:
        """The next field as it stands."""
        if self._next >= len(self._values):
            raise MalformedRequest(f"field '{name}' is missing: the message has only {len(self._values)} fields")
        value = self._values[self._next]
        self._next += 1
        return value

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number; empty or the unset marker gives the default. '3.0' is accepted, as clients send it."""
        return read_integer(name, self.text(name), default)

    def number(self, name: str, default: float = 0.0) -> float:
        """A finite decimal; empty or the unset marker gives the default."""
        value = read_number(name, self.text(name))
        return default if value is None else value

    def flag(self, name: str) -> bool:
        """'1' or '0'; empty is false."""
        return read_flag(name, self.text(name))

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """A counted list of (tag, value)."""
        count = self.count(f"number of {name}")
        return tuple((self.text(f"{name} tag"), self.text(f"{name} value")) for _ in range(count))

    def count(self, name: str) -> int:
        """A list length that the rest of the message can hold."""
        value = self.integer(name)
        if not 0 <= value <= self.remaining:
            raise MalformedRequest(f"field '{name}' is {value}, but {self.remaining} fields follow")
        return value

    def finish(self) -> None:
        """Raises if fields are left over: then the layouts of client and gateway differ."""
        if self.remaining:
            raise MalformedRequest(f"{self.remaining} fields too many, starting at {_shown(self._values[self._next])}")


def read_integer(name: str, text: str, default: int = 0) -> int:
    """See FieldReader.integer. Whole numbers of 64 bits, in ASCII digits."""
    if text in UNSET_INTEGERS:
        return default
    if _WHOLE.fullmatch(text):
        return int(text)
    value = float(text) if _DECIMAL.fullmatch(text) else math.nan  # some clients write whole numbers as decimals
    if not math.isfinite(value) or value != int(value) or abs(value) >= 2.0**63:
        raise MalformedRequest(f"field '{name}' must be a whole number, got {_shown(text)}")
    return int(value)


def read_number(name: str, text: str) -> float | None:
    """A finite decimal, None where unset. Raises MalformedRequest for anything else, NaN and infinities included."""
    if not text:
        return None
    if not _DECIMAL.fullmatch(text):
        raise MalformedRequest(f"field '{name}' must be a finite number, got {_shown(text)}")
    value = float(text)
    if not math.isfinite(value):
        raise MalformedRequest(f"field '{name}' must be a finite number, got {_shown(text)}")
    return None if value == _UNSET_FLOAT else value


def _shown(text: str) -> str:
    """A client's text in an error: quoted, and no longer than a person reads."""
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


def read_flag(name: str, text: str) -> bool:
    """See FieldReader.flag."""
    if text in ("", "0", "false", "False"):
        return False
    if text in ("1", "true", "True"):
        return True
    raise MalformedRequest(f"field '{name}' must be 1 or 0, got {_shown(text)}")


def write(value: object) -> str:
    """One value as the gateway writes it: None is empty, flags 1 or 0, infinities and NaN unset."""
    if value is None:
        return ""
    if value is True:
        return "1"
    if value is False:
        return "0"
    if isinstance(value, float):
        return float.__repr__(value) if math.isfinite(value) else UNSET_DOUBLE
    return str(value)


def money(value: float | None) -> str:
    """Dollars as the gateway writes margins: to the cent, no trailing zeros but the first; None is the unset marker."""
    return UNSET_DOUBLE if value is None or not math.isfinite(value) else repr(round(value + 0.0, 2))


def whole(value: float) -> object:
    """A size or volume: whole ones without a decimal point, because clients of protocol 157 read nothing else."""
    return int(value) if math.isfinite(value) and value == int(value) else value


def plain(text: str) -> str:
    """Free text in the protocol's 7-bit form: other characters as backslash escapes, no NUL."""
    return text.replace("\0", " ").encode("ascii", errors="backslashreplace").decode("ascii")


def message(values: Iterable[object]) -> bytes:
    """Payload of a message from its field values."""
    texts = [value if type(value) is str else write(value) for value in values]  # most of a tick is text already
    return ("\0".join(texts) + "\0").encode("utf-8")
