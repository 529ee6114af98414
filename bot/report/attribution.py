"""Why the book's worth changed: by greek, minute by minute, with what the greeks do not explain as a line of its own.

Method
- Every contract held is marked at each minute of the session and at the end of the session before. Over each interval
  a second-order expansion is made with the greeks at its start: delta and gamma on the contract's own forward, vega on
  the change of its own implied volatility, theta on calendar time. The rest is the residual.
- An index option's forward is the index itself: the carry to expiry moves a few dollars between delta and vega and
  nothing in the total. A VIX option's is the future that settles with it, or the line between two months.
- `cross` is what delta and vega changed for other reasons than the move (vanna, volga), by the mean of both ends.
- An option whose mid is at or under its worth if exercised now has no implied volatility: it moves as its forward does.
- Executions count against the mark of the minute they fell in (`trading`), settlements against the last mark.
- An interval without a mark or a forward at either end is residual as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.report.beta import betas
from bot.report.books import Books
from bot.report.facts import Json, SessionFacts, Trade
from strategies.domain.instruments import Future, Option
from strategies.domain.session import session_date
from strategies.pricing import black76
from strategies.pricing.implied import IvStatus, implied_vol

Floats = NDArray[np.float64]

PARTS = ("delta", "gamma", "vega", "theta", "cross", "trading", "settlement", "fees", "residual")
"""The columns, in the order of the table; all are dollars and add up to the total."""

YEAR_MIN = 365.0 * 1440.0
DAY_MIN = 1440.0


class Grid(NamedTuple):
    """The moments of a session: whole minutes since 1970, the first being the end of the session before."""

    minutes: NDArray[np.int64]
    overnight: bool
    """Whether the first interval is the night (there are marks from the session before)."""


def grid(session: SessionFacts) -> Grid | None:
    """Every minute the session was quoted in; None without quotes."""
    if session.first_at is None or session.hours is None:
        return None
    first = int(session.hours.open_at.timestamp() // 60)
    last = int(session.hours.close_at.timestamp() // 60)
    if session.last_at is not None:
        last = min(last, int(session.last_at.timestamp() // 60))
    if last <= first:
        return None
    minutes = np.arange(first, last + 1, dtype=np.int64)
    before = session.marks.before_at
    if before is None or not session.marks.before:
        return Grid(minutes, False)
    return Grid(np.concatenate(([int(before.timestamp() // 60)], minutes)), True)


def track(session: SessionFacts, con_id: int, times: Grid) -> Floats:
    """A contract's worth at each moment, the last word carried forward; nan before the first."""
    told, values = session.marks.told(con_id)
    before = session.marks.before.get(con_id, math.nan)
    if not told:
        return np.full(len(times.minutes), before)
    where = np.searchsorted(np.asarray(told), times.minutes, side="right")
    known = np.concatenate(([before], np.asarray(values, dtype=np.float64)))
    return np.asarray(known[where], dtype=np.float64)


class Market:
    """Forwards of a session's contracts on a grid."""

    def __init__(self, session: SessionFacts, books: Books, times: Grid, spx: int | None, rate: float) -> None:
        self.times, self.rate = times, rate
        self.spot = None if spx is None else track(session, spx, times)
        self._futures = {
            i.expiry: track(session, i.con_id, times)
            for i in books.instruments.values()
            if isinstance(i, Future) and i.trading_class == "VX"
        }

    def forward(self, option: Option) -> Floats | None:
        """Points of an option's forward at each moment; None where nothing tells it."""
        if option.symbol != "VIX":
            return self.spot
        if option.expiry in self._futures:
            return self._futures[option.expiry]
        days = sorted(self._futures)
        earlier, later = [d for d in days if d < option.expiry], [d for d in days if d > option.expiry]
        if not earlier or not later:
            return None
        share = (option.expiry - earlier[-1]).days / (later[0] - earlier[-1]).days
        low, high = self._futures[earlier[-1]], self._futures[later[0]]
        return np.asarray(low + share * (high - low))


class _Greeks(NamedTuple):
    """Per share at each moment, nan where unknown; vega per volatility point, theta per calendar day."""

    forward: Floats
    sigma: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats


def _greeks(option: Option, marks: Floats, forward: Floats, times: Grid, rate: float) -> _Greeks:
    tau = (option.last_trade_at.timestamp() / 60.0 - times.minutes) / YEAR_MIN
    discount = np.exp(-rate * np.maximum(tau, 0.0))
    solved = implied_vol(marks, forward, option.strike, tau, option.is_call, discount)
    seen = np.isfinite(forward) & np.isfinite(marks)
    good = seen & (solved.status == IvStatus.OK)
    deep = seen & ((solved.status == IvStatus.BELOW_INTRINSIC) | (solved.status == IvStatus.NO_TIME_VALUE))
    delta, gamma, vega, theta = (np.where(deep, 0.0, np.nan) for _ in range(4))
    if good.any():
        told = black76.greeks(
            forward[good], option.strike, solved.sigma[good], tau[good], option.is_call, discount[good]
        )
        delta[good], gamma[good], vega[good], theta[good] = told.delta, told.gamma, told.vega, told.theta
    inside = deep & ((forward > option.strike) == option.is_call)
    delta[inside] = discount[inside] * (1.0 if option.is_call else -1.0)
    return _Greeks(forward, np.where(good, solved.sigma, np.nan), delta, gamma, vega, theta)


def _parts(greeks: _Greeks, marks: Floats, times: Grid) -> dict[str, Floats]:
    """Points per share over each interval by part; residual is what is left of the mark's change."""
    change = np.diff(marks)
    move = np.diff(greeks.forward)
    vol = np.nan_to_num(100.0 * np.diff(greeks.sigma))  # no volatility at one end: nothing is said of its change
    days = np.diff(times.minutes) / DAY_MIN
    both = np.isfinite(greeks.sigma[1:]) & np.isfinite(greeks.sigma[:-1])
    vanna = np.diff(greeks.delta) - greeks.gamma[:-1] * move  # what delta changed for another reason than the move
    parts = {
        "delta": greeks.delta[:-1] * move,
        "gamma": 0.5 * greeks.gamma[:-1] * move**2,
        "vega": greeks.vega[:-1] * vol,
        "theta": greeks.theta[:-1] * days,
        "cross": np.where(both, 0.5 * vanna * move + 0.5 * np.diff(greeks.vega) * vol, 0.0),
    }
    explained = sum(parts.values(), np.zeros(len(change)))
    known = np.isfinite(explained)
    found = {name: np.where(known, values, 0.0) for name, values in parts.items()}
    found["residual"] = np.where(np.isfinite(change), change, 0.0) - np.where(known, explained, 0.0)
    return found


class Attributed(NamedTuple):
    """The table of a session, and dollars the SPX options held gain for one per cent of the index at each moment of
    its grid (nan where that is unknown, zero where none is held)."""

    table: Json
    net_delta_usd_per_pct: Floats


def attribute(
    session: SessionFacts, books: Books, trades: Sequence[Trade], spx: int | None, rate: float = 0.04
) -> Json | None:
    """The session's change in worth by holder and part, in dollars; None without quotes of it. See `attributed`."""
    told = attributed(session, books, trades, spx, rate)
    return None if told is None else told.table


def attributed(
    session: SessionFacts, books: Books, trades: Sequence[Trade], spx: int | None, rate: float = 0.04
) -> Attributed | None:
    """Why a session's worth changed, and the delta it was exposed to; None without quotes of it.

    `rate` discounts (a fraction a year): it moves theta and vega by a fraction of a per cent, the total by nothing.
    """
    times = grid(session)
    if times is None:
        return None
    exposure = np.zeros(len(times.minutes))
    market = Market(session, books, times, spx, rate)
    rows: dict[str, dict[str, float]] = {}
    overnight: dict[str, float] = {}
    moves: dict[str, Floats] = {}
    for (holder, con_id), mine in sorted(_by_place(session, trades).items()):
        row = rows.setdefault(holder, dict.fromkeys(PARTS, 0.0))
        moved, exposed = _one(row, session, books, market, con_id, mine)
        exposure += exposed
        moves[holder] = moves.get(holder, np.zeros(len(moved))) + moved
        overnight[holder] = overnight.get(holder, 0.0) + (float(moved[0]) if times.overnight else 0.0)
    names = sorted(rows, key=_order)
    table = [
        {
            "holder": name,
            **{f"{part}_usd": round(rows[name][part], 2) for part in PARTS},
            "overnight_usd": round(overnight[name], 2),
            "total_usd": round(sum(rows[name].values()), 2),
        }
        for name in names
    ]
    total = sum(sum(row.values()) for row in rows.values())
    residual = sum(row["residual"] for row in rows.values())
    gross = sum(abs(row[part]) for row in rows.values() for part in PARTS if part != "residual")
    told: Json = {
        "rows": table,
        "total_usd": round(total, 2),
        "residual_usd": round(residual, 2),
        "residual_pct_of_total": None if abs(total) < 0.01 else round(100.0 * abs(residual) / abs(total), 2),
        "gross_usd": round(gross, 2),
        "beta": betas(moves, market.spot),
        "from": None if not times.overnight else _iso(times.minutes[0]),
        "until": _iso(times.minutes[-1]),
    }
    return Attributed(told, exposure)


class _Mine(NamedTuple):
    """One holder's position in one contract: what it began the session with, and its trades of the day."""

    before: int
    trades: list[Trade]


def _by_place(session: SessionFacts, trades: Sequence[Trade]) -> dict[tuple[str, int], _Mine]:
    found: dict[tuple[str, int], _Mine] = {}
    for trade in trades:
        day = session_date(trade.at)
        if day > session.day:
            continue
        place = (trade.holder, trade.con_id)
        mine = found.get(place, _Mine(0, []))
        if day < session.day:
            found[place] = _Mine(mine.before + trade.quantity, mine.trades)
        else:
            mine.trades.append(trade)
            found[place] = mine
    return {place: mine for place, mine in found.items() if mine.before or mine.trades}


def _one(
    row: dict[str, float], session: SessionFacts, books: Books, market: Market, con_id: int, mine: _Mine
) -> tuple[Floats, Floats]:
    """Adds one position's parts to its holder's row; returns what each interval brought, and its net delta at each
    moment as `Attributed` has it."""
    times, instrument = market.times, books.instruments.get(con_id)
    marks = _filled(track(session, con_id, times), mine)
    multiplier = mine.trades[0].multiplier if mine.trades else getattr(instrument, "multiplier", 100)
    held = np.full(len(times.minutes), float(mine.before))
    for trade in mine.trades:
        at = int(np.searchsorted(times.minutes, trade.at.timestamp() // 60, side="left"))
        at = min(max(at, 1 if times.overnight else 0), len(held) - 1)
        held[at:] += trade.quantity
        gain = trade.quantity * multiplier * (float(marks[at]) - trade.price_points)
        row["settlement" if trade.settled else "trading"] += 0.0 if math.isnan(gain) else gain
        row["fees"] -= trade.commission_usd
    size = held[:-1] * multiplier
    forward = market.forward(instrument) if isinstance(instrument, Option) else None
    on_index = isinstance(instrument, Option) and instrument.symbol == "SPX"
    delta = np.full(len(held), math.nan if on_index else 0.0)
    if isinstance(instrument, Option) and forward is not None:
        greeks = _greeks(instrument, marks, forward, times, market.rate)
        parts = _parts(greeks, marks, times)
        delta = multiplier * greeks.delta * forward * 0.01 if on_index else delta
    else:
        change = np.diff(marks)
        name = "delta" if isinstance(instrument, Future) else "residual"
        parts = {name: np.where(np.isfinite(change), change, 0.0)}
    for name, values in parts.items():
        row[name] += float(size @ values)
    brought: Floats = size * np.sum(list(parts.values()), axis=0)
    return brought, np.where(held == 0.0, 0.0, held * delta)


def _filled(marks: Floats, mine: _Mine) -> Floats:
    """Before the first quote a contract is carried at the price it traded at."""
    if not np.isnan(marks).any() or not mine.trades:
        return marks
    return np.where(np.isnan(marks), mine.trades[0].price_points, marks)


def _order(holder: str) -> tuple[int, str]:
    return (1 if holder in ("L1", "L2", "L3") else 2 if holder == "other" else 0, holder)


def _iso(minute: np.int64) -> str:
    return datetime.fromtimestamp(int(minute) * 60, UTC).isoformat()
