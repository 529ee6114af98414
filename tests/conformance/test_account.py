"""Positions, portfolio, account figures, summaries and profit and loss."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sim.testing import RunningGateway
from tests.conformance.library import LimitOrder, soon
from tests.conformance.trader import Trader, until


async def test_positions_and_portfolio_follow_a_fill(trader: Trader, gateway: RunningGateway) -> None:
    """The average cost is per contract; both lists move without being asked again."""
    put = trader.options[0]

    def held(entries: Any) -> float:
        return sum(one.position for one in entries if one.contract.conId == put.conId)

    before, listed = held(trader.ib.positions()), held(trader.ib.portfolio())
    _, ask = await trader.quoted(put)
    trade = await trader.placed(put, _take(ask), "Filled")
    await until(lambda: held(trader.ib.positions()) == before + 2, "the position")
    await until(lambda: held(trader.ib.portfolio()) == listed + 2, "the portfolio")
    line = next(one for one in trader.ib.positions() if one.contract.conId == put.conId)
    assert line.account == gateway.account
    assert line.avgCost > 0.0
    if before == 0:
        paid = trade.orderStatus.avgFillPrice * 100
        assert line.avgCost == pytest.approx(paid, abs=3.0)  # with or without the commission
    item = next(one for one in trader.ib.portfolio() if one.contract.conId == put.conId)
    assert item.marketValue == pytest.approx(item.marketPrice * 100 * item.position, abs=0.02)


def _take(ask: float) -> Any:
    return LimitOrder("BUY", 2, round(ask * 2 + 4) / 2, tif="DAY")


async def test_the_summary_has_the_tags_that_programs_read(ib: Any, gateway: RunningGateway) -> None:
    """Margin and liquidity figures of the account, as numbers."""
    values = {one.tag: one for one in await soon(ib.accountSummaryAsync())}
    wanted = ["NetLiquidation", "TotalCashValue", "InitMarginReq", "MaintMarginReq", "AvailableFunds",
              "ExcessLiquidity", "BuyingPower", "Cushion", "EquityWithLoanValue"]  # fmt: skip
    assert set(wanted) <= set(values)
    assert {values[tag].account for tag in wanted} == {gateway.account}
    net, initial = float(values["NetLiquidation"].value), float(values["InitMarginReq"].value)
    assert net > initial >= 0.0


async def test_account_values_carry_their_currency(ib: Any, gateway: RunningGateway) -> None:
    """reqAccountUpdates and its numbered form tell the same net liquidation."""
    mine = [one for one in ib.accountValues(gateway.account) if one.tag == "NetLiquidation"]
    assert {one.currency for one in mine} == {"USD"}


async def test_profit_and_loss_is_told_and_updated(ib: Any, gateway: RunningGateway) -> None:
    """Daily, unrealised and realised figures come at once."""
    pnl = ib.reqPnL(gateway.account)
    await until(lambda: pnl.unrealizedPnL == pnl.unrealizedPnL, "the figures")
    assert pnl.dailyPnL == pnl.dailyPnL
    assert pnl.realizedPnL == pnl.realizedPnL
    ib.cancelPnL(gateway.account)


async def test_an_unknown_account_is_refused(trader: Trader, expected: set[int | str]) -> None:
    """321 names the accounts that exist."""
    expected.add(321)
    trader.ib.client.reqPnL(88_001, "U7654321", "")
    assert "U7654321" in await trader.heard(321, 88_001)


async def test_a_summary_number_is_used_once(trader: Trader, expected: set[int | str]) -> None:
    """322 for a second summary under one number, 300 for a cancel of none."""
    expected |= {322, 300}
    client = trader.ib.client
    client.reqAccountSummary(88_100, "All", "NetLiquidation")
    client.reqAccountSummary(88_100, "All", "NetLiquidation")
    await trader.heard(322, 88_100)
    client.cancelAccountSummary(88_100)
    client.cancelAccountSummary(88_101)
    await trader.heard(300, 88_101)
