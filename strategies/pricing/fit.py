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
_INSIDE_COST = 0.15  # of a squared error inside the spread, against 1 outside
# Half-spreads from the middle beyond which an error counts linearly: a bad quote must not bend the curve.
_FAR_OUT = 4.0
# Quotes further out, in at-the-money standard deviations, say how small the tick is and nothing about volatility.
_REACH = 8.0
_ROUGHNESS_LADDER = (10.0, 30.0, 100.0)
_ROUNDS = 10
_DENSITY_POINTS = 161
# Real quotes in ticks are not convex to the last digit: a butterfly of two grid cells may lack this share of the
# forward (0.003 points at 2750, a twentieth of a tick) before the curve is made smoother.
_BUTTERFLY_SHARE = 1e-6


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
    bid and ask volatilities. A curve with a butterfly of negative worth is refitted smoother, up to a limit. Raises
    SurfaceError when fewer than five quotes are usable or they do not surround the forward.
    """
    for name, value in (("forward", forward), ("tau", tau), ("discount", discount)):
        black76.positive(name, value)
    quotes = _usable(strikes, bid, ask, is_call, forward, tau, discount, weights)
    atm = _first_atm(quotes, forward)
    m = np.log(quotes.strike / forward) / (atm * math.sqrt(tau))
    near = np.abs(m) <= _REACH
    quotes, m = _Quotes(*(column[near] for column in quotes)), m[near]
    if len(m) < _FEWEST_QUOTES or not m[0] < 0.0 < m[-1]:
        side = "above" if np.median(m) >= 0.0 else "below"
        raise SurfaceError(f"the usable quotes lie {side} the forward {forward:.2f}; a smile needs both sides of it")
    knots = _place_knots(m)
    best: tuple[float, Smile] | None = None
    problem = _Problem.of(knots, m, quotes)
    for roughness in _ROUGHNESS_LADDER:
        values = _solve(problem, roughness * atm**-2.0)
        if (values <= 0.0).any():
            continue
        candidate = Smile.through(forward, tau, knots, values, discount, atm)
        lacking = _worst_butterfly(candidate)
        if best is None or lacking < best[0]:
            best = lacking, candidate
        if lacking <= _BUTTERFLY_SHARE * forward:
            break
    if best is None:
        raise SurfaceError(f"the {len(m)} usable quotes around {forward:.2f} give no curve of positive volatilities")
    smile = best[1]
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


class _Problem(NamedTuple):
    """The least-squares problem: spline basis at the quotes, its roughness form, and the target of each quote."""

    basis: FloatArray
    rough: FloatArray
    centre: FloatArray
    half_width: FloatArray
    weight: FloatArray

    @classmethod
    def of(cls, knots: FloatArray, m: FloatArray, quotes: _Quotes) -> _Problem:
        curvature = spline.curvature_matrix(knots)
        # However narrow a quote is, its tick keeps it from being that exact: a floor keeps one quote from ruling all.
        half = np.maximum(0.5 * (quotes.high_vol - quotes.low_vol), 1e-5)
        centre = 0.5 * (quotes.low_vol + quotes.high_vol)
        basis, rough = spline.design(knots, curvature, m), spline.roughness(knots, curvature)
        return cls(basis, rough, centre, half, quotes.weight / (half * half))


def _solve(problem: _Problem, penalty: float) -> FloatArray:
    """Volatilities at the knots by reweighted least squares."""
    basis, rough, centre, half, weight = problem
    cost = np.ones(len(centre))
    values: FloatArray = np.zeros(basis.shape[1])
    for _ in range(_ROUNDS):
        weighted = basis * (weight * cost)[:, None]
        values = np.asarray(np.linalg.solve(basis.T @ weighted + penalty * rough, weighted.T @ centre))
        distance = np.abs(basis @ values - centre) / half
        beyond = np.maximum(distance, 1.0)
        outside = np.minimum(1.0, _FAR_OUT / beyond) * (1.0 - (1.0 - _INSIDE_COST) / beyond)
        cost = np.where(distance <= 1.0, _INSIDE_COST, outside)
    return values


def _worst_butterfly(smile: Smile) -> float:
    """The most, in points, that a butterfly of neighbouring grid strikes is worth below zero (0.0 when none is)."""
    m = np.linspace(smile.knots[0] - 1.0, smile.knots[-1] + 1.0, _DENSITY_POINTS)
    k = smile.forward * np.exp(m * smile.atm * math.sqrt(smile.tau))
    above = k >= smile.forward
    calls = smile.price(k, above) + smile.discount * np.where(above, 0.0, smile.forward - k)
    width = np.diff(k)
    worth = np.diff(np.diff(calls) / width) * width[:-1]
    return max(0.0, -float(worth.min()))
