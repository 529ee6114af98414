"""What a hedge order may be: long only, small enough, cheap enough to carry, and never a wager on calm."""

from __future__ import annotations

import math
from collections.abc import Mapping

from risk.case import Case
from risk.hedge import carry_usd_per_day, layer_risks, spent_usd
from risk.result import Finding, finding, unknown
from risk.stress import Stress
from strategies.domain.hedge import HEDGE_OWNER, Layer, slot_name
from strategies.domain.instruments import Option, Tradable, describe, payoff_strike, pays_above

DAYS_PER_YEAR = 365.0
ROUNDING_USD = 1.0


def structure(case: Case) -> Finding:
    """C10 for the hedge: after the order each slot holds longs, or a spread whose short leg is the farther one."""
    held: dict[int, dict[int, int]] = {}
    for holding in case.view.holdings:
        if holding.owner == HEDGE_OWNER and holding.slot is not None:
            slot = held.setdefault(holding.slot, {})
            slot[holding.con_id] = slot.get(holding.con_id, 0) + holding.quantity
    for leg in case.intent.legs:
        if leg.slot is not None:
            slot = held.setdefault(leg.slot, {})
            slot[leg.con_id] = slot.get(leg.con_id, 0) + leg.action.sign * leg.ratio * case.intent.quantity
    for number in sorted({leg.slot for leg in case.intent.legs if leg.slot is not None}):
        fault = _slot_fault(held[number], case.contracts)
        if fault:
            return finding(
                False, slot_name(number), "long only", "structure", f"{slot_name(number)} would hold {fault}"
            )
    return finding(True, "long only", "long only", "structure", "every slot stays long, shorts only cap its own spread")


def _slot_fault(held: Mapping[int, int], contracts: Mapping[int, Tradable]) -> str:
    """What is wrong with one slot's contracts; empty if every short is the capped side of a spread bought there."""
    rows = [(contracts[con_id], quantity) for con_id, quantity in held.items() if quantity]
    for contract, quantity in rows:
        if quantity > 0:
            continue
        if not isinstance(contract, Option):
            return f"{quantity} {describe(contract)}: futures are held long only"
        cover = sum(other for near, other in rows if other > 0 and _covers(near, contract))
        short = sum(-other for far, other in rows if other < 0 and _like(far, contract))
        if cover < short:
            return f"{quantity} {describe(contract)} without as many nearer longs of its expiry"
    return ""


def _like(one: Tradable, other: Tradable) -> bool:
    return (one.trading_class, one.expiry, pays_above(one)) == (other.trading_class, other.expiry, pays_above(other))


def _covers(near: Tradable, far: Tradable) -> bool:
    """Whether a long of `near` is worth at least as much as `far` at every level at expiry."""
    gap = payoff_strike(far) - payoff_strike(near)
    return isinstance(near, Option) and _like(near, far) and (gap > 0.0 if pays_above(far) else gap < 0.0)


def layer_risk(case: Case) -> Finding:
    """K-SIZE-2 (C08): what each layer can lose, its working orders filled."""
    cap = case.limits.hedge_layer_loss_pct
    risks = layer_risks(case.view, case.contracts, case.limits, case.intent)
    if isinstance(risks, str) or isinstance(case.nlv_usd, str):
        return unknown(cap, "% of NLV", risks if isinstance(risks, str) else str(case.nlv_usd))
    layer = max(Layer, key=lambda one: risks[one])
    share = 100.0 * risks[layer] / case.nlv_usd
    text = f"layer {layer.value} would risk {risks[layer]:,.0f} USD, {share:.2f} % of {case.nlv_usd:,.0f} USD"
    return finding(share <= cap, share, cap, "% of NLV", f"{text}, allowed {cap:g} %")


def total_risk(case: Case) -> Finding:
    """C08: what the whole hedge can lose."""
    cap = case.limits.hedge_total_loss_pct
    risks = layer_risks(case.view, case.contracts, case.limits, case.intent)
    if isinstance(risks, str) or isinstance(case.nlv_usd, str):
        return unknown(cap, "% of NLV", risks if isinstance(risks, str) else str(case.nlv_usd))
    share = 100.0 * sum(risks.values()) / case.nlv_usd
    text = f"all layers would risk {sum(risks.values()):,.0f} USD, {share:.2f} % of NLV, allowed {cap:g} %"
    return finding(share <= cap, share, cap, "% of NLV", text)


def spending(case: Case) -> Finding:
    """C08: net cash spent on the hedge in thirty days, working orders and this one included."""
    cap = case.limits.hedge_spend_month_pct
    if isinstance(case.nlv_usd, str):
        return unknown(cap, "% of NLV", case.nlv_usd)
    units = (*case.own.units, case.unit)
    planned = sum(max(0.0, unit.fee_usd - unit.cash_usd) * unit.quantity for unit in units)
    spent = spent_usd(case.view) + planned
    share = 100.0 * spent / case.nlv_usd
    text = f"{spent:,.0f} USD spent on the hedge in 30 days with this order, {share:.2f} % of NLV, allowed {cap:g} %"
    return finding(share <= cap, share, cap, "% of NLV", text)


def carry(case: Case) -> Finding:
    """A-BUD-2: a year of the whole hedge at an unchanged curve, this order filled."""
    cap = case.limits.hedge_carry_year_pct
    if isinstance(case.nlv_usd, str):
        return unknown(cap, "% of NLV", case.nlv_usd)
    held = case.own_filled.held
    known = [(case.contracts[c], q) for c, q in held.items() if c in case.view.marks or c in dict(case.unit.legs)]
    daily = carry_usd_per_day(known, case.view.marks)
    if isinstance(daily, str):
        return unknown(cap, "% of NLV", daily)
    share = 100.0 * max(0.0, -daily) * DAYS_PER_YEAR / case.nlv_usd
    text = f"the hedge would cost {-daily:,.2f} USD a day to carry, {share:.2f} % of NLV a year, allowed {cap:g} %"
    return finding(share <= cap, share, cap, "% of NLV a year", text)


def liquid(case: Case) -> Finding:
    """X-LIQ-1: each leg shows at least the order's size at the touch, in a market narrow enough."""
    limits = case.limits
    for leg, contract in case.legs:
        quote, name = case.quotes[leg.con_id], describe(contract)
        if quote is None or quote.bid is None or quote.ask is None or (mid := quote.mid) is None:
            return unknown(None, "contracts", f"{name} has no two-sided quote")
        wanted = leg.ratio * case.intent.quantity
        size = quote.ask_size if leg.action.sign > 0 else quote.bid_size
        if size is None or size < wanted:
            text = f"{name} shows {size or 0} contracts at the touch, the order needs {wanted}"
            return finding(False, float(size or 0), float(wanted), "contracts", text)
        allowed = max(limits.hedge_spread_points, 0.01 * limits.hedge_spread_pct_of_mid * mid)
        spread = quote.ask - quote.bid
        if spread > allowed + 1e-9:
            text = f"{name}: spread {spread:.2f} points at a mid of {mid:.2f}, allowed {allowed:.2f}"
            return finding(False, spread, allowed, "points", text)
    return finding(True, None, None, "contracts", "every leg is liquid enough")


def in_stress(case: Case) -> Finding:
    """C56: no action of the hedge makes the crash, or the worst cell without a rally, worse but for its cost.

    Where the book would gain there is no loss to add to: giving up part of a gain is a choice of the hedge's rules, as
    when protection moves out along the curve after the condors are closed.

    A long volatility hedge loses when the index rises and volatility falls, by its premium at most: the premium caps
    and the whole book's stress caps bound that. A sale always gives protection back: it passes while what remains is
    inside the caps of the whole book.
    """
    before, after, limits = case.stress_before, case.stress_filled, case.limits
    if isinstance(before, str) or isinstance(after, str):
        return unknown(None, "USD", before if isinstance(before, str) else str(after))
    losses = (
        ("the worst cell without a rally", before.falling_loss_usd, after.falling_loss_usd, limits.stress_loss_pct),
        ("the crash", before.crash_loss_usd, after.crash_loss_usd, limits.crash_loss_pct),
    )
    allowance = _cost_usd(case)
    for what, was, now, cap_pct in losses:
        room = max(0.0, was) * (1.0 + 0.01 * limits.hedge_stress_tolerance_pct) + allowance
        if now <= room or (case.reducing and _inside(case, after, cap_pct, now)):
            continue
        text = f"{what} would cost {now:,.0f} USD after this order, {was:,.0f} before; the hedge may not add to it"
        return finding(False, now, round(room, 2), "USD", text)
    text = f"worst cell without a rally {before.falling_loss_usd:,.0f} to {after.falling_loss_usd:,.0f} USD, crash "
    text += f"{before.crash_loss_usd:,.0f} to {after.crash_loss_usd:,.0f} USD"
    return finding(True, after.falling_loss_usd, before.falling_loss_usd, "USD", text)


def _inside(case: Case, after: Stress, cap_pct: float, loss_usd: float) -> bool:
    return not isinstance(case.nlv_usd, str) and 100.0 * loss_usd / case.nlv_usd <= cap_pct


def _cost_usd(case: Case) -> float:
    """What trading the order costs against the gate's own mid: an opening loss that no hedge can avoid."""
    mid, unit = case.mid_points, case.unit
    if mid is None or not math.isfinite(mid):
        return 0.0
    multiplier = case.legs[0][1].multiplier
    slippage = max(0.0, case.intent.limit_points - mid) * multiplier
    return (slippage + unit.fee_usd) * unit.quantity + ROUNDING_USD
