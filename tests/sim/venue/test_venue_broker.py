"""What the broker allows, remarks, charges and does by itself: limits, fees, interest, variation, liquidation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sim.types import Leg, Reject, SecType, Side, VenueOrder
from bot.sim.venue import BrokerRules
from bot.sim.venue.broker import worst_payoff
from bot.sim.venue.directory import UNDERLYINGS
from bot.sim.venue.fees import commission_cents
from bot.sim.venue.products import bag_spec


def codes(bench) -> list[int]:
    return [error[2] for error in bench.heard.errors]


# limits on orders ------------------------------------------------------------------------------------
def test_the_sixteenth_order_on_one_side_is_refused(bench) -> None:
    """Fifteen may work; the other side, another contract and another account's orders do not count."""
    legs = bench.condor()
    for number in range(1, 16):
        assert isinstance(bench.venue.place(bench.bag(legs, -20.0, order_id=number)), VenueOrder)
    refused = bench.venue.place(bench.bag(legs, -20.0, order_id=16))
    assert (refused.code, refused.final_status) == (201, "Inactive")
    assert "minimum of 15 orders" in refused.text
    assert isinstance(
        bench.venue.place(bench.bag(bench.condor(put=2500.0, call=3100.0), -20.0, order_id=17)), VenueOrder
    )
    bench.venue.cancel(1, 1)
    assert isinstance(bench.venue.place(bench.bag(legs, -20.0, order_id=18)), VenueOrder)


def test_orders_on_both_sides_of_an_option_are_refused(make_bench) -> None:
    """Also where they meet in a leg of a combination; not for shares, and not where the rule is off."""
    bench = make_bench().open()
    spec = bench.option(2650.0, "P")
    bench.venue.place(bench.single(spec, Side.BUY, 5.0, order_id=1))
    refused = bench.venue.place(bench.single(spec, Side.SELL, 90.0, order_id=2))
    assert refused.code == 201
    assert "both sides of the same US Option" in refused.text
    assert bench.venue.place(bench.bag(bench.condor(), -20.0, order_id=3)).code == 201  # it sells that put
    bench.venue.place(bench.single(bench.spy(), Side.BUY, 270.0, order_id=4))
    assert isinstance(bench.venue.place(bench.single(bench.spy(), Side.SELL, 290.0, order_id=5)), VenueOrder)
    free = make_bench(rules=BrokerRules(both_sides_refused=False)).open()
    free.venue.place(free.single(free.option(2650.0, "P"), Side.BUY, 5.0, order_id=1))
    sale = free.single(free.option(2650.0, "P"), Side.SELL, 90.0, order_id=2)
    assert isinstance(free.venue.place(sale), VenueOrder)


@pytest.mark.parametrize(("limit", "refused"), [(-49.95, False), (-50.0, True), (-60.0, True)])
def test_a_combination_that_cannot_lose_is_refused(bench, limit, refused) -> None:
    """A fifty-wide condor for a credit of fifty is riskless; for five cents less it is not."""
    answer = bench.venue.place(bench.bag(bench.condor(), limit))
    assert isinstance(answer, Reject) is refused
    if refused:
        assert (answer.code, answer.final_status) == (201, "Inactive")
        assert bench.venue.what_if(bench.bag(bench.condor(), limit, what_if=True)).code == 201


@given(
    st.lists(
        st.tuples(st.sampled_from([2600.0, 2650.0, 2700.0]), st.sampled_from("PC"), st.sampled_from(list(Side)),
                  st.integers(1, 3)), min_size=2, max_size=4, unique_by=lambda leg: leg[:2],
    ),
    st.sampled_from([1, -1]),
)  # fmt: skip
def test_the_worst_payoff_is_the_least_over_all_levels(terms, sign) -> None:
    """Against brute force over a fine ladder of settlement levels."""
    legs = []
    for strike, right, side, ratio in terms:
        spec = replace(bag_spec("SPX"), sec_type=SecType.OPTION, strike=strike, right=right)
        legs.append(Leg(spec, ratio, side))
    worst = worst_payoff(legs, sign)

    def payoff(level: float) -> float:
        return sum(
            sign * leg.side.sign * leg.ratio
            * max(0.0, (level - leg.spec.strike) * (1 if leg.spec.right == "C" else -1))
            for leg in legs
        )  # fmt: skip

    brute = min(payoff(level) for level in range(0, 6000, 25))
    if worst == float("-inf"):
        assert payoff(1e6) < brute or payoff(1e7) < payoff(1e6)
    else:
        assert worst == pytest.approx(brute)


def test_limits_through_the_market_are_capped_or_refused(bench) -> None:
    """Far through: accepted with notice 2161 naming the cap, filled at the market; absurdly far: 201."""
    spec = bench.option(2650.0, "P")
    bench.set_market(spec, 20.0, 20.2)
    order = bench.venue.place(bench.single(spec, Side.BUY, 50.0, order_id=1))
    assert (codes(bench), order.status) == ([2161], "PreSubmitted")
    assert "45.20" in bench.heard.errors[0][3]
    bench.wait()
    assert bench.heard.executions[0].price == 20.2
    assert bench.venue.place(bench.single(spec, Side.BUY, 5000.0, order_id=2)).code == 201


def test_restricted_symbols_and_things_that_are_not_traded(make_bench) -> None:
    """203 for a symbol the account may not trade, 412 for an index."""
    bench = make_bench(rules=BrokerRules(restricted=frozenset({"SPY"}))).open()
    refused = bench.venue.place(bench.single(bench.spy(), Side.BUY, 280.0))
    assert (refused.code, refused.final_status) == (203, "Inactive")
    assert bench.venue.place(bench.single(bench.venue.spec(416904), Side.BUY, 10.0, order_id=2)).code == 412


def test_a_cash_account_neither_sells_short_nor_borrows(make_bench) -> None:
    """A short sale is refused, shares are paid in full, buying power is what is there; selling what is held passes."""
    rules = BrokerRules(cash_accounts=frozenset({"DU1234567"}))
    bench = make_bench(deposit=30_000.0, rules=rules).open()
    bench.world.size = 1000.0
    spy = bench.spy()
    assert bench.venue.account("DU1234567").buying_power == 30_000.0
    short = bench.venue.place(bench.single(spy, Side.SELL, 280.0, 10))
    assert (short.code, "cash account" in short.text) == (201, True)
    assert bench.venue.place(bench.single(spy, Side.BUY, 280.01, 120, order_id=2)).code == 201
    bench.venue.place(bench.single(spy, Side.BUY, 280.01, 100, order_id=3))
    bench.wait()
    assert isinstance(bench.venue.place(bench.single(spy, Side.SELL, 279.0, 100, order_id=4)), VenueOrder)


def test_a_margin_account_buys_twice_its_money_and_shows_four_times_its_funds(make_bench) -> None:
    """Regulation T: half of the value at first, a quarter afterwards."""
    bench = make_bench(deposit=30_000.0).open()
    bench.world.size = 1000.0
    assert bench.venue.account("DU1234567").buying_power == 120_000.0
    assert bench.venue.place(bench.single(bench.spy(), Side.BUY, 280.01, 220)).code == 201
    bench.venue.place(bench.single(bench.spy(), Side.BUY, 280.01, 200, order_id=2))
    bench.wait()
    state = bench.venue.account("DU1234567")
    assert (state.initial_margin, state.maintenance_margin) == (28_000.0, 14_000.0)


def test_shares_that_are_hard_to_borrow_are_located_first(make_bench) -> None:
    """404, held for `locate`, Submitted when they are found; selling what one holds needs no locating."""
    bench = make_bench(rules=BrokerRules(hard_to_borrow=frozenset({"SPY"}), locate_s=60.0)).open()
    order = bench.venue.place(bench.single(bench.spy(), Side.SELL, 279.0, 10))
    assert (order.status, order.why_held, codes(bench)) == ("PreSubmitted", "locate", [404])
    bench.wait(59)
    assert order.filled == 0
    bench.wait(1)
    assert (order.status, order.why_held) == ("Filled", "")
    bench.venue.place(bench.single(bench.spy(), Side.BUY, 281.0, 30, order_id=2))
    bench.wait()
    bench.venue.place(bench.single(bench.spy(), Side.SELL, 279.0, 10, order_id=3))
    assert codes(bench) == [404]


def test_remarks_about_orders_that_are_taken(make_bench) -> None:
    """2109 for outside hours on a combination, 10349 for a missing time in force where the gateway says so."""
    bench = make_bench(rules=BrokerRules(tells_tif_preset=True)).open()
    bench.venue.place(bench.bag(bench.condor(), -20.0, outside_rth=True, raw={"tif": ""}))
    assert codes(bench) == [10349, 2109]
    bench.venue.place(bench.bag(bench.condor(), -20.0, order_id=2, raw={"tif": "DAY"}))
    assert codes(bench) == [10349, 2109]


# modifications ---------------------------------------------------------------------------------------
def test_what_a_modification_may_change(bench) -> None:
    """Price, size, time in force and limit to market may; stop to limit (329), another account (422) may not."""
    spec = bench.option(2650.0, "P")
    order = bench.venue.place(bench.single(spec, Side.BUY, 5.0))
    assert bench.venue.place(replace(order.ticket, limit=6.0, quantity=3, tif="GTC")) is order
    stop = bench.venue.place(bench.single(spec, Side.BUY, None, order_type="STP", aux=90.0, order_id=2))
    assert bench.venue.place(replace(stop.ticket, aux=95.0)) is stop
    assert bench.venue.place(replace(stop.ticket, order_type="LMT", limit=5.0)).code == 329
    assert bench.venue.place(replace(order.ticket, account="DU7")).code == 422
    market = bench.venue.place(replace(order.ticket, order_type="MKT", limit=None))
    bench.wait()
    assert (market is order, order.status) == (True, "Filled")


# fees ------------------------------------------------------------------------------------------------
def test_fees_follow_the_fixed_schedule(bench) -> None:
    """One option at least a dollar, two at 65 cents each and exchange fees; shares half a cent, a dollar, one
    percent; futures by class."""
    put, spy, vx = bench.option(2650.0, "P"), bench.spy(), bench.future()
    vix = bench.option(18.0, "C", trading_class="VIX", expiry=bench.venue.option_chains("VIX")[0][4][1])
    assert commission_cents(put, 1, 5.0, order_contracts=1) == 100 + 66 + 13 + 2
    assert commission_cents(put, 2, 5.0, order_contracts=2) == 2 * (65 + 66 + 13 + 2)
    assert commission_cents(put, 2, 0.5, order_contracts=2) == 2 * (65 + 57 + 13 + 2)
    assert commission_cents(vix, 4, 0.05, order_contracts=4) == 4 * (65 + 10 + 2)
    assert commission_cents(spy, 1000, 280.0, order_contracts=1000) == 500
    assert commission_cents(spy, 10, 280.0, order_contracts=10) == 100
    assert commission_cents(spy, 10, 5.0, order_contracts=10) == 50
    assert commission_cents(vx, 3, 18.0, order_contracts=3) == 3 * 238


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_the_fees_of_partial_fills_add_up_to_those_of_the_whole(parts) -> None:
    """However an order of shares is cut, its commission is the same to a cent a part."""
    spy, whole = UNDERLYINGS[-1], sum(parts)
    cut = sum(commission_cents(spy, part, 280.0, order_contracts=whole) for part in parts)
    assert abs(cut - commission_cents(spy, whole, 280.0, order_contracts=whole)) <= len(parts)


# what-if and fill ------------------------------------------------------------------------------------
CASES = ["condor", "vertical", "butterfly", "box", "long put", "short call", "future", "shares", "short shares"]


def order_of(bench, what: str):
    """A marketable order and what it is about."""
    legs = bench.condor()
    strikes = {strike: bench.option(strike, "C") for strike in (2900.0, 2950.0, 3000.0)}
    box = [
        Leg(bench.option(2900.0, "C"), 1, Side.BUY), Leg(bench.option(2950.0, "C"), 1, Side.SELL),
        Leg(bench.option(2950.0, "P"), 1, Side.BUY), Leg(bench.option(2900.0, "P"), 1, Side.SELL),
    ]  # fmt: skip
    wings = [
        Leg(strikes[2900.0], 1, Side.BUY), Leg(strikes[2950.0], 2, Side.SELL), Leg(strikes[3000.0], 1, Side.BUY),
    ]  # fmt: skip
    if what in ("condor", "vertical", "butterfly", "box"):
        chosen = {"condor": legs, "vertical": legs[:2], "butterfly": wings, "box": box}[what]
        return bench.bag(chosen, bench.venue.bag_quote(chosen)[1], 2)
    single = {
        "long put": (bench.option(2650.0, "P"), Side.BUY),
        "short call": (bench.option(2950.0, "C"), Side.SELL),
        "future": (bench.future(), Side.SELL),
        "shares": (bench.spy(), Side.BUY),
        "short shares": (bench.spy(), Side.SELL),
    }
    spec, side = single[what]
    return bench.single(spec, side, None, 2, order_type="MKT")


@pytest.mark.parametrize("what", CASES)
def test_the_what_if_has_the_numbers_that_follow(bench, what) -> None:
    """Margins, equity and commission to the cent, as they are once the order has filled and been charged."""
    ticket = order_of(bench, what)
    told = bench.venue.what_if(replace(ticket, what_if=True))
    bench.venue.place(ticket)
    bench.wait()
    bench.wait()
    state = bench.venue.account("DU1234567")
    assert bench.heard.orders[-1][0] == "Filled"
    assert state.initial_margin == pytest.approx(told.initial_after, abs=0.011)
    assert state.maintenance_margin == pytest.approx(told.maintenance_after, abs=0.011)
    assert state.net_liquidation == pytest.approx(told.equity_after, abs=0.021)
    assert sum(c.amount_usd for c in bench.heard.commissions) == pytest.approx(told.commission, abs=0.011)


# the broker's day ------------------------------------------------------------------------------------
def test_futures_are_marked_to_cash_every_day(bench) -> None:
    """At the close the day's gain becomes cash; the average cost stays; sold on another day, the sums agree."""
    vx = bench.venue.find({"sec_type": "FUT", "trading_class": "VX"})[1]
    bench.venue.place(bench.single(vx, Side.BUY, None, 2, order_type="MKT"))
    bench.wait()
    bench.wait()
    entry, before = bench.heard.executions[0].price, bench.cash()
    cost = bench.venue.positions()[0].average_cost_usd
    bench.world.vix += 3.0
    bench.venue.advance(bench.world.days[0].close_at)
    gain = 2 * 1000 * (21.5 - entry)
    assert bench.cash() == pytest.approx(before + gain)
    (line,) = bench.kinds("variation")
    assert (line["quantity"], line["price"], line["cash"]) == (2, 21.5, pytest.approx(gain))
    assert bench.venue.positions()[0].average_cost_usd == cost
    state = bench.venue.account("DU1234567")
    assert state.net_liquidation == pytest.approx(state.cash)
    assert state.unrealized_pnl == pytest.approx(2 * 21_500 - 2 * cost)
    bench.venue.advance(bench.world.days[1].open_at)
    bench.venue.place(bench.single(vx, Side.SELL, None, 2, order_type="MKT", order_id=2))
    bench.wait()
    bench.wait()
    out = bench.heard.executions[1].price
    fees = sum(c.amount_usd for c in bench.heard.commissions)
    assert bench.cash() == pytest.approx(500_000 + 2 * 1000 * (out - entry) - fees)
    assert bench.venue.account("DU1234567").realized_pnl == pytest.approx(bench.cash() - 500_000)


def test_a_day_is_closed_once(make_bench) -> None:
    """However many steps the evening has: one marking of a future, one day's interest."""
    bench = make_bench(rules=BrokerRules(interest_per_year=0.09)).open()
    bench.venue.place(bench.single(bench.future(), Side.BUY, None, 1, order_type="MKT"))
    bench.wait()
    bench.wait()
    close = bench.world.days[0].close_at
    for minutes in range(5):
        bench.world.vix += 1.0
        bench.venue.advance(close + timedelta(minutes=minutes))
    assert len(bench.kinds("variation")) == 1
    assert [line["reason"] for line in bench.kinds("cash")].count("interest") == 1


def test_interest_is_paid_for_the_days_between_closes(make_bench) -> None:
    """Nine percent on half a million: 125 dollars a day, three days' worth after a weekend; without a rate nothing."""
    bench = make_bench(rules=BrokerRules(interest_per_year=0.09)).open()
    for day in bench.world.days[:6]:
        bench.venue.advance(day.close_at)
    paid = [line["amount"] for line in bench.kinds("cash") if line["reason"] == "interest"]
    assert paid[0] == 125.0
    assert [round(amount / 125) for amount in paid] == [1, 1, 1, 1, 1, 3]


def sold_put(make_bench, **terms):
    """One uncovered put, sold with just enough money."""
    bench = make_bench(deposit=50_000.0, **terms).open()
    spec = bench.option(2650.0, "P")
    bench.set_market(spec, 20.0, 20.2)
    bench.venue.place(bench.single(spec, Side.SELL, 20.0))
    bench.wait()
    bench.venue.place(bench.single(bench.spy(), Side.BUY, 270.0, order_id=2))
    return bench, spec


def test_an_account_without_excess_liquidity_is_liquidated(make_bench) -> None:
    """A warning in the ledger first; then working orders go and the position is closed at the market, unasked, marked
    as a liquidation and of no client's order."""
    bench, spec = sold_put(make_bench)
    bench.set_market(spec, 30.0, 30.2)
    bench.world.spx = 2750.0
    bench.wait(60)
    assert [line["account"] for line in bench.kinds("margin_warning")] == ["DU1234567"]
    assert bench.venue.account("DU1234567").excess_liquidity > 0.0
    bench.set_market(spec, 60.0, 60.2)
    bench.world.spx = 2655.0
    bench.wait(60)
    forced = bench.heard.executions[-1]
    assert (forced.liquidation, forced.client_id, forced.order_id, forced.price) == (1, 0, 0, 60.2)
    assert bench.kinds("fill")[-1]["liquidation"] == 1
    assert bench.venue.positions() == []
    assert bench.venue.open_orders() == []
    assert bench.heard.errors[-1][1:3] == (2, 202)


def test_liquidation_can_be_switched_off_and_waits_for_the_open(make_bench) -> None:
    """Switched off nothing is closed; overnight nothing can be, in the morning it is."""
    bench, spec = sold_put(make_bench, rules=BrokerRules(liquidates=False))
    bench.set_market(spec, 60.0, 60.2)
    bench.world.spx = 2655.0
    bench.wait(600)
    assert len(bench.venue.positions()) == 1
    awake, spec = sold_put(make_bench)
    awake.venue.advance(awake.world.days[0].close_at + timedelta(minutes=1))
    awake.set_market(spec, 60.0, 60.2)
    awake.world.spx = 2655.0
    awake.venue.advance(awake.world.days[1].open_at - timedelta(minutes=1))
    assert len(awake.venue.positions()) == 1
    awake.venue.advance(awake.world.days[1].open_at + timedelta(minutes=2))
    assert awake.venue.positions() == []


def test_liquidation_closes_no_more_than_it_must(make_bench) -> None:
    """Of ten condors so many short legs are bought back as bring the excess above zero, not all forty contracts."""
    bench = make_bench(deposit=42_000.0).open()
    legs = bench.condor()
    bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1], 10))
    bench.wait()
    bench.wait()
    bench.venue.back_office.move_cash(bench.venue.back_office.account(None), 9_000.0, "withdrawal")
    for leg in legs:
        level = {2600.0: 30.0, 2650.0: 40.0, 2950.0: 0.5, 3000.0: 0.3}[leg.spec.strike]
        bench.set_market(leg.spec, level, level + 0.1)
    bench.wait(60)
    forced = [e for e in bench.heard.executions if e.liquidation]
    assert forced
    assert sum(e.quantity for e in forced) < 40
    assert bench.venue.account("DU1234567").excess_liquidity >= 0.0


# several accounts ------------------------------------------------------------------------------------
def test_accounts_have_books_of_their_own(make_bench) -> None:
    """An order moves its own account only; both sides of an option may be traded from two accounts."""
    bench = make_bench(more_accounts={"DU2": 20_000.0}).open()
    spec = bench.option(2650.0, "P")
    bench.set_market(spec, 20.0, 20.2)
    bench.venue.place(bench.single(spec, Side.BUY, 20.2, account="DU2"))
    bench.venue.place(bench.single(spec, Side.SELL, 20.0, order_id=2))
    bench.wait()
    bench.wait()
    held = {(line.account, line.quantity) for line in bench.venue.positions()}
    assert held == {("DU2", 1), ("DU1234567", -1)}
    assert bench.venue.account("DU2").cash == pytest.approx(20_000 - 2020 - 1.81)
    assert bench.venue.place(bench.single(spec, Side.BUY, 20.2, account="DU3", order_id=3)).code == 321
