"""Asks people and hears their answers: opens requests, counts approvals, ends what nobody answered.

Every question and every answer leaves a decision of G-GOV-2 or G-GOV-4 and, where a person must act, an alert.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import msgspec

from bot.actions import AlertLevel, Cancel
from bot.engine import orders
from bot.engine.consent import Grant, Override, Request, RequestKind
from bot.engine.work import Work
from risk.governance import GOES_UNANSWERED, SUSPENDABLE, ActionClass, Approval, action_class
from strategies.domain import events as ev
from strategies.domain.decision import Decision, DecisionVerdict
from strategies.domain.orders import OrderState, OrderTrigger, PlaceIntent
from strategies.domain.session import NEW_YORK

GRANT_LASTS_S = 3600.0
RULE = "G-GOV-2"


class Answer(StrEnum):
    """What follows for an order now."""

    GO = "go"
    WAIT = "wait"
    NO = "no"


class Ended(NamedTuple):
    """A request that waits no longer: whether it may be done, and why."""

    request: Request
    go: bool
    text: str


def put(work: Work, **changes: object) -> None:
    """Replaces parts of what people said."""
    work.set(consent=msgspec.structs.replace(work.state.consent, **changes))


def open_request(work: Work, kind: RequestKind, text: str, limit_s: float, **fields: object) -> Request:
    """A new question with an id counted from the day's facts."""
    consent, today = work.state.consent, work.at.astimezone(NEW_YORK).date()
    count = consent.count + 1 if consent.day == today else 1
    request = msgspec.structs.replace(
        Request(
            id=f"ap-{today:%Y%m%d}-{count}", kind=kind, text=text, asked_at=work.at,
            until=work.at + timedelta(seconds=limit_s),
        ),
        **fields,
    )  # fmt: skip
    put(work, requests={**consent.requests, request.id: request}, day=today, count=count)
    return request


def drop(work: Work, *kinds: RequestKind) -> None:
    """Forgets the open requests of some kinds, because what they asked for has ended."""
    kept = {k: r for k, r in work.state.consent.requests.items() if r.kind not in kinds}
    if len(kept) != len(work.state.consent.requests):
        put(work, requests=kept)


def note(work: Work, rule: str, subject: str, verdict: DecisionVerdict, text: str, ref: str | None = None,
         **inputs: str | int | float | None) -> None:  # fmt: skip
    """A decision about a question or an answer."""
    work.decisions.append(
        Decision(at=work.at, rule=rule, subject=subject, verdict=verdict, text=text, inputs=inputs, intent_ref=ref)
    )


# orders -------------------------------------------------------------------------------------------
def ask(work: Work, intent: PlaceIntent) -> tuple[Answer, str]:
    """Whether an order that adds risk may go on to the gate now; opens the question if there is one to ask."""
    params, action = work.parameters.governance, action_class(intent)
    how, grant = params.asks(action), work.state.consent.grants.get(intent.chain_ref)
    if grant is not None and not grant.granted:
        return Answer.NO, grant.text
    if how is Approval.OFF or (grant is not None and grant.legs == intent.legs and intent.quantity <= grant.quantity):
        return Answer.GO, ""
    sent = how is Approval.ADVISE
    request = open_request(
        work, RequestKind.ORDER, f"{intent.rule}: {intent.text or intent.purpose.value}", params.limit_s,
        action=action, intent=intent, sent=sent,
    )  # fmt: skip
    verdict = DecisionVerdict.HOLD if sent else DecisionVerdict.DECLINE
    word = "a person is told; it goes at once" if sent else "it waits for an approval"
    note(work, RULE, intent.owner, verdict, word, intent.ref, request=request.id, action=action.value)
    if sent:
        _grant(work, request, granted=True, text="advised")
        text = f"{request.id}: {intent.ref} goes now ({request.text}); `condor decline {request.id}` takes it back"
        work.alert(AlertLevel.INFO, f"approval.{request.id}", text)
        return Answer.GO, ""
    default = "goes" if action in GOES_UNANSWERED else "does not go"
    text = (
        f"{request.id}: {intent.ref} waits for `condor approve {request.id}` ({request.text}); "
        f"unanswered it {default} after {params.limit_s:g} s"
    )
    work.alert(AlertLevel.WARNING, f"approval.{request.id}", text)
    return Answer.WAIT, ""


def _grant(work: Work, request: Request, *, granted: bool, text: str) -> None:
    intent = request.intent
    assert intent is not None
    oldest = work.at - timedelta(seconds=GRANT_LASTS_S)
    young = {chain: grant for chain, grant in work.state.consent.grants.items() if grant.at >= oldest}
    grant = Grant(granted, intent.legs, intent.quantity, work.at, text)
    put(work, grants={**young, intent.chain_ref: grant})


def ended_orders(work: Work) -> list[Ended]:
    """Orders whose question has an answer, or whose time has passed; they are taken out of the open requests."""
    found: list[Ended] = []
    for request in tuple(work.state.consent.requests.values()):
        if request.kind is not RequestKind.ORDER or request.action is None or request.intent is None:
            continue
        ended = _ended(work, request)
        if ended is None:
            continue
        put(work, requests={k: r for k, r in work.state.consent.requests.items() if k != request.id})
        if request.sent:
            if not ended.go:
                _take_back(work, request, ended.text)
            continue
        _grant(work, request, granted=ended.go, text=ended.text)
        verdict = DecisionVerdict.HOLD if ended.go else DecisionVerdict.DECLINE
        note(work, RULE, request.intent.owner, verdict, ended.text, request.intent.ref, request=request.id,
             waited_s=(work.at - request.asked_at).total_seconds(),
             approvals=", ".join(request.approved_by))  # fmt: skip
        found.append(ended)
    return found


def _ended(work: Work, request: Request) -> Ended | None:
    if request.declined_by:
        return Ended(request, False, f"declined by {request.declined_by}")
    if len(set(request.approved_by)) >= request.needed:
        return Ended(request, True, f"approved by {' and '.join(request.approved_by)}")
    if work.at < request.until:
        return None
    go = request.sent or request.action in GOES_UNANSWERED
    return Ended(request, go, "nobody answered in time: " + ("it goes" if go else "it does not go"))


def _take_back(work: Work, request: Request, text: str) -> None:
    """An advised order that was declined: its walk ends, and what of it still works is cancelled."""
    assert request.intent is not None
    _grant(work, request, granted=False, text=text)
    chain = request.intent.chain_ref
    for record in work.state.book.live_orders():
        if record.intent.chain_ref == chain and record.state is not OrderState.APPROVED:
            work.take(orders.move(work.state.book, record.ref, OrderTrigger.CANCEL, work.at))
            work.act(Cancel(ref=record.ref, reason=f"{request.id} {text}"))
    note(work, RULE, request.intent.owner, DecisionVerdict.DECLINE, text, request.intent.ref, request=request.id)


# answers ------------------------------------------------------------------------------------------
def hear(work: Work, event: ev.OperatorCommanded, *, approve: bool) -> None:
    """An approval or a decline of an open request; whoever approves twice counts once."""
    request = work.state.consent.requests.get(event.subject)
    if request is None:
        text = f"no open request {event.subject}: it was answered, or its time has ended"
        work.alert(AlertLevel.WARNING, "approval", text)
        return
    person = event.approver or event.who
    if request.needed > 1 and not event.approver:
        text = f"{request.id} needs an approver's token: `condor approve {request.id} --as NAME`"
        work.alert(AlertLevel.WARNING, "approval", text)
        return
    if approve:
        names = request.approved_by if person in request.approved_by else (*request.approved_by, person)
        changed = msgspec.structs.replace(request, approved_by=names)
    else:
        changed = msgspec.structs.replace(request, declined_by=person)
    put(work, requests={**work.state.consent.requests, request.id: changed})
    count = f"{len(changed.approved_by)} of {request.needed}" if approve else "declined"
    work.alert(AlertLevel.INFO, f"approval.{request.id}", f"{request.id}: {person} says {event.verb.value} ({count})")


def override(work: Work, event: ev.OperatorCommanded) -> None:
    """G-GOV-4: holds a class of actions back until a moment, or ends that; only what adds risk may be held back."""
    longest = timedelta(hours=work.parameters.governance.override_longest_h)
    kept = tuple(o for o in work.state.consent.overrides if o.until > work.at and o.action.value != event.subject)
    if event.subject not in [action.value for action in SUSPENDABLE]:
        names = ", ".join(action.value for action in SUSPENDABLE)
        text = f"{event.subject!r} cannot be held back; only {names}: what reduces risk or protects is never suspended"
        work.alert(AlertLevel.WARNING, "override", text)
        return
    action = ActionClass(event.subject)
    if event.until is None or event.until <= work.at:
        put(work, overrides=kept)
        note(work, "G-GOV-4", action.value, DecisionVerdict.HOLD, "override ended", who=event.who, reason=event.reason)
        work.alert(AlertLevel.INFO, "override", f"{action.value}: the override ends ({event.who}: {event.reason})")
        return
    until = min(event.until, work.at + longest)
    put(work, overrides=(*kept, Override(action, event.who, event.reason, work.at, until)))
    note(work, "G-GOV-4", action.value, DecisionVerdict.DECLINE, "held back by an override", who=event.who,
         reason=event.reason, until=until.isoformat())  # fmt: skip
    text = f"{action.value} is held back until {_clock(until)} by {event.who}: {event.reason}"
    work.alert(AlertLevel.WARNING, "override", text)


def _clock(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%Y-%m-%d %H:%M} New York"
