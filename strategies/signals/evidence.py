"""Evidence by families (D-SCORE-1, D-SCORE-2) and the signals that combine several readings.

Rules
- One point a family, however many of its diagnostics hold; unknown is none.
- Macro data add at most one point, and only beside a family of the market's own: alone they are no evidence.
- Early (T-TIER-2): VIX momentum expands and SPX diverges from breadth. Compounding (T-REG-4): backwardation, breadth
  falling over 10 sessions, and inflation rising.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from strategies.signals.curve import Regime
from strategies.signals.readings import Family, Reading, Source, Verdict, both


class Evidence(msgspec.Struct, frozen=True):
    """Families whose evidence holds, and those of which nothing is known; `proxy` lists what rests on a stand-in."""

    families: tuple[Family, ...] = ()
    unknown: tuple[Family, ...] = ()
    proxy: tuple[Family, ...] = ()

    @property
    def points(self) -> int:
        """The score: macro counts only in company."""
        return 0 if self.families == (Family.MACRO,) else len(self.families)


def score(readings: Iterable[Reading]) -> Evidence:
    """The evidence in these readings; those without a family count for nothing."""
    holding: dict[Family, bool] = {}
    silent: dict[Family, bool] = {}
    for reading in readings:
        if reading.family is None:
            continue
        if reading.verdict.holds:
            exact = reading.source is Source.EXACT
            holding[reading.family] = holding.get(reading.family, False) or exact
        elif reading.verdict is Verdict.UNKNOWN:
            silent[reading.family] = True
    return Evidence(
        tuple([family for family in Family if family in holding]),
        tuple([family for family in Family if family in silent and family not in holding]),
        tuple([family for family in Family if holding.get(family) is False]),
    )


def curve_reading(regime: Regime, slope_pct_month: float | None, reason: str = "") -> Reading:
    """The curve's family: any known regime but contango; the reason names the regime, or why it is unknown."""
    verdict = Verdict.of(None if regime is Regime.UNKNOWN else regime is not Regime.CONTANGO)
    values = {} if slope_pct_month is None else {"slope_pct_month": slope_pct_month}
    return Reading("T-REG-1", "VX curve", verdict, Family.CURVE, reason or regime.value, values)


def early(readings: Iterable[Reading]) -> Verdict:
    """T-TIER-2 without its level; UNKNOWN when a part of it was not read at all."""
    by_rule = {reading.rule: reading.verdict for reading in readings if reading.rule in ("T-TIER-2", "D-AD-1")}
    return both(by_rule.get("T-TIER-2", Verdict.UNKNOWN), by_rule.get("D-AD-1", Verdict.UNKNOWN))


def strong_bid(readings: Iterable[Reading]) -> Verdict:
    """T-TIER-3's verdict; UNKNOWN when it was not read."""
    return next((reading.verdict for reading in readings if reading.rule == "T-TIER-3"), Verdict.UNKNOWN)


def compounding(regime: Regime, readings: Iterable[Reading], inflation_rising: Verdict) -> Verdict:
    """T-REG-4. `inflation_rising`: the last CPI or PPI rose over the year, as told from outside."""
    inverted = Verdict.of(None if regime is Regime.UNKNOWN else not regime.calm)
    slopes = [r.values["breadth_slope"] for r in readings if r.rule == "D-AD-1" and "breadth_slope" in r.values]
    return both(inverted, Verdict.of(slopes[0] < 0.0 if slopes else None), inflation_rising)
