"""The evidence grows: what a machine played is added to what others played before, once a code and number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.campaign import evidence, numbers, page, results

NOTHING: dict[str, Any] = {"runs": {}}
SAID: dict[str, Any] = {"notes": ["a note"], "failing": []}


def seed(code: str, number: int, *, on: str = "2026-11-27", broken: int = 0) -> dict[str, Any]:
    """A row of results: seven looks, two messages."""
    return {
        "code": code, "on": on, "family": "orders", "seed": number, "liveness": True, "cpu_s": 1.5,
        "checked": {"I2": 7}, "violated": {"I2": broken} if broken else {}, "faults": {"drop": 1},
        "classes": {"F05": 1}, "controls": {}, "events": {"messages sent": 2},
    }  # fmt: skip


def put(folder: Path, name: str, *rows: dict[str, Any]) -> Path:
    """Rows in a file of results; their own code and day go before those of the moment."""
    for row in rows:
        results.append(folder / name, row)
    return folder


def orders(facts: dict[str, Any], code: str) -> dict[str, Any]:
    part: dict[str, Any] = facts["runs"][code]["seeds"]["orders"]
    return part


def test_a_folder_added_twice_counts_once(tmp_path: Path) -> None:
    """The same rows again change nothing, nor does a seed that the same code plays a second time."""
    folder = put(tmp_path, "results.jsonl", seed("a", 0), seed("a", 1), seed("a", 1))
    once = evidence.added(NOTHING, folder, SAID)
    assert orders(once, "a")["seeds"] == 2
    assert orders(once, "a")["played"] == "0-1"
    assert orders(once, "a")["checked"] == {"I2": 14}
    assert evidence.added(json.loads(json.dumps(once)), folder, SAID) == once


def test_another_machine_adds_and_another_code_stands_beside(tmp_path: Path) -> None:
    """A new folder adds its new numbers to those of the same code; the same numbers of other code count for it."""
    first = evidence.added(NOTHING, put(tmp_path / "one", "results.jsonl", seed("a", 0)), SAID)
    more = put(tmp_path / "two", "results.jsonl", seed("a", 0), seed("a", 5, on="2026-11-28"), seed("b", 0))
    both = evidence.added(first, more, SAID)
    assert orders(both, "a")["played"] == "0,5"
    assert both["runs"]["a"]["on"] == ["2026-11-27", "2026-11-28"]
    assert orders(both, "b")["seeds"] == 1
    assert "3 seeds, 6 simulated events" in page.page(both)
    assert orders(first, "a")["seeds"] == 1, "what was held is not changed in place"


def test_deaths_presses_and_soaks_count_once_too(tmp_path: Path) -> None:
    """Stories by kind and number, lives of presses by number, soaks by when they began."""
    story = {"code": "a", "on": "2026-11-27", "story": "random", "number": 3, "kills": {"at random": 6}, "wrong": "",
             "real_s": 9.6}  # fmt: skip
    life = {"code": "a", "on": "2026-11-27", "life": 100, "made": 40, "hot": 20, "callbacks": 900, "orders": 50,
            "in_flight": 0, "violations": [], "cpu_s": 26}  # fmt: skip
    soak = {"code": "a", "on": "2026-11-27", "began": "now", "words": "A soak.", "slopes": {}, "evenings": [1, 2]}
    put(tmp_path, "kills.jsonl", story, {**story, "story": "named: a", "kills": {"entry.write": 2}}, story)
    put(tmp_path, "presses.jsonl", life, life)
    put(tmp_path, "soaks.jsonl", soak)
    put(tmp_path, "single.jsonl", {"code": "a", "on": "2026-11-27", "name": "torn", "words": "Cut.", "cuts": 5})
    facts = evidence.added(evidence.added(NOTHING, tmp_path, SAID), tmp_path, SAID)
    run = facts["runs"]["a"]
    assert run["kills"]["random"]["deaths"] == {"at random": 6}
    assert run["kills"]["named"]["deaths"] == {"entry.write": 2}
    assert run["presses"]["made"] == 40
    assert run["torn"]["cuts"] == 5
    text = page.page(facts)
    assert "2 deaths at 1 named points and 6 at random moments" in text
    assert "40 presses" in text
    assert "A soak. Code: `a`." in text


def test_a_failing_result_is_told_until_it_is_explained(tmp_path: Path) -> None:
    """It stands on the page by its code; where the rig was wrong it is left out, said so, and may be played again."""
    folder = put(tmp_path, "results.jsonl", seed("a", 4, broken=1), seed("a", 5))
    bare = evidence.added(NOTHING, folder, SAID)
    assert "| orders 4 | `a` | not explained yet |" in page.page(bare)
    row = {"code": "a", "what": "orders 4", "was": "bot", "why": "it was slow"}
    assert "| the bot: it was slow |" in page.page(evidence.added(bare, folder, {"failing": [row]}))
    false = evidence.added(NOTHING, folder, {"failing": [{**row, "was": "rig"}]})
    assert orders(false, "a")["played"] == "5"
    assert orders(false, "a")["violated"] == {}
    assert "left out, the rig was wrong: it was slow" in page.page(false)


def test_a_seed_said_to_be_false_after_it_was_added_is_refused(tmp_path: Path) -> None:
    """Counts cannot be taken back one by one: a false result has to be known before it is added."""
    facts = evidence.added(NOTHING, put(tmp_path, "results.jsonl", seed("a", 4, broken=1)), SAID)
    row = {"code": "a", "what": "orders 4", "was": "rig", "why": "a wrong look"}
    with pytest.raises(ValueError, match="orders 4"):
        evidence.added(facts, tmp_path, {"failing": [row]})


@pytest.mark.parametrize(("text", "held"), [("", set()), ("3", {3}), ("0-2,9", {0, 1, 2, 9})])
def test_numbers_are_written_as_ranges_and_read_back(text: str, held: set[int]) -> None:
    """Text to set and back."""
    assert numbers.read(text) == held
    assert numbers.write(held) == text


def test_the_code_that_plays_is_what_the_results_are_filed_under() -> None:
    """One code for one tree, with the version before it."""
    assert results.code() == results.code()
    assert results.code().startswith("0.")
