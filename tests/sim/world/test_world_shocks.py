"""Shocks on command: the market takes another course from now on, and every view of it tells the same story."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sim.types import ContractSpec, Right, SecType, Settlement
from bot.sim.world import load_scenario
from bot.sim.world.market import MarketWorld
from bot.sim.world.shocks import Shock

NEVER = 0.0


def worlds(hour: float = 2.0) -> tuple[MarketWorld, MarketWorld]:
    """The same market twice, some hours into its second day."""
    found = load_scenario("calm", 7), load_scenario("calm", 7)
    for world in found:
        world.advance(world.days[1].open_at + timedelta(hours=hour))
    return found


def moments(world: MarketWorld) -> np.ndarray:
    """Every quarter of an hour of the second and third day, epoch seconds."""
    opened = world.days[1].open_at.timestamp()
    day = np.arange(0.0, 24000.0, 900.0)
    return np.concatenate((opened + day, world.days[2].open_at.timestamp() + day))


def expiring(world: MarketWorld) -> ContractSpec:
    """A put that settles in the afternoon of the fifth day."""
    return ContractSpec(
        1, SecType.OPTION, "SPX", "SPXW", "CBOE", 100, "", 110, 0.05,
        expiry=world.days[4].day, strike=3000.0, right=Right.PUT, settlement=Settlement.PM,
    )  # fmt: skip


def later(world: MarketWorld, seconds: float) -> datetime:
    assert world.now is not None
    return world.now + timedelta(seconds=seconds)


def test_a_jump_changes_everything_after_it_and_nothing_before() -> None:
    """Seven percent down within half a minute: SPX, the VIX family and futures move; the look back at the past does
    not."""
    bent, straight = worlds()
    begun = bent.now
    assert begun is not None
    bent.course.shock(Shock(NEVER, spx_factor=0.93, vix_points=9.0))
    for world in (bent, straight):
        world.advance(later(world, 30))
    assert bent.index("SPX").last == pytest.approx(0.93 * straight.index("SPX").last, abs=0.02)  # type: ignore[operator]
    assert bent.index("VIX").last == pytest.approx(straight.index("VIX").last + 9.0, abs=0.02)  # type: ignore[operator]
    assert bent.index("VIX9D").last > straight.index("VIX9D").last + 9.0  # type: ignore[operator]
    expiry = bent.future_expiries(begun.date())[0]
    assert 3.0 < bent.future(expiry).last - straight.future(expiry).last < 9.0  # type: ignore[operator]
    for world in (bent, straight):
        world.advance(world.days[2].close_at)
    at = moments(bent)
    ours, theirs = bent.level_path("SPX", at).last, straight.level_path("SPX", at).last
    past = at <= begun.timestamp()
    assert np.array_equal(ours[past], theirs[past])
    assert np.allclose(ours[~past], 0.93 * theirs[~past], atol=0.02)


def test_bars_closes_and_settlements_follow_a_jump() -> None:
    """The day's bar holds the fall, the next day's previous close is the new level, the expiry settles at it."""
    bent, straight = worlds()
    bent.course.shock(Shock(NEVER, spx_factor=0.95, vix_points=6.0))
    for world in (bent, straight):
        world.advance(world.days[2].open_at + timedelta(hours=1))
    (ours,), (theirs,) = (world.daily_bars("SPX", world.days[2].day, 1) for world in (bent, straight))
    assert (ours.open, ours.close) == (theirs.open, pytest.approx(0.95 * theirs.close, abs=0.02))
    assert ours.low <= ours.close < theirs.low
    assert bent.index("SPX").previous_close == ours.close
    assert bent.index("VIX").previous_close == pytest.approx(straight.index("VIX").previous_close + 6.0)  # type: ignore[operator]
    expiry = bent.future_expiries(bent.days[2].day)[1]
    (near,) = bent.future_daily_bars(expiry, bent.days[2].day, 1)
    assert bent.future(expiry).previous_close == pytest.approx(near.close, abs=0.01)
    for world in (bent, straight):
        world.advance(world.days[4].close_at)
    spec = expiring(bent)
    settled = straight.settlement_price(spec)
    assert settled is not None
    assert bent.settlement_price(spec) == pytest.approx(0.95 * settled, abs=0.02)


def test_a_spike_comes_in_minutes_and_fades_by_half_lives() -> None:
    """Half of it after half the ramp, all of it while it stands, a quarter after two half-lives."""
    bent, straight = worlds()
    begun = bent.course.shock(Shock(NEVER, vix_points=20.0, ramp_s=600.0, half_life_s=300.0))
    excess: Callable[[], float] = lambda: bent.index("VIX").last - straight.index("VIX").last  # type: ignore[operator]  # noqa: E731

    def live(until_s: float) -> float:
        for world in (bent, straight):
            world.advance(datetime.fromtimestamp(until_s, world.days[0].open_at.tzinfo))
        return excess()

    assert live(begun.start_s + 300.0) == pytest.approx(10.0, abs=0.2)
    assert live(begun.start_s + 900.0) == pytest.approx(20.0, abs=0.1)
    ended = bent.course.end(begun)
    assert live(ended.end_s) == pytest.approx(20.0, abs=0.1)
    assert live(ended.end_s + 600.0) == pytest.approx(5.0, abs=0.1)


def test_the_futures_curve_inverts() -> None:
    """Five points at the near end lift the first month far over the second; VIX itself stays."""
    bent, straight = worlds()
    first, second = bent.future_expiries(bent.days[1].day)[:2]
    bent.course.shock(Shock(NEVER, curve_points=9.0))
    for world in (bent, straight):
        world.advance(later(world, 30))
    assert bent.future(first).last - bent.future(second).last > 1.5  # type: ignore[operator]
    assert straight.future(first).last - straight.future(second).last < 0.0  # type: ignore[operator]
    assert bent.index("VIX").last == straight.index("VIX").last


def test_a_stopped_day_closes_where_it_stood() -> None:
    """After the stop nothing moves; the close, the bar and the next morning's previous close are that level."""
    world, _ = worlds()
    world.course.stop(later(world, 1.0))
    world.advance(later(world, 15))
    stood = world.index("SPX").last
    world.advance(world.days[1].close_at)
    assert world.index("SPX").last == stood
    world.advance(world.days[2].open_at + timedelta(minutes=1))
    assert world.index("SPX").previous_close == stood
    assert world.daily_bars("SPX", world.days[2].day, 1)[0].close == stood


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.7, 1.2), st.floats(-10, 40), st.floats(-5, 10), st.floats(0, 900), st.floats(0, 900)),
        min_size=1,
        max_size=3,
    ),
    st.integers(1, 2000),
)
def test_the_look_back_tells_what_was_shown(shocks, pause) -> None:
    """Whatever shocks came and went, the past is what the market showed when it was the present."""
    world = load_scenario("calm", 7)
    world.advance(world.days[1].open_at + timedelta(hours=1))
    seen: list[tuple[float, float]] = []
    for factor, points, curve, ramp, half_life in shocks:
        shock = world.course.shock(
            Shock(NEVER, spx_factor=factor, vix_points=points, curve_points=curve, ramp_s=ramp, half_life_s=half_life)
        )
        for _ in range(4):
            world.advance(later(world, pause / 4.0))
            seen.append((world.now.timestamp(), world.index("SPX").last))  # type: ignore[union-attr,arg-type]
        world.course.end(shock)
    at = np.array([moment for moment, _ in seen])
    assert np.allclose(world.level_path("SPX", at).last, [level for _, level in seen], atol=0.011)
    assert world.index("VIX").last >= 3.0  # type: ignore[operator]
    assert math.isfinite(world.future(world.future_expiries(world.days[1].day)[0]).last)  # type: ignore[arg-type]


def test_without_a_shock_nothing_is_different() -> None:
    """The tapes handed out are the source's own, untouched."""
    world, _ = worlds()
    assert world._source.tape(1) is world._source._source.tape(1)
