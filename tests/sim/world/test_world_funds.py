"""Funds, breadth and equity futures of a world: plausible against the index, one truth for bars, ticks and the past."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bot.sim.types import ContractSpec, Right, SecType, Settlement
from bot.sim.world import load_history, load_scenario
from bot.sim.world.breadth import SYMBOL as BREADTH
from bot.sim.world.funds import LOADINGS
from bot.sim.world.market import MarketWorld
from bot.sim.world.shocks import Shock

EVERY = sorted(LOADINGS)


@pytest.fixture(scope="module")
def crash() -> MarketWorld:
    """`crash` after its last close."""
    world = load_scenario("crash", seed=7)
    world.advance(world.days[-1].close_at)
    return world


def returns(world: MarketWorld, symbol: str) -> np.ndarray:
    closes = np.array([bar.close for bar in world.daily_bars(symbol, world.days[-1].day, 300)])
    return np.diff(np.log(closes))


@pytest.mark.parametrize("symbol", EVERY)
def test_a_fund_is_lived_as_its_daily_bar_says(crash: MarketWorld, symbol: str) -> None:
    """Looking back over the second day minute by minute: it opens, peaks, bottoms and closes at the bar's prices."""
    day = crash.days[1]
    bar = next(b for b in crash.daily_bars(symbol, day.day + timedelta(days=1), 1))
    moments = np.arange(day.open_at.timestamp(), day.index_close_at.timestamp() + 1.0, 15.0)
    lived = crash.level_path(symbol, moments).last
    assert (lived[0], lived[-1]) == (bar.open, bar.close)
    assert lived.max() == pytest.approx(bar.high, abs=0.011)
    assert lived.min() == pytest.approx(bar.low, abs=0.011)
    assert bar.volume > 0.0


@pytest.mark.parametrize("symbol", EVERY)
def test_a_fund_is_quoted_in_cents_around_its_last(symbol: str) -> None:
    """Bid below ask on whole cents, the last between them, high and low around it, and looking back says the same."""
    world = load_scenario("calm", seed=3)
    at = world.days[0].open_at + timedelta(hours=2, seconds=7)
    world.advance(at)
    level = world.index(symbol)
    assert level.last is not None
    assert level.bid is not None
    assert level.ask is not None
    assert level.low is not None
    assert level.high is not None
    assert 0.0 < level.bid <= level.last <= level.ask
    assert level.bid < level.ask
    assert level.low <= level.last <= level.high
    assert all(abs(100 * price - round(100 * price)) < 1e-6 for price in (level.bid, level.ask, level.last))
    assert world.level_path(symbol, np.array([at.timestamp()])).last[0] == pytest.approx(level.last, abs=0.011)
    assert level.previous_close == world.daily_bars(symbol, world.days[0].day, 1)[-1].close


def test_funds_move_with_the_market_as_their_loadings_say(crash: MarketWorld) -> None:
    """Over 300 days: technology follows SPX closely, utilities loosely, long bonds go against it, volatility funds with
    VIX; the sectors stay below perfect correlation with each other."""
    spx, vix = returns(crash, "SPX"), returns(crash, "VIX")

    def correlation(symbol: str, other: np.ndarray) -> float:
        return float(np.corrcoef(returns(crash, symbol), other)[0, 1])

    assert correlation("XLK", spx) > 0.85
    assert 0.3 < correlation("XLU", spx) < 0.85
    assert correlation("TLT", spx) < -0.1
    assert abs(correlation("GLD", spx)) < 0.3
    assert correlation("HYG", spx) > 0.6
    assert correlation("VXX", vix) > 0.7
    assert correlation("XLK", returns(crash, "XLU")) < 0.8
    beta = np.polyfit(spx, returns(crash, "XLK"), 1)[0]
    assert beta == pytest.approx(LOADINGS["XLK"].beta, abs=0.15)
    assert np.std(returns(crash, "VIXM")) < 0.6 * np.std(returns(crash, "VXX"))


def test_contango_costs_a_holder_of_volatility() -> None:
    """In the calm year before `calm` VXX loses at least a tenth while VIX goes nowhere near as far down."""
    world = load_scenario("calm", seed=7)
    bars = world.daily_bars("VXX", world.days[0].day, 250)
    assert bars[-1].close < 0.9 * bars[0].close


def test_another_seed_gives_another_fund_and_the_same_seed_the_same() -> None:
    """The own part of a fund is the seed's; SPX of a scenario's story is the file's."""
    first, again, other = (load_scenario("calm", seed=seed) for seed in (7, 7, 8))
    day = first.days[-1].day
    bars = [world.daily_bars("XLE", day, 10) for world in (first, again, other)]
    assert bars[0] == bars[1]
    assert bars[0] != bars[2]


def test_spy_is_a_tenth_of_the_index_where_nothing_real_is_known() -> None:
    """In scenarios SPY is SPX over ten, to the cent, at every instant."""
    world = load_scenario("flip", seed=7)
    for minutes in (0, 1, 77, 389):
        world.advance(world.days[0].open_at + timedelta(minutes=minutes))
        spx = world.index("SPX").last
        assert spx is not None
        assert world.index("SPY").last == pytest.approx(spx / 10.0, abs=0.0051)


def test_breadth_leans_with_the_index(crash: MarketWorld) -> None:
    """Advancers come in the bid and decliners in the ask, all issues together; their net falls when the index falls."""
    level = crash.index(BREADTH)
    assert level.last is None
    assert level.bid is not None
    assert level.ask is not None
    assert level.bid + level.ask == 2900
    nets = {bar.at.date(): bar.close for bar in crash.daily_bars(BREADTH, date.max, 300)}
    closes = [(bar.at.date(), bar.close) for bar in crash.daily_bars("SPX", date.max, 300)]
    moves = [(np.log(b / a), nets[day]) for (_, a), (day, b) in pairwise(closes) if day in nets]
    x, y = np.array(moves).T
    assert np.corrcoef(x, y)[0, 1] > 0.7


def test_equity_futures_stand_where_option_parity_puts_the_forward() -> None:
    """ES of the next quarter equals strike plus call less put, carried, of the SPX options that settle with it."""
    world = load_scenario("calm", seed=7)
    world.advance(world.days[0].open_at + timedelta(hours=1))
    expiry = date(2026, 3, 20) if world.days[0].day.year == 2026 else None
    assert expiry is not None
    spot = world.index("SPX").last
    assert spot is not None
    strike = 25.0 * round(spot / 25.0)
    put, call = (option(strike, right, expiry, number) for number, right in enumerate((Right.PUT, Right.CALL), start=1))
    marks = world.marks([put, call])
    future = world.equity_future(expiry)
    assert future.last is not None
    assert future.last == pytest.approx(float(marks.forward[0]), abs=0.2)
    assert future.bid is not None
    assert future.ask is not None
    assert future.ask - future.bid == 0.25
    moments = np.array([world.days[0].open_at.timestamp() + 3600.0])
    assert world.equity_future_path(expiry, moments).last[0] == pytest.approx(future.last, abs=0.13)
    bars = world.equity_future_daily_bars(expiry, world.days[0].day, 5)
    assert bars[-1].close == pytest.approx(world.daily_bars("SPX", world.days[0].day, 1)[-1].close, rel=0.01)


def option(strike: float, right: Right, expiry: date, con_id: int) -> ContractSpec:
    return ContractSpec(
        con_id,
        SecType.OPTION,
        "SPX",
        "SPX",
        "SMART",
        100,
        f"option {con_id}",
        110,
        0.05,
        expiry=expiry,
        strike=strike,
        right=right,
        settlement=Settlement.AM,
    )


@pytest.mark.history
def test_spy_is_the_real_one_where_the_folder_has_it(real_data: Path) -> None:
    """October 2018 closes at SPY's own raw prices, below a tenth of SPX, and the notes say what is invented."""
    world = load_history(real_data, date(2018, 10, 15), date(2018, 10, 17), seed=7)
    world.advance(world.days[1].close_at)
    level = world.index("SPY")
    assert (level.last, level.previous_close) == (280.4, 274.4)
    spx = world.index("SPX").last
    assert spx is not None
    assert level.last != round(spx / 10.0, 2)
    notes = " ".join(world.notes())
    assert "SPY at its real prices" in notes
    assert "fund" in notes


@pytest.mark.history
def test_weekly_futures_of_history_settle_at_their_own_row(real_data: Path) -> None:
    """The final settlement file has months only; a weekly contract ends at the settlement of its last row."""
    world = load_history(real_data, date(2022, 7, 25), date(2022, 7, 28), seed=7)
    world.advance(world.days[0].open_at + timedelta(minutes=1))
    week = date(2022, 7, 27)
    assert week in world.weekly_expiries(world.days[0].day)
    assert week not in world.future_expiries(world.days[0].day)
    spec = ContractSpec(1, SecType.FUTURE, "VIX", "VX30", "CFE", 1000, "VX30N2", 67, 0.05, expiry=week)
    assert world.settlement_price(spec) is None
    world.advance(world.days[2].close_at)
    assert world.settlement_price(spec) == pytest.approx(24.35, abs=1.5)


def test_a_shock_reaches_the_funds_by_their_loadings() -> None:
    """SPX thrown down 5 % with VIX up: SPY falls as much, technology more, long bonds rise, volatility jumps; what was
    lived before stays, and the day's bar is what was lived."""
    calm, shocked = load_scenario("calm", seed=7), load_scenario("calm", seed=7)
    day, at = calm.days[1], calm.days[1].open_at + timedelta(hours=2)
    for world in (calm, shocked):
        world.advance(at)
    shocked.course.shock(Shock(start_s=0.0, spx_factor=0.95, vix_points=9.0))
    for world in (calm, shocked):
        world.advance(at + timedelta(hours=1))

    def move(symbol: str) -> float:
        before, after = calm.index(symbol).last, shocked.index(symbol).last
        assert before is not None
        assert after is not None
        return after / before - 1.0

    assert move("SPY") == pytest.approx(-0.05, abs=0.0005)
    assert move("XLK") == pytest.approx(0.95**1.15 - 1.0, abs=0.0005)
    assert move("TLT") > 0.005
    assert move("VXX") > 0.15
    assert move("VIXM") < 0.5 * move("VXX")
    earlier = np.arange(day.open_at.timestamp(), at.timestamp(), 60.0)
    assert (calm.level_path("XLK", earlier).last == shocked.level_path("XLK", earlier).last).all()
    shocked.advance(shocked.days[2].open_at)
    bar = shocked.daily_bars("XLK", shocked.days[2].day, 1)[-1]
    moments = np.arange(day.open_at.timestamp(), day.index_close_at.timestamp() + 1.0, 15.0)
    lived = shocked.level_path("XLK", moments).last
    assert (bar.open, bar.low, bar.close) == (lived[0], lived.min(), lived[-1])
    assert shocked.index("XLK").previous_close == bar.close
