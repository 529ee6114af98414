"""The World contract: time, first prints, futures, settlement values, mixed requests."""

from datetime import date, timedelta

import numpy as np
import pytest

from bot.sim.types import ContractSpec, SecType, Settlement
from bot.sim.world import load_scenario
from bot.sim.world.cboe import option


def vix_option(expiry: date, strike: float, con_id: int) -> ContractSpec:
    spx = option(expiry, Settlement.AM, strike, True, con_id)
    return ContractSpec(con_id, SecType.OPTION, "VIX", "VIX", "CBOE", 100, "", 0, 0.01, expiry=spx.expiry,
                        strike=strike, right=spx.right, settlement=Settlement.AM)  # fmt: skip


def test_nothing_has_printed_before_the_first_open() -> None:
    """Before the first session the indices show yesterday's close and nothing else."""
    world = load_scenario("calm", 1)
    world.advance(world.days[0].open_at - timedelta(minutes=5))
    level = world.index("SPX")
    assert (level.last, level.open) == (None, None)
    assert level.previous_close == 5500.0


def test_time_moves_forward_only() -> None:
    """Going back is refused."""
    world = load_scenario("calm", 1)
    world.advance(world.days[1].open_at)
    with pytest.raises(ValueError, match="forward only"):
        world.advance(world.days[0].open_at)


def test_the_night_keeps_the_last_state() -> None:
    """Between sessions the close stands, with the previous day's close still as previous."""
    world = load_scenario("calm", 1)
    world.advance(world.days[0].close_at)
    evening = world.index("SPX")
    world.advance(world.days[1].open_at - timedelta(seconds=1))
    assert world.index("SPX") == evening
    world.advance(world.days[1].open_at)
    assert world.index("SPX").previous_close == evening.last


def test_futures_end_each_day_at_their_settlement() -> None:
    """The last price of a day is the next day's previous close, to half a tick, and the quote surrounds it."""
    world = load_scenario("flip", 2)
    for today, tomorrow in zip(world.days[:8], world.days[1:9], strict=True):
        world.advance(today.close_at)
        last = {e: world.future(e) for e in world.future_expiries(today.day)}
        world.advance(tomorrow.open_at)
        for expiry, level in last.items():
            if expiry > tomorrow.day:
                assert level.last == pytest.approx(world.future(expiry).previous_close, abs=0.026)
                assert level.bid is not None
                assert level.ask is not None
                assert level.bid < level.ask <= level.bid + 0.1 + 1e-9


def test_a_settled_future_is_gone() -> None:
    """From the morning of its settlement day a contract has no price and is not listed."""
    world = load_scenario("flip", 2)
    world.advance(world.days[12].open_at)
    assert world.days[12].day == date(2026, 3, 18)
    assert world.future(date(2026, 3, 18)).last is None
    assert world.future_expiries(date(2026, 3, 18))[0] == date(2026, 4, 15)


def test_settlement_values_appear_when_they_are_struck() -> None:
    """PM at the index close is that close; AM at the open is the open; VRO is the morning's VIX."""
    world = load_scenario("flip", 2)
    day = world.days[12]
    pm, am = option(day.day, Settlement.PM, 5000.0, True, 1), option(day.day, Settlement.AM, 5000.0, True, 2)
    world.advance(day.open_at - timedelta(seconds=1))
    assert world.settlement_price(am) is None
    world.advance(day.open_at)
    assert world.settlement_price(am) == world.index("SPX").open
    assert world.settlement_price(vix_option(day.day, 20.0, 3)) == world.index("VIX").open
    assert world.settlement_price(pm) is None
    world.advance(day.index_close_at)
    assert world.settlement_price(pm) == world.index("SPX").last


def test_spx_and_vix_options_may_be_asked_for_together() -> None:
    """A mixed request answers each contract in its own place, as if asked alone."""
    world = load_scenario("calm", 1)
    world.advance(world.days[0].open_at + timedelta(hours=1))
    spx = option(date(2026, 4, 16), Settlement.PM, 5300.0, False, 10)
    vix = vix_option(date(2026, 4, 15), 22.0, 11)
    both = world.marks([vix, spx])
    np.testing.assert_array_equal(both.mid, [world.marks([vix]).mid[0], world.marks([spx]).mid[0]])
    front_next = world.future(date(2026, 4, 15))
    assert both.forward[0] == pytest.approx(front_next.last, abs=0.03)


def test_highs_and_lows_only_widen() -> None:
    """During a day the published high never falls and the low never rises, and last lies between."""
    world = load_scenario("crash", 4)
    day = world.days[5]
    high, low = -1.0, 1e9
    for minute in range(0, 400, 7):
        world.advance(day.open_at + timedelta(minutes=minute))
        level = world.index("SPX")
        assert level.last is not None
        assert level.high is not None
        assert level.low is not None
        assert level.high >= max(high, level.last)
        assert level.low <= min(low, level.last)
        high, low = level.high, level.low


def test_unknown_symbols_are_refused() -> None:
    """An index the world does not have is a KeyError; SPY is a tenth of SPX."""
    world = load_scenario("calm", 1)
    world.advance(world.days[0].open_at)
    assert world.index("SPY").last == pytest.approx((world.index("SPX").last or 0.0) / 10, abs=0.01)
    with pytest.raises(KeyError):
        world.index("NDX")
