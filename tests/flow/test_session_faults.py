"""Faults of connectivity, farms, subscriptions, identity and reports, as the unmodified ib_insync client meets them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from ib_insync import (  # noqa: TID251 - the client under test
    IB,
    ExecutionFilter,
    Future,
    Index,
    LimitOrder,
    Option,
    Ticker,
    Trade,
)

from bot.sim.faults.arguments import FaultError
from bot.sim.gateway import SimulatedGateway
from tests.sim.fakes.fake_market import EXPIRY, FakeVenue
from tests.sim.faults.raw import PING, Raw, play

SPX = Index("SPX", "CBOE", "USD", conId=416904)
VX = Future("VIX", "20181121", "CFE", conId=5001)


def put(strike: int = 2700) -> Option:
    return Option(
        "SPX", f"{EXPIRY:%Y%m%d}", strike, "P", "SMART", tradingClass="SPXW", currency="USD", conId=strike * 10 + 2
    )


class Desk:
    """An ib_insync client that notes errors."""

    def __init__(self, gateway: SimulatedGateway) -> None:
        self.gateway = gateway
        self.ib = IB()
        self.ib.RequestTimeout = 20
        self.errors: list[tuple[int, int]] = []
        self.ib.errorEvent += lambda request, code, text, contract: self.errors.append((request, code))

    async def connect(self, client_id: int = 7, **options: Any) -> Desk:
        await self.ib.connectAsync("127.0.0.1", self.gateway.port, clientId=client_id, **options)
        return self

    def codes(self) -> list[int]:
        """Codes told since the last time this was asked."""
        told = [code for _, code in self.errors]
        self.errors.clear()
        return told


Story = Callable[[Desk, SimulatedGateway], Awaitable[None]]


def tell(story: Story, *, connected: bool = True, **options: Any) -> SimulatedGateway:
    """Plays a story with one client, connected or about to."""

    async def main(gateway: SimulatedGateway) -> None:
        desk = Desk(gateway)
        if connected:
            await desk.connect()
            await asyncio.sleep(1.0)
            desk.codes()
        try:
            await story(desk, gateway)
        finally:
            desk.ib.disconnect()
            await asyncio.sleep(0.1)

    return play(main, **options)


async def updates(ticker: Ticker, for_s: float) -> int:
    """How often the ticker is updated in so many seconds."""
    seen: list[Ticker] = []
    ticker.updateEvent += seen.append
    await asyncio.sleep(for_s)
    ticker.updateEvent -= seen.append
    return len(seen)


# notices --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", [103, 201, 321, 399, 504, 1100, 2161, 10147, 10349, 987654])
def test_any_error_with_any_id_reaches_the_client(code: int) -> None:
    """Code, id and text arrive as asked, at one client or at all."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        other = await Desk(gateway).connect(8)
        other.codes()
        assert gateway.cause("error", code=code, id=4711, text="wörds") == {"clients": 2}
        await asyncio.sleep(0.1)
        assert desk.errors == [(4711, code)]
        gateway.cause("error", code=code, client=8)
        await asyncio.sleep(0.1)
        assert (desk.errors, other.errors[1:]) == ([(4711, code)], [(-1, code)])
        other.ib.disconnect()

    tell(story)


@pytest.mark.parametrize("disconnect", [False, True])
def test_a_pacing_violation_is_told_and_may_end_the_connection(disconnect: bool) -> None:
    """Error 100 without cause, then the kick."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("pacing_violation", disconnect=disconnect)
        await asyncio.sleep(0.1)
        assert desk.codes() == [100]
        assert desk.ib.isConnected() is not disconnect

    tell(story)


# connectivity ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("then", "code", "alive"), [("kept", [1102], True), ("lost", [1101], False), ("nothing", [], False)]
)
def test_upstream_is_lost_and_comes_back_in_three_ways(then: str, code: list[int], alive: bool) -> None:
    """1100, silence, then data goes on after 1102, is forgotten at 1101, or nothing is ever said again."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        spx, option = desk.ib.reqMktData(SPX), desk.ib.reqMktData(put())
        await asyncio.sleep(3.0)
        gateway.cause("upstream_lost", then=then, for_s=30)
        await asyncio.sleep(1.0)
        assert desk.codes() == [1100]
        late = desk.ib.reqMktData(VX)
        assert await updates(spx, 10.0) + await updates(option, 10.0) == 0
        assert desk.ib.isConnected()
        await asyncio.sleep(10.0)
        assert desk.codes() == code
        for ticker in (spx, option, late):
            assert (await updates(ticker, 5.0) > 0) is alive
        desk.ib.cancelMktData(SPX)
        again = desk.ib.reqMktData(SPX)
        assert await updates(again, 5.0) > 0

    tell(story)


def test_what_happens_to_an_order_during_an_outage_is_told_afterwards_in_order() -> None:
    """The order that fills meanwhile is silent until the gateway has its broker back; then all of it comes."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("upstream_lost", for_s=30)
        trade = desk.ib.placeOrder(put(), LimitOrder("BUY", 1, 900.0))
        await asyncio.sleep(20.0)
        assert trade.orderStatus.status == "PendingSubmit"
        assert len(gateway.venue.executions()) == 1
        await asyncio.sleep(11.0)
        assert (trade.orderStatus.status, len(trade.fills)) == ("Filled", 1)
        assert desk.ib.positions()[0].position == 1.0

    tell(story)


def test_notices_of_a_restored_upstream_come_alone_too() -> None:
    """1101 forgets every line, 1102 changes nothing."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        spx = desk.ib.reqMktData(SPX)
        await asyncio.sleep(2.0)
        assert gateway.cause("data_kept") == {"clients": 1}
        assert await updates(spx, 5.0) > 0
        assert gateway.cause("data_lost") == {"clients": 1, "lines": 1}
        assert await updates(spx, 5.0) == 0
        assert set(desk.codes()) == {1101, 1102}
        assert gateway.desk.lines_in_use() == 0

    tell(story)


def test_the_gateway_moves_to_another_port() -> None:
    """1300, the connection ends, the old port refuses and the new one serves; a taken port brings the old one back."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        old = gateway.port
        gateway.cause("port_change", port=7777)
        await asyncio.sleep(0.5)
        assert desk.codes() == [1300]
        assert not desk.ib.isConnected()
        assert gateway.port == 7777
        with pytest.raises(ConnectionRefusedError):
            await asyncio.get_running_loop().create_connection(Raw, "127.0.0.1", old)
        await desk.connect()
        assert gateway.status()["port"] == 7777
        await asyncio.get_running_loop().create_server(Raw, "127.0.0.1", 8888)
        gateway.cause("port_change", port=8888)
        await asyncio.sleep(0.5)
        assert gateway.port == 7777
        await desk.connect()

    tell(story)


def test_the_port_changes_while_connections_are_refused() -> None:
    """The refusal lasts; afterwards the new port opens, once."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("restart", refuse_s=30)
        gateway.cause("port_change", port=7777)
        await asyncio.sleep(10.0)
        assert gateway.server.refusing
        gateway.cause("refuse", for_s=30)
        await asyncio.sleep(25.0)
        assert gateway.server.refusing
        await asyncio.sleep(6.0)
        assert gateway.port == 7777
        gateway.cause("port_change", port=7778)
        gateway.cause("refuse", for_s=30)
        await asyncio.sleep(20.0)
        assert gateway.server.refusing
        await asyncio.sleep(11.0)
        assert gateway.port == 7778
        await desk.connect()

    tell(story)


# farms ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", [2103, 2104, 2105, 2106, 2107, 2108, 2110, 2157, 2158])
def test_farm_notices_are_text_alone(code: int) -> None:
    """The notice comes with id -1; quotes go on."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        spx = desk.ib.reqMktData(SPX)
        gateway.cause("farm_notice", code=str(code), farm="usfarm")
        assert await updates(spx, 3.0) > 0
        assert desk.errors == [(-1, code)]

    tell(story)


@pytest.mark.parametrize("returns", [True, False])
def test_a_broken_farm_stops_its_own_quotes_only(returns: bool) -> None:
    """Options fall silent at 2103, indices and futures go on; with 2104 they come back, or only for a new request."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        option, spx, vx = (desk.ib.reqMktData(one) for one in (put(), SPX, VX))
        await asyncio.sleep(2.0)
        assert gateway.cause("farm_broken", farm="usopt", for_s=40, data_returns=returns)["lines"] == 1
        assert [await updates(one, 10.0) > 0 for one in (option, spx, vx)] == [False, True, True]
        assert desk.codes() == [2103]
        await asyncio.sleep(11.0)
        assert desk.codes() == [2104]
        assert (await updates(option, 10.0) > 0) is returns
        desk.ib.cancelMktData(put())
        assert await updates(desk.ib.reqMktData(put()), 10.0) > 0

    tell(story)


def test_a_line_that_is_back_begins_with_its_whole_quote() -> None:
    """Also what did not change during the outage is told again: whoever forgot it meanwhile knows it."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway)
        raw.ask(1, 11, 1, VX.conId, "", "", "", "0.0", "", "", "SMART", "", "", "", "", 0, "", 0, 0, "")
        await asyncio.sleep(5.0)
        raw.messages.clear()
        gateway.cause("farm_broken", farm="usfuture", for_s=5)
        await asyncio.sleep(6.0)
        assert {(fields[3], fields[4]) for fields in raw.of(1)} >= {("1", "12.45"), ("2", "12.55")}

    play(story)


def test_two_outages_of_one_line_end_with_the_later_one() -> None:
    """A line silenced twice speaks when both are over, and never if one of them says so."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        spx, option = desk.ib.reqMktData(SPX), desk.ib.reqMktData(put())
        await asyncio.sleep(2.0)
        gateway.cause("farm_broken", farm="all", for_s=10)
        gateway.cause("farm_broken", farm="usfarm", for_s=20)
        gateway.cause("farm_broken", farm="usopt", for_s=5, data_returns=False)
        await asyncio.sleep(11.0)
        assert (await updates(spx, 5.0), await updates(option, 1.0)) == (0, 0)
        await asyncio.sleep(5.0)
        assert await updates(spx, 5.0) > 0
        assert await updates(option, 5.0) == 0

    tell(story)


@pytest.mark.parametrize(("service", "broken", "well"), [("history", 2105, 2106), ("contracts", 2157, 2158)])
def test_a_broken_service_does_not_answer(service: str, broken: int, well: int) -> None:
    """Requests hang until the client's own deadline; afterwards they are answered."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("service_broken", service=service, for_s=60)

        def request() -> Awaitable[Any]:
            if service == "contracts":
                return desk.ib.reqContractDetailsAsync(SPX)
            return desk.ib.reqHistoricalDataAsync(SPX, "", "5 D", "1 day", "TRADES", True, timeout=0)

        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(request(), 50)
        await asyncio.sleep(11)
        assert len(await asyncio.wait_for(request(), 50)) > 0
        assert desk.codes() == [broken, well]

    tell(story)


# subscriptions --------------------------------------------------------------------------------------
def test_subscriptions_are_lost_without_a_word() -> None:
    """One client's lines fall silent for ever, nobody is told, another's go on."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        other = await Desk(gateway).connect(8)
        other.codes()
        mine, theirs = desk.ib.reqMktData(SPX), other.ib.reqMktData(SPX)
        await asyncio.sleep(2.0)
        assert gateway.cause("lost_subscriptions", client=7) == {"lines": 1}
        assert (await updates(mine, 5.0), await updates(theirs, 5.0) > 0) == (0, True)
        assert (desk.codes(), other.codes()) == ([], [])
        with pytest.raises(FaultError, match="client 9 is not connected"):
            gateway.cause("lost_subscriptions", client=9)
        other.ib.disconnect()

    tell(story)


def test_a_competing_session_takes_the_data() -> None:
    """10197 for each open line and for a new one; when it ends, all of them speak."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        spx, option = desk.ib.reqMktData(SPX), desk.ib.reqMktData(put())
        await asyncio.sleep(2.0)
        assert gateway.cause("competing_session", for_s=30)["lines"] == 2
        late = desk.ib.reqMktData(VX)
        assert [await updates(one, 5.0) for one in (spx, option, late)] == [0, 0, 0]
        ids = {desk.ib.wrapper.ticker2ReqId["mktData"][one] for one in (spx, option, late)}
        assert set(desk.errors) == {(one, 10197) for one in ids}
        await asyncio.sleep(16.0)
        assert all([await updates(one, 5.0) > 0 for one in (spx, option, late)])

    tell(story)


def test_the_line_limit_can_be_lowered_and_comes_back() -> None:
    """Open lines stay, one more is refused with 101, and later accepted."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        spx = desk.ib.reqMktData(SPX)
        assert gateway.cause("line_limit", lines=1, for_s=20)["in_use"] in (0, 1)
        await asyncio.sleep(1.0)
        desk.ib.reqMktData(VX)
        assert await updates(spx, 5.0) > 0
        assert desk.codes() == [101]
        await asyncio.sleep(20.0)
        desk.ib.reqMktData(put())
        await asyncio.sleep(1.0)
        assert desk.codes() == []

    tell(story)


@pytest.mark.parametrize("code", [354, 10089, 10090, 10168, 10186])
def test_market_data_is_refused_for_want_of_a_subscription(code: int) -> None:
    """Open lines end with the code, new requests are answered with it, and afterwards data flows."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        spx = desk.ib.reqMktData(SPX)
        await asyncio.sleep(2.0)
        assert gateway.cause("no_market_data", code=str(code), running=True, for_s=20)["lines"] == 1
        desk.ib.reqMktData(VX)
        assert await updates(spx, 5.0) == 0
        assert desk.codes() == [code, code]
        await asyncio.sleep(20.0)
        assert await updates(desk.ib.reqMktData(put()), 5.0) > 0

    tell(story)


def test_data_becomes_delayed_and_live_again() -> None:
    """Open and new lines are told 10167 and type 3, and quote by delayed tick types; afterwards live again."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        option = desk.ib.reqMktData(put())
        await asyncio.sleep(3.0)
        assert option.marketDataType == 1
        assert gateway.cause("market_data_rights", rights="delayed_always", for_s=20)["lines"] == 1
        late = desk.ib.reqMktData(put(2750))
        types: set[int] = set()
        late.updateEvent += lambda ticker: types.update(tick.tickType for tick in ticker.ticks)
        await asyncio.sleep(5.0)
        assert (option.marketDataType, late.marketDataType) == (3, 3)
        assert desk.codes() == [10167, 10167]
        assert {66, 67} <= types
        assert types.isdisjoint({1, 2, 13})
        await asyncio.sleep(16.0)
        assert (option.marketDataType, late.marketDataType) == (1, 1)
        types.clear()
        await asyncio.sleep(60.0)
        assert types.isdisjoint({66, 67, 69, 70})
        assert types

    tell(story)


# identity -------------------------------------------------------------------------------------------
def test_order_ids_roll_back_and_jump() -> None:
    """The id told after a fault is lower than one used before, or far higher; such an order is taken."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        first = desk.ib.placeOrder(put(), LimitOrder("BUY", 1, 0.05)).order.orderId
        desk.ib.client.updateReqId(first + 20)
        used = desk.ib.placeOrder(put(), LimitOrder("BUY", 1, 0.05)).order.orderId
        await asyncio.sleep(1.0)
        gateway.cause("rollback_ids", by=10)
        raw = await Raw.joined(gateway, 7 + 1)
        assert gateway.venue.next_order_id(7) == used + 1
        desk.ib.disconnect()
        again = await Raw.joined(gateway, 7)
        again.ask(8, 1, 1)
        await asyncio.sleep(0.1)
        assert int(again.of(9)[0][2]) == used + 1 - 10
        gateway.cause("jump_ids", by=5000)
        again.ask(8, 1, 1)
        raw.ask(8, 1, 1)
        await asyncio.sleep(0.1)
        assert (int(again.of(9)[1][2]), int(raw.of(9)[0][2])) == (used + 1 + 4990, 1 + 4990)

    tell(story)


def test_a_client_id_is_said_to_be_in_use_once() -> None:
    """326 and a closed connection for the first try, none for the second; another id is not concerned."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("client_id_in_use", client=7)
        other = await Desk(gateway).connect(8)
        with pytest.raises((asyncio.TimeoutError, ConnectionError)):
            await desk.connect(timeout=2)
        assert 326 in desk.codes()
        await desk.connect()
        other.ib.disconnect()

    tell(story, connected=False)


@pytest.mark.parametrize("accounts", [["U123"], ["DU1", "DU2"], []])
def test_other_accounts_are_told_at_a_reconnect(accounts: list[str]) -> None:
    """A live account, two, or none: once, then the truth again."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        desk.ib.disconnect()
        gateway.cause("accounts_told", accounts=accounts)
        raw = await Raw.to(gateway)
        raw.writer.write(b"API\0\0\0\0\x09v157..176\0\0\0\x0871\x002\x007\0\0")
        await asyncio.sleep(0.1)
        raw.ask(17, 1)
        await asyncio.sleep(0.1)
        assert [fields[2] for fields in raw.of(15)] == ["".join(f"{one}," for one in accounts), "DU1234567,"]

    tell(story)


def test_a_gateway_may_claim_another_version() -> None:
    """A claimed 150 makes the client refuse; a claimed 200 meets it once; then the true one is told again."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("server_version", version=150)
        with pytest.raises((asyncio.TimeoutError, ConnectionError)):
            await desk.connect(timeout=2)
        gateway.cause("server_version", version=200, times=1)
        raw = await Raw.joined(gateway, 8)
        assert raw.bytes[4:8] == b"200\0"
        raw.ask(*PING)
        await asyncio.sleep(0.1)
        assert raw.numbers() == ["49"]
        await desk.connect()
        assert desk.ib.client.serverVersion() == 176

    tell(story, connected=False)


def test_message_numbers_nobody_knows_are_survived() -> None:
    """The client ignores a message of an unknown type and reads the next one."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("inject", fields=["99999", "1", "x"])
        assert await desk.ib.reqCurrentTimeAsync() is not None

    tell(story)


# reports --------------------------------------------------------------------------------------------
async def what_if(desk: Desk, within_s: float = 10.0) -> Any:
    return await asyncio.wait_for(desk.ib.whatIfOrderAsync(put(), LimitOrder("BUY", 1, 5.0)), within_s)


def test_a_what_if_is_never_answered_or_by_a_warning_only() -> None:
    """Both hang in the client until its own deadline; the next one is answered."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        for answer, told in (("never", []), ("warning", [399])):
            gateway.cause("what_if", answer=answer)
            with pytest.raises(asyncio.TimeoutError):
                await what_if(desk)
            assert desk.codes() == told
            assert (await what_if(desk)).initMarginChange == "5000.0"

    tell(story)


def test_a_what_if_is_answered_by_an_error() -> None:
    """The client makes an empty list of it."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("what_if", answer="error", code=321, text="Error validating request: no")
        assert await what_if(desk) == []
        assert desk.codes() == [321]

    tell(story)


def test_a_what_if_is_answered_by_unset_margins_first() -> None:
    """The first answer has no figures, which the client takes for the answer; the true one follows."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("what_if", answer="bogus_first", client=7)
        assert (await what_if(desk)).initMarginChange == "1.7976931348623157E308"
        placed = desk.ib.placeOrder(put(), LimitOrder("BUY", 1, 0.05))
        await asyncio.sleep(1.0)
        assert placed.orderStatus.status == "Submitted"
        assert (await what_if(desk)).initMarginChange == "5000.0"

    tell(story)


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("positions", lambda ib: ib.reqPositionsAsync()),
        ("open_orders", lambda ib: ib.reqOpenOrdersAsync()),
        ("all_open_orders", lambda ib: ib.reqAllOpenOrdersAsync()),
        ("completed_orders", lambda ib: ib.reqCompletedOrdersAsync(False)),
        ("executions", lambda ib: ib.reqExecutionsAsync(ExecutionFilter())),
        ("account_summary", lambda ib: ib.accountSummaryAsync()),
        ("contracts", lambda ib: ib.reqContractDetailsAsync(SPX)),
        ("option_parameters", lambda ib: ib.reqSecDefOptParamsAsync("SPX", "", "IND", 416904)),
    ],
)
@pytest.mark.parametrize("part", ["end", "all"])
def test_a_list_comes_without_its_end_or_not_at_all(
    name: str, question: Callable[[IB], Awaitable[Any]], part: str
) -> None:
    """The first request hangs, the second is answered."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("unanswered", list=name, part=part)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(question(desk.ib), 10)
        await asyncio.wait_for(question(desk.ib), 10)

    tell(story)


@pytest.mark.parametrize(("name", "refused"), [("positions", False), ("account", False), ("executions", True)])
def test_connecting_without_the_end_of_a_list(name: str, refused: bool) -> None:
    """The client connects late and holds an empty list, or gives up where executions are missing."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("unanswered", list=name)
        if refused:
            with pytest.raises(asyncio.TimeoutError):
                await desk.connect(timeout=3)
        else:
            await desk.connect(timeout=3)
            assert desk.ib.isConnected()

    tell(story, connected=False)


def filled(desk: Desk) -> Trade:
    return desk.ib.placeOrder(put(), LimitOrder("BUY", 1, 900.0))


@pytest.mark.parametrize("form", ["zone", "utc_dash", "chicago", "utc"])
def test_execution_times_come_in_other_forms_and_mean_the_same(form: str) -> None:
    """Every form with a zone of its own decodes to the same moment."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("execution_times", form=form)
        trade = filled(desk)
        await asyncio.sleep(1.0)
        (fill,) = trade.fills
        at = fill.execution.time
        assert isinstance(at, datetime)
        assert at.astimezone(UTC) == gateway.venue.executions()[0][0].at.astimezone(UTC).replace(microsecond=0)

    tell(story)


@pytest.mark.parametrize(
    ("form", "written"),
    [("no_zone", "20181001  09:30:0"), ("one_space", "20181001 09:30:0"), ("nonsense", "yesterday")],
)
def test_execution_times_may_lack_a_zone_or_be_nonsense(form: str, written: str) -> None:
    """What stands on the wire is the form asked for."""

    async def story(gateway: SimulatedGateway) -> None:
        ib = Desk(gateway)
        raw = await Raw.joined(gateway, 8)
        await ib.connect(9)
        filled(ib)
        await asyncio.sleep(1.0)
        gateway.cause("execution_times", form=form)
        raw.ask(7, 3, 1, 0, "", "", "", "", "", "")
        await asyncio.sleep(0.5)
        assert raw.of(11)[0][15].startswith(written)
        ib.ib.disconnect()

    play(story)


def test_a_time_that_another_fault_made_nonsense_stays_nonsense() -> None:
    """Two faults over the same report: the later one finds no time to write otherwise, and the gateway lives on."""

    async def story(gateway: SimulatedGateway) -> None:
        ib = Desk(gateway)
        raw = await Raw.joined(gateway, 8)
        await ib.connect(9)
        filled(ib)
        await asyncio.sleep(1.0)
        for form in ("nonsense", "utc"):
            gateway.cause("execution_times", form=form)
        raw.ask(7, 3, 1, 0, "", "", "", "", "", "")
        await asyncio.sleep(0.5)
        assert raw.of(11)[0][15] == "yesterday"
        ib.ib.disconnect()

    play(story)


def test_the_permanent_id_comes_late() -> None:
    """The first openOrder and orderStatus of an order say 0, the later ones the truth; once per order."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("late_perm_id")
        trade = desk.ib.placeOrder(put(), LimitOrder("BUY", 1, 0.05))
        await asyncio.sleep(1.0)
        assert (trade.order.permId, trade.orderStatus.status) == (0, "Submitted")
        assert [one.order.permId for one in await desk.ib.reqOpenOrdersAsync()] != [0]
        assert trade.order.permId == trade.orderStatus.permId > 0

    tell(story)


@pytest.mark.parametrize(
    ("order", "first", "last"), [("status_first", "3", "11"), ("executions_before_ack", "11", "3")]
)
def test_reports_of_a_fill_come_in_another_order(order: str, first: str, last: str) -> None:
    """Filled before any execution, or executions before the order was ever acknowledged; each report once."""
    plain: list[str] = []
    turned: list[str] = []

    def reports(into: list[str], prepare: Callable[[SimulatedGateway], object]) -> None:
        async def story(desk: Desk, gateway: SimulatedGateway) -> None:
            prepare(gateway)
            sent: list[list[str]] = []
            decode = desk.ib.client.decoder.interpret

            def note(fields: list[str]) -> None:
                sent.append(list(fields))
                decode(fields)

            desk.ib.client.decoder.interpret = note
            trade = filled(desk)
            await asyncio.sleep(1.0)
            assert (trade.orderStatus.status, len(trade.fills)) == ("Filled", 1)
            into.extend(fields[0] for fields in sent if fields[0] in ("3", "5", "11"))

        tell(story)

    reports(plain, lambda gateway: None)
    reports(turned, lambda gateway: gateway.cause("fill_reports", order=order))
    assert sorted(plain) == sorted(turned)
    assert plain != turned
    relevant = [one for one in turned if one in (first, last)]
    assert relevant.index(last) > relevant.index(first)
    assert relevant[-1] == last


def test_an_order_told_only_after_its_execution_is_in_every_list_that_is_asked_for() -> None:
    """It rests without a word of its own, and a whole list of open orders has it all the same, as the end of the list
    says; the words come with the execution."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("fill_reports", order="executions_before_ack")
        trade = desk.ib.placeOrder(put(), LimitOrder("BUY", 1, 0.05))
        await asyncio.sleep(1.0)
        assert trade.orderStatus.status == "PendingSubmit"
        for ask in (desk.ib.reqOpenOrdersAsync, desk.ib.reqAllOpenOrdersAsync):
            assert [one.order.orderId for one in await ask()] == [trade.order.orderId]
        raw = await Raw.joined(gateway, 8)
        raw.ask(16, 1)
        await asyncio.sleep(0.5)
        assert len(raw.of(5)) == 1
        assert len(raw.of(53)) == 1

    tell(story)


def test_executions_come_again_as_if_they_had_just_happened() -> None:
    """The client knows them by their id and counts none twice."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        trade = filled(desk)
        await asyncio.sleep(1.0)
        assert gateway.cause("resend_executions") == {"clients": 1, "executions": 1}
        raw = await Raw.joined(gateway, 8)
        gateway.cause("resend_executions", client=8)
        await asyncio.sleep(0.5)
        assert (len(trade.fills), len(desk.ib.fills())) == (1, 1)
        assert [fields[1] for fields in raw.of(11)] == ["-1"]

    tell(story)


# recipes --------------------------------------------------------------------------------------------
def test_a_message_that_cannot_be_decoded_is_lost_in_the_client(caplog: pytest.LogCaptureFixture) -> None:
    """The client logs it, drops it and stays connected: silent loss, on command."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("corrupt", message="position", field=15, text="many")
        filled(desk)
        await asyncio.sleep(1.0)
        assert desk.ib.positions() == []
        assert desk.ib.isConnected()

    with caplog.at_level(logging.ERROR, logger="ib_insync"):
        tell(story)
    assert any("Error handling fields" in record.getMessage() for record in caplog.records)


def test_rules_that_read_messages_see_them_before_rules_that_mangle_them() -> None:
    """Whatever is made of a message, no fault on command trips over it."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        for message in ("execDetails", "orderStatus", "openOrder", "marketDataType", "managedAccounts", "tickPrice"):
            gateway.cause("shorten", message=message, fields=99, times=0)
        gateway.cause("execution_times", form="utc_dash")
        gateway.cause("late_perm_id")
        gateway.cause("fill_reports", order="status_first")
        gateway.cause("accounts_told", accounts=["U1"], times=0)
        desk.ib.reqMktData(SPX)
        filled(desk)
        desk.ib.client.reqManagedAccts()
        tick = gateway.clock.tick.number
        await asyncio.sleep(5.0)
        assert gateway.clock.tick.number >= tick + 4

    tell(story)


def test_a_false_length_makes_the_client_deaf_but_connected() -> None:
    """Two thousand million bytes are awaited: nothing more is heard, and the client believes itself connected."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        gateway.cause("false_length", message="currentTime")
        for _ in range(2):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(desk.ib.reqCurrentTimeAsync(), 5)
        assert desk.ib.isConnected()

    tell(story)


def test_an_order_is_never_acknowledged_read_or_not() -> None:
    """Swallowing placeOrder loses the order, swallowing its answers only the news of it."""

    async def story(desk: Desk, gateway: SimulatedGateway) -> None:
        venue = gateway.venue
        assert isinstance(venue, FakeVenue)
        gateway.cause("swallow", message="placeOrder")
        first = desk.ib.placeOrder(put(), LimitOrder("BUY", 1, 0.05))
        await asyncio.sleep(1.0)
        assert (first.orderStatus.status, len(venue.open_orders())) == ("PendingSubmit", 0)
        for message in ("openOrder", "orderStatus"):
            gateway.cause("swallow", message=message, times=0)
        second = desk.ib.placeOrder(put(), LimitOrder("BUY", 1, 0.05))
        await asyncio.sleep(1.0)
        assert (second.orderStatus.status, len(venue.open_orders())) == ("PendingSubmit", 1)

    tell(story)
