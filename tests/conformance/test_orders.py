"""The life of a combination: asked about, placed, modified, filled in parts and whole, cancelled, seen by others."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sim.testing import RunningGateway
from tests.conformance import library
from tests.conformance.library import ExecutionFilter, LimitOrder, MarketOrder, soon
from tests.conformance.trader import WINGS, Trader, until

UNSET = 1e300


async def test_what_if_tells_margin_and_commission_and_places_nothing(trader: Trader) -> None:
    """A condor needs no more than the width of one side; before, change and after add up; no order is left behind."""
    open_before = await soon(trader.ib.reqAllOpenOrdersAsync())
    state = await soon(trader.ib.whatIfOrderAsync(trader.condor(), LimitOrder("BUY", 1, -5.0)))
    texts = (state.initMarginBefore, state.initMarginChange, state.initMarginAfter)
    before, change, after = (float(text) for text in texts)
    assert after == pytest.approx(before + change, abs=0.01)
    assert 0.0 < change <= 5000.0
    assert 2.0 < state.commission < 10.0
    assert len(await soon(trader.ib.reqAllOpenOrdersAsync())) == len(open_before)


async def test_an_order_rests_is_modified_and_is_cancelled(trader: Trader, expected: set[int | str]) -> None:
    """One permanent id through all of it; the open order shows the new price; 202 says that it is over."""
    expected.add(202)
    trade = await trader.placed(trader.condor(), trader.resting(2, orderRef="rest"))
    permanent = trade.order.permId
    assert permanent > 0
    assert (trade.orderStatus.filled, trade.orderStatus.remaining) == (0.0, 2.0)
    trade.order.lmtPrice = -39.0
    trader.place(trade.contract, trade.order)
    await until(lambda: "Modified" in [entry.message for entry in trade.log], "the modification")
    open_now = await soon(trader.ib.reqAllOpenOrdersAsync())
    (seen,) = [one for one in open_now if one.order.permId == permanent]
    assert (seen.order.lmtPrice, seen.order.orderRef, seen.order.tif) == (-39.0, "rest", "DAY")
    assert [leg.conId for leg in seen.contract.comboLegs] == [option.conId for option in trader.options]
    trader.ib.cancelOrder(trade.order)
    await until(lambda: trade.orderStatus.status == "Cancelled", "the cancel")
    await trader.heard(202, trade.order.orderId)
    done = await soon(trader.ib.reqCompletedOrdersAsync(False))
    assert permanent in [one.order.permId for one in done]
    assert trade.fills == []


async def test_a_combination_fills_leg_by_leg_with_a_summary_of_its_own(trader: Trader) -> None:
    """Five executions, one of the BAG at the net price; commissions on the legs; the positions match."""
    before = {p.contract.conId: p.position for p in trader.ib.positions()}
    trade = await trader.placed(trader.condor(), await trader.buying(3, orderRef="fill"), "Filled")
    legs = [fill for fill in trade.fills if fill.contract.secType == "OPT"]
    bags = [fill for fill in trade.fills if fill.contract.secType == "BAG"]
    await until(lambda: all(fill.commissionReport.execId for fill in legs), "commissions")
    assert sum(fill.execution.shares for fill in bags) == 3.0
    for option, (_, _, action) in zip(trader.options, WINGS, strict=True):
        mine = [fill for fill in legs if fill.contract.conId == option.conId]
        assert sum(fill.execution.shares for fill in mine) == 3.0
        assert {fill.execution.side for fill in mine} == {"BOT" if action == "BUY" else "SLD"}
        assert {fill.execution.permId for fill in mine} == {trade.order.permId}
        assert {fill.execution.orderRef for fill in mine} == {"fill"}
    paid = sum(fill.execution.price * fill.execution.shares * _sign(fill) for fill in legs)
    net = sum(fill.execution.price * fill.execution.shares for fill in bags)
    assert paid == pytest.approx(net, abs=0.011)
    assert trade.orderStatus.avgFillPrice == pytest.approx(net / 3.0, abs=0.011)
    assert net / 3.0 <= trade.order.lmtPrice + 1e-9
    assert all(1.0 < fill.commissionReport.commission < 10.0 for fill in legs)
    after = {p.contract.conId: p.position for p in await soon(trader.ib.reqPositionsAsync())}
    moved = [after.get(one.conId, 0.0) - before.get(one.conId, 0.0) for one in trader.options]
    assert moved == [3.0, -3.0, -3.0, 3.0]


def _sign(fill: Any) -> int:
    return 1 if fill.execution.side == "BOT" else -1


async def test_a_market_order_and_a_single_leg_fill(trader: Trader) -> None:
    """One put bought at the market, sold again at a limit the market takes; the realised profit is reported."""
    put = trader.options[1]
    bought = await trader.placed(put, MarketOrder("BUY", 1, tif="DAY"), "Filled")
    assert bought.fills[0].execution.price > 0.0
    bid, _ = await trader.quoted(put)
    sold = await trader.placed(put, LimitOrder("SELL", 1, max(round(bid * 2, 0) / 2 - 2.0, 0.5), tif="DAY"), "Filled")
    await until(lambda: sold.fills[0].commissionReport.execId, "the commission")
    assert sold.fills[0].commissionReport.realizedPNL < UNSET


async def test_executions_are_replayed_with_a_filter(trader: Trader) -> None:
    """The day's executions again, each with its commission; side and class can be asked for."""
    trade = await trader.placed(trader.condor(), await trader.buying(1), "Filled")
    fills = await soon(trader.ib.reqExecutionsAsync())
    mine = [fill for fill in fills if fill.execution.permId == trade.order.permId]
    assert [fill.contract.secType for fill in mine].count("OPT") == 4
    sold = await soon(trader.ib.reqExecutionsAsync(ExecutionFilter(secType="OPT", side="SELL")))
    assert {fill.execution.side for fill in sold} == {"SLD"}
    assert {fill.contract.secType for fill in sold} == {"OPT"}
    assert await soon(trader.ib.reqExecutionsAsync(ExecutionFilter(symbol="VIX"))) == []


async def test_orders_belong_to_their_client(trader: Trader, gateway: RunningGateway, expected: set[int | str]) -> None:
    """Another client sees the order, cannot cancel it by its number, and can end everything."""
    expected |= {10147, 135, 202}
    trade = await trader.placed(trader.condor(), trader.resting(1, orderRef="mine"))
    other = library.fresh_library()
    codes: list[int] = []
    other.errorEvent += lambda request, code, text, contract: codes.append(code)
    await other.connectAsync("127.0.0.1", gateway.port, clientId=905)
    assert trade.order.permId not in [one.order.permId for one in other.openTrades()]
    seen = [one for one in await soon(other.reqAllOpenOrdersAsync()) if one.order.permId == trade.order.permId]
    assert [(one.order.orderRef, one.order.clientId) for one in seen] == [("mine", trader.ib.client.clientId)]
    library.cancel_number(other, trade.order.orderId)
    await until(lambda: set(codes) & {10147, 135}, "the refusal")
    assert trade.orderStatus.status == "Submitted"
    other.reqGlobalCancel()
    await until(lambda: trade.orderStatus.status == "Cancelled", "the global cancel")
    other.disconnect()


async def test_several_orders_at_once_keep_apart(trader: Trader, expected: set[int | str]) -> None:
    """Ten orders sent together: ten permanent ids, each with its own reference."""
    expected.add(202)
    trades = [trader.place(trader.condor(), trader.resting(1, orderRef=f"many-{n}")) for n in range(10)]
    await until(lambda: all(one.orderStatus.status == "Submitted" for one in trades), "ten working orders")
    assert len({one.order.permId for one in trades}) == 10
    for trade in trades:
        trader.ib.cancelOrder(trade.order)
    await until(lambda: all(one.isDone() for one in trades), "ten cancels")
    assert [one.order.orderRef for one in trades] == [f"many-{n}" for n in range(10)]
