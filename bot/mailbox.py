"""Commands from the command line to a running bot: small JSON files in STATE/commands, taken in order, once."""

from __future__ import annotations

import json
import os
from pathlib import Path

from strategies.domain.control import OperatorVerb
from strategies.domain.events import FaultNoted, OperatorCommanded

FOLDER = "commands"
_ALLOWED = (OperatorVerb.ARM, OperatorVerb.PAUSE, OperatorVerb.REDUCE)


def leave(state_dir: Path, verb: OperatorVerb, who: str, reason: str, *, confirmed: bool, number: int) -> Path:
    """Writes a command; `number` orders commands (a millisecond count). The bot looks several times a second."""
    folder = state_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{number:015d}-{verb.value}.json"
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({"verb": verb.value, "who": who, "reason": reason, "confirmed": confirmed}))
    draft.replace(path)
    return path


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
            verb = OperatorVerb(raw["verb"])
            if verb not in _ALLOWED:
                raise ValueError(f"{verb.value} is not taken from files")
            if verb is OperatorVerb.ARM and int(name.partition("-")[0]) < stopped_ms:
                raise ValueError("the kill switch was pressed after this arm was asked for; look, then arm again")
            command = OperatorCommanded(
                verb=verb, who=str(raw["who"]), reason=str(raw["reason"]), confirmed=raw["confirmed"] is True
            )
            path.unlink()
            taken.append(command)
        except FileNotFoundError:
            continue  # withdrawn between the listing and the look
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as reason:
            taken.append(FaultNoted(code="COMMAND", text=_refused(path, reason)))
    return taken


def _refused(path: Path, reason: Exception) -> str:
    """Sets the file aside, so that it is told once, and says so."""
    text = f"command file {path.name} refused: {type(reason).__name__} {reason}"
    try:
        path.replace(path.with_suffix(".refused"))
    except OSError as trouble:
        text += f"; it could not be set aside ({trouble.strerror}), remove it by hand"
    return text
