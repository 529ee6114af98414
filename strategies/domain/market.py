"""The market as last seen: quotes with age and connection epoch, daily bars, listed expiries."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import msgspec

from strategies.domain.instruments import Future, Index, Instrument, Option, Tradable
from strategies.domain.same import Same


class DataType(StrEnum):
    """What kind of market data the broker is sending; only live data may drive a decision (control C16)."""

    LIVE = "live"
    FROZEN = "frozen"
    DELAYED = "delayed"
    DELAYED_FROZEN = "delayed_frozen"


class Quote(msgspec.Struct, frozen=True):
    """Latest quote of one instrument. Prices in points per share; None where nobody quotes or nothing was said.

    `at` is when the newest field arrived; `epoch` the connection it arrived on: a quote of an older epoch is stale.
    """

    con_id: int
    bid: float | None
    ask: float | None
    bid_size: int | None
    ask_size: int | None
    last: float | None
    close: float | None
    at: datetime
    epoch: int
    data_type: DataType = DataType.LIVE
    halted: bool = False

    @property
    def two_sided(self) -> bool:
        """Both sides present, positive ask, not crossed."""
        return self.bid is not None and self.ask is not None and 0.0 <= self.bid <= self.ask and self.ask > 0.0

    @property
    def mid(self) -> float | None:
        """Midpoint in points, None unless two-sided."""
        bid, ask = self.bid, self.ask
        if bid is None or ask is None or not 0.0 <= bid <= ask or ask <= 0.0:
            return None
        return 0.5 * (bid + ask)

    @property
    def level(self) -> float | None:
        """Best single number: midpoint if two-sided, else last (indices publish last only)."""
        mid = self.mid
        return self.last if mid is None else mid

    def age_s(self, now: datetime) -> float:
        """Seconds since the quote arrived."""
        return (now - self.at).total_seconds()


class DailyBar(msgspec.Struct, frozen=True):
    """One session of an index or future, in points."""

    day: date
    open: float
    high: float
    low: float
    close: float


class Chain(msgspec.Struct, frozen=True):
    """What the broker lists for one underlying and trading class; not every expiry-strike pair exists."""

    symbol: str
    trading_class: str
    exchange: str
    multiplier: int
    expiries: tuple[date, ...]
    strikes: tuple[float, ...]


class Board(NamedTuple):
    """The options of one class and expiry between two strikes (points), as one request brings them."""

    symbol: str
    trading_class: str
    expiry: date
    low_strike: float
    high_strike: float


class Market(msgspec.Struct, frozen=True):
    """Everything known about the market; the dicts are copied on change, never mutated in place."""

    instruments: dict[int, Instrument] = {}
    quotes: dict[int, Quote] = {}
    bars: dict[str, tuple[DailyBar, ...]] = {}
    chains: dict[str, Chain] = {}
    epoch: int = 0

    def index(self, symbol: str) -> Index | None:
        """The index with this symbol, if its contract was loaded."""
        return _indices(Same(self.instruments)).get(symbol)

    def level(self, symbol: str) -> Quote | None:
        """Latest quote of an index by symbol."""
        index = self.index(symbol)
        return None if index is None else self.quotes.get(index.con_id)

    def option(self, con_id: int) -> Option | None:
        """The option with this contract id, if loaded."""
        found = self.instruments.get(con_id)
        return found if isinstance(found, Option) else None

    def tradable(self, con_id: int) -> Tradable | None:
        """The option or future with this contract id, if loaded."""
        found = self.instruments.get(con_id)
        return None if found is None or isinstance(found, Index) else found

    def options(self, trading_class: str, expiry: date) -> tuple[Option, ...]:
        """Loaded options of one class by strike then right; `expiry` is their settlement or their last trading day.

        Brokers list morning-settled series by either (VIX settles on a Wednesday and last trades on the Tuesday).
        """
        return _options(Same(self.instruments), trading_class, expiry)

    def futures(self, trading_class: str) -> tuple[Future, ...]:
        """Loaded futures of one class by expiry."""
        return _futures(Same(self.instruments), trading_class)

    def has_future(self, trading_class: str) -> bool:
        """Whether any future of the class is loaded."""
        return bool(self.futures(trading_class))

    def fresh(self, con_id: int, now: datetime, max_age_s: float) -> Quote | None:
        """The quote if it is of this connection, live, not halted and young enough; else None."""
        quote = self.quotes.get(con_id)
        if quote is None or quote.epoch != self.epoch or quote.data_type is not DataType.LIVE or quote.halted:
            return None
        return quote if (now - quote.at).total_seconds() <= max_age_s else None


@lru_cache(maxsize=64)
def _options(seen: Same[dict[int, Instrument]], trading_class: str, expiry: date) -> tuple[Option, ...]:
    """Every look asks for the same few boards; contracts are loaded a few times a day."""
    rows = [
        i
        for i in seen.value.values()
        if isinstance(i, Option) and i.trading_class == trading_class and i.expires(expiry)
    ]
    return tuple(sorted(rows, key=lambda o: (o.strike, o.right.value)))


@lru_cache(maxsize=16)
def _futures(seen: Same[dict[int, Instrument]], trading_class: str) -> tuple[Future, ...]:
    rows = [i for i in seen.value.values() if isinstance(i, Future) and i.trading_class == trading_class]
    return tuple(sorted(rows, key=lambda f: f.expiry))


@lru_cache(maxsize=8)
def _indices(seen: Same[dict[int, Instrument]]) -> dict[str, Index]:
    """By symbol; of two with one symbol the one loaded first."""
    found: dict[str, Index] = {}
    for instrument in seen.value.values():
        if isinstance(instrument, Index):
            found.setdefault(instrument.symbol, instrument)
    return found
