"""`condor calendar` asks beforehand what C-ENTRY-6 will ask, and shows what lies ahead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import exits
from bot.cli.calendar import calendar

EVENTS = """
[coverage]
CPI = 2026-06-30
[[event]]
date = 2026-05-12
time = 08:30:00
kind = "CPI"
"""


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    path = tmp_path / "events.toml"
    path.write_text(EVENTS)
    return ["--set", f'macro.events="{path}"', "--set", 'macro.kinds=["CPI"]']


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(calendar, list(words))
    return done.exit_code, done.output


def test_check_says_whether_the_list_reaches_over_the_coming_sessions(options: list[str]) -> None:
    """Ten sessions ahead by default: exit 0 while they are covered, 1 and the verdict from the day they are not."""
    code, text = run("check", "--on", "2026-05-14", *options)
    assert (code, text.startswith("ok: CPI")) == (exits.OK, True)
    for day, wanted in (("2026-06-15", exits.OK), ("2026-06-16", exits.FAILED), ("2026-06-18", exits.FAILED)):
        assert run("check", "--on", day, *options)[0] == wanted, day
    code, text = run("check", "--on", "2026-06-18", *options)
    assert text.startswith("MACRO_CALENDAR_STALE")
    assert "entries are refused" in text
    assert "entries go on" in run("check", "--on", "2026-06-18", *options, "--set", "condor.entry.coverage_gap=warn")[1]


def test_kinds_that_nothing_watches_are_named(options: list[str]) -> None:
    """Entries keep away from NFP only if the list has it; that nobody checks it is said."""
    text = run("check", "--on", "2026-05-04", *options)[1]
    assert "nothing watches that they are listed: FOMC, FOMC_MINUTES, GDP, NFP, PPI" in text


def test_show_lists_sessions_early_closes_and_releases(options: list[str]) -> None:
    """The closing days of November, with the short Friday."""
    text = run("show", "--on", "2026-05-11", "--sessions", "3", *options)[1]
    assert "2026-05-12  09:30 to 16:15  CPI 08:30" in text
    text = run("show", "--on", "2026-11-25", "--sessions", "3", *options)[1]
    assert "2026-11-27  09:30 to 13:15  early close" in text
    assert "2026-11-26" not in text


def test_json_has_the_same(options: list[str]) -> None:
    """For programs."""
    found = json.loads(run("show", "--on", "2026-05-12", "--json", *options)[1])
    assert (found["verdict"], found["events_until"], len(found["sessions"])) == ("ok", "2026-06-30", 15)
    assert found["events"][0]["at"].startswith("2026-05-12T08:30")


def test_a_wrong_day_and_a_wrong_list_are_refused(tmp_path: Path, options: list[str]) -> None:
    """With words, before anything is judged."""
    assert run("check", "--on", "tomorrow", *options)[0] == exits.USAGE
    bad = tmp_path / "bad.toml"
    bad.write_text("[coverage]\n")
    code, text = run("check", "--set", f'macro.events="{bad}"', "--set", 'macro.kinds=["CPI"]')
    assert code == exits.CONFIG
    assert "does not say how far CPI is complete" in text
