"""Net vega and net delta of hand-made books, to the last digit and exactly at their bands."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from risk.checks import delta, vega
from risk.exposure import Stake, Unit
from risk.vega import EMPTY, BookVega, book_vega, vega_usd
from strategies.domain.instruments import Right, Tradable
from strategies.domain.marks import Mark
from strategies.domain.orders import Action, LegIntent
from strategies.pricing import black76, single
from tests.risk.hedge_sample import CALLS, MINI, VXM_ID, buy, hedge_world, mark_of, owning, sell
from tests.risk.sample import ALL_OPTIONS, EXPIRIES, WINGS, World, con_id, condor_legs, entry, mark, record
from tests.risk.test_check_edges import asked

OPTIONS: dict[int, Tradable] = {o.con_id: o for o in ALL_OPTIONS}
CONTRACTS = {**OPTIONS, **{o.con_id: o for o in CALLS}, VXM_ID: MINI}
LEGS = condor_legs(EXPIRIES[1], WINGS)
P1, P2, C3, C4 = (leg.con_id for leg in LEGS)
PUT, CALL = ALL_OPTIONS[0], ALL_OPTIONS[1]


# vega -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("days", [0.5, 5.0, 7.0, 8.0, 30.0, 44.0])
def test_an_index_options_vega_is_weighted_by_its_days(days: float) -> None:
    """Vega of a point of volatility times the root of thirty over its days, of which it has seven at least."""
    of = msgspec.structs.replace(mark(PUT), tau_years=days / 365.0)
    plain = single.vega(of.forward_points, PUT.strike, of.iv, of.tau_years, of.discount)
    assert plain
    found = vega_usd({PUT.con_id: PUT}, {PUT.con_id: of})
    assert found == {PUT.con_id: pytest.approx(100.0 * plain * math.sqrt(30.0 / max(days, 7.0)), rel=1e-12)}


def test_a_vix_product_counts_by_its_future() -> None:
    """Delta times beta of a call, beta alone of a future; without beta, or with a number that is none, it has none."""
    option = CALLS[1]
    of = mark_of(option)
    moves = single.delta(of.forward_points, option.strike, of.iv, of.tau_years, True, of.discount)
    assert moves is not None
    assert of.vix_beta is not None
    good = Mark(1.0, 18.0, 0.08, 1.0, 0.41)
    assert vega_usd(CONTRACTS, {option.con_id: of, VXM_ID: good}) == {
        option.con_id: pytest.approx(100.0 * moves * of.vix_beta, rel=1e-12),
        VXM_ID: pytest.approx(41.0),
    }
    for number, row in ((option.con_id, of), (VXM_ID, good)):
        assert vega_usd(CONTRACTS, {number: msgspec.structs.replace(row, vix_beta=None)}) == {}
        still = vega_usd(CONTRACTS, {number: msgspec.structs.replace(row, vix_beta=0.0)})
        assert still == {number: 0.0}
        for field in ("iv", "forward_points", "tau_years", "discount"):
            assert vega_usd(CONTRACTS, {number: msgspec.structs.replace(row, **{field: math.nan})}) == {}
        assert vega_usd(CONTRACTS, {number: msgspec.structs.replace(row, vix_beta=math.inf)}) == {}


USD = {P1: 20.0, P2: 30.0, C3: 25.0, C4: 15.0, CALLS[1].con_id: 8.0}
CONDOR = {P1: 2, P2: -2, C3: -2, C4: 2}
OPENING = Unit("open", tuple((leg.con_id, leg.action.sign) for leg in LEGS), 1_400.0, 8.0, 3)
HEDGE = Stake(CONTRACTS, {CALLS[1].con_id: 5}, 0.0, hedge=True)


def test_a_book_adds_its_groups_beside_what_was_reckoned() -> None:
    """Dollars with signs; a condor's wings are its width over a thousand dollars, the hedge has none."""
    condor = Stake(CONTRACTS, CONDOR, 0.0)
    assert book_vega((condor,), USD, long_side=False) == BookVega(-40.0, 10.0)
    assert book_vega((condor, HEDGE), USD, long_side=False) == BookVega(0.0, 10.0)
    assert book_vega((HEDGE,), USD, long_side=True, beside=BookVega(-40.0, 10.0)) == BookVega(0.0, 10.0)
    assert BookVega(-40.0, 10.0).net_n == -0.04
    assert BookVega(5.0, 0.5).net_n == 0.1
    assert EMPTY.net_n is None
    assert book_vega((), USD, long_side=False) == EMPTY
    flat = Stake(CONTRACTS, {P1: -1}, 0.0).filled(Unit("back", ((P1, 1),), 0.0, 0.0, 1))
    assert book_vega((flat,), {}, long_side=False) == EMPTY


def test_what_works_counts_on_the_side_where_it_hurts() -> None:
    """Condors' entries on the short side, the hedge's purchases on the long side, and neither the other way."""
    condor = Stake(CONTRACTS, {}, 0.0, (OPENING,))
    bought = HEDGE.plus(Unit("buy", ((CALLS[1].con_id, 1),), -1.0, 0.0, 2))
    assert book_vega((condor,), USD, long_side=False) == BookVega(-60.0, 15.0)
    assert book_vega((condor,), USD, long_side=True) == EMPTY
    assert book_vega((bought,), USD, long_side=True) == BookVega(56.0, 0.0)
    assert book_vega((bought,), USD, long_side=False) == BookVega(40.0, 0.0)
    closing = OPENING._replace(legs=tuple((c, -ratio) for c, ratio in OPENING.legs), quantity=1)
    held = Stake(CONTRACTS, CONDOR, 0.0)
    assert book_vega((held.plus(closing),), USD, long_side=False) == BookVega(-40.0, 10.0)
    sold = HEDGE.plus(Unit("sell", ((CALLS[1].con_id, -1),), 1.0, 0.0, 2))
    assert book_vega((sold,), USD, long_side=True) == BookVega(40.0, 0.0)
    both = Stake(CONTRACTS, {P1: 1, P2: -1, C3: -1, C4: 1}, 0.0, (OPENING,))
    assert book_vega((both,), USD, long_side=False) == BookVega(-80.0, 20.0)


def test_what_cannot_be_valued_is_named() -> None:
    """A condor's contract, or its order's, without vega; the hedge's only where it could become short; naked width."""
    condor = Stake(CONTRACTS, CONDOR, 0.0)
    less = {c: usd for c, usd in USD.items() if c != C3}
    for group in (condor, Stake(CONTRACTS, {}, 0.0, (OPENING,))):
        assert str(C3) in str(book_vega((group,), less, long_side=False))
    assert str(C3) in str(book_vega((Stake(CONTRACTS, {}, 0.0, (OPENING,)),), less, long_side=True))
    assert book_vega((HEDGE,), {}, long_side=False) == EMPTY
    short = Stake(CONTRACTS, {CALLS[1].con_id: -1}, 0.0, hedge=True)
    assert str(CALLS[1].con_id) in str(book_vega((short,), {}, long_side=False))
    assert book_vega((Stake({}, {}, 0.0, unknown="a riddle"),), USD, long_side=False) == "a riddle"
    naked = Stake(CONTRACTS, {C3: -1}, 0.0)
    assert "width" in str(book_vega((naked,), USD, long_side=False))


def test_which_way_an_order_leads_is_told_to_the_cent() -> None:
    """An entry of no vega at all still brings its wings; half a dollar of it either way decides which side it is on."""
    condor = Stake(CONTRACTS, {}, 0.0, (OPENING,))
    for net, wings in ((0.0, 15.0), (-0.5, 15.0), (0.5, 0.0)):
        usd = {P1: 10.0 + net, P2: 10.0, C3: 10.0, C4: 10.0}
        assert book_vega((condor,), usd, long_side=False) == BookVega(3.0 * net if wings else 0.0, wings)
    for dollars in (0.5, -0.5):
        bought = HEDGE.plus(Unit("buy", ((CALLS[1].con_id, 1),), -1.0, 0.0, 2))
        counted = 2.0 * dollars if dollars > 0.0 else 0.0
        usd = {CALLS[1].con_id: dollars}
        assert book_vega((bought,), usd, long_side=True) == BookVega(5.0 * dollars + counted, 0.0)


def test_an_order_of_the_hedge_counts_by_its_legs_that_have_a_mark() -> None:
    """Bought beside a marked leg, one without a mark counts as none; sold short without one the book is not known."""
    marked, blank, usd = CALLS[1].con_id, CALLS[3].con_id, {CALLS[1].con_id: 0.5}
    both = HEDGE.plus(Unit("buy", ((marked, 1), (blank, 1)), -1.0, 0.0, 2))
    assert book_vega((both,), usd, long_side=True) == BookVega(3.5, 0.0)
    sold = HEDGE.plus(Unit("spread", ((marked, 1), (blank, -1)), -1.0, 0.0, 2))
    assert str(blank) in str(book_vega((sold,), usd, long_side=True))


def test_only_what_a_condor_can_lose_is_a_wing() -> None:
    """Longs left over lose nothing at expiry, longs that are always worth something no less than nothing; the hedge has
    no wings, not even where a month of it is short."""
    left = Stake(CONTRACTS, {P1: 2}, 0.0)
    assert book_vega((left,), USD, long_side=False) == BookVega(40.0, 0.0)
    low, high = con_id(EXPIRIES[1], 5000.0, Right.CALL), con_id(EXPIRIES[1], 5500.0, Right.PUT)
    guts = Stake(CONTRACTS, {low: 1, high: 1}, 0.0)
    assert guts.width_usd == -50_000.0
    assert book_vega((guts,), {low: 1.0, high: 2.0}, long_side=False) == BookVega(3.0, 0.0)
    calendar = Stake(CONTRACTS, {CALLS[1].con_id: -2}, 0.0, hedge=True)
    assert book_vega((calendar,), USD, long_side=False) == BookVega(-16.0, 0.0)


def at_band(world: World, intent: Any, **caps: float) -> Any:
    return asked(vega.net_vega, intent, world, **caps)


def test_the_short_side_at_its_band() -> None:
    """With the order filled; equal to the band passes, and beyond it only what leads back."""
    world = World()
    usd = vega_usd(OPTIONS, world.marks)
    short = -sum(leg.action.sign * usd[leg.con_id] for leg in LEGS) / 500.0
    for cap, passes in ((short * (1 + 1e-9), True), (short * (1 - 1e-9), False)):
        found = at_band(world, entry(), vega_over_short=cap)
        assert found.passed is passes
        assert found.observed == (None if passes else round(short, 4))
        told = f"net vega would be {-short:+.3f} per condor and 10 points of wing"
        assert found.text == (told if passes else f"{told}: over-short of volatility beyond {-cap:+g}")
        assert found.cap == cap
    held = world.having("ic-7", condor_legs(EXPIRIES[1], WINGS), 1, -14.0)
    assert not at_band(held, entry(), vega_over_short=short * (1 - 1e-9)).passed
    assert at_band(hedge_world(), buy(CALLS[1], 1), vega_over_short=0.01).passed
    assert "no condor is open" in at_band(hedge_world(condor=False), buy(CALLS[1], 1), vega_over_long=0.01).text


def test_the_long_side_at_its_band() -> None:
    """Bought protection beyond the band passes no more; a sale that leads back does."""
    world = owning(hedge_world(), CALLS[1], 1, 40, 1.5)
    usd = vega_usd(CONTRACTS, world.marks)
    net = (sum(leg.action.sign * usd[leg.con_id] for leg in LEGS) + 42 * usd[CALLS[1].con_id]) / 500.0
    assert net > 0.0
    for cap, passes in ((net * (1 + 1e-9), True), (net * (1 - 1e-9), False)):
        found = at_band(world, buy(CALLS[1], 1, 2), vega_over_long=cap)
        assert found.passed is passes
        assert (f"over-hedged beyond {cap:+g}" in found.text) is not passes
    assert at_band(world, sell(CALLS[1], 1, 2), vega_over_long=0.01).passed
    opening = replace(world, orders=(*world.orders, record(entry("ic-7", EXPIRIES[0]))))  # it may not fill
    assert not at_band(opening, buy(CALLS[1], 1, 2), vega_over_long=net * (1 - 1e-9)).passed
    blind = replace(World(), marks={c: m for c, m in World().marks.items() if c != C4})
    unknown = at_band(blind, entry())
    assert (unknown.passed, unknown.observed) == (False, None)
    assert f"contract {C4} has no mark" in unknown.text
    working = replace(world, orders=(*world.orders, record(buy(CALLS[1], 2, 2))))
    assert not at_band(working, buy(CALLS[1], 1, 2), vega_over_long=net * (1 + 1e-9)).passed
    beside = replace(hedge_world(), orders=(record(buy(CALLS[1], 1, 200)),))  # working, and of no help until it fills
    short = -sum(leg.action.sign * usd[leg.con_id] for leg in LEGS) / 500.0
    assert not at_band(beside, entry(), vega_over_short=short * (1 - 1e-9), vega_over_long=5.0).passed


def test_the_figure_told_of_a_book_inside_its_band_is_the_short_side_s() -> None:
    """With a condor at work, which may fill: its vega is in the figure, and the long side without it is not told."""
    world = replace(World(), orders=(record(entry("ic-8", EXPIRIES[0])),))
    usd = vega_usd(OPTIONS, world.marks)
    both = [*LEGS, *condor_legs(EXPIRIES[0], WINGS)]
    short = sum(leg.action.sign * usd[leg.con_id] for leg in both) / 1000.0
    alone = sum(leg.action.sign * usd[leg.con_id] for leg in LEGS) / 500.0
    found = at_band(world, entry())
    assert found.passed
    assert found.text == f"net vega would be {short:+.3f} per condor and 10 points of wing"
    assert f"{short:+.3f}" != f"{alone:+.3f}"


# delta ----------------------------------------------------------------------------------------------
def delta_of(number: int) -> float:
    """One share's delta on its forward."""
    one, of = OPTIONS[number], mark(OPTIONS[number])  # type: ignore[arg-type]
    greeks = black76.greeks(of.forward_points, one.strike, of.iv, of.tau_years, one.is_call, of.discount)  # type: ignore[union-attr]
    return float(greeks.delta)


LEANING = (5000.0, 5050.0, 5500.0, 5550.0)


def each(*condors: tuple[tuple[float, float, float, float], int]) -> float:
    """Delta per condor of so many of each."""
    points = sum(
        units * leg.action.sign * delta_of(leg.con_id)
        for wings, units in condors
        for leg in condor_legs(EXPIRIES[1], wings)
    )
    return points / sum(units for _, units in condors)


def at_delta(world: World, intent: Any, cap: float) -> Any:
    guards = msgspec.structs.replace(World().limits.guards, delta_per_condor=cap)
    return asked(delta.net_delta, intent, world, guards=guards)


def test_the_delta_of_an_order_at_its_band() -> None:
    """Points per condor, with what is held and what works filled; equal to the band passes."""
    alone = abs(each((LEANING, 1)))
    working = replace(World(), orders=(record(entry("ic-8", wings=WINGS, quantity=2)),))
    mixed = abs(each((LEANING, 1), (WINGS, 2)))
    held = World().having("ic-7", condor_legs(EXPIRIES[1], WINGS), 2, -14.0)
    for world, size in ((World(), alone), (working, mixed), (held, mixed)):
        for cap, passes in ((size + 1e-9, True), (size - 1e-9, False)):
            found = at_delta(world, entry(wings=LEANING), cap)
            assert (found.passed, abs(found.observed), found.cap) == (passes, pytest.approx(size, abs=5e-5), cap)
    hedged = owning(hedge_world(condor=False), CALLS[1], 1, 9, 1.5)
    assert at_delta(hedged, entry(wings=LEANING), 1.0).observed == pytest.approx(each((LEANING, 1)), abs=5e-5)


def test_beyond_the_band_only_what_leads_back_passes() -> None:
    """The book's own points count, not the figure per condor: one more like condor lowers the latter."""
    held = World().having("ic-7", condor_legs(EXPIRIES[1], LEANING), 1, -20.0)
    mild = (5100.0, 5150.0, 5700.0, 5750.0)
    assert each((mild, 1)) * each((LEANING, 1)) > 0.0
    assert not at_delta(held, entry(wings=mild), 0.02).passed
    back = (5300.0, 5350.0, 5900.0, 5950.0)
    assert each((back, 1)) * each((LEANING, 1)) < 0.0
    assert at_delta(held, entry(wings=back), 0.02).passed


def test_delta_needs_a_mark_of_every_leg_held_or_ordered() -> None:
    """Of options only; a mark without time or volatility is none, and a group that is unknown says why."""
    marks = {number: mark(one) for number, one in ((P1, ALL_OPTIONS[0]),)}
    assert delta.delta_of({}, marks) == {}
    assert delta.delta_of({VXM_ID: MINI}, {VXM_ID: Mark(1.0, 18.0, 0.08, 1.0, 0.41)}) == {}
    for change in ({"tau_years": 0.0}, {"iv": 0.0}):
        assert delta.delta_of(OPTIONS, {P1: msgspec.structs.replace(mark(OPTIONS[P1]), **change)}) == {}  # type: ignore[arg-type]
    found = delta.delta_of(OPTIONS, {P1: mark(OPTIONS[P1]), C4: mark(OPTIONS[C4])})  # type: ignore[arg-type]
    assert found == {P1: pytest.approx(delta_of(P1)), C4: pytest.approx(delta_of(C4))}
    held = World().having("ic-7", condor_legs(EXPIRIES[1], WINGS), 1, -14.0)
    row = msgspec.structs.replace(held.holdings[0], average_price_points=None)
    odd = replace(held, holdings=(row, *held.holdings[1:]))
    assert "price" in at_delta(odd, entry(), 1.0).text
    blind = replace(World(), marks={c: m for c, m in World().marks.items() if c != C4})
    assert f"contract {C4} has no mark" in at_delta(blind, entry(), 1.0).text
    assert "+0.000 now" in at_delta(World(), entry(), 1.0).text


def test_a_leg_that_is_traded_away_counts_no_more() -> None:
    """A wing moved nearer: the old one stands at nothing, and all the others still count."""
    held = World().having("ic-1", LEGS, 1, -14.0)
    near = con_id(EXPIRIES[1], 5125.0, Right.PUT)
    moved = entry(legs=(LegIntent(P1, 1, Action.SELL), LegIntent(near, 1, Action.BUY)), limit_points=1.0)
    found = at_delta(held, moved, 1.0)
    assert found.observed == pytest.approx(each(((5125.0, 5150.0, 5750.0, 5800.0), 1)), abs=5e-5)
