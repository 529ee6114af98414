"""The whole counterparty in one process: a scenario, the venue and the wire, traded by the unmodified client."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import Any

import pytest
from ib_insync import IB, ComboLeg, Contract, Index, LimitOrder, Option  # noqa: TID251 - the client under test

from bot.sim.gateway import SimulatedGateway
from bot.sim.venue import Ledger, SimVenue
from bot.sim.virtual_time import run_virtual
from bot.sim.world import load_scenario


async def a_condor_day(seed: int) -> tuple[str, list[str], Ledger]:
    """Sells one condor at the natural price, lets another order rest and cancels it; stops in the afternoon.

    Gives the digest of every byte the client received, the client's event log and the venue's ledger.
    """
    world, ledger, seen = load_scenario("calm", seed), Ledger(), []
    venue = SimVenue(world, ledger=ledger, seed=seed)
    gateway = SimulatedGateway(venue, world, tick_s=15.0, begin=world.days[0].open_at)
    await gateway.start()
    ib, digest = IB(), hashlib.sha256()
    ib.client.conn.hasData += digest.update
    await ib.connectAsync("127.0.0.1", gateway.port, clientId=1)
    spx = Index("SPX", "CBOE", "USD")
    await ib.qualifyContractsAsync(spx)
    level = ib.reqMktData(spx)
    await asyncio.sleep(60)
    combo = await condor(ib, spx.conId, level.last)
    ticker = ib.reqMktData(combo)
    await asyncio.sleep(30)
    ib.execDetailsEvent += lambda trade, fill: seen.append(f"fill {fill.contract.secType}")
    ib.commissionReportEvent += lambda trade, fill, report: seen.append("commission")
    ib.orderStatusEvent += lambda trade: seen.append(trade.orderStatus.status)
    margin = await ib.whatIfOrderAsync(combo, LimitOrder("BUY", 1, ticker.ask))
    assert 0.0 < float(margin.initMarginChange) < 5000.0
    trade = ib.placeOrder(combo, LimitOrder("BUY", 1, ticker.ask, orderRef="condor"))
    await asyncio.sleep(120)
    assert trade.orderStatus.status == "Filled"
    resting = ib.placeOrder(combo, LimitOrder("BUY", 1, -20.0, orderRef="rest"))
    await asyncio.sleep(60)
    ib.cancelOrder(resting.order)
    await asyncio.sleep(60)
    assert resting.orderStatus.status == "Cancelled"
    assert sorted(position.position for position in ib.positions()) == [-1, -1, 1, 1]
    await asyncio.sleep(3600)
    ib.disconnect()
    await gateway.stop()
    return digest.hexdigest(), seen, ledger


async def condor(ib: IB, under: int, spot: float) -> Contract:
    """A 25-point condor about five weeks out, four percent away on both sides."""
    chains = await ib.reqSecDefOptParamsAsync("SPX", "", "IND", under)
    chain = next(one for one in chains if one.tradingClass == "SPXW")
    grid = [strike for strike in chain.strikes if strike % 25 == 0]
    put = max(strike for strike in grid if strike < spot * 0.96)
    call = min(strike for strike in grid if strike > spot * 1.04)
    wanted = [(put - 25, "P", "BUY"), (put, "P", "SELL"), (call, "C", "SELL"), (call + 25, "C", "BUY")]
    options = [Option("SPX", chain.expirations[22], k, right, "SMART", tradingClass="SPXW") for k, right, _ in wanted]
    assert await ib.qualifyContractsAsync(*options) == options
    legs = [
        ComboLeg(conId=option.conId, ratio=1, action=action, exchange="SMART")
        for option, (_, _, action) in zip(options, wanted, strict=True)
    ]
    return Contract(secType="BAG", symbol="SPX", exchange="SMART", currency="USD", comboLegs=legs)


def test_a_condor_day_through_the_whole_counterparty(caplog: pytest.LogCaptureFixture) -> None:
    """Callbacks come in IB's order, nothing is lost in decoding, and the ledger tells the same story."""
    with caplog.at_level(logging.ERROR, logger="ib_insync"):
        _, seen, ledger = run_virtual(lambda: a_condor_day(7))
    assert not [record for record in caplog.records if "Error handling fields" in record.getMessage()]
    assert seen.index("Submitted") < seen.index("fill OPT") < seen.index("Filled") < seen.index("commission")
    counts = [seen.count(event) for event in ("fill BAG", "fill OPT", "commission")]
    assert (counts, seen[-1]) == ([1, 4, 4], "Cancelled")
    lines: list[dict[str, Any]] = ledger.lines
    kinds = [line["kind"] for line in lines if line["kind"] not in ("account", "state", "position", "cash")]
    assert kinds[:2] == ["connect", "place"]
    placed = [line for line in lines if line["kind"] == "place"]
    assert [(line["order_ref"], line["what_if"], len(line["legs"])) for line in placed] == [
        ("", True, 4),
        ("condor", False, 4),
        ("rest", False, 4),
    ]
    assert [line["order_ref"] for line in lines if line["kind"] == "fill"].count("condor") >= 4
    (cancel,) = [line for line in lines if line["kind"] == "cancel"]
    assert cancel["perm_id"] > 0
    assert kinds[-1] == "disconnect"


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    """Determinism reaches to the last byte on the wire."""
    first, again, other = (run_virtual(lambda seed=seed: a_condor_day(seed))[0] for seed in (7, 7, 8))  # type: ignore[misc]
    assert first == again
    assert first != other
