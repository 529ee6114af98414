"""What `condor gateway` can be told: accounts, limits, the master client, a fault script; over TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ib_insync import IB, Contract, LimitOrder, Option  # noqa: TID251 - the client under test

from bot.cli.worlds import WorldChoice, gateway_for
from bot.sim.faults.script import read_file
from bot.sim.gateway import SimulatedGateway
from tests.sim.faults.raw import HELLO, Raw, said


@asynccontextmanager
async def served(**options: Any) -> AsyncIterator[SimulatedGateway]:
    choice = WorldChoice("calm", None, None, None, 7, 1.0, None)
    world = choice.build()
    gateway = gateway_for(
        choice, world, None, host="127.0.0.1", port=0, control=("127.0.0.1", 0), begin=world.days[0].open_at, **options
    )
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


async def connected(gateway: SimulatedGateway, client_id: int) -> IB:
    ib = IB()
    ib.RequestTimeout = 20
    await ib.connectAsync("127.0.0.1", gateway.port, clientId=client_id)
    return ib


async def until(true: Any) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - the client library says so in no other way
            await asyncio.sleep(0.005)


async def an_option(ib: IB) -> Contract:
    """A put in the middle of the listed strikes."""
    chains = await ib.reqSecDefOptParamsAsync("SPX", "", "IND", 416904)
    expiry = next(one for one in chains if one.tradingClass == "SPXW").expirations[5]
    puts = await ib.reqContractDetailsAsync(Option("SPX", expiry, right="P", exchange="SMART", tradingClass="SPXW"))
    contract = puts[len(puts) // 2].contract
    assert contract is not None
    return contract


async def test_several_accounts_are_funded_as_told_and_orders_name_theirs() -> None:
    """Two accounts with their cash; an order goes to the one it names, one without a name is refused."""
    async with served(accounts={"DU1": 100_000.0, "DU22": 2_000_000.0}) as gateway:
        ib = await connected(gateway, 1)
        assert ib.managedAccounts() == ["DU1", "DU22"]
        worth = {one.account: one.value for one in await ib.accountSummaryAsync() if one.tag == "NetLiquidation"}
        assert worth == {"DU1": "100000.00", "DU22": "2000000.00"}
        put = await an_option(ib)
        named = ib.placeOrder(put, LimitOrder("BUY", 1, 0.05, account="DU22"))
        nameless = ib.placeOrder(put, LimitOrder("BUY", 1, 0.05))
        await until(lambda: named.orderStatus.status == "Submitted" and nameless.isDone())
        assert [entry.errorCode for entry in nameless.log if entry.errorCode] == [435]
        assert named.order.account == "DU22"
        ib.disconnect()


async def test_the_master_client_hears_of_the_others_orders() -> None:
    """Client 99 gets openOrder and orderStatus of client 1; client 2 does not."""
    async with served(master_client_id=99) as gateway:
        ib, master, other = clients = [await connected(gateway, number) for number in (1, 99, 2)]
        heard: list[Any] = []
        master.openOrderEvent += heard.append
        other.openOrderEvent += lambda trade: heard.append("other")
        trade = ib.placeOrder(await an_option(ib), LimitOrder("BUY", 1, 0.05))
        await until(lambda: trade.orderStatus.status == "Submitted" and heard)
        assert heard[0].order.clientId == 1
        assert "other" not in heard
        for client in clients:
            client.disconnect()


async def test_limits_can_be_off() -> None:
    """Three hundred messages at once and a hundred and fifty lines are fine; the unread output stays bounded."""
    async with served(limited=False) as gateway:
        raw = await Raw.to(gateway)
        raw.writer.write(HELLO + said(71, 2, 1, ""))
        for number in range(150):
            raw.ask(1, 11, number, 416904, "", "", "", "0.0", "", "", "CBOE", "", "", "", "", 0, "", 0, 0, "")
            raw.ask(8, 1, 1)
        await until(lambda: len(raw.of(9)) == 151)
        assert gateway.desk.lines_in_use() == 150
        assert {fields[3] for fields in raw.of(4)} <= {"2104", "2106", "2158"}
        raw.writer.close()


async def test_a_fault_script_is_played_over_tcp(tmp_path: Path) -> None:
    """One-byte segments while connecting, and a reset at the second order: a real client meets both."""
    script = tmp_path / "faults.toml"
    script.write_text(
        '[[fault]]\nverb = "segment"\nwhen = { on = "connect" }\n'
        '[[fault]]\nverb = "clear"\nwhen = { on = "reqSecDefOptParams", before = true }\n'
        '[[fault]]\nverb = "reset"\nclient = 5\nwhen = { on = "placeOrder", nth = 2, before = true }\n'
    )
    async with served(faults=read_file(script)) as gateway:
        ib = await connected(gateway, 5)
        put = await an_option(ib)
        first = ib.placeOrder(put, LimitOrder("BUY", 1, 0.05))
        await until(lambda: first.orderStatus.status == "Submitted")
        ib.placeOrder(put, LimitOrder("BUY", 1, 0.05))
        await until(lambda: not ib.isConnected())
        assert len(gateway.venue.open_orders()) == 1
        assert [line["done"] for line in gateway.script.listed()] == [1, 1, 1]
