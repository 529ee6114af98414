"""Does the account bear it: margin what-if, excess liquidity, daily and weekly loss, drawdown."""

from __future__ import annotations

import math

from risk.case import Case
from risk.exposure import Stake
from risk.measures import fallen_pct
from risk.result import Finding, finding, unknown
from strategies.domain.known import Known


def margin(case: Case) -> Finding:
    """C19: the broker's what-if keeps margin use and excess liquidity in bounds and agrees with our own reckoning."""
    limits, answer = case.limits, case.view.margin
    cap = limits.margin_utilisation_pct
    if not isinstance(answer, Known):
        return unknown(cap, "% of equity", f"no margin answer ({answer.reason})")
    impact = answer.value
    equity, initial = impact.equity_with_loan_after_usd, impact.initial_margin_after_usd
    numbers = (equity, initial, impact.maintenance_margin_after_usd, impact.initial_margin_change_usd)
    if not all(math.isfinite(n) for n in numbers) or equity <= 0.0:
        return unknown(cap, "% of equity", "the margin answer holds unusable numbers")
    used = 100.0 * initial / equity
    if used > cap:
        text = f"initial margin would be {used:.1f} % of equity, allowed {cap:g} %"
        return finding(False, used, cap, "% of equity", text)
    left = 100.0 * (equity - impact.maintenance_margin_after_usd) / equity
    if left < limits.dry_powder_pct:
        text = f"excess liquidity would be {left:.1f} % of equity, at least {limits.dry_powder_pct:g} % must remain"
        return finding(False, left, limits.dry_powder_pct, "% of equity", text)
    return _cross_check(case, impact.initial_margin_change_usd, used)


def _cross_check(case: Case, change_usd: float, used_pct: float) -> Finding:
    """A new condor must cost between its worst loss and its width in margin, give or take the tolerance."""
    cap, tolerance = case.limits.margin_utilisation_pct, 0.01 * case.limits.margin_cross_check_pct
    text = f"initial margin would be {used_pct:.1f} % of equity, allowed {cap:g} %"
    if case.hedge or case.own.held or case.own.units:
        return finding(True, used_pct, cap, "% of equity", text)
    loss = case.own_loss_usd
    width = loss + max(0.0, case.unit.cash_usd * case.unit.quantity)
    low, high = (1.0 - tolerance) * loss, (1.0 + tolerance) * width
    if not low <= change_usd <= high:
        told = f"the broker asks {change_usd:,.0f} USD for this order, our own reckoning {low:,.0f} to {high:,.0f} USD"
        return finding(False, change_usd, f"{low:.0f} to {high:.0f}", "USD", told)
    return finding(True, used_pct, cap, "% of equity", text)


def dry_powder(case: Case) -> Finding:
    """C20, K-SIZE-4: excess liquidity left after the worst case of everything working and this order. Protection may
    use the dry powder, down to where the account has to reduce."""
    cap = case.limits.excess_liquidity_reduce_pct if case.protective else case.limits.dry_powder_pct
    if isinstance(case.account, str):
        return unknown(cap, "% of NLV", case.account)
    excess, nlv = case.account.excess_liquidity_usd, case.account.net_liquidation_usd
    if excess is None or nlv is None or not math.isfinite(excess) or not math.isfinite(nlv) or nlv <= 0.0:
        return unknown(cap, "% of NLV", "the broker reported no excess liquidity")
    planned = sum(_planned_usd(stake) for stake in (case.own_after, *case.others) if stake.units)
    if not math.isfinite(planned):
        return unknown(cap, "% of NLV", "what is working has no bounded worst case")
    left = 100.0 * (excess - planned) / nlv
    text = f"excess liquidity after this order about {left:.1f} % of NLV, at least {cap:g} % must remain"
    return finding(left >= cap, left, cap, "% of NLV", text)


def _planned_usd(stake: Stake) -> float:
    """How much worse the worst case gets by what is working."""
    return max(0.0, stake.worst_loss_usd) - max(0.0, stake.resting_loss_usd)


def daily_loss(case: Case) -> Finding:
    """C21, K-SIZE-6: loss since the start of the day."""
    return _fallen(case, case.view.day_start_nlv_usd, case.limits.daily_loss_halt_pct, "the start of the day")


def weekly_loss(case: Case) -> Finding:
    """K-SIZE-6: loss since the start of the week."""
    return _fallen(case, case.view.week_start_nlv_usd, case.limits.weekly_loss_pct, "the start of the week")


def drawdown(case: Case) -> Finding:
    """C22: fall from the highest net liquidation."""
    return _fallen(case, case.view.high_water_usd, case.limits.drawdown_reduce_pct, "its high")


def _fallen(case: Case, base_usd: float | None, cap_pct: float, since: str) -> Finding:
    if isinstance(case.account, str):
        return unknown(cap_pct, "%", case.account)
    fall = fallen_pct(case.account.net_liquidation_usd, base_usd)
    if fall is None:
        return unknown(cap_pct, "%", f"net liquidation now or at {since} is unknown")
    text = f"net liquidation is {fall:.2f} % below {since}, allowed is less than {cap_pct:g} %"
    if fall >= cap_pct and case.protective:
        return finding(True, fall, cap_pct, "%", f"{text}; a hedge that lowers the crash loss is no new risk")
    return finding(fall < cap_pct, fall, cap_pct, "%", text)
