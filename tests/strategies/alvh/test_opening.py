"""Protection is bought slot by slot up to what is wanted, inside budgets, and not at all where something is unknown."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.alvh.lattice import SlotState
from strategies.alvh.params import AlvhParams, EngineParams, HedgeKind, SizeParams
from strategies.alvh.spending import spent_usd
from strategies.domain.decision import DecisionVerdict
from strategies.domain.hedge import SLOTS_OF, Layer
from strategies.domain.orders import Action
from strategies.signals.measures import Measures
from strategies.signals.readings import Family
from strategies.signals.tiers import Tier
from tests.strategies.alvh.bench import FLAT, INVERTED, HedgeBench

L1, L2, L3 = (SLOTS_OF[layer] for layer in (Layer.SHORT, Layer.INTERMEDIATE, Layer.DEEP))
DECLINE = DecisionVerdict.DECLINE
BLEED = Measures(rsi_vix=28.0, rsi_vix_before=31.0, spx_return_5_pct=-1.0, spx_mean_20_points=5600.0)


def with_size(**changes: float) -> HedgeBench:
    """A bench whose sizes are changed."""
    return HedgeBench(AlvhParams(size=msgspec.structs.replace(SizeParams(), **changes)))


def test_the_hedge_grows_to_its_target_and_stops(bench):
    """Both layers reach what is wanted within a contract, net vega stands above the floor, and no more is asked for."""
    bench.settle_in()
    assert bench.last is not None
    wanted = bench.last.target.usd_per_vix_point
    held = bench.last.exposure.vega.hedges_usd_per_vix_point
    assert abs(held - wanted) <= 20.0
    assert bench.net_n() >= bench.last.band.low
    asked = len(bench.book.orders)
    bench.settle_in(10)
    assert len(bench.book.orders) == asked
    assert all(r.intent.legs[0].action is Action.BUY for r in bench.book.orders.values())


def test_an_order_under_way_is_not_bought_a_second_time_elsewhere(bench):
    """What walks counts as coming: while slot 5 waits for its fill, the other slots get their own lack and no more."""
    first = bench.ask()
    assert first
    for _ in range(6):
        for intent in bench.look(61.0).places:
            if intent.legs[0].slot != 5:
                bench.fill(intent.ref)
        bench.finish_cancels()
        per_slot = [q for (slot, _), (q, _) in bench.held.items() if slot in L2]
        assert all(q <= 1 for q in per_slot)


def test_a_resting_slots_share_is_not_bought_by_its_neighbours(bench):
    """A harvest is not undone the same day by the rest of the layer."""
    bench.settle_in()
    held = bench.quantity(L2)
    key = next(k for k in bench.held if k[0] == 6)
    del bench.held[key]
    bench.slots[6] = msgspec.structs.replace(bench.slots[6], state=SlotState.RESTING, rested_from=bench.today)
    bench.settle_in(8)
    assert bench.quantity(L2) == held - 1


def test_a_slot_cools_down_after_an_opening_that_never_filled(bench):
    """Ten minutes after the last attempt the slot is bought for again."""
    bench.ask()
    for _ in range(12):
        bench.look(25.0)
        bench.finish_cancels()
    until = bench.slots[5].cooldown_until
    assert until is not None
    later = [r for r in bench.book.orders.values() if r.intent.legs[0].slot == 5 and r.intent.chain_ref.endswith("-5")]
    assert all(r.approved_at >= until for r in later)


def test_a_blocked_slot_is_bought_nothing(bench):
    """Until a person has armed again, its share stays open."""
    for slot in (5, 6):
        bench.slots[slot] = msgspec.structs.replace(bench.slots[slot], state=SlotState.BLOCKED)
    bench.settle_in()
    assert bench.quantity((5, 6)) == 0
    assert bench.quantity((7, 8)) == 2


def test_a_slot_keeps_its_arms_while_a_walk_goes_on(bench):
    """The condor closes between two attempts: the walk's slot is not sent to sleep under its next order."""
    bench.ask()
    bench.condors = ()
    for _ in range(4):
        bench.look(61.0)
        bench.finish_cancels()
    assert SlotState.BLOCKED not in {slot.state for slot in bench.slots.values()}


# unknown ----------------------------------------------------------------------------------------------
def test_an_unknown_net_vega_buys_nothing(bench):
    """A condor leg without a mark: no size, no order, and the reason is said."""
    bench.unmarked = {102}
    assert not bench.ask()
    assert "has a leg without a mark" in bench.said("A-VEGA-1").text


def test_an_unknown_net_liquidation_buys_nothing(bench):
    """K-SIZE-2 has no measure without it."""
    bench.nlv = None
    assert not bench.ask()
    assert bench.said("K-SIZE-2", "layer L2").verdict is DECLINE


def test_no_condor_no_hedge(bench):
    """Nothing to protect, nothing bought, no slot armed."""
    bench.condors = ()
    assert not bench.ask()
    assert {slot.state for slot in bench.slots.values()} == {SlotState.DORMANT}


def test_nothing_is_opened_late_or_in_a_reducing_state(bench):
    """Without leave to open, the lack is stated and stays."""
    bench.may_open = False
    assert not bench.ask()


# budgets ----------------------------------------------------------------------------------------------
def test_the_premium_budget_binds_in_calm():
    """A-SIZE-2: two per cent of the condors' worst loss buys one call of 151 dollars and no second."""
    bench = with_size(premium_pct_of_condor_loss=2.0)
    bench.settle_in()
    paid = sum(q * p * 100.0 for q, p in bench.held.values())
    assert 0.0 < paid <= 0.02 * 3 * 3767.0
    assert bench.said("A-SIZE-2", "layer L1").verdict is DECLINE


def test_an_opening_that_still_waits_has_spent_its_premium():
    """The budget has room for one call: while its order works, no second one is ordered in another layer."""
    bench = with_size(premium_pct_of_condor_loss=2.0)
    assert [i.legs[0].slot for i in bench.ask()] == [5]
    bench.vx = tuple(points + 1.0 for points in bench.vx)  # other strikes are wanted now
    for _ in range(3):
        assert not bench.look(61.0).places


def test_the_band_outranks_the_premium_budget_outside_calm():
    """A-VEGA-2: in a flat curve the same budget does not bind."""
    bench = with_size(premium_pct_of_condor_loss=2.0)
    bench.vx = FLAT
    bench.settle_in()
    assert sum(q * p * 100.0 for q, p in bench.held.values()) > 0.02 * 3 * 3767.0


def test_the_carry_budget_binds_in_calm():
    """A-BUD-1: a fiftieth of the condors' theta does not carry a single call."""
    bench = with_size(carry_max_pct_of_theta=2.0, carry_warn_pct_of_theta=1.0)
    assert not bench.ask()
    assert bench.said("A-BUD-1", "layer L2").verdict is DECLINE


def test_a_years_carry_binds_everywhere_before_the_gate_has_to_refuse():
    """A-BUD-2: in a flat curve, where the band outranks the other budgets, the hedge stops at its year's carry and
    says so, instead of asking the gate again every minute (26 to 29 January 2018: 521 refusals)."""
    bench = with_size(carry_max_pct_nlv_year=0.1)
    bench.vx = FLAT
    bench.settle_in()
    assert bench.held
    assert bench.last is not None
    assert bench.last.exposure.carry_usd is not None
    assert -bench.nlv * 0.001 / 365.0 <= bench.last.exposure.carry_usd < 0.0
    assert bench.said("A-BUD-2", "layer L2").verdict is DECLINE
    assert not bench.look(60.0).places


def test_the_layers_risk_binds_everywhere():
    """K-SIZE-2: two per cent of net liquidation a layer, in a flat curve as in calm."""
    bench = with_size(carry_max_pct_nlv_year=100.0, spend_month_pct_nlv=100.0)
    bench.nlv, bench.vx = 10_000.0, FLAT
    bench.settle_in()
    for layer in (L1, L2):
        paid = sum(q * p * 100.0 for (slot, _), (q, p) in bench.held.items() if slot in layer)
        assert 0.0 < paid <= 200.0
    assert bench.said("K-SIZE-2", "layer L2").verdict is DECLINE


def test_thirty_days_spending_binds_before_the_gate_has_to_refuse():
    """C08-30D: what the executions of thirty days cost stays within its share; older ones and sales make room again."""
    bench = with_size(carry_max_pct_nlv_year=100.0, spend_month_pct_nlv=0.05)
    bench.vx = FLAT
    bench.settle_in()
    spent = spent_usd(bench.book, bench.now)
    assert bench.nlv * 0.0003 < spent <= bench.nlv * 0.0005
    assert bench.said("C08-30D", "layer L2").verdict is DECLINE
    assert not bench.look(60.0).places
    assert spent_usd(bench.book, bench.now + timedelta(days=30)) == 0.0
    sold = [msgspec.structs.replace(f, side=Action.SELL) for f in bench.book.fills.values()]
    sales = msgspec.structs.replace(bench.book, fills={f.base_id: f for f in sold})
    assert spent_usd(sales, bench.now) == pytest.approx(-spent)


@pytest.mark.parametrize(("vix", "opened"), [(24.99, True), (25.0, False)])
def test_short_calls_are_opened_outright_only_below_twenty_five(bench, vix, opened):
    """S1-10: at VIX 25 the short layer stays as it is; the intermediate one is bought all the same."""
    bench.vix = vix
    intents = bench.ask()
    assert any(i.legs[0].slot in L1 for i in intents) is opened
    assert any(i.legs[0].slot in L2 for i in intents)


def test_the_short_layer_is_not_enlarged_in_an_inversion(bench):
    """An inverted curve at low VIX still opens no front calls."""
    bench.vx = INVERTED
    intents = bench.ask()
    assert intents
    assert not any(i.legs[0].slot in L1 for i in intents)


# the second engine ------------------------------------------------------------------------------------
def deep_orders(bench: HedgeBench) -> list:
    for _ in range(8):
        for intent in bench.look(60.0).places:
            if intent.legs[0].slot in L3:
                return [intent]
            bench.fill(intent.ref)
    return []


@pytest.mark.parametrize(("evidence_min", "wakes"), [(2, True), (3, False)])
def test_how_much_evidence_wakes_the_deep_slots_is_a_setting(evidence_min, wakes):
    """A-ENG-3: tier 2 with two families of evidence, or as many as are asked for."""
    bench = HedgeBench(AlvhParams(second_engine=EngineParams(evidence_min=evidence_min)))
    bench.tier, bench.families = Tier.STRESS, (Family.CURVE, Family.VOL_RSI)
    bench.look(60.0)
    assert (bench.memory.deep is not None) is wakes


def test_the_second_engine_sleeps_in_calm(bench):
    """No reason, no deep slots."""
    assert not deep_orders(bench)
    assert bench.memory.deep is None


def test_a_quiet_bleed_buys_outright_calls(bench):
    """A-ENG-2: VIX oversold while SPX falls below its mean: convexity is cheap."""
    bench.measures = BLEED
    (intent,) = deep_orders(bench)
    assert (intent.rule, len(intent.legs)) == ("A-ENG-2", 1)


@pytest.mark.parametrize("why", ["bleed", "stress"])
def test_discretionary_additions_can_be_held_back_and_what_runs_goes_on(bench, why):
    """G-GOV-1, G-GOV-4: no deep slot wakes, by either reason; the reason is said; one that is awake stays so."""
    if why == "bleed":
        bench.measures = BLEED
    else:
        bench.tier, bench.families, bench.vix = Tier.STRESS, (Family.CURVE, Family.BREADTH), 24.5
    bench.held_back = "the promoter's mode"
    assert not deep_orders(bench)
    assert bench.memory.deep is None
    bench.held_back = ""
    assert deep_orders(bench)
    bench.held_back = "the promoter's mode"
    bench.look(60.0)
    assert bench.memory.deep is not None


def test_stress_buys_a_call_spread_that_is_net_long(bench):
    """A-ENG-3: tier 2 with two families of evidence: near call bought, farther one sold, a debit."""
    bench.tier, bench.families, bench.vix = Tier.STRESS, (Family.CURVE, Family.BREADTH), 24.5
    (intent,) = deep_orders(bench)
    bought, sold = intent.legs
    assert intent.rule == "A-ENG-3"
    assert (bought.action, sold.action, bought.ratio, sold.ratio) == (Action.BUY, Action.SELL, 1, 1)
    assert bench.options[bought.con_id].strike < bench.options[sold.con_id].strike
    assert intent.limit_points > 0.0


def test_stress_without_evidence_or_extreme_sleeps(bench):
    """Tier 2 with one family and a middling RSI is no reason."""
    bench.tier, bench.families = Tier.STRESS, (Family.CURVE,)
    assert not deep_orders(bench)


def test_an_extreme_rsi_in_calm_sleeps(bench):
    """RSI of VIX above 70 counts only from tier 2 on."""
    bench.measures = Measures(rsi_vix=75.0, rsi_vix_before=74.0)
    assert not deep_orders(bench)


def test_the_profile_may_keep_the_deep_slots_on():
    """A-ENG-1 with always_on: deep slots hold their share at every tier."""
    params = AlvhParams()
    bench = HedgeBench(msgspec.structs.replace(params, lattice=msgspec.structs.replace(params.lattice, always_on=True)))
    (intent,) = deep_orders(bench)
    assert intent.rule == "A-ENG-1"


def test_the_engine_runs_on_until_calm_is_back(bench):
    """The reason gone, the deep slots stay until tier 0 or 1 with an RSI between 40 and 60; unknown is not calm."""
    bench.measures = BLEED
    bench.look(60.0)
    assert bench.memory.deep is HedgeKind.VIX_CALL
    for measures in (Measures(rsi_vix=35.0), Measures(rsi_vix=None)):
        bench.measures = measures
        bench.look(60.0)
        assert bench.memory.deep is HedgeKind.VIX_CALL
    bench.measures = Measures(rsi_vix=50.0)
    bench.look(60.0)
    assert bench.memory.deep is None


# properties -------------------------------------------------------------------------------------------
@settings(max_examples=8, deadline=None)
@given(
    st.integers(3, 8), st.sampled_from([30_000.0, 2_000_000.0]), st.sampled_from([3.0, 15.0]),
    st.lists(st.integers(0, 3), min_size=12, max_size=12),
)  # fmt: skip
def test_no_budget_is_ever_exceeded_whatever_fills(condors, nlv, premium_pct, fates):
    """Orders that fill, wait or are cancelled in any order: each layer's premium stays within its risk cap, L1 and L2
    within the premium budget, and net vega never above its cap."""
    size = msgspec.structs.replace(SizeParams(), premium_pct_of_condor_loss=premium_pct)
    bench = HedgeBench(AlvhParams(size=size), condors)
    bench.nlv = nlv
    for fate in fates:
        bench.look(61.0)
        if fate == 1:
            bench.finish_cancels()
        for record in bench.work():
            if fate == 0 or (fate == 2 and record.intent.legs[0].slot in L1):
                bench.fill(record.ref)
        for layer in (L1, L2):
            paid = sum(q * p * 100.0 for (slot, _), (q, p) in bench.held.items() if slot in layer)
            assert paid <= 0.02 * nlv + 1e-6
        whole = sum(q * p * 100.0 for q, p in bench.held.values())
        assert whole <= premium_pct / 100.0 * condors * 3767.0 + 1e-6
    bench.look(61.0)
    assert bench.net_n() <= bench.last.band.high


def test_the_same_view_gives_the_same_outcome(bench):
    """The look is pure: twice the same moment, twice the same orders and decisions."""
    from strategies.alvh.plan import look

    bench.ask()
    bench.now += timedelta(seconds=61)
    view = bench.view()
    first, second = look(view), look(view)
    assert first.places == second.places
    assert first.decisions == second.decisions
    assert first.memory == second.memory
