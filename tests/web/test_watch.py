"""`condor watch`: the view in the terminal, the status file where there is none, nothing hostile on the screen."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from bot.cli import exits
from bot.cli.picture import picture
from bot.cli.watch import look, watch
from bot.status import StatusFile
from bot.web.gathered import Gathered
from bot.web.server import Dashboard
from bot.web.view.view import view_of
from strategies.domain import events as ev
from strategies.domain.control import Latch, TradingState
from tests.web.asgi import BEARER, COOKIE, Desk
from tests.web.played import morning


def drawn(name: str, **changes: object) -> str:
    """The picture of a look as text of 110 columns."""
    look_then = morning()[name]
    state = msgspec.structs.replace(look_then.state, **changes)
    console = Console(width=110, force_terminal=False)
    with console.capture() as captured:
        console.print(picture(view_of(look_then._replace(state=state)), None, 4711))
    return captured.get()


def test_the_picture_has_what_a_person_asks_first() -> None:
    """State, account, link, result, levels, curve, condor with result, hedge with band, caps."""
    text = drawn("held")
    for words in ("ACTIVE", "PAPER DU***567", "link    up", "SPX 5", "F1 ", "L1 ", "net vega", "open condors C05"):
        assert words in text
    assert "% credit" in text


def row(holder: str, total: float, fees: float) -> dict[str, object]:
    """One row of the result by part, as the page's process tells it."""
    return {"holder": holder, "total": total, "fees": fees}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            {
                "rows": [row("condors", -1200.0, -12.0), row("L1", 300.0, -3.0), row("L3", 2000.0, -1.0)],
                "session": "2026-03-11", "until": "2026-03-11T17:30:00+00:00", "unknown": None,
            },
            "condors -1,188   hedge +2,304   fees -16   all +1,100 dollars   2026-03-11 until 13:30 New York",
        ),
        ({"rows": [row("other", 5.0, 0.0)], "session": "2026-03-11", "until": None, "unknown": "it failed"},
         "not ours +5   fees +0   all +5 dollars   2026-03-11   old: it failed"),
        ({"rows": [], "unknown": "not asked yet"}, "parts   unknown: not asked yet"),
        ({"rows": [], "unknown": None}, "nothing was held"),
        (None, "unknown: this bot does not tell it"),
    ],
)  # fmt: skip
def test_the_result_by_part_stands_under_the_result(told: dict[str, object] | None, words: str) -> None:
    """Condors, hedge and fees add up to all; an old answer is called old, and none is not a zero."""
    then = morning()["held"]
    console = Console(width=130, force_terminal=False)
    with console.capture() as captured:
        console.print(picture({**view_of(then), "parts": told}, None, 4711))
    (line,) = [one for one in captured.get().split("\n") if one.startswith("parts")]
    assert words in line


async def test_who_fetches_the_view_alone_has_the_result_by_part_worked_out(tmp_path: Path) -> None:
    """`condor watch` listens to no stream: its fetch alone keeps the asking process going, a page that nobody
    fetched does not."""
    desk = Desk(tmp_path)
    assert not desk.source.fetched_lately
    await desk.ask("GET", "/", COOKIE)
    assert not desk.source.fetched_lately
    await desk.ask("GET", "/view.json", BEARER)
    assert desk.source.fetched_lately


def test_blind_and_halted_are_told_with_their_proof() -> None:
    """BLIND, and after a kill who, why and UNVERIFIED."""
    assert "BLIND" in drawn("blind")
    text = drawn("killed")
    assert "HALTED" in text
    assert "stop    kill" in text
    assert "UNVERIFIED" in text


def test_hostile_texts_reach_no_terminal() -> None:
    """Escape sequences and line breaks in a latch's reason are shown as marks; rich's own markup is text."""
    look_then = morning()["held"]
    latch = Latch("kill", TradingState.HALTED, look_then.at, "x", "\x1b[2J\x07a\nb [bold]c[/bold] DU1234567")
    control = msgspec.structs.replace(look_then.state.control, latches=(latch,))
    text = drawn("held", control=control)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "?[2J?a b [bold]c[/bold] DU***567" in " ".join(text.split())


def test_without_a_dashboard_the_status_file_is_told(tmp_path: Path) -> None:
    """And without either that nothing ran here; the exit code says that no bot runs."""
    nothing = CliRunner().invoke(watch, ["--state", str(tmp_path), "--once"])
    assert nothing.exit_code == exits.NOT_RUNNING
    assert "has not run here" in nothing.output
    then = morning()["held"]
    status = StatusFile(tmp_path / "status.json", 0.0, lambda: 3)
    described = status.describe(ev.Envelope(1, then.at, ev.FaultNoted(code="X", text="x")), then.state)
    (tmp_path / "status.json").write_text(json.dumps(described))
    told = CliRunner().invoke(watch, ["--state", str(tmp_path), "--once"])
    assert "ACTIVE" in told.output
    assert "no dashboard answers" in told.output


def test_the_view_is_fetched_from_the_dashboard_that_is_served(tmp_path: Path) -> None:
    """By the link in the state directory; `--link` prints it, `--json` prints the view."""
    gathered = Gathered(lambda: 0)
    then = morning()["held"]
    from bot.engine.outcome import Outcome

    gathered.observe(ev.Envelope(1, then.at, ev.FaultNoted(code="X", text="x")), then.state, Outcome())
    page = Dashboard(
        gathered=gathered, state_dir=tmp_path, host="127.0.0.1", port=0, refresh_s=1.0, post=lambda event: None
    )
    page.start()
    try:
        view, _ = look(tmp_path)
        assert view is not None
        assert view["bar"]["account"] == "DU***567"
        link = CliRunner().invoke(watch, ["--state", str(tmp_path), "--link"]).output.strip()
        assert link.startswith(page.address)
        told = CliRunner().invoke(watch, ["--state", str(tmp_path), "--json"])
        assert json.loads(told.output)["bar"]["state"] == "active"
    finally:
        page.stop()
    assert CliRunner().invoke(watch, ["--state", str(tmp_path), "--link"]).exit_code == exits.NOT_RUNNING


@pytest.mark.parametrize("raw", ["", "[]", "{}", '{"at": "x"}', "no json", '{"bar": 1}'])
def test_a_strange_status_file_is_no_crash(tmp_path: Path, raw: str) -> None:
    """Torn or foreign content reads as nothing known."""
    (tmp_path / "status.json").write_text(raw)
    told = CliRunner().invoke(watch, ["--state", str(tmp_path), "--once"])
    assert told.exit_code == exits.NOT_RUNNING
    assert "Traceback" not in told.output
