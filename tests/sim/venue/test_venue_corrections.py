"""Corrected executions: what the books say is what they would have said from the beginning."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sim.types import ContractSpec, Execution, Right, SecType, Side
from bot.sim.venue import FillModel
from bot.sim.venue.accounts import Account
from bot.sim.venue.refusal import VenueRefusal

AT = datetime(2018, 10, 15, 14, 0, tzinfo=UTC)
OPTION = ContractSpec(7, SecType.OPTION, "SPX", "SPXW", "CBOE", 100, "X", 110, 0.05, strike=2700.0, right=Right.PUT)
FUTURE = ContractSpec(8, SecType.FUTURE, "VIX", "VX", "CFE", 1000, "VXX8", 67, 0.05)


def execution(number: int, spec: ContractSpec, signed: int, cents: int) -> Execution:
    side = Side.BUY if signed >= 0 else Side.SELL
    return Execution(
        f"e.{number}.01", AT, 1, 1, 1, "", "DU1", spec, side, abs(signed), cents / 100, abs(signed), cents / 100
    )


TRADES = st.lists(st.tuples(st.integers(-5, 5).filter(bool), st.integers(0, 5000)), min_size=1, max_size=12)


@given(TRADES, st.data(), st.sampled_from([OPTION, FUTURE]))
def test_a_correction_leaves_the_books_as_if_it_had_always_been_so(trades, data, spec) -> None:
    """Cash, profit, position and average cost equal those of an account that traded the corrected list at once."""
    place = data.draw(st.integers(0, len(trades) - 1))
    quantity, cents = data.draw(st.tuples(st.integers(0, 9), st.integers(0, 5000)))
    account, direct = Account("DU1", 1000.0), Account("DU1", 1000.0)
    done = [execution(number, spec, *trade) for number, trade in enumerate(trades)]
    for one in done:
        account.trade(one)
    corrected = replace(done[place], exec_id="e.c.02", quantity=quantity, price=cents / 100)
    before = account.cash_cents
    booked = account.correct(done[place], corrected)
    for number, one in enumerate(done):
        direct.trade(corrected if number == place else one)
    assert account.cash_cents == direct.cash_cents == before + booked.cash_cents
    assert account.realized_cents == direct.realized_cents
    assert account.lines() == direct.lines()


CENTS = st.integers(0, 5000)
STEPS = st.one_of(st.tuples(st.integers(-5, 5).filter(bool), CENTS), st.tuples(st.none(), CENTS))
STORIES = st.lists(STEPS, min_size=1, max_size=12).filter(lambda story: any(signed for signed, _ in story))


def live(account: Account, story: list[tuple[int | None, int]], done: list[Execution | None]) -> None:
    """Trades and, where a step has no trade, the evening's mark."""
    for (_, cents), one in zip(story, done, strict=True):
        if one is not None:
            account.trade(one)
        elif FUTURE.con_id in account.positions:
            account.mark(FUTURE.con_id, cents)


@given(STORIES, st.data())
def test_a_correction_of_a_future_goes_through_every_daily_mark_since(story, data) -> None:
    """Equity, profit, position and cost equal those of an account that lived the corrected story at once."""
    done = [
        None if signed is None else execution(number, FUTURE, signed, cents)
        for number, (signed, cents) in enumerate(story)
    ]
    place = data.draw(st.sampled_from([number for number, one in enumerate(done) if one is not None]))
    old = done[place]
    assert old is not None
    quantity, cents = data.draw(st.tuples(st.integers(0, 9), st.integers(0, 5000)))
    corrected = replace(old, exec_id="e.c.02", quantity=quantity, price=cents / 100)
    account, direct = Account("DU1", 1000.0), Account("DU1", 1000.0)
    live(account, story, done)
    account.correct(old, corrected)
    live(direct, story, [*done[:place], corrected, *done[place + 1 :]])
    # Not cash: an evening that was flat had no mark, and the correction of a trade before it brings none.
    assert account.lines() == direct.lines()
    marks = {FUTURE.con_id: 25.0}
    assert account.state(marks, {}).net_liquidation == direct.state(marks, {}).net_liquidation
    assert account.realized_cents == direct.realized_cents


def bought(bench, quantity: int = 2) -> Execution:
    """Buys some puts at the ask and waits for their commission."""
    spec = bench.option(2650.0, "P")
    ask = float(bench.venue.option_marks([spec]).ask[0])
    bench.venue.place(bench.single(spec, Side.BUY, ask, quantity))
    bench.wait()
    bench.wait()
    ((done, commission),) = bench.venue.executions()
    assert commission is not None
    return done


def balance_explained(bench) -> float:
    """Cash by the ledger's fills (the last of each), commissions, settlements and deposits."""
    fills, fees = {}, {}
    for line in bench.kinds("fill", "commission"):
        stem = str(line["exec_id"]).rpartition(".")[0]
        (fills if line["kind"] == "fill" else fees)[stem] = line
    cash = 500_000.0
    for line in fills.values():
        sign = -1 if line["side"] == "BUY" else 1
        cash += sign * line["quantity"] * line["price"] * line["contract"]["multiplier"]  # type: ignore[index,operator]
    return round(cash - sum(float(line["amount"]) for line in fees.values()), 2)  # type: ignore[arg-type]


@pytest.mark.parametrize(("quantity", "cheaper"), [(2, 0.10), (1, 0.0), (3, 0.20), (0, 0.0)])
def test_a_correction_reaches_cash_position_and_commission_to_the_cent(bench, quantity, cheaper) -> None:
    """The correcting execution has the next number, its commission replaces the old one, and cash follows both."""
    done = bought(bench)
    new = bench.venue.booking.correct(
        done.exec_id, quantity=quantity, price=round(done.price - cheaper, 2), at=bench.venue.now
    )
    bench.wait()
    assert new.exec_id == done.exec_id.removesuffix("01") + "02"
    assert bench.cash() == balance_explained(bench)
    assert sum(line.quantity for line in bench.venue.positions()) == quantity
    assert [e.exec_id for e in bench.heard.executions] == [done.exec_id, new.exec_id]
    assert [c.exec_id for c in bench.heard.commissions] == [done.exec_id, new.exec_id]
    assert bench.heard.commissions[1].amount_usd == pytest.approx(
        bench.heard.commissions[0].amount_usd / done.quantity * quantity
    )
    assert bench.kinds("fill")[-1]["corrects"] == done.exec_id


def test_a_correction_before_the_commission_is_due_leaves_one_commission(make_bench) -> None:
    """The fee of the replaced execution is never charged; a second correction corrects the first."""
    bench = make_bench(fills=FillModel(improvement_probability=0.0, commission_delay_s=60.0)).open()
    spec = bench.option(2650.0, "P")
    bench.venue.place(bench.single(spec, Side.BUY, 90.0))
    bench.wait()
    ((done, _),) = bench.venue.executions()
    first = bench.venue.booking.correct(done.exec_id, quantity=1, price=done.price + 1, at=bench.venue.now)
    second = bench.venue.booking.correct(first.exec_id, quantity=1, price=done.price + 2, at=bench.venue.now)
    bench.wait(120)
    assert [c.exec_id for c in bench.heard.commissions] == [second.exec_id]
    assert bench.cash() == balance_explained(bench)


def test_a_correction_of_a_correction_is_charged_once(make_bench) -> None:
    """The first fee was charged, the second was not yet due when it was replaced: in all the last one is paid."""
    bench = make_bench(fills=FillModel(partial_probability=0.0, commission_delay_s=30.0)).open()
    spec = bench.option(2650.0, "P")
    bench.venue.place(bench.single(spec, Side.BUY, 90.0, 2))
    bench.wait()
    bench.wait(60)
    ((done, _),) = bench.venue.executions()
    first = bench.venue.booking.correct(done.exec_id, quantity=2, price=done.price + 1, at=bench.venue.now)
    last = bench.venue.booking.correct(first.exec_id, quantity=1, price=done.price, at=bench.venue.now)
    bench.wait(60)
    assert [c.exec_id for c in bench.heard.commissions] == [done.exec_id, last.exec_id]
    assert bench.cash() == balance_explained(bench)


def test_what_cannot_be_corrected_is_refused_and_nothing_changes(bench) -> None:
    """Unknown ids, summaries of combinations, replaced executions, no change, half cents, yesterday's executions."""
    done = bought(bench)
    legs = bench.condor()
    bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1], order_id=2))
    bench.wait()
    correct, now = bench.venue.booking.correct, bench.venue.now
    summary = next(e.exec_id for e, _ in bench.venue.executions() if e.spec.sec_type is SecType.BAG)
    cash, lines = bench.cash(), bench.venue.positions()
    for exec_id, quantity, price, text in (
        ("nobody", 1, 1.0, "no execution"),
        (summary, 1, 1.0, "summary"),
        (done.exec_id, done.quantity, done.price, "one of them new"),
        (done.exec_id, -1, done.price, "at least 0"),
        (done.exec_id, 1, 1.005, "whole cents"),
        (done.exec_id, 1, float("nan"), "whole cents"),
    ):
        with pytest.raises(VenueRefusal, match=text):
            correct(exec_id, quantity=quantity, price=price, at=now)
    assert (bench.cash(), bench.venue.positions()) == (cash, lines)
    correct(done.exec_id, quantity=1, price=done.price, at=now)
    with pytest.raises(VenueRefusal, match="has been replaced"):
        correct(done.exec_id, quantity=0, price=done.price, at=now)
    bench.venue.advance(bench.world.days[1].open_at)
    with pytest.raises(VenueRefusal, match="today"):
        correct(done.exec_id, quantity=0, price=done.price, at=bench.venue.now)
