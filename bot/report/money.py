"""A session's money: cash and why it moved, fees, profit taken, positions at the end, and the broker's own figures.

Profit taken is by contract over the whole account at average cost, commissions in it from the moment they are charged,
as the broker's books have it. What our books cannot explain of the broker's cash is a line of its own, never spread.
"""

from __future__ import annotations

from bot.report.books import Books
from bot.report.facts import Json, SessionFacts, Trade
from strategies.domain.instruments import Future, describe
from strategies.domain.session import session_date


def money(session: SessionFacts, books: Books, trades: list[Trade]) -> Json:
    """Dollars, None where the broker did not say; cents are exact as far as prices and commissions were."""
    today = [t for t in trades if session_date(t.at) == session.day]
    futures = any(t.future for t in today)
    traded = sum(t.cash_usd for t in today if not t.settled and not t.future)
    settled = sum(t.cash_usd for t in today if t.settled)
    fees = sum(t.commission_usd for t in today)
    before, end = session.cash_before_usd, session.cash_end_usd
    other = None if before is None or end is None else end - before - traded - settled + fees
    start_usd = session.nlv_before_usd if session.nlv_before_usd is not None else session.nlv_start_usd
    change = None if start_usd is None or session.nlv_end_usd is None else session.nlv_end_usd - start_usd
    return {
        "equity_before_usd": _cents(start_usd),
        "equity_end_usd": _cents(session.nlv_end_usd),
        "change_usd": _cents(change),
        "cash_before_usd": _cents(before),
        "cash_end_usd": _cents(end),
        "traded_usd": _cents(traded),
        "settled_usd": _cents(settled),
        "fees_usd": _cents(fees),
        "other_cash_usd": _cents(other),
        "realised_usd": _cents(realised(trades, session.day)),
        "has_futures": futures,
        "positions": positions(session, books, trades),
    }


def positions(session: SessionFacts, books: Books, trades: list[Trade]) -> list[Json]:
    """What is held at the end of the session by holder and slot, at the last mark."""
    held: dict[tuple[str, int, int], float] = {}
    cost: dict[tuple[str, int, int], float] = {}
    for trade in trades:
        if session_date(trade.at) > session.day:
            continue
        key = (trade.holder, trade.slot or 0, trade.con_id)
        held[key] = held.get(key, 0) + trade.quantity
        cost[key] = cost.get(key, 0.0) - trade.cash_usd
    rows = []
    minute = 2**40
    for (holder, slot, con_id), quantity in sorted(held.items(), key=lambda item: (item[0][0], item[0][1], item[0][2])):
        if not quantity:
            continue
        instrument = books.instruments.get(con_id)
        mark = session.marks.at(con_id, minute)
        multiplier = next(t.multiplier for t in reversed(trades) if t.con_id == con_id)
        rows.append(
            {
                "holder": holder,
                "slot": slot or None,
                "con_id": con_id,
                "contract": str(con_id) if instrument is None else describe(instrument),
                "quantity": int(quantity),
                "mark_points": None if mark is None else round(mark, 4),
                "value_usd": None if mark is None else _cents(mark * quantity * multiplier),
                "cost_usd": _cents(cost[holder, slot, con_id]),
                "is_future": isinstance(instrument, Future),
            }
        )
    return rows


def realised(trades: list[Trade], day: str) -> float:
    """Dollars of profit taken on one day over all contracts, at average cost."""
    lots: dict[int, _Lot] = {}
    taken = 0.0
    for trade in trades:
        if session_date(trade.at) > day:
            break
        profit = lots.setdefault(trade.con_id, _Lot()).take(trade)
        if session_date(trade.at) == day:
            taken += profit
    return taken


class _Lot:
    """One contract: signed quantity and its cost in cents, commissions of what opened it included."""

    def __init__(self) -> None:
        self.quantity = 0
        self.cost = 0

    def take(self, trade: Trade) -> float:
        """Books a trade; returns the profit taken in dollars (a commission that opens nothing is a loss taken)."""
        change, closing = trade.quantity, 0
        price = round(trade.price_points * trade.multiplier * 100)
        fee = round(trade.commission_usd * 100)
        if self.quantity * change < 0:
            closing = min(abs(change), abs(self.quantity)) * (1 if change > 0 else -1)
        opening = change - closing
        profit = 0
        if closing:
            cost = round(self.cost * -closing / self.quantity)
            profit = -closing * price - cost
            self.quantity += closing
            self.cost -= cost
        self.quantity += opening
        share = round(fee * abs(opening) / abs(change)) if change else 0
        self.cost += opening * price + share
        return (profit - (fee - share)) / 100


def _cents(value: float | None) -> float | None:
    return None if value is None else round(value, 2) + 0.0
