"""The condor cards: strikes, payoff now and at expiry, break-evens against the expected move, result and exits."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np

from bot.engine.state import Parameters, State
from bot.web.gathered import Look
from bot.web.view.numbers import Json, rounded, row, stamp
from strategies.condor.machine import Condor
from strategies.condor.structure import MULTIPLIER, net_price
from strategies.domain.market import Quote
from strategies.domain.marks import Mark
from strategies.domain.session import NEW_YORK
from strategies.pricing import black76
from strategies.pricing.normal import FloatArray
from strategies.pricing.payoff import break_evens, expiry_value

POINTS = 61
VOL_UP_PCT = 15.0
SIGNS = np.array((1.0, -1.0, -1.0, 1.0))
CALLS = np.array((False, False, True, True))


def condors(look: Look) -> list[Json]:
    """Condors that hold something or may come to; the oldest first."""
    state = look.state
    if state.parameters is None:
        return []
    active = sorted((c for c in state.condors.values() if c.active), key=lambda c: (c.proposed_at, c.id))
    return [card(condor, state, state.parameters, look.at) for condor in active]


def card(condor: Condor, state: State, parameters: Parameters, now: datetime) -> Json:
    """One condor. Points per share of one unit, dollars for all units; None where the market cannot say.

    A condor that is not yet sold is drawn with its wanted units and no premium known.
    """
    exits, orders = parameters.condor.exit, parameters.condor.orders
    units = condor.quantity or condor.quantity_wanted
    credit = None if condor.credit_points is None else condor.credit_points + condor.adjust_points
    strikes = np.array([leg.strike_points for leg in condor.legs.all()])
    marks = [state.marks.get(con_id) for con_id in condor.legs.con_ids()]
    quotes = _fresh(condor, state, now, orders.mark_quote_max_age_s)
    close = net_price(condor.legs.closing(), quotes, orders.worthless_ask_points) if condor.quantity else None
    profit = None if close is None or credit is None else credit - close.mid_points
    spot = _spot(state)
    em = _expected_move(condor, marks, spot, now)
    edges = () if credit is None else break_evens(strikes, CALLS, SIGNS, credit)
    dte_days = (condor.expiry - now.astimezone(NEW_YORK).date()).days
    return {
        "id": condor.id,
        "state": condor.state.value,
        "since": stamp(condor.state_since),
        "why": condor.quarantine_reason or (condor.history[-1].text if condor.history else ""),
        "expiry": condor.expiry.isoformat(),
        "dte_days": dte_days,
        "time_exit_dte_days": exits.time_exit_dte_days,
        "units": condor.quantity,
        "units_wanted": condor.quantity_wanted,
        "strikes_points": [float(k) for k in strikes],
        "credit_points": rounded(condor.credit_points),
        "kept_points": rounded(credit),
        "max_loss_usd": rounded(condor.max_loss_usd, 0),
        "break_evens_points": [rounded(edge, 1) for edge in edges],
        "spot_points": rounded(spot),
        "expected_move_points": rounded(em, 1),
        "profit_points": rounded(profit),
        "profit_usd": None if profit is None else rounded(profit * units * MULTIPLIER, 0),
        "profit_pct_of_credit": None if profit is None or not credit else rounded(100.0 * profit / credit, 1),
        "target_pct_of_credit": exits.take_profit_pct_of_credit,
        "stop_pct_of_credit": -100.0 * exits.stop_loss_multiple_of_credit,
        "exit_rule": condor.exit_rule,
        **_greeks(strikes, marks, condor.quantity),
        "payoff": payoff(strikes, marks, units, credit, spot, em),
    }


def _fresh(condor: Condor, state: State, now: datetime, max_age_s: float) -> dict[int, Quote]:
    found = ((con_id, state.market.fresh(con_id, now, max_age_s)) for con_id in condor.legs.con_ids())
    return {con_id: quote for con_id, quote in found if quote is not None}


def _spot(state: State) -> float | None:
    quote = state.market.level("SPX")
    return None if quote is None else quote.level


def _expected_move(condor: Condor, marks: list[Mark | None], spot: float | None, now: datetime) -> float | None:
    """As the exits reckon it (standing.expected_move): at-the-money volatility read off the line between the shorts,
    less the smile's sag at entry."""
    put, call = marks[1], marks[2]
    days = (condor.expiry - now.astimezone(NEW_YORK).date()).days
    if put is None or call is None or spot is None or days <= 0:
        return None
    low, high = condor.legs.put_short.strike_points, condor.legs.call_short.strike_points
    share = min(1.0, max(0.0, (spot - low) / (high - low)))
    vol = (put.iv + share * (call.iv - put.iv)) * (1.0 - condor.smile_gap * 4.0 * share * (1.0 - share))
    return spot * vol * math.sqrt(days / 365.0)


def _greeks(strikes: FloatArray, marks: list[Mark | None], units: int) -> Json:
    """Dollars for all open units: per index point, per point squared, per volatility point, per day."""
    known = [mark for mark in marks if mark is not None]
    if len(known) < 4 or not units:
        return {"delta_usd": None, "gamma_usd": None, "vega_usd": None, "theta_usd": None}
    forward, sigma, tau, discount = _columns(known)
    found = black76.greeks(forward, strikes, sigma, tau, CALLS, discount)
    size = SIGNS * units * MULTIPLIER
    return {
        "delta_usd": rounded(float(found.delta @ size), 1),
        "gamma_usd": rounded(float(found.gamma @ size), 3),
        "vega_usd": rounded(float(found.vega @ size), 0),
        "theta_usd": rounded(float(found.theta @ size), 0),
    }


def _columns(marks: list[Mark]) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Forward, volatility, time and discount of each leg."""
    rows = np.array([(mark.forward_points, mark.iv, mark.tau_years, mark.discount) for mark in marks])
    return rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3]


def payoff(
    strikes: FloatArray,
    marks: list[Mark | None],
    units: int,
    credit: float | None,
    spot: float | None,
    em: float | None,
) -> Json | None:
    """Profit in dollars over index levels: at expiry, now, and now with every volatility up by VOL_UP_PCT per cent."""
    if credit is None or not units:
        return None
    low, high = float(strikes[0]), float(strikes[-1])
    if spot is not None and em is not None:
        low, high = min(low, spot - 1.1 * em), max(high, spot + 1.1 * em)
    room = 0.06 * (high - low)
    levels = np.unique(np.concatenate((np.linspace(low - room, high + room, POINTS), strikes)))
    size = units * MULTIPLIER
    found: Json = {
        "spot_points": row(levels, 1),
        "expiry_usd": row((expiry_value(levels, strikes, CALLS, SIGNS) + credit) * size),
        "now_usd": None,
        "vol_up_usd": None,
        "vol_up_pct": VOL_UP_PCT,
    }
    known = [mark for mark in marks if mark is not None]
    if len(known) == 4 and spot is not None:
        found["now_usd"] = row((_worth(levels, strikes, known, spot, 1.0) + credit) * size)
        found["vol_up_usd"] = row((_worth(levels, strikes, known, spot, 1.0 + VOL_UP_PCT / 100.0) + credit) * size)
    return found


def _worth(levels: FloatArray, strikes: FloatArray, marks: list[Mark], spot: float, vol_factor: float) -> FloatArray:
    """Value of one unit in points at each index level, every leg's volatility and carry as they are now."""
    forward, sigma, tau, discount = _columns(marks)
    moved = np.outer(levels / spot, forward)
    prices = black76.price(moved, strikes, sigma * vol_factor, tau, CALLS, discount)
    worth: FloatArray = prices @ SIGNS
    return worth
