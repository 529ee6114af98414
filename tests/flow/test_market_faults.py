"""Faults of the market and its quotes as the unmodified client meets them."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator

import pytest
from ib_insync import Future, Index, Ticker  # noqa: TID251 - the client under test

from bot.sim.faults.arguments import FaultError
from bot.sim.types import Right
from tests.flow.faulty_day import Day, contract_of, play

UNSET = 1.7976931348623157e308


@pytest.fixture(autouse=True)
def _no_message_is_lost(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """ib_insync only logs what it cannot decode and drops it."""
    with caplog.at_level(logging.ERROR, logger="ib_insync"):
        yield
    assert [r.getMessage() for r in caplog.records if "Error handling fields" in r.getMessage()] == []


def spx(day: Day) -> Ticker:
    return day.ib.reqMktData(Index("SPX", "CBOE", "USD"))


def vix(day: Day) -> Ticker:
    return day.ib.reqMktData(Index("VIX", "CBOE", "USD"))


def put(day: Day) -> Ticker:
    day.condor()
    return day.ib.reqMktData(contract_of(day.legs[1].spec))


# the market's course -------------------------------------------------------------------------------
def test_price_jump() -> None:
    """SPX falls seven percent within half a minute, VIX and the put rise with it, and a stop of the fault brings the
    market back."""

    async def story(day: Day) -> None:
        index, fear, option = spx(day), vix(day), put(day)
        await day.wait()
        before = (index.last, fear.last, option.bid)
        told = day.cause("price_jump", spx_pct=-7.0)
        await day.wait(32)
        assert index.last / before[0] == pytest.approx(0.93, abs=0.01)
        assert fear.last - before[1] == pytest.approx(told["vix_points"], abs=0.5)
        assert option.bid > 3 * before[2]
        assert index.low == pytest.approx(index.last, abs=10)
        day.cause("end", fault=told["fault"])
        await day.wait(32)
        assert index.last / before[0] == pytest.approx(1.0, abs=0.01)

    play(story)


def test_vix_spike_and_curve_inversion() -> None:
    """VIX climbs to forty in five minutes; the front future is then lifted over the second, and VIX options follow."""

    async def story(day: Day) -> None:
        fear = vix(day)
        first, second = (
            day.ib.reqMktData(Future("VIX", f"{expiry:%Y%m%d}", "CFE", tradingClass="VX"))
            for expiry in day.world.future_expiries(day.venue.now.date())[:2]
        )
        await day.wait()
        begun = fear.last
        day.cause("vix_spike", level=40.0)
        await day.wait(165)
        assert fear.last == pytest.approx((begun + 40.0) / 2, abs=2.0)
        await day.wait(200)
        assert fear.last == pytest.approx(40.0, abs=0.6)
        chain = next(c for c in day.venue.option_chains("VIX") if c[2] == "VIX")
        front = day.world.future_expiries(day.venue.now.date())[0]
        (call,) = (
            day.venue.find(
                {
                    "symbol": "VIX",
                    "sec_type": "OPT",
                    "trading_class": "VIX",
                    "expiry": f"{front:%Y%m%d}",
                    "strike": 20.0,
                    "right": "C",
                }
            )
            or chain[:1]
        )
        before = float(day.venue.option_marks([call]).forward[0])
        day.cause("curve_inversion", points=6.0)
        await day.wait(32)
        assert first.bid - second.bid == pytest.approx(6.0, abs=0.11)
        assert float(day.venue.option_marks([call]).forward[0]) == pytest.approx(first.bid, abs=0.2)
        assert before < first.bid
        assert fear.last == pytest.approx(40.0, abs=1.0)

    play(story)


def test_shocks_of_nothing_are_refused() -> None:
    """A jump by nothing and a spike beyond bounds say what is allowed."""

    async def story(day: Day) -> None:
        with pytest.raises(FaultError, match="nothing would change"):
            day.cause("price_jump")
        with pytest.raises(FaultError, match="level must be a number from 5 to 200"):
            day.cause("vix_spike", level=1000.0)

    play(story)


# halts ---------------------------------------------------------------------------------------------
def test_halt_and_resume() -> None:
    """Tick 49 says so, quotes go, an order is held and trades when the halt is over."""

    async def story(day: Day) -> None:
        option = put(day)
        other = day.ib.reqMktData(contract_of(day.legs[2].spec))
        await day.wait()
        assert (option.halted, other.halted) == (0.0, 0.0)
        ask = option.ask
        day.cause("halt", con_id=day.legs[1].spec.con_id, kind="volatility", for_s=60.0)
        await day.wait()
        assert (option.halted, option.bid, option.bidSize, other.halted) == (2.0, -1.0, 0.0, 0.0)
        trade = day.place(contract=contract_of(day.legs[1].spec), limit=round(ask + 2.0, 1))
        await day.wait(30)
        assert trade.orderStatus.status == "PreSubmitted"
        await day.wait(40)
        assert (option.halted, trade.orderStatus.status) == (0.0, "Filled")
        assert day.events == ["PreSubmitted", "Submitted", "fill OPT", "Filled", "commission"]

    play(story)


def test_market_halt() -> None:
    """Everything is halted and the index stands; a new line says so from the start; afterwards the index moves on."""

    async def story(day: Day) -> None:
        index, option = spx(day), put(day)
        await day.wait(30)
        day.cause("market_halt", for_s=900.0)
        await day.wait(30)
        stood = index.last
        assert (index.halted, option.halted, option.bid) == (1.0, 1.0, -1.0)
        late = day.ib.reqMktData(contract_of(day.legs[3].spec))
        await day.wait(600)
        assert (index.last, late.halted, late.bid) == (stood, 1.0, -1.0)
        await day.wait(360)
        assert index.last != stood
        assert option.bid > 0.0

    play(story, tick_s=15.0)


# quotes --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("how", "holds"),
    [
        ("crossed", lambda t, was: t.bid > t.ask > 0.0),
        ("locked", lambda t, was: t.bid == t.ask > 0.0),
        ("no_bid", lambda t, was: t.bid == -1.0 and t.bidSize == 0.0 and t.ask > 0.0),
        ("no_ask", lambda t, was: t.ask == -1.0 and t.askSize == 0.0 and t.bid > 0.0),
        ("no_quote", lambda t, was: t.bid == t.ask == -1.0),
        ("wide", lambda t, was: t.ask - t.bid > 4.0 * (was[1] - was[0])),
        ("zero_size", lambda t, was: t.bidSize == t.askSize == 0.0 and t.bid > 0.0),
        ("zero_price", lambda t, was: t.bid == t.ask == 0.0),
        ("unset_price", lambda t, was: t.bid == t.ask == UNSET),
    ],
)
def test_odd_quotes(how: str, holds) -> None:
    """The put is quoted oddly, the other strikes as ever, and the put again when the fault is over."""

    async def story(day: Day) -> None:
        option = put(day)
        other = day.ib.reqMktData(contract_of(day.legs[0].spec))
        await day.wait(15)
        was = (option.bid, option.ask)
        day.cause("odd_quotes", how=how, trading_class="SPXW", strike=day.legs[1].spec.strike, right="P", for_s=60.0)
        await day.wait(15)
        assert holds(option, was)
        assert 0.0 < other.bid < other.ask < UNSET
        await day.wait(70)
        assert 0.0 < option.bid < option.ask
        assert option.bidSize > 0.0

    play(story, tick_s=10.0)


@pytest.mark.parametrize("how", ["no_bid", "no_ask", "no_quote"])
def test_orders_meet_a_market_without_a_side(how: str) -> None:
    """A market order buys where there is an ask, and waits where there is none."""

    async def story(day: Day) -> None:
        day.condor()
        day.cause("odd_quotes", how=how)
        trade = day.place(contract=contract_of(day.legs[1].spec), limit=500.0)
        await day.wait(5)
        assert trade.orderStatus.status == ("Filled" if how == "no_bid" else "Submitted")

    play(story)


@pytest.mark.parametrize("how", ["absent", "not_yet", "unset"])
def test_odd_greeks(how: str) -> None:
    """A line opened meanwhile has no computation, one that is not ready, or one of unset doubles; then the true one."""

    async def story(day: Day) -> None:
        day.condor()
        day.cause("odd_greeks", how=how, for_s=60.0)
        option = day.ib.reqMktData(contract_of(day.legs[1].spec))
        await day.wait(10)
        model = option.modelGreeks
        assert option.bid > 0.0
        if how == "absent":
            assert model is None
        elif how == "not_yet":
            assert model is not None
            assert (model.impliedVol, model.delta, model.optPrice, model.vega) == (None, None, None, -2.0)
        else:
            assert model is not None
            assert model.impliedVol == model.delta == model.optPrice == UNSET
        await day.wait(61)
        assert option.modelGreeks is not None
        assert -1.0 < option.modelGreeks.delta < 0.0

    play(story)


def test_account_values_do_not_follow_odd_greeks() -> None:
    """A position is valued at its mark while its computation is told as unset."""

    async def story(day: Day) -> None:
        await day.holding()
        day.cause("odd_greeks", how="unset")
        await day.ib.reqAccountUpdatesAsync("DU1234567")
        assert all(math.isfinite(item.marketValue) and item.marketPrice < 1000.0 for item in day.ib.portfolio())

    play(story)


@pytest.mark.parametrize("how", ["frozen", "silent"])
def test_quote_freeze(how: str) -> None:
    """Frozen, the line repeats what it said; silent, nothing comes; the index lives, orders meet the true market."""

    async def story(day: Day) -> None:
        option, index = put(day), spx(day)
        bag = day.ib.reqMktData(day.condor())
        await day.wait(30)
        day.cause("quote_freeze", how=how, sec_type="OPT", for_s=1200.0)
        await day.wait(30)
        shown, heard = (option.bid, option.ask, bag.bid), []
        option.updateEvent += lambda ticker: heard.append(len(ticker.ticks))
        level = index.last
        await day.wait(900)
        assert (option.bid, option.ask, bag.bid) == shown
        assert bool(heard) is (how == "frozen")
        assert index.last != level
        day.place(contract=contract_of(day.legs[1].spec), limit=500.0)
        await day.wait(60)
        (fill,) = day.ib.fills()
        assert fill.execution.price != shown[1]
        await day.wait(300)
        marks = day.venue.option_marks([day.legs[1].spec])
        assert (option.bid, option.ask) == (float(marks.bid[0]), float(marks.ask[0]))

    play(story, tick_s=15.0)


def test_quote_spike() -> None:
    """At one tick the index is told at half its level, at the next it is back; the market never was there."""

    async def story(day: Day) -> None:
        index, seen = spx(day), []
        await day.wait()
        index.updateEvent += lambda ticker: seen.append(ticker.last)
        before = index.last
        day.cause("quote_spike", factor=0.5, sec_type="IND", symbol="SPX")
        await day.wait(6)
        assert [last < 0.6 * before for last in seen].count(True) == 1
        assert seen[-1] == pytest.approx(before, rel=0.01)
        assert day.venue.account("DU1234567").net_liquidation == 500_000.0

    play(story)


def test_bad_contract_terms_are_refused() -> None:
    """A date in another form says how it is written."""

    async def story(day: Day) -> None:
        with pytest.raises(FaultError, match="YYYYMMDD"):
            day.cause("halt", expiry="2026-01-01")
        with pytest.raises(FaultError, match="sec_type must be one of OPT, FUT, STK, IND"):
            day.cause("halt", sec_type="BOND")
        assert day.spec(2900.0, Right.PUT)

    play(story)


# time ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("told", [True, False])
def test_early_close(told: bool) -> None:
    """At noon quotes stop, the day order lapses and a new one is held for the next day; hours say so if they are told;
    the index stands where it closed."""

    async def story(day: Day) -> None:
        index, option = spx(day), put(day)
        trade = day.place()
        await day.wait(30)
        day.cause("early_close", time="12:00", told=told)
        hours = (await day.ib.reqContractDetailsAsync(contract_of(day.legs[1].spec)))[0].liquidHours
        assert ("-20260302:1100" in hours) is told
        await day.wait(5400)
        closed = index.last
        assert (option.bid, option.ask, trade.orderStatus.status) == (-1.0, -1.0, "Cancelled")
        late = day.place(limit=-23.0)
        await day.wait(3600)
        assert (index.last, late.orderStatus.status) == (closed, "PreSubmitted")
        with pytest.raises(FaultError, match="early_close: a session can end early at a time from now"):
            day.cause("early_close", time="15:00")
        with pytest.raises(FaultError, match="written HH:MM"):
            day.cause("early_close", time="noon")

    play(story, tick_s=15.0)


def test_market_closed() -> None:
    """The session ends at once and the hours still promise it."""

    async def story(day: Day) -> None:
        option = put(day)
        await day.wait()
        day.cause("market_closed")
        await day.wait()
        assert (option.bid, option.ask) == (-1.0, -1.0)
        hours = (await day.ib.reqContractDetailsAsync(contract_of(day.legs[1].spec)))[0].liquidHours
        assert "-20260302:1515" in hours

    play(story)


def test_clock_jump() -> None:
    """An hour is skipped in no time: the gateway's clock, the market and a fault that ends meanwhile; a jump beyond the
    session ends with it."""

    async def story(day: Day) -> None:
        before = await day.ib.reqCurrentTimeAsync()
        day.cause("hold_fills", for_s=1800.0)
        assert day.cause("clock_jump", seconds=3600.0) == {"market_s": 3600.0}
        await day.wait(3)
        after = await day.ib.reqCurrentTimeAsync()
        assert 3600 <= (after - before).total_seconds() <= 3606
        assert day.gateway.stage.lasting.listed() == []
        day.cause("clock_jump", seconds=1e6)
        await day.wait(3)
        now = day.venue.now
        assert (now.date(), f"{now:%H:%M}") in ((day.world.days[0].day, "16:30"), (day.world.days[1].day, "09:15"))

    play(story)


def test_server_time() -> None:
    """The time told and the times of executions are an hour ahead for a while; the ledger keeps the right ones."""

    async def story(day: Day) -> None:
        day.cause("server_time", offset_s=3600.0, for_s=600.0)
        told = await day.ib.reqCurrentTimeAsync()
        assert (told - day.venue.now).total_seconds() == pytest.approx(3600.0, abs=3.0)
        await day.holding()
        (first, *_) = day.ib.fills()
        assert (first.execution.time - day.venue.now).total_seconds() == pytest.approx(3600.0, abs=10.0)
        await day.wait(600)
        told = await day.ib.reqCurrentTimeAsync()
        assert (told - day.venue.now).total_seconds() == pytest.approx(0.0, abs=3.0)
        assert {fill.execution.time for fill in await day.ib.reqExecutionsAsync()} != {first.execution.time}

    play(story)
