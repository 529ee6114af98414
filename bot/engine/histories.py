"""Which daily histories are wanted, and which of them are too old: asked once whole, then only what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from bot.actions import AskBars, BarSource
from strategies.domain.market import DailyBar, Market
from strategies.domain.series import INDEX_SERIES, STOCK_SERIES, VOLATILITY_SERIES, future_series
from strategies.signals.curve import CurveParams

OVERLAP_SESSIONS = 5
"""Sessions asked for again beside the missing ones: a late correction of the broker's is taken over."""

REFINING_SERIES = frozenset((*VOLATILITY_SERIES, *STOCK_SERIES))
"""Without these some measures are unknown, and nothing else: a broker that refuses them is asked a few times a day."""
BARS_AGAIN_S = 3600.0
REFINING_AGAIN_S = 6.0 * 3600.0


def again_s(series: str) -> float:
    """Seconds between two requests for a series that does not come."""
    return REFINING_AGAIN_S if series in REFINING_SERIES else BARS_AGAIN_S


def missing(market: Market, params: CurveParams, today: date, finished: date | None, count: int) -> Iterator[AskBars]:
    """A request for each series that does not reach the last finished session, the needed ones first."""
    for symbol in (*INDEX_SERIES, *VOLATILITY_SERIES):
        if market.index(symbol) is not None and _old(market.bars.get(symbol), finished):
            yield AskBars(symbol=symbol, count=_sessions(market.bars.get(symbol), today, count))
    for future in market.futures(params.futures_class):
        series = future_series(future.expiry)
        if future.expiry > today and _old(market.bars.get(series), finished):
            yield AskBars(series, _sessions(market.bars.get(series), today, count), BarSource.FUTURE, future.con_id)
    if market.index(INDEX_SERIES[0]) is not None:
        for symbol in STOCK_SERIES:
            if _old(market.bars.get(symbol), finished):
                yield AskBars(symbol, _sessions(market.bars.get(symbol), today, count), BarSource.STOCK)


def _old(bars: tuple[DailyBar, ...] | None, finished: date | None) -> bool:
    return not bars or finished is None or bars[-1].day < finished


def _sessions(bars: tuple[DailyBar, ...] | None, today: date, count: int) -> int:
    """How many sessions to ask for; calendar days are more than enough."""
    if not bars:
        return count
    return min(count, (today - bars[-1].day).days + OVERLAP_SESSIONS)


def merged(known: tuple[DailyBar, ...], told: tuple[DailyBar, ...], count: int) -> tuple[DailyBar, ...]:
    """The last `count` sessions of both, the newer word about a day winning."""
    by_day = {bar.day: bar for bar in (*known, *told)}
    return tuple(by_day[day] for day in sorted(by_day))[-count:]
