"""Is the limit a sane price: within the collar around the gate's own mid, possible at all, and on the tick grid."""

from __future__ import annotations

from risk.case import Case
from risk.measures import VIX_SYMBOLS
from risk.result import Finding, finding, unknown
from strategies.domain.instruments import tick_size

TINY = 1e-9


def collar(case: Case) -> Finding:
    """C11: an opening credit within a band of mid; anything else pays at most mid plus a margin."""
    limits, limit, mid = case.limits, case.intent.limit_points, case.mid_points
    if mid is None:
        return unknown(None, "points", "a leg has no usable mid on this connection")
    margin = max(limits.collar_close_points, 0.01 * limits.collar_close_pct_of_mid * abs(mid))
    if case.reducing or mid >= 0.0:
        top = mid + margin
        text = f"pays {limit:.2f} at a mid of {mid:.2f}, allowed up to {top:.2f} points"
        return finding(limit <= top + TINY, limit, round(top, 4), "points", text)
    low = 0.01 * limits.collar_open_low_pct_of_mid * -mid
    high = 0.01 * limits.collar_open_high_pct_of_mid * -mid
    credit = -limit
    text = f"collects {credit:.2f} at a mid of {-mid:.2f}, allowed {low:.2f} to {high:.2f} points"
    return finding(low - TINY <= credit <= high + TINY, credit, f"{low:.2f} to {high:.2f}", "points", text)


def possible(case: Case) -> Finding:
    """C12: a price between the least and the greatest worth of the unit at expiry, on the tick grid.

    For an opening condor that is a credit above zero and below its width; for its closing a debit above zero up to it.
    """
    limit = case.intent.limit_points
    multiplier = case.legs[0][1].multiplier
    low, high = (bound / multiplier for bound in case.own_after.grid.bounds_usd(case.unit.legs))
    inside = low < limit and (limit <= high if case.reducing else limit < high)
    bounds = f"{low:g} to {high:g}"
    if not inside:
        text = f"a limit of {limit:.2f} is outside what the legs can be worth ({bounds} points, positive pays)"
        return finding(False, limit, bounds, "points", text)
    tick = _tick_points(case)
    steps = limit / tick
    text = f"a limit of {limit:.4f} is {'' if abs(steps - round(steps)) < 1e-6 else 'not '}on the {tick:g} tick grid"
    return finding(abs(steps - round(steps)) < 1e-6, limit, tick, "points", text)


def _tick_points(case: Case) -> float:
    if len(case.legs) == 1 and case.legs[0][1].ticks:
        return tick_size(case.legs[0][1].ticks, case.intent.limit_points)
    on_vix = all(contract.symbol in VIX_SYMBOLS for _, contract in case.legs)
    return case.limits.vix_combo_tick_points if on_vix else case.limits.combo_tick_points
