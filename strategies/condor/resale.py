"""C-ADJ-3: whether the second half of a roll could be sold as things stand; what could not be sold again is no roll.

A roll is two orders with nothing held between them. The entry that completes it has to pass the filters of any entry
and, with the hedge on, C-ENTRY-9: net vega with it must lie inside the band. Both are asked before anything is closed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strategies.condor import filters
from strategies.condor.context import Context
from strategies.condor.forecast import Later, Leg
from strategies.condor.verdicts import WORD_MAX_AGE_S
from strategies.pricing import black76
from strategies.pricing.net_vega import spx_weight


def weighted_usd(legs: Sequence[Leg], dte_days: float) -> float:
    """Weighted vega of legs with marks, dollars per VIX point (negative: short)."""
    rows = [(leg.size, leg.mark.forward_points, leg.strike_points, leg.mark.iv, leg.mark.tau_years, leg.is_call,
             leg.mark.discount) for leg in legs]  # fmt: skip
    size, forward, strike, iv, tau, is_call, discount = (np.array(column) for column in zip(*rows, strict=True))
    vega = black76.greeks(forward, strike, iv, tau, is_call, discount).vega
    return float(size @ vega) * spx_weight(dte_days)


def unsellable(ctx: Context, now_usd: float, later_usd: float) -> str:
    """Why the later condor would not be sold, empty when it would: `now_usd` and `later_usd` are the weighted vegas of
    what is closed and of what would be sold, dollars per VIX point."""
    barred = filters.barred(ctx)
    if barred:
        return f"a later condor could not be sold: {barred}"
    word = ctx.hedge
    if not word.enabled:
        return ""
    if word.net_n is None or word.low_n is None or word.net_usd is None or not word.young(ctx.now, WORD_MAX_AGE_S):
        return "a later condor could not be sold: net vega is not known (C-ENTRY-9)"
    per_n = word.net_usd / word.net_n if word.net_n else 0.0  # the wings are the same before and after
    after = word.net_n + (later_usd - now_usd) / per_n if per_n > 0.0 else word.net_n
    if after < word.low_n - 1e-9:
        return "a later condor could not be sold: net vega with it would stay below the floor (C-ENTRY-9)"
    return ""


def later_vega_usd(later: Later, units: int, multiplier: float) -> float:
    """Weighted vega of the later condor's units, dollars per VIX point."""
    return later.vega_points * units * multiplier * spx_weight(later.dte_days)
