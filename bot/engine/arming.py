"""Arming again after a stop, and loosening caps: by one person, or by two and a delay where that is configured.

Rules
- Without two, looser caps of a new configuration wait for `arm`; stricter ones hold at once.
- Arming is refused while anything is in doubt, when it is asked and again when it is granted.
- With `rearm_approvals = 2`, arming out of HALTED or FLATTENING and loosening a cap open a request: two different
  approvers, and not before the delay has passed. A later stop ends the request. Stricter caps hold at once.
- The setting itself is a cap: turning it down waits for what it demanded before.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from bot.actions import AlertLevel, ClearLatch
from bot.engine import asking, watching
from bot.engine.caps import loosened, stricter
from bot.engine.consent import Request, RequestKind
from bot.engine.holdings import held_by_slots
from bot.engine.state import Baselines, Parameters
from bot.engine.work import Work
from risk.governance import GovernanceParams
from strategies.alvh.lattice import SlotState
from strategies.alvh.machine import release
from strategies.domain import events as ev
from strategies.domain.control import Control, LinkState, TradingState
from strategies.domain.decision import DecisionVerdict

_parameters = msgspec.json.Decoder(Parameters)


def arm(work: Work, event: ev.OperatorCommanded) -> None:
    """Re-arming is refused while anything is in doubt; it alone resets the loss baselines."""
    reasons = doubts(work)
    if reasons or not event.confirmed:
        why = "; ".join(reasons) or "not confirmed"
        work.alert(AlertLevel.CRITICAL, "arm.refused", f"arm refused: {why}")
        return
    params = work.parameters.governance
    if params.rearm_approvals < 2 or work.state.control.state not in (TradingState.HALTED, TradingState.FLATTENING):
        _rearm(work, event.who, event.reason)
        return
    if work.state.consent.of_kind(RequestKind.REARM) is None:
        request = _ask_two(work, RequestKind.REARM, f"arm after a stop: {event.reason}", params, who=event.who,
                           reason=event.reason)  # fmt: skip
        work.alert(AlertLevel.WARNING, f"approval.{request.id}", f"arm waits: {request.id} {_needs(request)}")


def doubts(work: Work) -> list[str]:
    """What must be resolved before trading may go on."""
    state = work.state
    found = [f"order {r.ref} is {r.state.value}" for r in state.book.doubtful()]
    if state.link.state is not LinkState.UP or state.link.synced_epoch != state.link.epoch:
        found.append("the broker link is not up and reconciled")
    if state.mismatch_since is not None:
        found.append("positions differ between broker and journal")
    return found


def _rearm(work: Work, who: str, reason: str) -> None:
    work.set(control=Control(), flatten=None, kill_file=False, baselines=Baselines(), mismatch_since=None)
    watching.armed(work)
    if work.state.caps_wanted:
        work.set(parameters=_parameters.decode(work.state.caps_wanted), caps_wanted="")
        work.alert(AlertLevel.WARNING, "caps", f"the looser caps of this configuration hold, armed by {who}")
    held = {row.slot for row in held_by_slots(work.state.book) if row.quantity}
    for slot in tuple(work.state.slots.values()):
        if slot.state is SlotState.BLOCKED:
            work.put_slot(release(slot, slot.number in held, work.at))
    work.act(ClearLatch())
    work.alert(AlertLevel.WARNING, "arm", f"armed by {who}: {reason}; loss baselines start anew")


def _ask_two(work: Work, kind: RequestKind, text: str, params: GovernanceParams, **fields: str) -> Request:
    return asking.open_request(
        work, kind, text, 60.0 * params.rearm_limit_min, needed=2,
        not_before=work.at + timedelta(minutes=params.rearm_delay_min), **fields,
    )  # fmt: skip


def _needs(request: Request) -> str:
    assert request.not_before is not None
    minutes = (request.not_before - request.asked_at).total_seconds() / 60.0
    return (
        f"needs two different approvers (`condor approve {request.id} --as NAME`) and {minutes:g} minutes; "
        f"it ends at {request.until:%H:%M}Z"
    )


def resolve(work: Work) -> None:
    """Grants what has its approvals and its delay, ends what was declined or not answered."""
    for request in tuple(work.state.consent.requests.values()):
        if request.kind is RequestKind.ORDER:
            continue
        if request.kind is RequestKind.REARM and any(x.at > request.asked_at for x in work.state.control.latches):
            asking.drop(work, RequestKind.REARM)
            _say(work, request, DecisionVerdict.DECLINE, "arm refused: a further stop came after it was asked for")
            continue
        late = work.at >= request.until
        enough = len(set(request.approved_by)) >= request.needed
        ripe = request.not_before is None or work.at >= request.not_before
        if not (request.declined_by or late or (enough and ripe)):
            continue
        asking.put(work, requests={k: r for k, r in work.state.consent.requests.items() if k != request.id})
        if request.declined_by or not (enough and ripe):
            why = f"declined by {request.declined_by}" if request.declined_by else "nobody answered in time"
            _say(work, request, DecisionVerdict.DECLINE, f"{request.kind.value} refused: {why}")
            continue
        _do(work, request)


def _do(work: Work, request: Request) -> None:
    names = " and ".join(request.approved_by)
    if request.kind is RequestKind.CAPS:
        work.set(parameters=_parameters.decode(request.wanted))
        _say(work, request, DecisionVerdict.HOLD, f"caps loosened, approved by {names}")
        return
    reasons = doubts(work)
    if reasons:
        _say(work, request, DecisionVerdict.DECLINE, f"arm refused: {'; '.join(reasons)}")
        return
    _say(work, request, DecisionVerdict.HOLD, f"arming, approved by {names}")
    _rearm(work, f"{request.who}, approved by {names}", request.reason)


def _say(work: Work, request: Request, verdict: DecisionVerdict, text: str) -> None:
    asking.note(work, asking.RULE, request.kind.value, verdict, text, request=request.id,
                approvals=", ".join(request.approved_by), asked=request.text)  # fmt: skip
    work.alert(AlertLevel.WARNING, f"approval.{request.id}", f"{request.id}: {text}")


def admit(work: Work, wanted: Parameters) -> Parameters:
    """The parameters a new run may begin with: looser caps wait, for `arm` or for two who approve (C47)."""
    asking.drop(work, RequestKind.ORDER, RequestKind.CAPS)
    work.set(caps_wanted="")
    before = work.state.parameters
    changes = {} if before is None else loosened(before, wanted)
    if before is None or not changes:
        return wanted
    words = "; ".join(f"{name} {old} -> {new}" for name, (old, new) in changes.items())
    if before.governance.rearm_approvals < 2:
        text = f"caps are looser than in the run before: {words}; the stricter hold until `condor arm`"
        work.alert(AlertLevel.WARNING, "caps", text)
        asking.note(work, asking.RULE, "caps", DecisionVerdict.HOLD, "looser caps wait for arm", changes=words)
        work.set(caps_wanted=msgspec.json.encode(wanted).decode())
        return stricter(before, wanted, changes)
    request = _ask_two(
        work, RequestKind.CAPS, f"loosen caps: {words}", before.governance,
        wanted=msgspec.json.encode(wanted).decode(),
    )  # fmt: skip
    text = f"{words}: the stricter hold; {request.id} {_needs(request)}"
    work.alert(AlertLevel.WARNING, f"approval.{request.id}", text)
    return stricter(before, wanted, changes)
