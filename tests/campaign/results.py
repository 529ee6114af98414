"""The file of results: one JSON line per seed, appended as seeds end; what was played already is not played again."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from bot import __version__

ROOT = Path(__file__).resolve().parents[2]
PLAYED = ("bot", "risk", "strategies", "config", "tests/campaign", "tests/flow", "tests/oracle")
COUNTED = ("checked", "violated", "faults", "classes", "refused", "controls", "events")


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
    """One more seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, separators=(",", ":")) + "\n")


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Every seed so far; a line that was still being written when its process died is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)


def played(path: Path, code: str) -> set[tuple[str, int]]:
    """Seeds that this code has played."""
    return {(row["family"], row["seed"]) for row in rows(path) if row.get("code") == code}


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts over seeds: by family and in all."""
    families = sorted({row["family"] for row in found})
    return {
        "seeds": len(found),
        "liveness_seeds": sum(row["liveness"] for row in found),
        "failing_seeds": [f"{row['family']} {row['seed']}" for row in found if row["violated"]],
        "cpu_s": round(sum(row["cpu_s"] for row in found)),
        "families": {family: _counts([row for row in found if row["family"] == family]) for family in families},
        "all": _counts(found),
        "liveness_s": sorted(row["calm_after_s"] for row in found if row["calm_after_s"] is not None),
    }


def _counts(found: list[dict[str, Any]]) -> dict[str, Any]:
    counts: dict[str, Any] = {"seeds": len(found)}
    for name in COUNTED:
        total: Counter[str] = Counter()
        for row in found:
            total.update(row[name])
        counts[name] = dict(sorted(total.items()))
    return counts
