"""Takes the desk's intents to the gate and turns approvals into actions; the verdict is folded in the same step."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from bot.actions import AskMargin, Cancel, Submit
from bot.engine import asking, orders, watching
from bot.engine.asking import Answer
from bot.engine.holdings import holdings
from bot.engine.state import PendingMargin, State
from bot.engine.work import Work
from risk import gate
from risk.gate import Verdict
from risk.view import RiskView
from strategies.alvh.lattice import slots_of
from strategies.condor.machine import Condor
from strategies.domain.account import MarginImpact
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.known import Known, Unknown
from strategies.domain.orders import CancelIntent, Intent, OrderTrigger, PlaceIntent


def risk_view(state: State, margin: Known[MarginImpact] | Unknown) -> RiskView:
    """What the gate sees: positions are the broker's union the journal's, nothing is assumed flat."""
    assert state.now is not None
    return RiskView(
        now=state.now,
        market=state.market,
        calendar=state.calendar,
        book=state.book,
        holdings=holdings(state.book),
        account=state.account,
        day_start_nlv_usd=state.baselines.day_start_usd,
        week_start_nlv_usd=state.baselines.week_start_usd,
        high_water_usd=state.baselines.high_water_usd,
        link=state.link.state,
        snapshot_epoch=state.link.synced_epoch,
        control=state.in_force,
        expected_account=state.expected_account,
        accounts=state.link.accounts,
        margin=margin,
        marks=state.marks,
        models={model.con_id: model for model in state.models},
        kill_file=state.kill_file,
        mismatch_since=state.mismatch_since,
        snapshot_at=state.snapshot_at,
        watch=state.watch,
        host_watched=not state.simulated,
    )


def permit(work: Work, intents: tuple[Intent, ...], proposals: tuple[Condor, ...]) -> None:
    """Every intent in the desk's order; a denied entry leaves no trace but its verdict."""
    offered = {condor.id: condor for condor in proposals}
    for intent in intents:
        if isinstance(intent, CancelIntent):
            _cancel(work, intent)
        else:
            _consider(work, intent, offered.get(intent.owner))


def _cancel(work: Work, intent: CancelIntent) -> None:
    work.take(orders.move(work.state.book, intent.ref, OrderTrigger.CANCEL, work.at))
    work.act(Cancel(ref=intent.ref, reason=intent.text or intent.rule))


def _consider(work: Work, intent: PlaceIntent, proposal: Condor | None) -> None:
    _supersede(work, intent)
    view = risk_view(work.state, Unknown("not asked"))
    if proposal is None and gate.reduces(intent, view, work.parameters.limits):
        _review(work, intent, Unknown("not needed: the order reduces risk"))
        return
    preview = gate.preview(intent, view, work.parameters.limits)
    if not preview.approved:
        _note(work, intent, preview)
        return
    if proposal is not None:
        work.put_condor(proposal, intent.rule)
    answer, why = asking.ask(work, intent) if preview.needs_margin else (Answer.GO, "")
    if answer is Answer.NO:
        _refuse(work, intent, why)
    elif answer is Answer.GO:
        _go_on(work, intent, preview)


def _go_on(work: Work, intent: PlaceIntent, preview: Verdict) -> None:
    """A previewed order that nobody holds back: the broker's what-if if it adds risk, else the review."""
    if preview.needs_margin:
        pending = {**work.state.pending_margin, intent.ref: PendingMargin(intent, work.at)}
        work.set(pending_margin=pending)
        work.act(AskMargin(intent=intent))
        return
    _review(work, intent, Unknown("not needed: the order reduces risk"))


def _refuse(work: Work, intent: PlaceIntent, why: str) -> None:
    """People said no, or nobody said yes: a verdict like the gate's own."""
    verdict = Verdict(str(intent.ref), False, (), asking.RULE, f"denied by {asking.RULE}: {why}")
    work.verdicts.append(verdict)
    _withdraw(work, intent, verdict)


def resolve_approvals(work: Work) -> None:
    """Orders whose question has ended go on, with the market as it is now, or are refused."""
    for ended in asking.ended_orders(work):
        intent = ended.request.intent
        if intent is None:
            continue
        if not ended.go:
            _refuse(work, intent, ended.text)
            continue
        preview = gate.preview(intent, risk_view(work.state, Unknown("not asked")), work.parameters.limits)
        if preview.approved:
            _go_on(work, intent, preview)
        else:
            _note(work, intent, preview)
            _withdraw(work, intent, preview)


def _supersede(work: Work, intent: PlaceIntent) -> None:
    """A later decision outweighs an order of the same condor, or of the same slots, that still waits for its what-if or
    for an approval: never both."""
    waiting = work.state.pending_margin
    if any(_same_place(pending.intent, intent) for pending in waiting.values()):
        work.set(pending_margin={k: v for k, v in waiting.items() if not _same_place(v.intent, intent)})
    asked = work.state.consent.requests
    kept = {k: r for k, r in asked.items() if r.sent or r.intent is None or not _same_place(r.intent, intent)}
    if len(kept) != len(asked):
        asking.put(work, requests=kept)


def forget(work: Work, owner: str) -> None:
    """A condor that was given up: what still waits for an answer about it is not sent any more."""
    pending, asked = work.state.pending_margin, work.state.consent.requests
    if any(p.intent.owner == owner for p in pending.values()):
        work.set(pending_margin={k: p for k, p in pending.items() if p.intent.owner != owner})
    kept = {k: r for k, r in asked.items() if r.sent or r.intent is None or r.intent.owner != owner}
    if len(kept) != len(asked):
        asking.put(work, requests=kept)


def _same_place(one: PlaceIntent, other: PlaceIntent) -> bool:
    if one.owner != other.owner or one.owner != HEDGE_OWNER:
        return one.owner == other.owner
    return bool(set(slots_of(one)) & set(slots_of(other)))


def resolve_margin(work: Work) -> None:
    """Intents whose what-if was answered are reviewed now; those without an answer in time are denied."""
    deadline = timedelta(seconds=work.parameters.engine.margin_deadline_s)
    for ref, pending in tuple(work.state.pending_margin.items()):
        answer = work.state.margins.get(ref)
        if answer is None and work.at - pending.asked_at <= deadline:
            continue
        work.set(pending_margin={k: v for k, v in work.state.pending_margin.items() if k != ref})
        _review(work, pending.intent, answer or Unknown("the what-if was not answered in time"))
    if work.state.margins:
        work.set(margins={}, models=())


def _review(work: Work, intent: PlaceIntent, margin: Known[MarginImpact] | Unknown) -> None:
    """The gate's word is final and becomes part of the state in this very step."""
    reviewed = gate.review(intent, risk_view(work.state, margin), work.parameters.limits, work.state.seq)
    _note(work, intent, reviewed.verdict)
    if reviewed.approved is None:
        _withdraw(work, intent, reviewed.verdict)
        return
    work.set(book=orders.approve(work.state.book, intent, work.at))
    work.take(orders.Folded(work.state.book, (intent.ref,)))
    work.act(Submit(approved=reviewed.approved))


def _note(work: Work, intent: PlaceIntent, verdict: Verdict) -> None:
    work.verdicts.append(verdict)
    if not verdict.approved:
        watching.refused(work, intent, verdict)


def _withdraw(work: Work, intent: PlaceIntent, verdict: Verdict) -> None:
    """A candidate that never had an order disappears; the verdict keeps the reason."""
    condor = work.state.condors.get(intent.owner)
    if condor is not None and not any(r.intent.owner == condor.id for r in work.state.book.orders.values()):
        rest = {k: v for k, v in work.state.condors.items() if k != condor.id}
        work.state = msgspec.structs.replace(work.state, condors=rest)
        work.note_move("condor", condor.id, condor.state.value, "withdrawn", verdict.text)
