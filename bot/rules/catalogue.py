"""The catalogue as data: rules and the statements they honour, read from the TOML files beside this module.

A row of a rule has `title`, `says` (one sentence of ours), `keys` (settings that are its parameters; `x.*` is every key
below), `decided` (`module:symbol`), `tests` (`file::function` below tests/), `state` and, unless it runs, `because`.
Optional: `differs` (where the program departs from the rule), `switch` (a setting that is true while it is used),
`checks` (codes of the gate), `sees` (kinds of data it looks at), `compares` (conditions on a decision's numbers),
`when` (`all` or `any` of them), `met` (what follows: the rule `acts`, or it `allows`), `turns` (what would turn its
answer, in words, where numbers alone do not say). tests/house/test_rules.py holds the rows against code, tests and
settings.
"""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

HERE = Path(__file__).resolve().parent
RULE_FILES = ("regime", "condor", "hedge", "macro", "governance")
CHAPTERS = {
    "T": "Regime and tiers",
    "D": "Diagnostics",
    "C": "Condors",
    "P": "Break-evens and projection",
    "A": "The hedge",
    "M": "Macro data and events",
    "K": "Sizes and definedness",
    "X": "Liquidity and execution",
    "G": "Governance",
    "J": "Records and reports",
}
"""What a rule's first letter stands for, in the order in which chapters are listed."""

Row = TypeVar("Row")


class State(StrEnum):
    """Whether a rule is used."""

    RUNS = "runs"
    NEEDS_INPUT = "needs input"
    OFF = "off by default"
    NOT_BUILT = "not built"
    NOT_MEANINGFUL = "not meaningful"

    @property
    def alive(self) -> bool:
        """Whether there is code that can be tested."""
        return self in (State.RUNS, State.NEEDS_INPUT, State.OFF)


Source = Literal["spx", "vix", "curve", "legs", "hedge", "account", "book", "history", "events", "macro"]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule; the module says what its fields mean. `state` is what holds while `switch`, if there is one, is on."""

    title: str
    says: str
    state: State
    because: str = ""
    differs: str = ""
    switch: str = ""
    keys: tuple[str, ...] = ()
    decided: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    sees: tuple[Source, ...] = ()
    compares: tuple[str, ...] = ()
    when: Literal["all", "any"] = "all"
    met: Literal["acts", "allows"] = "acts"
    turns: str = ""


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One statement of the sources: our paraphrase, the rules that honour it, or why none does."""

    says: str
    rules: tuple[str, ...]
    note: str = ""
    because: str = ""


class Catalogue(msgspec.Struct, frozen=True):
    """Rules and statements by ID, in the order of reading."""

    rules: dict[str, Rule]
    statements: dict[str, Statement]

    def honoured_by(self, rule_id: str) -> tuple[str, ...]:
        """IDs of the statements a rule honours."""
        return tuple(key for key, row in self.statements.items() if rule_id in row.rules)

    def of_check(self, code: str) -> str | None:
        """The rule that a control of the gate enforces, None for a control of its own."""
        return next((key for key, rule in self.rules.items() if code in rule.checks), None)


@cache
def catalogue() -> Catalogue:
    """The whole catalogue. Raises ValueError with file and row for a row that cannot be read."""
    rules: dict[str, Rule] = {}
    for name in RULE_FILES:
        rules |= _rows(f"{name}.toml", Rule)
    statements = _rows("statements.toml", Statement)
    return Catalogue(
        dict(sorted(rules.items(), key=lambda row: place(row[0]))),
        dict(sorted(statements.items(), key=lambda row: place(row[0]))),
    )


def _rows(name: str, kind: type[Row]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for key, row in tomllib.loads((HERE / name).read_text(encoding="utf-8")).items():
        try:
            found[key] = msgspec.convert(row, kind)
        except msgspec.ValidationError as error:
            raise ValueError(f"bot/rules/{name}, row {key}: {error}") from error
    return found


def place(key: str) -> tuple[object, ...]:
    """Sorts IDs as people count: by chapter, family, then number."""
    family, _, number = key.rpartition("-")
    letter = list(CHAPTERS).index(key[0]) if key[0] in CHAPTERS else -1
    digits = re.sub(r"\D", "", number)
    return (letter, _first_of(family) if number.isdigit() else _first_of(key), int(digits) if digits else 0)


_FAMILIES = ("T-REG", "T-CARRY", "T-TIER", "D-RSI", "D-MACD", "D-AD", "D-COMP", "D-SKEW", "D-CORR", "D-RVIV", "D-SCORE",
             "D-NOISE", "C-ENTRY", "C-EXIT", "C-ADJ", "C-DELTA", "C-PRESS", "C-THETA", "C-DEC", "P-BE", "P-PROJ",
             "A-LAT", "A-VEGA", "A-SIZE", "A-BUD", "A-ROT", "A-ROLL", "A-WACC", "A-ENG", "A-HARV", "M-MAC", "M-CAL",
             "K-SIZE", "K-DEF", "X-LIQ", "X-EXEC", "G-GOV", "G-SAFE", "J-LOG", "J-RPT", "J-KPI", "J-SLO")  # fmt: skip


def _first_of(family: str) -> tuple[int, str]:
    return (_FAMILIES.index(family) if family in _FAMILIES else len(_FAMILIES), family)


def expanded(keys: tuple[str, ...], known: frozenset[str]) -> tuple[str, ...]:
    """The settings that `keys` name, `x.*` replaced by every known key below x. Raises KeyError for an unknown one."""
    found: list[str] = []
    for key in keys:
        below = sorted(name for name in known if name.startswith(key[:-1])) if key.endswith(".*") else [key]
        if not below or (below == [key] and key not in known):
            raise KeyError(key)
        found += below
    return tuple(dict.fromkeys(found))


def worst(states: list[State]) -> str:
    """How a statement stands whose rules stand so."""
    if all(state is states[0] for state in states):
        return states[0].value
    return "in part" if any(state.alive for state in states) else State.NOT_BUILT.value
