"""The memory of the slow controls: folds levels, stop-outs, refused duplicates, host readings and each day's end.

Nothing here decides about an order; the gate reads the memory (`risk/checks/guards.py`), people hear what changed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from bot.actions import AlertLevel
from bot.engine.holdings import holdings
from bot.engine.realised import realised_usd
from bot.engine.work import Work
from risk.gate import Verdict
from risk.halt import denied
from risk.host import halting, warning
from risk.repeats import key_of, silent_sessions, stopped_out
from risk.shock import longest_window, shock
from risk.watch import Attestation, Cash, Levels
from strategies.condor.machine import Condor, CondorState
from strategies.domain import events as ev
from strategies.domain.book import Book
from strategies.domain.control import LinkState, TradingState
from strategies.domain.host import HostReading
from strategies.domain.instruments import Future
from strategies.domain.known import Known
from strategies.domain.orders import PlaceIntent
from strategies.domain.session import NEW_YORK

SAMPLE_EVERY = timedelta(seconds=10)
"""Least time between two levels remembered."""
TELL_AGAIN = timedelta(hours=1)
STOPS = ("C-EXIT-3", "C-EXIT-4")
"""Exits that count as stop-outs: the stop itself, and a short strike that was reached."""
KEPT = 100
STALE_SNAPSHOTS = 3.0
"""A comparison with the broker is old after so many of its regular pauses."""


def levels(work: Work) -> None:
    """After quotes: remembers SPX and VIX if both are fresh, and notes a shock (C37)."""
    watch, at = work.state.watch, work.at
    if work.state.parameters is None or (watch.levels and at - watch.levels[-1].at < SAMPLE_EVERY):
        return
    limits, market = work.parameters.limits, work.state.market
    values = []
    for symbol in ("SPX", "VIX"):
        index = market.index(symbol)
        quote = None if index is None else market.fresh(index.con_id, at, limits.index_age_s)
        if quote is None or quote.level is None or quote.level <= 0.0:
            return
        values.append(quote.level)
    since = at - longest_window(limits.guards)
    kept = tuple(row for row in watch.levels if row.at >= since)
    rows = (*kept, Levels(at, values[0], values[1], _flip_points(work)))
    text = shock(rows, limits.guards)
    if not text:
        work.set(watch=msgspec.structs.replace(watch, levels=rows))
        return
    pause = timedelta(minutes=limits.guards.shock_pause_min)
    if watch.shocked_at is None or at - watch.shocked_at >= pause:
        work.alert(AlertLevel.WARNING, "C37", f"C37: {text}; no new condors for now, the hedge goes on")
    work.set(watch=msgspec.structs.replace(watch, levels=rows, shocked_at=at, shock_text=text))


def _flip_points(work: Work) -> float | None:
    """The first VIX future above the second in points, None unless both are quoted freshly."""
    market, limits = work.state.market, work.parameters.limits
    today = work.at.astimezone(NEW_YORK).date()
    ahead = [future for future in market.futures("VX") if future.expiry > today][:2]
    found = [market.fresh(future.con_id, work.at, limits.index_age_s) for future in ahead]
    values = [quote.level for quote in found if quote is not None and quote.level is not None]
    return values[0] - values[1] if len(values) == 2 else None


def stop_outs(work: Work, before: dict[str, Condor]) -> None:
    """At the end of a step: condors that were closed by their stop since `before` (C23)."""
    now = work.state.condors
    if now is before:
        return
    ended = [
        row.id
        for row in now.values()
        if row.state is CondorState.CLOSED
        and row.exit_rule in STOPS
        and (row.id not in before or before[row.id].state is not CondorState.CLOSED)
    ]
    if not ended:
        return
    watch, guards = work.state.watch, work.parameters.limits.guards
    today = work.at.astimezone(NEW_YORK).date()
    work.set(watch=msgspec.structs.replace(watch, stop_outs=(*watch.stop_outs, *[today] * len(ended))[-KEPT:]))
    seen, _ = stopped_out(work.state.calendar, work.state.watch, guards, today)
    if seen >= guards.stop_outs:
        text = f"C23: {seen} stop-outs within {guards.stop_out_window_sessions} sessions"
        text += f"; no new condors for {guards.stop_out_pause_sessions} sessions after this one"
        work.alert(AlertLevel.WARNING, "C23", text)


def refused(work: Work, intent: PlaceIntent, verdict: Verdict) -> None:
    """An order was refused: repeats and further duplicates latch (C26, C27).

    Two slots of the hedge may want the same contract within a minute. The second is told to wait, which is no sign of
    a desk that repeats itself.
    """
    watch, limits, duplicates = work.state.watch, work.parameters.limits, 0
    twins = [row.observed for row in verdict.checks if row.code == "C27" and not row.passed]
    first = work.state.book.orders.get(str(twins[0])) if twins else None
    if first is not None and key_of(first.intent) == key_of(intent):
        session = work.state.calendar.current(work.at)
        since = work.at - timedelta(hours=24) if session is None else session.open_at
        kept = (*(at for at in watch.duplicates if at >= since), work.at)
        duplicates = len(kept)
        work.set(watch=msgspec.structs.replace(watch, duplicates=kept))
    _refused_quotes(work, verdict)
    for breach in denied(verdict, duplicates, limits):
        work.latch(breach.cause, breach.state, "gate", breach.text)


def _refused_quotes(work: Work, verdict: Verdict) -> None:
    """Orders of the last minute that were refused for their quotes (C15); a person hears when they are many."""
    watch, cap = work.state.watch, work.parameters.limits.guards.refused_quotes_per_min
    if all(row.passed for row in verdict.checks if row.code == "C15"):
        return
    kept = (*(at for at in watch.refused_quotes if work.at - at < timedelta(minutes=1)), work.at)
    work.set(watch=msgspec.structs.replace(watch, refused_quotes=kept))
    if len(kept) == cap:
        text = f"C15: {cap} orders were refused for their quotes within a minute; nothing new until a minute without"
        work.alert(AlertLevel.WARNING, "C15", text)


def heard(work: Work) -> None:
    """A person ordered something (C54)."""
    work.set(watch=msgspec.structs.replace(work.state.watch, heard_at=work.at))


def presence(work: Work) -> None:
    """Each morning: says when a person's silence is about to stop new risk, and when it has (C54)."""
    at, cap = work.state.watch.heard_at, work.parameters.limits.guards.silent_sessions
    if at is None or work.state.simulated:
        return
    silent = silent_sessions(work.state.calendar, at, work.at)
    if silent == cap:
        text = f"C54: no word of a person for {silent - 1} sessions; after today's only orders that reduce risk leave"
        work.alert(AlertLevel.WARNING, "C54", f"{text}. `condor ack all` is a word")
    elif silent > cap:
        text = f"C54: no word of a person for {silent - 1} sessions: no new risk until there is one"
        work.alert(AlertLevel.CRITICAL, "C54", f"{text}; `condor ack all` is enough")


def host(work: Work, event: ev.HostMeasured) -> None:
    """The host as measured; a person hears what is new about it, and again each hour."""
    reading: HostReading = event.reading
    work.set(watch=msgspec.structs.replace(work.state.watch, host=reading))
    if work.state.parameters is None:
        return
    guards = work.parameters.limits.guards
    for code, text in halting(reading, guards):
        _say(work, AlertLevel.CRITICAL, f"host.{code}", f"{code}: {text}; no new risk")
    stopped = {code for code, _ in halting(reading, guards)}
    for code, text in warning(reading, guards):
        if code not in stopped:
            _say(work, AlertLevel.WARNING, f"warn.{code}", f"{code}: {text}")


def _say(work: Work, level: AlertLevel, key: str, text: str) -> None:
    last = work.state.told_at.get(key)
    if last is None or work.at - last >= TELL_AGAIN:
        work.set(told_at={**work.state.told_at, key: work.at})
        work.alert(level, key, text)


def code(work: Work) -> None:
    """A run began: code that decides otherwise than the one armed trades only after a person armed it (C48).

    In a simulated market other code is tried out, not trusted: nothing is latched there.
    """
    if work.state.watch.heard_at is None:
        heard(work)
    watch, running = work.state.watch, work.state.code_version
    if not watch.armed_code:
        work.set(watch=msgspec.structs.replace(watch, armed_code=running))
    elif watch.armed_code != running and not work.state.simulated:
        text = f"the code is {running}, armed was {watch.armed_code}: only what reduces risk until it is armed"
        work.latch("C48", TradingState.REDUCING, "start", text)


def armed(work: Work) -> None:
    """A person looked: repeats, stop-outs and the last session's end are settled."""
    watch = work.state.watch
    work.set(
        watch=msgspec.structs.replace(
            watch,
            armed_at=work.at,
            armed_code=work.state.code_version,
            duplicates=(),
            stop_outs=(),
            shocked_at=None,
            attestation=None,
        )
    )


# the day's end --------------------------------------------------------------------------------------
def cash(work: Work) -> None:
    """With the account's first figures of a day: what its cash was, and what we could explain by then (C53)."""
    account, today = work.state.account, work.at.astimezone(NEW_YORK).date()
    told = account.value.cash_usd if isinstance(account, Known) else None
    before = work.state.watch.cash
    if told is None or (before is not None and before.day == today):
        return
    row = Cash(today, told, explained_usd(work.state.book))
    work.set(watch=msgspec.structs.replace(work.state.watch, cash=row))


def explained_usd(book: Book) -> float:
    """Cash that executions, commissions and settlements of this journal add up to."""
    traded = sum(fill.cash_usd for fill in book.fills.values()) + sum(row.cash_usd for row in book.settlements)
    return traded - sum(book.commissions_usd.values())


def attest(work: Work, due_at: datetime) -> None:
    """The session's end: orders, positions, cash (C53). Made at the end of the day and once more with the report.

    A moment that comes on a later day (the machine slept, or over a holiday) says nothing: of the day that it was due
    nothing is known any more, and the one that begins has no end yet.
    """
    today = work.at.astimezone(NEW_YORK).date()
    if due_at.astimezone(NEW_YORK).date() != today or work.state.calendar.session_on(today) is None:
        return
    faults = (*_orders(work), *_positions(work), *_cash(work))
    _result(work)
    before = work.state.watch.attestation
    work.set(watch=msgspec.structs.replace(work.state.watch, attestation=Attestation(today, work.at, faults)))
    if faults:
        text = f"the session's end is not explained (C53): {'; '.join(faults)}; no new risk until it is, or until armed"
        work.alert(AlertLevel.CRITICAL, "C53", text)
    elif before is None or before.day != today or before.faults:
        work.alert(AlertLevel.INFO, "C53", "the session ended with no order, every position and every dollar explained")


def _result(work: Work) -> None:
    """Our realised result of the day against the broker's (C51): people hear of a difference, nothing is stopped.

    Futures are realised by the clearing house each day; a day with them, or with a settlement, is not compared.
    """
    account = work.state.account
    theirs = account.value.realised_today_usd if isinstance(account, Known) else None
    ours = realised_usd(work.state.book, work.at.astimezone(NEW_YORK).date())
    if theirs is None or ours is None or _futures(work):
        return
    cap = work.parameters.limits.guards.result_difference_usd
    if abs(theirs - ours) > cap:
        text = f"C51: the broker has realised {theirs:+,.2f} USD today, our executions {ours:+,.2f} USD; compare trades"
        work.alert(AlertLevel.WARNING, "C51", text)


def _orders(work: Work) -> list[str]:
    live = work.state.book.live_orders()
    return [f"{len(live)} orders are not proven over ({', '.join(row.ref for row in live)})"] if live else []


def _positions(work: Work) -> list[str]:
    state = work.state
    limit = timedelta(seconds=STALE_SNAPSHOTS * work.parameters.engine.snapshot_every_s)
    compared = state.link.state is LinkState.UP and state.link.synced_epoch == state.link.epoch
    if not compared or state.snapshot_at is None or work.at - state.snapshot_at > limit:
        return ["the broker's positions are unknown"]
    broker, journal = state.book.broker_positions or {}, state.book.positions()
    wrong = sorted(c for c in {*broker, *journal} if broker.get(c, 0) != journal.get(c, 0))
    foreign = sorted({row.con_id for row in holdings(state.book) if row.owner is None and row.quantity})
    found = [f"broker and journal differ on contracts {wrong}"] if wrong else []
    return [*found, f"contracts {foreign} are held without an order of ours"] if foreign else found


def _cash(work: Work) -> list[str]:
    """Cash of today against our executions; not comparable on a day with settlements or with futures, which are paid
    by the clearing house in its own time."""
    state, at = work.state, work.at
    start, account = state.watch.cash, state.account
    today = at.astimezone(NEW_YORK).date()
    if start is None or start.day != today or not isinstance(account, Known) or account.value.cash_usd is None:
        return ["the account's cash is unknown"]
    if any(row.at.astimezone(NEW_YORK).date() == today for row in state.book.settlements) or _futures(work):
        return []
    moved = account.value.cash_usd - start.account_usd
    explained = explained_usd(state.book) - start.explained_usd
    cap = work.parameters.limits.guards.cash_difference_usd
    if abs(moved - explained) <= cap:
        return []
    return [f"cash moved by {moved:+,.2f} USD today, executions explain {explained:+,.2f} USD"]


def _futures(work: Work) -> bool:
    market, today = work.state.market, work.at.astimezone(NEW_YORK).date()
    traded = {fill.con_id for fill in work.state.book.fills.values() if fill.at.astimezone(NEW_YORK).date() == today}
    return any(isinstance(market.instruments.get(c), Future) for c in {*work.state.book.positions(), *traded})
