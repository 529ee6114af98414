"""Every way an order message is refused: the code, the status afterwards, and that nothing is left working."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.conformance.library import LimitOrder, MarketOrder, Option, Order, cancel_number, library, refused, soon
from tests.conformance.trader import Trader, until


class Wrong(NamedTuple):
    """A bad order: which contract, which order, the codes a gateway answers with."""

    contract: Callable[[Trader], Any]
    order: Callable[[], Any]
    codes: set[int]


def _condor(trader: Trader) -> Any:
    return trader.condor()


def _put(trader: Trader) -> Any:
    return trader.options[1]


def _per_leg() -> Any:
    order = Order(action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=-40.0, tif="DAY")
    order.orderComboLegs = [library.OrderComboLeg(price) for price in (1.0, 2.0, 3.0, 4.0)]
    return order


def _non_guaranteed() -> Any:
    order = Order(action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=-40.0, tif="DAY")
    order.smartComboRoutingParams = [library.TagValue("NonGuaranteed", "1")]
    return order


def _bag(trader: Trader, change: Callable[[list[Any]], list[Any]]) -> Any:
    bag = trader.condor()
    bag.comboLegs = change(bag.comboLegs)
    return bag


WRONG = {
    "too large for the account": Wrong(_condor, lambda: LimitOrder("BUY", 5000, -40.0), {201}),
    "an index": Wrong(lambda t: t.spx, lambda: LimitOrder("BUY", 1, 10.0), {201, 412}),
    "off the grid, combination": Wrong(_condor, lambda: LimitOrder("BUY", 1, -40.03), {110}),
    "off the grid, single": Wrong(_put, lambda: LimitOrder("BUY", 1, 0.07), {110}),
    "prices per leg": Wrong(_condor, _per_leg, {10058}),
    "not guaranteed": Wrong(_condor, _non_guaranteed, {321, 387, 10043}),
    "no legs": Wrong(lambda t: _bag(t, lambda legs: []), lambda: LimitOrder("BUY", 1, -40.0), {321}),
    "a leg twice": Wrong(lambda t: _bag(t, lambda legs: [*legs, legs[0]]), lambda: LimitOrder("BUY", 1, -40.0), {321}),
    "no such contract": Wrong(
        lambda t: Option("SPX", "20350101", 5000.0, "P", "SMART"), lambda: LimitOrder("BUY", 1, 1.0), {200}
    ),
    "an ambiguous contract": Wrong(
        lambda t: Option("SPX", t.expiry, exchange="SMART"), lambda: LimitOrder("BUY", 1, 1.0), {200}
    ),
    "a part of a contract": Wrong(_put, lambda: LimitOrder("BUY", 0.5, 1.0), {321, 10243}),
    "quantity zero": Wrong(_put, lambda: LimitOrder("BUY", 0, 1.0), {321, 434}),
    "a price that is no number": Wrong(_put, lambda: LimitOrder("BUY", 1, float("nan")), {320, 321}),
    "another account": Wrong(_put, lambda: LimitOrder("BUY", 1, 1.0, account="U7654321"), {321}),
    "neither buy nor sell": Wrong(_put, lambda: LimitOrder("HOLD", 1, 1.0), {321}),
    "electronic only": Wrong(_put, lambda: LimitOrder("BUY", 1, 1.0, eTradeOnly=True), {10268}),
    "firm quotes only": Wrong(_put, lambda: LimitOrder("BUY", 1, 1.0, firmQuoteOnly=True), {10269}),
    "an unknown order type": Wrong(_put, lambda: Order(action="BUY", totalQuantity=1, orderType="WISH"), {387, 321}),
    "an unknown validity": Wrong(_put, lambda: LimitOrder("BUY", 1, 1.0, tif="EON"), {10052, 321}),
}


@pytest.mark.parametrize("name", sorted(WRONG))
async def test_a_bad_order_is_refused_with_its_code(name: str, trader: Trader, expected: set[int | str]) -> None:
    """The error carries the order's id and IB's code; the order does not work."""
    wrong = WRONG[name]
    expected |= wrong.codes
    trade = trader.place(wrong.contract(trader), wrong.order())
    await until(lambda: trader.codes(trade.order.orderId), f"an error for {name}")
    assert trader.codes(trade.order.orderId)[0] in wrong.codes
    working = [one.order.orderId for one in await soon(trader.ib.reqOpenOrdersAsync()) if one.order.permId]
    assert trade.order.orderId not in working
    assert trade.fills == []


async def test_a_what_if_that_would_be_refused_says_so(trader: Trader, expected: set[int | str]) -> None:
    """The reason comes as an error for the question; there is no margin answer."""
    expected |= {110, 201}
    assert not await refused(trader.ib.whatIfOrderAsync(trader.condor(), LimitOrder("BUY", 1, -40.03)))
    await trader.heard(110)


async def test_an_order_id_is_used_once(trader: Trader, expected: set[int | str]) -> None:
    """103 for a number whose order is over."""
    expected |= {103, 202}
    trade = await trader.placed(trader.condor(), trader.resting(1))
    trader.ib.cancelOrder(trade.order)
    await until(trade.isDone, "the cancel")
    again = trader.resting(1, orderId=trade.order.orderId)
    trader.ib.client.placeOrder(trade.order.orderId, trader.condor(), again)
    await trader.heard(103, trade.order.orderId)


async def test_a_filled_order_cannot_be_modified_or_cancelled(trader: Trader, expected: set[int | str]) -> None:
    """104 (or 103) for the change, 161 or 10148 for the cancel, with the state in the text; the fill stays."""
    expected |= {103, 104, 161, 10148}
    trade = await trader.placed(trader.condor(), await trader.buying(1), "Filled")
    number = trade.order.orderId
    trader.ib.client.placeOrder(number, trader.condor(), trader.resting(1, orderId=number))
    await until(lambda: set(trader.codes(number)) & {103, 104}, "the refusal of the change")
    cancel_number(trader.ib, number)
    await until(lambda: set(trader.codes(number)) & {161, 10148}, "the refusal of the cancel")
    text = next(text for request, code, text in trader.errors if request == number and code in (161, 10148))
    assert "Filled" in text
    assert trade.orderStatus.status == "Filled"


async def test_a_modification_keeps_contract_and_side(trader: Trader, expected: set[int | str]) -> None:
    """105 for another side; the original order works on."""
    expected |= {105, 202, 329}
    trade = await trader.placed(trader.condor(), trader.resting(1))
    changed = LimitOrder("SELL", 1, 40.0, tif="DAY", orderId=trade.order.orderId)
    trader.ib.client.placeOrder(trade.order.orderId, trader.condor(), changed)
    await trader.heard(105, trade.order.orderId)
    still = [one.order.permId for one in await soon(trader.ib.reqOpenOrdersAsync())]
    assert trade.order.permId in still
    trader.ib.reqGlobalCancel()
    await trader.heard(202, trade.order.orderId)


async def test_a_cancel_of_nothing_is_refused(trader: Trader, expected: set[int | str]) -> None:
    """135 or 10147 for a number that no order has."""
    expected |= {135, 10147}
    cancel_number(trader.ib, 987_654)
    await until(lambda: set(trader.codes(987_654)) & {135, 10147}, "the refusal")


async def test_only_client_zero_binds_orders(trader: Trader, expected: set[int | str]) -> None:
    """327 for everybody else."""
    expected.add(327)
    trader.ib.client.reqAutoOpenOrders(True)
    await trader.heard(327)


async def test_a_request_nobody_knows_is_named(trader: Trader, expected: set[int | str]) -> None:
    """505 with the number of the message, for a number the protocol does not have."""
    expected.add(505)
    trader.ib.client.send(250, 1, 2)
    assert "250" in await trader.heard(505)


async def test_a_message_with_missing_fields_is_answered(trader: Trader, expected: set[int | str]) -> None:
    """320 names the message and the field; the connection lives on."""
    expected.add(320)
    trader.ib.client.send(9, 8, 77_001, 0, "SPX")
    assert "reqContractDetails" in await trader.heard(320, 77_001)
    assert await soon(trader.ib.reqCurrentTimeAsync())


async def test_nothing_is_left_working_by_refused_orders(trader: Trader, expected: set[int | str]) -> None:
    """A market order for more than the account can carry is Inactive or Cancelled, and not among the open orders."""
    expected |= {201, 202}
    trade = trader.place(trader.options[1], MarketOrder("SELL", 5000, tif="DAY"))
    await trader.heard(201, trade.order.orderId)
    await until(lambda: trade.orderStatus.status in ("Inactive", "Cancelled"), "the end")
    assert trade.order.orderId not in [one.order.orderId for one in await soon(trader.ib.reqOpenOrdersAsync())]
