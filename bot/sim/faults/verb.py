"""What a verb is: one declared row of name, layer, typed arguments, one sentence and the function that does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from bot.sim.faults.arguments import Argument, Arguments, FaultError, read_arguments, unknown

Reach = TypeVar("Reach")
"""What the verb's function may touch: a Stage for faults, a control connection for the channel's own verbs."""


Act = Callable[[Reach, Arguments], Mapping[str, object]]
"""What does it: takes what it may touch and the checked arguments, returns what the reply tells (JSON values)."""


class Layer(StrEnum):
    """Which part of the gateway a verb touches, in the order of the documentation."""

    CONTROL = "control"
    TRANSPORT = "transport"
    MESSAGES = "messages"
    SESSION = "session"
    DESK = "desk"
    VENUE = "venue"
    MARKET = "market"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Verb(Generic[Reach]):
    """One row. `act` raises FaultError, before anything has happened, for what cannot be done now."""

    name: str
    layer: Layer
    text: str
    act: Act[Reach]
    arguments: tuple[Argument, ...] = ()

    def read(self, values: Mapping[str, object]) -> Arguments:
        """The arguments checked. Raises FaultError naming the verb and the argument."""
        try:
            return read_arguments(self.arguments, values)
        except FaultError as error:
            raise FaultError(f"{self.name}: {error}") from None

    def facts(self) -> dict[str, object]:
        """Its documentation as plain values."""
        described = [argument.facts() for argument in self.arguments]
        return {"layer": self.layer.value, "text": self.text, "arguments": described}


def by_name(rows: Iterable[Verb[Reach]]) -> dict[str, Verb[Reach]]:
    """Verbs under their names. Raises ValueError for a name declared twice, or an argument declared twice."""
    table: dict[str, Verb[Reach]] = {}
    for row in rows:
        names = [argument.name for argument in row.arguments]
        if row.name in table or len(set(names)) < len(names):
            raise ValueError(f"verb {row.name!r}, or one of its arguments, is declared twice")
        table[row.name] = row
    return table


def find(table: Mapping[str, Verb[Reach]], name: object, more: Iterable[str] = ()) -> Verb[Reach]:
    """The verb of that name. Raises FaultError naming the known ones (`more` are known elsewhere)."""
    found = table.get(name) if isinstance(name, str) else None
    if found is None:
        raise FaultError(unknown("verb", name, [*more, *table]))
    return found
