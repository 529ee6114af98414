"""Messages of stormy lives: every stop within five seconds of market time, nothing twice a minute, few in all.

The judge reads the journal and the messages, nothing else: which latches were set when, and what left when.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot import latch
from bot.journal import reader
from bot.life import JOURNAL
from bot.notify import beside
from bot.notify.notice import Message
from bot.notify.postman import Report
from strategies.domain.control import TradingState
from tests.flow.virtual_life import ACCOUNT, BUSY, Stage, tell
from tests.web.played import works

WORLD = str(Path(__file__).with_name("crash_days.toml"))
MORNING = "2026-03-02T10:28:30-05:00"
FAULTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("reset", {}),
    ("drop", {}),
    ("upstream_lost", {"for_s": 120}),
    ("farm_broken", {"for_s": 90}),
    ("half_open", {"for_s": 150}),
)


class Carrier:
    """Keeps messages with the market moment at which they were handed over."""

    def __init__(self, now: Callable[[], datetime | None]) -> None:
        self.now = now
        self.sent: list[tuple[datetime, Message]] = []

    def __call__(self, *_: Any, **__: Any) -> Carrier:
        return self

    def put(self, message: Message) -> None:
        at = self.now()
        assert at is not None
        self.sent.append((at, message))

    def ping(self) -> None:
        pass

    def report(self) -> Report:
        return Report({}, 0, 0)

    def close(self, within_s: float) -> int:
        return 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_stops_are_told_in_time_and_storms_are_not(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lives with a dozen faults, a kill in the middle of them and a restart."""
    seen: list[datetime | None] = [None]
    carrier = Carrier(lambda: seen[0])
    monkeypatch.setattr(beside, "Postman", carrier)
    channels = tmp_path / "channels.toml"
    channels.write_text('[channels]\nphone = "json://127.0.0.1:9/s3cr3t"\n')
    channels.chmod(0o600)
    chance = np.random.default_rng(seed)

    async def faults(stage: Stage, count: int) -> None:
        for _ in range(count):
            verb, arguments = FAULTS[int(chance.integers(len(FAULTS)))]
            stage.gateway.cause(verb, **arguments)
            for _ in range(int(chance.integers(2, 60))):
                await asyncio.sleep(1.0)

    async def story(stage: Stage) -> None:
        listen = stage._watch

        def watch(envelope: Any, state: Any, outcome: Any) -> None:
            listen(envelope, state, outcome)
            seen[0] = envelope.at

        stage._watch = watch  # type: ignore[method-assign]
        stage.begin()
        await stage.until(works, "an order works")
        await faults(stage, 8)
        latch.engage(stage.state_dir / "KILL", "tester", f"drill of {ACCOUNT}", stage.state.now)  # type: ignore[arg-type]
        await stage.until(lambda s: s.control.state is TradingState.HALTED, "the kill", 10.0)
        await faults(stage, 4)
        await stage.drop_dead()
        stage.begin()
        await stage.until(lambda s: bool(s.run_id), "the next life")
        await stage.live_on(5.0)

    stage = tell(story, tmp_path, WORLD, begin=MORNING, settings=(*BUSY, f'notify.file="{channels}"'), seed=seed)
    judge(stage.state_dir / JOURNAL, carrier.sent)


def judge(journal: Path, sent: list[tuple[datetime, Message]]) -> None:
    """I18 and I19 over what left."""
    latches = [
        (outcome.at, alert["text"].replace(ACCOUNT, "DU***567"))
        for outcome in reader.read_outcomes(journal)
        for alert in outcome.body.get("alerts", ())
        if alert["key"].startswith("latch.")
    ]
    assert latches
    for at, text in latches:
        told = [moment for moment, message in sent if text[:200] in message.body and moment >= at]
        assert told, f"{text} was told to nobody"
        assert told[0] - at <= timedelta(seconds=5), text
    rows: dict[str, list[datetime]] = defaultdict(list)
    for moment, message in sent:
        for line in message.body.split("\n"):
            if line.startswith(("! ", "- ")):
                rows[re.sub(r"[\d.]+", "#", line.partition(" (")[0])].append(moment)
    for row, moments in rows.items():
        pauses = [later - earlier for earlier, later in pairwise(moments)]
        lives = [pause for pause in pauses if pause < timedelta(seconds=60)]
        assert len(lives) <= 1, f"{row} stormed: {moments}"  # two lives may each say it once
    minutes: dict[datetime, int] = defaultdict(int)
    for moment, _ in sent:
        minutes[moment.replace(second=0, microsecond=0)] += 1
    assert max(minutes.values()) <= 12
    said = json.dumps([message._replace(attachment=None) for _, message in sent])
    assert ACCOUNT not in said
    assert "s3cr3t" not in said
