"""The thresholds that macro inputs are compared with."""

from __future__ import annotations

import math

import msgspec


class MacroParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds of M-MAC-*, with their units; `_z` are deviations of 60 days."""

    surprise_pp: float = 0.1
    elevated_yoy_rise_pp: float = 0.3
    confirmed_sessions: int = 5
    spike_z: float = 2.0
    benign_z: float = 1.0
    benign_gdp_min_pct: float = 1.5
    benign_fomc_clear_days: int = 5
    wacc_beta: float = 1.0
    wacc_rise_bp: float = 25.0
    wacc_days: int = 28
    flattening_bp: float = 10.0
    complacent_pe_percentile: float = 80.0
    complacent_below_vix_points: float = 17.0
    erp_divergence_z: float = 1.5
    fx_stress_z: float = 2.0
    fx_addon_pct: float = 10.0

    def __post_init__(self) -> None:
        for name in ("surprise_pp", "elevated_yoy_rise_pp", "spike_z", "benign_z", "wacc_rise_bp", "fx_stress_z",
                     "flattening_bp", "erp_divergence_z", "wacc_beta"):  # fmt: skip
            if not (math.isfinite(value := float(getattr(self, name))) and value > 0.0):
                raise ValueError(f"macro: {name} is {value:g}; it must be a number above zero")
        if not self.benign_z < self.spike_z:
            raise ValueError(f"macro: benign_z {self.benign_z:g} must lie below spike_z {self.spike_z:g}")
        for name, low, high in (("confirmed_sessions", 1, 5), ("benign_fomc_clear_days", 1, 7), ("wacc_days", 20, 40)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"macro: {name} is {getattr(self, name)}; allowed is {low} to {high}")
        if not 0.0 <= self.complacent_pe_percentile <= 100.0 or not 0.0 <= self.fx_addon_pct <= 25.0:
            raise ValueError(
                f"macro: complacent_pe_percentile ({self.complacent_pe_percentile:g}) lies within 0 to 100 and "
                f"fx_addon_pct ({self.fx_addon_pct:g}) within 0 to 25"
            )
