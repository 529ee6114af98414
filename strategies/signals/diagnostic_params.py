"""Numbers of the diagnostics D-*: spans, thresholds and how much data they ask for."""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec


class Basis(StrEnum):
    """The difference D-MACD-1 follows. Both rise with stress, so that a cross upwards always speaks for volatility."""

    VIX_LESS_FRONT = "vix_less_front"
    FRONT_LESS_SECOND = "front_less_second"


class DiagnosticParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spans are sessions, ranks and shares 0..1, correlations -1..1, scores in deviations."""

    rsi_sessions: int = 14
    rsi_evidence: float = 60.0
    rsi_spx_high: float = 65.0
    basis: Basis = Basis.VIX_LESS_FRONT
    macd_basis: tuple[int, int, int] = (10, 30, 9)
    macd: tuple[int, int, int] = (12, 26, 9)
    divergence_sessions: int = 20
    divergence_of_last: int = 5
    divergence_at_least: int = 3
    divergence_spx_rank: float = 0.80
    divergence_line_rank: float = 0.50
    divergence_slope_sessions: int = 10
    sectors_fewest: int = 9
    compress_rank: float = 0.25
    compress_sessions: int = 120
    skew_z: float = 2.0
    correlation: float = 0.85
    correlation_rise: float = 0.10
    rv_over_iv: float = 0.9
    bid_advancing_sessions: int = 3
    live_max_age_s: float = 900.0

    def __post_init__(self) -> None:
        if not 0.0 < self.rsi_evidence < 100.0 or not 0.0 < self.rsi_spx_high < 100.0:
            raise ValueError(
                f"diagnostics: RSI thresholds lie between 0 and 100: rsi_evidence {self.rsi_evidence:g}, rsi_spx_high "
                f"{self.rsi_spx_high:g}"
            )
        for name in ("divergence_spx_rank", "divergence_line_rank", "compress_rank", "correlation"):
            if not 0.0 < (value := float(getattr(self, name))) < 1.0:
                raise ValueError(f"diagnostics: {name} is {value:g}; it is a share and lies between 0 and 1")
        for name in ("skew_z", "correlation_rise", "rv_over_iv", "live_max_age_s"):
            if not (math.isfinite(value := float(getattr(self, name))) and value > 0.0):
                raise ValueError(f"diagnostics: {name} is {value:g}; it must be a number above zero")
        for name in ("macd", "macd_basis"):
            fast, slow, signal = getattr(self, name)
            if not 0 < fast < slow or signal < 1:
                raise ValueError(f"diagnostics: {name} is {fast}, {slow}, {signal}; it needs fast < slow and a signal")
        if not 1 <= self.divergence_at_least <= self.divergence_of_last or self.divergence_sessions < 2:
            raise ValueError(
                f"diagnostics: divergence_at_least ({self.divergence_at_least}) must lie between 1 and "
                f"divergence_of_last ({self.divergence_of_last}), and divergence_sessions be 2 or more"
            )
        shown = self.divergence_sessions + self.divergence_of_last - 1
        if not 2 <= self.divergence_slope_sessions <= min(shown, 20):
            raise ValueError(f"diagnostics: divergence_slope_sessions must lie between 2 and {min(shown, 20)}")
        if not 1 <= self.sectors_fewest <= 11 or not 1 <= self.bid_advancing_sessions <= 5:
            raise ValueError(
                f"diagnostics: sectors_fewest ({self.sectors_fewest}) is out of 11, bid_advancing_sessions "
                f"({self.bid_advancing_sessions}) out of 5"
            )
        if min(self.rsi_sessions, self.compress_sessions) < 2:
            raise ValueError("diagnostics: rsi_sessions and compress_sessions must be 2 or more")
