"""What an order that traded is told with: how many units of what at which net price."""

from __future__ import annotations

from bot.engine.state import State
from bot.notify.kinds import Kind
from bot.notify.notice import Notice


def described(notice: Notice, state: State) -> Notice:
    """A fill with its order's words; any other news as it is."""
    if notice.kind is not Kind.FILL:
        return notice
    ref = notice.key.removeprefix("fill.")
    record = state.book.orders.get(ref)
    if record is None:
        return notice
    cash_usd = sum(fill.cash_usd for fill in state.book.fills.values() if fill.ref == ref)
    intent = record.intent
    paid = f"received {cash_usd:,.0f} USD" if cash_usd >= 0.0 else f"paid {-cash_usd:,.0f} USD"
    units = "1 unit" if intent.quantity == 1 else f"{intent.quantity} units"
    text = f"filled: {ref}, {units} by {intent.rule}, {paid} before commission"
    return notice._replace(text=text)
