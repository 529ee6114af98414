"""A condor is what its executions say: partial, late, doubled and contradictory evidence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from strategies.condor.machine import (
    Adjustment,
    Condor,
    CondorState,
    Lot,
    ProposedCondor,
    Side,
    give_up_adjustment,
    give_up_entry,
    on_order,
    on_settlement,
    prepare_adjustment,
    propose,
    prove_flat,
    quarantine,
    realised_points_usd,
    release_exit,
    stop_adjustment,
)
from strategies.condor.structure import Leg, Legs
from strategies.domain.book import Fill, Settled
from strategies.domain.orders import OrderRecord, OrderState, PlaceIntent, Purpose
from strategies.domain.transitions import ImpossibleEvent

AT = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)
LEGS = Legs(Leg(1, 5120.0), Leg(2, 5170.0), Leg(3, 5750.0), Leg(4, 5800.0))
WIDER = msgspec.structs.replace(LEGS, put_long=Leg(5, 5100.0), put_short=Leg(6, 5150.0))


def candidate(quantity: int = 2) -> Condor:
    return propose(ProposedCondor("ic-1", "SPXW", date(2026, 6, 18), LEGS, quantity, 0.03, 0.0, 5500.0), AT)


def order(purpose: Purpose, n: int, quantity: int, limit: float, state=OrderState.WORKING, units=0) -> OrderRecord:
    legs = {
        Purpose.ENTRY: LEGS.opening(),
        Purpose.EXIT: LEGS.closing(),
        Purpose.ADJUST: (*LEGS.closing()[:2], *WIDER.opening()[:2]),
    }[purpose]
    intent = PlaceIntent(
        ref=f"ic-1.{purpose.value}.{n}", chain_ref=f"ic-1.{purpose.value}/1", attempt=n, purpose=purpose,
        owner="ic-1", rule="C-ENTRY-4" if purpose is Purpose.ENTRY else "C-EXIT-1", legs=legs, quantity=quantity,
        limit_points=limit, mid_points=limit, natural_points=limit + 1.0, decided_at=AT,
    )  # fmt: skip
    by_leg = {leg.con_id: leg.action.sign * units for leg in legs}
    return OrderRecord(intent, state, AT, AT, AT, filled_by_leg=by_leg)


def fills(record: OrderRecord, prices: tuple[float, ...], units: int) -> list[Fill]:
    return [
        Fill(f"{record.ref}-{i}.01", record.ref, leg.con_id, leg.action, units, price, 100, AT)
        for i, (leg, price) in enumerate(zip(record.intent.legs, prices, strict=True))
    ]


def opened(units: int = 2) -> Condor:
    record = order(Purpose.ENTRY, 1, 2, -10.9, OrderState.FILLED, 2)
    condor = on_order(candidate(), record, AT, fills(record, (10.0, 15.0, 8.0, 2.0), 2))
    if units < 2:
        condor = on_order(condor, order(Purpose.EXIT, 1, 2, 5.0, OrderState.CANCELED, 2 - units), AT)
    return condor


def test_entry_story_is_in_the_history():
    """Approval, acknowledgement and fill each leave a state with its time."""
    condor = candidate()
    for i, (state, units) in enumerate(
        [(OrderState.APPROVED, 0), (OrderState.SENT, 0), (OrderState.WORKING, 0), (OrderState.FILLED, 2)]
    ):
        at = AT + timedelta(seconds=i)
        condor = on_order(condor, order(Purpose.ENTRY, 1, 2, -10.9, state, units), at)
    assert [c.state for c in condor.history] == [
        CondorState.CANDIDATE, CondorState.GATED, CondorState.ENTRY_WORKING, CondorState.OPEN,
    ]  # fmt: skip
    assert condor.opened_at == AT + timedelta(seconds=3)
    assert condor.quantity == 2


def test_credit_is_what_the_executions_paid():
    """Leg prices 10, 15, 8 and 2 make a credit of 11 points, whatever the limit said; without them the limit counts."""
    assert opened().credit_points == pytest.approx(11.0)
    blind = on_order(candidate(), order(Purpose.ENTRY, 1, 2, -10.9, OrderState.FILLED, 2), AT)
    assert blind.credit_points == pytest.approx(10.9)


def test_legs_filling_one_after_the_other_are_no_units_until_the_last():
    """Executions come leg by leg; three legs of four are nothing yet and no contradiction while the order lives."""
    record = order(Purpose.ENTRY, 1, 1, -10.9, units=1)
    record = msgspec.structs.replace(record, filled_by_leg={1: 1, 2: -1, 3: -1})
    condor = on_order(candidate(1), record, AT)
    assert (condor.state, condor.quantity) == (CondorState.ENTRY_WORKING, 0)


def test_partial_entry_given_up_is_an_open_condor_of_that_size():
    """One of two units filled, the rest cancelled: one unit is open."""
    condor = on_order(candidate(), order(Purpose.ENTRY, 1, 2, -10.9, OrderState.CANCELED, 1), AT)
    assert condor.state is CondorState.ENTRY_WORKING
    condor = give_up_entry(condor, AT, "walk ended")
    assert (condor.state, condor.quantity) == (CondorState.OPEN, 1)


def test_unfilled_entry_given_up_is_abandoned_until_a_late_fill():
    """The world may fill after the proof of a cancel: the position is taken as it is."""
    condor = on_order(candidate(), order(Purpose.ENTRY, 1, 2, -10.9, OrderState.CANCELED), AT)
    condor = give_up_entry(condor, AT, "walk ended")
    assert condor.state is CondorState.ABANDONED
    late = on_order(condor, order(Purpose.ENTRY, 1, 2, -10.9, OrderState.FILLED, 2), AT)
    assert (late.state, late.quantity, late.closed_at) == (CondorState.OPEN, 2, None)


def test_exit_in_parts_closes_at_the_last_unit():
    """Closing one unit of two leaves the condor in exit; the second closes it with rule and time."""
    condor = on_order(opened(), order(Purpose.EXIT, 1, 2, 5.0, units=1), AT)
    assert (condor.state, condor.quantity) == (CondorState.EXIT_WORKING, 1)
    condor = on_order(condor, order(Purpose.EXIT, 1, 2, 5.0, OrderState.FILLED, 2), AT + timedelta(seconds=9))
    assert (condor.state, condor.quantity, condor.exit_rule) == (CondorState.CLOSED, 0, "C-EXIT-1")
    assert condor.closed_at == AT + timedelta(seconds=9)
    assert condor.exit_cost() == (2, 5.0)


def test_closing_more_than_is_open_is_a_contradiction():
    """Two closing orders of two units cannot both fill: the condor goes to quarantine and keeps its numbers."""
    condor = on_order(opened(), order(Purpose.EXIT, 1, 2, 5.0, OrderState.FILLED, 2), AT)
    with pytest.raises(ImpossibleEvent, match="more units closed"):
        on_order(condor, order(Purpose.EXIT, 2, 2, 5.0, OrderState.FILLED, 2), AT)
    assert quarantine(condor, "why", AT).quarantine_reason == "why"


def test_order_that_ends_out_of_ratio_is_a_contradiction():
    """A combo whose legs filled unevenly and which is over cannot be."""
    record = msgspec.structs.replace(
        order(Purpose.ENTRY, 1, 2, -10.9, OrderState.CANCELED), filled_by_leg={1: 2, 2: -1}
    )
    with pytest.raises(ImpossibleEvent, match="out of ratio"):
        on_order(candidate(), record, AT)


def test_overfilled_order_is_a_contradiction():
    """More units than were ordered cannot be ours."""
    with pytest.raises(ImpossibleEvent, match="3 units"):
        on_order(candidate(), order(Purpose.ENTRY, 1, 2, -10.9, OrderState.FILLED, 3), AT)


def test_released_exit_that_fills_late_still_counts():
    """A closing order given up may fill one unit later: one unit is left open."""
    condor = on_order(opened(), order(Purpose.EXIT, 1, 2, 5.0, OrderState.CANCELED), AT)
    condor = release_exit(on_order(condor, order(Purpose.EXIT, 2, 2, 5.0), AT), AT, "target gone")
    assert (condor.state, condor.exit_rule) == (CondorState.OPEN, None)
    condor = on_order(condor, order(Purpose.EXIT, 2, 2, 5.0, OrderState.CANCELED, 1), AT)
    assert (condor.state, condor.quantity) == (CondorState.OPEN, 1)


def prepared() -> Condor:
    return prepare_adjustment(opened(), "ic-1.adjust/1", Adjustment(Side.PUT, WIDER, 2, LEGS))


def test_widening_changes_the_legs_when_every_unit_has_them():
    """Half a widening holds both sets of legs and is work in progress; all of it is the new condor."""
    half = on_order(prepared(), order(Purpose.ADJUST, 1, 2, 2.0, OrderState.WORKING, 1), AT)
    assert (half.state, half.legs, half.adjusting) == (CondorState.ADJUST_WORKING, LEGS, "ic-1.adjust/1")
    assert half.lots == (Lot(LEGS, 1), Lot(WIDER, 1))
    assert set(half.con_ids()) == {1, 2, 3, 4, 5, 6}
    half = on_order(half, order(Purpose.ADJUST, 1, 2, 2.0, OrderState.CANCELED, 1), AT)
    whole = on_order(half, order(Purpose.ADJUST, 2, 1, 2.0, OrderState.FILLED, 1), AT)
    assert (whole.state, whole.legs, whole.adjusting) == (CondorState.OPEN, WIDER, None)
    assert whole.lots == (Lot(WIDER, 2),)
    assert whole.adjust_points == pytest.approx(-2.0)
    assert whole.adjustments_done(Side.PUT) == 1
    assert whole.adjustments_done(Side.CALL) == 0


def stopped() -> Condor:
    """Two units, one of them widened, the rest of the widening left."""
    half = on_order(prepared(), order(Purpose.ADJUST, 1, 2, 2.0, OrderState.WORKING, 1), AT)
    return stop_adjustment(on_order(half, order(Purpose.ADJUST, 1, 2, 2.0, OrderState.CANCELED, 1), AT), AT, "crisis")


def leave(n: int, legs: Legs) -> OrderRecord:
    record = order(Purpose.EXIT, n, 1, 5.0, OrderState.FILLED, 1)
    intent = msgspec.structs.replace(record.intent, legs=legs.closing())
    by_leg = {leg.con_id: leg.action.sign for leg in intent.legs}
    return msgspec.structs.replace(record, intent=intent, filled_by_leg=by_leg)


def test_half_widened_condor_closes_set_by_set():
    """Each set of legs is closed by its own order; the condor is closed when no unit of either is left."""
    condor = stopped()
    assert (condor.state, condor.adjusting, condor.quantity) == (CondorState.OPEN, None, 2)
    assert condor.max_loss_usd == pytest.approx(100.0 * 2 * (50.0 - 11.0 + 1.0))
    one = on_order(condor, leave(1, LEGS), AT)
    assert (one.state, one.lots, one.legs) == (CondorState.OPEN, (Lot(WIDER, 1),), WIDER)
    none = on_order(one, leave(2, WIDER), AT)
    assert (none.state, none.quantity, none.lots) == (CondorState.CLOSED, 0, ())


def test_closing_a_set_twice_is_a_contradiction():
    """One unit with the old legs cannot be closed twice, though two units are open."""
    with pytest.raises(ImpossibleEvent, match="more units closed"):
        on_order(on_order(stopped(), leave(1, LEGS), AT), leave(2, LEGS), AT)


def test_order_for_legs_of_no_set_is_a_contradiction():
    """An exit whose four legs are none of the condor's sets closes nothing we know."""
    mixed = msgspec.structs.replace(LEGS, put_long=WIDER.put_long)
    with pytest.raises(ImpossibleEvent, match="no set of legs"):
        on_order(stopped(), leave(1, mixed), AT)


def test_widening_given_up_that_fills_late_leaves_two_sets():
    """A fill after giving up changes the legs of those units and starts nothing new."""
    given_up = give_up_adjustment(on_order(prepared(), order(Purpose.ADJUST, 1, 2, 2.0), AT), AT, "walk over")
    late = on_order(given_up, order(Purpose.ADJUST, 1, 2, 2.0, OrderState.CANCELED, 1), AT)
    assert (late.state, late.adjusting, late.lots) == (CondorState.OPEN, None, (Lot(LEGS, 1), Lot(WIDER, 1)))


def test_settlement_of_two_sets_needs_the_legs_of_both():
    """The legs both sets share settle twice as many; only then is the condor settled."""
    rows = {1: 1, 2: -1, 3: -2, 4: 2, 5: 1}
    condor = on_settlement(stopped(), [Settled(c, q, 0.0, 100, AT, "ic-1") for c, q in rows.items()], AT)
    assert condor.state is CondorState.OPEN
    condor = on_settlement(condor, [Settled(6, -1, 0.0, 100, AT, "ic-1")], AT)
    assert (condor.state, condor.lots) == (CondorState.SETTLED, ())


def test_widening_that_fills_late_while_closing_is_a_contradiction():
    """A closing order for the old legs and a fill that changes them cannot both be right."""
    closing = on_order(prepared(), order(Purpose.EXIT, 1, 2, 5.0), AT)
    with pytest.raises(ImpossibleEvent):
        on_order(closing, order(Purpose.ADJUST, 1, 2, 2.0, OrderState.FILLED, 2), AT)


def test_settlement_needs_every_leg():
    """Three settled legs are not a settled condor; a finished condor ignores foreign settlements."""
    parts = [Settled(con_id, q, 0.0, 100, AT, "ic-1") for con_id, q in ((1, 2), (2, -2), (3, -2), (4, 2))]
    condor = on_settlement(opened(), parts[:3], AT)
    assert condor.state is CondorState.OPEN
    condor = on_settlement(condor, parts[3:], AT)
    assert (condor.state, condor.quantity) == (CondorState.SETTLED, 0)
    assert on_settlement(condor, parts, AT) is condor


def test_quarantine_moves_only_by_a_person_or_by_settlement():
    """Evidence is still counted, but nothing moves until the legs are proved flat."""
    condor = quarantine(opened(), "legs differ", AT)
    assert on_order(condor, order(Purpose.EXIT, 1, 2, 5.0, OrderState.FILLED, 2), AT).state is CondorState.QUARANTINE
    assert prove_flat(condor, AT, "operator").state is CondorState.CLOSED


def test_result_is_the_cash_of_its_own_executions():
    """Credit 11.0, closed at 5.0, two units: 12 points, 1,200 dollars; foreign fills do not count."""
    entry = order(Purpose.ENTRY, 1, 2, -11.0, OrderState.FILLED, 2)
    leave = order(Purpose.EXIT, 1, 2, 5.0, OrderState.FILLED, 2)
    cash = [*fills(entry, (10.0, 15.0, 8.0, 2.0), 2), *fills(leave, (7.0, 9.0, 4.0, 1.0), 2)]
    foreign = msgspec.structs.replace(cash[0], ref="ic-10.entry.1")
    result = realised_points_usd(opened(), [*cash, foreign])
    assert (result.points, result.usd) == (pytest.approx(12.0), pytest.approx(1200.0))


def test_condor_survives_the_journal():
    """Every field comes back, the history included."""
    condor = prepared()
    assert msgspec.json.decode(msgspec.json.encode(condor), type=Condor) == condor
