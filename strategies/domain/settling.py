"""What is still on its way after a trade, in words: the desk waits for it instead of asking the gate in vain.

The broker tells an execution and the position it made apart, seconds from each other, in either order. Until both are
in, a contract is held at a price nobody knows; the gate lets no hedge and no new condor pass then (C29, C30, C56).
"""

from __future__ import annotations

from strategies.domain.book import Book
from strategies.domain.instruments import describe
from strategies.domain.market import Market


def awaited(book: Book, market: Market) -> str:
    """Why everything but a condor's closing waits: positions and executions disagree. Empty when they do not."""
    for con_id, (theirs, ours) in book.unconfirmed().items():
        contract = market.tradable(con_id)
        name = f"contract {con_id}" if contract is None else describe(contract)
        return (
            f"waits for the broker's executions: of {name} the broker shows {theirs:+d}, what it has told explains "
            f"{ours:+d}"
        )
    return ""


def doubted(book: Book) -> str:
    """Why new risk waits besides (C29): an order's end is not proven, or its legs came in unevenly. Else empty."""
    for record in book.doubtful():
        return f"waits for the broker's word on {record.ref}: it is {record.state.value}"
    for record in book.live_orders():
        if not record.balanced:
            return f"waits for the broker's executions: the legs of {record.ref} have come in unevenly"
    return ""
