"""What the broker sends about orders, executions and accounts, as facts of the house; pure and duck-typed.

Rules
- A number the broker did not give is None or the whole answer is Unknown; it is never zero.
- The execution of a combination as a whole is not a position; only its legs are.
- A correction keeps its own execution id, so that the book can let it replace the original.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bot.ibkr import fields
from strategies.domain.account import AccountSnapshot, MarginImpact
from strategies.domain.book import Fill
from strategies.domain.events import BrokerOrder, BrokerOrderStatus, CommissionReported
from strategies.domain.known import Known, Unknown
from strategies.domain.market import DailyBar
from strategies.domain.orders import Action

DONE_STATUSES = frozenset({BrokerOrderStatus.FILLED, BrokerOrderStatus.CANCELLED, BrokerOrderStatus.API_CANCELLED})
"""Statuses after which an order is no longer open."""

ACCOUNT_FIELDS = {
    "NetLiquidation": "net_liquidation_usd",
    "TotalCashValue": "cash_usd",
    "InitMarginReq": "initial_margin_usd",
    "MaintMarginReq": "maintenance_margin_usd",
    "ExcessLiquidity": "excess_liquidity_usd",
    "RealizedPnL": "realised_today_usd",
}
"""Account keys of the protocol and our names for them."""

_SIDES = {"BOT": Action.BUY, "SLD": Action.SELL, "BUY": Action.BUY, "SELL": Action.SELL}
_EXECUTION_FIELDS = 31


class RawExecution(NamedTuple):
    """An execution and what it belonged to. `fill` is None for the summary of a combination."""

    request_id: int
    client_id: int
    order_id: int
    perm_id: int
    ref: str
    fill: Fill | None


def status(text: str) -> BrokerOrderStatus:
    """The broker's status word; a word nobody knows is OTHER, not an error."""
    try:
        return BrokerOrderStatus(text)
    except ValueError:
        return BrokerOrderStatus.OTHER


def execution(row: Sequence[str], naive_zone: ZoneInfo, arrived_at: datetime) -> tuple[RawExecution, str]:
    """An execDetails message from its raw fields, and a complaint (empty if there is none).

    An unreadable time does not lose the execution: it gets its arrival time and a complaint.
    Raises ValueError where the message itself cannot be read.
    """
    if len(row) < _EXECUTION_FIELDS:
        raise ValueError(f"an execution has {_EXECUTION_FIELDS} fields, got {len(row)}")
    (_, request_id, order_id, con_id, _symbol, sec_type) = row[:6]
    multiplier = row[9]
    exec_id, time_text, account, _exchange, side, shares, price, perm_id, client_id, liquidation = row[14:24]
    ref = row[26]
    at, complaint = arrived_at, ""
    try:
        at = fields.moment(time_text, naive_zone)
    except ValueError as error:
        complaint = f"execution {exec_id}: {error}; its arrival time is used"
    fill = None
    if sec_type != "BAG":
        fill = Fill(
            exec_id=exec_id,
            ref=ref or None,
            con_id=fields.whole(con_id, "contract id"),
            side=_side(side),
            quantity=_contracts(shares),
            price_points=_price(price),
            multiplier=fields.whole(multiplier or 1, "multiplier"),
            at=at,
            perm_id=_id(perm_id),
            account=account,
            liquidation=liquidation not in ("", "0"),
        )
    raw = RawExecution(int(request_id), _id(client_id), _id(order_id), _id(perm_id), ref, fill)
    return raw, complaint


def _side(text: str) -> Action:
    if text not in _SIDES:
        raise ValueError(f"execution side must be BOT or SLD, got {text!r}")
    return _SIDES[text]


def _contracts(text: str) -> int:
    found = fields.whole(text, "executed quantity")
    if found < 0:
        raise ValueError(f"executed quantity must not be negative, got {text!r}")
    return found


def _price(text: str) -> float:
    found = fields.number(text)
    if found is None:
        raise ValueError(f"execution price must be a number, got {text!r}")
    return found


def _id(text: str) -> int:
    """An id; executions of manual orders carry the unset number, which is no id."""
    found = int(text or 0)
    return 0 if found >= fields.UNSET_COUNT and found in (fields.UNSET_COUNT, 2**63 - 1) else found


def commission(exec_id: str, amount: float, currency: str) -> CommissionReported | None:
    """A commission in dollars; None for the sentinels (unset, NaN, -1 = still pending). Raises for another currency."""
    found = fields.number(amount)
    if found is None or found == -1.0:
        return None
    if currency not in ("USD", ""):
        raise ValueError(f"commission of {exec_id} is in {currency}; this book counts US dollars")
    return CommissionReported(exec_id=exec_id, commission_usd=found)


def open_order(order_id: int, order: Any, state: Any) -> BrokerOrder:
    """An openOrder message. Filled and remaining are what the order's own status says later; executions count."""
    total = fields.number(order.totalQuantity) or 0.0
    return BrokerOrder(
        ref=order.orderRef or "",
        perm_id=int(order.permId),
        order_id=int(order_id),
        client_id=int(order.clientId),
        status=status(state.status),
        filled=0.0,
        remaining=total,
        text=state.warningText or "",
    )


def completed_order(order: Any, state: Any) -> BrokerOrder:
    """A completedOrder message; it names no order id."""
    total = fields.number(order.totalQuantity) or 0.0
    filled = fields.number(order.filledQuantity) or 0.0
    return BrokerOrder(
        ref=order.orderRef or "",
        perm_id=int(order.permId),
        order_id=int(order.orderId),
        client_id=int(order.clientId),
        status=status(state.status),
        filled=filled,
        remaining=max(total - filled, 0.0),
        text=state.completedStatus or "",
    )


def margin(state: Any) -> Known[MarginImpact] | Unknown:
    """A what-if answer; Unknown where any margin is unset, empty or no number."""
    values: dict[str, float] = {}
    for ours, theirs in _MARGINS.items():
        try:
            found = fields.number(getattr(state, theirs, ""))
        except ValueError:
            found = None
        if found is None:
            return Unknown(f"the broker's what-if gave no {theirs}")
        values[ours] = found
    commission_usd = fields.number(getattr(state, "commission", None))
    if commission_usd is None:
        commission_usd = fields.number(getattr(state, "maxCommission", None))
    return Known(MarginImpact(**values, commission_usd=commission_usd))


_MARGINS = {
    "initial_margin_after_usd": "initMarginAfter",
    "maintenance_margin_after_usd": "maintMarginAfter",
    "equity_with_loan_after_usd": "equityWithLoanAfter",
    "initial_margin_change_usd": "initMarginChange",
}


def account_snapshot(account: str, at: datetime, said: Mapping[str, float]) -> AccountSnapshot:
    """Account figures as told so far on this connection; what was not told stays None."""
    return AccountSnapshot(account=account, at=at, **said)


def daily_bar(bar: Any) -> DailyBar:
    """One row of daily history. Raises ValueError for a day or price that is none."""
    on = fields.day(str(bar.date))
    prices = [fields.positive(value) for value in (bar.open, bar.high, bar.low, bar.close)]
    opened, high, low, close = prices
    if on is None or opened is None or high is None or low is None or close is None:
        raise ValueError(f"daily bar of {bar.date!r} lacks a price")
    return DailyBar(day=on, open=opened, high=high, low=low, close=close)


def bars_before(bars: Sequence[DailyBar], today: date, wanted: int) -> tuple[DailyBar, ...]:
    """The last `wanted` bars of sessions before today, oldest first, each day once."""
    by_day = {bar.day: bar for bar in bars if bar.day < today}
    return tuple(by_day[on] for on in sorted(by_day))[-wanted:]
