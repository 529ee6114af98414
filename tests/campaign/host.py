"""What happens to the bot's own process, disk and people: deaths, orderly stops, kill presses, damaged files."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bot import latch, mailbox
from bot.life import JOURNAL
from strategies.domain.control import OperatorVerb, TradingState
from tests.campaign.arena import FILES, Arena
from tests.campaign.menu import Dish

FIRST_CANCEL_S = 1.0
REDUCING_S = 900.0
"""So long at most nobody arms after `condor reduce`."""
ALLOWED_ENDINGS = ("exit 0", "exit 3", "killed", "JournalDamaged", "JournalError", "AlreadyRunning", "StateDirRefused")
"""How a life may end here: in order, for want of a journal, by kill -9, or refusing to begin."""

HOST_VERBS = frozenset({
    "life: kill -9", "life: kill -9 at a write", "life: SIGTERM", "life: SIGTERM at a write", "life: suspended",
    "life: a second bot", "press: signal", "press: signal at a write", "press: file", "press: both, many times",
    "press: with the gateway down", "disk: full", "disk: locked", "disk: torn tail", "disk: bit flipped",
    "disk: stale backup", "people: reduce",
})  # fmt: skip


class HostFaults:
    """The faults of a host, done to the arena's bot."""

    def __init__(self, arena: Arena, chance: np.random.Generator) -> None:
        self._arena = arena
        self._chance = chance
        self._backup: Path | None = None
        self._hands: list[asyncio.Task[None]] = []
        self._stopping = False

    async def do(self, dish: Dish) -> None:
        """Does what the dish says; the bot lives again afterwards, if it can."""
        what = dish.verb
        acts: dict[str, Callable[[], Any]] = {
            "life: kill -9": lambda: self._die(None),
            "life: SIGTERM": self._stop_in_order,
            "life: suspended": lambda: self._suspended(dish),
            "life: a second bot": self._second,
            "press: signal": lambda: self._press(("signal",)),
            "press: file": lambda: self._press(("file",)),
            "press: both, many times": lambda: self._press(("signal", "file") * 20),
            "press: with the gateway down": self._press_while_down,
            "people: reduce": self._reduce,
            "disk: full": self._disk_full,
            "disk: locked": self._disk_locked,
            "disk: torn tail": lambda: self._die(self._tear),
            "disk: bit flipped": lambda: self._die(self._flip),
            "disk: stale backup": self._stale,
        }
        await acts[what]()

    def at_a_write(self, dish: Dish) -> None:
        """In the turn of the loop in which an order or cancel was written; not into a stop in order, whose own cancels
        are written too: it brings the next life by itself."""
        if self._stopping:
            return
        self._arena.found.faults[dish.verb] += 1
        for fault in dish.faults:
            self._arena.found.classes[fault] += 1
        if dish.verb.startswith("press"):
            self._arena.signal(signal.SIGUSR1)
            return
        act = self._die(None) if "kill -9" in dish.verb else self._stop_in_order()
        self._hands = [hand for hand in self._hands if not hand.done()]
        self._hands.append(asyncio.create_task(act, name="host fault"))

    async def again(self) -> None:
        """A bot that has ended is started again, as its service would, unless it refuses to live."""
        arena = self._arena
        for hand in self._hands:
            await hand
        if not arena.ended:
            return
        said = arena.ending()
        arena.endings.append(said)
        arena.found.look("endings", said.startswith(ALLOWED_ENDINGS), f"the bot ended: {said}")
        await asyncio.sleep(10.0)
        arena.begin()
        await arena.until(lambda: bool(arena.state.run_id), 60.0)

    # deaths --------------------------------------------------------------------------------------
    async def _die(self, spoil: Callable[[Path], None] | None) -> None:
        arena = self._arena
        if arena.ended:
            return
        await arena.kill_nine(spoil)
        if spoil is None and self._chance.random() < 0.4:
            await asyncio.sleep(float(self._chance.exponential(30.0)))
        arena.begin()
        await arena.until(lambda: bool(arena.state.run_id), 60.0)
        if arena.ended and spoil == self._flip:
            await self._refused()

    async def _refused(self) -> None:
        """A flipped bit was found: nothing trades on that file. People bring the good one back."""
        arena = self._arena
        said = arena.ending()
        arena.endings.append(said)
        arena.found.look("I16", "Journal" in said, f"a damaged journal ended the bot with: {said}")
        for name in FILES:
            (arena.state_dir / name).unlink(missing_ok=True)
        for name in FILES[:2]:
            if (arena.place / "kept" / name).exists():
                shutil.copyfile(arena.place / "kept" / name, arena.state_dir / name)
        arena.begin()
        await arena.until(lambda: bool(arena.state.run_id), 60.0)

    async def _stop_in_order(self) -> None:
        arena = self._arena
        if arena.ended:
            return
        began, self._stopping = asyncio.get_running_loop().time(), True
        arena.signal(signal.SIGTERM)
        while not arena.ended and asyncio.get_running_loop().time() - began < 30.0:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.5)
        self._stopping = False
        arena.found.look("endings", arena.ended, "SIGTERM did not end the bot within 30 s")
        if arena.ended:
            said = arena.ending()
            arena.found.look("endings", said.startswith("exit"), f"after SIGTERM the bot ended: {said}")
        else:
            await arena.end_life()
        await asyncio.sleep(float(self._chance.exponential(20.0)))
        arena.begin()
        await arena.until(lambda: bool(arena.state.run_id), 60.0)

    async def _suspended(self, dish: Dish) -> None:
        """A laptop sleeps: market time goes on without the bot, and its connection is gone when it wakes."""
        arena = self._arena
        with contextlib.suppress(ValueError):
            arena.gateway.cause("clock_jump", **dish.terms(self._chance))
        arena.gateway.cause("reset")

    async def _second(self) -> None:
        """Another bot in the same directory refuses to live, and the first does not notice."""
        arena = self._arena
        if arena.ended:
            return
        first, before, journal = arena._life, arena.state, arena.journal
        handlers = dict(arena.handlers)
        second = arena.begin()
        with contextlib.suppress(BaseException):
            await asyncio.wait_for(asyncio.shield(second), 30.0)
        arena.found.look("endings", second.done() and arena.ending().startswith("AlreadyRunning"),
                         f"a second bot: {arena.ending() if second.done() else 'it lives'}")  # fmt: skip
        arena.found.controls["told as a second bot"] += 1
        arena._life, arena.state, arena.journal = first, before, journal
        arena.handlers.update(handlers)

    # kills ---------------------------------------------------------------------------------------
    async def _press(self, ways: tuple[str, ...]) -> None:
        """I4: the first cancel leaves within a second of a signal, within a look at the file otherwise."""
        arena, loop = self._arena, asyncio.get_running_loop()
        if arena.ended or latch.present(arena.state_dir / "KILL"):
            return
        line, alive = arena.tap.line, bool(arena.state.book.live_orders())
        known = arena.state.link.state.value == "up"
        pressed = loop.time()
        for way in ways:
            if way == "signal":
                arena.signal(signal.SIGUSR1)
            else:
                latch.engage(arena.state_dir / "KILL", "campaign", "pressed by the campaign", arena.now)
        patience_s = FIRST_CANCEL_S if "signal" in ways else arena.plan.tick_s + FIRST_CANCEL_S
        await asyncio.sleep(patience_s)
        if alive and known and line is not None and line.open and not arena.ended:
            sent = [at for at in arena.wire_judge.global_cancels if at >= pressed]
            arena.found.look("I4", bool(sent), f"no cancel within {patience_s:.0f} s of {ways[0]}")
        halted = await arena.until(lambda: arena.state.control.state.value == "halted", 60.0)
        arena.found.look("I4", halted or arena.ended, f"pressed by {ways[0]} and not halted")

    async def _press_while_down(self) -> None:
        arena = self._arena
        arena.gateway.cause("restart", refuse_s=20.0)
        await asyncio.sleep(3.0)
        await self._press(("file", "signal"))

    # people --------------------------------------------------------------------------------------
    async def _reduce(self) -> None:
        """`condor reduce`: what is held goes on being closed; nobody arms before that was seen, or could not be."""
        arena = self._arena
        number = time.time_ns() // 1_000_000
        mailbox.leave(arena.state_dir, OperatorVerb.REDUCE, "campaign", "less risk", confirmed=True, number=number)
        await arena.until(lambda: arena.state.control.state is not TradingState.ACTIVE, 60.0)
        seen = arena.found.checked["I10"]
        await arena.until(
            lambda: arena.ended or arena.found.checked["I10"] > seen or not arena.state.book.positions(), REDUCING_S
        )

    # disks ---------------------------------------------------------------------------------------
    async def _disk_full(self) -> None:
        """Not one page more can be written: the bot ends, latched, and sends nothing on the way."""
        arena = self._arena
        if arena.ended or arena.journal is None:
            return
        orders = arena.wire_judge.orders
        database = arena.journal._db
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count = {pages}")
        ended = await arena.until(lambda: arena.ended, 600.0)
        if not ended:
            database.execute("PRAGMA max_page_count = 1073741823")
            return
        said = arena.ending()
        arena.endings.append(said)
        arena.found.controls["told as exit 3"] += said.startswith("exit 3")
        arena.found.look("I16", said.startswith("exit 3"), f"the disk was full and the bot ended: {said}")
        arena.found.look("I4", latch.present(arena.state_dir / "KILL"), "the disk was full and no latch was left")
        arena.found.events["orders between a full disk and the end"] += arena.wire_judge.orders - orders
        await self.again()

    async def _disk_locked(self) -> None:
        """Another program holds the journal's write lock for longer than the bot waits."""
        arena = self._arena
        if arena.ended:
            return
        with contextlib.closing(sqlite3.connect(arena.state_dir / JOURNAL, timeout=0.1)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return
            await arena.until(lambda: arena.ended, 60.0)
            other.rollback()
        if arena.ended:
            said = arena.ending()
            arena.endings.append(said)
            arena.found.controls["told as exit 3"] += said.startswith("exit 3")
            arena.found.look("I16", said.startswith("exit 3"), f"the journal was locked and the bot ended: {said}")
            await self.again()

    def _tear(self, state_dir: Path) -> None:
        """A power cut: what was not synced is cut anywhere."""
        wal = state_dir / f"{JOURNAL}-wal"
        size = wal.stat().st_size if wal.exists() else 0
        low = min(self._arena.durable_wal, size)
        if size > low:
            with wal.open("r+b") as file:
                file.truncate(low + int(self._chance.integers(size - low + 1)))

    def _flip(self, state_dir: Path) -> None:
        """One bit of the journal's file is another one."""
        path = state_dir / JOURNAL
        data = bytearray(path.read_bytes())
        if data:
            place = int(self._chance.integers(len(data)))
            data[place] ^= 1 << int(self._chance.integers(8))
            path.write_bytes(bytes(data))

    async def _stale(self) -> None:
        """The state directory of some minutes ago comes back from a backup."""
        arena = self._arena
        if arena.ended or arena.journal is None:
            return
        if self._backup is None:
            self._backup = arena.place / "backup"
            shutil.rmtree(self._backup, ignore_errors=True)
            self._backup.mkdir()
            for name in FILES[:2]:
                if (arena.state_dir / name).exists():
                    shutil.copyfile(arena.state_dir / name, self._backup / name)
            return

        def restore(state_dir: Path) -> None:
            for name in FILES:
                (state_dir / name).unlink(missing_ok=True)
            assert self._backup is not None
            for name in FILES[:2]:
                if (self._backup / name).exists():
                    shutil.copyfile(self._backup / name, state_dir / name)

        await self._die(restore)
