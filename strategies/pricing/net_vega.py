"""Net vega of condors and VIX hedges in one unit: dollars per point of VIX, and per condor and 10 points of wing.

Rules
- An SPX option's vega is to its own implied volatility; short tenors move more than VIX and long ones less, so it
  counts times sqrt(30/DTE), DTE never below 7 days.
- A VIX option's exposure to SPX volatility is its delta on the future that settles with it, times that future's beta.
  What pricing calls its vega is exposure to the volatility of VIX and is kept apart (`vvix_usd_per_vol_point`).
- A band such as -0.15..+0.25 is about `net_n` and nothing else: index points per share per point of VIX, per condor,
  per 10 points of wing width. Figures per own volatility point are raw: reported beside it, compared with no band.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from strategies.pricing.vix_beta import FORMULA, LOW_BETA_SHARE, VIX_DAYS, BetaScales, vix_beta

LEAST_DTE_DAYS = 7.0
WING_UNIT_POINTS = 10.0
SPX_MULTIPLIER_USD = 100.0


class SpxLeg(NamedTuple):
    """SPX options held: signed contracts, vega in points per share per own volatility point (>= 0), days to expiry."""

    contracts: float
    vega_points: float
    dte_days: float


class VixOptionLeg(NamedTuple):
    """VIX options held: signed contracts, Black-76 delta on the same-expiry future, vega to that future's volatility
    (points per share per volatility point), days to settlement, dollars per point."""

    contracts: float
    delta: float
    vega_points: float
    days_to_settlement: float
    multiplier_usd: float = 100.0


class VixFutureLeg(NamedTuple):
    """VIX futures held: signed contracts, days to settlement, dollars per point (VX 1000, VXM 100)."""

    contracts: float
    days_to_settlement: float
    multiplier_usd: float


class Wings(NamedTuple):
    """Condors of one width: how many, and the wider wing in index points."""

    condors: float
    width_points: float


class NetVega(NamedTuple):
    """The book's volatility exposure. Positive gains when volatility rises. `*_n` is None when no condor is open."""

    condors_raw_usd_per_vol_point: float
    """Dollars if every option's own volatility rises one point; no common unit across tenors."""
    condors_usd_per_vix_point: float
    hedges_usd_per_vix_point: float
    hedges_low_beta_usd_per_vix_point: float
    """The hedges if VIX futures move only seven tenths of what is expected."""
    vvix_usd_per_vol_point: float
    """Dollars if the volatility of the VIX futures rises one point; never added to the others."""
    wing_units: float
    """Condors times their width over 10 points."""

    @property
    def net_usd_per_vix_point(self) -> float:
        """Condors and hedges together."""
        return self.condors_usd_per_vix_point + self.hedges_usd_per_vix_point

    @property
    def net_n(self) -> float | None:
        """The figure bands are about: points per share per VIX point, per condor and 10 points of wing."""
        return self.normalised(self.net_usd_per_vix_point)

    @property
    def condors_n(self) -> float | None:
        """`net_n` without the hedges."""
        return self.normalised(self.condors_usd_per_vix_point)

    @property
    def condors_raw_n(self) -> float | None:
        """Per own volatility point instead of per VIX point, normalised the same way; for the record only."""
        return self.normalised(self.condors_raw_usd_per_vol_point)

    @property
    def offset_share(self) -> float | None:
        """Share of the condors' weighted vega the hedges take back; None when the condors have none."""
        short = -self.condors_usd_per_vix_point
        return self.hedges_usd_per_vix_point / short if short > 0.0 else None

    def normalised(self, usd_per_point: float) -> float | None:
        """Dollars per point as points per share, per condor and 10 points of wing; None when no condor is open."""
        return usd_per_point / (SPX_MULTIPLIER_USD * self.wing_units) if self.wing_units > 0.0 else None

    def usd(self, n: float) -> float:
        """The reverse: what a normalised figure (an edge of a band) means for this book in dollars per VIX point."""
        return n * SPX_MULTIPLIER_USD * self.wing_units


def spx_weight(dte_days: float) -> float:
    """Points an SPX option's volatility moves per point of VIX: sqrt(30/DTE). Raises ValueError after its expiry."""
    if not 0.0 <= dte_days < math.inf:
        raise ValueError(
            f"an SPX option with {dte_days!r} days to expiry has no vega; give days from now, zero or more"
        )
    return math.sqrt(VIX_DAYS / max(dte_days, LEAST_DTE_DAYS))


def spx_raw_vega_usd(legs: Iterable[SpxLeg]) -> float:
    """Dollars per point of each option's own volatility."""
    return SPX_MULTIPLIER_USD * sum(_finite(leg).contracts * leg.vega_points for leg in legs)


def spx_weighted_vega_usd(legs: Iterable[SpxLeg]) -> float:
    """Dollars per point of VIX."""
    return SPX_MULTIPLIER_USD * sum(_finite(leg).contracts * leg.vega_points * spx_weight(leg.dte_days) for leg in legs)


def vix_option_usd(leg: VixOptionLeg, scales: BetaScales) -> float:
    """Dollars per point of VIX of one holding of VIX options: contracts x multiplier x delta x beta."""
    _finite(leg)
    return leg.contracts * leg.multiplier_usd * leg.delta * vix_beta(leg.days_to_settlement, scales)


def vix_future_usd(leg: VixFutureLeg, scales: BetaScales) -> float:
    """Dollars per point of VIX of one holding of VIX futures."""
    _finite(leg)
    return leg.contracts * leg.multiplier_usd * vix_beta(leg.days_to_settlement, scales)


def net_vega(
    condor_legs: Iterable[SpxLeg],
    wings: Iterable[Wings],
    *,
    hedge_spx_legs: Iterable[SpxLeg] = (),
    vix_options: Iterable[VixOptionLeg] = (),
    vix_futures: Iterable[VixFutureLeg] = (),
    scales: BetaScales = FORMULA,
) -> NetVega:
    """All exposures of a book; `hedge_spx_legs` are SPX options held as protection. Raises ValueError for a number
    that is none, an expired leg, or a wing without width."""
    condor_legs, vix_options = tuple(condor_legs), tuple(vix_options)
    units = 0.0
    for wing in wings:
        if not (wing.condors >= 0.0 and 0.0 < wing.width_points < math.inf):
            raise ValueError(f"{wing}: a condor's wing has a width above zero, and there are zero or more of them")
        units += wing.condors * wing.width_points / WING_UNIT_POINTS
    by_beta = sum(vix_option_usd(leg, scales) for leg in vix_options)
    by_beta += sum(vix_future_usd(leg, scales) for leg in vix_futures)
    by_root_time = spx_weighted_vega_usd(hedge_spx_legs)
    return NetVega(
        condors_raw_usd_per_vol_point=spx_raw_vega_usd(condor_legs),
        condors_usd_per_vix_point=spx_weighted_vega_usd(condor_legs),
        hedges_usd_per_vix_point=by_beta + by_root_time,
        hedges_low_beta_usd_per_vix_point=LOW_BETA_SHARE * by_beta + by_root_time,
        vvix_usd_per_vol_point=sum(leg.contracts * leg.multiplier_usd * leg.vega_points for leg in vix_options),
        wing_units=units,
    )


Leg = SpxLeg | VixOptionLeg | VixFutureLeg


def _finite(leg: Leg) -> Leg:
    if not all(map(math.isfinite, leg)):
        raise ValueError(f"{leg} holds a value that is no number; an unknown leg has no vega and must not be summed")
    return leg
