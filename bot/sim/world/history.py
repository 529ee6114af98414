"""History worlds: real days from a folder of daily CSVs, intraday paths pinned to what each day really did.

Nothing is bridged: a hole in the files ends the world before it, and no bar, close or settlement is carried across.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.random import Generator

from bot.sim.types import Bar, Floats, TradingDay, WorldEvent
from bot.sim.world import files, path
from bot.sim.world.chains import fit_chain
from bot.sim.world.derive import vix3m_from, vix9d_from, vvix_from
from bot.sim.world.errors import WorldDataError
from bot.sim.world.path import Ohlc
from bot.sim.world.sessions import session
from bot.sim.world.smile import SmileShape, put_skew_scale
from bot.sim.world.surface import DaySurface, Levels
from bot.sim.world.tape import SYMBOLS, DayTape, FuturesDay, grid_points, make_tape

MAX_BARS = 300
DIVIDEND_YIELD = 0.0165
FUNDING_SPREAD = 0.004  # what option forwards and boxes pay above the bill
_VOL = "vol_indices_daily.csv"
_VOL_COLUMNS = tuple(f"{i}_{p}" for i in ("vix", "vix9d", "vix3m") for p in ("open", "high", "low", "close"))
_LOOKBACK_DAYS = 460  # calendar days: 300 sessions and some


@dataclass(slots=True)
class HistorySource:
    """Days of a folder between two dates. Built by `open_history`, which has checked that every day is there."""

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
            prices = self.spx.get(day) if symbol == "SPX" else self._vol_ohlc(symbol, day)
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

    def _vol_ohlc(self, symbol: str, day: date) -> Ohlc | None:
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
        real = self._vol_ohlc(symbol, day)
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
        real = self._vol_ohlc(symbol, day)
        if real is not None and real.high > real.low:
            return real
        close = self.level(symbol, day)
        vix = self._vol_ohlc("VIX", day)
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
        return np.maximum(start + progress * (close - start) + 1.9 * (vix - straight), 40.0)


def open_history(folder: Path, start: date, end: date, seed: int) -> HistorySource:
    """Checks and reads the folder for that range. Raises WorldDataError naming file, column or date."""
    if end < start:
        raise WorldDataError(f"the range ends ({end}) before it starts ({start})")
    if not folder.is_dir():
        raise WorldDataError(f"{folder} is no folder; give one with spx_daily.csv and the other daily files")
    spx = files.read_spx(folder)
    calendar = list(spx)
    days, notes, first_known = _days_in_range(calendar, start, end)
    reach = max(first_known, days[0] - timedelta(days=_LOOKBACK_DAYS))
    known = [day for day in calendar if reach <= day <= days[-1]]
    vol = files.read_table(folder, _VOL, (*_VOL_COLUMNS, "vvix", "skew"), reach, days[-1])
    for day in days:
        if "vix_close" not in vol.get(day, {}):
            raise WorldDataError("has no value for a day of the range; choose another range", _VOL, "vix_close", day)
    known = [day for day in known if "vix_close" in vol.get(day, {})]
    futures = files.read_futures(folder, reach, days[-1])
    source = HistorySource(
        folder=folder,
        seed=seed,
        days=days,
        known=known,
        spx=_spx_prices(folder, spx, known, days, notes),
        vol=vol,
        futures=futures,
        finals=files.read_final_settlements(folder),
        rates=_rates(folder, days),
        bars_5min=files.read_five_minute(folder, days[0], days[-1]),
        _notes=notes,
    )
    notes.extend(_substitutions(source))
    return source


def _days_in_range(calendar: list[date], start: date, end: date) -> tuple[list[date], list[str], date]:
    name = "spx_daily.csv"
    if start < calendar[0] or start > calendar[-1]:
        raise WorldDataError(f"out of range: the file covers {calendar[0]} to {calendar[-1]}", name, "date", start)
    if end > calendar[-1]:
        raise WorldDataError(f"out of range: the file covers {calendar[0]} to {calendar[-1]}", name, "date", end)
    inside = [day for day in calendar if start <= day <= end]
    if not inside:
        following = next(day for day in calendar if day > end)
        raise WorldDataError(
            f"no data from {start} to {end}; the next day with data is {following}", name, "date", start
        )
    first, last, after = files.segment_around(calendar, inside[0])
    if files.hole_between(calendar[first - 1], inside[0]) and first and calendar[first] == inside[0] > start:
        before = calendar[first - 1]
        if before < start:
            reason = f"lies in a hole of the data ({before} to {inside[0]}); start on {inside[0]} or later"
            raise WorldDataError(reason, name, "date", start)
    days = [day for day in inside if day < after] if after else inside
    notes: list[str] = []
    if len(days) < len(inside):
        notes.append(
            f"The data have a hole after {days[-1]}; the world ends there, and {len(inside) - len(days)} later days "
            f"from {after} on need a run of their own."
        )
    elif after is not None and end > days[-1] and (end - days[-1]).days > 4:
        notes.append(f"The data have a hole after {days[-1]}, in which the range ends; the world ends there.")
    return days, notes, calendar[first]


def _spx_prices(
    folder: Path, spx: dict[date, files.SpxDay], known: list[date], days: list[date], notes: list[str]
) -> dict[date, Ohlc]:
    """Open, high, low and close per day; where only the close exists, the rest by ratio from SPY. Days of the
    lookback without either keep the close for all four."""
    bare = [day for day in known if None in (spx[day].open, spx[day].high, spx[day].low)]
    name = "spy_daily_adjusted.csv"
    columns = ("adj_open", "adj_high", "adj_low", "adj_close")
    spy: dict[date, dict[str, float]] = {}
    if bare and (bare[-1] >= days[0] or (folder / name).exists()):
        spy = files.read_table(folder, name, columns, bare[0], bare[-1])
    out: dict[date, Ohlc] = {}
    for day in known:
        row = spx[day]
        if row.open is not None and row.high is not None and row.low is not None:
            out[day] = path.widened(Ohlc(row.open, row.high, row.low, row.close))
            continue
        ratio = spy.get(day, {})
        missing = [column for column in columns if column not in ratio]
        if missing and day >= days[0]:
            raise WorldDataError("is needed, since spx_daily.csv has only the close there", name, missing[0], day)
        if missing:
            out[day] = Ohlc(row.close, row.close, row.close, row.close)
            continue
        scaled = (round(row.close * ratio[c] / ratio["adj_close"], 2) for c in columns[:3])
        out[day] = path.widened(Ohlc(*scaled, row.close))
    told = [day for day in bare if day >= days[0]]
    if told:
        notes.append(
            f"SPX open, high and low by ratio from SPY (the SPX file has closes only) on {_spans(told, days)}."
        )
    return out


def _rates(folder: Path, days: list[date]) -> dict[date, float]:
    """Continuous annual rate per day: the 3-month bill, else the effective funds rate; the last one known holds."""
    name = "rates_daily.csv"
    table = files.read_table(folder, name, ("dff", "dtb3"), days[0] - timedelta(days=14), days[-1])
    out: dict[date, float] = {}
    for day in days:
        for back in range(15):
            row = table.get(day - timedelta(days=back), {})
            value = row.get("dtb3", row.get("dff"))
            if value is not None:
                out[day] = float(np.log1p(value / 100.0))
                break
        else:
            raise WorldDataError("has no rate within two weeks before this day", name, "dff", day)
    return out


def _substitutions(source: HistorySource) -> list[str]:
    """One sentence per kind of derived value, with the days it concerns."""
    days, notes = source.days, []
    derived = {
        "VIX9D": "VIX9D derived from VIX and the VX curve",
        "VIX3M": "VIX3M derived from VIX and the VX curve",
        "VVIX": "VVIX derived from VIX",
        "SKEW": "No SKEW value, so the surface wears the skew of October 2018",
    }
    for symbol, text in derived.items():
        concerned = [day for day in days if source._vol_ohlc(symbol, day) is None]
        if concerned:
            notes.append(f"{text} on {_spans(concerned, days)}.")
    for symbol in ("VIX", "VIX9D", "VIX3M"):
        real = {day: source._vol_ohlc(symbol, day) for day in days}
        flat = [day for day, prices in real.items() if prices is not None and prices.high <= prices.low]
        if flat:
            notes.append(f"{symbol} has only a close, its intraday range is invented, on {_spans(flat, days)}.")
    without = [day for day in days if not any(r.monthly and r.expiry > day for r in source.futures.get(day, ()))]
    if without:
        notes.append(f"No VX future (and no VIX option) on {_spans(without, days)}.")
    shaped = [day for day in days if (len(source.bars_5min.get(day, [])) * 20 + 1) == grid_points(session(day))[0]]
    if shaped:
        notes.append(f"SPX intraday shape from real five-minute SPY bars on {_spans(shaped, days)}.")
    if len(shaped) < len(days):
        rest = [day for day in days if day not in set(shaped)]
        notes.append(f"SPX intraday shape invented between the real open, high, low and close on {_spans(rest, days)}.")
    chains = [day for day in days if (source.folder / f"spx_chain_{day}.csv").exists()]
    if chains:
        notes.append(f"Option smiles fitted to the day's real chain on {_spans(chains, days)}.")
    notes.append(
        f"Dividend yield taken as {DIVIDEND_YIELD:.2%} a year, financing at the bill rate plus {FUNDING_SPREAD:.2%}, throughout."
    )
    if len(source.known) - len(days) < 120:
        notes.append(
            f"Only {len(source.known) - len(days)} earlier sessions before {days[0]}: the file or a hole begins there."
        )
    return notes


def _spans(concerned: list[date], days: list[date]) -> str:
    """Days as runs over consecutive sessions: `2018-10-15 to 2018-10-17 (3 days)`."""
    if concerned == days:
        return f"every day ({len(days)})" if len(days) > 1 else str(days[0])
    place = {day: i for i, day in enumerate(days)}
    runs: list[list[date]] = []
    for day in concerned:
        if runs and place[day] == place[runs[-1][-1]] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]} to {r[-1]} ({len(r)} days)" for r in runs)
