"""Kill presses at random steps of the event loop, on virtual time; judged by the bytes that leave and the ledger.

A step is one callback of the loop. Between two of them the kill is pressed: by file, by signal, or as `condor kill`
does it (file, then signal). From that moment no order may be written, what-ifs apart; the cancels must come,
be proven, and hold until somebody arms. Then the next press. What the bot writes is counted at the transport and told
apart by the gateway's ledger: the n-th order message written is the n-th order line there.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bot import latch, mailbox
from bot.engine.state import State
from bot.sim.memory_transport import MemoryTransport
from bot.sim.venue.matching import FillModel
from strategies.domain.control import LinkState, OperatorVerb, TradingState
from strategies.domain.session import NEW_YORK
from tests.flow.standing_folder import StandingFolder, fork
from tests.flow.virtual_life import BUSY, Stage, tell
from tests.oracle.ledger import LIVE

WORLD = str(Path(__file__).with_name("crash_days.toml"))
MORNING = "2026-03-02T10:28:30-05:00"
PARTS = FillModel(mid_per_minute=3.0, partial_probability=0.5)
QUITE_BUSY = (
    *BUSY, "engine.prove_again_s=1.0", "engine.snapshot_every_s=8.0", "condor.orders.step_s=15.0",
    "condor.orders.denied_pause_s=5.0",
    "condor.entry.entries_per_day=500", "condor.entry.repeat_after_s=5.0", "condor.entry.proposals_per_slot=50",
    "condor.orders.patient_pause_s=15.0", "risk.orders_per_day=900",
    "risk.reducing_orders_per_day=1000",
)  # fmt: skip
"""Something is opened or closed all the time, with as few quotes as that needs."""
PLACE = b"3\x00"
KINDS = ("file", "signal", "command")
LAST_HOUR = 15
STEPS_MOST = 300
"""Callbacks from arming within which the next press falls: a minute or two of market time, with entries and exits."""


FORKED_STEPS_MOST = 60
"""Callbacks between two presses of a life that goes on as if none had been."""
ARMED_SHARE = 0.1
"""Of forked presses, those after which the bot is armed again and has to trade."""


class Presses(NamedTuple):
    """What came of a life: presses made, of them `hot` with an order alive or about to be, callbacks of the loop,
    orders written, messages in flight at a press, and everything that may not be."""

    made: int
    hot: int
    callbacks: int
    orders: int
    in_flight: int
    violations: tuple[str, ...]


class Places:
    """The orders of a growing ledger, each line read once: references, whether only asked, and the last status."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self.what_if: list[bool] = []
        self.refs: list[str] = []
        self._status: dict[int, str] = {}

    def read(self) -> int:
        """Reads what has come; how many orders and what-ifs have arrived in all."""
        with self._path.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._at += len(line)
                if b'"kind":"place"' in line:
                    found = json.loads(line)
                    self.what_if.append(bool(found["what_if"]))
                    self.refs.append(str(found["order_ref"]))
                elif b'"kind":"state"' in line:
                    found = json.loads(line)
                    self._status[int(found["perm_id"])] = str(found["status"])
        return len(self.refs)

    def live(self) -> int:
        """Orders that may still trade by the last line about each."""
        return sum(status in LIVE for status in self._status.values())


class Tap:
    """Counts order messages that the bot writes, and callbacks of the loop; fires once after a number of them."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.callbacks = 0
        self.frames = 0
        self._rest = b""
        self._due: int | None = None
        self._fire: Callable[[], None] = lambda: None

    def after(self, callbacks: int, fire: Callable[[], None]) -> None:
        """Calls `fire` between two callbacks, so many from now."""
        self._due, self._fire = self.callbacks + callbacks, fire

    def step(self) -> None:
        self.callbacks += 1
        if self._due is not None and self.callbacks >= self._due:
            self._due = None
            self._fire()

    def wrote(self, data: bytes) -> None:
        """Frames are a length and a payload; the handshake's own first bytes count for none."""
        if data.startswith(b"API\x00"):
            self._rest, data = b"", data[4:]
        self._rest += data
        while len(self._rest) >= 4:
            length = int.from_bytes(self._rest[:4], "big")
            if len(self._rest) < 4 + length:
                return
            payload, self._rest = self._rest[4 : 4 + length], self._rest[4 + length :]
            self.frames += payload.startswith(PLACE)


@contextmanager
def tapped(tap: Tap) -> Iterator[None]:
    """While it lasts every callback and every byte towards the gateway goes by the tap."""
    run, write = asyncio.Handle._run, MemoryTransport.write  # type: ignore[attr-defined]

    def counted(handle: Any) -> None:
        run(handle)
        tap.step()

    def seen(self: MemoryTransport, data: bytes) -> None:
        name = self.get_extra_info("peername")
        if isinstance(name, tuple) and name[1] == tap.port and not self.is_closing():
            tap.wrote(bytes(data))
        write(self, data)

    asyncio.Handle._run = counted  # type: ignore[attr-defined]
    MemoryTransport.write = seen  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        asyncio.Handle._run = run  # type: ignore[attr-defined]
        MemoryTransport.write = write  # type: ignore[method-assign]


def one_life(place: Path, seed: int, most: int, world_seed: int | None = None) -> Presses:
    """Presses, arms and presses again until so many were made or the afternoon is over; the world has the seed of the
    presses or, where its past is drawn already, another one."""
    rng = np.random.default_rng(seed)
    seen: dict[str, Any] = {"made": 0, "hot": 0, "in_flight": 0, "violations": [], "callbacks": 0, "orders": 0}

    async def story(stage: Stage) -> None:
        tap, places = Tap(stage.gateway.port), Places(stage.ledger)
        with tapped(tap):
            stage.begin()
            await stage.until(lambda s: s.control.state is TradingState.ACTIVE and up(s), "the bot is up")
            while seen["made"] < most and hour(stage.state) < LAST_HOUR:
                await one_press(stage, tap, places, rng, seen)
            seen["callbacks"] = tap.callbacks
            arrived = places.read()
            seen["orders"] = places.what_if.count(False)
            if arrived != tap.frames:
                seen["violations"].append(f"{tap.frames} order messages were written, the ledger has {arrived}")

    drawn = seed if world_seed is None else world_seed
    tell(story, place, WORLD, fills=PARTS, begin=MORNING, settings=QUITE_BUSY, seed=drawn)
    return Presses(
        seen["made"], seen["hot"], seen["callbacks"], seen["orders"], seen["in_flight"], tuple(seen["violations"])
    )


async def one_press(stage: Stage, tap: Tap, places: Places, rng: np.random.Generator, seen: dict[str, Any]) -> None:
    """Waits for its step, presses, sees the stop proven, lets time pass, arms."""
    pressed: list[tuple[int, int]] = []
    kind = int(rng.integers(3))

    def fire() -> None:
        press(stage, kind)
        state = stage.state
        seen["hot"] += bool(state.book.live_orders() or state.pending_margin)
        pressed.append((tap.frames, places.read()))

    tap.after(int(rng.integers(1, STEPS_MOST)), fire)
    await stage.until(lambda s: bool(pressed), "the press", 30.0)
    written, arrived = pressed[0]
    seen["made"] += 1
    seen["in_flight"] += written - arrived
    wrong = await after_the_press(stage, places, written, float(rng.choice((0.2, 0.5))))
    wrong += await armed_again(stage)
    seen["violations"] += [f"press {seen['made']} ({KINDS[kind]}): {words}" for words in wrong]


def forked_life(place: Path, seed: int, most: int) -> Presses:
    """The same, each press in a process forked at its step: the life itself goes on, and the next press falls a few
    callbacks later. Needs a system that tells a process its open files (tests/flow/standing_folder.py)."""
    rng = np.random.default_rng(seed)
    seen: dict[str, Any] = {"made": 0, "hot": 0, "in_flight": 0, "violations": [], "callbacks": 0, "orders": 0}
    for name in ("lived", "beside"):
        (place / name).mkdir()

    async def story(stage: Stage) -> None:
        tap, places = Tap(stage.gateway.port), Places(stage.ledger)
        with tapped(tap):
            stage.begin()
            await stage.until(lambda s: s.control.state is TradingState.ACTIVE and up(s), "the bot is up")
            while seen["made"] < most and hour(stage.state) < LAST_HOUR:
                await one_fork(stage, tap, places, rng, seen, place)
            seen["callbacks"] += tap.callbacks
            places.read()
            seen["orders"] = places.what_if.count(False)

    tell(story, place / "lived", WORLD, fills=PARTS, begin=MORNING, settings=QUITE_BUSY, seed=seed)
    return Presses(
        seen["made"], seen["hot"], seen["callbacks"], seen["orders"], seen["in_flight"], tuple(seen["violations"])
    )


async def one_fork(
    stage: Stage, tap: Tap, places: Places, rng: np.random.Generator, seen: dict[str, Any], place: Path
) -> None:
    """Waits for its step, forks, and hears what the child found that was pressed there."""
    passed: list[bool] = []
    kind, lasts_min, arms = int(rng.integers(3)), float(rng.choice((0.2, 0.5))), bool(rng.random() < ARMED_SHARE)
    loop = asyncio.get_running_loop()
    told: dict[str, Any] = {}

    def fire() -> None:
        passed.append(True)
        beside = place / "beside" / str(seen["made"])
        beside.mkdir()
        folder = StandingFolder(place / "lived", beside)
        reading, writing = os.pipe()
        if fork(loop, folder) == 0:
            told["to"] = writing
            press(stage, kind)
            state = stage.state
            told["hot"] = bool(state.book.live_orders() or state.pending_margin)
            told["written"], told["arrived"], told["callbacks"] = tap.frames, places.read(), tap.callbacks
            return
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            text = pipe.read()
        os.wait()
        folder.again()
        shutil.rmtree(beside)
        found = json.loads(text) if text else {"violations": ["its process ended without a word"]}
        seen["made"] += 1
        for name in ("hot", "in_flight", "callbacks"):
            seen[name] += found.get(name, 0)
        seen["violations"] += [f"press {seen['made']} ({KINDS[kind]}): {words}" for words in found["violations"]]

    tap.after(int(rng.integers(1, FORKED_STEPS_MOST)), fire)
    await stage.until(lambda s: bool(passed), "the press", 30.0)
    if not told:
        return
    violations: list[str] = []
    try:
        violations += await after_the_press(stage, places, told["written"], lasts_min)
        if arms:
            violations += await armed_again(stage)
    except AssertionError as error:
        violations.append(str(error))
    finally:
        found = {"hot": told["hot"], "in_flight": told["written"] - told["arrived"],
                 "callbacks": tap.callbacks - told["callbacks"], "violations": violations}  # fmt: skip
        os.write(told["to"], json.dumps(found).encode())
        os._exit(0)


async def after_the_press(stage: Stage, places: Places, written: int, lasts_min: float) -> list[str]:
    """Sees the stop proven and lets time pass: what was wrong."""
    await stage.until(lambda s: halted(s) and not s.book.live_orders() and up(s), "the stop is proven", 10.0)
    await stage.live_on(lasts_min)
    places.read()
    late = [ref for ref, asks in zip(places.refs[written:], places.what_if[written:], strict=True) if not asks]
    found = [f"{places.live()} orders live on at the venue"] if places.live() else []
    return [*found, f"written after it: {', '.join(late)}"] if late else found


async def armed_again(stage: Stage) -> list[str]:
    """Arms until the bot is at work: what was wrong."""
    for number in range(1, 40):
        arm(stage, number)
        await stage.live_on(0.3)
        if stage.state.control.state is TradingState.ACTIVE:
            return []
    return [f"never armed again: {stage.alerts[-1:]}"]


def press(stage: Stage, kind: int) -> None:
    """By file, by signal, or as the command does it."""
    path = stage.state_dir / latch.NAME
    if kind == 0:
        path.touch()
    elif kind == 2:
        latch.engage(path, "presses", "at random", datetime(2026, 3, 2, 15, 0, tzinfo=UTC))
    if kind:
        stage.handlers[signal.SIGUSR1]()


def arm(stage: Stage, number: int) -> None:
    """What `condor arm` leaves, numbered after the latch as a clock would."""
    shown = max(latch.changed_ms(stage.state_dir / latch.NAME), time.time_ns() // 1_000_000)
    mailbox.leave(stage.state_dir, OperatorVerb.ARM, "presses", "next", confirmed=True, number=shown + number)


def halted(state: State) -> bool:
    return state.control.state is TradingState.HALTED


def up(state: State) -> bool:
    return state.link.state is LinkState.UP and state.link.synced_epoch == state.link.epoch


def hour(state: State) -> int:
    """Hour of the market's day in New York; late where it is unknown."""
    return LAST_HOUR if state.now is None else state.now.astimezone(NEW_YORK).hour
