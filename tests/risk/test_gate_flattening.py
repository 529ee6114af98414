"""While everything is flattened the gate passes closings and nothing else, and the hedge only after the last condor."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from risk import gate
from risk.checks import CHECKS
from risk.result import Verdict
from strategies.domain.control import FLATTEN_CAUSE, Control, Latch, TradingState
from strategies.domain.instruments import Right
from strategies.domain.orders import Action, LegIntent, PlaceIntent
from tests.risk.hedge_sample import CALLS, buy, hedge_world, owning, sell, worth
from tests.risk.sample import EXPIRIES, NOW, WINGS, World, close, con_id, condor_legs, entry, net_mid, on_grid, record

LEGS = condor_legs(EXPIRIES[1], WINGS)
FLATTENING = Control(
    latches=(Latch(FLATTEN_CAUSE, TradingState.FLATTENING, NOW - timedelta(minutes=1), "me", "enough"),)
)
FLAT = Control(latches=(Latch(FLATTEN_CAUSE, TradingState.HALTED, NOW - timedelta(minutes=1), "me", "enough"),))
CALL = min(CALLS, key=worth)


def judged(world: World, intent: PlaceIntent, control: Control = FLATTENING) -> Verdict:
    """The gate's word while everything is flattened."""
    return gate.review(intent, world.with_(control=control).view(), world.limits, 1).verdict


def held(units: int = 2) -> World:
    return World().having("ic-1", LEGS, units, -14.0)


def hedged(*, condor: bool) -> World:
    return owning(hedge_world(condor=condor), CALL, 5, 2, worth(CALL))


def test_only_what_closes_passes() -> None:
    """A condor's closing in whole or in part passes; an opening, a purchase of protection, one unit too many do not."""
    for units in (1, 2):
        assert judged(held(), close(quantity=units)).approved
    for world, intent in ((World(), entry()), (held(), close(quantity=3)), (hedged(condor=False), buy(CALL, 5))):
        verdict = judged(world, intent)
        assert not verdict.approved
        assert "C42-F" in [row.code for row in verdict.checks if not row.passed]


def test_what_already_works_counts() -> None:
    """Two units are held and the closing of one works in another chain: two more would turn the position round."""
    other = close(ref="ic-1.exit.7", chain_ref="ic-1.exit/7", quantity=1)
    verdict = judged(replace(held(), orders=(record(other),)), close(quantity=2))
    assert "C42-F" in [row.code for row in verdict.checks if not row.passed]


def test_a_leg_sold_from_under_its_short_does_not_pass() -> None:
    """Closing the long put alone takes from what is held and adds risk all the same: not proven, not passed."""
    naked = close(legs=(LegIntent(LEGS[0].con_id, 1, Action.SELL),), limit_points=-1.0)
    verdict = judged(held(), naked)
    assert "C42-F" in [row.code for row in verdict.checks if not row.passed]


@pytest.mark.parametrize("condor", [True, False])
def test_the_hedge_goes_after_the_last_condor(condor: bool) -> None:
    """Its sale is refused while a condor of ours is held, and passes after that although it gives protection back."""
    verdict = judged(hedged(condor=condor), sell(CALL, 5))
    assert verdict.approved is not condor
    if condor:
        assert "after the last condor" in verdict.text


def test_it_needs_no_volatility() -> None:
    """Marks are missing on a day like that: closings pass all the same, with the proof at expiry."""
    assert judged(held().with_(marks={}), close(quantity=2)).approved
    assert judged(hedged(condor=False).with_(marks={}), sell(CALL, 5)).approved


def test_once_flat_nothing_passes() -> None:
    """The latch then halts: even a closing is refused until somebody arms."""
    verdict = judged(held(), close(quantity=2), FLAT)
    assert [row.code for row in verdict.checks if not row.passed] == ["C41"]


def test_it_is_asked_in_no_other_state() -> None:
    """The check is made while FLATTENING only."""
    assert [check.code for check in CHECKS if check.during is TradingState.FLATTENING] == ["C42-F"]
    assert "C42-F" not in [row.code for row in judged(held(), close(quantity=2), Control()).checks]


def test_reducing_is_not_enough_it_must_close() -> None:
    """Longs nearer to the shorts for those held make the condor's loss smaller: a change of legs, no closing."""
    put, call = 0.5 * (WINGS[0] + WINGS[1]), 0.5 * (WINGS[2] + WINGS[3])
    legs = (
        LegIntent(LEGS[0].con_id, 1, Action.SELL), LegIntent(con_id(EXPIRIES[1], put, Right.PUT), 1, Action.BUY),
        LegIntent(con_id(EXPIRIES[1], call, Right.CALL), 1, Action.BUY), LegIntent(LEGS[3].con_id, 1, Action.SELL),
    )  # fmt: skip
    order = close(legs=legs, quantity=2, limit_points=on_grid(net_mid(legs)), mid_points=net_mid(legs))
    assert judged(held(), order, Control()).reducing
    verdict = judged(held(), order)
    assert "C42-F" in [row.code for row in verdict.checks if not row.passed]
