"""Closes of finished sessions, gathered from daily bars: what every daily measure is made of.

Rules
- SPX says which days are sessions; a series without a bar on a session has no close there, and none is invented.
- Bars that run backwards, name a day twice or hold a price that is none are refused whole, with series, day and reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec

from strategies.domain.market import DailyBar
from strategies.domain.series import INDEX_SERIES, STOCK_SERIES, VOLATILITY_SERIES

SESSION_CLOCK = "SPX"
HISTORY_SYMBOLS = (*INDEX_SERIES, *VOLATILITY_SERIES, *STOCK_SERIES)
"""Series whose daily bars the measures ask for, besides the monthly VIX futures."""


class BadHistory(ValueError):
    """Bars or closes that cannot be what they say; nothing was taken from them."""


class AdvanceDecline(msgspec.Struct, frozen=True):
    """Issues that rose and fell on the exchange in a session (NYSE), as counted by the feed."""

    advancing: int
    declining: int


class SessionCloses(msgspec.Struct, frozen=True):
    """One session. `closes` by symbol (index points or dollars), `futures` settlement points by expiry.

    `breadth` and `skew_vol_points` (30-day 25-delta put less call volatility) are None where no feed gives them. Of a
    session in progress the same struct holds the present levels.
    """

    day: date
    closes: dict[str, float]
    futures: dict[date, float] = {}
    breadth: AdvanceDecline | None = None
    skew_vol_points: float | None = None

    def checked(self) -> SessionCloses:
        """Itself, when every number is one. Raises BadHistory otherwise."""
        for name, value in (*self.closes.items(), *self.futures.items()):
            if not (math.isfinite(value) and value > 0.0):
                raise BadHistory(f"close of {name} on {self.day} is {value!r}: it must be a number above zero")
        if self.skew_vol_points is not None and not math.isfinite(self.skew_vol_points):
            raise BadHistory(f"skew on {self.day} is {self.skew_vol_points!r}, which is no number")
        if self.breadth is not None and min(self.breadth.advancing, self.breadth.declining) < 0:
            raise BadHistory(f"breadth on {self.day} counts fewer than no issues: {self.breadth}")
        return self


def sessions_from_bars(
    bars: Mapping[str, Sequence[DailyBar]],
    futures: Mapping[date, Sequence[DailyBar]],
    net_advances: Mapping[date, float] | None = None,
) -> tuple[SessionCloses, ...]:
    """The sessions in these bars, oldest first; `futures` holds bars of VIX futures by expiry, `net_advances` advancing
    less declining issues by session, as far as they were told.

    Raises BadHistory when there are no bars of SPX, and for bars that are out of order, doubled or without a price.
    """
    if not bars.get(SESSION_CLOCK):
        raise BadHistory(f"no daily bars of {SESSION_CLOCK}: they say which days are sessions")
    by_series = {symbol: _by_day(symbol, rows) for symbol, rows in bars.items()}
    by_expiry = {expiry: _by_day(f"VIX future {expiry}", rows) for expiry, rows in futures.items()}
    return tuple(
        SessionCloses(
            day,
            {symbol: closes[day] for symbol, closes in by_series.items() if day in closes},
            {expiry: closes[day] for expiry, closes in by_expiry.items() if day in closes and day < expiry},
            _breadth((net_advances or {}).get(day)),
        )
        for day in by_series[SESSION_CLOCK]
    )


def _breadth(net: float | None) -> AdvanceDecline | None:
    """The line needs the difference alone."""
    return None if net is None else AdvanceDecline(max(0, round(net)), max(0, round(-net)))


def _by_day(series: str, rows: Iterable[DailyBar]) -> dict[date, float]:
    found: dict[date, float] = {}
    last: date | None = None
    for bar in rows:
        if last is not None and bar.day <= last:
            what = "comes twice" if bar.day == last else f"comes after {last}"
            raise BadHistory(f"bars of {series}: {bar.day} {what}; bars must rise by day, each day once")
        if not (math.isfinite(bar.close) and bar.close > 0.0):
            raise BadHistory(f"bars of {series}: the close of {bar.day} is {bar.close!r}, not a number above zero")
        found[bar.day] = bar.close
        last = bar.day
    return found
