"""Expiry: positions that vanish are settled in cash when price and executions are known, and not before."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from bot.engine.permit import risk_view
from risk.halt import breaches
from strategies.condor.machine import CondorState
from strategies.domain import events as ev
from strategies.domain.instruments import Option, Right, SettlementStyle
from strategies.domain.known import Unknown
from strategies.domain.market import DailyBar
from strategies.domain.orders import OrderState
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import (
    EXPIRY,
    con_id,
)

S = OrderState


@pytest.fixture
def bench() -> Bench:
    return Bench().start()


def expire(bench: Bench, **parts: object) -> None:
    """The expiry's evening: the broker shows none of the condor's legs any more."""
    bench.now = bench.world.options[con_id(5400.0, Right.PUT)].last_trade_at + timedelta(minutes=20)
    bench.broker.positions.clear()
    bench.broker.mute |= {"snapshot", "bars"}
    bench.feed(bench.broker.snapshot(**parts))


def test_an_expired_condor_is_settled_when_the_price_is_known(bench: Bench) -> None:
    """Positions gone after the last trade, with the day's close: the condor is settled, nothing differs."""
    condor = bench.open_condor()
    bars = bench.state.market.bars["SPX"]
    bench.feed(ev.BarsLoaded(symbol="SPX", bars=(*bars, DailyBar(EXPIRY, 5500.0, 5500.0, 5500.0, 5500.0))))
    expire(bench)
    assert bench.state.condors[condor.id].state is CondorState.SETTLED
    assert {s.owner for s in bench.state.book.settlements} == {condor.id}
    assert bench.state.book.positions() == {}
    assert bench.state.mismatch_since is None


def test_an_expired_condor_is_not_settled_without_a_price_nor_without_the_executions(bench: Bench) -> None:
    """No settlement price: a difference. No executions: perhaps it was closed, so nothing is booked."""
    condor = bench.open_condor()
    expire(bench)
    assert bench.state.book.settlements == ()
    assert bench.state.mismatch_since == bench.now
    bars = bench.state.market.bars["SPX"]
    bench.feed(ev.BarsLoaded(symbol="SPX", bars=(*bars, DailyBar(EXPIRY, 5500.0, 5500.0, 5500.0, 5500.0))))
    bench.feed(bench.broker.snapshot(executions="silent"))
    assert bench.state.book.settlements == ()
    assert bench.state.condors[condor.id].state is CondorState.OPEN


def test_what_settles_in_the_morning_waits_for_its_value_without_a_latch_and_without_new_risk(bench: Bench) -> None:
    """F69, F70: the broker takes the legs away at the open, the value comes hours later. Nothing is believed flat, no
    difference latches, it is said once, and when the opening is known everything settles on it."""
    condor = bench.open_condor()
    market = bench.state.market
    morning = {
        c: msgspec.structs.replace(o, settlement=SettlementStyle.AM, last_trade_at=o.last_trade_at - timedelta(days=1))
        for c, o in market.instruments.items()
        if isinstance(o, Option)
    }
    instruments = {**market.instruments, **morning}
    bench.state = msgspec.structs.replace(bench.state, market=msgspec.structs.replace(market, instruments=instruments))
    held = bench.state.book.positions()
    bench.now = bench.world.options[con_id(5400.0, Right.PUT)].last_trade_at - timedelta(hours=6)
    bench.broker.positions.clear()
    bench.broker.mute |= {"bars"}
    for _ in range(20):
        bench.pulse(10.0)
    assert bench.state.condors[condor.id].state is CondorState.OPEN
    assert bench.state.book.positions() == held
    assert (bench.state.mismatch_since, bench.causes()) == (None, set())
    told = [a.text for s in bench.steps for a in s.outcome.alerts if a.key == "settling"]
    assert len(told) == 1
    view = risk_view(bench.state, Unknown("not asked"))
    assert [b.code for b in breaches(view, bench.parameters.limits) if b.code == "C30"] == ["C30"]
    bars = bench.state.market.bars["SPX"]
    bench.feed(ev.BarsLoaded(symbol="SPX", bars=(*bars, DailyBar(EXPIRY, 5000.0, 5500.0, 4990.0, 5500.0))))
    bench.feed(bench.broker.snapshot())
    assert bench.state.condors[condor.id].state is CondorState.SETTLED
    assert {s.price_points for s in bench.state.book.settlements if s.quantity > 0} != {0.0}
