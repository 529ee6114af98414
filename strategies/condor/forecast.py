"""A condor some days ahead: what a change of its legs does on the grid of P-PROJ-1, and what a later one would pay.

Rules
- Legs are revalued on the smile of their expiry, drawn through every strike of it that has a mark (`projection`).
- A change is allowed only if it improves the worst ordinary scenario of T+5 and T+10 by more than it costs to trade.
  The rest of the book is taken from the hedge's last word; without one the condor is judged alone.
- A later condor is priced on the same smile moved to its expiry: a model, and only the reason not to begin a roll.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from strategies.condor.context import Agenda
from strategies.condor.marks import tau_years
from strategies.condor.structure import MULTIPLIER, Legs
from strategies.domain.decision import DecisionVerdict
from strategies.domain.marks import Mark
from strategies.pricing import black76, projection
from strategies.pricing.black76 import InvalidInput
from strategies.pricing.normal import FloatArray
from strategies.pricing.projection import Book, IndexOptions, Smile, VixProducts

HOLD, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.DECLINE
STRIKE_STEP_POINTS = 5.0
WORD_MAX_AGE_S = 180.0
_SIGNS = (1.0, -1.0, -1.0, 1.0)

_NONE, _NO = np.zeros(0), np.zeros(0, dtype=bool)
NO_VIX = VixProducts(_NONE, _NONE, _NO, _NO, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE)


class Leg(NamedTuple):
    """A leg with its terms: signed contracts times multiplier, strike, right, mark."""

    size: float
    strike_points: float
    is_call: bool
    mark: Mark


def book_of(groups: Sequence[tuple[Sequence[Leg], Smile]], carry_rate: float, vix: VixProducts = NO_VIX) -> Book:
    """A book of SPX legs, each group on its smile, and VIX products."""
    rows = [(leg, number) for number, (legs, _) in enumerate(groups) for leg in legs]
    return Book(
        IndexOptions(
            np.array([leg.size for leg, _ in rows]),
            np.array([leg.strike_points for leg, _ in rows]),
            np.array([leg.is_call for leg, _ in rows], dtype=bool),
            np.array([leg.mark.forward_points for leg, _ in rows]),
            np.array([leg.mark.tau_years for leg, _ in rows]),
            np.array([leg.mark.discount for leg, _ in rows]),
            tuple(number for _, number in rows),
        ),
        tuple(smile for _, smile in groups),
        vix,
        carry_rate,
    )


def legs_of(legs: Legs, units: float, agenda: Agenda) -> list[Leg] | None:
    """One condor's legs with their marks; None while one of them has none."""
    found = []
    for leg, sign, is_call in zip(legs.all(), _SIGNS, (False, False, True, True), strict=True):
        mark = agenda.marks.get(leg.con_id)
        if mark is None:
            return None
        found.append(Leg(sign * units * MULTIPLIER, leg.strike_points, is_call, mark))
    return found


def smile_of_expiry(legs: Sequence[Leg], em_points: float | None, dte_days: int, spot_points: float) -> Smile | None:
    """The smile through these legs' strikes, its level at the money from the expected move; None while unknown."""
    if em_points is None or dte_days <= 0 or not legs:
        return None
    mark, atm = legs[0].mark, em_points / (spot_points * math.sqrt(dte_days / 365.0))
    ivs = {leg.strike_points: leg.mark.iv for leg in legs}
    try:
        return projection.smile_of(list(ivs), list(ivs.values()), atm, mark.forward_points, mark.tau_years)
    except InvalidInput:
        return None


class Change(NamedTuple):
    """A change of legs under judgement: the rule, what goes and comes, units, and what trading it costs in dollars
    (half-spreads, not the price)."""

    rule: str
    old: Legs
    new: Legs
    units: int
    cost_usd: float


def improves(condor_id: str, change: Change, em_points: float | None, dte_days: int, agenda: Agenda) -> str:
    """P-PROJ-1's gate: why the change is refused, empty when it improves the worst by more than it costs."""
    ctx = agenda.ctx
    old, new = legs_of(change.old, change.units, agenda), legs_of(change.new, change.units, agenda)
    if old is None or new is None or ctx.spot_points is None:
        return "a leg cannot be projected: it has no mark"
    smile = smile_of_expiry([*old, *new], em_points, dte_days, ctx.spot_points)
    if smile is None:
        return "the change cannot be projected: the expected move is not known"
    carry = ctx.condors[condor_id].carry_rate if condor_id in ctx.condors else 0.0
    grid = projection.scenario_shocks()
    before, after = (projection.gains_usd(book_of([(legs, smile)], carry), grid) for legs in (old, new))
    whole = np.array(ctx.hedge.gains_usd) if _book_known(agenda, len(grid.days)) else before
    worst_before, _ = projection.worst_usd(whole.tolist())
    worst_after, where = projection.worst_usd((whole - before + after).tolist())
    refused = worst_after - worst_before <= change.cost_usd
    text = "does not improve the worst of the projection by more than it costs" if refused else ""
    agenda.note(
        "P-PROJ-1",
        condor_id,
        DECLINE if refused else HOLD,
        text or "improves the worst of the projection by more than it costs",
        inputs={
            "for_rule": change.rule,
            "worst_before_usd": round(worst_before, 2),
            "worst_after_usd": round(worst_after, 2),
            "scenario": where,
            "improvement_usd": round(worst_after - worst_before, 2),
            "whole_book": whole is not before,
        },
        thresholds={"cost_usd": round(change.cost_usd, 2)},
    )
    return text


def _book_known(agenda: Agenda, rows: int) -> bool:
    word = agenda.ctx.hedge
    return word.projected(agenda.ctx.now, WORD_MAX_AGE_S) and len(word.gains_usd) == rows


class Later(NamedTuple):
    """What a condor of a later expiry would collect by the model, in points, its vega in points per volatility point
    (negative: short), which expiry that is and how many days it has."""

    credit_points: float
    expiry: date
    vega_points: float
    dte_days: int


def later_credit(legs: Legs, smile: Smile, forward: float, delta: float, agenda: Agenda, expiry: date) -> Later:
    """A condor with the same wings and shorts at this delta, `expiry` being listed and later than today."""
    ctx = agenda.ctx
    tau = (expiry - ctx.today).days / 365.0
    option = ctx.market.option(legs.put_short.con_id)
    spot = ctx.spot_points if ctx.spot_points is not None else forward
    now = tau_years(option, ctx) if option is not None else 0.0
    carry = math.log(forward / spot) / now if now > 0.0 else 0.0
    ahead = spot * math.exp(carry * tau)
    scale = smile.atm * math.sqrt(tau)
    strikes: FloatArray = STRIKE_STEP_POINTS * np.arange(
        math.floor(0.7 * ahead / STRIKE_STEP_POINTS), math.ceil(1.3 * ahead / STRIKE_STEP_POINTS), dtype=np.float64
    )

    def vol(at: FloatArray) -> FloatArray:
        found: FloatArray = smile.atm * np.interp(np.log(at / ahead) / scale, smile.m, smile.ratio)
        return found

    puts, calls = strikes[strikes < ahead], strikes[strikes > ahead]
    put = puts[np.argmin(np.abs(-black76.delta(ahead, puts, vol(puts), tau, False) - delta))]
    call = calls[np.argmin(np.abs(black76.delta(ahead, calls, vol(calls), tau, True) - delta))]
    width = legs.width_points
    four = np.array([put - width, put, call, call + width])
    values = black76.greeks(ahead, four, vol(four), tau, np.array([False, False, True, True]))
    held = np.array([1.0, -1.0, -1.0, 1.0])
    return Later(-float(values.price @ held), expiry, float(values.vega @ held), (expiry - ctx.today).days)
