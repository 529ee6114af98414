"""History and live bars of every kind of contract, and the smaller data requests."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from bot.sim.testing import RunningGateway
from tests.conformance.library import Future, Index, Option, Stock, soon
from tests.conformance.trader import Trader, until


@pytest.mark.parametrize("size", ["1 min", "5 mins", "30 mins", "1 hour"])
async def test_intraday_bars_lie_inside_their_day(size: str, ib: Any) -> None:
    """Bars of past sessions, oldest first, each inside the day's own bar."""
    spx = Index("SPX", "CBOE", "USD")
    bars = await soon(ib.reqHistoricalDataAsync(spx, "", "3 D", size, "TRADES", True, formatDate=2))
    days = await soon(ib.reqHistoricalDataAsync(spx, "", "6 D", "1 day", "TRADES", True))
    ranges = {str(day.date).replace("-", ""): (day.low, day.high) for day in days}
    assert len({f"{bar.date:%Y%m%d}" for bar in bars}) == 3
    assert [bar.date for bar in bars] == sorted(bar.date for bar in bars)
    for bar in bars[:-30]:  # the day under way has no bar of its own yet
        low, high = ranges.get(f"{bar.date:%Y%m%d}", (bar.low, bar.high))
        assert low - 0.011 <= bar.low <= bar.high <= high + 0.011


@pytest.mark.parametrize("what", ["MIDPOINT", "BID", "ASK", "BID_ASK"])
async def test_an_option_has_bars_of_its_quotes(what: str, trader: Trader) -> None:
    """Quotes of an SPXW put, minute by minute."""
    bars = await soon(trader.ib.reqHistoricalDataAsync(trader.options[1], "", "3600 S", "1 min", what, True))
    assert bars
    assert all(bar.close > 0.0 for bar in bars)


async def test_stocks_and_futures_have_bars(ib: Any) -> None:
    """SPY and the nearest VX future."""
    spy = await soon(ib.reqHistoricalDataAsync(Stock("SPY", "SMART", "USD"), "", "5 D", "1 day", "TRADES", True))
    assert len(spy) == 5
    assert all(bar.volume > 0 for bar in spy[:-1])
    found = await soon(ib.reqContractDetailsAsync(Future("VIX", exchange="CFE")))
    monthly = [one.contract for one in found if one.contract.tradingClass == "VX"]
    first = min(monthly, key=lambda one: one.lastTradeDateOrContractMonth)
    assert await soon(ib.reqHistoricalDataAsync(first, "", "2 D", "1 hour", "TRADES", False))


async def test_bars_are_kept_up_to_date(ib: Any, expected: set[int | str]) -> None:
    """The last bar moves and new ones follow until the request is cancelled, which 162 confirms."""
    expected.add(162)
    spx = Index("SPX", "CBOE", "USD")
    bars = await soon(ib.reqHistoricalDataAsync(spx, "", "1800 S", "1 min", "TRADES", True, keepUpToDate=True))
    count, seen = len(bars), []
    bars.updateEvent += lambda _, new: seen.append(new)
    await until(lambda: True in seen and False in seen, "an update and a new bar")
    assert len(bars) > count
    ib.cancelHistoricalData(bars)


async def test_five_second_bars_stream(ib: Any) -> None:
    """Real-time bars come every five market seconds, each high at least its low."""
    bars = ib.reqRealTimeBars(Stock("SPY", "SMART", "USD"), 5, "MIDPOINT", True)
    await until(lambda: len(bars) >= 3, "three bars")
    assert {(late.time - early.time).total_seconds() for early, late in pairwise(bars)} == {5.0}
    assert all(bar.low <= bar.close <= bar.high for bar in bars)
    ib.cancelRealTimeBars(bars)


async def test_the_first_moment_of_history_is_told(ib: Any) -> None:
    """A head timestamp long before today."""
    head = await soon(ib.reqHeadTimeStampAsync(Index("SPX", "CBOE", "USD"), "TRADES", True, 1))
    assert str(head)


async def test_past_ticks_and_a_histogram(trader: Trader, gateway: RunningGateway) -> None:
    """Past quotes of a put up to now; the distribution of the index over days."""
    now = datetime.fromisoformat(str(gateway.tell("clock")["at"])).astimezone(UTC)
    end = f"{now:%Y%m%d-%H:%M:%S}"
    assert await soon(trader.ib.reqHistoricalTicksAsync(trader.options[0], "", end, 10, "BID_ASK", True))
    assert await soon(trader.ib.reqHistogramDataAsync(trader.spx, True, "3 days"))


async def test_open_interest_and_volume_come_as_generic_ticks(trader: Trader) -> None:
    """Generic ticks 100, 101 and 106 of an option and of its index."""
    line = trader.ib.reqMktData(trader.options[1], "100,101")
    await until(lambda: line.putOpenInterest == line.putOpenInterest, "the open interest")
    trader.ib.cancelMktData(trader.options[1])
    index = trader.ib.reqMktData(trader.spx, "106")
    await until(lambda: index.impliedVolatility == index.impliedVolatility, "the index's implied volatility")
    trader.ib.cancelMktData(trader.spx)


async def test_an_unknown_generic_tick_is_refused(trader: Trader, expected: set[int | str]) -> None:
    """321 names it."""
    expected.add(321)
    trader.ib.reqMktData(Option(conId=trader.options[2].conId, exchange="SMART"), "100,777")
    assert "777" in await trader.heard(321)


async def test_small_lists_are_answered(ib: Any) -> None:
    """Depth exchanges, smart components, news providers: lists, empty ones for a login without such rights."""
    assert isinstance(await soon(ib.reqMktDepthExchangesAsync()), list)
    assert await soon(ib.reqNewsProvidersAsync()) == []


@pytest.mark.parametrize("kind", ["BidAsk", "MidPoint", "Last"])
async def test_every_tick_of_a_stock_streams(kind: str, ib: Any) -> None:
    """Tick by tick, each with its time."""
    spy = Stock("SPY", "SMART", "USD")
    await soon(ib.qualifyContractsAsync(spy))
    line = ib.reqTickByTickData(spy, kind, 0, False)
    seen: list[Any] = []
    line.updateEvent += lambda one: seen.extend(one.tickByTicks)
    await until(lambda: len(seen) >= 2, "two ticks")
    assert all(tick.time.year > 2000 for tick in seen)
    ib.cancelTickByTickData(spy, kind)


async def test_the_book_of_a_stock_streams(trader: Trader, expected: set[int | str]) -> None:
    """Market depth at one exchange: bids below asks, with sizes; at SMART it is another request (10092)."""
    expected.add(10092)
    spy = Stock("SPY", "ARCA", "USD")
    await soon(trader.ib.qualifyContractsAsync(spy))
    line = trader.ib.reqMktDepth(spy, 5)
    await until(lambda: line.domBids and line.domAsks, "the book")
    assert line.domBids[0].price < line.domAsks[0].price
    assert line.domBids[0].size > 0
    trader.ib.cancelMktDepth(spy)
    trader.ib.reqMktDepth(Stock("SPY", "SMART", "USD", conId=spy.conId), 5)
    await trader.heard(10092)


async def test_volatility_and_price_of_an_option_are_each_other_s_inverse(trader: Trader) -> None:
    """The calculator gives the price for a volatility and that volatility for the price."""
    put = trader.options[1]
    priced = await soon(trader.ib.calculateOptionPriceAsync(put, 0.2, 5500.0))
    back = await soon(trader.ib.calculateImpliedVolatilityAsync(put, priced.optPrice, 5500.0))
    assert back.impliedVol == pytest.approx(0.2, abs=0.001)
