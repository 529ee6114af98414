"""The shipped scenarios tell their stories, whatever the seed, and the same seed tells the same one."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest

from bot.sim.faults.script import read_rows
from bot.sim.faults.when import Happening
from bot.sim.types import ContractSpec, Settlement, TradingDay
from bot.sim.world import load_scenario, scenario_names
from bot.sim.world.cboe import option
from bot.sim.world.check import VIX_BOUND_POINTS, forward_volatility, vix_errors
from bot.sim.world.market import MarketWorld


def condor_sold(world: MarketWorld, day: TradingDay) -> tuple[list[ContractSpec], float]:
    """A 45-day 16/14-delta condor, 50 wide, picked by the world's deltas at 10:30: legs and credit in points."""
    world.advance(day.open_at + timedelta(hours=1))
    expiry = day.day + timedelta(days=45)
    expiry -= timedelta(days=max(expiry.weekday() - 4, 0))
    spot = world.index("SPX").last or 0.0
    strikes = np.arange(np.floor(spot * 0.8 / 5) * 5, spot * 1.2, 5.0)
    specs = [option(expiry, Settlement.PM, float(k), c, int(k) * 2 + c) for c in (False, True) for k in strikes]
    delta = world.marks(specs).delta
    n = len(strikes)
    put = int(np.argmin(np.abs(delta[:n] + 0.16)))
    call = n + int(np.argmin(np.abs(delta[n:] - 0.14)))
    legs = [specs[put], specs[put - 10], specs[call], specs[call + 10]]
    return legs, value(world, legs)[0]


def value(world: MarketWorld, legs: Sequence[ContractSpec]) -> tuple[float, float]:
    """What it costs at mid to buy the condor back, and the larger short delta."""
    marks = world.marks(legs)
    return float(marks.mid[0] - marks.mid[1] + marks.mid[2] - marks.mid[3]), float(np.abs(marks.delta[[0, 2]]).max())


def life(
    world: MarketWorld, legs: Sequence[ContractSpec], days: Sequence[TradingDay]
) -> list[tuple[date, float, float]]:
    """(day, cost, larger short delta) every half hour of those days."""
    out = []
    for day in days:
        at = day.open_at
        while at < day.close_at:
            at += timedelta(minutes=30)
            if world.now is None or at > world.now:
                world.advance(at)
                out.append((day.day, *value(world, legs)))
    return out


@pytest.mark.parametrize("seed", [1, 7, 20])
def test_flip_lets_the_first_condor_win(seed: int) -> None:
    """The condor of day 1 reaches half its credit before the shock of day 8."""
    world = load_scenario("flip", seed)
    legs, credit = condor_sold(world, world.days[0])
    assert credit >= 0.20 * 50
    reached = [day for day, cost, _ in life(world, legs, world.days[:7]) if cost <= 0.5 * credit]
    assert reached
    assert reached[0] >= world.days[4].day


@pytest.mark.parametrize("seed", [1, 7, 20])
def test_flip_drives_a_late_condor_into_defence(seed: int) -> None:
    """The condor of day 7 sees a short delta of .30 or a loss of twice its credit in the shock."""
    world = load_scenario("flip", seed)
    legs, credit = condor_sold(world, world.days[6])
    shock = life(world, legs, world.days[6:9])
    assert any(delta >= 0.30 or cost >= 3.0 * credit for _, cost, delta in shock)


def test_flip_inverts_and_normalises() -> None:
    """Contango through day 7, first over second month by more than 3.5 points on day 9, contango again at the end."""
    world = load_scenario("flip", 7)
    slope = []
    for day in world.days:
        world.advance(day.close_at)
        first, second = (world.future(e).last or 0.0 for e in world.future_expiries(day.day)[:2])
        slope.append(first - second)
    assert max(slope[:7]) < -1.0
    assert slope[8] > 3.5
    assert min(slope[7:12]) > 0.0
    assert slope[-1] < -1.0


def test_flip_restarts_the_gateway_with_an_order_working() -> None:
    """One event, in the session of day 3, tied to a working order, a minute long."""
    world = load_scenario("flip", 7)
    (row,) = read_rows(world.events, world.days, None)
    assert row.when.at is not None
    assert world.days[2].open_at < row.when.at < world.days[2].index_close_at
    assert (row.call.verb.name, row.when.on, row.call.arguments.number("refuse_s")) == (
        "restart",
        Happening.ORDER_WORKING,
        60.0,
    )


def test_melt_up_tests_the_call_side() -> None:
    """The condor of day 1 has its call, not its put, beyond .30 delta."""
    world = load_scenario("melt_up", 7)
    legs, _ = condor_sold(world, world.days[0])
    world.advance(world.days[9].close_at)
    delta = world.marks(legs).delta
    assert delta[2] > 0.30
    assert abs(delta[0]) < 0.05


def test_crash_and_calm_are_what_they_say() -> None:
    """VIX reaches 70 in the one and stays between 12 and 15 in the other."""
    crash, calm = load_scenario("crash", 7), load_scenario("calm", 7)
    worst = 0.0
    for day in crash.days:
        crash.advance(day.close_at)
        worst = max(worst, crash.index("VIX").last or 0.0)
    assert worst == 70.0
    for day in calm.days:
        calm.advance(day.close_at)
        assert 12.0 <= (calm.index("VIX").last or 0.0) <= 15.0


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_has_a_past(name: str) -> None:
    """At least 300 daily bars of the indices and a history of each listed future, ending the day before the story."""
    world = load_scenario(name, 3)
    first = world.days[0].day
    for symbol in ("SPX", "VIX", "VIX9D", "VIX3M", "VVIX", "SKEW"):
        bars = world.daily_bars(symbol, first, 400)
        assert len(bars) >= 300
        assert all(b.low <= min(b.open, b.close) and b.high >= max(b.open, b.close) for b in bars)
    world.advance(world.days[0].open_at)
    assert world.daily_bars("SPX", first, 1)[0].close == world.index("SPX").previous_close
    front = world.future_expiries(first)[0]
    assert len(world.future_daily_bars(front, first, 400)) > 100


def test_a_seed_fixes_every_price() -> None:
    """Two worlds of one seed agree on every level, two seeds differ inside the day and agree at the close."""
    one, same, other = load_scenario("flip", 5), load_scenario("flip", 5), load_scenario("flip", 6)
    day = one.days[4]
    for at in (day.open_at + timedelta(hours=2, seconds=7), day.close_at):
        for world in (one, same, other):
            world.advance(at)
        assert one.index("SPX") == same.index("SPX")
        assert one.index("VIX") == same.index("VIX")
        assert (one.index("SPX").last == other.index("SPX").last) is (at == day.close_at)


def test_a_story_can_be_told_from_another_day_on() -> None:
    """Moved to a Saturday it begins on the next trading day, with the same returns and that year's expiries."""
    told, moved = load_scenario("calm", 7), load_scenario("calm", 7, date(2027, 5, 29))
    assert moved.days[0].day == date(2027, 6, 1), "the Monday is Memorial Day"
    assert len(moved.days) == len(told.days)
    closes = []
    for world in (told, moved):
        world.advance(world.days[0].close_at)
        closes.append(world.index("SPX").last)
    assert closes[0] == pytest.approx(closes[1], abs=0.01)
    assert all(expiry >= date(2027, 6, 1) for expiry in moved.future_expiries(date(2027, 6, 1)))


@pytest.mark.parametrize("name", scenario_names())
def test_vix_recomputed_from_the_chain_is_the_scenarios_vix(name: str) -> None:
    """Cboe's method on the quotes of the listed strikes gives back the world's VIX within 0.3 points, at the open and
    every half hour to the close of every day, at VIX 12 as at VIX 70."""
    found = vix_errors(load_scenario(name, 7))
    assert len(found) == 14 * len(load_scenario(name, 7).days)
    assert max(abs(recomputed - published) for _, published, recomputed in found) < VIX_BOUND_POINTS


@pytest.mark.parametrize("name", scenario_names())
def test_the_futures_belong_to_the_same_surface(name: str) -> None:
    """On its last evening a VX future stands within a twelfth of VIX; the later months never stand above the forward
    volatility that the SPX surface has for their thirty days by more than half a per cent."""
    world = load_scenario(name, 7)
    for day in world.days:
        world.advance(day.index_close_at)
        vix = world.index("VIX").last or 0.0
        first, *later = world.future_expiries(day.day)[:6]
        if (first - day.day).days == 1:
            assert world.future(first).last == pytest.approx(vix, rel=1 / 12)
        for expiry in later:
            level = world.future(expiry).last or 0.0
            assert level < 1.005 * forward_volatility(world, day.index_close_at, expiry)
