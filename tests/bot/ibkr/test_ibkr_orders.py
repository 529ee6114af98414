"""The adapter's order desk by itself: ids that only rise, the latch at the last moment, cancels ahead of data."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from bot.ibkr.egress import Auditor
from bot.ibkr.faults import Faults
from bot.ibkr.gateway import Wire
from bot.ibkr.orders import Orders
from bot.ibkr.outbox import Outbox
from bot.ibkr.pacing import Lane, Pacer
from bot.ibkr.settings import BrokerSettings
from risk import gate
from risk.approval import Approved
from strategies.domain.events import OrderSent, SendRefused
from tests.risk.sample import ACCOUNT, World, entry

CLIENT = BrokerSettings().client_id


class PlainWire:
    """A connection that writes down what it is given; ids rise as the library's do."""

    writable = True

    def __init__(self) -> None:
        self.auditor = Auditor()
        self.said: list[tuple[str, int]] = []
        self.seen = 0

    def next_id(self, floor: int = 0) -> int:
        self.seen = max(self.seen + 1, floor + 1)
        return self.seen

    def place(self, order_id: int, order: object) -> None:
        self.said.append(("place", order_id))

    def cancel(self, order_id: int) -> None:
        self.said.append(("cancel", order_id))


class Desk:
    """An order desk whose latch, link, clock and wire are a test's."""

    def __init__(self, per_s: int = 40) -> None:
        self.facts: list[Any] = []
        self.killed = False
        self.up = True
        self.seconds = 0.0
        pacer: Pacer[Any] = Pacer(per_s, cancel_reserve=2, order_reserve=2, opens_per_s=2)
        self.outbox = Outbox(pacer, lambda: self.seconds, self.facts.append)
        self.orders = Orders(
            BrokerSettings(),
            outbox=self.outbox,
            faults=Faults(self.facts.append),
            instruments=dict(World().view().market.instruments),
            post_fact=self.facts.append,
            kill_file_present=lambda: self.killed,
            link_up=lambda: self.up,
        )
        self.wire = self.connect()

    def connect(self) -> PlainWire:
        wire = PlainWire()
        self.orders.begin(cast(Wire, wire), ACCOUNT)
        return wire

    def submit(self, condor: str = "ic-1") -> str:
        approved = approval(condor)
        self.orders.submit(approved)
        return approved.intent.ref

    def kinds(self) -> list[type]:
        return [type(fact) for fact in self.facts]


def approval(condor: str) -> Approved:
    """A true approval of the gate."""
    made = gate.review(entry(condor), World().view(), World().limits, 1).approved
    assert made is not None
    return made


async def test_the_highest_order_id_ever_seen_is_never_undercut() -> None:
    """A new connection whose gateway counts from one again gets ids above all earlier ones, whatever came last."""
    desk = Desk()
    desk.orders.raise_floor(500)
    desk.orders.raise_floor(7)
    desk.wire = desk.connect()
    desk.submit()
    assert [number for _, number in desk.wire.said] == [502]  # 501 went to the connection's own requests
    again = desk.connect()
    desk.submit("ic-2")
    assert again.said[0][1] > 502


async def test_the_latch_is_looked_at_when_the_order_is_written() -> None:
    """An order that waited for its turn is refused if the kill came meanwhile; so is one whose link has gone."""
    for trouble in ("kill", "link"):
        desk = Desk(per_s=40)
        refs = [desk.submit(f"ic-{n}") for n in (1, 2, 3)]  # two a second: the third waits
        assert [verb for verb, _ in desk.wire.said] == ["place", "place"]
        desk.killed, desk.up = trouble == "kill", trouble != "link"
        desk.seconds = 1.5
        desk.outbox.pump()
        assert len(desk.wire.said) == 2
        refused = [fact.ref for fact in desk.facts if isinstance(fact, SendRefused)]
        assert refused == refs[2:]
        assert desk.submit("ic-4") in [fact.ref for fact in desk.facts if isinstance(fact, SendRefused)]


async def test_a_cancel_is_written_before_the_data_that_waited_longer() -> None:
    """With the second's budget spent on subscriptions, the cancel takes a token kept for it, at once."""
    desk = Desk(per_s=8)
    ref = desk.submit()
    said = desk.wire.said
    for number in range(50):
        desk.outbox.send(Lane.DATA, lambda n=number: said.append(("data", n)))
    desk.orders.cancel(ref)
    assert said[-1] == ("cancel", said[0][1])
    assert desk.outbox.queued > 30
    desk.outbox.clear()


@pytest.mark.parametrize("state", ["killed", "down"])
async def test_nothing_is_written_under_a_latch_or_without_a_link(state: str) -> None:
    """Refused at once, with a word for the engine; the approval is not spent."""
    desk = Desk()
    desk.killed, desk.up = state == "killed", state != "down"
    desk.submit()
    assert (desk.wire.said, desk.kinds()) == ([], [SendRefused])


async def test_an_order_written_is_told_with_its_id() -> None:
    """The engine hears which id the order has on the wire."""
    desk = Desk()
    ref = desk.submit()
    await asyncio.sleep(0)
    assert desk.facts == [OrderSent(ref=ref, order_id=desk.wire.said[0][1])]
