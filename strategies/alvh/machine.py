"""The table of a slot's life, and how orders, executions and settlements move a slot through it.

Rules of the machine
- A slot moves by evidence (its orders, what it holds afterwards, settlement) or by an explicit decision of the desk to
  arm, disarm, end a rest, or release a block.
- What a slot holds is the book's word. A working state ends with its order: in ACTIVE if the slot holds anything, else
  where an empty slot belongs: back to ARMED after an opening that never filled, RESTING after it was sold out.
- A late execution brings a quiet slot back to ACTIVE: it holds something after all.
- What the table lacks raises ImpossibleEvent; the holder then blocks the slot: nothing is opened in it until a person
  has armed again, sales go on.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from strategies.alvh.lattice import HedgeAction, Slot, SlotChange, SlotState, action_of
from strategies.domain.orders import LIVE_STATES, OrderRecord, OrderState
from strategies.domain.transitions import Row, Table


class SlotTrigger(StrEnum):
    """What can happen to a slot. HELD and EMPTY say what the slot holds once its order is over."""

    ARM = "arm"
    DISARM = "disarm"
    REST_OVER = "rest_over"
    RELEASE = "release"
    OPEN_WORKS = "open_works"
    ROLL_WORKS = "roll_works"
    ROTATE_WORKS = "rotate_works"
    HARVEST_WORKS = "harvest_works"
    ENDED_HELD = "ended_held"
    ENDED_UNTOUCHED = "ended_untouched"
    ENDED_SOLD_OUT = "ended_sold_out"
    SETTLED = "settled"
    CONTRADICTED = "contradicted"


_S, _T = SlotState, SlotTrigger
_QUIET = (_S.DORMANT, _S.ARMED, _S.RESTING)
_WORKING = (_S.OPENING, _S.ROLLING, _S.ROTATING, _S.HARVESTING)
_WORKS = {
    HedgeAction.OPEN: _T.OPEN_WORKS,
    HedgeAction.ROLL: _T.ROLL_WORKS,
    HedgeAction.ROTATE: _T.ROTATE_WORKS,
    HedgeAction.HARVEST: _T.HARVEST_WORKS,
}
_STATE_OF = {
    _T.OPEN_WORKS: _S.OPENING,
    _T.ROLL_WORKS: _S.ROLLING,
    _T.ROTATE_WORKS: _S.ROTATING,
    _T.HARVEST_WORKS: _S.HARVESTING,
}


def _rows() -> list[Row[SlotState, SlotTrigger]]:
    rows = [
        Row(_S.DORMANT, _T.ARM, _S.ARMED, "tier or base policy wants it, the budget allows it"),
        Row(_S.ARMED, _T.DISARM, _S.DORMANT, "nothing wants it any more"),
        Row(_S.RESTING, _T.REST_OVER, _S.DORMANT, "a session has passed and the RSI of VIX is down"),
        Row(_S.BLOCKED, _T.RELEASE, _S.DORMANT, "a person armed again; what it holds makes it active at once"),
        Row(_S.ARMED, _T.OPEN_WORKS, _S.OPENING, "an opening order is on its way"),
        Row(_S.ACTIVE, _T.OPEN_WORKS, _S.OPENING, "more is being bought for it"),
        Row(_S.ACTIVE, _T.ROLL_WORKS, _S.ROLLING, "a calendar roll is on its way"),
        Row(_S.ACTIVE, _T.ROTATE_WORKS, _S.ROTATING, "it is being moved to a later layer, or receives from an earlier"),
        Row(_S.ACTIVE, _T.HARVEST_WORKS, _S.HARVESTING, "part or all of it is being sold"),
        Row(_S.OPENING, _T.ENDED_UNTOUCHED, _S.ARMED, "the opening never filled"),
        Row(_S.BLOCKED, _T.CONTRADICTED, _S.BLOCKED, "another contradiction"),
    ]
    rows += [Row(s, _T.ROTATE_WORKS, _S.ROTATING, "it receives what an earlier layer gives up") for s in _QUIET]
    rows += [Row(_S.ROTATING, _T.ENDED_UNTOUCHED, _S.DORMANT, "the rotation never filled; it held nothing")]
    rows += [Row(s, _T.ENDED_UNTOUCHED, s, "echo of an order believed over") for s in _QUIET]
    rows += [Row(s, _T.ENDED_HELD, _S.ACTIVE, "its order is over and it holds something") for s in (*_WORKING, *_QUIET)]
    rows += [Row(_S.ACTIVE, _T.ENDED_HELD, _S.ACTIVE, "echo, or a late execution")]
    rows += [
        Row(_S.OPENING, _T.ENDED_SOLD_OUT, _S.DORMANT, "what it held went while it was opening"),
        Row(_S.ROLLING, _T.ENDED_SOLD_OUT, _S.DORMANT, "sold without the new contract: the roll was only half done"),
        Row(_S.ROTATING, _T.ENDED_SOLD_OUT, _S.RESTING, "all of it has moved"),
        Row(_S.HARVESTING, _T.ENDED_SOLD_OUT, _S.RESTING, "all of it is sold"),
        Row(_S.ACTIVE, _T.ENDED_SOLD_OUT, _S.RESTING, "a late execution sold the rest"),
    ]
    rows += [Row(s, _T.ENDED_SOLD_OUT, s, "echo of a sale known before") for s in _QUIET]
    for trigger, state in _STATE_OF.items():
        rows.append(Row(state, trigger, state, "evidence repeats, or the next attempt"))
    rows += [Row(s, _T.SETTLED, _S.DORMANT, "its contracts expired into cash") for s in (_S.ACTIVE, *_WORKING)]
    rows += [Row(s, _T.SETTLED, s, "settlement of what had just been sold") for s in _QUIET]
    blocked = (*_STATE_OF, _T.ENDED_HELD, _T.ENDED_UNTOUCHED, _T.ENDED_SOLD_OUT, _T.SETTLED)
    rows += [Row(_S.BLOCKED, t, _S.BLOCKED, "blocked: sales and executions go on, nothing is opened") for t in blocked]
    rows += [Row(s, _T.CONTRADICTED, _S.BLOCKED, "the world contradicts the table") for s in _S if s is not _S.BLOCKED]
    return rows


SLOT_TABLE: Table[SlotState, SlotTrigger] = Table(
    "slot", _rows(), ours=(_T.ARM, _T.DISARM, _T.REST_OVER, _T.RELEASE), terminal=()
)

SLOT_IMPOSSIBLE: dict[tuple[SlotState, SlotTrigger], str] = {
    **{(s, _T.ARM): "only a dormant slot is armed" for s in _S if s is not _S.DORMANT},
    **{(s, _T.DISARM): "only an armed slot is disarmed" for s in _S if s is not _S.ARMED},
    **{(s, _T.REST_OVER): "only a resting slot ends a rest" for s in _S if s is not _S.RESTING},
    **{(s, _T.RELEASE): "only a blocked slot is released" for s in _S if s is not _S.BLOCKED},
    **{
        (s, t): "one order at a time: another of its orders is working"
        for s in _WORKING
        for t, own in _STATE_OF.items()
        if own is not s
    },
    **{(s, _T.OPEN_WORKS): "a slot is armed before it is opened" for s in (_S.DORMANT, _S.RESTING)},
    **{(s, t): "an empty slot has nothing to sell" for s in _QUIET for t in (_T.ROLL_WORKS, _T.HARVEST_WORKS)},
    **{(s, _T.ENDED_UNTOUCHED): "it held something before" for s in (_S.ACTIVE, _S.ROLLING, _S.HARVESTING)},
}
"""Every pair of state and trigger that is no row, with the reason why it cannot come about."""


def moved(slot: Slot, trigger: SlotTrigger, at: datetime, text: str = "") -> Slot:
    """The slot after one table move; history grows only when the state changes."""
    then = SLOT_TABLE.move(slot.state, trigger)
    if then is slot.state:
        return slot
    change = SlotChange(then, at, text or trigger.value)
    return msgspec.structs.replace(slot, state=then, since=at, history=(*slot.history[-19:], change))


def block(slot: Slot, reason: str, at: datetime) -> Slot:
    """The world contradicts the table: nothing is opened here until a person has armed again."""
    return msgspec.structs.replace(moved(slot, _T.CONTRADICTED, at, reason), blocked_reason=reason)


def release(slot: Slot, holds: bool, at: datetime) -> Slot:
    """A person armed again: the slot takes the state of what it holds."""
    free = msgspec.structs.replace(moved(slot, _T.RELEASE, at, "armed again"), blocked_reason="")
    return moved(free, _T.ENDED_HELD, at, "holds something") if holds else free


def on_order(slot: Slot, record: OrderRecord, held: bool, at: datetime, today: date, cooldown_min: float) -> Slot:
    """The slot after news of one of its orders; `held` is whether the book shows it holding anything now."""
    action = action_of(record.intent)
    if record.state in LIVE_STATES:
        slot = moved(slot, _WORKS[action], at, record.ref)
        return msgspec.structs.replace(slot, opened_on=today) if _bought(record, slot.number) else slot
    traded = any(record.filled_by_leg.get(leg.con_id, 0) for leg in record.intent.legs if leg.slot == slot.number)
    if held:
        ended = moved(slot, _T.ENDED_HELD, at, record.ref)
        return msgspec.structs.replace(ended, opened_on=today) if _bought(record, slot.number) else ended
    if traded:
        ended = moved(slot, _T.ENDED_SOLD_OUT, at, record.ref)
        resting = ended.state is _S.RESTING and slot.state is not _S.RESTING
        return msgspec.structs.replace(ended, rested_from=today) if resting else ended
    ended = moved(slot, _T.ENDED_UNTOUCHED, at, record.ref)
    if action is HedgeAction.OPEN and record.state is not OrderState.FILLED:
        return msgspec.structs.replace(ended, cooldown_until=at + timedelta(minutes=cooldown_min))
    return ended


def _bought(record: OrderRecord, slot: int) -> bool:
    return any(record.filled_by_leg.get(leg.con_id, 0) > 0 for leg in record.intent.legs if leg.slot == slot)


def on_settlement(slot: Slot, held: bool, at: datetime) -> Slot:
    """The slot after some of its contracts expired into cash."""
    return slot if held else moved(slot, _T.SETTLED, at, "settled at expiry")
