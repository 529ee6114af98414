"""What the hedge risks, has spent and costs to carry, from holdings, working orders and marks.

Rules
- Risk of an option is the premium paid for it, of a future the loss of a fixed fall of its price (K-SIZE-2). The
  premium of a spread is its debit. What is working counts as bought; nothing is taken off for what is being sold.
- Spending is the net cash of all executions of the hedge in the last thirty days, fees included; a harvest lowers it.
- Carry is one day of an unchanged market: the options' theta and what the curve rolls down under them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

import numpy as np

from risk.limits import Limits
from risk.view import Holding, RiskView
from strategies.domain.hedge import HEDGE_OWNER, Layer, layer_of
from strategies.domain.instruments import Future, Option, Tradable
from strategies.domain.marks import Mark
from strategies.domain.orders import Action, LegIntent, PlaceIntent
from strategies.pricing import black76

SPENDING_DAYS = 30
DAY_YEARS = 1.0 / 365.0
MIN_TAU_YEARS = 1e-6
MIN_FORWARD_POINTS = 0.01


def layer_risks(
    view: RiskView, contracts: Mapping[int, Tradable], limits: Limits, *candidates: PlaceIntent
) -> dict[Layer, float] | str:
    """Risk in usd of each layer with every working order and the candidates filled, or what cannot be valued."""
    risks = dict.fromkeys(Layer, 0.0)
    for holding in view.holdings:
        if holding.owner != HEDGE_OWNER or not holding.quantity or holding.slot is None:
            continue
        risk = _held_risk(holding, contracts.get(holding.con_id), limits)
        if isinstance(risk, str):
            return risk
        risks[layer_of(holding.slot)] += risk
    working = [
        (record.intent, record.intent.quantity - record.filled_units)
        for record in view.book.orders.values()
        if record.live and record.intent.owner == HEDGE_OWNER
    ]
    for intent, units in (*working, *((intent, intent.quantity) for intent in candidates)):
        for slot, risk in _order_risks(intent, units, view, contracts, limits).items():
            if math.isnan(risk):
                return f"a leg of {intent.ref} has no offer to value it by"
            risks[layer_of(slot)] += risk
    return {layer: max(0.0, risk) for layer, risk in risks.items()}


def _held_risk(holding: Holding, contract: Tradable | None, limits: Limits) -> float | str:
    if contract is None:
        return f"contract {holding.con_id} is held and this bot has no details of it"
    price = holding.average_price_points
    if price is None or not math.isfinite(price):
        return f"contract {holding.con_id} is held at an unknown price"
    return holding.quantity * price * _at_risk(contract, limits)


def _at_risk(contract: Tradable, limits: Limits) -> float:
    """Dollars at risk per point of price: the whole premium of an option, a fall of a future."""
    share = 0.01 * limits.hedge_future_drop_pct if isinstance(contract, Future) else 1.0
    return contract.multiplier * share


def _order_risks(
    intent: PlaceIntent, units: int, view: RiskView, contracts: Mapping[int, Tradable], limits: Limits
) -> dict[int, float]:
    """Risk by slot that an order adds: its debit where one slot has all legs, else each slot's purchases at the offer;
    NaN where a purchase has none."""
    by_slot: dict[int, list[LegIntent]] = {}
    for leg in intent.legs:
        if leg.slot is not None:
            by_slot.setdefault(leg.slot, []).append(leg)
    found: dict[int, float] = {}
    for slot, legs in by_slot.items():
        bought = [leg for leg in legs if leg.action is Action.BUY]
        if not bought:
            continue
        at_risk = [_at_risk(contracts[leg.con_id], limits) for leg in bought]
        if len(by_slot) == 1:  # one price for all legs: beside an option a future risks the whole of it too
            usd = max(0.0, intent.limit_points) * max(at_risk)
        else:
            offers = [leg.ratio * _offer_points(view, leg.con_id) for leg in bought]
            usd = sum(offer * each for offer, each in zip(offers, at_risk, strict=True))
        found[slot] = units * usd
    return found


def _offer_points(view: RiskView, con_id: int) -> float:
    quote = view.market.quotes.get(con_id)
    ask = None if quote is None or quote.epoch != view.market.epoch else quote.ask
    return math.nan if ask is None or ask <= 0.0 else ask


def spent_usd(view: RiskView) -> float:
    """Net cash paid for the hedge in the last thirty days, commissions included; negative if it brought money."""
    since = view.now - timedelta(days=SPENDING_DAYS)
    spent = 0.0
    for base_id, fill in view.book.fills.items():
        record = view.book.orders.get(fill.ref) if fill.ref is not None else None
        if record is not None and record.intent.owner == HEDGE_OWNER and fill.at > since:
            spent += view.book.commissions_usd.get(base_id, 0.0) - fill.cash_usd
    return spent


def carry_usd_per_day(rows: Sequence[tuple[Tradable, int]], marks: Mapping[int, Mark]) -> float | str:
    """One day's carry of signed contracts at an unchanged curve (negative: it costs), or which one has no mark."""
    total = 0.0
    options: list[tuple[Option, int, Mark]] = []
    for contract, quantity in rows:
        mark = marks.get(contract.con_id)
        if mark is None:
            return f"no volatility is known for contract {contract.con_id}"
        if isinstance(contract, Option):
            options.append((contract, quantity, mark))
        else:
            total += quantity * contract.multiplier * (mark.roll_points_per_day or 0.0)
    return total + _options_carry(options)


def _options_carry(rows: Sequence[tuple[Option, int, Mark]]) -> float:
    """The options a day later, each one's future rolled down by a day, less what they are worth now."""
    if not rows:
        return 0.0
    forward = np.array([mark.forward_points for _, _, mark in rows])
    tau = np.array([mark.tau_years for _, _, mark in rows])
    discount = np.array([mark.discount for _, _, mark in rows])
    strike = np.array([option.strike for option, _, _ in rows])
    sigma = np.array([mark.iv for _, _, mark in rows])
    call = np.array([option.is_call for option, _, _ in rows])
    roll = np.array([mark.roll_points_per_day or 0.0 for _, _, mark in rows])
    later = np.maximum(tau - DAY_YEARS, MIN_TAU_YEARS)
    rolled = np.maximum(forward + roll, MIN_FORWARD_POINTS)
    after = black76.price(rolled, strike, sigma, later, call, discount ** (later / tau))
    change = after - black76.price(forward, strike, sigma, tau, call, discount)
    size = np.array([quantity * option.multiplier for option, quantity, _ in rows], dtype=np.float64)
    return float(change @ size)
