"""Everything of ours is cancelled: one global cancel, and each live order marked as asked to."""

from __future__ import annotations

from bot.actions import CancelAll
from bot.engine import orders
from bot.engine.work import Work
from strategies.domain.orders import OrderState, OrderTrigger


def cancel_everything(work: Work, reason: str) -> None:
    """One global cancel, and every live order of ours marked as asked to cancel."""
    work.act(CancelAll(reason=reason))
    work.set(asked={**work.state.asked, "cancel_all": work.at})
    for record in work.state.book.live_orders():
        if record.state is not OrderState.APPROVED:
            work.take(orders.move(work.state.book, record.ref, OrderTrigger.CANCEL, work.at))
