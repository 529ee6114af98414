"""Finding contracts: exactly, partly described, not at all."""

from __future__ import annotations

from typing import Any

from tests.conformance.library import Contract, Future, Index, Option, Stock, refused, soon
from tests.conformance.trader import Trader


async def test_indices_are_qualified(ib: Any) -> None:
    """Each index is one contract; SPX has IB's own number."""
    indices = [Index(symbol, "CBOE", "USD") for symbol in ("SPX", "VIX")]
    assert await soon(ib.qualifyContractsAsync(*indices)) == indices
    assert indices[0].conId == 416904
    assert all(index.conId for index in indices)


async def test_an_option_is_described_in_full(trader: Trader) -> None:
    """Class, multiplier, tick, market rule, hours and underlying of an SPXW put."""
    (found,) = await soon(trader.ib.reqContractDetailsAsync(trader.options[0]))
    contract = found.contract
    assert (contract.secType, contract.tradingClass, contract.multiplier) == ("OPT", "SPXW", "100")
    assert contract.lastTradeDateOrContractMonth == trader.expiry
    assert contract.localSymbol.startswith("SPXW")
    assert (found.underSymbol, found.underConId, found.minTick) == ("SPX", trader.spx.conId, 0.05)
    assert found.contractMonth == trader.expiry[:6]
    assert found.realExpirationDate == trader.expiry
    assert found.timeZoneId
    assert found.tradingHours
    assert found.liquidHours
    rules = found.marketRuleIds.split(",")
    assert len(rules) == len(found.validExchanges.split(","))
    steps = await soon(trader.ib.reqMarketRuleAsync(int(rules[0])))
    assert [(step.lowEdge, step.increment) for step in steps] == [(0.0, 0.05), (3.0, 0.1)]


async def test_every_strike_of_an_expiry_is_found_by_one_question(trader: Trader) -> None:
    """An option without its strike is answered with all of them, and each is asked for exactly once more."""
    asked = Option("SPX", trader.expiry, right="P", exchange="SMART", tradingClass="SPXW", currency="USD")
    found = await soon(trader.ib.reqContractDetailsAsync(asked))
    assert len(found) > 50
    assert {one.contract.right for one in found} == {"P"}
    assert len({one.contract.conId for one in found}) == len(found)
    (again,) = await soon(trader.ib.reqContractDetailsAsync(Contract(conId=found[7].contract.conId, exchange="SMART")))
    assert again.contract.localSymbol == found[7].contract.localSymbol


async def test_chains_name_classes_expiries_and_strikes(trader: Trader) -> None:
    """SPX and SPXW, sorted, each with its multiplier; the strikes of our condor are among them."""
    chains = await soon(trader.ib.reqSecDefOptParamsAsync("SPX", "", "IND", trader.spx.conId))
    assert {"SPX", "SPXW"} <= {chain.tradingClass for chain in chains}
    chain = next(one for one in chains if one.tradingClass == "SPXW")
    assert chain.multiplier == "100"
    assert trader.expiry in chain.expirations
    assert {option.strike for option in trader.options} <= set(chain.strikes)


async def test_futures_tell_when_they_stop_trading(ib: Any) -> None:
    """VX futures come sorted by month on request, each with day and time of its last trade."""
    found = await soon(ib.reqContractDetailsAsync(Future("VIX", exchange="CFE")))
    assert found
    assert {one.contract.multiplier for one in found} <= {"1000", "100"}
    assert all(len(one.contract.lastTradeDateOrContractMonth) == 8 and one.lastTradeTime for one in found)


async def test_a_contract_that_does_not_exist_is_answered_with_200(trader: Trader, expected: set[int | str]) -> None:
    """No details, and the reason."""
    expected.add(200)
    assert await soon(trader.ib.reqContractDetailsAsync(Index("NOSUCH", "CBOE"))) == []
    assert "No security definition" in await trader.heard(200)


async def test_details_of_a_combination_are_refused(trader: Trader, expected: set[int | str]) -> None:
    """321, because a BAG has none."""
    expected.add(321)
    assert not await refused(trader.ib.reqContractDetailsAsync(trader.condor()))
    await trader.heard(321)


async def test_symbols_are_found_by_their_beginning(ib: Any) -> None:
    """The search knows SPX and that options exist on it."""
    found = await soon(ib.reqMatchingSymbolsAsync("SPX"))
    spx = next(one for one in found if one.contract.symbol == "SPX")
    assert spx.contract.conId == 416904
    assert "OPT" in spx.derivativeSecTypes


async def test_a_stock_has_what_other_programs_ask_of_one(ib: Any) -> None:
    """SPY: IB's number, primary exchange, kind of stock and ISIN, by which it is found again; options exist on it."""
    (found,) = await soon(ib.reqContractDetailsAsync(Stock("SPY", "SMART", "USD")))
    assert (found.contract.conId, found.contract.primaryExchange, found.stockType) == (756733, "ARCA", "ETF")
    assert [(one.tag, one.value) for one in found.secIdList] == [("ISIN", "US78462F1030")]
    assert {"SMART", "ARCA"} <= set(found.validExchanges.split(","))
    asked = Contract(secType="STK", exchange="SMART", currency="USD", secIdType="ISIN", secId="US78462F1030")
    (again,) = await soon(ib.reqContractDetailsAsync(asked))
    assert again.contract.symbol == "SPY"
    chains = await soon(ib.reqSecDefOptParamsAsync("SPY", "", "STK", found.contract.conId))
    assert "SMART" in {chain.exchange for chain in chains}
    assert all(chain.expirations and chain.strikes and chain.multiplier == "100" for chain in chains)


async def test_index_options_are_found_at_their_exchange_and_at_smart(trader: Trader) -> None:
    """Asked for at CBOE or at SMART an SPXW option is answered there, and its chain is told for both."""
    terms = {"symbol": "SPX", "lastTradeDateOrContractMonth": trader.expiry, "right": "P", "tradingClass": "SPXW"}
    for exchange in ("CBOE", "SMART"):
        asked = Option(strike=trader.options[0].strike, exchange=exchange, currency="USD", **terms)
        (found,) = await soon(trader.ib.reqContractDetailsAsync(asked))
        assert found.contract.exchange == exchange
        assert {"SMART", "CBOE"} <= set(found.validExchanges.split(","))
    chains = await soon(trader.ib.reqSecDefOptParamsAsync("SPX", "", "IND", trader.spx.conId))
    assert {"SMART", "CBOE"} <= {chain.exchange for chain in chains if chain.tradingClass == "SPXW"}
