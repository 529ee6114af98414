"""What quotes say about volatility: greeks of the legs held, all at once, and the smile of an expiry searched."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from strategies.condor.context import Agenda, Context
from strategies.condor.machine import Condor
from strategies.domain.instruments import Option
from strategies.domain.marks import Mark
from strategies.pricing.black76 import InvalidInput
from strategies.pricing.single import OptionGreeks, analyse_one
from strategies.pricing.surface import SmileFit, SurfaceError, fit_smile, forward_from_parity

SECONDS_PER_YEAR = 365.0 * 86_400.0
NO_PAIR = "no strike has both its call and its put quoted"


def tau_years(option: Option, ctx: Context) -> float:
    """Years of 365 days until the option stops trading."""
    return (option.last_trade_at - ctx.now).total_seconds() / SECONDS_PER_YEAR


def forward_points(spot_points: float, carry_rate: float, tau: float) -> float:
    """Forward from spot with the carry seen at entry."""
    return spot_points * math.exp(carry_rate * tau)


def mark_legs(agenda: Agenda, condors: list[Condor]) -> dict[int, OptionGreeks]:
    """Greeks of every held leg with a fresh two-sided quote, others absent; also notes their marks for the gate."""
    return mark_options(agenda, [(con_id, condor.carry_rate) for condor in condors for con_id in condor.con_ids()])


def mark_options(agenda: Agenda, wanted: list[tuple[int, float]]) -> dict[int, OptionGreeks]:
    """The same for any options, given as con id and the carry rate of the condor they belong to."""
    ctx = agenda.ctx
    if ctx.spot_points is None:
        return {}
    rate, spot = ctx.params.exit.risk_free_pct / 100.0, ctx.spot_points
    market, now, max_age_s = ctx.market, ctx.now, ctx.params.orders.mark_quote_max_age_s
    found: dict[int, OptionGreeks] = {}
    for con_id, carry_rate in wanted:
        option, quote = market.option(con_id), market.fresh(con_id, now, max_age_s)
        if option is None or quote is None or (mid := quote.mid) is None:
            continue
        tau = tau_years(option, ctx)
        if tau <= 0.0 or mid <= 0.0:
            continue
        forward, discount = forward_points(spot, carry_rate, tau), math.exp(-rate * tau)
        greeks = analyse_one(mid, forward, option.strike, tau, option.is_call, discount)
        if greeks is not None:
            found[con_id] = greeks
            agenda.marks[con_id] = Mark(greeks.sigma, forward, tau, discount)
    return found


def fit_expiry(options: tuple[Option, ...], ctx: Context) -> SmileFit | str:
    """The smile of one expiry from every fresh two-sided quote of it, or why there is none."""
    rows: list[_Row] = []
    for option in options:
        quote = ctx.market.fresh(option.con_id, ctx.now, ctx.params.search.quote_max_age_s)
        if quote is not None and quote.two_sided and quote.bid and quote.ask is not None:
            rows.append(_Row(option.strike, option.is_call, quote.bid, quote.ask))
    if not rows:
        return NO_PAIR
    tau = tau_years(options[0], ctx)
    return _fitted(tuple(rows), tau, math.exp(-ctx.params.exit.risk_free_pct / 100.0 * tau))


class _Row(NamedTuple):
    """One option's quote, in points."""

    strike: float
    is_call: bool
    bid: float
    ask: float


@lru_cache(maxsize=4)  # most looks follow a report of an order: no quote has come since the last one
def _fitted(rows: tuple[_Row, ...], tau: float, discount: float) -> SmileFit | str:
    calls = {row.strike: (row.bid, row.ask) for row in rows if row.is_call}
    puts = {row.strike: (row.bid, row.ask) for row in rows if not row.is_call}
    both = [k for k in calls if k in puts]
    if not both:
        return NO_PAIR
    if tau <= 0.0:
        return "the expiry no longer trades"
    call_bid, call_ask = zip(*(calls[k] for k in both), strict=True)
    put_bid, put_ask = zip(*(puts[k] for k in both), strict=True)
    strikes, is_call, bids, asks = zip(*rows, strict=True)
    try:
        forward = forward_from_parity(both, call_bid, call_ask, put_bid, put_ask, discount).forward
        return fit_smile(strikes, bids, asks, is_call, forward, tau, discount)
    except (SurfaceError, InvalidInput) as reason:
        return str(reason)
