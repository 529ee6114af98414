"""A trading morning whose every fact follows from its seq, so that a reader can tell what was written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.journal import Journal
from strategies.domain.events import AnyEvent, Envelope, FaultNoted, QuotesUpdated, TimerFired
from strategies.domain.market import Quote

OPEN = datetime(2018, 10, 17, 13, 30, tzinfo=UTC)


def trade_date(at: datetime) -> str:
    return at.date().isoformat()


def fact(seq: int) -> AnyEvent:
    if seq % 3 == 0:
        return TimerFired(name=f"pulse-{seq}", due_at=OPEN + timedelta(seconds=seq))
    if seq % 3 == 1:
        return FaultNoted(code=f"F{seq}", text="x" * (seq * 37 % 900))
    quotes = tuple(
        Quote(
            con_id=1000 + n, bid=1.0 + n, ask=1.2 + n, bid_size=5, ask_size=7, last=None, close=1.1,
            at=OPEN + timedelta(seconds=seq), epoch=1,
        )
        for n in range(seq % 40)
    )  # fmt: skip
    return QuotesUpdated(quotes=quotes)


def envelope(seq: int) -> Envelope:
    return Envelope(seq, OPEN + timedelta(seconds=seq), fact(seq))


def fill(journal: Journal, count: int) -> None:
    """Appends `count` facts, committing each."""
    for _ in range(count):
        journal.append_event(envelope(journal.next_seq))
        journal.commit(durable=False)
