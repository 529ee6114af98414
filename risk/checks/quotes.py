"""Are the numbers under the decision real: live, young, two-sided, of this connection, not halted."""

from __future__ import annotations

import math
from datetime import timedelta
from itertools import combinations

from risk.case import Case
from risk.exposure import series_of
from risk.result import Finding, finding, unknown
from strategies.domain.instruments import Option, describe
from strategies.domain.market import DataType, Quote
from strategies.domain.orders import Action
from strategies.pricing.single import vega

_TICK = 0.05
_MINUTE_S = 60.0
_MINUTES_PER_YEAR = 252.0 * 390.0
_CARRY_PCT_PER_YEAR = 8.0
"""Interest less dividends that a forward may have at most, either way."""


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
    if not case.reducing and (fault := _incoherent(case)):
        return finding(False, None, None, "points", fault)
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


def _incoherent(case: Case) -> str:
    """Two legs of one series and right that nobody could quote so: a spread of them would be free, or cost more than it
    can ever be worth. Empty where there are none."""
    options = [(option, case.quotes[leg.con_id]) for leg, option in case.legs if isinstance(option, Option)]
    for (low, of_low), (high, of_high) in combinations(sorted(options, key=lambda row: row[0].strike), 2):
        if series_of(low) != series_of(high) or low.right is not high.right or of_low is None or of_high is None:
            continue
        (dear, of_dear), (cheap, of_cheap) = ((low, of_low), (high, of_high))[:: 1 if low.is_call else -1]
        if None in (of_dear.bid, of_dear.ask, of_cheap.bid, of_cheap.ask):
            continue
        width = high.strike - low.strike
        free, worth = (of_dear.ask or 0.0) - (of_cheap.bid or 0.0), (of_dear.bid or 0.0) - (of_cheap.ask or 0.0)
        if free < -_TICK or worth > width + _TICK:
            names = f"{describe(dear)} and {describe(cheap)}"
            return (
                f"{names}: their spread is quoted between {worth:.2f} and {free:.2f} points, possible is 0 to {width:g}"
            )
    return ""


def jump(case: Case) -> Finding:
    """C15: a level of SPX that left those of the last minute by more than a market does is not believed until it has
    stood for that minute; one print far off and back again decides nothing."""
    view, cap = case.view, case.limits.guards.index_jump_sigmas
    quote = view.market.level("SPX")
    level = None if quote is None or quote.epoch != view.market.epoch else quote.level
    since = view.now - timedelta(seconds=max(_MINUTE_S, case.limits.index_age_s))
    rows = [row for row in view.watch.levels if row.at >= since]
    if level is None or not math.isfinite(level) or level <= 0.0 or not rows:
        return unknown(cap, "sigmas", "SPX of the last minute is unknown")
    recent = [row for row in rows if (view.now - row.at).total_seconds() <= _MINUTE_S] or rows[-1:]
    sigma = 0.01 * rows[-1].vix / math.sqrt(_MINUTES_PER_YEAR)
    worst = 0.0
    for row in recent:
        minutes = max(1.0, (view.now - row.at).total_seconds() / _MINUTE_S)
        worst = max(worst, abs(math.log(level / row.spx)) / (sigma * math.sqrt(minutes)))
    text = f"SPX at {level:g} is {worst:.1f} deviations of a minute from its levels of the last one, allowed {cap:g}"
    return finding(worst <= cap, round(worst, 2), cap, "sigmas", text)


def forward(case: Case) -> Finding:
    """C15: the forward that the legs' expiry is quoted with belongs to the SPX level that everything is judged by."""
    market, cap = case.view.market, case.limits.guards.forward_gap_pct
    quote = market.level("SPX")
    level = None if quote is None or quote.epoch != market.epoch else quote.level
    if level is None or not math.isfinite(level) or level <= 0.0:
        return unknown(cap, "%", "SPX has no level on this connection")
    worst = 0.0
    for leg, option in case.legs:
        mark = case.view.marks.get(leg.con_id)
        if mark is None or not math.isfinite(mark.forward_points):
            return unknown(cap, "%", f"{describe(option)} has no forward to compare with SPX")
        gap = 100.0 * abs(mark.forward_points / level - 1.0)
        if gap > cap + _CARRY_PCT_PER_YEAR * max(0.0, mark.tau_years):
            text = f"{describe(option)} is quoted for a forward of {mark.forward_points:.2f}, SPX is {level:g}"
            return finding(False, round(gap, 3), cap, "%", f"{text}: one of the two is not real")
        worst = max(worst, gap)
    return finding(True, round(worst, 3), cap, "%", f"the legs' forwards are within {worst:.2f} % of SPX")


def believed(case: Case) -> Finding:
    """C15: many orders refused for their quotes within a minute say something about the data, not about the orders."""
    cap = case.limits.guards.refused_quotes_per_min
    since = case.view.now - timedelta(seconds=_MINUTE_S)
    seen = sum(at > since for at in case.view.watch.refused_quotes)
    text = f"{seen} orders were refused for their quotes within a minute, fewer than {cap} allowed"
    return finding(seen < cap, seen, cap, "refusals per minute", text)


def shown_size(case: Case) -> Finding:
    """C55: the order is small against the smallest size shown at the touches it would trade on."""
    cap, wanted = case.limits.guards.shown_size_pct, case.intent.quantity
    least: float | None = None
    for leg, option in case.legs:
        quote = case.quotes[leg.con_id]
        size = None if quote is None else quote.ask_size if leg.action is Action.BUY else quote.bid_size
        if size is None:
            return unknown(cap, "% of shown", f"{describe(option)} shows no size on the side to trade on")
        units = size / leg.ratio
        least = units if least is None else min(least, units)
    shown = least or 0.0
    allowed = max(0.01 * cap * shown, 1.0 if shown >= 1.0 else 0.0)
    text = f"{wanted} units wanted where {shown:g} are shown, allowed {allowed:g}"
    observed = round(100.0 * wanted / shown, 1) if shown else None
    return finding(wanted <= allowed, observed, cap, "% of shown", text)


def model(case: Case) -> Finding:
    """C52: our vega of each leg agrees with the one of the broker's model, where that was told with the what-if."""
    cap, worst, compared = case.limits.guards.model_vega_pct, 0.0, 0
    for leg, option in case.legs:
        theirs, mark = case.view.models.get(leg.con_id), case.view.marks.get(leg.con_id)
        if theirs is None or not isinstance(option, Option):
            continue
        ours = None if mark is None else vega(
            mark.forward_points, option.strike, mark.iv, mark.tau_years, mark.discount
        )  # fmt: skip
        if ours is None or not theirs.vega_points > 0.0:
            return unknown(cap, "% of vega", f"the vega of {describe(option)} cannot be compared with the broker's")
        apart = 100.0 * abs(ours - theirs.vega_points) / theirs.vega_points
        if not apart <= cap:
            text = f"{describe(option)}: our vega is {ours:.3f} points, the broker's {theirs.vega_points:.3f}"
            return finding(False, round(apart, 1), cap, "% of vega", text)
        worst, compared = max(worst, apart), compared + 1
    text = f"vega of {compared} legs agrees with the broker's within {worst:.1f} %"
    return finding(True, round(worst, 1) if compared else None, cap, "% of vega",
                   text if compared else "the broker told no model of the legs")  # fmt: skip


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
