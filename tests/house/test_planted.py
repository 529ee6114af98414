"""The planted bugs and the record of mutation testing fit the code as it stands: neither may rot."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.mutation import table
from tests.planted import suite

ROOT = Path(__file__).resolve().parents[2]


def test_every_planted_bug_can_still_be_planted() -> None:
    """Each bug's text stands exactly once in its file, its wrong version compiles, and its tests exist."""
    bugs = suite.bugs()
    assert len({bug.id for bug in bugs}) == len(bugs) >= 30
    assert [fault for bug in bugs if (fault := bug.fault(ROOT))] == []
    for bug in bugs:
        text = (ROOT / bug.file).read_text()
        assert bug.new != bug.old, bug.id
        compile(text.replace(bug.old, bug.new), bug.file, "exec")


def test_every_planted_bug_was_found() -> None:
    """For each bug a test is recorded that found it as it is written now, and docs/planted.md says the same."""
    recorded = suite.results()
    rows = recorded["bugs"]
    lost = [bug.id for bug in suite.bugs() if not rows.get(bug.id, {}).get("by")]
    assert not lost, f"nothing is recorded to find {lost}: run `python -m tests.planted --again`"
    old = [bug.id for bug in suite.bugs() if rows[bug.id]["change"] != suite.change(bug)]
    assert not old, f"changed since they were run: {old}; run `python -m tests.planted --again`"
    assert suite.PAGE.read_text() == suite.page(recorded), "run `python -m tests.planted --table`"


def test_the_record_of_mutations_is_whole() -> None:
    """The plan names modules and tests that exist, the page is made from the record, each survivor told is explained
    or counted as open."""
    plan = tomllib.loads((ROOT / "tests/mutation/plan.toml").read_text())
    own = (*plan["quick"].items(), *plan["slow"].items())
    named = [name for module, tests in own for name in (module, *tests)]
    for area in plan["area"]:
        named += [*area["modules"], *area["quick"], *area["first"], *area["slow"]]
    assert [name for name in named if not (ROOT / name).is_file()] == []
    assert table.PAGE.read_text() == table.page(table.results(), table.explanations())
