"""Who holds what: executions and settlements by owner and hedge slot, and what the broker shows beyond them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from risk.view import Holding
from strategies.alvh.lattice import Held
from strategies.domain.book import Book, Fill, Settled
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.same import Same


class _Place(NamedTuple):
    """One row of the books: whose, in which slot, which contract."""

    owner: str | None
    slot: int | None
    con_id: int


class _Lot(NamedTuple):
    """Signed contracts and the points per share they cost (negative: brought), all of them together."""

    quantity: int
    paid: float


def holdings(book: Book) -> tuple[Holding, ...]:
    """Open positions by owner and slot with their average price; what nothing explains is held without an owner."""
    return _holdings(Same(book))


@lru_cache(maxsize=8)
def _holdings(seen: Same[Book]) -> tuple[Holding, ...]:
    """A step asks several times, and between two facts about orders every step asks about the same book."""
    book = seen.value
    held: dict[_Place, _Lot] = {}
    for fill in book.fills.values():
        place = _place(book, fill)
        held[place] = _traded(place, held.get(place, _Lot(0, 0.0)), fill)
    for settled in book.settlements:
        place = _Place(settled.owner, settled.slot, settled.con_id)
        held[place] = _settled(place, held.get(place, _Lot(0, 0.0)), settled)
    rows = _rows(held)
    explained: dict[int, int] = {}
    for row in rows:
        explained[row.con_id] = explained.get(row.con_id, 0) + row.quantity
    for con_id, quantity in (book.broker_positions or {}).items():
        rest = quantity - explained.get(con_id, 0)
        if rest != 0:
            rows.append(Holding(owner=None, con_id=con_id, quantity=rest, average_price_points=None))
    return tuple(sorted(rows, key=lambda r: (r.owner or "", r.slot or 0, r.con_id)))


def held_by_slots(book: Book) -> tuple[Held, ...]:
    """What the hedge's slots hold, by slot and contract.

    Of a contract that executions of others have sold no more counts as held than is left, however the books stand: it
    protects nobody any more, and may not be sold again. Later slots lose first. A position that only differs is
    another thing (C30): for a moment each of our own executions is ahead of it.
    """
    return _held_by_slots(Same(book))


@lru_cache(maxsize=8)
def _held_by_slots(seen: Same[Book]) -> tuple[Held, ...]:
    rows = _holdings(seen)
    gone: dict[int, int] = {}
    for row in rows:
        if row.owner is None and row.average_price_points is not None:  # executions have a price
            gone[row.con_id] = gone.get(row.con_id, 0) + row.quantity
    found = []
    for row in reversed([row for row in rows if row.owner == HEDGE_OWNER and row.slot is not None]):
        taken = min(max(0, -gone.get(row.con_id, 0)), max(0, row.quantity))
        gone[row.con_id] = gone.get(row.con_id, 0) + taken
        if row.quantity != taken and row.slot is not None:
            found.append(Held(row.slot, row.con_id, row.quantity - taken, row.average_price_points or 0.0))
    return tuple(reversed(found))


def _place(book: Book, fill: Fill) -> _Place:
    record = book.orders.get(fill.ref) if fill.ref is not None else None
    if record is None:
        return _Place(book.owner_of(fill), None, fill.con_id)
    return _Place(record.intent.owner, record.slot_of(fill.con_id), fill.con_id)


def _traded(place: _Place, lot: _Lot, fill: Fill) -> _Lot:
    """A condor keeps all its cash until it ends; the hedge forgets the cost of what it sold."""
    quantity = lot.quantity + fill.signed_quantity
    if place.owner != HEDGE_OWNER or lot.quantity * fill.signed_quantity >= 0:
        return _Lot(quantity, lot.paid + fill.signed_quantity * fill.price_points)
    return _reduced(lot, quantity, fill.price_points)


def _settled(place: _Place, lot: _Lot, settled: Settled) -> _Lot:
    quantity = lot.quantity - settled.quantity
    if place.owner != HEDGE_OWNER:
        return _Lot(quantity, lot.paid - settled.quantity * settled.price_points)
    return _reduced(lot, quantity, settled.price_points)


def _reduced(lot: _Lot, quantity: int, price_points: float) -> _Lot:
    """What is left keeps its average price; a lot turned round begins anew at the price of the trade."""
    if lot.quantity == 0 or quantity * lot.quantity < 0:
        return _Lot(quantity, quantity * price_points)
    return _Lot(quantity, lot.paid * quantity / lot.quantity)


def _rows(held: dict[_Place, _Lot]) -> list[Holding]:
    """Holdings with an average price. What closed legs of a condor brought or cost stays in its first open leg, so
    that a condor's worst case keeps the cash of a roll."""
    realised: dict[str | None, float] = {}
    for place, lot in held.items():
        if lot.quantity == 0 and place.owner is not None and place.owner != HEDGE_OWNER:
            realised[place.owner] = realised.get(place.owner, 0.0) + lot.paid
    rows = []
    for place, lot in sorted(held.items(), key=lambda item: (item[0].owner or "", item[0].slot or 0, item[0].con_id)):
        if lot.quantity != 0:
            price = (lot.paid + realised.pop(place.owner, 0.0)) / lot.quantity
            rows.append(Holding(place.owner, place.con_id, lot.quantity, price, place.slot))
    return rows
