"""The outer band of net vega: no new order may leave it, or take the book further outside (C17)."""

from __future__ import annotations

from risk.case import Case
from risk.result import Finding, finding, unknown
from risk.vega import book_vega, vega_usd

UNIT = "points per VIX point"


def net_vega(case: Case) -> Finding:
    """C17: over-short below minus `vega_over_short`, over-hedged above `vega_over_long`, with this order filled.

    Beyond the band only an order passes whose own dollars per VIX point lead back: the normalised figure alone would
    let one more like condor into an over-short book. A book without a condor has no such figure: the premium caps bound
    its hedge.
    """
    limits = case.limits
    usd = vega_usd(case.contracts, case.view.marks)
    said = "no condor is open"
    working = any(group.units for group in case.others)
    beside = book_vega(case.others, usd, long_side=False)
    for long_side, cap in ((False, limits.vega_over_short), (True, limits.vega_over_long)):
        if long_side and working:
            beside = book_vega(case.others, usd, long_side=True)
        if isinstance(beside, str):
            return unknown(cap, UNIT, beside)
        before = book_vega((case.own,), usd, long_side=long_side, beside=beside)
        after = book_vega((case.own_filled,), usd, long_side=long_side, beside=beside)
        if isinstance(before, str) or isinstance(after, str):
            return unknown(cap, UNIT, before if isinstance(before, str) else str(after))
        net = after.net_n
        if net is None:
            continue
        sign = 1.0 if long_side else -1.0
        if sign * net > cap and sign * after.usd_per_vix_point >= sign * before.usd_per_vix_point:
            what = "over-hedged" if long_side else "over-short of volatility"
            text = f"net vega would be {net:+.3f} per condor and 10 points of wing: {what} beyond {sign * cap:+g}"
            return finding(False, round(sign * net, 4), cap, UNIT, text)
        if not long_side:
            said = f"net vega would be {net:+.3f} per condor and 10 points of wing"
    return finding(True, None, limits.vega_over_short, UNIT, said)
