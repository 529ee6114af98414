"""Orders beyond the plain limit: stops and trails that wait, brackets, groups, validities, an algorithm."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.library import LimitOrder, MarketOrder, Order, library, soon
from tests.conformance.trader import Trader, until

WAITING = {
    "stop": {"orderType": "STP", "auxPrice": 2000.0},
    "stop with a limit": {"orderType": "STP LMT", "auxPrice": 2000.0, "lmtPrice": 2010.0},
    "trail by amount": {"orderType": "TRAIL", "auxPrice": 50.0},
    "trail by percent": {"orderType": "TRAIL", "trailingPercent": 10.0},
    "market if touched": {"orderType": "MIT", "auxPrice": 300.0},
    "limit if touched": {"orderType": "LIT", "auxPrice": 300.0, "lmtPrice": 299.0},
}


def _spy() -> Any:
    return library.Stock("SPY", "SMART", "USD")


@pytest.mark.parametrize("name", sorted(WAITING))
async def test_an_order_waits_for_its_trigger(name: str, trader: Trader, expected: set[int | str]) -> None:
    """PreSubmitted, shown with its own prices, and cancelled like any other."""
    expected.add(202)
    order = Order(action="BUY", totalQuantity=10, tif="DAY", **WAITING[name])
    trade = await trader.placed(_spy(), order, "PreSubmitted")
    seen = [one for one in await soon(trader.ib.reqAllOpenOrdersAsync()) if one.order.permId == trade.order.permId]
    assert {one.order.orderType for one in seen} == {order.orderType}, "a trail may be told twice, as it moves"
    if "trailingPercent" in WAITING[name]:
        assert seen[0].order.trailingPercent == 10.0
    trader.ib.cancelOrder(trade.order)
    await until(lambda: trade.orderStatus.status == "Cancelled", "the cancel")


async def test_a_bracket_opens_and_its_children_take_each_other_along(trader: Trader, expected: set[int | str]) -> None:
    """Parent and children are sent together; when the parent has filled the children work; when one goes, both do."""
    expected.add(202)
    spy = _spy()
    _, ask = await trader.quoted(spy)
    buy, gain, stop = trader.ib.bracketOrder("BUY", 10, round(ask + 1.0, 2), round(ask + 50.0, 2),
                                             round(ask - 50.0, 2), tif="DAY")  # fmt: skip
    trades = [trader.place(_spy(), order) for order in (buy, gain, stop)]
    await until(lambda: trades[0].orderStatus.status == "Filled", "the parent's fill")
    await until(lambda: trades[1].orderStatus.status == "Submitted", "the profit taker")
    await until(lambda: trades[2].orderStatus.status == "PreSubmitted", "the stop")
    assert {one.order.parentId for one in trades[1:]} == {buy.orderId}
    trader.ib.cancelOrder(gain)
    await until(lambda: trades[2].orderStatus.status == "Cancelled", "the end of the other child")


async def test_of_a_group_one_fills_and_the_others_go(trader: Trader, expected: set[int | str]) -> None:
    """One cancels all: the fill of one order ends the other."""
    expected.add(202)
    put = trader.options[1]
    _, ask = await trader.quoted(put)
    group = {"tif": "DAY", "ocaGroup": f"either-or-{trader.ib.client.clientId}", "ocaType": 1}
    waiting = await trader.placed(put, LimitOrder("BUY", 1, 0.1, **group))
    await trader.placed(put, LimitOrder("BUY", 1, round(ask * 2 + 4) / 2, **group), "Filled")
    await until(lambda: waiting.orderStatus.status == "Cancelled", "the end of the other")


@pytest.mark.parametrize("tif", ["IOC", "FOK"])
async def test_at_once_or_not_at_all(tif: str, trader: Trader, expected: set[int | str]) -> None:
    """Far from the market such an order is gone immediately; at the market it fills."""
    expected.add(202)
    missed = trader.place(trader.condor(), LimitOrder("BUY", 1, -40.0, tif=tif))
    await until(lambda: missed.orderStatus.status == "Cancelled", "the end")
    assert missed.fills == []
    took = await trader.buying(1)
    took.tif = tif
    await trader.placed(trader.condor(), took, "Filled")


async def test_good_till_cancelled_is_kept(trader: Trader, expected: set[int | str]) -> None:
    """The open order says GTC and comes back in the list of open orders."""
    expected.add(202)
    trade = await trader.placed(trader.condor(), LimitOrder("BUY", 1, -40.0, tif="GTC", orderRef="gtc"))
    seen = [one for one in await soon(trader.ib.reqOpenOrdersAsync()) if one.order.permId == trade.order.permId]
    assert [one.order.tif for one in seen] == ["GTC"]
    trader.ib.cancelOrder(trade.order)
    await until(trade.isDone, "the cancel")


async def test_the_adaptive_algorithm_fills(trader: Trader) -> None:
    """A market order with Adaptive walks to the market and fills."""
    order = MarketOrder("BUY", 10, tif="DAY", algoStrategy="Adaptive")
    order.algoParams = [library.TagValue("adaptivePriority", "Urgent")]
    trade = trader.place(_spy(), order)
    await until(lambda: trade.orderStatus.status == "Filled", "the fill")
    assert trade.orderStatus.filled == 10.0


@pytest.mark.parametrize(("kind", "codes"), [("PEG MID", {387}), ("BOX TOP", {387}), ("VOL", {387, 321})])
async def test_what_is_not_simulated_is_refused_as_such(
    kind: str, codes: set[int], trader: Trader, expected: set[int | str]
) -> None:
    """387 names the order type."""
    expected |= codes
    trade = trader.place(_spy(), Order(action="BUY", totalQuantity=1, orderType=kind, lmtPrice=500.0, tif="DAY"))
    await until(lambda: set(trader.codes(trade.order.orderId)) & codes, "the refusal")
