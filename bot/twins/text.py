"""The comparison of the twins on a terminal."""

from __future__ import annotations

import math

from bot.twins.compare import CLAIMS, RALLY_PCT, Comparison, Costed, Shift

COLUMNS = (("unhedged", "unhedged"), ("with ALVH", "alvh"), ("static 4/4/2", "static"))
HEDGES = (("with ALVH", "alvh"), ("static 4/4/2", "static"))


def render(told: Comparison) -> str:
    """The whole comparison as text of at most about 100 columns."""
    parts = [
        _head(told),
        *(_costed(one) for one in told.costs),
        _around(told),
        _break_evens(told),
        _claims(told),
        "Simulated fills and, before October 2018, a calibrated surface: no backtest of an edge. docs/twins.md",
    ]
    return "\n\n".join(parts) + "\n"


def _head(told: Comparison) -> str:
    names = (("condors", "condors"), ("alvh", "ALVH"), ("static", "static hedge"))
    lines = [
        f"The same condors from {told.first} to {told.last} ({told.sessions} sessions), carried four ways",
        *(f"  {word:<13}{told.trades[key]:>5} trades of legs, at most {told.contracts[key]} contracts held"
          for key, word in names),
    ]  # fmt: skip
    filled = told.as_filled_usd["alvh"]
    account = "not told" if told.account_change_usd is None else f"{told.account_change_usd:+,.0f}"
    lines.append(f"  at its own fill prices the run made {filled:+,.0f}; its account changed by {account}")
    lines.append(f"  {told.matched_pct:.0f} % of its fills lie within the quotes of this world")
    if told.strange_fills:
        lines.append(f"  {told.strange_fills} executions are of no order of the run and are left out")
    unknown = max(told.unknown_moments.values())
    if unknown:
        lines.append(f"  at {unknown} moments a book could not be valued; they are left out")
    return "\n".join(lines)


def _costed(one: Costed) -> str:
    head = f"Costs: {one.level}".ljust(38) + "".join(f"{word:>14}" for word, _ in COLUMNS) + f"{'smaller':>14}"
    scale = "-" if one.smaller_scale is None else f"x {one.smaller_scale:.2f}"
    unhedged_fall = one.worst_fall_usd["unhedged"]
    small_fall = None if one.smaller_scale is None else one.smaller_scale * unhedged_fall
    small_rally = None if one.smaller_scale is None else one.smaller_scale * one.rally_usd["unhedged"]
    rows = [
        ("size of the condors", ["1", "1", "1", scale]),
        ("profit and loss", [*_dollars(one.profit_usd), _usd(one.smaller_profit_usd)]),
        ("  of which the hedge", ["-", *(_usd(one.hedge_usd[key]) for _, key in HEDGES), "-"]),
        ("  on days without a condor", ["-", *(_usd(one.hedge_idle_usd[key]) for _, key in HEDGES), "-"]),
        ("worst fall from a peak", [*_dollars(one.worst_fall_usd), _usd(small_fall)]),
        ("  less than unhedged", ["-", *(_pct(one.cut_pct[key]) for _, key in HEDGES), "-"]),
        ("worst fall on days with a condor", [*_dollars(one.open_fall_usd), "-"]),
        ("  less than unhedged", ["-", *(_pct(one.open_cut_pct[key]) for _, key in HEDGES), "-"]),
        ("lowest point below the start", [*_dollars(one.lowest_usd), "-"]),
        ("hedge gain over condor loss, VIX +3", ["-", *(_pct(one.stress_gain_pct[key]) for _, key in HEDGES), "-"]),
        ("profit and loss of rally weeks", [*_dollars(one.rally_usd), _usd(small_rally)]),
    ]
    return "\n".join([head, *(f"  {word:<36}" + "".join(f"{cell:>14}" for cell in cells) for word, cells in rows)])


def _dollars(values: dict[str, float]) -> list[str]:
    return [_usd(values[key]) for _, key in COLUMNS]


def _around(told: Comparison) -> str:
    stress = ", ".join(day.isoformat() for day in told.stress_days) or "none"
    weeks = ", ".join(told.rally_weeks) or "none"
    lines = [f"Days on which VIX rose 3 points or more: {stress}", f"Weeks in which SPX gained {RALLY_PCT} %: {weeks}"]
    for word, key in HEDGES:
        year, share = told.carry_usd_per_year[key], told.carry_pct_of_theta[key]
        if year is None:
            lines.append(f"Carry {word}: not known")
            continue
        of_funds = "" if not told.funds_usd else f", {100.0 * year / told.funds_usd:+.2f} % of the account"
        of_theta = "" if share is None else f"; it takes {share:.0f} % of the condors' theta"
        lines.append(f"Carry {word}: {year:+,.0f} dollars a year at the pace of its closes{of_funds}{of_theta}")
    return "\n".join(lines)


def _break_evens(told: Comparison) -> str:
    lines = [
        "Break-evens of what is open, moved outward by the hedge: basis points of SPX, median over closes",
        "(in brackets: over closes of days on which a condor was sold)",
    ]
    for word, key in HEDGES:
        lines += [_shift(word, one) for one in told.break_even[key]]
    return "\n".join(lines)


def _shift(word: str, one: Shift) -> str:
    notes = []
    if one.down_gone or one.up_gone:
        notes.append(f"none left within 12 % at {one.down_gone} closes below and {one.up_gone} above")
    if one.unhedged_loses or one.hedged_loses:
        notes.append(f"loses unmoved at {one.unhedged_loses} closes unhedged, {one.hedged_loses} hedged")
    tail = "".join(f"\n{'':16}{note}" for note in notes)
    return (
        f"  {word:<13} in {one.horizon_days:>2} days  put side {_bp(one.down_bp)} ({_bp(one.sale_down_bp)})  "
        f"call side {_bp(one.up_bp)} ({_bp(one.sale_up_bp)})  "
        f"{one.down_closes} and {one.up_closes} of {one.closes} closes{tail}"
    )


def _claims(told: Comparison) -> str:
    """What the sources claim against what was measured here; the claim itself is never a figure of this run."""
    cut_low, cut_high = CLAIMS["drawdown_cut_pct"]
    bp_low, bp_high = CLAIMS["break_even_bp"]
    cut, with_condor = told.costs[1].cut_pct["alvh"], told.costs[1].open_cut_pct["alvh"]
    put = told.break_even["alvh"][0].sale_down_bp
    return "\n".join(
        [
            "Claims of the method's sources, tested on this run",
            f"  S1-13, worst fall {cut_low:.0f} to {cut_high:.0f} % smaller at 40 % of the half-spread:",
            f"    measured {_pct(cut)}: {_verdict(cut, cut_low, cut_high)}; on days with a condor {_pct(with_condor)}: "
            f"{_verdict(with_condor, cut_low, cut_high)}",
            f"  S2-12, break-evens {bp_low:.0f} to {bp_high:.0f} basis points better, put side, 5 days after a sale:",
            f"    measured {_bp(put)}: {_verdict(put, bp_low, bp_high)}",
        ]
    )


def _verdict(measured: float | None, low: float, high: float) -> str:
    if measured is None:
        return "cannot be told"
    return "not reached" if measured < low else "exceeded" if measured > high else "within"


def _usd(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if math.isfinite(value) else "unknown"


def _pct(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} %"


def _bp(value: float | None) -> str:
    return "-" if value is None else f"{value:+.0f}"
