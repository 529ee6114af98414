"""Market data: streams, snapshots, combinations, greeks, and the refusals around them."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from bot.sim.testing import RunningGateway
from tests.conformance.library import Future, Index, Option, soon
from tests.conformance.trader import Trader, until


async def test_an_option_streams_quotes_and_then_greeks(trader: Trader) -> None:
    """Bid, ask and sizes at once; the model's and the sides' greeks a moment later, all of them finite."""
    line = trader.ib.reqMktData(trader.options[1])
    await until(line.hasBidAsk, "a quote")
    assert 0.0 < line.bid < line.ask
    assert line.bidSize > 0
    assert line.askSize > 0
    await until(lambda: line.modelGreeks is not None and line.bidGreeks is not None, "greeks")
    greeks = line.modelGreeks
    assert -1.0 < greeks.delta < 0.0
    assert greeks.gamma > 0.0
    assert greeks.vega > 0.0
    assert greeks.theta < 0.0
    assert 0.03 < greeks.impliedVol < 1.0
    assert greeks.undPrice > 1000.0
    assert line.bid - 5.0 < greeks.optPrice < line.ask + 5.0
    assert line.bidGreeks.optPrice == pytest.approx(line.bid, abs=1.0)
    assert line.marketDataType == 1
    assert line.halted == 0.0
    seen: list[Any] = []
    line.updateEvent += seen.append
    await until(lambda: len(seen) > 5, "further updates")
    trader.ib.cancelMktData(trader.options[1])


async def test_an_index_has_prints_and_no_quotes(trader: Trader) -> None:
    """Last, open, high, low and previous close; nobody quotes an index."""
    line = trader.ib.reqMktData(trader.spx)
    await until(lambda: line.last == line.last and line.close == line.close, "the index")
    assert line.low <= line.last <= line.high
    assert not line.hasBidAsk()
    trader.ib.cancelMktData(trader.spx)


async def test_a_future_is_quoted_on_both_sides(ib: Any) -> None:
    """The nearest VX future has bid and ask on its grid."""
    found = await soon(ib.reqContractDetailsAsync(Future("VIX", exchange="CFE")))
    monthly = [one.contract for one in found if one.contract.tradingClass == "VX"]
    first = sorted(monthly, key=lambda one: one.lastTradeDateOrContractMonth)[0]
    line = ib.reqMktData(first)
    await until(line.hasBidAsk, "a quote")
    assert line.bid < line.ask
    assert math.isclose(line.bid / 0.01, round(line.bid / 0.01), abs_tol=1e-6)
    ib.cancelMktData(first)


async def test_a_combination_is_quoted_as_a_credit(trader: Trader) -> None:
    """Buying the condor's legs as listed has negative prices: a credit; bid below ask."""
    bid, ask = await trader.quoted(trader.condor())
    assert bid < ask < 0.0


async def test_a_snapshot_is_whole_and_ends(trader: Trader) -> None:
    """A snapshot brings quote and model greeks, then says that it is complete."""
    (line,) = await soon(trader.ib.reqTickersAsync(trader.options[2]))
    assert line.hasBidAsk()
    assert line.modelGreeks is not None


async def test_market_data_types_are_preferences(trader: Trader) -> None:
    """Frozen data asked for while the market is open comes live, and says so."""
    trader.ib.reqMarketDataType(2)
    line = trader.ib.reqMktData(trader.options[0])
    await until(line.hasBidAsk, "a quote")
    assert line.marketDataType == 1
    trader.ib.cancelMktData(trader.options[0])


async def test_a_cancelled_line_falls_silent(trader: Trader) -> None:
    """After the cancel no update comes any more."""
    line = trader.ib.reqMktData(trader.options[0])
    await until(line.hasBidAsk, "a quote")
    trader.ib.cancelMktData(trader.options[0])
    await soon(trader.ib.reqCurrentTimeAsync())
    seen: list[Any] = []
    line.updateEvent += seen.append
    await asyncio.sleep(0.1)  # six market seconds
    assert seen == []


async def test_what_cannot_be_watched_is_refused(trader: Trader, expected: set[int | str]) -> None:
    """Unknown (200), ambiguous (200), a snapshot with generic ticks (321), a number in use (102 or 322), a number not
    in use (300)."""
    expected |= {200, 321, 322, 102, 300}
    client = trader.ib.client
    client.reqMktData(70_001, Index("NOSUCH", "CBOE", "USD"), "", False, False, [])
    client.reqMktData(70_002, Option("SPX", trader.expiry, exchange="SMART", currency="USD"), "", False, False, [])
    client.reqMktData(70_003, trader.options[0], "106", True, False, [])
    line = trader.ib.reqMktData(trader.options[1])
    used = trader.ib.wrapper.ticker2ReqId["mktData"][line]
    client.reqMktData(used, trader.options[1], "", False, False, [])
    client.cancelMktData(70_005)
    assert "No security definition" in await trader.heard(200, 70_001)
    assert "ambiguous" in await trader.heard(200, 70_002)
    assert "snapshot" in (await trader.heard(321, 70_003)).lower()
    await until(lambda: set(trader.codes(used)) & {102, 322}, "the duplicate")
    await trader.heard(300, 70_005)
    trader.ib.cancelMktData(trader.options[1])


async def test_the_hundred_and_first_line_is_refused(
    trader: Trader, gateway: RunningGateway, expected: set[int | str]
) -> None:
    """101 for the line above the limit; the hundred others live on, and a cancel makes room."""
    expected.add(101)
    asked = Option("SPX", trader.expiry, exchange="SMART", tradingClass="SPXW", currency="USD")
    listed = [one.contract for one in await soon(trader.ib.reqContractDetailsAsync(asked))][:102]
    for number, contract in enumerate(listed[:101]):
        if number % 25 == 0:
            await asyncio.sleep(0.03)  # a market second and more: fifty messages a second are the limit
        trader.ib.reqMktData(contract)
    await trader.heard(101)
    assert gateway.tell("status")["lines"] == 100
    trader.ib.cancelMktData(listed[0])
    last = trader.ib.reqMktData(listed[101])
    await until(lambda: last.marketDataType == 1 and last.bid == last.bid, "the line that found room")
    assert trader.codes().count(101) == 1
