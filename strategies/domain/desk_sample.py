"""What one look of the desk measured, few enough numbers to be written down every minute."""

from __future__ import annotations

import msgspec


class DeskSample(msgspec.Struct, frozen=True, omit_defaults=True):
    """Levels, curve, net vega with its band and what time earns; None where a number was not known at that look.

    Levels in points; `front_minus_second_points` of the VIX futures; `*_n` normalised net vega as the bands are
    written (docs/alvh-arithmetic.md); vega in dollars per VIX point; theta and carry in dollars a day. `unknown` says
    why the net vega is not known.
    """

    regime: str
    tier: int
    spx_points: float | None = None
    vix_points: float | None = None
    front_minus_second_points: float | None = None
    net_vega_n: float | None = None
    low_n: float | None = None
    high_n: float | None = None
    condors_usd_per_vix_point: float | None = None
    hedge_usd_per_vix_point: float | None = None
    condor_theta_usd_per_day: float | None = None
    hedge_carry_usd_per_day: float | None = None
    unknown: str = ""
