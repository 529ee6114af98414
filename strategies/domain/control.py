"""Who may trade right now: trading state, latch causes and the state of the broker link."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class TradingState(StrEnum):
    """ACTIVE trades; REDUCING sends only orders that reduce risk; HALTED sends nothing but cancels."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


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


class OperatorVerb(StrEnum):
    """What a person can order from outside."""

    KILL = "kill"
    PAUSE = "pause"
    REDUCE = "reduce"
    ARM = "arm"
    STOP = "stop"
    APPROVE = "approve"
    DECLINE = "decline"
    OVERRIDE = "override"
    ACK = "ack"


class Control(msgspec.Struct, frozen=True):
    """Latches in force and whether entries are paused. `suspended`: classes of actions that may not be begun now
    (`entry`, `discretionary`), each with the reason; only what decisions obey has them (`State.in_force`)."""

    latches: tuple[Latch, ...] = ()
    paused: bool = False
    suspended: dict[str, str] = {}

    @property
    def state(self) -> TradingState:
        """The strictest state any latch demands."""
        states = {latch.state for latch in self.latches}
        if TradingState.HALTED in states:
            return TradingState.HALTED
        return TradingState.REDUCING if TradingState.REDUCING in states else TradingState.ACTIVE
