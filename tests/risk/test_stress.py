"""Stress and crash by full revaluation, against one-by-one pricing."""

from __future__ import annotations

import itertools
import math

import pytest

from risk.exposure import Stake, exposure_of
from risk.limits import paper_limits
from risk.stress import Revaluation, Stress
from strategies.domain.marks import Mark
from strategies.pricing import black76
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
