"""Daily histories: what is asked for, how much of it, and how answers are joined."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from bot.actions import AlertLevel, AskBars, BarSource
from bot.engine import histories
from strategies.domain import events as ev
from strategies.domain.market import DailyBar
from strategies.domain.series import STOCK_SERIES, future_expiry, future_series
from tests.bot.engine.bench import Bench

TODAY = date(2026, 5, 4)
FINISHED = date(2026, 5, 1)


def bar(day: date, close: float = 20.0) -> DailyBar:
    return DailyBar(day, close, close, close, close)


def asked(bench: Bench, finished: date | None = FINISHED) -> dict[str, AskBars]:
    curve = bench.state.parameters.condor.curve
    return {ask.symbol: ask for ask in histories.missing(bench.state.market, curve, TODAY, finished, 300)}


def test_indices_futures_and_etfs_are_asked_for() -> None:
    """Everything the diagnostics read is wanted once its contract is known; futures by the id of their contract."""
    bench = Bench().start()
    bench.state = msgspec.structs.replace(bench.state, market=msgspec.structs.replace(bench.state.market, bars={}))
    wanted = asked(bench)
    futures = bench.state.market.futures("VX")
    assert list(wanted)[:2] == ["SPX", "VIX"]
    assert set(STOCK_SERIES) <= set(wanted)
    for future in futures:
        if future.expiry > TODAY:
            ask = wanted[future_series(future.expiry)]
            assert (ask.source, ask.con_id, ask.count) == (BarSource.FUTURE, future.con_id, 300)
    assert wanted["XLRE"].source is BarSource.STOCK


def test_settled_months_are_asked_for_once() -> None:
    """A fresh install has no front in its past strips without them: nine months back from the nearest listed one, by
    their settlement days; what has come is never asked again, and what does not come a few times a day."""
    bench = Bench().start()
    market = msgspec.structs.replace(bench.state.market, bars={})
    bench.state = msgspec.structs.replace(bench.state, market=market)
    expired = [a for a in asked(bench).values() if a.source is BarSource.EXPIRED]
    days = [future_expiry(a.symbol) for a in expired]
    assert len(expired) == histories.EXPIRED_MONTHS
    assert days[:3] == [date(2026, 4, 15), date(2026, 3, 18), date(2026, 2, 18)]
    assert all(a.count == 300 for a in expired)
    assert {histories.again_s(a) for a in expired} == {histories.REFINING_AGAIN_S}
    known = {a.symbol: (bar(FINISHED),) for a in expired[:2]}
    bench.state = msgspec.structs.replace(bench.state, market=msgspec.structs.replace(market, bars=known))
    again = [a.symbol for a in asked(bench).values() if a.source is BarSource.EXPIRED]
    assert again == [a.symbol for a in expired[2:]]


def test_only_what_is_missing_is_asked_for_again() -> None:
    """A history that reaches the last session is left alone; one three days behind is asked for with an overlap."""
    bench = Bench().start()
    market = bench.state.market
    bars = {"SPX": (bar(FINISHED),), "VIX": (bar(FINISHED - timedelta(days=3)),)}
    bench.state = msgspec.structs.replace(bench.state, market=msgspec.structs.replace(market, bars=bars))
    wanted = asked(bench)
    assert "SPX" not in wanted
    assert wanted["VIX"].count == (TODAY - FINISHED).days + 3 + histories.OVERLAP_SESSIONS


def test_answers_are_joined_and_bounded() -> None:
    """A later word about a day replaces the earlier one, days stay in order, and the count is kept."""
    days = [FINISHED - timedelta(days=n) for n in (4, 3, 2, 1, 0)]
    known, told = tuple(bar(d) for d in days[:3]), (bar(days[2], 21.0), bar(days[3]), bar(days[4]))
    joined = histories.merged(known, told, 4)
    assert [b.day for b in joined] == days[1:]
    assert joined[1].close == 21.0


def test_a_history_in_the_state_grows_by_the_missing_days() -> None:
    """Two answers of one series become one history in the state."""
    bench = Bench().start()
    for day in (FINISHED - timedelta(days=1), FINISHED):
        bench.feed(ev.BarsLoaded(symbol="TEST", bars=(bar(day),)))
    assert [b.day for b in bench.state.market.bars["TEST"]] == [FINISHED - timedelta(days=1), FINISHED]


def test_names_of_futures_histories_are_told_apart() -> None:
    """A future's series names its settlement day and nothing else does."""
    assert future_expiry(future_series(TODAY)) == TODAY
    assert future_expiry("VIX") is None


def test_a_history_that_only_refines_fails_quietly() -> None:
    """A fund the broker does not list is a note asked for a few times a day; a missing index history is a warning."""
    bench = Bench().start()
    levels = {}
    for series in ("XLB", "VIX"):
        steps = bench.feed(ev.RequestFailed(wanted=f"bars:{series}", reason="200: no security definition"))
        levels[series] = [alert.level for step in steps for alert in step.outcome.alerts]
    assert levels == {"XLB": [AlertLevel.INFO], "VIX": [AlertLevel.WARNING]}
    assert histories.again_s(AskBars("XLB", 300)) > histories.again_s(AskBars("VIX", 300))
