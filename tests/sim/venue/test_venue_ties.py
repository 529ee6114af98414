"""Orders tied to each other: brackets with their transmit chain, and one-cancels-all groups."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.sim.types import Side, VenueOrder
from bot.sim.venue import FillModel
from bot.sim.venue.hazards import Which


def spy_order(bench, order_id: int, side: Side, limit: float | None, quantity: int = 100, **terms):
    return bench.single(bench.spy(), side, limit, quantity, order_id=order_id, **terms)


def place(bench, ticket) -> VenueOrder:
    order = bench.venue.place(ticket)
    assert isinstance(order, VenueOrder), order
    return order


def bracket(bench, entry: float = 280.01, quantity: int = 100) -> tuple[VenueOrder, VenueOrder, VenueOrder]:
    """Buy at a limit; sell at 290 or stop out at 270. Only the last one is transmitted."""
    bench.world.size = 1000.0
    parent = place(bench, spy_order(bench, 1, Side.BUY, entry, quantity, transmit=False))
    profit = place(bench, spy_order(bench, 2, Side.SELL, 290.0, quantity, parent_id=1, transmit=False))
    loss = place(bench, spy_order(bench, 3, Side.SELL, None, quantity, parent_id=1, order_type="STP", aux=270.0))
    return parent, profit, loss


# brackets --------------------------------------------------------------------------------------------
def test_a_bracket_is_unseen_until_its_last_order_transmits_it(bench) -> None:
    """Two orders in silence; with the third all three are PreSubmitted, the children held, one group between them."""
    bench.world.size = 1000.0
    parent = place(bench, spy_order(bench, 1, Side.BUY, 275.0, transmit=False))
    profit = place(bench, spy_order(bench, 2, Side.SELL, 290.0, parent_id=1, transmit=False))
    bench.wait(60)
    assert [parent.status, profit.status] == ["PendingSubmit", "PendingSubmit"]
    loss = place(bench, spy_order(bench, 3, Side.SELL, None, parent_id=1, order_type="STP", aux=270.0))
    assert [order.status for order in (parent, profit, loss)] == ["PreSubmitted"] * 3
    assert (profit.why_held, loss.why_held) == ("child", "child,trigger")
    assert profit.oca_group == loss.oca_group == str(parent.perm_id)
    bench.wait()
    assert [order.status for order in (parent, profit, loss)] == ["Submitted", "PreSubmitted", "PreSubmitted"]


def test_children_work_once_the_parent_has_filled_and_one_ends_the_other(bench) -> None:
    """The profit taker becomes Submitted, the stop still waits for its trigger; when the one fills the other goes."""
    parent, profit, loss = bracket(bench)
    bench.wait()
    assert parent.status == "Filled"
    bench.wait()
    assert (profit.status, profit.why_held, loss.status, loss.why_held) == ("Submitted", "", "PreSubmitted", "trigger")
    bench.world.spy = 290.5
    bench.wait()
    assert (profit.status, loss.status) == ("Filled", "Cancelled")
    assert bench.heard.errors[-1][1:3] == (3, 202)
    assert bench.venue.positions() == []


def test_the_stop_of_a_bracket_ends_its_profit_taker(bench) -> None:
    """The other way round, at a loss."""
    _, profit, loss = bracket(bench)
    bench.wait()
    bench.world.spy = 269.0
    bench.wait()
    bench.wait()
    assert (loss.status, profit.status, bench.venue.positions()) == ("Filled", "Cancelled", [])


def test_a_cancelled_parent_takes_its_children_along(bench) -> None:
    """Nothing filled: three cancellations, three notices, nothing works."""
    orders = bracket(bench, entry=270.0)
    bench.wait()
    bench.venue.cancel(1, 1)
    assert [order.status for order in orders] == ["Cancelled"] * 3
    assert [error[1:3] for error in bench.heard.errors] == [(1, 202), (2, 202), (3, 202)]
    assert bench.venue.open_orders() == []


def test_a_parent_that_filled_in_part_leaves_its_children_that_part(bench) -> None:
    """Sixty of a hundred bought, the rest cancelled: both children are for sixty and work."""
    bench.world.size = 1000.0
    parent, profit, loss = bracket(bench, entry=270.0)
    bench.venue.interventions.fill(_which(parent), bench.venue.now, units=60, price=270.0)
    bench.venue.cancel(1, 1)
    bench.wait()
    assert (parent.status, parent.filled) == ("Cancelled", 60)
    assert [(order.status, order.remaining) for order in (profit, loss)] == [("Submitted", 60), ("PreSubmitted", 60)]
    bench.world.spy = 291.0
    bench.wait()
    assert bench.venue.positions() == []


def _which(order: VenueOrder) -> Which:
    return Which(perm_id=order.perm_id)


def test_a_child_can_be_modified_and_keeps_its_place(bench) -> None:
    """A new price for the profit taker; another parent or group is a mismatch (105)."""
    _, profit, _ = bracket(bench, entry=270.0)
    assert bench.venue.place(replace(profit.ticket, limit=291.0, transmit=True)) is profit
    assert (profit.ticket.limit, profit.why_held) == (291.0, "child")
    assert bench.venue.place(replace(profit.ticket, parent_id=0)).code == 105
    assert bench.venue.place(replace(profit.ticket, oca_group="other")).code == 105


def test_a_child_without_a_parent_is_refused(bench) -> None:
    """10006, whether the parent never was or is done."""
    assert bench.venue.place(spy_order(bench, 2, Side.SELL, 290.0, parent_id=1)).code == 10006
    place(bench, spy_order(bench, 3, Side.BUY, 281.0, 10))
    bench.wait()
    assert bench.venue.place(spy_order(bench, 4, Side.SELL, 290.0, parent_id=3)).code == 10006


def test_a_bracket_around_a_combination(bench) -> None:
    """A condor sold for a credit with its profit taker: the child buys it back once the parent has filled."""
    legs = bench.condor()
    ask = bench.venue.bag_quote(legs)[1]
    parent = place(bench, bench.bag(legs, ask, order_id=1, transmit=False))
    child = place(bench, bench.bag(legs, -4.0, order_id=2, side=Side.SELL, parent_id=1))
    bench.wait()
    bench.wait()
    assert (parent.status, child.status) == ("Filled", "Submitted")
    bench.world.spx, bench.world.half_spread = 2800.0, 0.0
    for leg in legs:
        bench.set_market(leg.spec, 1.0, 1.1)
    bench.wait()
    assert (child.status, bench.venue.positions()) == ("Filled", [])


def test_a_closing_child_needs_no_margin_of_its_own(make_bench) -> None:
    """A small account can bracket what it can buy; the same sale alone would be refused."""
    bench = make_bench(deposit=16_000.0).open()
    bench.world.size = 1000.0
    alone = spy_order(bench, 9, Side.SELL, 290.0, 200)
    assert bench.venue.place(alone).code == 201
    place(bench, spy_order(bench, 10, Side.BUY, 280.01, 100, transmit=False))
    place(bench, spy_order(bench, 11, Side.SELL, 290.0, 100, parent_id=10))


# groups ----------------------------------------------------------------------------------------------
@pytest.fixture
def half(make_bench):
    """A market that shows fifty shares at a time."""
    return make_bench(fills=FillModel(improvement_probability=0.0, partial_probability=0.0, refill_s=1e6)).open()


def group(bench, oca_type: int) -> list[VenueOrder]:
    """Buy 100 at the market's price, or 100 and 40 much lower."""
    limits = ((280.01, 100), (270.0, 100), (260.0, 40))
    return [
        place(bench, spy_order(bench, number, Side.BUY, limit, quantity, oca_group="g", oca_type=oca_type))
        for number, (limit, quantity) in enumerate(limits, start=1)
    ]


def test_a_fill_cancels_the_others_of_its_group(half) -> None:
    """Type 1: fifty of the first filled, the others cancelled, the first works on."""
    first, *others = group(half, 1)
    half.wait()
    assert (first.status, first.filled) == ("Submitted", 50)
    assert [order.status for order in others] == ["Cancelled", "Cancelled"]


@pytest.mark.parametrize("oca_type", [2, 3])
def test_a_part_fill_takes_the_same_share_of_the_others(half, oca_type) -> None:
    """Types 2 and 3: half of the first filled, half of the others left; the rest filled, none."""
    first, *others = group(half, oca_type)
    half.wait()
    assert [order.remaining for order in others] == [50, 20]
    half.venue.interventions.fill(_which(first), half.venue.now, price=280.0)
    half.wait()
    assert [order.status for order in others] == ["Cancelled", "Cancelled"]


@pytest.mark.parametrize(("oca_type", "filled"), [(1, [True, False]), (2, [True, False]), (3, [True, True])])
def test_only_a_group_without_a_block_can_fill_twice_at_once(bench, oca_type, filled) -> None:
    """Both are marketable in the same look: with a block the first is alone, without one both trade."""
    bench.world.size = 1000.0
    orders = [
        place(bench, spy_order(bench, number, Side.BUY, 281.0, oca_group="g", oca_type=oca_type)) for number in (1, 2)
    ]
    bench.wait()
    assert [order.status == "Filled" for order in orders] == filled


def test_a_cancelled_member_takes_its_group_along_and_another_group_stays(bench) -> None:
    """Groups are known by account and name."""
    first = place(bench, spy_order(bench, 1, Side.BUY, 270.0, oca_group="g"))
    second = place(bench, spy_order(bench, 2, Side.BUY, 260.0, oca_group="g"))
    other = place(bench, spy_order(bench, 3, Side.BUY, 265.0, oca_group="h"))
    bench.venue.cancel(1, 1)
    assert [first.status, second.status, other.status] == ["Cancelled", "Cancelled", "PreSubmitted"]
