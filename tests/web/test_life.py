"""The dashboard beside a living bot and a live simulated gateway."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from bot import latch
from bot.life import JOURNAL
from bot.replay import replay
from bot.sim.venue.matching import FillModel
from bot.web.earlier import earlier
from bot.web.server import Dashboard
from strategies.domain.control import TradingState
from tests.flow.virtual_life import BUSY, Stage, tell
from tests.web.played import works

WORLD = str(Path(__file__).parents[1] / "flow/crash_days.toml")
MORNING = "2026-03-02T10:28:30-05:00"
NEVER = FillModel(mid_per_minute=0.0, improvement_probability=0.0)
WEB = ("web.enabled=true", "web.port=0")


def post(stage: Stage, path: str, reason: str) -> tuple[int, str]:
    """A JSON order with the bearer token. It blocks the loop that trades: whoever answers is another thread."""
    link = (stage.state_dir / "web.url").read_text().strip()
    where, _, token = link.partition("/enter?token=")
    connection = http.client.HTTPConnection(where.removeprefix("http://"), timeout=30)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", path, json.dumps({"reason": reason}), headers)
    answer = connection.getresponse()
    told = answer.status, answer.read().decode()
    connection.close()
    return told


def test_a_kill_from_the_page_is_taken_while_the_loop_hangs_and_cancels_everything(tmp_path: Path) -> None:
    """The latch stands before the loop moves again; then a global cancel, HALTED, and a replay that is identical."""

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(works, "an order works")
        assert len(stage.truth().live()) == 1
        pressed_at = stage.truth().seq
        status, text = post(stage, "/api/kill", "drill")
        assert (status, "latch written" in text) == (202, True)
        found = latch.read(stage.state_dir / "KILL")
        assert found is not None
        assert (found.who, found.reason) == ("dashboard", "drill")
        await stage.until(lambda s: not s.book.live_orders(), "the cancel is proved", 3.0)
        assert stage.state.control.state is TradingState.HALTED
        assert stage.truth().live() == []
        assert stage.lines("place", "cancel", "global_cancel", after=pressed_at)[0]["kind"] == "global_cancel"
        await stage.live_on(6.0)
        assert stage.orders_after(pressed_at) == []
        await stage.drop_dead()
        assert not (stage.state_dir / "web.url").exists()
        journal = stage.state_dir / JOURNAL
        assert replay(stage.state_dir, "all").divergence is None
        lines = list(earlier(journal, stage.state.seq))
        assert {kind for _, kind, _ in lines} >= {"decision", "verdict", "move", "alert"}
        assert any(kind == "move" and what.after == "working" for _, kind, what in lines)
        assert [at for at, _, _ in lines] == sorted(at for at, _, _ in lines)
        assert list(earlier(journal, 0)) == []

    tell(story, tmp_path, WORLD, fills=NEVER, begin=MORNING, settings=(*BUSY, *WEB))


def test_pause_from_the_page_withdraws_the_resting_entry(tmp_path: Path) -> None:
    """The command is taken from the mailbox at the next look and recorded with who gave it."""

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(works, "an order works")
        assert post(stage, "/api/pause", "lunch")[0] == 202
        await stage.until(lambda s: s.control.paused and not s.book.live_orders(), "paused, nothing works", 3.0)
        assert stage.state.control.state is TradingState.ACTIVE

    tell(story, tmp_path, WORLD, fills=NEVER, begin=MORNING, settings=(*BUSY, *WEB))


def test_a_bot_without_its_dashboard_trades_and_says_so(tmp_path: Path, monkeypatch: Any) -> None:
    """A busy port, and a thread that crashes at once: an alert each, and an order works all the same."""
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(works, "an order works")
        assert any(f"cannot listen on 127.0.0.1:{port}" in text for text in stage.alerts)

    with taken:
        busy = ("web.enabled=true", f"web.port={port}")
        tell(story, tmp_path, WORLD, fills=NEVER, begin=MORNING, settings=(*BUSY, *busy))

    async def broken(self: Dashboard, source: object) -> None:
        raise RuntimeError("test")

    async def crashed(stage: Stage) -> None:
        stage.begin()
        await stage.until(works, "an order works")
        await stage.until(
            lambda s: any("the dashboard has ended" in text for text in stage.alerts), "the end is told", 60.0
        )

    monkeypatch.setattr(Dashboard, "_pulse", broken)
    other = tmp_path / "crashed"
    other.mkdir()
    tell(crashed, other, WORLD, fills=NEVER, begin=MORNING, settings=(*BUSY, *WEB))
