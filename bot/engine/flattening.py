"""Everything of ours is closed on a person's order (X-FLAT): begun, watched, told, and ended in HALTED once it is flat.

Rules
- The command latches first, then cancels every order of ours one by one: orders of others are not touched, so it sends
  no global cancel. Closing begins when their end is proven. What is sent then is the desk's business and the gate's.
- Under a kill, or any other stop that lets nothing leave, it is refused with words, and such a stop ends it at once.
- It is over when no order of ours lives and a snapshot later than the last change shows nothing of ours. A late
  execution takes it up again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from bot.actions import AlertLevel, AskSnapshot, Cancel
from bot.engine import asking, orders
from bot.engine.consent import RequestKind
from bot.engine.holdings import holdings
from bot.engine.work import Work
from risk.view import Holding
from strategies.condor.machine import CondorState
from strategies.domain import events as ev
from strategies.domain.control import FLATTEN_CAUSE, LinkState, TradingState, stops_everything
from strategies.domain.decision import DecisionVerdict
from strategies.domain.flatten import FLATTEN_TABLE, RULE, Flatten, FlattenPhase, FlattenTrigger, not_closing
from strategies.domain.hedge import HEDGE_OWNER, slot_name
from strategies.domain.instruments import describe
from strategies.domain.orders import OrderState, OrderTrigger
from strategies.domain.session import NEW_YORK

SUBJECT = "flatten"
CANCEL_AGAIN_S = 2.0
TELL_AGAIN_S = 600.0


def begin(work: Work, event: ev.OperatorCommanded) -> None:
    """A person's command; refused, with the reason and what to do, where nothing may leave or nobody confirmed."""
    refusal = _refusal(work, event)
    if refusal:
        work.alert(AlertLevel.CRITICAL, "flatten.refused", f"flatten refused: {refusal}")
        _say(work, DecisionVerdict.DECLINE, f"refused: {refusal}", who=event.who, reason=event.reason)
        return
    running = work.state.flatten
    if running is not None and running.running:
        work.alert(AlertLevel.INFO, "flatten", f"a flattening by {running.who} is under way: {running.phase.value}")
        return
    work.latch(FLATTEN_CAUSE, TradingState.FLATTENING, event.who, event.reason)
    begun = Flatten(who=event.who, reason=event.reason, asked_at=work.at, since=work.at)
    work.set(flatten=begun, pending_margin={}, told_at={k: v for k, v in work.state.told_at.items() if k != SUBJECT})
    asking.drop(work, RequestKind.ORDER)
    before = not_closing(work.state.book)
    _cancel(work, "everything is cancelled before anything is closed")
    work.act(AskSnapshot(reason="flatten"))
    work.note_move(SUBJECT, "book", "-", begun.phase.value, event.reason)
    left = "; ".join(held(work)) or "nothing is held"
    text = f"everything of ours is to be closed: {len(before)} orders are cancelled first; {left}"
    _say(work, DecisionVerdict.HOLD, text, who=event.who, reason=event.reason, orders=len(before))


def _refusal(work: Work, event: ev.OperatorCommanded) -> str:
    """Why it may not begin; empty if it may."""
    if not event.confirmed:
        return "not confirmed"
    flat = work.state.flatten
    if flat is not None and flat.phase is FlattenPhase.FLAT:
        return "everything is flat already, and HALTED; `condor arm` ends that"
    if work.state.kill_file:
        return (
            "KILL holds: nothing of ours trades under it. Either close positions in TWS, or `condor arm` and then "
            "`condor flatten` at once (`condor pause` between them keeps new condors away)"
        )
    for latch in work.state.control.latches:
        if stops_everything(latch):
            return (
                f"HALTED by {latch.cause} ({latch.reason}): nothing of ours trades. See to the cause, "
                "`condor arm`, then `condor flatten`; or close positions in TWS"
            )
    return ""


def advance(work: Work, event: ev.AnyEvent) -> None:
    """Called at each supervision: moves the machine by what is seen, repeats cancels, tells people what is left."""
    flatten = work.state.flatten
    if flatten is None or flatten.phase is FlattenPhase.OVERRULED:
        return
    trigger, text = _seen(work, flatten)
    phase = FLATTEN_TABLE.move(flatten.phase, trigger)
    if phase is not flatten.phase:
        _enter(work, flatten, phase, text)
    elif text != flatten.text:
        work.set(flatten=msgspec.structs.replace(flatten, text=text))
    if phase in (FlattenPhase.CLOSING, FlattenPhase.WAITING):
        _ask_proof(work)
    if phase is FlattenPhase.CANCELLING and work.state.link.state in (LinkState.UP, LinkState.DEGRADED):
        _cancel_again(work)
    if isinstance(event, ev.TimerFired) and event.name == "pulse":
        _tell_unfinished(work)


def _seen(work: Work, flatten: Flatten) -> tuple[FlattenTrigger, str]:
    """What this look says, with the sentence for people."""
    state = work.state
    latches = [x for x in state.control.latches if stops_everything(x) and x.cause != FLATTEN_CAUSE]
    if latches or state.kill_file:
        cause = latches[0].cause if latches else "kill"
        return FlattenTrigger.STOPPED, f"ended by {cause}: what is open stays open"
    alive = not_closing(state.book)
    if alive:
        return FlattenTrigger.ORDERS_ALIVE, f"{len(alive)} orders are not yet proven cancelled"
    left = held(work)
    if not state.book.live_orders() and not left and _proven(work):
        return FlattenTrigger.NOTHING_HELD, "nothing of ours is held and no order of ours works"
    if flatten.phase is FlattenPhase.FLAT and not left and not state.book.live_orders():
        return FlattenTrigger.NOTHING_HELD, flatten.text  # a new connection need not prove it again
    what = "; ".join(left) or "the broker has not yet shown that nothing is held"
    wait = _wait(work)
    return (FlattenTrigger.MUST_WAIT, f"{wait}; open: {what}") if wait else (FlattenTrigger.MAY_TRADE, f"open: {what}")


def _wait(work: Work) -> str:
    """Why nothing can be sent now; empty when it can."""
    state = work.state
    if state.link.state is not LinkState.UP:
        return f"it waits for the link, which is {state.link.state.value}"
    if state.link.synced_epoch != state.link.epoch:
        return "it waits for broker and journal to be compared"
    minutes = work.parameters.condor.orders
    session = state.calendar.current(work.at)
    if session is not None:
        opens = session.open_at + timedelta(minutes=minutes.trade_from_open_min)
        ends = session.index_close_at - timedelta(minutes=minutes.no_orders_before_close_min)
        if opens <= work.at < ends:
            return ""
        if work.at < opens:
            return f"queued for the open: orders go from {_clock(opens)}"
    today = work.at.astimezone(NEW_YORK).date()
    coming = [day.open_at for day in state.calendar.sessions if day.open_at > work.at and day.day >= today]
    if not coming:
        return "queued for the next session, which the calendar does not know yet"
    return f"queued for the open: orders go from {_clock(min(coming) + timedelta(minutes=minutes.trade_from_open_min))}"


def _proven(work: Work) -> bool:
    """Whether a complete snapshot of this connection began after the last thing that happened to an order of ours."""
    state, flatten = work.state, work.state.flatten
    if flatten is None:
        return False
    if state.snapshot_at is None or state.link.synced_epoch != state.link.epoch:
        return False
    changed = [r.changed_at for r in state.book.orders.values() if r.changed_at >= flatten.asked_at]
    # Later, not as late: in a followed market time stands still between two ticks.
    return state.snapshot_at > max([flatten.asked_at, *changed])


def held(work: Work) -> list[str]:
    """What of ours is still held, in words. What a later snapshot of the broker shows none of, others have closed."""
    book = work.state.book
    rows = [row for row in holdings(book) if row.owner is not None and row.quantity]
    if rows and book.broker_positions is not None and _proven(work):
        rows = [row for row in rows if book.broker_positions.get(row.con_id, 0)]
    found = []
    for owner in sorted({row.owner for row in rows if row.owner is not None and row.owner != HEDGE_OWNER}):
        condor = work.state.condors.get(owner)
        if condor is None:
            found.append(f"{owner}: contracts that no condor explains, close them in TWS")
        elif condor.state is CondorState.QUARANTINE:
            found.append(f"{owner} in quarantine, nothing touches it: close it in TWS ({condor.quarantine_reason})")
        else:
            found.append(f"{owner} x{condor.quantity}")
    return found + [_hedge_words(work, row) for row in rows if row.owner == HEDGE_OWNER]


def _hedge_words(work: Work, row: Holding) -> str:
    contract = work.state.market.tradable(row.con_id)
    name = f"contract {row.con_id}" if contract is None else describe(contract)
    return f"{slot_name(row.slot) if row.slot is not None else HEDGE_OWNER} {row.quantity:+d} {name}"


def _enter(work: Work, flatten: Flatten, phase: FlattenPhase, text: str) -> None:
    """A new phase: journaled, told, and where it is the end or no end any more, latched."""
    work.set(flatten=msgspec.structs.replace(flatten, phase=phase, since=work.at, text=text))
    work.note_move(SUBJECT, "book", flatten.phase.value, phase.value, text)
    _say(work, DecisionVerdict.HOLD, f"{phase.value}: {text}", who=flatten.who)
    if phase is FlattenPhase.FLAT:
        _latch(work, TradingState.HALTED)
        others = sum(abs(row.quantity) for row in holdings(work.state.book) if row.owner is None)
        rest = f"; {others} contracts of others are left alone" if others else ""
        text = f"FLAT: {text}{rest}. HALTED until `condor arm`"
    elif flatten.phase is FlattenPhase.FLAT and phase is not FlattenPhase.OVERRULED:
        _latch(work, TradingState.FLATTENING)
        text = f"not flat any more: {text}"
    else:
        text = f"FLATTEN {phase.value}: {text}"
    grave = phase in (FlattenPhase.FLAT, FlattenPhase.OVERRULED) or flatten.phase in (
        FlattenPhase.FLAT, FlattenPhase.CLOSING,
    )  # fmt: skip
    work.alert(AlertLevel.CRITICAL if grave else AlertLevel.WARNING, f"flatten.{phase.value}", text)


def _latch(work: Work, state: TradingState) -> None:
    """The flattening's latch in another state; its cause, person and moment stay."""
    latches = tuple(
        msgspec.structs.replace(latch, state=state) if latch.cause == FLATTEN_CAUSE else latch
        for latch in work.state.control.latches
    )
    work.set(control=msgspec.structs.replace(work.state.control, latches=latches))


def _cancel(work: Work, reason: str) -> None:
    for record in not_closing(work.state.book):
        if record.state is not OrderState.APPROVED:
            work.take(orders.move(work.state.book, record.ref, OrderTrigger.CANCEL, work.at))
            work.act(Cancel(ref=record.ref, reason=reason))
            _noted(work, f"cancel:{record.ref}")


def _cancel_again(work: Work) -> None:
    """Until the end of each is proven, every two seconds; one approved when it began is cancelled once it is out."""
    for record in not_closing(work.state.book):
        last = work.state.asked.get(f"cancel:{record.ref}")
        if record.state is OrderState.APPROVED or (last and work.at - last < timedelta(seconds=CANCEL_AGAIN_S)):
            continue
        work.take(orders.move(work.state.book, record.ref, OrderTrigger.CANCEL, work.at))
        work.act(Cancel(ref=record.ref, reason="flattening: the order is still alive"))
        _noted(work, f"cancel:{record.ref}")


def _ask_proof(work: Work) -> None:
    """Nothing seems to be held: the broker is asked at once, not at the next round."""
    if work.state.link.state is not LinkState.UP or held(work) or _proven(work):
        return
    last = work.state.asked.get("snapshot")
    if last is None or work.at - last >= timedelta(seconds=work.parameters.engine.prove_again_s):
        _noted(work, "snapshot")
        work.act(AskSnapshot(reason="flatten"))


def _noted(work: Work, key: str) -> None:
    work.set(asked={**work.state.asked, key: work.at})


def _tell_unfinished(work: Work) -> None:
    """What is not closed yet is said aloud, at first after a while and then again and again."""
    flatten = work.state.flatten
    if flatten is None or flatten.phase not in (FlattenPhase.CANCELLING, FlattenPhase.CLOSING):
        return
    last = max(work.state.told_at.get(SUBJECT, flatten.since), flatten.since)
    if work.at - last < timedelta(seconds=TELL_AGAIN_S):
        return
    work.set(told_at={**work.state.told_at, SUBJECT: work.at})
    text = f"FLATTEN has not ended since {_clock(flatten.asked_at)}: {flatten.text}; it goes on within the collar"
    work.alert(AlertLevel.CRITICAL, "flatten.slow", text)


def _say(work: Work, verdict: DecisionVerdict, text: str, **inputs: str | int) -> None:
    asking.note(work, RULE, SUBJECT, verdict, text, None, **inputs)


def _clock(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%Y-%m-%d %H:%M} New York"
