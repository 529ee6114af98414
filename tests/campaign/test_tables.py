"""The tables of the campaign: every fault class has its row, and what a row names exists."""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path

from bot.controls.catalogue import controls
from bot.sim.faults.table import FAULTS
from tests.campaign import evidence, page
from tests.campaign.catalogue import INVARIANTS, fault_classes
from tests.campaign.host import HOST_VERBS
from tests.campaign.menu import MENU

TESTS = Path(__file__).resolve().parents[1]


@cache
def functions(file: str) -> set[str]:
    """Names of the tests in a file."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}


def exists(test: str) -> bool:
    file, _, name = test.partition("::")
    return (TESTS / file).exists() and name in functions(file)


def test_every_fault_class_is_caused_or_explained() -> None:
    """F01 to F104, in order: a seed can cause it, or a test does, and where neither can, the reason stands there."""
    rows = fault_classes()
    assert list(rows) == [f"F{number:02}" for number in range(1, 105)]
    served = {fault for dish in MENU for fault in dish.faults}
    assert served <= set(rows), "a dish names a fault that is none"
    for code, row in rows.items():
        assert code in served or row.tests or row.because, f"{code} is neither caused nor explained"
        missing = [test for test in row.tests if not exists(test)]
        assert not missing, f"{code} names tests that do not exist: {missing}"


def test_every_verb_of_the_menu_exists() -> None:
    """A dish is a verb of the gateway or one of the host's own."""
    unknown = {dish.verb for dish in MENU} - set(FAULTS) - HOST_VERBS
    assert not unknown


def test_every_invariant_says_where_it_is_judged() -> None:
    """I1 to I24: a sentence, and either a judge of the campaign or the tests that stand for it."""
    assert list(INVARIANTS) == [f"I{number}" for number in range(1, 25)]
    for code, row in INVARIANTS.items():
        assert row.says
        assert row.judge or row.tests, code
        missing = [test for test in row.tests if not exists(test)]
        assert not missing, f"{code} names tests that do not exist: {missing}"


def test_controls_are_those_of_the_catalogue() -> None:
    """The page of evidence counts what the catalogue of controls names: C01 to C56."""
    assert [code for code in controls() if code.startswith("C")][:56] == [f"C{number:02}" for number in range(1, 57)]


def test_the_page_of_evidence_is_made_from_its_facts() -> None:
    """Nobody edits a count by hand: docs/evidence.md is what its JSON makes."""
    facts = json.loads(evidence.FACTS.read_text(encoding="utf-8"))
    assert evidence.PAGE.read_text(encoding="utf-8") == page.page(facts)
