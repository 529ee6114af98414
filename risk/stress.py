"""Full revaluation of the book on a grid of index and volatility shocks, and in the crash scenario.

Rules
- Loss is measured from today's model value for what is held and from the limit price for what is working.
- Every working order is filled or not, whichever is worse, cell by cell.
- Each strike keeps its volatility (sticky strike). The crash adds the VIX shock to it in volatility points, scaled by
  the square root of 30 days over the option's days where those are more than 30.
- A missing volatility makes the whole result unknown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from risk.exposure import Stake
from risk.limits import Limits
from strategies.domain.instruments import Option
from strategies.domain.marks import Mark
from strategies.pricing import black76
from strategies.pricing.normal import FloatArray

SHOCK_DAYS = 30.0
MIN_SIGMA = 0.01


class Stress(NamedTuple):
    """Losses in usd (gains negative): the worst grid cell, which one it is (percent), and the crash."""

    grid_loss_usd: float
    spot_pct: float
    vol_pct: float
    crash_loss_usd: float


def stress(
    groups: Iterable[Stake], options: Mapping[int, Option], marks: Mapping[int, Mark], limits: Limits
) -> Stress | str:
    """The book under every shock, or the reason why it cannot be valued."""
    groups = tuple(groups)
    for group in groups:
        if group.unknown:
            return group.unknown
    con_ids = sorted({con_id for group in groups for con_id in group.con_ids})
    if not con_ids:
        return Stress(0.0, 0.0, 0.0, 0.0)
    for con_id in con_ids:
        reason = _unusable(marks.get(con_id), con_id)
        if reason:
            return reason
    place = {con_id: i for i, con_id in enumerate(con_ids)}
    worth = _worth_usd([options[c] for c in con_ids], [marks[c] for c in con_ids], limits)
    held = np.zeros(len(con_ids))
    rows, cash, counts = [], [], []
    for group in groups:
        for con_id, quantity in group.held.items():
            held[place[con_id]] += quantity
        for unit in group.units:
            row = np.zeros(len(con_ids))
            for con_id, ratio in unit.legs:
                row[place[con_id]] += ratio
            rows.append(row)
            cash.append(unit.cash_usd - unit.fee_usd)
            counts.append(unit.quantity)
    loss = (worth[0] - worth[1:]) @ held
    if rows:
        per_unit = -(worth[1:] @ np.array(rows).T + np.array(cash))
        loss = loss + np.maximum(per_unit, 0.0) @ np.array(counts, dtype=np.float64)
    worst = int(np.argmax(loss[:-1]))
    spots, vols = limits.stress_spots_pct, limits.stress_vols_pct
    return Stress(float(loss[worst]), spots[worst // len(vols)], vols[worst % len(vols)], float(loss[-1]))


def _unusable(mark: Mark | None, con_id: int) -> str:
    if mark is None:
        return f"no volatility is known for contract {con_id}"
    numbers = (mark.iv, mark.forward_points, mark.tau_years, mark.discount)
    if not all(math.isfinite(n) and n > 0.0 for n in numbers):
        return f"contract {con_id} has no usable mark (volatility, forward, time and discount must be above zero)"
    return ""


def _worth_usd(options: list[Option], marks: list[Mark], limits: Limits) -> FloatArray:
    """Value per contract in usd: row 0 unshocked, then the grid (index shock outer), last the crash."""
    iv = np.array([mark.iv for mark in marks], dtype=np.float64)
    tau = np.array([mark.tau_years for mark in marks])
    spots = 1.0 + 0.01 * np.repeat(np.array(limits.stress_spots_pct), len(limits.stress_vols_pct))
    vols = 1.0 + 0.01 * np.tile(np.array(limits.stress_vols_pct), len(limits.stress_spots_pct))
    spots = np.concatenate(([1.0], spots, [1.0 + 0.01 * limits.crash_spot_pct]))
    sigma = np.concatenate((iv[None, :], vols[:, None] * iv, (iv + _crash_vol(tau, limits))[None, :]))
    values = black76.price(
        spots[:, None] * np.array([mark.forward_points for mark in marks]),
        np.array([option.strike for option in options]),
        np.maximum(sigma, MIN_SIGMA),
        tau,
        np.array([option.is_call for option in options]),
        np.array([mark.discount for mark in marks]),
    )
    return values * np.array([option.multiplier for option in options], dtype=np.float64)


def _crash_vol(tau: FloatArray, limits: Limits) -> FloatArray:
    days = tau * black76.DAYS_PER_YEAR
    return 0.01 * limits.crash_vix_points * np.minimum(1.0, np.sqrt(SHOCK_DAYS / days))
