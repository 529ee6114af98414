"""The adapter with the real client library against the simulated gateway: orders, snapshots, every kind of trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, TypeVar

import pytest

from bot.actions import AskBars, AskChain, AskMargin, AskOptions, AskReference, AskSnapshot
from bot.ibkr.broker import IbkrBroker
from bot.ibkr.settings import BrokerSettings
from bot.sim.gateway import SimulatedGateway
from bot.sim.virtual_time import run_virtual
from risk.approval import _SEAL, Approved, TicketSpent
from strategies.domain import events as ev
from strategies.domain.control import LinkState
from strategies.domain.instruments import Future, Index, Instrument, Option
from strategies.domain.known import Known, Unknown
from strategies.domain.market import DataType, Quote
from strategies.domain.orders import Action, LegIntent, PlaceIntent, Purpose
from tests.flow.tampering_proxy import TamperingProxy
from tests.sim.fakes.fake_market import EXPIRY, FakeVenue, FakeWorld

F = TypeVar("F", bound=ev.Event)
CONDOR = ((2625, "P", "BUY"), (2650, "P", "SELL"), (2850, "C", "SELL"), (2875, "C", "BUY"))
RESTING, MARKETABLE = -30.0, 5.0
UNSET = "1.7976931348623157E308"


class GatewayClock:
    """Market time as the gateway has it."""

    def __init__(self, gateway: SimulatedGateway) -> None:
        self._gateway = gateway

    def now(self) -> datetime:
        return self._gateway.clock.now.astimezone(UTC)


class Desk:
    """A gateway, a man in the middle, the adapter, and everything the adapter said."""

    def __init__(self, venue: FakeVenue, world: FakeWorld, **settings: Any) -> None:
        self.venue = venue
        self.gateway = SimulatedGateway(venue, world, begin=world.days[0].open_at)  # type: ignore[arg-type]
        self.settings = settings
        self.facts: list[ev.AnyEvent] = []
        self.quotes: list[Quote] = []
        self.killed = False
        self.proxy = TamperingProxy(0)
        self.broker: IbkrBroker

    async def open(self) -> None:
        await self.gateway.start()
        self.proxy = TamperingProxy(self.gateway.port)
        await self.proxy.start()
        self.broker = self.another()

    def another(self, **changes: Any) -> IbkrBroker:
        settings = BrokerSettings(**{"port": self.proxy.port, "client_id": 3, **self.settings, **changes})
        clock = GatewayClock(self.gateway)
        return IbkrBroker(settings, clock, self.facts.append, self.quotes.append, lambda: self.killed)

    async def up(self) -> None:
        await self.broker.start()
        await self.until(lambda: self.link is LinkState.UP, "the link comes up")

    async def loaded(self) -> tuple[Instrument, ...]:
        ask = AskOptions("SPX", "SPXW", EXPIRY, 2600.0, 2900.0)

        def boards() -> list[ev.InstrumentsLoaded]:
            return [fact for fact in self.said(ev.InstrumentsLoaded) if fact.wanted == ask.wanted]

        self.broker.ask_options(ask)
        await self.until(lambda: bool(boards()), "the board")
        return boards()[-1].instruments

    @property
    def is_up(self) -> bool:
        return self.link is LinkState.UP

    @property
    def link(self) -> LinkState | None:
        moves = self.said(ev.LinkChanged)
        return moves[-1].state if moves else None

    def said(self, kind: type[F]) -> list[F]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def faults(self) -> set[str]:
        return {fault.code for fault in self.said(ev.FaultNoted)}

    def statuses(self, ref: str) -> list[str]:
        return [fact.status.value for fact in self.said(ev.OrderStatusReported) if fact.ref == ref]

    def refused(self, ref: str) -> list[str]:
        return [fact.reason for fact in self.said(ev.SendRefused) if fact.ref == ref]

    async def until(self, condition: Callable[[], bool], what: str, at_most_s: float = 60.0) -> None:
        """Waits in virtual time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + at_most_s
        while not condition():
            assert loop.time() < end, f"never happened: {what}; faults {self.faults()}; last {self.facts[-1:]}"
            await asyncio.sleep(0.05)

    async def snapshot(self, reason: str = "test") -> ev.BrokerSnapshot:
        count = len(self.said(ev.BrokerSnapshot))
        self.broker.ask_snapshot(AskSnapshot(reason=reason))
        await self.until(lambda: len(self.said(ev.BrokerSnapshot)) > count, "the snapshot")
        return self.said(ev.BrokerSnapshot)[-1]

    def submit(self, ref: str, limit: float, *, quantity: int = 1, purpose: Purpose = Purpose.EXIT) -> Approved:
        ticket = approved(ref, limit, quantity=quantity, purpose=purpose)
        self.broker.submit(ticket)
        return ticket


def intent(ref: str, limit: float, *, quantity: int = 1, purpose: Purpose = Purpose.EXIT) -> PlaceIntent:
    legs = tuple(
        LegIntent(strike * 10 + (1 if right == "C" else 2), 1, Action(action)) for strike, right, action in CONDOR
    )
    at = datetime(2018, 10, 1, 14, 0, tzinfo=UTC)
    return PlaceIntent(ref, ref, 1, purpose, "ic-1", "C-EXIT-1", legs, quantity, limit, limit, limit, at)


def approved(ref: str, limit: float, *, quantity: int = 1, purpose: Purpose = Purpose.EXIT) -> Approved:
    return Approved(intent(ref, limit, quantity=quantity, purpose=purpose), 1, seal=_SEAL)


Story = Callable[[Desk], Awaitable[None]]


def tell(story: Story, *, accounts: tuple[str, ...] = ("DU1234567",), **settings: Any) -> Desk:
    """Runs a story in virtual time; afterwards no task may be left and no fact may be missing its handler."""
    world = FakeWorld()
    desk = Desk(FakeVenue(world, accounts), world, **settings)

    async def whole() -> None:
        await desk.open()
        try:
            await story(desk)
        finally:
            await desk.broker.stop()
            await desk.proxy.stop()
            await desk.gateway.stop()
        await asyncio.sleep(0.1)
        left = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert left == []

    run_virtual(whole)
    assert "HANDLER" not in desk.faults(), desk.said(ev.FaultNoted)
    return desk


# the plain story -------------------------------------------------------------------------------------
def test_contracts_history_and_quotes_become_facts() -> None:
    """Indices, futures, chain, board, bars; quotes of the right epoch, live, on exactly the lines wanted."""

    async def story(desk: Desk) -> None:
        await desk.up()
        desk.broker.ask_reference(AskReference())
        desk.broker.ask_chain(AskChain("SPX", "SPXW"))
        desk.broker.ask_bars(AskBars("SPX", 5))
        board = await desk.loaded()
        await desk.until(lambda: len(desk.said(ev.InstrumentsLoaded)) == 3, "reference")
        everything = {i.con_id: i for fact in desk.said(ev.InstrumentsLoaded) for i in fact.instruments}
        assert {i.symbol for i in everything.values() if isinstance(i, Index)} == {"SPX", "VIX"}
        assert [i.trading_class for i in everything.values() if isinstance(i, Future)] == ["VX"]
        assert all(isinstance(i, Option) and 2600.0 <= i.strike <= 2900.0 for i in board)
        assert {i.last_trade_at for i in board if isinstance(i, Option)} == {datetime(2018, 10, 31, 20, tzinfo=UTC)}
        (bars,) = desk.said(ev.BarsLoaded)
        assert [bar.day.day for bar in bars.bars] == [26, 27, 28, 29, 30]
        (chain,) = desk.said(ev.ChainListed)
        assert chain.chain.expiries == (EXPIRY,)
        hours = desk.broker.liquid_hours()
        assert hours is not None
        desk.broker.subscribe(tuple(everything.values()))
        await desk.until(lambda: len({q.con_id for q in desk.quotes}) == len(everything), "a quote of each")
        assert {(q.epoch, q.data_type) for q in desk.quotes} == {(1, DataType.LIVE)}
        desk.broker.subscribe(board[:3])
        await desk.until(lambda: desk.gateway.desk.lines_in_use() == 3, "the rest is dropped")
        desk.quotes.clear()
        await asyncio.sleep(5.0)
        assert {q.con_id for q in desk.quotes} <= {i.con_id for i in board[:3]}

    tell(story)


def test_a_condor_order_lives_in_raw_words() -> None:
    """Sent, acknowledged, cancelled by ref; then filled in four legs with commissions, each told once."""

    async def story(desk: Desk) -> None:
        await desk.up()
        await desk.loaded()
        ticket = desk.submit("ic-1-a1", RESTING)
        with pytest.raises(TicketSpent):
            desk.broker.submit(ticket)
        await desk.until(lambda: "Submitted" in desk.statuses("ic-1-a1"), "working")
        snapshot = await desk.snapshot()
        assert isinstance(snapshot.open_orders, Known)
        assert [(o.ref, o.status.value, o.remaining) for o in snapshot.open_orders.value] == [
            ("ic-1-a1", "Submitted", 1.0)
        ]
        desk.broker.cancel("ic-1-a1")
        await desk.until(lambda: "Cancelled" in desk.statuses("ic-1-a1"), "cancelled")
        (confirmed,) = desk.said(ev.OrderErrored)
        assert (confirmed.ref, confirmed.meaning) == ("ic-1-a1", ev.ErrorMeaning.CANCEL_CONFIRMED)
        desk.submit("ic-1-a2", MARKETABLE, quantity=2)
        await desk.until(lambda: len(desk.said(ev.CommissionReported)) == 4, "commissions")
        snapshot = await desk.snapshot()
        fills = [fact.fill for fact in desk.said(ev.Filled)]
        assert [(f.ref, f.con_id, f.signed_quantity) for f in fills] == [
            ("ic-1-a2", 26252, 2),
            ("ic-1-a2", 26502, -2),
            ("ic-1-a2", 28501, -2),
            ("ic-1-a2", 28752 - 1, 2),
        ]
        assert snapshot.positions == Known({26252: 2, 26502: -2, 28501: -2, 28751: 2})
        assert snapshot.executions == Known(tuple(fills))
        assert isinstance(snapshot.completed_orders, Known)
        assert {o.ref: o.status.value for o in snapshot.completed_orders.value} == {
            "ic-1-a1": "Cancelled",
            "ic-1-a2": "Filled",
        }

    desk = tell(story)
    assert len([f for f in desk.said(ev.Filled) if f.fill.ref == "ic-1-a2"]) == 4


def test_the_wire_carries_exactly_the_order_that_was_approved() -> None:
    """One limit order for the day in our account with our ref, no price per leg, nothing else set."""

    async def story(desk: Desk) -> None:
        await desk.up()
        await desk.loaded()
        desk.submit("ic-1-a1", -1.35, quantity=3)
        await asyncio.sleep(1.0)
        ((_, message),) = desk.proxy.written(3)
        head = message[2:30]
        assert head[:3] == ["0", "SPX", "BAG"]
        assert message[16:24] == ["BUY", "3", "LMT", "-1.35", "", "DAY", "", "DU1234567"]
        assert "ic-1-a1" in message[24:28]
        legs = message.index("4", 30)
        assert message[legs + 1 : legs + 5] == ["26252", "1", "BUY", "SMART"]

    tell(story)


def test_what_if_is_known_unknown_or_waited_for() -> None:
    """Margins are Known; a refused question is Unknown with the broker's words; an early empty answer is waited out."""

    async def story(desk: Desk) -> None:
        await desk.up()
        await desk.loaded()
        desk.broker.ask_margin(AskMargin(intent("m-1", RESTING)), ())
        desk.broker.ask_margin(AskMargin(intent("m-2", RESTING, quantity=1000)), ())
        await desk.until(lambda: len(desk.said(ev.MarginAnswered)) == 2, "margins")
        answers = {fact.ref: fact.impact for fact in desk.said(ev.MarginAnswered)}
        known, refused = answers["m-1"], answers["m-2"]
        assert isinstance(known, Known)
        assert known.value.initial_margin_after_usd == 6000.0
        assert isinstance(refused, Unknown)
        assert "201" in refused.reason

        def empty_first(fields: list[str]) -> list[list[str]]:
            if fields[0] != "5":
                return [fields]
            return [[UNSET if field in ("6000.0", "5000.0") else field for field in fields], fields]

        desk.proxy.alter = empty_first
        desk.broker.ask_margin(AskMargin(intent("m-3", RESTING)), ())
        await desk.until(lambda: len(desk.said(ev.MarginAnswered)) == 3, "the second answer")
        assert isinstance(desk.said(ev.MarginAnswered)[-1].impact, Known)
        desk.proxy.alter = lambda fields: empty_first(fields)[:1]
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        desk.broker.ask_margin(AskMargin(intent("m-4", RESTING)), ())
        await desk.until(lambda: len(desk.said(ev.MarginAnswered)) == 4, "the deadline")
        assert isinstance(desk.said(ev.MarginAnswered)[-1].impact, Unknown)
        assert 3.0 <= loop.time() - asked_at < 3.2

    desk = tell(story)
    assert desk.said(ev.OrderStatusReported) == []


def test_the_what_ifs_answer_brings_the_brokers_model_of_the_legs() -> None:
    """Legs with a line bring what tick 13 said of them, the others nothing; quotes alone never carry it (C52)."""

    async def story(desk: Desk) -> None:
        await desk.up()
        board = {instrument.con_id: instrument for instrument in await desk.loaded()}
        legs = [leg.con_id for leg in intent("m-1", RESTING).legs]
        desk.broker.subscribe([board[con_id] for con_id in legs[:2]])
        await desk.until(lambda: len({q.con_id for q in desk.quotes}) == 2, "quotes")
        await asyncio.sleep(5.0)
        desk.broker.ask_margin(AskMargin(intent("m-1", RESTING)), ())
        await desk.until(lambda: bool(desk.said(ev.MarginAnswered)), "the margin")
        models = {model.con_id: model for model in desk.said(ev.MarginAnswered)[0].models}
        assert sorted(models) == sorted(legs[:2])
        assert all((model.iv, model.vega_points) == (0.15, 2.0) for model in models.values())

    tell(story)


# what must not leave ---------------------------------------------------------------------------------
def test_nothing_leaves_under_the_kill_latch_or_without_a_link() -> None:
    """The latch is looked at before every order and again at the door; a dead link refuses too, tickets unspent."""

    async def story(desk: Desk) -> None:
        early = desk.submit("ic-0", RESTING)
        assert desk.refused("ic-0") == ["the broker link is not up"]
        await desk.up()
        await desk.loaded()
        desk.killed = True
        desk.submit("ic-1", RESTING)
        assert desk.refused("ic-1") == ["the kill latch is set"]
        desk.killed = False
        for number in range(3):
            desk.submit(f"open-{number}", RESTING, purpose=Purpose.ENTRY)
        desk.killed = True  # the third waits for its budget of two a second: the latch falls meanwhile
        await asyncio.sleep(1.5)
        assert desk.refused("open-2") == ["the kill latch is set"]
        desk.killed = False
        desk.broker.submit(early)
        await asyncio.sleep(1.0)
        assert len(desk.proxy.written(3)) == 3

    tell(story)


def test_an_order_over_the_message_budget_is_refused_in_time_and_never_sent_late() -> None:
    """Entries beyond two a second wait; after two seconds they are refused for certain."""

    async def story(desk: Desk) -> None:
        await desk.up()
        await desk.loaded()
        for number in range(8):
            desk.submit(f"open-{number}", RESTING, purpose=Purpose.ENTRY)
        await asyncio.sleep(10.0)
        sent = {fact.ref for fact in desk.said(ev.OrderSent)}
        late = {fact.ref for fact in desk.said(ev.SendRefused)}
        assert len(sent) + len(late) == 8
        assert len(sent) in (4, 5, 6)
        assert sent.isdisjoint(late)
        assert len(desk.proxy.written(3)) == len(sent)
        assert all("message budget" in fact.reason for fact in desk.said(ev.SendRefused))

    tell(story)


def test_cancel_all_overtakes_everything_and_drops_what_waits() -> None:
    """With a queue of quotes and orders the global cancel is the next message, and no order follows it."""

    async def story(desk: Desk) -> None:
        await desk.up()
        board = await desk.loaded()
        desk.broker.subscribe(board)
        for number in range(6):
            desk.submit(f"open-{number}", RESTING, purpose=Purpose.ENTRY)
        desk.broker.cancel("open-5")
        assert desk.refused("open-5") == ["cancelled before it was written"]
        before = len(desk.proxy.received)
        desk.broker.cancel_all()
        await asyncio.sleep(5.0)
        after = [fields[0] for _, fields in desk.proxy.received[before:]]
        pressed = after.index("58")
        assert "3" not in after[pressed:]
        assert {fact.ref for fact in desk.said(ev.SendRefused)} == {"open-2", "open-3", "open-4", "open-5"}
        await desk.until(lambda: "Cancelled" in desk.statuses("open-0"), "cancelled")
        snapshot = await desk.snapshot()
        assert snapshot.open_orders == Known(())

    tell(story)


def test_the_message_rate_holds_while_lines_are_requested() -> None:
    """With every contract subscribed, no second of market time holds more than 40 messages, and a close passes them."""

    async def story(desk: Desk) -> None:
        await desk.up()
        await desk.loaded()
        desk.broker.ask_options(AskOptions("SPX", "SPXW", EXPIRY, 2000.0, 4000.0))
        await desk.until(lambda: len(desk.said(ev.InstrumentsLoaded)) == 2, "the whole board")
        await asyncio.sleep(2.0)
        board = desk.said(ev.InstrumentsLoaded)[-1].instruments
        mark = len(desk.proxy.received)
        desk.broker.subscribe(board)
        desk.submit("ic-9", RESTING)
        await asyncio.sleep(6.0)
        times = [at for at, _ in desk.proxy.received]
        assert all(sum(at <= then < at + 0.999 for then in times) <= 40 for at in times)
        kinds = [fields[0] for _, fields in desk.proxy.received[mark:]]
        assert kinds.count("1") == len(board)
        assert kinds.index("3") <= 20
        assert desk.proxy.written(3)[0][0] == desk.proxy.received[mark][0]
        assert "PACE-100" not in desk.faults()

    tell(story)


# trouble with the link -------------------------------------------------------------------------------
def test_a_restart_costs_nothing_but_time() -> None:
    """Epochs rise, fills are replayed, the working order is adopted and can be cancelled, ids never repeat."""

    async def story(desk: Desk) -> None:
        await desk.up()
        board = await desk.loaded()
        desk.broker.subscribe(board[:4])
        desk.submit("ic-1", RESTING)
        await desk.until(lambda: "Submitted" in desk.statuses("ic-1"), "working")
        desk.submit("ic-2", MARKETABLE)
        await desk.until(lambda: len(desk.said(ev.Filled)) == 4, "filled")
        desk.gateway.cause("restart", refuse_s=5.0, rollback_ids=50)
        await desk.until(lambda: desk.link is LinkState.DOWN, "down")
        await desk.until(lambda: desk.link is LinkState.UP, "up again")
        assert desk.said(ev.LinkChanged)[-1].epoch == 2
        snapshot = desk.said(ev.BrokerSnapshot)[-1]
        assert isinstance(snapshot.open_orders, Known)
        assert [o.ref for o in snapshot.open_orders.value] == ["ic-1"]
        assert isinstance(snapshot.executions, Known)
        assert len(snapshot.executions.value) == 4
        assert len(desk.said(ev.Filled)) == 4
        desk.quotes.clear()
        await desk.until(lambda: len({q.con_id for q in desk.quotes}) == 4, "quotes again")
        assert {q.epoch for q in desk.quotes} == {2}
        desk.submit("ic-3", RESTING)
        ids = [fact.order_id for fact in desk.said(ev.OrderSent)]
        assert ids == sorted(set(ids))
        desk.broker.cancel("ic-1")
        await desk.until(lambda: "Cancelled" in desk.statuses("ic-1"), "the old order obeys")

    tell(story)


def test_another_process_adopts_by_ref_and_starts_above_the_journals_ids() -> None:
    """A fresh adapter with the same client id finds the order in the snapshot, hears of it and cancels it."""

    async def story(desk: Desk) -> None:
        await desk.up()
        await desk.loaded()
        desk.submit("ic-1", RESTING)
        await desk.until(lambda: "Submitted" in desk.statuses("ic-1"), "working")
        await desk.broker.stop()
        desk.facts.clear()
        desk.broker = desk.another()
        desk.broker.set_order_id_floor(5000)
        await desk.up()
        await desk.loaded()
        assert desk.statuses("ic-1") == ["Submitted"]
        desk.submit("ic-2", RESTING)
        assert desk.said(ev.OrderSent)[-1].order_id > 5000
        desk.broker.cancel("ic-1")
        await desk.until(lambda: "Cancelled" in desk.statuses("ic-1"), "adopted and cancelled")

    tell(story)


def test_order_ids_never_repeat_though_the_gateway_rolls_back() -> None:
    """After a restart that forgot ids, the next order still has a higher one than every order before."""

    async def story(desk: Desk) -> None:
        await desk.up()
        await desk.loaded()
        for _ in range(30):
            await desk.snapshot()
        desk.proxy.swallow["5"] = 100  # not even an acknowledgement may be needed
        desk.submit("ic-1", MARKETABLE)
        await desk.until(lambda: len(desk.said(ev.Filled)) == 4, "filled")
        desk.proxy.alter = lambda fields: [["9", "1", "1"]] if fields[0] == "9" else [fields]
        desk.proxy.cut()
        await desk.until(lambda: desk.link is LinkState.DOWN, "down")
        await desk.until(lambda: desk.is_up, "up again")
        desk.submit("ic-2", RESTING)
        first, second = (fact.order_id for fact in desk.said(ev.OrderSent))
        assert second > first

    tell(story)


def test_a_status_belongs_to_the_permanent_id_not_to_the_order_id() -> None:
    """A status with the permanent id of one order and the order id of another is about the first."""

    async def story(desk: Desk) -> None:
        await desk.up()
        await desk.loaded()
        desk.submit("ic-1", RESTING)
        desk.submit("ic-2", RESTING)
        await desk.until(lambda: bool(desk.statuses("ic-1")) and bool(desk.statuses("ic-2")), "working")
        perm_id = next(fact.perm_id for fact in desk.said(ev.OrderStatusReported) if fact.ref == "ic-1")
        other = next(fact.order_id for fact in desk.said(ev.OrderSent) if fact.ref == "ic-2")
        desk.proxy.inject(3, other, "Cancelled", 0, 1, 0, perm_id, 0, 0, 3, "", 0)
        await asyncio.sleep(0.5)
        assert desk.statuses("ic-1")[-1] == "Cancelled"
        assert "Cancelled" not in desk.statuses("ic-2")

    tell(story)


@pytest.mark.parametrize("accounts", [("U7654321",), ("DU1", "DU2")])
def test_a_gateway_of_the_wrong_account_is_left_alone_for_good(accounts: tuple[str, ...]) -> None:
    """Live or several accounts: one fault, the link down, nothing asked and never dialled again."""

    async def story(desk: Desk) -> None:
        await desk.broker.start()
        await asyncio.sleep(300.0)
        assert desk.link is LinkState.DOWN
        assert desk.proxy.connections == 1
        assert [fields[0] for _, fields in desk.proxy.received] == ["71"]

    desk = tell(story, accounts=accounts)
    assert desk.faults() == {"C45"}
    assert desk.said(ev.BrokerSnapshot) == []
    assert desk.said(ev.LinkChanged)[-1].reason.startswith("C45")


def test_an_account_that_changes_at_a_reconnect_is_refused() -> None:
    """The check is made at every connection, not only the first."""

    async def story(desk: Desk) -> None:
        await desk.up()
        desk.proxy.alter = lambda fields: [["15", "1", "U9"]] if fields[0] == "15" else [fields]
        desk.proxy.cut()
        await desk.until(lambda: "C45" in desk.faults(), "refused")
        await asyncio.sleep(300.0)
        assert desk.link is LinkState.DOWN
        assert desk.proxy.connections == 2

    tell(story)


def test_a_gateway_that_accepts_and_stays_silent_is_named() -> None:
    """LINK-SILENT after the connect deadline, told once; attempts go on with growing, bounded pauses."""

    async def story(desk: Desk) -> None:
        desk.proxy.accept_silently = True
        await desk.broker.start()
        await desk.until(lambda: "LINK-SILENT" in desk.faults(), "told", 5.0)
        await asyncio.sleep(600.0)
        assert 8 <= desk.proxy.connections <= 20
        assert len(desk.said(ev.FaultNoted)) == 1
        desk.proxy.accept_silently = False
        await desk.until(lambda: desk.link is LinkState.UP, "up at last", 100.0)

    tell(story)


def test_no_gateway_at_all_is_said_in_words() -> None:
    """The reason names host and port."""

    async def story(desk: Desk) -> None:
        desk.broker = desk.another(port=9)
        await desk.broker.start()
        await desk.until(lambda: desk.link is LinkState.DOWN, "down")
        assert "no gateway at 127.0.0.1:9" in desk.said(ev.LinkChanged)[-1].reason

    tell(story)


def test_a_client_id_in_use_is_waited_for() -> None:
    """326: no second identity is invented; when the other leaves, we come in."""

    async def story(desk: Desk) -> None:
        await desk.up()
        first, desk.broker = desk.broker, desk.another()
        desk.facts.clear()
        await desk.broker.start()
        await desk.until(lambda: "LINK-326" in desk.faults(), "told")
        assert "client id 3 is in use" in desk.said(ev.LinkChanged)[-1].reason
        await first.stop()
        desk.facts.clear()
        await desk.until(lambda: desk.link is LinkState.UP, "our turn", 100.0)

    tell(story)


def test_a_half_open_connection_is_found_within_ten_seconds() -> None:
    """No FIN, no bytes: the heartbeat notices, the link goes down, a new connection is made."""

    async def story(desk: Desk) -> None:
        await desk.up()
        await asyncio.sleep(3.0)
        loop = asyncio.get_running_loop()
        muted_at = loop.time()
        desk.proxy.mute = True
        await desk.until(lambda: desk.link is LinkState.DOWN, "noticed", 11.0)
        assert loop.time() - muted_at <= 10.1
        assert "LINK-HALF-OPEN" in desk.faults()
        desk.proxy.mute = False
        await desk.until(lambda: desk.link is LinkState.UP, "back")

    tell(story)


def test_a_quiet_but_living_gateway_is_kept() -> None:
    """Hours without a message cost a question now and then, and no reconnect."""

    async def story(desk: Desk) -> None:
        desk.proxy.alter = lambda fields: [] if fields[0] in ("6", "7", "8", "54") else [fields]
        await desk.up()
        await asyncio.sleep(3600.0)
        assert desk.is_up
        assert desk.proxy.connections == 1
        assert desk.proxy.written(49)

    tell(story)


def test_upstream_outages_degrade_and_are_followed_by_a_snapshot() -> None:
    """1100 stops orders, 1102 and 1101 bring a snapshot, fresh quotes and UP; without them a new socket after 120 s."""

    async def story(desk: Desk) -> None:
        await desk.up()
        board = await desk.loaded()
        desk.broker.subscribe(board[:3])
        await desk.until(lambda: len({q.con_id for q in desk.quotes}) == 3, "quotes")
        for code in (1102, 1101):
            desk.proxy.inject(4, 2, -1, 1100, "Connectivity between IB and the gateway has been lost.", "")
            await desk.until(lambda: desk.link is LinkState.DEGRADED, "degraded")
            desk.submit(f"ic-{code}", RESTING)
            assert desk.refused(f"ic-{code}") == ["the broker link is not up"]
            count, lines = len(desk.said(ev.BrokerSnapshot)), len(desk.proxy.written(1))
            desk.proxy.inject(4, 2, -1, code, "Connectivity restored", "")
            await desk.until(lambda: desk.link is LinkState.UP, "up")
            assert len(desk.said(ev.BrokerSnapshot)) == count + 1
            await asyncio.sleep(2.0)
            assert len(desk.proxy.written(1)) == lines + 3
            assert desk.gateway.desk.lines_in_use() == 3
        desk.proxy.inject(4, 2, -1, 1100, "Connectivity lost", "")
        await desk.until(lambda: desk.link is LinkState.DOWN, "given up", 125.0)
        await desk.until(lambda: desk.link is LinkState.UP, "a new socket")
        assert desk.said(ev.LinkChanged)[-1].epoch == 2

    tell(story)


def test_a_farm_blip_degrades_and_renews_the_lines() -> None:
    """2103 doubts the quotes, 2104 of the same farm asks for all of them again; another farm's notice does not."""

    async def story(desk: Desk) -> None:
        await desk.up()
        board = await desk.loaded()
        desk.broker.subscribe(board[:3])
        await desk.until(lambda: len({q.con_id for q in desk.quotes}) == 3, "quotes")
        lines = len(desk.proxy.written(1))
        desk.proxy.inject(4, 2, -1, 2103, "Market data farm connection is broken:usopt", "")
        await desk.until(lambda: desk.link is LinkState.DEGRADED, "degraded")
        desk.proxy.inject(4, 2, -1, 2104, "Market data farm connection is OK:usfuture", "")
        await asyncio.sleep(1.0)
        assert desk.link is LinkState.DEGRADED
        desk.proxy.inject(4, 2, -1, 2104, "Market data farm connection is OK:usopt", "")
        await desk.until(lambda: len(desk.proxy.written(1)) == lines + 3, "asked again")
        assert desk.is_up

    tell(story)


def test_a_moved_socket_is_followed_by_a_new_one() -> None:
    """1300: drop and dial again."""

    async def story(desk: Desk) -> None:
        await desk.up()
        desk.proxy.inject(4, 2, -1, 1300, "Socket port has been reset and this connection is being dropped.", "")
        await desk.until(lambda: desk.said(ev.LinkChanged)[-1].epoch == 2 and desk.link is LinkState.UP, "again")

    tell(story)


def test_a_flapping_gateway_does_not_become_a_storm() -> None:
    """Two hundred drops, one a second: attempts stay bounded, no task piles up, the end is UP."""

    async def story(desk: Desk) -> None:
        await desk.up()
        for _ in range(200):
            desk.proxy.cut()
            await asyncio.sleep(1.0)
        assert desk.proxy.connections <= 30
        assert len(asyncio.all_tasks()) < 15
        await desk.until(lambda: desk.link is LinkState.UP, "up", 100.0)

    tell(story)


# unknown is never flat -------------------------------------------------------------------------------
@pytest.mark.parametrize("end_marker", ["62", "53", "102", "55"])
def test_a_snapshot_without_its_end_marker_is_unknown_and_the_link_not_up(end_marker: str) -> None:
    """Whichever part stays unanswered: that part is Unknown, no UP, and a new connection tries again."""

    async def story(desk: Desk) -> None:
        desk.proxy.swallow[end_marker] = 1
        await desk.broker.start()
        await desk.until(lambda: bool(desk.said(ev.BrokerSnapshot)), "a snapshot")
        first = desk.said(ev.BrokerSnapshot)[0]
        parts = (first.positions, first.open_orders, first.completed_orders, first.executions)
        assert sum(isinstance(part, Unknown) for part in parts) == 1
        assert LinkState.UP not in [move.state for move in desk.said(ev.LinkChanged)]
        await desk.until(lambda: desk.link is LinkState.UP, "a second attempt")
        assert desk.said(ev.LinkChanged)[-1].epoch == 2

    tell(story)


def test_a_late_end_marker_does_not_complete_the_next_answer() -> None:
    """An answer that misses its deadline and comes later cannot end the following snapshot with half its rows."""

    async def story(desk: Desk) -> None:
        await desk.up()
        await desk.loaded()
        desk.submit("ic-1", MARKETABLE)
        await desk.until(lambda: len(desk.said(ev.Filled)) == 4, "filled")
        held: list[list[str]] = []

        def hold(fields: list[str]) -> list[list[str]]:
            if fields[0] in ("61", "62"):
                held.append(fields)
                return []
            return [fields]

        desk.proxy.alter = hold
        late = await desk.snapshot("late")
        assert isinstance(late.positions, Unknown)
        rows = [fields for fields in held if fields[0] == "61"]
        assert len(rows) == 4
        count = len(desk.said(ev.BrokerSnapshot))
        desk.broker.ask_snapshot(AskSnapshot(reason="next"))
        await asyncio.sleep(0.2)
        desk.proxy.inject(*rows[0])
        desk.proxy.inject("62", "1")  # the end of the late answer, while the next is under way
        await asyncio.sleep(0.2)
        assert len(desk.said(ev.BrokerSnapshot)) == count
        for fields in (*rows, ["62", "1"]):
            desk.proxy.inject(*fields)
        await desk.until(lambda: len(desk.said(ev.BrokerSnapshot)) > count, "complete")
        assert desk.said(ev.BrokerSnapshot)[-1].positions == Known({26252: 1, 26502: -1, 28501: -1, 28751: 1})

    tell(story)


def test_a_row_lost_on_the_way_makes_the_snapshot_unknown() -> None:
    """A position that cannot be decoded must not look like a position that is not there."""

    async def story(desk: Desk) -> None:
        desk.proxy.alter = lambda fields: [["61", "3", "odd"], fields] if fields[0] == "62" else [fields]
        await desk.broker.start()
        await desk.until(lambda: bool(desk.said(ev.BrokerSnapshot)), "a snapshot")
        first = desk.said(ev.BrokerSnapshot)[0]
        assert isinstance(first.positions, Unknown)
        assert LinkState.UP not in [move.state for move in desk.said(ev.LinkChanged)]
        desk.proxy.alter = None
        await desk.until(lambda: desk.is_up, "up at last")

    tell(story)


def test_a_snapshot_asked_of_a_dead_link_is_wholly_unknown() -> None:
    """Silence is not an empty account."""

    async def story(desk: Desk) -> None:
        snapshot = await desk.snapshot()
        parts = (snapshot.positions, snapshot.open_orders, snapshot.completed_orders, snapshot.executions)
        assert all(isinstance(part, Unknown) for part in parts)

    tell(story)


def test_snapshots_asked_together_become_one() -> None:
    """Ten requests while one is under way make one more, with all their reasons."""

    async def story(desk: Desk) -> None:
        await desk.up()
        count = len(desk.said(ev.BrokerSnapshot))
        for number in range(10):
            desk.broker.ask_snapshot(AskSnapshot(reason=f"r{number % 3}"))
        await asyncio.sleep(5.0)
        reasons = [fact.reason for fact in desk.said(ev.BrokerSnapshot)[count:]]
        assert reasons == ["r0, r1, r2"]

    tell(story)


def test_an_undecodable_message_is_a_fault_and_forces_a_snapshot() -> None:
    """The library would only log it; a storm of them does not become a storm of questions."""

    async def story(desk: Desk) -> None:
        await desk.up()
        count = len(desk.said(ev.BrokerSnapshot))
        for _ in range(50):
            desk.proxy.inject(5, "garbage", "order")
            desk.proxy.inject(11, -1, 1, 26502, "SPX", "OPT")
        await asyncio.sleep(3.0)
        assert "WIRE-DECODE" in desk.faults()
        assert len(desk.said(ev.FaultNoted)) <= 4
        assert len(desk.said(ev.BrokerSnapshot)) == count + 1
        desk.proxy.inject(999, 1, 2)
        await asyncio.sleep(6.0)
        assert "WIRE-UNKNOWN" in desk.faults()
        assert len(desk.said(ev.BrokerSnapshot)) == count + 1

    tell(story)


@pytest.mark.parametrize("poison", [b"\x7f\xff\xff\xff" + b"9" * 100, b"\x00\x00\x00\x08not\0frame"])
def test_a_poisoned_byte_stream_is_dropped_and_dialled_anew(poison: bytes) -> None:
    """A corrupt length or an alien frame: at the latest the heartbeat notices, and the next connection is clean."""

    async def story(desk: Desk) -> None:
        await desk.up()
        desk.proxy.inject_bytes(poison)
        await asyncio.sleep(20.0)
        await desk.until(lambda: desk.link is LinkState.UP, "up")
        snapshot = await desk.snapshot()
        assert isinstance(snapshot.positions, Known)

    tell(story)


# unanswered and refused questions --------------------------------------------------------------------
def test_unanswered_questions_fail_at_their_deadline() -> None:
    """Contracts, chain and history that never end are answered by RequestFailed under their names."""

    async def story(desk: Desk) -> None:
        await desk.up()
        desk.proxy.deaf = True
        desk.broker.ask_chain(AskChain("SPX", "SPXW"))
        desk.broker.ask_options(AskOptions("SPX", "SPXW", EXPIRY, 0.0, 9999.0))
        desk.broker.ask_bars(AskBars("VIX", 5))
        desk.broker.ask_reference(AskReference())
        await desk.until(lambda: len(desk.said(ev.RequestFailed)) == 5, "all failed", 11.0)
        assert {fact.wanted for fact in desk.said(ev.RequestFailed)} == {
            "chain:SPXW",
            "bars:VIX",
            "indices",
            "futures",
            f"SPXW:{EXPIRY.isoformat()}",
        }

    tell(story)


def test_questions_to_a_dead_link_fail_at_once() -> None:
    """No connection: RequestFailed and an Unknown margin, in words."""

    async def story(desk: Desk) -> None:
        desk.broker.ask_bars(AskBars("VIX", 5))
        desk.broker.ask_margin(AskMargin(intent("m", RESTING)), ())
        await asyncio.sleep(0.1)
        assert "no connection" in desk.said(ev.RequestFailed)[0].reason
        assert isinstance(desk.said(ev.MarginAnswered)[0].impact, Unknown)

    tell(story)


# words of the broker ---------------------------------------------------------------------------------
def test_a_false_alarm_does_not_touch_the_order() -> None:
    """Codes on which the library would call the order cancelled are told with their meaning; no status is made up."""

    async def story(desk: Desk) -> None:
        await desk.up()
        await desk.loaded()
        desk.submit("ic-1", RESTING)
        await desk.until(lambda: "Submitted" in desk.statuses("ic-1"), "working")
        (sent,) = desk.said(ev.OrderSent)
        for code in (399, 10349, 10148, 105, 99999):
            desk.proxy.inject(4, 2, sent.order_id, code, "words", "")
        await asyncio.sleep(1.0)
        assert [(e.code, e.meaning.value) for e in desk.said(ev.OrderErrored)] == [
            (399, "information"),
            (10349, "information"),
            (10148, "ambiguous"),
            (105, "ambiguous"),
            (99999, "ambiguous"),
        ]
        assert set(desk.statuses("ic-1")) == {"Submitted"}

    tell(story)


def test_corrections_and_manual_trades_come_through() -> None:
    """A corrected execution is a new fact with a higher revision; a trade without ref is external."""

    async def story(desk: Desk) -> None:
        await desk.up()
        await desk.loaded()
        rows: list[list[str]] = []

        def keep(fields: list[str]) -> list[list[str]]:
            if fields[0] == "11" and fields[5] == "OPT":
                rows.append(list(fields))
            return [fields]

        desk.proxy.alter = keep
        desk.submit("ic-1", MARKETABLE)
        await desk.until(lambda: len(rows) == 4, "filled")
        corrected = list(rows[0])
        corrected[14] = corrected[14].removesuffix(".01") + ".02"
        manual = list(rows[1])
        manual[14], manual[26] = "0000aaaa.00000001.01.01", ""
        for message in (rows[0], corrected, manual, manual):
            desk.proxy.inject(*message)
        await asyncio.sleep(1.0)
        fills = [fact.fill for fact in desk.said(ev.Filled)]
        assert len(fills) == 6
        assert fills[4].base_id == fills[0].base_id
        assert (fills[4].revision, fills[5].ref) == (2, None)

    tell(story)


def test_a_foreign_order_is_seen_but_not_ours_to_cancel() -> None:
    """Another client's order shows in snapshots, its statuses start one question, and a cancel by ref is refused."""

    async def story(desk: Desk) -> None:
        await desk.up()
        await desk.loaded()
        other = desk.another(client_id=9)
        desk.facts.clear()
        await other.start()
        await desk.until(lambda: desk.link is LinkState.UP, "the other is up")
        other.ask_options(AskOptions("SPX", "SPXW", EXPIRY, 2600.0, 2900.0))
        await desk.until(lambda: bool(desk.said(ev.InstrumentsLoaded)), "the other's board")
        other.submit(approved("theirs", RESTING))
        await asyncio.sleep(1.0)
        snapshot = await desk.snapshot()
        assert isinstance(snapshot.open_orders, Known)
        assert [(o.ref, o.client_id) for o in snapshot.open_orders.value] == [("theirs", 9)]
        desk.broker.cancel("theirs")
        desk.broker.cancel("nobody")
        assert {"CANCEL-FOREIGN", "CANCEL-UNKNOWN"} <= desk.faults()
        await other.stop()

    tell(story)


def test_data_that_is_not_served_is_told_once_and_not_asked_again() -> None:
    """354 on a line: one fault with the contract's name; 10197 freezes every quote."""

    async def story(desk: Desk) -> None:
        await desk.up()
        board = await desk.loaded()
        desk.broker.subscribe(board[:2])
        await desk.until(lambda: len({q.con_id for q in desk.quotes}) == 2, "quotes")
        requested = desk.proxy.written(1)
        first, second = (fields[2] for _, fields in requested)
        desk.proxy.inject(4, 2, first, 10197, "No market data during competing live session", "")
        desk.proxy.alter = lambda fields: [] if fields[0] in ("1", "2") else [fields]
        await asyncio.sleep(1.0)
        assert {q.data_type for q in desk.quotes[-2:]} == {DataType.FROZEN}
        desk.proxy.inject(4, 2, second, 354, "Requested market data is not subscribed", "")
        await asyncio.sleep(5.0)
        assert {"DATA-10197", "DATA-354"} <= desk.faults()
        assert len(desk.proxy.written(1)) == 2

    tell(story)


def test_account_figures_come_at_most_once_a_second() -> None:
    """Five figures in one fact, unknown where not told, conflated in market time."""

    async def story(desk: Desk) -> None:
        await desk.up()
        for number in range(100):
            desk.proxy.inject(6, 2, "NetLiquidation", f"{500_000 + number}.0", "USD", "DU1234567")
            desk.proxy.inject(6, 2, "InitMarginReq", UNSET, "USD", "DU1234567")
            await asyncio.sleep(0.05)
        await asyncio.sleep(5.0)
        reports = [fact.snapshot for fact in desk.said(ev.AccountReported)]
        stamps = [report.at for report in reports]
        assert all((b - a).total_seconds() >= 1.0 for a, b in pairwise(stamps))
        assert any(report.initial_margin_usd is None for report in reports)
        desk.proxy.inject(6, 2, "NetLiquidation", "1.0", "EUR", "DU1234567")
        await asyncio.sleep(1.0)
        assert "ACCOUNT-CURRENCY" in desk.faults()

    tell(story)


async def test_the_same_over_tcp() -> None:
    """Real sockets on loopback: connect, order, fill, cancel all, stop; nothing left behind."""
    world = FakeWorld()
    desk = Desk(FakeVenue(world), world)
    await desk.open()
    desk.broker = desk.another(port=desk.gateway.port)
    try:
        await desk.up()
        await desk.loaded()
        desk.submit("ic-1", RESTING)
        desk.submit("ic-2", MARKETABLE)
        await desk.until(lambda: len(desk.said(ev.Filled)) == 4, "filled")
        desk.broker.cancel_all()
        await desk.until(lambda: "Cancelled" in desk.statuses("ic-1"), "cancelled")
    finally:
        await desk.broker.stop()
        await desk.proxy.stop()
        await desk.gateway.stop()
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert left == []


@pytest.mark.parametrize("killed", [False, True])
def test_the_proof_of_a_kill_overtakes_subscriptions_that_wait(killed: bool) -> None:
    """Lines use the message budget up: a snapshot waits for its turn, after a kill it goes in the lane of cancels."""
    took: list[float] = []

    async def story(desk: Desk) -> None:
        await desk.up()
        board = await desk.loaded()
        await asyncio.sleep(3.0)
        desk.broker.subscribe(board)
        await asyncio.sleep(0.05)
        desk.killed = killed
        began = asyncio.get_running_loop().time()
        await desk.snapshot("kill")
        took.append(asyncio.get_running_loop().time() - began)

    tell(story, max_lines=400)
    assert (took[0] < 0.3) is killed, took
