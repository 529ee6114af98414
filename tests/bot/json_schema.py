"""A checker of JSON against a schema, written apart from the library that makes the schemas."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "object": (dict,),
    "array": (list,), "null": (type(None),),
}  # fmt: skip
_KNOWN = {
    "$schema", "$ref", "$defs", "title", "description", "default", "type", "enum", "const", "anyOf", "properties",
    "required", "additionalProperties", "items", "prefixItems", "minItems", "maxItems", "format", "discriminator",
}  # fmt: skip


def faults(value: Any, schema: dict[str, Any], whole: dict[str, Any], at: str = "$") -> list[str]:
    """Where the value is not as the schema says; a word of the schema that is not known here is a fault too."""
    if unknown := set(schema) - _KNOWN:
        return [f"{at}: the checker does not know {sorted(unknown)}"]
    if "$ref" in schema:
        return faults(value, whole["$defs"][schema["$ref"].removeprefix("#/$defs/")], whole, at)
    if "discriminator" in schema:
        told = schema["discriminator"]
        ref = told["mapping"].get(value.get(told["propertyName"])) if isinstance(value, dict) else None
        return [f"{at}: no {told['propertyName']}"] if ref is None else faults(value, {"$ref": ref}, whole, at)
    if "anyOf" in schema:
        tries = [faults(value, option, whole, at) for option in schema["anyOf"]]
        return [] if [] in tries else [f"{at}: fits none of {len(tries)}: {min(tries, key=len)}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at}: {value!r} is none of {schema['enum']}"]
    if "const" in schema and value != schema["const"]:
        return [f"{at}: {value!r} is not {schema['const']!r}"]
    kinds = _TYPES.get(schema.get("type", ""), ())
    if kinds and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
        return [f"{at}: {value!r} is no {schema['type']}"]
    return [*_format(value, schema, at), *_object(value, schema, whole, at), *_array(value, schema, whole, at)]


def _format(value: Any, schema: dict[str, Any], at: str) -> list[str]:
    reads = {"date-time": datetime.fromisoformat, "date": date.fromisoformat}.get(schema.get("format", ""))
    if reads is None:
        return []
    try:
        reads(value)
    except ValueError:
        return [f"{at}: {value!r} is no {schema['format']}"]
    return []


def _object(value: Any, schema: dict[str, Any], whole: dict[str, Any], at: str) -> list[str]:
    if not isinstance(value, dict):
        return []
    listed, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    found = [f"{at}: {key} is missing" for key in schema.get("required", ()) if key not in value]
    for key, item in value.items():
        if key in listed:
            found += faults(item, listed[key], whole, f"{at}.{key}")
        elif more is False or (listed and more is True):
            found.append(f"{at}: {key} is not listed")
        elif isinstance(more, dict):
            found += faults(item, more, whole, f"{at}.{key}")
    return found


def _array(value: Any, schema: dict[str, Any], whole: dict[str, Any], at: str) -> list[str]:
    if not isinstance(value, list):
        return []
    fixed = schema.get("prefixItems", [])
    rest: list[str] = []
    for number, item in enumerate(value):
        rule = fixed[number] if number < len(fixed) else schema.get("items", {})
        if isinstance(rule, dict):
            rest += faults(item, rule, whole, f"{at}[{number}]")
    short = len(value) < schema.get("minItems", 0) or len(value) > schema.get("maxItems", len(value))
    return [f"{at}: {len(value)} items", *rest] if short else rest
