"""What one contract is worth by our own arithmetic: the numbers a revaluation of it needs."""

from __future__ import annotations

import msgspec


class BrokerModel(msgspec.Struct, frozen=True):
    """What the broker's own model says of one option: `iv` a fraction a year, `vega_points` per share and
    volatility point (0.01 of iv)."""

    con_id: int
    iv: float
    vega_points: float


class Mark(msgspec.Struct, frozen=True):
    """Implied volatility of one option at its mid, with what it was computed from.

    `iv` a fraction a year; `forward_points` of its expiry (for VIX products their own future); `tau_years` of 365 days
    until it stops trading; `discount` the value today of one point at expiry. An option without a usable two-sided
    quote has no mark. VIX products also say by how many points their future moves per VIX point (`vix_beta`) and what
    a day of an unchanged curve does to it (`roll_points_per_day`, negative in contango); None elsewhere. A future has
    its price as forward, and an `iv` that nothing reads.
    """

    iv: float
    forward_points: float
    tau_years: float
    discount: float
    vix_beta: float | None = None
    roll_points_per_day: float | None = None
