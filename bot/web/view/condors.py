"""The condor cards: strikes, payoff now and at expiry, break-evens against the expected move, result and exits.

While a widening is partly filled a condor holds two sets of legs (lots): money and lines are of both together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from bot.engine.state import Parameters, State
from bot.valued import expected_move
from bot.web.gathered import Look
from bot.web.view.numbers import Json, rounded, row, stamp
from strategies.condor.lots import Lot
from strategies.condor.machine import Condor
from strategies.condor.structure import MULTIPLIER, net_price
from strategies.domain.market import Quote
from strategies.domain.marks import Mark
from strategies.domain.orders import Purpose
from strategies.domain.session import NEW_YORK
from strategies.pricing import black76
from strategies.pricing.normal import BoolArray, FloatArray
from strategies.pricing.payoff import break_evens, expiry_value

POINTS = 61
VOL_UP_PCT = 15.0
SIGNS = (1.0, -1.0, -1.0, 1.0)
CALLS = (False, False, True, True)


class Position(NamedTuple):
    """The legs of all lots side by side: strikes, kinds, signed contracts, and each leg's mark (None: unknown).

    `collected` is points per share over all units, None before anything was sold.
    """

    strikes: FloatArray
    calls: BoolArray
    contracts: FloatArray
    marks: tuple[Mark | None, ...]
    collected: float | None

    @property
    def columns(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray] | None:
        """Forward, volatility, time and discount of each leg; None while one has no mark."""
        known = [(m.forward_points, m.iv, m.tau_years, m.discount) for m in self.marks if m is not None]
        if len(known) < len(self.marks):
            return None
        table = np.array(known)
        return table[:, 0], table[:, 1], table[:, 2], table[:, 3]


def condors(look: Look) -> list[Json]:
    """Condors that hold something or may come to; the oldest first."""
    state = look.state
    if state.parameters is None:
        return []
    active = sorted((c for c in state.condors.values() if c.active), key=lambda c: (c.proposed_at, c.id))
    return [card(condor, state, state.parameters, look.at) for condor in active]


def card(condor: Condor, state: State, parameters: Parameters, now: datetime) -> Json:
    """One condor. Points per share of one unit, dollars for all units; None where the market cannot say.

    A condor that is not yet sold has its wanted units and what its working order asks for (`asked_points`) as premium;
    `strikes_points` are those of its present legs.
    """
    exits = parameters.condor.exit
    units = condor.quantity or condor.quantity_wanted
    credit = None if condor.credit_points is None else condor.credit_points + condor.adjust_points
    asked = _asked(condor, state) if credit is None else None
    kept = asked if credit is None else credit
    held = _position(condor, state, None if kept is None else kept * units)
    cost = _cost_to_close(condor, state, parameters, now) if condor.quantity else None
    profit = None if cost is None or credit is None else credit - cost / units
    quote = state.market.level("SPX")
    spot = None if quote is None else quote.level
    em = expected_move(condor, state.marks, spot, now)
    edges = () if held.collected is None else break_evens(held.strikes, held.calls, held.contracts, held.collected)
    return {
        "id": condor.id,
        "state": condor.state.value,
        "since": stamp(condor.state_since),
        "why": condor.quarantine_reason or (condor.history[-1].text if condor.history else ""),
        "expiry": condor.expiry.isoformat(),
        "dte_days": (condor.expiry - now.astimezone(NEW_YORK).date()).days,
        "time_exit_dte_days": exits.time_exit_dte_days,
        "units": condor.quantity,
        "units_wanted": condor.quantity_wanted,
        "lots": len(condor.held),
        "strikes_points": [leg.strike_points for leg in condor.legs.all()],
        "credit_points": rounded(condor.credit_points),
        "asked_points": rounded(asked),
        "kept_points": rounded(credit),
        "max_loss_usd": rounded(condor.max_loss_usd, 0),
        "break_evens_points": [rounded(edge, 1) for edge in edges],
        "spot_points": rounded(spot),
        "expected_move_points": rounded(em, 1),
        "profit_chance_pct": _chance_pct(edges, spot, em),
        "shorts_away_points": [
            None if spot is None else rounded(k - spot, 0)
            for k in (condor.legs.put_short.strike_points, condor.legs.call_short.strike_points)
        ],
        "in_state_s": rounded((now - condor.state_since).total_seconds(), 0),
        "profit_points": rounded(profit),
        "profit_usd": None if profit is None else rounded(profit * units * MULTIPLIER, 0),
        "profit_pct_of_credit": None if profit is None or not credit else rounded(100.0 * profit / credit, 1),
        "target_pct_of_credit": exits.take_profit_pct_of_credit,
        "stop_pct_of_credit": -100.0 * exits.stop_loss_multiple_of_credit,
        "exit_rule": condor.exit_rule,
        **_greeks(held, condor.quantity),
        "payoff": payoff(held, spot, em),
    }


def _position(condor: Condor, state: State, collected: float | None) -> Position:
    lots: tuple[Lot, ...] = condor.held
    legs = [(leg, sign * lot.units) for lot in lots for leg, sign in zip(lot.legs.all(), SIGNS, strict=True)]
    return Position(
        np.array([leg.strike_points for leg, _ in legs]),
        np.array(CALLS * len(lots), dtype=np.bool_),
        np.array([contracts for _, contracts in legs]),
        tuple(state.marks.get(leg.con_id) for leg, _ in legs),
        collected,
    )


def _asked(condor: Condor, state: State) -> float | None:
    """The credit its working entry order asks for; None without one."""
    for order in state.book.live_orders():
        if order.intent.owner == condor.id and order.intent.purpose is Purpose.ENTRY:
            return -order.intent.limit_points
    return None


def _cost_to_close(condor: Condor, state: State, parameters: Parameters, now: datetime) -> float | None:
    """Points at mid for all units, a worthless wing at zero; None while a leg has no usable quote."""
    orders, cost = parameters.condor.orders, 0.0
    for lot in condor.held:
        quotes: dict[int, Quote] = {}
        for con_id in lot.legs.con_ids():
            quote = state.market.fresh(con_id, now, orders.mark_quote_max_age_s)
            if quote is not None:
                quotes[con_id] = quote
        net = net_price(lot.legs.closing(), quotes, orders.worthless_ask_points)
        if net is None:
            return None
        cost += net.mid_points * lot.units
    return cost


def _chance_pct(edges: Sequence[float], spot: float | None, em: float | None) -> float | None:
    """Chance in per cent that the index ends between the break-evens, lognormal with the expected move and no drift."""
    if len(edges) != 2 or spot is None or not em:
        return None
    sigma = em / spot
    low, high = (0.5 * math.erf((math.log(edge / spot) / sigma + 0.5 * sigma) / math.sqrt(2.0)) for edge in edges)
    return rounded(100.0 * (high - low), 0)


def _greeks(held: Position, units: int) -> Json:
    """Dollars for all open units: per index point, per point squared, per volatility point, per day."""
    columns = held.columns
    if columns is None or not units:
        return {"delta_usd": None, "gamma_usd": None, "vega_usd": None, "theta_usd": None}
    forward, sigma, tau, discount = columns
    found = black76.greeks(forward, held.strikes, sigma, tau, held.calls, discount)
    size = held.contracts * MULTIPLIER
    return {
        "delta_usd": rounded(float(found.delta @ size), 1),
        "gamma_usd": rounded(float(found.gamma @ size), 3),
        "vega_usd": rounded(float(found.vega @ size), 0),
        "theta_usd": rounded(float(found.theta @ size), 0),
    }


def payoff(held: Position, spot: float | None, em: float | None) -> Json | None:
    """Profit in dollars over index levels: at expiry, now, and now with every volatility up by VOL_UP_PCT per cent.

    None before anything was sold; the lines of now are None while a leg has no mark.
    """
    if held.collected is None:
        return None
    low, high = float(held.strikes.min()), float(held.strikes.max())
    if spot is not None and em is not None:
        low, high = min(low, spot - 1.1 * em), max(high, spot + 1.1 * em)
    room = 0.06 * (high - low)
    levels = np.unique(np.concatenate((np.linspace(low - room, high + room, POINTS), held.strikes)))
    at_expiry = expiry_value(levels, held.strikes, held.calls, held.contracts)
    found: Json = {
        "spot_points": row(levels, 1),
        "expiry_usd": row((at_expiry + held.collected) * MULTIPLIER),
        "now_usd": None,
        "vol_up_usd": None,
        "vol_up_pct": VOL_UP_PCT,
    }
    if held.columns is not None and spot is not None:
        for name, factor in (("now_usd", 1.0), ("vol_up_usd", 1.0 + VOL_UP_PCT / 100.0)):
            found[name] = row((_worth(levels, held, spot, factor) + held.collected) * MULTIPLIER)
    return found


def _worth(levels: FloatArray, held: Position, spot: float, vol_factor: float) -> FloatArray:
    """Value of all legs in points at each index level, every leg's volatility and carry as they are now."""
    columns = held.columns
    assert columns is not None
    forward, sigma, tau, discount = columns
    moved = np.outer(levels / spot, forward)
    prices = black76.price(moved, held.strikes, sigma * vol_factor, tau, held.calls, discount)
    worth: FloatArray = prices @ held.contracts
    return worth
