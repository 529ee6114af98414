"""Which daily histories are wanted, and which of them are too old: asked once whole, then only what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from bot.actions import AskBars, BarSource
from strategies.domain.market import DailyBar, Market
from strategies.domain.series import INDEX_SERIES, STOCK_SERIES, VOLATILITY_SERIES, future_series
from strategies.signals.curve import CurveParams
from strategies.signals.term_structure import month_of, settlement_rule

OVERLAP_SESSIONS = 5
"""Sessions asked for again beside the missing ones: a late correction of the broker's is taken over."""

REFINING_SERIES = frozenset((*VOLATILITY_SERIES, *STOCK_SERIES))
"""Without these some measures are unknown, and nothing else: a broker that refuses them is asked a few times a day."""
BARS_AGAIN_S = 3600.0
EXPIRED_MONTHS = 9
"""Settled months whose histories are asked for: what 139 sessions need (docs/alvh-signals.md), and two more."""
REFINING_AGAIN_S = 6.0 * 3600.0


def again_s(ask: AskBars) -> float:
    """Seconds between two requests for a series that does not come."""
    refines = ask.symbol in REFINING_SERIES or ask.source is BarSource.EXPIRED
    return REFINING_AGAIN_S if refines else BARS_AGAIN_S


def missing(market: Market, params: CurveParams, today: date, finished: date | None, count: int) -> Iterator[AskBars]:
    """A request for each series that does not reach the last finished session, the needed ones first."""
    for symbol in (*INDEX_SERIES, *VOLATILITY_SERIES):
        if market.index(symbol) is not None and _old(market.bars.get(symbol), finished):
            yield AskBars(symbol=symbol, count=_sessions(market.bars.get(symbol), today, count))
    for future in market.futures(params.futures_class):
        series = future_series(future.expiry)
        if future.expiry > today and _old(market.bars.get(series), finished):
            yield AskBars(series, _sessions(market.bars.get(series), today, count), BarSource.FUTURE, future.con_id)
    for series in _expired(market, params, today):
        yield AskBars(series, count, BarSource.EXPIRED)
    if market.index(INDEX_SERIES[0]) is not None:
        for symbol in STOCK_SERIES:
            if _old(market.bars.get(symbol), finished):
                yield AskBars(symbol, _sessions(market.bars.get(symbol), today, count), BarSource.STOCK)


def _expired(market: Market, params: CurveParams, today: date) -> Iterator[str]:
    """Histories of months that have settled: without them the strip of past sessions has no front, and what is read
    from it (D-MACD-1 and -2, betas) stays unknown for weeks on a fresh install. They do not grow: asked once."""
    listed = [future.expiry for future in market.futures(params.futures_class) if future.expiry > today]
    if not listed or (month := month_of(min(listed))) is None:
        return
    for _ in range(EXPIRED_MONTHS):
        month = month.before()
        series = future_series(settlement_rule(month))
        if settlement_rule(month) <= today and not any(
            future_series(settlement_rule(month) - timedelta(days=n)) in market.bars for n in (0, 1)
        ):
            yield series


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
