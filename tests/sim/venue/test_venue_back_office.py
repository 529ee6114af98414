"""The broker's own hands on an account, halts, and sessions that end early."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.sim.types import Side
from bot.sim.venue.accounts import HouseMargin
from bot.sim.venue.back_office import CashReason
from bot.sim.venue.halts import HaltKind
from bot.sim.venue.oddities import Oddity, OddQuote, Scope
from bot.sim.venue.products import SPX_INDEX
from bot.sim.venue.refusal import VenueRefusal


def office(bench):
    return bench.venue.back_office, bench.venue.back_office.account(None)


def test_what_the_back_office_cannot_do_is_refused_whole(bench) -> None:
    """Indices, expired contracts, half cents, nothing to close, amounts of the wrong sign: refused, no line written."""
    back, account = office(bench)
    spec, now = bench.option(2650.0, "P"), bench.venue.now
    before = len(bench.ledger.lines)
    later = bench.world.days[-1].close_at
    for act, text in (
        (lambda: back.account("DU9"), "must be one of DU1234567"),
        (lambda: back.trade(account, SPX_INDEX, Side.BUY, 1, now, price=1.0), "is an index"),
        (lambda: back.trade(account, spec, Side.BUY, 0, now), "at least 1"),
        (lambda: back.trade(account, spec, Side.BUY, 1, now, price=0.005), "whole cents"),
        (lambda: back.trade(account, spec, Side.BUY, 1, later, price=1.0), "expired on 2018-11-30"),
        (lambda: back.transfer(account, spec, 0, now), "other than 0"),
        (lambda: back.vanish(account, spec), "no position"),
        (lambda: back.liquidate(account, None, now), "no position to liquidate; held are none"),
        (lambda: back.move_cash(account, -1.0, CashReason.FEE), "a fee is an amount above 0"),
        (lambda: back.move_cash(account, 0.001, CashReason.INTEREST), "other than 0"),
    ):
        with pytest.raises(VenueRefusal, match=text):
            act()
    assert len(bench.ledger.lines) == before


def test_a_transfer_costs_its_price_and_takes_no_profit(bench) -> None:
    """Two come at 3.00, one goes: one is left at 3.00; cash and profit stay, a sale then takes its profit on 3.00."""
    back, account = office(bench)
    spec = bench.option(2650.0, "P")
    assert back.transfer(account, spec, 2, bench.venue.now, price=3.0) == 2
    assert back.transfer(account, spec, -1, bench.venue.now, price=9.0) == 1
    (line,) = bench.venue.positions()
    assert (line.quantity, line.average_cost_usd) == (1, 300.0)
    assert (bench.cash(), account.realized_cents) == (500_000.0, 0)
    back.trade(account, spec, Side.SELL, 1, bench.venue.now, price=5.0)
    assert (bench.cash(), account.realized_cents, bench.venue.positions()) == (500_500.0, 20_000, [])


def test_house_margin_binds_new_orders(bench) -> None:
    """An order that the rules allow is refused once the house demands more, and its what-if says why."""
    back, account = office(bench)
    legs = bench.condor()
    plain = bench.venue.what_if(bench.bag(legs, -6.0, 5))
    back.demand([account], HouseMargin(factor=60.0))
    demanded = bench.venue.what_if(bench.bag(legs, -6.0, 5))
    assert demanded.initial_after == pytest.approx(60.0 * plain.initial_after)
    assert bench.venue.place(bench.bag(legs, -45.0, 5)).code == 201


def test_an_expired_position_is_left_out_of_a_liquidation(bench) -> None:
    """With its settlement missing it stays, the others are closed."""
    back, account = office(bench)
    weekly = next(chain for chain in bench.venue.option_chains("SPX") if chain[2] == "SPXW")
    near = bench.option(2650.0, "P", weekly[4][1])
    far = bench.option(2650.0, "P")
    for spec in (near, far):
        back.transfer(account, spec, 1, bench.venue.now, price=1.0)
    assert near.expiry is not None
    bench.venue.settlements.withheld.add(near.expiry)
    day = next(day for day in bench.world.days if day.day > near.expiry)
    bench.venue.advance(day.open_at + timedelta(minutes=1))
    done = back.liquidate(account, None, bench.venue.now)
    assert [(e.spec.con_id, e.liquidation) for e in done] == [(far.con_id, 1)]
    assert [line.spec for line in bench.venue.positions()] == [near]


def test_overlapping_halts_end_one_by_one(bench) -> None:
    """A contract trades again only when its last halt is over; the newer kind is told."""
    spec = bench.option(2650.0, "P")
    halts = bench.venue.halts
    first = halts.begin(Scope(trading_class="SPXW"), HaltKind.GENERAL, index_stands=False)
    second = halts.begin(Scope(con_id=spec.con_id), HaltKind.VOLATILITY, index_stands=False)
    assert bench.venue.halt_kind(spec) == 2
    halts.end(second)
    assert bench.venue.halt_kind(spec) == 1
    order = bench.venue.place(bench.single(spec, Side.BUY, 90.0))
    bench.wait()
    assert order.status == "PreSubmitted"
    halts.end(first)
    bench.wait()
    assert (bench.venue.halt_kind(spec), order.status) == (0, "Filled")


def test_a_wide_market_is_wide_on_its_ticks(bench) -> None:
    """Five times as wide around the same middle, bid down and ask up to the tick; a bid below nothing is none."""
    spec, wing = bench.option(2650.0, "P"), bench.option(2000.0, "P")
    before = bench.venue.option_marks([spec, wing])
    bench.venue.oddities.begin(OddQuote(Oddity.WIDE, factor=5.0))
    wide = bench.venue.option_marks([spec, wing])
    width = before.ask[0] - before.bid[0]
    assert 5.0 * width - 1e-9 <= wide.ask[0] - wide.bid[0] <= 5.0 * width + 0.2 + 1e-9
    for price in (wide.bid[0], wide.ask[0]):
        assert price == pytest.approx(round(price / 0.1) * 0.1)
    assert wide.bid[1] != wide.bid[1]
    assert (wide.bid_size[1], wide.ask[1] > 0.0) == (0.0, True)


def test_what_is_only_told_never_reaches_an_order(bench) -> None:
    """In a wide market whose quotes are told at a tenth, an order trades at the true, wide ask."""
    spec = bench.option(2650.0, "P")
    oddities = bench.venue.oddities
    oddities.begin(OddQuote(Oddity.WIDE, factor=5.0))
    wide = float(bench.venue.option_marks([spec]).ask[0])
    oddities.begin(OddQuote(Oddity.SPIKE, factor=0.1))
    assert float(bench.venue.option_marks([spec]).ask[0]) < 0.2 * wide
    assert bench.venue.bag_quote(bench.condor())[1] is not None
    bench.venue.place(bench.single(spec, Side.BUY, None, order_type="MKT"))
    bench.wait()
    assert [execution.price for execution in bench.heard.executions] == [wide]


def test_a_day_order_lapses_at_an_early_close_and_a_lasting_one_does_not(bench) -> None:
    """DAY is cancelled at noon, to the second and between two looks at the market; GTC works on the next morning."""
    day = bench.venue.place(bench.bag(bench.condor(), -45.0))
    lasting = bench.venue.place(bench.bag(bench.condor(), -45.0, order_id=2, tif="GTC"))
    noon = bench.venue.now.replace(hour=12, minute=0, second=0)
    bench.venue.close_early(noon, told=True)
    bench.venue.advance(noon + timedelta(hours=1))
    assert (day.status, day.completed_at, lasting.status) == ("Cancelled", noon, "PreSubmitted")
    assert not bench.venue.is_open(bench.option(2650.0, "P"))
    bench.venue.advance(bench.world.days[1].open_at + timedelta(minutes=1))
    assert bench.venue.is_open(bench.option(2650.0, "P"))
    for at in (noon, bench.venue.now - timedelta(seconds=1), bench.world.days[1].close_at):
        with pytest.raises(VenueRefusal, match="can end early"):
            bench.venue.close_early(at, told=True)
