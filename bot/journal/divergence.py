"""Where a replay first departs from the journal, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final

import msgspec

_SHOWN: Final = 20


class _Absent:
    """Marks a field or outcome that one side does not have."""

    def __repr__(self) -> str:
        return "(absent)"


ABSENT: Final = _Absent()


class FieldDiff(msgspec.Struct, frozen=True):
    """One differing field: `path` like `decisions[0].inputs.vix`; `expected` from the journal, `actual` re-made."""

    path: str
    expected: Any
    actual: Any

    def __str__(self) -> str:
        return f"{self.path or '(outcome)'}: journal {self.expected!r}, replay {self.actual!r}"


class Divergence(msgspec.Struct, frozen=True):
    """The first outcome that differs: its place in the sequence (from 0) and its differing fields, in order."""

    index: int
    fields: tuple[FieldDiff, ...]

    def __str__(self) -> str:
        shown = [f"  {field}" for field in self.fields[:_SHOWN]]
        more = len(self.fields) - _SHOWN
        if more > 0:
            shown.append(f"  and {more} more fields")
        return "\n".join([f"outcome {self.index} differs:", *shown])


def first_divergence(expected: Iterable[Mapping[str, Any]], actual: Iterable[Mapping[str, Any]]) -> Divergence | None:
    """The first difference between journaled and re-made outcomes (plain JSON values), None if there is none.

    Bit for bit: 1 differs from 1.0 and from True, 0.0 from -0.0. Key order does not matter, list order does. Reads no
    further than the difference.
    """
    for index, (want, got) in enumerate(zip_longest(expected, actual, fillvalue=ABSENT)):
        fields = tuple(_differences("", want, got))
        if fields:
            return Divergence(index, fields)
    return None


def _differences(path: str, expected: object, actual: object) -> Iterator[FieldDiff]:
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for key in [*expected, *(key for key in actual if key not in expected)]:
            inner = f"{path}.{key}" if path else str(key)
            yield from _differences(inner, expected.get(key, ABSENT), actual.get(key, ABSENT))
    elif isinstance(expected, list) and isinstance(actual, list):
        for index, (want, got) in enumerate(zip_longest(expected, actual, fillvalue=ABSENT)):
            yield from _differences(f"{path}[{index}]", want, got)
    elif repr(expected) != repr(actual):  # exact for floats; tells 0.0 from -0.0 and 1 from 1.0 and True
        yield FieldDiff(path, expected, actual)
