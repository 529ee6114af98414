"""Stress and crash by full revaluation, against one-by-one pricing."""

from __future__ import annotations

import itertools
import math

import msgspec
import pytest

from risk.exposure import Stake, exposure_of
from risk.limits import paper_limits
from risk.stress import Revaluation, Stress
from strategies.domain.marks import Mark
from strategies.pricing import black76
from tests.risk.hedge_sample import CALLS, MINI, mark_of
from tests.risk.sample import ALL_OPTIONS, EXPIRIES, FORWARD, IV, WINGS, World, close, condor_legs, entry, mark, record

LIMITS = paper_limits()
OPTIONS = {o.con_id: o for o in ALL_OPTIONS}


def run(world: World) -> Stress | str:
    """The stress of a world's book."""
    view = world.view()
    contracts, stakes = exposure_of(view, 0.0)
    return Revaluation(contracts, view.marks, LIMITS, None).of(stakes.values())


def worth(con_id: int, spot: float, sigma: float) -> float:
    """One option, one price, in usd."""
    of = OPTIONS[con_id]
    m = mark(of)
    return 100.0 * float(black76.price(spot, of.strike, sigma, m.tau_years, of.is_call, m.discount))


def test_held_condor_cell_by_cell() -> None:
    """The worst grid cell and the crash equal pricing every option of every cell by itself."""
    legs = condor_legs(EXPIRIES[0], WINGS)
    found = run(World().having("ic-1", legs, 2, -14.0))
    assert isinstance(found, Stress)

    def loss(spot: float, bump: float) -> float:
        return sum(
            -2 * leg.action.sign * (worth(leg.con_id, spot, bump) - worth(leg.con_id, FORWARD, IV)) for leg in legs
        )

    cells = {
        (s, v): loss(FORWARD * (1 + s / 100), IV * (1 + v / 100))
        for s, v in itertools.product(LIMITS.stress_spots_pct, LIMITS.stress_vols_pct)
    }
    assert found.grid_loss_usd == pytest.approx(max(cells.values()))
    assert cells[(found.spot_pct, found.vol_pct)] == pytest.approx(found.grid_loss_usd)
    days = mark(OPTIONS[legs[0].con_id]).tau_years * 365
    assert found.crash_loss_usd == pytest.approx(loss(0.9 * FORWARD, IV + 0.25 * math.sqrt(30 / days)))


def test_working_orders_fill_where_it_hurts() -> None:
    """A working opening adds its loss from the limit price; a working closing takes nothing off."""
    opening = entry(expiry=EXPIRIES[0], quantity=2)
    alone = run(World(orders=(record(opening),)))
    assert isinstance(alone, Stress)
    assert alone.crash_loss_usd > 1000.0
    held = World().having("ic-1", opening.legs, 2, opening.limit_points)
    with_exit = World(holdings=held.holdings, fills=held.fills, orders=(record(close(expiry=EXPIRIES[0], quantity=2)),))
    before, after = run(held), run(with_exit)
    assert isinstance(before, Stress)
    assert isinstance(after, Stress)
    assert after.crash_loss_usd >= before.crash_loss_usd
    assert after.grid_loss_usd >= before.grid_loss_usd


@pytest.mark.parametrize("bad", [None, math.nan, math.inf, 0.0, -0.1])
def test_no_mark_no_number(bad: float | None) -> None:
    """One option without a usable volatility makes the whole stress unknown, with its name."""
    legs = condor_legs(EXPIRIES[0], WINGS)
    world = World().having("ic-1", legs, 1, -14.0)
    con_id = legs[0].con_id
    marks = dict(world.marks)
    if bad is None:
        del marks[con_id]
    else:
        marks[con_id] = Mark(bad, FORWARD, 0.1, 1.0)
    answer = run(world.with_(marks=marks))
    assert isinstance(answer, str)
    assert str(con_id) in answer


def test_a_contract_without_details_is_not_worth_nothing() -> None:
    """What the revaluation was not told of leaves the book unknown, with its name."""
    world = World().having("ic-1", condor_legs(EXPIRIES[0], WINGS), 1, -14.0)
    contracts, stakes = exposure_of(world.view(), 0.0)
    gone = min(contracts)
    fewer = {con_id: contract for con_id, contract in contracts.items() if con_id != gone}
    answer = Revaluation(fewer, world.view().marks, LIMITS, None).of(stakes.values())
    assert isinstance(answer, str)
    assert str(gone) in answer


def test_empty_book_has_nothing_to_lose() -> None:
    """Nothing held, nothing working, no loss."""
    found = run(World())
    assert isinstance(found, Stress)
    assert (found.grid_loss_usd, found.crash_loss_usd) == (0.0, 0.0)
    assert not found.cells_usd.any()


def test_unknown_holding_is_not_skipped() -> None:
    """A group that cannot be valued makes the stress unknown."""
    unknown = Stake({}, {}, 0.0, (), "held at an unknown price")
    assert Revaluation({}, {}, LIMITS, None).of([unknown]) == "held at an unknown price"


LEG = condor_legs(EXPIRIES[0], WINGS)[0].con_id
OF_LEG = mark(OPTIONS[LEG])


def of_one(found: Mark, **caps: object) -> Stress | str:
    """One long option under its mark and, where they are given, other shocks."""
    limits = msgspec.structs.replace(LIMITS, **caps)
    return Revaluation(OPTIONS, {LEG: found}, limits, 16.5).of([Stake(OPTIONS, {LEG: 1}, 0.0)])


@pytest.mark.parametrize("field", ["iv", "forward_points", "tau_years", "discount"])
def test_every_number_of_a_mark_must_be_a_number_above_zero(field: str) -> None:
    """Zero, less than zero, infinity and no number are no mark; half of anything is."""
    for value in (0.0, -0.5, math.inf, math.nan):
        assert isinstance(of_one(msgspec.structs.replace(OF_LEG, **{field: value})), str), value
    assert isinstance(of_one(msgspec.structs.replace(OF_LEG, **{field: 0.5})), Stress)


def test_a_hedge_that_cannot_be_valued_leaves_everything_else_its_worth() -> None:
    """The hedge's contract without a mark counts as nothing; the condor beside it loses what it loses alone."""
    legs = {leg.con_id: leg.action.sign for leg in condor_legs(EXPIRIES[0], WINGS)}
    first = msgspec.structs.replace(CALLS[0], con_id=1)  # comes first in every order
    contracts = {1: first, **{c: OPTIONS[c] for c in legs}, MINI.con_id: MINI}
    marks = {**{c: mark(OPTIONS[c]) for c in legs}, MINI.con_id: Mark(1.0, 18.0, 0.08, 1.0, 0.41)}
    condor, future = Stake(contracts, legs, 0.0), Stake(contracts, {MINI.con_id: 2}, 0.0, hedge=True)
    hedge = Stake(contracts, {1: 3, MINI.con_id: 2}, 0.0, hedge=True)
    value = Revaluation(contracts, marks, LIMITS, 16.5)
    with_it, without = value.of([condor, hedge]), value.of([condor, future])
    assert isinstance(with_it, Stress)
    assert isinstance(without, Stress)
    assert with_it.cells_usd.tolist() == pytest.approx(without.cells_usd.tolist())
    assert with_it.crash_loss_usd == pytest.approx(without.crash_loss_usd)
    assert with_it.grid_loss_usd > 0.0
    for other in (marks | {1: mark_of(CALLS[0])}, {c: m for c, m in marks.items() if c != LEG}):
        assert value.of([condor, hedge]) != Revaluation(contracts, other, LIMITS, 16.5).of([condor, hedge])


def test_no_shock_takes_a_volatility_or_a_future_below_its_least() -> None:
    """Volatility counts as a hundredth at least: two below it are worth the same. A VIX future ends at a cent."""
    low, lower = (of_one(msgspec.structs.replace(OF_LEG, iv=iv), stress_vols_pct=(-50.0, 0.0)) for iv in (0.008, 0.004))
    some = of_one(msgspec.structs.replace(OF_LEG, iv=0.03), stress_vols_pct=(-50.0, 0.0))
    assert isinstance(low, Stress)
    assert isinstance(lower, Stress)
    assert isinstance(some, Stress)
    assert low.cells_usd.tolist() == lower.cells_usd.tolist() != some.cells_usd.tolist()
    assert of_future(Mark(1.0, 0.05, 0.08, 1.0, 0.41)).grid_loss_usd == pytest.approx(100 * (0.05 - 0.01))


def of_future(found: Mark, **caps: object) -> Stress:
    """One long mini future under its mark."""
    board, limits = {MINI.con_id: MINI}, msgspec.structs.replace(LIMITS, **caps)
    long = Stake(board, {MINI.con_id: 1}, 0.0, hedge=True)
    stress = Revaluation(board, {MINI.con_id: found}, limits, 16.5).of([long])
    assert isinstance(stress, Stress)
    return stress


def test_a_future_moves_by_its_beta_cut_down_when_it_gains() -> None:
    """Half a VIX point in the crash brings 0.7 of beta times that; a beta of nothing moves nothing."""
    found = of_future(Mark(1.0, 18.0, 0.08, 1.0, 0.41), crash_vix_points=0.5)
    assert -found.crash_loss_usd == pytest.approx(100 * 0.7 * 0.41 * 0.5)
    still = of_future(Mark(1.0, 18.0, 0.08, 1.0, 0.0))
    assert not still.cells_usd.any()
    assert still.crash_loss_usd == 0.0


def test_a_cell_is_falling_without_any_rise_of_the_index_or_fall_of_volatility() -> None:
    """Half a percent is a rise, and half a percent less volatility a fall; nothing at all is neither."""
    for spots, vols, outside in (((-1.0, 0.0), (0.0, 1.0), False), ((0.0, 0.5), (-0.5, 0.0), True)):
        found = of_one(OF_LEG, stress_spots_pct=spots, stress_vols_pct=vols)
        assert isinstance(found, Stress)
        cells = dict(zip(itertools.product(spots, vols), found.cells_usd.tolist(), strict=True))
        assert found.falling_loss_usd == max(loss for (s, v), loss in cells.items() if s <= 0.0 <= v)
        assert (found.falling_loss_usd < found.grid_loss_usd) is outside
