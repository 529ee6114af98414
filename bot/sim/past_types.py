"""What a market has done: its tape, its trades, a session's figures, the figures of the slow services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from bot.sim.types import Floats


@dataclass(frozen=True, slots=True)
class MarketTape:
    """One contract's market at rising moments (epoch seconds): `bid`, `ask` NaN where nobody quotes; `mid` the level of
    an index, the middle of the quotes of what is traded; `printed` the price of a trade, NaN where none happened, and
    `traded` its contracts or shares."""

    at_s: Floats
    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats
    mid: Floats
    printed: Floats
    traded: Floats


@dataclass(frozen=True, slots=True)
class Prints:
    """Trades of one contract without their prices: moments (epoch seconds, rising), contracts or shares, and where they
    happened: -1 at the bid, 0 between, +1 at the ask."""

    at_s: Floats
    size: NDArray[np.int64]
    side: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DaySoFar:
    """A contract's trades of the current session up to now; prices None before the first. `value` is price times
    volume, so that value / volume is the average price; `previous_close` is an option's of the session before."""

    open: float | None = None
    high: float | None = None
    low: float | None = None
    last: float | None = None
    last_size: int = 0
    last_at: datetime | None = None
    volume: int = 0
    value: float = 0.0
    count: int = 0
    previous_close: float | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the slow services know of a contract; None where it has no such figure. Volatilities a year as a fraction,
    volumes in contracts or shares, `ranges` (low, high) of 13, 26 and 52 weeks, `dividends` of the past and the next
    twelve months, next date and amount, in dollars."""

    historical_volatility: float | None = None
    implied_volatility: float | None = None
    call_open_interest: int | None = None
    put_open_interest: int | None = None
    call_volume: int | None = None
    put_volume: int | None = None
    average_option_volume: int | None = None
    average_volume: int | None = None
    ranges: tuple[tuple[float, float], ...] = ()
    future_premium_points: float | None = None
    futures_open_interest: int | None = None
    shortable_shares: int | None = None
    dividends: tuple[float, float, date, float] | None = None
