"""The engine with five condors: what the condors' table asks reaches the hedge in the same step, and replays equal."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks import decisions, whole_book
from bot.engine.state import State
from bot.engine.step import step
from strategies.alvh.lattice import fresh_lattice
from strategies.domain.decision import Decision


def without_hedge(state: State) -> State:
    """The same book with empty slots."""
    orders = {ref: order for ref, order in state.book.orders.items() if not ref.startswith("alvh")}
    fills = {key: fill for key, fill in state.book.fills.items() if not (fill.ref or "").startswith("alvh")}
    held: dict[int, int] = {}
    for fill in fills.values():
        held[fill.con_id] = held.get(fill.con_id, 0) + fill.signed_quantity
    book = msgspec.structs.replace(state.book, orders=orders, fills=fills, broker_positions=held)
    return msgspec.structs.replace(state, book=book, slots=fresh_lattice())


def looked(state: State) -> tuple[Decision, ...]:
    """Every decision of a look at which all is due, a minute after the last."""
    state, look = whole_book.due(state)
    told_anew = msgspec.structs.replace(state, decided={}, decided_at={})
    first, again = step(told_anew, look), step(told_anew, look)
    assert first.outcome == again.outcome
    return first.outcome.decisions


@pytest.fixture(scope="module")
def book() -> State:
    return whole_book.graft(decisions.steady())


def test_a_broken_floor_reaches_the_hedge_in_the_same_step(book: State) -> None:
    """C-DEC-1 row 5: each condor's verdict, and one demand that the hedge answers with what it wants and holds."""
    told = looked(without_hedge(book))
    rows = [d for d in told if d.rule == "C-DEC-1" and d.subject.startswith("ic-")]
    assert len(rows) == whole_book.CONDORS
    assert {d.inputs["row"] for d in rows} == {5}
    (answer,) = [d for d in told if d.rule == "C-DEC-1" and d.subject == "hedge"]
    assert answer.inputs["row"] == 5
    assert answer.inputs["held_usd_per_vix_point"] == 0.0
    assert isinstance(answer.inputs["asked_usd_per_vix_point"], float)
    assert answer.inputs["asked_usd_per_vix_point"] > 0.0


def test_inside_the_band_every_condor_holds(book: State) -> None:
    """With ten slots filled no row matches: HOLD is told for each condor, and nothing is asked."""
    told = looked(book)
    rows = [d for d in told if d.rule == "C-DEC-1" and d.subject.startswith("ic-")]
    assert [d.inputs["row"] for d in rows] == [7] * whole_book.CONDORS
    assert not [d for d in told if d.rule == "C-DEC-1" and d.subject == "hedge"]


def test_the_hedge_moves_the_put_side_outward_and_the_call_side_inward(book: State) -> None:
    """P-BE-2 over condors and hedge together, against the condors alone."""
    told = {d.subject: d for d in looked(book) if d.rule == "P-BE-2"}
    for subject in ("book 5d", "book 10d"):
        put, call = told[subject].inputs["put_shift_bp"], told[subject].inputs["call_shift_bp"]
        assert isinstance(put, float)
        assert isinstance(call, float)
        assert put > 0.0 > call


def test_with_the_hedge_off_rows_three_to_six_are_not_judged(book: State) -> None:
    """alvh.enabled = false: the same broken floor asks nobody, and each HOLD says why."""
    bare = without_hedge(book)
    assert bare.parameters is not None
    alvh = msgspec.structs.replace(bare.parameters.alvh, enabled=False)
    off = msgspec.structs.replace(bare, parameters=msgspec.structs.replace(bare.parameters, alvh=alvh))
    told = looked(off)
    rows = [d for d in told if d.rule == "C-DEC-1" and d.subject.startswith("ic-")]
    assert {d.inputs["rows_3_to_6"] for d in rows} == {"not judged: the hedge is off"}
    assert not [d for d in told if d.subject == "hedge"]
