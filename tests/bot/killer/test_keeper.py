"""The bot's side of the killer: another one when it dies, patience when it keeps dying, an orderly end."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from bot import latch
from bot.killer import keeper
from bot.killer.told import told
from bot.settings.load import load
from bot.sim.virtual_time import run_virtual


class Born:
    """A process in small: lives for a while, or until it is told to end."""

    def __init__(self, lives_s: float) -> None:
        self._dies_at = asyncio.get_running_loop().time() + lives_s
        self.told_to_end = False
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.told_to_end:
            return 0
        return 1 if asyncio.get_running_loop().time() >= self._dies_at else None

    def terminate(self) -> None:
        self.told_to_end = True


def test_a_killer_that_keeps_dying_is_started_ever_more_seldom_and_each_death_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Young deaths double the pause up to a minute; one that lived long is replaced within seconds; the last is ended
    with the bot."""
    lives = [0.1] * 7 + [3600.0, 0.1, 1e9]
    born: list[tuple[float, Born]] = []
    deaths: list[str] = []

    def make(told: object) -> Born:
        process = Born(lives[len(born)])
        born.append((asyncio.get_running_loop().time(), process))
        return process

    async def story() -> None:
        monkeypatch.setattr(keeper, "start", make)
        monkeypatch.setattr(keeper, "LOOK_S", 0.1)
        task = asyncio.create_task(
            keeper.keep(told(load(profile="paper", environ={}).settings, tmp_path), deaths.append)
        )
        await asyncio.sleep(5_000.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(story)
    pauses = [round(later[0] - earlier[0]) for earlier, later in pairwise(born)]
    assert pauses[:7] == [4, 8, 16, 32, 60, 60, 60]
    assert pauses[7] == 3602
    assert len(deaths) == 9
    assert born[-1][1].told_to_end


@pytest.mark.parametrize("proven", [False, True])
def test_a_killer_with_an_unproven_kill_outlives_the_bot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proven: bool
) -> None:
    """The bot ends under a latch, as when its disk is full: until the gateway has shown that nothing works, somebody
    goes on cancelling; after that the killer ends with the bot."""
    born: list[Born] = []

    def make(told: object) -> Born:
        born.append(Born(1e9))
        return born[-1]

    async def story() -> None:
        monkeypatch.setattr(keeper, "start", make)
        task = asyncio.create_task(keeper.keep(told(load(profile="paper", environ={}).settings, tmp_path), print))
        await asyncio.sleep(10.0)
        latch.engage(tmp_path / latch.NAME, "journal", "disk full", datetime(2026, 3, 2, 15, 0, tzinfo=UTC))
        phase, engaged = "verified" if proven else "killing", latch.changed_ms(tmp_path / latch.NAME)
        (tmp_path / "killer.json").write_text(json.dumps({"phase": phase, "latch_ms": engaged}))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(story)
    assert born[0].told_to_end is proven
