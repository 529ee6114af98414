"""Market time: windows around sessions, nights skipped, held by lockstep, never backwards."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sim.clock import MARGIN, MarketClock, Phase, default_tick_s
from bot.sim.exchange.hours import regular_day
from tests.sim.fakes.fake_market import FakeWorld


class LoopTime:
    """A loop clock moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def clock_of(world: FakeWorld, time: LoopTime, **options: object) -> MarketClock:
    return MarketClock(world.days, loop_time=time, **options)  # type: ignore[arg-type]


def test_every_session_is_lived_with_its_margins_and_the_night_is_one_tick() -> None:
    """From fifteen minutes before each open to fifteen after each close; the last tick says end."""
    world = FakeWorld()
    clock = clock_of(world, LoopTime(), tick_s=60.0)
    ticks = list(clock.schedule())
    first, second = world.days
    margin = timedelta(minutes=15)
    assert ticks[0].at == first.open_at - margin
    evening = next(tick for tick in ticks if tick.at == first.close_at + margin)
    morning = ticks[evening.number]
    assert morning.at == second.open_at - margin
    assert morning.elapsed_s - evening.elapsed_s == 60.0
    assert ticks[-1].at == second.close_at + margin
    assert [tick.phase for tick in ticks].count(Phase.END) == 1
    assert ticks[-1].phase is Phase.END
    assert {tick.phase for tick in ticks if first.open_at <= tick.at < first.close_at} == {Phase.OPEN}
    assert {tick.phase for tick in ticks if tick.at < first.open_at} == {Phase.CLOSED}


def test_nights_are_lived_while_anything_trades() -> None:
    """From the first open's margin to the last close's without a jump but the hours in which all is shut; the night is
    `extended`, the sessions are `open` as ever."""
    friday, monday = regular_day(date(2023, 3, 10)), regular_day(date(2023, 3, 13))
    clock = MarketClock([friday, monday], loop_time=LoopTime(), tick_s=300.0, overnight=True)
    ticks = list(clock.schedule())
    assert (ticks[0].at, ticks[-1].at) == (friday.open_at - MARGIN, monday.close_at + MARGIN)
    jumps = [(early.at, late.at) for early, late in pairwise(ticks) if late.at - early.at > timedelta(minutes=5)]
    assert [(f"{early:%a %H:%M}", f"{late:%a %H:%M}") for early, late in jumps] == [("Fri 20:00", "Sun 18:00")]
    night = {tick.phase for tick in ticks if friday.close_at <= tick.at < monday.open_at}
    assert night == {Phase.EXTENDED, Phase.CLOSED}, "all is shut at 20:00 on Friday"
    for day in (friday, monday):
        assert {tick.phase for tick in ticks if day.open_at <= tick.at < day.close_at} == {Phase.OPEN}
    assert {late.elapsed_s - early.elapsed_s for early, late in pairwise(ticks)} == {300.0}


@settings(deadline=None, max_examples=40)
@given(tick_s=st.floats(20.0, 7200.0), speed=st.floats(0.1, 1e4))
def test_ticks_move_forward_by_at_most_one_step(tick_s: float, speed: float) -> None:
    """Numbers count up, market time never runs backwards, places on the line are at most a tick apart."""
    clock = clock_of(FakeWorld(), LoopTime(), tick_s=tick_s, speed=speed)
    ticks = list(clock.schedule())
    assert [tick.number for tick in ticks] == list(range(1, len(ticks) + 1))
    for early, late in pairwise(ticks):
        assert early.at <= late.at
        assert 0.0 < late.elapsed_s - early.elapsed_s <= tick_s * (1 + 1e-9)


def test_between_ticks_time_flows_but_never_past_the_next_tick() -> None:
    """A held clock holds market time; message pacing goes on."""
    time = LoopTime()
    world = FakeWorld()
    clock = clock_of(world, time, tick_s=15.0, speed=10.0, begin=world.days[0].open_at)
    tick = next(clock.schedule())
    clock.apply(tick)
    assert clock.now == world.days[0].open_at
    time.now += 0.5
    assert clock.now == world.days[0].open_at + timedelta(seconds=5)
    time.now += 60.0
    assert clock.now == world.days[0].open_at + timedelta(seconds=15)
    assert clock.pacing_s == pytest.approx(605.0)


def test_a_late_tick_moves_the_line_and_is_not_caught_up() -> None:
    """After a wait the next tick is a full step away again."""
    time = LoopTime()
    clock = clock_of(FakeWorld(), time, tick_s=10.0, speed=10.0)
    schedule = clock.schedule()
    clock.apply(next(schedule))
    second, third = next(schedule), next(schedule)
    assert clock.due_s(second) == pytest.approx(101.0)
    time.now = 130.0
    clock.apply(second)
    assert clock.due_s(third) == pytest.approx(131.0)


def test_it_can_begin_inside_a_session() -> None:
    """The first tick is at the moment asked for; what lies before never happens."""
    world = FakeWorld()
    begin = world.days[1].open_at + timedelta(hours=2)
    clock = clock_of(world, LoopTime(), begin=begin, tick_s=30.0)
    assert next(clock.schedule()).at == begin
    assert clock.now == begin


@pytest.mark.parametrize(
    ("options", "said"),
    [({"speed": 0.0}, "speed"), ({"speed": float("nan")}, "speed"), ({"tick_s": -1.0}, "tick_s")],
)
def test_impossible_settings_are_refused(options: dict[str, float], said: str) -> None:
    """With the setting's name."""
    with pytest.raises(ValueError, match=said):
        clock_of(FakeWorld(), LoopTime(), **options)


def test_an_empty_world_and_a_begin_after_the_end_are_refused() -> None:
    """There would be nothing to simulate."""
    with pytest.raises(ValueError, match="no trading days"):
        clock_of(FakeWorld(days=0), LoopTime())
    world = FakeWorld()
    with pytest.raises(ValueError, match="after the last session"):
        clock_of(world, LoopTime(), begin=world.days[-1].close_at + timedelta(days=1))


def test_the_default_tick_is_fine_at_watching_speed() -> None:
    """One second up to sixty-fold, fifteen above."""
    assert (default_tick_s(1.0), default_tick_s(60.0), default_tick_s(600.0)) == (1.0, 1.0, 15.0)
