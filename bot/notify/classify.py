"""Which news a step is: pure, from the fact and its outcome as they stand in the journal."""

from __future__ import annotations

from collections.abc import Iterator

from bot.actions import Alert, AlertLevel
from bot.engine.outcome import Move, Outcome
from bot.notify.kinds import Kind
from bot.notify.notice import Notice
from strategies.domain import events as ev
from strategies.domain.decision import Decision, DecisionVerdict

STOP_RULES = frozenset({"C-EXIT-3"})
"""Rules whose acting is a stop-out."""

_SILENT = ("link.", "fault.NOTIFY", "ack")
"""Told otherwise: links by their summary; a channel's failure on the dashboard and in the log, not by the channels."""

_KINDS: tuple[tuple[str, Kind], ...] = (
    ("latch.kill", Kind.KILL),
    ("flatten", Kind.KILL),
    ("latch.flatten", Kind.KILL),
    ("latch.limit:C20", Kind.LOSS_CAP),
    ("latch.limit:C21", Kind.LOSS_CAP),
    ("latch.limit:C22", Kind.LOSS_CAP),
    ("latch.limit:K-SIZE-6", Kind.LOSS_CAP),
    ("latch.limit:C30", Kind.MISMATCH),
    ("latch.limit:C31", Kind.MISMATCH),
    ("latch.C31", Kind.MISMATCH),
    ("latch.C32", Kind.MISMATCH),
    ("latch.", Kind.HALT),
    ("C30", Kind.MISMATCH),
    ("C31", Kind.MISMATCH),
    ("impossible", Kind.MISMATCH),
    ("quarantine.", Kind.MISMATCH),
    ("closed.", Kind.MISMATCH),
    ("blocked.", Kind.MISMATCH),
    ("blind.", Kind.BLIND),
    ("slow.", Kind.STUCK_ORDER),
    ("overdue.", Kind.STUCK_ORDER),
    ("rotation", Kind.STUCK_ORDER),
    ("fault.LINK-326", Kind.LOGIN),
    ("fault.KILLER", Kind.WATCHDOG),
    ("fault.TASK", Kind.WATCHDOG),
    ("journal", Kind.JOURNAL),
    ("approval", Kind.CONSENT),
    ("settled.", Kind.CONDOR),
    ("arm.refused", Kind.ALARM),
    ("arm", Kind.LIFE),
    ("pause", Kind.LIFE),
    ("override", Kind.LIFE),
    ("caps", Kind.LIFE),
)
_BY_LEVEL = {AlertLevel.CRITICAL: Kind.ALARM, AlertLevel.WARNING: Kind.TROUBLE, AlertLevel.INFO: Kind.REMARK}
_TRIED = ("candidate", "gated", "entry_working", "abandoned")
_SLOT_TRIED = ("armed", "opening", "rolling", "rotating", "harvesting")
"""States of attempts: many in a day, and the dashboard has them."""
NEAR = 0.1
"""A decision that missed its answer by at most this share of the threshold is a near miss."""


def notices(envelope: ev.Envelope, outcome: Outcome) -> Iterator[Notice]:
    """All news of a step, loud or not; link and timetable are told by whoever remembers more than one step."""
    for alert in outcome.alerts:
        if (notice := of_alert(alert)) is not None:
            yield notice
    for decision in outcome.decisions:
        if (found := _of_decision(decision)) is not None:
            yield found
    for move in outcome.moves:
        if (seen := _of_move(move)) is not None:
            yield seen


def of_alert(alert: Alert) -> Notice | None:
    """The news in an alert; None for one that is told otherwise."""
    if alert.key.startswith(_SILENT):
        return None
    kind = next((kind for prefix, kind in _KINDS if alert.key.startswith(prefix)), _BY_LEVEL[alert.level])
    return Notice(kind, alert.key, alert.text, command(alert.key))


def command(key: str) -> str:
    """The command line that shows more about an alert, or ends it."""
    kind, _, subject = key.partition(".")
    if kind == "latch":
        return "condor status; then condor arm -m WHY"
    if kind in ("blind", "slow", "quarantine", "overdue", "blocked", "settled"):
        return f"condor why {subject}"
    if kind == "closed" and subject != "refused":
        return f"condor closed {subject} -m WHY, when that is what was meant"
    if kind == "approval":
        return f"condor approve {subject}" if subject else "condor status"
    if kind == "rotation":
        return "condor why hedge"
    if kind in ("C30", "C31", "impossible"):
        return "compare with TWS; condor arm -m WHY when it is understood"
    if kind == "journal":
        return "condor doctor"
    return "condor status"


def _of_decision(decision: Decision) -> Notice | None:
    if decision.verdict is DecisionVerdict.ACT:
        if decision.rule not in STOP_RULES:
            return None
        text = f"stop rule {decision.rule} fired for {decision.subject}: {decision.text}"
        return Notice(Kind.STOP_RULE, f"stop.{decision.subject}", text, f"condor why {decision.subject}")
    if decision.near is not None and abs(decision.near) <= NEAR:
        text = f"near miss: {decision.rule} {decision.subject}: {decision.text}"
        return Notice(Kind.NEAR_MISS, f"near.{decision.rule}.{decision.subject}", text, "condor why near")
    return None


def _of_move(move: Move) -> Notice | None:
    """Condors and slots by what they became (not by what was tried), orders only when they traded."""
    why = f" ({move.text})" if move.text else ""
    if move.what == "condor" and move.after not in _TRIED:
        text = f"condor {move.subject}: {move.before} to {move.after}{why}"
        return Notice(Kind.CONDOR, f"condor.{move.subject}.{move.after}", text, f"condor why {move.subject}")
    if move.what == "slot" and move.after not in _SLOT_TRIED and (move.before, move.after) != ("armed", "dormant"):
        text = f"hedge {move.subject}: {move.before} to {move.after}{why}"
        return Notice(Kind.LAYER, f"layer.{move.subject}.{move.after}", text, f"condor why {move.subject}")
    if move.what == "order" and move.after == "filled":
        return Notice(Kind.FILL, f"fill.{move.subject}", f"filled: {move.subject}", f"condor why {move.subject}")
    return None
