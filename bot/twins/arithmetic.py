"""What a list of trades is worth along a tape of prices, and what two such lines say about each other: arrays only.

Rules
- A trade pays its contract's mid plus a share of the half-spread: nothing (0), what a patient order pays (0.4), all of
  it (1). Commissions come on top. Between trades everything stands at mid.
- At the last point everything still held is taken as sold or bought back at the same share of the half-spread, so that
  every line ends flat on equal terms.
- A price nobody knows is NaN; so is what depends on it. Nothing unknown is taken as zero.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


class Trades(NamedTuple):
    """Trades in order of time, arrays of one length: the epoch second, the column of the contract on the tape, signed
    contracts (bought positive), mid and half-spread then in points per share, commission in dollars."""

    at_s: Floats
    column: Places
    quantity: Floats
    mid_points: Floats
    half_points: Floats
    commission_usd: Floats


class Tape(NamedTuple):
    """Prices: moments in epoch seconds (T), mids and half-spreads in points per share (T x contracts, NaN where not
    known), dollars per point of each contract."""

    at_s: Floats
    mid_points: Floats
    half_points: Floats
    multiplier_usd: Floats


def positions(trades: Trades, tape: Tape) -> Floats:
    """Signed contracts at each moment of the tape, T x contracts; a trade at that very moment is in."""
    held = np.zeros(tape.mid_points.shape)
    for at_s, column, quantity in zip(trades.at_s, trades.column, trades.quantity, strict=True):
        held[tape.at_s >= at_s, column] += quantity
    return held


def profit(trades: Trades, tape: Tape, cost_share: float) -> Floats:
    """Profit or loss in dollars at each moment of the tape since before the first trade."""
    each = tape.multiplier_usd[trades.column]
    paid = trades.quantity * trades.mid_points + np.abs(trades.quantity) * cost_share * trades.half_points
    cash = -paid * each - trades.commission_usd
    banked = np.where(trades.at_s[None, :] <= tape.at_s[:, None], cash[None, :], 0.0).sum(axis=1)
    held = positions(trades, tape)
    value = _sum_known(held * tape.multiplier_usd, tape.mid_points)
    if len(value):
        last = np.abs(held[-1]) * tape.multiplier_usd
        value[-1] -= cost_share * float(_sum_known(last[None, :], tape.half_points[-1:])[0])
    return np.asarray(banked + value, dtype=np.float64)


def _sum_known(amounts: Floats, prices: Floats) -> Floats:
    """Sum over contracts of amount times price; a contract that is not held needs no price."""
    return np.asarray(np.where(amounts == 0.0, 0.0, amounts * prices).sum(axis=1), dtype=np.float64)


def worst_fall(line: Floats) -> float:
    """Deepest fall in dollars from a peak reached before, the beginning (0) being one; moments not known are passed
    over."""
    known = np.concatenate(([0.0], line[np.isfinite(line)]))
    return float((np.maximum.accumulate(known) - known).max())


def lowest(line: Floats) -> float:
    """How far below its beginning a line went at its lowest, zero or less, in dollars."""
    return float(min(0.0, np.nanmin(line, initial=0.0)))


def cut_pct(fall_usd: float, unhedged_fall_usd: float) -> float | None:
    """By how many percent the fall is smaller than the unhedged one (below zero: deeper); None where there was none."""
    return None if unhedged_fall_usd <= 0.0 else 100.0 * (1.0 - fall_usd / unhedged_fall_usd)


def equal_fall_scale(fall_usd: float, unhedged_fall_usd: float) -> float | None:
    """The size at which the unhedged book falls as deep as the hedged one; None where the unhedged book never fell."""
    return None if unhedged_fall_usd <= 0.0 else fall_usd / unhedged_fall_usd


def gain_over_loss_pct(hedge_usd: Floats, condors_usd: Floats, chosen: NDArray[np.bool_]) -> float | None:
    """What the hedge gained on the chosen days as percent of what the condors lost on them (J-KPI-3); None where they
    lost nothing, or a day is not known."""
    lost = -float(condors_usd[chosen].sum())
    gained = float(hedge_usd[chosen].sum())
    return 100.0 * gained / lost if lost > 0.0 and np.isfinite(gained) else None


def steps(line: Floats) -> Floats:
    """Change from one point to the next, the first from zero."""
    return np.diff(line, prepend=0.0)
