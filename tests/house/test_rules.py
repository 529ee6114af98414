"""The catalogue of rules against the code, the tests and the settings: what it names exists, what is used is in it."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from pathlib import Path

import pytest

from bot.rules.catalogue import Catalogue, Rule, State, catalogue, expanded
from bot.rules.distance import parsed
from bot.rules.view import standing
from bot.settings.models import known_keys
from risk.checks import CHECKS
from tests.house.trees import walk

ROOT = Path(__file__).resolve().parents[2]
ID = re.compile(r"(?:[TDCPAMKXGJ])-[A-Z]+(?:-\d+)?")
STATEMENTS = {"S0": 34, "S1": 26, "S2": 23, "S3": 24, "S4": 25}
BOOK: Catalogue = catalogue()
ALIVE = [key for key, rule in BOOK.rules.items() if rule.state.alive]


def test_every_statement_has_a_row() -> None:
    """Statements are numbered without a hole, and each names rules that exist, or says why none is needed."""
    wanted = [f"{text}-{number}" for text, count in STATEMENTS.items() for number in range(1, count + 1)]
    assert list(BOOK.statements) == wanted
    for key, row in BOOK.statements.items():
        assert row.says.endswith("."), key
        assert bool(row.rules) != bool(row.because), f"{key}: rules, or a reason why there is none"
        assert set(row.rules) <= set(BOOK.rules), key


@pytest.mark.parametrize("key", BOOK.rules)
def test_a_row_is_complete(key: str) -> None:
    """A rule that can be used names code and tests; one that is not built says why and names no tests."""
    rule = BOOK.rules[key]
    assert ID.fullmatch(key), key
    assert rule.title
    assert rule.says.endswith(".")
    assert all(text.endswith(".") for text in (rule.because, rule.differs, rule.turns) if text)
    if rule.state.alive:
        assert rule.tests, "no test: write one or say `not built`"
        assert rule.decided, "where is it decided?"
    else:
        assert not rule.tests, "it has tests: is it built?"
    assert bool(rule.because) == (rule.state is not State.RUNS), "say why it does not run, and only then"
    assert rule.state is not State.OFF, "name the `switch` instead; the page reads it from the settings"


@pytest.mark.parametrize("key", BOOK.rules)
def test_its_settings_exist(key: str) -> None:
    """Parameters and switch are settings there are, and the switch is a yes or no."""
    rule = BOOK.rules[key]
    expanded(rule.keys, known_keys())
    if rule.switch:
        expanded((rule.switch,), known_keys())
        assert standing(rule, {rule.switch: False}) is State.OFF or rule.state is not State.RUNS
        assert standing(rule, {rule.switch: True}) is rule.state


@pytest.mark.parametrize("key", ALIVE)
def test_its_code_exists(key: str) -> None:
    """The place where it is decided is a symbol of a module, and its checks are the gate's."""
    rule = BOOK.rules[key]
    for place in rule.decided:
        module, _, symbol = place.partition(":")
        found: object = importlib.import_module(module)
        for part in symbol.split("."):
            assert hasattr(found, part), place
            found = getattr(found, part)
    assert set(rule.checks) <= {check.code for check in CHECKS}


@pytest.mark.parametrize("key", ALIVE)
def test_its_tests_exist(key: str) -> None:
    """Each test it names is a function of that file."""
    for test in BOOK.rules[key].tests:
        file, _, name = test.partition("::")
        assert name in _functions(ROOT / "tests" / file), test


@pytest.mark.parametrize("key", [key for key, rule in BOOK.rules.items() if rule.compares])
def test_its_conditions_name_what_the_code_records(key: str) -> None:
    """Every name in a condition is written as an input or threshold somewhere in the code that decides."""
    rule: Rule = BOOK.rules[key]
    for text in rule.compares:
        condition = parsed(text)
        names = [condition.name, *([condition.limit] if condition.limit[0].isalpha() else [])]
        missing = [name for name in names if name not in _recorded()]
        assert not missing, f"{text}: {missing}"


def test_every_rule_named_in_the_code_is_in_the_catalogue() -> None:
    """An ID written in a decision, an order, a check or a docstring has a row."""
    unknown = sorted(
        {
            f"{path.relative_to(ROOT)}: {found}"
            for path, texts in _written().items()
            for text in texts
            for found in re.findall(r"\b[TDCPAMKXGJ]-[A-Z]{2,}(?:-\d+)?(?![\w-])", text)
            if found not in BOOK.rules and not _family(found)
        }
    )
    assert not unknown, unknown


def test_a_rule_that_leaves_decisions_says_what_would_turn_them() -> None:
    """An ID that strategies write as a decision's rule has conditions on its numbers, or the answer in words."""
    written = {
        text
        for path, texts in _written().items()
        if path.relative_to(ROOT).parts[0] == "strategies"
        for text in texts
        if text in BOOK.rules
    }
    mute = sorted(key for key in written if not (BOOK.rules[key].compares or BOOK.rules[key].turns))
    assert not mute, f"give these rows `compares` or `turns`: {mute}"


def test_every_check_named_for_a_rule_belongs_to_it() -> None:
    """A control of the gate that carries a rule's ID in its code or name is listed in that rule's row."""
    for check in CHECKS:
        named = [check.code, *re.findall(r"\(([A-Z]-[A-Z]+-\d+)\)", check.name)]
        for key in named:
            if ID.fullmatch(key):
                assert check.code in BOOK.rules[key].checks, (check.code, key)


def _family(found: str) -> bool:
    """`A-ROT` and the like, as a chapter's name in prose."""
    return any(key.startswith(f"{found}-") for key in BOOK.rules)


def _strings(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.value for node in walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


@cache
def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@cache
def _written() -> dict[Path, list[str]]:
    """Every text written in the code that decides, permits and acts, by file."""
    return {
        path: _strings(path)
        for floor in ("strategies", "risk", "bot")
        for path in sorted((ROOT / floor).rglob("*.py"))
        if "sim" not in path.relative_to(ROOT).parts
    }


@cache
def _recorded() -> set[str]:
    """Names that strategies may record."""
    return {
        text
        for path, texts in _written().items()
        if path.relative_to(ROOT).parts[0] == "strategies"
        for text in texts
        if text.isidentifier()
    }
