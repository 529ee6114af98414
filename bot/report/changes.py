"""Which settings a run was started with that the run before it was not."""

from __future__ import annotations

import json

from bot.report.facts import Json


def changed_settings(before: str, after: str) -> list[Json]:
    """Settings that differ between two recorded configurations, by dotted key."""
    old, new = _flat(json.loads(before), ""), _flat(json.loads(after), "")
    return [
        {"key": key, "before": old.get(key), "after": new.get(key)}
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _flat(node: Json, prefix: str) -> Json:
    found: Json = {}
    for name, value in node.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found
