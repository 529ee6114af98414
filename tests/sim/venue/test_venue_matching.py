"""When orders fill and at which prices."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sim.types import Leg, SecType, Side
from bot.sim.venue import BrokerRules, FillModel
from bot.sim.venue.matching import aggressiveness, leg_prices, marketable_net, natural_of
from bot.sim.venue.products import bag_spec
from bot.sim.venue.quotes import LegMarket, NetMarket, net_market

SURE = {"improvement_probability": 0.0, "partial_probability": 0.0}


@st.composite
def combos(draw):
    """Legs of one to three ratios with quotes on the 0.05 grid, and the net they make."""
    legs, markets = [], {}
    ratios = draw(st.lists(st.sampled_from([1, 1, 1, 2, 3]), min_size=2, max_size=4))
    ratios[0] = 1
    for con_id, ratio in enumerate(ratios, start=1):
        bid = draw(st.integers(1, 4000)) * 5
        width = draw(st.integers(1, 60)) * 5
        spec = bag_spec("SPX")
        object.__setattr__(spec, "con_id", con_id)
        legs.append(Leg(spec, ratio, draw(st.sampled_from(list(Side)))))
        markets[con_id] = LegMarket(bid / 100, (bid + width) / 100, (bid + width / 2) / 100)
    return tuple(legs), markets, net_market(legs, markets)


@given(combos(), st.sampled_from(list(Side)), st.floats(0.0, 1.0))
def test_leg_prices_sum_exactly_to_the_net(combo, side, share) -> None:
    """For any net between mid and natural the legs' whole-cent prices add up to it, each within its quote."""
    legs, markets, net = combo
    natural = natural_of(net, side)
    cents = natural * 100 + share * (net.mid - natural) * 100
    price = (math.ceil(cents - 1e-6) if side is Side.BUY else math.floor(cents + 1e-6)) / 100
    prices = leg_prices(price, net, side, legs, markets)
    assert prices is not None
    total = sum(leg.side.sign * leg.ratio * round(p * 100) for leg, p in zip(legs, prices, strict=True))
    assert total == round(price * 100)
    for leg, paid in zip(legs, prices, strict=True):
        market = markets[leg.spec.con_id]
        assert market.bid - 0.0501 <= paid <= market.ask + 0.0501


@given(combos(), st.sampled_from(list(Side)), st.sampled_from([0.0, 1.0]) | st.floats(0.0, 1.0))
def test_a_marketable_fill_lies_between_natural_and_mid(combo, side, improvement) -> None:
    """However lucky, an immediate fill is on the grid, never better than mid and never worse than the natural."""
    _, _, net = combo
    price = marketable_net(net, side, 0.05, improvement)
    natural = natural_of(net, side)
    assert abs(price / 0.05 - round(price / 0.05)) < 1e-6
    assert side.sign * (net.mid - price) <= 1e-6
    assert side.sign * (price - natural) <= 1e-6


def test_the_chance_of_a_fill_grows_from_mid_to_natural() -> None:
    """Short of mid nothing ever trades; from mid on the rate rises steadily."""
    model = FillModel()
    net = NetMarket(4.0, 5.0, 4.5)
    assert aggressiveness(4.4, net, Side.BUY) < 0.0
    assert aggressiveness(4.5, net, Side.BUY) == 0.0
    assert aggressiveness(5.0, net, Side.BUY) == 1.0
    assert aggressiveness(4.25, net, Side.SELL) == pytest.approx(0.5)
    rates = [model.rate_per_minute(share / 10) for share in range(11)]
    assert rates == sorted(rates)
    assert model.rate_per_minute(-0.01) == 0.0
    assert rates[0] == pytest.approx(model.mid_per_minute)
    assert rates[-1] == pytest.approx(model.natural_per_minute)


def test_locked_and_crossed_markets_trade_no_better_than_mid() -> None:
    """With bid and ask equal a limit at that price trades and one short of it rests; a crossed quote trades at mid."""
    locked = NetMarket(4.5, 4.5, 4.5)
    assert aggressiveness(4.5, locked, Side.BUY) == 1.0
    assert aggressiveness(4.45, locked, Side.BUY) < 0.0
    crossed = NetMarket(4.6, 4.4, 4.5)
    assert natural_of(crossed, Side.BUY) == natural_of(crossed, Side.SELL) == 4.5
    assert aggressiveness(4.45, crossed, Side.BUY) < 0.0


def test_the_night_brings_no_luck(make_bench: Callable) -> None:
    """A resting good-till-cancelled order gains no chance while the market is shut."""
    patient = FillModel(mid_per_minute=0.001, natural_per_minute=0.001, **SURE)
    bench = make_bench(fills=patient, rules=BrokerRules(orders_per_side=30)).open()
    legs = bench.condor()
    bench.venue.advance(bench.world.days[0].close_at - timedelta(minutes=1))
    for order_id in range(1, 31):
        limit = round(round((bench.mid(legs) + 0.1) / 0.05) * 0.05, 2)
        bench.venue.place(bench.bag(legs, limit, tif="GTC", order_id=order_id))
    bench.venue.advance(bench.world.days[1].open_at - timedelta(seconds=1))
    bench.world.now = bench.world.days[0].open_at  # the same marks as last evening: only time has passed
    bench.world.advance = lambda at: None
    bench.venue.advance(bench.world.days[1].open_at + timedelta(minutes=1))
    assert len(bench.venue.open_orders()) >= 29  # a night counted would fill about twenty of thirty


def test_a_marketable_condor_fills_at_the_natural_with_a_leg_each(bench) -> None:
    """Beyond the natural it trades at the natural, not at its limit; one execution per leg and one for the net."""
    legs = bench.condor()
    bid, ask = bench.venue.bag_quote(legs)
    assert ask > bid
    bench.venue.place(bench.bag(legs, round(ask + 0.5, 2)))
    assert bench.heard.executions == []  # nothing trades before time moves
    bench.wait()
    parts, (net,) = bench.heard.executions[:4], bench.heard.executions[4:]
    assert net.spec.sec_type is SecType.BAG
    assert net.price == pytest.approx(ask)
    signed = sum(e.side.sign * e.price for e in parts)
    assert signed == pytest.approx(net.price, abs=1e-9)
    assert len({e.exec_id.rsplit(".", 2)[0] for e in bench.heard.executions}) == 1
    assert [e.exec_id[-5:] for e in bench.heard.executions] == ["02.01", "03.01", "04.01", "05.01", "01.01"]


def test_callbacks_come_in_the_promised_order(bench) -> None:
    """Accepted, working, executions, filled, positions, figures; with the next step what it cost, the commissions and
    figures again."""
    legs = bench.condor()
    bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1]))
    bench.wait()
    bench.wait()
    names = [name for name, _ in bench.heard.calls if name != "account"]
    filled = ["execution"] * 5 + ["order"] + ["position"] * 4
    assert names == ["order", "order", *filled, "order"] + ["commission"] * 4
    last = [i for i, (name, _) in enumerate(bench.heard.calls) if name == "commission"][-1]
    assert ("account", "DU1234567") in bench.heard.calls[last:]
    assert bench.heard.orders == [("PreSubmitted", 0, 1), ("Submitted", 0, 1), ("Filled", 1, 0), ("Filled", 1, 0)]


def test_a_resting_order_fills_at_its_limit_when_luck_or_the_market_comes(make_bench: Callable) -> None:
    """Between mid and natural it waits, then trades at exactly its limit; short of mid it never does."""
    bench = make_bench(fills=FillModel(mid_per_minute=1.0, **SURE)).open()
    legs = bench.condor()
    bid, ask = bench.venue.bag_quote(legs)
    limit = round(bench.mid(legs) + 0.20, 2)
    assert bid < limit < ask
    hopeless = bench.bag(legs, round(bench.mid(legs) - 0.05, 2), order_id=1)
    bench.venue.place(hopeless)
    bench.venue.place(bench.bag(legs, limit, order_id=2))
    for _ in range(120):
        bench.wait(60)
    (net,) = [e for e in bench.heard.executions if e.spec.sec_type is SecType.BAG]
    assert net.order_id == 2
    assert net.price == pytest.approx(limit)
    assert [order.ticket.order_id for order in bench.venue.open_orders()] == [1]
    bench.world.spx += 40.0  # the market comes to the order
    bench.world.half_spread = 0.05
    bench.wait()
    bid, ask = bench.venue.bag_quote(legs)
    if hopeless.limit >= ask:
        assert bench.venue.open_orders() == []


def test_luck_depends_on_market_time_not_on_the_number_of_steps(make_bench: Callable) -> None:
    """The same order fills in the same minute whether time moves by single seconds or by fifteen."""
    minutes = []
    for step in (1, 15):
        bench = make_bench(fills=FillModel(mid_per_minute=0.2, natural_per_minute=2.0, **SURE)).open()
        legs = bench.condor()
        bench.venue.place(bench.bag(legs, round(bench.mid(legs) + 0.1, 2)))
        while bench.venue.open_orders() and bench.venue.is_open(legs[0].spec):
            bench.wait(step)
        assert bench.heard.executions
        minutes.append(bench.heard.executions[0].at)
    assert abs(minutes[0] - minutes[1]) <= timedelta(seconds=15)


def test_the_same_seed_gives_the_same_day(make_bench: Callable) -> None:
    """Two venues with one seed write the same ledger, line for line."""

    def day() -> list[dict[str, object]]:
        bench = make_bench(fills=FillModel(partial_probability=0.5)).open()
        for order_id in range(1, 6):
            legs = bench.condor()
            price = bench.mid(legs) + 0.1 * order_id
            bench.venue.place(bench.bag(legs, round(round(price / 0.05) * 0.05, 2), 5, order_id=order_id))
            for _ in range(30):
                bench.wait(10)
        return bench.ledger.lines

    assert day() == day()


def test_partial_fills_keep_the_ratio_and_end_complete(make_bench: Callable) -> None:
    """Each part trades every leg in ratio; the parts add up to the order and the average is theirs."""
    bench = make_bench(fills=FillModel(partial_probability=1.0, improvement_probability=0.0)).open()
    legs = bench.condor()
    ask = bench.venue.bag_quote(legs)[1]
    bench.venue.place(bench.bag(legs, ask, 7))
    for _ in range(20):
        bench.wait()
        bench.world.spx += 0.3
        sizes = {abs(line.quantity) for line in bench.venue.positions()}
        assert len(sizes) <= 1  # never a lone leg
    nets = [e for e in bench.heard.executions if e.spec.sec_type is SecType.BAG]
    assert len(nets) > 1
    assert sum(e.quantity for e in nets) == nets[-1].cumulative_quantity
    if not bench.venue.open_orders():
        (order,) = bench.venue.completed_orders()
        assert order.filled == 7
        assert order.average_price == pytest.approx(sum(e.price * e.quantity for e in nets) / 7, abs=1e-5)


def test_no_fill_while_a_leg_has_no_quote(bench) -> None:
    """A wing without a bid cannot be sold: the closing order waits until somebody bids, then trades."""
    legs = bench.condor()
    wing = legs[0].spec.con_id
    bench.world.quotes[wing] = (math.nan, 0.30)
    assert bench.venue.bag_quote(legs)[0] is None
    bench.venue.place(bench.bag(legs, -50.0, side=Side.SELL))
    bench.wait(600)
    assert bench.heard.executions == []
    bench.world.quotes[wing] = (0.20, 0.30)
    bench.wait(1)
    assert len(bench.heard.executions) == 5


def test_no_fill_while_shut(bench) -> None:
    """A good-till-cancelled order beyond the natural does not trade after the close, and trades at the next open."""
    legs = bench.condor()
    bench.venue.advance(bench.world.days[0].close_at - timedelta(seconds=1))
    ask = bench.venue.bag_quote(legs)[1]
    bench.venue.advance(bench.world.days[0].close_at)
    bench.venue.place(bench.bag(legs, round(ask + 1.0, 2), tif="GTC"))
    bench.wait(3600)
    assert bench.heard.executions == []
    bench.venue.advance(bench.world.days[1].open_at + timedelta(seconds=5))
    assert bench.heard.executions[0].at == bench.world.days[1].open_at


def test_quotes_are_rounded_outward_to_the_tick(bench) -> None:
    """Bids fall and asks rise to 0.05 below three points and to 0.10 above; a bid of nothing is no bid."""
    dear, cheap, worthless = bench.option(2800.0, "C"), bench.option(3000.0, "C"), bench.option(3050.0, "C")
    bench.world.quotes = {
        dear.con_id: (52.37, 52.91),
        cheap.con_id: (2.98, 3.02),
        worthless.con_id: (0.03, 0.06),
    }
    marks = bench.venue.option_marks([dear, cheap, worthless])
    assert marks.bid[:2].tolist() == [52.3, 2.95]
    assert math.isnan(marks.bid[2])
    assert marks.bid_size[2] == 0.0
    assert marks.ask.tolist() == [53.0, 3.1, 0.1]


def test_single_options_and_futures_trade_on_their_own_market(bench) -> None:
    """A market order buys at the ask, a limit order sells at the bid or better; a future one tick from its last."""
    spec = bench.option(2650.0, "P")
    marks = bench.venue.option_marks([spec])
    bench.venue.place(bench.single(spec, Side.BUY, None, order_type="MKT"))
    vx = bench.venue.find({"sec_type": "FUT", "trading_class": "VX"})[1]
    bench.venue.place(bench.single(vx, Side.SELL, 18.0, order_id=2))
    bench.wait()
    option, future = bench.heard.executions
    assert option.price == marks.ask[0]
    assert option.exec_id.endswith(".01.01")
    assert (future.side, future.price) == (Side.SELL, 18.45)


def test_nothing_is_priced_while_nothing_works(bench) -> None:
    """A thousand quiet seconds look at the options' market not once."""
    looks = bench.world.looks
    for _ in range(1000):
        bench.wait()
    assert bench.world.looks == looks
