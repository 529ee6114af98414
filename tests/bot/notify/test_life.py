"""Alerts beside a living bot and a live simulated gateway: the sender stuck, an answer from outside."""

from __future__ import annotations

import json
import threading
from functools import partial
from pathlib import Path

import pytest

from bot import latch, mailbox
from bot.engine.state import State
from bot.life import JOURNAL
from bot.notify import beside
from bot.notify.answers import read
from bot.notify.channels import ChannelsRefused
from bot.notify.postman import Postman
from bot.replay import replay
from bot.settings.load import load
from strategies.domain.control import OperatorVerb, TradingState
from tests.flow.virtual_life import BUSY, Stage, tell
from tests.web.played import works

WORLD = str(Path(__file__).parents[2] / "flow/crash_days.toml")
MORNING = "2026-03-02T10:28:30-05:00"


def test_a_bot_trades_while_its_alerts_are_stuck_and_hears_who_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No message leaves until the end, orders work all the same; a kill and its acknowledgement replay identically; a
    life that ended in a crash is told by the next one."""
    gate, sent = threading.Event(), []

    def send(order: str, deadline_s: float) -> dict[str, str]:
        gate.wait(200)
        sent.append(json.loads(order))
        return {}

    monkeypatch.setattr(beside, "Postman", partial(Postman, send=send))
    channels = tmp_path / "channels.toml"
    channels.write_text('[channels]\nphone = "json://127.0.0.1:9/s3cr3t"\n')
    channels.chmod(0o600)

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(works, "an order works")
        latch.engage(stage.state_dir / "KILL", "tester", "drill", stage.state.now)  # type: ignore[arg-type]
        await stage.until(lambda s: s.control.state is TradingState.HALTED, "the kill", 3.0)
        board = read(stage.state_dir)
        assert [q.text for q in board.open] == ["HALTED by tester: drill"]
        mailbox.leave(
            stage.state_dir, OperatorVerb.ACK, "tester", "seen", confirmed=True, number=1, subject=board.open[0].id
        )
        await stage.live_on(2.0)
        assert read(stage.state_dir).open == ()
        assert sent == []
        gate.set()
        await stage.drop_dead()
        stage.begin()
        await stage.until(lambda s: True, "the next life")
        assert "without an orderly stop" in read(stage.state_dir).open[0].text
        await stage.drop_dead()
        assert replay(stage.state_dir, "all").divergence is None
        journal = (stage.state_dir / JOURNAL).read_bytes()
        assert b"s3cr3t" not in journal

    tell(story, tmp_path, WORLD, begin=MORNING, settings=(*BUSY, f'notify.file="{channels}"'))
    assert any("KILLED" in order["title"] for order in sent)
    assert sent[-1]["channels"] == [{"name": "phone", "url": "json://127.0.0.1:9/s3cr3t"}]


def test_a_life_does_not_begin_with_a_channels_file_that_others_can_read(tmp_path: Path) -> None:
    """A person is there at the start and reads why; no file named means no watcher and no thread."""
    channels = tmp_path / "channels.toml"
    channels.write_text('[channels]\nphone = "json://127.0.0.1:9/s3cr3t"\n')
    channels.chmod(0o644)
    settings = load(profile="sim", assignments=(f'notify.file="{channels}"',), environ={}).settings
    with pytest.raises(ChannelsRefused, match="chmod 600"):
        beside.begin(settings, tmp_path, State(), print)
    plain = load(profile="sim", environ={}).settings
    assert beside.begin(plain, tmp_path, State(), print) is None
