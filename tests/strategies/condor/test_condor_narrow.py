"""C-ADJ-1: correlations tighten at tier 1, and the cheaper of narrowing and hedging is done."""

from __future__ import annotations

import msgspec
import pytest

from strategies.condor.hedgeword import HedgeWord
from strategies.condor.machine import CondorState, on_order
from strategies.condor.narrow import narrow
from strategies.condor.params import AdjustParams, CondorParams
from strategies.domain.hedge import Ask
from strategies.domain.orders import Action, OrderRecord, OrderState, Purpose
from strategies.signals.tiers import Tier
from tests.strategies.condor.moments import moment, says

TIGHT = says("D-CORR-1")
OFF = HedgeWord()


@pytest.fixture
def opened(bench):
    """A condor whose neighbours' strikes are listed and quoted."""
    bench.open_condor()
    bench.quote_everything = True
    bench.look(60.0)
    return bench


def judge(bench, readings=TIGHT, **changes):
    at = moment(bench, readings, **{"tier": Tier.WATCH, **changes})
    return at, narrow(at.condor, at.stand, at.agenda)


def test_both_shorts_move_out_and_the_longs_stay(opened):
    """One order of four legs; every unit is a condor before and after, with wings of 30 instead of 50."""
    at, acted = judge(opened, hedge=OFF)
    assert acted
    (intent,) = at.agenda.places
    (prepared,) = at.agenda.proposals
    assert (intent.purpose, intent.rule, len(intent.legs)) == (Purpose.ADJUST, "C-ADJ-1", 4)
    after = prepared.adjustments[intent.chain_ref].legs
    before = at.condor.legs
    assert (after.put_long, after.call_long) == (before.put_long, before.call_long)
    assert before.put_short.strike_points - after.put_short.strike_points == 20.0
    assert after.call_short.strike_points - before.call_short.strike_points == 20.0
    bought = {leg.con_id for leg in intent.legs if leg.action is Action.BUY}
    assert bought == {before.put_short.con_id, before.call_short.con_id}
    record = OrderRecord(intent, OrderState.WORKING, at.ctx.now, at.ctx.now)
    for units in (1, 2):
        by_leg = {leg.con_id: leg.action.sign * units for leg in intent.legs}
        condor = on_order(prepared, msgspec.structs.replace(record, filled_by_leg=by_leg), at.ctx.now)
        for lot in condor.lots:  # K-DEF-1: each short is covered by a long further out, unit by unit
            strikes = [leg.strike_points for leg in lot.legs.all()]
            assert strikes == sorted(strikes)
        assert sum(lot.units for lot in condor.lots) == 2
    assert condor.state is CondorState.OPEN
    assert condor.adjustments_done() == 1


def test_narrowing_takes_about_two_fifths_of_the_vega(opened):
    """R12: shorts 20 further out take 40 % of the short vega of a 50-wide condor on the golden smile."""
    at, _ = judge(opened, hedge=OFF)
    rows = [d for d in at.agenda.decisions if d.rule == "C-ADJ-1" and "vega_usd_per_vix_point" in d.inputs]
    taken = rows[0].inputs["vega_usd_per_vix_point"] / at.condor.quantity
    assert 40.0 < taken < 80.0


def test_cheaper_hedge_is_asked_for_the_vega(opened):
    """A future that carries cheaply is the better way: the condor keeps its legs."""
    at, acted = judge(opened, carry_usd_per_day_per_usd=-0.001, half_spread_usd_per_usd=0.001, hedges_usd=100.0)
    assert acted
    assert at.agenda.places == []
    (demand,) = at.agenda.demands
    told = at.said("C-ADJ-1").inputs
    assert (demand.rule, demand.ask) == ("C-ADJ-1", Ask.USD)
    assert demand.usd_per_vix_point == pytest.approx(100.0 + told["vega_usd_per_vix_point"], abs=0.01)
    assert told["hedge_cost_usd"] < told["narrow_cost_usd"]


def test_asked_hedge_is_not_asked_for_more_as_it_grows(opened):
    """The amount is fixed when it is first asked for, and forgotten when the correlations have eased."""
    cheap = {"carry_usd_per_day_per_usd": -0.001, "half_spread_usd_per_usd": 0.001}
    at, _ = judge(opened, **cheap, hedges_usd=100.0)
    opened.state = msgspec.structs.replace(opened.state, watches=at.agenda.watches)
    later, acted = judge(opened, **cheap, hedges_usd=150.0)
    assert acted
    assert later.agenda.demands == at.agenda.demands
    opened.state = msgspec.structs.replace(opened.state, watches=later.agenda.watches)
    eased, acted = judge(opened, (), **cheap)
    assert not acted
    assert eased.agenda.watch(eased.condor.id).narrow_usd is None


def test_dear_hedge_narrows(opened):
    """A steep curve makes the future the dearer way."""
    at, acted = judge(opened, carry_usd_per_day_per_usd=-5.0)
    assert acted
    assert at.agenda.demands == []
    assert len(at.agenda.places) == 1


@pytest.mark.parametrize("tier", [Tier.CALM, Tier.STRESS, Tier.CRISIS])
def test_only_under_watch(opened, tier):
    """Tier 1 is the rule's; calm needs nothing, stress has other rules."""
    at, acted = judge(opened, tier=tier, hedge=OFF)
    assert not acted
    assert at.said("C-ADJ-1").text == "correlations do not tighten under watch"


def test_a_small_wing_is_not_narrowed(opened):
    """Fifteen points are more than half of a 25-point wing: what is left would hardly be a condor."""
    condor = next(iter(opened.condors.values()))
    legs = condor.legs
    tight = msgspec.structs.replace(
        legs,
        put_long=msgspec.structs.replace(legs.put_long, strike_points=legs.put_short.strike_points - 25.0),
        call_long=msgspec.structs.replace(legs.call_long, strike_points=legs.call_short.strike_points + 25.0),
    )
    opened.condors[condor.id] = msgspec.structs.replace(
        condor, legs=tight, lots=(msgspec.structs.replace(condor.lots[0], legs=tight),)
    )
    at, acted = judge(opened, hedge=OFF)
    assert not acted
    assert at.said("C-ADJ-1").text == "the wings are too narrow"


def test_narrowing_is_off_where_it_is_switched_off(make_bench):
    """The switch is a reason like any other."""
    bench = make_bench(CondorParams(adjust=AdjustParams(narrow=False)))
    bench.open_condor()
    bench.look(60.0)
    at, acted = judge(bench, hedge=OFF)
    assert not acted
    assert at.said("C-ADJ-1").text == "narrowing is switched off"


def test_break_even_inside_the_expected_move_refuses(opened):
    """P-BE-1 is hard after a change: a condor that stands too near its expected move is not narrowed."""
    at = moment(opened, TIGHT, tier=Tier.WATCH, hedge=OFF)
    wide = at.stand._replace(em_points=400.0)
    assert not narrow(at.condor, wide, at.agenda)
    assert at.said("P-BE-1").text == "afterwards a break-even would lie inside the expected move"
    assert at.agenda.places == []
