"""Head timestamps, historical ticks and histograms, and that ticks and bars tell the same trades."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ib_insync import Contract, Index, Stock  # noqa: TID251 - the client under test

from bot.sim.types import ContractSpec
from tests.sim.requests.served import VERSIONS, Desk, play


def contract(spec: ContractSpec) -> Contract:
    return Contract(conId=spec.con_id, symbol=spec.symbol, secType=spec.sec_type.value, exchange=spec.exchange)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_earliest_moment_is_told_in_utc(version: int) -> None:
    """The first session known, as text or epoch; a future begins when it was listed."""

    async def story(desk: Desk) -> None:
        spx, future = (
            Index("SPX", "CBOE"),
            contract(desk.spec(symbol="VIX", trading_class="VX", sec_type="FUT", expiry="202604")),
        )
        first = desk.venue.past.first_moment(desk.spec(symbol="SPX", sec_type="IND"))
        assert first is not None
        assert await desk.ib.reqHeadTimeStampAsync(spx, "TRADES", True, 1) == first.astimezone(UTC).replace(tzinfo=None)
        assert await desk.ib.reqHeadTimeStampAsync(spx, "TRADES", True, 2) == first
        assert await desk.ib.reqHeadTimeStampAsync(future, "TRADES", True, 2) > first
        assert desk.codes() == []

    play(story, version=version)


def test_heads_that_do_not_exist_are_refused() -> None:
    """An index has no bid; a contract that is none has no head."""

    async def story(desk: Desk) -> list[int]:
        for what, price in (
            (Index("SPX", "CBOE"), "BID"),
            (Index("SPX", "CBOE"), "X"),
            (Index("NO", "CBOE"), "TRADES"),
        ):
            desk.ib.client.reqHeadTimeStamp(desk.ib.client.getReqId(), what, price, True, 1)
        await desk.pause(1)
        return desk.codes()

    assert play(story) == [162, 321, 200]


@pytest.mark.parametrize("version", VERSIONS)
def test_ticks_and_bars_tell_the_same_trades(version: int) -> None:
    """Trades of an option over an hour add up to the bar of that hour; quotes and middles fit each other."""

    async def story(desk: Desk) -> None:
        put = contract(desk.option(14, -0.01))
        hour = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)
        (bar,) = await desk.ib.reqHistoricalDataAsync(put, "20260303-16:00:00", "3600 S", "1 hour", "TRADES", True, 2)
        ticks = await desk.ib.reqHistoricalTicksAsync(put, "20260303-15:00:00", "", 1000, "TRADES", True)
        inside = [t for t in ticks if bar.date <= t.time < datetime(2026, 3, 3, 16, tzinfo=UTC)]
        assert hour < bar.date
        assert (inside[0].price, inside[-1].price) == (bar.open, bar.close)
        assert (max(t.price for t in inside), min(t.price for t in inside)) == (bar.high, bar.low)
        assert (sum(t.size for t in inside), len(inside)) == (bar.volume, bar.barCount)
        quotes = await desk.ib.reqHistoricalTicksAsync(put, "", "20260303-16:00:00", 100, "BID_ASK", True)
        middles = await desk.ib.reqHistoricalTicksAsync(put, "", "20260303-16:00:00", 100, "MIDPOINT", True)
        assert len(quotes) == len(middles) == 100
        assert all(q.priceBid < q.priceAsk and q.sizeBid > 0 for q in quotes)
        assert [round((q.priceBid + q.priceAsk) / 2, 4) for q in quotes] == [m.price for m in middles]
        assert quotes[-1].time == datetime(2026, 3, 3, 16, tzinfo=UTC)
        levels = await desk.ib.reqHistoricalTicksAsync(Index("SPX", "CBOE"), "", "20260303-16:00:00", 5, "TRADES", True)
        assert [level.size for level in levels] == [0.0] * 5

    play(story, day=2, version=version)


def test_ticks_that_cannot_be_given_are_refused() -> None:
    """Both ends or none, too many, an unknown kind, a time that is none, quotes of an index, the same within 15 s."""

    async def story(desk: Desk) -> list[int]:
        spx = Index("SPX", "CBOE")
        now = f"{desk.now:%Y%m%d %H:%M:%S} US/Eastern"
        for start, end, count, what in (
            (now, now, 10, "TRADES"),
            ("", "", 10, "TRADES"),
            ("", now, 1001, "TRADES"),
            ("", now, 10, "WISHES"),
            ("", "noon", 10, "TRADES"),
            ("", now, 10, "BID_ASK"),
        ):
            desk.ib.client.reqHistoricalTicks(desk.ib.client.getReqId(), spx, start, end, count, what, 1, False, [])
        await desk.pause(1)
        for _ in range(2):
            await desk.ib.reqHistoricalTicksAsync(spx, "", now, 10, "TRADES", True)
        return desk.codes()

    assert play(story, tick_s=1.0) == [321, 321, 321, 321, 10314, 10187, 162]


def test_a_histogram_counts_the_day_s_volume() -> None:
    """Shares by price add up to the volume so far; an index counts its prints; a period that is none is refused."""

    async def story(desk: Desk) -> None:
        spy = Stock("SPY", "SMART", "USD")
        items = await desk.ib.reqHistogramDataAsync(spy, True, "1 day")
        bars = await desk.ib.reqHistoricalDataAsync(spy, "", "1 D", "1 min", "TRADES", True)
        assert sum(item.count for item in items) == pytest.approx(sum(bar.volume for bar in bars), rel=0.01)
        assert [item.price for item in items] == sorted(item.price for item in items)
        assert await desk.ib.reqHistogramDataAsync(Index("SPX", "CBOE"), True, "3 hours")
        assert not await desk.ib.reqHistogramDataAsync(spy, True, "a while")
        assert desk.codes() == [321]

    play(story)
