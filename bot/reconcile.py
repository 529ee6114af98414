"""Compares a broker snapshot with the book and says what it proves; pure, and never trades to make them equal.

Rules
- Executions are folded first: they are the strongest evidence.
- Absence proves something only if every part of the snapshot is Known, of the current connection, and was begun after
  the order was last touched. So does an open order against a claim or an earlier proof; an order in doubt is found at
  any time. A completed order proves its end only together with its executions.
- A position that vanished after its contract stopped trading was settled in cash, not lost.
- What is not ours (no order reference of ours) is adopted as external: counted in risk, never touched.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from strategies.domain.book import Book, Fill, Settled
from strategies.domain.events import BrokerOrder, BrokerOrderStatus, BrokerSnapshot
from strategies.domain.instruments import Option, SettlementStyle
from strategies.domain.known import Known
from strategies.domain.market import Market
from strategies.domain.orders import OrderRecord, OrderState, OrderTrigger
from strategies.domain.session import NEW_YORK


class Proof(NamedTuple):
    """One order and what the snapshot proves of it."""

    ref: str
    trigger: OrderTrigger
    perm_id: int | None


_FOUND = (OrderState.SENT, OrderState.UNKNOWN, OrderState.WORKING, OrderState.CANCELING)
"""States that nobody has claimed to be over: seeing the order open settles it."""


class Findings(NamedTuple):
    """What a snapshot says beside its executions: proofs, counted absences, open orders of ours the journal lacks, and
    all references of ours that it lacks, however their orders ended."""

    proofs: tuple[Proof, ...]
    absent: tuple[str, ...]
    orphans: tuple[BrokerOrder, ...]
    lost: tuple[str, ...] = ()


def complete(snapshot: BrokerSnapshot) -> bool:
    """Whether every part of the snapshot was answered."""
    parts = (snapshot.positions, snapshot.open_orders, snapshot.completed_orders, snapshot.executions)
    return all(isinstance(part, Known) for part in parts)


def new_fills(snapshot: BrokerSnapshot, book: Book) -> tuple[Fill, ...]:
    """Executions the book does not have, or has in an older revision, in the broker's order."""
    if not isinstance(snapshot.executions, Known):
        return ()
    found = []
    for fill in snapshot.executions.value:
        known = book.fills.get(fill.base_id)
        if known is None or known.revision < fill.revision:
            found.append(fill)
    return tuple(found)


def examine(snapshot: BrokerSnapshot, book: Book, *, our_prefixes: tuple[str, ...]) -> Findings:
    """What open and completed orders prove about ours; call after the snapshot's executions were folded."""
    if not isinstance(snapshot.open_orders, Known) or not isinstance(snapshot.completed_orders, Known):
        return Findings((), (), ())
    opened = {order.ref: order for order in snapshot.open_orders.value if order.ref}
    done = {order.ref: order for order in snapshot.completed_orders.value if order.ref}
    executed = isinstance(snapshot.executions, Known)
    is_complete, started_at = complete(snapshot), snapshot.started_at
    proofs: list[Proof] = []
    absent: list[str] = []
    for record in book.orders.values():
        if record.ref in opened:
            if record.state in _FOUND or (record.state is not OrderState.FILLED and _touched(record) < started_at):
                proofs.append(Proof(record.ref, OrderTrigger.PROVED_WORKING, opened[record.ref].perm_id))
        elif record.live and record.state is not OrderState.APPROVED:
            verdict = _verdict(record, done.get(record.ref) if executed else None, is_complete, started_at)
            if verdict is not None:
                proofs.append(Proof(record.ref, verdict, None))
            elif is_complete and _touched(record) < started_at and record.ref not in done:
                absent.append(record.ref)
    orphans = tuple(o for ref, o in opened.items() if ref.startswith(our_prefixes) and ref not in book.orders)
    lost = tuple(ref for ref in {**opened, **done} if ref.startswith(our_prefixes) and ref not in book.orders)
    return Findings(tuple(proofs), tuple(absent), orphans, lost)


def _touched(record: OrderRecord) -> datetime:
    return max(record.changed_at, record.sent_at or record.approved_at)


def _verdict(
    record: OrderRecord, done: BrokerOrder | None, is_complete: bool, started_at: datetime
) -> OrderTrigger | None:
    if done is not None:
        if not record.balanced and _touched(record) >= started_at:
            return None  # its executions may still be coming in, leg by leg
        if done.status in (BrokerOrderStatus.CANCELLED, BrokerOrderStatus.API_CANCELLED):
            return OrderTrigger.PROVED_CANCELED
        if done.status is BrokerOrderStatus.INACTIVE:
            return OrderTrigger.PROVED_REJECTED
        return None  # Filled without all its executions yet: the next snapshot will have them
    if not is_complete or _touched(record) >= started_at:
        return None
    if record.state is OrderState.CANCEL_CLAIMED:
        return OrderTrigger.PROVED_CANCELED
    if record.state is OrderState.REJECT_CLAIMED:
        return OrderTrigger.PROVED_REJECTED
    return None


_LAST_LEVEL = timedelta(minutes=15)
"""An index level older than this at the end of trading is no estimate of the settlement; then the day's bar is."""


class PositionCheck(NamedTuple):
    """Settled positions and unexplained differences (broker minus book, signed contracts per con id). `awaited` are
    contracts that the broker took away on their settlement day and whose settlement value is not known yet: the book
    holds them until it is."""

    settled: tuple[Settled, ...]
    differences: dict[int, int]
    awaited: tuple[int, ...] = ()


def compare_positions(book: Book, broker: dict[int, int], market: Market, now: datetime) -> PositionCheck:
    """Differences between journal and broker; those of expired contracts become settlements."""
    ours = book.positions()
    settled: list[Settled] = []
    differences: dict[int, int] = {}
    awaited: list[int] = []
    for con_id in sorted(ours.keys() | broker.keys()):
        difference = broker.get(con_id, 0) - ours.get(con_id, 0)
        if difference == 0:
            continue
        option = market.option(con_id)
        gone = option is not None and broker.get(con_id, 0) == 0 and now >= option.last_trade_at
        price = _settlement_estimate(option, market, now) if option is not None and gone else None
        if option is not None and price is not None:
            settled.append(Settled(con_id, ours[con_id], price, option.multiplier, now))
        elif option is not None and gone and _settles_in_the_morning(option, now):
            awaited.append(con_id)
        else:
            differences[con_id] = difference
    return PositionCheck(tuple(settled), differences, tuple(awaited))


def _settles_in_the_morning(option: Option, now: datetime) -> bool:
    """Whether the day has come on whose opening prices it settles; the value is told hours later (SOQ, VRO)."""
    return option.settlement is SettlementStyle.AM and now.astimezone(NEW_YORK).date() >= option.expiry


def _settlement_estimate(option: Option, market: Market, now: datetime) -> float | None:
    """Payoff per share from the expiry day's bar (AM: open, PM: close), for PM on the day itself from the last level.
    The last level of an AM contract is of the evening before: it says nothing about the morning on which it settles.

    An estimate until the broker's cash says; None while neither is known, and then nothing is settled.
    """
    level: float | None = None
    for bar in market.bars.get(option.symbol, ()):
        if bar.day == option.expiry:
            level = bar.open if option.settlement is SettlementStyle.AM else bar.close
    quote = market.level(option.symbol)
    same_day = option.settlement is SettlementStyle.PM
    if same_day and level is None and quote is not None and option.last_trade_at - _LAST_LEVEL <= quote.at <= now:
        level = quote.level if quote.at.date() == option.last_trade_at.date() else None
    if level is None:
        return None
    return max(level - option.strike, 0.0) if option.is_call else max(option.strike - level, 0.0)
