"""Histories are folded once while they are the same: a start, a recovery and a replay ask for them again and again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import msgspec

from strategies.domain.market import DailyBar, Market
from strategies.signals.closes import SessionCloses
from strategies.signals.live import Feed, keep_warm
from strategies.signals.signals import SignalParams
from strategies.signals.tiers import TierParams

P = SignalParams()


def asked(sessions: tuple[SessionCloses, ...], today: date, params: SignalParams = P) -> Feed:
    """A feed warmed from nothing by histories that were made anew."""
    bars: dict[str, tuple[DailyBar, ...]] = {}
    for session in sessions:
        for name, close in session.closes.items():
            bars[name] = (*bars.get(name, ()), DailyBar(session.day, close, close, close, close))
    return keep_warm(Feed(), Market(bars=bars), datetime(2026, 3, 9, 14, 0, tzinfo=UTC), today, params)


def test_equal_histories_are_folded_once(history: Callable[..., tuple[SessionCloses, ...]]) -> None:
    """Bars that are equal and not the same ones give the very same signals."""
    sessions = history(80, feeds=False)
    today = sessions[-1].day + timedelta(days=1)
    first = asked(sessions, today)
    assert first.signals is not None
    assert asked(sessions, today).signals is first.signals


def test_another_close_and_another_parameter_are_another_fold(
    history: Callable[..., tuple[SessionCloses, ...]],
) -> None:
    """No signal outlives the histories or the rules it was made of."""
    sessions = history(80, feeds=False)
    today = sessions[-1].day + timedelta(days=1)
    first = asked(sessions, today).signals
    last = msgspec.structs.replace(sessions[-1], closes={**sessions[-1].closes, "VIX": 44.0})
    moved = asked((*sessions[:-1], last), today).signals
    assert first is not None
    assert moved is not None
    assert moved.daily != first.daily
    assert moved.tier != first.tier
    other = msgspec.structs.replace(P, tiers=TierParams(crisis_from_points=31.0))
    assert asked(sessions, today, other).signals is not first
