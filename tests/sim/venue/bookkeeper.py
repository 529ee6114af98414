"""An independent little bookkeeper: adds up a ledger's own facts, account by account, and says what must be there.

It knows nothing of the venue's accounts. Executions are kept in order and a corrected one is replaced where it stood,
so that every figure is what it would have been.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Line = dict[str, Any]

_BY_HAND = frozenset({"deposit", "withdrawal", "interest", "fee"})


def _cents(usd: float) -> int:
    return round(usd * 100)


@dataclass
class _Future:
    """Open contracts of a future and what of their value cash has seen, in cents."""

    quantity: int = 0
    basis: Fraction = Fraction(0)

    def trade(self, signed: int, value: Fraction) -> Fraction:
        """Signed contracts at cents for all of them: the profit that becomes cash."""
        profit = Fraction(0)
        if self.quantity * signed < 0:
            closed = min(abs(signed), abs(self.quantity))
            share = self.basis * Fraction(closed, abs(self.quantity))
            part = value * Fraction(closed, abs(signed))
            profit = -(share + part)
            self.basis -= share
            value -= part
            self.quantity += closed if signed > 0 else -closed
            signed -= closed if signed > 0 else -closed
        self.quantity += signed
        self.basis += value
        return profit


@dataclass
class _Book:
    """One account's story as the ledger tells it."""

    moved_by_hand: int = 0
    events: list[Line] = field(default_factory=list)
    fees: dict[str, int] = field(default_factory=dict)


class Bookkeeper:
    """Feed it every line of a ledger; then ask for cash and positions."""

    def __init__(self, lines: list[Line]) -> None:
        self._books: dict[str, _Book] = defaultdict(_Book)
        for line in lines:
            handler = {
                "cash": self._cash, "fill": self._fill, "commission": self._commission,
                "settle": self._event, "variation": self._event,
            }.get(line["kind"])  # fmt: skip
            if handler is not None:
                handler(self._books[line["account"]], line)

    def _cash(self, book: _Book, line: Line) -> None:
        if line["reason"] in _BY_HAND:
            book.moved_by_hand += _cents(line["amount"])

    def _fill(self, book: _Book, line: Line) -> None:
        if line["corrects"] is None:
            book.events.append(line)
            return
        place = next(i for i, old in enumerate(book.events) if old.get("exec_id") == line["corrects"])
        book.events[place] = line

    def _commission(self, book: _Book, line: Line) -> None:
        book.fees[line["exec_id"].rpartition(".")[0]] = _cents(line["amount"])

    def _event(self, book: _Book, line: Line) -> None:
        book.events.append(line)

    def positions(self, account: str) -> dict[int, int]:
        """Signed contracts by contract id, none that are flat."""
        held: dict[int, int] = defaultdict(int)
        for line in self._books[account].events:
            con_id = line["contract"]["con_id"]
            if line["kind"] == "fill":
                held[con_id] += line["quantity"] * (1 if line["side"] == "BUY" else -1)
            elif line["kind"] == "settle":
                held[con_id] -= line["quantity"]
        return {con_id: quantity for con_id, quantity in held.items() if quantity}

    def cash_cents(self, account: str) -> tuple[Fraction, Fraction]:
        """Cents of cash, and of futures' value that cash has seen; a fraction only where a future was closed in
        part."""
        book = self._books[account]
        cash = Fraction(book.moved_by_hand - sum(book.fees.values()))
        futures: dict[int, _Future] = defaultdict(_Future)
        for line in book.events:
            contract = line["contract"]
            if line["kind"] == "fill":
                signed = line["quantity"] * (1 if line["side"] == "BUY" else -1)
            elif line["kind"] == "settle":
                signed = line["quantity"]
            else:
                signed = futures[contract["con_id"]].quantity  # a correction since may have made it another
            value = Fraction(_cents(line["price"]) * signed * contract["multiplier"])
            future = futures[contract["con_id"]]
            if contract["sec_type"] != "FUT":
                cash += value if line["kind"] == "settle" else -value
            elif line["kind"] == "fill":
                cash += future.trade(signed, value)
            else:
                cash += value - future.basis
                future.basis = Fraction(0) if line["kind"] == "settle" else value
                future.quantity = 0 if line["kind"] == "settle" else future.quantity
        return cash, sum((future.basis for future in futures.values()), Fraction(0))
