"""The host as it is measured: steps of clocks, lag, and what the system tells of the process."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from bot import host
from bot.host import HostWatch
from bot.journal.store import Journal
from bot.sim.virtual_time import run_virtual
from strategies.domain import events as ev
from strategies.domain.session import session_date

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


class Clocks:
    """Two clocks that a test sets."""

    wall_s = 1000.0
    steady_s = 5.0


async def _unasked() -> float | None:
    return 120.0


def watch(tmp_path: Path, clocks: Clocks, told: list[ev.AnyEvent]) -> HostWatch:
    return HostWatch(
        state_dir=tmp_path,
        post=told.append,
        now=lambda: NOW,
        slowest_commit_ms=lambda: 1.5,
        facts_waiting=lambda: 3,
        broker_clock_ms=_unasked,
        wall_s=lambda: clocks.wall_s,
        steady_s=lambda: clocks.steady_s,
    )


def test_a_step_of_the_wall_clock_counts_for_ten_minutes(tmp_path: Path) -> None:
    """Both clocks run on: no step. The wall clock is set back by three seconds: a step, until sixty looks are past."""

    async def story() -> None:
        clocks = Clocks()
        looker = watch(tmp_path, clocks, [])
        assert looker.look().clock_step_ms == 0.0
        clocks.wall_s += 10.0
        clocks.steady_s += 10.0
        assert looker.look().clock_step_ms == 0.0
        clocks.wall_s -= 3.0
        for _ in range(58):
            assert looker.look().clock_step_ms == -3000.0
        looker.look()
        looker.look()
        assert looker.look().clock_step_ms == 0.0

    asyncio.run(story())


def test_the_host_is_told_at_once_and_every_ten_seconds_and_a_late_loop_is_seen(tmp_path: Path) -> None:
    """The first fact comes before anything can be traded; a loop that was blocked shows in the next one, once."""
    told: list[ev.AnyEvent] = []

    async def story() -> None:
        task = asyncio.create_task(watch(tmp_path, Clocks(), told).run())
        await asyncio.sleep(0.1)
        assert len(told) == 1
        await asyncio.sleep(4.0)
        loop = asyncio.get_running_loop()
        loop.jump(3.0)  # type: ignore[attr-defined]
        await asyncio.sleep(25.0)
        task.cancel()

    run_virtual(story)
    readings = [fact.reading for fact in told if isinstance(fact, ev.HostMeasured)]
    assert len(readings) >= 3
    assert (readings[0].loop_lag_s or 0.0) < 0.01
    assert readings[1].broker_clock_ms == 120.0
    assert readings[1].facts_waiting == 3
    assert readings[1].commit_ms == 1.5
    assert readings[1].tasks >= 2  # type: ignore[operator]


def test_the_process_knows_its_memory_files_and_disk(tmp_path: Path) -> None:
    """Numbers of a plausible size; a folder that is gone has no free space, which is unknown and not zero."""
    assert 5.0 < (host.memory_mib() or 0.0) < 10_000.0
    assert 2 < (host.descriptors() or 0) < 10_000
    assert (host.free_mib(tmp_path) or 0.0) > 1.0
    assert host.free_mib(tmp_path / "gone") is None


def test_the_slowest_commit_is_told_once(tmp_path: Path) -> None:
    """A commit takes time, which is told to the first who asks."""
    journal = Journal.open(tmp_path / "journal.sqlite3", clock_session=session_date)
    assert journal.take_slowest_commit_ms() == 0.0
    journal.append_event(ev.Envelope(1, NOW, ev.FaultNoted(code="X", text="x")))
    journal.commit(durable=True)
    assert journal.take_slowest_commit_ms() > 0.0
    assert journal.take_slowest_commit_ms() == 0.0
    journal.close()
