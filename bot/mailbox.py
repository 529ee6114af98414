"""Commands from the command line to a running bot: small JSON files in STATE/commands, taken in order, once."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from bot import approvers
from strategies.domain.control import OperatorVerb
from strategies.domain.events import FaultNoted, OperatorCommanded

FOLDER = "commands"
_ALLOWED = (
    OperatorVerb.ARM,
    OperatorVerb.PAUSE,
    OperatorVerb.REDUCE,
    OperatorVerb.FLATTEN,
    OperatorVerb.APPROVE,
    OperatorVerb.DECLINE,
    OperatorVerb.OVERRIDE,
    OperatorVerb.ACK,
    OperatorVerb.CLOSED,
)
_ANSWERS = (OperatorVerb.APPROVE, OperatorVerb.DECLINE)


def leave(
    state_dir: Path,
    verb: OperatorVerb,
    who: str,
    reason: str,
    *,
    confirmed: bool,
    number: int,
    subject: str = "",
    approver: str = "",
    proof: str = "",
    until: datetime | None = None,
) -> Path:
    """Writes a command; `number` orders commands (a millisecond count). The bot looks several times a second."""
    folder = state_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{number:015d}-{verb.value}.json"
    draft = path.with_suffix(".draft")
    row: dict[str, Any] = {"verb": verb.value, "who": who, "reason": reason, "confirmed": confirmed}
    if verb in (*_ANSWERS, OperatorVerb.OVERRIDE, OperatorVerb.ACK, OperatorVerb.CLOSED):
        row |= {"subject": subject, "approver": approver, "proof": proof}
        row |= {"until": None if until is None else until.isoformat()}
    draft.write_text(json.dumps(row))
    draft.replace(path)
    return path


def message(verb: OperatorVerb, subject: str, number: int) -> str:
    """What an approver's proof is of: this answer to this question in this command, and no other."""
    return f"{verb.value} {subject} {number}"


def take(state_dir: Path, *, stopped_ms: int = 0) -> list[OperatorCommanded | FaultNoted]:
    """Removes and returns waiting commands; one that cannot be read becomes a fault and is set aside.

    `stopped_ms`, when the kill latch was last engaged: an `arm` left before that never saw this stop and is refused.
    """
    folder = state_dir / FOLDER
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except (FileNotFoundError, NotADirectoryError):
        return []
    taken: list[OperatorCommanded | FaultNoted] = []
    for name in names:
        path = folder / name
        try:
            raw = json.loads(path.read_text())
            number = int(name.partition("-")[0]) if name.partition("-")[0].isdigit() else 0
            command = _command(state_dir, raw, number, stopped_ms)
            path.unlink()
            taken.append(command)
        except FileNotFoundError:
            continue  # withdrawn between the listing and the look
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as reason:
            taken.append(FaultNoted(code="COMMAND", text=_refused(path, reason)))
    return taken


def _command(state_dir: Path, raw: Any, number: int, stopped_ms: int) -> OperatorCommanded:
    """The command in a file. Raises for one that may not be taken."""
    verb = OperatorVerb(raw["verb"])
    if verb not in _ALLOWED:
        raise ValueError(f"{verb.value} is not taken from files")
    if verb is OperatorVerb.ARM and number < stopped_ms:
        raise ValueError("the kill switch was pressed after this arm was asked for; look, then arm again")
    plain = OperatorCommanded(
        verb=verb, who=str(raw["who"]), reason=str(raw["reason"]), confirmed=raw["confirmed"] is True
    )
    if verb in _ANSWERS:
        subject, approver = str(raw["subject"]), str(raw["approver"])
        needed, meant = approver or approvers.names(state_dir), message(verb, subject, number)
        if needed and not approvers.proven(state_dir, approver, meant, str(raw["proof"])):
            raise ValueError(f"no proof that {approver or 'an approver'} meant {verb.value} {subject}")
        return OperatorCommanded(
            verb=verb, who=plain.who, reason=plain.reason, confirmed=plain.confirmed, subject=subject, approver=approver
        )
    if verb in (OperatorVerb.ACK, OperatorVerb.CLOSED):
        return msgspec.structs.replace(plain, subject=str(raw["subject"]))
    if verb is OperatorVerb.OVERRIDE:
        until = None if raw["until"] is None else datetime.fromisoformat(str(raw["until"]))
        if until is not None and until.tzinfo is None:
            raise ValueError(f"until {raw['until']} has no time zone")
        return OperatorCommanded(
            verb=verb, who=plain.who, reason=plain.reason, confirmed=plain.confirmed, subject=str(raw["subject"]),
            until=until,
        )  # fmt: skip
    return plain


def _refused(path: Path, reason: Exception) -> str:
    """Sets the file aside, so that it is told once, and says so."""
    text = f"command file {path.name} refused: {type(reason).__name__} {reason}"
    try:
        path.replace(path.with_suffix(".refused"))
    except OSError as trouble:
        text += f"; it could not be set aside ({trouble.strerror}), remove it by hand"
    return text
