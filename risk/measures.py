"""Plain readings of the view that checks, breaches and reports share."""

from __future__ import annotations

import math
from datetime import timedelta

from risk.view import RiskView


def fallen_pct(now_usd: float | None, base_usd: float | None) -> float | None:
    """How far net liquidation is below a base, in percent of the base (a rise is negative); None where unknown."""
    if now_usd is None or base_usd is None or not math.isfinite(now_usd) or not math.isfinite(base_usd):
        return None
    return 100.0 * (base_usd - now_usd) / base_usd if base_usd > 0.0 else None


def approvals_within(view: RiskView, seconds: float) -> int:
    """Orders approved in the last seconds, the present moment included."""
    since = view.now - timedelta(seconds=seconds)
    return sum(order.approved_at > since for order in view.book.orders.values())


def approvals_today(view: RiskView) -> int:
    """Orders approved since the open of the current session; in the last 24 hours outside of one."""
    session = view.calendar.current(view.now)
    since = session.open_at if session is not None else view.now - timedelta(hours=24)
    return sum(order.approved_at >= since for order in view.book.orders.values())
