"""The broker account as last reported, in dollars."""

from __future__ import annotations

from datetime import datetime

import msgspec

PAPER_PREFIX = "DU"
"""What the account ids of IB's paper accounts begin with; no other account is traded (C45)."""


class AccountSnapshot(msgspec.Struct, frozen=True):
    """Account figures; None where the broker did not say. Never fill a gap with zero.

    `realised_today_usd` is what the broker counts as realised since midnight in New York, commissions included.
    """

    account: str
    at: datetime
    net_liquidation_usd: float | None = None
    cash_usd: float | None = None
    initial_margin_usd: float | None = None
    maintenance_margin_usd: float | None = None
    excess_liquidity_usd: float | None = None
    realised_today_usd: float | None = None


class MarginImpact(msgspec.Struct, frozen=True):
    """The broker's what-if answer for one order, in dollars after the trade, plus the commission estimate if given."""

    initial_margin_after_usd: float
    maintenance_margin_after_usd: float
    equity_with_loan_after_usd: float
    initial_margin_change_usd: float
    commission_usd: float | None = None
