"""What happened in the markets: paths of quotes, trades, daily bars and volatilities of any contract, up to now.

Everything is computed from the world's tapes when somebody asks, so that it agrees with what was streamed at the time
and is the same whenever it is asked. Only regular sessions are looked back upon.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bot.sim.exchange.hours import NEW_YORK
from bot.sim.past_types import DaySoFar, MarketTape, Statistics
from bot.sim.ports import World
from bot.sim.types import Bar, ContractSpec, Floats, Marks, Right, SecType, Settlement
from bot.sim.venue.activity import STEP_S, Activity, TradeCursor
from bot.sim.venue.figures import Figures
from bot.sim.venue.quotes import Quotes
from bot.sim.venue.session_trades import TRADED, Session, SessionTrades, closing_price, trade_price
from bot.sim.venue.sessions import Sessions

_TRADING_DAYS_PER_YEAR = 252.0
_VOLATILITY_RETURNS = 30
_IMPLIED_DAYS = 30
_LISTED_DAYS = 365
_ROUND_STRIKE = {"SPX": 5.0, "VIX": 1.0}


class Past:
    """Implements `bot.sim.ports.PastMarket` over a world."""

    def __init__(
        self,
        world: World,
        sessions: Sessions,
        quotes: Quotes,
        now: Callable[[], datetime],
        under: Callable[[int], ContractSpec | None],
        seed: int,
    ) -> None:
        """`under` finds a contract by id; `seed` draws volumes."""
        self._world = world
        self._sessions = sessions
        self._quotes = quotes
        self._now = now
        self._under = under
        activity = Activity(seed)
        self._trades = SessionTrades(quotes, activity, under)
        self._figures = Figures(world, self, activity, now)
        self._dates: list[date] = []

    # sessions --------------------------------------------------------------------------------------
    def sessions(self, spec: ContractSpec, first: date, last: date) -> Sequence[Session]:
        """(open, close) of the contract's sessions with data between two dates, both included."""
        if not self._dates:
            self._dates = [day.day for day in self._world.past_days]
        listed = self._listed_from(spec)
        chosen = self._dates[bisect_left(self._dates, max(first, listed)) : bisect_right(self._dates, last)]
        found = (self._sessions.bounds(spec, day) for day in chosen)
        return [bounds for bounds in found if bounds is not None]

    def _listed_from(self, spec: ContractSpec) -> date:
        if spec.sec_type is SecType.OPTION and spec.expiry is not None:
            return spec.expiry - timedelta(days=_LISTED_DAYS)
        return date.min

    def first_moment(self, spec: ContractSpec) -> datetime | None:
        """The earliest moment with data."""
        if spec.sec_type is SecType.FUTURE and spec.expiry is not None:
            bars = self._quotes.future_bars(spec, self._now().date(), 10_000)
            first = bars[0].at.date() if bars else self._now().date()
            known = self.sessions(spec, first, self._now().date())
        else:
            known = self.sessions(spec, date.min, self._now().date())
        return known[0][0] if known else None

    def current_session(self, spec: ContractSpec, at: datetime | None = None) -> Session | None:
        """The day's session once it has begun, else the last one before, at a moment (now)."""
        now = at or self._now()
        begun = [s for s in self.sessions(spec, now.date() - timedelta(days=10), now.date()) if s[0] <= now]
        return begun[-1] if begun else None

    # paths -----------------------------------------------------------------------------------------
    def tape(self, spec: ContractSpec, start: datetime, end: datetime, step_s: float = STEP_S) -> MarketTape:
        """The market every `step_s` seconds (15 or a whole part of it) of the sessions between two moments, and at both
        of them; nothing after now."""
        end = min(end, self._now())
        chosen = self.sessions(spec, start.astimezone(NEW_YORK).date(), end.astimezone(NEW_YORK).date())
        at_s, quoted = _moments(chosen, start.timestamp(), end.timestamp(), step_s)
        bid, ask, sizes, mid = self._market(spec, at_s, quoted)
        printed, traded = self._printed(spec, chosen, at_s, bid, ask, mid)
        return MarketTape(at_s, bid, ask, *sizes, mid, printed, traded)

    def option_marks(self, spec: ContractSpec, at: datetime) -> Marks:
        """Quotes and greeks of one option at a moment up to now, arrays of one; shut where it was not in session."""
        session = self.current_session(spec, at)
        shut = session is None or not session[0] <= at < session[1]
        return self._quotes.option_path(spec, np.array([at.timestamp()]), np.array([not shut]))

    def _market(
        self, spec: ContractSpec, at_s: Floats, quoted: NDArray[np.bool_]
    ) -> tuple[Floats, Floats, tuple[Floats, Floats], Floats]:
        """Bid, ask, their sizes, and the level of what is no option or the middle of the quotes of what is one."""
        if spec.sec_type is SecType.OPTION:
            marks = self._quotes.option_path(spec, at_s, quoted)
            mid = np.where(np.isnan(marks.bid), marks.ask, marks.bid + marks.ask) / 2.0
            return marks.bid, marks.ask, (marks.bid_size, marks.ask_size), np.round(mid, 4)
        path = self._quotes.level_path(spec, at_s, quoted)
        sizes = [
            np.where(np.isnan(side), 0.0, float(n))
            for side, n in ((path.bid, path.bid_size), (path.ask, path.ask_size))
        ]
        return path.bid, path.ask, (sizes[0], sizes[1]), path.last

    def _printed(
        self, spec: ContractSpec, chosen: Sequence[Session], at_s: Floats, bid: Floats, ask: Floats, mid: Floats
    ) -> tuple[Floats, Floats]:
        """Price and size of the trade at each moment; an index prints its level without size."""
        if spec.sec_type not in TRADED:
            return mid, np.zeros(len(at_s))
        traded, side = np.zeros(len(at_s)), np.zeros(len(at_s))
        for session in chosen:
            prints = self._trades.of(spec, session)
            place = np.searchsorted(at_s, prints.at_s)
            hit = np.flatnonzero((place < len(at_s)) & (at_s[np.minimum(place, len(at_s) - 1)] == prints.at_s))
            traded[place[hit]], side[place[hit]] = prints.size[hit], prints.side[hit]
        price = trade_price(spec, bid, ask, side) if spec.sec_type is SecType.OPTION else mid
        printed = np.where(traded > 0.0, price, np.nan)
        return printed, np.where(np.isnan(printed), 0.0, traded)

    # trades ----------------------------------------------------------------------------------------
    def volume_so_far(self, spec: ContractSpec) -> int:
        """Contracts or shares traded in the current session; an index is not traded."""
        return self._trades.volume(spec, self.current_session(spec), self._now().timestamp())

    def days_so_far(self, specs: Sequence[ContractSpec]) -> Sequence[tuple[DaySoFar, TradeCursor | None]]:
        """What each contract has traded in the current session, and its trades from now on (None for what is not
        traded), in one look."""
        now = self._now()
        closings_s = np.array([self._closing_s(spec, now) for spec in specs])
        return self._trades.days(specs, [self.current_session(spec) for spec in specs], closings_s, now.timestamp())

    def previous_close(self, spec: ContractSpec, at: datetime | None = None) -> float | None:
        """Middle of an option's closing quotes of the session before the one current at a moment (now)."""
        moment = np.array([self._closing_s(spec, at or self._now())])
        return closing_price(spec, self._quotes.option_path(spec, moment, np.ones(1, dtype=bool)), 0)

    def _closing_s(self, spec: ContractSpec, now: datetime) -> float:
        """When the session before the one current at that moment quoted last; NaN where there was none."""
        current = self.current_session(spec, now)
        before = now.date() if current is None else current[0].astimezone(NEW_YORK).date() - timedelta(days=1)
        earlier = self.sessions(spec, before - timedelta(days=10), before)
        if not earlier or (current is None and earlier[-1][1] > now):
            return math.nan
        return earlier[-1][1].timestamp() - STEP_S

    # days ------------------------------------------------------------------------------------------
    def daily_bars(self, spec: ContractSpec, first: date, last: date) -> Sequence[Bar]:
        """Trade bars of whole sessions of an index, stock or future between two dates, today's once it is over."""
        return [self._counted(spec, session, bar) for session, bar in self._days_over(spec, first, last)]

    def plain_bars(self, spec: ContractSpec, first: date, last: date) -> Sequence[Bar]:
        """The same as the world has them, without counting trades."""
        return [bar for _, bar in self._days_over(spec, first, last)]

    def _days_over(self, spec: ContractSpec, first: date, last: date) -> Sequence[tuple[Session, Bar]]:
        now = self._now()
        over = {
            closed.astimezone(NEW_YORK).date(): (opened, closed)
            for opened, closed in self.sessions(spec, first, min(last, now.date()))
            if closed <= now
        }
        if not over:
            return []
        until, count = max(over) + timedelta(days=1), (max(over) - min(over)).days + 1
        try:
            if spec.sec_type is SecType.FUTURE and spec.expiry is not None:
                known = self._quotes.future_bars(spec, until, count)
            else:
                known = self._world.daily_bars(spec.symbol, until, count)
        except KeyError:
            return []
        return [(over[bar.at.date()], bar) for bar in known if bar.at.date() in over]

    def _counted(self, spec: ContractSpec, session: Session, bar: Bar) -> Bar:
        """The bar with the volume of the session's prints, starting at its open."""
        opened, closed = session
        if spec.sec_type not in TRADED:
            count = int((closed - opened).total_seconds() / STEP_S)
            return Bar(opened, bar.open, bar.high, bar.low, bar.close, 0.0, 0.0, count)
        volume, count = self._trades.whole(spec, session, bar.volume)
        middle = round((bar.high + bar.low + bar.close) / 3.0, 4)
        return Bar(opened, bar.open, bar.high, bar.low, bar.close, volume, middle, count)

    # figures ---------------------------------------------------------------------------------------
    def statistics(self, spec: ContractSpec) -> Statistics:
        """Figures of the slow services, as of today."""
        return self._figures.of(spec, self._under(spec.under_con_id))

    # volatility ------------------------------------------------------------------------------------
    def historical_volatility(self, spec: ContractSpec, day: date) -> float | None:
        """Thirty-day realised volatility, a year as a fraction, as of the evening before a day."""
        span = timedelta(days=2 * _VOLATILITY_RETURNS)
        closes = np.array([bar.close for bar in self.plain_bars(spec, day - span, day - timedelta(days=1))])
        if len(closes) <= _VOLATILITY_RETURNS:
            return None
        returns = np.diff(np.log(closes[-_VOLATILITY_RETURNS - 1 :]))
        return round(float(np.std(returns, ddof=1)) * float(np.sqrt(_TRADING_DAYS_PER_YEAR)), 6)

    def implied_volatility_path(self, spec: ContractSpec, at_s: Floats) -> Floats:
        """Volatility of a thirty-day option struck at the level of the first moment; NaN where nothing is quoted."""
        nothing = np.full(len(at_s), np.nan)
        symbol = "SPX" if spec.symbol == "SPY" else spec.symbol
        if symbol not in _ROUND_STRIKE or not len(at_s):
            return nothing
        level = float(self._world.level_path(symbol, at_s[:1]).last[0])
        if not np.isfinite(level):
            return nothing
        strike = round(level / _ROUND_STRIKE[symbol]) * _ROUND_STRIKE[symbol]
        expiry = datetime.fromtimestamp(float(at_s[0]), NEW_YORK).date() + timedelta(days=_IMPLIED_DAYS)
        return self._world.option_path(_standard_option(symbol, expiry, strike), at_s).iv


def _moments(
    chosen: Sequence[Session], start_s: float, end_s: float, step_s: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Grid moments of the sessions between two moments and at both, and whether each is before its session's close."""
    parts, flags = [np.zeros(0)], [np.zeros(0, dtype=bool)]
    for opened, closed in chosen:
        open_s, close_s = opened.timestamp(), closed.timestamp()
        low, high = max(open_s, start_s), min(close_s, end_s)
        if low > high:
            continue
        first = np.ceil((low - open_s) / step_s)
        grid = open_s + np.arange(first, np.floor((high - open_s) / step_s) + 1.0) * step_s
        moments = np.unique(np.concatenate(([low], grid, [high])))
        parts.append(moments)
        flags.append(moments < close_s)
    return np.concatenate(parts), np.concatenate(flags)


def _standard_option(symbol: str, expiry: date, strike: float) -> ContractSpec:
    settlement = Settlement.AM if symbol == "VIX" else Settlement.PM
    return ContractSpec(
        0, SecType.OPTION, symbol, symbol, "SMART", 100, "", 0, 0.01,
        expiry=expiry, strike=strike, right=Right.CALL, settlement=settlement,
    )  # fmt: skip
