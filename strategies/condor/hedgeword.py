"""What the hedge last said about the whole book, as far as condor rules need it; a look old, never newer."""

from __future__ import annotations

from datetime import datetime

import msgspec


class HedgeWord(msgspec.Struct, frozen=True, kw_only=True):
    """The hedge's last evaluation. Defaults are a hedge that is off and has said nothing; None is unknown.

    Net vega `*_n` in the bands' unit, `*_usd` in dollars per VIX point, theta and carry in dollars a day (carry
    negative: it costs), `value_usd` what the hedge is worth. `short_since` is when net vega went below what is allowed
    (the floor, or the alarm without a band), and `dwell_min` how long it must be before anything but the hedge answers.
    `no_room` is the rule of the budget that let no further
    contract in, empty while there is room; `band_first` says that the band outranks budgets (A-VEGA-2) and `margin_n`
    is its hysteresis. `carry_usd_per_day_per_usd` and `half_spread_usd_per_usd` price a small VIX
    future per dollar of weighted vega. `gains_usd` is the whole book on the
    grid of P-PROJ-1 as of `gains_at`.
    """

    at: datetime | None = None
    enabled: bool = False
    unknown: str = "the hedge is off"
    net_n: float | None = None
    low_n: float | None = None
    high_n: float | None = None
    alarm_n: float = 0.4
    short_since: datetime | None = None
    dwell_min: float = 20.0
    net_usd: float | None = None
    hedges_usd: float | None = None
    theta_usd: float | None = None
    carry_usd: float | None = None
    value_usd: float = 0.0
    no_room: str = ""
    band_first: bool = False
    margin_n: float = 0.02
    active: bool = False
    contracts: int = 0
    rsi_high: float = 70.0
    carry_usd_per_day_per_usd: float | None = None
    half_spread_usd_per_usd: float | None = None
    gains_usd: tuple[float, ...] = ()
    gains_at: datetime | None = None

    @property
    def least_n(self) -> float:
        """The least net vega that is allowed: the band's floor, the short alarm where no band holds."""
        return -self.alarm_n if self.low_n is None else max(self.low_n, -self.alarm_n)

    def young(self, now: datetime, max_age_s: float) -> bool:
        """Whether it was said recently enough to act on."""
        return self.at is not None and (now - self.at).total_seconds() <= max_age_s

    def projected(self, now: datetime, max_age_s: float) -> bool:
        """Whether the book was projected recently enough to compare with."""
        return self.gains_at is not None and (now - self.gains_at).total_seconds() <= max_age_s
