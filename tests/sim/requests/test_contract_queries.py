"""Contract requests: by terms, by id, by local symbol, by security id, expired, unknown; the search for symbols."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ib_insync import (  # noqa: TID251 - the client under test
    ContFuture,
    Contract,
    ContractDetails,
    Forex,
    Future,
    FuturesOption,
    Index,
    Option,
    Stock,
)

from tests.sim.requests.served import VERSIONS, Desk, play

ISIN, CUSIP = "US78462F1030", "78462F103"


async def found(desk: Desk, contract: Contract) -> Sequence[ContractDetails]:
    """What the gateway makes of a description."""
    return await desk.ib.reqContractDetailsAsync(contract)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_way_to_describe_one_contract_leads_to_it(version: int) -> None:
    """Terms, month of a future, local symbol, id, ISIN, CUSIP, home exchange: one contract each."""

    async def story(desk: Desk) -> None:
        put = desk.option(20, -0.01)
        day, strike = f"{put.expiry:%Y%m%d}", put.strike
        april = desk.spec(trading_class="VX", sec_type="FUT", expiry="202604").con_id
        for contract, con_id in (
            (Index("SPX"), 416904),
            (Index("SPX", "CBOE", "USD"), 416904),
            (Contract(conId=put.con_id), put.con_id),
            (Option("SPX", day, strike, "P", "SMART", tradingClass="SPXW"), put.con_id),
            (Option("SPX", day, strike, "PUT", "CBOE", "100", tradingClass="SPXW"), put.con_id),
            (Option(localSymbol=put.local_symbol, exchange="SMART"), put.con_id),
            (Future(localSymbol="VXJ6", exchange="CFE"), april),
            (Future("VIX", "202604", "CFE", tradingClass="VX"), april),
            (Future("VIX", "20260415", "CFE", multiplier="1000"), april),
            (Stock("SPY", "SMART", "USD"), 756733),
            (Stock("SPY", "ISLAND", "USD", primaryExchange="ARCA"), 756733),
            (Stock("SPY", "SMART", "USD", primaryExchange="ISLAND"), 756733),
            (Contract(secType="STK", secIdType="ISIN", secId=ISIN), 756733),
            (Contract(secIdType="CUSIP", secId=CUSIP, exchange="SMART"), 756733),
        ):
            details = await found(desk, contract)
            assert [one.contract.conId for one in details] == [con_id], contract
        assert desk.codes() == []

    play(story, version=version)


@pytest.mark.parametrize("version", VERSIONS)
def test_open_terms_find_all_that_fit(version: int) -> None:
    """Without strike a whole series, without expiry every expiry of a strike, without month every future."""

    async def story(desk: Desk) -> None:
        put = desk.option(20, -0.01)
        series = await found(desk, Option("SPX", f"{put.expiry:%Y%m%d}", 0.0, "P", "SMART", tradingClass="SPXW"))
        assert len({one.contract.strike for one in series}) == len(series) > 100
        across = await found(desk, Option("SPX", "", put.strike, "P", "SMART"))
        assert {one.contract.strike for one in across} == {put.strike}
        assert {one.contract.tradingClass for one in across} == {"SPX", "SPXW"}
        futures = await found(desk, Future("VIX", "", "CFE"))
        assert len({one.realExpirationDate for one in futures}) == len(futures) > 8
        await desk.ib.qualifyContractsAsync(Option("SPX", f"{put.expiry:%Y%m%d}", 0.0, "P", "SMART"))
        desk.ib.reqMktData(Future("VIX", "", "CFE"))
        await desk.pause(1)
        (text,) = [text for _, code, text in desk.errors if code == 200]
        assert "ambiguous" in text

    play(story, version=version)


UNKNOWN = [
    Contract(),
    Contract(conId=999),
    Contract(conId=416904, symbol="VIX"),
    Contract(conId=416904, secType="STK"),
    Contract(conId=416904, currency="EUR"),
    Index("NDX", "NASDAQ"),
    Index("SPX", "CBOE", "EUR"),
    Stock("SPY", "LSE", "GBP"),
    Stock("SPY", "SMART", "USD", primaryExchange="LSE"),
    Contract(secIdType="ISIN", secId="US0000000000"),
    Contract(secIdType="RIC", secId="SPY.P"),
    Option("SPX", "20260317", 5501.0, "P", "SMART"),
    Option("SPX", "20260317", 5500.0, "P", "SMART", multiplier="10"),
    Option("SPX", "20250317", 5500.0, "P", "SMART"),
    Future(localSymbol="VXJ7", exchange="CFE"),
    Contract(secType="BOND", symbol="912828C57"),
    Forex("EURUSD"),
    ContFuture("VIX", "CFE"),
    FuturesOption("ES", "202604", 5500.0, "P", "CME"),
    Contract(secType="CRYPTO", symbol="BTC", exchange="PAXOS", currency="USD"),
    Contract(secType="nonsense", symbol="SPX"),
]


def test_what_is_not_listed_is_not_found() -> None:
    """Unknown ids, symbols, strikes, currencies and kinds of contract, and descriptions that contradict themselves: 200
    each, never something similar."""

    async def story(desk: Desk) -> None:
        for contract in UNKNOWN:
            assert await found(desk, contract) == [], contract
            assert desk.codes() == [200], contract

    play(story)


@pytest.mark.parametrize("version", VERSIONS)
def test_expired_futures_are_found_and_have_a_past_when_asked_for(version: int) -> None:
    """With includeExpired details and daily bars of a future that has settled, by terms and by id; without it 200."""

    async def story(desk: Desk) -> None:
        gone = Future("VIX", "202602", "CFE", tradingClass="VX")
        assert await found(desk, gone) == []
        gone.includeExpired = True
        (details,) = await found(desk, gone)
        assert details.contract.localSymbol == "VXG6"
        again = Contract(conId=details.contract.conId, exchange="CFE", includeExpired=True)
        for contract in (gone, again):
            bars = await desk.ib.reqHistoricalDataAsync(contract, "20260213 16:00:00", "5 D", "1 day", "TRADES", True)
            assert len(bars) == 5
            assert all(bar.low <= bar.close <= bar.high for bar in bars)
        assert desk.codes() == [200]
        again.includeExpired = False
        assert not await desk.ib.reqHistoricalDataAsync(again, "", "5 D", "1 day", "TRADES", True)
        desk.ib.reqMktData(gone)
        await desk.pause(1)
        assert desk.codes() == [200, 200]
        every = await found(desk, Future("VIX", "", "CFE", includeExpired=True))
        days = [one.realExpirationDate for one in every]
        assert min(days) >= "20240302"
        assert len(days) > 20

    play(story, version=version)


def test_details_carry_what_programs_read() -> None:
    """Names, home exchange, security ids, market rules for every exchange, underlying, months and dates."""

    async def story(desk: Desk) -> None:
        (spy,) = await found(desk, Stock("SPY", "SMART", "USD"))
        assert (spy.contract.primaryExchange, spy.stockType, spy.longName[:4]) == ("ARCA", "ETF", "SPDR")
        assert [(one.tag, one.value) for one in spy.secIdList] == [("ISIN", ISIN)]
        put = desk.option(20, -0.01)
        (option,) = await found(desk, Contract(conId=put.con_id))
        assert (option.underConId, option.underSymbol, option.underSecType) == (416904, "SPX", "IND")
        assert (option.contractMonth, option.realExpirationDate) == (f"{put.expiry:%Y%m}", f"{put.expiry:%Y%m%d}")
        for details in (spy, option):
            rules = details.marketRuleIds.split(",")
            assert len(rules) == len(details.validExchanges.split(","))
            assert (await desk.ib.reqMarketRuleAsync(int(rules[0])))[0].increment == details.minTick

    play(story)


@pytest.mark.parametrize(
    ("pattern", "first", "among"),
    [
        ("SPY", ("SPY", "STK", "ARCA", "OPT"), {"SPY"}),
        ("vix", ("VIX", "IND", "CBOE", "OPT,FUT"), {"VIX", "VIX9D", "VIX3M", "VIXM"}),
        ("XL", ("XLB", "STK", "ARCA", ""), {"XLB", "XLF", "XLY"}),
        ("volatility", ("VIX", "IND", "CBOE", "OPT,FUT"), {"VIX", "VVIX"}),
        ("S&P 500", ("RSP", "STK", "ARCA", ""), {"RSP", "SPX", "SPY"}),
    ],
)
def test_symbols_are_found_by_their_beginning_and_by_name(
    pattern: str, first: tuple[str, str, str, str], among: set[str]
) -> None:
    """The exact symbol first, then those that begin so, then names with such a word, at most sixteen."""

    async def story(desk: Desk) -> None:
        samples = await desk.ib.reqMatchingSymbolsAsync(pattern)
        told = [
            (one.contract.symbol, one.contract.secType, one.contract.primaryExchange,
             ",".join(kind for kind in one.derivativeSecTypes if kind != "BAG"))
            for one in samples
        ]  # fmt: skip
        assert told[0] == first
        assert {symbol for symbol, _, _, _ in told} >= among
        assert len(told) <= 16

    play(story)


def test_nothing_matches_nothing() -> None:
    """An unknown or empty pattern has an empty answer, no error."""

    async def story(desk: Desk) -> None:
        for pattern in ("QZZQ", "", "   "):
            assert await desk.ib.reqMatchingSymbolsAsync(pattern) == []
        assert desk.codes() == []

    play(story)
