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

from risk.exposure import Stake
from risk.measures import VIX_SYMBOLS
from strategies.domain.instruments import Option, Tradable
from strategies.domain.marks import Mark
from strategies.pricing.single import delta, vega

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


EMPTY = BookVega(0.0, 0.0)


def vega_usd(contracts: Mapping[int, Tradable], marks: Mapping[int, Mark]) -> dict[int, float]:
    """Dollars per VIX point of one contract each; what cannot be valued is missing."""
    found: dict[int, float] = {}
    for con_id, contract in contracts.items():
        mark = marks.get(con_id)
        per_share = None if mark is None else _per_share(contract, mark)
        if per_share is not None and math.isfinite(per_share):
            found[con_id] = contract.multiplier * per_share
    return found


def _per_share(contract: Tradable, mark: Mark) -> float | None:
    """Points per share per VIX point, None where the mark does not say."""
    on_vix, beta = contract.symbol in VIX_SYMBOLS, mark.vix_beta
    if on_vix and beta is None:
        return None
    if not isinstance(contract, Option):
        known = all(map(math.isfinite, (mark.iv, mark.forward_points, mark.tau_years, mark.discount)))
        return beta or 0.0 if known else None
    forward, iv, tau = mark.forward_points, mark.iv, mark.tau_years
    if on_vix:
        moves = delta(forward, contract.strike, iv, tau, contract.is_call, mark.discount)
        return None if moves is None else moves * (beta or 0.0)
    gains = vega(forward, contract.strike, iv, tau, mark.discount)
    return None if gains is None else gains * math.sqrt(VIX_DAYS / max(tau * DAYS_PER_YEAR, LEAST_DAYS))


def book_vega(
    groups: Iterable[Stake], usd: Mapping[int, float], *, long_side: bool, beside: BookVega = EMPTY
) -> BookVega | str:
    """Groups with the working orders that hurt on that side filled, beside what was reckoned before; or which contract
    cannot be valued."""
    total, wings = beside
    for group in groups:
        if group.unknown:
            return group.unknown
        held = _filled(group, usd, long_side)
        if isinstance(held, str):
            return held
        for con_id, quantity in held.items():
            if con_id in usd:
                total += quantity * usd[con_id]
            elif quantity and not group.only_helps(con_id):
                return f"contract {con_id} has no mark to reckon its vega by"
        if not group.hedge and any(held.values()):
            loss = group.width_usd if held is group.held else Stake(group.contracts, held, 0.0).width_usd
            if not math.isfinite(loss):
                return "a short option without a long leaves the width of a condor open"
            wings += max(0.0, loss) / USD_PER_WING_UNIT
    return BookVega(total, wings)


def _filled(group: Stake, usd: Mapping[int, float], long_side: bool) -> dict[int, int] | str:
    """What the group would hold with its orders filled that hurt on that side, or which contract leaves that open."""
    held = group.held
    for unit in group.units:
        blank = next((con_id for con_id, _ in unit.legs if con_id not in usd), None)
        if blank is not None and not group.hedge:  # which way the order leads is not known
            return f"contract {blank} has no mark to reckon its vega by"
        per_unit = sum(ratio * usd.get(con_id, 0.0) for con_id, ratio in unit.legs)
        if group.hedge is long_side and (per_unit > 0.0) is long_side:
            held = dict(held)
            for con_id, ratio in unit.legs:
                held[con_id] = held.get(con_id, 0) + ratio * unit.quantity
    return held
