"""Makes the orders of a condor: refs that never repeat, legs, prices, and the walk they belong to."""

from __future__ import annotations

from typing import NamedTuple

from strategies.condor.context import Agenda
from strategies.condor.machine import Condor
from strategies.condor.structure import Net
from strategies.condor.walk import Urgency, Walk
from strategies.domain.orders import LegIntent, PlaceIntent, Purpose


class Ticket(NamedTuple):
    """What an order is for and at what price."""

    purpose: Purpose
    rule: str
    urgency: Urgency
    legs: tuple[LegIntent, ...]
    quantity: int
    net: Net
    limit_points: float
    chain_ref: str
    number: int
    attempt: int
    text: str


def chain_name(condor_id: str, purpose: Purpose, number: int) -> str:
    """Name of the number-th walk of a purpose."""
    return f"{condor_id}.{purpose.value}/{number}"


def next_number(condor: Condor, purpose: Purpose, walk: Walk | None) -> int:
    """Number of the next walk of a purpose: no chain is walked twice, also when another walk came in between."""
    used = [int(t.chain_ref.rpartition("/")[2]) for t in condor.tallies.values() if t.purpose is purpose]
    if walk is not None and walk.purpose is purpose:
        used.append(walk.number)
    return max(used, default=0) + 1


def place(condor: Condor, ticket: Ticket, agenda: Agenda) -> str:
    """Adds the order to the agenda and remembers the walk; returns the order's ref."""
    key = f"{condor.id}.{ticket.purpose.value}"
    count = agenda.counts.get(key, 0) + 1
    agenda.counts[key] = count
    ref = f"{key}.{count}"
    agenda.places.append(
        PlaceIntent(
            ref=ref,
            chain_ref=ticket.chain_ref,
            attempt=ticket.attempt,
            purpose=ticket.purpose,
            owner=condor.id,
            rule=ticket.rule,
            legs=ticket.legs,
            quantity=ticket.quantity,
            limit_points=ticket.limit_points,
            mid_points=round(ticket.net.mid_points, 6),
            natural_points=round(ticket.net.natural_points, 6),
            decided_at=agenda.ctx.now,
            text=ticket.text,
        )
    )
    agenda.walks[condor.id] = Walk(
        chain_ref=ticket.chain_ref,
        ref=ref,
        purpose=ticket.purpose,
        rule=ticket.rule,
        urgency=ticket.urgency,
        number=ticket.number,
        attempt=ticket.attempt,
        at=agenda.ctx.now,
    )
    return ref
