"""Historical bars: every size says the same day, agrees with what was streamed, and bad requests are told apart."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ib_insync import Contract, Index, Option, Stock  # noqa: TID251 - the client under test

from bot.sim.desk.bar_query import BarSize
from bot.sim.types import ContractSpec, SecType
from bot.sim.wire.limits import HistoryLimits, Limits
from tests.sim.requests.served import VERSIONS, Desk, play

NEW_YORK = ZoneInfo("America/New_York")
INTRADAY = [size for size in BarSize if size.seconds and size.seconds >= 60]


def contract(spec: ContractSpec) -> Contract:
    return Contract(conId=spec.con_id, symbol=spec.symbol, secType=spec.sec_type.value, exchange=spec.exchange)


async def ask(
    desk: Desk, what: Contract, duration: str, size: str, price: str = "TRADES", end: Any = "", **more: Any
) -> Any:
    return await desk.ib.reqHistoricalDataAsync(what, end, duration, size, price, True, **more)


def whole(bars: Any) -> tuple[float, float, float, float]:
    return bars[0].open, max(b.high for b in bars), min(b.low for b in bars), bars[-1].close


@pytest.mark.parametrize("version", VERSIONS)
def test_all_sizes_tell_the_same_day(version: int) -> None:
    """Open, high, low, close and volume of yesterday's bars of any size are those of its daily bar, and that is the
    world's; an index, a fund, a future (whose daily close is the settlement), an option (from the surface)."""

    async def story(desk: Desk) -> None:
        yesterday = desk.gateway.world.days[2]
        spx, spy, vx = (
            Index("SPX", "CBOE"),
            Stock("SPY", "SMART", "USD"),
            contract(desk.spec(symbol="VIX", trading_class="VX", sec_type="FUT", expiry="202604")),
        )
        put = contract(desk.option(30, -0.03))
        end = f"{yesterday.close_at:%Y%m%d %H:%M:%S} US/Eastern"
        (known,) = desk.gateway.world.daily_bars("SPY", desk.gateway.world.days[3].day, 1)
        for what in (spx, spy, vx):
            (day,) = await ask(desk, what, "1 D", "1 day", end=end)
            assert day.date == yesterday.day
            assert what is not spy or day.volume == known.volume > 1e7
            for size in INTRADAY:
                bars = await ask(desk, what, "1 D", size, end=end)
                o, h, low, c = whole(bars)
                assert (o, h, low) == pytest.approx((day.open, day.high, day.low), abs=1e-6), size
                assert c == pytest.approx(day.close, abs=0.026 if what is vx else 1e-6)
                assert sum(b.volume for b in bars) == pytest.approx(day.volume)
                assert all(b.low <= min(b.open, b.close) <= max(b.open, b.close) <= b.high for b in bars)
        for price in ("TRADES", "BID", "ASK", "MIDPOINT"):
            coarse = whole(await ask(desk, put, "1 D", "8 hours", price, end=end))
            assert coarse == whole(await ask(desk, put, "1 D", "1 min", price, end=end))
            assert coarse == whole(await ask(desk, put, "1 D", "20 mins", price, end=end))

    play(story, day=3, version=version)


def test_bars_start_at_the_open_and_then_on_the_clock() -> None:
    """Hours begin at 9:30 and 10:00, twenty minutes at 9:30 and 9:40; the last bar is cut by the index close."""

    async def story(desk: Desk) -> None:
        end = f"{desk.gateway.world.days[0].close_at:%Y%m%d %H:%M:%S} US/Eastern"
        spx = Index("SPX", "CBOE")
        hours = await ask(desk, spx, "1 D", "1 hour", end=end)
        assert [f"{b.date.astimezone(NEW_YORK):%H:%M}" for b in hours] == ["09:30", *(f"{h}:00" for h in range(10, 16))]
        twenty = await ask(desk, spx, "1 D", "20 mins", end=end)
        assert [f"{b.date.astimezone(NEW_YORK):%H:%M}" for b in twenty[:3]] == ["09:30", "09:40", "10:00"]
        assert all(b.close == nxt.open for b, nxt in pairwise(twenty))

    play(story, day=1)


@pytest.mark.parametrize("version", VERSIONS)
def test_bars_are_what_was_streamed(version: int) -> None:
    """Every price that ticked in lies inside its minute's bar; the newest close is the last tick. For an option the
    bid and ask of every look are inside to a tick, because looks fall between the bars' grid."""

    async def story(desk: Desk) -> None:
        put = desk.option(20, -0.02)
        spx = desk.ib.reqMktData(Index("SPX", "CBOE"))
        quote = desk.ib.reqMktData(contract(put))
        seen: list[tuple[datetime, float, float, float]] = []
        for _ in range(80):
            await desk.pause(6.0)
            seen.append((desk.now, spx.last, quote.bid, quote.ask))
        minutes, bids, asks = [
            {b.date.timestamp(): b for b in await ask(desk, what, "1 D", "1 min", price, formatDate=2)}
            for what, price in ((Index("SPX", "CBOE"), "TRADES"), (contract(put), "BID"), (contract(put), "ASK"))
        ]
        for at, last, bid, offer in seen[:-1]:
            start = at.timestamp() // 60 * 60
            assert minutes[start].low - 1e-9 <= last <= minutes[start].high + 1e-9
            assert bids[start].low - 0.101 <= bid <= bids[start].high + 0.101
            assert asks[start].low - 0.101 <= offer <= asks[start].high + 0.101
        assert list(minutes.values())[-1].close == spx.last

    play(story, tick_s=2.0, version=version)


def test_durations_count_sessions_and_calendars() -> None:
    """Days are sessions, today's as far as it has come; weeks, months and years go by the calendar; ends may be given
    with a zone, in UTC, or without (New York)."""

    async def story(desk: Desk) -> None:
        spx, today = Index("SPX", "CBOE"), desk.now.date()
        bars = await ask(desk, spx, "5 D", "1 day")
        assert (len(bars), bars[-1].date) == (5, today)
        assert bars[-1].high < 10_000.0
        assert len(await ask(desk, spx, "1 W", "1 day")) == 5
        assert 19 <= len(await ask(desk, spx, "1 M", "1 day")) <= 22
        assert 248 <= len(await ask(desk, spx, "1 Y", "1 day")) <= 253
        weeks = await ask(desk, spx, "3 M", "1 week")
        assert all((later.date - one.date).days in (6, 7, 8) for one, later in pairwise(weeks[1:]))
        assert len(await ask(desk, spx, "6 M", "1 month")) in (6, 7)
        evening = desk.gateway.world.days[0].day
        for end in (
            f"{evening:%Y%m%d} 16:00:00 US/Eastern",
            f"{evening:%Y%m%d}-21:00:00",
            f"{evening:%Y%m%d} 16:00:00",
        ):
            assert (await ask(desk, spx, "1 D", "1 day", end=end))[-1].date == evening
        seconds = await ask(desk, spx, "120 S", "5 secs")
        assert len(seconds) in (24, 25)
        assert seconds[-1].date <= desk.now.astimezone(seconds[-1].date.tzinfo)

    play(story, day=1)


@pytest.mark.parametrize(("version", "text"), [(157, "20260302  09:30:00"), (176, "20260302 08:30:00 US/Central")])
def test_dates_are_written_as_the_version_writes_them(version: int, text: str) -> None:
    """Local time of the login before 174, the exchange's with its name after; epoch seconds and dates on request."""

    async def story(desk: Desk) -> list[str]:
        seen: list[str] = []
        desk.ib.wrapper.historicalData = lambda number, bar: seen.append(bar.date)  # type: ignore[method-assign]
        await ask(desk, Index("SPX", "CBOE"), "1 D", "1 hour")
        await ask(desk, Index("SPX", "CBOE"), "1 D", "1 hour", formatDate=2)
        await ask(desk, Index("SPX", "CBOE"), "1 D", "1 day", formatDate=2)
        return seen

    seen = play(story, version=version)
    epoch = int(datetime(2026, 3, 2, 9, 30, tzinfo=NEW_YORK).timestamp())
    assert seen[0] == text
    assert str(epoch) in seen
    assert seen[-1] == "20260302"


def test_quotes_and_volatilities_have_bars() -> None:
    """BID_ASK means average bid, highest ask, lowest bid, average ask; volatilities are fractions a year; what is not
    counted is -1."""

    async def story(desk: Desk) -> None:
        put = contract(desk.option(20, -0.02))
        (both,) = await ask(desk, put, "1 D", "8 hours", "BID_ASK")
        (bid,) = await ask(desk, put, "1 D", "8 hours", "BID")
        (offer,) = await ask(desk, put, "1 D", "8 hours", "ASK")
        assert (both.high, both.low) == (offer.high, bid.low)
        assert bid.low < both.open < bid.high
        assert offer.low < both.close < offer.high
        assert (bid.volume, bid.average, bid.barCount) == (-1, -1, -1)
        realised = await ask(desk, Index("SPX", "CBOE"), "10 D", "1 day", "HISTORICAL_VOLATILITY")
        implied = await ask(desk, Index("SPX", "CBOE"), "10 D", "1 hour", "OPTION_IMPLIED_VOLATILITY")
        assert all(0.05 < b.close < 0.5 and b.open == b.close for b in realised)
        assert all(0.05 < b.low <= b.high < 0.5 for b in implied)
        adjusted = await ask(desk, Stock("SPY", "SMART", "USD"), "1 D", "30 mins", "ADJUSTED_LAST")
        plain = await ask(desk, Stock("SPY", "SMART", "USD"), "1 D", "30 mins")
        assert list(adjusted) == list(plain)
        assert all(b.volume > 0 and b.low <= b.average <= b.high for b in plain)

    play(story, day=2)


def test_the_same_seed_gives_the_same_past_whenever_it_is_asked() -> None:
    """A day before the story, asked on day 1 and on day 4 of another run, down to one-minute bars of an option."""

    async def story(desk: Desk) -> list[Any]:
        end = "20260226 16:15:00 US/Eastern"
        out: list[Any] = []
        for what in (Index("VIX", "CBOE"), Option("SPX", "20260417", 5400, "P", "SMART", tradingClass="SPXW")):
            out += [
                (b.date, b.open, b.high, b.low, b.close, b.volume)
                for b in await ask(desk, what, "1 D", "1 min", end=end)
            ]
        assert out
        return out

    assert play(story) == play(story, day=3)


REFUSED = [
    ({"size": "1 minute"}, 321, "Legal ones are: 1 secs"),
    ({"duration": "400 D"}, 321, "must be made in years"),
    ({"duration": "90000 S"}, 321, "greater than 86400 seconds"),
    ({"duration": "5D"}, 321, "SPACE"),
    ({"duration": ""}, 321, "not specified"),
    ({"price": "WISHES"}, 321, "TRADES"),
    ({"end": "yesterday"}, 10314, "invalid"),
    ({"end": "20260399 10:00:00"}, 10314, "invalid"),
    ({"end": "20260302 16:00:00 US/Nowhere"}, 10314, "invalid"),
    ({"size": "1 secs", "duration": "1 D"}, 162, "exceed max"),
    ({"price": "BID"}, 162, "SPX@CBOE Bid"),
    ({"end": "19900101-00:00:00"}, 162, "returned no data"),
    ({"formatDate": 7}, 321, "7"),
    ({"end": "20260302 16:00:00", "keepUpToDate": True}, 321, "End date not supported"),
    ({"price": "HISTORICAL_VOLATILITY", "keepUpToDate": True}, 321, "Source price"),
]


def test_bad_requests_are_told_apart() -> None:
    """Each fault has the code and the words of a gateway, and the request is over."""

    async def story(desk: Desk) -> None:
        for fault, code, words in REFUSED:
            terms = {"duration": "1 D", "size": "1 hour", **fault}
            assert not await ask(desk, Index("SPX", "CBOE"), terms.pop("duration"), terms.pop("size"), **terms)
            _, seen, text = desk.errors.pop()
            assert (seen, words in text) == (code, True), (fault, text)
        assert not await ask(desk, Index("NOSUCH", "CBOE"), "1 D", "1 hour")
        put = contract(desk.option())
        assert not await ask(desk, put, "1 M", "1 day")
        bag = Contract(secType="BAG", symbol="SPX", exchange="SMART", currency="USD")
        assert not await ask(desk, bag, "1 D", "1 hour")
        assert desk.codes() == [200, 162, 162]
        desk.ib.client.cancelHistoricalData(4711)
        await desk.pause(5)
        assert desk.codes() == [366]

    play(story)


def test_small_bars_are_paced_and_large_ones_are_not() -> None:
    """The same request twice within fifteen seconds and a sixth of one contract within two are violations for bars
    under a minute; hours may be asked as often as one likes; without limits nothing is."""

    async def story(desk: Desk) -> list[int]:
        spx = Index("SPX", "CBOE")
        for _ in range(8):
            await ask(desk, spx, "1 D", "1 hour")
        assert desk.codes() == []
        assert await ask(desk, spx, "60 S", "5 secs")
        assert not await ask(desk, spx, "60 S", "5 secs") or desk.gateway.desk.client_ids() == []
        for seconds in (70, 80, 90, 100, 110):
            await ask(desk, spx, f"{seconds} S", "5 secs")
        return desk.codes()

    assert play(story, tick_s=60.0) == [162, 162]
    open_limits = Limits(history=None)

    async def free(desk: Desk) -> None:
        for _ in range(8):
            assert await ask(desk, Index("SPX", "CBOE"), "60 S", "5 secs")

    play(free, tick_s=60.0, limits=open_limits)

    async def slow(desk: Desk) -> list[int]:
        for minute in range(5):
            await ask(desk, Index("SPX", "CBOE"), f"{60 + minute} S", "5 secs")
            await desk.pause(60)
        return desk.codes()

    assert play(slow, tick_s=60.0, limits=Limits(history=HistoryLimits(requests=3))) == [162, 162]


@pytest.mark.parametrize("size", [SecType.INDEX, SecType.FUTURE])
def test_schedules_list_the_sessions(size: SecType) -> None:
    """Five sessions with open and close in the exchange's zone; versions before 165 do not know the request."""

    async def story(desk: Desk) -> None:
        what = (
            Index("SPX", "CBOE")
            if size is SecType.INDEX
            else contract(desk.spec(symbol="VIX", trading_class="VX", sec_type="FUT", expiry="202604"))
        )
        schedule = await desk.ib.reqHistoricalScheduleAsync(what, 5)
        assert schedule.timeZone == "US/Central"
        assert len(schedule.sessions) == 5
        assert schedule.sessions[-1].refDate == f"{desk.now:%Y%m%d}"
        assert schedule.sessions[-1].startDateTime == f"{desk.now:%Y%m%d}-08:30:00"

    play(story, day=1)

    async def old(desk: Desk) -> list[int]:
        await desk.ib.reqHistoricalDataAsync(Index("SPX", "CBOE"), "", "5 D", "1 day", "SCHEDULE", True)
        return desk.codes()

    assert play(old, version=164) == [321]


def test_a_month_of_minutes_is_one_answer() -> None:
    """Seven thousand bars of an index, most of days that nobody had looked at."""

    async def story(desk: Desk) -> int:
        return len(await ask(desk, Index("SPX", "CBOE"), "1 M", "1 min"))

    assert play(story) > 7_000


def test_expired_options_have_no_history() -> None:
    """An option that has settled is not found any more, whatever its data were."""

    async def story(desk: Desk) -> list[int]:
        gone = Option("SPX", f"{date(2026, 3, 16):%Y%m%d}", 5500, "P", "SMART", tradingClass="SPXW")
        await ask(desk, gone, "1 D", "1 hour")
        return desk.codes()

    assert play(story, day=13, after=timedelta(minutes=5)) == [200]
