"""SPY of a history folder, in raw dollars: hourly bars, else five-minute ones, else a tenth of SPX by real ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bot.sim.world import files
from bot.sim.world.path import Ohlc, widened

HOURLY = "spy_hourly.csv"
ADJUSTED = "spy_daily_adjusted.csv"
_FEWEST_HOURS = 4  # of an early day
_WHOLE_DAY_BARS = frozenset({78, 42})  # of five minutes: a full day, an early one
_ADJUSTED_COLUMNS = ("adj_open", "adj_high", "adj_low", "adj_close")

FiveMinute = Mapping[date, Sequence[tuple[str, float, float, float, float]]]


@dataclass(frozen=True, slots=True)
class SpyPrices:
    """SPY by day: at its real dollars, or (`by_ratio`) a tenth of SPX with the real open, high and low around it."""

    real: dict[date, Ohlc]
    by_ratio: dict[date, Ohlc]

    def on(self, day: date) -> Ohlc | None:
        """The best there is for a day, None for nothing."""
        return self.real.get(day) or self.by_ratio.get(day)


def read_spy(folder: Path, known: Sequence[date], spx: Mapping[date, Ohlc], five_minute: FiveMinute) -> SpyPrices:
    """Prices of SPY on the known days. Raises WorldDataError for a file that cannot be read."""
    whole = {day: five_minute[day] for day in known if len(five_minute.get(day, ())) in _WHOLE_DAY_BARS}
    real = {day: _whole([bar[1:] for bar in bars]) for day, bars in whole.items()}
    # The last hour holds the closing auction, the last five minutes of the other file do not.
    return SpyPrices(real | _of_hours(folder, known), _by_ratio(folder, known, spx))


def _whole(bars: Sequence[tuple[float, float, float, float]]) -> Ohlc:
    prices = Ohlc(bars[0][0], max(bar[1] for bar in bars), min(bar[2] for bar in bars), bars[-1][3])
    return widened(Ohlc(*(round(price, 2) for price in (prices.open, prices.high, prices.low, prices.close))))


def _of_hours(folder: Path, known: Sequence[date]) -> dict[date, Ohlc]:
    if not (folder / HOURLY).exists():
        return {}
    columns = ("bar_start_et", "open", "high", "low", "close")
    by_day: dict[date, list[tuple[float, float, float, float]]] = {}
    for row in files.rows(folder, HOURLY, columns, known[0].isoformat(), known[-1].isoformat()):
        day = files.day_of({"day": row["bar_start_et"][:10]}, "day", HOURLY)
        opening, high, low, close = (files.number(row, column, HOURLY, day) for column in columns[1:])
        if opening is not None and high is not None and low is not None and close is not None:
            by_day.setdefault(day, []).append((opening, high, low, close))
    wanted = set(known)
    return {day: _whole(bars) for day, bars in by_day.items() if day in wanted and len(bars) >= _FEWEST_HOURS}


def _by_ratio(folder: Path, known: Sequence[date], spx: Mapping[date, Ohlc]) -> dict[date, Ohlc]:
    """The file is adjusted for dividends, so that only its ratios within a day are real."""
    if not (folder / ADJUSTED).exists():
        return {}
    table = files.read_table(folder, ADJUSTED, _ADJUSTED_COLUMNS, known[0], known[-1])
    found: dict[date, Ohlc] = {}
    for day in known:
        row = table.get(day, {})
        if day in spx and all(column in row for column in _ADJUSTED_COLUMNS):
            close = spx[day].close / 10.0
            prices = (round(close * row[column] / row["adj_close"], 2) for column in _ADJUSTED_COLUMNS)
            found[day] = widened(Ohlc(*prices))
    return found
