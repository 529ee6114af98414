"""The gate over whole histories: no approved sequence breaks a cap, stricter never approves more, garbage is denied."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from risk import gate
from risk.limits import BOUNDS, LimitsRefused, paper_limits
from risk.view import Holding
from strategies.domain.book import Fill
from strategies.domain.instruments import Right
from strategies.domain.orders import Action, LegIntent, OrderRecord, OrderState, PlaceIntent, Purpose
from tests.oracle import worst_case as oracle
from tests.risk.sample import (
    ALL_OPTIONS,
    EXPIRIES,
    NLV,
    NOW,
    World,
    close,
    condor_legs,
    entry,
    on_grid,
    quote,
)

CONTRACTS = {
    o.con_id: oracle.Contract(o.expiry.isoformat(), o.strike, o.right is Right.CALL, o.multiplier) for o in ALL_OPTIONS
}
WING_SETS = ((5100.0, 5150.0, 5750.0, 5800.0), (5000.0, 5100.0, 5800.0, 5900.0), (5150.0, 5200.0, 5700.0, 5750.0))
SEQUENCE_LIMITS = msgspec.structs.replace(
    paper_limits(),
    condor_loss_soft_pct=2.5,
    order_loss_pct=2.8,
    all_condors_loss_soft_pct=4.0,
    all_condors_loss_hard_pct=5.0,
    condors_per_expiry=3,
    orders_per_second=1000,
    orders_per_minute=1000,
    reducing_orders_per_minute=1000,
)
FEE_PER_UNIT = 4 * SEQUENCE_LIMITS.fee_usd_per_contract


class Desk:
    """A toy broker: books approvals, fills some units, cancels; holdings at average cost including realised cash."""

    def __init__(self) -> None:
        self.orders: dict[str, OrderRecord] = {}
        self.fills: dict[str, Fill] = {}

    def world(self) -> World:
        """What the engine would show the gate now; the margin answer is not what this is about."""
        held: dict[tuple[str, int], tuple[int, float]] = {}
        for fill in self.fills.values():
            key = (self.orders[fill.ref or ""].intent.owner, fill.con_id)
            quantity, paid = held.get(key, (0, 0.0))
            held[key] = (quantity + fill.signed_quantity, paid + fill.signed_quantity * fill.price_points)
        rows = tuple(Holding(owner, c, q, paid / q) for (owner, c), (q, paid) in sorted(held.items()) if q)
        return World(limits=SEQUENCE_LIMITS, holdings=rows, fills=dict(self.fills), orders=tuple(self.orders.values()))

    def ask(self, intent: PlaceIntent) -> bool:
        """Preview is every check but the margin; an approval is booked and counted from here on."""
        world = self.world()
        verdict = gate.preview(intent, world.view(), world.limits)
        if verdict.approved:
            self.orders[intent.ref] = OrderRecord(intent, OrderState.APPROVED, NOW, NOW)
        return verdict.approved

    def fill(self, ref: str, units: int) -> None:
        """Some units fill at the limit, the legs at mid with the rest on the first."""
        order = self.orders[ref]
        intent = order.intent
        units = min(units, intent.quantity - order.filled_units)
        if units <= 0 or not order.live:
            return
        mids = [quote(o).mid or 0.0 for o in map(_option, intent.legs)]
        net = sum(leg.action.sign * mid for leg, mid in zip(intent.legs, mids, strict=True))
        done = dict(order.filled_by_leg)
        for i, (leg, mid) in enumerate(zip(intent.legs, mids, strict=True)):
            price = mid + (leg.action.sign * (intent.limit_points - net) if i == 0 else 0.0)
            name = f"{ref}.{len(self.fills)}"
            self.fills[name] = Fill(f"{name}.01", ref, leg.con_id, leg.action, units, price, 100, NOW)
            done[leg.con_id] = done.get(leg.con_id, 0) + leg.action.sign * units
        after = msgspec.structs.replace(order, filled_by_leg=done)
        state = OrderState.FILLED if after.complete else OrderState.WORKING
        self.orders[ref] = msgspec.structs.replace(after, state=state)

    def cancel(self, ref: str) -> None:
        """The rest will not fill."""
        if self.orders[ref].live:
            self.orders[ref] = msgspec.structs.replace(self.orders[ref], state=OrderState.CANCELED)

    def judge(self) -> None:
        """The oracle looks at positions and every subset of what still works."""
        held = [oracle.Held(h.owner or "", h.con_id, h.quantity, h.average_price_points or 0.0)
                for h in self.world().holdings]  # fmt: skip
        working = [
            oracle.Working(
                o.intent.owner,
                tuple((leg.con_id, leg.action.sign) for leg in o.intent.legs),
                o.intent.quantity - o.filled_units,
                o.intent.limit_points,
                FEE_PER_UNIT if o.intent.purpose is Purpose.ENTRY else 0.0,
            )
            for o in self.orders.values()
            if o.live
        ]
        total = oracle.worst_case_usd(CONTRACTS, held, working)
        assert total <= 0.01 * SEQUENCE_LIMITS.all_condors_loss_hard_pct * NLV + 0.01
        for group in {w.group for w in working} | {h.group for h in held}:
            mine = [h for h in held if h.group == group], [w for w in working if w.group == group]
            assert oracle.group_worst_usd(CONTRACTS, *mine) <= 0.01 * SEQUENCE_LIMITS.condor_loss_hard_pct * NLV + 0.01
            assert oracle.naked_shorts(CONTRACTS, *mine) == 0


def _option(leg: LegIntent) -> Any:
    return next(o for o in ALL_OPTIONS if o.con_id == leg.con_id)


steps = st.lists(
    st.tuples(
        st.sampled_from(("enter", "enter", "enter", "exit", "fill", "fill", "cancel")),
        st.integers(0, 5),
        st.integers(0, 2),
        st.sampled_from(WING_SETS),
        st.integers(1, 3),
        st.integers(-6, 4),
    ),
    min_size=3,
    max_size=14,
)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_no_approved_sequence_ever_exceeds_a_cap(history: list[tuple[str, int, int, Any, int, int]]) -> None:
    """After any approvals, partial fills and cancels, brute force over every fill subset stays within the caps."""
    desk = Desk()
    for n, (what, which, expiry, wings, units, ticks) in enumerate(history):
        name = f"ic-{which}"
        if what in ("fill", "cancel"):
            refs = list(desk.orders)
            if refs and what == "fill":
                desk.fill(refs[which % len(refs)], units)
            elif refs:
                desk.cancel(refs[which % len(refs)])
        else:
            make = entry if what == "enter" else close
            plain = make(name, EXPIRIES[expiry], wings)
            limit = on_grid(plain.limit_points + 0.05 * ticks)
            chain = f"{name}/{what}/{n}"
            desk.ask(make(name, EXPIRIES[expiry], wings, quantity=units, limit_points=limit, chain_ref=chain,
                          ref=f"{chain}/1"))  # fmt: skip
        desk.judge()


def test_sequences_do_approve_and_do_refuse() -> None:
    """The property above is not empty: caps are reached, and the order that would pass them is the one refused."""
    desk = Desk()
    answers = [
        desk.ask(entry(f"ic-{i}", EXPIRIES[i], WING_SETS[0], quantity=2, chain_ref=f"c{i}", ref=f"c-{i}"))
        for i in range(3)
    ]
    assert answers == [True, True, False]
    desk.judge()


NUMERIC = sorted(name for name, bound in BOUNDS.items() if bound.tighter is not None)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(NUMERIC),
    st.floats(0.0, 1.0),
    st.sampled_from(WING_SETS),
    st.integers(1, 6),
    st.integers(-60, 60),
    st.booleans(),
    st.integers(0, 3),
)
def test_tightening_a_limit_never_approves_more(
    name: str, share: float, wings: Any, units: int, ticks: int, closing: bool, others: int
) -> None:
    """What a stricter cap approves the looser cap approves too, for openings and closings, in full and empty books."""
    loose = paper_limits()
    bound, value = BOUNDS[name], getattr(loose, name)
    tight = value + share * ((bound.low if bound.tighter == "lower" else bound.high) - value)
    tight = round(tight) if isinstance(value, int) else tight
    try:
        strict = msgspec.structs.replace(loose, **{name: tight})
    except LimitsRefused:
        return
    world = World()
    for i in range(others):
        world = world.having(f"ic-o{i}", condor_legs(EXPIRIES[i], WING_SETS[1]), 1, -12.0)
    if closing:
        world = world.having("ic-1", condor_legs(EXPIRIES[1], wings), units, -14.0)
    intent = (close if closing else entry)(wings=wings, quantity=units)
    intent = msgspec.structs.replace(intent, limit_points=on_grid(intent.limit_points + 0.05 * ticks))
    view = world.view()
    if gate.preview(intent, view, strict).approved:
        assert gate.preview(intent, view, loose).approved


numbers = st.one_of(
    st.integers(-5, 10), st.floats(allow_nan=True, allow_infinity=True), st.none(), st.booleans(), st.text(max_size=3)
)
legs = st.lists(
    st.builds(
        LegIntent,
        st.one_of(st.sampled_from([o.con_id for o in ALL_OPTIONS[:60]]), numbers),
        st.one_of(st.just(1), numbers),
        st.sampled_from(Action),
    ),
    max_size=10,
).map(tuple)


@settings(max_examples=300, deadline=None)
@given(
    legs, st.one_of(st.integers(1, 3), numbers), st.one_of(st.integers(-400, 400).map(lambda n: n / 20), numbers),
    st.one_of(st.integers(1, 3), numbers), st.one_of(st.just("ic-1/x/1"), numbers), st.sampled_from(Purpose),
)  # fmt: skip
def test_garbage_is_judged_and_never_crashes(
    drawn: Any, quantity: Any, limit: Any, attempt: Any, ref: Any, purpose: Purpose
) -> None:
    """Any intent gets a verdict; an approval only ever has whole positive counts, a finite limit and a bounded loss."""
    intent = entry(legs=drawn, quantity=quantity, limit_points=limit, attempt=attempt, ref=ref, purpose=purpose)
    world = replace(World(), limits=paper_limits())
    reviewed = gate.review(intent, world.view(), world.limits, 1)
    if reviewed.approved is not None:
        kept = reviewed.approved.intent
        assert type(kept.quantity) is int
        assert kept.quantity > 0
        assert math.isfinite(kept.limit_points)
        seen = {r.code: r.observed for r in reviewed.verdict.checks}
        assert isinstance(seen["C06"], float)


def test_purpose_is_not_believed() -> None:
    """An opening order that calls itself an exit is checked as an opening order."""
    world = replace(World(), limits=msgspec.structs.replace(paper_limits(), order_loss_pct=0.1))
    disguised = entry(purpose=Purpose.EXIT)
    verdict = gate.review(disguised, world.view(), world.limits, 1).verdict
    assert not verdict.reducing
    assert verdict.code == "C04"
