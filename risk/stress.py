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
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from risk.exposure import Stake
from risk.limits import Limits
from risk.measures import VIX_SYMBOLS
from strategies.domain.instruments import Option, Tradable, payoff_strike, pays_above
from strategies.domain.marks import Mark
from strategies.domain.same import Same
from strategies.pricing import black76
from strategies.pricing.normal import BoolArray, FloatArray

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

    `spot` multiplies the index and `vol` its volatility, to which the crash adds `crash_vix_points`. VIX changes by
    `vix_share` of its level and by `vix_points`, of which `vix_credit` counts. These are columns, one row a
    scenario; `falling` marks the cells of the grid, flat, that a hedge is for.
    """

    spot: FloatArray
    vol: FloatArray
    crash_vix_points: float
    vix_share: FloatArray
    vix_points: FloatArray
    vix_credit: FloatArray
    falling: BoolArray


class Revaluation:
    """Contracts with their marks under every shock, priced once and in one piece for every book that is made of them.

    `vix_points` is the level of VIX, above zero; None leaves VIX hedges out.
    """

    def __init__(
        self, contracts: Mapping[int, Tradable], marks: Mapping[int, Mark], limits: Limits, vix_points: float | None
    ) -> None:
        self._contracts = contracts
        self._marks = marks
        self._limits = limits
        self._vix_points = vix_points

    def of(self, groups: Iterable[Stake]) -> Stress | str:
        """A book under every shock, or the reason why it cannot be valued."""
        groups = tuple(groups)
        for group in groups:
            if group.unknown:
                return group.unknown
        con_ids = sorted({con_id for group in groups for con_id in group.con_ids})
        spots, vols = self._limits.stress_spots_pct, self._limits.stress_vols_pct
        if not con_ids:
            return Stress(0.0, 0.0, 0.0, 0.0, 0.0, np.zeros(len(spots) * len(vols)))
        blank = min(frozenset[int]().union(*(group.needed for group in groups)) - self._usable, default=None)
        if blank is not None:
            return _unusable(self._marks.get(blank), blank) or f"contract {blank} has no loaded details to value it by"
        loss = _losses(groups, {con_id: i for i, con_id in enumerate(con_ids)}, self._worth_of(con_ids))
        grid = loss[:-1]
        worst = int(grid.argmax())
        return Stress(
            grid_loss_usd=float(grid[worst]),
            spot_pct=spots[worst // len(vols)],
            vol_pct=vols[worst % len(vols)],
            crash_loss_usd=float(loss[-1]),
            falling_loss_usd=float(grid[self._shocks.falling].max()),
            cells_usd=grid,
        )

    def _worth_of(self, con_ids: Sequence[int]) -> FloatArray:
        """Value per contract in usd: row 0 unshocked, then the grid, last the crash; zero where nothing can be said."""
        place, worth = self._priced
        nothing = worth.shape[1] - 1
        return worth.take([place.get(con_id, nothing) for con_id in con_ids], axis=1)

    @cached_property
    def _usable(self) -> frozenset[int]:
        """Contracts with a usable mark."""
        return frozenset(c for c in self._contracts if not _unusable(self._marks.get(c), c))

    @cached_property
    def _shocks(self) -> Shocks:
        return _shocks(Same(self._limits))

    @cached_property
    def _priced(self) -> tuple[dict[int, int], FloatArray]:
        """Each contract's column, and the columns; the last one, without a contract, is zero."""
        kinds: tuple[list[int], ...] = ([], [], [], [])
        for con_id, contract in self._contracts.items():
            if con_id not in self._usable:
                continue
            if contract.symbol not in VIX_SYMBOLS:
                kinds[1 if isinstance(contract, Option) else 0].append(con_id)
            elif self._vix_points is not None and self._marks[con_id].vix_beta is not None:
                kinds[2 if isinstance(contract, Option) else 3].append(con_id)
        con_ids = [con_id for kind in kinds for con_id in kind]
        worth = np.zeros((len(self._shocks.spot), len(con_ids) + 1))
        if con_ids:
            marks = _columns([self._marks[con_id] for con_id in con_ids])
            on_index = len(kinds[0]) + len(kinds[1])
            forward, sigma = _shifted(marks, on_index, self._shocks, self._vix_points or 0.0)
            options = slice(len(kinds[0]), on_index + len(kinds[2]))
            worth[:, :-1] = _worth_usd([self._contracts[c] for c in con_ids], marks, options, forward, sigma)
        return {con_id: i for i, con_id in enumerate(con_ids)}, worth


@lru_cache(maxsize=8)
def _shocks(seen: Same[Limits]) -> Shocks:
    limits = seen.value
    spots_pct, vols_pct = np.array(limits.stress_spots_pct), np.array(limits.stress_vols_pct)
    spot_pct, vol_pct = np.repeat(spots_pct, len(vols_pct)), np.tile(vols_pct, len(spots_pct))
    vols = 1.0 + 0.01 * vol_pct
    share = np.concatenate(([0.0], vols - 1.0, [0.0]))
    points = np.concatenate(([0.0], np.zeros(len(vols)), [limits.crash_vix_points]))
    rises = (share > 0.0) | (points > 0.0)
    return Shocks(
        spot=np.concatenate(([1.0], 1.0 + 0.01 * spot_pct, [1.0 + 0.01 * limits.crash_spot_pct]))[:, None],
        vol=np.concatenate(([1.0], vols, [1.0]))[:, None],
        crash_vix_points=limits.crash_vix_points,
        vix_share=share[:, None],
        vix_points=points[:, None],
        vix_credit=np.where(rises, limits.hedge_beta_haircut, 1.0)[:, None],
        falling=(spot_pct <= 0.0) & (vol_pct >= 0.0),
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


class _Columns(NamedTuple):
    """Marks as arrays; what has no beta has zero."""

    forward: FloatArray
    iv: FloatArray
    tau: FloatArray
    discount: FloatArray
    beta: FloatArray


def _columns(marks: Sequence[Mark]) -> _Columns:
    rows = [(m.forward_points, m.iv, m.tau_years, m.discount, m.vix_beta or 0.0) for m in marks]
    return _Columns(*np.array(rows, dtype=np.float64).T)


def _shifted(marks: _Columns, on_index: int, shocks: Shocks, vix_points: float) -> tuple[FloatArray, FloatArray]:
    """Forward and volatility by scenario and contract; the first `on_index` contracts are the index's, the others
    move with VIX."""
    forward, sigma = shocks.spot * marks.forward, shocks.vol * marks.iv
    shorter = np.minimum(1.0, np.sqrt(SHOCK_DAYS / (marks.tau * black76.DAYS_PER_YEAR)))
    sigma[-1] = marks.iv + 0.01 * shocks.crash_vix_points * shorter
    np.maximum(sigma, MIN_SIGMA, out=sigma)
    vix = slice(on_index, None)
    if on_index < len(marks.iv):
        moved = (vix_points * shocks.vix_share + shocks.vix_points) * shocks.vix_credit
        np.maximum(marks.forward[vix] + moved * marks.beta[vix], MIN_FORWARD_POINTS, out=forward[:, vix])
        sigma[:, vix] = marks.iv[vix]
    return forward, sigma


def _worth_usd(
    contracts: Sequence[Tradable], marks: _Columns, options: slice, forward: FloatArray, sigma: FloatArray
) -> FloatArray:
    """Dollars per contract; what is no option is a future and worth its own price, undiscounted."""
    multiplier = np.array([contract.multiplier for contract in contracts], dtype=np.float64)
    worth: FloatArray = forward * multiplier
    if contracts[options]:
        priced = black76.price(
            forward[:, options],
            np.array([payoff_strike(contract) for contract in contracts[options]]),
            sigma[:, options],
            marks.tau[options],
            np.array([pays_above(contract) for contract in contracts[options]]),
            marks.discount[options],
        )
        worth[:, options] = priced * multiplier[options]
    return worth
