"""Orders that meet other hands than their client's: forced fills, lost messages, forks, late rejections."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.sim.types import Reject, SecType, Side, VenueOrder
from bot.sim.venue.hazards import Hazard, Trap, Which
from bot.sim.venue.interventions import PriceAt
from bot.sim.venue.refusal import VenueRefusal


def resting(bench, quantity: int = 2, **terms) -> VenueOrder:
    """A condor order far from the market, working."""
    order = bench.venue.place(bench.bag(bench.condor(), -45.0, quantity, **terms))
    assert isinstance(order, VenueOrder)
    bench.wait(0.001)
    return order


def arm(bench, hazard: Hazard, **terms) -> Trap:
    trap = Trap(hazard, "test", **terms)
    bench.venue.hazards.arm(trap)
    return trap


def fills(bench) -> list[dict[str, object]]:
    return bench.kinds("fill")


# forced fills --------------------------------------------------------------------------------------
@pytest.mark.parametrize("price", [PriceAt.NATURAL, PriceAt.LIMIT, PriceAt.MID, -12.34])
def test_a_forced_fill_is_a_fill_like_any_other(bench, price) -> None:
    """Legs in ratio, their net the price asked for, the combination's summary, states, commissions and cash."""
    order = resting(bench)
    natural = bench.venue.bag_quote(order.ticket.legs)[1]
    before = bench.cash()
    bench.venue.interventions.fill(Which(perm_id=order.perm_id), bench.venue.now, units=1, price=price)
    expected = {
        PriceAt.NATURAL: natural,
        PriceAt.LIMIT: -45.0,
        PriceAt.MID: round(bench.mid(order.ticket.legs), 2),
    }.get(price, price)
    *legs, summary = bench.heard.executions
    assert (summary.spec.sec_type, summary.price, summary.quantity) == (SecType.BAG, expected, 1)
    assert sum(e.side.sign * e.price for e in legs) == pytest.approx(expected)
    assert (order.status, order.filled, order.remaining) == ("Submitted", 1, 1)
    assert bench.cash() == pytest.approx(before - 100 * expected)
    bench.venue.interventions.fill(Which(order_ref="C1"), bench.venue.now, price=price)
    assert order.status == "Filled"
    bench.wait()
    assert len(bench.heard.commissions) == 8


def test_what_no_order_can_do_is_refused_with_what_is_there(bench) -> None:
    """No such order, too many units, half a cent, a limit that is not there: refused, nothing booked."""
    order = resting(bench)
    market = bench.venue.place(
        bench.single(bench.option(2700.0, "P"), Side.BUY, None, order_type="MKT", order_id=9, transmit=False)
    )
    fill, now = bench.venue.interventions.fill, bench.venue.now
    for which, terms, text in (
        (Which(perm_id=1), {"price": PriceAt.NATURAL}, f"no working order fits perm_id 1; working are {order.perm_id}"),
        (Which(perm_id=order.perm_id), {"units": 3, "price": PriceAt.LIMIT}, "from 1 to the 2"),
        (Which(perm_id=order.perm_id), {"price": -1.005}, "whole cents"),
        (Which(perm_id=market.perm_id), {"price": PriceAt.LIMIT}, "has no limit"),
        (Which(perm_id=market.perm_id), {"price": -1.0}, "not negative"),
    ):
        with pytest.raises(VenueRefusal, match=text):
            fill(which, now, **terms)
    assert fills(bench) == []


def test_one_leg_alone_leaves_an_imbalance(bench) -> None:
    """The leg's execution and position appear, no summary does, and the order ends without counting a fill."""
    order = resting(bench)
    exec_id = bench.venue.interventions.fill_leg(Which(), bench.venue.now, leg=2, contracts=None, price=None, ends=True)
    (only,) = bench.heard.executions
    bid = float(bench.venue.option_marks([order.ticket.legs[1].spec]).bid[0])
    assert (only.exec_id, only.side, only.quantity, only.price) == (exec_id, Side.SELL, 2, bid)
    assert [line.quantity for line in bench.venue.positions()] == [-2]
    assert (order.status, order.filled) == ("Cancelled", 0)
    other = resting(bench, order_id=2)
    with pytest.raises(VenueRefusal, match="has 4 legs"):
        bench.venue.interventions.fill_leg(Which(), bench.venue.now, leg=5, contracts=1, price=1.0, ends=False)
    bench.venue.interventions.fill_leg(Which(), bench.venue.now, leg=1, contracts=1, price=1.0, ends=False)
    assert other.status == "Submitted"


# traps ---------------------------------------------------------------------------------------------
def test_an_order_fills_after_its_cancellation(bench) -> None:
    """Cancelled and 202 first; thirty seconds later its executions and Filled; it is one completed order."""
    arm(bench, Hazard.FILL_AFTER_CANCEL, delay_s=30.0)
    order = resting(bench)
    assert bench.venue.cancel(1, 1) is None
    assert order.status == "Cancelled"
    bench.wait(29)
    assert bench.heard.executions == []
    bench.wait(1)
    assert (order.status, order.filled) == ("Filled", 2)
    told = [name for name, _ in bench.heard.calls if name in ("order", "error", "execution")]
    assert told[:5] == ["order", "order", "order", "error", "execution"]
    assert [done.status for done in bench.venue.completed_orders()] == ["Filled"]
    assert bench.venue.cancel(1, 1).code == 10148


def test_an_order_fills_the_moment_its_owner_is_gone(bench) -> None:
    """Nothing while the client is connected; at its limit as soon as it is not; other clients' orders stay."""
    arm(bench, Hazard.FILL_WHEN_GONE, which=Which(client=1))
    mine, other = resting(bench), resting(bench, client_id=2)
    bench.venue.note_client(2, connected=False, reason="test")
    bench.wait(60)
    assert mine.status == other.status == "Submitted"
    bench.venue.note_client(1, connected=False, reason="test")
    assert (mine.status, mine.average_price, other.status) == ("Filled", -45.0, "Submitted")


def test_fills_can_be_held(bench) -> None:
    """A marketable order waits while fills are held and trades once they are not."""
    trap = arm(bench, Hazard.NO_FILLS, left=None)
    legs = bench.condor()
    order = bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1]))
    bench.wait(600)
    assert order.status == "Submitted"
    bench.venue.hazards.disarm(trap)
    bench.wait()
    assert order.status == "Filled"


def test_an_order_can_be_lost_or_go_unanswered(bench) -> None:
    """The lost one is nowhere; the unanswered one works in silence and fills in public."""
    arm(bench, Hazard.ORDER_LOST)
    legs = bench.condor()
    assert bench.venue.place(bench.bag(legs, -45.0)) is None
    assert bench.venue.open_orders() == []
    arm(bench, Hazard.NO_ACKNOWLEDGEMENT)
    assert bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1], order_id=2)) is None
    assert bench.heard.orders == []
    assert [order.status for order in bench.venue.open_orders()] == ["PreSubmitted"]
    bench.wait()
    assert [status for status, _, _ in bench.heard.orders] == ["Filled"]
    assert [line["sprung"] for line in bench.kinds("fault")] == ["order lost", "order not acknowledged"]


def test_the_next_order_is_refused_before_or_after_it_was_accepted(bench) -> None:
    """Before: the error and a final status at once. After: Submitted, then the error and the end; ids stay used."""
    refusal = Reject(201, "Order rejected - reason:test", "Inactive")
    arm(bench, Hazard.REJECT, reject=refusal)
    assert bench.venue.place(bench.bag(bench.condor(), -45.0)) == refusal
    arm(bench, Hazard.REJECT_LATER, reject=Reject(201, "later", "Cancelled"), delay_s=5.0)
    order = resting(bench, order_id=2)
    bench.wait(4)
    assert order.status == "Submitted"
    bench.wait(1)
    assert order.status == "Cancelled"
    assert bench.heard.errors[-1][:3] == (1, 2, 201)
    assert bench.venue.place(bench.bag(bench.condor(), -45.0, order_id=2)).code == 103


def test_a_late_rejection_takes_the_children_along(bench) -> None:
    """A child held for its parent is cancelled when the parent is refused after its acceptance."""
    arm(bench, Hazard.REJECT_LATER, reject=Reject(201, "later", "Inactive"), delay_s=5.0)
    parent = resting(bench, transmit=False)
    child = bench.venue.place(
        bench.single(parent.ticket.legs[1].spec, Side.BUY, 1.0, order_id=2, parent_id=parent.ticket.order_id)
    )
    assert isinstance(child, VenueOrder)
    bench.wait(5)
    assert (parent.status, child.status) == ("Inactive", "Cancelled")


def test_an_absence_fills_no_order_that_the_first_fill_has_ended(bench) -> None:
    """Two orders of a one-cancels-all group: the first fills while its owner is away, the second is cancelled."""
    arm(bench, Hazard.FILL_WHEN_GONE, left=None)
    spec = bench.option(2650.0, "P")
    orders = [
        bench.venue.place(bench.single(spec, Side.BUY, 1.0, order_id=number, oca_group="g", oca_type=1))
        for number in (1, 2)
    ]
    bench.venue.note_client(1, connected=False, reason="test")
    assert [order.status for order in orders] == ["Filled", "Cancelled"]
    assert [line.quantity for line in bench.venue.positions()] == [1]


def test_a_refused_modification_leaves_the_order(bench) -> None:
    """The reject trap answers a modify with the error alone; the original goes on with its old price."""
    order = resting(bench)
    arm(bench, Hazard.REJECT, reject=Reject(104, "Cannot modify a filled order.", "Cancelled"))
    assert bench.venue.place(replace(order.ticket, limit=-44.0)) == Reject(104, "Cannot modify a filled order.")
    assert (order.status, order.ticket.limit) == ("Submitted", -45.0)


def test_a_modification_forks_into_two_orders(bench) -> None:
    """One id, two permanent ids, both working; a cancel ends the newer, and the older fills on its own."""
    arm(bench, Hazard.FORK_ON_MODIFY)
    old = resting(bench)
    new = bench.venue.place(replace(old.ticket, limit=-44.0))
    assert isinstance(new, VenueOrder)
    bench.wait(0.001)
    assert (old.status, new.status, old.ticket.order_id) == ("Submitted", "Submitted", new.ticket.order_id)
    assert {order.perm_id for order in bench.venue.open_orders(1)} == {old.perm_id, new.perm_id}
    bench.venue.cancel(1, 1)
    assert (old.status, new.status) == ("Submitted", "Cancelled")
    bench.venue.interventions.fill(Which(perm_id=old.perm_id), bench.venue.now, price=PriceAt.LIMIT)
    assert (old.status, bench.venue.open_orders()) == ("Filled", [])


def test_a_global_cancel_reaches_both_branches_of_a_fork(bench) -> None:
    """Nothing works afterwards."""
    arm(bench, Hazard.FORK_ON_MODIFY)
    old = resting(bench)
    bench.venue.place(replace(old.ticket, limit=-44.0))
    bench.venue.cancel_all(1)
    assert bench.venue.open_orders() == []


def test_a_trap_waits_for_its_own_orders_and_springs_as_often_as_told(bench) -> None:
    """Another client's order passes; the second of two springs the last time and says that it is spent."""
    spent = []
    arm(bench, Hazard.ORDER_LOST, which=Which(client=2), left=2, on_spent=lambda: spent.append(1))
    resting(bench)
    assert bench.venue.place(bench.bag(bench.condor(), -45.0, client_id=2)) is None
    assert spent == []
    assert bench.venue.place(bench.bag(bench.condor(), -45.0, client_id=2)) is None
    assert spent == [1]
    assert isinstance(bench.venue.place(bench.bag(bench.condor(), -45.0, client_id=2)), VenueOrder)


# states --------------------------------------------------------------------------------------------
def test_an_inactive_order_does_not_trade_until_it_revives(bench) -> None:
    """Inactive at the natural price for a minute, then as before and filled; a second one is cancelled as usual."""
    legs = bench.condor()
    order = bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1]))
    bench.venue.interventions.deactivate(Which(), bench.venue.now, for_s=60.0)
    with pytest.raises(VenueRefusal, match="already"):
        bench.venue.interventions.deactivate(Which(), bench.venue.now, for_s=None)
    bench.wait(59)
    assert order.status == "Inactive"
    bench.wait(1)
    bench.wait()
    told = [status for status, _, _ in bench.heard.orders]
    assert told == ["PreSubmitted", "Inactive", "PreSubmitted", "Submitted", "Filled", "Filled"]
    second = resting(bench, order_id=2)
    bench.venue.interventions.deactivate(Which(), bench.venue.now, for_s=60.0)
    bench.venue.cancel(1, 2)
    bench.wait(60)
    assert second.status == "Cancelled"


def test_a_human_cancels(bench) -> None:
    """State and notice 202 reach the owner; the ledger says who it was."""
    order = resting(bench)
    bench.venue.interventions.cancel(Which(client=1, order_id=1), bench.venue.now, "cancelled by a human in TWS")
    assert order.status == "Cancelled"
    assert bench.heard.errors == [(1, 1, 202, "Order Canceled - reason:")]
    assert bench.kinds("state")[-1]["reason"] == "cancelled by a human in TWS"
