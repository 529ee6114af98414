"""What leaves is read back from its bytes: only approved orders, each once, exactly as approved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_insync import IB, Client, ComboLeg, Contract, Order  # noqa: TID251 - its own bytes are what is read back
from ib_insync.wrapper import Wrapper  # noqa: TID251

from bot.ibkr.egress import Auditor, EgressRefused, read
from strategies.domain.orders import Action, LegIntent, PlaceIntent, Purpose

AT = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
ACCOUNT = "DU1234567"


def intent(legs: tuple[LegIntent, ...], quantity: int = 2, limit: float = -9.85) -> PlaceIntent:
    return PlaceIntent(
        ref="ic-20260302-1.entry.1", chain_ref="c", attempt=1, purpose=Purpose.ENTRY, owner="ic-20260302-1", rule="r",
        legs=legs, quantity=quantity, limit_points=limit, mid_points=limit, natural_points=limit, decided_at=AT,
        text="",
    )  # fmt: skip


CONDOR = tuple(
    LegIntent(con_id, 1, side)
    for con_id, side in ((11, Action.BUY), (12, Action.SELL), (13, Action.SELL), (14, Action.BUY))
)


class Socket:
    """The library's client with its bytes caught."""

    def __init__(self, version: int) -> None:
        ib = IB()
        self.client: Any = Client(Wrapper(ib))
        self.client._serverVersion = version
        self.client.connState = Client.CONNECTED
        self.sent: list[bytes] = []
        self.client.conn.sendMsg = self.sent.append
        self.client.MaxRequests = 0

    def place(self, made: PlaceIntent, **changes: Any) -> bytes:
        """The frame that the library makes of an intent, with fields changed on the way."""
        legs = [ComboLeg(conId=x.con_id, ratio=x.ratio, action=x.action.value, exchange="SMART") for x in made.legs]
        contract = Contract(secType="BAG", symbol="SPX", exchange="SMART", currency="USD", comboLegs=legs)
        order = Order(
            action="BUY", totalQuantity=made.quantity, orderType="LMT", lmtPrice=made.limit_points, tif="DAY",
            transmit=True, account=ACCOUNT, orderRef=made.ref, eTradeOnly=False, firmQuoteOnly=False,
        )  # fmt: skip
        if len(made.legs) == 1:
            (leg,) = made.legs
            contract = Contract(secType="OPT", conId=leg.con_id, symbol="VIX", exchange="SMART", currency="USD")
            order.action, order.lmtPrice = leg.action.value, made.limit_points * leg.action.sign
        for name, value in changes.items():
            setattr(contract if name == "comboLegs" else order, name, value)
        self.client.placeOrder(7, contract, order)
        return self.sent[-1]


@pytest.fixture(scope="module", autouse=True)
def loop() -> Iterator[None]:
    """The library's client asks for an event loop when it is made, and tests before these leave none behind."""
    found = asyncio.new_event_loop()
    asyncio.set_event_loop(found)
    yield
    asyncio.set_event_loop(None)
    found.close()


@pytest.fixture(params=[157, 158, 163, 170, 176])
def wire(request: pytest.FixtureRequest) -> Socket:
    return Socket(request.param)


def auditor(made: PlaceIntent) -> Auditor:
    found = Auditor()
    found.expect(made, ACCOUNT)
    return found


def test_an_approved_order_leaves_once(wire: Socket) -> None:
    """The bytes of a condor pass; the same bytes again do not."""
    made = intent(CONDOR)
    frame, watch = wire.place(made), auditor(made)
    watch.pass_frames(frame)
    with pytest.raises(EgressRefused, match="no approval is open"):
        watch.pass_frames(frame)


@pytest.mark.parametrize(("side", "limit"), [(Action.BUY, 2.35), (Action.SELL, -2.35)])
def test_a_single_leg_is_known_by_its_side(wire: Socket, side: Action, limit: float) -> None:
    """A purchase and a sale of one contract pass as what they are and not as each other."""
    made = intent((LegIntent(21, 1, side, 4),), 3, limit)
    auditor(made).pass_frames(wire.place(made))
    with pytest.raises(EgressRefused, match="the bytes say"):
        auditor(made).pass_frames(wire.place(made, action="SELL" if side is Action.BUY else "BUY"))


@pytest.mark.parametrize(
    "changes",
    [
        {"totalQuantity": 3}, {"lmtPrice": 9.85}, {"lmtPrice": -9.80}, {"account": "DU7654321"}, {"action": "SELL"},
        {"orderType": "MKT"}, {"tif": "GTC"}, {"outsideRth": True}, {"transmit": False}, {"parentId": 4},
        {"ocaGroup": "x"}, {"auxPrice": 1.0}, {"algoStrategy": "Adaptive"}, {"hedgeType": "D"},
        {"orderRef": "ic-20260302-2.entry.1"}, {"scalePriceIncrement": 0.05},
        {"comboLegs": [ComboLeg(conId=11, ratio=1, action="BUY"), ComboLeg(conId=12, ratio=1, action="SELL")]},
        {"comboLegs": [ComboLeg(conId=x.con_id, ratio=1 + (x.con_id == 12), action=x.action.value) for x in CONDOR]},
    ],
)  # fmt: skip
def test_whatever_was_changed_on_the_way_does_not_leave(wire: Socket, changes: dict[str, Any]) -> None:
    """One field other than approved, and the frame is refused."""
    made = intent(CONDOR)
    with pytest.raises(EgressRefused):
        auditor(made).pass_frames(wire.place(made, **changes))


def test_a_question_needs_no_approval_and_spends_none(wire: Socket) -> None:
    """What-ifs carry their flag in the bytes; without it the same order is one."""
    made = intent(CONDOR)
    Auditor().pass_frames(wire.place(made, whatIf=True))
    watch = auditor(made)
    watch.pass_frames(wire.place(made, whatIf=True))
    watch.pass_frames(wire.place(made))
    with pytest.raises(EgressRefused):
        Auditor().pass_frames(wire.place(made))


def test_other_requests_pass(wire: Socket) -> None:
    """Cancels above all."""
    wire.client.reqGlobalCancel()
    wire.client.cancelOrder(7)
    wire.client.reqCurrentTime()
    for frame in wire.sent:
        Auditor().pass_frames(frame)


@given(st.binary(max_size=200))
def test_garbage_that_begins_like_an_order_is_refused(tail: bytes) -> None:
    """Bytes that cannot be read back never leave."""
    with pytest.raises((EgressRefused, UnicodeDecodeError)):
        Auditor().pass_frames(b"\0\0\0\0" + b"3\0" + tail)


LEGS = st.tuples(st.integers(1, 10**9), st.integers(1, 12), st.sampled_from(list(Action)))


@given(
    st.lists(LEGS, min_size=2, max_size=4, unique_by=lambda row: row[0]),
    st.integers(1, 50),
    st.integers(-4000, 4000),
)  # fmt: skip
def test_what_is_read_back_is_what_was_meant(rows: list, quantity: int, ticks: int) -> None:
    """Over any legs, ratios, sizes and limits the library's bytes are read as the intent they came from."""
    made = intent(tuple(LegIntent(*row) for row in rows), quantity, round(ticks * 0.05, 2))
    frame = Socket(176).place(made)
    auditor(made).pass_frames(frame)
    assert read(frame[4:]).quantity == msgspec.to_builtins(made)["quantity"]
