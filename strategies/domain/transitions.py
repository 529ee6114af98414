"""State machines as tables: rows (state, trigger, next state, why), and the two ways a move can be wrong.

A move that our own code asked for and the table lacks is `IllegalMove`: a bug of ours.
A move that the world reports and the table lacks is `ImpossibleEvent`: the world contradicts the table, and the
holder of the machine goes to quarantine. Neither changes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

S = TypeVar("S", bound=Enum)
T = TypeVar("T", bound=Enum)


class IllegalMove(Exception):
    """Our own code asked for a move the table does not have."""


class ImpossibleEvent(Exception):
    """The world reported something the table says cannot happen in this state."""


class Row(NamedTuple, Generic[S, T]):
    """One allowed move and the reason it exists."""

    state: S
    trigger: T
    then: S
    why: str


class Table(Generic[S, T]):
    """A complete transition table; `ours` lists the triggers our own code fires (the rest are facts of the world)."""

    def __init__(self, name: str, rows: Iterable[Row[S, T]], *, ours: Iterable[T], terminal: Iterable[S]) -> None:
        self.name = name
        self.rows: Sequence[Row[S, T]] = tuple(rows)
        self.ours = frozenset(ours)
        self.terminal = frozenset(terminal)
        self._next: dict[tuple[S, T], S] = {}
        for row in self.rows:
            if (row.state, row.trigger) in self._next:
                raise ValueError(f"{name}: two rows for {row.state.name} + {row.trigger.name}")
            self._next[(row.state, row.trigger)] = row.then

    def allows(self, state: S, trigger: T) -> bool:
        """Whether the table has this move."""
        return (state, trigger) in self._next

    def move(self, state: S, trigger: T) -> S:
        """The next state. Raises IllegalMove or ImpossibleEvent, by whose trigger it is."""
        try:
            return self._next[(state, trigger)]
        except KeyError:
            kind = IllegalMove if trigger in self.ours else ImpossibleEvent
            raise kind(f"{self.name}: {state.name} has no move for {trigger.name}") from None

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram, for the docs."""
        lines = ["stateDiagram-v2"]
        lines += [f"    {row.state.name} --> {row.then.name}: {row.trigger.name}" for row in self.rows]
        lines += [f"    {state.name} --> [*]" for state in sorted(self.terminal, key=lambda s: s.name)]
        return "\n".join(lines)

    def markdown(self) -> str:
        """The table as Markdown rows, for the docs."""
        lines = ["| state | trigger | next | why |", "|---|---|---|---|"]
        lines += [f"| {r.state.name} | {r.trigger.name} | {r.then.name} | {r.why} |" for r in self.rows]
        return "\n".join(lines)
