"""Fits one expiry's smile to bid and ask: what lies inside the spread costs little, roughness costs something."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from strategies.pricing import black76, spline
from strategies.pricing.implied import IvStatus, implied_vol
from strategies.pricing.normal import FloatArray
from strategies.pricing.smile import Smile, SurfaceError

_FEWEST_QUOTES = 5
_MOST_KNOTS = 27
_INSIDE_COST = 0.15  # of a squared error inside the spread, against 1 outside
_FAR_OUT = (
    4.0  # half-spreads from the middle beyond which an error counts linearly: a bad quote must not bend the curve
)
_ROUGHNESS_LADDER = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
_ROUNDS = 12


class SmileFit(NamedTuple):
    """The smile; rms_points of price minus mid over the quotes used; their share priced inside bid and ask; count."""

    smile: Smile
    rms_points: float
    inside_share: float
    used: int


class _Quotes(NamedTuple):
    strike: FloatArray
    bid: FloatArray
    ask: FloatArray
    low_vol: FloatArray
    high_vol: FloatArray
    weight: FloatArray


def fit_smile(
    strikes: ArrayLike,
    bid: ArrayLike,
    ask: ArrayLike,
    is_call: ArrayLike,
    forward: float,
    tau: float,
    discount: float = 1.0,
    weights: ArrayLike | None = None,
) -> SmileFit:
    """The smile that best agrees with the quotes of one expiry.

    One quote per entry, bid and ask in points (nan or non-positive bid: not quoted). Only out-of-the-money quotes
    with both sides are used; `weights` scales each quote's say. Errors are measured in half-spreads of the quote's own
    bid and ask volatilities. A curve whose risk-neutral density turns negative is refitted smoother. Raises
    SurfaceError when fewer than five quotes are usable or they do not surround the forward.
    """
    for name, value in (("forward", forward), ("tau", tau), ("discount", discount)):
        black76.positive(name, value)
    quotes = _usable(strikes, bid, ask, is_call, forward, tau, discount, weights)
    atm = _first_atm(quotes, forward)
    m = np.log(quotes.strike / forward) / (atm * math.sqrt(tau))
    if not m[0] < 0.0 < m[-1]:
        side = "above" if m[0] >= 0.0 else "below"
        raise SurfaceError(f"all {len(m)} usable quotes lie {side} the forward {forward:.2f}; a smile needs both sides")
    knots = _place_knots(m)
    smile = None
    for penalty in _ROUGHNESS_LADDER:
        values = _solve(knots, m, quotes, penalty * atm**-2.0)
        if (values <= 0.0).any():
            continue
        smile = Smile.through(forward, tau, knots, values, discount, atm)
        if _density_is_positive(smile):
            break
    if smile is None:
        raise SurfaceError(f"the {len(m)} usable quotes around {forward:.2f} give no curve of positive volatilities")
    fitted = smile.price(quotes.strike, quotes.strike >= forward)
    error = fitted - 0.5 * (quotes.bid + quotes.ask)
    inside = (fitted >= quotes.bid - 1e-9) & (fitted <= quotes.ask + 1e-9)
    return SmileFit(smile, float(np.sqrt(np.mean(error * error))), float(inside.mean()), len(m))


def _usable(
    strikes: ArrayLike,
    bid: ArrayLike,
    ask: ArrayLike,
    is_call: ArrayLike,
    forward: float,
    tau: float,
    discount: float,
    weights: ArrayLike | None,
) -> _Quotes:
    """Out-of-the-money two-sided quotes by rising strike, with the volatilities of their bid and ask."""
    k, b, a = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (strikes, bid, ask))
    call = np.broadcast_to(np.asarray(is_call, dtype=np.bool_), k.shape)
    w = np.broadcast_to(np.asarray(1.0 if weights is None else weights, dtype=np.float64), k.shape)
    with np.errstate(invalid="ignore"):
        keep = (k > 0.0) & np.isfinite(k) & (b > 0.0) & (a > b) & np.isfinite(a) & (call == (k >= forward)) & (w > 0.0)
    k, b, a, w = k[keep], b[keep], a[keep], w[keep]
    order = np.argsort(k, kind="stable")
    k, b, a, w = k[order], b[order], a[order], w[order]
    low = implied_vol(b, forward, k, tau, k >= forward, discount)
    high = implied_vol(a, forward, k, tau, k >= forward, discount)
    good = (low.status == IvStatus.OK) & (high.status == IvStatus.OK)
    if int(good.sum()) < _FEWEST_QUOTES:
        raise SurfaceError(
            f"{int(good.sum())} out-of-the-money quotes with both sides around {forward:.2f}; "
            f"a smile needs at least {_FEWEST_QUOTES}"
        )
    return _Quotes(k[good], b[good], a[good], low.sigma[good], high.sigma[good], w[good])


def _first_atm(quotes: _Quotes, forward: float) -> float:
    """Volatility at the forward by linear interpolation of the middle ones."""
    return float(np.interp(forward, quotes.strike, 0.5 * (quotes.low_vol + quotes.high_vol)))


def _place_knots(m: FloatArray) -> FloatArray:
    """Close together where quotes are and the smile bends, wider apart in the wings; both ends are quotes."""
    wanted = np.concatenate((np.arange(-12.0, -4.0), np.arange(-4.0, -2.0, 0.5), np.arange(-2.0, 2.0, 0.25),
                             np.arange(2.0, 6.1, 0.5)))  # fmt: skip
    knots = [float(m[0])]
    for x in wanted[(wanted > m[0]) & (wanted < m[-1])]:
        between = np.count_nonzero((m > knots[-1]) & (m <= x))
        if between >= 2 and x - knots[-1] > 0.1:
            knots.append(float(x))
    if m[-1] - knots[-1] < 0.1 and len(knots) > 2:
        knots.pop()
    knots.append(float(m[-1]))
    if len(knots) < 3:
        knots.insert(1, 0.5 * (knots[0] + knots[-1]))
    return np.array(knots)


def _solve(knots: FloatArray, m: FloatArray, quotes: _Quotes, penalty: float) -> FloatArray:
    """Volatilities at the knots by reweighted least squares."""
    curvature = spline.curvature_matrix(knots)
    rough = penalty * spline.roughness(knots, curvature)
    basis = spline.design(knots, curvature, m)
    centre = 0.5 * (quotes.low_vol + quotes.high_vol)
    # A quote cannot be trusted beyond its tick, however narrow it is: a floor keeps one quote from ruling the curve.
    half = np.maximum(0.5 * (quotes.high_vol - quotes.low_vol), 1e-5)
    say = quotes.weight / (half * half)
    cost = np.ones(len(m))
    values = centre[:1].repeat(len(knots))
    for _ in range(_ROUNDS):
        weighted = basis * (say * cost)[:, None]
        values = np.linalg.solve(basis.T @ weighted + rough, weighted.T @ centre)
        distance = np.abs(basis @ values - centre) / half
        outside = np.minimum(1.0, _FAR_OUT / np.maximum(distance, 1e-12))
        cost = np.where(
            distance <= 1.0, _INSIDE_COST, outside * (1.0 - (1.0 - _INSIDE_COST) / np.maximum(distance, 1.0))
        )
    return values


def _density_is_positive(smile: Smile) -> bool:
    """Whether call prices are convex in the strike over the quoted range and a little beyond (no butterfly below 0)."""
    m = np.linspace(smile.knots[0] - 1.0, smile.knots[-1] + 1.0, 401)
    k = smile.forward * np.exp(m * smile.atm * math.sqrt(smile.tau))
    slopes = np.diff(
        smile.price(k, k >= smile.forward) - np.where(k >= smile.forward, 0.0, k) * smile.discount
    ) / np.diff(k)
    return bool((np.diff(slopes) >= -1e-7).all())
