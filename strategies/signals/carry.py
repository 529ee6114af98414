"""What holding a VIX instrument costs a day: roll along the strip and time decay (T-CARRY-1).

Rules
- roll = -dF/dtau x delta x multiplier: in contango a long position bleeds and a short one earns, in backwardation the
  other way round. theta is the option's own; a future has none.
- dF/dtau is taken between the instrument's settlement and the nearer month (VIX itself before the front month), where
  the future will be next; None when a month it needs is missing.
"""

from __future__ import annotations

from typing import NamedTuple

from strategies.signals.term_structure import Strip


class Carry(NamedTuple):
    """Dollars a calendar day of one holding; below zero when holding costs."""

    roll_usd_per_day: float
    theta_usd_per_day: float

    @property
    def usd_per_day(self) -> float:
        """Both together."""
        return self.roll_usd_per_day + self.theta_usd_per_day


def nearer_slope(strip: Strip, vix_points: float | None, days_to_settlement: float) -> float | None:
    """dF/dtau in points a day on the stretch of the strip that ends at, or holds, this settlement.

    None beyond the last month, where a month on either side has no price, and before F1 when VIX is not known.
    Raises ValueError for a settlement that is past.
    """
    if not days_to_settlement >= 0.0:
        raise ValueError(f"a settlement in {days_to_settlement!r} days has no carry; give days from now, zero or more")
    near_days, near = 0, vix_points
    for slot in strip.slots:
        if days_to_settlement <= slot.days:
            far = slot.price_points
            return None if near is None or far is None else (far - near) / (slot.days - near_days)
        near_days, near = slot.days, slot.price_points
    return None


def carry(
    strip: Strip,
    vix_points: float | None,
    *,
    days_to_settlement: float,
    contracts: float,
    multiplier_usd: float,
    delta: float = 1.0,
    theta_points_per_day: float = 0.0,
) -> Carry | None:
    """Carry of `contracts` (signed) of one instrument on the future that settles then; None where the strip is silent.

    delta is dV/dF (1 for a future), theta points per share a day.
    """
    step = nearer_slope(strip, vix_points, days_to_settlement)
    if step is None:
        return None
    size = contracts * multiplier_usd
    return Carry(-step * delta * size, theta_points_per_day * size)
