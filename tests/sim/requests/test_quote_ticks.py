"""What streams on a market data line: trades, generic ticks, snapshots, and how they fit the past and each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from ib_insync import Contract, Index, Stock, Ticker  # noqa: TID251 - the client under test

from bot.sim.desk.generic_ticks import read_generic_ticks
from bot.sim.types import ContractSpec, SecType
from tests.sim.requests.served import VERSIONS, Desk, play


def contract(spec: ContractSpec) -> Contract:
    return Contract(conId=spec.con_id, symbol=spec.symbol, secType=spec.sec_type.value, exchange=spec.exchange)


def every(ticker: Ticker, read: Callable[[Ticker], float]) -> list[float]:
    """Every value that a field takes from now on."""
    seen: list[float] = []
    ticker.updateEvent += lambda one: seen.append(read(one))
    return seen


@pytest.mark.parametrize("version", VERSIONS)
def test_trades_stream_and_are_the_trades_of_the_past(version: int) -> None:
    """Last, size, volume, open, high, low and close of an option; the same trades are in its historical ticks and
    bars, and volume only grows."""

    async def story(desk: Desk) -> None:
        put = contract(desk.option(7, -0.005))
        ticker = desk.ib.reqMktData(put)
        await desk.pause(1)
        volumes, start = every(ticker, lambda t: t.volume), ticker.volume
        await desk.pause(1800)
        assert volumes == sorted(volumes)
        assert volumes[-1] > start > 0
        (day,) = await desk.ib.reqHistoricalDataAsync(put, "", "1 D", "8 hours", "TRADES", True)
        assert (ticker.open, ticker.high, ticker.low, ticker.last) == (day.open, day.high, day.low, day.close)
        assert ticker.volume == day.volume
        ticks = await desk.ib.reqHistoricalTicksAsync(
            put, "", desk.now.strftime("%Y%m%d %H:%M:%S US/Eastern"), 1, "TRADES", True
        )
        assert (ticks[-1].price, ticks[-1].size) == (ticker.last, ticker.lastSize)
        assert ticker.close > 0
        assert ticker.bid - 1.0 <= ticker.last <= ticker.ask + 1.0

    play(story, day=1, version=version)


@pytest.mark.parametrize("version", VERSIONS)
def test_stocks_and_futures_have_volume_and_indices_have_none(version: int) -> None:
    """Volume and time of the last trade for what is traded; an index has a last without size, no bid and no ask."""

    async def story(desk: Desk) -> None:
        spy, vx, spx = (
            desk.ib.reqMktData(what)
            for what in (
                Stock("SPY", "SMART", "USD"),
                contract(desk.spec(trading_class="VX", sec_type="FUT", expiry="202604")),
                Index("SPX", "CBOE"),
            )
        )
        times: list[str] = []
        heard = desk.ib.wrapper.tickString
        desk.ib.wrapper.tickString = lambda n, kind, text: (
            times.append(text) if kind == 45 else None,
            heard(n, kind, text),
        )  # type: ignore[method-assign]
        await desk.pause(60)
        for ticker in (spy, vx):
            assert ticker.volume > 0
            assert ticker.lastSize > 0
            assert ticker.bid < ticker.ask
        assert abs(int(times[-1]) - desk.now.timestamp()) <= 15
        assert math.isnan(spx.volume)
        assert (spx.lastSize, math.isnan(spx.bid), math.isnan(spx.ask)) == (0, True, True)
        assert spx.low <= spx.last <= spx.high

    play(story, version=version)


def test_a_new_session_begins_with_nothing_traded() -> None:
    """Volume starts again at the next open, the close becomes the one before."""

    async def story(desk: Desk) -> None:
        ticker = desk.ib.reqMktData(contract(desk.option(20, -0.01)))
        await desk.until(desk.gateway.world.days[0].close_at + timedelta(minutes=5))
        evening, before = ticker.volume, ticker.close
        await desk.until(desk.gateway.world.days[1].open_at + timedelta(minutes=2))
        assert 0 < ticker.volume < evening
        assert ticker.close != before

    play(story, after=timedelta(hours=5), tick_s=15.0)


@pytest.mark.parametrize("version", VERSIONS)
def test_generic_ticks_of_an_index(version: int) -> None:
    """Volatilities, option volume and open interest, ranges, mark and premium; volume grows, open interest stands."""

    async def story(desk: Desk) -> None:
        spx = desk.ib.reqMktData(Index("SPX", "CBOE"), "100,101,104,105,106,162,165,221,318,411")
        await desk.pause(20)
        calls, held = every(spx, lambda t: t.callVolume), every(spx, lambda t: t.callOpenInterest)
        await desk.pause(120)
        assert calls == sorted(calls)
        assert calls[0] < calls[-1]
        assert len(set(held)) == 1
        assert spx.putVolume > 0 < spx.putOpenInterest
        assert spx.avOptionVolume > spx.callVolume + spx.putVolume
        assert 0.05 < spx.histVolatility == spx.rtHistVolatility < 0.5
        vix = desk.venue.index_level(desk.spec(symbol="VIX", sec_type="IND")).last
        assert vix is not None
        assert 0.6 * vix < 100 * spx.impliedVolatility < vix
        assert spx.low52week <= spx.low26week <= spx.low13week <= spx.last <= spx.high13week * 1.05
        assert spx.high13week <= spx.high26week <= spx.high52week
        assert spx.markPrice == spx.last
        assert -50 < spx.indexFuturePremium < 100

    play(story, version=version)


@pytest.mark.parametrize("version", VERSIONS)
def test_generic_ticks_of_what_is_traded(version: int) -> None:
    """An option's own volume and open interest, a future's open interest, a stock's shares and dividends, rates and
    the texts of RTVolume."""

    async def story(desk: Desk) -> None:
        texts: list[tuple[int, str]] = []
        heard = desk.ib.wrapper.tickString
        desk.ib.wrapper.tickString = lambda n, kind, text: (texts.append((kind, text)), heard(n, kind, text))  # type: ignore[method-assign]
        sizes: dict[int, float] = {}
        sized = desk.ib.wrapper.tickSize
        desk.ib.wrapper.tickSize = lambda n, kind, size: (sizes.__setitem__(kind, size), sized(n, kind, size))  # type: ignore[method-assign]
        put = desk.ib.reqMktData(contract(desk.option(7, -0.005)), "100,101,221,233,293")
        vx = desk.ib.reqMktData(
            contract(desk.spec(trading_class="VX", sec_type="FUT", expiry="202604")), "588,294,295,595"
        )
        spy = desk.ib.reqMktData(Stock("SPY", "SMART", "USD"), "236,456,233,375")
        await desk.pause(300)
        assert (put.callVolume, put.callOpenInterest) == (0, 0)
        assert put.putVolume == put.volume > 0 < put.putOpenInterest
        assert put.bid <= put.markPrice <= put.ask
        assert put.tradeCount > 0
        assert vx.futuresOpenInterest > 10_000
        assert vx.tradeRate > 0 < vx.volumeRate
        assert sizes[63] <= sizes[64] <= sizes[65]
        assert (spy.shortableShares, spy.vwap > 0, spy.rtVolume > 0, spy.rtTradeVolume > 0) == (
            12_000_000,
            True,
            True,
            True,
        )
        assert spy.dividends is not None
        last = [text for kind, text in texts if kind == 48][-1].split(";")
        assert len(last) == 6
        assert last[-1] == "true"

    play(story, day=1, version=version)


def test_an_option_that_has_not_traded_has_no_last_trade() -> None:
    """Tick 57 is told of what was traded, never the level of the underlying; nor are last, volume's time, open."""

    async def story(desk: Desk) -> set[int]:
        kinds: set[int] = set()
        for name in ("priceSizeTick", "tickString"):
            heard = getattr(desk.ib.wrapper, name)
            setattr(desk.ib.wrapper, name, lambda n, kind, *more, heard=heard: (kinds.add(kind), heard(n, kind, *more)))
        desk.ib.reqMktData(contract(desk.option(2, -0.4)), "318")
        await desk.pause(60)
        return kinds

    assert play(story).isdisjoint({4, 6, 7, 14, 45, 57})


def test_without_generic_ticks_none_are_sent() -> None:
    """A plain line carries the ordinary tick types only."""

    async def story(desk: Desk) -> set[int]:
        kinds: set[int] = set()
        for name in ("priceSizeTick", "tickSize", "tickGeneric", "tickString"):
            heard = getattr(desk.ib.wrapper, name)
            setattr(desk.ib.wrapper, name, lambda n, kind, *more, heard=heard: (kinds.add(kind), heard(n, kind, *more)))
        desk.ib.reqMktData(contract(desk.option(7, -0.005)))
        desk.ib.reqMktData(Index("SPX", "CBOE"))
        await desk.pause(600)
        return kinds

    assert play(story) == {0, 1, 2, 3, 4, 6, 7, 8, 9, 14, 45, 49}


REFUSED = [
    ("999", SecType.STOCK),
    ("100,abc", SecType.STOCK),
    ("162", SecType.STOCK),
    ("292", SecType.INDEX),
    ("1e2", SecType.INDEX),
]


@pytest.mark.parametrize(("text", "sec_type"), REFUSED)
def test_unknown_generic_ticks_are_refused_by_name(text: str, sec_type: SecType) -> None:
    """321 repeats the list and names what this type may ask for; nothing is opened."""

    async def story(desk: Desk) -> None:
        what = Stock("SPY", "SMART", "USD") if sec_type is SecType.STOCK else Index("SPX", "CBOE")
        desk.ib.reqMktData(what, text)
        await desk.pause(2)
        ((_, code, said),) = [error for error in desk.errors if error[1] < 2100]
        assert (code, f"list of {text}." in said, f"({sec_type})" in said) == (321, True, True)
        assert ("162(Index Future Premium)" in said) == (sec_type is SecType.INDEX)
        assert desk.gateway.desk.lines_in_use() == 0

    play(story)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", set()),
        (" 100 , 101,", {100, 101}),
        ("mdoff,233", {233}),
        ("221", {232}),
        ("47,59", {258, 456}),
        ("104", {104}),
    ],
)
def test_lists_are_read_leniently(text: str, found: set[int]) -> None:
    """Blanks and older numbers are understood."""
    assert read_generic_ticks(text, SecType.STOCK) == found


@pytest.mark.parametrize("version", VERSIONS)
def test_snapshots_end_when_they_are_whole_or_after_eleven_seconds(version: int) -> None:
    """With quotes at once; of a shut market, or of a wing without a bid, eleven market seconds later; never with
    generic ticks; a regulatory one for stocks only."""

    async def story(desk: Desk) -> None:
        start = desk.now
        (ticker,) = await desk.ib.reqTickersAsync(contract(desk.option(20, -0.02)))
        assert (ticker.bid > 0, ticker.modelGreeks is not None, desk.now - start) == (True, True, timedelta())
        wing = contract(desk.option(2, -0.25))
        start = desk.now
        (ticker,) = await desk.ib.reqTickersAsync(wing)
        assert ticker.bid == -1.0
        assert timedelta(seconds=10) <= desk.now - start <= timedelta(seconds=13)
        desk.ib.reqMktData(Index("SPX", "CBOE"), "100", snapshot=True)
        desk.ib.reqMktData(Index("SPX", "CBOE"), regulatorySnapshot=True)
        await desk.pause(2)
        assert desk.codes() == [321, 321]
        regulatory = desk.ib.reqMktData(Stock("SPY", "SMART", "USD"), regulatorySnapshot=True)
        await desk.pause(2)
        assert regulatory.bid > 0
        assert desk.gateway.desk.lines_in_use() == 0

    play(story, tick_s=1.0, version=version)

    async def at_night(desk: Desk) -> Any:
        (ticker,) = await desk.ib.reqTickersAsync(contract(desk.option(20, -0.02)))
        return ticker.bid

    assert play(at_night, after=timedelta(hours=6, minutes=46), tick_s=1.0) == -1.0
