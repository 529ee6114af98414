"""The soak: many simulated days of one bot, a connection lost each day, and what grows meanwhile.

Memory is what the kernel holds resident for the whole process, the simulated gateway and its world included, so that a
slope here is an upper bound for the bot's own.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import bot.sim.world
from tests.campaign.arena import Arena
from tests.campaign.at_rest import AtRest
from tests.campaign.found import Found
from tests.campaign.plan import draw
from tests.campaign.twists import Twist

TICK_S = 45.0
"""The longest tick whose quotes are still young enough to trade on."""
TRADING = Twist("soak", ("risk.guards.stop_outs=100", "condor.entry.every_min=15", "condor.entry.scan_min=15"))
"""Condors that lose are followed by others, so that every day trades, some times."""
SCENARIOS = Path(bot.sim.world.__file__).parent / "scenarios"
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Evening:
    """What one simulated day ended with."""

    day: str
    resident_mb: float
    tasks: int
    descriptors: int
    facts: int


class Soak:
    """One long life."""

    def __init__(self, days: int, place: Path, for_s: float) -> None:
        world = place / "soak.toml"
        world.write_text(months(days), encoding="utf-8")
        plan = replace(
            draw("connectivity", 1), world=str(world), begin="", tick_s=TICK_S, hedged=False, twist=TRADING,
            fills="quick", fill_terms={"mid_per_minute": 6.0, "partial_probability": 0.3}, dishes=(),
        )  # fmt: skip
        self.found = Found()
        self.arena = Arena(plan, place, self.found)
        self.evenings: list[Evening] = []
        self._days = days
        self._last = time.monotonic() + for_s

    def run(self) -> dict[str, Any]:
        """Lives and reports."""
        began = time.monotonic()
        self.arena.play(self._story)
        AtRest(self.arena).judge()
        return self._report(time.monotonic() - began)

    async def _story(self, arena: Arena) -> None:
        arena.begin()
        today = arena.now.date()
        while len(self.evenings) < self._days and time.monotonic() < self._last:
            await asyncio.sleep(600.0)
            if arena.ended:
                break
            if arena.now.date() != today:
                self._evening(today.isoformat())
                today = arena.now.date()
                arena.gateway.cause("reset")

    def _evening(self, day: str) -> None:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        self.evenings.append(
            Evening(
                day=day,
                resident_mb=round(pages * PAGE_BYTES / 2**20, 2),
                tasks=len(asyncio.all_tasks()),
                descriptors=len(os.listdir("/proc/self/fd")),
                facts=self.found.events["facts"],
            )
        )

    def _report(self, real_s: float) -> dict[str, Any]:
        late = self.evenings[min(2, len(self.evenings) // 2) :]  # the first evenings still fill caches
        slopes = {}
        for name in ("resident_mb", "tasks", "descriptors"):
            values = np.array([getattr(evening, name) for evening in late], dtype=float)
            slopes[name] = round(float(np.polyfit(np.arange(len(values)), values, 1)[0]), 3) if len(values) > 1 else 0.0
        last = self.evenings[-1] if self.evenings else None
        words = (
            f"{len(self.evenings)} simulated days, a tick every {self.arena.plan.tick_s:g} s, a lost connection each "
            f"evening, in one life: {self.found.events['facts']:,} facts, {self.arena.wire_judge.orders} orders, "
            f"{real_s:.0f} s. A day adds {slopes['resident_mb']:g} MB of memory "
            f"(gateway and world included), {slopes['tasks']:g} tasks, {slopes['descriptors']:g} descriptors."
        )
        if last is not None:
            words += f" At the end: {last.resident_mb:g} MB, {last.tasks} tasks, {last.descriptors} descriptors."
        words += (
            f" {sum(self.found.checked.values()):,} looks at invariants, broken: {sum(self.found.violated.values())}."
        )
        evenings = [list(evening_row(evening)) for evening in self.evenings]
        return {"words": words, "slopes": slopes, "evenings": evenings, "wrong": self.found.words}


def evening_row(evening: Evening) -> tuple[Any, ...]:
    """As a row of numbers."""
    return (evening.day, evening.resident_mb, evening.tasks, evening.descriptors, evening.facts)


def months(days: int) -> str:
    """The calm scenario's days over and over, one more than are lived."""
    head, *told = (SCENARIOS / "calm.toml").read_text(encoding="utf-8").split("[[day]]")
    return head + "".join(f"[[day]]{told[number % len(told)]}" for number in range(days + 1))


def soak(days: int, for_s: float = 1e9) -> dict[str, Any]:
    """A soak of so many days in one life, fewer where so many real seconds are over before."""
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        return Soak(days, Path(folder), for_s).run()
