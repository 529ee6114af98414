"""Orders: what is intended, and the table of what an order can be according to evidence.

Rules of the machine
- Identity is our `ref` (sent as the order reference) and the broker's perm id; the session's order id names nothing.
- The client library's word `Cancelled` is a claim. So is a reject. Open orders, completed orders and executions of
  one complete broker snapshot prove it.
- Fills move an order whatever its state: a fill after a proven cancel is possible in the real world and has its row.
- UNKNOWN (never acknowledged, or lost with the socket) blocks new risk until a snapshot resolves it. Nothing is resent.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from strategies.domain.transitions import Row, Table

CONDOR_PREFIX = "ic-"
"""Condor ids, and so the references of their orders, begin with it."""


class Action(StrEnum):
    """Direction of a leg."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL."""
        return 1 if self is Action.BUY else -1

    @property
    def opposite(self) -> Action:
        """The other direction."""
        return Action.SELL if self is Action.BUY else Action.BUY


class Purpose(StrEnum):
    """Why an order exists; also its priority lane (protect > exit > hedge > enter)."""

    ENTRY = "entry"
    EXIT = "exit"
    ADJUST = "adjust"
    HEDGE = "hedge"


class LegIntent(msgspec.Struct, frozen=True):
    """One leg of a combo: `ratio` contracts per unit. `slot` is the hedge slot it belongs to, None for a condor's."""

    con_id: int
    ratio: int
    action: Action
    slot: int | None = None


class PlaceIntent(msgspec.Struct, frozen=True, tag="place"):
    """A wish to trade `quantity` units of `legs` at one net limit.

    `limit_points` is the net price per share the unit costs: positive = pay a debit, negative = collect a credit.
    `mid_points` is the legs' net mid when decided (same sign rule), `natural_points` the price that would trade at
    once. `chain_ref` groups the attempts of one price walk; `attempt` counts from 1. `owner` is the condor's id, or
    HEDGE_OWNER for the hedge, whose legs then name their slots.
    """

    ref: str
    chain_ref: str
    attempt: int
    purpose: Purpose
    owner: str
    rule: str
    legs: tuple[LegIntent, ...]
    quantity: int
    limit_points: float
    mid_points: float
    natural_points: float
    decided_at: datetime
    text: str = ""


class CancelIntent(msgspec.Struct, frozen=True, tag="cancel"):
    """A wish to cancel one of our working orders. Never blocked by anything."""

    ref: str
    rule: str
    text: str = ""


Intent = PlaceIntent | CancelIntent


class OrderState(StrEnum):
    """Where an order stands, by evidence."""

    APPROVED = "approved"
    SENT = "sent"
    WORKING = "working"
    CANCELING = "canceling"
    CANCEL_CLAIMED = "cancel_claimed"
    REJECT_CLAIMED = "reject_claimed"
    UNKNOWN = "unknown"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ABSENT = "absent"


class OrderTrigger(StrEnum):
    """What can happen to an order."""

    SEND = "send"
    SEND_REFUSED = "send_refused"
    CANCEL = "cancel"
    ACKNOWLEDGED = "acknowledged"
    CANCEL_REPORTED = "cancel_reported"
    REJECT_REPORTED = "reject_reported"
    LOST = "lost"
    FILLED_WHOLLY = "filled_wholly"
    FILLED_LATE = "filled_late"
    PROVED_WORKING = "proved_working"
    PROVED_CANCELED = "proved_canceled"
    PROVED_REJECTED = "proved_rejected"
    PROVED_ABSENT = "proved_absent"
    DAY_ENDED = "day_ended"


_S = OrderState
_T = OrderTrigger
_DOUBT = (_S.SENT, _S.CANCEL_CLAIMED, _S.REJECT_CLAIMED, _S.UNKNOWN)
_LIVE = (_S.SENT, _S.WORKING, _S.CANCELING, _S.CANCEL_CLAIMED, _S.REJECT_CLAIMED, _S.UNKNOWN)


def _rows() -> list[Row[OrderState, OrderTrigger]]:
    rows = [
        Row(_S.APPROVED, _T.SEND, _S.SENT, "handed to the socket"),
        Row(_S.APPROVED, _T.SEND_REFUSED, _S.ABSENT, "latch, dead link or deadline: never written"),
        Row(_S.APPROVED, _T.LOST, _S.UNKNOWN, "restart between intent and send: prove absence first"),
        Row(_S.SENT, _T.ACKNOWLEDGED, _S.WORKING, "first status from the broker"),
        Row(_S.WORKING, _T.ACKNOWLEDGED, _S.WORKING, "statuses repeat"),
        Row(_S.CANCELING, _T.ACKNOWLEDGED, _S.CANCELING, "status crossed our cancel"),
        Row(_S.UNKNOWN, _T.ACKNOWLEDGED, _S.WORKING, "a late acknowledgement resolves the doubt"),
        Row(_S.CANCEL_CLAIMED, _T.ACKNOWLEDGED, _S.WORKING, "the claim was false: the order lives"),
        Row(_S.REJECT_CLAIMED, _T.ACKNOWLEDGED, _S.WORKING, "the notice was not a reject"),
        Row(_S.SENT, _T.CANCEL, _S.CANCELING, "cancel before any status"),
        Row(_S.WORKING, _T.CANCEL, _S.CANCELING, "we asked to cancel"),
        Row(_S.CANCELING, _T.CANCEL, _S.CANCELING, "cancel repeated"),
        Row(_S.UNKNOWN, _T.CANCEL, _S.UNKNOWN, "cancel into doubt; proof still decides"),
        Row(_S.CANCEL_CLAIMED, _T.CANCEL, _S.CANCEL_CLAIMED, "cancel repeated while proving"),
        Row(_S.REJECT_CLAIMED, _T.CANCEL, _S.REJECT_CLAIMED, "cancel repeated while proving"),
        Row(_S.WORKING, _T.PROVED_WORKING, _S.WORKING, "snapshot agrees"),
        Row(_S.CANCELING, _T.PROVED_WORKING, _S.CANCELING, "cancel not effective yet"),
        Row(_S.CANCELED, _T.FILLED_WHOLLY, _S.FILLED, "late fill after a proven cancel"),
        Row(_S.EXPIRED, _T.FILLED_WHOLLY, _S.FILLED, "late fill reported after the day ended"),
        Row(_S.ABSENT, _T.FILLED_WHOLLY, _S.FILLED, "the broker had it after all"),
        Row(_S.REJECTED, _T.FILLED_WHOLLY, _S.FILLED, "inactive order revived and filled"),
        Row(_S.FILLED, _T.FILLED_WHOLLY, _S.FILLED, "fills repeat"),
        Row(_S.CANCELED, _T.FILLED_LATE, _S.UNKNOWN, "an execution after the end: prove it again"),
        Row(_S.EXPIRED, _T.FILLED_LATE, _S.UNKNOWN, "an execution after the end: prove it again"),
        Row(_S.ABSENT, _T.FILLED_LATE, _S.UNKNOWN, "the broker had it after all: more legs may follow"),
        Row(_S.REJECTED, _T.FILLED_LATE, _S.UNKNOWN, "inactive order revived: more legs may follow"),
        Row(_S.ABSENT, _T.ACKNOWLEDGED, _S.WORKING, "the broker had it after all"),
        Row(_S.REJECTED, _T.ACKNOWLEDGED, _S.WORKING, "inactive order revived"),
        Row(_S.CANCELED, _T.PROVED_WORKING, _S.WORKING, "the snapshot outweighs an earlier proof"),
        Row(_S.EXPIRED, _T.PROVED_WORKING, _S.WORKING, "the snapshot outweighs an earlier proof"),
        Row(_S.REJECTED, _T.PROVED_WORKING, _S.WORKING, "inactive order revived"),
        Row(_S.ABSENT, _T.PROVED_WORKING, _S.WORKING, "the broker had it after all"),
    ]
    for state in _LIVE:
        rows.append(Row(state, _T.FILLED_WHOLLY, _S.FILLED, "executions complete the quantity in ratio"))
        rows.append(Row(state, _T.CANCEL_REPORTED, _S.CANCEL_CLAIMED, "someone says cancelled; prove it"))
        rows.append(Row(state, _T.REJECT_REPORTED, _S.REJECT_CLAIMED, "someone says rejected; prove it"))
        rows.append(Row(state, _T.LOST, _S.UNKNOWN, "socket lost or acknowledgement overdue"))
        rows.append(Row(state, _T.PROVED_CANCELED, _S.CANCELED, "complete snapshot: cancelled, fills counted"))
        rows.append(Row(state, _T.PROVED_REJECTED, _S.REJECTED, "complete snapshot: not open, nothing filled"))
        rows.append(Row(state, _T.PROVED_ABSENT, _S.ABSENT, "complete snapshots: the broker never had it"))
        rows.append(Row(state, _T.DAY_ENDED, _S.EXPIRED, "day order after the close, proven not open"))
    for state in _DOUBT:
        rows.append(Row(state, _T.PROVED_WORKING, _S.WORKING, "complete snapshot shows it open"))
    for state in (_S.FILLED, _S.CANCELED, _S.EXPIRED):
        for trigger in (_T.ACKNOWLEDGED, _T.CANCEL_REPORTED, _T.REJECT_REPORTED, _T.CANCEL, _T.LOST):
            rows.append(Row(state, trigger, state, "echo after the end"))
    for state in (_S.REJECTED, _S.ABSENT):
        for trigger in (_T.CANCEL_REPORTED, _T.REJECT_REPORTED, _T.CANCEL, _T.LOST):
            rows.append(Row(state, trigger, state, "echo after the end"))
    return rows


ORDER_TABLE: Table[OrderState, OrderTrigger] = Table(
    "order",
    _rows(),
    ours=(_T.SEND, _T.SEND_REFUSED, _T.CANCEL),
    terminal=(_S.FILLED, _S.CANCELED, _S.REJECTED, _S.EXPIRED, _S.ABSENT),
)

LIVE_STATES = frozenset((_S.APPROVED, *_LIVE))
"""States in which the order may still trade: they count in the worst case."""

DOUBTFUL_STATES = frozenset((_S.CANCEL_CLAIMED, _S.REJECT_CLAIMED, _S.UNKNOWN))
"""States that a broker snapshot has to resolve before anything new is sent."""


class OrderRecord(msgspec.Struct, frozen=True):
    """One order of ours with its evidence.

    `filled_by_leg` is signed contracts per con id (BUY positive), from executions only.
    """

    intent: PlaceIntent
    state: OrderState
    approved_at: datetime
    changed_at: datetime
    sent_at: datetime | None = None
    perm_id: int | None = None
    order_id: int | None = None
    filled_by_leg: dict[int, int] = {}
    absences: int = 0
    last_code: int | None = None
    last_text: str = ""

    @property
    def ref(self) -> str:
        """Our order reference."""
        return self.intent.ref

    def slot_of(self, con_id: int) -> int | None:
        """The hedge slot that a contract of this order belongs to."""
        return next((leg.slot for leg in self.intent.legs if leg.con_id == con_id), None)

    @property
    def live(self) -> bool:
        """Whether it may still trade."""
        return self.state in LIVE_STATES

    @property
    def filled_units(self) -> int:
        """Whole units filled on every leg."""
        return min(abs(self.filled_by_leg.get(leg.con_id, 0)) // leg.ratio for leg in self.intent.legs)

    @property
    def balanced(self) -> bool:
        """Whether the executions so far are in the legs' ratio."""
        counts = {abs(self.filled_by_leg.get(leg.con_id, 0)) / leg.ratio for leg in self.intent.legs}
        return len(counts) == 1

    @property
    def complete(self) -> bool:
        """Whether every leg is filled for the whole quantity."""
        return all(
            abs(self.filled_by_leg.get(leg.con_id, 0)) >= leg.ratio * self.intent.quantity for leg in self.intent.legs
        )
