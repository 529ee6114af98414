"""What the state directory keeps for the page to show: the reports of earlier sessions, and the last kill drill."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

from bot.report.files import FOLDER
from bot.web.view.numbers import Json

REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""A report brings its style inside itself; it has no script, and none may run."""

DRILL_FILE = "drill.json"
MOST_BYTES = 4_000_000
_NAME = re.compile(r"(\d{4}-\d{2}-\d{2}|week-\d{4}-\d{2}-\d{2}|all)\.html")


def report_names(state_dir: Path) -> list[str]:
    """Files of reports, the newest first; empty where none was written or the folder cannot be read."""
    try:
        names = [path.name for path in (state_dir / FOLDER).iterdir()]
    except OSError:
        return []
    return sorted((name for name in names if _NAME.fullmatch(name)), reverse=True)


def report_body(state_dir: Path, name: str) -> bytes | None:
    """A report's page; None for a name that is none of them, or a file that cannot be read."""
    path = state_dir / FOLDER / name
    if not _NAME.fullmatch(name):
        return None
    try:
        with path.open("rb") as file:
            body = file.read(MOST_BYTES + 1)
    except OSError:
        return None
    return body if len(body) <= MOST_BYTES else None


def last_drill(state_dir: Path) -> Json | None:
    """When the kill drill was last pressed, how many of its triggers ended every order and how long the slowest took;
    None where nobody drilled or the file cannot be read."""
    try:
        told = json.loads((state_dir / DRILL_FILE).read_text(encoding="utf-8"))
        at = datetime.fromisoformat(told["at"])
        return {
            "at": at.isoformat(),
            "triggers": int(told["triggers"]),
            "failed": int(told["failed"]),
            "slowest_ms": None if told["slowest_ms"] is None else float(told["slowest_ms"]),
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None
