"""The regime strip: index levels, the curve of VIX and its futures, regime, tier and the next release."""

from __future__ import annotations

from datetime import datetime

from bot.engine.state import State
from bot.web.gathered import Look
from bot.web.view.numbers import Json, rounded, stamp
from strategies.domain.session import NEW_YORK
from strategies.signals.curve import front_futures, read_strip
from strategies.signals.signals import Outlook, Signals

MONTHS = 7


def market(look: Look) -> Json:
    """Levels in points, changes in per cent or points since the last close; None where nothing fresh is known."""
    state, now = look.state, look.at
    signals = state.desk.feed.signals
    outlook = None if signals is None else signals.outlook
    return {
        "spx": _index(state, "SPX", now),
        "vix": _index(state, "VIX", now),
        "curve": curve(state, now),
        **_regime(outlook, signals),
        "sampled_age_s": None if outlook is None else rounded((now - outlook.at).total_seconds(), 0),
        "fault": state.desk.feed.fault or None,
        "migrate_points": None if state.parameters is None else state.parameters.alvh.rotation.slot4_above_points,
        "next_event": _next_event(state, now),
    }


def _index(state: State, symbol: str, now: datetime) -> Json:
    quote = state.market.level(symbol)
    level = None if quote is None else quote.level
    bars = state.market.bars.get(symbol, ())
    before = bars[-1].close if bars else None
    change = None if level is None or not before else level - before
    return {
        "points": rounded(level),
        "age_s": None if quote is None else rounded(max(0.0, quote.age_s(now)), 0),
        "change_points": rounded(change),
        "change_pct": None if change is None or not before else rounded(100.0 * change / before),
    }


def curve(state: State, now: datetime) -> list[Json]:
    """Spot VIX, then the months from F1 on: days to settlement and points; a month without a usable quote has a
    `reason` and no points."""
    parameters = state.parameters
    if parameters is None:
        return []
    params, today = parameters.condor.curve, now.astimezone(NEW_YORK).date()
    listed = state.desk.reference.listed_futures(state.market)
    spot = state.market.level("VIX")
    rows: list[Json] = [{"label": "VIX", "days": 0, "points": None if spot is None else rounded(spot.level)}]
    if not front_futures(listed, today, params):
        return rows
    for number, slot in enumerate(read_strip(state.market, listed, now, today, params, MONTHS).slots, start=1):
        rows.append(
            {
                "label": f"F{number}",
                "month": f"{slot.expiry:%b}",
                "days": slot.days,
                "points": rounded(slot.price_points, 3),
                "reason": slot.reason or None,
            }
        )
    return rows


def _regime(outlook: Outlook | None, signals: Signals | None) -> Json:
    if outlook is None or signals is None:
        return {"regime": "unknown", "official": "unknown", "tier": None, "tier_reason": None, "sampled": None}
    measures, term = outlook.measures, outlook.term
    macd = measures.basis_macd
    return {
        "regime": outlook.regime.value,
        "official": signals.regime.official.value,
        "regime_reason": outlook.curve.reason or None,
        "tier": int(outlook.tier),
        "tier_name": outlook.tier.name.lower(),
        "tier_reason": signals.tier.reason or None,
        "sampled": stamp(outlook.at),
        "slope_pct_month": rounded(outlook.curve.slope_pct_month),
        "front_minus_second_points": rounded(outlook.curve.front_minus_second_points),
        "slope_spot2_points_per_day": rounded(term.slope_spot2_points_per_day, 3),
        "rsi_vix": rounded(measures.rsi_vix, 1),
        "rsi_spx": rounded(measures.rsi_spx, 1),
        "basis_macd_histogram": None if macd is None else rounded(macd.histogram, 3),
        "evidence": [family.value for family in outlook.evidence.families],
        "evidence_points": outlook.evidence.points,
    }


def _next_event(state: State, now: datetime) -> Json | None:
    """The next release that entries keep away from; with its list at an end, that is said instead."""
    coming = sorted((event for event in state.calendar.events if event.at > now), key=lambda event: event.at)
    if coming:
        event = coming[0]
        hours = (event.at - now).total_seconds() / 3600.0
        return {"kind": event.kind, "at": stamp(event.at), "hours": rounded(hours, 1)}
    return None
