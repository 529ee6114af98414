"""Historical bars and their refusals."""

from __future__ import annotations

from typing import Any

from tests.conformance.library import Index, soon
from tests.conformance.trader import Trader, until


async def test_daily_bars_of_an_index(ib: Any) -> None:
    """As many as asked for, oldest first, each high at least its low."""
    spx = Index("SPX", "CBOE", "USD")
    bars = await soon(ib.reqHistoricalDataAsync(spx, "", "20 D", "1 day", "TRADES", True))
    assert len(bars) == 20
    assert [bar.date for bar in bars] == sorted({bar.date for bar in bars})
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)


async def test_durations_reach_back_a_year(ib: Any) -> None:
    """A year of VIX is about 252 bars."""
    vix = Index("VIX", "CBOE", "USD")
    bars = await soon(ib.reqHistoricalDataAsync(vix, "", "1 Y", "1 day", "TRADES", True))
    assert 245 <= len(bars) <= 255


async def test_history_that_cannot_be_given_is_refused(trader: Trader, expected: set[int | str]) -> None:
    """A kind of data that does not exist, a duration that is none, and a contract that is none: an error each, and
    the request is over."""
    expected |= {162, 321, 200, 366}
    spx = Index("SPX", "CBOE", "USD")
    client = trader.ib.client
    client.reqHistoricalData(89_001, spx, "", "1 D", "1 day", "WISHES", True, 1, False, [])
    client.reqHistoricalData(89_002, spx, "", "forever", "1 day", "TRADES", True, 1, False, [])
    client.reqHistoricalData(89_003, Index("NOSUCH", "CBOE"), "", "1 D", "1 day", "TRADES", True, 1, False, [])
    client.cancelHistoricalData(89_004)
    for number in (89_001, 89_002, 89_003, 89_004):
        await _an_error(trader, number)


async def _an_error(trader: Trader, number: int) -> None:
    await until(lambda: trader.codes(number), f"an error for request {number}")
