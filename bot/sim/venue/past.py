"""What happened in the markets: paths of quotes, trades, daily bars and volatilities of any contract, up to now.

Everything is computed from the world's tapes when somebody asks, so that it agrees with what was streamed at the time
and is the same whenever it is asked. Only regular sessions are looked back upon.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bot.sim.exchange.hours import NEW_YORK
from bot.sim.ports import World
from bot.sim.types import (
    Bar,
    ContractSpec,
    DaySoFar,
    Floats,
    MarketTape,
    Marks,
    Prints,
    Right,
    SecType,
    Settlement,
    Statistics,
)
from bot.sim.venue.activity import STEP_S, Activity, TradeCursor, expected_volume
from bot.sim.venue.figures import Figures
from bot.sim.venue.products import tick_at, ticks_at
from bot.sim.venue.quotes import Quotes
from bot.sim.venue.sessions import Sessions

Session = tuple[datetime, datetime]
_TRADING_DAYS_PER_YEAR = 252.0
_VOLATILITY_RETURNS = 30
_IMPLIED_DAYS = 30
_LISTED_DAYS = 365
_ROUND_STRIKE = {"SPX": 5.0, "VIX": 1.0}
_TRADED = frozenset({SecType.STOCK, SecType.FUTURE, SecType.OPTION})


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
        self._activity = Activity(seed)
        self._figures = Figures(world, self, self._activity, now)
        self._dates: list[date] = []
        self._opening_levels: dict[tuple[int, datetime], float] = {}

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
        if spec.sec_type not in _TRADED:
            return mid, np.zeros(len(at_s))
        traded, side = np.zeros(len(at_s)), np.zeros(len(at_s))
        for session in chosen:
            prints = self._session_prints(spec, session)
            place = np.searchsorted(at_s, prints.at_s)
            hit = np.flatnonzero((place < len(at_s)) & (at_s[np.minimum(place, len(at_s) - 1)] == prints.at_s))
            traded[place[hit]], side[place[hit]] = prints.size[hit], prints.side[hit]
        price = trade_price(spec, bid, ask, side) if spec.sec_type is SecType.OPTION else mid
        printed = np.where(traded > 0.0, price, np.nan)
        return printed, np.where(np.isnan(printed), 0.0, traded)

    # trades ----------------------------------------------------------------------------------------
    def trades(self, spec: ContractSpec) -> TradeCursor | None:
        """The trades of the current session from now on; None for an index, which is not traded."""
        session = self.current_session(spec)
        if session is None or spec.sec_type not in _TRADED:
            return None
        return TradeCursor(self._session_prints(spec, session), session[0], self._now().timestamp())

    def _session_prints(self, spec: ContractSpec, session: Session) -> Prints:
        opened, closed = session
        day = opened.astimezone(NEW_YORK).date()
        return self._activity.prints(
            spec, opened, closed, expected_volume(spec, self._opening_level(spec, opened), day)
        )

    def _opening_level(self, spec: ContractSpec, opened: datetime) -> float:
        """The underlying's level at the open, by which an option's liquidity goes."""
        if spec.sec_type is not SecType.OPTION:
            return 0.0
        key = spec.under_con_id, opened
        known = self._opening_levels.get(key)
        if known is None:
            under, at_s = self._under(spec.under_con_id), np.array([opened.timestamp()])
            path = None if under is None else self._quotes.level_path(under, at_s, np.ones(1, dtype=bool))
            known = self._opening_levels[key] = 0.0 if path is None else float(np.nan_to_num(path.last[0]))
        return known

    def _done(self, spec: ContractSpec) -> tuple[Prints | None, int]:
        """The current session's trades, and how many of them have happened."""
        session = self.current_session(spec)
        if session is None or spec.sec_type not in _TRADED:
            return None, 0
        prints = self._session_prints(spec, session)
        return prints, int(np.searchsorted(prints.at_s, self._now().timestamp(), side="right"))

    def volume_so_far(self, spec: ContractSpec) -> int:
        """Contracts or shares traded in the current session; an index is not traded."""
        prints, done = self._done(spec)
        return 0 if prints is None else int(prints.size[:done].sum())

    def day_so_far(self, spec: ContractSpec) -> DaySoFar:
        """Trades of the current session; an index, which is not traded, has none."""
        prints, done = self._done(spec)
        if prints is None or not done:
            return DaySoFar()
        at_s, size = prints.at_s[:done], prints.size[:done]
        bid, ask, _, mid = self._market(spec, at_s, np.ones(done, dtype=bool))
        price = trade_price(spec, bid, ask, prints.side[:done]) if spec.sec_type is SecType.OPTION else mid
        known = np.isfinite(price)
        if not known.any():
            return DaySoFar()
        price, size, at_s = price[known], size[known], at_s[known]
        return DaySoFar(
            open=float(price[0]),
            high=float(price.max()),
            low=float(price.min()),
            last=float(price[-1]),
            last_size=int(size[-1]),
            last_at=datetime.fromtimestamp(float(at_s[-1]), NEW_YORK),
            volume=int(size.sum()),
            value=float((price * size).sum()),
            count=len(price),
        )

    def previous_close(self, spec: ContractSpec, at: datetime | None = None) -> float | None:
        """Last price of the session before the one current at a moment (now): the middle of an option's closing
        quotes."""
        now = at or self._now()
        current = self.current_session(spec, now)
        before = now.date() if current is None else current[0].astimezone(NEW_YORK).date() - timedelta(days=1)
        earlier = self.sessions(spec, before - timedelta(days=10), before)
        if not earlier or (current is None and earlier[-1][1] > now):
            return None
        moment = np.array([earlier[-1][1].timestamp() - STEP_S])
        mid = float(self._market(spec, moment, np.ones(1, dtype=bool))[3][0])
        if not np.isfinite(mid):
            return None
        tick = tick_at(spec.market_rule_id, mid)
        return round(round(mid / tick) * tick, 4)

    # days ------------------------------------------------------------------------------------------
    def daily_bars(self, spec: ContractSpec, first: date, last: date) -> Sequence[Bar]:
        """Trade bars of whole sessions of an index, stock or future between two dates, today's once it is over."""
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
        return [self._counted(spec, over[bar.at.date()], bar) for bar in known if bar.at.date() in over]

    def _counted(self, spec: ContractSpec, session: Session, bar: Bar) -> Bar:
        """The bar with the volume of the session's prints, starting at its open."""
        opened, closed = session
        if spec.sec_type not in _TRADED:
            count = int((closed - opened).total_seconds() / STEP_S)
            return Bar(opened, bar.open, bar.high, bar.low, bar.close, 0.0, 0.0, count)
        prints = self._session_prints(spec, session)
        middle = round((bar.high + bar.low + bar.close) / 3.0, 4)
        return Bar(opened, bar.open, bar.high, bar.low, bar.close, float(prints.size.sum()), middle, len(prints.size))

    # figures ---------------------------------------------------------------------------------------
    def statistics(self, spec: ContractSpec) -> Statistics:
        """Figures of the slow services, as of today."""
        return self._figures.of(spec, self._under(spec.under_con_id))

    # volatility ------------------------------------------------------------------------------------
    def historical_volatility(self, spec: ContractSpec, day: date) -> float | None:
        """Thirty-day realised volatility, a year as a fraction, as of the evening before a day."""
        span = timedelta(days=2 * _VOLATILITY_RETURNS)
        closes = np.array([bar.close for bar in self.daily_bars(spec, day - span, day - timedelta(days=1))])
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


def trade_price(spec: ContractSpec, bid: Floats, ask: Floats, side: Floats | NDArray[np.int64]) -> Floats:
    """What an option trades at: the bid, the ask or a tick between; the ask where nobody bids."""
    low = np.where(np.isnan(bid), ask, bid)
    middle = (low + ask) / 2.0
    tick = ticks_at(spec.market_rule_id, middle)
    between = np.clip(np.round(np.rint(middle / tick) * tick, 4), low, ask)
    return np.where(side < 0, low, np.where(side > 0, ask, between))


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
