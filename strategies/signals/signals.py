"""Everything the market says, as one state: finished sessions, the running one, regime, tier and what they mean now.

Rules
- `warm_up` folds history, `observe` one look at the running session, `end_session` its closes. After `end_session` the
  daily part is what a warm-up through the same session gives.
- Regime and tier are looked at in every look outside the quiet minutes (D-NOISE-1). The daily diagnostics with the
  running session are made anew at most every `sample_every_s` and kept in between; closes that end before the last
  session make them all unknown.
- Nothing here acts. Inputs from outside the market (macro data) come with the sample and default to neutral.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import msgspec

from strategies.signals.closes import SessionCloses
from strategies.signals.curve import CurveParams, CurveReading, Regime, RegimeState, advance, curve_of, effective
from strategies.signals.daily import Daily, add_session, blank
from strategies.signals.diagnostic_params import DiagnosticParams
from strategies.signals.diagnostics import diagnose
from strategies.signals.evidence import Evidence, compounding, curve_reading, early, score, strong_bid
from strategies.signals.indicators import Window
from strategies.signals.look import Look
from strategies.signals.macro_params import MacroParams
from strategies.signals.measures import Measures, take_measures
from strategies.signals.noise import SPREADS_KEPT, JumpState, NoiseParams, follow, noise_reading, quiet, usable
from strategies.signals.readings import Reading, Verdict
from strategies.signals.term_structure import Strip, TermStructure, measure
from strategies.signals.tier_machine import TierInputs, TierState, advance_tier, effective_tier, first_state
from strategies.signals.tiers import Tier, TierParams, tier_levels


class SignalParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of every part."""

    curve: CurveParams = CurveParams()
    tiers: TierParams = TierParams()
    diagnostics: DiagnosticParams = DiagnosticParams()
    noise: NoiseParams = NoiseParams()
    macro: MacroParams = MacroParams()


class Macro(msgspec.Struct, frozen=True, kw_only=True):
    """What is told from outside the market; the defaults are neutral and relax nothing.

    benign: M-MAC-4. inflation_rising: for T-REG-4. readings: evidence of family MACRO.
    """

    benign: bool = False
    inflation_rising: Verdict = Verdict.UNKNOWN
    readings: tuple[Reading, ...] = ()


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the running session.

    `levels` holds the present levels as closes would be, `levels_at` the moment of the oldest of them (None: now); a
    symbol that is not fresh is absent, and `futures` are filled from `strip`, the VIX futures that may be used.
    `last_session` is the exchange's last finished session; `at_close` is true in the minutes that count as the close.
    """

    at: datetime
    levels: SessionCloses
    strip: Strip
    open_at: datetime
    levels_at: datetime | None = None
    last_session: date | None = None
    vix_settles_today: bool = False
    at_close: bool = False
    macro: Macro = Macro()

    @property
    def day(self) -> date:
        """The session's date."""
        return self.levels.day


class Outlook(msgspec.Struct, frozen=True):
    """What the last look said. `readings` are all diagnostics, those of daily series and `measures` as of
    `Signals.diagnosed_at`; `compounding` is T-REG-4, `tier` the tier with it."""

    at: datetime
    curve: CurveReading
    regime: Regime
    term: TermStructure
    measures: Measures
    readings: tuple[Reading, ...]
    evidence: Evidence
    compounding: Verdict
    tier: Tier


class Signals(msgspec.Struct, frozen=True):
    """The whole state. `diagnosed_at` is when the daily readings kept here were made."""

    daily: Daily
    regime: RegimeState = RegimeState()
    tier: TierState = TierState()
    vix_jump: JumpState = JumpState()
    front_jump: JumpState = JumpState()
    front_spreads: Window = Window(SPREADS_KEPT)
    diagnosed_at: datetime | None = None
    daily_readings: tuple[Reading, ...] = ()
    measures: Measures = Measures()
    outlook: Outlook | None = None


def warm_up(history: Iterable[SessionCloses], params: SignalParams) -> Signals:
    """The state after these sessions, oldest first. Raises BadHistory for sessions that cannot follow each other.

    A tier machine without memory begins from the last close; the regime begins UNKNOWN and waits for its samples.
    """
    daily = blank(params.diagnostics)
    for session in history:
        daily = add_session(daily, session, params.diagnostics, params.curve.skip_front_within_days)
    look = Look(daily)
    vix, front = look.line("VIX"), take_measures(look).front_points
    tier = TierState()
    if vix is not None and vix.last is not None:
        tier = first_state(vix.last, front, tier_levels(vix.window.values, params.tiers))
    return Signals(daily, tier=tier)


def end_session(signals: Signals, session: SessionCloses, params: SignalParams) -> Signals:
    """The state after a session's closes. Regime, tier and the last minutes' levels stay; readings are made anew."""
    daily = add_session(signals.daily, session, params.diagnostics, params.curve.skip_front_within_days)
    return msgspec.structs.replace(
        signals, daily=daily, diagnosed_at=None, daily_readings=(), measures=Measures(), outlook=None
    )


def observe(signals: Signals, sample: Sample, params: SignalParams) -> Signals:
    """The state after one look. Raises ValueError for a look back in time and for levels that are no numbers."""
    signals = _diagnosed(signals, sample, params)
    reading, regime = curve_of(sample.strip, params.curve), signals.regime
    silent = quiet(sample.at, sample.open_at, sample.vix_settles_today, params.noise)
    front = _front(signals, sample, params)
    if not silent:
        signals = _jumps(signals, sample, front, params)
        regime = advance(regime, reading, sample.at, at_close=sample.at_close, params=params.curve)
    now = effective(regime, reading)
    readings = (
        *signals.daily_readings,
        curve_reading(now, reading.slope_pct_month, reading.reason),
        noise_reading("VIX", signals.vix_jump, params.noise),
        noise_reading("front future", signals.front_jump, params.noise),
        *sample.macro.readings,
    )
    evidence = score(readings)
    tier = signals.tier
    if not silent:
        levels = tier_levels(signals.daily.line("VIX").window.values, params.tiers)
        seen = _tier_inputs(signals, sample, front, readings, evidence)
        tier = advance_tier(tier, seen, levels, params.tiers)
    lifted = compounding(now, readings, sample.macro.inflation_rising)
    outlook = Outlook(
        at=sample.at,
        curve=reading,
        regime=now,
        term=measure(sample.strip, sample.levels.closes.get("VIX"), sample.levels.closes.get("VIX3M")),
        measures=signals.measures,
        readings=readings,
        evidence=evidence,
        compounding=lifted,
        tier=effective_tier(tier.phase, lifted),
    )
    return msgspec.structs.replace(signals, regime=regime, tier=tier, outlook=outlook)


def _diagnosed(signals: Signals, sample: Sample, params: SignalParams) -> Signals:
    """The daily readings with the running session, made anew when they are due."""
    made = signals.diagnosed_at
    if made is not None and 0.0 <= (sample.at - made).total_seconds() < params.curve.sample_every_s:
        return signals
    running, taken = None, sample.levels_at or sample.at
    young = (sample.at - taken).total_seconds() <= params.diagnostics.live_max_age_s
    futures = {slot.expiry: slot.price_points for slot in sample.strip.slots if slot.price_points is not None}
    if young and signals.daily.day is not None and sample.day > signals.daily.day:
        session = msgspec.structs.replace(sample.levels, futures=futures)
        skip = params.curve.skip_front_within_days
        running = add_session(signals.daily, session, params.diagnostics, skip, finished=False)
    look = Look(signals.daily, running, taken, sample.last_session)
    return msgspec.structs.replace(
        signals, diagnosed_at=sample.at, daily_readings=diagnose(look, params.diagnostics), measures=take_measures(look)
    )


def _front(signals: Signals, sample: Sample, params: SignalParams) -> float | None:
    """The front future's level, None where its quote is much wider than it was."""
    slot = sample.strip.slots[0] if sample.strip.slots else None
    good = slot is not None and usable(signals.front_spreads, slot.spread_points, params.noise)
    return slot.price_points if slot is not None and good else None


def _jumps(signals: Signals, sample: Sample, front: float | None, params: SignalParams) -> Signals:
    """D-NOISE-1 on VIX and the front future; every spread seen is remembered, so that a lasting change is learnt."""
    spx, spreads = sample.levels.closes.get("SPX"), signals.front_spreads
    spread = sample.strip.slots[0].spread_points if sample.strip.slots else None
    return msgspec.structs.replace(
        signals,
        vix_jump=follow(signals.vix_jump, sample.at, sample.levels.closes.get("VIX"), spx, params.noise),
        front_jump=follow(signals.front_jump, sample.at, front, spx, params.noise),
        front_spreads=spreads if spread is None else spreads.update(spread),
    )


def _tier_inputs(
    signals: Signals, sample: Sample, front: float | None, readings: tuple[Reading, ...], evidence: Evidence
) -> TierInputs:
    """What the tier machine looks at; of the two jumps, that of the series that makes the level."""
    vix, before = sample.levels.closes.get("VIX"), signals.measures.vix_close_before_points
    jump = signals.front_jump if vix is None or (front is not None and front > vix) else signals.vix_jump
    return TierInputs(
        at=sample.at,
        day=sample.day,
        vix_points=vix,
        front_points=front,
        vix_change_points=None if vix is None or before is None else vix - before,
        evidence=evidence.points,
        early=early(readings),
        strong_bid=strong_bid(readings),
        settled=jump.verdict,
        jumped_at=jump.began_at,
        benign=sample.macro.benign,
        at_close=sample.at_close,
    )
