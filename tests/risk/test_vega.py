"""C17: the gate's own net vega agrees with the desk's arithmetic, and nothing new leaves the outer band."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk import gate
from risk.exposure import exposure_of
from risk.vega import book_vega, vega_usd
from strategies.domain.instruments import Right
from strategies.domain.orders import PlaceIntent
from strategies.pricing import black76
from strategies.pricing.net_vega import SpxLeg, Wings, net_vega
from tests.risk.hedge_sample import CALLS, FRONT, MINI, SECOND, buy, call, hedge_world, mark_of, owning, sell
from tests.risk.sample import EXPIRIES, WINGS, World, condor_legs, entry, option, record


def limited(world: World, **caps: float) -> World:
    """The same world under other caps."""
    return replace(world, limits=msgspec.structs.replace(world.limits, **caps))


def reading(world: World, *, long_side: bool = False):
    """The gate's figure for what is held."""
    view = world.view()
    contracts, stakes = exposure_of(view, world.limits.fee_usd_per_contract)
    return book_vega(stakes.values(), vega_usd(contracts, view.marks), long_side=long_side)


def failing(world: World, intent: PlaceIntent) -> list[str]:
    """Codes of the controls that refuse an order."""
    return [r.code for r in gate.preview(intent, world.view(), world.limits).checks if not r.passed]


def by_the_desk(world: World, calls: dict, units: int = 1):
    """The same by strategies.pricing.net_vega, contract by contract."""
    legs = []
    for leg in condor_legs(EXPIRIES[1], WINGS):
        mark, held = world.view().marks[leg.con_id], option_of(world, leg.con_id)
        greeks = black76.greeks(mark.forward_points, held.strike, mark.iv, mark.tau_years, held.is_call, mark.discount)
        legs.append(SpxLeg(leg.action.sign * units, float(greeks.vega), mark.tau_years * 365.0))
    hedge = 0.0
    for held, quantity in calls.items():
        m = mark_of(held)
        greeks = black76.greeks(m.forward_points, held.strike, m.iv, m.tau_years, held.is_call, m.discount)
        hedge += quantity * 100.0 * float(greeks.delta) * (m.vix_beta or 0.0)
    width = WINGS[1] - WINGS[0]
    found = net_vega(legs, [Wings(units, width)])
    return found.normalised(found.condors_usd_per_vix_point + hedge)


def option_of(world: World, con_id: int):
    found = world.view().market.option(con_id)
    assert found is not None
    return found


@given(st.dictionaries(st.sampled_from(CALLS), st.integers(1, 40), max_size=4))
def test_the_gates_figure_is_the_desks(calls: dict) -> None:
    """Condor and any calls: two pieces of arithmetic written apart give one net vega."""
    world = hedge_world()
    for held, quantity in calls.items():
        world = owning(world, held, 1, quantity, 1.5)
    found = reading(world)
    assert not isinstance(found, str)
    assert found.net_n == pytest.approx(by_the_desk(world, calls), rel=1e-9)


def test_a_condor_that_makes_the_book_over_short_is_denied_and_a_hedged_one_passes() -> None:
    """The same entry: refused at the cap, admitted once calls have taken enough of the short vega back."""
    bare = limited(hedge_world(), vega_over_short=0.10)
    assert "C17" in failing(bare, entry())
    hedged = owning(bare, call(FRONT, 18.0), 1, 30, 1.5)
    assert "C17" not in failing(hedged, entry())


def test_an_over_hedged_book_buys_no_more_protection() -> None:
    """Above the cap a purchase of the hedge is denied, however cheap."""
    world = limited(owning(hedge_world(), call(FRONT, 18.0), 1, 200, 1.5), vega_over_long=0.2)
    assert "C17" in failing(world, buy(call(SECOND, 20.0), 5))


def test_an_order_that_leads_back_towards_the_band_passes() -> None:
    """Over-short already: a purchase that lessens it is no breach, though it does not end it."""
    world = limited(hedge_world(), vega_over_short=0.01)
    assert "C17" not in failing(world, buy(call(FRONT, 18.0), 1, 1))


def test_a_sale_of_protection_that_is_proven_to_reduce_is_not_held_back() -> None:
    """C17 binds new risk alone: what a slot holds may always be sold."""
    world = limited(owning(hedge_world(), call(FRONT, 18.0), 1, 4, 1.5), vega_over_short=0.01)
    verdict = gate.preview(sell(call(FRONT, 18.0), 1, 4), world.view(), world.limits)
    assert "C17" not in [r.code for r in verdict.checks]


def test_a_condor_leg_without_a_mark_leaves_net_vega_unknown_and_the_order_denied() -> None:
    """Unknown is never zero: one leg that cannot be valued refuses the entry."""
    world = hedge_world()
    gone = option(EXPIRIES[1], WINGS[1], Right.PUT).con_id
    marks = {con_id: mark for con_id, mark in world.view().marks.items() if con_id != gone}
    world = world.with_(marks=marks)
    found = reading(world)
    assert isinstance(found, str)
    assert str(gone) in found
    assert "C17" in failing(world, entry())


def test_a_mark_that_no_option_can_have_is_none() -> None:
    """A discount of zero or below is no mark: the figure is unknown and the entry denied, nothing is raised."""
    world = hedge_world()
    wrong = option(EXPIRIES[1], WINGS[1], Right.PUT).con_id
    for discount in (0.0, -1.0):
        marks = dict(world.view().marks)
        marks[wrong] = msgspec.structs.replace(marks[wrong], discount=discount)
        assert isinstance(reading(world.with_(marks=marks)), str)
        assert "C17" in failing(world.with_(marks=marks), entry())


def test_a_working_entry_whose_vega_cannot_be_reckoned_leaves_the_book_unknown() -> None:
    """An order of a condor with an unmarked leg may lead either way: it is not left out, the figure is unknown."""
    world = hedge_world(orders=(record(entry("ic-7", EXPIRIES[0])),))
    gone = entry("ic-7", EXPIRIES[0]).legs[0].con_id
    blind = world.with_(marks={con_id: mark for con_id, mark in world.view().marks.items() if con_id != gone})
    assert not isinstance(reading(world), str)
    assert isinstance(reading(blind), str)
    assert isinstance(reading(blind, long_side=True), str)


def test_a_mini_future_counts_with_its_beta() -> None:
    """One VXM adds a hundred dollars times its future's beta."""
    contracts = {MINI.con_id: MINI}
    assert vega_usd(contracts, hedge_world().view().marks) == {MINI.con_id: pytest.approx(41.0)}
