"""Nights of a world that lives them: from the close to the next open without a seam, published as exchanges publish."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bot.sim.exchange.hours import NEW_YORK
from bot.sim.types import ContractSpec, Right, SecType, Settlement
from bot.sim.world import load_history, load_scenario
from bot.sim.world.market import MarketWorld
from bot.sim.world.shocks import Shock

THURSDAY = date(2023, 3, 9)
MOMENT = timedelta(seconds=15)
INDICES = ("SPX", "VIX", "VIX9D", "VIX3M", "VVIX", "SKEW")


def lived(name: str = "flip", seed: int = 7, start: date = THURSDAY) -> MarketWorld:
    """A scenario with nights; the first one follows a Thursday, the second is a weekend in which clocks change."""
    world = load_scenario(name, seed, start)
    world.live_overnight()
    return world


def option(symbol: str, strike: float, right: Right = Right.PUT, expiry: date = date(2023, 4, 21)) -> ContractSpec:
    settlement = Settlement.AM if symbol == "VIX" else Settlement.PM
    fixed = {"exchange": "SMART", "currency": "USD", "local_symbol": "", "under_con_id": 0, "min_tick": 0.01}
    return ContractSpec(
        int(strike) + 1,
        SecType.OPTION,
        symbol,
        symbol,
        multiplier=100,
        expiry=expiry,
        strike=strike,
        right=right,
        settlement=settlement,
        market_rule_id=26,
        **fixed,  # type: ignore[arg-type]
    )


def prices(world: MarketWorld) -> dict[str, float]:
    """Everything that trades at night, and one option on each underlying (points, dollars)."""
    months = world.future_expiries(world.days[2].day)
    found = {f"VX {expiry}": world.future(expiry).last for expiry in months[:3]}
    found |= {symbol: world.index(symbol).last for symbol in ("SPY", "QQQ", "TLT", "VXX")}
    found["ES"] = world.equity_future(date(2023, 6, 16)).last
    options = [option("SPX", 5400.0), option("SPY", 540.0), option("VIX", 25.0, Right.CALL, date(2023, 4, 19))]
    mids = world.marks(options).mid.tolist()
    return {name: price or np.nan for name, price in found.items()} | dict(zip("abc", mids, strict=True))


@pytest.mark.parametrize(("night", "gap"), [(1, 0.0), (3, -0.024), (6, 0.0135)])
def test_a_night_leads_from_the_close_to_the_next_open_without_a_seam(night: int, gap: float) -> None:
    """Fifteen seconds after the close and before the open everything is within small steps of both, be it over a
    weekend in which clocks change, or through the falls and rises that the scenario asks for."""
    world = lived("crash")
    close, opening = world.days[night].close_at, world.days[night + 1].open_at
    seen = []
    for at in (close, close + MOMENT, opening - MOMENT, opening):
        world.advance(at)
        seen.append(prices(world))
    for before, after in (seen[:2], seen[2:]):
        for name, price in before.items():
            assert after[name] == pytest.approx(price, rel=0.012, abs=0.06), name
    assert seen[3]["ES"] / seen[0]["ES"] - 1.0 == pytest.approx(gap, abs=0.001)


def test_a_night_is_one_path_however_often_it_is_looked_at() -> None:
    """At 04:00 the market stands where it stands, whether time came in one leap or in many steps."""
    at = datetime(2023, 3, 10, 4, 0, tzinfo=NEW_YORK)
    leaping, walking = lived(), lived()
    leaping.advance(at)
    for hours in range(12, 0, -1):
        walking.advance(at - timedelta(hours=hours, seconds=hours))
        prices(walking)
    walking.advance(at)
    assert prices(leaping) == prices(walking)
    assert prices(leaping) != prices_at(lived(seed=8), at)


def prices_at(world: MarketWorld, at: datetime) -> dict[str, float]:
    world.advance(at)
    return prices(world)


def test_without_nights_the_close_stands_until_the_open() -> None:
    """A world that was not asked to live nights shows the close at 04:00, with its spread, and the same days after."""
    plain, night = load_scenario("flip", 7, THURSDAY), lived()
    plain.advance(plain.days[0].close_at)
    closed = prices(plain)
    plain.advance(datetime(2023, 3, 10, 4, 0, tzinfo=NEW_YORK))
    assert prices(plain) == closed
    night.advance(datetime(2023, 3, 10, 4, 0, tzinfo=NEW_YORK))
    for world in (plain, night):
        world.advance(world.days[1].open_at + timedelta(minutes=7, seconds=3))
    assert prices(plain) == prices(night)
    assert [plain.index(symbol) for symbol in INDICES] == [night.index(symbol) for symbol in INDICES]


def test_only_vix_is_published_at_night_and_only_in_its_sessions() -> None:
    """SPX stays at its close; VIX moves until 17:00 and from 03:15 to 09:15, and stands in between."""
    world = lived()
    day, after = world.days[0], world.days[1]
    moved: set[int] = set()
    world.advance(day.close_at)
    closes = {symbol: world.index(symbol).last for symbol in INDICES}
    at, last = day.close_at, world.index("VIX").last
    while at + timedelta(minutes=5) < after.open_at:
        at += timedelta(minutes=5)
        world.advance(at)
        vix = world.index("VIX").last
        if vix != last:
            moved.add(60 * at.hour + at.minute)
        last = vix
        assert {symbol: world.index(symbol).last for symbol in INDICES if symbol != "VIX"} == {
            symbol: close for symbol, close in closes.items() if symbol != "VIX"
        }
    evening = {minute for minute in moved if minute > 12 * 60}
    morning = moved - evening
    assert 16 * 60 + 15 < min(evening) <= 16 * 60 + 20
    assert 16 * 60 + 50 <= max(evening) <= 17 * 60
    assert 3 * 60 + 15 <= min(morning) <= 3 * 60 + 20
    assert 9 * 60 + 5 <= max(morning) <= 9 * 60 + 15


def test_the_next_trade_date_begins_in_the_evening() -> None:
    """At 18:00 indices lose their open, high and low and the day's close is the close before; futures begin anew."""
    world = lived()
    expiry = world.future_expiries(world.days[0].day)[0]
    world.advance(datetime(2023, 3, 9, 17, 30, tzinfo=NEW_YORK))
    evening, future, fund = world.index("SPX"), world.future(expiry), world.index("QQQ")
    world.advance(datetime(2023, 3, 9, 18, 0, tzinfo=NEW_YORK))
    night, next_date = world.index("SPX"), world.future(expiry)
    assert evening.open is not None
    assert (night.last, night.open, night.high) == (evening.last, None, None)
    assert night.previous_close == pytest.approx(evening.last, abs=0.01)
    assert next_date.open == next_date.last
    assert next_date.previous_close != future.previous_close
    (closed,) = world.daily_bars("QQQ", date(2023, 3, 10), 1)
    assert (fund.open, fund.high, fund.low) == (closed.open, closed.high, closed.low)
    assert (world.index("QQQ").previous_close, world.index("QQQ").open) == (closed.close, None)


def test_quotes_are_wider_and_thinner_at_night() -> None:
    """Spreads of options, VX and funds grow outside regular hours, displayed sizes shrink; ES stays one tick wide."""
    world = lived()
    puts = [option("SPX", strike) for strike in (4900.0, 5100.0, 5300.0, 5500.0)]
    calls = [option("VIX", strike, Right.CALL, date(2023, 4, 19)) for strike in (20.0, 25.0, 30.0)]
    expiry = world.future_expiries(world.days[0].day)[0]
    widths, sizes = [], []
    for at in (world.days[0].close_at - MOMENT, datetime(2023, 3, 10, 4, 0, tzinfo=NEW_YORK)):
        world.advance(at)
        marks, levels = world.marks([*puts, *calls]), (world.future(expiry), world.index("QQQ"))
        quoted = [level.ask - level.bid for level in levels if level.ask is not None and level.bid is not None]
        widths.append(np.concatenate((marks.ask - marks.bid, quoted)))
        sizes.append(np.concatenate((marks.bid_size, [level.bid_size for level in levels])))
        es = world.equity_future(date(2023, 6, 16))
        assert (es.bid or 0.0) + 0.25 == es.ask
    assert (widths[1] > 1.5 * widths[0]).all()
    assert np.median(sizes[1] / sizes[0]) < 0.7


def test_volatility_and_futures_move_against_the_index() -> None:
    """Over a night's quarters of an hour VX and VXX go against ES and SPY, closely but not one for one."""
    world = lived("crash")
    expiry = world.future_expiries(world.days[0].day)[0]
    rows, at = [], world.days[0].close_at + timedelta(minutes=15)
    while at < world.days[1].open_at:
        world.advance(at)
        rows.append([world.equity_future(date(2023, 6, 16)).last, world.index("SPY").last])
        rows[-1] += [world.index("VXX").last, world.future(expiry).last]
        at += timedelta(minutes=15)
    es, spy, vxx, vx = np.diff(np.log(np.array(rows, dtype=float)), axis=0).T
    assert np.corrcoef(es, spy)[0, 1] > 0.97
    assert -0.995 < np.corrcoef(es, vxx)[0, 1] < -0.7
    assert np.corrcoef(es, vx)[0, 1] < -0.7


def test_a_month_that_settles_in_the_morning_is_priced_until_then() -> None:
    """In the night before a VX settlement the contract is still quoted and comes to where VIX opens."""
    world = lived(start=date(2023, 3, 20))  # settles on Wednesday the 22nd
    expiry = date(2023, 3, 22)
    assert expiry in world.future_expiries(world.days[1].day)
    world.advance(datetime(2023, 3, 22, 8, 59, tzinfo=NEW_YORK))
    last = world.future(expiry).last
    world.advance(world.days[2].open_at)
    assert last == pytest.approx(world.index("VIX").last, abs=0.6)
    assert world.future(expiry).last is None


def test_a_shock_at_night_bends_what_follows_and_nothing_before() -> None:
    """A fall at 04:00 shows in ES, SPY and VX at once and at the open; the close before the night is what it was."""
    calm, shocked = lived("calm"), lived("calm")
    at = datetime(2023, 3, 10, 4, 0, tzinfo=NEW_YORK)
    for world in (calm, shocked):
        world.advance(at)
    assert prices(calm) == prices(shocked)
    shocked.course.shock(Shock(0.0, spx_factor=0.96, vix_points=9.0))
    assert prices(calm) == prices(shocked), "nothing has happened yet"
    for later in (at + timedelta(minutes=1), calm.days[1].open_at + MOMENT):
        before, after = prices_at(calm, later), prices_at(shocked, later)
        assert after["ES"] / before["ES"] == pytest.approx(0.96, abs=0.002)
        assert after["SPY"] / before["SPY"] == pytest.approx(0.96, abs=0.002)
        assert after["VXX"] > 1.2 * before["VXX"]
        front = next(name for name in before if name.startswith("VX "))
        assert after[front] > before[front] + 5.0
    assert shocked.daily_bars("SPX", calm.days[1].day, 1) == calm.daily_bars("SPX", calm.days[1].day, 1)


def test_a_session_that_ended_early_is_where_the_night_begins() -> None:
    """After trading stopped at noon the evening goes on from the stopped levels."""
    world = lived()
    day = world.days[0]
    world.advance(day.open_at + timedelta(hours=2))
    world.course.stop(day.open_at + timedelta(hours=3))
    world.advance(day.close_at)
    stopped = prices(world)
    world.advance(day.close_at + MOMENT)
    for name, price in prices(world).items():
        assert stopped[name] == pytest.approx(price, rel=0.012, abs=0.06), name


def test_after_the_last_close_nothing_moves() -> None:
    """There is no next open to go to: the last state stands."""
    world = lived()
    world.advance(world.days[-1].close_at)
    closed = prices(world)
    world.advance(world.days[-1].close_at + timedelta(hours=10))
    assert prices(world) == closed


@pytest.mark.history
def test_nights_of_history_end_in_the_real_gaps(real_data: Path) -> None:
    """Over the real first days of February 2018 each night's path arrives at the next day's real open."""
    world = load_history(real_data, date(2018, 2, 1), date(2018, 2, 7), 7)
    world.live_overnight()
    gaps = []
    for night, morning in pairwise(world.days):
        closed, opened = world.daily_bars("SPX", morning.day + timedelta(days=1), 2)
        world.advance(night.index_close_at)
        before = world.equity_future(date(2018, 3, 16)).last
        world.advance(morning.open_at - MOMENT)
        after = world.equity_future(date(2018, 3, 16)).last
        gaps.append(opened.open / closed.close - 1.0)
        assert (after or 0.0) / (before or 1.0) - 1.0 == pytest.approx(gaps[-1], abs=0.003)
    assert min(gaps) < -0.008
