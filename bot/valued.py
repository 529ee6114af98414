"""The whole book valued from the engine's state, for those who show it: dashboard and report. Nothing here decides.

Exposure and expected move are reckoned as the hedge's and the exits' own rules do. `ahead` is P-PROJ-1's arithmetic on
a finer grid: condors alone and with the hedge over index levels, some days ahead, with VIX moving along with the index
or lifted by points whatever the index does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from bot.engine.holdings import held_by_slots
from bot.engine.state import Parameters, State
from strategies.alvh.exposure import Exposure, Valuer, measure
from strategies.alvh.forwards import Forwards
from strategies.condor.forecast import Leg, book_of, smile_of_expiry
from strategies.condor.machine import Condor
from strategies.condor.structure import MULTIPLIER
from strategies.domain.marks import Mark
from strategies.domain.session import NEW_YORK
from strategies.hedging import sold
from strategies.pricing import projection
from strategies.pricing.normal import FloatArray
from strategies.pricing.projection import Shocks, Smile
from strategies.signals.signals import Outlook
from strategies.whole import hedge_puts, vix_products

Json = dict[str, Any]

LEVELS_PCT = np.arange(-9.0, 9.01, 0.5)
DAYS_AHEAD = (0.0, 1.0, 5.0, 10.0, 20.0)
VIX_UP_POINTS: tuple[float | None, ...] = (None, 5.0, 8.0)
"""None: VIX moves with the index (P-BE-2); else it stands so many points higher whatever the index does (P-BE-3)."""

_SIGNS = ((1.0, False), (-1.0, False), (-1.0, True), (1.0, True))


NOTHING: Json = {
    "unknown": "no closing state", "spot_points": None, "levels_points": [], "condors_now_usd": None,
    "hedge_now_usd": None, "cases": [],
}  # fmt: skip
"""A book that was not asked about."""


def exposure_of(state: State, parameters: Parameters, outlook: Outlook, now: datetime) -> Exposure:
    """Everything held and sold, valued as the hedge's own rules do it."""
    orders = parameters.alvh.orders
    futures = state.desk.reference.listed_futures(state.market)
    spot = state.market.level("SPX")
    open_condors = _open(state)
    valuer = Valuer(
        state.market,
        now,
        Forwards(state.market, futures, now, orders.forward_max_age_s),
        outlook.measures.scales,
        rate=parameters.condor.exit.risk_free_pct / 100.0,
        spot_points=None if spot is None else spot.level,
        carry_rate=next((c.carry_rate for c in open_condors), 0.0),
        max_age_s=orders.mark_max_age_s,
    )
    return measure(valuer, held_by_slots(state.book), [row for c in open_condors for row in sold(c)], state.marks)


def expected_move(condor: Condor, marks: Mapping[int, Mark], spot: float | None, now: datetime) -> float | None:
    """Points of one standard deviation to expiry as the exits reckon it (standing.expected_move): at-the-money
    volatility read off the line between the shorts, less the smile's sag at entry. None without marks or index."""
    legs = condor.held[0].legs
    put, call = marks.get(legs.put_short.con_id), marks.get(legs.call_short.con_id)
    days = (condor.expiry - now.astimezone(NEW_YORK).date()).days
    if put is None or call is None or spot is None or days <= 0:
        return None
    low, high = legs.put_short.strike_points, legs.call_short.strike_points
    share = min(1.0, max(0.0, (spot - low) / (high - low)))
    vol = (put.iv + share * (call.iv - put.iv)) * (1.0 - condor.smile_gap * 4.0 * share * (1.0 - share))
    return spot * vol * math.sqrt(days / 365.0)


def ahead(state: State, now: datetime) -> Json:
    """Dollars gained from now on: `cases` of `days` ahead and `vix_points`, each with `condors_usd` alone and
    `whole_usd` over `levels_points`. What both stand at since they were opened, commissions apart, is told beside it.
    Without a full valuation `unknown` says what lacks and there is no case."""
    quote = state.market.level("SPX")
    spot = None if quote is None else quote.level
    condors = _open(state)
    if spot is None or not condors:
        return _nothing("no condor is open" if not condors else "SPX has no quote")
    signals, parameters = state.desk.feed.signals, state.parameters
    outlook = None if signals is None else signals.outlook
    if outlook is None or parameters is None:
        return _nothing("the signals have not been measured yet")
    lines = exposure_of(state, parameters, outlook, now).lines
    groups = _groups(condors, state.marks, spot, now)
    vix, puts = vix_products(lines), hedge_puts(lines)
    for part in (groups, vix, puts):
        if isinstance(part, str):
            return _nothing(part)
    assert not isinstance(groups, str)
    assert not isinstance(vix, str)
    assert not isinstance(puts, str)
    book = book_of([*groups, *puts], condors[0].carry_rate, vix)
    own = sum(len(legs) for legs, _ in groups)
    cases = [_shocks(days, vix_up) for days in DAYS_AHEAD for vix_up in VIX_UP_POINTS]
    grid = projection.timed(projection.joined([projection.TODAY, *cases]))
    alone, whole = projection.gains_with_and_without(book, own, grid)
    earned = _earned(condors, groups, condors[0].carry_rate)
    hedge = sum((line.value_usd or 0.0) - line.cost_usd for line in lines)
    count = len(LEVELS_PCT)
    kinds = [(days, vix_up) for days in DAYS_AHEAD for vix_up in VIX_UP_POINTS]
    return {
        "unknown": "",
        "spot_points": round(spot, 2),
        "levels_points": _row(spot * (1.0 + 0.01 * LEVELS_PCT), 1),
        "condors_now_usd": round(earned, 2),
        "hedge_now_usd": round(hedge, 2),
        "cases": [
            {
                "days": days,
                "vix_points": vix_up,
                "condors_usd": _row(alone[i * count : (i + 1) * count], 0),
                "whole_usd": _row(whole[i * count : (i + 1) * count], 0),
            }
            for i, (days, vix_up) in enumerate(kinds)
        ],
    }


def _nothing(why: str) -> Json:
    return {**NOTHING, "unknown": why}


def _open(state: State) -> list[Condor]:
    return [c for c in state.condors.values() if c.active and c.quantity > 0]


def _groups(
    condors: Sequence[Condor], marks: Mapping[int, Mark], spot: float, now: datetime
) -> list[tuple[Sequence[Leg], Smile]] | str:
    """Each set of legs on its smile, or which condor cannot be valued."""
    found: list[tuple[Sequence[Leg], Smile]] = []
    today = now.astimezone(NEW_YORK).date()
    for condor in condors:
        move, days = expected_move(condor, marks, spot, now), (condor.expiry - today).days
        for lot in condor.held:
            legs = [
                Leg(sign * lot.units * MULTIPLIER, leg.strike_points, is_call, mark)
                for leg, (sign, is_call) in zip(lot.legs.all(), _SIGNS, strict=True)
                if (mark := marks.get(leg.con_id)) is not None
            ]
            smile = smile_of_expiry(legs, move, days, spot) if len(legs) == len(_SIGNS) else None
            if smile is None:
                return f"{condor.id} has a leg without a mark"
            found.append((legs, smile))
    return found


def _shocks(days: float, vix_up: float | None) -> Shocks:
    moved = projection.coupled_vix_points(LEVELS_PCT) if vix_up is None else np.full(len(LEVELS_PCT), vix_up)
    return Shocks(LEVELS_PCT, moved, np.full(len(LEVELS_PCT), days))


def _earned(condors: Sequence[Condor], groups: Sequence[tuple[Sequence[Leg], Smile]], carry_rate: float) -> float:
    """What the condors stand at: premium kept and what the legs are worth."""
    kept = sum(((c.credit_points or 0.0) + c.adjust_points) * c.quantity * MULTIPLIER for c in condors)
    today = Shocks(np.zeros(1), np.zeros(1), np.zeros(1))
    return float(kept + projection.values_usd(book_of(groups, carry_rate), today)[0])


def _row(values: FloatArray, digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]
