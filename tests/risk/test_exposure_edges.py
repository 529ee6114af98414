"""Worst case and proof of reduction exactly at their edges: half a cent, the last subset, the level that decides."""

from __future__ import annotations

import math

import msgspec
import pytest

from risk import exposure
from risk.exposure import Grid, Stake, Unit
from strategies.domain.instruments import Right
from tests.risk.sample import ALL_OPTIONS, EXPIRIES, con_id

OPTIONS = {o.con_id: o for o in ALL_OPTIONS}
PUT, CALL = Right.PUT, Right.CALL
LOW, HIGH = con_id(EXPIRIES[0], 5100.0, PUT), con_id(EXPIRIES[0], 5150.0, PUT)
LATE = con_id(EXPIRIES[1], 5100.0, PUT)


def test_half_a_cent_is_noise_and_a_cent_is_loss() -> None:
    """A closing that costs a cent more than it frees is not proven to reduce; half a cent is arithmetic."""
    held = Stake(OPTIONS, {HIGH: 1, LOW: -1}, 0.0)  # can gain, cannot lose
    for paid_usd, proven in ((0.004, True), (0.01, False)):
        away = Unit("away", ((HIGH, -1), (LOW, 1)), -paid_usd, 0.0, 1)
        assert held.is_reduced_by(away) is proven


def test_the_last_subset_is_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the documented number of subsets the loss is a number and a proof is made; beyond, unlimited and none."""
    assert exposure.MAX_SUBSETS == 4096
    monkeypatch.setattr(exposure, "MAX_SUBSETS", 4)
    across = tuple(Unit(f"o{n}", ((LOW, 1), (LATE, 1)), -10.0, 0.0, 1) for n in range(3))
    assert Stake(OPTIONS, {}, 0.0, across[:2]).worst_loss_usd == 20.0
    assert math.isinf(Stake(OPTIONS, {}, 0.0, across).worst_loss_usd)
    closing = Unit("close", ((LOW, -1),), 0.0, 0.0, 1)
    other = Unit("other", ((LATE, 1),), 0.0, 0.0, 1)
    assert Stake(OPTIONS, {LOW: 1}, 0.0, (other._replace(quantity=3),)).is_reduced_by(closing._replace(cash_usd=500.0))
    assert not Stake(OPTIONS, {LOW: 1}, 0.0, (other._replace(quantity=4),)).is_reduced_by(
        closing._replace(cash_usd=500.0)
    )


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


def test_only_the_hedge_may_do_without_a_mark() -> None:
    """A contract only helps if it is the hedge's and no working sale can make it short."""
    sale = Unit("sell", ((LOW, -1),), 0.0, 0.0, 2)
    assert not Stake(OPTIONS, {LOW: 2}, 0.0).only_helps(LOW)
    assert Stake(OPTIONS, {LOW: 2}, 0.0, (sale,), hedge=True).only_helps(LOW)
    assert not Stake(OPTIONS, {LOW: 1}, 0.0, (sale,), hedge=True).only_helps(LOW)
    elsewhere, purchase = Unit("far", ((LATE, 1),), 0.0, 0.0, 1), Unit("buy", ((LOW, 1),), 0.0, 0.0, 1)
    assert Stake(OPTIONS, {}, 0.0, (elsewhere,), hedge=True).only_helps(LOW)
    assert not Stake(OPTIONS, {LOW: 1}, 0.0, (sale, purchase), hedge=True).only_helps(LOW)  # it may not fill
    assert Stake(OPTIONS, {LOW: 2}, 0.0, hedge=True).plus(sale).knowing(OPTIONS).filled(sale).hedge
