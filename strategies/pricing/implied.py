"""Implied Black-76 volatility on arrays: each option gets a volatility or the reason why it has none."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strategies.pricing import solver
from strategies.pricing.normal import INV_SQRT_TWO_PI, BoolArray, FloatArray, cdf

# Time value below this share of the quoted price has lost its digits in the quote's own rounding.
_LOST_DIGITS = 1e-12
_SMALLEST_NORMALISED = 1e-290
_ONE, _TWO, _ZERO, _MINUS_ONE, _LOST = (np.asarray(x) for x in (1.0, 2.0, 0.0, -1.0, _LOST_DIGITS))

# Options solved at a time: enough to make the interpreter's share small, few enough to stay in the processor's cache.
BLOCK = 4096
BLOCK_ROWS = solver.ROWS + 8


class IvStatus(IntEnum):
    """Why an option has, or has not, an implied volatility."""

    OK = 0
    BELOW_INTRINSIC = 1
    ABOVE_BOUND = 2
    NO_TIME_VALUE = 3  # so close to intrinsic value that the price does not determine the volatility
    INVALID = 4  # a number no option can have: nan, infinite, or not positive where it must be


class ImpliedVol(NamedTuple):
    """sigma (nan where status is not OK) and status (IvStatus values), arrays of the broadcast shape."""

    sigma: FloatArray
    status: NDArray[np.int8]


class Columns(NamedTuple):
    """The arguments as float arrays (call: bool), each flat and of the chain's length, or without dimension."""

    price: FloatArray
    forward: FloatArray
    strike: FloatArray
    tau: FloatArray
    call: BoolArray
    discount: FloatArray

    def block(self, start: int, stop: int) -> Columns:
        """The same, for options start to stop."""
        p, f, k, t, call, df = self
        here = slice(start, stop)
        return Columns(
            p[here] if p.ndim else p,
            f[here] if f.ndim else f,
            k[here] if k.ndim else k,
            t[here] if t.ndim else t,
            call[here] if call.ndim else call,
            df[here] if df.ndim else df,
        )

    def take(self, index: NDArray[np.intp]) -> Columns:
        """The same, for the options at the index, every column with its own entry."""

        def pick(column: FloatArray) -> FloatArray:
            return np.asarray(column[index] if column.ndim else np.full(len(index), column))

        call = np.broadcast_to(self.call[index] if self.call.ndim else self.call, index.shape)
        price, forward, strike = pick(self.price), pick(self.forward), pick(self.strike)
        return Columns(price, forward, strike, pick(self.tau), call, pick(self.discount))


class BlockSolution(NamedTuple):
    """A solved block: `doubtful` lists the options the fast solver cannot vouch for, the rest as `solver.Solution`.

    root = sqrt(F*K), moneyness = F - K, intrinsic in undiscounted points; all views into the workspace.
    """

    solution: solver.Solution
    root: FloatArray
    moneyness: FloatArray
    intrinsic: FloatArray
    doubtful: NDArray[np.intp]


def implied_vol(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    tau: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> ImpliedVol:
    """The volatility (a fraction a year) at which Black-76 gives the price (points per share, discounted).

    Arguments broadcast as those of `black76.price`. A bad number makes its own entry INVALID and never raises, since
    a chain with one broken quote is the rule; read `status` before `sigma`.
    """
    columns, shape = as_columns(price, forward, strike, tau, is_call, discount)
    n = math.prod(shape)
    sigma, status = np.empty(n), np.zeros(n, dtype=np.int8)
    rows = np.empty((BLOCK_ROWS, min(n, BLOCK)))
    with np.errstate(all="ignore"):
        for start in range(0, n, BLOCK):
            stop = min(start + BLOCK, n)
            block = columns.block(start, stop)
            solved = solve_block(block, rows[:, : stop - start])
            np.divide(solved.solution.s, np.sqrt(block.tau), sigma[start:stop])
            if len(solved.doubtful):
                where = start + solved.doubtful
                sigma[where], status[where] = solve_doubtful(block.take(solved.doubtful))
    return ImpliedVol(sigma.reshape(shape), status.reshape(shape))


def as_columns(
    price: ArrayLike, forward: ArrayLike, strike: ArrayLike, tau: ArrayLike, is_call: ArrayLike, discount: ArrayLike
) -> tuple[Columns, tuple[int, ...]]:
    """The arguments ready for `solve_block`, and their broadcast shape; ValueError when they do not broadcast."""
    raw = [np.asarray(values, dtype=np.float64) for values in (price, forward, strike, tau, discount)]
    call = np.asarray(is_call, dtype=np.bool_)
    shape = np.broadcast_shapes(*(column.shape for column in raw), call.shape)

    def flat(column: NDArray[np.generic]) -> NDArray[np.generic]:
        if column.shape == shape:
            return column.reshape(-1)
        return column.reshape(()) if column.size == 1 else np.broadcast_to(column, shape).reshape(-1)

    p, f, k, t, df = (np.asarray(flat(column), dtype=np.float64) for column in raw)
    return Columns(p, f, k, t, np.asarray(flat(call), dtype=np.bool_), df), shape


def solve_block(columns: Columns, rows: FloatArray) -> BlockSolution:
    """Solves a block of options in place; rows is scratch of BLOCK_ROWS rows as long as the block."""
    price, forward, strike, tau, call, discount = columns
    x, beta, gap, root, moneyness, intrinsic, points, floor = rows[solver.ROWS :]
    np.subtract(forward, strike, moneyness)
    np.multiply(forward, strike, root)
    np.sqrt(root, root)
    np.divide(forward, strike, x)
    np.log(x, x)
    np.copysign(x, _MINUS_ONE, x)
    # By parity only the out-of-the-money side is solved: what is above intrinsic value is the price of that side.
    np.multiply(call, _TWO, intrinsic)
    np.subtract(intrinsic, _ONE, intrinsic)
    np.multiply(intrinsic, moneyness, intrinsic)
    np.maximum(intrinsic, _ZERO, out=intrinsic)
    np.divide(price, discount, points)
    np.multiply(points, _LOST, floor)
    np.subtract(points, intrinsic, points)
    np.subtract(points, floor, floor)
    np.divide(points, root, beta)
    np.abs(moneyness, gap)
    np.divide(gap, root, gap)
    solution = solver.solve(x, beta, gap, rows[: solver.ROWS])
    return BlockSolution(solution, root, moneyness, intrinsic, _doubtful(solution, floor, tau, points))


def _doubtful(solution: solver.Solution, floor: FloatArray, tau: FloatArray, near: FloatArray) -> NDArray[np.intp]:
    """Options with no time value, too large a last step, a volatility out of the solver's range, or no time left."""
    step = np.abs(solution.step, solution.step)
    np.add(solution.h, solution.t, near)
    # Comparisons with nan are false: one bad number anywhere sends the block the long way round.
    if (
        np.minimum.reduce(floor) > 0.0
        and np.maximum.reduce(step) <= solver.GUESS_LIMIT
        and np.maximum.reduce(near) <= solver.D1_LIMIT
        and np.minimum.reduce(solution.t) > 0.0
        and np.minimum.reduce(tau, axis=None) > 0.0
        and np.maximum.reduce(tau, axis=None) < np.inf
    ):
        return np.empty(0, dtype=np.intp)
    sound = (floor > 0.0) & (step <= solver.GUESS_LIMIT) & (near <= solver.D1_LIMIT) & (solution.t > 0.0)
    sound &= (tau > 0.0) & (tau < np.inf)
    return np.flatnonzero(~sound)


def solve_doubtful(columns: Columns) -> tuple[FloatArray, NDArray[np.int8]]:
    """sigma and status by classification and iteration, for options outside the fast solver's range."""
    price, forward, strike, tau, call, discount = columns
    sigma = np.full(len(price), np.nan)
    status = np.full(len(price), IvStatus.OK, dtype=np.int8)
    undiscounted = price / discount
    intrinsic = np.maximum(np.where(call, forward - strike, strike - forward), 0.0)
    points = undiscounted - intrinsic
    bound = np.minimum(forward, strike)
    root = np.sqrt(forward * strike)
    status[points < 0.0] = IvStatus.BELOW_INTRINSIC
    lost = np.abs(points) <= _LOST_DIGITS * np.maximum(np.abs(undiscounted), intrinsic)
    status[lost | ((points >= 0.0) & (points < _SMALLEST_NORMALISED * root))] = IvStatus.NO_TIME_VALUE
    status[bound - points <= _LOST_DIGITS * bound] = IvStatus.ABOVE_BOUND
    sane = np.isfinite(price)
    for column in (forward, strike, tau, discount):
        sane &= np.isfinite(column) & (column > 0.0)
    status[~sane] = IvStatus.INVALID
    ok = np.flatnonzero(status == IvStatus.OK)
    if len(ok):
        x = -np.abs(np.log(forward[ok] / strike[ok]))
        s = _iterate(x, points[ok] / root[ok], (bound - points)[ok] / root[ok])
        sigma[ok] = s / np.sqrt(tau[ok])
    return sigma, status


def _iterate(x: FloatArray, beta: FloatArray, rest: FloatArray) -> FloatArray:
    """Total volatility by bisection and two Newton steps; rest is what beta lacks to its upper bound exp(x/2).

    The side of the price that keeps its digits is compared: the price itself when small, what it lacks when large.
    """
    up, down = np.exp(0.5 * x), np.exp(-0.5 * x)
    small = beta < rest
    target = np.where(small, beta, rest)

    def value(s: FloatArray) -> FloatArray:
        d1 = x / s + 0.5 * s
        d2 = d1 - s
        return np.where(small, up * cdf(d1) - down * cdf(d2), up * cdf(-d1) + down * cdf(d2))

    low, high = np.full(len(x), -25.0), np.full(len(x), 5.0)
    for _ in range(46):
        middle = 0.5 * (low + high)
        above = (value(np.exp(middle)) > target) == small
        high = np.where(above, middle, high)
        low = np.where(above, low, middle)
    s: FloatArray = np.exp(0.5 * (low + high))
    for _ in range(2):
        d1 = x / s + 0.5 * s
        vega = up * INV_SQRT_TWO_PI * np.exp(-0.5 * d1 * d1)
        step = (target - value(s)) / np.where(small, vega, -vega)
        s = s * np.exp(np.clip(np.nan_to_num(step / s), -1e-9, 1e-9))
    return s
