"""Contracts give way to later ones of their layer on their day, in one order, and never where the slot is in doubt."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import msgspec
import pytest

from strategies.alvh.lattice import SlotState
from strategies.alvh.params import AlvhParams, HarvestParams
from strategies.domain.orders import Action, OrderState, Purpose
from strategies.signals.curve import CurveReading, Regime
from strategies.signals.indicators import MacdValue
from strategies.signals.measures import Measures
from strategies.signals.readings import Reading, Verdict
from strategies.signals.tiers import Tier
from tests.strategies.alvh.bench import FLAT, INVERTED, MONTHS, NY, HedgeBench

JUNE, OCTOBER = MONTHS[1], MONTHS[5]
CALM = HarvestParams(half_at_multiple=50.0, most_at_multiple=90.0)


def at_days(bench: HedgeBench, expiry: date, days: int) -> None:
    """Moves to the morning that many days before the end of trading; monthly series further out are listed."""
    last = datetime.combine(expiry - timedelta(days=1), time(16, 15), NY)
    bench.now = last - timedelta(days=days)


def holding(bench: HedgeBench, slot: int, expiry: date, days: float, strike: float = 21.0, quantity: int = 1) -> None:
    """One slot holds a call with this long to trade; nothing else is bought."""
    bench.params = AlvhParams(harvest=CALM)
    bench.may_open = False
    at_days(bench, expiry, 0)
    bench.now -= timedelta(days=days)
    bench.hold(slot, expiry, strike, quantity, price=1.0)


def rolls(bench: HedgeBench) -> list:
    """The orders of a few looks."""
    return [i for i in bench.ask() if i.rule.startswith(("A-ROLL", "A-ENG"))]


@pytest.mark.parametrize(("days", "due"), [(30.1, False), (30.0, True), (29.0, True)])
def test_an_intermediate_call_is_rolled_at_thirty_days(bench, days, due):
    """A-ROLL-1's boundary: at 30 days to the end of trading and not before."""
    holding(bench, 5, JUNE, days)
    assert bool(rolls(bench)) is due


def test_a_roll_is_one_order_that_sells_the_old_and_buys_the_new(bench):
    """One combination in the slot, bought for the layer's tenor; the slot is active with the new contract after it."""
    holding(bench, 5, JUNE, 29)
    (intent,) = rolls(bench)
    assert [(leg.action, leg.slot) for leg in intent.legs] == [(Action.SELL, 5), (Action.BUY, 5)]
    assert intent.purpose is Purpose.HEDGE
    new = bench.options[intent.legs[1].con_id]
    assert 45 <= (new.expiry - bench.today).days <= 90
    assert bench.slots[5].state is SlotState.ROLLING
    bench.fill(intent.ref)
    assert bench.slots[5].state is SlotState.ACTIVE
    assert [con for (slot, con), (q, _) in bench.held.items() if slot == 5 and q] == [new.con_id]


def test_a_short_call_is_sold_and_not_rolled_while_the_curve_is_inverted(bench):
    """The short layer is not enlarged in an inversion: what is due goes without a successor."""
    holding(bench, 1, JUNE, 9.5)
    bench.vx, bench.vix = INVERTED, 25.0
    (intent,) = rolls(bench)
    assert [leg.action for leg in intent.legs] == [Action.SELL]


def test_what_is_not_wanted_any_more_is_sold(bench):
    """A slot that is to hold nothing sells what is due."""
    holding(bench, 5, JUNE, 29)
    bench.condors = (HedgeBench.condor(1),)
    bench.hold(6, OCTOBER, 22.0, 1)
    bench.condors = ()
    (intent,) = rolls(bench)
    assert [leg.action for leg in intent.legs] == [Action.SELL]


def test_a_worthless_contract_is_left_to_expire(bench):
    """Below ten cents an order costs more than it brings."""
    holding(bench, 1, JUNE, 9, strike=60.0)
    assert not rolls(bench)
    assert "left to expire" in bench.said("A-ROLL-1", "alvh-s01").text


def test_divergence_rolls_a_week_early_and_not_two(bench):
    """A-ROLL-2: within seven days before its day, once breadth diverges from price."""
    holding(bench, 5, JUNE, 36.5)
    assert not rolls(bench)
    bench.readings = (Reading("D-AD-1", "SPX", Verdict.TRUE),)
    (intent,) = rolls(bench)
    assert intent.rule == "A-ROLL-2"


def test_eight_days_before_its_day_nothing_is_early_enough(bench):
    """Divergence does not reach further than a week."""
    holding(bench, 5, JUNE, 38.0)
    bench.readings = (Reading("D-AD-1", "SPX", Verdict.TRUE),)
    assert not rolls(bench)


@pytest.mark.parametrize(("tier", "early"), [(Tier.CALM, False), (Tier.WATCH, True)])
def test_rising_momentum_of_vix_rolls_early_once_the_tier_watches(bench, tier, early):
    """A histogram above zero is a cue in tier 1 and noise in tier 0."""
    holding(bench, 5, JUNE, 36.5)
    bench.tier = tier
    bench.measures = Measures(rsi_vix=50.0, rsi_vix_before=50.0, vix_macd=MacdValue(0.2, 0.1, 0.1))
    assert bool(rolls(bench)) is early


def test_a_blocked_slot_is_sold_on_its_day_and_never_rolled(bench):
    """Nothing is bought for a blocked slot; sales go on."""
    holding(bench, 5, JUNE, 29)
    bench.slots[5] = msgspec.structs.replace(bench.slots[5], state=SlotState.BLOCKED)
    (intent,) = rolls(bench)
    assert [leg.action for leg in intent.legs] == [Action.SELL]


def test_a_slot_with_an_order_in_doubt_is_not_rolled(bench):
    """While the fate of one of its orders is unknown, the slot takes no other."""
    holding(bench, 5, JUNE, 29)
    (intent,) = rolls(bench)
    bench.tell(intent.ref, OrderState.UNKNOWN)
    for _ in range(5):
        assert not bench.look(60.0).places


def test_a_part_filled_roll_sells_the_rest_instead_of_buying_the_whole_again(bench):
    """Two contracts of which one has rolled: the other is sold, its successor is a matter of the layer's lack."""
    holding(bench, 5, JUNE, 29, quantity=2)
    bench.condors = (HedgeBench.condor(6),)
    (intent,) = rolls(bench)
    assert intent.quantity == 2
    bench.fill(intent.ref, 1)
    for _ in range(8):
        bench.look(30.0)
        bench.finish_cancels()
    later = [r.intent for r in bench.book.orders.values() if r.intent.chain_ref != intent.chain_ref]
    assert later
    assert [leg.action for leg in later[0].legs] == [Action.SELL]


def test_what_is_not_known_to_be_unwanted_is_kept(bench):
    """Before the chains are listed, or while net vega is unknown, nothing says that a slot is to hold nothing."""
    holding(bench, 5, JUNE, 29)
    chains, bench.chains = bench.chains, {}
    assert not rolls(bench)
    assert "not known yet" in bench.said("A-ROLL-1", "alvh-s05").text
    bench.chains, bench.unmarked = chains, {101}
    assert not rolls(bench)


@pytest.mark.parametrize(("tier", "sold"), [(Tier.CALM, True), (Tier.STRESS, False)])
def test_the_settlement_week_ends_the_waiting_unless_the_tier_is_two(bench, tier, sold):
    """Nothing is held into its settlement week because a successor cannot be found; under stress it may stay."""
    holding(bench, 5, JUNE, 4.5)
    bench.chains, bench.tier = {}, tier
    assert bool(rolls(bench)) is sold


def test_an_unreadable_curve_rolls_nothing(bench):
    """T-REG-3: without a curve no contract can be valued, so none is exchanged."""
    holding(bench, 5, JUNE, 29)
    bench.blind = CurveReading(Regime.UNKNOWN, "F2 is stale")
    assert not rolls(bench)


def test_a_deep_call_far_in_the_money_is_rolled_up(bench):
    """A-ENG-4: beyond delta .75 the call is exchanged for one at .40, and the difference is collected."""
    holding(bench, 9, OCTOBER, 165, strike=14.0, quantity=2)
    bench.vx = FLAT
    (intent,) = rolls(bench)
    assert intent.rule == "A-ENG-4"
    assert intent.limit_points < 0.0
    assert {(leg.action, leg.slot, leg.ratio) for leg in intent.legs} == {(Action.SELL, 9, 1), (Action.BUY, 9, 1)}
    assert bench.options[intent.legs[1].con_id].strike > 14.0


def test_a_deep_call_near_the_money_stays(bench):
    """Below .75 there is nothing to bank."""
    holding(bench, 9, OCTOBER, 165, strike=20.0)
    assert not rolls(bench)
    assert bench.said("A-ENG-4") is not None
