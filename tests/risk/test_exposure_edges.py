"""Worst case and proof of reduction exactly at their edges: half a cent, the last subset, the level that decides."""

from __future__ import annotations

import math

import msgspec
import pytest

from risk import exposure
from risk.exposure import Grid, Stake, Unit, exposure_of, unit_of
from risk.view import Holding
from strategies.domain.book import Fill
from strategies.domain.instruments import Right
from strategies.domain.orders import Action, LegIntent, OrderState, PlaceIntent
from tests.risk.sample import ALL_OPTIONS, EXPIRIES, NOW, World, con_id, entry, record

OPTIONS = {o.con_id: o for o in ALL_OPTIONS}
PUT, CALL = Right.PUT, Right.CALL
LOW, HIGH = con_id(EXPIRIES[0], 5100.0, PUT), con_id(EXPIRIES[0], 5150.0, PUT)
LATE = con_id(EXPIRIES[1], 5100.0, PUT)


def test_half_a_cent_is_noise_and_a_cent_is_loss() -> None:
    """A closing that costs a cent more than it frees is not proven to reduce; half a cent is arithmetic."""
    held = Stake(OPTIONS, {HIGH: 1, LOW: -1}, 0.0)  # can gain, cannot lose
    for paid_usd, proven in ((0.004, True), (0.005, True), (0.01, False)):
        away = Unit("away", ((HIGH, -1), (LOW, 1)), -paid_usd, 0.0, 1)
        assert held.is_reduced_by(away) is proven


def test_the_last_subset_is_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the documented number of subsets the loss is a number and a proof is made; beyond, unlimited and none."""
    assert exposure.MAX_SUBSETS == 4096
    monkeypatch.setattr(exposure, "MAX_SUBSETS", 4)
    across = tuple(Unit(f"o{n}", ((LOW, 1), (LATE, 1)), -10.0, 0.0, 1) for n in range(3))
    assert Stake(OPTIONS, {}, 0.0, across[:2]).worst_loss_usd == 20.0
    assert math.isinf(Stake(OPTIONS, {}, 0.0, across).worst_loss_usd)
    within = tuple(Unit(f"w{n}", ((LOW, 1),), -10.0, 0.0, 1) for n in range(3))  # of one series: nothing to enumerate
    assert Stake(OPTIONS, {}, 0.0, within).worst_loss_usd == 30.0
    closing = Unit("close", ((LOW, -1),), 0.0, 0.0, 1)
    other = Unit("other", ((LATE, 1),), 0.0, 0.0, 1)
    assert Stake(OPTIONS, {LOW: 1}, 0.0, (other._replace(quantity=3),)).is_reduced_by(closing._replace(cash_usd=500.0))
    assert not Stake(OPTIONS, {LOW: 1}, 0.0, (other._replace(quantity=4),)).is_reduced_by(
        closing._replace(cash_usd=500.0)
    )
    monkeypatch.setattr(exposure, "MAX_SUBSETS", 7)
    assert math.isinf(Stake(OPTIONS, {}, 0.0, across).worst_loss_usd)  # three orders have eight subsets, not six


def small(strike: float, right: Right) -> dict[int, exposure.Tradable]:
    """An option of one dollar a point, so that cents and single dollars decide."""
    base = OPTIONS[HIGH]
    number = int(strike * 100) * 10 + (right is CALL)
    return {number: msgspec.structs.replace(base, con_id=number, strike=strike, right=right, multiplier=1)}


def test_worth_is_reckoned_to_the_cent() -> None:
    """Half a dollar in or out of the money, a dollar, and exactly at the money: worth is never below zero."""
    board = {**small(5000.0, CALL), **small(5000.5, CALL), **small(5001.5, PUT)}
    low, middle, put = board
    grid = Grid(board, board)
    assert grid.worth[low] == [0.0, 0.0, 0.5, 1.5]
    assert grid.worth[middle] == [0.0, 0.0, 0.0, 1.0]
    assert grid.worth[put] == [5001.5, 1.5, 1.0, 0.0]


def test_a_single_dollar_of_slope_is_unbounded() -> None:
    """One short call of a dollar a point has no least worth, one long call no greatest; a put has both."""
    (call, _), (put, _) = *small(5000.0, CALL).items(), *small(5000.0, PUT).items()
    grid = Grid({**small(5000.0, CALL), **small(5000.0, PUT)}, (call, put))
    assert grid.bounds_usd([(call, -1)]) == (-math.inf, 0.0)
    assert grid.bounds_usd([(call, 1)]) == (0.0, math.inf)
    assert grid.bounds_usd([(put, -1)]) == (-5000.0, 0.0)
    assert math.isinf(Stake(small(5000.0, CALL), {call: -1}, 0.0).worst_loss_usd)
    working = Unit("naked", ((call, -1),), 5.0, 0.0, 1)
    assert math.isinf(Stake(small(5000.0, CALL), {}, 0.0, (working,)).worst_loss_usd)


def test_a_filled_order_has_paid_its_fees_and_alone_it_is_nobodys_money() -> None:
    """Three units bring three times their cash less three times their fee; alone an order loses what it costs."""
    selling = Unit("sell", ((HIGH, -1), (LOW, 1)), 100.0, 8.0, 3)
    rich = Stake(OPTIONS, {HIGH: 1}, 1_000.0)
    assert rich.filled(selling).cash_usd == 1_000.0 + 3 * 100.0 - 3 * 8.0
    assert rich.filled(selling).held == {HIGH: -2, LOW: 3}
    assert rich.plus(selling).alone(selling).worst_loss_usd == 3 * (5_000.0 - 100.0 + 8.0)


def test_what_is_held_loses_its_width_less_what_it_brought() -> None:
    """A credit lowers the loss, a debit raises it, neither changes the width; an order that only brings money may
    still not fill, one of two series like one of a single series."""
    for cash_usd, loss_usd in ((1_000.0, 4_000.0), (-50.0, 5_050.0)):
        short_spread = Stake(OPTIONS, {HIGH: -1, LOW: 1}, cash_usd)
        assert (short_spread.width_usd, short_spread.resting_loss_usd) == (5_000.0, loss_usd)
        assert short_spread.worst_loss_usd == loss_usd
        for legs in (((LOW, 1), (LATE, 1)), ((LOW, 1),)):
            gift = Unit("gift", legs, 10.0, 0.0, 2)
            assert short_spread.plus(gift).worst_loss_usd == loss_usd


def test_the_width_is_found_at_whichever_level_is_worst() -> None:
    """A put without cover at zero, a call spread at its upper strike, what is held long nowhere, a call never."""
    near, far = con_id(EXPIRIES[0], 5750.0, CALL), con_id(EXPIRIES[0], 5800.0, CALL)
    for held, width_usd in (
        ({LOW: -2}, 1_020_000.0), ({near: -1, far: 1}, 5_000.0), ({LOW: 1, far: 1}, 0.0),
        ({near: 1, far: -2}, math.inf), ({near: -1, far: 1, LOW: 1, HIGH: -2}, 520_000.0),
        ({LOW: -1, LATE: -1}, 1_020_000.0),
    ):  # fmt: skip
        assert Stake(OPTIONS, held, 0.0).width_usd == width_usd
    board = {**small(5000.0, CALL), **small(5000.5, CALL)}
    low, middle = board
    assert Stake(board, {low: -1, middle: 1}, 0.0).width_usd == 0.5  # VIX has strikes half a point apart
    assert Stake(board, {low: -1, middle: 2}, 0.0).width_usd == 0.5


def test_what_falls_without_end_is_unbounded_beside_a_working_order() -> None:
    """A naked call is not made good by an order that may buy it back, nor by one of something else; a long call is no
    danger; an order across two series pays its fees."""
    call, put = con_id(EXPIRIES[0], 5750.0, CALL), Unit("put", ((LOW, 1),), -10.0, 0.0, 1)
    assert math.isinf(Stake(OPTIONS, {call: -1}, 0.0, (put,)).worst_loss_usd)
    assert Stake(OPTIONS, {call: 1}, 0.0, (put,)).worst_loss_usd == 10.0
    ((number, _),) = small(5000.0, CALL).items()
    back = Unit("back", ((number, 1),), -10.0, 0.0, 1)
    assert math.isinf(Stake(small(5000.0, CALL), {number: -1}, 0.0, (back,)).worst_loss_usd)
    across = Unit("both", ((LOW, 1), (LATE, 1)), -100.0, 8.0, 2)
    assert Stake(OPTIONS, {}, 0.0, (across,)).worst_loss_usd == 216.0


def test_what_is_uncovered_is_named_by_series_and_right() -> None:
    """A put without a long, and what its working orders sell beyond what they buy; what is covered is not named."""
    near, far = con_id(EXPIRIES[0], 5750.0, CALL), con_id(EXPIRIES[0], 5800.0, CALL)
    first, second = (exposure.series_of(OPTIONS[one]) for one in (LOW, LATE))
    held = Stake(OPTIONS, {LOW: -2, HIGH: 1, near: -1, far: 1}, 0.0)
    assert held.uncovered() == {(first, PUT): 1}
    selling = Unit("sell", ((LATE, -2), (near, 1), (far, -1)), 0.0, 0.0, 3)
    assert held.plus(selling).uncovered() == {(first, PUT): 1, (second, PUT): 6}
    assert held.plus(Unit("buy", ((LOW, 1),), 0.0, 0.0, 1)).uncovered() == {(first, PUT): 1}  # it may not fill
    assert Stake(OPTIONS, {LOW: 1, HIGH: -1}, 0.0).uncovered() == {}


def test_a_leg_turned_round_is_no_reduction_however_cheap() -> None:
    """One long becomes one short under twice as many better longs: less to lose, all covered, and still no closing."""
    better = Unit("swap", ((LOW, -2), (HIGH, 2)), 500.0, 0.0, 1)
    assert not Stake(OPTIONS, {LOW: 1}, 0.0).is_reduced_by(better)
    assert Stake(OPTIONS, {LOW: 2}, 0.0).is_reduced_by(better)


def test_what_rises_above_the_last_strike_excuses_no_loss() -> None:
    """A long call may be sold for money and not at a price; one more may not be bought; a naked short that falls less
    steeply is better whatever that costs, one that falls as steeply is not."""
    near, far = con_id(EXPIRIES[0], 5750.0, CALL), con_id(EXPIRIES[0], 5800.0, CALL)
    for held, legs, cash_usd, proven in (
        ({far: 1}, ((far, -1),), 500.0, True), ({far: 1}, ((far, -1),), -500.0, False),
        ({HIGH: -1, LOW: 1}, ((far, 1),), -500.0, False), ({near: -2}, ((far, 1),), -900_000.0, True),
        ({near: -2}, ((LOW, 1),), -900_000.0, False), ({far: -1}, ((far, 1), (near, -1)), 500.0, False),
        ({near: -1}, ((near, -1),), 900_000.0, False),
        ({HIGH: 1}, ((HIGH, -1), (LOW, -1)), 900_000.0, False),  # cheaper, and uncovered
        ({LOW: -1, far: 1}, ((far, -1),), 500.0, True),  # no more uncovered than before
    ):  # fmt: skip
        assert Stake(OPTIONS, held, 0.0).is_reduced_by(Unit("one", legs, cash_usd, 0.0, 1)) is proven, held


def test_what_the_position_brought_is_part_of_its_loss() -> None:
    """A thousand was collected for a spread of five: fifteen hundred for another put would make the loss greater."""
    for cash_usd in (1_000.0, -1_000.0):
        held = Stake(OPTIONS, {HIGH: -1, LOW: 1}, cash_usd)
        assert not held.is_reduced_by(Unit("put", ((LOW, 1),), -1_500.0, 0.0, 1))


def test_a_second_closing_counts_the_first_as_filled_and_as_not() -> None:
    """Beside a working closing of one, another one reduces where two are held and reverses where one is."""
    closing = Unit("close", ((HIGH, 1), (LOW, -1)), -100.0, 0.0, 1)
    for held, proven in ((2, True), (1, False)):
        stake = Stake(OPTIONS, {HIGH: -held, LOW: held}, 0.0, (closing,))
        assert stake.is_reduced_by(closing._replace(ref="again")) is proven


@pytest.mark.parametrize(
    ("held", "cash_usd", "beside", "unknown"),
    [({}, 0.0, 0, ""), ({HIGH: 1}, 0.0, 0, ""), ({}, -900.0, 0, ""), ({}, 0.0, 1, ""), ({}, 0.0, 0, "a riddle")],
)
def test_what_stands_beside_an_order_is_no_part_of_its_loss(
    held: dict[int, int], cash_usd: float, beside: int, unknown: str
) -> None:
    """A position, money, another order or what is not known: alone the order loses the same each time."""
    selling = Unit("sell", ((HIGH, -1), (LOW, 1)), 100.0, 8.0, 3)
    other = selling._replace(ref="other")
    own = Stake(OPTIONS, held, cash_usd, (selling, *[other] * beside), unknown)
    assert own.alone(selling).worst_loss_usd == 3 * (5_000.0 - 100.0 + 8.0)


def test_only_the_hedge_may_do_without_a_mark() -> None:
    """A contract only helps if it is the hedge's and no working sale can make it short."""
    sale = Unit("sell", ((LOW, -1),), 0.0, 0.0, 2)
    assert not Stake(OPTIONS, {LOW: 2}, 0.0).only_helps(LOW)
    assert Stake(OPTIONS, {LOW: 2}, 0.0, (sale,), hedge=True).only_helps(LOW)
    assert not Stake(OPTIONS, {LOW: 1}, 0.0, (sale,), hedge=True).only_helps(LOW)
    elsewhere, purchase = Unit("far", ((LATE, 1),), 0.0, 0.0, 1), Unit("buy", ((LOW, 1),), 0.0, 0.0, 1)
    assert Stake(OPTIONS, {}, 0.0, (elsewhere,), hedge=True).only_helps(LOW)
    assert not Stake(OPTIONS, {LOW: 1}, 0.0, (sale, purchase), hedge=True).only_helps(LOW)  # it may not fill
    assert not Stake(OPTIONS, {}, 0.0, (sale._replace(quantity=1),), hedge=True).only_helps(LOW)  # none is held
    for hedge, needed in ((False, {LOW, HIGH}), (True, {HIGH})):
        assert Stake(OPTIONS, {LOW: 2, HIGH: -1}, 0.0, hedge=hedge).needed == needed
    assert Stake(OPTIONS, {LOW: 2}, 0.0, hedge=True).plus(sale).knowing(OPTIONS).filled(sale).hedge


FIRST, SHORT_PUT, SHORT_CALL, LAST = (leg.con_id for leg in entry(expiry=EXPIRIES[0]).legs)


@pytest.mark.parametrize(
    ("executed", "held", "cash_usd", "rest"),
    [
        ((), {}, 0.0, 3),
        (((FIRST, 1, 3.0), (SHORT_PUT, -1, 5.0), (SHORT_CALL, -1, 9.0), (LAST, 1, 1.0)),
         {FIRST: 1, SHORT_PUT: -1, SHORT_CALL: -1, LAST: 1}, 1_000.0, 2),
        (((SHORT_CALL, -1, 9.0),), {FIRST: 1, SHORT_PUT: -1, SHORT_CALL: -1, LAST: 1}, 1_000.0, 2),
        (((SHORT_CALL, -2, 9.0), (SHORT_CALL, -1, 6.0), (FIRST, 1, 3.0)),
         {FIRST: 3, SHORT_PUT: -3, SHORT_CALL: -3, LAST: 3}, 3_000.0, 0),
        (((FIRST, 2, 3.0), (SHORT_PUT, -1, 5.0), (SHORT_CALL, -1, 9.0), (LAST, 1, 1.0)),
         {FIRST: 2, SHORT_PUT: -2, SHORT_CALL: -2, LAST: 2}, 100.0 * (5.0 + 9.0 - 3.0 - 1.0) + 1_000.0, 1),
        (((SHORT_CALL, -4, 9.0),), {FIRST: 3, SHORT_PUT: -3, SHORT_CALL: -4, LAST: 3}, 3_900.0, 0),
    ],
)  # fmt: skip
def test_what_has_executed_is_held_and_the_rest_works(
    executed: tuple[tuple[int, int, float], ...], held: dict[int, int], cash_usd: float, rest: int
) -> None:
    """Three condors at ten: a leg that ran ahead proves its unit at the order's limit, whole units count at what was
    paid, a leg beyond all of them is held, and only what is proven of none works on."""
    order = entry(expiry=EXPIRIES[0], quantity=3, limit_points=-10.0)
    stake = stake_after(order, executed)
    assert stake.held == held
    assert stake.cash_usd == pytest.approx(cash_usd)
    legs = ((FIRST, 1), (SHORT_PUT, -1), (SHORT_CALL, -1), (LAST, 1))
    assert stake.units == ((Unit(order.ref, legs, 1_000.0, 8.0, rest),) if rest else ())
    assert unit_of(order, OPTIONS, 2.0) == Unit(order.ref, legs, 1_000.0, 8.0, 3)


def test_an_execution_that_is_not_booked_yet_is_taken_for_one_at_no_price() -> None:
    """Reported on the order, held at nine, in no book: nothing more is said of what was paid than the holding says."""
    order = entry(expiry=EXPIRIES[0], quantity=3, limit_points=-10.0)
    working = record(order, OrderState.WORKING, filled_by_leg={SHORT_CALL: -1})
    world = World(orders=(working,), holdings=(Holding(order.owner, SHORT_CALL, -1, 9.0),))
    assert exposure_of(world.view(), 2.0).stakes[order.owner].cash_usd == pytest.approx(1_900.0)


def stake_after(order: PlaceIntent, executed: tuple[tuple[int, int, float], ...]) -> Stake:
    """What the owner of a working order has after its executions: contract, signed quantity, price."""
    fills, holdings, filled = {}, [], dict.fromkeys((con for con, _, _ in executed), 0)
    for number, (con, quantity, price) in enumerate(executed):
        side = Action.BUY if quantity > 0 else Action.SELL
        fills[f"e.{number}"] = Fill(f"e.{number}.01", order.ref, con, side, abs(quantity), price, 100, NOW)
        holdings.append(Holding(order.owner, con, quantity, price))
        filled[con] += quantity
    other = record(entry("ic-8", expiry=EXPIRIES[0]), OrderState.FILLED)
    stray = Fill("s.1.01", other.ref, SHORT_CALL, Action.SELL, 9, 50.0, 100, NOW)
    working = record(order, OrderState.WORKING, filled_by_leg=filled)
    world = World(orders=(working, other), fills={**fills, "s.1": stray}, holdings=tuple(holdings))
    return exposure_of(world.view(), 2.0).stakes[order.owner]


def test_a_leg_of_two_contracts_proves_half_as_many_units() -> None:
    """Five puts bought of an order of one call against two puts: three units are sure, one put is still to come."""
    legs = (LegIntent(SHORT_CALL, 1, Action.SELL), LegIntent(FIRST, 2, Action.BUY))
    order = entry(expiry=EXPIRIES[0], quantity=4, legs=legs, limit_points=1.5)
    for executed, units in (
        (((FIRST, 5, 2.0),), 3), (((FIRST, 3, 2.0), (FIRST, 1, 2.0), (SHORT_CALL, -1, 3.0)), 2),
        (((FIRST, 2, 2.0), (SHORT_CALL, -1, 2.5)), 1),
    ):  # fmt: skip
        stake = stake_after(order, executed)
        assert stake.held == {FIRST: 2 * units, SHORT_CALL: -units}
        assert stake.cash_usd == pytest.approx(-150.0 * units + (50.0 if len(executed) == 3 else 0.0)), executed
        assert stake.units == (Unit(order.ref, ((SHORT_CALL, -1), (FIRST, 2)), -150.0, 6.0, 4 - units),)


def test_holdings_of_one_contract_are_added_and_what_cannot_be_valued_says_so() -> None:
    """Two rows of one contract are one position at what both cost; a price that is no number, or a contract of which
    nothing is known, held or worked on, leaves its owner unknown and no one else."""
    rows = (Holding("ic-1", FIRST, 2, 3.0), Holding("ic-1", FIRST, 1, 4.5), Holding("ic-2", FIRST, 0, 9.0))
    found = exposure_of(World(holdings=rows).view(), 2.0).stakes
    assert set(found) == {"ic-1"}
    assert (found["ic-1"].held, found["ic-1"].cash_usd, found["ic-1"].hedge) == ({FIRST: 3}, -1_050.0, False)
    odd = (Holding("ic-3", FIRST, 1, math.nan), Holding("ic-4", 77, 1, 5.0), Holding("ic-5", FIRST, 1, None))
    strange = entry("ic-6")
    legs = (*strange.legs[:2], *(msgspec.structs.replace(leg, con_id=77 + n) for n, leg in enumerate(strange.legs[2:])))
    orders = (
        record(msgspec.structs.replace(strange, legs=legs)),
        record(entry("ic-7"), OrderState.CANCELED),
    )
    found = exposure_of(World(holdings=(*rows, *odd), orders=orders).view(), 2.0).stakes
    assert {owner for owner, stake in found.items() if stake.unknown} == {"ic-3", "ic-4", "ic-5", "ic-6"}
    assert set(found) == {"ic-1", "ic-3", "ic-4", "ic-5", "ic-6"}
    assert "77" in found["ic-6"].unknown
