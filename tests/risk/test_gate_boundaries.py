"""Caps exactly at their number: what is just allowed passes, the next thing does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from risk import gate
from risk.case import Case
from strategies.domain.account import MarginImpact
from strategies.domain.instruments import Right
from strategies.domain.orders import OrderState, PlaceIntent
from tests.risk.sample import EXPIRIES, NLV, NOW, WINGS, World, close, con_id, condor_legs, entry, record

LIMITS = World().limits
DONE = OrderState.CANCELED


def failed(world: World, intent: PlaceIntent | None = None) -> set[str]:
    """Codes of the checks that failed."""
    verdict = gate.review(intent or entry(), world.view(), world.limits, 1).verdict
    return {row.code for row in verdict.checks if not row.passed}


@pytest.mark.parametrize(
    ("code", "base", "cap_pct"),
    [("C21", "day_start_nlv_usd", 2.0), ("K-SIZE-6", "week_start_nlv_usd", 4.0), ("C22", "high_water_usd", 6.0)],
)
def test_a_loss_stops_new_risk_exactly_at_its_cap(code: str, base: str, cap_pct: float) -> None:
    """At the number itself new risk is over; a dollar above it is still allowed."""
    for spare_usd, wanted in ((0.0, {code}), (1.0, set[str]())):
        now = NLV - 0.01 * cap_pct * NLV + spare_usd
        bases = dict.fromkeys(("day_start_nlv_usd", "week_start_nlv_usd", "high_water_usd"), now) | {base: NLV}
        impact = MarginImpact(9000.0, 9000.0, now, 4600.0)
        assert failed(World(account={"net_liquidation_usd": now}, impact=impact).with_(**bases)) == wanted


@pytest.mark.parametrize(
    ("impact", "passes"),
    [
        (MarginImpact(0.5 * NLV, 9000.0, NLV, 4600.0), True),
        (MarginImpact(0.5 * NLV + 1.0, 9000.0, NLV, 4600.0), False),
        (MarginImpact(9000.0, 0.6 * NLV, NLV, 4600.0), True),
        (MarginImpact(9000.0, 0.6 * NLV + 1.0, NLV, 4600.0), False),
        (MarginImpact(9000.0, 9000.0, 0.0, 4600.0), False),
        (MarginImpact(9000.0, float("inf"), NLV, 4600.0), False),
        (MarginImpact(0.4, 0.4, 1.0, 4600.0), True),
    ],
)
def test_the_what_if_at_its_caps(impact: MarginImpact, passes: bool) -> None:
    """Half of equity as initial margin and two fifths left over are just allowed; equity must be above zero."""
    assert failed(World(impact=impact)) == (set() if passes else {"C19"})


def test_the_what_if_against_our_own_reckoning_at_its_edges() -> None:
    """A new condor costs margin between nine tenths of its loss and eleven tenths of its width; a held one need not."""
    view = World().view()
    loss = Case(entry(), view, LIMITS).own_loss_usd
    width = loss - 100.0 * entry().limit_points
    tolerance = 0.01 * LIMITS.margin_cross_check_pct
    for change, passes in (
        ((1.0 - tolerance) * loss, True), ((1.0 - tolerance) * loss - 1.0, False),
        ((1.0 + tolerance) * width, True), ((1.0 + tolerance) * width + 1.0, False),
    ):  # fmt: skip
        impact = MarginImpact(9000.0, 9000.0, NLV, change)
        assert failed(World(impact=impact)) == (set() if passes else {"C19"}), change
    odd = World(impact=MarginImpact(9000.0, 9000.0, NLV, 1.0))
    assert "C19" in failed(odd)
    assert "C19" not in failed(odd.having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -14.0))
    assert "C19" not in failed(replace(odd, orders=(record(entry(ref="ic-1/other/1", chain_ref="ic-1/other")),)))


def test_dry_powder_at_its_cap() -> None:
    """Exactly two fifths of net liquidation may remain after the worst case of this order; a dollar less may not."""
    planned = Case(entry(), World().view(), LIMITS).own_loss_usd
    for spare_usd, wanted in ((0.0, set[str]()), (-1.0, {"C20"})):
        assert failed(World(account={"excess_liquidity_usd": 0.4 * NLV + planned + spare_usd})) == wanted


def test_rates_at_their_caps() -> None:
    """One order in the same second passes where two are allowed; the last reprice passes, the next does not."""
    assert LIMITS.orders_per_second == 2
    one = record(entry("ic-7", EXPIRIES[0]), DONE, ago_s=0.5)
    assert failed(World(orders=(one,))) == set()
    assert failed(World(), entry(attempt=LIMITS.reprices_per_order + 1)) == set()
    assert failed(World(), entry(attempt=LIMITS.reprices_per_order + 2)) == {"C25"}
    tries = [
        record(entry(ref=f"ic-1/entry/{n}", attempt=n), DONE, ago_s=100.0 * (20 - n))
        for n in range(1, LIMITS.reprices_per_order + 2)
    ]
    last = entry(ref="ic-1/entry/last", attempt=len(tries) + 1)
    assert "C25" in failed(World(orders=tuple(tries)), last)
    assert "C25" not in failed(World(orders=tuple(tries[:-1])), entry(ref="ic-1/entry/last", attempt=len(tries)))


@pytest.mark.parametrize(
    ("changes", "ago_s", "same"),
    [
        ({}, LIMITS.duplicate_window_s - 0.5, True),
        ({}, LIMITS.duplicate_window_s, False),
        ({"limit_points": entry().limit_points + LIMITS.duplicate_ticks * LIMITS.combo_tick_points}, 5.0, True),
        ({"limit_points": entry().limit_points - LIMITS.duplicate_ticks * LIMITS.combo_tick_points}, 5.0, True),
        ({"limit_points": entry().limit_points + (LIMITS.duplicate_ticks + 1) * LIMITS.combo_tick_points}, 5.0, False),
        ({"quantity": 2}, 5.0, False),
        ({"legs": entry("ic-1", EXPIRIES[0]).legs}, 5.0, False),
        ({"legs": close().legs}, 5.0, False),
    ],
)
def test_what_counts_as_the_same_order_again(changes: dict[str, Any], ago_s: float, same: bool) -> None:
    """Same legs and sides, same quantity, a limit within the ticks, inside the window: that is the same order again."""
    old = entry(ref="ic-1/other/1", chain_ref="ic-1/other", **changes)
    assert ("C27" in failed(World(orders=(record(old, DONE, ago_s=ago_s),)))) is same


def test_attempts_of_a_chain_only_rise() -> None:
    """The same attempt, or an earlier one, never follows; what another chain does is no matter of attempts."""
    old = record(entry(attempt=2), DONE, ago_s=500.0)
    for attempt, denied in ((1, True), (2, True), (3, False)):
        assert ("C27" in failed(World(orders=(old,)), entry(ref="ic-1/entry/x", attempt=attempt))) is denied
    other = record(entry(ref="ic-1/o/2", chain_ref="ic-1/o", attempt=2), DONE, ago_s=500.0)
    assert failed(World(orders=(other,))) == set()


def test_account_figures_at_their_age() -> None:
    """As old as allowed still counts; a second more does not."""
    age = timedelta(seconds=LIMITS.account_age_s)
    assert failed(World(account={"at": NOW - age})) == set()
    assert "C20" in failed(World(account={"at": NOW - age - timedelta(seconds=1)}))


def test_positions_are_compared_in_every_direction() -> None:
    """Broker, journal and what condors account for must be one number; for an exit, in its own legs."""
    held = World().having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -14.0)
    leg, stray = con_id(EXPIRIES[1], WINGS[0], Right.PUT), con_id(EXPIRIES[0], 5500.0, Right.PUT)
    good = held.view().book.positions()
    assert failed(held, close()) == set()
    assert failed(replace(held, broker={**good, stray: 1}), close()) == set()
    assert failed(replace(held, broker={**good, stray: 1}), entry("ic-2", EXPIRIES[0])) >= {"C30"}
    assert failed(replace(held, broker={**good, leg: 2}), close()) == {"C30"}
    assert failed(replace(held, broker={c: q for c, q in good.items() if c != leg}), close()) == {"C30"}
