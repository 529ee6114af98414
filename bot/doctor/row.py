"""One finding: what was looked at, how it is, and what to do about it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Grade(StrEnum):
    """PASS needs nothing, WARN should be looked at, FAIL keeps the bot from working or being safe."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


class Row(NamedTuple):
    """A line of the doctor's table; `remedy` is empty where nothing need be done."""

    name: str
    grade: Grade
    text: str
    remedy: str = ""


def good(name: str, text: str) -> Row:
    """Nothing to do."""
    return Row(name, Grade.PASS, text)


def warn(name: str, text: str, remedy: str) -> Row:
    """To be looked at."""
    return Row(name, Grade.WARN, text, remedy)


def fail(name: str, text: str, remedy: str) -> Row:
    """Keeps the bot from working or being safe."""
    return Row(name, Grade.FAIL, text, remedy)
