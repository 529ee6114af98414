"""How wide and how many: wing width by account size, units by the loss a condor may cost (C-ENTRY-3, K-SIZE-1)."""

from __future__ import annotations

import math

from strategies.condor.params import EntryParams
from strategies.condor.structure import MULTIPLIER


def width_points(nlv_usd: float, params: EntryParams) -> float:
    """Wing width for the account: the small one below the threshold, and where one wide condor is too much risk.

    The second case closes the gap between the account size that allows the full width and the one that can bear it.
    """
    budget = nlv_usd * params.risk_per_condor_pct_nlv / 100.0
    worst = params.width_points * (1.0 - params.min_credit_pct_of_width / 100.0) * MULTIPLIER
    return params.small_width_points if nlv_usd < params.small_below_nlv_usd or budget < worst else params.width_points


def quantity(nlv_usd: float, max_loss_points: float, *, reduced: bool, params: EntryParams) -> int:
    """Whole condors whose loss at expiry stays within the share of NLV; 0 when not even one does.

    Reduced size rounds down as well: half of one condor is none.
    """
    if max_loss_points <= 0.0:
        return 0
    budget = nlv_usd * params.risk_per_condor_pct_nlv / 100.0
    units = math.floor(budget / (max_loss_points * MULTIPLIER) + 1e-9)
    units = min(units, params.max_quantity)
    return math.floor(units * params.reduced_size_share + 1e-9) if reduced else units
