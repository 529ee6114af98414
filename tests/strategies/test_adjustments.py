"""J-LOG-1: each adjustment is recorded with the market, the evidence, and the book before and after it fills."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.adjustments import is_adjustment, record
from strategies.alvh.exposure import Line
from strategies.alvh.lattice import Held
from strategies.condor.context import Agenda
from strategies.condor.lots import Side
from strategies.condor.machine import Condor, CondorState
from strategies.condor.marks import mark_legs
from strategies.condor.params import CondorParams
from strategies.condor.structure import Leg, Legs
from strategies.domain.book import Book
from strategies.domain.decision import Decision, DecisionVerdict
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.macro import MacroInput
from strategies.domain.market import Market
from strategies.domain.marks import Mark
from strategies.domain.orders import Action, LegIntent, PlaceIntent, Purpose
from strategies.pricing import black76
from strategies.signals.curve import Regime
from strategies.whole import coupled
from tests.strategies.alvh.bench import CONDOR_STRIKES, MONTHS, SPOT, HedgeBench, call
from tests.strategies.condor.moments import moment
from tests.strategies.macro_samples import told


# a condor -----------------------------------------------------------------------------------------
def widened(make_bench) -> tuple[Any, PlaceIntent, Decision]:
    """A tested condor whose widening goes out, with the record of it."""
    bench = make_bench(CondorParams())
    bench.open_condor()
    bench.now = bench.now.replace(minute=12)
    bench.spot = 5305.0
    bench.look()
    bench.look(60.0)
    for _ in range(4):
        if bench.places():
            break
        bench.look(3.0)
    (intent,) = bench.places()
    assert intent.purpose is Purpose.ADJUST
    return bench, intent, bench.said("J-LOG-1")


def test_a_widening_is_recorded_with_the_book_before_and_after(make_bench) -> None:
    """The put break-even moves out by the strikes less the debit, delta shrinks, margin grows by the debit."""
    bench, intent, told = widened(make_bench)
    condor = next(iter(bench.condors.values()))
    assert (told.verdict, told.intent_ref, told.subject) == (DecisionVerdict.HOLD, intent.ref, condor.id)
    seen = told.inputs
    assert (seen["rule"], seen["regime"]) == ("C-ADJ-2", "contango")
    assert seen["vix_points"] == bench.vix
    moved = seen["put_breakeven_points_before"] - seen["put_breakeven_points_after"]
    assert moved == pytest.approx(20.0 - intent.mid_points, abs=0.011)
    assert seen["call_breakeven_points_before"] - seen["call_breakeven_points_after"] == pytest.approx(
        intent.mid_points, abs=0.011
    )
    assert abs(seen["condors_delta_usd_per_point_after"]) < abs(seen["condors_delta_usd_per_point_before"])
    units = condor.quantity
    assert seen["margin_usd_after"] - seen["margin_usd_before"] == pytest.approx(
        100 * units * intent.mid_points, abs=0.02
    )
    assert seen["paid_at_mid_usd"] == pytest.approx(100 * units * intent.mid_points, abs=0.02)
    assert seen["conceded_at_natural_usd"] >= seen["conceded_at_limit_usd"]
    for figure in ("vega_n", "usd_per_vix_point", "theta_usd_per_day", "theta_pct_of_margin_day"):
        assert seen[f"{figure}_before"] is not None
        assert seen[f"{figure}_after"] is not None


def test_a_widening_moves_the_coupled_break_even_of_its_side_out(make_bench) -> None:
    """P-BE-2 before and after: the book breaks even lower in five and in ten days once the put side has moved out."""
    _, _, told = widened(make_bench)
    for days in (5, 10):
        before, after = (told.inputs[f"coupled_low_points_{days}d_{when}"] for when in ("before", "after"))
        low, high = (value if isinstance(value, float) else None for value in (after, before))
        assert low is not None, after
        assert high is None or low < high


def test_what_was_promised_is_what_stands_after_the_fill(make_bench) -> None:
    """Filled at mid, the condor's break-even is the one that the record told for after."""
    bench, intent, told = widened(make_bench)
    bench.fill(intent.ref, at_points=intent.mid_points)
    condor = next(iter(bench.condors.values()))
    assert condor.adjustments_done(Side.PUT) == 1
    kept = condor.credit_points + condor.adjust_points
    assert told.inputs["put_breakeven_points_after"] == pytest.approx(
        condor.legs.put_short.strike_points - kept, abs=0.02
    )


def test_the_next_attempt_and_ordinary_orders_leave_no_record(make_bench) -> None:
    """One record for one adjustment: a further step of its price walk, an entry and an exit are none."""
    _, intent, _ = widened(make_bench)
    assert is_adjustment(intent)
    assert not is_adjustment(msgspec.structs.replace(intent, attempt=2))
    for purpose in (Purpose.ENTRY, Purpose.EXIT):
        assert not is_adjustment(msgspec.structs.replace(intent, purpose=purpose))
    assert is_adjustment(msgspec.structs.replace(intent, purpose=Purpose.EXIT, rule="C-ADJ-3"))
    fresh = make_bench(CondorParams())
    fresh.warm()
    fresh.sell()
    assert fresh.said("J-LOG-1") is None


# the hedge ----------------------------------------------------------------------------------------
@dataclass
class Moment:
    """What a record needs of the context."""

    now: datetime
    market: Market
    futures: tuple[Any, ...]
    condors: dict[str, Condor]
    vix_points: float | None = 17.0
    spot_points: float | None = SPOT
    regime: Regime = Regime.CONTANGO
    params: CondorParams = field(default_factory=CondorParams)
    book: Book = field(default_factory=Book)
    today: date = date(2026, 5, 4)


def condor_of(bench: HedgeBench, units: int) -> Condor:
    legs = Legs(*(Leg(101 + number, strike) for number, (strike, _, _) in enumerate(CONDOR_STRIKES)))
    return Condor(
        id="ic-1", trading_class="SPXW", expiry=MONTHS[1], legs=legs, quantity_wanted=units, proposed_at=bench.now,
        state_since=bench.now, state=CondorState.OPEN, quantity=units, credit_points=12.33,
    )  # fmt: skip


def hedged(
    *legs: LegIntent, quantity: int = 2, marks: bool = True, macro: tuple[MacroInput, ...] = ()
) -> dict[str, Any]:
    """The record of one hedge order over a bench that holds some calls."""
    bench = HedgeBench()
    near, far = bench.hold(4, MONTHS[0], 19.0, 2), bench.hold(5, MONTHS[2], 21.0, 1)
    ids = {"near": near.con_id, "far": far.con_id}
    intent = PlaceIntent(
        ref="alvh-s04.rotate.1", chain_ref="c", attempt=1, purpose=Purpose.HEDGE, owner=HEDGE_OWNER, rule="A-ROT-2",
        legs=tuple(msgspec.structs.replace(leg, con_id=ids["near" if leg.con_id == 1 else "far"]) for leg in legs),
        quantity=quantity, limit_points=0.42, mid_points=0.40, natural_points=0.48, decided_at=bench.now,
    )  # fmt: skip
    ctx = Moment(bench.now, bench.market(), bench.futures(), {"ic-1": condor_of(bench, 3)})
    agenda = Agenda(ctx, {}, {}, {}, marks=bench.marks() if marks else {})  # type: ignore[arg-type]
    holdings = tuple(Held(slot, con_id, q, p) for (slot, con_id), (q, p) in bench.held.items())
    (row,) = record(agenda, [intent], holdings, {}, {}, bench.view().outlook, macro, bench.params)
    assert row.subject == "alvh-s04"
    return row.inputs


def test_a_rotation_is_recorded_with_net_vega_before_and_after() -> None:
    """Two near calls out and three far ones in: net vega moves by their weighted vega, the condors' delta does not."""
    seen = hedged(LegIntent(1, 1, Action.SELL, 4), LegIntent(2, 2, Action.BUY, 5))
    assert seen["vega_n_before"] == pytest.approx(seen["usd_per_vix_point_before"] / (100.0 * 15.0), abs=1e-4)
    assert seen["vega_n_after"] != seen["vega_n_before"]
    assert seen["condors_delta_usd_per_point_after"] == seen["condors_delta_usd_per_point_before"]
    assert seen["margin_usd_after"] == seen["margin_usd_before"]
    assert (seen["paid_at_mid_usd"], seen["conceded_at_limit_usd"]) == (80.0, 4.0)
    assert "put_breakeven_points_before" not in seen
    assert (seen["evidence"], seen["tier"]) == ("none", 0)
    assert (seen["condors_before"], seen["condors_after"]) == (1, 1)


def test_selling_everything_leaves_the_condors_alone() -> None:
    """A sale of both near calls takes their vega off and their decay with it."""
    seen = hedged(LegIntent(1, 1, Action.SELL, 4))
    assert seen["usd_per_vix_point_after"] < seen["usd_per_vix_point_before"]
    assert seen["theta_usd_per_day_after"] > seen["theta_usd_per_day_before"]


def test_what_cannot_be_valued_is_unknown() -> None:
    """Condor legs without marks or quotes leave vega, decay and delta unknown; nothing is taken as zero."""
    seen = hedged(LegIntent(1, 1, Action.SELL, 4), marks=False)
    for figure in ("vega_n", "theta_usd_per_day", "theta_pct_of_margin_day", "condors_delta_usd_per_point"):
        assert seen[f"{figure}_before"] is None
        assert seen[f"{figure}_after"] is None


def test_the_equity_premium_of_the_time_is_in_the_record() -> None:
    """J-LOG-3: told and fresh it is there with its age; stale, or never told, it is not, and nothing stands for it."""
    today = date(2026, 5, 4)
    sale = LegIntent(1, 1, Action.SELL, 4)
    fresh, stale = told("erp_pct", 4.6, today - timedelta(days=3)), told("erp_z60", 1.0, today - timedelta(days=90))
    seen = hedged(sale, macro=(fresh, stale))
    assert (seen["erp_pct"], seen["erp_pct_age_days"]) == (4.6, 3)
    assert "erp_z60" not in seen
    assert "erp_pct" not in hedged(sale)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from((1, 2)), st.integers(1, 12), st.sampled_from(list(Action)), st.integers(1, 10)),
        min_size=1,
        max_size=3,
    ),
    st.integers(1, 50),
    st.booleans(),
)
def test_no_order_is_too_odd_to_be_recorded(
    rows: list[tuple[int, int, Action, int]], quantity: int, marks: bool
) -> None:
    """A record never breaks the step that makes it: sales beyond what is held, any ratio, with and without marks."""
    bench = HedgeBench()
    near, far = bench.hold(4, MONTHS[0], 19.0, 2), bench.hold(5, MONTHS[2], 21.0, 1)
    ids = {1: near.con_id, 2: far.con_id}
    legs = tuple(LegIntent(ids[which], ratio, action, slot) for which, ratio, action, slot in rows)
    intent = PlaceIntent(
        ref="x", chain_ref="c", attempt=1, purpose=Purpose.HEDGE, owner=HEDGE_OWNER, rule="A-ROT-1", legs=legs,
        quantity=quantity, limit_points=0.0, mid_points=0.0, natural_points=0.0, decided_at=bench.now,
    )  # fmt: skip
    ctx = Moment(bench.now, bench.market(), bench.futures(), {"ic-1": condor_of(bench, 3)})
    agenda = Agenda(ctx, {}, {}, {}, marks=bench.marks() if marks else {})  # type: ignore[arg-type]
    holdings = tuple(Held(slot, con_id, q, p) for (slot, con_id), (q, p) in bench.held.items())
    (row,) = record(agenda, [intent], holdings, {}, {}, None, (), bench.params)
    assert all(not isinstance(value, float) or math.isfinite(value) for value in row.inputs.values())


# break-evens on the coupled path --------------------------------------------------------------------
def calls(quantity: int) -> Line:
    """VIX calls at the money of a future at 19 that settles in 30 days, bought at their worth."""
    tau = 30.0 / 365.0
    option = call(MONTHS[0], 19.0)
    mark = Mark(0.9, 19.0, tau, math.exp(-0.045 * tau), 0.41, -0.05)
    worth = float(black76.price(19.0, 19.0, 0.9, tau, True, mark.discount))
    held = Held(1, option.con_id, quantity, worth)
    return Line(held, option, 30.0, 30.0, worth, mark, 0.55, 0.02, -0.03, 20.0 * quantity, -5.0 * quantity)


def test_coupled_break_evens_move_with_the_hedge(make_bench) -> None:
    """As P-BE-2 tells them for the condor alone; lower on both sides with calls held (the hedge costs in a rally)."""
    bench = make_bench(CondorParams())
    bench.open_condor()
    bench.look(60.0)
    told = bench.said("P-BE-2", "book 5d").inputs
    now = moment(bench)
    greeks = mark_legs(now.agenda, [now.condor])
    earned = now.stand.profit_points * now.condor.quantity * 100.0
    alone = coupled(now.agenda, [now.condor], greeks, (), earned)
    assert alone["coupled_low_points_5d"] == pytest.approx(told["low_points"], abs=0.02)
    assert alone["coupled_high_points_5d"] == pytest.approx(told["high_points"], abs=0.02)
    hedged = coupled(now.agenda, [now.condor], greeks, (calls(4),), earned)
    assert hedged["coupled_low_points_5d"] < alone["coupled_low_points_5d"]
    assert hedged["coupled_high_points_5d"] < alone["coupled_high_points_5d"]


def test_a_book_that_cannot_be_projected_has_no_coupled_break_evens(make_bench) -> None:
    """Without a condor, or with a leg that has no mark, nothing is told rather than something made up."""
    bench = make_bench(CondorParams())
    bench.open_condor()
    now = moment(bench)
    greeks = mark_legs(now.agenda, [now.condor])
    assert coupled(now.agenda, [], greeks, (), 0.0) == {}
    now.agenda.marks.clear()
    assert coupled(now.agenda, [now.condor], greeks, (), 0.0) == {}
