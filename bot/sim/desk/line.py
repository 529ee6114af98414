"""One market data line of one client, and what may keep it silent."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from bot.sim.desk.client import DeskClient
from bot.sim.types import ContractSpec, Leg


class DataKind(IntEnum):
    """Market data types of the protocol."""

    LIVE = 1
    FROZEN = 2
    DELAYED = 3
    DELAYED_FROZEN = 4


@dataclass(slots=True, eq=False)
class Line:
    """One market data line: a single contract, or the legs of a combination. `sent` holds the last (price, size) by
    tick type, `slow` the last value of each generic tick; `ends_at_s` is when a snapshot is given up."""

    client: DeskClient
    request_id: int
    spec: ContractSpec | None
    legs: tuple[Leg, ...]
    snapshot: bool
    greeks_from_s: float
    generic: frozenset[int] = frozenset()
    kind: DataKind = DataKind.LIVE
    row: int = -1
    greeks_sent: bool = False
    dead: bool = False
    halted: int = 0
    ends_at_s: float = 0.0
    sent: dict[int, tuple[float, int]] = field(default_factory=dict)
    slow: dict[int, object] = field(default_factory=dict)

    @property
    def delayed(self) -> bool:
        """Whether it has delayed data, by delayed tick types."""
        return self.kind in (DataKind.DELAYED, DataKind.DELAYED_FROZEN)

    @property
    def shows_past(self) -> bool:
        """Whether it shows anything but the present."""
        return self.kind is not DataKind.LIVE


class Blockade(Protocol):
    """A reason why lines are not fed."""

    def concerns(self, line: Line) -> bool:
        """Whether this line is not fed."""
        ...

    def silenced(self, line: Line) -> None:
        """The line has fallen silent: what the client is told, if anything."""
        ...
