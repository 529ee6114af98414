"""Faults of orders, executions and accounts as the unmodified client meets them, and as the ledger tells them."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator

import pytest
from ib_insync import IB, ExecutionFilter, LimitOrder  # noqa: TID251 - the client under test

from bot.sim.faults.arguments import FaultError
from bot.sim.types import Right
from tests.flow.faulty_day import Day, play


@pytest.fixture(autouse=True)
def _no_message_is_lost(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """ib_insync only logs what it cannot decode and drops it."""
    with caplog.at_level(logging.ERROR, logger="ib_insync"):
        yield
    assert [r.getMessage() for r in caplog.records if "Error handling fields" in r.getMessage()] == []


# fills ---------------------------------------------------------------------------------------------
def test_fill_now_and_fill_part() -> None:
    """Two of three at a given price, the rest at the natural; each with four legs, a summary and commissions."""

    async def story(day: Day) -> None:
        trade = day.place(3)
        await day.wait()
        told = day.cause("fill_part", quantity=2, price=-5.0, order_ref="test")
        await day.wait()
        assert (trade.orderStatus.status, trade.orderStatus.filled, told["filled"]) == ("Submitted", 2, 2)
        assert trade.orderStatus.avgFillPrice == -5.0
        day.cause("fill_now")
        await day.wait()
        assert (trade.orderStatus.status, trade.filled()) == ("Filled", 3)
        assert day.events.count("fill OPT") == day.events.count("commission") == 8
        with pytest.raises(FaultError, match="fill_now: no working order fits any order; working are none"):
            day.cause("fill_now")

    day = play(story)
    (fault, *_) = day.lines("fault")
    assert fault["verb"] == "fill_part"
    assert fault["arguments"] == {"quantity": 2, "price": -5.0, "order_ref": "test", "price_at": "natural"}


def test_fill_leg_only() -> None:
    """The client sees one leg's execution and position, and its combination cancelled."""

    async def story(day: Day) -> None:
        trade = day.place(2)
        await day.wait()
        day.cause("fill_leg_only", leg=2)
        await day.wait()
        assert trade.orderStatus.status == "Cancelled"
        assert [(fill.contract.secType, fill.execution.side) for fill in trade.fills] == [("OPT", "SLD")]
        assert day.held() == {day.legs[1].spec.con_id: -2.0}

    play(story)


def test_fill_after_cancel() -> None:
    """Cancelled and 202, five seconds later executions and Filled."""

    async def story(day: Day) -> None:
        day.cause("fill_after_cancel", delay_s=5.0)
        trade = day.place()
        await day.wait()
        day.ib.cancelOrder(trade.order)
        await day.wait()
        assert trade.orderStatus.status == "Cancelled"
        assert day.errors[-1][1] == 202
        await day.wait(5)
        assert len(day.held()) == 4
        assert day.events[:4] == ["PreSubmitted", "Submitted", "PendingCancel", "Cancelled"]
        assert [event for event in day.events if event.startswith("fill")] == ["fill OPT"] * 4 + ["fill BAG"]

    play(story)


def test_fill_while_disconnected() -> None:
    """Nothing is pushed; after reconnecting the executions are replayed with their commissions."""

    async def story(day: Day) -> None:
        trade = day.place()
        await day.wait()
        day.cause("fill_while_disconnected")
        await day.wait()
        assert trade.orderStatus.status == "Submitted"
        day.ib.disconnect()
        await day.wait()
        assert day.lines("fill")
        day.events.clear()
        await day.connect(day.ib, 1)
        assert (len(day.ib.fills()), {event for event in day.events if event.startswith("fill")}) == (5, set())
        assert len(day.held()) == 4
        assert all(fill.commissionReport.execId for fill in day.ib.fills() if fill.contract.secType == "OPT")

    play(story)


def test_fill_while_disconnected_reaches_orders_of_clients_already_away() -> None:
    """Armed after its owner has gone, the fault fills at once."""

    async def story(day: Day) -> None:
        day.place()
        await day.wait()
        day.ib.disconnect()
        await day.wait()
        day.cause("fill_while_disconnected", client=1)
        assert day.venue.open_orders() == []

    play(story)


def test_hold_fills() -> None:
    """A marketable order waits a minute; after that it fills."""

    async def story(day: Day) -> None:
        day.cause("hold_fills", for_s=60.0)
        bid, ask = day.venue.bag_quote((day.condor(), day.legs)[1])
        assert bid is not None
        assert ask is not None
        trade = day.place(limit=ask)
        await day.wait(55)
        assert trade.orderStatus.status == "Submitted"
        await day.wait(10)
        assert trade.orderStatus.status == "Filled"

    play(story)


# executions ----------------------------------------------------------------------------------------
def test_correct_execution() -> None:
    """A second execution with the next number, new commission, corrected position; both are replayed; a bust has
    quantity 0."""

    async def story(day: Day) -> None:
        trade = await day.holding()
        leg = next(fill for fill in trade.fills if fill.contract.conId == day.legs[3].spec.con_id)
        cash = day.venue.account("DU1234567").cash
        new = day.cause("correct_execution", exec_id=leg.execution.execId, price=leg.execution.price + 0.5)
        await day.wait()
        assert day.venue.account("DU1234567").cash == pytest.approx(cash - 50.0)
        assert new["exec_id"] == leg.execution.execId[:-2] + "02"
        assert {f.execution.execId for f in await day.ib.reqExecutionsAsync()} >= {
            new["exec_id"],
            leg.execution.execId,
        }
        bust = day.cause("correct_execution", exec_id=new["exec_id"], quantity=0)
        await day.wait()
        shares = {fill.execution.execId: fill.execution.shares for fill in day.ib.fills()}
        assert shares[str(bust["exec_id"])] == 0.0
        assert len([one for one in day.held().values() if one]) == 3

    day = play(story)
    assert [line["quantity"] for line in day.lines("fill") if line["corrects"]] == [1, 0]


def test_late_commission() -> None:
    """The first four commissions come after a minute, the next four never: charged, in the ledger, not told."""

    async def story(day: Day) -> None:
        day.cause("late_commission", delay_s=60.0, times=4)
        trade = await day.holding()
        assert "commission" not in day.events
        await day.wait(60)
        assert day.events.count("commission") == 4
        day.cause("late_commission", never=True, times=4)
        day.place(quantity=1)
        await day.wait()
        day.cause("fill_now", price=-5.0)
        await day.wait()
        assert day.events.count("commission") == 4
        assert len(trade.fills) == 5

    day = play(story)
    assert len(day.lines("commission")) == 8


# orders --------------------------------------------------------------------------------------------
def test_never_ack() -> None:
    """Lost: the client waits for ever and no list knows the order. Works: the open orders know it, and its fill is
    told."""

    async def story(day: Day) -> None:
        day.cause("never_ack", order="lost")
        lost = day.place()
        await day.wait(30)
        assert lost.orderStatus.status == "PendingSubmit"
        assert await day.ib.reqAllOpenOrdersAsync() == []
        day.cause("never_ack", order="works")
        silent = day.place()
        await day.wait(30)
        assert silent.orderStatus.status == "PendingSubmit"
        day.cause("fill_now")
        await day.wait()
        assert silent.orderStatus.status == "Filled"

    play(story)


def test_fork_on_modify() -> None:
    """One order id, two permanent ids; a cancel of the id leaves the older order, which fills later."""

    async def story(day: Day) -> None:
        trade = day.place()
        await day.wait()
        first = trade.orderStatus.permId
        day.cause("fork_on_modify")
        trade.order.lmtPrice = -23.0
        day.ib.placeOrder(trade.contract, trade.order)
        await day.wait()
        assert trade.orderStatus.permId != first
        day.ib.cancelOrder(trade.order)
        await day.wait()
        assert [order.perm_id for order in day.venue.open_orders(1)] == [first]
        day.cause("fill_now", perm_id=first)
        await day.wait()
        assert len(day.held()) == 4

    play(story)


def test_reject_next() -> None:
    """At once with a code and status; later after Submitted; a refused modification leaves the order in the market."""

    async def story(day: Day) -> None:
        day.cause("reject_next", code=203, text="not allowed for this account")
        first = day.place()
        await day.wait()
        # ib_insync cancels on the error, then takes the status
        assert first.orderStatus.status == "Inactive"
        assert day.errors[-1] == (first.order.orderId, 203, "not allowed for this account")
        day.cause("reject_next", after_s=5.0, status="Cancelled")
        second = day.place()
        await day.wait()
        assert second.orderStatus.status == "Submitted"
        await day.wait(5)
        assert second.orderStatus.status == "Cancelled"
        third = day.place()
        await day.wait()
        day.cause("reject_next", code=104, text="Cannot modify a filled order.")
        day.ib.placeOrder(third.contract, LimitOrder("BUY", 1, -23.0, orderId=third.order.orderId))
        await day.wait()
        assert day.errors[-1][1] == 104
        assert [order.ticket.limit for order in day.venue.open_orders()] == [-24.0]
        with pytest.raises(FaultError, match="must end"):
            day.cause("reject_next", after_s=5.0, status="none")

    play(story)


def test_inactive_and_cancel_by_human() -> None:
    """Inactive for ten seconds, Submitted again, then cancelled from TWS with notice 202."""

    async def story(day: Day) -> None:
        trade = day.place()
        await day.wait()
        day.cause("inactive", for_s=10.0)
        await day.wait()
        assert trade.orderStatus.status == "Inactive"
        await day.wait(10)
        assert trade.orderStatus.status == "Submitted"
        day.cause("cancel_by_human", order_ref="test")
        await day.wait()
        assert trade.orderStatus.status == "Cancelled"
        assert day.errors[-1][1] == 202

    day = play(story)
    assert day.lines("state")[-1]["reason"] == "cancelled by a human in TWS"


# accounts ------------------------------------------------------------------------------------------
def test_manual_trade() -> None:
    """Client 1 sees the position change and, when it asks, an execution of client 0 with order id 0; client 0 is told
    at once."""

    async def story(day: Day) -> None:
        human = IB()
        await day.connect(human, 0)
        day.condor()
        spec = day.legs[1].spec
        day.cause("manual_trade", con_id=spec.con_id, side="SELL", quantity=3)
        await day.wait()
        assert day.held() == {spec.con_id: -3.0}
        assert [fill.execution.clientId for fill in human.fills()] == [0]
        assert day.ib.fills() == []
        (fill,) = await day.ib.reqExecutionsAsync(ExecutionFilter())
        assert (fill.execution.clientId, fill.execution.orderId, fill.execution.shares) == (0, 0, 3.0)
        with pytest.raises(FaultError, match="contracts fit"):
            day.cause("manual_trade", symbol="SPX", trading_class="SPXW", right="P", side="BUY", quantity=1)
        human.disconnect()

    play(story)


def test_liquidate() -> None:
    """One leg is closed by the broker, marked as liquidation; then everything."""

    async def story(day: Day) -> None:
        await day.holding()
        short = day.legs[1].spec.con_id
        day.cause("liquidate", con_id=short)
        await day.wait()
        assert (len(day.held()), short in day.held()) == (3, False)
        day.cause("liquidate")
        await day.wait()
        assert day.held() == {}
        fills = await day.ib.reqExecutionsAsync()
        assert [f.execution.liquidation for f in fills] == [0] * 5 + [1] * 4
        with pytest.raises(FaultError, match="no position to liquidate; held are none"):
            day.cause("liquidate")

    play(story)


def test_adopt_and_lose_position() -> None:
    """Positions come and go with no execution and no cash."""

    async def story(day: Day) -> None:
        day.condor()
        spec = day.legs[0].spec
        cash = day.venue.account("DU1234567").cash
        day.cause("adopt_position", con_id=spec.con_id, quantity=-2, price=1.5)
        await day.wait()
        (position,) = day.ib.positions()
        assert (position.position, position.avgCost) == (-2.0, 150.0)
        day.cause("lose_position", con_id=spec.con_id)
        await day.wait()
        assert (day.held(), day.ib.fills()) == ({}, [])
        assert day.venue.account("DU1234567").cash == cash

    day = play(story)
    assert [line["quantity"] for line in day.lines("transfer")] == [-2, 2]


def test_cash_movements_and_house_margin() -> None:
    """A deposit moves cash and value; doubled margin and a demand on top take from the excess, and give it back."""

    async def story(day: Day) -> None:
        def shown(tag: str) -> float:
            return next(float(v.value) for v in day.ib.accountValues() if v.tag == tag and v.currency == "USD")

        await day.holding()
        cash = shown("TotalCashValue")
        assert day.cause("cash", amount_usd=1000.5)["balance"] == pytest.approx(cash + 1000.5)
        await day.wait()
        assert shown("TotalCashValue") == pytest.approx(cash + 1000.5)
        day.cause("cash", amount_usd=100.0, reason="withdrawal")
        day.cause("cash", amount_usd=-3.25, reason="interest")
        await day.wait()
        assert shown("TotalCashValue") == pytest.approx(cash + 897.25)
        before = day.venue.account("DU1234567")
        day.cause("house_margin", factor=2.0, extra_usd=50_000.0, for_s=600.0)
        after = day.venue.account("DU1234567")
        assert after.maintenance_margin == pytest.approx(2 * before.maintenance_margin + 50_000)
        assert after.excess_liquidity == pytest.approx(after.net_liquidation - after.maintenance_margin)
        await day.wait(260)
        assert shown("MaintMarginReq") == pytest.approx(after.maintenance_margin, abs=2000)
        await day.wait(600)
        assert day.venue.account("DU1234567").maintenance_margin == pytest.approx(before.maintenance_margin, abs=1000)
        first, second = (day.cause("house_margin", factor=factor)["fault"] for factor in (2.0, 3.0))
        assert day.venue.account("DU1234567").initial_margin == pytest.approx(6.0 * before.initial_margin, rel=0.1)
        day.cause("end", fault=first)
        assert day.venue.account("DU1234567").initial_margin == pytest.approx(3.0 * before.initial_margin, rel=0.1)
        day.cause("end", fault=second)
        with pytest.raises(FaultError, match="above 0"):
            day.cause("cash", amount_usd=-1.0)

    day = play(story)
    assert [line["reason"] for line in day.lines("cash")][-3:] == ["deposit", "withdrawal", "interest"]


@pytest.mark.parametrize(("how", "value"), [("absent", None), ("empty", ""), ("nan", "nan"), ("unset", "1.797")])
def test_account_figures_can_be_wrong(how: str, value: str | None) -> None:
    """What a client asks for is missing, empty, not a number or unset; the ledger keeps the truth."""

    async def story(day: Day) -> None:
        day.cause("account_figures", tags=["NetLiquidation"], how=how, for_s=60.0)
        summary = {v.tag: v.value for v in await day.ib.accountSummaryAsync()}
        assert "TotalCashValue" in summary
        if value is None:
            assert "NetLiquidation" not in summary
        else:
            assert summary["NetLiquidation"].startswith(value)

    day = play(story)
    assert all(math.isfinite(line["nlv"]) for line in day.lines("account"))


def test_account_figures_can_stand_still() -> None:
    """Frozen, the told cash stays while the true one moves; it catches up afterwards."""

    async def story(day: Day) -> None:
        day.cause("account_figures", for_s=400.0)
        (before,) = [v.value for v in await day.ib.accountSummaryAsync() if v.tag == "TotalCashValue"]
        day.cause("cash", amount_usd=10_000.0)
        await day.wait(300)
        assert {v.value for v in day.ib.accountValues() if v.tag == "TotalCashValue"} == {before}
        await day.wait(400)
        assert {v.value for v in day.ib.accountValues() if v.tag == "TotalCashValue"} == {"510000.00"}
        with pytest.raises(FaultError, match="tags must name"):
            day.cause("account_figures", how="nan")

    play(story)


# settlement ----------------------------------------------------------------------------------------
def test_settle_now() -> None:
    """Positions vanish without an execution, cash comes, the order in them ends."""

    async def story(day: Day) -> None:
        await day.holding()
        trade = day.place()
        await day.wait()
        fills = len(day.ib.fills())
        put = day.legs[1].spec.strike
        assert put is not None
        told = day.cause("settle_now", kind="PM", value=put - 10.0)
        await day.wait()
        assert len(told["settled"]) == 4  # type: ignore[arg-type]
        assert (day.held(), len(day.ib.fills())) == ({}, fills)
        assert trade.orderStatus.status == "Cancelled"
        assert day.cause("settle_now", kind="VIX", after_s=5.0) == {}

    day = play(story)
    assert sorted(line["cash"] for line in day.lines("settle")) == [-1000.0, 0.0, 0.0, 0.0]


def sell_expiring(day: Day) -> int:
    """A short out-of-the-money put that settles today, sold by hand."""
    level = day.world.index("SPX").last
    assert level is not None
    spec = day.spec(round(level * 0.97 / 25) * 25.0, Right.PUT, days=0)
    assert spec.expiry == day.venue.now.date()
    day.cause("manual_trade", con_id=spec.con_id, side="SELL", quantity=1)
    return spec.con_id


FRIDAY_AFTERNOON = {"day": 4, "hours": 6.6, "tick_s": 15.0}
"""Six minutes after the index close of the first Friday, nine before the options' own."""


def test_settlement_can_be_delayed_or_missing() -> None:
    """Expired options stay for the delay, and as long as no value is published."""

    async def story(day: Day) -> None:
        con_id = sell_expiring(day)
        day.cause("settlement_delay", delay_s=300.0)
        await day.wait(600)
        assert day.held() == {con_id: -1.0}
        await day.wait(300)
        assert day.held() == {}

    async def other(day: Day) -> None:
        con_id = sell_expiring(day)
        told = day.cause("settlement_missing")
        await day.wait(900)
        assert day.held() == {con_id: -1.0}
        day.gateway.stage.lasting.end(int(str(told["fault"])))
        await day.wait(120)
        assert day.held() == {}

    play(story, **FRIDAY_AFTERNOON)
    play(other, **FRIDAY_AFTERNOON)


def test_a_settled_position_can_linger() -> None:
    """Its cash has come, yet it is reported until the time is over, to new clients as well."""

    async def story(day: Day) -> None:
        con_id = sell_expiring(day)
        day.cause("expired_lingers", linger_s=240.0)
        await day.wait(600)
        assert day.lines("settle")
        assert day.held() == {con_id: -1.0}
        other = IB()
        await day.connect(other, 2)
        assert [position.contract.conId for position in other.positions()] == [con_id]
        await day.wait(240)
        assert (day.held(), other.positions()) == ({}, [])
        other.disconnect()

    play(story, **FRIDAY_AFTERNOON)
