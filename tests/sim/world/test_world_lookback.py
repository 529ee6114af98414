"""Looking back shows what was shown at the time: indices, futures and options, played days and days before them."""

from dataclasses import fields, replace
from datetime import date, timedelta

import numpy as np
import pytest

from bot.sim.exchange.expiries import vix_settlement_day
from bot.sim.types import ContractSpec, Marks, SecType, Settlement
from bot.sim.world import load_scenario
from bot.sim.world.cboe import option
from bot.sim.world.tape import SYMBOLS


def vix_option(expiry: date, strike: float, con_id: int) -> ContractSpec:
    spx = option(expiry, Settlement.AM, strike, True, con_id)
    return ContractSpec(con_id, SecType.OPTION, "VIX", "VIX", "CBOE", 100, "", 0, 0.01, expiry=spx.expiry,
                        strike=strike, right=spx.right, settlement=Settlement.AM)  # fmt: skip


PUT = option(date(2026, 4, 16), Settlement.PM, 5300.0, False, 10)
CALL = option(date(2026, 3, 20), Settlement.AM, 5600.0, True, 12)
VIX_CALL = vix_option(date(2026, 3, 25), 19.0, 11)


def test_what_was_seen_live_is_seen_again() -> None:
    """At moments on and off the grid of two days, the last quarter of an hour included: levels, futures, options."""
    live, later = load_scenario("flip", 4), load_scenario("flip", 4)
    later.advance(later.days[2].open_at)
    moments = [day.open_at + timedelta(seconds=s) for day in live.days[:2] for s in (0, 7.5, 4000, 21_001, 23_800)]
    at_s = np.array([moment.timestamp() for moment in moments])
    paths = {symbol: later.level_path(symbol, at_s) for symbol in (*SYMBOLS, "SPY")}
    front = later.future_path(vix_settlement_day(2026, 4), at_s)
    options = [later.option_path(spec, at_s) for spec in (PUT, CALL, VIX_CALL)]
    for i, moment in enumerate(moments):
        live.advance(moment)
        for symbol, path in paths.items():
            seen = live.index(symbol)
            assert path.last[i] == pytest.approx(seen.last, abs=1e-9), symbol
            if seen.bid is not None:
                assert (path.bid[i], path.ask[i], path.bid_size) == (seen.bid, seen.ask, seen.bid_size)
        future = live.future(vix_settlement_day(2026, 4))
        assert (front.last[i], front.bid[i], front.ask[i]) == (future.last, future.bid, future.ask)
        assert front.bid_size == future.bid_size
        for spec, path in zip((PUT, CALL, VIX_CALL), options, strict=True):
            marks = live.marks([spec])
            for name in (field.name for field in fields(Marks)):
                np.testing.assert_allclose(getattr(path, name)[i], getattr(marks, name)[0], rtol=1e-9, err_msg=name)


def test_many_options_at_once_are_each_as_alone() -> None:
    """Options of three underlyings and several expiries, each at its own moments in any order over two days."""
    world = load_scenario("flip", 4)
    world.advance(world.days[2].open_at)
    spy = replace(PUT, symbol="SPY", strike=530.0, con_id=14)
    far = vix_option(date(2026, 4, 15), 30.0, 13)
    specs = [PUT, VIX_CALL, spy, CALL, far]
    rng = np.random.default_rng(1)
    which = rng.integers(0, len(specs), 60)
    at_s = np.array([(day.open_at + timedelta(seconds=s)).timestamp()
                     for day, s in zip(rng.choice(np.array(world.days[:2]), 60), rng.uniform(0, 24_000, 60),
                                       strict=True)])  # fmt: skip
    at_s[7] = np.nan
    together = world.option_points(specs, which, at_s)
    for place, spec in enumerate(specs):
        alone = world.option_path(spec, at_s[which == place])
        for name in (field.name for field in fields(Marks)):
            np.testing.assert_allclose(getattr(together, name)[which == place], getattr(alone, name), rtol=1e-12)


def test_nobody_sees_ahead() -> None:
    """Moments after the present have no value, whatever is asked."""
    world = load_scenario("calm", 4)
    now = world.days[1].open_at + timedelta(hours=2)
    world.advance(now)
    at_s = now.timestamp() + np.array([-60.0, 0.0, 1.0, 86_400.0])
    for path in (
        world.level_path("SPX", at_s).last,
        world.future_path(vix_settlement_day(2026, 4), at_s).bid,
        world.option_path(PUT, at_s).mid,
        world.option_path(VIX_CALL, at_s).ask,
    ):
        assert np.isfinite(path).tolist() == [True, True, False, False]


def test_nights_and_lives_before_and_after_are_empty() -> None:
    """Between sessions, before a future is listed and after an option has settled there is nothing."""
    world = load_scenario("calm", 4)
    world.advance(world.days[-1].close_at)
    day = world.days[3]
    night = day.close_at + timedelta(hours=2)
    assert np.isnan(world.level_path("SPX", np.array([night.timestamp()])).last).all()
    spec = option(day.day, Settlement.PM, 5500.0, True, 5)
    at_s = np.array([(day.index_close_at + timedelta(seconds=s)).timestamp() for s in (-1, 0)])
    assert np.isfinite(world.option_path(spec, at_s).mid).tolist() == [True, False]
    assert np.isnan(world.future_path(vix_settlement_day(2028, 4), at_s).last).all()


def test_the_past_before_the_story_is_lived_too() -> None:
    """Days known as bars have whole sessions: options have a market on them."""
    world = load_scenario("calm", 4)
    world.advance(world.days[0].open_at)
    day = next(day for day in world.past_days if day.day == date(2026, 2, 25))
    assert day.day < world.days[0].day
    at_s = day.open_at.timestamp() + np.arange(0.0, 24_300.0, 15.0)
    marks = world.option_path(PUT, at_s)
    assert (marks.bid < marks.ask).all()
    assert np.ptp(marks.mid) > 0.5
    with pytest.raises(KeyError):
        world.level_path("NDX", at_s)
