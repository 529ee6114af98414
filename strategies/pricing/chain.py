"""Whole-chain analytics in one pass: implied volatility, price and greeks of every option of a chain."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strategies.pricing import black76
from strategies.pricing.implied import (
    BLOCK,
    BLOCK_ROWS,
    BlockSolution,
    Columns,
    IvStatus,
    as_columns,
    solve_block,
    solve_doubtful,
)
from strategies.pricing.normal import INV_SQRT_TWO_PI, FloatArray

_DENSITY, _ONE, _TWO, _MINUS_HALF = (np.asarray(x) for x in (INV_SQRT_TWO_PI, 1.0, 2.0, -0.5))
_DECAY = np.asarray(-0.5 / black76.DAYS_PER_YEAR)
_PER_DAY = np.asarray(1.0 / black76.DAYS_PER_YEAR)
_VOL_POINT = np.asarray(black76.VOL_POINT)


class ChainAnalytics(NamedTuple):
    """One entry per option: sigma, its IvStatus, and the greeks of `black76` at sigma; nan where status is not OK."""

    sigma: FloatArray
    status: NDArray[np.int8]
    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray


def analyse(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    tau: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> ChainAnalytics:
    """Implied volatility of each price, and Black-76 price and greeks at it.

    Arguments as `implied_vol`; units as `black76`. Never raises for a bad number: see `status`. The price is the
    model's at sigma, equal to the given one up to rounding.
    """
    columns, shape = as_columns(price, forward, strike, tau, is_call, discount)
    n = math.prod(shape)
    out = np.empty((6, n))
    status = np.zeros(n, dtype=np.int8)
    rows = np.empty((BLOCK_ROWS, min(n, BLOCK)))
    with np.errstate(all="ignore"):
        for start in range(0, n, BLOCK):
            stop = min(start + BLOCK, n)
            block = columns.block(start, stop)
            solved = solve_block(block, rows[:, : stop - start])
            here = out[:, start:stop]
            _fill(block, solved, here, rows[4:6, : stop - start])
            if len(solved.doubtful):
                status[start + solved.doubtful] = _fill_doubtful(block.take(solved.doubtful), solved.doubtful, here)
    sigma, value, delta, gamma, vega, theta = (row.reshape(shape) for row in out)
    return ChainAnalytics(sigma, status.reshape(shape), value, delta, gamma, vega, theta)


def _fill(columns: Columns, solved: BlockSolution, out: FloatArray, scratch: FloatArray) -> None:
    """Writes sigma, price, delta, gamma, vega and theta of a solved block into the rows of out."""
    _, forward, _, tau, call, discount = columns
    s, square, h, t, near, far = solved.solution
    sigma, value, delta, gamma, vega, theta = out
    density, other = scratch
    root_tau = np.sqrt(tau)
    np.divide(s, root_tau, sigma)
    np.multiply(h, h, square)
    np.multiply(t, t, density)
    np.add(density, square, density)
    np.multiply(density, _MINUS_HALF, density)
    np.exp(density, density)
    np.multiply(density, solved.root, density)
    np.multiply(density, discount * _DENSITY, density)  # dV/ds
    np.subtract(near, far, other)
    np.multiply(density, other, value)
    # Below the forward the out-of-the-money option is the put, whose delta is -cdf(d2 of the mirrored call).
    call_side = np.less_equal(solved.moneyness, 0.0)
    np.multiply(other, ~call_side, other)
    np.subtract(near, other, other)
    np.multiply(other, density, other)
    np.divide(other, forward, other)
    np.multiply(call_side, _TWO, delta)
    np.subtract(delta, _ONE, delta)
    np.multiply(other, delta, other)
    # Parity gives the in-the-money option: its delta is the other's plus D for a call, minus D for a put.
    np.multiply(delta, np.not_equal(call, call_side), delta)
    np.multiply(delta, discount, delta)
    np.subtract(other, delta, delta)
    np.multiply(solved.intrinsic, discount, other)
    np.add(value, other, value)
    np.multiply(forward, s, gamma)
    np.multiply(gamma, forward, gamma)
    np.divide(density, gamma, gamma)
    np.multiply(density, root_tau * _VOL_POINT, vega)
    np.multiply(density, s, theta)
    np.multiply(theta, _DECAY / tau, theta)
    if discount.ndim or discount != 1.0:
        np.multiply(value, np.log(discount) * -_PER_DAY / tau, other)
        np.add(theta, other, theta)


def _fill_doubtful(columns: Columns, index: NDArray[np.intp], out: FloatArray) -> NDArray[np.int8]:
    """Solves the options the fast way could not, writes their columns of out and returns their status."""
    sigma, status = solve_doubtful(columns)
    out[:, index] = np.nan
    ok = status == IvStatus.OK
    if ok.any():
        good = Columns(*(column[ok] for column in columns))
        values = black76.greeks(good.forward, good.strike, sigma[ok], good.tau, good.call, good.discount)
        out[:, index[ok]] = np.stack((sigma[ok], *values))
    return status
