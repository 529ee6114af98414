"""Feeds the signals from the market as the desk knows it: warm-up from daily histories, then looks at fresh quotes.

Rules
- Histories are folded anew when a finished session is missing in them or a series has come late, at most once a while;
  regime, tier and the jumps under way are kept over it, because closes cannot tell them.
- An index that is stale is left out of a look, never repeated from memory.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec

from strategies.domain.instruments import Future
from strategies.domain.market import DailyBar, Market
from strategies.domain.same import Same
from strategies.domain.series import INDEX_SERIES, VOLATILITY_SERIES, future_expiry
from strategies.domain.session import SessionDay
from strategies.signals.closes import HISTORY_SYMBOLS, BadHistory, SessionCloses, sessions_from_bars
from strategies.signals.curve import read_strip
from strategies.signals.signals import Macro, Sample, SignalParams, Signals, observe, warm_up

REWARM_S = 60.0
CLOSE_MINUTES = 15.0


class Feed(msgspec.Struct, frozen=True):
    """The signals and how they were warmed: which histories (series and last day), when, and what was wrong."""

    signals: Signals | None = None
    histories: tuple[tuple[str, date], ...] = ()
    warmed_at: datetime | None = None
    looked_at: datetime | None = None
    fault: str = ""


def keep_warm(
    feed: Feed,
    market: Market,
    now: datetime,
    today: date,
    params: SignalParams,
    net_advances: Mapping[date, float] | None = None,
) -> Feed:
    """The feed with every history that has come, told breadth included; unchanged while nothing new has."""
    found = _finished(Same(market.bars), today)
    if any(name not in found.bars for name in INDEX_SERIES):
        return feed
    known = found.series
    if net_advances:
        breadth = f"breadth of {len(net_advances)} sessions, {sum(net_advances.values()):g}"
        known = tuple(sorted((*known, (breadth, max(net_advances)))))
    if known == feed.histories:
        return feed
    young = feed.warmed_at is not None and now - feed.warmed_at < timedelta(seconds=REWARM_S)
    if young and feed.signals is not None:
        return feed
    told = tuple(net_advances.items()) if net_advances else ()
    try:
        fresh = _warmed(tuple(found.bars.items()), tuple(found.futures.items()), told, params)
    except BadHistory as reason:
        return msgspec.structs.replace(feed, histories=known, warmed_at=now, fault=str(reason))
    old = feed.signals
    if old is not None:
        fresh = msgspec.structs.replace(
            fresh,
            regime=old.regime,
            tier=old.tier,
            vix_jump=old.vix_jump,
            front_jump=old.front_jump,
            front_spreads=old.front_spreads,
        )
    return Feed(fresh, known, now, feed.looked_at)


Rows = tuple[DailyBar, ...]


@lru_cache(maxsize=4)  # every start of a day asks for the same histories, and a recovery goes through all of them
def _warmed(
    bars: tuple[tuple[str, Rows], ...],
    futures: tuple[tuple[date, Rows], ...],
    net_advances: tuple[tuple[date, float], ...],
    params: SignalParams,
) -> Signals:
    return warm_up(sessions_from_bars(dict(bars), dict(futures), dict(net_advances)), params)


class _Finished(NamedTuple):
    """Histories without the running session, and each with its last day, by name."""

    bars: dict[str, Rows]
    futures: dict[date, Rows]
    series: tuple[tuple[str, date], ...]


@lru_cache(maxsize=4)
def _finished(seen: Same[dict[str, tuple[DailyBar, ...]]], today: date) -> _Finished:
    """Every look asks, and histories come a few times a day."""
    bars = {name: rows for name in HISTORY_SYMBOLS if (rows := _before(seen.value.get(name, ()), today))}
    futures = {
        expiry: rows
        for name, told in seen.value.items()
        if (expiry := future_expiry(name)) is not None and (rows := _before(told, today))
    }
    series = tuple(sorted((name, rows[-1].day) for name, rows in (*bars.items(), *_named(futures))))
    return _Finished(bars, futures, series)


def _before(rows: Rows, today: date) -> Rows:
    """The sessions before today; rows are in order of days, and nearly always today's is not among them."""
    return rows[: bisect_left(rows, today, key=lambda bar: bar.day)]


def _named(futures: Mapping[date, Rows]) -> list[tuple[str, Rows]]:
    return [(expiry.isoformat(), rows) for expiry, rows in futures.items()]


def look(
    feed: Feed,
    market: Market,
    futures: Sequence[Future],
    session: SessionDay,
    last_session: date | None,
    now: datetime,
    params: SignalParams,
    *,
    every_s: float,
    max_age_s: float,
    macro: Macro,
) -> Feed:
    """The feed after one look at the running session, at most every `every_s` seconds."""
    if feed.signals is None:
        return feed
    if feed.looked_at is not None and now - feed.looked_at < timedelta(seconds=every_s):
        return feed
    levels: dict[str, float] = {}
    oldest = now
    for symbol in (*INDEX_SERIES, *VOLATILITY_SERIES):
        index = market.index(symbol)
        quote = None if index is None else market.fresh(index.con_id, now, max_age_s)
        if quote is not None and quote.level is not None and quote.level > 0.0:
            levels[symbol] = quote.level
            oldest = min(oldest, quote.at)
    sample = Sample(
        at=now,
        levels=SessionCloses(session.day, levels),
        strip=read_strip(market, futures, now, session.day, params.curve),
        open_at=session.open_at,
        levels_at=oldest,
        last_session=last_session,
        vix_settles_today=any(future.expiry == session.day for future in futures),
        at_close=session.index_close_at - now <= timedelta(minutes=CLOSE_MINUTES),
        macro=macro,
    )
    return msgspec.structs.replace(feed, signals=observe(feed.signals, sample, params), looked_at=now)
