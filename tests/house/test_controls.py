"""The catalogue of controls against code, tests and settings: what it names exists, each check has a row."""

from __future__ import annotations

import ast
import importlib
from functools import cache
from pathlib import Path

import pytest

from bot.controls.catalogue import State, controls
from bot.settings.models import known_keys
from risk.checks import CHECKS
from risk.guards import Guards

ROOT = Path(__file__).resolve().parents[2]
ROWS = controls()
BUILT = [code for code, row in ROWS.items() if row.state is not State.NOT_BUILT]


def test_every_control_has_a_row() -> None:
    """C01 to C56, without a hole and in order."""
    assert list(ROWS) == [f"C{number:02d}" for number in range(1, 57)]


@pytest.mark.parametrize("code", ROWS)
def test_a_row_is_complete(code: str) -> None:
    """What is built names place and tests; what is not whole says why; what is not built names neither."""
    row = ROWS[code]
    assert row.title
    assert row.says.endswith(".")
    assert row.action
    assert bool(row.because) == (row.state is not State.RUNS), "say why it does not run, and only then"
    assert bool(row.where) == bool(row.tests) == (row.state is not State.NOT_BUILT)


@pytest.mark.parametrize("code", ROWS)
def test_its_caps_exist(code: str) -> None:
    """Its settings are settings there are."""
    assert set(ROWS[code].keys) <= known_keys()


@pytest.mark.parametrize("code", BUILT)
def test_its_code_exists(code: str) -> None:
    """The places are symbols of modules, the checks those of the gate."""
    for place in ROWS[code].where:
        module, _, symbol = place.partition(":")
        found: object = importlib.import_module(module)
        for part in symbol.split("."):
            assert hasattr(found, part), place
            found = getattr(found, part)
    assert set(ROWS[code].checks) <= {check.code for check in CHECKS}


@pytest.mark.parametrize("code", BUILT)
def test_its_tests_exist(code: str) -> None:
    """Each test it names is a function of that file."""
    for test in ROWS[code].tests:
        file, _, name = test.partition("::")
        assert name in _functions(ROOT / "tests" / file), test


def test_every_check_of_the_gate_belongs_to_a_control() -> None:
    """A check without a row would be a control that nobody asked for, or a row that was forgotten."""
    named = {check for row in ROWS.values() for check in row.checks}
    assert {check.code for check in CHECKS} <= named


def test_every_guard_is_the_cap_of_a_control() -> None:
    """No setting of the slow controls is read by nobody's control; the age of a reading belongs to all of them."""
    named = {key for row in ROWS.values() for key in row.keys}
    assert {f"risk.guards.{name}" for name in Guards.__struct_fields__} - named == {"risk.guards.host_age_s"}


@cache
def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
