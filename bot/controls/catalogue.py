"""The controls as data, from controls.toml beside this module; tests/house/test_controls.py holds them to the code.

A row has `title`, `says` (our sentence), `weight` (must, should, later), `action` (what a failure does), `state` and,
unless it runs whole, `because`. A control that is built names `where` (`module:symbol`) and `tests` (`file::function`
below tests/). Optional: `keys` (settings that are its caps), `checks` (codes of the gate that enforce it).
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

FILE = Path(__file__).resolve().parent / "controls.toml"


class State(StrEnum):
    """Whether a control is built."""

    RUNS = "runs"
    IN_PART = "in part"
    NOT_BUILT = "not built"


class Control(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One control; the module says what its fields mean."""

    title: str
    says: str
    weight: Literal["must", "should", "later"]
    action: str
    state: State = State.RUNS
    because: str = ""
    where: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


@cache
def controls() -> dict[str, Control]:
    """Every control by its code. Raises ValueError naming the row that cannot be read."""
    found: dict[str, Control] = {}
    for code, row in tomllib.loads(FILE.read_text(encoding="utf-8")).items():
        try:
            found[code] = msgspec.convert(row, Control)
        except msgspec.ValidationError as error:
            raise ValueError(f"{FILE.name}, row {code}: {error}") from error
    return found
