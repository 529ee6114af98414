"""Every order type does what its row in the table says: waits, wakes, follows, trades in an auction, walks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sim.order_terms import Liquidity, OrderStatus, OrderType, Patience, TimeInForce, TriggerMethod
from bot.sim.order_types import NOT_WORKED, RULES, Style, order_types_of, takes
from bot.sim.types import OrderTicket, SecType, Side, VenueOrder
from bot.sim.venue import FillModel
from bot.sim.venue.quotes import NetMarket
from bot.sim.venue.triggers import Kind, Watch

NEVER = FillModel(mid_per_minute=0.0, natural_per_minute=0.0, improvement_probability=0.0, partial_probability=0.0)


def put(bench, bid: float, ask: float):
    """A put with that market."""
    spec = bench.option(2650.0, "P")
    bench.set_market(spec, bid, ask)
    return spec


def placed(bench, ticket: OrderTicket) -> VenueOrder:
    order = bench.venue.place(ticket)
    assert isinstance(order, VenueOrder), order
    return order


def last_price(bench) -> float:
    return bench.heard.executions[-1].price


# stops and touches -----------------------------------------------------------------------------------
def test_a_stop_waits_held_and_trades_at_the_market_when_the_other_side_has_fallen_twice(bench) -> None:
    """PreSubmitted, held for its trigger; one look below is not enough for an option, two are; sold at the bid."""
    spec = put(bench, 20.0, 20.2)
    order = placed(bench, bench.single(spec, Side.SELL, None, order_type="STP", aux=15.0))
    assert (order.status, order.why_held) == ("PreSubmitted", "trigger")
    bench.wait(600)
    assert (order.status, order.filled) == ("PreSubmitted", 0)
    bench.set_market(spec, 14.0, 15.0)
    bench.wait()
    assert order.filled == 0
    bench.wait()
    assert (order.status, order.why_held, last_price(bench)) == ("Filled", "", 14.0)
    assert [status for status, _, _ in bench.heard.orders][:3] == ["PreSubmitted", "Submitted", "Filled"]


def test_a_stop_whose_price_is_touched_once_and_left_again_stays_asleep(bench) -> None:
    """A quote that jumps below for one look does not sell."""
    spec = put(bench, 20.0, 20.2)
    order = placed(bench, bench.single(spec, Side.SELL, None, order_type="STP", aux=15.0))
    for bid in (14.0, 20.0, 14.0, 20.0):
        bench.set_market(spec, bid, bid + 0.2)
        bench.wait()
    assert (order.status, order.filled) == ("PreSubmitted", 0)


@pytest.mark.parametrize(
    ("method", "bid", "ask", "looks"),
    [
        (TriggerMethod.BID_ASK, 25.0, 25.2, 1),
        (TriggerMethod.DOUBLE_BID_ASK, 25.0, 25.2, 2),
        (TriggerMethod.MID_POINT, 24.0, 26.0, 1),
    ],
)
def test_the_trigger_method_says_what_counts_as_reached(bench, method, bid, ask, looks) -> None:
    """A buy stop at 25 wakes at that market, after so many looks, and buys at the ask."""
    spec = put(bench, 20.0, 20.2)
    order = placed(bench, bench.single(spec, Side.BUY, None, order_type="STP", aux=25.0, trigger_method=method))
    bench.wait()
    bench.set_market(spec, bid - 0.1, ask - 0.1)
    bench.wait()
    assert order.filled == 0
    bench.set_market(spec, bid, ask)
    for _ in range(looks):
        assert order.filled == 0
        bench.wait()
    assert (order.status, last_price(bench)) == ("Filled", ask)


def test_a_stop_for_shares_looks_at_the_last_trade(bench) -> None:
    """SPY at 280, stop at 279: sold at the bid of the first look at or below."""
    order = placed(bench, bench.single(bench.spy(), Side.SELL, None, 10, order_type="STP", aux=279.0))
    bench.wait()
    bench.world.spy = 278.9
    bench.wait()
    assert (order.status, last_price(bench)) == ("Filled", 278.89)


def test_a_stop_limit_works_at_its_limit_once_awake(make_bench) -> None:
    """Woken through its limit it rests, Submitted; it fills when the market comes back to the limit."""
    bench = make_bench(fills=NEVER).open()
    spec = put(bench, 20.0, 20.2)
    order = placed(bench, bench.single(spec, Side.SELL, 15.0, order_type="STP LMT", aux=15.0))
    bench.set_market(spec, 13.0, 13.2)
    bench.wait()
    bench.wait()
    assert (order.status, order.why_held, order.filled) == ("Submitted", "", 0)
    bench.set_market(spec, 15.2, 15.4)
    bench.wait()
    assert (order.status, last_price(bench)) == ("Filled", 15.2)


def test_touch_orders_are_stops_the_other_way_round(bench) -> None:
    """MIT buys once the ask has come down to its price, LIT then waits for its limit."""
    spec = put(bench, 20.0, 20.2)
    market = placed(bench, bench.single(spec, Side.BUY, None, order_type="MIT", aux=18.0))
    limit = placed(bench, bench.single(spec, Side.BUY, 17.0, order_type="LIT", aux=18.0, order_id=2))
    bench.set_market(spec, 17.6, 17.8)
    bench.wait()
    bench.wait()
    assert (market.status, market.last_fill_price, limit.status) == ("Filled", 17.8, "Submitted")
    bench.set_market(spec, 16.8, 17.0)
    bench.wait()
    assert (limit.status, limit.last_fill_price) == ("Filled", 17.0)


# trailing --------------------------------------------------------------------------------------------
def test_a_trailing_stop_follows_up_and_never_down(bench) -> None:
    """Two dollars behind SPY: 278 at first, 283 after a rise to 285, sold when SPY falls to it; the stop is shown."""
    order = placed(bench, bench.single(bench.spy(), Side.SELL, None, 10, order_type="TRAIL", aux=2.0))
    stops = []
    for level in (280.0, 285.0, 284.0, 283.5, 283.0):
        bench.world.spy = level
        bench.wait()
        stops.append(order.trail_stop)
    assert stops == [278.0, 283.0, 283.0, 283.0, 283.0]
    assert (order.status, last_price(bench)) == ("Filled", 282.99)


def test_a_trailing_stop_by_percent_and_from_a_given_stop(bench) -> None:
    """One percent of 280 is 2.80; a stop given beforehand counts until the market has moved it."""
    percent = placed(bench, bench.single(bench.spy(), Side.SELL, None, order_type="TRAIL", trail_percent=1.0))
    given_stop = bench.single(bench.spy(), Side.SELL, None, order_type="TRAIL", aux=1.0, trail_stop=279.5, order_id=2)
    given_order = placed(bench, given_stop)
    bench.wait()
    assert percent.trail_stop == 277.2
    assert given_order.trail_stop == 279.5


def test_a_trailing_limit_works_at_an_offset_from_its_stop(bench) -> None:
    """Stop 1.00 behind, limit 0.50 below the stop: when SPY gaps through both it rests at the limit."""
    ticket = bench.single(bench.spy(), Side.SELL, None, order_type="TRAIL LIMIT", aux=1.0, limit_offset=0.5)
    order = placed(bench, replace(ticket, side=Side.SELL))
    bench.wait()
    bench.world.spy = 278.0
    bench.wait()
    assert (order.status, order.trail_stop) == ("Submitted", 279.0)
    bench.world.spy = 279.6
    bench.wait()
    assert (order.status, last_price(bench)) == ("Filled", 279.59)


@given(
    st.booleans(),
    st.lists(st.integers(2000, 4000), min_size=1, max_size=40),
    st.integers(1, 100),
    st.sampled_from([0.01, 0.05, 0.1]),
)
def test_a_trailing_stop_is_never_moved_against_its_owner(rising, levels, gap, tick) -> None:
    """Whatever the market does, the stop only tightens, stays on the grid and at least the distance away when moved."""
    watch = Watch(Kind.TRAIL, rising, TriggerMethod.LAST, None, follow=gap / 10)
    before: float | None = None
    for level in levels:
        price = level / 10
        fired = watch.look(NetMarket(None, None, price), price, tick)
        assert watch.price is not None
        if before is not None:
            assert watch.price <= before if rising else watch.price >= before
        distance = watch.price - price if rising else price - watch.price
        assert fired is (distance <= 1e-9)
        assert abs(watch.price / tick - round(watch.price / tick)) < 1e-6
        if watch.price != before:
            assert distance >= gap / 10 - 1e-6
        before = watch.price


# prices that move ------------------------------------------------------------------------------------
def test_a_relative_order_follows_the_near_side(bench) -> None:
    """Bid plus 0.30 is beyond the mid of a 0.40 market: it rests there; not beyond its cap."""
    spec = put(bench, 20.0, 20.4)
    order = placed(bench, bench.single(spec, Side.BUY, 20.6, order_type="REL", aux=0.4))
    capped = placed(bench, bench.single(spec, Side.BUY, 19.0, order_type="REL", aux=0.4, order_id=2))
    bench.wait()
    assert (order.status, order.last_fill_price) == ("Filled", 20.4)
    bench.set_market(spec, 21.0, 21.4)
    bench.wait(60)
    assert capped.filled == 0


def test_a_midprice_order_rests_at_the_mid(make_bench) -> None:
    """With a certain fill at mid it gets the mid of the moment, not the one of its arrival."""
    bench = make_bench(fills=FillModel(mid_per_minute=1e9, partial_probability=0.0)).open()
    order = placed(bench, bench.single(bench.spy(), Side.BUY, None, 10, order_type="MIDPRICE"))
    bench.world.spy = 281.0
    bench.wait()
    assert (order.status, order.last_fill_price) == ("Filled", 281.0)
    assert bench.heard.executions[0].liquidity is Liquidity.ADDED


def test_market_to_limit_rests_with_what_the_market_did_not_take(bench) -> None:
    """Fifty of eighty are shown: fifty trade at the ask, the rest waits at that price when the ask has moved away."""
    spec = put(bench, 20.0, 20.2)
    order = placed(bench, bench.single(spec, Side.BUY, None, 80, order_type="MTL"))
    bench.wait()
    assert (order.filled, order.last_fill_price, order.status) == (50, 20.2, "Submitted")
    bench.set_market(spec, 21.0, 21.2)
    bench.wait(60)
    assert order.filled == 50
    bench.set_market(spec, 19.9, 20.1)
    bench.wait(10)
    assert (order.status, order.last_fill_price) == ("Filled", 20.1)


@pytest.mark.parametrize(("patience", "minutes"), [("Urgent", 0.5), ("Normal", 2.0), ("Patient", 6.0)])
def test_an_adaptive_order_walks_to_the_natural(make_bench, patience, minutes) -> None:
    """It trades at the ask when its patience is over, give or take the last tick, if nothing comes towards it."""
    bench = make_bench(fills=NEVER).open()
    spec = put(bench, 20.0, 21.0)
    order = placed(bench, bench.single(spec, Side.BUY, None, order_type="MKT", patience=Patience(patience)))
    waited = 0
    while not order.filled:
        bench.wait(6)
        waited += 6
    assert order.last_fill_price == 21.0
    assert 0.7 * minutes <= waited / 60 <= minutes + 0.2


def test_an_adaptive_limit_order_stops_at_its_limit(make_bench) -> None:
    """With a limit at the mid it never pays the ask."""
    bench = make_bench(fills=NEVER).open()
    spec = put(bench, 20.0, 21.0)
    order = placed(bench, bench.single(spec, Side.BUY, 20.5, patience=Patience.URGENT))
    bench.wait(3600)
    assert (order.status, order.filled) == ("Submitted", 0)


# auctions --------------------------------------------------------------------------------------------
def test_orders_for_the_close_trade_at_the_last_price(bench) -> None:
    """MOC fills at the close, a LOC beyond its limit is cancelled, one inside fills; ten minutes before they are
    final."""
    spy = bench.spy()
    orders = [
        placed(bench, bench.single(spy, Side.BUY, limit, 10, order_type=kind, order_id=number))
        for number, (kind, limit) in enumerate((("MOC", None), ("LOC", 281.0), ("LOC", 285.0)), start=1)
    ]
    bench.world.spy = 283.33
    day = bench.world.days[0]
    bench.venue.advance(day.index_close_at - timedelta(minutes=5))
    assert [order.filled for order in orders] == [0, 0, 0]
    assert bench.venue.cancel(1, 1).code == 136
    bench.venue.advance(day.index_close_at)
    assert [order.status for order in orders] == ["Filled", "Cancelled", "Filled"]
    assert [order.last_fill_price for order in orders] == [283.33, 0.0, 283.33]


def test_orders_for_the_opening_wait_for_the_next_one(bench) -> None:
    """Placed during the day: held until tomorrow (399), filled whole at its first price, the one beyond cancelled."""
    spy = bench.spy()
    market = placed(bench, bench.single(spy, Side.BUY, None, 10, order_type="MKT", tif="OPG"))
    limit = placed(bench, bench.single(spy, Side.BUY, 270.0, 10, tif="OPG", order_id=2))
    assert bench.heard.errors[-1][2] == 399
    bench.wait(3600)
    assert (market.status, market.filled) == ("PreSubmitted", 0)
    bench.world.spy = 290.0
    bench.venue.advance(bench.world.days[1].open_at)
    assert (market.status, market.last_fill_price, limit.status) == ("Filled", 290.0, "Cancelled")


# times in force --------------------------------------------------------------------------------------
def test_fill_or_kill_takes_all_or_nothing(bench) -> None:
    """Fifty are shown: an order for sixty is killed, one for forty filled whole."""
    spec = put(bench, 20.0, 20.2)
    large = placed(bench, bench.single(spec, Side.BUY, 20.2, 60, tif="FOK"))
    small = placed(bench, bench.single(spec, Side.BUY, 20.2, 40, tif="FOK", order_id=2))
    bench.wait()
    assert (large.status, large.filled) == ("Cancelled", 0)
    assert (small.status, small.filled) == ("Filled", 40)


def test_immediate_or_cancel_keeps_what_it_got(bench) -> None:
    """Fifty of eighty are shown: filled, the rest cancelled with 202."""
    spec = put(bench, 20.0, 20.2)
    order = placed(bench, bench.single(spec, Side.BUY, 20.2, 80, tif="IOC"))
    bench.wait()
    assert (order.status, order.filled, order.remaining) == ("Cancelled", 50, 30)
    assert bench.heard.errors[-1][2] == 202


def test_good_till_date_lapses_at_its_moment_and_not_before_it_exists(bench) -> None:
    """Over a night and until half past eleven; a date in the past, or none, is 334."""
    spec = put(bench, 20.0, 20.2)
    until = bench.world.days[1].open_at + timedelta(hours=2)
    order = placed(bench, bench.single(spec, Side.BUY, 15.0, tif="GTD", good_till=until))
    bench.venue.advance(until - timedelta(seconds=1))
    assert order.status == "Submitted"
    bench.wait(1)
    assert (order.status, order.completed_at) == ("Cancelled", until)
    past = bench.single(spec, Side.BUY, 15.0, tif="GTD", good_till=bench.venue.now - timedelta(days=1), order_id=2)
    assert bench.venue.place(past).code == 334
    assert bench.venue.place(replace(past, good_till=None)).code == 334


def test_good_after_holds_an_order_back(bench) -> None:
    """PreSubmitted until its time, then it trades."""
    spec = put(bench, 20.0, 20.2)
    then = bench.venue.now + timedelta(minutes=10)
    order = placed(bench, bench.single(spec, Side.BUY, 20.2, good_after=then))
    bench.wait(599)
    assert (order.status, order.filled) == ("PreSubmitted", 0)
    bench.wait(1)
    assert order.status == "Filled"


def test_a_gtc_order_fills_on_another_day(bench) -> None:
    """It rests overnight and trades the next day; its execution is of that day."""
    spec = put(bench, 20.0, 20.2)
    order = placed(bench, bench.single(spec, Side.BUY, 15.0, tif="GTC"))
    bench.venue.advance(bench.world.days[1].open_at + timedelta(minutes=1))
    bench.set_market(spec, 14.8, 15.0)
    bench.wait()
    assert (order.status, len(bench.venue.executions())) == ("Filled", 1)


# sizes -----------------------------------------------------------------------------------------------
def test_a_large_order_takes_what_is_shown_and_waits_for_more(bench) -> None:
    """Fifty at once, the next fifty five market seconds later, however often one looks in between."""
    spec = put(bench, 20.0, 20.2)
    order = placed(bench, bench.single(spec, Side.BUY, 20.2, 120))
    filled = []
    for _ in range(11):
        bench.wait()
        filled.append(order.filled)
    assert filled == [50] * 5 + [100] * 5 + [120]
    assert [e.quantity for e in bench.heard.executions] == [50, 50, 20]
    assert [e.cumulative_quantity for e in bench.heard.executions] == [50, 100, 120]


def test_a_combination_takes_what_its_scarcest_leg_shows(bench) -> None:
    """Twenty-five units of a leg of ratio two out of fifty shown, in ratio."""
    near, far = bench.option(2700.0, "P"), bench.option(2600.0, "P")
    legs = (replace(bench.condor()[0], spec=far, ratio=2), replace(bench.condor()[1], spec=near, ratio=1))
    order = placed(bench, bench.bag(legs, bench.venue.bag_quote(legs)[1], 30))
    bench.wait()
    assert (order.filled, order.remaining) == (25, 5)
    assert sorted(e.quantity for e in bench.heard.executions) == [25, 25, 50]


def test_all_or_none_and_minimum_quantity(bench) -> None:
    """Sixty all-or-none wait while fifty are shown; a first fill brings at least its minimum or nothing."""
    spec = put(bench, 20.0, 20.2)
    whole = placed(bench, bench.single(spec, Side.BUY, 20.2, 60, all_or_none=True))
    least = placed(bench, bench.single(spec, Side.BUY, 20.2, 80, min_quantity=55, order_id=2))
    bench.wait()
    assert (whole.filled, least.filled) == (0, 0)
    bench.world.size = 70.0
    bench.wait()
    assert (whole.filled, least.filled) == (60, 70)


# the table -------------------------------------------------------------------------------------------
def test_every_type_has_a_rule_and_every_style_a_type() -> None:
    """No order type without a row, no way of working that nothing uses, no word both worked and refused."""
    assert set(RULES) == set(OrderType)
    assert {rule.style for rule in RULES.values()} == set(Style)
    assert not set(NOT_WORKED) & set(OrderType)


@pytest.mark.parametrize("order_type", list(OrderType))
@pytest.mark.parametrize("tif", list(TimeInForce))
def test_types_and_times_in_force_fit_or_are_refused(bench, order_type, tif) -> None:
    """For shares, every pair is either accepted or refused with a code of its own: 111, 113 or 334."""
    rule = RULES[order_type]
    ticket = bench.single(
        bench.spy(),
        Side.BUY,
        270.0 if rule.limit else None,
        order_type=order_type,
        tif=tif,
        aux=290.0 if rule.aux else 1.0,
        limit_offset=0.5,
        good_till=bench.venue.now + timedelta(hours=1) if tif is TimeInForce.GOOD_TILL_DATE else None,
    )
    answer = bench.venue.place(ticket)
    if takes(order_type, tif):
        assert isinstance(answer, VenueOrder), answer
        bench.wait()
        assert answer.status in set(OrderStatus)
    else:
        assert answer.code in (111, 113)


@pytest.mark.parametrize("order_type", list(OrderType))
@pytest.mark.parametrize("kind", [SecType.OPTION, SecType.FUTURE, SecType.STOCK, SecType.BAG])
def test_types_are_taken_for_the_contracts_of_their_row_only(bench, order_type, kind) -> None:
    """387 names the type and the kind of contract; contract details list what is taken."""
    rule = RULES[order_type]
    terms = {
        "order_type": order_type,
        "aux": {SecType.FUTURE: 19.0}.get(kind, 20.0) if rule.aux else 1.0,
        "limit_offset": 0.5,
    }
    limit = {SecType.BAG: -10.0, SecType.FUTURE: 18.0}.get(kind, 20.0) if rule.limit else None
    if kind is SecType.BAG:
        ticket = bench.bag(bench.condor(), limit, **terms)
    else:
        spec = {SecType.OPTION: bench.option(2650.0, "P"), SecType.FUTURE: bench.future(), SecType.STOCK: bench.spy()}
        ticket = bench.single(spec[kind], Side.BUY, limit, **terms)
    answer = bench.venue.place(ticket)
    taken = kind in rule.sec_types
    assert isinstance(answer, VenueOrder) is taken, answer
    if not taken:
        assert answer.code == 387
        assert order_type in answer.text
        assert kind in answer.text
    assert (order_type.replace(" ", "") in order_types_of(kind).split(",")) is taken


WRONG_PRICES = [
    ({"order_type": "STP", "aux": None}, 403),
    ({"order_type": "STP", "aux": 0.0}, 403),
    ({"order_type": "STP", "aux": 15.03}, 110),
    ({"order_type": "STP LMT", "aux": 15.0, "limit": None}, 321),
    ({"order_type": "LIT", "aux": 15.0, "limit": 14.97}, 110),
    ({"order_type": "TRAIL"}, 158),
    ({"order_type": "TRAIL", "aux": -1.0}, 158),
    ({"order_type": "TRAIL", "trail_percent": 100.0}, 159),
    ({"order_type": "TRAIL LIMIT", "aux": 1.0}, 321),
    ({"tif": "GTD"}, 334),
    ({"min_quantity": 2}, 321),
]


@pytest.mark.parametrize(("terms", "code"), WRONG_PRICES)
def test_prices_that_a_type_needs_or_cannot_use_are_refused(bench, terms, code) -> None:
    """Missing, off the grid, negative or impossible prices have their codes and leave nothing."""
    ticket = bench.single(bench.option(2650.0, "P"), Side.SELL, 15.0)
    assert bench.venue.place(replace(ticket, **terms)).code == code
    assert bench.venue.open_orders() == []


COMBINATION_TERMS = [
    ({"min_quantity": 1}, 350),
    ({"good_after": True}, 349),
    ({"oca_group": "g", "oca_type": 1}, 359),
]


@pytest.mark.parametrize(("terms", "code"), COMBINATION_TERMS)
def test_what_a_combination_cannot_have(bench, terms, code) -> None:
    """IB's codes for terms that its smart combinations do not take."""
    if "good_after" in terms:
        terms = {"good_after": bench.venue.now + timedelta(hours=1)}
    assert bench.venue.place(bench.bag(bench.condor(), -20.0, **terms)).code == code
