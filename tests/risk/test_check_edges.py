"""Controls asked one by one, exactly at their numbers: what is just allowed, what is not, and what they say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from risk.case import Case
from risk.checks import loss
from risk.result import Finding
from strategies.domain.instruments import Right
from strategies.domain.orders import Action, LegIntent, PlaceIntent
from tests.risk.hedge_sample import CALLS, MINI, buy, hedge_world, owning
from tests.risk.sample import EXPIRIES, NLV, WINGS, World, close, con_id, condor_legs, entry, record

PUT, CALL = Right.PUT, Right.CALL
LEGS = condor_legs(EXPIRIES[1], WINGS)
HELD = World().having("ic-1", LEGS, 2, -14.0)
FAR = (4950.0, 5000.0, 5850.0, 5900.0)


def asked(check: Callable[[Case], Finding], intent: PlaceIntent, world: World | None = None, **caps: Any) -> Finding:
    """One control's answer."""
    world = world or World()
    return check(Case(intent, world.view(), msgspec.structs.replace(world.limits, **caps)))


# losses ---------------------------------------------------------------------------------------------
ALONE = Case(entry(), World().view(), World().limits).own_loss_usd
SHARE = 100.0 * ALONE / NLV
"""One condor's worst case, in percent of net liquidation."""


@pytest.mark.parametrize(
    ("check", "cap"),
    [
        (loss.order_loss, "order_loss_pct"),
        (loss.condor_loss, "condor_loss_hard_pct"),
        (loss.all_condors_loss, "all_condors_loss_soft_pct"),
    ],
)
def test_a_loss_passes_at_its_very_cap_and_not_above(check: Callable[[Case], Finding], cap: str) -> None:
    """The share is the worst case over net liquidation to the last digit; equal to the cap is allowed."""
    for allowed, passes in ((SHARE, True), (SHARE - 1e-9, False)):
        found = asked(check, entry(), condor_loss_soft_pct=0.01, **{cap: allowed})
        assert (found.passed, found.observed, found.cap) == (passes, SHARE, allowed)


def test_the_soft_cap_is_for_what_is_new_or_more_than_one_unit() -> None:
    """Which cap binds a condor, and all of them, and that the text names it."""
    caps: dict[str, Any] = {"condor_loss_soft_pct": 2.0, "condor_loss_hard_pct": 3.0}
    for intent, world, cap, word in (
        (entry(), World(), 3.0, "hard cap"), (entry(quantity=2), World(), 2.0, "soft cap"),
        (entry(quantity=2), HELD, 3.0, "hard cap"),
    ):  # fmt: skip
        found = asked(loss.condor_loss, intent, world, **caps)
        assert found.cap == cap
        assert word in found.text
    caps = {"all_condors_loss_soft_pct": 10.0, "all_condors_loss_hard_pct": 12.0}
    for world, cap, word in ((World(), 10.0, "(soft cap)"), (HELD, 12.0, "(hard cap)")):
        found = asked(loss.all_condors_loss, entry(), world, **caps)
        assert found.cap == cap
        assert word in found.text


def test_a_hedge_order_loses_what_it_adds() -> None:
    """Premium and fee of what is bought, whether or not something is held."""
    bought = buy(CALLS[1], 1)
    added = 2 * (100.0 * bought.limit_points + World().limits.fee_usd_per_contract)
    for world in (hedge_world(), owning(hedge_world(), CALLS[3], 4, 3, 1.5)):
        assert asked(loss.order_loss, bought, world).observed == pytest.approx(100.0 * added / NLV, rel=1e-12)


def test_other_groups_are_part_of_all_condors_and_unknown_ones_leave_it_unknown() -> None:
    """Two of another owner add their width less their credit, one that gains takes nothing off; what cannot be valued
    is no zero."""
    held = World().having("ic-7", condor_legs(EXPIRIES[0], WINGS), 2, -10.0)
    rich = held.having("ic-8", condor_legs(EXPIRIES[2], WINGS), 1, -60.0)
    for world in (held, rich):
        found = asked(loss.all_condors_loss, entry(), world)
        assert found.observed == pytest.approx(100.0 * (2 * 4_000.0 + ALONE) / NLV, rel=1e-12)
    row = held.holdings[0]
    odd = replace(held, holdings=(*held.holdings[1:], msgspec.structs.replace(row, average_price_points=None)))
    assert not asked(loss.all_condors_loss, entry(), odd).passed
    assert asked(loss.all_condors_loss, entry(), odd).observed is None
    mine = replace(odd, holdings=tuple(msgspec.structs.replace(h, owner="ic-1") for h in odd.holdings))
    for check in (loss.all_condors_loss, loss.condor_loss):
        assert asked(check, entry(), mine).observed is None


def test_condors_are_counted_with_the_new_one_in_all_and_by_expiry() -> None:
    """Held, working and foreign: the cap itself is allowed, one more is not; the hedge and strangers are no condors."""
    world = World().having("ic-7", condor_legs(EXPIRIES[0], WINGS), 1, -10.0)
    world = replace(world, orders=(record(entry("ic-8", EXPIRIES[1], FAR)),))
    hedged = owning(hedge_world(condor=False), CALLS[1], 4, 3, 1.5)
    for allowed, passes in ((3, True), (2, False)):
        found = asked(loss.open_condors, entry(), world, open_condors=allowed, condors_per_expiry=2)
        assert (found.passed, found.observed, found.cap) == (passes, 3, allowed)
    for allowed, passes in ((2, True), (1, False)):
        found = asked(loss.open_condors, entry(), world, open_condors=9, condors_per_expiry=allowed)
        assert found.passed is passes
        assert found.observed == (3 if passes else 2)
    assert asked(loss.open_condors, entry(), hedged, open_condors=1).observed == 1
    assert asked(loss.open_condors, entry("ic-7", EXPIRIES[2], FAR), world, open_condors=2).observed == 2


def legged(*legs: tuple[float, Right, Action], expiry: Any = EXPIRIES[1], **changes: Any) -> PlaceIntent:
    """An order of any legs."""
    rows = tuple(LegIntent(con_id(expiry, strike, right), 1, action) for strike, right, action in legs)
    return entry(legs=rows, **changes)


BUY, SELL = Action.BUY, Action.SELL


@pytest.mark.parametrize(
    ("intent", "world", "word"),
    [
        (entry(), World(), "the condor +1"),
        (entry(quantity=3), World(), "the condor +3"),
        (entry(), HELD, "the condor +3"),
        (entry(legs=entry().legs[::-1]), World(), "the condor +15100P -15150P -15750C +15800C"),
        (legged((5100.0, PUT, SELL), (5125.0, PUT, BUY), quantity=2), HELD, "the condor +25125P"),  # a wing moved
        (legged((5100.0, PUT, SELL), (5125.0, PUT, BUY)), HELD, "4 legs, not 5"),
        (close(quantity=2), HELD, "4 legs, not 0"),
        (legged((5100.0, PUT, BUY), (5150.0, PUT, SELL), (5750.0, CALL, SELL)), World(), "4 legs, not 3"),
        (legged((5100.0, PUT, BUY), (5150.0, CALL, SELL), (5750.0, CALL, SELL), (5800.0, CALL, BUY)), World(), "put,"),
        (legged((5100.0, PUT, BUY), (5150.0, PUT, SELL), (5150.0, CALL, SELL), (5200.0, CALL, BUY)), World(), "rise"),
        (legged((5100.0, PUT, SELL), (5150.0, PUT, BUY), (5750.0, CALL, BUY), (5800.0, CALL, SELL)), World(), "long"),
        (legged((5100.0, PUT, BUY), (5150.0, PUT, SELL), (5750.0, CALL, BUY), (5800.0, CALL, SELL)), World(), "long"),
    ],
)  # fmt: skip
def test_what_an_order_leaves_is_a_condor_or_none(intent: PlaceIntent, world: World, word: str) -> None:
    """Held and ordered together: four legs, put put call call, rising, wings long, in equal numbers."""
    found = asked(loss.structure, intent, world)
    assert word in found.text
    assert found.passed is ("the condor" in found.text.partition(": ")[0])


def test_a_condor_of_two_expiries_or_with_a_future_is_none() -> None:
    """The calls of another expiry do not belong to these puts; what is no option is named."""
    puts, calls = entry().legs[:2], entry(expiry=EXPIRIES[2]).legs[2:]
    assert "differ" in asked(loss.structure, entry(legs=(*puts, *calls))).text
    assert not asked(loss.structure, entry(legs=(*puts, *calls))).passed
    world = hedge_world(condor=False)
    mixed = entry(legs=(*entry().legs, LegIntent(MINI.con_id, 1, BUY)))
    found = asked(loss.structure, mixed, world)
    assert not found.passed
    assert "no option" in found.text


def test_cover_says_how_many_are_naked() -> None:
    """None: passed, with nothing seen; a short put more than longs: that many."""
    assert asked(loss.covered, entry())[:4] == (True, 0, 0, "contracts")
    assert "every short is covered" in asked(loss.covered, entry()).text
    found = asked(loss.covered, legged((5150.0, PUT, SELL), quantity=3))
    assert found[:4] == (False, 3, 0, "contracts")
    assert "3 short contracts would be uncovered" in found.text
