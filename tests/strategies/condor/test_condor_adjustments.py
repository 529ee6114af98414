"""A tested condor is widened within its limits, else rolled out if that can pay, else closed."""

from __future__ import annotations

import math
from datetime import date, timedelta

import msgspec
import pytest

from strategies.condor.adjust import cannot_roll
from strategies.condor.forecast import Later
from strategies.condor.machine import CondorState, Side
from strategies.condor.params import AdjustParams, CondorParams, EntryParams
from strategies.condor.resale import later_vega_usd
from strategies.domain.orders import Action, OrderState, PlaceIntent, Purpose
from strategies.domain.session import MacroEvent
from tests.strategies.condor.moments import moment
from tests.strategies.conftest import wavering


def threatened(make_bench, spot: float = 5305.0, params: CondorParams | None = None, nlv: float = 500_000.0):
    """A bench whose condor is tested and confirmed, one look before it is defended."""
    bench = make_bench(params or CondorParams())
    bench.nlv = nlv
    bench.open_condor()
    bench.now = bench.now.replace(minute=12)
    bench.spot = spot
    bench.look()
    assert bench.said("C-EXIT-4").text.startswith("a short is tested")
    return bench


def the(bench):
    return next(iter(bench.condors.values()))


def defend(bench, looks: int = 4):
    """Looks until an order goes out."""
    bench.look(60.0)
    for _ in range(looks):
        if bench.places():
            return bench.places()[0]
        bench.look(3.0)
    return bench.places()[0] if bench.places() else None


def test_tested_side_is_widened_by_one_order(make_bench):
    """C-ADJ-2: old spread bought back, same width sold 20 further out, under 35 per cent of the credit."""
    bench = threatened(make_bench)
    old = the(bench).legs
    intent = defend(bench)
    assert intent.purpose is Purpose.ADJUST
    assert intent.rule == "C-ADJ-2"
    assert len(intent.legs) == 4
    assert sum(1 for leg in intent.legs if leg.action is Action.BUY) == 2
    assert 0.0 < intent.limit_points <= 0.35 * the(bench).credit_points
    gate = bench.said("P-PROJ-1", the(bench).id)
    assert gate.inputs["improvement_usd"] > gate.thresholds["cost_usd"] > 0.0
    bench.fill(intent.ref)
    condor = the(bench)
    assert condor.state is CondorState.OPEN
    assert old.put_short.strike_points - condor.legs.put_short.strike_points == 20.0
    assert condor.legs.width_points == 50.0
    assert condor.adjustments_done(Side.PUT) == 1
    bench.look(5.0)
    assert bench.said("C-EXIT-4").text == "no short is tested"


def test_widening_that_does_not_pay_in_the_projection_is_refused(make_bench):
    """P-PROJ-1: a rally that goes through both calls costs more with the debit paid, so the condor is closed."""
    bench = threatened(make_bench, 5612.0)
    intent = defend(bench)
    gate = bench.said("P-PROJ-1", the(bench).id)
    assert gate.inputs["scenario"].startswith("earnings_melt_up")
    assert gate.inputs["improvement_usd"] < gate.thresholds["cost_usd"]
    assert bench.said("C-ADJ-2").text == "does not improve the worst of the projection by more than it costs"
    assert intent.purpose is Purpose.EXIT


def test_each_side_is_widened_once(make_bench):
    """C-ADJ-2: the second threat on the same side is no longer widened."""
    bench = threatened(make_bench)
    bench.fill(defend(bench).ref)
    bench.spot -= 40.0
    bench.look(5.0)
    intent = defend(bench)
    assert intent.purpose is Purpose.EXIT
    assert bench.said("C-ADJ-2").text == "this condor has been widened as often as allowed"


def test_widening_too_dear_is_not_done(make_bench):
    """C-ADJ-2: the debit cap decides; the condor is closed."""
    bench = threatened(make_bench, params=CondorParams(adjust=AdjustParams(widen_max_debit_pct_of_credit=5.0)))
    intent = defend(bench, looks=30)
    assert intent.purpose is Purpose.EXIT
    assert bench.said("C-ADJ-2").text == "widening costs too much of the credit"


def rolling(make_bench):
    """A condor of 39 days under threat, its successor of 45 days listed: the model gives a net credit."""
    params = CondorParams(
        entry=EntryParams(min_credit_pct_of_width=15.0, dte_target_days=38), adjust=AdjustParams(widen=False)
    )
    bench = threatened(make_bench, 5320.0, params)
    assert (the(bench).expiry - bench.day).days == 39
    return bench, params


def test_widening_must_leave_the_threat(make_bench):
    """A short so deep in trouble that 20 points do not help is not widened."""
    bench = threatened(make_bench, spot=5650.0)
    intent = defend(bench, looks=30)
    assert intent.purpose is Purpose.EXIT
    assert bench.said("C-ADJ-2").text in ("the new short would still be tested", "the break-even would stay too near")


def test_missing_contracts_are_asked_for_and_not_waited_for_forever(make_bench):
    """The strikes further out may be unknown: they are wanted, and after a minute the defence goes on without them."""
    bench = threatened(make_bench)
    bench.options = {k: v for k, v in bench.options.items() if k in the(bench).con_ids()}
    bench.contracts = False
    bench.look(60.0)
    assert bench.places() == []
    (want,) = bench.last.wants.options
    assert want.expiry == the(bench).expiry
    assert want.low_strike <= the(bench).legs.put_long.strike_points - 25.0
    bench.look(61.0)
    assert bench.places()[0].purpose is Purpose.EXIT


def half_widened(make_bench):
    """Two units, one of them widened by an order whose rest is cancelled by its walk."""
    bench = threatened(make_bench)
    first = defend(bench)
    assert first.quantity == 2
    bench.fill(first.ref, units=1)
    return bench, first


def test_half_a_widening_is_finished_firmly(make_bench):
    """One of two units filled: the rest is tried again at once, in the same chain."""
    bench, first = half_widened(make_bench)
    bench.look(20.0)
    bench.finish_cancels()
    bench.look(1.0)
    (second,) = bench.places()
    assert (second.purpose, second.quantity, second.chain_ref) == (Purpose.ADJUST, 1, first.chain_ref)
    bench.fill(second.ref)
    assert the(bench).state is CondorState.OPEN
    assert the(bench).quantity == 2


def test_half_a_widening_stays_inside_the_price_collar(make_bench):
    """C11 denies anything dearer than mid plus its margin, so no attempt asks for it, however firm."""
    bench, _ = half_widened(make_bench)
    orders = bench.params.orders
    for _ in range(12):
        bench.look(20.0)
        bench.finish_cancels()
        bench.look(1.0)
        for intent in bench.places():
            if intent.purpose is Purpose.ADJUST:
                margin = max(orders.collar_min_points, orders.collar_pct_of_mid / 100.0 * abs(intent.mid_points))
                assert intent.limit_points <= intent.mid_points + margin + 1e-9


def test_half_a_widening_that_the_gate_denies_ends(make_bench):
    """A denied rest is tried as often as its walk is long, then the condor is open with both sets of legs."""
    bench, first = half_widened(make_bench)
    bench.look(20.0)
    bench.finish_cancels()
    attempts = 0
    for _ in range(60):
        bench.look(31.0, approve=False)
        attempts += sum(1 for intent in bench.places() if intent.purpose is Purpose.ADJUST)
        if the(bench).state is not CondorState.ADJUST_WORKING:
            break
    assert the(bench).state is CondorState.OPEN
    assert attempts <= 5
    assert [lot.units for lot in the(bench).lots] == [1, 1]
    assert first.chain_ref in the(bench).adjustments


def closes_both_sets(bench, rule: str, looks: int = 12) -> None:
    """Looks and fills what is sent until the condor is closed, each set of legs by an order of its own."""
    sets = set()
    for _ in range(looks):
        bench.look(10.0)
        bench.finish_cancels()
        for intent in bench.places():
            assert (intent.purpose, intent.rule, intent.quantity) == (Purpose.EXIT, rule, 1)
            sets.add(frozenset(leg.con_id for leg in intent.legs))
            bench.fill(intent.ref)
        if the(bench).state is CondorState.CLOSED:
            break
    assert (the(bench).state, the(bench).quantity, len(sets)) == (CondorState.CLOSED, 0, 2)


def test_crisis_closes_a_half_widened_condor(make_bench):
    """C-DEC-1 row 1: tier 3 that lasts ends the widening and closes the units with the old legs and those with the new.

    Left in its widening such a condor once lived through a crash of days, its stop and its defence asleep.
    """
    bench, _ = half_widened(make_bench)
    bench.vix = 34.0
    bench.look(1.0)
    for _ in range(31):
        bench.look(10.0, approve=False)
        bench.finish_cancels()
        if bench.places() and bench.places()[0].purpose is Purpose.EXIT:
            break
    closes_both_sets(bench, "C-DEC-1")


def test_stop_closes_a_half_widened_condor(make_bench):
    """C-EXIT-3: the loss counts both sets of legs, and the stop closes both."""
    bench, _ = half_widened(make_bench)
    bench.spot = 4850.0
    bench.look(1.0, approve=False)
    bench.look(61.0, approve=False)
    bench.finish_cancels()
    closes_both_sets(bench, "C-EXIT-3")


def test_half_widened_condor_is_valued_over_both_sets(make_bench):
    """The stop's loss is the average of the units, the tested short that of the nearer set."""
    bench, _ = half_widened(make_bench)
    condor = the(bench)
    quotes = bench.market().quotes
    bench.look(5.0, approve=False)
    debit = [sum(leg.action.sign * quotes[leg.con_id].mid for leg in lot.legs.closing()) for lot in condor.lots]
    kept = condor.credit_points + condor.adjust_points
    assert bench.said("C-EXIT-3").inputs["loss_points"] == pytest.approx(sum(debit) / 2 - kept, abs=1e-3)


def test_half_widened_condor_is_not_widened_further(make_bench):
    """Its units differ: C-ADJ-2 refuses, whatever side is tested, and the defence closes."""
    bench, _ = half_widened(make_bench)
    bench.look(20.0)
    bench.finish_cancels()
    for _ in range(60):
        bench.look(31.0, approve=False)
        if the(bench).state is CondorState.OPEN:
            break
    bench.spot = 5612.0
    bench.look(5.0, approve=False)
    bench.look(61.0, approve=False)
    for _ in range(4):
        if bench.places():
            break
        bench.look(3.0, approve=False)
    assert bench.places()[0].purpose is Purpose.EXIT
    assert bench.said("C-ADJ-2").text == "its units have two sets of legs: they are only closed"


def test_unfilled_widening_is_given_up_and_not_repeated(make_bench):
    """After its walk the old legs stay and the condor is closed instead."""
    bench = threatened(make_bench)
    intent = defend(bench)
    for _ in range(5):
        bench.look(20.0)
        bench.finish_cancels()
        bench.look(1.0)
        places = bench.places()
        if not places or places[0].purpose is not Purpose.ADJUST:
            break
    assert intent.purpose is Purpose.ADJUST
    assert the(bench).state is CondorState.OPEN
    bench.look(2.0)
    assert bench.places()[0].purpose is Purpose.EXIT


def test_roll_out_sells_again_only_for_more_than_closing_cost(make_bench):
    """C-ADJ-3: the second half needs a later expiry and a net credit, keeps the size, and is tagged."""
    bench, params = rolling(make_bench)
    first = the(bench)
    intent = defend(bench)
    assert (intent.rule, intent.purpose, len(intent.legs)) == ("C-ADJ-3", Purpose.EXIT, 4)
    told = bench.said("C-ADJ-3", first.id)
    assert told.inputs["net_credit_points"] >= 0.0
    bench.fill(intent.ref, at_points=25.0)
    bench.now = bench.now.replace(minute=30, second=0)
    bench.params = msgspec.structs.replace(params, entry=msgspec.structs.replace(params.entry, dte_target_days=45))
    for _ in range(8):
        bench.look(6.0)
        assert bench.places() == []
    assert bench.said("C-ADJ-3", "entry").text == "the roll would not collect a net credit"
    closed = bench.condors[first.id]
    tallies = {
        k: msgspec.structs.replace(t, paid_points=8.0) if t.purpose is Purpose.EXIT else t
        for k, t in closed.tallies.items()
    }
    bench.condors[first.id] = msgspec.structs.replace(closed, tallies=tallies)
    places: list[PlaceIntent] = []
    for _ in range(8):
        places = bench.places()
        if places:
            break
        bench.look(6.0)
    rolled = bench.condors[places[0].owner]
    assert (rolled.rolled_from, rolled.rolls_used) == (first.id, 1)
    assert rolled.expiry > first.expiry
    assert rolled.quantity_wanted <= 2


def test_roll_without_a_net_credit_is_not_begun(make_bench):
    """C-ADJ-3: where the model of the later condor collects less than closing costs, the condor is simply closed."""
    bench, _ = rolling(make_bench)
    bench.spot = 5290.0
    bench.look(1.0)
    intent = defend(bench)
    told = bench.said("C-ADJ-3", the(bench).id)
    assert told.text == "a later condor would collect no net credit"
    assert told.inputs["net_credit_points"] < 0.0
    assert (intent.purpose, intent.rule) == (Purpose.EXIT, "C-DEC-1")


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("release", "FOMC is within a session"),
        ("realised", "VIX does not exceed realised volatility"),
    ],
)
def test_what_could_not_be_sold_again_is_not_rolled(make_bench, why, text):
    """C-ADJ-3: a filter that bars any entry bars the second half of a roll; then it is a close from the start."""
    bench, _ = rolling(make_bench)
    if why == "release":
        bench.events = (MacroEvent(bench.now + timedelta(hours=4), "FOMC"),)
    else:
        bench.spx_bars = wavering(bench.day, 5500.0, 0.03)
    intent = defend(bench)
    assert bench.said("C-DEC-1", the(bench).id).inputs["roll_refused"] == f"a later condor could not be sold: {text}"
    assert (intent.purpose, intent.rule) == (Purpose.EXIT, "C-DEC-1")


@pytest.mark.parametrize(
    ("net_n", "age_s", "text"),
    [
        (-0.12, 0.0, ""),
        (-0.30, 0.0, "a later condor could not be sold: net vega with it would stay below the floor (C-ENTRY-9)"),
        (-0.12, 600.0, "a later condor could not be sold: net vega is not known (C-ENTRY-9)"),
    ],
)
def test_the_hedge_has_its_say_before_a_roll_is_begun(make_bench, net_n, age_s, text):
    """C-ADJ-3 with the hedge on: the later condor must pass C-ENTRY-9, or nothing is closed for it."""
    bench, _ = rolling(make_bench)
    bench.look(1.0)
    now = moment(bench).ctx.now
    at = moment(bench, net_n=net_n, low_n=-0.15, net_usd=40_000.0 * net_n, at=now - timedelta(seconds=age_s))
    assert cannot_roll(at.condor, at.stand, at.agenda) == text


def test_a_later_expiry_is_less_short_of_volatility():
    """Weighted vega falls with the root of the days: what a roll out frees when net vega is what is short."""
    ctx_free = Later(8.0, date(2026, 6, 19), -1.5, 45)
    assert later_vega_usd(ctx_free, 2, 100.0) == pytest.approx(-300.0 * math.sqrt(30.0 / 45.0))


def test_rolled_condor_is_not_rolled_again(make_bench):
    """C-ADJ-3: once per life."""
    bench, _ = rolling(make_bench)
    condor = the(bench)
    bench.condors[condor.id] = msgspec.structs.replace(condor, rolls_used=1)
    assert defend(bench).rule == "C-DEC-1"
    assert bench.said("C-DEC-1", condor.id).inputs["roll_refused"] == "it has been rolled as often as allowed"


def test_roll_is_never_half_a_condor(make_bench):
    """K-DEF-1: eight legs are two orders of four; the later one is not sold while any of the old one is held."""
    bench, params = rolling(make_bench)
    first = the(bench)
    intent = defend(bench)
    bench.fill(intent.ref, units=1)
    bench.params = msgspec.structs.replace(params, entry=msgspec.structs.replace(params.entry, dte_target_days=45))
    bench.now = bench.now.replace(minute=30, second=0)
    for _ in range(10):
        bench.look(6.0)
        bench.finish_cancels()
        for sent in bench.places():
            assert len(sent.legs) == 4
            assert sent.purpose is Purpose.EXIT
            assert {leg.con_id for leg in sent.legs} == set(first.legs.con_ids())
    assert bench.condors[first.id].quantity == 1


def test_denied_widening_counts_as_refused(make_bench):
    """The gate's no to a widening leads to the close, not to asking again."""
    bench = threatened(make_bench)
    for _ in range(6):
        bench.look(60.0 if not bench.places() else 1.0, approve=False)
        if bench.places():
            break
    assert bench.places()[0].purpose is Purpose.ADJUST
    bench.look(31.0, approve=False)
    assert bench.places()[0].purpose is Purpose.EXIT
    assert not any(
        r.state is OrderState.WORKING and r.intent.purpose is Purpose.ADJUST for r in bench.book.orders.values()
    )
