"""What was run and seen, by the code it was run with: new results are added to docs/evidence.json, once each.

Results lie in a folder of one machine and are lost with it; the JSON is kept, so that counts grow over days. It holds,
for each code, which numbers of which family were played, and their counts. The page is made from it alone (page.py).
"""

from __future__ import annotations

import copy
import json
import os
import platform
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.controls.catalogue import controls
from tests.campaign import numbers, page, results
from tests.campaign.catalogue import INVARIANTS, fault_classes

FACTS = results.ROOT / "docs" / "evidence.json"
PAGE = results.ROOT / "docs" / "evidence.md"
REMARKS = Path(__file__).with_name("remarks.toml")
COUNTED = ("checked", "violated", "faults", "classes", "controls", "events")
FIRST_LIFE = 100

Facts = dict[str, Any]


def write(folder: Path) -> None:
    """Adds a folder of results to the facts of the docs, and makes the page anew."""
    facts = added(json.loads(FACTS.read_text(encoding="utf-8")), folder, remarks())
    FACTS.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(page.page(json.loads(FACTS.read_text(encoding="utf-8"))), encoding="utf-8")


def remarks() -> Facts:
    """What people say about results (remarks.toml)."""
    return tomllib.loads(REMARKS.read_text(encoding="utf-8"))


def added(facts: Facts, folder: Path, said: Facts) -> Facts:
    """The facts with everything of a folder that they do not hold yet; a folder added twice changes nothing."""
    false = {(row["code"], row["what"]) for row in said.get("failing", ()) if row["was"] == "rig"}
    runs: dict[str, Facts] = copy.deepcopy(facts["runs"])
    _no_false_result_is_held(runs, false)
    for row in results.rows(folder / "results.jsonl"):
        if (row["code"], f"{row['family']} {row['seed']}") not in false:
            _seed(_run(runs, row), row)
    for row in results.rows(folder / "kills.jsonl"):
        if (row["code"], f"{_kind(row)} {row['number']}") not in false:
            _story(_run(runs, row), row)
    for row in results.rows(folder / "presses.jsonl"):
        if (row["code"], f"presses {row['life']}") not in false:
            _life(_run(runs, row), row)
    for row in results.rows(folder / "single.jsonl"):
        _run(runs, row)[row["name"]] = {key: value for key, value in row.items() if key not in ("code", "name")}
    for row in results.rows(folder / "soaks.jsonl"):
        _run(runs, row).setdefault("soaks", {})[row["began"]] = {k: v for k, v in row.items() if k != "code"}
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    return {"runs": runs, "machine": machine, "tables": _tables(), "remarks": said}


def _no_false_result_is_held(runs: Mapping[str, Facts], false: set[tuple[str, str]]) -> None:
    """Raises ValueError where counts hold a result that the remarks call false: it cannot be taken out again."""
    for code, run in runs.items():
        places = [*run.get("seeds", {}).values(), *run.get("kills", {}).values(), run.get("presses", {})]
        held = [what for place in places for what in place.get("failing", ()) if (code, what) in false]
        if held:
            raise ValueError(
                f"docs/evidence.json: {held[0]} of {code} is in the counts, and remarks.toml says that the rig was "
                "wrong: take the file as it was before that was added, and add the results again"
            )


def _run(runs: dict[str, Facts], row: Mapping[str, Any]) -> Facts:
    """What is held of the code of a row, the row's day noted."""
    run = runs.setdefault(row["code"], {"on": []})
    run["on"] = sorted({*run["on"], row["on"]})
    return run


def _new(part: Facts, number: int) -> bool:
    """Notes a number as played; False where it was."""
    played = numbers.read(part.get("played", ""))
    part["played"] = numbers.write({*played, number})
    return number not in played


def _count(part: Facts, name: str, more: Mapping[str, int]) -> None:
    total = Counter(part.get(name, {}))
    total.update(more)
    part[name] = dict(total)


def _plus(part: Facts, **more: float) -> None:
    for name, value in more.items():
        part[name] = part.get(name, 0) + value


def _seed(run: Facts, row: Mapping[str, Any]) -> None:
    part = run.setdefault("seeds", {}).setdefault(row["family"], {})
    if not _new(part, row["seed"]):
        return
    _plus(part, seeds=1, liveness=int(row["liveness"]), cpu_s=row["cpu_s"])
    part["cpu_s"] = round(part["cpu_s"], 2)
    part["most_per_s"] = max(part.get("most_per_s", 0), row.get("most_per_s", 0))
    for name in COUNTED:
        _count(part, name, row[name])
    if row["violated"]:
        part.setdefault("failing", []).append(f"{row['family']} {row['seed']}")


def _kind(row: Mapping[str, Any]) -> str:
    return "random" if row["story"] == "random" else "named"


def _story(run: Facts, row: Mapping[str, Any]) -> None:
    part = run.setdefault("kills", {}).setdefault(_kind(row), {})
    if not _new(part, row["number"]):
        return
    _plus(part, stories=1, real_s=round(row["real_s"]))
    _count(part, "deaths", row["kills"])
    if row["wrong"]:
        part.setdefault("failing", []).append(f"{_kind(row)} {row['number']}")


def _life(run: Facts, row: Mapping[str, Any]) -> None:
    part = run.setdefault("presses", {})
    if not _new(part, row["life"]):
        return
    figures = {name: row[name] for name in ("made", "hot", "callbacks", "orders", "in_flight", "cpu_s")}
    _plus(part, lives=1, violations=len(row["violations"]), **figures)
    if row["violations"]:
        part.setdefault("failing", []).append(f"presses {row['life']}")


# what is asked of the facts ---------------------------------------------------------------------------------
def next_number(folder: Path, kind: str) -> int:
    """The first number of `named`, `random` or `presses` above everything that was played, here or ever."""
    runs = json.loads(FACTS.read_text(encoding="utf-8"))["runs"].values()
    if kind == "presses":
        here = [row["life"] for row in results.rows(folder / "presses.jsonl")]
        ever = [run.get("presses", {}) for run in runs]
    else:
        here = [row["number"] for row in results.rows(folder / "kills.jsonl") if _kind(row) == kind]
        ever = [run.get("kills", {}).get(kind, {}) for run in runs]
    first = FIRST_LIFE if kind == "presses" else 0
    return max([first - 1, *here, *(n for part in ever for n in numbers.read(part.get("played", "")))]) + 1


def most_per_s(folder: Path) -> int:
    """The most messages that any seed got in one second of the market, here or ever."""
    runs = json.loads(FACTS.read_text(encoding="utf-8"))["runs"].values()
    ever = [part.get("most_per_s", 0) for run in runs for part in run.get("seeds", {}).values()]
    return max([*ever, *(row.get("most_per_s", 0) for row in results.rows(folder / "results.jsonl"))])


def _tables() -> Facts:
    """The tables as they were when it was written: a later row must not change what was seen."""
    return {
        "controls": {
            code: {"title": row.title, "state": row.state.value, "checks": list(row.checks), "tests": list(row.tests)}
            for code, row in controls().items()
        },
        "faults": {
            code: {"what": row.what, "tests": list(row.tests), "because": row.because}
            for code, row in fault_classes().items()
        },
        "invariants": {code: list(row) for code, row in INVARIANTS.items()},
    }
