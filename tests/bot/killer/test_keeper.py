"""The bot's side of the killer: another one when it dies, patience when it keeps dying, an orderly end."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from bot.killer import keeper
from bot.killer.told import told
from bot.settings.load import load
from bot.sim.virtual_time import run_virtual


class Born:
    """A process in small: lives for a while, or until it is told to end."""

    def __init__(self, lives_s: float) -> None:
        self._lives_s = lives_s
        self.told_to_end = asyncio.Event()

    async def wait(self) -> int:
        try:
            async with asyncio.timeout(self._lives_s):
                await self.told_to_end.wait()
        except TimeoutError:
            return 1
        return 0

    def terminate(self) -> None:
        self.told_to_end.set()


def test_a_killer_that_keeps_dying_is_started_ever_more_seldom_and_each_death_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Young deaths double the pause up to a minute; one that lived long is replaced within seconds; the last is ended
    with the bot."""
    lives = [0.1] * 7 + [3600.0, 0.1, 1e9]
    born: list[tuple[float, Born]] = []
    deaths: list[str] = []

    async def make(*command: object, **rest: object) -> Born:
        process = Born(lives[len(born)])
        born.append((asyncio.get_running_loop().time(), process))
        return process

    async def story() -> None:
        monkeypatch.setattr(asyncio, "create_subprocess_exec", make)
        task = asyncio.create_task(
            keeper.keep(told(load(profile="paper", environ={}).settings, tmp_path), deaths.append)
        )
        await asyncio.sleep(20_000.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(story)
    pauses = [round(later[0] - earlier[0]) for earlier, later in pairwise(born)]
    assert pauses[:7] == [4, 8, 16, 32, 60, 60, 60]
    assert pauses[7] == 3602
    assert len(deaths) == 9
    assert born[-1][1].told_to_end.is_set()
