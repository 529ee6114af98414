"""What survives a connection: orders, executions and numbers; and what belongs to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.sim.testing import RunningGateway
from tests.conformance import library
from tests.conformance.library import LimitOrder, soon
from tests.conformance.process import start_gateway
from tests.conformance.trader import Trader, until


async def test_a_new_connection_finds_everything_again(
    trader: Trader, gateway: RunningGateway, expected: set[int | str]
) -> None:
    """After a restart of the gateway: the working order under its permanent id, the day's fills with commissions, the
    positions, and order numbers that go on."""
    expected |= {202, *library.LOST_LINK}
    ib = trader.ib
    resting = await trader.placed(trader.condor(), trader.resting(2, orderRef="resting"))
    filled = await trader.placed(trader.condor(), await trader.buying(1, orderRef="filled"), "Filled")
    await until(lambda: all(f.commissionReport.execId for f in filled.fills if f.contract.secType == "OPT"), "fees")
    permanent, number, count = resting.order.permId, resting.order.orderId, len(filled.fills)
    gone: list[bool] = []
    ib.disconnectedEvent += lambda: gone.append(True)
    gateway.tell("restart", refuse_s=3.0)
    await until(lambda: bool(gone), "the reset")
    client_id = ib.client.clientId
    for _ in range(200):
        try:
            await ib.connectAsync("127.0.0.1", gateway.port, clientId=client_id)
            break
        except (TimeoutError, ConnectionError):
            await asyncio.sleep(0.02)
    (back,) = [one for one in ib.openTrades() if one.order.permId == permanent]
    assert (back.order.orderRef, back.order.lmtPrice, back.orderStatus.status) == ("resting", -40.0, "Submitted")
    assert [leg.conId for leg in back.contract.comboLegs] == [option.conId for option in trader.options]
    again = [fill for fill in ib.fills() if fill.execution.orderRef == "filled"]
    assert len(again) == count
    assert all(fill.commissionReport.commission > 0.0 for fill in again if fill.contract.secType == "OPT")
    assert {option.conId for option in trader.options} <= {one.contract.conId for one in ib.positions()}
    assert ib.client.getReqId() > number
    ib.cancelOrder(back.order)
    await until(lambda: back.orderStatus.status == "Cancelled", "the cancel by the new connection")


async def test_two_clients_work_side_by_side(trader: Trader, gateway: RunningGateway) -> None:
    """Each hears of its own orders only; both see the positions."""
    other = library.fresh_library()
    await other.connectAsync("127.0.0.1", gateway.port, clientId=906)
    heard: list[Any] = []
    other.openOrderEvent += heard.append
    other.execDetailsEvent += lambda trade, fill: heard.append(fill)
    put = trader.options[3]
    _, ask = await trader.quoted(put)
    held = sum(one.position for one in other.positions() if one.contract.conId == put.conId)
    await trader.placed(put, LimitOrder("BUY", 1, round(ask * 2 + 4) / 2, tif="DAY"), "Filled")
    await until(
        lambda: sum(one.position for one in other.positions() if one.contract.conId == put.conId) == held + 1,
        "the position at the other client",
    )
    assert heard == []
    other.disconnect()


async def test_a_client_that_leaves_frees_its_number(gateway: RunningGateway) -> None:
    """The same client id can connect again at once, as often as it likes."""
    for _ in range(5):
        ib = library.fresh_library()
        await ib.connectAsync("127.0.0.1", gateway.port, clientId=907)
        assert await soon(ib.reqCurrentTimeAsync())
        ib.disconnect()
        await asyncio.sleep(0.02)


@pytest.fixture
async def early(version: int) -> AsyncIterator[tuple[Any, RunningGateway]]:
    """A client at a gateway that stands fifteen minutes before the open."""
    served = start_gateway(version, "--begin", "premarket", "--speed", "10")
    ib = library.fresh_library()
    await ib.connectAsync("127.0.0.1", served.port, clientId=1)
    yield ib, served
    ib.disconnect()
    await asyncio.sleep(0)
    assert served.stop() == ""


async def test_an_order_before_the_open_is_held(early: tuple[Any, RunningGateway], expected: set[int | str]) -> None:
    """399 says until when; the order is PreSubmitted and can be cancelled."""
    expected |= {399, 202}
    ib, _ = early
    spx = library.Index("SPX", "CBOE", "USD")
    await soon(ib.qualifyContractsAsync(spx))
    asked = library.Option("SPX", "", 5500.0, "P", "SMART", tradingClass="SPXW", currency="USD")
    found = await soon(ib.reqContractDetailsAsync(asked))
    put = sorted((one.contract for one in found), key=lambda one: one.lastTradeDateOrContractMonth)[10]
    told: list[tuple[int, int, str]] = []
    ib.errorEvent += lambda request, code, text, contract: told.append((request, code, text))
    trade = ib.placeOrder(put, LimitOrder("BUY", 1, 1.0, tif="DAY"))
    await until(lambda: (trade.order.orderId, 399) in [one[:2] for one in told], "the warning")
    assert "will not be placed" in next(text for _, code, text in told if code == 399)
    (listed,) = await soon(ib.reqAllOpenOrdersAsync())
    assert listed.orderStatus.status in ("PreSubmitted", "ValidationError")
    ib.client.reqGlobalCancel()
    await until(lambda: (trade.order.orderId, 202) in [one[:2] for one in told], "the cancel")


async def test_too_many_messages_are_refused_and_then_the_door_is_shown(
    early: tuple[Any, RunningGateway], expected: set[int | str]
) -> None:
    """More than fifty messages in a second: error 100; the third second of it ends the connection."""
    expected |= {100, *library.LOST_LINK}
    ib, _ = early
    codes: list[int] = []
    ib.errorEvent += lambda request, code, text, contract: codes.append(code)
    gone: list[bool] = []
    ib.disconnectedEvent += lambda: gone.append(True)
    for _ in range(3):
        seen = len(codes)
        for _ in range(80):
            ib.client.reqCurrentTime()
        await until(lambda seen=seen: len(codes) > seen or bool(gone), "error 100")
        await asyncio.sleep(0.12)  # more than a second of market time
    await until(lambda: bool(gone), "the end of the connection")
    assert set(codes) == {100}
