"""Whatever fills, in whatever order: each open unit is a whole condor, and the units add up (K-DEF-1)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from strategies.condor.change import legs_to_trade
from strategies.condor.lots import Adjustment, Side
from strategies.condor.machine import (
    Condor,
    ProposedCondor,
    on_order,
    prepare_adjustment,
    propose,
    stop_adjustment,
)
from strategies.condor.structure import Leg, Legs
from strategies.domain.orders import OrderRecord, OrderState, PlaceIntent, Purpose

AT = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)
LEGS = Legs(Leg(1, 5120.0), Leg(2, 5170.0), Leg(3, 5750.0), Leg(4, 5800.0))
PUTS_WIDER = msgspec.structs.replace(LEGS, put_long=Leg(5, 5100.0), put_short=Leg(6, 5150.0))
CALLS_WIDER = msgspec.structs.replace(LEGS, call_short=Leg(7, 5770.0), call_long=Leg(8, 5820.0))
NARROW = msgspec.structs.replace(LEGS, put_short=Leg(6, 5150.0), call_short=Leg(7, 5770.0))
CHANGES = ((Side.PUT, PUTS_WIDER, "C-ADJ-2"), (Side.CALL, CALLS_WIDER, "C-ADJ-2"), (None, NARROW, "C-ADJ-1"))


def filled(condor: Condor, purpose: Purpose, number: int, legs, quantity: int, units: int, chain: str) -> Condor:
    """One order, first working, then over with some of its units filled."""
    intent = PlaceIntent(
        ref=f"ic-1.{purpose.value}.{number}", chain_ref=chain, attempt=1, purpose=purpose, owner="ic-1", rule="C-TEST",
        legs=legs, quantity=quantity, limit_points=1.0, mid_points=1.0, natural_points=1.5, decided_at=AT,
    )  # fmt: skip
    by_leg = {leg.con_id: leg.action.sign * units for leg in legs} if units else {}
    working = OrderRecord(intent, OrderState.WORKING, AT, AT, AT)
    condor = on_order(condor, working, AT)
    done = OrderState.FILLED if units == quantity else OrderState.CANCELED
    return on_order(condor, msgspec.structs.replace(working, state=done, filled_by_leg=by_leg), AT)


@given(st.integers(1, 5), st.sampled_from(CHANGES), st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_a_change_of_legs_leaves_whole_condors_after_every_fill(quantity, change, fills):
    """The order of a change has four legs; after each of its fills every lot is covered and nothing is lost."""
    side, after, rule = change
    condor = propose(ProposedCondor("ic-1", "SPXW", date(2026, 6, 18), LEGS, quantity, 0.03, 0.0, 5500.0), AT)
    condor = filled(condor, Purpose.ENTRY, 1, LEGS.opening(), quantity, quantity, "ic-1.entry/1")
    chain = "ic-1.adjust/1"
    condor = prepare_adjustment(condor, chain, Adjustment(side, after, quantity, LEGS, rule))
    order = legs_to_trade(LEGS, after)
    assert len(order) == 4
    moved = 0
    for number, wanted in enumerate(fills, start=1):
        left = quantity - moved
        if left == 0:
            break
        units = min(wanted, left)
        condor = filled(condor, Purpose.ADJUST, number, order, left, units, chain)
        moved += units
        held: dict[int, int] = {}
        for lot in condor.lots:
            strikes = [leg.strike_points for leg in lot.legs.all()]
            assert strikes == sorted(strikes)
            assert lot.units > 0
            for con_id, sign in zip(lot.legs.con_ids(), (1, -1, -1, 1), strict=True):
                held[con_id] = held.get(con_id, 0) + sign * lot.units
        bought = {leg.con_id: leg.action.sign * moved for leg in order}
        expected = {c: s * quantity + bought.get(c, 0) for c, s in zip(LEGS.con_ids(), (1, -1, -1, 1), strict=True)}
        expected |= {c: n for c, n in bought.items() if c not in LEGS.con_ids()}
        assert {c: n for c, n in held.items() if n} == {c: n for c, n in expected.items() if n}
        assert sum(lot.units for lot in condor.lots) == condor.quantity == quantity


@given(st.integers(2, 5), st.data())
def test_a_half_made_change_closes_to_nothing(quantity, data):
    """Each lot is closed by its own order in any order of lots; then nothing is held."""
    moved = data.draw(st.integers(1, quantity - 1))
    condor = propose(ProposedCondor("ic-1", "SPXW", date(2026, 6, 18), LEGS, quantity, 0.03, 0.0, 5500.0), AT)
    condor = filled(condor, Purpose.ENTRY, 1, LEGS.opening(), quantity, quantity, "ic-1.entry/1")
    condor = prepare_adjustment(condor, "ic-1.adjust/1", Adjustment(Side.PUT, PUTS_WIDER, quantity, LEGS))
    order = legs_to_trade(LEGS, PUTS_WIDER)
    condor = filled(condor, Purpose.ADJUST, 1, order, quantity, moved, "ic-1.adjust/1")
    condor = stop_adjustment(condor, AT, "test")
    lots = data.draw(st.permutations(condor.lots))
    for number, lot in enumerate(lots, start=1):
        condor = filled(condor, Purpose.EXIT, number, lot.legs.closing(), lot.units, lot.units, f"ic-1.exit/{number}")
    assert (condor.lots, condor.quantity, condor.active) == ((), 0, False)
