"""What the page shows that no state holds: earlier reports, the last drill, the result by part from a process."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bot.report.sofar import sofar
from bot.web import parts
from bot.web.kept import last_drill, report_body, report_names
from bot.web.parts import Parts
from tests.bot.report.golden_day import day
from tests.web.asgi import COOKIE, Desk


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    folder.mkdir()
    for name in ("2026-03-02.html", "2026-03-03.html", "week-2026-03-06.html", "2026-03-03.txt", "secret.html"):
        (folder / name).write_text(f"<!doctype html>{name}")
    (tmp_path / "web.token.html").write_text("no")
    return tmp_path


def test_earlier_reports_are_listed_newest_first(reports: Path, tmp_path: Path) -> None:
    """Pages of sessions and weeks only; without a folder there are none."""
    assert report_names(reports) == ["week-2026-03-06.html", "2026-03-03.html", "2026-03-02.html"]
    assert report_names(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    "name", ["secret.html", "../web.token", "../web.token.html", "2026-03-03.txt", "2026-03-09.html"]
)
def test_no_other_file_is_served_as_a_report(reports: Path, name: str) -> None:
    """A name that is no report's, or leads out of the folder, or is not there."""
    assert report_body(reports, name) is None


async def test_a_report_is_served_with_a_policy_that_runs_nothing(reports: Path) -> None:
    """Its own style is allowed, no script is; without the token neither list nor report."""
    desk = Desk(reports)
    answer = await desk.ask("GET", "/reports/2026-03-03.html", headers=COOKIE)
    assert answer.status == 200
    assert b"2026-03-03.html" in answer.body
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    listed = await desk.ask("GET", "/reports", headers=COOKIE)
    assert b'href="/reports/2026-03-03.html"' in listed.body
    assert b"secret" not in listed.body
    for path in ("/reports", "/reports/2026-03-03.html"):
        assert (await desk.ask("GET", path)).status == 403


@pytest.mark.parametrize(
    "text", ["", "{}", '{"at": "yesterday"}', "[1]", '{"at": "2026-03-03T10:00:00+00:00", "triggers": 7}']
)
def test_a_drill_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    """A page never claims a drill that nobody can prove."""
    (tmp_path / "drill.json").write_text(text)
    assert last_drill(tmp_path) is None
    assert last_drill(tmp_path / "nowhere") is None


def test_the_last_drill_is_told(tmp_path: Path) -> None:
    """When, how many triggers, and how long the slowest took to end every order."""
    told = {"at": "2026-03-03T10:00:00+00:00", "triggers": 7, "failed": 0, "slowest_ms": 41.2}
    (tmp_path / "drill.json").write_text(json.dumps(told))
    assert last_drill(tmp_path) == told


def test_the_result_so_far_is_the_reports_own(tmp_path: Path) -> None:
    """Condors as one row, the hedge by layer; every row adds up, and so do fees and the broker's difference."""
    day(tmp_path / "state")
    told = sofar(tmp_path / "state")
    assert [row["holder"] for row in told["rows"]] == ["condors", "L2"]
    for row in told["rows"]:
        assert sum(row[part] for part in parts_of(row)) == pytest.approx(row["total"], abs=0.05)
    assert sum(row["fees"] for row in told["rows"]) == -7.0
    total = sum(row["total"] for row in told["rows"])
    assert told["difference_usd"] == pytest.approx(told["change_usd"] - total, abs=0.02)


def parts_of(row: dict[str, float]) -> list[str]:
    return [name for name in row if name not in ("holder", "total")]


@pytest.mark.parametrize(
    ("code", "why"),
    [("import sys; sys.exit('no journal')", "no journal"), ("print('{')", "gave no answer"),
     ("import time; time.sleep(60)", "took longer"), ("print('x' * 200_000)", "said too much")],
)  # fmt: skip
async def test_an_answer_that_does_not_come_leaves_the_last_one_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, why: str
) -> None:
    """The old figures stay, marked; a process that hangs is ended."""
    asked = Parts(tmp_path, lambda: True, (sys.executable, "-S", "-c", "print('{\"rows\": [1]}')"))
    await asked.ask()
    assert asked.told == {"rows": [1], "unknown": None}
    asked._command = (sys.executable, "-S", "-c", code)
    monkeypatch.setattr(parts, "DEADLINE_S", 0.2 if "sleep" in code else 20.0)
    await asked.ask()
    assert asked.told["rows"] == [1]
    assert why in asked.told["unknown"]
