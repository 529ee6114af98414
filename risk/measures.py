"""Plain readings of the view that checks, breaches and reports share."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta
from functools import lru_cache

from risk.limits import Limits
from risk.view import RiskView
from strategies.domain.book import Book
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.same import Same
from strategies.domain.session import trade_date_begins

VIX_SYMBOLS = frozenset({"VIX", "VXM"})
"""Underlyings whose contracts settle on VIX and move with it."""


def fallen_pct(now_usd: float | None, base_usd: float | None) -> float | None:
    """How far net liquidation is below a base, in percent of the base (a rise is negative); None where unknown."""
    if now_usd is None or base_usd is None or not math.isfinite(now_usd) or not math.isfinite(base_usd):
        return None
    return 100.0 * (base_usd - now_usd) / base_usd if base_usd > 0.0 else None


def approvals_within(view: RiskView, seconds: float, *, hedge: bool) -> int:
    """Orders approved in the last seconds, the present moment included: the hedge's, or all the others."""
    since = view.now - timedelta(seconds=seconds)
    approved = _approvals(Same(view.book), hedge)
    return len(approved) - bisect_right(approved, since)


def approvals_today(view: RiskView, *, hedge: bool) -> int:
    """Orders approved since the open of the current session; in the last 24 hours outside of one."""
    session = view.calendar.current(view.now)
    since = session.open_at if session is not None else view.now - timedelta(hours=24)
    approved = _approvals(Same(view.book), hedge)
    return len(approved) - bisect_left(approved, since)


def approvals_of_trade_date(view: RiskView, *, hedge: bool) -> int:
    """Orders approved since the trade date of this moment began, 17:00 New York: what a person means by today.

    Outside of a session it is less than what the gate counts (`approvals_today`), which then goes back 24 hours.
    """
    approved = _approvals(Same(view.book), hedge)
    return len(approved) - bisect_left(approved, trade_date_begins(view.now))


@lru_cache(maxsize=8)
def _approvals(seen: Same[Book], hedge: bool) -> tuple[datetime, ...]:
    """When the orders of the hedge, or all the others, were approved, in order of time."""
    orders = seen.value.orders.values()
    return tuple(sorted(order.approved_at for order in orders if (order.intent.owner == HEDGE_OWNER) is hedge))


def vix_level(view: RiskView, limits: Limits) -> float | None:
    """VIX in points from a live quote of this connection that is young enough, else None."""
    index = view.market.index("VIX")
    quote = None if index is None else view.market.fresh(index.con_id, view.now, limits.index_age_s)
    level = None if quote is None else quote.level
    return level if level is not None and math.isfinite(level) and level > 0.0 else None
