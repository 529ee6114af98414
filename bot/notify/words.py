"""Messages as people read them: what happened, what stopped and what still runs, and the command that helps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.engine.state import State
from bot.masking import mask
from bot.notify.kinds import Kind
from bot.notify.notice import Message, Told
from bot.notify.pace import Batch
from strategies.condor.machine import FINISHED_STATES, Condor
from strategies.domain.control import LinkState, TradingState, stops_everything
from strategies.domain.session import NEW_YORK

ROWS_MOST = 12
TEXT_MOST, TITLE_MOST = 400, 90
_HEADS: dict[Kind, str] = {
    Kind.KILL: "KILLED",
    Kind.HALT: "stopped",
    Kind.LOSS_CAP: "loss limit",
    Kind.MISMATCH: "positions or orders contradict the journal",
    Kind.BLIND: "blind",
    Kind.LOGIN: "the gateway needs you",
    Kind.STUCK_ORDER: "an order does not end",
    Kind.STOP_RULE: "stop rule fired",
    Kind.WATCHDOG: "a guard or task died",
    Kind.JOURNAL: "the journal failed",
    Kind.ALARM: "alarm",
    Kind.CONSENT: "waits for an approval",
}


def message(batch: Batch, state: State, at: datetime, dropped: int) -> Message:
    """One message of a batch. `dropped` messages were lost since the last one."""
    rows = batch.rows
    body = [_row(row) for row in rows[:ROWS_MOST]]
    left = len(rows) - ROWS_MOST + batch.more if len(rows) > ROWS_MOST else batch.more
    if left:
        body.append(f"... and {left} more: condor log --level warning")
    if dropped:
        body.append(f"{dropped} earlier messages were dropped: condor alerts show")
    body += ["", stands(state), *_helps(rows)]
    return Message(f"{prefix(state)} {_head(rows)}", mask("\n".join(body)), batch.urgent)


def prefix(state: State) -> str:
    """`[PAPER] HALTED`: which world, which trading state."""
    return f"[{'SIM' if state.simulated else 'PAPER'}] {_state_word(state)}"


def _state_word(state: State) -> str:
    word = state.control.state.value.upper()
    return f"{word}, paused" if state.control.paused and state.control.state is TradingState.ACTIVE else word


def one_line(text: str, most: int = TEXT_MOST) -> str:
    """Foreign text without line ends, account ids or signs that could pass for lines of ours."""
    return mask(" ".join(text.split()))[:most]


def _head(rows: Sequence[Told]) -> str:
    urgent = [row for row in rows if row.urgent]
    if urgent:
        heads = list(dict.fromkeys(_HEADS.get(row.notice.kind, row.notice.kind.value) for row in urgent))
        return "; ".join(heads[:3])
    more = f" (+{len(rows) - 1})" if len(rows) > 1 else ""
    return f"{one_line(rows[0].notice.text, TITLE_MOST)}{more}" if rows else "more news"


def _row(row: Told) -> str:
    text = one_line(row.notice.text)
    since = f" ({row.times} times since {row.since.astimezone(NEW_YORK):%H:%M} New York)" if row.times > 1 else ""
    return f"{'! ' if row.urgent else '- '}{text}{since}"


def _helps(rows: Sequence[Told]) -> list[str]:
    """The commands, each once; to acknowledge last."""
    commands = list(dict.fromkeys(row.notice.command for row in rows[:ROWS_MOST] if row.notice.command))
    ids = [row.id for row in rows if row.urgent and row.id]
    lines = [f"Next: {'; '.join(commands[:4])}"] if commands else []
    if ids:
        lines.append(f"Seen it: condor ack {ids[0] if len(ids) == 1 else 'all'}")
    return lines


def stands(state: State) -> str:
    """What stopped, what still runs, and what is open."""
    return f"{_runs(state)} {_open(state)}"


def _runs(state: State) -> str:
    control = state.control
    if state.link.state not in (LinkState.UP, LinkState.DEGRADED):
        return (
            f"No link to the broker ({state.link.state.value}): nothing can be sent or cancelled until it is back; "
            "day orders end at the close."
        )
    if control.state is TradingState.HALTED:
        if any(stops_everything(latch) for latch in control.latches):
            return "Stopped: every order; working ones are cancelled. Runs: watching, comparing with the broker."
        return "Stopped: all new risk; working orders are cancelled. Runs: orders proven to reduce risk."
    if control.state is TradingState.FLATTENING:
        return "Stopped: everything but closing. Runs: cancels, then closing of condors and hedge until all is flat."
    if control.state is TradingState.REDUCING:
        return "Stopped: all new risk. Runs: exits, and whatever is proven to reduce risk."
    if control.paused or state.stopping:
        return "Stopped: new condors. Runs: exits and the hedge."
    held = "; ".join(f"{name} held back ({why})" for name, why in sorted(state.suspended.items()))
    return (
        f"Stopped: {held}. Runs: everything else."
        if held
        else "No stop is set: entries, exits and hedge run as far as the gate lets them."
    )


def open_condors(state: State) -> list[Condor]:
    """Condors that hold something."""
    return [c for c in state.condors.values() if c.state not in FINISHED_STATES and c.quantity > 0]


def _open(state: State) -> str:
    condors, orders = len(open_condors(state)), len(state.book.live_orders())
    return f"Open: {_count(condors, 'condor')}, {_count(orders, 'working order')}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
