"""The two signs of life whose absence is the alarm: ready before the open, the digest after the close."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from bot.engine.state import State
from bot.masking import mask
from bot.notify.notice import Message
from bot.notify.words import one_line, open_condors, prefix, stands
from strategies.alvh.lattice import SlotState
from strategies.condor.filters import covered
from strategies.domain.control import LinkState, TradingState
from strategies.domain.known import Known
from strategies.domain.session import NEW_YORK, SessionDay

TOLD_MOST = 8


def ready(state: State, today: date) -> Message:
    """Before the open: what is armed, what the day allows, what is held; on a closed day that it is one."""
    session = state.calendar.session_on(today)
    if session is None:
        return Message(f"{prefix(state)} {today:%a %d %b}: closed", f"No session today.\n{stands(state)}", False)
    fit = _fit(state)
    lines = [fit, stands(state), "", *_plan(state, session), *_held(state)]
    if fit != _READY:
        lines.append("Next: condor doctor; condor status")
    word = "ready" if fit == _READY else "NOT ready"
    return Message(f"{prefix(state)} {word} for {today:%a %d %b}", mask("\n".join(lines)), False)


_IN_USE = (SlotState.OPENING, SlotState.ACTIVE, SlotState.ROLLING, SlotState.ROTATING, SlotState.HARVESTING)
_READY = "Armed, linked and reconciled."


def _fit(state: State) -> str:
    control = state.control
    if control.latches:
        return f"Not armed: {'; '.join(one_line(f'{x.cause}: {x.reason}', 120) for x in control.latches[:3])}"
    if control.paused:
        return "Paused: no new condors until condor arm."
    if state.link.state is not LinkState.UP:
        return f"The broker link is {state.link.state.value}: {one_line(state.link.reason, 120)}"
    if state.link.synced_epoch != state.link.epoch:
        return "The broker's positions and orders are not known yet."
    return _READY


def _plan(state: State, session: SessionDay) -> list[str]:
    assert state.parameters is not None
    entry = state.parameters.condor.entry
    early = " (early close)" if session.early_close else ""
    lines = [f"Session {_ny(session.open_at)} to {_ny(session.close_at)} New York{early}."]
    room = max(0, entry.max_open - len(open_condors(state)))
    most = min(room, entry.entries_per_day)
    if state.control.state is not TradingState.ACTIVE or state.control.paused:
        lines.append("Plan: no new condor while it is stopped.")
    elif not covered(state.calendar, session.day, entry.coverage_sessions):
        until = state.calendar.events_until
        lines.append(f"Plan: no new condor, the list of releases ends {until or 'nowhere'}: condor calendar check")
    elif not most:
        lines.append(f"Plan: no new condor, {entry.max_open} are open, which is the most.")
    else:
        lines.append(
            f"Plan: at most {most} new, looked for every {entry.every_min:g} min from {entry.window_from:%H:%M} to "
            f"{entry.window_until:%H:%M}."
        )
    today = [e for e in state.calendar.events if e.at.astimezone(NEW_YORK).date() == session.day]
    if today:
        lines.append("Releases today: " + ", ".join(f"{e.kind} {_ny(e.at)}" for e in today) + ".")
    return lines


def _held(state: State) -> list[str]:
    lines = [
        f"{c.id}: {c.state.value}, {c.quantity} units, expires {c.expiry:%d %b}"
        for c in open_condors(state)[:TOLD_MOST]
    ]
    held = [s.name for s in state.slots.values() if s.state in _IN_USE]
    lines.append(f"Hedge: {len(held)} of {len(state.slots)} slots in use." if held else "Hedge: no slot in use.")
    return lines


def digest(state: State, session: str, folder: Path | None, *, attach: bool, missing: str = "") -> Message:
    """After the close: the report's verdict and what needs a person, the page attached. `folder` has the reports, None
    where none are written; `missing` says why the report is not there."""
    report = None if folder is None or missing else _report(folder, session)
    lines: list[str] = list(report.get("verdict", ())) if report is not None else [_day(state)]
    if missing:
        lines.append(missing)
    needs = report.get("needs_you", ()) if report is not None else ()
    lines += [f"! {one_line(row['text'])} ({row['act']})" for row in needs[:TOLD_MOST]]
    lines += ["", stands(state), f"Next: condor report {session} --open; condor why near"]
    page = None if folder is None else folder / f"{session}.html"
    page = page if attach and page is not None and not missing and page.is_file() else None
    word = "needs you" if needs else "digest"
    return Message(f"{prefix(state)} {word} of {session}", mask("\n".join(lines)), False, page)


def _report(folder: Path, session: str) -> dict[str, Any] | None:
    """The written report; None where it is not there or says something else."""
    try:
        found = json.loads((folder / f"{session}.json").read_text())
        words = all(isinstance(line, str) for line in found["verdict"])
        rows = all(isinstance(row["text"], str) and isinstance(row["act"], str) for row in found["needs_you"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if words and rows else None


def _day(state: State) -> str:
    account, start = state.account, state.baselines.day_start_usd
    value = account.value.net_liquidation_usd if isinstance(account, Known) else None
    if value is None or start is None:
        return "The day's result is unknown: net liquidation was not reported."
    return f"The day: {value - start:+,.0f} USD of net liquidation."


def _ny(at: Any) -> str:
    return f"{at.astimezone(NEW_YORK):%H:%M}"
