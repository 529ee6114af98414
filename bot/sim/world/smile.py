"""The normalised smile: implied volatility over at-the-money volatility as a function of m and tenor.

m = ln(K/F) / (atm * sqrt(T)). The knots are medians measured on the real SPX/SPXW chains of 2018-10-16 and -17
(out-of-the-money side, mid quotes); in words, puts rise by about 0.25 (2 days) to 0.35 (half a year) per unit of m and
bend down slowly, calls dip to 0.73-0.85 near m = 1 and rise again. Rows are tenors, interpolated in log time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bot.sim.types import Floats

GRID_LOW, GRID_HIGH, GRID_STEP = -30.0, 14.0, 0.025
GRID: Floats = np.arange(GRID_LOW, GRID_HIGH + GRID_STEP / 2, GRID_STEP)

KNOT_M: Floats = np.array(
    [-12, -10, -8, -6, -5, -4, -3, -2.5, -2, -1.5, -1, -0.5, -0.25, 0,
     0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6],
    dtype=np.float64,
)  # fmt: skip
KNOT_DAYS: Floats = np.array([2.3, 6.4, 10.9, 16.7, 27.4, 41.8, 65.9, 97.5, 148.8, 322.2])
KNOT_RATIO: Floats = np.array(
    [
        [4.187, 3.645, 3.093, 2.562, 2.279, 1.979, 1.684, 1.553, 1.431, 1.318, 1.201, 1.092, 1.045, 1.0,
         0.956, 0.921, 0.899, 0.888, 0.897, 0.920, 1.032, 1.157, 1.300, 1.560, 1.820, 2.080],
        [4.195, 3.726, 3.213, 2.678, 2.382, 2.090, 1.779, 1.637, 1.504, 1.377, 1.248, 1.119, 1.057, 1.0,
         0.947, 0.901, 0.868, 0.853, 0.851, 0.875, 0.976, 1.099, 1.236, 1.514, 1.800, 2.090],
        [4.201, 3.666, 3.163, 2.661, 2.394, 2.111, 1.829, 1.693, 1.557, 1.420, 1.279, 1.138, 1.068, 1.0,
         0.936, 0.881, 0.839, 0.814, 0.808, 0.827, 0.920, 1.037, 1.166, 1.430, 1.700, 1.970],
        [4.250, 3.737, 3.188, 2.676, 2.410, 2.140, 1.856, 1.719, 1.580, 1.436, 1.292, 1.144, 1.071, 1.0,
         0.930, 0.865, 0.815, 0.783, 0.776, 0.797, 0.882, 0.993, 1.138, 1.414, 1.680, 1.940],
        [4.322, 3.787, 3.254, 2.714, 2.445, 2.164, 1.880, 1.738, 1.596, 1.450, 1.304, 1.153, 1.076, 1.0,
         0.927, 0.861, 0.809, 0.780, 0.772, 0.788, 0.864, 0.967, 1.088, 1.340, 1.590, 1.830],
        [4.280, 3.788, 3.258, 2.730, 2.459, 2.185, 1.904, 1.759, 1.614, 1.466, 1.315, 1.159, 1.079, 1.0,
         0.924, 0.856, 0.805, 0.776, 0.771, 0.784, 0.838, 0.932, 1.040, 1.270, 1.500, 1.720],
        [4.188, 3.715, 3.212, 2.714, 2.457, 2.191, 1.915, 1.774, 1.628, 1.479, 1.326, 1.166, 1.084, 1.0,
         0.921, 0.852, 0.799, 0.770, 0.763, 0.769, 0.819, 0.903, 1.000, 1.210, 1.420, 1.620],
        [4.123, 3.658, 3.185, 2.705, 2.460, 2.205, 1.932, 1.791, 1.646, 1.494, 1.338, 1.174, 1.088, 1.0,
         0.913, 0.838, 0.781, 0.749, 0.748, 0.764, 0.821, 0.913, 1.010, 1.210, 1.410, 1.600],
        [3.960, 3.526, 3.101, 2.668, 2.435, 2.198, 1.941, 1.803, 1.662, 1.513, 1.354, 1.184, 1.093, 1.0,
         0.908, 0.824, 0.760, 0.733, 0.739, 0.768, 0.843, 0.930, 1.020, 1.200, 1.380, 1.560],
        [3.779, 3.380, 2.963, 2.580, 2.333, 2.120, 1.890, 1.769, 1.639, 1.501, 1.351, 1.185, 1.095, 1.0,
         0.905, 0.817, 0.750, 0.722, 0.732, 0.763, 0.862, 0.941, 1.020, 1.180, 1.340, 1.500],
    ]
)  # fmt: skip
_WING_LOG_STRIKE, _WING_LEAST_M, _WING_ROOM = 0.9, 3.0, 0.25
_CALLS_OWN_FROM = 1.5  # m from which the call side is as measured, whatever the put side wears


def hermite(knots: Floats, values: Floats, at: Floats) -> Floats:
    """Cubic interpolation with slopes from a parabola through each knot and its neighbours; straight outside."""
    gap = np.diff(knots)
    secant = np.diff(values) / gap
    slope = np.empty_like(values)
    slope[1:-1] = (secant[:-1] * gap[1:] + secant[1:] * gap[:-1]) / (gap[1:] + gap[:-1])
    slope[0], slope[-1] = secant[0], secant[-1]
    i = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(gap) - 1)
    u = (at - knots[i]) / gap[i]
    inner = (
        values[i] * (1 + 2 * u) * (1 - u) ** 2
        + slope[i] * gap[i] * u * (1 - u) ** 2
        + values[i + 1] * u**2 * (3 - 2 * u)
        + slope[i + 1] * gap[i] * u**2 * (u - 1)
    )
    below = values[0] + slope[0] * (at - knots[0])
    above = values[-1] + slope[-1] * (at - knots[-1])
    return np.where(at < knots[0], below, np.where(at > knots[-1], above, inner))


def bounded_wing(table: Floats, total_vol: float) -> Floats:
    """The table with its put wing levelling off where no chain has measured it: beyond ln(K/F) = -0.9 or m = -3,
    whichever is farther. `total_vol` is at-the-money volatility times sqrt(T).

    A wing that went on as steeply at VIX 70 as at VIX 17 would price strikes at a fifth of the index at whole points.
    """
    start = max(_WING_LOG_STRIKE / total_vol, _WING_LEAST_M)
    room = _WING_ROOM * start
    level, before = np.interp([-start, -start - 0.5], GRID, table)
    beyond = np.maximum(-GRID - start, 0.0)
    level_off = level + (before - level) / 0.5 * room * (1.0 - np.exp(-beyond / room))
    return np.where(beyond > 0.0, level_off, table)


def put_skew_scale(skew_index: float | None) -> float:
    """How steep the put side is against October 2018, from the Cboe SKEW index (100 = no skew at all).

    Other chains (2013-2022) bear out a flatter put side below 131 and no steeper one above: docs/simulated-worlds.md.
    1.0 where the index is unknown.
    """
    if skew_index is None:
        return 1.0
    return float(np.clip(1.0 + 0.025 * (skew_index - 131.0), 0.7, 1.0))


@dataclass(frozen=True, slots=True)
class SmileShape:
    """Which smile a day wears: a factor on the put side's distance from 1, fading out over the near calls so that the
    slope at the money has no kink."""

    put_scale: float = 1.0

    def table(self, days: float) -> Floats:
        """iv/atm on GRID for an expiry `days` calendar days away."""
        x = float(np.clip(np.log(max(days, 1e-6)), np.log(KNOT_DAYS[0]), np.log(KNOT_DAYS[-1])))
        row = int(np.clip(np.searchsorted(np.log(KNOT_DAYS), x) - 1, 0, len(KNOT_DAYS) - 2))
        low, high = np.log(KNOT_DAYS[row]), np.log(KNOT_DAYS[row + 1])
        weight = (x - low) / (high - low)
        base = (1.0 - weight) * KNOT_RATIO[row] + weight * KNOT_RATIO[row + 1]
        u = np.clip(KNOT_M / _CALLS_OWN_FROM, 0.0, 1.0)
        scale = self.put_scale + (1.0 - self.put_scale) * u * u * (3.0 - 2.0 * u)
        return hermite(KNOT_M, 1.0 + scale * (base - 1.0), GRID)
