"""From intent to approval: every intent meets the gate, and the verdict is part of the state in the same step."""

from __future__ import annotations

import msgspec
import pytest

from bot.actions import AskMargin, Cancel, Submit
from bot.engine.holdings import holdings
from bot.engine.outcome import Step
from bot.engine.permit import permit, risk_view
from bot.engine.work import Work
from risk.utilisation import Use, utilisation
from strategies.condor.machine import CondorState
from strategies.domain import events as ev
from strategies.domain.account import MarginImpact
from strategies.domain.control import LinkState, OperatorVerb
from strategies.domain.known import Known, Unknown
from strategies.domain.orders import CancelIntent, LegIntent, OrderState, PlaceIntent, Purpose
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import NLV_USD, command, link, make_fill, make_parameters


@pytest.fixture
def bench() -> Bench:
    return Bench().start()


def submits(step: Step) -> list[PlaceIntent]:
    return [a.approved.intent for a in step.actions if isinstance(a, Submit)]


def closing(bench: Bench, ref: str = "ic-20260504-1.exit.1") -> PlaceIntent:
    """A closing order of the open condor at its mid."""
    condor = next(iter(bench.state.condors.values()))
    legs = condor.legs.closing()
    quotes = bench.state.market.quotes
    mid = sum(leg.action.sign * (quotes[leg.con_id].mid or 0.0) for leg in legs)
    limit = round(round(mid / 0.05) * 0.05, 2)
    return PlaceIntent(
        ref=ref, chain_ref="ic-20260504-1.exit/1", attempt=1, purpose=Purpose.EXIT, owner=condor.id,
        rule="C-EXIT-1", legs=legs, quantity=condor.quantity, limit_points=limit, mid_points=mid,
        natural_points=mid + 0.5, decided_at=bench.now,
    )  # fmt: skip


def consider(bench: Bench, *intents: PlaceIntent | CancelIntent) -> Work:
    """What permit makes of intents in the bench's present state."""
    work = Work(bench.state, bench.now)
    permit(work, intents, ())
    return work


def worst_pct(bench: Bench, code: str = "C07") -> float:
    rows: list[Use] = [
        u for u in utilisation(risk_view(bench.state, Unknown("not asked")), bench.parameters.limits) if u.code == code
    ]
    assert rows[0].used is not None
    return rows[0].used


# the way of an entry ------------------------------------------------------------------------------
def test_an_entry_is_previewed_priced_for_margin_and_only_then_submitted(bench: Bench) -> None:
    """Adds risk: the what-if is asked in one step, the approval follows in the step of its answer."""
    intent = bench.propose()
    asking = next(s for s in bench.steps if any(isinstance(a, AskMargin) for a in s.actions))
    assert submits(asking) == []
    assert asking.state.pending_margin[intent.ref].intent == intent
    assert asking.state.condors[intent.owner].state is CondorState.CANDIDATE
    answered = next(s for s in bench.steps if submits(s))
    assert answered.outcome.verdicts[0].approved
    assert "C19" in {c.code for c in answered.outcome.verdicts[0].checks}
    assert answered.state.pending_margin == {}
    assert len(bench.broker.said("submit")) == 1


def test_an_approval_is_in_the_book_in_the_very_step_that_submits_it(bench: Bench) -> None:
    """No half state: book, condor, verdict and action change together, bound to the journal position."""
    intent = bench.propose()
    place = next(i for i, s in enumerate(bench.steps) if submits(s))
    before, after = bench.steps[place - 1], bench.steps[place]
    assert intent.ref not in before.state.book.orders
    assert after.state.book.orders[intent.ref].state is OrderState.APPROVED
    assert after.state.condors[intent.owner].state is CondorState.GATED
    action = next(a for a in after.actions if isinstance(a, Submit))
    assert action.approved.seq == bench.envelopes[place].seq
    written = [a for a in after.outcome.actions if a["type"] == "submit"]
    assert [w["intent"]["ref"] for w in written] == [intent.ref]


def test_the_worst_case_counts_an_order_from_its_approval(bench: Bench) -> None:
    """Before anything is sent, working, or filled, the caps see the whole of it, and filling adds nothing."""
    bench.broker.submit = lambda approved: None  # type: ignore[method-assign]
    assert worst_pct(bench) == 0.0
    intent = bench.propose()
    width = 50.0
    expected = (width + intent.limit_points) * 100.0 * intent.quantity + 4 * 2.0 * intent.quantity
    assert worst_pct(bench) == pytest.approx(100.0 * expected / NLV_USD)
    fills = [
        ev.Filled(fill=make_fill(f"w{i}.01", i, 1, ref=intent.ref, con_id=leg.con_id, side=leg.action, price_points=p))
        for i, (leg, p) in enumerate(zip(intent.legs, (0.0, 5.45, 5.45, 0.0), strict=True))
    ]
    bench.feed(ev.OrderSent(ref=intent.ref, order_id=1), *fills)
    assert worst_pct(bench) == pytest.approx(100.0 * (expected - 8.0) / NLV_USD)


def test_an_order_in_doubt_still_counts(bench: Bench) -> None:
    """UNKNOWN is not gone."""
    bench.broker.mute |= {"submit", "snapshot"}
    bench.propose()
    before = worst_pct(bench)
    bench.pulse(6.0)
    assert bench.state.book.doubtful()
    assert worst_pct(bench) == before > 0.0


@pytest.mark.parametrize(
    "margin",
    [
        Unknown("nonsense"),
        Known(MarginImpact(400_000.0, 400_000.0, NLV_USD, 400_000.0)),
        Known(MarginImpact(float("nan"), 9000.0, NLV_USD, 9000.0)),
    ],
)
def test_a_what_if_that_is_unknown_or_too_much_denies_and_leaves_no_condor(
    bench: Bench, margin: Known[MarginImpact] | Unknown
) -> None:
    """The candidate disappears; the verdict keeps the reason."""
    bench.broker.margin = margin
    with pytest.raises(AssertionError, match="C19"):
        bench.propose()
    assert bench.state.condors == {}
    assert bench.state.book.orders == {}
    assert bench.broker.said("submit") == []
    denied = [v for s in bench.steps for v in s.outcome.verdicts]
    assert {v.code for v in denied} == {"C19"}
    withdrawn = [m for s in bench.steps for m in s.outcome.moves if m.after == "withdrawn"]
    assert len(withdrawn) == len(denied)


def test_an_entry_denied_at_the_preview_never_bothers_the_broker() -> None:
    """A cap that is exceeded whatever the margin: no what-if, no condor, only the verdict."""
    limits = msgspec.structs.replace(make_parameters().limits, crash_loss_pct=0.1)
    bench = Bench(make_parameters(limits=limits)).start()
    with pytest.raises(AssertionError, match="K-SIZE-5"):
        bench.propose()
    assert bench.broker.said("ask_margin") == []
    assert bench.state.condors == {}
    assert not [m for s in bench.steps for m in s.outcome.moves if m.what == "condor"]


def test_a_what_if_without_an_answer_is_denied_at_the_deadline_and_not_before(bench: Bench) -> None:
    """Ten seconds of silence, then the candidate is withdrawn; a late answer changes nothing."""
    bench.broker.mute.add("margin")
    intent = bench.propose()
    bench.pulse(10.0)
    assert intent.ref in bench.state.pending_margin
    bench.pulse(0.1)
    assert bench.state.pending_margin == {}
    assert bench.state.condors == {}
    bench.feed(ev.MarginAnswered(ref=intent.ref, impact=bench.broker.margin))
    assert bench.broker.said("submit") == []
    assert bench.state.margins == {}


def test_an_answer_is_judged_by_the_world_of_its_own_moment(bench: Bench) -> None:
    """Killed, down or stale between question and answer: the approval is not given."""
    bench.broker.mute.add("margin")
    intent = bench.propose()
    bench.feed(command(OperatorVerb.KILL))
    bench.feed(ev.MarginAnswered(ref=intent.ref, impact=bench.broker.margin))
    assert bench.broker.said("submit") == []
    assert bench.steps[-1].outcome.verdicts[0].code == "C41"
    assert bench.state.condors == {}


def test_an_answer_for_another_order_approves_nothing(bench: Bench) -> None:
    """A what-if belongs to its reference."""
    bench.broker.mute.add("margin")
    intent = bench.propose()
    bench.feed(ev.MarginAnswered(ref="ic-other.entry.1", impact=bench.broker.margin))
    assert set(bench.state.pending_margin) == {intent.ref}
    assert bench.broker.said("submit") == []


# orders that reduce, cancels ----------------------------------------------------------------------
def test_a_closing_order_needs_no_what_if(bench: Bench) -> None:
    """Proven to reduce: reviewed and submitted in one step."""
    bench.open_condor()
    bench.pulse(4.0)
    bench.tick()
    work = consider(bench, closing(bench))
    assert [v.text for v in work.verdicts if not v.approved] == []
    assert work.verdicts[0].reducing
    assert [type(a) for a in work.actions] == [Submit]


def test_a_closing_order_passes_a_limit_latch_but_no_kill(bench: Bench) -> None:
    """Reduced or halted by a limit, exits go on; under a kill nothing leaves."""
    bench.open_condor()
    bench.pulse(4.0)
    bench.tick()
    bench.feed(command(OperatorVerb.REDUCE))
    assert consider(bench, closing(bench)).verdicts[0].approved
    bench.feed(command(OperatorVerb.KILL))
    denied = consider(bench, closing(bench))
    assert denied.verdicts[0].code == "C41"
    assert denied.actions == []


def test_a_denied_exit_leaves_its_condor_as_it_was(bench: Bench) -> None:
    """Only a condor that never had an order is withdrawn."""
    condor = bench.open_condor()
    bench.tick(4.0)
    bench.feed(link(LinkState.DEGRADED))
    work = consider(bench, closing(bench))
    assert work.verdicts[0].code == "C38"
    assert work.state.condors[condor.id].state is CondorState.OPEN


def test_two_intents_of_one_decision_see_each_other(bench: Bench) -> None:
    """The second of two equal closing orders meets the first in the book and is refused."""
    bench.open_condor()
    bench.pulse(4.0)
    bench.tick()
    work = consider(bench, closing(bench), closing(bench, "ic-20260504-1.exit.2"))
    assert [v.approved for v in work.verdicts] == [True, False]
    assert work.verdicts[1].code == "C27"


def test_a_reference_is_approved_once(bench: Bench) -> None:
    """The same reference again is refused, whatever became of the first."""
    bench.open_condor()
    bench.pulse(4.0)
    bench.tick()
    ref = next(iter(bench.state.book.orders))
    assert consider(bench, closing(bench, ref)).verdicts[0].code == "C01"


def test_a_cancel_is_never_reviewed(bench: Bench) -> None:
    """Killed, degraded or in doubt: a cancel goes out."""
    ref = bench.propose().ref
    bench.broker.mute.add("cancel")
    bench.feed(link(LinkState.DEGRADED), command(OperatorVerb.KILL))
    work = consider(bench, CancelIntent(ref=ref, rule="X-EXEC", text="step"))
    assert work.actions == [Cancel(ref=ref, reason="step")]
    assert work.verdicts == []


def test_a_malformed_intent_is_refused_and_does_not_break_the_step(bench: Bench) -> None:
    """The gate's form checks bear anything the strategies may invent."""
    bench.open_condor()
    good = closing(bench)
    for bad in (
        msgspec.structs.replace(good, quantity=0),
        msgspec.structs.replace(good, limit_points=float("nan")),
        msgspec.structs.replace(good, legs=(LegIntent(999, 1, good.legs[0].action),)),
        msgspec.structs.replace(good, ref=""),
    ):
        work = consider(bench, bad)
        assert [v.approved for v in work.verdicts] == [False]
        assert work.actions == []


# what the gate sees -------------------------------------------------------------------------------
def test_holdings_are_the_union_of_journal_and_broker(bench: Bench) -> None:
    """Ours by condor with their average price, the rest without an owner or a price."""
    condor = bench.open_condor()
    bench.feed(ev.Filled(fill=make_fill("m1.01", quantity=3, ref=None, con_id=777, price_points=2.0)))
    bench.broker.positions |= {777: 3, 888: -1}
    bench.feed(bench.broker.snapshot(executions=()))
    rows = {(h.owner, h.con_id): (h.quantity, h.average_price_points) for h in holdings(bench.state.book)}
    assert rows.pop((None, 777)) == (3, 2.0)
    assert rows.pop((None, 888)) == (-1, None)
    assert {key: quantity for key, (quantity, _) in rows.items()} == {
        (condor.id, leg.con_id): leg.action.sign * condor.quantity for leg in condor.legs.opening()
    }


def test_a_closed_leg_leaves_no_holding_but_its_cash_stays_with_the_condor(bench: Bench) -> None:
    """What was bought back is no position; what it cost is still part of the condor's worst case."""
    condor = bench.open_condor()
    total = sum(h.quantity * (h.average_price_points or 0.0) for h in holdings(bench.state.book))
    long_put = condor.legs.put_long.con_id
    close = make_fill("c1.01", quantity=2, ref=next(iter(bench.state.book.orders)), con_id=long_put, price_points=1.0)
    sold = msgspec.structs.replace(close, side=close.side.opposite)
    bench.broker.positions[long_put] = 0
    bench.feed(ev.Filled(fill=sold))
    bench.pulse(4.0)
    rows = holdings(bench.state.book)
    assert long_put not in {h.con_id for h in rows}
    assert sum(h.quantity * (h.average_price_points or 0.0) for h in rows) == pytest.approx(total - 2.0)
