"""What can be quoted and traded: indices, futures and options, each known by the broker's contract id.

Contract ids (`con_id`) are the identity of an instrument everywhere above the adapter; a description (strike, expiry)
is never used to find a position again.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import msgspec

from strategies.domain.session import NEW_YORK


class Right(StrEnum):
    """Call or put."""

    CALL = "C"
    PUT = "P"


class SettlementStyle(StrEnum):
    """AM: special opening quotation on the expiry morning. PM: the close of the expiry day."""

    AM = "AM"
    PM = "PM"


class TickBand(msgspec.Struct, frozen=True):
    """One row of a market rule: from `low_edge_points` upwards prices move in `increment_points`."""

    low_edge_points: float
    increment_points: float


class Index(msgspec.Struct, frozen=True, tag="index"):
    """A calculated index (SPX, VIX); quoted, never traded."""

    con_id: int
    symbol: str
    exchange: str


class Future(msgspec.Struct, frozen=True, tag="future"):
    """A VIX future. `multiplier` is dollars per index point (VX 1000, VXM 100)."""

    con_id: int
    symbol: str
    trading_class: str
    exchange: str
    multiplier: int
    expiry: date
    last_trade_at: datetime
    ticks: tuple[TickBand, ...]
    currency: str = "USD"


class Option(msgspec.Struct, frozen=True, tag="option"):
    """A European index option. `expiry` is the settlement day, `last_trade_at` the last moment it trades."""

    con_id: int
    symbol: str
    trading_class: str
    exchange: str
    multiplier: int
    expiry: date
    strike: float
    right: Right
    settlement: SettlementStyle
    last_trade_at: datetime
    ticks: tuple[TickBand, ...]
    currency: str = "USD"

    @property
    def is_call(self) -> bool:
        """True for a call."""
        return self.right is Right.CALL

    def expires(self, day: date) -> bool:
        """Whether `day` names the series: its settlement day or, settling in the morning, its last trading day."""
        if self.expiry == day:
            return True
        return self.settlement is SettlementStyle.AM and self.last_trade_at.astimezone(NEW_YORK).date() == day


Tradable = Future | Option
Instrument = Index | Future | Option


def payoff_strike(contract: Tradable) -> float:
    """Strike in points of the contract's worth at expiry; a long future is worth what a call struck at zero is."""
    return contract.strike if isinstance(contract, Option) else 0.0


def pays_above(contract: Tradable) -> bool:
    """Whether it pays when its underlying settles high: calls and futures do, puts do not."""
    return not isinstance(contract, Option) or contract.is_call


def tick_size(ticks: tuple[TickBand, ...], price_points: float) -> float:
    """Price increment in points at a price, from the market rule (negative prices use the absolute value)."""
    size = ticks[0].increment_points
    for band in ticks:
        if abs(price_points) >= band.low_edge_points:
            size = band.increment_points
    return size


def describe(instrument: Instrument) -> str:
    """Short name for people and logs, e.g. `SPXW 2026-04-17 5650P`."""
    if isinstance(instrument, Option):
        return (
            f"{instrument.trading_class} {instrument.expiry.isoformat()} {instrument.strike:g}{instrument.right.value}"
        )
    if isinstance(instrument, Future):
        return f"{instrument.trading_class} {instrument.expiry.isoformat()}"
    return instrument.symbol
