"""How much protection is wanted: bands, the standing share, slot weights, whole contracts, WACC weights."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.alvh.joint import JOINT, BandName, joint_markdown, stance
from strategies.alvh.params import (
    AlvhParams,
    BandParams,
    EngineParams,
    HarvestParams,
    HedgeKind,
    HedgeOrderParams,
    LatticeParams,
    LayerParams,
    RotationParams,
    SizeParams,
)
from strategies.alvh.targets import (
    Band,
    Mood,
    Weights,
    band_of,
    largest_remainder,
    slot_weights,
    wacc_weights,
    wanted,
)
from strategies.domain.hedge import SLOTS, SLOTS_OF, Layer
from strategies.pricing.net_vega import NetVega
from strategies.signals.curve import Regime
from strategies.signals.tiers import Tier

P, SIZE = BandParams(), SizeParams()
L1, L2, L3 = (SLOTS_OF[layer] for layer in (Layer.SHORT, Layer.INTERMEDIATE, Layer.DEEP))
PAIRS = list(itertools.product(Regime, Tier))
ANY_WEIGHTS = st.tuples(st.floats(0.0, 1.0), st.booleans(), st.booleans()).map(
    lambda row: Weights(rotated_share=row[0], slot4_moved=row[1], deep=row[2])
)


def book(condors_usd: float, hedges_usd: float = 0.0, units: float = 15.0) -> NetVega:
    return NetVega(condors_usd, condors_usd, hedges_usd, 0.7 * hedges_usd, 0.0, units)


# bands ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("regime", "tier"), PAIRS)
def test_every_regime_and_tier_has_one_row(regime, tier):
    """The joint table is total; blindness permits nothing, inversion opens no short layer, stress wakes deep slots."""
    row = stance(regime, tier)
    inverted = regime in (Regime.BACKWARDATION, Regime.DEEP_BACKWARDATION)
    blind = regime is Regime.UNKNOWN
    assert row.rotate is inverted
    assert row.open_short is not (inverted or blind)
    assert row.deep is (tier >= Tier.STRESS and not blind)
    assert (row.band is BandName.NONE) is blind
    assert row.budget_first is (blind or (regime is Regime.CONTANGO and tier <= Tier.WATCH))


def test_the_table_prints_every_row():
    """The docs' table has all twenty pairs."""
    assert len(JOINT) == len(PAIRS) == len(joint_markdown().splitlines()) - 2


@pytest.mark.parametrize(
    ("regime", "tier", "mood", "band"),
    [
        (Regime.CONTANGO, Tier.CALM, Mood(), Band(-0.20, -0.15, 0.25)),
        (Regime.CONTANGO, Tier.WATCH, Mood(rsi_falling=True), Band(-0.20, -0.15, 0.10)),
        (Regime.CONTANGO, Tier.CALM, Mood(alarm=True), Band(-0.15, -0.15, 0.25)),
        (Regime.CONTANGO, Tier.CALM, Mood(benign=True), Band(-0.25, -0.15, 0.25)),
        (Regime.CONTANGO, Tier.CALM, Mood(benign=True, alarm=True), Band(-0.15, -0.15, 0.25)),
        (Regime.FLAT, Tier.CALM, Mood(), Band(-0.10, -0.10, 0.15)),
        (Regime.CONTANGO, Tier.STRESS, Mood(benign=True), Band(-0.05, -0.05, 0.10)),
        (Regime.DEEP_BACKWARDATION, Tier.CALM, Mood(), Band(-0.05, -0.05, 0.10)),
        (Regime.UNKNOWN, Tier.CRISIS, Mood(), Band(None, None, None)),
    ],
)
def test_the_band_follows_regime_tier_and_mood(regime, tier, mood, band):
    """R1 and A-VEGA-2: calm, flat and flip bands; an alarm makes the soft floor hard and nothing benign undoes it."""
    assert band_of(stance(regime, tier), mood, P) == pytest.approx(band)


# the whole --------------------------------------------------------------------------------------------
@given(st.floats(0.05, 0.40), st.sampled_from([p for p in PAIRS if p[0] is not Regime.UNKNOWN]), st.booleans())
def test_what_is_wanted_reaches_the_floor_and_never_the_cap(short_n, pair, confirmed):
    """Bought wholly, the target leaves net vega at least at floor plus margin, and below the cap."""
    band = band_of(stance(*pair), Mood(rsi_falling=True), P)
    vega = book(-short_n * 1500.0)
    target = wanted(vega, band, SIZE, P.margin, confirmed=confirmed)
    after = vega.normalised(vega.condors_usd_per_vix_point + target.usd_per_vix_point)
    assert after is not None
    assert band.low is not None
    assert band.high is not None
    assert after >= band.low + P.margin - 1e-9
    assert after <= band.high
    assert target.share >= (SIZE.offset_confirmed if confirmed else SIZE.offset_base) - 1e-9


def test_nothing_is_wanted_without_short_volatility():
    """No condors, or condors that are long volatility: there is nothing to protect."""
    band = Band(-0.20, -0.15, 0.25)
    assert wanted(book(0.0, units=0.0), band, SIZE, 0.02, confirmed=True).usd_per_vix_point == 0.0
    assert wanted(book(50.0), band, SIZE, 0.02, confirmed=True).usd_per_vix_point == 0.0


def test_the_standing_share_is_a_quarter_and_two_fifths_once_confirmed():
    """A-SIZE-1 where the floor asks for less: 25 % of the condors' vega, 40 % after the macro surprise."""
    band = Band(-0.20, -0.15, 0.25)
    calm = wanted(book(-300.0), band, SIZE, 0.02, confirmed=False)
    sure = wanted(book(-300.0), band, SIZE, 0.02, confirmed=True)
    assert (calm.usd_per_vix_point, calm.rule) == (75.0, "A-SIZE-1")
    assert (sure.usd_per_vix_point, sure.rule) == (120.0, "A-SIZE-1")
    assert wanted(book(-400.0), band, SIZE, 0.02, confirmed=False).rule == "A-VEGA-2"


# slots ------------------------------------------------------------------------------------------------
@given(ANY_WEIGHTS)
def test_rotation_moves_weight_and_never_makes_any(weights):
    """The shares always add up to one, none is negative, and sleeping deep slots have none."""
    share = slot_weights(weights)
    assert sum(share.values()) == pytest.approx(1.0)
    assert min(share.values()) >= -1e-12
    assert all((share[slot] > 0.0) is weights.deep for slot in L3)


@given(ANY_WEIGHTS)
def test_the_short_layer_gives_exactly_the_rotated_share(weights):
    """What left slots 1 to 4 is the rotated share, slot 4's own quarter counted in it, and it is in slots 5 to 8."""
    before, after = slot_weights(Weights(deep=weights.deep)), slot_weights(weights)
    gone = max(weights.rotated_share, 0.25 if weights.slot4_moved else 0.0)
    short = sum(before[slot] for slot in L1)
    assert sum(after[slot] for slot in L1) == pytest.approx(short * (1.0 - gone))
    assert sum(after[slot] - before[slot] for slot in L2) == pytest.approx(short * gone)


def test_slot_four_gives_all_it_has_to_slot_five():
    """A-ROT-2: one tenth of ten moves, the others stay."""
    share = slot_weights(Weights(slot4_moved=True, rotated_share=0.25, deep=True))
    assert (share[4], share[5], share[6], share[1]) == pytest.approx((0.0, 0.2, 0.1, 0.1))


def test_the_add_on_enlarges_the_intermediate_layer_only():
    """A-ROT-3: a quarter more in slots 5 to 8."""
    before, after = slot_weights(Weights(deep=True)), slot_weights(Weights(deep=True, addon_pct=25.0))
    assert all(after[slot] == pytest.approx(before[slot] * (1.25 if slot in L2 else 1.0)) for slot in SLOTS)


@given(st.dictionaries(st.sampled_from(SLOTS), st.floats(0.0, 30.0), min_size=1, max_size=10))
def test_largest_remainder_keeps_the_sum_and_each_within_one(shares):
    """A-SIZE-3: whole contracts add up to the rounded whole, each within one of its share."""
    whole = largest_remainder(shares)
    assert sum(whole.values()) == int(sum(shares.values()) + 0.5)
    assert all(abs(whole[slot] - shares[slot]) <= 1.0 for slot in shares)


def test_the_largest_fractions_are_rounded_up_and_ties_go_to_the_lower_slot():
    """2.6 over four slots is three contracts where the fractions are greatest."""
    assert largest_remainder({5: 0.9, 6: 0.2, 7: 0.8, 8: 0.7}) == {5: 1, 6: 0, 7: 1, 8: 1}
    assert largest_remainder({5: 0.5, 6: 0.5}) == {5: 1, 6: 0}


@given(st.dictionaries(st.sampled_from(L2), st.floats(0.01, 5.0), min_size=0, max_size=4))
def test_wacc_weights_stay_within_their_limit_and_favour_the_cheap(costs):
    """A-WACC-1: within a quarter of one; dearer protection never weighs more than cheaper."""
    weights = wacc_weights(costs, 0.5, 25.0)
    assert all(0.75 - 1e-9 <= weight <= 1.25 + 1e-9 for weight in weights.values())
    by_cost = [weights[slot] for slot in sorted(costs, key=lambda slot: costs[slot])]
    assert all(a >= b - 1e-9 for a, b in itertools.pairwise(by_cost))


# parameters -------------------------------------------------------------------------------------------
def layer(roll_dte_days: int, delta: float) -> LayerParams:
    return LayerParams(dte_min_days=18, dte_target_days=30, dte_max_days=45, roll_dte_days=roll_dte_days, delta=delta)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: layer(roll_dte_days=20, delta=0.5), "roll"),
        (lambda: layer(roll_dte_days=9, delta=0.1), "delta"),
        (lambda: BandParams(calm_soft_low=-0.01), "floors"),
        (lambda: BandParams(flip_high=-0.1), "below zero"),
        (lambda: BandParams(alarm_inflation=0.5), "alarm_inflation"),
        (lambda: SizeParams(offset_base=0.5), "offset_base"),
        (lambda: SizeParams(layer_risk_pct_nlv=3.5), "K-SIZE-2"),
        (lambda: SizeParams(carry_warn_pct_of_theta=60.0), "carry_warn"),
        (lambda: RotationParams(slot4_rearm_below_points=3.0), "re-arms"),
        (lambda: RotationParams(share_low_pct=70.0), "rise"),
        (lambda: RotationParams(clips=0), "at least 1"),
        (lambda: HarvestParams(half_at_multiple=5.0), "half_at_multiple"),
        (lambda: EngineParams(rsi_low=80.0), "rsi_low"),
        (lambda: EngineParams(stress_kind=HedgeKind.VIX_CALL), "spread"),
        (lambda: HedgeOrderParams(orders_at_once=0), "orders_at_once"),
        (lambda: HedgeOrderParams(same_legs_pause_s=-1.0), "same_legs_pause_s"),
        (lambda: HedgeOrderParams(same_legs_pause_s=float("nan")), "same_legs_pause_s"),
        (lambda: HedgeOrderParams(concession_pct=120.0), "concession_pct"),
        (lambda: AlvhParams(lattice=LatticeParams(short=LatticeParams().deep)), "rise"),
    ],
)  # fmt: skip
def test_parameters_that_contradict_each_other_are_refused_with_the_reason(make, word):
    """A set that could not work is refused whole, and the message names what is wrong."""
    with pytest.raises(ValueError, match=word):
        make()
