"""Values and greeks of the legs held, computed for all condors at once."""

from __future__ import annotations

import math
from typing import NamedTuple

from strategies.condor.context import Agenda, Context
from strategies.condor.machine import Condor
from strategies.domain.instruments import Option
from strategies.domain.marks import Mark
from strategies.pricing import black76
from strategies.pricing.implied import IvStatus, implied_vol

SECONDS_PER_YEAR = 365.0 * 86_400.0


class LegGreeks(NamedTuple):
    """One option at its mid: volatility a year, delta per point of forward, theta in points per calendar day."""

    iv: float
    delta: float
    theta: float


def tau_years(option: Option, ctx: Context) -> float:
    """Years of 365 days until the option stops trading."""
    return (option.last_trade_at - ctx.now).total_seconds() / SECONDS_PER_YEAR


def forward_points(spot_points: float, carry_rate: float, tau: float) -> float:
    """Forward from spot with the carry seen at entry."""
    return spot_points * math.exp(carry_rate * tau)


def mark_legs(agenda: Agenda, condors: list[Condor]) -> dict[int, LegGreeks]:
    """Greeks of every leg with a fresh two-sided quote, others absent; also notes their marks for the gate."""
    ctx = agenda.ctx
    if ctx.spot_points is None:
        return {}
    rate = ctx.params.exit.risk_free_pct / 100.0
    ids: list[int] = []
    columns: list[tuple[float, float, float, float, bool, float]] = []
    for condor in condors:
        for con_id in condor.con_ids():
            option = ctx.market.option(con_id)
            quote = ctx.market.fresh(con_id, ctx.now, ctx.params.orders.mark_quote_max_age_s)
            if option is None or quote is None or (mid := quote.mid) is None:
                continue
            tau = tau_years(option, ctx)
            if tau <= 0.0 or mid <= 0.0:
                continue
            forward = forward_points(ctx.spot_points, condor.carry_rate, tau)
            ids.append(con_id)
            columns.append((mid, forward, option.strike, tau, option.is_call, math.exp(-rate * tau)))
    if not ids:
        return {}
    price, forwards, strikes, taus, calls, discounts = zip(*columns, strict=True)
    vols = implied_vol(price, forwards, strikes, taus, calls, discounts)
    good = [i for i in range(len(ids)) if vols.status[i] == IvStatus.OK]
    if not good:
        return {}
    pick = [columns[i] for i in good]
    sigma = vols.sigma[good]
    _, forwards, strikes, taus, calls, discounts = zip(*pick, strict=True)
    values = black76.greeks(forwards, strikes, sigma, taus, calls, discounts)
    found: dict[int, LegGreeks] = {}
    for row, i in enumerate(good):
        iv = float(sigma[row])
        found[ids[i]] = LegGreeks(iv, float(values.delta[row]), float(values.theta[row]))
        agenda.marks[ids[i]] = Mark(iv, forwards[row], taus[row], discounts[row])
    return found
