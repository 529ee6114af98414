"""The account of the method on a terminal."""

from __future__ import annotations

import textwrap
from datetime import datetime

from bot.method.band import BandShare, Excursion
from bot.method.build import Adjustment, Day, Method
from bot.method.response import Answer, DeepDay
from strategies.domain.session import NEW_YORK

WIDTH = 118
NAMES = {"deep_backwardation": "deep", "backwardation": "inverted"}


def render(told: Method) -> str:
    """The whole account as text."""
    parts = [_days(told), _adjustments(told), _band(told.band), _answers(told), _slot4(told)]
    return "\n\n".join(parts) + "\n"


def _days(told: Method) -> str:
    lines = ["Regime and tier by session (percent of the session's looks; net vega normalised, first and last)"]
    lines.append(f"  {'session':<12}{'tier':<10}{'front-second':>13}{'net vega':>18}{'done':>6}{'not':>5}  regime")
    for one in told.days:
        lines.append(_day(one))
    return "\n".join(lines)


def _day(one: Day) -> str:
    tiers = ">".join(str(tier) for tier in one.tiers) or "-"
    net = f"{_f(one.net_first_n, 2)} to {_f(one.net_last_n, 2)}" if one.net_first_n is not None else "-"
    regimes = ", ".join(f"{NAMES.get(name, name)} {pct:.0f}" for name, pct in one.regimes_pct.items())
    return (
        f"  {one.day:<12}{tiers:<10}{_f(one.highest_b12_points, 2):>13}{net:>18}{one.adjustments:>6}{one.unfilled:>5}"
        f"  {regimes or 'no look'}"
    )


def _adjustments(told: Method) -> str:
    if not told.adjustments:
        return "No adjustment was made."
    lines = ["Adjustments (one row per walk of orders; contracts filled over all legs; dollars received)"]
    for one in told.adjustments:
        lines.append(_adjustment(one))
    return "\n".join(lines)


def _adjustment(one: Adjustment) -> str:
    filled = f"{one.filled_contracts} filled {_clock(one.filled_at)[11:]}" if one.filled_at else "not filled"
    return (
        f"  {_clock(one.at)}  {one.who:<16}{one.rule:<11}{filled:<18}{one.cash_usd:>10,.0f}  "
        f"{textwrap.shorten(one.text or one.purpose, 50, placeholder='...')}"
    )


def _band(band: BandShare) -> str:
    if not band.samples:
        return "Net vega and its band: no look with a condor open."
    lines = [
        f"Net vega inside its band: {_pct(band.pct)} of {band.samples} looks with a condor open"
        f" ({band.samples - band.inside} outside, {band.unknown} of them because it was not known)",
        f"  where the band outranks the budgets (all but calm): {_pct(band.required_pct)} of {band.required}",
    ]
    for one in band.excursions:
        lines += _excursion(one)
    return "\n".join(lines)


def _excursion(one: Excursion) -> list[str]:
    span = f"{_clock(one.first_at)} to {_clock(one.last_at)[11:]}"
    what = "not known" if one.farthest_n is None else f"{one.side}, {_f(one.farthest_n, 3)} against {_f(one.edge_n, 3)}"
    head = f"  {span}  {one.samples} looks, {what}{'' if one.required else ' (calm: not required)'}"
    return [
        head,
        *(textwrap.fill(text, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 8) for text in one.because),
    ]


def _answers(told: Method) -> str:
    lines = ["Answers to an inversion: from the confirmed trigger to the working order (J-SLO-1)"]
    for slo in told.slo:
        if slo.triggers:
            lines.append(
                f"  {slo.rule}: {slo.same_session} of {slo.triggers} in the same session; median {_s(slo.median_s)}, "
                f"worst {_s(slo.worst_s)}"
            )
        else:
            lines.append(f"  {slo.rule}: no trigger")
    lines += [_answer(one) for one in told.answers]
    return "\n".join(lines)


def _answer(one: Answer) -> str:
    came = f"working {_clock(one.working_at)[11:]}" if one.working_at else f"no order: {one.why}"
    filled = f", filled {_clock(one.filled_at)[11:]}" if one.filled_at else ""
    return f"    {_clock(one.confirmed_at)}  {one.rule}  {came}{filled}"


def _slot4(told: Method) -> str:
    if not told.slot4:
        return "Slot 4: the front never stood more than 1.5 points over the second."
    wrong = [one for one in told.slot4 if not one.right]
    verdict = "as the rule asks on every session" if not wrong else f"NOT as the rule asks on {len(wrong)}"
    lines = [f"Slot 4 on sessions with the front over 1.5 points above the second: {verdict}"]
    lines += [_deep(one) for one in told.slot4]
    return "\n".join(lines)


def _deep(one: DeepDay) -> str:
    deep = "officially deep" if one.deep else "not deep"
    return (
        f"  {one.day}  highest {one.highest_points:>7.3f}  above 3.000 for {one.longest_min:>5.0f} min  {deep:<16}"
        f"{'' if one.right else 'WRONG: '}{one.slot4}"
    )


def _clock(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(NEW_YORK):%Y-%m-%d %H:%M:%S}"


def _f(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _pct(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} %"


def _s(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} s"
