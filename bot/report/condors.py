"""Each condor as a reader wants it: what it can still win and lose, where it stands, and what would end it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

import numpy as np

from bot.report.attribution import YEAR_MIN, grid, track
from bot.report.books import ENDED, Books
from bot.report.facts import CondorFacts, Json, SessionFacts, Trade
from strategies.domain.instruments import Option
from strategies.domain.session import session_date
from strategies.pricing import black76
from strategies.pricing.implied import IvStatus, implied_vol
from strategies.pricing.payoff import break_evens, expiry_value

_POINTS = 121
"""Index levels at which the payoff is drawn."""


def alive_in(condor: CondorFacts, days: Sequence[str]) -> bool:
    """Whether the condor existed in the sessions asked for."""
    if not condor.states:
        return False
    first = session_date(datetime.fromisoformat(condor.states[0]["at"]))
    ended = condor.states[-1]["state"] in ENDED
    last = session_date(datetime.fromisoformat(condor.states[-1]["at"])) if ended else "9999"
    return first <= days[-1] and last >= days[0]


def condor_row(condor: CondorFacts, worths: dict[int, float]) -> Json:
    """What a condor sold for, what it brought so far, and its life."""
    units = condor.entry_units
    credit = condor.entry_cash_usd / (units * condor.multiplier) if units else None
    max_loss = (
        (condor.width_points - credit) * condor.multiplier * units
        if credit is not None and condor.width_points is not None
        else None
    )
    return {
        "id": condor.id,
        "expiry": condor.expiry,
        "legs": list(condor.legs.values()),
        "quantity": units,
        "credit_points": _rounded(credit, 4),
        "max_loss_usd": _rounded(max_loss, 2),
        "state": condor.states[-1]["state"],
        "states": condor.states,
        "exit_rule": condor.exit_rule,
        "commission_usd": _rounded(condor.commission_usd, 2),
        "pnl_usd": _rounded(_pnl(condor, worths), 2),
        "open_contracts": {str(k): v for k, v in condor.held.items() if v},
    }


def _pnl(condor: CondorFacts, worths: dict[int, float]) -> float | None:
    """Cash so far plus what is open at the last worths, less commissions; None when an open leg has none."""
    value = condor.cash_usd - condor.commission_usd
    for con_id, quantity in condor.held.items():
        if quantity == 0:
            continue
        mark = worths.get(con_id)
        if mark is None:
            return None
        value += quantity * mark * condor.multiplier
    return value


# the standing of one condor in one session ----------------------------------------------------------
class _Legs(NamedTuple):
    options: list[Option]
    quantity: list[int]
    cash_usd: float
    """Everything it brought so far, commissions taken off."""


def standing(
    condor: CondorFacts, session: SessionFacts, books: Books, trades: Sequence[Trade], spx: int | None
) -> Json | None:
    """Payoff and distances at the end of the session; None for a condor that never held anything in it."""
    mine = [t for t in trades if t.holder == condor.id and session_date(t.at) <= session.day]
    legs = _legs(mine, session, books)
    if legs is None:
        return None
    closed = not any(_held(mine).values())
    spot = None if spx is None else session.marks.at(spx, 2**40)
    chart = None if spot is None else _payoff(legs, session, spot)
    pnl = _track(mine, session)
    return {
        "id": condor.id,
        "closed": closed,
        "spot_points": _rounded(spot, 2),
        "strikes_points": sorted({o.strike for o in legs.options}),
        "short_strikes_points": sorted(o.strike for o, q in zip(legs.options, legs.quantity, strict=True) if q < 0),
        "expiry": legs.options[0].expiry.isoformat(),
        "days_left": (legs.options[0].expiry - date.fromisoformat(session.day)).days,
        "payoff": chart,
        "pnl_end_usd": pnl["end"],
        "pnl_high": pnl["high"],
        "pnl_low": pnl["low"],
        "rules": _exit_rules(condor.id, session),
        "states": [s for s in condor.states if session_date(datetime.fromisoformat(s["at"])) <= session.day],
    }


def _held(mine: Sequence[Trade]) -> dict[int, int]:
    held: dict[int, int] = {}
    for trade in mine:
        held[trade.con_id] = held.get(trade.con_id, 0) + trade.quantity
    return held


def _legs(mine: Sequence[Trade], session: SessionFacts, books: Books) -> _Legs | None:
    """What is held now, or, of one that was closed in this session, what it held before its last exit."""
    held = {con_id: q for con_id, q in _held(mine).items() if q}
    used = list(mine)
    if not held:
        if not any(session_date(t.at) == session.day for t in mine):
            return None
        used = _before_the_end(mine)
        held = {con_id: q for con_id, q in _held(used).items() if q}
    options = {con_id: o for con_id in held if isinstance(o := books.instruments.get(con_id), Option)}
    if not held or len(options) != len(held):
        return None
    cash = sum(t.cash_usd - t.commission_usd for t in used)
    return _Legs([options[c] for c in held], [held[c] for c in held], cash)


def _before_the_end(mine: Sequence[Trade]) -> list[Trade]:
    """The trades up to where the position was largest for the last time."""
    sizes: list[int] = []
    held: dict[int, int] = {}
    for trade in mine:
        held[trade.con_id] = held.get(trade.con_id, 0) + trade.quantity
        sizes.append(sum(abs(q) for q in held.values()))
    top = max(sizes)
    last = max(i for i, size in enumerate(sizes) if size == top)
    return list(mine[: last + 1])


def _payoff(legs: _Legs, session: SessionFacts, spot: float) -> Json:
    """Dollars over index levels at expiry and at the end of the session; break-evens against the expected move."""
    strikes = [o.strike for o in legs.options]
    calls = [o.is_call for o in legs.options]
    multiplier = legs.options[0].multiplier
    span = max(strikes) - min(strikes)
    low, high = min(*strikes, spot) - 0.12 * span, max(*strikes, spot) + 0.12 * span
    levels = np.unique(np.concatenate((np.linspace(low, high, _POINTS), strikes)))
    at_expiry = expiry_value(levels, strikes, calls, legs.quantity, multiplier) + legs.cash_usd
    today, move = _now(legs, session, spot, levels)
    edges = break_evens(strikes, calls, legs.quantity, legs.cash_usd / multiplier)
    return {
        "levels_points": [round(float(v), 2) for v in levels],
        "expiry_usd": [round(float(v), 2) for v in at_expiry],
        "now_usd": today,
        "expected_move_points": _rounded(move, 2),
        "break_evens": [
            {
                "points": round(edge, 2),
                "distance_points": round(edge - spot, 2),
                "distance_pct": round(100.0 * (edge - spot) / spot, 2),
                "distance_moves": None if not move else round((edge - spot) / move, 2),
            }
            for edge in edges
        ],
        "max_profit_usd": round(float(at_expiry.max()), 2),
        "max_loss_usd": round(float(at_expiry.min()), 2),
    }


def _now(
    legs: _Legs, session: SessionFacts, spot: float, levels: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> tuple[list[float] | None, float | None]:
    """The value curve before expiry with each leg's volatility kept, and one expected move at the money."""
    times = grid(session)
    if times is None:
        return None, None
    minute = int(times.minutes[-1])
    total = np.full(len(levels), legs.cash_usd)
    vols: list[tuple[float, float]] = []
    tau = 0.0
    for option, quantity in zip(legs.options, legs.quantity, strict=True):
        mark = session.marks.at(option.con_id, minute)
        tau = (option.last_trade_at.timestamp() / 60.0 - minute) / YEAR_MIN
        if mark is None or tau <= 0.0:
            return None, None
        solved = implied_vol(mark, spot, option.strike, tau, option.is_call)
        if int(solved.status) != IvStatus.OK:
            return None, None
        sigma = float(solved.sigma)
        total += quantity * option.multiplier * black76.price(levels, option.strike, sigma, tau, option.is_call)
        if quantity < 0:
            vols.append((option.strike, sigma))
    vols.sort()
    if not vols:
        return [round(float(v), 2) for v in total], None
    at_money = float(np.interp(spot, [k for k, _ in vols], [v for _, v in vols]))
    return [round(float(v), 2) for v in total], spot * at_money * math.sqrt(tau)


def _track(mine: Sequence[Trade], session: SessionFacts) -> Json:
    """Profit and loss since it was sold, at the end of the session and at its best and worst minute of it."""
    times = grid(session)
    nothing: Json = {"end": None, "high": None, "low": None}
    if times is None or not mine:
        return nothing
    minutes = times.minutes
    total = np.zeros(len(minutes))
    for con_id in dict.fromkeys(t.con_id for t in mine):
        marks = track(session, con_id, times)
        held = np.zeros(len(minutes))
        for trade in (t for t in mine if t.con_id == con_id):
            start = int(np.searchsorted(minutes, trade.at.timestamp() // 60, side="left"))
            held[start:] += trade.quantity
            total[start:] += trade.cash_usd - trade.commission_usd
        total += np.where(held != 0, held * marks * mine[0].multiplier, 0.0)
    total = np.round(total, 2)  # in whole cents: the first of equal minutes is the best, however legs are ordered
    begun = minutes >= mine[0].at.timestamp() // 60
    begun &= np.isfinite(total)
    if times.overnight:
        begun[0] = False  # the close before is another session's
    if not begun.any():
        return nothing
    where = np.flatnonzero(begun)
    cents = np.round(total[where], 2)  # the first minute of equal ones, whatever order the legs were added in
    best, worst = where[np.argmax(cents)], where[np.argmin(cents)]

    def told(i: int) -> Json:
        at = datetime.fromtimestamp(int(minutes[i]) * 60, UTC)
        return {"usd": round(float(total[i]), 2), "at": at.isoformat()}

    end = float(total[-1])
    return {
        "end": None if math.isnan(end) else round(end, 2),
        "high": told(int(best)),
        "low": told(int(worst)),
    }


def _exit_rules(condor_id: str, session: SessionFacts) -> list[Json]:
    """The last word of each rule that may end or change it, with its numbers."""
    last: dict[str, Json] = {}
    for decision in session.decisions:
        if decision["subject"] == condor_id and decision["rule"].startswith(("C-EXIT", "P-BE")):
            last[decision["rule"]] = decision
    keys = ("at", "rule", "verdict", "text", "inputs", "thresholds", "near")
    return [{key: row.get(key) for key in keys} for _, row in sorted(last.items())]


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
