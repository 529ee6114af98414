"""Lines of a login without live rights: refused, delayed by fifteen minutes, switched while they run, frozen."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta

import pytest
from ib_insync import ComboLeg, Contract, Index, Stock, Ticker  # noqa: TID251 - the client under test

from bot.sim.desk.line import DataKind
from bot.sim.desk.rights import DataRights, kind_of, refusal
from bot.sim.types import ContractSpec, SecType
from tests.sim.requests.served import VERSIONS, Desk, play

SPX, SPY = Index("SPX", "CBOE"), Stock("SPY", "SMART", "USD")


def figures(tickers: Iterable[Ticker]) -> list[tuple[float, ...]]:
    """What a quote consists of, by ticker; what was never told is -2."""
    told = [(t.bid, t.ask, t.bidSize, t.askSize, t.last, t.open, t.high, t.low, t.volume, t.close) for t in tickers]
    return [tuple(-2.0 if math.isnan(value) else value for value in one) for one in told]


def kinds_of_ticks(desk: Desk) -> set[int]:
    """Every tick type that is told from now on."""
    kinds: set[int] = set()
    for name in ("priceSizeTick", "tickSize", "tickGeneric", "tickString", "tickOptionComputation"):
        heard = getattr(desk.ib.wrapper, name)
        setattr(desk.ib.wrapper, name, lambda n, kind, *more, heard=heard: (kinds.add(kind), heard(n, kind, *more)))
    return kinds


@pytest.mark.parametrize("version", VERSIONS)
def test_delayed_data_is_the_live_data_of_fifteen_minutes_ago(version: int) -> None:
    """Index, fund, future, option and combination: the delayed quote is, figure for figure, what the live line said
    then, told in delayed tick types only, after a warning."""

    async def story(desk: Desk) -> None:
        near, far = desk.option(7, -0.02), desk.option(7, -0.03)
        legs = [ComboLeg(spec.con_id, 1, side, "SMART") for spec, side in ((near, "SELL"), (far, "BUY"))]
        vx = desk.spec(trading_class="VX", sec_type="FUT", expiry="202604")
        contracts = [
            SPX,
            SPY,
            Contract(conId=vx.con_id, exchange="CFE"),
            Contract(conId=near.con_id, exchange="SMART"),
            Contract(symbol="SPX", secType="BAG", exchange="SMART", currency="USD", comboLegs=legs),
        ]
        tickers = [desk.ib.reqMktData(contract) for contract in contracts]
        await desk.pause(30)
        live = figures(tickers)
        for contract in contracts:
            desk.ib.cancelMktData(contract)
        await desk.pause(60)
        assert desk.codes() == []

        desk.gateway.cause("market_data_rights", rights="delayed")
        desk.ib.reqMarketDataType(3)
        kinds = kinds_of_ticks(desk)
        tickers = [desk.ib.reqMktData(contract) for contract in contracts]
        await desk.pause(900 - 60)
        assert desk.codes() == [10167] * 5
        assert [ticker.marketDataType for ticker in tickers] == [3] * 5
        assert figures(tickers) == live
        assert kinds == {66, 67, 68, 72, 73, 74, 75, 76, 83, 88, 90}

    play(story, day=1, version=version)


@pytest.mark.parametrize(
    ("rights", "asked", "contract", "code"),
    [
        ("delayed", 1, SPX, 354),
        ("delayed", 2, SPY, 10089),
        ("delayed", 4, SPY, 10167),
        ("delayed_always", 1, SPX, 10167),
        ("none", 1, SPY, 10089),
        ("none", 3, SPX, 10168),
    ],
)
def test_without_rights_a_line_is_refused_or_delayed_with_a_word(
    rights: str, asked: int, contract: Contract, code: int
) -> None:
    """The codes by rights, data type asked for and kind of contract; a refused line takes no place."""

    async def story(desk: Desk) -> None:
        desk.ib.reqMarketDataType(asked)
        ticker = desk.ib.reqMktData(contract)
        await desk.pause(15)
        assert desk.codes() == [code]
        shown = code == 10167
        assert desk.gateway.desk.lines_in_use() == shown
        assert math.isnan(ticker.last) is not shown

    play(story, rights=DataRights(rights))


def test_running_lines_follow_when_rights_change() -> None:
    """Who asked for delayed data gets it at once, who did not is told and ends; with rights again all is live."""

    async def story(desk: Desk) -> None:
        spx, spy = desk.ib.reqMktData(SPX), desk.ib.reqMktData(SPY)
        await desk.pause(15)
        desk.ib.reqMarketDataType(3)
        await desk.pause(15)
        assert (spx.marketDataType, desk.codes()) == (1, [])
        assert desk.gateway.cause("market_data_rights", rights="delayed", for_s=60)["lines"] == 2
        await desk.pause(15)
        assert (spx.marketDataType, spy.marketDataType, desk.codes()) == (3, 3, [10167, 10167])
        await desk.pause(75)
        assert (spx.marketDataType, desk.codes()) == (1, [])
        live = desk.venue.index_level(desk.spec(symbol="SPX", sec_type="IND")).last
        assert spx.last == live
        desk.ib.reqMarketDataType(1)
        await desk.pause(1)
        desk.gateway.cause("market_data_rights", rights="none")
        await desk.pause(15)
        assert desk.codes() == [354, 10089]
        assert desk.gateway.desk.lines_in_use() == 0

    play(story)


def test_lines_that_run_can_be_left_alone() -> None:
    """Without `running` only new lines notice; whoever is connected while data is refused keeps what it has."""

    async def story(desk: Desk) -> None:
        spx = desk.ib.reqMktData(SPX)
        await desk.pause(15)
        assert desk.gateway.cause("market_data_rights", rights="none", running=False)["lines"] == 0
        desk.ib.reqMktData(SPY)
        before = spx.time
        await desk.pause(60)
        assert (desk.codes(), spx.marketDataType) == ([10089], 1)
        assert spx.time > before

    play(story)


def test_after_the_close_delayed_frozen_data_keeps_the_last_quotes() -> None:
    """Type 4 shows the last two-sided quote of the session; type 3 shows that nobody quotes."""

    async def story(desk: Desk) -> None:
        desk.ib.reqMarketDataType(4)
        put = desk.option(7, -0.02)
        frozen = desk.ib.reqMktData(Contract(conId=put.con_id, exchange="SMART"))
        await desk.pause(15)
        assert (frozen.marketDataType, frozen.bid > 0.0) == (4, True)
        desk.ib.reqMarketDataType(3)
        desk.ib.cancelMktData(frozen.contract)
        shut = desk.ib.reqMktData(Contract(conId=put.con_id, exchange="SMART"))
        await desk.pause(15)
        assert (shut.marketDataType, shut.bid, shut.ask) == (3, -1.0, -1.0)

    play(story, after=timedelta(hours=7, minutes=45), rights=DataRights.DELAYED)


@pytest.mark.parametrize("version", VERSIONS)
def test_frozen_data_keeps_the_last_quotes_and_thaws_at_the_open(version: int) -> None:
    """Type 2: at the close a running line turns frozen with its last quote, one asked for then shows the same, figure
    for figure; at the open both are live again. Type 1 shows that nobody quotes."""

    async def story(desk: Desk) -> None:
        days = desk.gateway.world.days
        put = Contract(conId=desk.option(20, -0.02).con_id, exchange="SMART")
        vx = Contract(conId=desk.spec(trading_class="VX", sec_type="FUT", expiry="202604").con_id, exchange="CFE")
        desk.ib.reqMarketDataType(2)
        running = [desk.ib.reqMktData(contract) for contract in (put, vx, SPX)]
        await desk.until(days[0].close_at - timedelta(seconds=15))
        assert [ticker.marketDataType for ticker in running[:2]] == [1, 1]
        evening = figures(running)
        await desk.pause(900)
        assert [ticker.marketDataType for ticker in running] == [2, 2, 2]
        assert [one[:2] for one in figures(running)] == [one[:2] for one in evening]
        shut = figures(running)
        for contract in (put, vx, SPX):
            desk.ib.cancelMktData(contract)
        again = [desk.ib.reqMktData(contract) for contract in (put, vx, SPX)]
        await desk.pause(15)
        assert figures(again) == shut
        assert all(one[0] > 0.0 for one in shut[:2])
        await desk.until(days[1].open_at + timedelta(minutes=5))
        assert [ticker.marketDataType for ticker in again] == [1, 1, 1]
        assert all(ticker.bid > 0.0 for ticker in again[:2])
        assert figures(again) != shut
        assert desk.codes() == []

    play(story, after=timedelta(hours=6, minutes=40), version=version)


@pytest.mark.parametrize("rights", DataRights)
@pytest.mark.parametrize("asked", DataKind)
def test_live_data_is_never_shown_without_the_right(rights: DataRights, asked: DataKind) -> None:
    """Every combination is either refused or shown in a kind of data that the rights allow."""
    spec = ContractSpec(1, SecType.INDEX, "SPX", "SPX", "CBOE", 1, "USD", 0, 0.01)
    shown = refusal(rights, asked, spec) is None
    delayed = rights is not DataRights.LIVE
    kinds = {kind_of(asked, delayed=delayed, is_open=is_open) for is_open in (True, False)} if shown else set()
    assert kinds.isdisjoint({DataKind.LIVE, DataKind.FROZEN}) or rights is DataRights.LIVE
    assert not (shown and rights is DataRights.NONE)
