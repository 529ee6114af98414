"""Sets of numbers as people write them: `0-4,9` is what was played of a family."""

from __future__ import annotations

from collections.abc import Iterable


def read(text: str) -> set[int]:
    """The numbers of a text; an empty text has none. Raises ValueError for what is no number or range."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        low, _, high = part.partition("-")
        found.update(range(int(low), int(high or low) + 1))
    return found


def write(numbers: Iterable[int]) -> str:
    """The shortest text for them, ascending."""
    parts: list[list[int]] = []
    for number in sorted(set(numbers)):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in parts)
