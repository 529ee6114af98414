"""What a day has realised by our own executions, reckoned as the broker does: average cost, commissions in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from strategies.domain.book import Book, Fill
from strategies.domain.session import NEW_YORK


def realised_usd(book: Book, day: date) -> float | None:
    """Dollars realised on a New York day by closing what was held, over all contracts of the account.

    A commission raises the cost of what its execution opened and lowers the profit of what it closed. None where it
    cannot be compared: a commission of a contract traded that day is not told yet, or something settled that day.
    """
    if any(row.at.astimezone(NEW_YORK).date() == day for row in book.settlements):
        return None
    by_contract: dict[int, list[Fill]] = defaultdict(list)
    for fill in book.fills.values():
        by_contract[fill.con_id].append(fill)
    total = 0.0
    for fills in by_contract.values():
        if all(_day(fill) != day for fill in fills):
            continue
        if any(fill.base_id not in book.commissions_usd for fill in fills if fill.quantity):
            return None
        total += _of_contract(sorted(fills, key=lambda f: (f.at, f.exec_id)), book.commissions_usd, day)
    return total


def _of_contract(fills: Iterable[Fill], commissions: dict[str, float], day: date) -> float:
    held, cost, realised = 0, 0.0, 0.0
    for fill in fills:
        signed = fill.signed_quantity
        if not signed:
            continue
        each = fill.price_points * fill.multiplier
        fee = commissions[fill.base_id] / abs(signed)  # dollars a contract
        closed = min(abs(signed), abs(held)) if held * signed < 0 else 0
        if closed:
            side = 1 if held > 0 else -1
            spent = cost / held * side * closed
            if _day(fill) == day:
                realised += side * closed * each - spent - closed * fee
            cost -= spent
        opened = (abs(signed) - closed) * (1 if signed > 0 else -1)
        held += signed
        cost += opened * each + abs(opened) * fee
    return realised


def _day(fill: Fill) -> date:
    return fill.at.astimezone(NEW_YORK).date()
