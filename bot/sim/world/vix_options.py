"""VIX options: Black-76 on the future of the same expiry, volatility level from VVIX, an upside smile.

Levels after RULEBOOK 3.8: ATM volatility .955*VVIX*(30/d)^a with a = .14 + .25*max(0, ln(VVIX/95)); smile over ATM
1 + .27m - .03m^2 with m = ln(K/F)/(atm*sqrt(T)), floored below.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.sim.types import Floats
from bot.sim.world.surface import MIN_YEARS, YEAR_SECONDS, Priced
from strategies.pricing import black76

_MIN_DAYS = 1.0
_SMILE_TOP = 4.0


def vix_atm_vol(vvix: float | Floats, days: Floats) -> Floats:
    """At-the-money volatility (fraction a year) of VIX options by calendar days to expiry."""
    exponent = 0.14 + 0.25 * np.maximum(0.0, np.log(vvix / 95.0))
    return np.asarray(0.955 * vvix / 100.0 * (30.0 / np.maximum(days, _MIN_DAYS)) ** exponent, dtype=np.float64)


class VixStrip(NamedTuple):
    """Contracts to price: strikes and forwards in points, settlement instants in epoch seconds, all of one length."""

    strike: Floats
    is_call: NDArray[np.bool_]
    forward: Floats
    settles_ts: Floats


def price_vix(strip: VixStrip, vvix: float | Floats, now_ts: float | Floats, rate: float) -> Priced:
    """Values and greeks; delta and gamma against the future, vega per point of VIX-option volatility. `vvix` and
    `now_ts` (epoch seconds) are one for all contracts, or one each."""
    years = np.maximum((strip.settles_ts - now_ts) / YEAR_SECONDS, MIN_YEARS)
    atm = vix_atm_vol(vvix, years * 365.0)
    m = np.log(strip.strike / strip.forward) / (atm * np.sqrt(years))
    m = np.clip(m, -2.5, _SMILE_TOP)
    iv = atm * np.maximum(1.0 + 0.27 * m - 0.03 * m * m, 0.45)
    values = black76.greeks(strip.forward, strip.strike, iv, years, strip.is_call, np.exp(-rate * years))
    return Priced(
        np.maximum(values.price, 1e-6), iv, values.delta, values.gamma, values.vega, values.theta, strip.forward, years
    )
