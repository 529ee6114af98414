"""How each fact changes the state: evolution only, no judgement about what to trade."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec

from bot import reconcile
from bot.actions import AlertLevel, AskSnapshot, Cancel, WriteLatch
from bot.engine import arming, asking, flattening, fold_market, orders, outside, watching
from bot.engine.caps import with_guards
from bot.engine.consent import RequestKind
from bot.engine.holdings import held_by_slots, holdings
from bot.engine.state import Link, Parameters
from bot.engine.stopping import cancel_everything
from bot.engine.work import Work
from strategies.alvh.machine import on_settlement as on_slot_settlement
from strategies.condor.machine import CondorState, on_settlement
from strategies.domain import events as ev
from strategies.domain.account import PAPER_PREFIX
from strategies.domain.book import Fill, base_of
from strategies.domain.control import LinkState, OperatorVerb, TradingState
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.known import Known, Unknown
from strategies.domain.market import Market
from strategies.domain.orders import CONDOR_PREFIX, OrderState, OrderTrigger, Purpose
from strategies.domain.session import NEW_YORK

OUR_PREFIXES = (CONDOR_PREFIX, f"{HEDGE_OWNER}-")
"""Every order reference of ours begins with one of these: a condor's, or a hedge slot's."""

EGRESS = "EGRESS"
"""The auditor at the socket stopped an order (C01)."""

_FAULT_TOLD_EVERY = timedelta(minutes=1)
_GRAVE = frozenset({"C45", "CLOCK", "EGRESS", "LATCH", "TASK"})
"""Faults after which nothing is traded until a person has looked."""

_parameters = msgspec.json.Decoder(Parameters)


def _read_parameters(text: str) -> Parameters:
    """A run's parameters; guards that the bot of that run did not know yet have their documented values."""
    try:
        return _parameters.decode(text)
    except msgspec.ValidationError:
        return _parameters.decode(msgspec.json.encode(with_guards(msgspec.json.decode(text))))


def fold(work: Work, event: ev.AnyEvent) -> None:
    """Applies one fact."""
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        handler(work, event)


# run, calendar, people ----------------------------------------------------------------------------
def _run_started(work: Work, event: ev.RunStarted) -> None:
    """A new process: what was approved but not known to be sent is in doubt, the link is down, nothing is pending, no
    quote is of a connection of this process."""
    work.set(
        run_id=event.run_id,
        config_hash=event.config_hash,
        code_version=event.code_version,
        simulated=event.simulated,
        expected_account=event.expected_account,
        parameters=arming.admit(work, _read_parameters(event.parameters)),
        stopping=False,
        link=Link(epoch=work.state.link.epoch),
        market=msgspec.structs.replace(work.state.market, quotes={}),  # connections are counted from one again
        account=Unknown("not reported since start"),
        asked={},
        pending_margin={},
        margins={},
        models=(),
        lines=(),
        snapshot_at=None,
        open_at_broker=None,
    )
    watching.code(work)
    outside.connected_anew(work)
    _lose(work, (OrderState.APPROVED, OrderState.SENT))
    for condor in tuple(work.state.condors.values()):
        if condor.state is CondorState.CANDIDATE:
            _drop_candidate(work, condor.id)


def _drop_candidate(work: Work, condor_id: str) -> None:
    work.set(condors={k: v for k, v in work.state.condors.items() if k != condor_id})


def _lose(work: Work, states: tuple[OrderState, ...]) -> None:
    for record in work.state.book.live_orders():
        if record.state in states:
            work.take(orders.move(work.state.book, record.ref, OrderTrigger.LOST, work.at))


def _calendar(work: Work, event: ev.CalendarLoaded) -> None:
    calendar = msgspec.structs.replace(
        work.state.calendar, sessions=event.sessions, events=event.events, events_until=event.events_until
    )
    work.set(calendar=calendar)
    if any(not s.agreed for s in event.sessions[:3]):
        work.alert(AlertLevel.WARNING, "CAL-01", "broker hours and calendar disagree; the stricter was taken (CAL-01)")


def _macro(work: Work, event: ev.MacroTold) -> None:
    """What was told replaces what was told before; a person hears that it was taken."""
    work.set(macro_inputs=event.inputs)
    keys = ", ".join(dict.fromkeys(row.key for row in event.inputs)) or "none"
    work.alert(AlertLevel.INFO, "macro", f"macro inputs read from {event.origin}: {keys}")


def _operator(work: Work, event: ev.OperatorCommanded) -> None:
    control = work.state.control
    if event.verb not in (OperatorVerb.KILL, OperatorVerb.STOP):
        watching.heard(work)  # those two a watchdog or a service manager can send as well
    if event.verb is OperatorVerb.KILL:
        kill(work, event.who, event.reason)
    elif event.verb is OperatorVerb.REDUCE:
        work.latch("reduce", TradingState.REDUCING, event.who, event.reason)
    elif event.verb is OperatorVerb.PAUSE:
        work.set(control=msgspec.structs.replace(control, paused=True))
        work.alert(AlertLevel.WARNING, "pause", f"new entries paused by {event.who}: {event.reason}; exits continue")
    elif event.verb is OperatorVerb.FLATTEN:
        flattening.begin(work, event)
    elif event.verb is OperatorVerb.ARM:
        arming.arm(work, event)
    elif event.verb in (OperatorVerb.APPROVE, OperatorVerb.DECLINE):
        asking.hear(work, event, approve=event.verb is OperatorVerb.APPROVE)
    elif event.verb is OperatorVerb.OVERRIDE:
        asking.override(work, event)
    elif event.verb is OperatorVerb.ACK:
        work.alert(AlertLevel.INFO, "ack", f"{event.subject} acknowledged by {event.who}: {event.reason}")
    elif event.verb is OperatorVerb.CLOSED:
        outside.closed(work, event)
    elif event.verb is OperatorVerb.STOP:
        _stop(work, event)


def _stop(work: Work, event: ev.OperatorCommanded) -> None:
    """An orderly end of the process: resting entries are withdrawn, positions and exits stay as they are."""
    work.set(stopping=True)
    for record in work.state.book.live_orders():
        if record.intent.purpose is Purpose.ENTRY and record.state is not OrderState.APPROVED:
            work.take(orders.move(work.state.book, record.ref, OrderTrigger.CANCEL, work.at))
            work.act(Cancel(ref=record.ref, reason=f"stopping: {event.reason}"))


def kill(work: Work, who: str, reason: str) -> None:
    """Latch first, then cancel everything: a death between the two must not forget the kill. Positions are kept.
    Whatever waits for an approval has lost its cause."""
    fresh = work.latch("kill", TradingState.HALTED, who, reason)
    work.set(kill_file=True)
    asking.drop(work, RequestKind.ORDER, RequestKind.REARM)
    if fresh:
        work.act(WriteLatch(cause="kill", who=who, reason=reason))
    cancel_everything(work, f"kill by {who}: {reason}")
    work.act(AskSnapshot(reason="kill"))


def _latch_found(work: Work, event: ev.LatchFound) -> None:
    work.set(kill_file=True)
    asking.drop(work, RequestKind.ORDER, RequestKind.REARM)
    work.latch("kill", TradingState.HALTED, event.who, event.reason)
    cancel_everything(work, f"kill latch: {event.reason}")
    work.act(AskSnapshot(reason="kill"))


def _fault(work: Work, event: ev.FaultNoted) -> None:
    """A grave fault is told each time, another one once a minute: forty lines without data are one piece of news."""
    key = f"fault.{event.code}"
    last = work.state.told_at.get(key)
    if event.code in _GRAVE:
        work.alert(AlertLevel.CRITICAL, key, f"{event.code}: {event.text}")
    elif last is None or work.at - last >= _FAULT_TOLD_EVERY:
        work.alert(AlertLevel.WARNING, key, f"{event.code}: {event.text}")
        work.set(told_at={**work.state.told_at, key: work.at})
    if event.code == EGRESS and work.latch("egress", TradingState.HALTED, "adapter", event.text):
        # What was about to leave is not what was approved: nothing this process writes is to be trusted any more.
        cancel_everything(work, "an order was stopped at the socket")


def _unanswered(work: Work, event: ev.AlertUnanswered) -> None:
    """Urgent news that nobody takes means that nobody is there: no new risk until somebody is."""
    when = f"{event.told_at.astimezone(NEW_YORK):%d %b %H:%M} New York"
    reason = f"nobody acknowledged alert {event.id} of {when}: {event.text}"
    work.latch("unanswered", TradingState.REDUCING, "notify", reason)


def _timer_missed(work: Work, event: ev.TimerMissed) -> None:
    work.alert(AlertLevel.WARNING, f"timer.{event.name}", f"scheduled moment '{event.name}' was missed")


# link and account ---------------------------------------------------------------------------------
def _link(work: Work, event: ev.LinkChanged) -> None:
    old = work.state.link
    synced = old.synced_epoch if event.epoch == old.epoch else None
    link = Link(event.state, event.epoch, event.reason, event.accounts or old.accounts, work.at, synced)
    market: Market = msgspec.structs.replace(work.state.market, epoch=event.epoch)
    work.set(link=link, market=market)
    if event.epoch != old.epoch:
        outside.connected_anew(work)
    if not work.state.expected_account and len(link.accounts) == 1 and link.accounts[0].startswith(PAPER_PREFIX):
        work.set(expected_account=link.accounts[0])  # the only paper account; from now on no other will do
    if event.state is LinkState.UP and work.state.control.hunts:
        # What was sent by an earlier life, or by hand, may be alive: the first word on a new link is cancel.
        cancel_everything(work, "halted when the link came up")
    if event.state is LinkState.DOWN:
        _lose(work, (OrderState.SENT,))
        asking.drop(work, RequestKind.ORDER)
        work.set(asked={}, lines=(), pending_margin={})
        for condor in tuple(work.state.condors.values()):
            if condor.state is CondorState.CANDIDATE:
                _drop_candidate(work, condor.id)
    if event.state is not old.state:
        # One word when it goes and one when it is back: the attempts between are in the journal.
        lost = event.state in (LinkState.DOWN, LinkState.DEGRADED) and old.state in (LinkState.UP, LinkState.SYNCING)
        level = AlertLevel.WARNING if lost else AlertLevel.INFO
        work.alert(level, f"link.{event.state.value}", f"link {event.state.value}: {event.reason}")


def _account(work: Work, event: ev.AccountReported) -> None:
    work.set(account=Known(event.snapshot))
    value = event.snapshot.net_liquidation_usd
    if value is None:
        return
    base = work.state.baselines
    local = work.at.astimezone(NEW_YORK)
    week = (local.isocalendar().year, local.isocalendar().week)
    if base.day != local.date():
        base = msgspec.structs.replace(base, day=local.date(), day_start_usd=value)
    if base.week != week:
        base = msgspec.structs.replace(base, week=week, week_start_usd=value)
    if base.high_water_usd is None or value > base.high_water_usd:
        base = msgspec.structs.replace(base, high_water_usd=value)
    work.set(baselines=base)
    watching.cash(work)


def _snapshot(work: Work, event: ev.BrokerSnapshot) -> None:
    """Executions first, then what open and completed orders prove, then positions."""
    if event.epoch != work.state.link.epoch:
        return
    for fill in reconcile.new_fills(event, work.state.book):
        _count_fill(work, fill)
    findings = reconcile.examine(event, work.state.book, our_prefixes=OUR_PREFIXES)
    for proof in findings.proofs:
        trigger = proof.trigger
        if trigger is OrderTrigger.PROVED_CANCELED and _ended_by_the_day(work, proof.ref):
            trigger = OrderTrigger.DAY_ENDED
        changes: dict[str, Any] = {"perm_id": proof.perm_id} if proof.perm_id else {}
        work.take(orders.move(work.state.book, proof.ref, trigger, work.at, absences=0, **changes))
    for ref in findings.absent:
        _count_absence(work, ref)
    for orphan in findings.orphans:
        text = f"open order {orphan.ref} is ours but not in this journal"
        work.latch("C31", TradingState.HALTED, "reconcile", text)
        work.act(Cancel(ref=orphan.ref, reason=text))
    outside.lost(work, findings.lost)
    _positions(work, event)
    if reconcile.complete(event):
        shown = event.open_orders.value if isinstance(event.open_orders, Known) else ()
        work.set(open_at_broker=len(shown))
        work.set(snapshot_at=event.started_at, link=msgspec.structs.replace(work.state.link, synced_epoch=event.epoch))
        outside.look(work, event)


def _ended_by_the_day(work: Work, ref: str) -> bool:
    record = work.state.book.orders[ref]
    return record.state is OrderState.WORKING and work.state.calendar.current(work.at) is None


def _count_absence(work: Work, ref: str) -> None:
    """Absence from several complete snapshots, and only that, proves the broker never had the order."""
    record = work.state.book.orders[ref]
    absences = record.absences + 1
    if absences >= work.parameters.engine.absences_needed:
        work.take(orders.move(work.state.book, ref, OrderTrigger.PROVED_ABSENT, work.at, absences=absences))
        return
    noted = msgspec.structs.replace(record, absences=absences)
    work.set(book=orders.with_record(work.state.book, noted))


def _positions(work: Work, event: ev.BrokerSnapshot) -> None:
    if not isinstance(event.positions, Known):
        return
    broker = {con_id: q for con_id, q in event.positions.value.items() if q != 0}
    check = reconcile.compare_positions(work.state.book, broker, work.state.market, work.at)
    if check.settled and isinstance(event.executions, Known):
        _settle(work, check)
    book = msgspec.structs.replace(work.state.book, broker_positions=broker)
    since = work.state.mismatch_since
    work.set(book=book, mismatch_since=(since or work.at) if check.differences else None)
    outside.awaited(work, check.awaited)
    settling = since is None or (work.at - since).total_seconds() < work.parameters.limits.reconcile_settle_s
    told = work.state.told_at.get("C30")
    if check.differences and not settling and (told is None or since is None or told < since):
        # Positions may lag behind fills for a moment; what lasts is said once.
        work.set(told_at={**work.state.told_at, "C30": work.at})
        text = ", ".join(f"{con_id}: {d:+d}" for con_id, d in sorted(check.differences.items()))
        work.alert(AlertLevel.WARNING, "C30", f"positions differ from the journal (broker minus journal): {text}")


def _settle(work: Work, check: reconcile.PositionCheck) -> None:
    """Books each settled position on whoever held it; a condor's machine and a person hear of it."""
    rows = holdings(work.state.book)
    settled = []
    for item in check.settled:
        mine = [row for row in rows if row.con_id == item.con_id and row.owner is not None]
        for row in mine:
            settled.append(msgspec.structs.replace(item, quantity=row.quantity, owner=row.owner, slot=row.slot))
        rest = item.quantity - sum(row.quantity for row in mine)
        if rest:
            settled.append(msgspec.structs.replace(item, quantity=rest))
    book = work.state.book
    work.settled = (*work.settled, *settled)
    work.set(book=msgspec.structs.replace(book, settlements=(*book.settlements, *settled)))
    for owner in sorted({s.owner for s in settled if s.owner is not None}):
        condor = work.state.condors.get(owner)
        if condor is not None:
            work.put_condor(on_settlement(condor, tuple(s for s in settled if s.owner == owner), work.at))
        elif owner == HEDGE_OWNER:
            _settle_slots(work, {s.slot for s in settled if s.slot is not None})
        work.alert(AlertLevel.WARNING, f"settled.{owner}", f"{owner} settled in cash at expiry")


def _settle_slots(work: Work, slots: set[int]) -> None:
    held = {row.slot for row in held_by_slots(work.state.book) if row.quantity}
    for number in sorted(slots):
        work.put_slot(on_slot_settlement(work.state.slots[number], number in held, work.at))


# orders -------------------------------------------------------------------------------------------
def _filled(work: Work, event: ev.Filled) -> None:
    _count_fill(work, event.fill)


def _count_fill(work: Work, fill: Fill) -> None:
    """Books an execution; one that no order of ours explains stops new risk until a person has looked."""
    known = fill.base_id in work.state.book.fills
    work.take(orders.fold_fill(work.state.book, fill, work.at))
    if known or fill.ref in work.state.book.orders:
        return
    if fill.ref is not None and fill.ref.startswith(OUR_PREFIXES):
        outside.lost(work, (fill.ref,))
    text = f"execution {fill.exec_id} is not ours: counted in risk, never touched"
    if fill.liquidation:
        outside.liquidated(work, fill)
    if not work.latch("C31", TradingState.REDUCING, "reconcile", text):
        work.alert(AlertLevel.CRITICAL, "C31", text)


def _commission(work: Work, event: ev.CommissionReported) -> None:
    book = work.state.book
    commissions = {**book.commissions_usd, base_of(event.exec_id): event.commission_usd}
    work.set(book=msgspec.structs.replace(book, commissions_usd=commissions))


def _margin(work: Work, event: ev.MarginAnswered) -> None:
    work.set(margins={event.ref: event.impact}, models=event.models)


_HANDLERS: dict[type, Callable[[Work, Any], None]] = {
    ev.RunStarted: _run_started,
    ev.CalendarLoaded: _calendar,
    ev.MacroTold: _macro,
    ev.OperatorCommanded: _operator,
    ev.LatchFound: _latch_found,
    ev.FaultNoted: _fault,
    ev.AlertUnanswered: _unanswered,
    ev.HostMeasured: watching.host,
    ev.TimerMissed: _timer_missed,
    ev.InstrumentsLoaded: fold_market.instruments,
    ev.ChainListed: fold_market.chain,
    ev.QuotesUpdated: fold_market.quotes,
    ev.BarsLoaded: fold_market.bars,
    ev.RequestFailed: fold_market.request_failed,
    ev.LinkChanged: _link,
    ev.AccountReported: _account,
    ev.BrokerSnapshot: _snapshot,
    ev.OrderSent: lambda work, e: work.take(orders.fold_sent(work.state.book, e, work.at)),
    ev.SendRefused: lambda work, e: work.take(orders.fold_refused(work.state.book, e, work.at)),
    ev.OrderStatusReported: lambda work, e: work.take(orders.fold_status(work.state.book, e, work.at)),
    ev.OrderErrored: lambda work, e: work.take(orders.fold_error(work.state.book, e, work.at)),
    ev.Filled: _filled,
    ev.CommissionReported: _commission,
    ev.MarginAnswered: _margin,
}
