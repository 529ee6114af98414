"""Natural cubic splines on a few knots: evaluation, slope, design matrix and roughness for a penalised fit."""

from __future__ import annotations

import numpy as np

from strategies.pricing.normal import FloatArray


def curvature_matrix(knots: FloatArray) -> FloatArray:
    """The matrix that turns values at the knots into second derivatives there (zero at both ends).

    knots rise strictly and are at least three; the result is square of their number.
    """
    n = len(knots)
    h = np.diff(knots)
    second_difference = np.zeros((n - 2, n))
    band = np.zeros((n - 2, n - 2))
    for i in range(n - 2):
        second_difference[i, i : i + 3] = 1.0 / h[i], -1.0 / h[i] - 1.0 / h[i + 1], 1.0 / h[i + 1]
        band[i, i] = (h[i] + h[i + 1]) / 3.0
        if i:
            band[i, i - 1] = band[i - 1, i] = h[i] / 6.0
    matrix = np.zeros((n, n))
    matrix[1:-1] = np.linalg.solve(band, second_difference)
    return matrix


def roughness(knots: FloatArray, curvature: FloatArray) -> FloatArray:
    """The quadratic form whose value at the knot values is the integral of the squared second derivative."""
    h = np.diff(knots)
    weight = np.zeros((len(knots), len(knots)))
    for i, width in enumerate(h):
        weight[i, i] += width / 3.0
        weight[i + 1, i + 1] += width / 3.0
        weight[i, i + 1] += width / 6.0
        weight[i + 1, i] += width / 6.0
    form: FloatArray = curvature.T @ weight @ curvature
    return form


def design(knots: FloatArray, curvature: FloatArray, x: FloatArray) -> FloatArray:
    """One row per x (inside the knots): the spline's value there as a linear function of the values at the knots."""
    cell = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    h = knots[cell + 1] - knots[cell]
    a = (knots[cell + 1] - x) / h
    b = 1.0 - a
    rows = np.arange(len(x))
    matrix = ((a**3 - a) * h * h / 6.0)[:, None] * curvature[cell]
    matrix += ((b**3 - b) * h * h / 6.0)[:, None] * curvature[cell + 1]
    matrix[rows, cell] += a
    matrix[rows, cell + 1] += b
    return matrix


def evaluate(knots: FloatArray, values: FloatArray, curvatures: FloatArray, x: FloatArray) -> FloatArray:
    """Spline values at x, which must lie inside the knots; curvatures are the second derivatives at the knots."""
    cell = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    h = knots[cell + 1] - knots[cell]
    a = (knots[cell + 1] - x) / h
    b = 1.0 - a
    bend = (a * a * a - a) * curvatures[cell] + (b * b * b - b) * curvatures[cell + 1]
    result: FloatArray = a * values[cell] + b * values[cell + 1] + bend * h * h / 6.0
    return result


def slope(knots: FloatArray, values: FloatArray, curvatures: FloatArray, x: FloatArray) -> FloatArray:
    """First derivative at x, which must lie inside the knots."""
    cell = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    h = knots[cell + 1] - knots[cell]
    a = (knots[cell + 1] - x) / h
    b = 1.0 - a
    bend = (3.0 * b * b - 1.0) * curvatures[cell + 1] - (3.0 * a * a - 1.0) * curvatures[cell]
    result: FloatArray = (values[cell + 1] - values[cell]) / h + bend * h / 6.0
    return result
