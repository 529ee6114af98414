"""Net vega of the book in one unit, reckoned by the gate itself: dollars per VIX point, and per condor and 10 points.

Rules
- An index option counts with its vega times sqrt(30 / days), days never below 7; a VIX product with its delta on its
  own future times that future's beta to VIX (A-VEGA-1). Positive gains when volatility rises.
- The figure a band is about is dollars per VIX point over 100 dollars and the wing units: condors times their width
  over 10 points. A group's wings are what it can lose at expiry before any credit, so broken wings count as wide as
  they are.
- Working orders count where they hurt: entries on the short side, purchases of the hedge on the long side.
- A contract of the hedge that cannot become short and has no mark counts as none. Any other missing mark is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from risk.exposure import Stake
from risk.measures import VIX_SYMBOLS
from strategies.domain.instruments import Option, Tradable
from strategies.domain.marks import Mark
from strategies.pricing import black76

VIX_DAYS = 30.0
LEAST_DAYS = 7.0
DAYS_PER_YEAR = 365.0
USD_PER_WING_UNIT = 1000.0
"""What one condor loses at expiry on a wing of 10 points before any credit."""


class BookVega(NamedTuple):
    """Dollars per VIX point and wing units of a book."""

    usd_per_vix_point: float
    wing_units: float

    @property
    def net_n(self) -> float | None:
        """Points per share per VIX point, per condor and 10 points of wing; None without a condor."""
        return self.usd_per_vix_point / (100.0 * self.wing_units) if self.wing_units > 0.0 else None


def vega_usd(contracts: Mapping[int, Tradable], marks: Mapping[int, Mark]) -> dict[int, float]:
    """Dollars per VIX point of one contract each; what cannot be valued is missing."""
    found: dict[int, float] = {}
    options: list[tuple[Option, Mark]] = []
    for con_id, contract in contracts.items():
        mark = marks.get(con_id)
        if mark is None or not all(map(math.isfinite, (mark.iv, mark.forward_points, mark.tau_years, mark.discount))):
            continue
        if contract.symbol in VIX_SYMBOLS and mark.vix_beta is None:
            continue
        if isinstance(contract, Option):
            if mark.tau_years > 0.0 and mark.iv > 0.0 and mark.forward_points > 0.0:
                options.append((contract, mark))
        else:
            found[con_id] = contract.multiplier * (mark.vix_beta or 0.0)
    return found | _options(options)


def _options(rows: list[tuple[Option, Mark]]) -> dict[int, float]:
    if not rows:
        return {}
    greeks = black76.greeks(
        np.array([mark.forward_points for _, mark in rows]),
        np.array([option.strike for option, _ in rows]),
        np.array([mark.iv for _, mark in rows]),
        np.array([mark.tau_years for _, mark in rows]),
        np.array([option.is_call for option, _ in rows]),
        np.array([mark.discount for _, mark in rows]),
    )
    found = {}
    for (option, mark), delta, vega in zip(rows, np.atleast_1d(greeks.delta), np.atleast_1d(greeks.vega), strict=True):
        if option.symbol in VIX_SYMBOLS:
            per_share = float(delta) * (mark.vix_beta or 0.0)
        else:
            per_share = float(vega) * math.sqrt(VIX_DAYS / max(mark.tau_years * DAYS_PER_YEAR, LEAST_DAYS))
        if math.isfinite(per_share):
            found[option.con_id] = option.multiplier * per_share
    return found


def book_vega(groups: Iterable[Stake], usd: Mapping[int, float], *, long_side: bool) -> BookVega | str:
    """The book with the working orders that hurt on that side filled, or which contract cannot be valued."""
    total = wings = 0.0
    for group in groups:
        if group.unknown:
            return group.unknown
        held = dict(group.held)
        for unit in group.units:
            blank = next((con_id for con_id, _ in unit.legs if con_id not in usd), None)
            if blank is not None and not group.hedge:  # which way the order leads is not known
                return f"contract {blank} has no mark to reckon its vega by"
            per_unit = sum(ratio * usd.get(con_id, 0.0) for con_id, ratio in unit.legs)
            if group.hedge is long_side and (per_unit > 0.0) is long_side:
                for con_id, ratio in unit.legs:
                    held[con_id] = held.get(con_id, 0) + ratio * unit.quantity
        for con_id, quantity in held.items():
            if quantity and con_id not in usd and not group.only_helps(con_id):
                return f"contract {con_id} has no mark to reckon its vega by"
            total += quantity * usd.get(con_id, 0.0)
        if not group.hedge and any(held.values()):
            loss = Stake(group.contracts, held, 0.0).worst_loss_usd
            if not math.isfinite(loss):
                return "a short option without a long leaves the width of a condor open"
            wings += max(0.0, loss) / USD_PER_WING_UNIT
    return BookVega(total, wings)
