"""Figures of an account, summaries and ledgers, positions by account, profit of accounts and positions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from ib_insync import (  # noqa: TID251 - the client under test
    IB,
    Contract,
    Future,
    MarketOrder,
    Stock,
)

from tests.sim.requests.served import VERSIONS, Desk, play

SPY = Stock("SPY", "SMART", "USD")
VX = Future(symbol="VIX", tradingClass="VX", lastTradeDateOrContractMonth="202604", exchange="CFE")
READ_BY_PROGRAMS = {
    "AccruedCash", "AvailableFunds", "AvailableFunds-S", "BuyingPower", "CashBalance", "Cushion", "EquityWithLoanValue",
    "ExchangeRate", "ExcessLiquidity", "FullAvailableFunds", "FullExcessLiquidity", "FullInitMarginReq",
    "FullMaintMarginReq", "FuturesPNL", "GrossPositionValue", "InitMarginReq", "Leverage-S", "LookAheadAvailableFunds",
    "LookAheadExcessLiquidity", "LookAheadInitMarginReq", "LookAheadMaintMarginReq", "LookAheadNextChange",
    "MaintMarginReq", "NetLiquidation", "NetLiquidationByCurrency", "OptionMarketValue",
    "PreviousDayEquityWithLoanValue", "RealizedPnL", "RegTEquity", "RegTMargin", "SMA", "SettledCash",
    "StockMarketValue", "TotalCashBalance", "TotalCashValue", "UnrealizedPnL",
}  # fmt: skip


async def holding(desk: Desk) -> tuple[Contract, Contract, Contract]:
    """Buys shares, an option and a future; the three contracts."""
    option = desk.option(20, -0.01)
    put = Contract(conId=option.con_id, secType="OPT", exchange="SMART", currency="USD", symbol="SPX")
    (vx,) = await desk.ib.qualifyContractsAsync(VX)
    (spy,) = await desk.ib.qualifyContractsAsync(SPY)
    for contract, quantity in ((spy, 100), (put, 2), (vx, 3)):
        desk.ib.placeOrder(contract, MarketOrder("BUY", quantity, tif="DAY"))
    await desk.pause(120)
    assert {one.position for one in desk.ib.positions()} == {100.0, 2.0, 3.0}
    return spy, put, vx


def values(ib: IB, currency: str = "USD") -> dict[str, float]:
    """Figures told through account updates."""
    words = ("AccountOrGroup", "Currency", "RealCurrency")
    return {v.tag: float(v.value) for v in ib.accountValues() if v.currency == currency and v.tag not in words}


# figures ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", VERSIONS)
def test_figures_are_those_that_programs_read_and_agree_with_the_positions(version: int) -> None:
    """Every key comes; market values are those of the portfolio messages; cash and values add up to net liquidation."""

    async def story(desk: Desk) -> None:
        spy, put, vx = await holding(desk)
        await desk.pause(400)
        told = {one.tag for one in desk.ib.accountValues()}
        assert told >= READ_BY_PROGRAMS
        portfolio = {item.contract.conId: item for item in desk.ib.portfolio()}
        figures, base = values(desk.ib), values(desk.ib, "BASE")
        assert figures["StockMarketValue"] == portfolio[spy.conId].marketValue > 0.0
        assert figures["OptionMarketValue"] == portfolio[put.conId].marketValue > 0.0
        assert figures["GrossPositionValue"] == pytest.approx(
            figures["StockMarketValue"] + figures["OptionMarketValue"], abs=0.011
        )
        parts = ("TotalCashValue", "StockMarketValue", "OptionMarketValue", "FuturesPNL")
        assert figures["NetLiquidation"] == pytest.approx(sum(figures[key] for key in parts), abs=0.02)
        assert figures["UnrealizedPnL"] == pytest.approx(sum(p.unrealizedPNL for p in portfolio.values()), abs=0.02)
        assert figures["AvailableFunds"] == pytest.approx(
            figures["NetLiquidation"] - figures["InitMarginReq"], abs=0.011
        )
        assert figures["BuyingPower"] == pytest.approx(4.0 * figures["AvailableFunds"], abs=0.05)
        assert {key: figures[key] for key in base} == base
        assert portfolio[vx.conId].marketPrice > 0.0

    play(story, version=version)


def test_prices_of_the_portfolio_move_every_three_minutes() -> None:
    """Without any trade every position is told again, with its market price."""

    async def story(desk: Desk) -> None:
        spy, _, _ = await holding(desk)
        seen: list[Any] = []
        desk.ib.updatePortfolioEvent += seen.append
        await desk.pause(1810)
        prices = [item.marketPrice for item in seen if item.contract.conId == spy.conId]
        assert len(prices) == 10
        assert len(set(prices)) > 5
        assert len(seen) == 30

    play(story)


def test_the_money_can_be_asked_for_alone() -> None:
    """reqAccountUpdatesMulti with ledgerAndNLV tells the ledgers only, now and later."""

    async def story(desk: Desk) -> None:
        told: list[tuple[str, str]] = []
        desk.ib.wrapper.accountUpdateMulti = lambda number, account, model, key, value, currency: (
            told.append((key, currency)) if number == 90 else None
        )
        desk.ib.client.reqAccountUpdatesMulti(90, "", "", True)
        await desk.pause(15)
        first = len(told)
        await holding(desk)
        assert {currency for _, currency in told} == {"BASE", "USD"}
        assert "NetLiquidation" not in {key for key, _ in told}
        assert len(told) > first == len(set(told[:first]))

    play(story)


# summaries -------------------------------------------------------------------------------------------
def rows(desk: Desk) -> list[tuple[str, str, str, str]]:
    """Summary rows told from now on: account, key, value, currency."""
    told: list[tuple[str, str, str, str]] = []
    desk.ib.wrapper.accountSummary = lambda number, *row: told.append(row)
    desk.ib.wrapper.accountSummaryEnd = lambda number: None
    return told


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("tags", "currencies"), [("$LEDGER", {"BASE"}), ("$LEDGER:USD", {"USD"}), ("$LEDGER:ALL", {"BASE", "USD"})]
)
def test_ledgers_are_those_of_all_accounts_together(tags: str, currencies: set[str], version: int) -> None:
    """One ledger by currency, of the group, with the money of both accounts."""

    async def story(desk: Desk) -> None:
        told = rows(desk)
        desk.ib.client.reqAccountSummary(90, "All", tags)
        await desk.pause(15)
        assert {currency for _, _, _, currency in told} == currencies
        assert {account for account, _, _, _ in told} == {"All"}
        money = {(key, currency): value for _, key, value, currency in told}
        assert {money["TotalCashBalance", currency] for currency in currencies} == {"400000.00"}
        assert {money["ExchangeRate", currency] for currency in currencies} == {"1.00"}

    play(story, version=version, accounts={"DU1": 300_000.0, "DU2": 100_000.0})


def test_a_summary_has_the_tags_asked_for_and_goes_on_with_what_changes() -> None:
    """Unknown tags are left out; every account has its row; afterwards only rows that changed come."""

    async def story(desk: Desk) -> None:
        told = rows(desk)
        desk.ib.client.reqAccountSummary(90, "All", "NetLiquidation,AccountType,NoSuchTag,Cushion")
        await desk.pause(1)
        assert [key for _, key, _, _ in told] == ["AccountType", "Cushion", "NetLiquidation"]
        await holding(desk)
        later = told[3:]
        assert {key for _, key, _, _ in later} == {"NetLiquidation", "Cushion"}

    play(story)


def test_two_summaries_are_the_most() -> None:
    """The third is refused (322) until one is cancelled; a group that does not exist is 321, an id in use 322."""

    async def story(desk: Desk) -> None:
        rows(desk)
        ask = desk.ib.client.reqAccountSummary
        for number in (90, 91, 92, 90):
            ask(number, "All", "NetLiquidation")
        ask(93, "friends", "NetLiquidation")
        await desk.pause(1)
        assert [(number, code) for number, code, _ in desk.errors[-3:]] == [(92, 322), (90, 322), (93, 321)]
        desk.codes()
        desk.ib.client.cancelAccountSummary(90)
        ask(92, "All", "NetLiquidation")
        desk.ib.client.cancelAccountSummary(99)
        await desk.pause(1)
        assert desk.codes() == [300]

    play(story)


# positions -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", VERSIONS)
def test_positions_of_one_account_come_and_go_on(version: int) -> None:
    """Those held, the end, then each change; another account's are not told, a model has none."""

    async def story(desk: Desk) -> None:
        told: list[tuple[int, str, float]] = []
        ends: list[int] = []
        desk.ib.wrapper.positionMulti = lambda number, account, model, contract, held, cost: told.append(
            (number, account, held)
        )
        desk.ib.wrapper.positionMultiEnd = ends.append
        desk.ib.placeOrder(SPY, MarketOrder("BUY", 10, account="DU2", tif="DAY"))
        await desk.pause(30)
        for number, account, model in ((90, "DU1", ""), (91, "DU2", ""), (92, "DU2", "Growth"), (93, "DU3", "")):
            desk.ib.client.reqPositionsMulti(number, account, model)
        await desk.pause(15)
        assert (told, ends) == ([(91, "DU2", 10.0)], [90, 91, 92])
        assert desk.codes() == [321]
        desk.ib.placeOrder(SPY, MarketOrder("BUY", 5, account="DU2", tif="DAY"))
        desk.ib.placeOrder(SPY, MarketOrder("BUY", 7, account="DU1", tif="DAY"))
        await desk.pause(30)
        assert sorted(told[1:]) == [(90, "DU1", 7.0), (91, "DU2", 15.0)]
        desk.ib.client.cancelPositionsMulti(91)
        desk.ib.placeOrder(SPY, MarketOrder("SELL", 5, account="DU2", tif="DAY"))
        await desk.pause(30)
        assert len(told) == 3

    play(story, version=version, accounts={"DU1": 300_000.0, "DU2": 100_000.0})


# profit ----------------------------------------------------------------------------------------------
def total(numbers: Iterable[float]) -> float:
    return sum(numbers)


def test_profits_of_positions_add_up_to_that_of_the_account() -> None:
    """Daily, realised and unrealised, on the day of the trades, after one position is closed, and on the next day."""

    async def story(desk: Desk) -> None:
        ib = desk.ib
        spy, put, vx = await holding(desk)
        whole = ib.reqPnL(ib.managedAccounts()[0])
        singles = [ib.reqPnLSingle(ib.managedAccounts()[0], "", contract.conId) for contract in (spy, put, vx)]
        days = desk.gateway.world.days
        await desk.pause(1800)
        for moment in (desk.now + timedelta(minutes=10), days[1].open_at + timedelta(minutes=30)):
            await desk.until(moment)
            assert total(one.dailyPnL for one in singles) == pytest.approx(whole.dailyPnL, abs=0.05)
            assert total(one.unrealizedPnL for one in singles) == pytest.approx(whole.unrealizedPnL, abs=0.05)
            assert total(one.realizedPnL for one in singles) == pytest.approx(whole.realizedPnL, abs=0.05)
            assert whole.dailyPnL != 0.0
            ib.placeOrder(put, MarketOrder("SELL", 1, tif="DAY"))
            await desk.pause(60)
        assert [one.position for one in singles] == [100, 0, 3]
        assert singles[1].value == 0.0
        assert singles[0].value == pytest.approx(100 * ib.portfolio()[0].marketPrice, rel=0.02)
        assert total(one.dailyPnL for one in singles) == pytest.approx(whole.dailyPnL, abs=0.05)

    play(story, tick_s=60.0)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_day_counts_from_the_evening_before(version: int) -> None:
    """What a position gains overnight belongs to the new day's profit."""

    async def story(desk: Desk) -> None:
        days = desk.gateway.world.days
        (spy,) = await desk.ib.qualifyContractsAsync(SPY)
        desk.ib.placeOrder(spy, MarketOrder("BUY", 100, tif="DAY"))
        single = desk.ib.reqPnLSingle(desk.ib.managedAccounts()[0], "", spy.conId)
        await desk.until(days[0].close_at)
        evening = single.value
        await desk.until(days[1].open_at + timedelta(minutes=5))
        assert single.dailyPnL == pytest.approx(single.value - evening, abs=0.02)
        assert single.dailyPnL != 0.0

    play(story, after=timedelta(hours=5), tick_s=60.0, version=version)


def test_profit_that_cannot_be_had() -> None:
    """An account not served is 321, a contract that does not exist 200, an id not in use 300."""

    async def story(desk: Desk) -> None:
        client = desk.ib.client
        client.reqPnLSingle(90, "DU999", "", 756733)
        client.reqPnLSingle(91, "", "", 12345)
        client.cancelPnLSingle(92)
        await desk.pause(1)
        assert desk.codes() == [321, 200, 300]

    play(story)
