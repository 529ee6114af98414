"""The report of a fixed session, word by word: text, Markdown and JSON."""

from __future__ import annotations

import json
import os

import pytest

from bot.report.shape import held_to_shape
from tests.bot.report.golden_day import GOLDEN, made


@pytest.fixture(scope="module")
def fresh() -> dict[str, str]:
    return made()


@pytest.mark.parametrize("name", ["report.txt", "report.md", "report.json"])
def test_the_report_reads_as_it_did(fresh: dict[str, str], name: str) -> None:
    """A change of a word or a figure is seen and meant (`GOLDEN=write pytest` on this file writes them anew)."""
    if os.environ.get("GOLDEN") == "write":
        (GOLDEN / name).write_text(fresh[name], encoding="utf-8")
    assert fresh[name] == (GOLDEN / name).read_text(encoding="utf-8")


def test_the_fixed_session_fills_every_section(fresh: dict[str, str]) -> None:
    """No section of the kept files is empty: a golden file of nothing would prove nothing."""
    report = json.loads(fresh["report.json"])
    held_to_shape(report)
    (day,) = report["days"]
    line = day["timeline"]
    parts = [day["curves"], day["condors"], day["lattice"]["moves"], line["markers"], line["blind"]]
    parts += [day["money"]["positions"], day["attribution"]["rows"], report["execution"], report["gate"]["refusals"]]
    parts += [report["settled_alerts"], report["faults"], report["rules"]]
    for filled in parts:
        assert filled
    assert day["money"]["fees_usd"] == 7.0
    assert day["money"]["traded_usd"] == 2000.0 - 122.0
    assert day["condors"][0]["payoff"]["break_evens"]
    assert any(rule["near_misses"] for rule in report["rules"])
