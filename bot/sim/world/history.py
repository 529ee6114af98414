"""History worlds: real days from a folder of daily CSVs, intraday paths pinned to what each day really did.

Nothing is bridged: a hole in the files ends the world before it, and no bar, close or settlement is carried across.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from numpy.random import Generator

from bot.sim.types import Bar, Floats, TradingDay, WorldEvent
from bot.sim.world import files, path
from bot.sim.world.chains import fit_chain
from bot.sim.world.derive import vix3m_from, vix9d_from, vvix_from
from bot.sim.world.path import Ohlc
from bot.sim.world.sessions import session
from bot.sim.world.smile import SmileShape, put_skew_scale
from bot.sim.world.surface import DaySurface, Levels
from bot.sim.world.tape import SYMBOLS, DayTape, FuturesDay, grid_points, make_tape

MAX_BARS = 300
DIVIDEND_YIELD = 0.0165
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
    _notes: list[str]
    _tapes: dict[int, DayTape] = field(default_factory=dict)

    # what the market asks ------------------------------------------------------------------------
    @property
    def name(self) -> str:
        """The range, as in `history 2018-09-17..2018-10-17`."""
        return f"history {self.days[0]}..{self.days[-1]}"

    @property
    def sessions(self) -> Sequence[TradingDay]:
        """The days with data."""
        return [session(day) for day in self.days]

    @property
    def notes(self) -> Sequence[str]:
        """Substitutions made."""
        return tuple(self._notes)

    @property
    def events(self) -> Sequence[WorldEvent]:
        """History asks nothing of the gateway."""
        return ()

    def tape(self, index: int) -> DayTape:
        """The day at that position; the last one built is kept."""
        if index not in self._tapes:
            self._tapes = {index: self._build(index)}
        return self._tapes[index]

    def bars(self, symbol: str, until: date, count: int) -> Sequence[Bar]:
        """Real daily bars of this side of any hole, before `until`."""
        if symbol not in SYMBOLS:
            raise KeyError(symbol)
        days = [day for day in self.known if day < until][-min(count, MAX_BARS) :] if count > 0 else []
        out = []
        for day in days:
            prices = self.spx.get(day) if symbol == "SPX" else self.vol_prices(symbol, day)
            if prices is not None:
                out.append(Bar(session(day).index_close_at, prices.open, prices.high, prices.low, prices.close))
        return out

    def future_bars(self, expiry: date, until: date, count: int) -> Sequence[Bar]:
        """Real bars of one contract, settlement as close; open, high and low fall back to it where nothing traded."""
        out = []
        for day in self.known:
            if day >= until:
                break
            for row in self.futures.get(day, ()):
                if row.expiry == expiry and day < expiry:
                    prices = path.widened(
                        Ohlc(row.open or row.settle, row.high or row.settle, row.low or row.settle, row.settle)
                    )
                    at = session(day).index_close_at
                    out.append(Bar(at, prices.open, prices.high, prices.low, prices.close, row.volume))
        return out[-count:] if count > 0 else []

    def monthlies(self, on: date) -> Sequence[date]:
        """Monthly contracts with a row on that day, or on the last day before it."""
        at = bisect_right(self.known, on)
        rows = self.futures.get(self.known[at - 1], ()) if at else ()
        return sorted(r.expiry for r in rows if r.monthly and r.expiry > on)

    def opening_settlement(self, symbol: str, expiry: date) -> float | None:
        """SPX SOQ: the day's open. VRO: the published final settlement."""
        if symbol == "VIX":
            return self.finals.get(expiry)
        return self.spx[expiry].open if expiry in self.spx else None

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
        f30, f60 = self._constant_maturity(day, vix)
        return round(vix9d_from(vix, f30) if symbol == "VIX9D" else vix3m_from(vix, f30, f60), 2)

    def _constant_maturity(self, day: date, vix: float) -> tuple[float, float]:
        listed = sorted((r.expiry, r.settle) for r in self.futures.get(day, ()) if r.monthly and r.expiry > day)
        x = [0.0, *(float((expiry - day).days) for expiry, _ in listed)]
        f30, f60 = np.interp([30.0, 60.0], x, [vix, *(price for _, price in listed)])
        return float(f30), float(f60)

    def _futures_day(self, day: date) -> FuturesDay:
        before = self._before(day)
        earlier = {r.expiry: r.settle for r in self.futures.get(before, ())} if before else {}
        today = sorted((r for r in self.futures.get(day, ()) if r.expiry > day), key=lambda r: r.expiry)
        return FuturesDay(
            tuple(r.expiry for r in today),
            np.array([earlier.get(r.expiry, np.nan) for r in today]),
            np.array([r.settle for r in today]),
            tuple(r.expiry for r in today if r.monthly),
        )

    def _build(self, index: int) -> DayTape:
        day = self.days[index]
        hours = session(day)
        rng = np.random.default_rng([self.seed, day.toordinal()])
        to_index, to_close = grid_points(hours)
        spx = path.pinned(self.spx[day], self._shape(day, to_index, rng))
        driver = np.concatenate((spx, np.full(to_close - to_index, spx[-1])))
        before = self._before(day)
        previous = np.full(len(SYMBOLS), np.nan)
        if before is not None:
            previous[:] = [self.spx[before].close, *(self.level(s, before) for s in SYMBOLS[1:])]
        vix = path.against(self._moving("VIX", day, previous[1]), driver, rng)
        paths: list[Floats | None] = [spx, vix]
        for column, symbol in ((2, "VIX9D"), (3, "VIX3M")):
            paths.append(path.against(self._moving(symbol, day, previous[column]), vix, rng, follow=0.95, sign=1.0))
        paths.append(self._vvix(day, previous[4], vix, float(previous[1])))
        skew = self.level("SKEW", day)
        paths.append(None if np.isnan(skew) else np.full(to_close, skew))
        return make_tape(hours, paths, previous, self._futures_day(day), self._surface(day, hours, skew))

    def _surface(self, day: date, hours: TradingDay, skew: float) -> DaySurface:
        closes = [self.level(symbol, day) for symbol in ("VIX9D", "VIX", "VIX3M")]
        surface = DaySurface(
            hours.open_at,
            Levels(self.spx[day].close, *closes),
            self.rates[day] + FUNDING_SPREAD,
            DIVIDEND_YIELD,
            SmileShape(put_skew_scale(None if np.isnan(skew) else skew)),
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
            return path.widened(Ohlc(opening, close * 1.01, close * 0.99, close))
        scale = close / vix.close
        return path.widened(Ohlc(vix.open * scale, vix.high * scale, vix.low * scale, close))

    def _vvix(self, day: date, previous: float, vix: Floats, vix_previous: float) -> Floats:
        close = self.level("VVIX", day)
        progress = np.linspace(0.0, 1.0, len(vix))
        start = close if np.isnan(previous) else previous
        opening = vix[0] if np.isnan(vix_previous) else vix_previous
        straight = opening + progress * (vix[-1] - opening)
        own = start + progress * (close - start) + 1.9 * (vix - straight)
        return np.asarray(np.maximum(own, 40.0), dtype=np.float64)
