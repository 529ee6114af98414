"""What one option is worth by our own arithmetic: the numbers a revaluation of it needs."""

from __future__ import annotations

import msgspec


class Mark(msgspec.Struct, frozen=True):
    """Implied volatility of one option at its mid, with what it was computed from.

    `iv` a fraction a year; `forward_points` of its expiry; `tau_years` of 365 days until it stops trading; `discount`
    the value today of one point at expiry. An option without a usable two-sided quote has no mark.
    """

    iv: float
    forward_points: float
    tau_years: float
    discount: float
