"""People are asked and answer: orders wait or go, two must agree to arm or to loosen a cap, overrides hold back."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.actions import AskMargin, Cancel, ClearLatch, Submit
from bot.consent_view import describe, lines
from bot.engine import asking
from bot.engine.caps import CAPS, loosened, stricter
from bot.engine.consent import Request, RequestKind
from bot.engine.state import Parameters
from bot.engine.work import Work
from bot.recover import decode_state, encode_state
from bot.replay import replay
from risk.governance import ActionClass, Approval, GovernanceParams, Mode
from risk.limits import BOUNDS, paper_limits
from strategies.domain import events as ev
from strategies.domain.control import LinkState, OperatorVerb, TradingState
from strategies.domain.decision import Decision
from strategies.domain.orders import OrderState
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import TEN, account_reported, command, link, make_intent, make_parameters, run_started
from tests.bot.engine.live_bench import LiveBench


def governed(**changes: Any) -> Parameters:
    return make_parameters(governance=GovernanceParams(**changes))


def answer(verb: OperatorVerb, subject: str, approver: str = "", **changes: Any) -> ev.OperatorCommanded:
    base = ev.OperatorCommanded(verb=verb, who="tester", reason="because", subject=subject, approver=approver)
    return msgspec.structs.replace(base, **changes)


def asked(bench: Bench) -> Request:
    """Runs the morning until a person is asked; returns the open request."""
    bench.tick(60.0)
    bench.now = max(bench.now, TEN)
    bench.feed(account_reported(bench.now))
    for _ in range(15):
        if bench.state.consent.requests:
            return next(iter(bench.state.consent.requests.values()))
        bench.tick(2.0)
    raise AssertionError("nobody was asked")


def said(bench: Bench, rule: str = "G-GOV-2") -> list[Decision]:
    return [d for s in bench.steps for d in s.outcome.decisions if d.rule == rule]


def alerts(bench: Bench) -> str:
    return "\n".join(a.text for s in bench.steps for a in s.outcome.alerts)


def denied(bench: Bench) -> list[str]:
    return [v.text for s in bench.steps for v in s.outcome.verdicts if not v.approved]


# orders -------------------------------------------------------------------------------------------
def test_an_entry_waits_for_its_approval_and_then_goes_through_the_whole_gate() -> None:
    """Nothing is asked of the broker before the answer; after it come what-if, review and order."""
    bench = Bench(governed(entry=Approval.REQUIRE)).start()
    request = asked(bench)
    assert request.intent is not None
    bench.tick(60.0)
    assert not bench.actions(AskMargin)
    assert not bench.actions(Submit)
    bench.feed(answer(OperatorVerb.APPROVE, request.id))
    assert bench.actions(AskMargin)
    assert [a.approved.intent.ref for a in bench.actions(Submit)] == [request.intent.ref]
    assert not bench.state.consent.requests
    assert [d.inputs.get("approvals") for d in said(bench)][-1] == "tester"


def test_an_unanswered_entry_is_refused_in_time_and_leaves_nothing() -> None:
    """After the limit the candidate is gone, with a verdict that says why; a later answer finds nothing."""
    bench = Bench(governed(entry=Approval.REQUIRE)).start()
    request = asked(bench)
    bench.tick(301.0)
    assert any("nobody answered in time: it does not go" in text for text in denied(bench))
    assert not bench.actions(Submit)
    assert request.intent is not None
    assert request.intent.owner not in bench.state.condors
    bench.feed(answer(OperatorVerb.APPROVE, request.id))
    assert "no open request" in alerts(bench)
    assert not bench.actions(Submit)


def test_a_declined_entry_is_refused_at_once() -> None:
    """The verdict names who declined."""
    bench = Bench(governed(entry=Approval.REQUIRE)).start()
    bench.feed(answer(OperatorVerb.DECLINE, asked(bench).id))
    assert any("declined by tester" in text for text in denied(bench))
    assert not bench.actions(Submit)


def test_later_attempts_of_an_approved_walk_need_no_new_answer() -> None:
    """One question a walk; another walk asks again."""
    bench = Bench(governed(entry=Approval.REQUIRE)).start()
    request = asked(bench)
    bench.feed(answer(OperatorVerb.APPROVE, request.id))
    for _ in range(20):
        bench.tick(4.0)
        bench.pulse(1.0)
        if len(bench.actions(Submit)) > 1:
            break
    first, second = [a.approved.intent for a in bench.actions(Submit)][:2]
    assert (first.chain_ref, first.attempt, second.attempt) == (second.chain_ref, 1, 2)
    assert bench.state.consent.count == 1


def test_an_advised_entry_goes_at_once_and_a_decline_takes_it_back() -> None:
    """A person is told with the id; the decline cancels what works and ends the walk."""
    bench = Bench(governed(entry=Approval.ADVISE)).start()
    ref = bench.working()
    request = next(iter(bench.state.consent.requests.values()))
    assert request.sent
    assert f"`condor decline {request.id}`" in alerts(bench)
    bench.feed(answer(OperatorVerb.DECLINE, request.id))
    assert [a.ref for a in bench.actions(Cancel)] == [ref]
    for _ in range(20):
        bench.tick(4.0)
        bench.pulse(1.0)
    assert bench.order(ref).state is OrderState.CANCELED
    chain = request.intent.chain_ref if request.intent is not None else ""
    assert len([a for a in bench.actions(Submit) if a.approved.intent.chain_ref == chain]) == 1


def test_a_closing_order_never_waits_whatever_is_configured() -> None:
    """Everything that can be asked is asked: the exit goes in the step that decides it."""
    strict = governed(entry=Approval.ADVISE, protect=Approval.REQUIRE, discretionary=Approval.REQUIRE)
    bench = Bench(strict).start()
    condor = bench.open_condor()
    for _ in range(200):
        bench.now += timedelta(days=1)
        bench.pulse()
        bench.tick(5.0)
        if any(a.approved.intent.purpose == "exit" for a in bench.actions(Submit)):
            break
    exits = [a.approved.intent for a in bench.actions(Submit) if a.approved.intent.purpose == "exit"]
    assert exits
    assert exits[0].owner == condor.id
    assert not [r for r in bench.state.consent.requests.values() if r.intent is not None and r.intent in exits]


@pytest.mark.parametrize("what", ["kill", "link", "restart"])
def test_a_question_ends_with_its_cause(what: str) -> None:
    """A kill, a lost link and a new process end it; an approval after that sends nothing."""
    bench = Bench(governed(entry=Approval.REQUIRE)).start()
    request = asked(bench)
    if what == "kill":
        bench.feed(command(OperatorVerb.KILL))
    elif what == "link":
        bench.feed(link(LinkState.DOWN))
    else:
        bench.restart()
    assert not bench.state.consent.requests
    bench.feed(answer(OperatorVerb.APPROVE, request.id))
    assert not bench.actions(Submit)


@pytest.mark.parametrize("verb", [OperatorVerb.PAUSE, OperatorVerb.REDUCE, OperatorVerb.OVERRIDE])
def test_a_question_ends_when_the_entry_is_no_longer_wanted(verb: OperatorVerb) -> None:
    """What forbids an entry forbids the one that waits: the candidate is gone and an approval finds nothing."""
    bench = Bench(governed(entry=Approval.REQUIRE)).start()
    request = asked(bench)
    bench.feed(answer(verb, "entry", until=bench.now + timedelta(hours=1)))
    bench.tick(2.0)
    assert not bench.state.consent.requests
    bench.feed(answer(OperatorVerb.APPROVE, request.id))
    bench.tick(2.0)
    assert not bench.actions(Submit)
    assert not [c for c in bench.state.condors.values() if c.active]


@pytest.mark.parametrize(
    ("action", "goes"), [(ActionClass.PROTECT, True), (ActionClass.ENTRY, False), (ActionClass.DISCRETIONARY, False)]
)
def test_the_default_without_an_answer_follows_the_class(action: ActionClass, goes: bool) -> None:
    """Protection goes, additions of risk do not; one second earlier nothing has ended."""
    state = Bench(governed(protect=Approval.REQUIRE)).start().state
    work = Work(state, TEN)
    asking.open_request(work, RequestKind.ORDER, "x", 300.0, action=action, intent=make_intent())
    early, late = Work(work.state, TEN + timedelta(seconds=299)), Work(work.state, TEN + timedelta(seconds=300))
    assert asking.ended_orders(early) == []
    assert [ended.go for ended in asking.ended_orders(late)] == [goes]


# two approvals ------------------------------------------------------------------------------------
@pytest.fixture
def two() -> Bench:
    bench = Bench(governed(rearm_approvals=2)).start()
    bench.feed(command(OperatorVerb.KILL))
    bench.feed(command(OperatorVerb.ARM))
    return bench


def rearm(bench: Bench) -> Request | None:
    return bench.state.consent.of_kind(RequestKind.REARM)


def test_arming_after_a_kill_needs_two_people_and_ten_minutes(two: Bench) -> None:
    """One is not enough, the same one twice neither, and both are too early before the delay has passed."""
    request = rearm(two)
    assert request is not None
    assert two.state.control.state is TradingState.HALTED
    two.feed(answer(OperatorVerb.APPROVE, request.id, "anna"))
    two.feed(answer(OperatorVerb.APPROVE, request.id, "anna"))
    two.pulse(700.0)
    assert two.state.control.state is TradingState.HALTED
    two.feed(answer(OperatorVerb.APPROVE, request.id, "ben"))
    assert two.state.control.state is TradingState.ACTIVE
    assert two.actions(ClearLatch)
    assert "approved by anna and ben" in alerts(two)


def test_two_quick_approvals_wait_for_the_delay(two: Bench) -> None:
    """Ten minutes of market time from the question, not from the answers."""
    request = rearm(two)
    assert request is not None
    two.feed(answer(OperatorVerb.APPROVE, request.id, "anna"), answer(OperatorVerb.APPROVE, request.id, "ben"))
    two.pulse(590.0)
    assert two.state.control.state is TradingState.HALTED
    two.pulse(11.0)
    assert two.state.control.state is TradingState.ACTIVE


def test_an_approval_without_a_token_does_not_count_for_two(two: Bench) -> None:
    """Two shells of one person are one person."""
    request = rearm(two)
    assert request is not None
    two.feed(answer(OperatorVerb.APPROVE, request.id), answer(OperatorVerb.APPROVE, request.id, who="other"))
    two.pulse(700.0)
    assert rearm(two) is not None
    assert two.state.control.state is TradingState.HALTED
    assert "needs an approver's token" in alerts(two)


@pytest.mark.parametrize("end", ["decline", "time", "kill", "stop", "doubt"])
def test_a_question_to_arm_ends_without_arming(two: Bench, end: str) -> None:
    """Declined, unanswered, killed again, or in doubt when it would be granted: it stays halted."""
    request = rearm(two)
    assert request is not None
    both = (answer(OperatorVerb.APPROVE, request.id, "anna"), answer(OperatorVerb.APPROVE, request.id, "ben"))
    if end == "decline":
        two.feed(answer(OperatorVerb.DECLINE, request.id, "anna"))
    elif end == "time":
        two.pulse(120 * 60.0 + 1.0)
    elif end == "kill":
        two.feed(both[0], command(OperatorVerb.KILL), both[1])
    elif end == "stop":
        two.feed(*both)
        two.feed(command(OperatorVerb.REDUCE), after_s=60.0)
    else:
        two.feed(*both, link(LinkState.DEGRADED))
    two.pulse(700.0)
    assert rearm(two) is None
    assert two.state.control.state is TradingState.HALTED
    assert not two.actions(ClearLatch)


def test_a_pause_is_lifted_by_one_person_even_where_two_are_configured() -> None:
    """Two are for arming out of HALTED."""
    bench = Bench(governed(rearm_approvals=2)).start()
    bench.feed(command(OperatorVerb.PAUSE), command(OperatorVerb.ARM))
    assert bench.state.control.paused is False
    assert not bench.state.consent.requests


# caps ---------------------------------------------------------------------------------------------
def looser(parameters: Parameters) -> Parameters:
    limits = msgspec.structs.replace(parameters.limits, crash_loss_pct=12.0, weekly_loss_pct=3.0)
    return msgspec.structs.replace(parameters, limits=limits)


def test_a_looser_cap_waits_for_two_and_a_stricter_one_holds_at_once() -> None:
    """The new run begins with the stricter of both; after two approvals and ten minutes the wanted ones hold."""
    old = governed(rearm_approvals=2)
    bench = Bench(old).start()
    bench.parameters = looser(old)
    bench.restart().connect()
    limits = bench.state.parameters.limits if bench.state.parameters is not None else paper_limits()
    assert (limits.crash_loss_pct, limits.weekly_loss_pct) == (8.0, 3.0)
    request = bench.state.consent.of_kind(RequestKind.CAPS)
    assert request is not None
    assert "risk.crash_loss_pct 8.0 -> 12.0" in request.text
    bench.feed(answer(OperatorVerb.APPROVE, request.id, "anna"), answer(OperatorVerb.APPROVE, request.id, "ben"))
    bench.pulse(601.0)
    assert bench.state.parameters == looser(old)


def test_asking_for_one_approval_only_is_itself_a_looser_cap() -> None:
    """Turning the setting down in the same change does not let the change through."""
    old = governed(rearm_approvals=2)
    bench = Bench(old).start()
    bench.parameters = msgspec.structs.replace(looser(old), governance=GovernanceParams(rearm_approvals=1))
    bench.restart().connect()
    assert bench.state.parameters is not None
    assert bench.state.parameters.governance.rearm_approvals == 2
    assert bench.state.parameters.limits.crash_loss_pct == 8.0


def test_with_one_person_a_looser_cap_waits_for_arm_and_a_stricter_one_holds_at_once() -> None:
    """The default: the stricter of both until somebody arms; a run that wants less again forgets what waited."""
    old = governed()
    bench = Bench(old).start()
    bench.parameters = looser(old)
    bench.restart()
    assert bench.state.parameters.limits.crash_loss_pct == old.limits.crash_loss_pct
    words = "caps are looser than in the run before: risk.crash_loss_pct 8.0 -> 12.0; the stricter hold until"
    assert words in alerts(bench)
    bench.connect()
    bench.feed(command(OperatorVerb.ARM))
    assert bench.state.parameters == looser(old)
    bench.parameters = old
    bench.restart()
    assert bench.state.parameters.limits.crash_loss_pct == old.limits.crash_loss_pct
    bench.parameters = looser(old)
    bench.restart()
    bench.parameters = old
    bench.restart()
    bench.connect()
    bench.feed(command(OperatorVerb.ARM))
    assert bench.state.parameters.limits.crash_loss_pct == old.limits.crash_loss_pct


def test_every_cap_is_known_with_its_direction() -> None:
    """Each cap outside the gate's limits exists, and a step to either side is told as looser or not."""
    before = make_parameters()
    for name, tighter in CAPS.items():
        for step in (1, -1):
            after = before
            node, parts = before, name.split(".")
            chain = []
            for part in parts[:-1]:
                chain.append((node, part))
                node = getattr(node, part)
            value = getattr(node, parts[-1])
            if name == "governance.rearm_approvals" and step < 0:
                continue
            try:
                changed: Any = msgspec.structs.replace(node, **{parts[-1]: value + step * (0.5 if value == 2.0 else 1)})
            except ValueError:
                continue
            for parent, part in reversed(chain):
                changed = msgspec.structs.replace(parent, **{part: changed})
            after = changed
            assert (name in loosened(before, after)) == ((step > 0) == (tighter == "lower")), name
            assert loosened(before, stricter(before, after, loosened(before, after))) == {}, name
    assert "crash_loss_pct" in BOUNDS


# overrides and modes ------------------------------------------------------------------------------
def test_an_override_holds_entries_back_until_its_end_and_is_journaled() -> None:
    """No search, no order; the reason is in the decision; afterwards the morning goes on."""
    bench = Bench().start()
    until = bench.now + timedelta(hours=1)
    bench.feed(answer(OperatorVerb.OVERRIDE, "entry", until=until))
    with pytest.raises(AssertionError, match="held back: an override by tester"):
        bench.propose()
    assert [d.text for d in said(bench, "G-GOV-4")] == ["held back by an override"]
    assert describe(bench.state)["overrides"][0]["reason"] == "because"
    bench.now = max(bench.now, until) + timedelta(minutes=30)
    bench.feed(link(LinkState.UP), account_reported(bench.now))
    bench.tick(1.0)
    assert bench.propose().owner.startswith("ic-")


def test_an_override_can_be_ended_and_is_bounded() -> None:
    """No longer than configured; ended by its own word."""
    bench = Bench().start()
    bench.feed(answer(OperatorVerb.OVERRIDE, "entry", until=bench.now + timedelta(days=365)))
    assert bench.state.consent.overrides[0].until == bench.now + timedelta(hours=168)
    bench.feed(answer(OperatorVerb.OVERRIDE, "entry"))
    assert bench.state.consent.overrides == ()


@pytest.mark.parametrize("subject", ["reduce", "protect", "defend", "C21", ""])
def test_what_protects_cannot_be_overridden(subject: str) -> None:
    """Only classes that add risk; no rule and no check of the gate."""
    bench = Bench().start()
    bench.feed(answer(OperatorVerb.OVERRIDE, subject, until=bench.now + timedelta(hours=1)))
    assert bench.state.consent.overrides == ()
    assert "cannot be held back" in alerts(bench)


def test_an_override_withdraws_an_entry_that_works() -> None:
    """A resting entry order is cancelled, nothing else is."""
    bench = Bench().start()
    ref = bench.working()
    bench.feed(answer(OperatorVerb.OVERRIDE, "entry", until=bench.now + timedelta(hours=1)))
    bench.tick(1.0)
    assert [a.ref for a in bench.actions(Cancel)] == [ref]


def test_the_promoters_mode_holds_back_discretionary_additions_only() -> None:
    """G-GOV-1: entries go on; the steward holds nothing back."""
    bench = Bench(governed(mode=Mode.PROMOTER)).start()
    assert bench.state.in_force.suspended == {"discretionary": "the promoter's mode"}
    assert bench.propose()
    assert Bench().start().state.in_force.suspended == {}


# the record ---------------------------------------------------------------------------------------
def test_state_and_status_carry_what_is_open(two: Bench) -> None:
    """A checkpoint brings it back; status lists it in words."""
    assert decode_state(encode_state(two.state)) == two.state
    text = "\n".join(lines(describe(two.state)))
    assert "0 of 2 approvals" in text
    assert "not before" in text


def test_a_replay_asks_and_hears_the_same(tmp_path: Path) -> None:
    """Requests, answers, overrides and a loosened cap, made again from the journal."""
    with LiveBench(tmp_path, governed(entry=Approval.REQUIRE, rearm_approvals=2)) as live:
        live.start()
        request = asked(live)
        live.feed(answer(OperatorVerb.APPROVE, request.id, "anna"))
        live.tick(5.0)
        live.feed(answer(OperatorVerb.OVERRIDE, "discretionary", until=live.now + timedelta(hours=1)))
        live.feed(command(OperatorVerb.KILL), command(OperatorVerb.ARM))
        open_one = rearm(live)
        assert open_one is None or isinstance(open_one.asked_at, datetime)
        live.feed(run_started(looser(live.parameters), run_id="run-2"))
    assert replay(tmp_path).divergence is None
