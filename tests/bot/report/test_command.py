"""`condor report`: what is printed, what is written, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.report import report
from tests.bot.report.golden_day import day


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("command") / "state"
    day(place)
    return place


def asked(state: Path, *words: str) -> Result:
    return CliRunner().invoke(report, [*words, "--state", str(state)])


def test_text_markdown_and_json_are_printed(state: Path) -> None:
    """Text without a word; the other two by name; `--json` as everywhere."""
    assert asked(state).stdout.startswith("1 condor sold")
    assert asked(state, "--format", "md").stdout.startswith("# Session report, 2018-10-15")
    told = json.loads(asked(state, "2018-10-15", "--format", "json").stdout)
    assert told == json.loads(asked(state, "--json").stdout)
    assert told["sessions"][0]["session"] == "2018-10-15"


def test_the_page_is_written_beside_the_journal_and_its_path_printed(state: Path, tmp_path: Path) -> None:
    """One file named by its session, or where one wants it; nothing half-written stays behind."""
    written = Path(asked(state, "--format", "html").stdout.strip())
    assert written == state / "reports" / "2018-10-15.html"
    assert written.read_text().startswith("<!doctype html>")
    assert list(written.parent.glob(".*")) == []
    elsewhere = tmp_path / "here.md"
    assert asked(state, "--format", "md", "--output", str(elsewhere)).stdout.strip() == str(elsewhere)
    assert elsewhere.read_text().startswith("# Session report")


def test_the_week_is_that_of_the_last_session(state: Path) -> None:
    """`--week` and `week` are the same; one session of it has the form of a session."""
    told = json.loads(asked(state, "--week", "--json").stdout)
    assert told == json.loads(asked(state, "week", "--json").stdout)
    assert [row["session"] for row in told["sessions"]] == ["2018-10-15"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("2018-10-15", "--week"), "name a session or give --week"),
        (("--open", "--format", "md"), "--open shows the HTML page"),
        (("--format", "pdf"), "is not one of"),
    ],
)
def test_wrong_words_are_refused_with_what_is_allowed(state: Path, words: tuple[str, ...], told: str) -> None:
    """Usage errors end with 2 and write nothing."""
    result = asked(state, *words)
    assert result.exit_code == 2
    assert told in result.output


def test_an_unknown_session_and_a_missing_journal_are_told(state: Path, tmp_path: Path) -> None:
    """Exit 1 with the sessions there are, or with where to look."""
    result = asked(state, "2018-10-14")
    assert (result.exit_code, "the journal has 2018-10-15" in result.stderr) == (1, True)
    result = asked(tmp_path)
    assert (result.exit_code, "holds no journal" in result.stderr) == (1, True)
