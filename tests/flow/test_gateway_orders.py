"""What the unmodified client sees of orders: status sequences, refusals, brackets, bindings, replays, accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ib_insync import IB, LimitOrder, MarketOrder, Order, Stock, StopOrder, TagValue  # noqa: TID251 - client under test

from bot.sim.order_terms import OrderType, TimeInForce
from bot.sim.types import Leg, OrderTicket, Side
from bot.sim.venue import BrokerRules
from bot.sim.venue.back_office import CashReason
from tests.flow.faulty_day import Day, play
from tests.sim.venue.ledger_schema import trouble

SPY = Stock("SPY", "SMART", "USD")


def tap(day: Day) -> list[tuple[str, str]]:
    """Every message about orders in the order received, before the library makes sense of it: (message, status)."""
    seen: list[tuple[str, str]] = []
    wrapper = day.ib.wrapper

    def of(name: str, describe: Callable[..., str]) -> None:
        heard = getattr(wrapper, name)

        def both(*arguments: Any) -> Any:
            seen.append((name, describe(*arguments)))
            return heard(*arguments)

        setattr(wrapper, name, both)

    of("openOrder", lambda *told: str(told[3].status))
    of("orderStatus", lambda *told: str(told[1]))
    of("execDetails", lambda *told: str(told[1].secType))
    of("commissionReport", lambda *told: str(told[0].currency))
    of("error", lambda *told: str(told[1]))
    return seen


# sequences -------------------------------------------------------------------------------------------
def test_a_market_order_tells_the_sequence_of_a_real_gateway() -> None:
    """PreSubmitted, execution, Filled without and then with its commission, and the report; never Submitted."""

    async def story(day: Day) -> None:
        seen = tap(day)
        contract = day.option()
        day.ib.placeOrder(contract, MarketOrder("BUY", 1, tif="DAY"))
        await day.wait(3)
        assert seen == [
            ("openOrder", "PreSubmitted"), ("orderStatus", "PreSubmitted"),
            ("execDetails", "OPT"),
            ("openOrder", "Filled"), ("orderStatus", "Filled"),
            ("openOrder", "Filled"), ("orderStatus", "Filled"),
            ("commissionReport", "USD"),
        ]  # fmt: skip
        (fill,) = day.ib.fills()
        assert fill.execution.lastLiquidity == 2
        assert fill.commissionReport.commission == pytest.approx(1.81)

    play(story)


def test_a_resting_combination_is_submitted_then_cancelled_with_202() -> None:
    """PreSubmitted, Submitted with the next look, Cancelled by status alone, then the notice."""

    async def story(day: Day) -> None:
        seen = tap(day)
        trade = day.place()
        await day.wait()
        day.ib.cancelOrder(trade.order)
        await day.wait()
        assert seen == [
            ("openOrder", "PreSubmitted"), ("orderStatus", "PreSubmitted"),
            ("openOrder", "Submitted"), ("orderStatus", "Submitted"),
            ("orderStatus", "Cancelled"), ("error", "202"),
        ]  # fmt: skip

    play(story)


def test_a_combination_fill_tells_its_legs_its_own_and_their_commissions() -> None:
    """Four legs and the BAG share the middle of their ids; commissions only of the legs, after Filled."""

    async def story(day: Day) -> None:
        seen = tap(day)
        combo = day.condor()
        _, ask = day.venue.bag_quote(day.legs)
        day.ib.placeOrder(combo, LimitOrder("BUY", 1, ask, tif="DAY"))
        await day.wait(3)
        kinds = [name if name != "execDetails" else f"execDetails {what}" for name, what in seen]
        filled = kinds.index("execDetails OPT")
        assert kinds[filled : filled + 5] == ["execDetails OPT"] * 4 + ["execDetails BAG"]
        assert kinds[-4:] == ["commissionReport"] * 4
        assert kinds[-6:-4] == ["openOrder", "orderStatus"]
        ids = {fill.execution.execId.rsplit(".", 2)[0] for fill in day.ib.fills()}
        assert len(ids) == 1
        net = sum((1 if f.execution.side == "BOT" else -1) * f.execution.price for f in day.ib.fills()[:4])
        assert net == pytest.approx(day.ib.fills()[4].execution.price)

    play(story)


def test_a_stop_is_held_for_its_trigger_and_a_trail_shows_where_it_stands() -> None:
    """whyHeld is `trigger`; the trailing stop's price in openOrder follows the market."""

    async def story(day: Day) -> None:
        (spy,) = await day.ib.qualifyContractsAsync(SPY)
        level = day.venue.index_level(day.venue.spec(spy.conId)).last
        stop = day.ib.placeOrder(spy, StopOrder("SELL", 10, round(level * 0.8, 2), tif="DAY"))
        trail = day.ib.placeOrder(spy, Order(action="SELL", totalQuantity=10, orderType="TRAIL", auxPrice=50.0))
        await day.wait()
        assert (stop.orderStatus.status, stop.orderStatus.whyHeld) == ("PreSubmitted", "trigger")
        other = IB()
        await day.connect(other, 2)
        (told,) = [t.order for t in await other.reqAllOpenOrdersAsync() if t.order.orderType == "TRAIL"]
        assert told.trailStopPrice == pytest.approx(level - 50.0, abs=1.0)
        assert (told.permId, told.auxPrice) == (trail.order.permId, 50.0)
        other.disconnect()

    play(story)


# brackets and groups ---------------------------------------------------------------------------------
def test_a_bracket_from_the_library_works_as_one() -> None:
    """`IB.bracketOrder`: silent until the last, children held, released by the fill, one cancels the other."""

    async def story(day: Day) -> None:
        (spy,) = await day.ib.qualifyContractsAsync(SPY)
        level = day.venue.index_level(day.venue.spec(spy.conId)).last
        far = round(level * 0.5, 2)
        orders = day.ib.bracketOrder("BUY", 100, round(level + 1, 2), round(level * 2, 2), far, tif="GTC")
        trades = [day.ib.placeOrder(spy, order) for order in orders]
        await day.wait(0.001)
        assert [trade.orderStatus.whyHeld for trade in trades] == ["", "child", "child,trigger"]
        await day.wait(20)
        assert [trade.orderStatus.status for trade in trades] == ["Filled", "Submitted", "PreSubmitted"]
        other = IB()
        await day.connect(other, 2)
        groups = {(t.order.parentId, t.order.ocaGroup, t.order.ocaType) for t in await other.reqAllOpenOrdersAsync()}
        assert groups == {(orders[0].orderId, str(trades[0].order.permId), 3)}
        other.disconnect()
        day.ib.cancelOrder(trades[1].order)
        await day.wait()
        assert [trade.orderStatus.status for trade in trades] == ["Filled", "Cancelled", "Cancelled"]

    play(story)


def test_a_half_sent_bracket_is_not_there() -> None:
    """Without the transmitting order nothing is told, listed or worked."""

    async def story(day: Day) -> None:
        seen = tap(day)
        day.ib.placeOrder(day.option(), LimitOrder("BUY", 1, 1.0, transmit=False, tif="DAY"))
        await day.wait(10)
        assert seen == []
        assert [t for t in await day.ib.reqAllOpenOrdersAsync() if t.order.permId] == []

    play(story)


# refusals --------------------------------------------------------------------------------------------
def _order(**terms: Any) -> Order:
    return Order(**{"action": "BUY", "totalQuantity": 1, "orderType": "LMT", "lmtPrice": 1.0, "tif": "DAY", **terms})


def _adaptive(name: str, value: str) -> Order:
    return _order(algoStrategy="Adaptive", algoParams=[TagValue(name, value)])


REFUSED: dict[str, tuple[Order, int]] = {
    "an order type not simulated": (_order(orderType="PEG MID"), 387),
    "an order type that is none": (_order(orderType="HOPE"), 321),
    "a type not taken for options": (_order(orderType="MOC"), 387),
    "a time in force that is none": (_order(tif="DTC"), 10052),
    "an opening order for an option": (_order(tif="OPG"), 10052),
    "an immediate stop": (_order(orderType="STP", auxPrice=1.0, tif="IOC"), 111),
    "a stop without a price": (_order(orderType="STP"), 403),
    "a stop off the grid": (_order(orderType="STP", auxPrice=1.02), 110),
    "a trailing stop without a distance": (_order(orderType="TRAIL"), 158),
    "a trailing stop of 100 percent": (_order(orderType="TRAIL", trailingPercent=100.0), 159),
    "a trigger method that is none": (_order(triggerMethod=5), 146),
    "a date without a time in force": (_order(goodTillDate="20300101 12:00:00"), 334),
    "a date that is none": (_order(tif="GTD", goodTillDate="tomorrow"), 343),
    "a date that has passed": (_order(tif="GTD", goodTillDate="20100101 12:00:00 US/Eastern"), 334),
    "a part of a contract": (_order(totalQuantity=1.5), 10243),
    "nothing": (_order(totalQuantity=0), 434),
    "less than nothing": (_order(totalQuantity=-1), 321),
    "an amount of money": (_order(cashQty=1000.0), 10244),
    "an allocation": (_order(faGroup="All", faMethod="NetLiq"), 344),
    "a model": (_order(modelCode="m"), 321),
    "an unknown account": (_order(account="DU9"), 321),
    "a scale order": (_order(scaleInitLevelSize=1, scaleSubsLevelSize=1, scalePriceIncrement=0.1), 321),
    "an attached hedge": (_order(hedgeType="D"), 10007),
    "a volatility": (_order(volatility=0.2, volatilityType=2), 371),
    "a discretionary amount": (_order(discretionaryAmt=0.1), 325),
    "another algorithm": (_order(algoStrategy="Vwap", algoParams=[TagValue("maxPctVol", "0.1")]), 442),
    "an algorithm that is none": (_order(algoStrategy="Luck"), 439),
    "a patience that is none": (_adaptive("adaptivePriority", "Never"), 441),
    "an algorithm's unknown parameter": (_adaptive("speed", "1"), 443),
    "a child of nobody": (_order(parentId=999), 10006),
    "a minimum above the size": (_order(minQty=2), 321),
}  # fmt: skip


def test_what_is_not_simulated_or_not_possible_is_refused_with_its_code() -> None:
    """Every refusal names IB's code; nothing works, nothing fills, and the ledger has the message and its refusal."""

    async def story(day: Day) -> None:
        codes = {}
        contract = day.option()
        for name, (order, _) in REFUSED.items():
            trade = day.ib.placeOrder(contract, Order(**{**order.dict(), "orderId": 0}))
            await day.wait(0.05)
            codes[name] = [code for request, code, _ in day.errors if request == trade.order.orderId]
        assert codes == {name: [code] for name, (_, code) in REFUSED.items()}
        assert [t for t in await day.ib.reqAllOpenOrdersAsync() if t.order.permId] == []
        assert day.ib.fills() == []

    day = play(story)
    assert len(day.lines("place")) == len(day.lines("reject")) == len(REFUSED)
    assert all(trouble(line) == "" for line in day.ledger.lines)


def test_the_broker_s_refusals_leave_an_inactive_order() -> None:
    """Margin, riskless combination, both sides of an option: 201, status Inactive, and a place among the completed."""

    async def story(day: Day) -> None:
        combo = day.condor()
        large = day.ib.placeOrder(combo, LimitOrder("BUY", 5000, -20.0, tif="DAY"))
        riskless = day.ib.placeOrder(combo, LimitOrder("BUY", 1, -25.0, tif="DAY"))
        day.ib.placeOrder(combo, LimitOrder("BUY", 1, -20.0, tif="DAY"))
        against = day.ib.placeOrder(day.option(), LimitOrder("BUY", 1, 1.0, tif="DAY"))
        await day.wait()
        for trade, text in ((large, "EQUITY WITH LOAN VALUE"), (riskless, "Riskless"), (against, "both sides")):
            assert trade.orderStatus.status == "Inactive"
            (told,) = [text for request, code, text in day.errors if (request, code) == (trade.order.orderId, 201)]
            assert text in told
        done = await day.ib.reqCompletedOrdersAsync(False)
        assert [trade.orderStatus.status for trade in done] == ["Inactive"] * 3

    play(story)


def test_changes_that_cannot_be_made_leave_the_order_working() -> None:
    """103, 105, 110, 329, 10147 and 10148: the library may believe what it likes, the order is untouched."""

    async def story(day: Day) -> None:
        client, option = day.ib.client, day.option()
        day.cause("hold_fills")
        trade = day.ib.placeOrder(option, LimitOrder("BUY", 1, 1.0, tif="DAY"))
        stop = day.ib.placeOrder(option, Order(action="BUY", totalQuantity=1, orderType="STP", auxPrice=90.0))
        await day.wait()
        number = trade.order.orderId
        client.placeOrder(number, option, LimitOrder("SELL", 1, 1.0, tif="DAY"))
        client.placeOrder(number, option, LimitOrder("BUY", 1, 1.02, tif="DAY"))
        client.placeOrder(stop.order.orderId, option, LimitOrder("BUY", 1, 1.0, tif="DAY"))
        client.cancelOrder(4242)
        await day.wait()
        (listed, _) = sorted(await day.ib.reqAllOpenOrdersAsync(), key=lambda t: t.order.orderId)
        assert (listed.order.action, listed.order.lmtPrice, listed.orderStatus.status) == ("BUY", 1.0, "Submitted")
        client.cancelOrder(number)
        await day.wait()
        client.cancelOrder(number)
        client.placeOrder(number, option, LimitOrder("BUY", 1, 1.0, tif="DAY"))
        await day.wait()
        codes = [(request, code) for request, code, _ in day.errors]
        for expected in (
            (number, 105), (number, 110), (stop.order.orderId, 329), (4242, 10147), (number, 202), (number, 10148),
            (number, 103),
        ):  # fmt: skip
            assert expected in codes

    play(story)


def test_notices_that_end_nothing() -> None:
    """2109, 2161, 10349 and 404: the order works on; the library believes 10349 to be a cancel until told better."""

    async def story(day: Day) -> None:
        option = day.option()
        day.ib.placeOrder(day.condor(), LimitOrder("BUY", 1, -20.0, tif="DAY", outsideRth=True))
        day.ib.placeOrder(option, LimitOrder("SELL", 1, 500.0))
        (spy,) = await day.ib.qualifyContractsAsync(SPY)
        short = day.ib.placeOrder(spy, LimitOrder("SELL", 10, 1000.0, tif="DAY"))
        await day.wait()
        assert {code for _, code, _ in day.errors} == {2109, 10349, 404}
        assert short.orderStatus.whyHeld == "locate"
        assert len([t for t in await day.ib.reqAllOpenOrdersAsync() if t.order.permId]) == 3

    play(story, rules=BrokerRules(tells_tif_preset=True, hard_to_borrow=frozenset({"SPY"})))


# clients ---------------------------------------------------------------------------------------------
def _by_hand(day: Day, limit: float) -> OrderTicket:
    """An order for the condor's short put as a human enters it."""
    day.option()
    legs = (Leg(day.legs[1].spec, 1, Side.BUY),)
    terms = {"order_type": OrderType.LIMIT, "limit": limit, "tif": TimeInForce.DAY}
    return OrderTicket(0, 0, "DU1234567", Side.BUY, 1, legs=legs, is_bag=False, **terms)


def test_client_0_binds_what_was_made_in_tws_and_may_cancel_it() -> None:
    """Unseen by client 1's own list; bound by reqOpenOrders to a negative id, cancelled under it; with auto-bind a new
    one is bound as it comes."""

    async def story(day: Day) -> None:
        first = day.venue.place_manual(_by_hand(day, 1.0))
        assert [t for t in await day.ib.reqOpenOrdersAsync() if t.order.permId == first.perm_id] == []
        zero, bound = IB(), []
        zero.wrapper.orderBound = lambda *numbers: bound.append(numbers)  # type: ignore[method-assign]
        await day.connect(zero, 0)
        await day.wait()
        assert first.ticket.order_id == -1
        assert first.perm_id in {t.order.permId for t in zero.openTrades()}
        assert bound == [(first.perm_id, 0, -1)]
        second = day.venue.place_manual(_by_hand(day, 1.1))
        await day.wait()
        assert second.ticket.order_id == -2
        assert second.perm_id in {t.order.permId for t in zero.openTrades()}
        day.ib.client.cancelOrder(-1)
        zero.client.cancelOrder(-1)
        await day.wait()
        assert (first.status, second.status) == ("Cancelled", "Submitted")
        assert (-1, 10147) in [(request, code) for request, code, _ in day.errors]
        zero.disconnect()

    play(story)


def test_the_master_client_hears_everybody() -> None:
    """Orders, executions and commissions of client 1 arrive at the master without a question."""

    async def story(day: Day) -> None:
        master, heard = IB(), []
        await day.connect(master, 9)
        master.execDetailsEvent += lambda trade, fill: heard.append(fill.contract.secType)
        master.openOrderEvent += lambda trade: heard.append(trade.order.orderRef)
        await day.holding()
        assert heard.count("OPT") == 4
        assert "test" in heard
        master.disconnect()

    play(story, master_client_id=9)


def test_a_client_that_comes_back_finds_its_orders_executions_and_ids() -> None:
    """After a restart the permanent ids are the same, the next id is above every used one, the day is replayed."""

    async def story(day: Day) -> None:
        filled = await day.holding()
        resting = day.place(limit=-20.0)
        await day.wait()
        ids = (filled.order.permId, resting.order.permId)
        day.cause("restart", refuse_s=5.0)
        await day.wait(10)
        again = IB()
        await day.connect(again, 1)
        assert again.client.getReqId() > resting.order.orderId
        (open_trade,) = again.openTrades()
        assert open_trade.order.permId == ids[1]
        assert {fill.execution.permId for fill in again.fills()} == {ids[0]}
        assert all(f.commissionReport.commission > 0 for f in again.fills() if f.contract.secType == "OPT")
        done = await again.reqCompletedOrdersAsync(False)
        assert ids[0] in {trade.order.permId for trade in done}
        again.disconnect()

    play(story)


# accounts --------------------------------------------------------------------------------------------
def test_two_accounts_have_books_of_their_own() -> None:
    """Both are named at the start; an order needs its account (435) and moves no other; positions name theirs."""

    async def story(day: Day) -> None:
        assert day.ib.managedAccounts() == ["DU1", "DU2"]
        option = day.option()
        nowhere = day.ib.placeOrder(option, MarketOrder("BUY", 1, tif="DAY"))
        day.ib.placeOrder(option, MarketOrder("BUY", 1, account="DU2", tif="DAY"))
        await day.wait(3)
        assert (nowhere.order.orderId, 435) in [(request, code) for request, code, _ in day.errors]
        assert [(p.account, p.position) for p in day.ib.positions()] == [("DU2", 1.0)]
        summary = {(v.account, v.tag): v.value for v in await day.ib.accountSummaryAsync()}
        assert float(summary["DU1", "TotalCashValue"]) == 300_000.0
        assert float(summary["DU2", "TotalCashValue"]) < 100_000.0
        assert float(summary["DU1", "BuyingPower"]) == 1_200_000.0

    play(story, accounts={"DU1": 300_000.0, "DU2": 100_000.0})


def test_a_liquidated_account_is_told_by_executions_and_figures() -> None:
    """The client did nothing: orders cancelled, executions marked as liquidation, positions gone."""

    async def story(day: Day) -> None:
        await day.holding(4)
        resting = day.place(limit=-20.0)
        await day.wait()
        office = day.venue.back_office
        office.move_cash(office.account(None), 95_000.0, CashReason.WITHDRAWAL)
        await day.wait(90)
        fills = await day.ib.reqExecutionsAsync()
        assert {fill.execution.liquidation for fill in fills} == {0, 1}
        assert resting.orderStatus.status == "Cancelled"
        assert sum(map(abs, day.held().values())) < 16
        figures = {v.tag: float(v.value) for v in day.ib.accountValues() if v.tag == "ExcessLiquidity"}
        assert figures["ExcessLiquidity"] >= 0.0

    play(story, accounts={"DU1234567": 100_000.0})
