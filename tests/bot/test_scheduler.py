"""The timetable: every moment once and in order under followed time, a missed one told under real time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED
from apscheduler.triggers.date import DateTrigger
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.scheduler import FollowedTimetable, LiveTimetable, Moment, timetable
from bot.sim.virtual_time import run_virtual
from strategies.domain.events import FaultNoted, TimerFired, TimerMissed
from strategies.domain.session import NEW_YORK

MONDAY = datetime(2026, 3, 2, tzinfo=NEW_YORK)
DAILY = {"premarket": time(9, 25), "close_check": time(15, 45), "end_of_day": time(16, 20), "report": time(16, 25)}


class Heard:
    """Everything posted, in order."""

    def __init__(self) -> None:
        self.facts: list[Any] = []

    def __call__(self, fact: Any) -> None:
        self.facts.append(fact)

    def of(self, name: str) -> list[datetime]:
        return [f.due_at.astimezone(NEW_YORK) for f in self.facts if isinstance(f, TimerFired) and f.name == name]


def ticks(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    at = start.astimezone(UTC)
    while at <= end.astimezone(UTC):
        yield at
        at += step


def followed(moments: tuple[Moment, ...] | None = None) -> tuple[FollowedTimetable, Heard]:
    heard = Heard()
    return FollowedTimetable(moments or timetable(15.0), heard), heard


def session_ticks(day: datetime) -> Iterator[datetime]:
    """A simulated day: from fifteen minutes before the open to fifteen after the close, every fifteen seconds."""
    return ticks(day.replace(hour=9, minute=15), day.replace(hour=16, minute=30), timedelta(seconds=15))


# followed time ------------------------------------------------------------------------------------
def test_a_simulated_day_fires_what_a_real_one_does() -> None:
    """Each daily moment once, entry slots every half hour of the window, regime samples every five minutes."""
    table, heard = followed()
    for now in session_ticks(MONDAY):
        table.advance(now)
    for name, when in DAILY.items():
        assert [at.time() for at in heard.of(name)] == [when], name
    assert [at.strftime("%H:%M") for at in heard.of("entry_slot")] == [
        f"{hour}:{minute:02d}" for hour in range(10, 16) for minute in (0, 30)
    ]
    regimes = heard.of("regime")
    assert (regimes[0].time(), regimes[-1].time(), len(regimes)) == (time(9, 15), time(16, 30), 88)


def test_jumps_over_nights_and_weekends_lose_nothing_and_repeat_nothing() -> None:
    """Three weeks of sessions with nothing between them: each moment of each weekday once, in the order due."""
    table, heard = followed()
    days = [MONDAY + timedelta(days=n) for n in range(19) if n % 7 < 5]
    for day in days:
        for now in session_ticks(day):
            table.advance(now)
    for name in DAILY:
        assert [at.date() for at in heard.of(name)] == [day.date() for day in days], name
    assert len(heard.of("entry_slot")) == 12 * len(days)


def test_a_day_that_ends_before_its_last_moments_fires_them_at_the_next_look() -> None:
    """An early close is followed by the next morning: end of day and report come late, but they come, and first."""
    table, heard = followed()
    table.advance(MONDAY.replace(hour=12))
    table.advance(MONDAY.replace(hour=13, minute=30))
    heard.facts.clear()
    table.advance(MONDAY.replace(hour=9, minute=26) + timedelta(days=1))
    names = [f.name for f in heard.facts if f.name in DAILY]
    assert names == ["close_check", "end_of_day", "report", "premarket"]
    assert {at.date() for at in heard.of("end_of_day")} == {MONDAY.date()}


@pytest.mark.parametrize("monday", [datetime(2026, 3, 2, tzinfo=NEW_YORK), datetime(2026, 10, 26, tzinfo=NEW_YORK)])
def test_the_weeks_of_the_clock_change_are_like_others(monday: datetime) -> None:
    """Two weeks around each change, by the minute: New York times stay, nothing doubles, nothing is skipped."""
    table, heard = followed(tuple(m for m in timetable(60.0) if m.name != "pulse"))
    for now in ticks(monday, monday + timedelta(days=14), timedelta(minutes=1)):
        table.advance(now)
    for name, when in DAILY.items():
        fired = heard.of(name)
        assert len(fired) == 10, name
        assert {at.time() for at in fired} == {when}
    assert len(heard.of("entry_slot")) == 120


def test_no_moment_lies_where_clocks_are_changed() -> None:
    """Between 01:00 and 03:00 New York time an hour repeats or is missing, so nothing is due there."""
    for moment in timetable(5.0):
        if moment.name == "pulse":
            continue
        at, seen = datetime(2026, 1, 1, tzinfo=NEW_YORK), 0
        while at < datetime(2026, 12, 31, tzinfo=NEW_YORK):
            at = moment.trigger.get_next_fire_time(at, at + timedelta(microseconds=1))
            assert not 1 <= at.astimezone(NEW_YORK).hour < 3, (moment.name, at)
            seen += 1
            at += timedelta(days=1 if moment.name in DAILY else 0, microseconds=1)
            if seen > 2000:
                break


def test_the_pulse_beats_in_the_past_too() -> None:
    """Under followed time of 2018 the interval counts from a fixed moment, not from today's wall clock."""
    table, heard = followed()
    start = datetime(2018, 9, 17, 14, 0, tzinfo=UTC)
    for now in ticks(start, start + timedelta(minutes=10), timedelta(seconds=15)):
        table.advance(now)
    assert len(heard.of("pulse")) == 41


def test_the_pulse_is_the_same_in_every_run() -> None:
    """Two timetables made at different times fire at the same market moments: a run repeats bit for bit."""
    runs = []
    for _ in range(2):
        table, heard = followed()
        for now in session_ticks(MONDAY):
            table.advance(now)
        runs.append([(f.name, f.due_at) for f in heard.facts])
    assert runs[0] == runs[1]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 3 * 86_400), min_size=1, max_size=40))
def test_however_time_jumps_each_name_fires_at_most_once_a_step_in_order_and_never_early(steps: list[int]) -> None:
    """Whatever the jumps, due times rise, lie at or before now, and no moment is told twice."""
    table, heard = followed()
    now = MONDAY.astimezone(UTC)
    table.advance(now)
    told: set[tuple[str, datetime]] = set()
    for step in steps:
        now += timedelta(seconds=step)
        heard.facts.clear()
        table.advance(now)
        due = [f.due_at for f in heard.facts]
        assert due == sorted(due)
        assert all(at <= now for at in due)
        names = [f.name for f in heard.facts]
        assert len(names) == len(set(names))
        fresh = {(f.name, f.due_at) for f in heard.facts}
        assert not fresh & told
        told |= fresh


# real time ----------------------------------------------------------------------------------------
def live(trigger: Any) -> tuple[LiveTimetable, Heard]:
    heard = Heard()
    moment = Moment("close_check", trigger, "test")
    return LiveTimetable((moment,), heard, lambda: datetime(2026, 3, 2, 20, 45, tzinfo=UTC)), heard


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_moment_that_is_long_past_when_the_loop_gets_to_it_is_missed_not_fired(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A loop that was blocked over 15:45 finds out later: TimerMissed with the moment it was due, no late firing."""
    long_ago = datetime(2020, 3, 2, 15, 45, tzinfo=NEW_YORK)
    table, heard = live(DateTrigger(long_ago))

    async def main() -> None:
        table.start()
        await turns(20)
        table.stop()

    with caplog.at_level(logging.ERROR):
        run_virtual(main)
    assert heard.facts == [TimerMissed(name="close_check", due_at=long_ago.astimezone(UTC))]


def test_a_failed_job_is_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    """An exception inside APScheduler's machinery is told, never swallowed in its log."""
    table, heard = live(DateTrigger(datetime(2030, 1, 1, tzinfo=UTC)))
    table._trouble(
        SimpleNamespace(
            code=EVENT_JOB_ERROR, job_id="report", scheduled_run_time=MONDAY, exception=RuntimeError("broken")
        )
    )
    assert isinstance(heard.facts[0], FaultNoted)
    assert "report" in heard.facts[0].text
    assert "broken" in heard.facts[0].text


def test_a_missed_event_names_its_job_and_moment() -> None:
    """What APScheduler reports as missed becomes TimerMissed in UTC."""
    table, heard = live(DateTrigger(datetime(2030, 1, 1, tzinfo=UTC)))
    table._trouble(SimpleNamespace(code=EVENT_JOB_MISSED, job_id="premarket", scheduled_run_time=MONDAY))
    assert heard.facts == [TimerMissed(name="premarket", due_at=MONDAY.astimezone(UTC))]


def test_stop_before_start_is_harmless() -> None:
    """A life that ends before its timetable began stops it all the same."""
    live(DateTrigger(MONDAY))[0].stop()
