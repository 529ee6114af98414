"""Flattening: everything of ours is closed on a person's order, and then nothing trades. Where it stands, as a table.

Rules of the machine
- First every order of ours is cancelled and its end proven; then condors are closed, whole; then the hedge is sold.
- It moves by what is seen at a look: orders alive that do not close, no session or no link, nothing held any more.
- Once nothing is held trading is HALTED. A late execution brings it back to closing: it is held after all.
- Whatever stops everything (a kill above all) ends it for good; only a new command begins another.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from strategies.domain.book import Book
from strategies.domain.orders import OrderRecord
from strategies.domain.transitions import Row, Table

RULE = "X-FLAT"
"""The rule of its orders and decisions."""


class FlattenPhase(StrEnum):
    """What a flattening does now. WAITING: for a session, the link or a reconciliation; OVERRULED: ended by a kill."""

    CANCELLING = "cancelling"
    WAITING = "waiting"
    CLOSING = "closing"
    FLAT = "flat"
    OVERRULED = "overruled"


class FlattenTrigger(StrEnum):
    """What a look sees."""

    ORDERS_ALIVE = "orders_alive"
    MUST_WAIT = "must_wait"
    MAY_TRADE = "may_trade"
    NOTHING_HELD = "nothing_held"
    STOPPED = "stopped"


class Flatten(msgspec.Struct, frozen=True, kw_only=True):
    """One flattening. `text` says what it waits for or has left; `since` when the phase began."""

    who: str
    reason: str
    asked_at: datetime
    since: datetime
    phase: FlattenPhase = FlattenPhase.CANCELLING
    text: str = ""

    @property
    def running(self) -> bool:
        """Whether it still wants to close something."""
        return self.phase not in (FlattenPhase.FLAT, FlattenPhase.OVERRULED)


def not_closing(book: Book) -> tuple[OrderRecord, ...]:
    """Orders of ours that may still trade and are none of a flattening's own: what it cancels before anything else."""
    return tuple(record for record in book.live_orders() if record.intent.rule != RULE)


_P, _T = FlattenPhase, FlattenTrigger


def _rows() -> list[Row[FlattenPhase, FlattenTrigger]]:
    rows = [
        Row(_P.FLAT, _T.ORDERS_ALIVE, _P.CANCELLING, "an order believed over is alive: it is cancelled first"),
        Row(_P.FLAT, _T.MUST_WAIT, _P.WAITING, "a late execution: something is held after all, at no time to trade"),
        Row(_P.FLAT, _T.MAY_TRADE, _P.CLOSING, "a late execution: something is held after all"),
        Row(_P.FLAT, _T.NOTHING_HELD, _P.FLAT, "it stays so"),
        Row(_P.FLAT, _T.STOPPED, _P.OVERRULED, "a kill outranks it"),
    ]
    for phase in (_P.CANCELLING, _P.WAITING, _P.CLOSING):
        rows += [
            Row(phase, _T.ORDERS_ALIVE, _P.CANCELLING, "orders that do not close are cancelled, and their end proven"),
            Row(phase, _T.MUST_WAIT, _P.WAITING, "no session, or no reconciled link: nothing can be sent"),
            Row(phase, _T.MAY_TRADE, _P.CLOSING, "closing orders walk: condors first, then the hedge"),
            Row(phase, _T.NOTHING_HELD, _P.FLAT, "a snapshot later than the last order shows that nothing is held"),
            Row(phase, _T.STOPPED, _P.OVERRULED, "a kill outranks it at any moment"),
        ]
    rows += [
        Row(_P.OVERRULED, trigger, _P.OVERRULED, "ended: arm first, then it may be ordered anew") for trigger in _T
    ]
    return rows


FLATTEN_TABLE: Table[FlattenPhase, FlattenTrigger] = Table("flatten", _rows(), ours=(), terminal=(_P.OVERRULED,))
