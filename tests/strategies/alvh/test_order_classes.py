"""The gate's people-facing classes fit the orders the hedge really makes: names of chains and slots agree."""

from __future__ import annotations

import pytest

from risk.governance import ActionClass, action_class
from strategies.signals.curve import Regime
from strategies.signals.readings import Family
from strategies.signals.tiers import Tier
from tests.strategies.alvh.bench import DEEP, HedgeBench
from tests.strategies.alvh.test_harvest import too_much
from tests.strategies.alvh.test_opening import BLEED, deep_orders
from tests.strategies.alvh.test_rotation import rotations, short_book, turn


def test_what_the_standing_share_asks_for_protects(bench: HedgeBench) -> None:
    """The first purchases of a morning."""
    intents = bench.ask()
    assert intents
    assert {action_class(intent) for intent in intents} == {ActionClass.PROTECT}


@pytest.mark.parametrize("why", ["bleed", "stress"])
def test_the_second_engine_is_discretionary(bench: HedgeBench, why: str) -> None:
    """Outright calls and spreads of the deep slots."""
    if why == "bleed":
        bench.measures = BLEED
    else:
        bench.tier, bench.families, bench.vix = Tier.STRESS, (Family.CURVE, Family.BREADTH), 24.5
    assert {action_class(intent) for intent in deep_orders(bench)} == {ActionClass.DISCRETIONARY}


def test_a_sale_of_protection_reduces(bench: HedgeBench) -> None:
    """Over the alarm the harvest sells; nobody is asked."""
    too_much(bench, 20)
    bench.look()
    intents = [record.intent for record in bench.work()]
    assert intents
    assert {action_class(intent) for intent in intents} == {ActionClass.REDUCE}


def test_a_rotation_protects(bench: HedgeBench) -> None:
    """It buys and sells in one order."""
    short_book(bench, each=1, slots=(4,))
    bench.official = Regime.BACKWARDATION
    turn(bench, DEEP, 30.0)
    bench.look(60.0)
    bench.official = None
    rotations(bench, 20)
    chains = [r.intent for r in bench.book.orders.values() if ".rotate/" in r.intent.chain_ref]
    assert chains
    assert {action_class(intent) for intent in chains} == {ActionClass.PROTECT}
