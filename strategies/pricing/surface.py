"""The volatility surface: smiles by expiry, joined in total variance; also the door to what builds them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np

from strategies.pricing.fit import SmileFit, fit_smile
from strategies.pricing.normal import FloatArray
from strategies.pricing.parity import ParityForward, discount_factor, forward_from_parity
from strategies.pricing.smile import Smile, SurfaceError

__all__ = [
    "ParityForward",
    "Smile",
    "SmileFit",
    "Surface",
    "SurfaceError",
    "discount_factor",
    "fit_smile",
    "forward_from_parity",
]

# Real closing quotes disagree by a few per cent between neighbouring expiries; only more than this is refused.
GROSS_CALENDAR_SHARE = 0.20


class Surface:
    """Smiles of several expiries, ready to give the smile of any time to expiry in between.

    Between two expiries total variance is linear in time at equal normalised moneyness, forward and discount factor
    are log-linear. Before the first and after the last the nearest smile's volatilities are kept (flat), forward and
    discount go on at the nearest rate. Calendar arbitrage is refused only when gross: total variance at the same
    log-moneyness (within two at-the-money standard deviations of the earlier expiry) falling by more than a fifth.
    """

    def __init__(self, smiles: Iterable[Smile]) -> None:
        self.smiles: tuple[Smile, ...] = tuple(sorted(smiles, key=lambda smile: smile.tau))
        if not self.smiles:
            raise SurfaceError("a surface needs at least one smile")
        for early, late in itertools.pairwise(self.smiles):
            if late.tau == early.tau:
                raise SurfaceError(f"two smiles have the same time to expiry, {early.tau:.6f} years")
            _refuse_gross_calendar(early, late)

    def smile_at(self, tau: float) -> Smile:
        """The smile at tau years to expiry (above zero)."""
        if not (math.isfinite(tau) and tau > 0.0):
            raise SurfaceError(f"tau must be a finite number of years above zero, got {tau!r}")
        taus = [smile.tau for smile in self.smiles]
        at = int(np.searchsorted(taus, tau))
        if at < len(taus) and taus[at] == tau:
            return self.smiles[at]
        forward, discount = self._forward_and_discount(tau)
        if at in (0, len(taus)):
            near = self.smiles[0 if at == 0 else -1]
            return Smile(forward, tau, discount, near.atm, near.knots, near.ratios, near.curvatures)
        early, late = self.smiles[at - 1], self.smiles[at]
        share = (tau - early.tau) / (late.tau - early.tau)
        m = _common_knots(early, late)
        variance = (1.0 - share) * early.total_variance(m) + share * late.total_variance(m)
        return Smile.through(forward, tau, m, np.sqrt(variance / tau), discount)

    def _forward_and_discount(self, tau: float) -> tuple[float, float]:
        """Log-linear between the two nearest expiries; a single expiry keeps its forward."""
        taus = np.array([smile.tau for smile in self.smiles])
        rates = np.array([-math.log(smile.discount) / smile.tau for smile in self.smiles])
        if len(taus) == 1:
            return self.smiles[0].forward, math.exp(-float(rates[0]) * tau)
        at = int(np.clip(np.searchsorted(taus, tau), 1, len(taus) - 1))
        early, late = self.smiles[at - 1], self.smiles[at]
        share = (tau - early.tau) / (late.tau - early.tau)
        forward = early.forward * (late.forward / early.forward) ** share
        if early.tau < tau < late.tau:
            return forward, early.discount * (late.discount / early.discount) ** share
        return forward, math.exp(-float(rates[0 if tau < early.tau else -1]) * tau)


def _common_knots(early: Smile, late: Smile) -> FloatArray:
    """Both smiles' knots, in order, thinned where they nearly coincide; 0 is always one of them."""
    merged = np.unique(np.concatenate((early.knots, late.knots, [0.0])))
    kept = [float(merged[0])]
    for x in merged[1:]:
        if x - kept[-1] > 0.02:
            kept.append(float(x))
        elif x == 0.0:
            kept[-1] = 0.0
    return np.array(kept)


def _refuse_gross_calendar(early: Smile, late: Smile) -> None:
    early_width = early.atm * math.sqrt(early.tau)
    k = np.linspace(-2.0, 2.0, 41) * early_width
    first = early.total_variance(k / early_width)
    second = late.total_variance(k / (late.atm * math.sqrt(late.tau)))
    worst = int(np.argmin(second / first))
    if second[worst] < (1.0 - GROSS_CALENDAR_SHARE) * first[worst]:
        raise SurfaceError(
            f"calendar arbitrage: total variance falls from {first[worst]:.6f} at {early.tau:.4f} years to "
            f"{second[worst]:.6f} at {late.tau:.4f} years (strike {early.forward * math.exp(float(k[worst])):.0f}); "
            f"one of the two expiries has bad quotes or a wrong date"
        )
