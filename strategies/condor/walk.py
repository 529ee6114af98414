"""Walking a price from mid towards the other side, one order at a time.

Rules
- A walk is a chain of orders; each attempt is a new order, sent only after the one before is proved over. Nothing is
  ever modified.
- The first attempt asks for mid, rounded to the combo tick in our favour (a credit up, a debit down). Each further one
  is at least a tick worse, evenly spread so that the last concedes the walk's share of the half-spread. Every attempt
  starts from the mid of its own moment.
- A patient walk (take profit, entries, time exit at first) ends there. A firm walk (stop, threat, expiry) concedes
  more and then pays the natural price, within the collar and never more than the wing is wide.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from strategies.condor.params import OrderParams
from strategies.condor.structure import Net
from strategies.domain.orders import OrderRecord, OrderState, Purpose


class Urgency(StrEnum):
    """How much a walk may concede."""

    PATIENT = "patient"
    FIRM = "firm"


class Walk(msgspec.Struct, frozen=True):
    """The walk a condor is in: its latest order and place in the chain. `number` counts walks of this purpose."""

    chain_ref: str
    ref: str
    purpose: Purpose
    rule: str
    urgency: Urgency
    number: int
    attempt: int
    at: datetime
    paused_until: datetime | None = None


class Look(StrEnum):
    """What the latest order of a walk asks for."""

    WAIT = "wait"
    CANCEL = "cancel"
    NEXT = "next"


def look(walk: Walk, record: OrderRecord | None, now: datetime, pending: bool, params: OrderParams) -> Look:
    """Whether to wait for the latest order, to cancel it because its time is up, or to go on after its end.

    An order the book does not know was denied or is still before the gate: it counts as over after a pause, never
    while the gate still waits for an answer about it.
    """
    if record is None:
        waited = (now - walk.at).total_seconds()
        return Look.WAIT if pending or waited < params.denied_pause_s else Look.NEXT
    if not record.live:
        return Look.NEXT
    if record.state is OrderState.WORKING:
        since = record.sent_at if record.sent_at is not None else record.approved_at
        if now - since >= timedelta(seconds=params.step_s):
            return Look.CANCEL
    return Look.WAIT


def shares(purpose: Purpose, urgency: Urgency, params: OrderParams) -> tuple[float, ...]:
    """Share of the half-spread each attempt concedes, first to last; 1 is the natural price."""
    if purpose is Purpose.ENTRY:
        return _even(params.entry_reprices, params.entry_concession_pct)
    if urgency is Urgency.PATIENT:
        return _even(params.exit_reprices, params.patient_concession_pct)
    return (*_even(params.exit_reprices, params.firm_concession_pct), 1.0)


def _even(reprices: int, last_pct: float) -> tuple[float, ...]:
    if reprices == 0:
        return (0.0,)
    return tuple(last_pct / 100.0 * step / reprices for step in range(reprices + 1))


def in_our_favour(points: float, tick_points: float) -> float:
    """The next tick at or below: a higher credit (more negative) or a lower debit."""
    return round(math.floor(points / tick_points + 1e-6) * tick_points, 6)


def limit_points(net: Net, attempt: int, plan: tuple[float, ...], params: OrderParams) -> float:
    """Limit of an attempt (from 1): mid plus the plan's share, at least a tick a step, never beyond natural."""
    half = max(0.0, net.half_spread_points)
    share = plan[min(attempt, len(plan)) - 1]
    stepped = max(share * half, min((attempt - 1) * params.tick_points, plan[-1] * half))
    return in_our_favour(net.mid_points + stepped, params.tick_points)


def closing_cap_points(net: Net, width_points: float, params: OrderParams) -> float:
    """The collar of a closing debit (C11): mid plus a margin, never more than the wing is wide."""
    margin = max(params.collar_min_points, params.collar_pct_of_mid / 100.0 * net.mid_points)
    return in_our_favour(min(net.mid_points + margin, width_points), params.tick_points)


def closing_limit_points(
    net: Net, attempt: int, plan: tuple[float, ...], width_points: float, params: OrderParams
) -> float:
    """Limit of a closing attempt: walked, collared, at least one tick."""
    walked = min(limit_points(net, attempt, plan, params), closing_cap_points(net, width_points, params))
    return max(params.tick_points, walked)
