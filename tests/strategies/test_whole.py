"""Rules about all condors and the hedge together: projection, break-evens, decay against margin, delta."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from strategies.condor.context import Agenda
from strategies.condor.hedgeword import HedgeWord
from strategies.condor.machine import CondorState
from strategies.condor.params import BookParams, CondorParams
from strategies.domain.hedge import Ask
from strategies.pricing.projection import SCENARIOS
from strategies.signals.macro import MacroWord
from strategies.signals.measures import Measures
from strategies.signals.readings import Verdict
from strategies.whole import WholeMemory, _flatten, _wanted_pct, answered, demand_of
from tests.strategies.condor.moments import moment


def opened(make_bench, **book):
    bench = make_bench(CondorParams(book=BookParams(**book)))
    bench.open_condor()
    bench.look(60.0)
    return bench


def test_book_is_projected_and_remembered(make_bench):
    """P-PROJ-1: fourteen cells, the worst ordinary one named; the grid is kept for the next decisions."""
    bench = opened(make_bench)
    said = bench.said("P-PROJ-1", "book")
    cells = [v for k, v in said.inputs.items() if k.endswith("d_usd")]
    assert len(cells) == 14
    assert said.inputs["worst_usd"] == min(
        v for k, v in said.inputs.items() if k.endswith("d_usd") and not k.startswith("crash")
    )
    names = [name for name, _, _ in SCENARIOS]
    told = [said.inputs[f"{name}_{days}d_usd"] for days in (5, 10) for name in names]
    assert bench.state.word.gains_usd == pytest.approx(told, abs=0.01)


def test_projection_rests_between_looks(make_bench):
    """The grid is made at most once a minute."""
    bench = opened(make_bench)
    bench.look(30.0)
    assert bench.said("P-PROJ-1", "book") is None
    bench.look(31.0)
    assert bench.said("P-PROJ-1", "book") is not None


def test_a_leg_without_a_mark_leaves_the_projection_unknown(make_bench):
    """No guess: the book is not projected, and which condor is why is told."""
    bench = opened(make_bench)
    bench.silent.add(next(iter(bench.condors.values())).legs.put_long.con_id)
    bench.look(61.0)
    said = bench.said("P-PROJ-1", "book")
    assert said.text.startswith("the book cannot be projected: ic-")


def test_break_evens_are_told_and_their_absence_is_a_breach(make_bench):
    """P-BE-2 has two sides around spot; P-BE-3 after VIX +5 has none for an unhedged condor."""
    bench = opened(make_bench)
    for days in (5, 10):
        told = bench.said("P-BE-2", f"book {days}d").inputs
        assert told["low_points"] < bench.spot < told["high_points"]
    assert bench.said("P-BE-3", "book +5").text == "no level breaks even: a breach"


def closes(bench, sessions: int = 1):
    """Moves to the last minutes of the session, so many sessions running."""
    for number in range(sessions):
        bench.now = bench.now.replace(hour=15, minute=50, second=0)
        bench.look(0.0)
        if number + 1 < sessions:
            bench.now = bench.now.replace(hour=10, minute=0) + bench.day.resolution
    return bench


def test_fresh_condor_pays_for_its_margin(make_bench):
    """C-THETA-1 and 2: half a percent a day is far above the floor and the hurdle."""
    bench = closes(opened(make_bench))
    said = bench.said("C-THETA-1", "book")
    assert said.text == "decay pays for the margin"
    assert said.inputs["pct_of_margin_day"] > 0.3
    assert bench.said("C-THETA-2", "book").text == "annual decay above the hurdle"


def test_decay_that_does_not_pay_must_last_and_then_the_condor_leaves(make_bench):
    """C-THETA-1 without a hedge: one close waits, the second closes the most decayed condor, patiently."""
    bench = opened(make_bench, theta_min_pct_of_margin_day=5.0)
    closes(bench)
    assert bench.said("C-THETA-1", "book").text == "decay below what margin asks: it must last"
    bench.now = bench.now.replace(hour=10, minute=0) + bench.day.resolution
    closes(bench)
    assert bench.said("C-THETA-1", "book").text == "decay below what margin asks: the most decayed condor leaves"
    bench.look(15.0)
    (intent,) = bench.places()
    assert intent.rule == "C-THETA-1"
    bench.fill(intent.ref)
    assert next(iter(bench.condors.values())).state is CondorState.CLOSED


def test_decay_is_judged_once_a_close(make_bench):
    """Two looks in the same closing minutes count one close."""
    bench = opened(make_bench, theta_min_pct_of_margin_day=5.0)
    closes(bench)
    bench.look(61.0)
    assert bench.state.whole.breaches == 1


def test_hedge_is_asked_before_a_condor_leaves():
    """C-THETA-1: the demand stands until the hedge holds less than when it was asked."""
    memory = WholeMemory(asked_day=None)
    assert demand_of(memory, HedgeWord()) is None
    asked = WholeMemory(asked_day=date(2026, 5, 4), asked_held=10)
    demand = demand_of(asked, HedgeWord(contracts=10))
    assert demand is not None
    assert demand.ask is Ask.SELL_DEAREST
    assert demand_of(asked, HedgeWord(contracts=9)) is None


def test_a_demand_that_was_met_is_not_asked_again_when_the_hedge_buys_for_another_condor():
    """C-THETA-1: seen on 31 January 2018, when the hedge of a new condor was bought and sold again three times."""
    asked = WholeMemory(asked_day=date(2026, 5, 4), asked_held=10)
    assert answered(asked, HedgeWord(contracts=10)) == asked
    met = answered(asked, HedgeWord(contracts=8))
    assert demand_of(met, HedgeWord(contracts=14)) is None
    assert answered(met, HedgeWord(contracts=14)) == met


def test_the_desk_remembers_that_the_hedge_has_answered(make_bench):
    """The look at which less is held than when it was asked settles the demand, in memory and not for the moment."""
    bench = opened(make_bench)
    bench.state = msgspec.structs.replace(
        bench.state, whole=WholeMemory(asked_day=bench.now.date(), asked_held=10), word=HedgeWord(contracts=10)
    )
    bench.look(15.0)
    assert bench.state.whole.met


@pytest.mark.parametrize(
    ("z", "flattens", "wanted"),
    [
        (-1.2, Verdict.TRUE, 0.092),
        (-1.2, Verdict.UNKNOWN, 0.08),
        (-0.9, Verdict.TRUE, 0.08),
        (None, Verdict.TRUE, 0.08),
    ],
)
def test_concentration_asks_for_more_decay(make_bench, z, flattens, wanted):
    """C-THETA-3: 0.092 instead of 0.08 with both, and what is not told tightens nothing."""
    bench = opened(make_bench)
    at = moment(bench, measures=Measures(concentration_z60=z), macro=MacroWord(curve_flattens=flattens))
    assert _wanted_pct(at.agenda) == pytest.approx(wanted)


def test_without_the_level_of_the_index_delta_is_unknown_and_not_zero(make_bench):
    """Dollars per percent need SPX: without it the rule says so and tells no figure."""
    bench = opened(make_bench)
    agenda = Agenda(msgspec.structs.replace(moment(bench).ctx, spot_points=None), {}, {}, {})
    _flatten(agenda, [], {}, 500_000.0)
    (said,) = agenda.decisions
    assert (said.text, said.inputs) == ("the level of SPX is not known, so neither is delta in dollars", {})


def test_delta_is_told_and_never_traded(make_bench):
    """C-DELTA-1: switched on it refuses with its reason, and no order leaves."""
    off = opened(make_bench, flatten_from_pct_nlv=0.001)
    assert off.said("C-DELTA-1", "book").text == "delta would be flattened, which is switched off"
    on = opened(make_bench, flatten_from_pct_nlv=0.001, flatten_delta=True)
    said = on.said("C-DELTA-1", "book")
    assert said.text == "delta should be flattened, but no index future may be traded"
    assert said.verdict.value == "decline"
    assert on.places() == []
