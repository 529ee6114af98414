"""Who may trade right now: trading state, latch causes and the state of the broker link."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class TradingState(StrEnum):
    """ACTIVE trades; REDUCING sends only orders that reduce risk; HALTED sends nothing but cancels.

    A HALTED that a limit set (`LIMIT_CAUSE`) cancels everything at once and then lets orders that reduce risk pass.
    """

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


LIMIT_CAUSE = "limit:"
"""Latches whose cause begins so were set by a limit: orders proven to reduce risk still pass them, even when HALTED."""


class LinkState(StrEnum):
    """State of the connection. Only UP allows new risk; DEGRADED means data or upstream connectivity is in doubt."""

    DOWN = "down"
    CONNECTING = "connecting"
    SYNCING = "syncing"
    UP = "up"
    DEGRADED = "degraded"


class Latch(msgspec.Struct, frozen=True):
    """A stop that only a person's `arm` removes."""

    cause: str
    state: TradingState
    at: datetime
    who: str
    reason: str

    @property
    def stops_everything(self) -> bool:
        """Whether under this latch nothing but cancels may be sent."""
        return self.state is TradingState.HALTED and not self.cause.startswith(LIMIT_CAUSE)


class OperatorVerb(StrEnum):
    """What a person can order from outside."""

    KILL = "kill"
    PAUSE = "pause"
    REDUCE = "reduce"
    ARM = "arm"
    STOP = "stop"


class Control(msgspec.Struct, frozen=True):
    """Latches in force and whether entries are paused."""

    latches: tuple[Latch, ...] = ()
    paused: bool = False

    @property
    def stops_everything(self) -> bool:
        """Whether nothing but cancels may be sent, not even what reduces risk."""
        return any(latch.stops_everything for latch in self.latches)

    @property
    def state(self) -> TradingState:
        """The strictest state any latch demands."""
        states = {latch.state for latch in self.latches}
        if TradingState.HALTED in states:
            return TradingState.HALTED
        return TradingState.REDUCING if TradingState.REDUCING in states else TradingState.ACTIVE
