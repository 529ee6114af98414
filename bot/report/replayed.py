"""What `condor replay` found, kept beside the journal so that reports can show it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.report.facts import Json

REPLAY_FILE = "replay.json"


def note_replay(state_dir: Path, result: Json) -> None:
    """Keeps the result of a replay; one of each session, the newest."""
    kept = _read(state_dir)
    kept[str(result["session"])] = result
    (state_dir / REPLAY_FILE).write_text(json.dumps(kept), encoding="utf-8")


def replay_badge(state_dir: Path, days: Sequence[str], last_seq: int) -> Json:
    """The result for these sessions: `status` identical, diverged or not run; `records_since` what came after."""
    kept = _read(state_dir)
    names = [*days, "all"] if len(days) == 1 else ["all"]
    found = [kept[name] for name in names if name in kept]
    if not found:
        return {"status": "not run", "session": None, "events": None, "outcomes": None, "first_divergence": None,
                "code": None, "records_since": None}  # fmt: skip
    best: Json = max(found, key=lambda row: (row["status"] == "diverged", row.get("to_seq", 0)))
    keys = ("status", "session", "events", "outcomes", "first_divergence", "code")
    return {**{key: best.get(key) for key in keys}, "records_since": max(0, last_seq - int(best.get("to_seq", 0)))}


def _read(state_dir: Path) -> dict[str, Any]:
    try:
        told: Any = json.loads((state_dir / REPLAY_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    sound = isinstance(told, dict) and all(isinstance(row, dict) and "status" in row for row in told.values())
    return dict(told) if sound else {}
