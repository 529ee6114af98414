"""Watches over what time alone changes: overdue acknowledgements, doubts to resolve, missing data, limits breached."""

from __future__ import annotations

from datetime import timedelta

from bot.actions import AlertLevel, AskCalendar, AskReference, AskSnapshot, Cancel, CancelAll
from bot.engine import flattening, histories, orders, outside, watching
from bot.engine.attention import attend
from bot.engine.permit import risk_view
from bot.engine.stopping import cancel_everything
from bot.engine.work import Work
from risk.halt import breaches, warnings
from risk.utilisation import utilisation
from strategies.domain import events as ev
from strategies.domain.control import LinkState, TradingState
from strategies.domain.known import Unknown
from strategies.domain.orders import OrderState, OrderTrigger
from strategies.domain.session import NEW_YORK

REFERENCE_EVERY_S = 20.0 * 3600.0
HALTED_FRESH_S, HALTED_FRESH_PROVE_S, HALTED_PROVE_S = 5.0, 0.1, 1.0
"""So long a halt counts as fresh, and the pauses between two proofs then and later, seconds."""


def supervise(work: Work, event: ev.AnyEvent) -> None:
    """Runs after every fact but quotes, which change nothing it looks at; the pulse timer bounds the delay."""
    if work.state.parameters is None or isinstance(event, ev.QuotesUpdated):
        return
    _overdue(work)
    _limits(work)
    flattening.advance(work, event)
    if isinstance(event, ev.TimerFired) and event.name == "pulse":
        attend(work)
        outside.watch(work)
    # After an order has left, not before: the sample counts it all the same and it does not wait for the sum.
    if isinstance(event, ev.OrderSent) or (isinstance(event, ev.TimerFired) and event.name == "regime"):
        work.caps = utilisation(risk_view(work.state, Unknown("not asked")), work.parameters.limits)
    if work.state.link.state in (LinkState.UP, LinkState.DEGRADED):
        _prove(work)
        _keep_killing(work)
        _cancel_again(work)
    if work.state.link.state is LinkState.UP:
        _reference(work)
    _calendar(work, event)
    if isinstance(event, ev.TimerFired) and event.name == "premarket":
        watching.presence(work)
    if isinstance(event, ev.TimerFired) and event.name in ("end_of_day", "report"):
        watching.attest(work, event.due_at)


def due(work: Work, wanted: str, every_s: float) -> bool:
    """Whether a request of this name may be made (again) now; notes that it was."""
    last = work.state.asked.get(wanted)
    if last is not None and work.at - last < timedelta(seconds=every_s):
        return False
    work.set(asked={**work.state.asked, wanted: work.at})
    return True


def _overdue(work: Work) -> None:
    """No status within the deadline: the order is in doubt, not lost and not refused."""
    deadline = timedelta(seconds=work.parameters.engine.ack_deadline_s)
    for record in work.state.book.live_orders():
        if record.state is OrderState.SENT and record.sent_at is not None and work.at - record.sent_at > deadline:
            work.take(orders.move(work.state.book, record.ref, OrderTrigger.LOST, work.at))
            work.alert(AlertLevel.WARNING, f"overdue.{record.ref}", f"no answer for {record.ref}; asking the broker")


def _prove(work: Work) -> None:
    """Asks for a snapshot: quickly while an order is in doubt or positions differ (as after each fill, until the
    broker's are known again), else on the regular round."""
    engine = work.parameters.engine
    book = work.state.book
    differ = book.broker_positions is not None and book.broker_positions != book.positions()
    doubt = differ or bool(book.doubtful())
    stale = work.state.snapshot_at is None or work.at - work.state.snapshot_at > timedelta(
        seconds=engine.snapshot_every_s
    )
    if doubt and due(work, "snapshot", min(engine.prove_again_s, _proof_pause_s(work))):
        work.act(AskSnapshot(reason="doubt"))
    elif stale and due(work, "snapshot", engine.snapshot_every_s):
        work.act(AskSnapshot(reason="round"))


def _proof_pause_s(work: Work) -> float:
    """After a kill somebody waits for the proof: for some seconds the next question follows the last answer."""
    if not work.state.control.hunts:
        return work.parameters.engine.prove_again_s
    last = max(latch.at for latch in work.state.control.latches)
    fresh = work.at - last < timedelta(seconds=HALTED_FRESH_S)
    return HALTED_FRESH_PROVE_S if fresh else HALTED_PROVE_S


def _keep_killing(work: Work) -> None:
    """While halted with orders alive: cancel again until the snapshot proves there is none."""
    if work.state.control.hunts and work.state.book.live_orders() and due(work, "cancel_all", 2.0):
        work.act(CancelAll(reason="halted and orders are alive"))


def _cancel_again(work: Work) -> None:
    """A cancel whose end nobody reported is asked again: it may have been lost with a connection or on the way."""
    patience = timedelta(seconds=work.parameters.engine.cancel_again_s)
    for record in work.state.book.live_orders():
        overdue = record.state is OrderState.CANCELING and work.at - record.changed_at >= patience
        if overdue and due(work, f"cancel:{record.ref}", patience.total_seconds()):
            work.act(Cancel(ref=record.ref, reason="asked again: the order is still alive"))


def _reference(work: Work) -> None:
    engine = work.parameters.engine
    market = work.state.market
    known = market.index("SPX") is not None and market.has_future("VX")
    again_s = REFERENCE_EVERY_S if known else engine.ask_again_s  # contracts expire and new ones are listed
    if due(work, "reference", again_s):
        work.act(AskReference())
    today = work.at.astimezone(NEW_YORK).date()
    session = work.state.calendar.last_before(today)
    finished = None if session is None else session.day
    for ask in histories.missing(market, work.parameters.condor.curve, today, finished, engine.bars_count):
        if due(work, f"bars:{ask.symbol}", histories.again_s(ask)):
            work.act(ask)


def _calendar(work: Work, event: ev.AnyEvent) -> None:
    """Sessions are looked up each morning, and once a day when the broker's own hours came with contracts."""
    morning = isinstance(event, ev.TimerFired) and event.name == "premarket"
    hours = isinstance(event, ev.InstrumentsLoaded) and event.wanted not in ("indices", "futures")
    if (morning or hours) and due(work, "calendar hours" if hours else "calendar", 12 * 3600.0):
        work.act(AskCalendar())


def _limits(work: Work) -> None:
    """Continuous limits: what is breached latches or reduces, with the numbers, until a person arms again."""
    if work.state.link.state is not LinkState.UP:
        return
    view = risk_view(work.state, Unknown("not asked"))
    for code, text in warnings(view, work.parameters.limits):
        if due(work, f"warned {code}", 6 * 3600.0):
            work.alert(AlertLevel.WARNING, f"warn.{code}", f"{code}: {text}")
    for breach in breaches(view, work.parameters.limits):
        if not breach.latching:
            continue
        fresh = work.latch(breach.cause, breach.state, "gate", breach.text)
        if fresh and breach.state is TradingState.HALTED:
            cancel_everything(work, breach.text)
