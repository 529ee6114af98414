"""Tick-by-tick streams, books and the option calculator, with the unmodified client."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from ib_insync import Contract, Future, Index, Stock, TickByTickBidAsk, TickByTickMidPoint, Ticker  # noqa: TID251 - the client under test

from bot.sim.desk.depth import levels
from bot.sim.desk.rights import DataRights
from bot.sim.types import ContractSpec, SecType
from tests.sim.requests.served import VERSIONS, Desk, play

SPX, SPY = Index("SPX", "CBOE"), Stock("SPY", "SMART", "USD")
VX = Future(localSymbol="", symbol="VIX", tradingClass="VX", lastTradeDateOrContractMonth="202604", exchange="CFE")
BAG = Contract(symbol="SPX", secType="BAG", exchange="SMART", currency="USD")


def trades_told(desk: Desk) -> list[tuple[int, int, float, float]]:
    """Every streamed trade from now on: kind, epoch seconds, price, size."""
    told: list[tuple[int, int, float, float]] = []
    desk.ib.wrapper.tickByTickAllLast = lambda number, kind, at_s, price, size, *more: told.append(
        (kind, at_s, price, size)
    )
    return told


def quotes_told(ticker: Ticker) -> list[Any]:
    """Every streamed quote or middle of a ticker from now on."""
    seen: list[Any] = []
    ticker.updateEvent += lambda one: seen.extend(one.tickByTicks)
    return seen


# tick by tick ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", VERSIONS)
def test_streamed_trades_and_quotes_are_those_of_the_past(version: int) -> None:
    """Trades of a future and of a fund, quotes and middles, as historical ticks and the line tell them."""

    async def story(desk: Desk) -> None:
        ib = desk.ib
        line = ib.reqMktData(VX)
        trades = trades_told(desk)
        ib.reqTickByTickData(VX, "Last")
        ib.reqTickByTickData(SPY, "AllLast")
        streamed = quotes_told(ib.reqTickByTickData(VX, "BidAsk"))
        ib.reqTickByTickData(VX, "MidPoint")
        await desk.pause(1)
        begun = desk.now
        await desk.pause(600)
        assert desk.codes() == []
        for contract, kind in ((VX, 1), (SPY, 2)):
            past = await ib.reqHistoricalTicksAsync(
                contract, begun.strftime("%Y%m%d %H:%M:%S US/Eastern"), "", 1000, "TRADES", True
            )
            known = [(t.time.timestamp(), t.price, t.size) for t in past if t.time >= begun]
            assert [tick[1:] for tick in trades if tick[0] == kind] == known
            assert len(known) > 5
        quotes = [tick for tick in streamed if isinstance(tick, TickByTickBidAsk)]
        middles = [tick for tick in streamed if isinstance(tick, TickByTickMidPoint)]
        assert (quotes[-1].bidPrice, quotes[-1].askPrice, quotes[-1].bidSize) == (line.bid, line.ask, line.bidSize)
        assert middles[-1].midPoint == pytest.approx((line.bid + line.ask) / 2.0)
        assert len({(t.bidPrice, t.askPrice, t.bidSize, t.askSize) for t in quotes}) > 1

    play(story, version=version)


@pytest.mark.parametrize("version", VERSIONS)
def test_past_ticks_come_before_the_stream(version: int) -> None:
    """As many as asked for, the latest ones, in one message of past ticks."""

    async def story(desk: Desk) -> None:
        heard: dict[str, list[Any]] = {}
        for name in ("historicalTicksLast", "historicalTicksBidAsk", "historicalTicks"):
            setattr(desk.ib.wrapper, name, lambda n, ticks, done, name=name: heard.__setitem__(name, ticks))
        desk.ib.reqTickByTickData(VX, "AllLast", 7)
        desk.ib.reqTickByTickData(VX, "BidAsk", 5)
        desk.ib.reqTickByTickData(SPY, "MidPoint", 3)
        await desk.pause(15)
        assert {name: len(ticks) for name, ticks in heard.items()} == {
            "historicalTicksLast": 7, "historicalTicksBidAsk": 5, "historicalTicks": 3,
        }  # fmt: skip
        assert all(ticks[-1].time.timestamp() <= desk.now.timestamp() for ticks in heard.values())

    play(story, version=version)


def test_sizes_may_be_ignored() -> None:
    """With ignoreSize a quote is told only when a price changes."""

    async def story(desk: Desk) -> None:
        quotes = quotes_told(desk.ib.reqTickByTickData(SPY, "BidAsk", 0, True))
        await desk.pause(600)
        told = [(t.bidPrice, t.askPrice) for t in quotes]
        assert len(told) > 3
        assert all(before != after for before, after in pairwise(told))

    play(story)


def test_a_stream_goes_on_with_the_next_session() -> None:
    """Trades of the next day arrive without a new request; nothing is told in between."""

    async def story(desk: Desk) -> None:
        days = desk.gateway.world.days
        trades = trades_told(desk)
        desk.ib.reqTickByTickData(SPY, "Last")
        await desk.until(days[1].open_at + timedelta(minutes=5))
        regular = [(day.open_at.timestamp(), day.index_close_at.timestamp()) for day in days[:2]]
        on_day = [sum(opened <= at_s <= closed for _, at_s, _, _ in trades) for opened, closed in regular]
        assert on_day[0] > 0 < on_day[1]
        assert sum(on_day) == len(trades)

    play(story, after=timedelta(hours=6, minutes=20), tick_s=15.0)


@pytest.mark.parametrize(
    ("contract", "kind", "code", "words"),
    [
        (SPX, "Last", 10189, "not supported for SPX"),
        (BAG, "BidAsk", 10189, "BAG"),
        (VX, "Trades", 321, "Last, AllLast, BidAsk, MidPoint"),
        (Stock("NONE", "SMART", "USD"), "Last", 200, "No security definition"),
    ],
)
def test_streams_that_cannot_be_had(contract: Contract, kind: str, code: int, words: str) -> None:
    """Indices, options and combinations have none (10189); unknown kinds and contracts are named."""

    async def story(desk: Desk) -> None:
        desk.ib.reqTickByTickData(contract, kind)
        option = desk.option()
        desk.ib.reqTickByTickData(Contract(conId=option.con_id, exchange="SMART"), "Last")
        desk.ib.client.reqTickByTickData(50, VX, "Last", 1001, False)
        desk.ib.client.cancelTickByTickData(51)
        await desk.pause(15)
        (_, first, said), *others = [error for error in desk.errors if error[1] < 2100 or error[1] > 10000]
        assert (first, words in said) == (code, True)
        assert [other for _, other, _ in others] == [10189, 321, 300]

    play(story)


def test_five_streams_are_the_most() -> None:
    """The sixth is refused (10190), an id twice as well (102); one that ends makes room, and so does a client that
    goes."""

    async def story(desk: Desk) -> None:
        desk.ib.wrapper.tickByTickAllLast = desk.ib.wrapper.tickByTickBidAsk = lambda *fields: None
        for number in range(51, 57):
            desk.ib.client.reqTickByTickData(number, VX, "Last", 0, False)
        desk.ib.client.reqTickByTickData(51, VX, "Last", 0, False)
        await desk.pause(15)
        assert [number for number, _, _ in desk.errors[-2:]] == [56, 51]
        assert desk.codes() == [10190, 102]
        desk.ib.client.cancelTickByTickData(53)
        desk.ib.client.reqTickByTickData(57, VX, "BidAsk", 0, False)
        await desk.pause(15)
        assert desk.codes() == []

    play(story)


def test_streams_end_with_a_connection_that_comes_back_without_its_data() -> None:
    """After 1101 ticks, books and real-time bars are asked for anew; after 1102 they go on by themselves."""

    async def story(desk: Desk) -> None:
        told = trades_told(desk)
        bars = desk.ib.reqRealTimeBars(SPY, 5, "TRADES", False)
        desk.ib.reqTickByTickData(VX, "Last")
        for then, alive in (("kept", True), ("lost", False)):
            desk.gateway.cause("upstream_lost", then=then, for_s=60)
            await desk.pause(90)
            before = len(told), len(bars)
            await desk.pause(300)
            assert (len(told) > before[0], len(bars) > before[1]) == (alive, alive), then
        assert desk.codes() == [1100, 1102, 1100, 1101]
        desk.ib.reqTickByTickData(SPY, "AllLast")
        await desk.pause(60)
        assert len(told) > before[0]

    play(story)


# depth -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("contract", "smart"), [(VX, False), (SPY, True), (Stock("SPY", "ARCA", "USD"), False)], ids=["VX", "SPY", "ARCA"]
)
def test_a_book_lies_around_the_quote_and_follows_it(contract: Contract, smart: bool, version: int) -> None:
    """The client's book, built from inserts and updates, has the quote on top, ordered prices and whole sizes."""

    async def story(desk: Desk) -> None:
        line = desk.ib.reqMktData(contract)
        book = desk.ib.reqMktDepth(contract, 5, smart)
        tops = set()
        for _ in range(20):
            await desk.pause(15)
            bids, asks = book.domBids, book.domAsks
            assert len(bids) == len(asks) == 5
            assert (bids[0].price, bids[0].size) == (line.bid, line.bidSize)
            assert (asks[0].price, asks[0].size) == (line.ask, line.askSize)
            prices = [level.price for level in (*reversed(bids), *asks)]
            assert prices == sorted(set(prices))
            assert all(level.size > 0 for level in (*bids, *asks))
            tops.add(bids[0].price)
        assert len(tops) > 1
        assert {bool(level.marketMaker) for level in book.domBids} == {smart}
        assert desk.codes() == []

    play(story, version=version)


def test_a_book_empties_when_nobody_quotes() -> None:
    """After the close every level is deleted."""

    async def story(desk: Desk) -> None:
        book = desk.ib.reqMktDepth(Stock("SPY", "SMART", "USD"), 3, True)
        await desk.pause(15)
        assert len(book.domBids) == 3
        await desk.pause(900)
        assert (book.domBids, book.domAsks) == ([], [])

    play(story, after=timedelta(hours=6, minutes=25))


def test_books_that_cannot_be_had() -> None:
    """Indices, combinations and SMART without smart depth (10092), a fourth book (309), no rows (321), an id twice
    (102), an unknown id (310), no live rights (354)."""

    async def story(desk: Desk) -> None:
        ask = desk.ib.client.reqMktDepth
        desk.ib.wrapper.updateMktDepth = lambda *fields: None
        ask(51, SPX, 5, False, None)
        ask(52, BAG, 5, True, None)
        ask(53, SPY, 5, False, None)
        ask(54, VX, 5, True, None)
        ask(55, VX, 0, False, None)
        for number in (60, 61, 62, 63, 60):
            ask(number, VX, 5, False, None)
        desk.ib.client.cancelMktDepth(99, False)
        await desk.pause(15)
        assert desk.codes() == [10092, 10092, 10092, 10092, 321, 309, 102, 310]
        desk.ib.client.cancelMktDepth(60, False)
        desk.gateway.cause("market_data_rights", rights="none")
        ask(64, VX, 5, False, None)
        desk.ib.client.reqTickByTickData(65, VX, "Last", 0, False)
        await desk.pause(15)
        assert desk.codes() == [354, 10189]

    play(story, rights=DataRights.LIVE)


def test_sizes_belong_to_prices() -> None:
    """When the quote moves by a tick, what lies behind it stays; a cheap option's bids end above zero."""
    vx, option = (ContractSpec(7, kind, "VIX", "", "CFE", 1, "", 0, 0.05) for kind in (SecType.FUTURE, SecType.OPTION))
    before, after = levels(vx, (17.25, 40), 0.05, 6), levels(vx, (17.30, 55), 0.05, 5)
    assert before[2:] == after[1:]
    assert [price for price, _ in levels(option, (0.15, 9), -0.05, 5)] == [0.15, 0.1, 0.05]


# calculator ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", VERSIONS)
def test_the_calculator_agrees_with_the_quotes(version: int) -> None:
    """At the model's price the volatility is the model's, at its volatility the price is: options of SPX and VIX."""

    async def story(desk: Desk) -> None:
        for spec in (desk.option(7, -0.02), desk.option(30, 0.01, "C"), desk.option(20, 0.4, "C", "VIX")):
            contract = Contract(conId=spec.con_id, exchange="SMART")
            marks = desk.venue.option_marks([spec])
            symbol = desk.spec(symbol=spec.symbol, sec_type="IND")
            level = desk.venue.index_level(symbol).last
            under = float(marks.forward[0]) if spec.symbol == "VIX" else level
            assert under is not None
            mid, sigma = float(marks.mid[0]), float(marks.iv[0])
            implied = await desk.ib.calculateImpliedVolatilityAsync(contract, mid, under)
            assert implied.impliedVol == pytest.approx(sigma, rel=1e-6)
            priced = await desk.ib.calculateOptionPriceAsync(contract, sigma, under)
            assert (priced.optPrice, priced.delta, priced.gamma, priced.vega) == pytest.approx(
                tuple(float(x[0]) for x in (marks.mid, marks.delta, marks.gamma, marks.vega)), rel=1e-6
            )
            # The carry in it comes from an index printed to the cent.
            assert priced.theta == pytest.approx(float(marks.theta[0]), rel=1e-4)
            assert priced.undPrice == under

    play(story, version=version)


def test_computed_puts_and_calls_keep_parity() -> None:
    """Call less put is the discounted distance of forward and strike at any volatility: the same at all of them."""

    async def story(desk: Desk) -> None:
        put = desk.option(30)
        call = desk.spec(
            symbol="SPX", sec_type="OPT", trading_class="SPXW", expiry=f"{put.expiry:%Y%m%d}", strike=put.strike,
            right="C",
        )  # fmt: skip
        gaps = []
        for volatility in (0.05, 0.2, 0.9):
            values = [
                await desk.ib.calculateOptionPriceAsync(Contract(conId=spec.con_id), volatility, 5500.0)
                for spec in (call, put)
            ]
            gaps.append(values[0].optPrice - values[1].optPrice)
        assert gaps == pytest.approx([gaps[0]] * 3, abs=1e-6)
        assert gaps[0] == pytest.approx(5500.0 - put.strike, abs=60.0)

    play(story)


@pytest.mark.parametrize(("price", "under", "code"), [(0.0, 5500.0, 321), (10.0, -1.0, 321), (9000.0, 5500.0, None)])
def test_what_cannot_be_computed_is_said(price: float, under: float, code: int | None) -> None:
    """Prices that are none are refused; a price that no volatility gives is answered without values."""

    async def story(desk: Desk) -> None:
        heard: list[Any] = []
        desk.ib.wrapper.tickOptionComputation = lambda *fields: heard.append(fields)
        option = Contract(conId=desk.option().con_id)
        desk.ib.client.calculateImpliedVolatility(60, option, price, under, [])
        desk.ib.client.calculateOptionPrice(61, SPX, 0.2, 5500.0, [])
        desk.ib.client.calculateOptionPrice(62, option, 0.0, 5500.0, [])
        desk.ib.client.cancelCalculateImpliedVolatility(60)
        desk.ib.client.cancelCalculateOptionPrice(61)
        await desk.pause(1)
        assert desk.codes() == ([code] if code else []) + [321, 321]
        nothing = (-1.0, -2.0, -1.0, 0.0, -2.0, -2.0, -2.0, -1.0)
        assert [fields[3:] for fields in heard] == [nothing] * (code is None)

    play(story)
