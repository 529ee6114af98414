"""Bars that go on forming: kept up to date, and real-time bars of five seconds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ib_insync import Contract, Index  # noqa: TID251 - the client under test

from bot.sim.types import ContractSpec
from tests.sim.requests.served import VERSIONS, Desk, play


def contract(spec: ContractSpec) -> Contract:
    return Contract(conId=spec.con_id, symbol=spec.symbol, secType=spec.sec_type.value, exchange=spec.exchange)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", ["1 min", "1 hour", "1 day"])
def test_bars_kept_up_to_date_end_as_the_past_says(size: str, version: int) -> None:
    """After three minutes and a bit the list equals what a new request gives, and new bars were announced as such."""

    async def story(desk: Desk) -> None:
        spx, news = Index("SPX", "CBOE"), []
        bars = await desk.ib.reqHistoricalDataAsync(spx, "", "1 D", size, "TRADES", True, 2, keepUpToDate=True)
        before = len(bars)
        bars.updateEvent += lambda _, new: news.append(new)
        await desk.pause(200)
        again = await desk.ib.reqHistoricalDataAsync(spx, "", "1 D", size, "TRADES", True, 2)
        assert list(bars) == list(again)
        assert len(bars) - before == sum(news) == (3 if size == "1 min" else 0)
        assert len(news) > 10
        desk.ib.cancelHistoricalData(bars)
        await desk.pause(30)
        assert len(news) < 60
        assert desk.codes() == [162]

    play(story, after=timedelta(hours=1, seconds=10), tick_s=5.0, version=version)


def test_updates_sleep_over_night_and_go_on_with_the_next_session() -> None:
    """The last bar of a day stands at the close; the first of the next day is a new one."""

    async def story(desk: Desk) -> None:
        spx = Index("SPX", "CBOE")
        bars = await desk.ib.reqHistoricalDataAsync(spx, "", "1 D", "30 mins", "TRADES", True, 2, keepUpToDate=True)
        await desk.until(desk.gateway.world.days[1].open_at + timedelta(minutes=40))
        again = await desk.ib.reqHistoricalDataAsync(spx, "", "2 D", "30 mins", "TRADES", True, 2)
        assert [bar for bar in bars if bar.date >= bars[0].date] == list(again)[-len(bars) :]
        assert bars[-1].date.date() == desk.now.date()

    play(story, after=timedelta(hours=6, minutes=10), tick_s=60.0)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("tick_s", [1.0, 15.0])
def test_real_time_bars_are_the_five_second_bars_of_the_past(tick_s: float, version: int) -> None:
    """A bar every five seconds whatever the gateway's ticks, equal to the historical ones: index, future, option."""

    async def story(desk: Desk) -> None:
        put = contract(desk.option(14, -0.01))
        future = contract(desk.spec(symbol="VIX", trading_class="VX", sec_type="FUT", expiry="202604"))
        streams: list[tuple[Contract, str, Any]] = []
        for what, price in ((Index("SPX", "CBOE"), "TRADES"), (future, "BID"), (put, "MIDPOINT")):
            streams.append((what, price, desk.ib.reqRealTimeBars(what, 5, price, True)))
        await desk.pause(63)
        for what, price, live in streams:
            past = await desk.ib.reqHistoricalDataAsync(what, "", "120 S", "5 secs", price, True, 2)
            known = {bar.date: bar for bar in past}
            assert 9 <= len(live) <= 16
            assert [(b.time - live[0].time).total_seconds() for b in live] == [5.0 * n for n in range(len(live))]
            for bar in live[:-1]:
                seen = known[bar.time]
                assert (bar.open_, bar.high, bar.low, bar.close) == (seen.open, seen.high, seen.low, seen.close)
            desk.ib.cancelRealTimeBars(live)
        count = len(streams[0][2])
        await desk.pause(30)
        assert len(streams[0][2]) == count
        assert desk.codes() == []

    play(story, tick_s=tick_s, version=version)


def test_trades_of_a_quiet_option_stand_still() -> None:
    """Five seconds without a trade repeat the last price with no volume."""

    async def story(desk: Desk) -> None:
        live = desk.ib.reqRealTimeBars(contract(desk.option(14, -0.02)), 5, "TRADES", True)
        await desk.pause(600)
        quiet = [bar for bar in live if bar.volume == 0]
        assert quiet
        assert all(bar.open_ == bar.high == bar.low == bar.close > 0 for bar in quiet)
        assert any(bar.volume > 0 for bar in live)

    play(story, tick_s=5.0)


def test_bad_real_time_requests_are_refused() -> None:
    """Another length, a price that is none, quotes of an index, an unknown id on cancel."""

    async def story(desk: Desk) -> list[int]:
        spx, client = Index("SPX", "CBOE"), desk.ib.client
        client.reqRealTimeBars(9001, spx, 10, "TRADES", True, [])
        client.reqRealTimeBars(9002, spx, 5, "WISHES", True, [])
        client.reqRealTimeBars(9003, spx, 5, "BID", True, [])
        client.reqRealTimeBars(9004, Index("NOSUCH", "CBOE"), 5, "TRADES", True, [])
        client.reqRealTimeBars(9005, spx, 5, "TRADES", True, [])
        client.reqRealTimeBars(9005, spx, 5, "TRADES", True, [])
        client.cancelRealTimeBars(9006)
        await desk.pause(1)
        return desk.codes()

    assert play(story) == [321, 321, 420, 200, 102, 300]
