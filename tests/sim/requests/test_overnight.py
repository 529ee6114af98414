"""A night lived through by the real client: quotes in their sessions and none between, and orders that work there."""

from __future__ import annotations

from datetime import datetime, timedelta

from ib_insync import Contract, LimitOrder, Ticker  # noqa: TID251 - the client under test

from bot.sim.exchange.hours import NEW_YORK
from bot.sim.types import ContractSpec
from tests.sim.requests.served import Desk, play

_EVENING = timedelta(hours=6, minutes=40)
"""From the open to five minutes before the close."""


def clock(hour: int, minute: int = 0, day: int = 2) -> datetime:
    """New York time in the night of the scenario's first day, Monday the 2nd of March 2026."""
    return datetime(2026, 3, day, hour, minute, tzinfo=NEW_YORK)


def watch(desk: Desk, spec: ContractSpec) -> Ticker:
    return desk.ib.reqMktData(Contract(conId=spec.con_id, exchange=spec.exchange))


def quoted(*tickers: Ticker) -> list[bool]:
    return [ticker.bid > 0.0 and ticker.ask > ticker.bid for ticker in tickers]


def test_a_night_is_quoted_session_by_session() -> None:
    """Options in the curb and the night session, VX and SPY in theirs, nobody in between; SPX stands still all night,
    VIX moves from 03:15; the phase says where time is."""

    async def story(desk: Desk) -> None:
        put = watch(desk, desk.option(14, -0.03))
        vx = watch(desk, desk.venue.find({"sec_type": "FUT", "trading_class": "VX"})[0])
        spy = watch(desk, desk.spec(symbol="SPY", sec_type="STK"))
        spx, vix = (watch(desk, desk.spec(symbol=symbol, sec_type="IND")) for symbol in ("SPX", "VIX"))
        await desk.until(clock(16, 14))
        assert (quoted(put, vx, spy), desk.gateway.clock.phase) == ([True, True, True], "open")
        narrow, size = put.ask - put.bid, put.bidSize
        await desk.until(clock(16, 32))
        assert (quoted(put, vx, spy), desk.gateway.clock.phase) == ([True, True, True], "extended")
        assert put.ask - put.bid > 1.5 * narrow
        assert put.bidSize < 0.7 * size
        close, seen = spx.last, []
        vix_seen: set[float] = set()
        for moment in (clock(17, 2), clock(18, 2), clock(20, 2), clock(20, 18), clock(3, 10, 3), clock(4, 2, 3)):
            await desk.until(moment)
            seen.append(quoted(put, vx, spy))
            assert spx.last == close
            vix_seen.add(vix.last)
        assert len(vix_seen) == 2
        assert seen == [
            [False, False, True],
            [False, True, True],
            [False, True, False],
            [True, True, False],
            [True, True, False],
            [True, True, True],
        ]
        await desk.until(clock(9, 28, 3))
        assert quoted(put, vx, spy) == [False, True, True]
        await desk.until(clock(9, 32, 3))
        assert (quoted(put, vx, spy), desk.gateway.clock.phase) == ([True, True, True], "open")
        assert put.ask - put.bid < 1.5 * narrow
        assert spx.last != close

    play(story, after=_EVENING, tick_s=120.0, overnight=True)


def test_orders_of_the_night_and_orders_for_the_day() -> None:
    """At 20:16 an order with outsideRth fills; the same without is held with 399 and fills at 09:30; a limit order for
    VX fills too and is told with 2109 that the attribute does nothing."""

    async def story(desk: Desk) -> None:
        put, vx = desk.option(14, -0.03), desk.venue.find({"sec_type": "FUT", "trading_class": "VX"})[0]
        tickers = [watch(desk, spec) for spec in (put, vx)]
        await desk.pause(120)
        trades = [
            desk.ib.placeOrder(
                Contract(conId=spec.con_id, exchange=spec.exchange),
                LimitOrder("BUY", 1, round(ticker.ask + 0.2, 2), outsideRth=outside),
            )
            for spec, ticker, outside in zip(
                (put, put, vx), (*tickers[:1] * 2, tickers[1]), (True, False, True), strict=True
            )
        ]
        await desk.pause(240)
        assert [trade.orderStatus.status for trade in trades] == ["Filled", "PreSubmitted", "Filled"]
        told = [(number, code) for number, code, _ in desk.errors if code in (399, 2109)]
        assert told == [(trades[1].order.orderId, 399), (trades[2].order.orderId, 2109)]
        assert "2026-03-03 09:30:00 US/Eastern" in next(text for _, code, text in desk.errors if code == 399)
        await desk.until(clock(9, 25, 3))
        assert trades[1].orderStatus.status == "PreSubmitted"
        await desk.until(clock(9, 35, 3))
        assert trades[1].orderStatus.status == "Filled"
        hours = [trade.fills[0].execution.time.astimezone(NEW_YORK).hour for trade in trades]
        assert hours == [20, 9, 20]

    play(story, after=timedelta(hours=10, minutes=46), tick_s=120.0, overnight=True)
