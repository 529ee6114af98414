"""What the twins say about the hedge: profit, worst fall, break-evens, carry, days of stress, weeks of rally (J-KPI).

The published claims about the method are compared with what was measured and nothing else: they are no results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.twins.arithmetic import (
    Floats,
    Tape,
    cut_pct,
    equal_fall_scale,
    gain_over_loss_pct,
    lowest,
    positions,
    profit,
    steps,
    worst_fall,
)
from bot.twins.carried import HORIZONS_DAYS, Carried, Part, tape_of, trades_of
from bot.twins.coupled import Edges
from bot.twins.record import Record

Flags = NDArray[np.bool_]
COST_LEVELS: tuple[tuple[str, float], ...] = (("mid", 0.0), ("40 % of half-spread", 0.4), ("full half-spread", 1.0))
STRESS_VIX_POINTS = 3.0
RALLY_PCT = 1.5
"""A week in which SPX gained at least this much is a rally week."""
BOOKS: dict[str, tuple[Part, ...]] = {
    "unhedged": (Part.CONDORS,),
    "alvh": (Part.CONDORS, Part.ALVH),
    "static": (Part.CONDORS, Part.STATIC),
}
HEDGE_OF = {"alvh": Part.ALVH, "static": Part.STATIC}
CLAIMS = {"drawdown_cut_pct": (35.0, 55.0), "break_even_bp": (40.0, 60.0)}
"""What the method's sources claim (S1-13, S2-12): tested here, never a result."""


class Costed(msgspec.Struct, frozen=True):
    """The books at one level of costs: dollars by book, percent by hedged book. `worst_fall_usd` is from a peak, a gain
    given back included; `open_fall_usd` and `open_cut_pct` are the same over the days on which a condor was open, the
    others left out; `lowest_usd` is against the beginning. `hedge_idle_usd` is what the hedge made on days without a
    condor, which `stress_gain_pct` leaves out as well. `smaller_*` is the unhedged book at the
    size at which its worst fall equals the layered one's."""

    level: str
    half_spread_share: float
    profit_usd: dict[str, float]
    worst_fall_usd: dict[str, float]
    open_fall_usd: dict[str, float]
    lowest_usd: dict[str, float]
    cut_pct: dict[str, float | None]
    open_cut_pct: dict[str, float | None]
    smaller_scale: float | None
    smaller_profit_usd: float | None
    hedge_usd: dict[str, float]
    hedge_idle_usd: dict[str, float]
    rally_usd: dict[str, float]
    stress_gain_pct: dict[str, float | None]


class Shift(msgspec.Struct, frozen=True):
    """By how many basis points of SPX a hedge moves the break-evens outward (below zero: inward), median over closes at
    which both exist; the same over the closes of days on which a condor was sold (`sale_*`), the structure being fresh
    then; how many those are, of how many closes with condors open; closes at which the unhedged book loses
    even unmoved, and those at which the hedged one does; closes at which the hedged book has no break-even within
    the moves looked at where the unhedged has one."""

    horizon_days: int
    down_bp: float | None
    sale_down_bp: float | None
    down_closes: int
    up_bp: float | None
    sale_up_bp: float | None
    up_closes: int
    closes: int
    unhedged_loses: int
    hedged_loses: int
    down_gone: int
    up_gone: int


class Comparison(msgspec.Struct, frozen=True):
    """Everything the twins say. Dollars unless the name says otherwise; None where it cannot be told."""

    first: date
    last: date
    sessions: int
    trades: dict[str, int]
    contracts: dict[str, int]
    costs: tuple[Costed, ...]
    as_filled_usd: dict[str, float]
    account_change_usd: float | None
    funds_usd: float | None
    carry_usd_per_year: dict[str, float | None]
    carry_pct_of_theta: dict[str, float | None]
    break_even: dict[str, tuple[Shift, ...]]
    stress_days: tuple[date, ...]
    rally_weeks: tuple[str, ...]
    unknown_moments: dict[str, int]
    matched_pct: float
    strange_fills: int


def compare(record: Record, carried: Carried) -> Comparison:
    """The whole comparison of one run."""
    tape, column = tape_of(carried)
    closes = np.array([mark.close for mark in carried.marks])
    days = [mark.at.date() for mark in carried.marks if mark.close]
    stress = np.diff(np.array([mark.vix for mark in carried.marks if mark.close]), prepend=carried.vix_before)
    stressed = np.round(stress, 6) >= STRESS_VIX_POINTS
    weeks, rally = _rallies(days, np.array([mark.spx for mark in carried.marks if mark.close]), carried.spx_before)
    lines = {
        name: profit(trades_of(carried, parts, column, as_filled=True), tape, 0.0) for name, parts in BOOKS.items()
    }
    parts = {name: trades_of(carried, (part,), column) for name, part in {"condors": Part.CONDORS, **HEDGE_OF}.items()}
    return Comparison(
        first=days[0],
        last=days[-1],
        sessions=len(days),
        trades={name: len(one.at_s) for name, one in parts.items()},
        contracts={name: int(np.abs(positions(one, tape)).sum(axis=1).max(initial=0.0)) for name, one in parts.items()},
        costs=tuple(_costed(carried, tape, column, closes, stressed, rally, level) for level in COST_LEVELS),
        as_filled_usd={name: _round(line[-1]) for name, line in lines.items() if name != "static"},
        account_change_usd=None if record.account_change_usd is None else _round(record.account_change_usd),
        funds_usd=record.funds_usd,
        carry_usd_per_year={name: _per_year(carried.carry_usd[part]) for name, part in HEDGE_OF.items()},
        carry_pct_of_theta={
            name: _share_of_theta(carried.carry_usd[part], carried.theta_usd) for name, part in HEDGE_OF.items()
        },
        break_even={name: tuple(_shift(carried, part, h) for h in HORIZONS_DAYS) for name, part in HEDGE_OF.items()},
        stress_days=tuple(day for day, one in zip(days, stressed, strict=True) if one),
        rally_weeks=weeks,
        unknown_moments={name: int((~np.isfinite(line)).sum()) for name, line in lines.items()},
        matched_pct=round(100.0 * carried.matched, 2),
        strange_fills=record.strange,
    )


def _costed(
    carried: Carried,
    tape: Tape,
    column: Mapping[int, int],
    closes: Flags,
    stressed: Flags,
    rally: Flags,
    level: tuple[str, float],
) -> Costed:
    name, share = level
    lines = {book: profit(trades_of(carried, parts, dict(column)), tape, share) for book, parts in BOOKS.items()}
    daily = {book: steps(line[closes]) for book, line in lines.items()}
    falls = {book: worst_fall(line) for book, line in lines.items()}
    scale = equal_fall_scale(falls["alvh"], falls["unhedged"])
    profits = {book: float(line[-1]) for book, line in lines.items()}
    hedges = {book: daily[book] - daily["unhedged"] for book in HEDGE_OF}
    idle = ~_with_condors(carried, tape, column)
    lived = np.repeat(~idle, np.diff(np.flatnonzero(np.concatenate(([True], closes)))))
    fallen = {book: worst_fall(np.cumsum(np.where(lived, steps(line), 0.0))) for book, line in lines.items()}
    gains = {book: gain_over_loss_pct(hedge, daily["unhedged"], stressed & ~idle) for book, hedge in hedges.items()}
    return Costed(
        level=name,
        half_spread_share=share,
        profit_usd={book: _round(one) for book, one in profits.items()},
        worst_fall_usd={book: _round(one) for book, one in falls.items()},
        open_fall_usd={book: _round(one) for book, one in fallen.items()},
        lowest_usd={book: _round(lowest(line)) for book, line in lines.items()},
        cut_pct={book: _maybe(cut_pct(falls[book], falls["unhedged"]), 1) for book in HEDGE_OF},
        open_cut_pct={book: _maybe(cut_pct(fallen[book], fallen["unhedged"]), 1) for book in HEDGE_OF},
        smaller_scale=_maybe(scale, 3),
        smaller_profit_usd=None if scale is None else _round(scale * profits["unhedged"]),
        hedge_usd={book: _round(profits[book] - profits["unhedged"]) for book in HEDGE_OF},
        hedge_idle_usd={book: _round(float(hedge[idle].sum())) for book, hedge in hedges.items()},
        rally_usd={book: _round(float(one[rally].sum())) for book, one in daily.items()},
        stress_gain_pct={book: _maybe(one, 1) for book, one in gains.items()},
    )


def _with_condors(carried: Carried, tape: Tape, column: Mapping[int, int]) -> Flags:
    """Which sessions had a condor open: at one of their valuations, or traded."""
    held = np.abs(positions(trades_of(carried, (Part.CONDORS,), dict(column)), tape)).sum(axis=1) > 0
    traded = {row.at.date() for row in carried.rows if row.part is Part.CONDORS}
    days: dict[date, bool] = {}
    for mark, one in zip(carried.marks, held.tolist(), strict=True):
        day = mark.at.date()
        days[day] = days.get(day, day in traded) or one
    return np.array(list(days.values()))


def _rallies(days: Sequence[date], closes: Floats, before: float) -> tuple[tuple[str, ...], Flags]:
    """Weeks (ISO) in which SPX gained enough, and which days lie in them."""
    names = [f"{day.isocalendar().year}-W{day.isocalendar().week:02d}" for day in days]
    last_of = dict(zip(names, closes.tolist(), strict=True))
    found, start = [], before
    for name, close in last_of.items():
        if 100.0 * (close / start - 1.0) >= RALLY_PCT:
            found.append(name)
        start = close
    return tuple(found), np.array([name in found for name in names])


def _per_year(carry_usd: Sequence[float]) -> float | None:
    """Dollars a year at the mean pace of the closes that are known."""
    known = [one for one in carry_usd if np.isfinite(one)]
    return _round(365.0 * sum(known) / len(known)) if known else None


def _share_of_theta(carry_usd: Sequence[float], theta_usd: Sequence[float]) -> float | None:
    """What carrying the hedge takes of what time earns the condors, percent, over the closes with condors open."""
    rows = [(c, t) for c, t in zip(carry_usd, theta_usd, strict=True) if np.isfinite(c) and np.isfinite(t) and t > 0.0]
    earned = sum(t for _, t in rows)
    return round(-100.0 * sum(c for c, _ in rows) / earned, 1) if earned > 0.0 else None


def _shift(carried: Carried, part: Part, horizon: int) -> Shift:
    told = [
        (one.sale, one.edges[Part.CONDORS, horizon], one.edges[part, horizon])
        for one in carried.standings
        if (Part.CONDORS, horizon) in one.edges and (part, horizon) in one.edges
    ]
    pairs = [(alone, hedged) for _, alone, hedged in told]
    fresh = [(alone, hedged) for sale, alone, hedged in told if sale]
    down, up = _down_bp(pairs), _up_bp(pairs)
    return Shift(
        horizon_days=horizon,
        down_bp=_median(down),
        sale_down_bp=_median(_down_bp(fresh)),
        down_closes=len(down),
        up_bp=_median(up),
        sale_up_bp=_median(_up_bp(fresh)),
        up_closes=len(up),
        closes=len(carried.standings),
        unhedged_loses=sum(a.loses_now for a, _ in pairs),
        hedged_loses=sum(h.loses_now for _, h in pairs),
        down_gone=sum(_gone(a.down_pct, h.down_pct, h) for a, h in pairs),
        up_gone=sum(_gone(a.up_pct, h.up_pct, h) for a, h in pairs),
    )


def _down_bp(pairs: Sequence[tuple[Edges, Edges]]) -> list[float]:
    return [100.0 * (a.down_pct - h.down_pct) for a, h in pairs if a.down_pct is not None and h.down_pct is not None]


def _up_bp(pairs: Sequence[tuple[Edges, Edges]]) -> list[float]:
    return [100.0 * (h.up_pct - a.up_pct) for a, h in pairs if a.up_pct is not None and h.up_pct is not None]


def _gone(alone: float | None, hedged: float | None, edge: Edges) -> bool:
    return alone is not None and hedged is None and not edge.loses_now


def _median(values: Sequence[float]) -> float | None:
    return round(float(np.median(values)), 1) if values else None


def _round(value: float) -> float:
    return round(float(value), 2)


def _maybe(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
