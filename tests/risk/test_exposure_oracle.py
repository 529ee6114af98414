"""The gate's closed form against brute force over fill subsets and breakpoints, on random books."""

from __future__ import annotations

import math
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from risk.exposure import Grid, Stake, Unit, exposure_of, unit_of
from risk.view import Holding
from strategies.domain.instruments import Option, Right
from strategies.domain.orders import Action, OrderState
from tests.oracle import worst_case as oracle
from tests.risk.sample import ALL_OPTIONS, EXPIRIES, NOW, WINGS, Fill, World, condor_legs, entry, record

SMALL = tuple(
    o for o in ALL_OPTIONS if o.expiry in EXPIRIES[:2] and o.strike in (5100.0, 5150.0, 5500.0, 5750.0, 5800.0)
)
OPTIONS: dict[int, Option] = {o.con_id: o for o in SMALL}
CONTRACTS = {
    o.con_id: oracle.Contract(o.expiry.isoformat(), o.strike, o.right is Right.CALL, o.multiplier) for o in SMALL
}

con_ids = st.sampled_from(sorted(OPTIONS))
prices = st.integers(-2000, 2000).map(lambda n: n / 20)
signed = st.integers(-3, 3).filter(bool)
leg_sets = st.dictionaries(con_ids, st.integers(-2, 2).filter(bool), min_size=1, max_size=4)


class Order(NamedTuple):
    """A drawn order."""

    legs: dict[int, int]
    units: int
    limit: float
    fee: float


orders = st.builds(Order, leg_sets, st.integers(1, 3), prices, st.sampled_from((0.0, 8.0)))


def stake_of(held: dict[int, int], price: float, working: list[Order]) -> Stake:
    """The gate's form of a drawn group; every held contract at one price."""
    cash = -sum(q * price * 100 for q in held.values())
    units = tuple(Unit(f"o{i}", tuple(o.legs.items()), -o.limit * 100, o.fee, o.units) for i, o in enumerate(working))
    return Stake(OPTIONS, held, cash, units)


def oracle_of(held: dict[int, int], price: float, working: list[Order]) -> tuple[list, list]:
    """The oracle's form of the same."""
    rows = [oracle.Held("g", c, q, price) for c, q in held.items()]
    work = [oracle.Working("g", tuple(o.legs.items()), o.units, o.limit, o.fee) for o in working]
    return rows, work


books = st.tuples(st.dictionaries(con_ids, signed, max_size=5), prices, st.lists(orders, max_size=3))


@settings(max_examples=300, deadline=None)
@given(books)
def test_worst_case_equals_brute_force(book: tuple[dict[int, int], float, list[Order]]) -> None:
    """Closed form and brute force name the same worst loss, bounded or not, on any group."""
    ours, theirs = stake_of(*book).worst_loss_usd, oracle.group_worst_usd(CONTRACTS, *oracle_of(*book))
    assert ours == theirs if math.isinf(theirs) else abs(ours - theirs) < 1e-6


@settings(max_examples=200, deadline=None)
@given(books)
def test_uncovered_is_found_exactly_when_some_subset_has_it(book: tuple[dict[int, int], float, list[Order]]) -> None:
    """Cover over all fill subsets in closed form agrees with looking at every subset."""
    ours = stake_of(*book).uncovered()
    assert bool(ours) == (oracle.naked_shorts(CONTRACTS, *oracle_of(*book)) > 0)


@settings(max_examples=200, deadline=None)
@given(books, orders)
def test_a_proven_reducer_never_adds_to_the_worst_case(
    book: tuple[dict[int, int], float, list[Order]], candidate: Order
) -> None:
    """Whatever is_reduced_by lets pass leaves the brute-force worst case no higher, partly or wholly filled."""
    held, price, working = book
    stake = stake_of(*book)
    unit = Unit("new", tuple(candidate.legs.items()), -candidate.limit * 100, 0.0, candidate.units)
    bare = [order._replace(fee=0.0) for order in working]
    if not stake.is_reduced_by(unit):
        return
    before = oracle.group_worst_usd(CONTRACTS, *oracle_of(held, price, bare))
    after = oracle.group_worst_usd(CONTRACTS, *oracle_of(held, price, [*bare, candidate._replace(fee=0.0)]))
    assert after <= before + 0.01 or math.isinf(before)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 3), st.integers(0, 40), st.integers(0, 50), st.integers(1, 3), st.booleans())
def test_closing_a_condor_is_proven_to_reduce(held: int, credit: int, debit: int, units: int, half: bool) -> None:
    """Closing up to what is held, at a debit up to the width, whole or one side at no cost, is found to reduce."""
    legs = condor_legs(EXPIRIES[0], WINGS)
    position = {leg.con_id: leg.action.sign * held for leg in legs}
    stake = Stake(OPTIONS, position, 100.0 * credit * held)
    closing = condor_legs(EXPIRIES[0], WINGS, close=True)
    closing = closing[:2] if half else closing
    cost = 0.0 if half else float(debit)
    unit = Unit("x", tuple((leg.con_id, leg.action.sign) for leg in closing), -100.0 * cost, 0.0, units)
    assert stake.is_reduced_by(unit) is (units <= held)


def test_second_exit_beside_a_working_one_is_no_reducer() -> None:
    """If both exits filled the condor would be reversed: the fill subset with both in it forbids the second."""
    legs = condor_legs(EXPIRIES[0], WINGS)
    closing = tuple((leg.con_id, leg.action.sign) for leg in condor_legs(EXPIRIES[0], WINGS, close=True))
    exit_unit = Unit("x", closing, -500.0, 0.0, 1)
    alone = Stake(OPTIONS, {leg.con_id: leg.action.sign for leg in legs}, 1000.0)
    assert alone.is_reduced_by(exit_unit)
    assert not alone.plus(exit_unit).is_reduced_by(exit_unit)


def test_naked_short_is_unlimited_and_buying_it_back_reduces() -> None:
    """A short call without cover has no bounded worst case; closing it is proven to reduce all the same."""
    call = next(c for c, o in OPTIONS.items() if o.is_call)
    naked = Stake(OPTIONS, {call: -2}, 3000.0)
    assert naked.worst_loss_usd == math.inf
    assert naked.is_reduced_by(Unit("x", ((call, 1),), -2000.0, 0.0, 2))
    assert not naked.is_reduced_by(Unit("x", ((call, -1),), 2000.0, 0.0, 1))


def test_condor_by_hand() -> None:
    """Two 50-wide condors sold at 10: 8000 USD can be lost, 8 USD of fees each counted while working."""
    order = entry(expiry=EXPIRIES[0], quantity=2, limit_points=-10.0)
    view = World(orders=(record(order),)).view()
    assert exposure_of(view, 2.0).stakes["ic-1"].worst_loss_usd == 2 * (5000 - 1000 + 8)
    unit = unit_of(order, OPTIONS, 2.0)
    assert Grid(OPTIONS, [c for c, _ in unit.legs]).bounds_usd(unit.legs) == (-5000.0, 0.0)


def test_leg_executions_ahead_of_their_sisters_count_as_the_whole_unit() -> None:
    """A combo fills in ratio: one reported leg proves its unit, valued at the limit and not as a naked leg."""
    order = entry(expiry=EXPIRIES[0], quantity=2, limit_points=-10.0)
    short_call = order.legs[2]
    ran = Fill("e.1.01", order.ref, short_call.con_id, Action.SELL, 1, 21.0, 100, NOW)
    filled = record(order, OrderState.WORKING, filled_by_leg={short_call.con_id: -1})
    world = World(orders=(filled,), fills={"e.1": ran})
    view = world.with_(holdings=(_holding(short_call.con_id, -1, 21.0),)).view()
    stake = exposure_of(view, 0.0).stakes["ic-1"]
    assert stake.held == {leg.con_id: leg.action.sign for leg in order.legs}
    assert abs(stake.worst_loss_usd - 8000.0) < 1e-6


def _holding(con_id: int, quantity: int, price: float) -> Holding:
    return Holding("ic-1", con_id, quantity, price)


def test_unknown_price_or_contract_is_not_valued() -> None:
    """A position whose price or details are missing makes its group unknown, never worthless."""
    for row in (Holding(None, SMALL[0].con_id, 1, None), Holding(None, 424_242, 1, 5.0)):
        view = World(holdings=(row,)).view()
        stake = exposure_of(view, 0.0).stakes[None]
        assert stake.unknown
        assert stake.worst_loss_usd == math.inf
