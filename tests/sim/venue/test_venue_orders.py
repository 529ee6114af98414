"""The life of orders and every way to be refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.sim.types import Leg, Reject, Side, VenueOrder
from bot.sim.venue import FillModel


def resting(bench, **terms):
    """A condor order that never fills, placed."""
    order = bench.venue.place(bench.bag(bench.condor(), -45.0, **terms))
    assert isinstance(order, VenueOrder)
    return order


def vix_call(bench):
    """A listed VIX call of a month that still trades."""
    return bench.option(18.0, "C", trading_class="VIX", expiry=bench.venue.option_chains("VIX")[0][4][1])


def test_ids_belong_to_their_client_and_are_used_once(bench) -> None:
    """Two clients may share a number; a used or lower number is refused as duplicate (103), a filled one as 104."""
    resting(bench, order_id=5)
    resting(bench, order_id=5, client_id=2)
    assert bench.venue.next_order_id(1) == 6
    assert bench.venue.next_order_id(3) == 1
    assert bench.venue.place(bench.bag(bench.condor(), -45.0, order_id=4)).code == 103
    bench.venue.cancel(1, 5)
    assert bench.venue.place(bench.bag(bench.condor(), -45.0, order_id=5)).code == 103
    legs = bench.condor()
    bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1], order_id=6))
    bench.wait()
    assert bench.venue.place(bench.bag(legs, -45.0, order_id=6)).code == 104


def test_perm_ids_are_unique_and_survive_modification(bench) -> None:
    """Every order has its own permanent id, and a modified order keeps it."""
    first, second = resting(bench, order_id=1), resting(bench, order_id=2)
    assert first.perm_id != second.perm_id > 0
    changed = bench.venue.place(replace(first.ticket, limit=-44.0, quantity=3))
    assert changed is first
    assert (changed.perm_id, changed.ticket.limit, changed.remaining) == (first.perm_id, -44.0, 3)
    assert len(bench.venue.open_orders()) == 2


def test_a_modification_must_keep_contract_side_and_account(bench) -> None:
    """Other legs or another side are refused (105) and leave the original working untouched."""
    order = resting(bench)
    ticket = order.ticket
    swapped = (*ticket.legs[1:], ticket.legs[0])
    for other in (
        replace(ticket, legs=swapped),
        replace(ticket, side=Side.SELL),
        bench.bag(bench.condor(put_width=25.0), -45.0),
        bench.single(ticket.legs[0].spec, Side.BUY, 1.0),
    ):
        assert bench.venue.place(other).code == 105
    assert bench.venue.place(replace(ticket, limit=-45.02)).code == 110
    assert [o.ticket for o in bench.venue.open_orders()] == [ticket]


def test_a_modification_cannot_shrink_below_what_is_filled(make_bench: Callable) -> None:
    """Two of five filled: a new size of two is refused, of three leaves one."""
    bench = make_bench(fills=FillModel(partial_probability=1.0, improvement_probability=0.0)).open()
    legs = bench.condor()
    order = bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1], 5))
    bench.wait()
    assert 0 < order.filled < 5
    assert bench.venue.place(replace(order.ticket, quantity=order.filled)).code == 201
    bench.venue.place(replace(order.ticket, quantity=order.filled + 1))
    assert order.remaining == 1


def test_a_modification_needs_margin_only_for_what_is_left(make_bench: Callable) -> None:
    """With money for two condors and one of two filled, moving the price of the rest is accepted."""
    bench = make_bench(fills=FillModel(partial_probability=1.0, improvement_probability=0.0), deposit=10_000.0).open()
    legs = bench.condor()
    order = bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1], 2))
    bench.wait()
    assert order.filled == 1
    assert bench.venue.place(replace(order.ticket, limit=-45.0)) is order


REFUSALS = [
    ({"quantity": 0}, 434),
    ({"order_type": "STP"}, 403),
    ({"order_type": "MOC"}, 387),
    ({"tif": "GTD"}, 334),
    ({"tif": "OPG"}, 10052),
    ({"limit": None}, 321),
    ({"limit": math.nan}, 321),
    ({"limit": -45.02}, 110),
    ({"per_leg_prices": True}, 10058),
    ({"non_guaranteed": True}, 321),
    ({"account": "DU9"}, 321),
    ({"legs": ()}, 321),
    ({"parent_id": 3}, 10006),
    ({"order_id": 0}, 321),
]


@pytest.mark.parametrize(("terms", "code"), REFUSALS)
def test_what_is_wrong_is_refused_with_its_code_and_leaves_nothing(bench, terms, code) -> None:
    """Every malformed order gets the protocol's code; nothing works or is announced, the ledger has the reject."""
    answer = bench.venue.place(replace(bench.bag(bench.condor(), -45.0), **terms))
    assert isinstance(answer, Reject)
    assert answer.code == code
    assert bench.venue.open_orders() == []
    assert bench.heard.orders == []
    assert [line["code"] for line in bench.kinds("reject")] == [code]
    assert bench.kinds("fill", "position") == []


def test_odd_combinations_are_refused(bench) -> None:
    """The same leg twice, ratios with a common factor, two underlyings and an index as a leg cannot be ordered."""
    legs = bench.condor()
    vix = Leg(vix_call(bench), 1, Side.BUY)
    index = Leg(bench.venue.spec(416904), 1, Side.BUY)
    doubled = tuple(replace(leg, ratio=2) for leg in legs)
    cases = (((legs[0], legs[0]), 321), (doubled, 321), ((legs[0], vix), 201), ((legs[0], index), 412))
    for order_id, (wrong, code) in enumerate(cases, start=1):
        assert bench.venue.place(bench.bag(wrong, 1.0, order_id=order_id)).code == code


def test_single_prices_follow_the_contracts_ticks(bench) -> None:
    """0.05 below three points, 0.10 above for SPX; 0.01 and 0.05 for VIX; a price of zero is no price."""
    spx = bench.option(2800.0, "C")
    vix = vix_call(bench)
    cases = [
        (spx, 2.95, None),
        (spx, 3.05, 110),
        (spx, 3.10, None),
        (vix, 1.23, None),
        (vix, 3.01, 110),
        (spx, 0.0, 201),
    ]
    for order_id, (spec, limit, code) in enumerate(cases, start=1):
        answer = bench.venue.place(bench.single(spec, Side.BUY, limit, order_id=order_id))
        assert (answer.code if isinstance(answer, Reject) else None) == code, (spec.symbol, limit)


def test_an_order_the_account_cannot_carry_is_rejected(make_bench: Callable) -> None:
    """With 6,000 dollars one 50-wide condor is accepted and two are not (201, Inactive); closing is always allowed."""
    bench = make_bench(deposit=6_000.0).open()
    legs = bench.condor()
    answer = bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1], 2, order_id=1))
    assert (answer.code, answer.final_status) == (201, "Inactive")
    assert "EQUITY WITH LOAN VALUE" in answer.text
    (done,) = bench.venue.completed_orders()
    assert done.status == "Inactive"
    bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1], 1, order_id=2))
    bench.wait()
    assert len(bench.venue.positions()) == 4
    bench.world.spx = 2600.0
    bench.wait(60)
    closing = bench.venue.place(bench.bag(legs, -50.0, side=Side.SELL, order_id=3))
    assert isinstance(closing, VenueOrder)


def test_cancel_is_for_the_owner_and_confirmed_by_202(bench) -> None:
    """Another client finds nothing to cancel (10147); the owner ends the order with notice 202; again is 10148."""
    order = resting(bench, order_id=7)
    assert bench.venue.cancel(2, 7).code == 10147
    assert bench.venue.cancel(1, 8).code == 10147
    assert bench.venue.cancel(1, 7) is None
    assert order.status == "Cancelled"
    assert bench.heard.calls[-2:] == [("order", "Cancelled"), ("error", 202)]
    assert bench.heard.errors[-1][:3] == (1, 7, 202)
    again = bench.venue.cancel(1, 7)
    assert again.code == 10148
    assert "state: Cancelled" in again.text


def test_a_slow_cancel_can_lose_the_race(make_bench: Callable) -> None:
    """While the cancel travels the order is PendingCancel and may still fill; a second cancel is refused (161)."""
    bench = make_bench(fills=FillModel(cancel_delay_s=5.0, improvement_probability=0.0)).open()
    order = resting(bench)
    assert bench.venue.cancel(1, 1) is None
    assert order.status == "PendingCancel"
    assert bench.venue.cancel(1, 1).code == 161
    for leg in order.ticket.legs:  # the market jumps to the order
        bench.world.quotes[leg.spec.con_id] = (1.0, 1.1) if leg.side is Side.BUY else (40.0, 40.1)
    bench.wait()
    assert order.status == "Filled"
    bench.wait(10)
    assert order.status == "Filled"
    assert bench.venue.cancel(1, 1).code == 10148


def test_a_slow_cancel_ends_the_order_when_due(make_bench: Callable) -> None:
    """An order nobody hits is Cancelled once the delay is over."""
    bench = make_bench(fills=FillModel(cancel_delay_s=5.0)).open()
    order = resting(bench)
    bench.venue.cancel(1, 1)
    bench.wait(4)
    assert order.status == "PendingCancel"
    bench.wait(1)
    assert order.status == "Cancelled"


def test_global_cancel_takes_everybodys_orders(bench) -> None:
    """Whoever asks, the orders of all clients go."""
    resting(bench, client_id=1)
    resting(bench, client_id=2)
    bench.venue.cancel_all(3)
    assert bench.venue.open_orders() == []
    assert {error[0] for error in bench.heard.errors} == {1, 2}


def test_day_orders_expire_at_the_close_and_others_stay(bench) -> None:
    """At 16:15 the DAY order is cancelled with 202 and the GTC one works on; at midnight the done list is empty."""
    day, lasting = resting(bench, order_id=1), resting(bench, order_id=2, tif="GTC")
    bench.venue.advance(bench.world.days[0].close_at - timedelta(seconds=1))
    assert day.status == "Submitted"
    bench.venue.advance(bench.world.days[0].close_at + timedelta(minutes=5))
    assert day.status == "Cancelled"
    assert day.completed_at == bench.world.days[0].close_at
    assert lasting.status == "Submitted"
    assert len(bench.venue.completed_orders()) == 1
    bench.venue.advance(bench.world.days[1].open_at)
    assert bench.venue.completed_orders() == []
    assert bench.venue.open_orders() == [lasting]


def test_orders_in_an_expiring_series_end_with_it(bench) -> None:
    """A DAY order in the series of the day is cancelled at 16:00, not at 16:15."""
    spec = bench.option(2900.0, "C", bench.world.days[0].day)
    order = bench.venue.place(bench.single(spec, Side.BUY, 0.05, tif="GTC"))
    bench.world.quotes[spec.con_id] = (math.nan, 5.0)
    bench.venue.advance(bench.world.days[0].index_close_at)
    assert order.status == "Cancelled"
    assert bench.venue.place(bench.single(spec, Side.BUY, 0.05, order_id=2)).code == 201


def test_an_order_before_the_open_is_held_with_a_warning(make_bench: Callable) -> None:
    """Before the open it is PreSubmitted with notice 399; at the open it becomes Submitted and may trade."""
    bench = make_bench()
    order = resting(bench)
    assert order.status == "PreSubmitted"
    assert bench.heard.errors[-1][2] == 399
    assert "2018-10-15 09:30:00" in bench.heard.errors[-1][3]
    bench.venue.advance(bench.world.days[0].open_at)
    assert order.status == "Submitted"


def test_an_order_not_transmitted_never_works(bench) -> None:
    """transmit=False parks the order, unseen; sending it again with transmit releases it."""
    legs = bench.condor()
    ask = bench.venue.bag_quote(legs)[1]
    order = bench.venue.place(bench.bag(legs, ask, transmit=False))
    bench.wait(60)
    assert (order.status, order.filled) == ("PendingSubmit", 0)
    bench.venue.place(replace(order.ticket, transmit=True))
    bench.wait()
    assert order.status == "Filled"


def test_immediate_or_cancel_does_not_rest(bench) -> None:
    """An IOC order that cannot trade at once is cancelled by the next step."""
    order = resting(bench, tif="IOC")
    bench.wait()
    assert order.status == "Cancelled"


def test_a_what_if_leaves_nothing_behind(bench) -> None:
    """Asking for the impact places nothing, uses no id and refuses what placing would refuse."""
    ticket = bench.bag(bench.condor(), -6.0, what_if=True)
    before = len(bench.ledger.lines)
    assert bench.venue.what_if(ticket).initial_after > 0.0
    assert bench.venue.what_if(replace(ticket, limit=-6.02)).code == 110
    assert bench.venue.open_orders() == []
    assert bench.venue.next_order_id(1) == 1
    assert {line["kind"] for line in bench.ledger.lines[before:]} == {"reject"}
    with pytest.raises(ValueError, match="what_if"):
        bench.venue.place(ticket)


def test_time_cannot_run_backwards(bench) -> None:
    """A step into the past is refused whole."""
    with pytest.raises(ValueError, match="backwards"):
        bench.venue.advance(bench.venue.now - timedelta(seconds=1))


def test_executions_are_of_the_day_and_carry_their_commissions(bench) -> None:
    """The day's executions come in order, the combination's own without commission; tomorrow they are gone."""
    legs = bench.condor()
    bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1]))
    bench.wait()
    assert [commission for _, commission in bench.venue.executions()] == [None] * 5
    bench.wait()
    paid = [commission for _, commission in bench.venue.executions()]
    assert paid[4] is None
    assert all(1.0 <= commission.amount_usd <= 1.7 for commission in paid[:4])
    bench.venue.advance(bench.world.days[1].open_at)
    assert bench.venue.executions() == []
