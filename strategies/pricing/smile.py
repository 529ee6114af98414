"""One expiry's smile: volatility by strike, and the prices, deltas and strikes that follow from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from strategies.pricing import black76, spline
from strategies.pricing.normal import FloatArray

# Lee's moment bound: total variance cannot grow faster than twice the log-moneyness.
_MAX_WING_SLOPE = 2.0
_SEARCH_MONEYNESS = 12.0


class SurfaceError(ValueError):
    """The quotes cannot give what was asked; the message says which quotes and why."""


@dataclass(frozen=True, eq=False, slots=True)
class Smile:
    """Implied volatility of one expiry as a function of the strike.

    forward in points, tau in years of 365 days, discount the value of one point at expiry, atm the volatility at the
    forward. The shape is iv/atm, a natural cubic spline through (knots, ratios) in normalised moneyness
    m = ln(K/F) / (atm * sqrt(tau)); beyond the outermost knots total variance goes on linearly, its slope held within
    what excludes arbitrage (never falling outwards, never steeper than Lee's bound).
    """

    forward: float
    tau: float
    discount: float
    atm: float
    knots: FloatArray
    ratios: FloatArray
    curvatures: FloatArray

    @classmethod
    def through(
        cls,
        forward: float,
        tau: float,
        moneyness: ArrayLike,
        vols: ArrayLike,
        discount: float = 1.0,
        atm: float | None = None,
    ) -> Smile:
        """The smile through given volatilities.

        moneyness rises strictly, holds at least three values and spans 0; it is normalised by `atm`, or, when atm is
        None, by the volatility the points themselves have at 0. Raises SurfaceError when the points make no smile.
        """
        for name, value in (("forward", forward), ("tau", tau), ("discount", discount)):
            black76.positive(name, value)
        knots = np.array(moneyness, dtype=np.float64)
        values = np.array(black76.positive("vols", vols))
        if knots.ndim != 1 or knots.shape != values.shape or len(knots) < 3:
            raise SurfaceError(f"a smile needs three or more points, one volatility each; got {knots.size} moneyness")
        if not (np.diff(knots) > 0.0).all() or not knots[0] <= 0.0 <= knots[-1]:
            raise SurfaceError("a smile's moneyness must rise strictly and span the forward (0)")
        curvature = spline.curvature_matrix(knots)
        centre = float(spline.evaluate(knots, values, curvature @ values, np.zeros(1))[0])
        # Keep each point at the strike the caller meant when their scale was another than the curve's own.
        stretch = 1.0 if atm is None else atm / centre
        knots, ratios = knots * stretch, values / centre
        smile = cls(forward, tau, discount, centre, knots, ratios, (curvature @ ratios) / (stretch * stretch))
        inside = np.linspace(knots[0], knots[-1], 201)
        if not (smile.ratio(inside) > 0.0).all():
            raise SurfaceError("the curve through these volatilities turns negative between two of them")
        return smile

    def moneyness(self, strikes: ArrayLike) -> FloatArray:
        """ln(K/F) / (atm * sqrt(tau)) of strikes in points."""
        k = black76.positive("strikes", strikes)
        return np.asarray(np.log(k / self.forward) / (self.atm * math.sqrt(self.tau)))

    def ratio(self, moneyness: ArrayLike) -> FloatArray:
        """iv/atm at normalised moneyness."""
        m = np.asarray(moneyness, dtype=np.float64)
        inside = np.clip(m, self.knots[0], self.knots[-1])
        ratio = spline.evaluate(self.knots, self.ratios, self.curvatures, inside)
        outside = m - inside
        if not outside.any():
            return ratio
        slopes = self._wing_slopes()
        growth = np.where(outside < 0.0, slopes[0], slopes[1]) * outside
        return np.sqrt(ratio * ratio + growth)

    def _wing_slopes(self) -> tuple[float, float]:
        """d(iv/atm)^2 / dm beyond the left and the right end."""
        ends = self.knots[[0, -1]]
        raw = 2.0 * self.ratios[[0, -1]] * spline.slope(self.knots, self.ratios, self.curvatures, ends)
        steepest = _MAX_WING_SLOPE / (self.atm * math.sqrt(self.tau))
        return float(np.clip(raw[0], -steepest, 0.0)), float(np.clip(raw[1], 0.0, steepest))

    def iv(self, strikes: ArrayLike) -> FloatArray:
        """Volatility as a fraction a year, one per strike."""
        return self.atm * self.ratio(self.moneyness(strikes))

    def total_variance(self, moneyness: ArrayLike) -> FloatArray:
        """iv^2 * tau at normalised moneyness."""
        vol = self.atm * self.ratio(moneyness)
        return vol * vol * self.tau

    def greeks(self, strikes: ArrayLike, is_call: ArrayLike) -> black76.Greeks:
        """Black-76 price and greeks at the smile's volatilities, units of `black76`."""
        return black76.greeks(self.forward, strikes, self.iv(strikes), self.tau, is_call, self.discount)

    def price(self, strikes: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """Present value in points per share."""
        return black76.price(self.forward, strikes, self.iv(strikes), self.tau, is_call, self.discount)

    def delta(self, strikes: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """Black delta at the smile's own volatility: dV/dF with each strike's volatility held."""
        return black76.delta(self.forward, strikes, self.iv(strikes), self.tau, is_call, self.discount)

    def delta_sticky(self, strikes: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """dV/dF when the smile moves with the forward (volatility a function of moneyness alone)."""
        values = self.greeks(strikes, is_call)
        m = self.moneyness(strikes)
        step = 1e-4
        width = self.atm * math.sqrt(self.tau)
        skew = self.atm * (self.ratio(m + step) - self.ratio(m - step)) / (2.0 * step * width)
        return values.delta - values.vega / black76.VOL_POINT * skew / self.forward

    def strike_for_delta(self, target_abs_delta: float, is_call: bool) -> float:
        """The strike, in points, not rounded to any listing, whose |delta| is the target.

        Of several, the one nearest the forward. Raises SurfaceError when the target lies outside what the smile has.
        """
        low, high = -_SEARCH_MONEYNESS, _SEARCH_MONEYNESS
        width = self.atm * math.sqrt(self.tau)
        at, m, gap = 0, np.empty(0), np.empty(0)
        for points in (97, 33, 33, 33):
            m = np.linspace(low, high, points)
            gap = np.abs(self.delta(self.forward * np.exp(m * width), is_call)) - target_abs_delta
            crossings = np.flatnonzero((gap[:-1] > 0.0) != (gap[1:] > 0.0))
            if not len(crossings):
                raise SurfaceError(
                    f"no {'call' if is_call else 'put'} has an absolute delta of {target_abs_delta}: "
                    f"it must lie between 0 and the discount factor {self.discount:.6f}"
                )
            at = int(crossings[np.argmin(np.abs(m[crossings]))])
            low, high = float(m[at]), float(m[at + 1])
        weight = float(gap[at] / (gap[at] - gap[at + 1]))
        return self.forward * math.exp((low + weight * (high - low)) * width)
