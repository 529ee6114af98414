"""History worlds: real days from a folder of daily CSVs, intraday paths pinned to what each day really did.

Nothing is bridged: a hole in the files ends the world before it, and no bar, close or settlement is carried across.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.random import Generator

from bot.sim.exchange.hours import regular_day
from bot.sim.types import Bar, Floats, TradingDay, WorldEvent
from bot.sim.world import files, path
from bot.sim.world.chains import fit_chain
from bot.sim.world.derive import vix3m_from, vix9d_from, vvix_from
from bot.sim.world.history_spy import SpyPrices
from bot.sim.world.path import Ohlc
from bot.sim.world.smile import SmileShape, put_skew_scale
from bot.sim.world.surface import DaySurface
from bot.sim.world.tape import SYMBOLS, DayTape, FuturesDay, TapeShelf, future_day, grid_points, make_tape
from bot.sim.world.term_structure import FAR_DAYS, Levels

MAX_BARS = 300
DIVIDEND_YIELD = 0.0165
_VVIX_PER_VIX, _LEAST_VVIX = 1.9, 40.0
FUNDING_SPREAD = 0.004  # what option forwards and boxes pay above the bill


@dataclass(slots=True)
class HistorySource:
    """Days of a folder between two dates, built by `history_folder.open_history`, which has checked every day."""

    folder: Path
    seed: int
    days: list[date]
    known: list[date]
    spx: dict[date, Ohlc]
    vol: dict[date, dict[str, float]]
    futures: dict[date, list[files.FutureDay]]
    finals: dict[date, float]
    rates: dict[date, float]
    bars_5min: dict[date, list[tuple[str, float, float, float, float]]]
    spy_prices: SpyPrices
    _notes: list[str]
    _shelf: TapeShelf = field(init=False)

    def __post_init__(self) -> None:
        self._shelf = TapeShelf(self._build)

    # what the market asks ------------------------------------------------------------------------
    @property
    def name(self) -> str:
        """The range, as in `history 2018-09-17..2018-10-17`."""
        return f"history {self.days[0]}..{self.days[-1]}"

    @property
    def sessions(self) -> Sequence[TradingDay]:
        """The days with data."""
        return [regular_day(day) for day in self.days]

    @property
    def known_days(self) -> Sequence[date]:
        """The days of this side of any hole."""
        return self.known

    @property
    def notes(self) -> Sequence[str]:
        """Substitutions made."""
        return tuple(self._notes)

    @property
    def events(self) -> Sequence[WorldEvent]:
        """History asks nothing of the gateway."""
        return ()

    def tape(self, index: int) -> DayTape:
        """The day at that position."""
        return self._shelf.get(self.days[index])

    def tape_on(self, day: date) -> DayTape:
        """Any day known on this side of a hole; KeyError for another."""
        if day not in self.known:
            raise KeyError(day)
        return self._shelf.get(day)

    def bars(self, symbol: str, until: date, count: int) -> Sequence[Bar]:
        """Daily bars of this side of any hole before `until`, as lived; days without a value are left out."""
        if symbol not in SYMBOLS:
            raise KeyError(symbol)
        days = [day for day in self.known if day < until][-min(count, MAX_BARS) :] if count > 0 else []
        lived = [(day, self.prices(symbol, day)) for day in days]
        return [_bar(day, prices) for day, prices in lived if not np.isnan(prices.close)]

    def future_bars(self, expiry: date, until: date, count: int) -> Sequence[Bar]:
        """Sessions of one contract before it settles: real high, low and settlement where something traded."""
        last = min(until, expiry)
        rows = (
            (day, row)
            for day in reversed(self.known)
            if day < last
            for row in self.futures.get(day, ())
            if row.expiry == expiry
        )
        return [_bar(day, self._future_day(day, row), row.volume) for day, row in islice(rows, max(0, count))][::-1]

    def lived(self, symbol: str, day: date) -> Ohlc:
        """A day of an index as it is lived."""
        return self.prices(symbol, day)

    def curve(self, day: date, maturities: Floats) -> Floats:
        """Settlements of the months by calendar days, from VIX at none; VIX throughout on a day without a future."""
        months = sorted((r.expiry, r.settle) for r in self.futures.get(day, ()) if r.monthly and r.expiry > day)
        x = [0.0, *(float((expiry - day).days) for expiry, _ in months)]
        y = [self.vol[day]["vix_close"], *(price for _, price in months)]
        return np.asarray(np.interp(maturities, x, y), dtype=np.float64)

    def carry(self, day: date) -> float:
        """Financing of that day, or of the first of the range, less the dividend yield."""
        return self._rate(day) - DIVIDEND_YIELD

    def _rate(self, day: date) -> float:
        return self.rates.get(day, self.rates[self.days[0]]) + FUNDING_SPREAD

    def spy(self, day: date) -> Ohlc | None:
        """SPY as it was, from the folder's bars."""
        return self.spy_prices.on(day)

    def monthlies(self, on: date) -> Sequence[date]:
        """Monthly contracts with a row on that day, or on the last day before it."""
        return sorted(row.expiry for row in self._rows_on(on) if row.monthly and row.expiry > on)

    def weeklies(self, on: date) -> Sequence[date]:
        """Weekly contracts with a row on that day, or on the last day before it."""
        return sorted(row.expiry for row in self._rows_on(on) if not row.monthly and row.expiry > on)

    def _rows_on(self, on: date) -> Sequence[files.FutureDay]:
        at = bisect_right(self.known, on)
        return self.futures.get(self.known[at - 1], ()) if at else ()

    def opening_settlement(self, symbol: str, expiry: date) -> float | None:
        """SPX SOQ: the day's open. VRO: the published final settlement."""
        if symbol == "VIX":
            # The file has the months; a week's own row on its last day holds its final settlement.
            return self.finals.get(expiry, self._final_row(expiry))
        return self.spx[expiry].open if expiry in self.spx else None

    def _final_row(self, expiry: date) -> float | None:
        return next((row.settle for row in self.futures.get(expiry, ()) if row.expiry == expiry), None)

    def closing_settlement(self, symbol: str, expiry: date) -> float | None:
        """The day's SPX close."""
        return self.spx[expiry].close if symbol == "SPX" and expiry in self.spx else None

    # one day -------------------------------------------------------------------------------------
    def _before(self, day: date) -> date | None:
        at = self.known.index(day)
        return self.known[at - 1] if at else None

    def vol_prices(self, symbol: str, day: date) -> Ohlc | None:
        """Prices of a volatility index that day, None where it has none; close-only indices repeat the close."""
        row, key = self.vol[day], symbol.lower()
        if key in ("vvix", "skew"):
            value = row.get(key)
            return None if value is None else Ohlc(value, value, value, value)
        values = [row.get(f"{key}_{part}") for part in ("open", "high", "low", "close")]
        if values[3] is None:
            return None
        o, h, low, c = (values[3] if v is None else v for v in values)
        return path.widened(Ohlc(o, h, low, c))

    def level(self, symbol: str, day: date) -> float:
        """Closing level of a volatility index, derived where the day has none."""
        real = self.vol_prices(symbol, day)
        if real is not None:
            return real.close
        vix = self.vol[day]["vix_close"]
        if symbol == "VVIX":
            return vvix_from(vix)
        if symbol == "SKEW":
            return np.nan
        f30, f60 = self.curve(day, np.array([30.0, 60.0])).tolist()
        return round(vix9d_from(vix, f30) if symbol == "VIX9D" else vix3m_from(vix, f30, f60), 2)

    def _settled(self, before: date | None, expiry: date) -> float:
        rows = self.futures.get(before, ()) if before is not None else ()
        return next((row.settle for row in rows if row.expiry == expiry), np.nan)

    def _future_day(self, day: date, row: files.FutureDay) -> Ohlc:
        before = self._before(day)
        vix_previous = np.nan if before is None else self.level("VIX", before)
        told = (row.high, row.low) if row.high and row.low else None
        days, vix = (row.expiry - day).days, self.prices("VIX", day)
        return future_day(self._settled(before, row.expiry), row.settle, days, vix, vix_previous, told)

    def _far_vix(self, day: date) -> float | None:
        """Mean settlement of the monthly VX contracts settling FAR_DAYS or more ahead, else of the last one listed."""
        listed = sorted((r.expiry, r.settle) for r in self.futures.get(day, ()) if r.monthly and r.expiry > day)
        far = [settle for expiry, settle in listed if (expiry - day).days >= FAR_DAYS[0]]
        return float(np.mean(far or [settle for _, settle in listed[-1:]])) if listed else None

    def _futures_day(self, day: date) -> FuturesDay:
        before = self._before(day)
        today = sorted((r for r in self.futures.get(day, ()) if r.expiry > day), key=lambda r: r.expiry)
        return FuturesDay(
            tuple(r.expiry for r in today),
            np.array([self._settled(before, r.expiry) for r in today]),
            tuple(self._future_day(day, r) for r in today),
            tuple(r.expiry for r in today if r.monthly),
        )

    def prices(self, symbol: str, day: date) -> Ohlc:
        """A day of an index as it is lived: the real prices where there are any, invented or derived ones where not."""
        if symbol == "SPX":
            return self.spx[day]
        level = self.level(symbol, day)
        if symbol == "SKEW":
            return Ohlc(level, level, level, level)
        before = self._before(day)
        previous = np.nan if before is None else self.level(symbol, before)
        if symbol != "VVIX":
            return self._moving(symbol, day, previous)
        vix, vix_previous = self.prices("VIX", day), np.nan if before is None else self.level("VIX", before)
        gap = 0.0 if np.isnan(vix_previous) else vix.open - vix_previous
        opening = round(max((level if np.isnan(previous) else previous) + _VVIX_PER_VIX * gap, _LEAST_VVIX), 2)
        up, down = vix.high - max(vix.open, vix.close), min(vix.open, vix.close) - vix.low
        high = round(max(opening, level) + _VVIX_PER_VIX * up, 2)
        low = round(max(min(opening, level) - _VVIX_PER_VIX * down, _LEAST_VVIX), 2)
        return path.widened(Ohlc(opening, high, low, level))

    def _build(self, day: date) -> DayTape:
        hours = regular_day(day)
        rng = np.random.default_rng([self.seed, day.toordinal()])
        to_index, to_close = grid_points(hours)
        spx = path.pinned(self.spx[day], self._shape(day, to_index, rng))
        driver = np.concatenate((spx, np.full(to_close - to_index, spx[-1])))
        before = self._before(day)
        previous = np.full(len(SYMBOLS), np.nan)
        if before is not None:
            previous[:] = [self.spx[before].close, *(self.level(s, before) for s in SYMBOLS[1:])]
        vix = path.against(self.prices("VIX", day), driver, rng)
        paths: list[Floats | None] = [spx, vix]
        for symbol in ("VIX9D", "VIX3M"):
            paths.append(path.against(self.prices(symbol, day), vix, rng, follow=0.95, sign=1.0))
        paths.append(path.pinned(self.prices("VVIX", day), vix))
        skew = self.level("SKEW", day)
        paths.append(None if np.isnan(skew) else np.full(to_close, skew))
        return make_tape(hours, paths, previous, self._futures_day(day), self._surface(day, hours, skew))

    def _surface(self, day: date, hours: TradingDay, skew: float) -> DaySurface:
        closes = [self.level(symbol, day) for symbol in ("VIX9D", "VIX", "VIX3M")]
        surface = DaySurface(
            hours.open_at,
            Levels(self.spx[day].close, *closes),
            self._rate(day),
            DIVIDEND_YIELD,
            SmileShape(put_skew_scale(None if np.isnan(skew) else skew)),
            self._far_vix(day),
        )
        chain = self.folder / f"spx_chain_{day.isoformat()}.csv"
        if chain.exists():
            fit_chain(self.folder, day, hours, surface)
        return surface

    def _shape(self, day: date, points: int, rng: Generator) -> Floats:
        bars = self.bars_5min.get(day, [])
        if len(bars) * 20 + 1 != points:  # 20 grid steps to a bar: a clipped day has fewer bars than its session
            return path.random_shape(points, rng)
        return path.bar_shape([bar[1:] for bar in bars], points, rng)

    def _moving(self, symbol: str, day: date, previous: float) -> Ohlc:
        """The index's real prices, or invented ones around a derived or close-only level."""
        real = self.vol_prices(symbol, day)
        if real is not None and real.high > real.low:
            return real
        close = self.level(symbol, day)
        vix = self.vol_prices("VIX", day)
        opening = close if np.isnan(previous) else previous
        if vix is None or vix.high <= vix.low:
            return path.widened(Ohlc(opening, round(close * 1.01, 2), round(close * 0.99, 2), close))
        opening, high, low = (round(price * close / vix.close, 2) for price in (vix.open, vix.high, vix.low))
        return path.widened(Ohlc(opening, high, low, close))


def _bar(day: date, prices: Ohlc, volume: float = 0.0) -> Bar:
    return Bar(regular_day(day).index_close_at, prices.open, prices.high, prices.low, prices.close, volume)
