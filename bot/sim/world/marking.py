"""From model values to quotes: spreads, ticks and sizes of SPX, SPY and VIX options, at one instant or at many."""

from __future__ import annotations

import numpy as np

from bot.sim.types import Floats, Marks
from bot.sim.world import spreads
from bot.sim.world.surface import Priced, SpxTerms

Wobbles = tuple[Floats, Floats]
"""Size factors of bid and ask (`spreads.size_wobble`)."""


def scaled(wobbles: Wobbles, depth: spreads.Depth) -> Wobbles:
    """Size factors in a market of that depth."""
    return wobbles if depth is spreads.REGULAR else (wobbles[0] * depth.size, wobbles[1] * depth.size)


def spx_marks(
    priced: Priced,
    tenor: spreads.QuoteTenor,
    market: spreads.SpreadMarket,
    spread_scale: float | Floats,
    wobbles: Wobbles,
) -> Marks:
    """SPX options in this market, points; `spread_scale` is their real spread over the rule's, 1 where unknown."""
    half = spreads.spx_half_spread(priced.mid, priced.delta, tenor, market) * spread_scale
    return _marks(priced, half, spreads.spx_liquidity(priced.delta, tenor), spreads.SPX_TICKS, wobbles)


def spy_marks(priced: Priced, terms: SpxTerms, spot: float | Floats, wobbles: Wobbles) -> Marks:
    """SPY options at this level of SPY, dollars. They are American: never below what exercise brings, and where that
    is all they are worth they move with the share. Dividends are a yield, as in SPX."""
    inner = np.where(terms.is_call, spot - terms.strike, terms.strike - spot)
    bound = inner > priced.mid
    sign = np.where(terms.is_call, 1.0, -1.0)
    american = priced._replace(
        mid=np.where(bound, inner, priced.mid),
        delta=np.where(bound, sign, priced.delta),
        gamma=np.where(bound, 0.0, priced.gamma),
        vega=np.where(bound, 0.0, priced.vega),
        theta=np.where(bound, 0.0, priced.theta),
    )
    half = spreads.spy_half_spread(american.mid, american.delta, american.years, spot)
    liquidity = 2.0 * spreads.spx_liquidity(american.delta, terms.tenor)
    return _marks(american, half, liquidity, spreads.SPY_TICKS, wobbles)


def vix_marks(priced: Priced, vix: float | Floats, wobbles: Wobbles, width: float = 1.0) -> Marks:
    """VIX options at this level of VIX, points; `width` as a factor of the usual spread."""
    half = spreads.vix_half_spread(priced.mid, vix) * width
    return _marks(priced, half, spreads.vix_liquidity(priced.mid), spreads.VIX_TICKS, wobbles)


def _marks(priced: Priced, half: Floats, liquidity: Floats, ticks: spreads.Ticks, wobbles: Wobbles) -> Marks:
    bid, ask = spreads.on_ticks(priced.mid, half, ticks)
    bid_wobble, ask_wobble = wobbles
    return Marks(
        priced.mid,
        bid,
        ask,
        spreads.displayed(liquidity, bid_wobble, bid),
        spreads.displayed(liquidity, ask_wobble, ask),
        priced.iv,
        priced.delta,
        priced.gamma,
        priced.vega,
        priced.theta,
        priced.forward,
    )
