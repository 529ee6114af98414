"""Traps laid for orders, fills and commissions to come: what will go wrong, for which orders, and how often.

Rules: a trap is armed with the orders it waits for and how often it springs; each time it springs the ledger says so;
one that is spent is gone. Where nothing is armed every question costs one look at an empty dictionary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from bot.sim.types import OrderTicket, Reject
from bot.sim.venue.announce import Announcer


class Hazard(StrEnum):
    """What a trap does to the next order it fits."""

    ORDER_LOST = "order lost"
    NO_ACKNOWLEDGEMENT = "order not acknowledged"
    REJECT = "order rejected"
    REJECT_LATER = "order rejected after acceptance"
    FORK_ON_MODIFY = "modification forks the order"
    FILL_AFTER_CANCEL = "order fills after its cancellation"
    FILL_WHEN_GONE = "order fills while its owner is away"
    NO_FILLS = "orders do not fill"
    COMMISSION_LATE = "commission comes late"
    COMMISSION_UNTOLD = "commission is never reported"


class Identity(NamedTuple):
    """The names of one order; `perm_id` is 0 while it has none."""

    client: int
    order_id: int
    perm_id: int
    order_ref: str

    @classmethod
    def of(cls, ticket: OrderTicket, perm_id: int) -> Identity:
        """Of an order as asked for."""
        return cls(ticket.client_id, ticket.order_id, perm_id, ticket.order_ref)


@dataclass(frozen=True, slots=True)
class Which:
    """The orders meant: every field given must fit, none given fits every order. `order_ref` is exact."""

    client: int | None = None
    order_id: int | None = None
    perm_id: int | None = None
    order_ref: str | None = None

    def fits(self, order: Identity) -> bool:
        """Whether an order is meant."""
        return (
            self.client in (None, order.client)
            and self.order_id in (None, order.order_id)
            and self.perm_id in (None, order.perm_id)
            and self.order_ref in (None, order.order_ref)
        )

    @property
    def text(self) -> str:
        """In words, for errors."""
        given = {"client": self.client, "order_id": self.order_id, "perm_id": self.perm_id, "order_ref": self.order_ref}
        return " ".join(f"{name} {value!r}" for name, value in given.items() if value is not None) or "any order"


def _nothing() -> None:
    """Nobody waits for the trap to be spent."""


@dataclass(slots=True, eq=False)
class Trap:
    """One trap, laid by the fault `verb`. `left` counts how often it still springs, None without end; `delay_s` is
    market seconds until its late part happens; `reject` is what the client is told, where it is told something;
    `on_spent` runs when it is gone."""

    hazard: Hazard
    verb: str
    which: Which = field(default_factory=Which)
    left: int | None = 1
    delay_s: float = 0.0
    reject: Reject | None = None
    on_spent: Callable[[], None] = _nothing


class Hazards:
    """The traps that are armed."""

    def __init__(self, announcer: Announcer) -> None:
        self._announce = announcer
        self._armed: dict[Hazard, list[Trap]] = {}

    def arm(self, trap: Trap) -> None:
        """Lays a trap; of several that fit the oldest springs."""
        self._armed.setdefault(trap.hazard, []).append(trap)

    def disarm(self, trap: Trap) -> None:
        """Takes a trap away; one that is already spent is no matter."""
        traps = self._armed.get(trap.hazard, [])
        if trap in traps:
            traps.remove(trap)
        if not traps:
            self._armed.pop(trap.hazard, None)

    def waits(self, hazard: Hazard, order: Identity) -> bool:
        """Whether a trap of that kind waits for this order; nothing springs."""
        return any(trap.which.fits(order) for trap in self._armed.get(hazard, ()))

    def spring(self, hazard: Hazard, order: Identity) -> Trap | None:
        """The oldest trap of that kind that fits the order, sprung and noted in the ledger; None without one."""
        trap = next((trap for trap in self._armed.get(hazard, ()) if trap.which.fits(order)), None)
        if trap is None:
            return None
        self._announce.record("fault", verb=trap.verb, sprung=hazard, arguments=order._asdict())
        if trap.left is not None:
            trap.left -= 1
            if trap.left == 0:
                self.disarm(trap)
                trap.on_spent()
        return trap
