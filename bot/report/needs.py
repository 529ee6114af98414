"""What a person has to look at, and what needed one earlier and has since ended by itself.

An alert stands until its cause is seen to have ended: an exit that was slow ends with its condor's state, a stop with
`condor arm`, a condor that could not be valued once its legs are quoted again. What is not known to have ended stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.report.books import ENDED
from bot.report.collect import Collected
from bot.report.facts import Json, SessionFacts

_WORKING = ("exit_working", "adjust_working")
_QUIET_S = 3600.0
"""A hedge that no longer asks for a rotation needs nobody to find the other side of one."""

_BY_ARMING = ("latch.", "arm.refused", "fault.", "impossible", "C31")
"""Alerts that end when a person has armed again."""


def needs_you(found: Collected, sessions: Sequence[SessionFacts], replay: Json) -> tuple[list[Json], list[Json]]:
    """Rows of `text`, `since` and what to do (`act`): first what stands, then what has ended (with how)."""
    standing: dict[str, Json] = {}
    ended: dict[str, Json] = {}
    armed = [a["at"] for s in sessions for a in s.alerts if a["key"] == "arm"]
    for session in sessions:
        for alert in session.alerts:
            if alert["level"] != "critical":
                continue
            how = _ended(alert, found, armed) or _gone(alert, sessions)
            rows = standing if how is None else ended
            row = rows.setdefault(alert["key"], {"text": alert["text"], "since": alert["at"], "key": alert["key"]})
            row["text"] = alert["text"]
            row |= {"act": _act(alert["key"])} if how is None else {"ended": how}
    for cause, latch in found.latches.items():
        key = f"latch.{cause}"
        standing.setdefault(key, {"text": latch["text"], "since": latch["at"], "key": key, "act": _act(key)})
    for condor in found.books.condors.values():
        key = f"quarantine.{condor.id}"
        if condor.states and condor.states[-1]["state"] == "quarantine" and key not in standing:
            text = f"condor {condor.id} is in quarantine"
            standing[key] = {"text": text, "since": condor.states[-1]["at"], "key": key, "act": _act(key)}
    for session in sessions:
        unequal = session.snapshots and session.snapshots[-1]["differences"]
        if unequal and session is sessions[-1]:
            text = "positions differ from the broker's at the end: " + ", ".join(
                f"{k} {v:+d}" for k, v in unequal.items()
            )
            standing.setdefault(
                "C30", {"text": text, "since": session.snapshots[-1]["at"], "key": "C30", "act": _act("C30")}
            )
    if replay["status"] == "diverged" and replay["code"] == sessions[-1].code_version:
        text = "the replay of this session made other decisions than the journal holds"
        row = {"text": text, "since": sessions[-1].day, "key": "replay", "act": "condor replay"}
        standing.setdefault("replay", row)
    return list(standing.values()), list(ended.values())


def _ended(alert: Json, found: Collected, armed: Sequence[str]) -> str | None:
    """How the cause of an alert ended; None while it is not known to have."""
    kind, _, subject = alert["key"].partition(".")
    if alert["key"].startswith(_BY_ARMING):
        after = [at for at in armed if at >= alert["at"]]
        return f"armed again at {after[0]}" if after else None
    condor = found.books.condors.get(subject)
    if condor is None or not condor.states:
        return None
    later = [s for s in condor.states if s["at"] > alert["at"]]
    now = condor.states[-1]["state"]
    if kind == "slow":
        over = next((s for s in later if s["state"] not in _WORKING), None)
        return None if over is None else f"{over['state']} at {over['at']}"
    if kind == "quarantine":
        return None if now == "quarantine" else f"{now} at {condor.states[-1]['at']}"
    if kind == "blind":
        if now in ENDED:
            return f"{now} at {condor.states[-1]['at']}"
        return _seen_again(alert, found, [c for c, q in condor.held.items() if q])
    return None


def _gone(alert: Json, sessions: Sequence[SessionFacts]) -> str | None:
    """How the cause of an alert about hedge or session ended; None while it is not known to have."""
    kind, _, subject = alert["key"].partition(".")
    if kind == "blocked":
        moves = [m for s in sessions for m in s.slot_moves if m["slot"] == subject and m["at"] > alert["at"]]
        left = moves and moves[-1]["after"] != "blocked"
        return f"{moves[-1]['after']} at {moves[-1]['at']}" if left else None
    if kind == "C53":
        said = [a for s in sessions for a in s.alerts if a["key"] == "C53" and a["at"] > alert["at"]]
        return f"explained at {said[-1]['at']}" if said and said[-1]["level"] == "info" else None
    if kind == "rotation":
        return _rotated(alert, sessions)
    return None


def _rotated(alert: Json, sessions: Sequence[SessionFacts]) -> str | None:
    """Rotations that found nobody: one filled later, or nothing asked for another for an hour of the session."""
    tries = [o for s in sessions for o in s.orders if ".rotate/" in o["chain"] and o["at"] >= alert["at"]]
    filled = [o for o in tries if o["state"] == "filled"]
    if filled:
        return f"rotated at {filled[-1].get('filled_at') or filled[-1]['at']}"
    last = datetime.fromisoformat(max([alert["at"], *(o["at"] for o in tries)]))
    end = sessions[-1].last_at if sessions[-1].hours is None else sessions[-1].hours.close_at
    if end is None or (end - last).total_seconds() < _QUIET_S:
        return None
    return f"not asked for since {last.isoformat()}"


def _seen_again(alert: Json, found: Collected, con_ids: Sequence[int]) -> str | None:
    """Whether every leg was quoted after the alert."""
    minute = int(datetime.fromisoformat(alert["at"]).timestamp() // 60)
    session = found.sessions[max(found.sessions)]
    last = [session.marks.last_minute(con_id) for con_id in con_ids]
    if not last or any(seen is None or seen <= minute for seen in last):
        return None
    return "its legs were quoted again"


def _act(key: str) -> str:
    """The command that shows or ends it."""
    kind, _, subject = key.partition(".")
    if kind in ("latch", "arm", "fault", "impossible"):
        return "condor status, then condor arm -m WHY"
    if kind in ("slow", "blind", "quarantine"):
        return f"condor why {subject}"
    if kind == "blocked":
        return f"condor why {subject}; condor arm releases the slot"
    if kind == "rotation":
        return "condor why hedge"
    if kind == "host":
        return "condor doctor"
    if kind == "flatten":
        return "condor status"
    return "compare with TWS; condor arm -m WHY when it is understood"
