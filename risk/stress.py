"""Full revaluation of the book on a grid of index and volatility shocks, and in the crash scenario.

Rules
- Loss is measured from today's model value for what is held and from the limit price for what is working.
- Every working order is filled or not, whichever is worse, cell by cell.
- Index options: each strike keeps its volatility (sticky strike). The crash adds the VIX shock to it in volatility
  points, scaled by the square root of 30 days over the option's days where those are more than 30.
- VIX products: a volatility shock moves VIX by that share of its level, and each contract's own future by its beta;
  an index shock alone does not move them. Their own volatility stays. A rise counts with the beta cut down
  (`hedge_beta_haircut`), a fall with all of it: a hedge is not credited with what it only may bring.
- A missing volatility makes the whole result unknown. A contract of the hedge that cannot become short is worth
  nothing in every cell instead: that leaves out nothing but its help.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from risk.exposure import Stake
from risk.limits import Limits
from risk.measures import VIX_SYMBOLS
from strategies.domain.instruments import Option, Tradable, payoff_strike, pays_above
from strategies.domain.marks import Mark
from strategies.pricing import black76
from strategies.pricing.normal import FloatArray

SHOCK_DAYS = 30.0
MIN_SIGMA = 0.01
MIN_FORWARD_POINTS = 0.01


class Stress(NamedTuple):
    """Losses in usd (gains negative): the worst grid cell, which one it is (percent), the crash, and every cell.

    `falling_loss_usd` is the worst of the cells that a volatility hedge is for: no rise of the index, no fall of
    volatility. `cells_usd` runs over the index shocks, for each over the volatility shocks.
    """

    grid_loss_usd: float
    spot_pct: float
    vol_pct: float
    crash_loss_usd: float
    falling_loss_usd: float
    cells_usd: FloatArray


class Shocks(NamedTuple):
    """The scenarios as arrays, unshocked first, then the grid (index shock outer), the crash last.

    `spot` multiplies the index and `vol` its volatility, to which the crash adds `crash_vix_points`; `vix_add` is the
    change of VIX in points.
    """

    spot: FloatArray
    vol: FloatArray
    crash_vix_points: float
    vix_add: FloatArray


def stress(
    groups: Iterable[Stake],
    contracts: Mapping[int, Tradable],
    marks: Mapping[int, Mark],
    limits: Limits,
    vix_points: float | None,
) -> Stress | str:
    """The book under every shock, or the reason why it cannot be valued. `vix_points` None leaves VIX hedges out."""
    groups = tuple(groups)
    for group in groups:
        if group.unknown:
            return group.unknown
    con_ids = sorted({con_id for group in groups for con_id in group.con_ids})
    cells = len(limits.stress_spots_pct) * len(limits.stress_vols_pct)
    if not con_ids:
        return Stress(0.0, 0.0, 0.0, 0.0, 0.0, np.zeros(cells))
    needed = {con_id for group in groups for con_id in group.con_ids if not group.only_helps(con_id)}
    for con_id in con_ids:
        reason = _unusable(marks.get(con_id), con_id)
        if reason and con_id in needed:
            return reason
    worth = _worth_usd(con_ids, contracts, marks, limits, vix_points)
    loss = _losses(groups, {con_id: i for i, con_id in enumerate(con_ids)}, worth)
    spots, vols = limits.stress_spots_pct, limits.stress_vols_pct
    worst = int(np.argmax(loss[:-1]))
    falling = np.array([spot <= 0.0 and vol >= 0.0 for spot in spots for vol in vols])
    return Stress(
        grid_loss_usd=float(loss[worst]),
        spot_pct=spots[worst // len(vols)],
        vol_pct=vols[worst % len(vols)],
        crash_loss_usd=float(loss[-1]),
        falling_loss_usd=float(loss[:-1][falling].max()),
        cells_usd=loss[:-1],
    )


def _losses(groups: Sequence[Stake], place: Mapping[int, int], worth: FloatArray) -> FloatArray:
    """Loss in every scenario; each working order adds what it costs there, or nothing."""
    held = np.zeros(len(place))
    rows, cash, counts = [], [], []
    for group in groups:
        for con_id, quantity in group.held.items():
            held[place[con_id]] += quantity
        for unit in group.units:
            row = np.zeros(len(place))
            for con_id, ratio in unit.legs:
                row[place[con_id]] += ratio
            rows.append(row)
            cash.append(unit.cash_usd - unit.fee_usd)
            counts.append(unit.quantity)
    loss: FloatArray = (worth[0] - worth[1:]) @ held
    if rows:
        per_unit = -(worth[1:] @ np.array(rows).T + np.array(cash))
        loss = loss + np.maximum(per_unit, 0.0) @ np.array(counts, dtype=np.float64)
    return loss


def _unusable(mark: Mark | None, con_id: int) -> str:
    if mark is None:
        return f"no volatility is known for contract {con_id}"
    most = math.inf  # a nan is below and above nothing: it is no more usable than zero
    if not (0.0 < mark.iv < most and 0.0 < mark.forward_points < most and 0.0 < mark.tau_years < most
            and 0.0 < mark.discount < most):  # fmt: skip
        return f"contract {con_id} has no usable mark (volatility, forward, time and discount must be above zero)"
    return ""


def _worth_usd(
    con_ids: Sequence[int],
    contracts: Mapping[int, Tradable],
    marks: Mapping[int, Mark],
    limits: Limits,
    vix_points: float | None,
) -> FloatArray:
    """Value per contract in usd: row 0 unshocked, then the grid, last the crash; zero where nothing can be said."""
    shocks = _shocks(limits, vix_points)
    worth = np.zeros((len(shocks.spot), len(con_ids)))
    usable = [i for i, con_id in enumerate(con_ids) if not _unusable(marks.get(con_id), con_id)]
    on_vix = [i for i in usable if contracts[con_ids[i]].symbol in VIX_SYMBOLS]
    index = [i for i in usable if contracts[con_ids[i]].symbol not in VIX_SYMBOLS]
    if index:
        rows = [(contracts[con_ids[i]], marks[con_ids[i]]) for i in index]
        worth[:, index] = _index_worth(rows, shocks)
    moving = [i for i in on_vix if vix_points is not None and marks[con_ids[i]].vix_beta is not None]
    if moving:
        rows = [(contracts[con_ids[i]], marks[con_ids[i]]) for i in moving]
        worth[:, moving] = _vix_worth(rows, shocks, limits.hedge_beta_haircut)
    return worth


def _shocks(limits: Limits, vix_points: float | None) -> Shocks:
    vols_pct = np.array(limits.stress_vols_pct)
    spots = 1.0 + 0.01 * np.repeat(np.array(limits.stress_spots_pct), len(vols_pct))
    vols = 1.0 + 0.01 * np.tile(vols_pct, len(limits.stress_spots_pct))
    vix = (vix_points or 0.0) * (vols - 1.0)
    return Shocks(
        spot=np.concatenate(([1.0], spots, [1.0 + 0.01 * limits.crash_spot_pct])),
        vol=np.concatenate(([1.0], vols, [1.0])),
        crash_vix_points=limits.crash_vix_points,
        vix_add=np.concatenate(([0.0], vix, [limits.crash_vix_points])),
    )


def _index_worth(rows: Sequence[tuple[Tradable, Mark]], shocks: Shocks) -> FloatArray:
    iv, tau = np.array([mark.iv for _, mark in rows]), np.array([mark.tau_years for _, mark in rows])
    sigma = shocks.vol[:, None] * iv
    days = tau * black76.DAYS_PER_YEAR
    sigma[-1] = iv + 0.01 * shocks.crash_vix_points * np.minimum(1.0, np.sqrt(SHOCK_DAYS / days))
    forward = shocks.spot[:, None] * np.array([mark.forward_points for _, mark in rows])
    return _priced(rows, forward, np.maximum(sigma, MIN_SIGMA))


def _vix_worth(rows: Sequence[tuple[Tradable, Mark]], shocks: Shocks, haircut: float) -> FloatArray:
    beta = np.array([mark.vix_beta for _, mark in rows], dtype=np.float64)
    credited = np.where(shocks.vix_add > 0.0, haircut, 1.0) * shocks.vix_add
    forward = np.array([mark.forward_points for _, mark in rows]) + credited[:, None] * beta
    sigma = np.broadcast_to(np.array([mark.iv for _, mark in rows]), forward.shape)
    return _priced(rows, np.maximum(forward, MIN_FORWARD_POINTS), sigma)


def _priced(rows: Sequence[tuple[Tradable, Mark]], forward: FloatArray, sigma: FloatArray) -> FloatArray:
    """Dollars per contract; a future is worth its own price, undiscounted."""
    multiplier = np.array([contract.multiplier for contract, _ in rows], dtype=np.float64)
    worth: FloatArray = forward * multiplier
    options = [i for i, (contract, _) in enumerate(rows) if isinstance(contract, Option)]
    if options:
        priced = black76.price(
            forward[:, options],
            np.array([payoff_strike(rows[i][0]) for i in options]),
            sigma[:, options],
            np.array([rows[i][1].tau_years for i in options]),
            np.array([pays_above(rows[i][0]) for i in options]),
            np.array([rows[i][1].discount for i in options]),
        )
        worth[:, options] = priced * multiplier[options]
    return worth
