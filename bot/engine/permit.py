"""Takes the desk's intents to the gate and turns approvals into actions; the verdict is folded in the same step."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from bot.actions import AskMargin, Cancel, Submit
from bot.engine import orders
from bot.engine.state import PendingMargin, State
from bot.engine.work import Work
from risk import gate
from risk.gate import Verdict
from risk.view import Holding, RiskView
from strategies.condor.machine import Condor
from strategies.domain.account import MarginImpact
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
        holdings=holdings(state),
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
        kill_file=state.kill_file,
        mismatch_since=state.mismatch_since,
    )


def holdings(state: State) -> tuple[Holding, ...]:
    """Open positions by condor with their average price; what no condor explains is held without an owner."""
    held: dict[tuple[str | None, int], tuple[int, float]] = {}
    for fill in state.book.fills.values():
        record = state.book.orders.get(fill.ref) if fill.ref is not None else None
        key = (record.intent.owner if record is not None else None, fill.con_id)
        quantity, paid = held.get(key, (0, 0.0))
        held[key] = (quantity + fill.signed_quantity, paid + fill.signed_quantity * fill.price_points)
    for settled in state.book.settlements:
        key = (settled.owner, settled.con_id)
        quantity, paid = held.get(key, (0, 0.0))
        held[key] = (quantity - settled.quantity, paid - settled.quantity * settled.price_points)
    rows = _rows(held)
    explained: dict[int, int] = {}
    for row in rows:
        explained[row.con_id] = explained.get(row.con_id, 0) + row.quantity
    for con_id, quantity in (state.book.broker_positions or {}).items():
        rest = quantity - explained.get(con_id, 0)
        if rest != 0:
            rows.append(Holding(owner=None, con_id=con_id, quantity=rest, average_price_points=None))
    return tuple(sorted(rows, key=lambda r: (r.owner or "", r.con_id)))


def _rows(held: dict[tuple[str | None, int], tuple[int, float]]) -> list[Holding]:
    """Holdings with an average price. What closed legs of a condor brought or cost stays in its first open leg, so
    that a condor's worst case keeps the cash of a roll."""
    realised: dict[str | None, float] = {}
    for (owner, _), (quantity, paid) in held.items():
        if quantity == 0 and owner is not None:
            realised[owner] = realised.get(owner, 0.0) + paid
    rows = []
    for (owner, con_id), (quantity, paid) in sorted(held.items(), key=lambda item: (item[0][0] or "", item[0][1])):
        if quantity != 0:
            price = (paid + realised.pop(owner, 0.0)) / quantity
            rows.append(Holding(owner=owner, con_id=con_id, quantity=quantity, average_price_points=price))
    return rows


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
    _supersede(work, intent.owner)
    view = risk_view(work.state, Unknown("not asked"))
    if proposal is None and gate.reduces(intent, view, work.parameters.limits):
        _review(work, intent, Unknown("not needed: the order reduces risk"))
        return
    preview = gate.preview(intent, view, work.parameters.limits)
    if not preview.approved:
        work.verdicts.append(preview)
        return
    if proposal is not None:
        work.put_condor(proposal, intent.rule)
    if preview.needs_margin:
        pending = {**work.state.pending_margin, intent.ref: PendingMargin(intent, work.at)}
        work.set(pending_margin=pending)
        work.act(AskMargin(intent=intent))
        return
    _review(work, intent, Unknown("not needed: the order reduces risk"))


def _supersede(work: Work, owner: str) -> None:
    """A later decision about an owner outweighs an order of it that still waits for its what-if: never both."""
    waiting = work.state.pending_margin
    if any(pending.intent.owner == owner for pending in waiting.values()):
        work.set(pending_margin={k: v for k, v in waiting.items() if v.intent.owner != owner})


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
        work.set(margins={})


def _review(work: Work, intent: PlaceIntent, margin: Known[MarginImpact] | Unknown) -> None:
    """The gate's word is final and becomes part of the state in this very step."""
    reviewed = gate.review(intent, risk_view(work.state, margin), work.parameters.limits, work.state.seq)
    work.verdicts.append(reviewed.verdict)
    if reviewed.approved is None:
        _withdraw(work, intent, reviewed.verdict)
        return
    work.set(book=orders.approve(work.state.book, intent, work.at))
    work.take(orders.Folded(work.state.book, (intent.ref,)))
    work.act(Submit(approved=reviewed.approved))


def _withdraw(work: Work, intent: PlaceIntent, verdict: Verdict) -> None:
    """A candidate that never had an order disappears; the verdict keeps the reason."""
    condor = work.state.condors.get(intent.owner)
    if condor is not None and not any(r.intent.owner == condor.id for r in work.state.book.orders.values()):
        rest = {k: v for k, v in work.state.condors.items() if k != condor.id}
        work.state = msgspec.structs.replace(work.state, condors=rest)
        work.note_move("condor", condor.id, condor.state.value, "withdrawn", verdict.text)
