"""Trades of a session: when, how much, at what price, and what they come to so far, of many contracts in one look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from bot.sim.exchange.hours import NEW_YORK
from bot.sim.past_types import DaySoFar, Prints
from bot.sim.types import ContractSpec, Floats, Marks, SecType
from bot.sim.venue.activity import Activity, TradeCursor, Volume, expected_volume
from bot.sim.venue.products import tick_at, ticks_at
from bot.sim.venue.quotes import Quotes

Session = tuple[datetime, datetime]
TRADED = frozenset({SecType.STOCK, SecType.FUTURE, SecType.OPTION})
"""Security types that are traded; an index is not."""


class SessionTrades:
    """Draws the trades of a session when somebody asks, and prices them by the quotes of their moments."""

    def __init__(self, quotes: Quotes, activity: Activity, under: Callable[[int], ContractSpec | None]) -> None:
        """`under` finds a contract by id."""
        self._quotes = quotes
        self._activity = activity
        self._under = under
        self._opening_levels: dict[tuple[int, datetime], float] = {}
        self._wholes: dict[tuple[int, datetime], tuple[float, int]] = {}

    def of(self, spec: ContractSpec, session: Session) -> Prints:
        """All trades of a session, also those to come."""
        known = self._activity.drawn(spec, session[0])
        return self._activity.draw(spec, *session, self._volume(spec, session[0])) if known is None else known

    def whole(self, spec: ContractSpec, session: Session, volume: float) -> tuple[float, int]:
        """Contracts or shares of a session and how many trades they were; `volume` is its daily bar's, 0 for none."""
        key = spec.con_id, session[0]
        known = self._wholes.get(key)
        if known is None:
            drawn = Volume(volume, exact=True) if volume > 0.0 else self._volume(spec, session[0])
            known = self._wholes[key] = self._activity.total(spec, *session, drawn)
        return known

    def _volume(self, spec: ContractSpec, opened: datetime) -> Volume:
        day = opened.astimezone(NEW_YORK).date()
        exact = self._quotes.day_volume(spec, day)
        return Volume(exact or expected_volume(spec, self._opening_level(spec, opened), day), exact is not None)

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

    def volume(self, spec: ContractSpec, session: Session | None, now_s: float) -> int:
        """Contracts or shares of a session traded up to a moment."""
        if session is None or spec.sec_type not in TRADED:
            return 0
        return int(_up_to(self.of(spec, session), now_s).size.sum())

    def days(
        self, specs: Sequence[ContractSpec], sessions: Sequence[Session | None], closings_s: Floats, now_s: float
    ) -> Sequence[tuple[DaySoFar, TradeCursor | None]]:
        """What each contract has traded in its session up to now, and its trades from now on (None for what is not
        traded). `closings_s` are the moments whose quotes are the options' previous closes, NaN where there is none."""
        found: dict[int, tuple[DaySoFar, TradeCursor | None]] = {}
        options, done = [], []
        for i, (spec, session) in enumerate(zip(specs, sessions, strict=True)):
            if session is None or spec.sec_type not in TRADED:
                found[i] = DaySoFar(), None
                continue
            prints = self.of(spec, session)
            past = _up_to(prints, now_s)
            if spec.sec_type is SecType.OPTION:
                options.append(i)
                done.append(past)
                day = DaySoFar()
            else:
                path = self._quotes.level_path(spec, past.at_s, np.ones(len(past.at_s), dtype=bool))
                day = _day_of(past, path.last, None)
            found[i] = day, TradeCursor(prints, session[0], now_s)
        if options:
            days = self._option_days([specs[i] for i in options], done, closings_s[options])
            for i, day in zip(options, days, strict=True):
                found[i] = day, found[i][1]
        return [found[i] for i in range(len(specs))]

    def _option_days(
        self, specs: Sequence[ContractSpec], done: Sequence[Prints], closings_s: Floats
    ) -> Sequence[DaySoFar]:
        """The same of options, priced together."""
        places = np.arange(len(specs))
        which = np.concatenate([places, np.repeat(places, [len(prints.at_s) for prints in done])])
        marks = self._quotes.option_points(specs, which, np.concatenate([closings_s, *(p.at_s for p in done)]))
        found, begin = [], len(specs)
        for i, (spec, prints) in enumerate(zip(specs, done, strict=True)):
            end = begin + len(prints.at_s)
            price = trade_price(spec, marks.bid[begin:end], marks.ask[begin:end], prints.side)
            found.append(_day_of(prints, price, closing_price(spec, marks, i)))
            begin = end
        return found


def _up_to(prints: Prints, now_s: float) -> Prints:
    done = int(np.searchsorted(prints.at_s, now_s, side="right"))
    return Prints(prints.at_s[:done], prints.size[:done], prints.side[:done])


def _day_of(prints: Prints, price: Floats, close: float | None) -> DaySoFar:
    known = np.isfinite(price)
    if not known.any():
        return DaySoFar(previous_close=close)
    price, size, at_s = price[known], prints.size[known], prints.at_s[known]
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
        previous_close=close,
    )


def closing_price(spec: ContractSpec, marks: Marks, place: int) -> float | None:
    """The middle of an option's quote on its grid, half the ask where nobody bids, None where nobody offers."""
    bid, ask = float(marks.bid[place]), float(marks.ask[place])
    middle = (ask if np.isnan(bid) else bid + ask) / 2.0
    if not np.isfinite(middle):
        return None
    tick = tick_at(spec.market_rule_id, middle)
    return round(round(middle / tick) * tick, 4)


def trade_price(spec: ContractSpec, bid: Floats, ask: Floats, side: Floats | NDArray[np.int64]) -> Floats:
    """What an option trades at: the bid, the ask or a tick between; the ask where nobody bids."""
    low = np.where(np.isnan(bid), ask, bid)
    middle = (low + ask) / 2.0
    tick = ticks_at(spec.market_rule_id, middle)
    between = np.clip(np.round(np.rint(middle / tick) * tick, 4), low, ask)
    return np.where(side < 0, low, np.where(side > 0, ask, between))
