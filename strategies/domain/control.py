"""Who may trade right now: trading state, latch causes and the state of the broker link."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class TradingState(StrEnum):
    """ACTIVE trades; REDUCING sends only orders that reduce risk; FLATTENING only closings, until nothing is held;
    HALTED nothing but cancels."""

    ACTIVE = "active"
    REDUCING = "reducing"
    FLATTENING = "flattening"
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


LIMIT_CAUSE = "limit:"
"""Latches whose cause begins so were set by a limit: orders proven to reduce risk still pass them, even when HALTED."""

FLATTEN_CAUSE = "flatten"
"""The latch of a flattening: FLATTENING while something of ours is held, HALTED once nothing is."""


def stops_everything(latch: Latch) -> bool:
    """Whether under this latch nothing but cancels may be sent."""
    return latch.state is TradingState.HALTED and not latch.cause.startswith(LIMIT_CAUSE)


class OperatorVerb(StrEnum):
    """What a person can order from outside."""

    KILL = "kill"
    PAUSE = "pause"
    REDUCE = "reduce"
    FLATTEN = "flatten"
    ARM = "arm"
    STOP = "stop"
    APPROVE = "approve"
    DECLINE = "decline"
    OVERRIDE = "override"
    ACK = "ack"
    CLOSED = "closed"


class Control(msgspec.Struct, frozen=True):
    """Latches in force and whether entries are paused. `suspended`: classes of actions that may not be begun now
    (`entry`, `discretionary`), each with the reason; only what decisions obey has them (`State.in_force`)."""

    latches: tuple[Latch, ...] = ()
    paused: bool = False
    suspended: dict[str, str] = {}

    @property
    def state(self) -> TradingState:
        """The strictest state any latch demands. A limit that halts does not hold up a flattening: what it fears, the
        forced sale of positions, closing them prevents."""
        if not self.latches:
            return TradingState.ACTIVE
        if any(stops_everything(latch) for latch in self.latches):
            return TradingState.HALTED
        states = {latch.state for latch in self.latches}
        for state in (TradingState.FLATTENING, TradingState.HALTED, TradingState.REDUCING):
            if state in states:
                return state
        return TradingState.ACTIVE

    @property
    def hunts(self) -> bool:
        """Whether every order at the broker is to be cancelled while HALTED, whoever sent it. After a flattening alone
        nothing of ours works, and what others do is theirs."""
        return self.state is TradingState.HALTED and any(
            latch.state is TradingState.HALTED and latch.cause != FLATTEN_CAUSE for latch in self.latches
        )
