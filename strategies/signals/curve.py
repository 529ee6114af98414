"""The VIX futures curve: slope, front spread and the regime they say (T-REG-1), debounced against noise.

Rules
- T-REG-1: m = 100*ln(F2/F1)*30/(tau2-tau1) in per cent a month, b12 = F1-F2 in points, of the strip's first two months
  (term_structure). Deep means b12 above `deep_above_points`; exactly 3.00 is not, whatever binary makes of the prices.
- T-REG-3: a missing, one-sided, stale or wide front month makes the reading UNKNOWN, never an assumed calm.
- A reading alone is memoryless. The official regime moves to more stress after `samples` equal samples in a row, back
  to calm only with a sample at the close, and leaves a regime only beyond thresholds shifted against flicker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from strategies.domain.instruments import Future
from strategies.domain.market import Market, Quote
from strategies.signals.term_structure import Slot, Strip, exceeds, months_from, slope_pct_month


class Regime(StrEnum):
    """State of the VIX futures curve; UNKNOWN is not calm."""

    UNKNOWN = "unknown"
    CONTANGO = "contango"
    FLAT = "flat"
    BACKWARDATION = "backwardation"
    DEEP_BACKWARDATION = "deep_backwardation"

    @property
    def stress(self) -> int:
        """Order of stress, 0 (contango) to 3; UNKNOWN ranks above all."""
        return _STRESS[self]

    @property
    def calm(self) -> bool:
        """Whether condors may be sold in it (C-ENTRY-5)."""
        return self in (Regime.CONTANGO, Regime.FLAT)


_STRESS = {
    Regime.CONTANGO: 0,
    Regime.FLAT: 1,
    Regime.BACKWARDATION: 2,
    Regime.DEEP_BACKWARDATION: 3,
    Regime.UNKNOWN: 4,
}


class CurveParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds of T-REG-1 and T-REG-3. Slopes in per cent a month, spreads in VIX points, durations as named."""

    futures_class: str = "VX"
    skip_front_within_days: int = 5
    contango_from_pct_month: float = 3.5
    backwardation_below_pct_month: float = -1.0
    deep_above_points: float = 3.0
    exit_shift_pct_month: float = 0.75
    exit_shift_points: float = 0.5
    max_quote_age_s: float = 60.0
    max_spread_points: float = 0.15
    samples: int = 3
    sample_every_s: float = 300.0

    def __post_init__(self) -> None:
        if not self.backwardation_below_pct_month < self.contango_from_pct_month:
            raise ValueError(
                f"curve: backwardation_below_pct_month ({self.backwardation_below_pct_month:g}) must lie below "
                f"contango_from_pct_month ({self.contango_from_pct_month:g}), or no slope would be flat"
            )
        for name in ("deep_above_points", "max_quote_age_s", "max_spread_points", "sample_every_s"):
            if not (math.isfinite(value := float(getattr(self, name))) and value > 0.0):
                raise ValueError(f"curve: {name} is {value:g}; it must be a number above zero")
        if self.samples < 1:
            raise ValueError(f"curve: samples is {self.samples}; at least one sample must speak")


class CurveReading(msgspec.Struct, frozen=True):
    """One look at the curve. Numbers are None where the regime is UNKNOWN; `reason` then says why."""

    regime: Regime
    reason: str = ""
    slope_pct_month: float | None = None
    front_points: float | None = None
    second_points: float | None = None
    front_minus_second_points: float | None = None


class RegimeState(msgspec.Struct, frozen=True):
    """The official regime and the samples on their way to change it."""

    official: Regime = Regime.UNKNOWN
    candidate: Regime = Regime.UNKNOWN
    count: int = 0
    sampled_at: datetime | None = None


def front_futures(futures: Sequence[Future], today: date, params: CurveParams) -> tuple[Future, ...]:
    """Of the monthly contracts by expiry, those that settle later than the skipped days."""
    first = today + timedelta(days=params.skip_front_within_days)
    return tuple(f for f in futures if f.expiry > first)


def read_strip(
    market: Market, futures: Sequence[Future], now: datetime, today: date, params: CurveParams, count: int = 8
) -> Strip:
    """The first `count` months with the mids that may be used at this moment; `today` the exchange's date."""
    listed = {future.expiry: future for future in futures}
    slots = []
    for month, expiry in months_from(listed, today, params.skip_front_within_days, count):
        future = listed.get(expiry)
        fault, mid, spread = "is not listed", None, None
        if future is not None:
            quote = market.quotes.get(future.con_id)
            fault, mid = _usable(quote, market, now, params)
            if quote is not None and quote.bid is not None and quote.ask is not None:
                spread = quote.ask - quote.bid
        slots.append(Slot(month, expiry, (expiry - today).days, mid, fault, spread))
    return Strip(today, tuple(slots))


def read_curve(
    market: Market, futures: Sequence[Future], now: datetime, today: date, params: CurveParams
) -> CurveReading:
    """The regime the two front months say at this moment; `today` the exchange's date."""
    return curve_of(read_strip(market, futures, now, today, params, 2), params)


def curve_of(strip: Strip, params: CurveParams) -> CurveReading:
    """The regime a strip says."""
    first, second = strip.price(1), strip.price(2)
    if first is None or second is None:
        return CurveReading(Regime.UNKNOWN, strip.missing(2))
    slope = slope_pct_month(first, second, strip.slots[1].days - strip.slots[0].days)
    b12 = first - second
    return CurveReading(classify(slope, b12, params), "", slope, first, second, b12)


def _usable(quote: Quote | None, market: Market, now: datetime, params: CurveParams) -> tuple[str, float | None]:
    """Why a quote cannot speak, and its mid if it can."""
    if quote is None:
        return "has no quote", None
    if market.fresh(quote.con_id, now, params.max_quote_age_s) is None:
        return "is stale", None
    mid = quote.mid
    if mid is None or quote.bid is None or quote.ask is None or quote.bid <= 0.0:
        return "is not two-sided", None
    if quote.ask - quote.bid > params.max_spread_points + 1e-9:
        return "is quoted too wide", None
    return "", mid


def classify(slope_pct_month: float, front_minus_second_points: float, params: CurveParams) -> Regime:
    """T-REG-1 without memory."""
    if exceeds(front_minus_second_points, params.deep_above_points):
        return Regime.DEEP_BACKWARDATION
    if slope_pct_month >= params.contango_from_pct_month:
        return Regime.CONTANGO
    return Regime.BACKWARDATION if slope_pct_month < params.backwardation_below_pct_month else Regime.FLAT


def _leaving(official: Regime, reading: CurveReading, params: CurveParams) -> Regime:
    """Where the reading leads from the official regime: the way out has thresholds shifted against the way in."""
    slope, b12 = reading.slope_pct_month, reading.front_minus_second_points
    if slope is None or b12 is None or official is Regime.UNKNOWN or reading.regime is official:
        return reading.regime
    shift, deep = params.exit_shift_pct_month, exceeds(b12, params.deep_above_points)
    inside = {
        Regime.CONTANGO: slope >= params.contango_from_pct_month - shift and not deep,
        Regime.FLAT: False,
        Regime.BACKWARDATION: slope < params.backwardation_below_pct_month + shift and not deep,
        Regime.DEEP_BACKWARDATION: exceeds(b12, params.deep_above_points - params.exit_shift_points),
    }
    return official if inside[official] else reading.regime


def advance(
    state: RegimeState, reading: CurveReading, now: datetime, *, at_close: bool, params: CurveParams
) -> RegimeState:
    """The state after this moment: unchanged until the next sample is due."""
    if state.sampled_at is not None and now - state.sampled_at < timedelta(seconds=params.sample_every_s):
        return state
    if reading.regime is Regime.UNKNOWN:
        return RegimeState(state.official, state.official, 0, now)
    target = _leaving(state.official, reading, params)
    if target is state.official:
        return RegimeState(state.official, target, 0, now)
    count = state.count + 1 if target is state.candidate else 1
    calmer = target.stress < state.official.stress and state.official is not Regime.UNKNOWN
    if count < params.samples or (calmer and not at_close):
        return RegimeState(state.official, target, count, now)
    return RegimeState(target, target, 0, now)


def effective(state: RegimeState, reading: CurveReading) -> Regime:
    """What entries must respect: the more stressed of the official regime and the present reading."""
    return max(state.official, reading.regime, key=lambda regime: regime.stress)
