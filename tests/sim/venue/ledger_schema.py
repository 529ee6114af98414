"""Judges a ledger line by the JSON schema that the docs publish: the few keywords which that schema uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMA = json.loads((Path(__file__).resolve().parents[3] / "docs/gateway-ledger.schema.json").read_text("utf-8"))

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def trouble(line: dict[str, Any]) -> str:
    """Why the line is not as the schema says, empty where it is."""
    kinds = {rule["properties"]["kind"]["const"]: rule for rule in map(_resolved, SCHEMA["oneOf"])}
    if line.get("kind") not in kinds:
        return f"kind {line.get('kind')!r} is not in the schema"
    return _trouble(line, kinds[line["kind"]], line["kind"])


def _resolved(rule: dict[str, Any]) -> dict[str, Any]:
    return SCHEMA["$defs"][rule["$ref"].rpartition("/")[2]] if "$ref" in rule else rule


def _trouble(value: Any, rule: dict[str, Any], where: str) -> str:
    rule = _resolved(rule)
    if "const" in rule and value != rule["const"]:
        return f"{where} is {value!r}, not {rule['const']!r}"
    if "enum" in rule and value not in rule["enum"]:
        return f"{where} is {value!r}, not one of {rule['enum']}"
    if "type" in rule:
        names = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
        fits = isinstance(value, tuple(kind for name in names for kind in _TYPES[name]))
        if not fits or (isinstance(value, bool) and "boolean" not in names):
            return f"{where} is {value!r}, not {' or '.join(names)}"
    for name in rule.get("required", ()) if isinstance(value, dict) else ():
        if name not in value:
            return f"{where} has no {name}"
    parts = rule.get("properties", {}).items() if isinstance(value, dict) else ()
    found = [_trouble(value[name], part, f"{where}.{name}") for name, part in parts if name in value]
    if isinstance(value, list):
        found += [_trouble(item, rule["items"], f"{where}[{place}]") for place, item in enumerate(value)]
    return next((text for text in found if text), "")
