"""Are the numbers under the decision real: live, young, two-sided, of this connection, not halted."""

from __future__ import annotations

import math

from risk.case import Case
from risk.result import Finding, finding
from strategies.domain.instruments import describe
from strategies.domain.market import DataType, Quote


def young(case: Case) -> Finding:
    """C14: age of every leg's quote, on this connection only."""
    limits = case.limits
    cap = limits.quote_age_close_s if case.reducing else limits.quote_age_open_s
    oldest = 0.0
    for leg, option in case.legs:
        quote = case.quotes[leg.con_id]
        if quote is None:
            return finding(False, None, cap, "s", f"{describe(option)} has no quote on this connection")
        age = quote.age_s(case.view.now)
        if not -1.0 <= age <= cap:
            return finding(
                False, age, cap, "s", f"the quote of {describe(option)} is {age:.1f} s old, allowed {cap:g} s"
            )
        oldest = max(oldest, age)
    return finding(True, oldest, cap, "s", f"the oldest leg quote is {oldest:.1f} s old, allowed {cap:g} s")


def reasonable(case: Case) -> Finding:
    """C15: bid and ask present, positive, not crossed, spread not absurd; a reducing order needs a mid only."""
    widest = 0.0
    cap = case.limits.spread_points
    for leg, option in case.legs:
        quote = case.quotes[leg.con_id]
        if quote is None or case.leg_mids_points[leg.con_id] is None:
            return finding(False, None, cap, "points", f"{describe(option)} has no usable bid and ask")
        if case.reducing:
            continue
        fault, spread, allowed = _spread_fault(case, quote)
        if fault:
            return finding(False, spread, allowed, "points", f"{describe(option)}: {fault}")
        widest = max(widest, spread or 0.0)
    return finding(True, widest, cap, "points", f"all legs quoted, widest spread {widest:.2f} points")


def _spread_fault(case: Case, quote: Quote) -> tuple[str, float | None, float | None]:
    limits, bid, ask, mid = case.limits, quote.bid, quote.ask, quote.mid
    if bid is None or ask is None or mid is None or not math.isfinite(mid) or bid <= 0.0:
        return f"bid {bid} and ask {ask} are no market", None, limits.spread_points
    allowed = max(limits.spread_points, 0.01 * limits.spread_pct_of_mid * mid)
    spread = ask - bid
    if spread > allowed + 1e-9:
        return f"spread {spread:.2f} points at a mid of {mid:.2f}, allowed {allowed:.2f}", spread, allowed
    return "", spread, allowed


def live(case: Case) -> Finding:
    """C16: only live data decides."""
    for leg, option in case.legs:
        quote = case.quotes[leg.con_id]
        kind = None if quote is None else quote.data_type
        if kind is not DataType.LIVE:
            seen = kind.value if kind else None
            return finding(False, seen, "live", "data type", f"{describe(option)} has {seen or 'no'} data, not live")
    return finding(True, "live", "live", "data type", "every leg is quoted live")


def not_halted(case: Case) -> Finding:
    """C36: no leg is halted; for new risk SPX and VIX are themselves live and moving."""
    for leg, option in case.legs:
        quote = case.quotes[leg.con_id]
        if quote is not None and quote.halted:
            return finding(False, "halted", "trading", "state", f"{describe(option)} is halted")
    if case.reducing:
        return finding(True, "trading", "trading", "state", "no leg is halted")
    market, cap = case.view.market, case.limits.index_age_s
    for symbol in ("SPX", "VIX"):
        quote = market.level(symbol)
        if quote is None or quote.level is None or quote.epoch != market.epoch:
            return finding(False, None, cap, "s", f"{symbol} has no level on this connection")
        if quote.halted or quote.data_type is not DataType.LIVE:
            return finding(False, "halted", "trading", "state", f"{symbol} is halted or its data is not live")
        age = quote.age_s(case.view.now)
        if age > cap:
            return finding(False, age, cap, "s", f"{symbol} has stood still for {age:.0f} s, allowed {cap:g} s")
    return finding(True, "trading", "trading", "state", "no leg is halted, SPX and VIX move")
