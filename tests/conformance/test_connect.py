"""Connecting and synchronising: what every client does before anything else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.sim.testing import RunningGateway
from tests.conformance import library
from tests.conformance.library import soon
from tests.conformance.trader import until


async def test_a_client_is_synchronised_after_connecting(ib: Any, gateway: RunningGateway, version: int) -> None:
    """Version negotiated, account known, figures downloaded, nothing timed out, time told."""
    assert ib.client.serverVersion() == version
    assert ib.managedAccounts() == [gateway.account]
    figures = {value.tag: value.value for value in ib.accountValues() if value.currency == "USD"}
    assert float(figures["NetLiquidation"]) == pytest.approx(500_000.0, rel=0.05)
    assert {"TotalCashValue", "InitMarginReq", "MaintMarginReq", "ExcessLiquidity", "BuyingPower"} <= set(figures)
    told = str(gateway.tell("clock")["at"])
    now = await soon(ib.reqCurrentTimeAsync())
    assert f"{now:%Y-%m}" == told[:7]


async def test_the_farms_are_announced(gateway: RunningGateway) -> None:
    """2104, 2106 and 2158 come without a request, as notices."""
    ib, codes = library.fresh_library(), []
    ib.errorEvent += lambda request, code, text, contract: codes.append((request, code))
    await ib.connectAsync("127.0.0.1", gateway.port, clientId=901)
    await until(lambda: {(-1, 2104), (-1, 2106), (-1, 2158)} <= set(codes), "the farm notices")
    ib.disconnect()


async def test_client_zero_connects_and_binds(gateway: RunningGateway) -> None:
    """Client 0 asks to bind orders while it connects; it is served like the others."""
    ib = library.fresh_library()
    await ib.connectAsync("127.0.0.1", gateway.port, clientId=0)
    assert ib.isConnected()
    ib.disconnect()


async def test_a_read_only_client_connects(gateway: RunningGateway) -> None:
    """A client that asks for no orders is synchronised too."""
    ib = library.fresh_library()
    await ib.connectAsync("127.0.0.1", gateway.port, clientId=902, readonly=True)
    assert ib.accountValues()
    ib.disconnect()


async def test_connect_options_are_accepted(gateway: RunningGateway, version: int) -> None:
    """Options behind the version range do not disturb the handshake."""
    ib = library.fresh_library()
    ib.client.setConnectOptions("+PACEAPI")
    await ib.connectAsync("127.0.0.1", gateway.port, clientId=903)
    assert ib.client.serverVersion() == version
    ib.disconnect()


async def test_a_used_client_id_is_refused_and_its_holder_untouched(
    ib: Any, gateway: RunningGateway, expected: set[int | str]
) -> None:
    """The newcomer hears 326 and is disconnected; the first client is served on."""
    expected |= {326, *library.LOST_LINK}
    other, codes = library.fresh_library(), []
    other.errorEvent += lambda request, code, text, contract: codes.append(code)
    with pytest.raises((asyncio.TimeoutError, ConnectionError)):
        await other.connectAsync("127.0.0.1", gateway.port, clientId=ib.client.clientId, timeout=0.5)
    assert codes[:1] == [326]
    assert await soon(ib.reqCurrentTimeAsync())


async def test_a_client_that_is_too_old_is_refused_with_the_reason(
    gateway: RunningGateway, expected: set[int | str]
) -> None:
    """A client whose newest version is 151 is told what is spoken here, in an error the library hands on."""
    expected |= {506, *library.LOST_LINK}
    ib, texts = library.fresh_library(), []
    ib.errorEvent += lambda request, code, text, contract: texts.append(text)
    ib.client.MinClientVersion, ib.client.MaxClientVersion = 100, 151
    with pytest.raises((asyncio.TimeoutError, ConnectionError)):
        await ib.connectAsync("127.0.0.1", gateway.port, clientId=904, timeout=0.5)
    assert "157" in texts[0]
    assert "151" in texts[0]


async def test_requests_in_one_burst_are_all_answered(ib: Any) -> None:
    """Forty questions at once give forty answers."""
    spx = library.Index("SPX", "CBOE", "USD")
    found = await soon(asyncio.gather(*(ib.reqContractDetailsAsync(spx) for _ in range(40))))
    assert [len(one) for one in found] == [1] * 40
