"""Money: every cent of cash is a fill, a fee or a settlement, in the account and in the ledger alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from bot.sim.types import Side
from bot.sim.venue import FillModel


def test_a_condors_money_from_opening_to_close(bench) -> None:
    """Cash takes the credit, the debit and the fees; realised profit is the difference, fees included."""
    legs = bench.condor()
    bid, ask = bench.venue.bag_quote(legs)
    bench.venue.place(bench.bag(legs, ask, 2))
    bench.wait()
    bench.wait()
    fees = sum(commission.amount_usd for commission in bench.heard.commissions)
    assert bench.cash() == pytest.approx(500_000 - ask * 200 - fees, abs=1e-6)
    assert [line.quantity for line in bench.venue.positions()] == [2, -2, -2, 2]
    short = bench.heard.executions[1]
    paid = bench.heard.commissions[1].amount_usd / 2
    assert bench.venue.positions()[1].average_cost_usd == pytest.approx(short.price * 100 - paid)
    bench.venue.place(bench.bag(legs, bid, 2, side=Side.SELL, order_id=2))
    bench.wait()
    bench.wait()
    fees = sum(commission.amount_usd for commission in bench.heard.commissions)
    state = bench.venue.account("DU1234567")
    assert bench.venue.positions() == []
    assert state.cash == state.net_liquidation == pytest.approx(500_000 - (ask - bid) * 200 - fees, abs=1e-6)
    assert state.realized_pnl == pytest.approx(state.cash - 500_000, abs=1e-6)
    closing = [c for c in bench.heard.commissions if c.realized_pnl_usd is not None]
    assert len(closing) == 4
    assert sum(c.realized_pnl_usd for c in closing) == pytest.approx(state.realized_pnl, abs=1e-6)


def test_commissions_can_come_late_and_cash_waits_for_them(make_bench: Callable) -> None:
    """With a delay of 30 s nothing is charged at 29 s and everything at 30 s."""
    bench = make_bench(fills=FillModel(commission_delay_s=30.0, partial_probability=0.0)).open()
    legs = bench.condor()
    bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1]))
    bench.wait()
    before = bench.cash()
    bench.wait(29)
    assert bench.heard.commissions == []
    assert bench.cash() == before
    bench.wait(1)
    assert len(bench.heard.commissions) == 4
    assert bench.cash() < before


def test_turning_a_position_around_splits_into_close_and_open(bench) -> None:
    """Selling three of two bought takes the profit on two, fees of both trades included, and opens one short."""
    spec = bench.option(2650.0, "P")
    bench.world.quotes[spec.con_id] = (19.9, 20.0)
    bench.venue.place(bench.single(spec, Side.BUY, 20.0, 2))
    bench.wait()
    bench.world.quotes[spec.con_id] = (25.0, 25.1)
    bench.venue.place(bench.single(spec, Side.SELL, 25.0, 3, order_id=2))
    bench.wait()
    bench.wait()
    (line,) = bench.venue.positions()
    first, last = bench.heard.commissions
    assert (line.quantity, line.average_cost_usd) == (-1, 2500.0 - round(last.amount_usd / 3, 2))
    assert last.realized_pnl_usd == pytest.approx(2 * 500 - first.amount_usd - last.amount_usd * 2 / 3, abs=0.01)


def test_what_was_realised_is_told_by_contract_and_since_midnight(bench) -> None:
    """A round trip's loss stands on the flat position and in today's figure; tomorrow in the sum since the start."""
    spec = bench.option(2650.0, "P")
    bench.set_market(spec, 19.9, 20.0)
    bench.venue.place(bench.single(spec, Side.BUY, 20.0))
    bench.wait()
    bench.venue.place(bench.single(spec, Side.SELL, 19.9, order_id=2))
    bench.wait()
    bench.wait()
    lost = pytest.approx(-10.0 - 2 * 1.81)
    assert (bench.heard.positions[-1].quantity, bench.heard.positions[-1].realized_usd) == (0, pytest.approx(-11.81))
    state = bench.venue.account("DU1234567")
    assert (state.realized_today, state.realized_pnl) == (lost, lost)
    bench.venue.advance(bench.world.days[1].open_at)
    state = bench.venue.account("DU1234567")
    assert (state.realized_today, state.realized_pnl) == (0.0, lost)


def test_futures_move_cash_only_with_their_profit(bench) -> None:
    """Buying a VX future costs nothing but the fee; its unrealised profit is in the equity, its realised in cash."""
    spec = bench.venue.find({"sec_type": "FUT", "trading_class": "VX"})[1]
    bench.venue.place(bench.single(spec, Side.BUY, None, order_type="MKT"))
    bench.wait()
    bench.wait()
    fee = bench.heard.commissions[0].amount_usd
    assert bench.cash() == pytest.approx(500_000 - fee)
    bench.world.vix += 3.0
    bench.wait(60)
    state = bench.venue.account("DU1234567")
    assert state.net_liquidation == pytest.approx(500_000 - fee + 2_950)
    bench.venue.place(bench.single(spec, Side.SELL, None, order_type="MKT", order_id=2))
    bench.wait()
    bench.wait()
    assert bench.cash() == pytest.approx(500_000 - 2 * fee + 2_900)


def test_pm_series_settle_at_the_close_without_an_execution(bench) -> None:
    """A condor held to its last day becomes cash at 16:15; its positions go and nothing is executed."""
    bench.expiry = date(2018, 10, 17)
    legs = bench.condor(20.0, 20.0, put=2790.0, call=2810.0)
    bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1], 2))
    bench.wait()
    bench.wait()
    executed, before = len(bench.heard.executions), bench.cash()
    bench.world.settlements[bench.expiry] = 2780.37
    day = bench.world.days[2]
    bench.venue.advance(day.index_close_at + timedelta(minutes=5))
    assert len(bench.venue.positions()) == 4  # expired, not yet gone
    bench.venue.advance(day.close_at)
    assert bench.venue.positions() == []
    assert len(bench.heard.executions) == executed
    assert bench.cash() == pytest.approx(before - 2 * 100 * (2790 - 2780.37))
    assert [line.quantity for line in bench.heard.positions[-4:]] == [0] * 4
    settled = bench.kinds("settle")
    assert {line["underlying_price"] for line in settled} == {2780.37}
    assert [line["price"] for line in settled] == [0.0, 9.63, 0.0, 0.0]
    assert bench.venue.account("DU1234567").initial_margin == 0.0


def test_am_series_settle_the_next_morning_when_the_value_is_published(bench) -> None:
    """SPX of the third Friday trades until Thursday and settles on Friday's opening value, hours late if need be."""
    spec = bench.option(2700.0, "C", date(2018, 10, 19), "SPX")
    bench.world.quotes[spec.con_id] = (99.0, 100.0)
    bench.venue.place(bench.single(spec, Side.BUY, 100.0))
    bench.wait()
    bench.wait()
    thursday, friday = bench.world.days[3], bench.world.days[4]
    before = bench.cash()
    bench.venue.advance(thursday.close_at + timedelta(minutes=10))
    assert not bench.venue.is_open(spec)
    bench.venue.advance(friday.open_at + timedelta(hours=1))
    assert len(bench.venue.positions()) == 1  # the value is not out yet: the position stays
    bench.world.settlements[friday.day] = 2767.05
    bench.venue.advance(friday.open_at + timedelta(hours=3))
    assert bench.venue.positions() == []
    assert bench.cash() == pytest.approx(before + 6705.0)


def test_a_future_settles_at_the_opening_value(bench) -> None:
    """A VX future held into its Wednesday pays the difference to its cost, once."""
    spec = bench.future()
    bench.venue.place(bench.single(spec, Side.SELL, None, 2, order_type="MKT"))
    bench.wait()
    bench.wait()
    entry, before = bench.heard.executions[0].price, bench.cash()
    bench.world.settlements[date(2018, 10, 17)] = 17.02
    bench.venue.advance(bench.world.days[2].open_at)
    assert bench.venue.positions() == []
    assert bench.cash() == pytest.approx(before + 2 * 1000 * (entry - 17.02))


def test_account_lines_come_each_open_minute_and_after_fills(bench) -> None:
    """One account line per market minute while open, none at night, one more for each booking."""
    bench.wait(3600)
    before = len(bench.kinds("account"))
    for _ in range(120):
        bench.wait(10)
    assert len(bench.kinds("account")) - before == 20
    bench.venue.advance(bench.world.days[0].close_at + timedelta(minutes=1))
    closed = len(bench.kinds("account"))
    for _ in range(10):
        bench.wait(60)
    assert len(bench.kinds("account")) == closed
    assert {"nlv", "cash", "initial_margin", "maintenance_margin", "excess_liquidity"} <= set(bench.kinds("account")[0])
