"""What a real gateway does to its clients on a bad day, caused over the control channel and seen by the library."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from bot.sim.testing import RunningGateway
from tests.conformance import library
from tests.conformance.library import LimitOrder, soon
from tests.conformance.trader import Trader, until


@pytest.fixture
def faulty(gateway: RunningGateway) -> Iterator[RunningGateway]:
    """The gateway; whatever the test armed is cleared behind it."""
    yield gateway
    gateway.tell("clear")


# the link and the data ---------------------------------------------------------------------------------
@pytest.mark.parametrize(("then", "code"), [("kept", 1102), ("lost", 1101)])
async def test_upstream_is_lost_and_comes_back(
    then: str, code: int, trader: Trader, faulty: RunningGateway, expected: set[int | str]
) -> None:
    """1100 while the socket stays; then 1102 and quotes go on, or 1101 and nothing comes until it is asked for anew."""
    expected |= {1100, 1101, 1102, 300}
    line = trader.ib.reqMktData(trader.options[0])
    await until(line.hasBidAsk, "a quote")
    faulty.tell("upstream_lost", then=then, for_s=3.0)
    await trader.heard(1100)
    await trader.heard(code)
    assert trader.ib.isConnected()
    seen: list[Any] = []
    line.updateEvent += seen.append
    if then == "kept":
        await until(lambda: seen, "quotes again")
    else:
        await asyncio.sleep(0.1)
        assert seen == []
        trader.ib.cancelMktData(trader.options[0])
        line = trader.ib.reqMktData(trader.options[0])
        await until(line.hasBidAsk, "quotes of the new line")
    trader.ib.cancelMktData(trader.options[0])


@pytest.mark.parametrize("code", [2103, 2104, 2105, 2106, 2107, 2108, 2110, 2157, 2158])
async def test_farm_notices_are_heard(
    code: int, trader: Trader, faulty: RunningGateway, expected: set[int | str]
) -> None:
    """Each notice arrives without a request number and disturbs nothing."""
    expected.add(code)
    faulty.tell("farm_notice", code=code, client=trader.ib.client.clientId)
    await trader.heard(code, -1)
    assert await soon(trader.ib.reqCurrentTimeAsync())


async def test_another_session_takes_the_data(trader: Trader, faulty: RunningGateway, expected: set[int | str]) -> None:
    """10197 on the line, silence, and quotes again when the other session is gone."""
    expected.add(10197)
    line = trader.ib.reqMktData(trader.options[1])
    await until(line.hasBidAsk, "a quote")
    faulty.tell("competing_session", for_s=4.0)
    await trader.heard(10197)
    seen: list[Any] = []
    line.updateEvent += seen.append
    await until(lambda: seen, "quotes again")
    trader.ib.cancelMktData(trader.options[1])


@pytest.mark.parametrize("code", [354, 10089, 10090, 10168, 10186])
async def test_data_without_the_right_to_it_is_refused(
    code: int, trader: Trader, faulty: RunningGateway, expected: set[int | str]
) -> None:
    """The line's own error; the next line is served again."""
    expected.add(code)
    faulty.tell("no_market_data", code=code, times=1)
    trader.ib.reqMktData(trader.options[2])
    await trader.heard(code)
    line = trader.ib.reqMktData(trader.options[3])
    await until(line.hasBidAsk, "a quote of the next line")
    trader.ib.cancelMktData(trader.options[3])


async def test_delayed_data_comes_under_its_own_tick_types(
    trader: Trader, faulty: RunningGateway, expected: set[int | str]
) -> None:
    """10167 says why, the line says type 3, bid and ask come as delayed ticks."""
    expected.add(10167)
    faulty.tell("market_data_rights", rights="delayed", running=False)
    trader.ib.reqMarketDataType(3)
    line = trader.ib.reqMktData(trader.options[1])
    await trader.heard(10167)
    await until(lambda: line.marketDataType == 3 and line.bid == line.bid, "delayed quotes")
    trader.ib.cancelMktData(trader.options[1])


async def test_a_lower_line_limit_holds(trader: Trader, faulty: RunningGateway, expected: set[int | str]) -> None:
    """101 for the line above it."""
    expected.add(101)
    faulty.tell("line_limit", lines=0)
    trader.ib.reqMktData(trader.options[0])
    await trader.heard(101)


@pytest.mark.parametrize("code", [162, 203, 366, 404, 420, 492, 1300, 10147, 2109])
async def test_any_code_reaches_the_client(
    code: int, trader: Trader, faulty: RunningGateway, expected: set[int | str]
) -> None:
    """Number, code and text arrive as they were sent."""
    expected.add(code)
    faulty.tell("error", code=code, text="as on a bad day", id=424_242, client=trader.ib.client.clientId)
    assert await trader.heard(code, 424_242) == "as on a bad day"


async def test_missing_ends_of_lists_do_not_break_the_connect(
    gateway: RunningGateway, faulty: RunningGateway, expected: set[int | str]
) -> None:
    """Without positionEnd the client connects after its timeout and says so in its log."""
    expected.add("positions request timed out")
    faulty.tell("unanswered", list="positions", client=908)
    ib = library.fresh_library()
    await ib.connectAsync("127.0.0.1", gateway.port, clientId=908, timeout=0.5)
    assert ib.isConnected()
    ib.disconnect()


# orders ------------------------------------------------------------------------------------------------
async def test_a_part_fills_and_the_rest_is_cancelled(
    trader: Trader, faulty: RunningGateway, expected: set[int | str]
) -> None:
    """Two of five: each leg in ratio, what remains works until it is cancelled, positions say the same."""
    expected.add(202)
    trade = await trader.placed(trader.condor(), trader.resting(5, orderRef="part"))
    faulty.tell("fill_part", perm_id=trade.order.permId, quantity=2, price_at="limit")
    await until(lambda: trade.orderStatus.filled == 2.0, "two of five")
    assert (trade.orderStatus.remaining, trade.orderStatus.status) == (3.0, "Submitted")
    trader.ib.cancelOrder(trade.order)
    await until(lambda: trade.orderStatus.status == "Cancelled", "the cancel of the rest")
    assert (trade.orderStatus.filled, trade.orderStatus.remaining) == (2.0, 3.0)
    for option in trader.options:
        assert sum(f.execution.shares for f in trade.fills if f.contract.conId == option.conId) == 2.0


async def test_an_order_is_filled_on_command(trader: Trader, faulty: RunningGateway) -> None:
    """At its limit, whole, with its commissions behind it."""
    trade = await trader.placed(trader.condor(), trader.resting(1))
    faulty.tell("fill_now", perm_id=trade.order.permId, price_at="limit")
    await until(lambda: trade.orderStatus.status == "Filled", "the fill")
    legs = [fill for fill in trade.fills if fill.contract.secType == "OPT"]
    await until(lambda: all(fill.commissionReport.execId for fill in legs), "commissions")
    assert trade.orderStatus.avgFillPrice == -40.0


async def test_a_fill_after_the_cancel_is_still_a_fill(
    trader: Trader, faulty: RunningGateway, expected: set[int | str]
) -> None:
    """The cancel is confirmed, and the executions come all the same."""
    expected.add(202)
    trade = await trader.placed(trader.condor(), trader.resting(1))
    faulty.tell("fill_after_cancel", perm_id=trade.order.permId, delay_s=2.0)
    trader.ib.cancelOrder(trade.order)
    await trader.heard(202, trade.order.orderId)
    await until(lambda: len(trade.fills) == 5, "the executions of a cancelled order")


async def test_an_execution_is_corrected(trader: Trader, faulty: RunningGateway) -> None:
    """The correction has the same id but for its last part, and another price."""
    put = trader.options[0]
    _, ask = await trader.quoted(put)
    trade = await trader.placed(put, LimitOrder("BUY", 1, round(ask * 2 + 4) / 2, tif="DAY"), "Filled")
    first = trade.fills[0].execution
    heard: list[Any] = []
    trader.ib.execDetailsEvent += lambda _, fill: heard.append(fill.execution)
    faulty.tell("correct_execution", exec_id=first.execId, price=first.price + 0.5)
    await until(lambda: heard, "the correction")
    assert heard[0].execId.rsplit(".", 1)[0] == first.execId.rsplit(".", 1)[0]
    assert heard[0].execId != first.execId
    assert heard[0].price == pytest.approx(first.price + 0.5)


async def test_a_human_cancels_the_order(trader: Trader, faulty: RunningGateway, expected: set[int | str]) -> None:
    """202 without having asked for it."""
    expected.add(202)
    trade = await trader.placed(trader.condor(), trader.resting(1))
    faulty.tell("cancel_by_human", perm_id=trade.order.permId)
    await trader.heard(202, trade.order.orderId)
    await until(lambda: trade.orderStatus.status == "Cancelled", "the cancel")


async def test_the_next_order_is_rejected(trader: Trader, faulty: RunningGateway, expected: set[int | str]) -> None:
    """201 with the broker's words; the order does not work."""
    expected |= {201, 202}
    faulty.tell("reject_next", code=201, text="Order rejected - reason:No.", status="Inactive")
    trade = trader.place(trader.condor(), trader.resting(1))
    assert "reason:No." in await trader.heard(201, trade.order.orderId)
    await until(lambda: trade.orderStatus.status in ("Inactive", "Cancelled"), "the end")


async def test_an_order_that_nobody_acknowledges_stays_pending(
    trader: Trader, faulty: RunningGateway, expected: set[int | str]
) -> None:
    """Lost on the way: no word about it, and nothing among the open orders."""
    expected |= {135, 202, 10147}
    faulty.tell("never_ack", order="lost", client=trader.ib.client.clientId, times=1)
    trade = trader.place(trader.condor(), trader.resting(1, orderRef="lost"))
    known = await soon(trader.ib.reqAllOpenOrdersAsync())
    assert "lost" not in [one.order.orderRef for one in known if one.order.permId]
    assert trade.orderStatus.status == "PendingSubmit"
    assert trade.order.permId == 0


async def test_a_trade_by_hand_moves_the_positions(trader: Trader, faulty: RunningGateway) -> None:
    """What a human does in TWS is seen by everybody who watches positions."""
    put = trader.options[3]

    def held() -> float:
        return sum(one.position for one in trader.ib.positions() if one.contract.conId == put.conId)

    before = held()
    faulty.tell("manual_trade", con_id=put.conId, side="BUY", quantity=2)
    await until(lambda: held() == before + 2, "the position")


async def test_a_halt_is_told_and_lifted(trader: Trader, faulty: RunningGateway) -> None:
    """Tick 49 turns to 1 and back to 0."""
    line = trader.ib.reqMktData(trader.options[0])
    await until(lambda: line.halted == 0.0, "trading")
    faulty.tell("halt", con_id=trader.options[0].conId, kind="general", for_s=3.0)
    await until(lambda: line.halted == 1.0, "the halt")
    await until(lambda: line.halted == 0.0, "the end of the halt")
    trader.ib.cancelMktData(trader.options[0])


async def test_quotes_vanish_and_come_back(trader: Trader, faulty: RunningGateway) -> None:
    """Nobody quotes: -1 on both sides, which no client takes for a price; then a market again."""
    line = trader.ib.reqMktData(trader.options[2])
    await until(line.hasBidAsk, "a quote")
    faulty.tell("odd_quotes", how="no_quote", con_id=trader.options[2].conId, for_s=4.0)
    await until(lambda: not line.hasBidAsk(), "the empty market")
    await until(line.hasBidAsk, "a market again")
    trader.ib.cancelMktData(trader.options[2])


async def test_what_if_that_is_refused_by_the_broker(
    trader: Trader, faulty: RunningGateway, expected: set[int | str]
) -> None:
    """The error carries the question's number and there is no margin answer."""
    expected.add(201)
    faulty.tell("what_if", answer="error", code=201, client=trader.ib.client.clientId)
    answer = await library.refused(trader.ib.whatIfOrderAsync(trader.condor(), trader.resting(1)))
    assert not answer
    await trader.heard(201)
