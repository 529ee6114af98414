"""Advances and declines that people tell stand in for the sector funds while they are current, and no longer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from strategies.domain.market import DailyBar, Market
from strategies.domain.series import future_series
from strategies.macro import net_advances
from strategies.signals.closes import SessionCloses
from strategies.signals.diagnostics import diagnose
from strategies.signals.live import Feed, keep_warm
from strategies.signals.look import Look
from strategies.signals.readings import Reading, Source
from strategies.signals.signals import SignalParams
from tests.strategies.macro_samples import told

P = SignalParams()


def market(sessions: tuple[SessionCloses, ...]) -> Market:
    bars: dict[str, tuple[DailyBar, ...]] = {}
    for session in sessions:
        named = {**session.closes, **{future_series(e): p for e, p in session.futures.items()}}
        for name, close in named.items():
            bars[name] = (*bars.get(name, ()), DailyBar(session.day, close, close, close, close))
    return Market(bars=bars)


def warm(feed: Feed, of: Market, today: date, advances: dict[date, float], minutes: int = 0) -> Feed:
    return keep_warm(
        feed, of, datetime(today.year, today.month, today.day, 14, minutes, tzinfo=UTC), today, P, advances
    )


def breadth(feed: Feed) -> Reading:
    assert feed.signals is not None
    return next(r for r in diagnose(Look(feed.signals.daily), P.diagnostics) if r.rule == "D-AD-1")


def test_told_breadth_is_exact_and_its_end_brings_the_stand_in_back(
    history: Callable[..., tuple[SessionCloses, ...]],
) -> None:
    """Twenty-four current sessions make D-AD-1 exact; told up to the day before only, or no more, it is a proxy."""
    sessions = history(100, feeds=False)
    of, today = market(sessions), sessions[-1].day + timedelta(days=1)
    net = {s.day: 300.0 - 20.0 * n for n, s in enumerate(sessions[-30:])}
    feed = warm(Feed(), of, today, {})
    assert breadth(feed).source is Source.PROXY
    feed = warm(feed, of, today, net, minutes=5)
    assert breadth(feed).source is Source.EXACT
    late = warm(feed, of, today, {day: n for day, n in net.items() if day != sessions[-1].day}, minutes=10)
    assert breadth(late).source is Source.PROXY
    assert breadth(warm(feed, of, today, {}, minutes=10)).source is Source.PROXY


def test_a_corrected_count_is_folded_again(history: Callable[..., tuple[SessionCloses, ...]]) -> None:
    """The same days with another number are another history; the same numbers are none."""
    sessions = history(100, feeds=False)
    of, today = market(sessions), sessions[-1].day + timedelta(days=1)
    net = {s.day: 100.0 for s in sessions[-30:]}
    feed = warm(Feed(), of, today, net)
    assert warm(feed, of, today, dict(net), minutes=5) is feed
    assert warm(feed, of, today, {**net, sessions[-1].day: -900.0}, minutes=5) is not feed


def test_only_finished_sessions_and_only_while_the_newest_holds() -> None:
    """Today's count is not a close; after its time to live nothing is told at all."""
    today = date(2026, 3, 11)
    rows = tuple(told("nyse_net_advances", float(n), today - timedelta(days=n)) for n in range(4))
    assert set(net_advances(rows, today)) == {today - timedelta(days=n) for n in (1, 2, 3)}
    assert net_advances(rows, today + timedelta(days=6)) == {}
    assert net_advances((told("sofr_pct", 4.3, today - timedelta(days=1)),), today) == {}
