"""What the hedge may still spend: net cash of thirty days, kept a little under the gate's own cap (C08-30D).

The gate counts the same executions by itself; without this the desk would ask for order after order in vain.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from strategies.domain.book import Book
from strategies.domain.hedge import HEDGE_OWNER

RULE = "C08-30D"
DAYS = 30


def spent_usd(book: Book, now: datetime) -> float:
    """Net cash paid for the hedge in the last thirty days, commissions included; negative if it brought money."""
    since, spent = now - timedelta(days=DAYS), 0.0
    for base_id, fill in book.fills.items():
        record = book.orders.get(fill.ref) if fill.ref is not None else None
        if record is not None and record.intent.owner == HEDGE_OWNER and fill.at > since:
            spent += book.commissions_usd.get(base_id, 0.0) - fill.cash_usd
    return spent
