"""The planted bugs as data, and what was recorded about them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import msgspec

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUGS = HERE / "bugs.toml"
RESULTS = HERE / "results.json"
PAGE = ROOT / "docs" / "planted.md"


class Bug(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One wrong change: where, which text becomes which, and what it would do to a trader.

    `breaks` lists the controls and invariants it breaks, `first` the tests most likely to find it.
    """

    id: str
    file: str
    old: str
    new: str
    words: str
    harm: str
    breaks: tuple[str, ...]
    first: tuple[str, ...]

    def fault(self, root: Path) -> str:
        """Why it cannot be planted in this tree, empty if it can."""
        path = root / self.file
        if not path.is_file():
            return f"{self.id}: there is no {self.file}"
        count = path.read_text().count(self.old)
        if count != 1:
            return f"{self.id}: its old text stands {count} times in {self.file}, it must stand there once"
        missing = [name for name in self.first if not (root / name).exists()]
        return f"{self.id}: there is no {missing[0]}" if missing else ""


def change(bug: Bug) -> str:
    """What a recorded result is about."""
    return f"{bug.file}\n{bug.old}\n{bug.new}"


def bugs() -> tuple[Bug, ...]:
    """All of bugs.toml. Raises msgspec.ValidationError for one that lacks a field."""
    return msgspec.convert(tomllib.loads(BUGS.read_text())["bug"], tuple[Bug, ...])


def results() -> dict[str, Any]:
    """What was recorded, empty before the first run."""
    return dict(json.loads(RESULTS.read_text())) if RESULTS.exists() else {}


def page(recorded: dict[str, Any]) -> str:
    """docs/planted.md."""
    every, found = bugs(), recorded.get("bugs", {})
    caught = [bug for bug in every if found.get(bug.id, {}).get("by")]
    lines = [
        "# Planted bugs",
        "",
        f"{len(every)} small wrong changes of the bot, each of a kind that has cost people money, are made one at a",
        "time in a copy of the tree; some test must fail. `make planted` does all, `python -m tests.planted --only",
        "ID` one. The unchanged copy has to pass the same tests first. Not run by `make test`; that the bugs can",
        "still be planted is.",
        "",
        "Eight were found by none of the tests that were expected to when they were first planted: a hash that is not",
        "chained, baselines reset at a restart, order ids that fall or come from the gateway alone, resending on a",
        "timeout, positions watched in the journal only, quotes of the connection before, arming over a difference.",
        "The tests that find them now were written for that reason.",
        "",
        f"Last run: {len(caught)} of {len(every)} found. {recorded.get('about', '')}".rstrip(),
        "",
        "| bug | the wrong change | what it would do | breaks | found by | s |",
        "|---|---|---|---|---|---|",
    ]
    for bug in every:
        row = found.get(bug.id, {})
        by = f"`{_short(row['by'])}`" if row.get("by") else "**nothing**" if row else "not run"
        seconds = f"{row['seconds']:.0f}" if row else ""
        lines.append(f"| {bug.id} | {bug.words} | {bug.harm} | {', '.join(bug.breaks)} | {by} | {seconds} |")
    lines += [
        "",
        "The seconds are from planting to the failing test on a machine busy with other work. Tests run in the order",
        "of `tests/planted/bugs.toml` first, then the wider suites; the first to fail is named, others may fail too.",
    ]
    return "\n".join(lines) + "\n"


def _short(node: str) -> str:
    return node.removeprefix("tests/")
