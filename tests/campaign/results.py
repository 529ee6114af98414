"""The file of results: one JSON line per seed, appended as seeds end; what was played already is not played again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from bot import __version__

ROOT = Path(__file__).resolve().parents[2]
PLAYED = ("bot", "risk", "strategies", "config", "tests/campaign", "tests/flow", "tests/oracle")


@cache
def code() -> str:
    """Version and a hash over everything that a seed is played with: bot, simulator, configuration, rig and judges."""
    digest = hashlib.sha256()
    for folder in PLAYED:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".toml"):
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def append(path: Path, row: dict[str, Any]) -> None:
    """One more result, with the code it was run with and the day."""
    today = datetime.now(UTC).date().isoformat()  # noqa: TID251 - the day of the run, for people
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"code": code(), "on": today, **row}, separators=(",", ":")) + "\n")


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Every result so far; a line that was still being written when its process died is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)


def played(path: Path, code: str) -> set[tuple[str, int]]:
    """Seeds that this code has played."""
    return {(row["family"], row["seed"]) for row in rows(path) if row.get("code") == code}
