"""The slow controls: what repeats, what the market did within minutes, maintenance, host, and what a day left."""

from __future__ import annotations

from risk.case import Case
from risk.host import halting
from risk.maintenance import hindrance
from risk.repeats import identical_opens, round_trips, silent_sessions, stopped_out
from risk.result import Finding, finding, unknown
from risk.shock import pause_left_min
from strategies.domain.instruments import describe
from strategies.domain.orders import Action
from strategies.domain.session import NEW_YORK


def stop_outs(case: Case) -> Finding:
    """C23: after several condors were stopped out within a few sessions, no new one for some sessions."""
    guards = case.limits.guards
    view = case.view
    seen, since = stopped_out(view.calendar, view.watch, guards, view.now.astimezone(NEW_YORK).date())
    text = f"{seen} stop-outs within {guards.stop_out_window_sessions} sessions, fewer than {guards.stop_outs} allowed"
    if seen < guards.stop_outs or since > guards.stop_out_pause_sessions:
        return finding(True, seen, guards.stop_outs, "stop-outs", text)
    left = guards.stop_out_pause_sessions - since
    text = f"{seen} condors were stopped out within {guards.stop_out_window_sessions} sessions: no new one today"
    text += f" nor in the next {left} sessions" if left else ""
    return finding(False, seen, guards.stop_outs, "stop-outs", text)


def repeated(case: Case) -> Finding:
    """C26: the same opening order filled again and again, or positions opened and closed again within the hour."""
    guards = case.limits.guards
    opens, trips = identical_opens(case.view, case.intent), round_trips(case.view)
    if opens >= guards.identical_opens_per_day:
        text = f"these legs were opened {opens} times this session, allowed {guards.identical_opens_per_day}"
        return finding(False, opens, guards.identical_opens_per_day, "identical opens per day", text)
    text = f"{trips} round trips within the hour, fewer than {guards.round_trips_per_hour} allowed; "
    text += f"these legs were opened {opens} times this session"
    passed = trips < guards.round_trips_per_hour
    return finding(passed, trips, guards.round_trips_per_hour, "round trips per hour", text)


def self_trade(case: Case) -> Finding:
    """C28: no working order of ours on the other side of a leg. A condor's exit is not held up by it."""
    mine = {leg.con_id: leg.action for leg in case.intent.legs}
    for order in case.view.book.live_orders():
        for leg in order.intent.legs:
            if leg.con_id in mine and leg.action is not mine[leg.con_id]:
                contract = case.contracts.get(leg.con_id)
                name = f"contract {leg.con_id}" if contract is None else describe(contract)
                verb = "sells" if leg.action is Action.SELL else "buys"
                text = f"{order.ref} works and {verb} {name}: the two could trade with each other"
                spared = case.reducing and not case.hedge
                return finding(spared, order.ref, None, "reference", text)
    return finding(True, None, None, "reference", "no order of ours works on the other side")


def shocked(case: Case) -> Finding:
    """C37: no new condor while the market moves out of the ordinary, nor for a while after."""
    view, guards = case.view, case.limits.guards
    newest = view.watch.levels[-1] if view.watch.levels else None
    if newest is None or (view.now - newest.at).total_seconds() > case.limits.index_age_s:
        return unknown(guards.shock_pause_min, "minutes", "SPX and VIX of the last minutes are unknown")
    left = pause_left_min(view.watch, guards, view.now)
    text = f"{view.watch.shock_text}: {left:.0f} min of the pause are left" if left else "no shock within the pause"
    return finding(left <= 0.0, left, 0.0, "minutes", text)


def maintenance(case: Case) -> Finding:
    """C39: no order shortly before and within the broker's maintenance, and after it only once compared."""
    guards, view = case.limits.guards, case.view
    why = hindrance(guards.maintenance_windows, guards.maintenance_before_min, view.now, view.snapshot_at)
    text = why or f"outside of {len(guards.maintenance_windows)} maintenance windows, compared since"
    return finding(not why, None, guards.maintenance_before_min, "minutes before", text)


def clock(case: Case) -> Finding:
    """C44: the wall clock runs with the monotonic one and agrees with the broker's."""
    return _host(case, "C44", case.limits.guards.clock_halt_ms, "ms")


def journal(case: Case) -> Finding:
    """C49: room on the disk, and durable commits fast enough."""
    return _host(case, "C49", case.limits.guards.disk_halt_mib, "MiB free")


def bounds(case: Case) -> Finding:
    """C50: memory, descriptors, tasks, waiting facts and the loop's lag within their bounds."""
    return _host(case, "C50", case.limits.guards.memory_halt_mib, "MiB")


def _host(case: Case, code: str, cap: float, unit: str) -> Finding:
    if not case.view.host_watched:
        return finding(True, None, cap, unit, "a simulated market's host is not measured")
    host, guards = case.view.watch.host, case.limits.guards
    age_s = None if host is None else (case.view.now - host.at).total_seconds()
    if host is None or age_s is None or age_s > guards.host_age_s:
        return unknown(cap, unit, "the host was not measured lately")
    faults = [text for of, text in halting(host, guards) if of == code]
    return finding(not faults, faults[0] if faults else "good", cap, unit, "; ".join(faults) or "within bounds")


def present(case: Case) -> Finding:
    """C54: a person was heard of within the last sessions. Any command counts; nobody's silence makes new risk."""
    view, cap = case.view, case.limits.guards.silent_sessions
    if not view.host_watched:
        return finding(True, None, cap, "sessions", "nobody has to look after a simulated market")
    if view.watch.heard_at is None:
        return unknown(cap, "sessions", "when a person was last heard of is unknown")
    silent = silent_sessions(view.calendar, view.watch.heard_at, view.now)
    text = f"a person was last heard of {silent} sessions ago, allowed are {cap}"
    return finding(
        silent <= cap, silent, cap, "sessions", text if silent <= cap else f"{text}; `condor ack all` is a word"
    )


def attested(case: Case) -> Finding:
    """C53: the last session ended with nothing working, every position explained and every dollar of cash. A hedge that
    lowers the crash loss is no new risk."""
    last = case.view.watch.attestation
    if last is None or not last.faults:
        text = "no session's end was left unexplained"
        return finding(True, 0, 0, "faults", text)
    text = f"the session of {last.day.isoformat()} ended with: {'; '.join(last.faults)}; arm when it is understood"
    return finding(case.protective, len(last.faults), 0, "faults", text)
