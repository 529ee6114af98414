"""From model values to quotes: spreads, ticks and sizes of SPX and VIX options, at one instant or at many."""

from __future__ import annotations

from bot.sim.types import Floats, Marks
from bot.sim.world import spreads
from bot.sim.world.surface import Priced

Wobbles = tuple[Floats, Floats]
"""Size factors of bid and ask (`spreads.size_wobble`)."""


def spx_marks(
    priced: Priced, spot: float | Floats, vix: float | Floats, spread_scale: float | Floats, wobbles: Wobbles
) -> Marks:
    """SPX options at these levels, points; `spread_scale` is their real spread over the rule's, 1 where unknown."""
    half = spreads.spx_half_spread(priced.mid, priced.delta, priced.years, spot, vix) * spread_scale
    liquidity = spreads.spx_liquidity(priced.mid, priced.delta, priced.years)
    return _marks(priced, half, liquidity, spreads.SPX_TICKS, wobbles)


def vix_marks(priced: Priced, vix: float | Floats, wobbles: Wobbles) -> Marks:
    """VIX options at this level of VIX, points."""
    half = spreads.vix_half_spread(priced.mid, vix)
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
