"""The unmodified ib_insync client against the simulated gateway, over TCP and over the virtual loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator

import pytest
from ib_insync import (  # noqa: TID251 - the client under test
    IB,
    ComboLeg,
    Contract,
    ExecutionFilter,
    Future,
    Index,
    LimitOrder,
    MarketOrder,
    Option,
    OrderStatus,
    Ticker,
)

from bot.sim.gateway import SimulatedGateway
from bot.sim.virtual_time import run_virtual
from tests.sim.fakes.fake_market import EXPIRY, FakeVenue, FakeWorld

CONDOR = ((2625, "P", "BUY"), (2650, "P", "SELL"), (2850, "C", "SELL"), (2875, "C", "BUY"))
VERSIONS = [157, 163, 164, 170, 176]


@pytest.fixture(autouse=True)
def _no_message_is_lost(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """ib_insync only logs what it cannot decode and drops it, so its log is part of every test."""
    with caplog.at_level(logging.ERROR, logger="ib_insync"):
        yield
    lost = [r.getMessage() for r in caplog.records if "Error handling fields" in r.getMessage()]
    lost += [r.getMessage() for r in caplog.records if r.getMessage().startswith("Error for ")]
    assert lost == []


def condor() -> Contract:
    legs = []
    for strike, right, action in CONDOR:
        con_id = strike * 10 + (1 if right == "C" else 2)
        legs.append(ComboLeg(conId=con_id, ratio=1, action=action, exchange="SMART"))
    return Contract(secType="BAG", symbol="SPX", exchange="SMART", currency="USD", comboLegs=legs)


Story = Callable[[IB, SimulatedGateway], Awaitable[None]]


def gateway_for(world: FakeWorld | None = None, **options: object) -> SimulatedGateway:
    world = world or FakeWorld()
    options.setdefault("begin", world.days[0].open_at)
    return SimulatedGateway(FakeVenue(world), world, **options)  # type: ignore[arg-type]


async def tell(story: Story, **options: object) -> None:
    """Starts a gateway, connects the client, tells the story and ends both."""
    gateway = gateway_for(**options)  # type: ignore[arg-type]
    await gateway.start()
    ib = IB()
    ib.RequestTimeout = 20
    try:
        await ib.connectAsync("127.0.0.1", gateway.port, clientId=7)
        await story(ib, gateway)
    finally:
        ib.disconnect()
        await asyncio.sleep(0)
        await gateway.stop()


def tell_virtually(story: Story, **options: object) -> None:
    run_virtual(lambda: tell(story, **options))


async def until(condition: Callable[[], bool], what: str) -> None:
    """Waits for loop time, real or virtual, until the condition holds."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"never happened: {what}")


async def into_the_session(gateway: SimulatedGateway) -> None:
    await until(lambda: gateway.clock.phase == "open", "the open")


# connecting ----------------------------------------------------------------------------------------
async def synced(ib: IB, gateway: SimulatedGateway) -> None:
    assert ib.isConnected()
    assert ib.managedAccounts() == ["DU1234567"]
    assert ib.positions() == []
    assert ib.openTrades() == []
    figures = {value.tag: value.value for value in ib.accountValues() if value.currency == "USD"}
    assert figures["NetLiquidation"] == "500000.00"
    assert (await ib.reqCurrentTimeAsync()).timestamp() == pytest.approx(gateway.clock.now.timestamp(), abs=2.0)


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_client_connects_and_syncs_over_tcp(version: int) -> None:
    """Every answer of the connect sequence arrives, at every protocol version served."""
    await tell(synced, server_version=version)


def test_the_client_connects_and_syncs_on_virtual_time() -> None:
    """The same bytes meet the same client without sockets."""
    tell_virtually(synced)


async def test_a_second_client_with_the_same_id_is_refused_and_the_first_untouched() -> None:
    """Error 326 and a closed connection for the newcomer; the first client keeps working."""

    async def story(ib: IB, gateway: SimulatedGateway) -> None:
        other, errors = IB(), []
        other.client.apiError += errors.append
        with pytest.raises((asyncio.TimeoutError, ConnectionError)):
            await other.connectAsync("127.0.0.1", gateway.port, clientId=7, timeout=0.3)
        assert ib.isConnected()
        assert await ib.reqCurrentTimeAsync() is not None

    await tell(story)


# contracts -----------------------------------------------------------------------------------------
async def contracts(ib: IB, gateway: SimulatedGateway) -> None:
    spx = Index("SPX", "CBOE", "USD")
    assert await ib.qualifyContractsAsync(spx) == [spx]
    assert spx.conId == 416904
    chains = await ib.reqSecDefOptParamsAsync("SPX", "", "IND", spx.conId)
    assert [(chain.tradingClass, chain.multiplier, chain.expirations) for chain in chains] == [
        ("SPXW", "100", [f"{EXPIRY:%Y%m%d}"])
    ]
    assert 2750.0 in chains[0].strikes
    puts = await ib.reqContractDetailsAsync(Option("SPX", f"{EXPIRY:%Y%m%d}", right="P", exchange="SMART"))
    assert len(puts) == len(chains[0].strikes)
    first = puts[0]
    assert first.contract.tradingClass == "SPXW"
    assert first.contract.exchange == "SMART"
    assert first.minTick == 0.05
    assert first.underSymbol == "SPX"
    assert first.liquidHours.endswith("1615")
    assert first.realExpirationDate == f"{EXPIRY:%Y%m%d}"
    rule = await ib.reqMarketRuleAsync(int(first.marketRuleIds.split(",")[0]))
    assert [(step.lowEdge, step.increment) for step in rule] == [(0.0, 0.05), (3.0, 0.1)]
    (vx,) = await ib.reqContractDetailsAsync(Future("VIX", "201811", "CFE"))
    assert vx.contract.lastTradeDateOrContractMonth == "20181121"
    assert vx.lastTradeTime == "08:00"
    assert vx.contract.multiplier == "1000"
    assert await ib.reqContractDetailsAsync(Index("NOSUCH", "CBOE")) == []
    assert await ib.reqContractDetailsAsync(condor()) == []
    (found,) = await ib.reqMatchingSymbolsAsync("spx")
    assert found.contract.conId == spx.conId


@pytest.mark.parametrize("version", VERSIONS)
def test_contracts_are_described(version: int) -> None:
    """Details, option parameters, market rules and search decode into what the venue lists."""
    tell_virtually(contracts, server_version=version)


# market data ---------------------------------------------------------------------------------------
async def quotes(ib: IB, gateway: SimulatedGateway) -> None:
    await into_the_session(gateway)
    spx, vx = Index("SPX", "CBOE", "USD"), Future("VIX", "201811", "CFE")
    put = Option("SPX", f"{EXPIRY:%Y%m%d}", 2700, "P", "SMART", tradingClass="SPXW")
    await ib.qualifyContractsAsync(spx, vx, put)
    index, future, option, combo = (ib.reqMktData(one) for one in (spx, vx, put, condor()))
    await until(lambda: option.hasBidAsk() and index.last == index.last, "the first quotes")
    assert option.modelGreeks is None
    assert (future.bid, future.ask, future.bidSize, future.askSize) == (12.45, 12.55, 7, 9)
    assert index.close == 2740.0
    assert option.minTick == 0.05
    assert option.halted == 0.0
    assert combo.bid < combo.ask < 0.0
    start = gateway.clock.now
    await until(lambda: option.modelGreeks is not None, "the model")
    assert 1.0 <= (gateway.clock.now - start).total_seconds() <= 3.0
    assert option.modelGreeks.impliedVol == pytest.approx(0.15)
    assert option.modelGreeks.delta == pytest.approx(-0.3)
    assert option.modelGreeks.undPrice == pytest.approx(index.last, abs=1.0)
    assert option.bidGreeks.optPrice == option.bid
    seen: list[Ticker] = []
    option.updateEvent += seen.append
    before = index.last
    await until(lambda: len(seen) >= 5 and index.last != before, "live updates")
    ib.cancelMktData(spx)
    ib.cancelMktData(put)
    await asyncio.sleep(0.2)
    assert gateway.desk.lines_in_use() == 2
    snapshot = await ib.reqTickersAsync(put)
    assert snapshot[0].modelGreeks is not None
    assert gateway.desk.lines_in_use() == 2


async def test_quotes_stream_over_tcp() -> None:
    """Index, future, option and combo stream; greeks come after a second or two; cancelled lines fall silent."""
    await tell(quotes, speed=40.0, tick_s=0.5)


def test_quotes_stream_on_virtual_time() -> None:
    """The same, at full speed."""
    tell_virtually(quotes)


def test_line_limit_and_duplicate_ids_are_answered_with_ib_s_codes() -> None:
    """The 101st line is refused with 101, a second line under one id with 102, an unknown id with 300."""
    errors: list[tuple[int, int]] = []

    async def story(ib: IB, gateway: SimulatedGateway) -> None:
        ib.errorEvent += lambda request, code, text, contract: errors.append((request, code))
        spx = Index("SPX", "CBOE", "USD")
        for request_id in range(1000, 1101):
            ib.client.reqMktData(request_id, spx, "", False, False, [])
        ib.client.reqMktData(1000, spx, "", False, False, [])
        ib.client.cancelMktData(55)
        await asyncio.sleep(10)
        assert gateway.desk.lines_in_use() == 100

    tell_virtually(story)
    assert (1100, 101) in errors
    assert (1000, 102) in errors
    assert (55, 300) in errors


# orders --------------------------------------------------------------------------------------------
async def what_if(ib: IB, gateway: SimulatedGateway) -> None:
    await into_the_session(gateway)
    state = await ib.whatIfOrderAsync(condor(), LimitOrder("BUY", 1, -5.0))
    assert (state.initMarginBefore, state.initMarginChange, state.initMarginAfter) == ("1000.0", "5000.0", "6000.0")
    assert state.maintMarginAfter == "4800.5"
    assert state.equityWithLoanChange == "-1.1"
    assert state.commission == 4.4
    assert await ib.whatIfOrderAsync(condor(), LimitOrder("BUY", 1000, -5.0)) == []
    assert ib.openTrades() == []


@pytest.mark.parametrize("version", VERSIONS)
def test_what_if_answers_margins_and_places_nothing(version: int) -> None:
    """The margin strings have IB's form, a refused what-if resolves to nothing."""
    tell_virtually(what_if, server_version=version)


async def combo_life(ib: IB, gateway: SimulatedGateway) -> None:
    await into_the_session(gateway)
    resting = ib.placeOrder(condor(), LimitOrder("BUY", 2, -30.0, orderRef="condor-1", tif="DAY"))
    await until(lambda: resting.orderStatus.status == "Submitted", "the order works")
    assert resting.order.permId > 0
    resting.order.lmtPrice = -29.0
    ib.placeOrder(resting.contract, resting.order)
    await until(lambda: resting.log[-1].message == "Modified", "the modification is acknowledged")
    (listed,) = await ib.reqAllOpenOrdersAsync()
    assert listed.order.lmtPrice == -29.0
    assert listed.order.orderRef == "condor-1"
    ib.cancelOrder(resting.order)
    await until(lambda: resting.orderStatus.status == OrderStatus.Cancelled, "the cancel")
    filled = ib.placeOrder(condor(), LimitOrder("BUY", 2, 5.0, orderRef="condor-2"))
    await until(filled.isDone, "the fill")
    assert filled.orderStatus.status == OrderStatus.Filled
    assert filled.filled() == 2
    await until(lambda: all(f.commissionReport.execId for f in filled.fills if f.contract.secType == "OPT"), "fees")
    assert [fill.contract.secType for fill in filled.fills] == ["BAG", "OPT", "OPT", "OPT", "OPT"]
    assert {fill.contract.strike for fill in filled.fills[1:]} == {2625.0, 2650.0, 2850.0, 2875.0}
    assert {fill.execution.orderRef for fill in filled.fills} == {"condor-2"}
    assert sorted(position.position for position in ib.positions()) == [-2, -2, 2, 2]
    assert sorted(item.position for item in ib.portfolio()) == [-2, -2, 2, 2]
    done = await ib.reqCompletedOrdersAsync(False)
    assert {trade.orderStatus.status for trade in done} == {"Cancelled", "Filled"}


async def test_a_combo_lives_over_tcp() -> None:
    """Rest, modify, cancel; then a fill with its leg executions, commissions and positions."""
    await tell(combo_life, speed=1000.0, tick_s=30.0)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_combo_lives_on_virtual_time(version: int) -> None:
    """The same at every protocol version."""
    tell_virtually(combo_life, server_version=version)


def test_orders_are_refused_with_ib_s_codes() -> None:
    """Validation happens before the venue: missing legs, unknown contract, bad quantity, foreign account."""
    errors: dict[int, int] = {}

    async def story(ib: IB, gateway: SimulatedGateway) -> None:
        await into_the_session(gateway)
        ib.errorEvent += lambda request, code, text, contract: errors.setdefault(request, code)
        put = Option("SPX", f"{EXPIRY:%Y%m%d}", 2700, "P", "SMART", tradingClass="SPXW")
        bad = [
            (Contract(secType="BAG", symbol="SPX", exchange="SMART", currency="USD"), LimitOrder("BUY", 1, 1.0)),
            (Option("SPX", "20300101", 2700, "P", "SMART"), LimitOrder("BUY", 1, 1.0)),
            (put, LimitOrder("BUY", 0.5, 1.0)),
            (put, LimitOrder("BUY", 1, float("nan"))),
            (put, LimitOrder("BUY", 1, 1.0, account="U7654321")),
            (put, LimitOrder("HOLD", 1, 1.0)),
            (put, MarketOrder("BUY", 500)),
        ]
        trades = [ib.placeOrder(contract, order) for contract, order in bad]
        await asyncio.sleep(2)
        assert [errors.get(trade.order.orderId) for trade in trades] == [321, 200, 10243, 320, 321, 321, 201]
        assert trades[-1].orderStatus.status == "Inactive"
        ib.client.cancelOrder(4242)
        await asyncio.sleep(1)
        assert errors[4242] == 10147
        assert ib.openTrades() == [] or all(trade.orderStatus.status == "Inactive" for trade in ib.openTrades())

    tell_virtually(story)


def test_only_the_owner_cancels_but_everybody_sees_and_global_cancel_takes_all() -> None:
    """cancelOrder of another client's id finds nothing; reqAllOpenOrders lists it; reqGlobalCancel ends it."""

    async def story(ib: IB, gateway: SimulatedGateway) -> None:
        await into_the_session(gateway)
        trade = ib.placeOrder(condor(), LimitOrder("BUY", 1, -30.0, orderRef="mine"))
        await until(lambda: trade.orderStatus.status == "Submitted", "the order works")
        other, errors = IB(), []
        other.errorEvent += lambda request, code, text, contract: errors.append(code)
        await other.connectAsync("127.0.0.1", gateway.port, clientId=8)
        assert other.openTrades() == []
        (seen,) = await other.reqAllOpenOrdersAsync()
        assert (seen.order.orderRef, seen.order.clientId) == ("mine", 7)
        other.client.cancelOrder(trade.order.orderId)
        await asyncio.sleep(1)
        assert 10147 in errors
        assert trade.orderStatus.status == "Submitted"
        other.reqGlobalCancel()
        await until(lambda: trade.orderStatus.status == "Cancelled", "the global cancel")
        other.disconnect()

    tell_virtually(story)


# sessions ------------------------------------------------------------------------------------------
def test_a_restart_refuses_for_a_while_and_then_replays_the_day() -> None:
    """Sockets are reset, connections refused for the market seconds asked; orders and executions are still there."""

    async def story(ib: IB, gateway: SimulatedGateway) -> None:
        await into_the_session(gateway)
        resting = ib.placeOrder(condor(), LimitOrder("BUY", 1, -30.0, orderRef="resting"))
        ib.placeOrder(condor(), LimitOrder("BUY", 1, 5.0, orderRef="filled"))
        await until(lambda: len(ib.fills()) == 5, "the fill")
        gone: list[bool] = []
        ib.disconnectedEvent += lambda: gone.append(True)
        gateway.cause("restart", refuse_s=90.0)
        await until(lambda: bool(gone), "the reset")
        with pytest.raises(ConnectionRefusedError):
            await ib.connectAsync("127.0.0.1", gateway.port, clientId=7)
        await asyncio.sleep(89.0)
        assert gateway.server.refusing
        await asyncio.sleep(1.5)
        assert not gateway.server.refusing
        await ib.connectAsync("127.0.0.1", gateway.port, clientId=7)
        (back,) = ib.openTrades()
        assert (back.order.orderRef, back.order.permId) == ("resting", resting.order.permId)
        assert len(ib.fills()) == 5
        assert len(ib.positions()) == 4
        assert ib.client.getReqId() > resting.order.orderId
        fills = await ib.reqExecutionsAsync(ExecutionFilter(secType="OPT", side="SELL"))
        assert len(fills) == 2
        fees = [fill.commissionReport.commission for fill in ib.fills() if fill.contract.secType == "OPT"]
        assert fees == pytest.approx([1.1] * 4)

    tell_virtually(story, tick_s=5.0)


def test_account_summary_and_pnl_answer() -> None:
    """The summary serves the tags that exist, the P&L subscription its three figures."""

    async def story(ib: IB, gateway: SimulatedGateway) -> None:
        figures = {value.tag: value.value for value in await ib.accountSummaryAsync()}
        assert figures["ExcessLiquidity"] == "500000.00"
        pnl = ib.reqPnL("DU1234567")
        await asyncio.sleep(2)
        assert pnl.unrealizedPnL == 0.0
        assert pnl.dailyPnL == 0.0

    tell_virtually(story)


def test_a_request_that_is_not_served_is_named_and_counted() -> None:
    """The client's future is released by an error that names the request; the gateway counts it."""
    texts: list[str] = []

    async def story(ib: IB, gateway: SimulatedGateway) -> None:
        ib.errorEvent += lambda request, code, text, contract: texts.append(text)
        await ib.reqHistoricalNewsAsync(416904, "BRFG", "", "", 10)
        ib.client.send(250, 1, 2)
        await asyncio.sleep(1)
        assert gateway.desk.unknown_requests() == {"message 250": 1, "reqHistoricalNews": 1}

    tell_virtually(story)
    assert any("reqHistoricalNews" in text for text in texts)
    assert any("message 250" in text for text in texts)
