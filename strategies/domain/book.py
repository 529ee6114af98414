"""The book: our orders, executions counted once, the positions and cash that follow from them.

Everything here is a fold of facts. An execution is known by its base exec id (the part before the last dot-group is the
execution, the last two digits its revision): a higher revision replaces, it never adds.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import msgspec

from strategies.domain.orders import DOUBTFUL_STATES, Action, OrderRecord
from strategies.domain.same import Same


def base_of(exec_id: str) -> str:
    """An execution's identity without its revision: `a.b.01` is `a.b`."""
    head, _, tail = exec_id.rpartition(".")
    return head if head and tail.isdigit() else exec_id


_BY_HAND = ".hand"


def ref_by_hand(owner: str) -> str:
    """The reference that executions of others get when a person says that they closed what `owner` held."""
    return f"{owner}{_BY_HAND}"


def given_by_hand(ref: str) -> str | None:
    """The owner in such a reference, None where it is none."""
    return ref.removesuffix(_BY_HAND) if ref.endswith(_BY_HAND) else None


class Fill(msgspec.Struct, frozen=True):
    """One execution of one leg. `ref` is None for an execution that is not ours (manual trade, liquidation); see
    `ref_by_hand` for one that a person gave to its owner.

    `price_points` per share; `side` is the execution's own direction; `at` is the broker's time of it.
    """

    exec_id: str
    ref: str | None
    con_id: int
    side: Action
    quantity: int
    price_points: float
    multiplier: int
    at: datetime
    perm_id: int = 0
    account: str = ""
    liquidation: bool = False

    @property
    def base_id(self) -> str:
        """Execution identity without its revision."""
        return base_of(self.exec_id)

    @property
    def revision(self) -> int:
        """Revision number; corrections are higher."""
        tail = self.exec_id.rpartition(".")[2]
        return int(tail) if tail.isdigit() else 0

    @property
    def signed_quantity(self) -> int:
        """Contracts, BUY positive."""
        return self.side.sign * self.quantity

    @property
    def cash_usd(self) -> float:
        """Cash received (positive) or paid, before commission."""
        return -self.signed_quantity * self.price_points * self.multiplier


class Settled(msgspec.Struct, frozen=True):
    """A position that expired into cash: `quantity` signed contracts settled at `price_points` per share of payoff.

    `owner` and `slot` as in the orders that opened it; None where nothing of ours explains it.
    """

    con_id: int
    quantity: int
    price_points: float
    multiplier: int
    at: datetime
    owner: str | None = None
    slot: int | None = None

    @property
    def cash_usd(self) -> float:
        """Cash received (positive) or paid at settlement."""
        return self.quantity * self.price_points * self.multiplier


class Book(msgspec.Struct, frozen=True):
    """Orders by ref, executions by base id, settlements, commissions by base exec id.

    `broker_positions` is the last complete answer of the broker (signed contracts per con id), None while unknown.
    `lost_refs` are references of ours that the broker has told of and that this journal does not know, in the order in
    which they were heard of: of an older journal, or of one that a backup was put in place of.
    """

    orders: dict[str, OrderRecord] = {}
    fills: dict[str, Fill] = {}
    settlements: tuple[Settled, ...] = ()
    commissions_usd: dict[str, float] = {}
    broker_positions: dict[int, int] | None = None
    lost_refs: tuple[str, ...] = ()

    def positions(self) -> dict[int, int]:
        """Signed contracts per con id that our journal explains (own and external executions, less settlements)."""
        return dict(_positions(Same(self)))

    def owner_of(self, fill: Fill) -> str | None:
        """Whose an execution is: its order's owner, or who a person gave it to; None for what is not ours."""
        if fill.ref is None:
            return None
        record = self.orders.get(fill.ref)
        return given_by_hand(fill.ref) if record is None else record.intent.owner

    def live_orders(self) -> tuple[OrderRecord, ...]:
        """Orders that may still trade, oldest first."""
        return _live_orders(Same(self))

    def alive(self) -> tuple[OrderRecord, ...]:
        """The same orders as the book has them, which is how decisions have always read them."""
        return _alive(Same(self))

    def doubtful(self) -> tuple[OrderRecord, ...]:
        """Orders whose fate must be proven before new risk."""
        return _doubtful(Same(self))

    def unconfirmed(self) -> dict[int, tuple[int, int]]:
        """Contracts of which the broker's last answer and the executions told so far say different things: what it
        holds and what they explain. Empty while they agree, and while the broker has not answered at all."""
        if self.broker_positions is None:
            return {}
        ours, theirs = self.positions(), self.broker_positions
        both = sorted(ours.keys() | theirs.keys())
        return {c: (theirs.get(c, 0), ours.get(c, 0)) for c in both if theirs.get(c, 0) != ours.get(c, 0)}


# A book is asked the same by every check and every look, and between two facts about orders it is the same book; it
# holds the orders and executions of the whole run, so reading it through each time would cost more with every week.
@lru_cache(maxsize=8)
def _positions(seen: Same[Book]) -> dict[int, int]:
    held: dict[int, int] = {}
    for fill in seen.value.fills.values():
        held[fill.con_id] = held.get(fill.con_id, 0) + fill.signed_quantity
    for settled in seen.value.settlements:
        held[settled.con_id] = held.get(settled.con_id, 0) - settled.quantity
    return {con_id: quantity for con_id, quantity in held.items() if quantity != 0}


@lru_cache(maxsize=8)
def _live_orders(seen: Same[Book]) -> tuple[OrderRecord, ...]:
    return tuple(sorted(_alive(seen), key=lambda o: (o.approved_at, o.ref)))


@lru_cache(maxsize=8)
def _alive(seen: Same[Book]) -> tuple[OrderRecord, ...]:
    return tuple(o for o in seen.value.orders.values() if o.live)


@lru_cache(maxsize=8)
def _doubtful(seen: Same[Book]) -> tuple[OrderRecord, ...]:
    return tuple(o for o in seen.value.orders.values() if o.state in DOUBTFUL_STATES)
