"""Account ids and characters that no output may carry: one function for everything that people or machines read."""

from __future__ import annotations

import re
from typing import Any

_ACCOUNT = re.compile(r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf]))(D?[UFI]|D)\d{2,}(\d{3})(?![A-Za-z0-9])")
"""An id stands free, or behind the letter of an escape in JSON (`\\nDU...`)."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def mask(text: str) -> str:
    """Account ids as DU***567; control characters, reordering marks and broken characters as `?`."""
    return _CONTROL.sub("?", _ACCOUNT.sub(r"\1***\2", text))


def masked(value: Any) -> Any:
    """Plain values (as JSON has them) with every text in them masked, keys too; numbers and shape stay."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask(key) if isinstance(key, str) else key: masked(inner) for key, inner in value.items()}
    if type(value) in (list, tuple):
        return type(value)(masked(inner) for inner in value)
    return value
