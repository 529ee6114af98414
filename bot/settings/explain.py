"""What a setting means: value, where it was written and what it overrides, default, what is allowed, who reads it."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from datetime import time
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bot.rules.catalogue import catalogue, expanded
from bot.settings.layers import ENV_NESTED, ENV_PREFIX, flatten
from bot.settings.load import Loaded
from bot.settings.models import Settings, known_keys
from risk.limits import BOUNDS

Json = dict[str, Any]
_SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
_JUDGED = ("condor", "alvh", "signals", "engine", "governance")
"""Sections whose structs judge their own values, together and not each alone."""


def below(key: str) -> tuple[str, ...]:
    """The settings under a section, or the one setting of that name; empty where there is none."""
    return tuple(sorted(name for name in known_keys() if name == key or name.startswith(f"{key}.")))


def explain(loaded: Loaded, key: str) -> Json:
    """Everything about one known setting, as plain values."""
    values = flatten(loaded.settings.model_dump(mode="json"), known_keys())
    written = [
        {"from": layer.origin(key), "value": _shown(layer.get(key))} for layer in loaded.layers if layer.has(key)
    ]
    meaning = next((layer.comments[key] for layer in loaded.layers if layer.comments.get(key)), "")
    return {
        "key": key,
        "value": values.get(key),
        "from": loaded.origin(key),
        "meaning": meaning,
        "default": written[0]["value"] if written else values.get(key),
        "overrides": written[:-1],
        "allowed": allowed(key),
        "variable": f"{ENV_PREFIX}{key.upper().replace('.', ENV_NESTED)}",
        "rules": list(_readers().get(key, ())),
    }


@cache
def _readers() -> dict[str, tuple[str, ...]]:
    """Rules by the settings that they read."""
    known, found = known_keys(), dict[str, tuple[str, ...]]()
    for name, rule in catalogue().rules.items():
        for key in expanded(rule.keys, known):
            found[key] = (*found.get(key, ()), name)
    return found


def _shown(value: Any) -> Any:
    """A value of a TOML layer as JSON can tell it."""
    if isinstance(value, dict):
        return {name: _shown(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def allowed(key: str) -> str:
    """What the setting may be, in words."""
    section, _, name = key.rpartition(".")
    if section == "risk" and name in BOUNDS:
        bound = BOUNDS[name]
        stricter = f"; {bound.tighter} is stricter" if bound.tighter else ""
        return f"{bound.low:g} to {bound.high:g}{stricter}"
    field = _field(key)
    if field is None:
        return "see its section"
    words = _kind(field.annotation)
    marks = [(mark, name, sign) for mark in field.metadata for name, sign in _SIGNS.items() if hasattr(mark, name)]
    limits = [f"{sign} {getattr(mark, name):g}" for mark, name, sign in marks]
    if limits:
        return f"{words}, {' and '.join(limits)}"
    judged = " (its section judges it together with others: condor config check)"
    return words + (judged if key.partition(".")[0] in _JUDGED and words in ("a number", "a whole number") else "")


def _field(key: str) -> Any:
    model: Any = Settings
    *path, last = key.split(".")
    for part in path:
        field = model.model_fields.get(part)
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return None
        model = field.annotation
    return model.model_fields.get(last)


def _kind(hint: Any) -> str:
    """A type in words."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _kind(typing.get_args(hint)[0])
    if origin is typing.Literal:
        return " or ".join(repr(word) for word in typing.get_args(hint))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_kind(part) for part in typing.get_args(hint) if part is not type(None)))
    if origin in (tuple, list, frozenset):
        inner = dict.fromkeys(_kind(part) for part in typing.get_args(hint) if part is not Ellipsis)
        return f"a list, each {' or '.join(inner)}"
    if origin is dict:
        return "a table"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " or ".join(repr(member.value) for member in hint)
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))


_WORDS: dict[Any, str] = {
    bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path",
    time: "a time of day",
}  # fmt: skip


def lines(found: Json) -> Iterator[str]:
    """An explanation for people."""
    yield f"{found['key']} = {found['value']!r}"
    if found["meaning"]:
        yield f"  {found['meaning']}"
    yield f"  from      {found['from']}"
    for row in reversed(found["overrides"]):
        yield f"  instead of {row['value']!r} from {row['from']}"
    yield f"  allowed   {found['allowed']}"
    yield f"  variable  {found['variable']}"
    if found["rules"]:
        yield f"  rules     {', '.join(found['rules'])} (condor rules NAME)"
