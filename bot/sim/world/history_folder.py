"""Opens a history folder: checks that every day of the range is there and says what had to be substituted."""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from bot.sim.exchange.hours import regular_day
from bot.sim.world import files, path
from bot.sim.world.errors import WorldDataError
from bot.sim.world.history import DIVIDEND_YIELD, FUNDING_SPREAD, HistorySource
from bot.sim.world.history_spy import read_spy
from bot.sim.world.path import Ohlc
from bot.sim.world.tape import grid_points

_VOL = "vol_indices_daily.csv"
_VOL_COLUMNS = tuple(f"{i}_{p}" for i in ("vix", "vix9d", "vix3m") for p in ("open", "high", "low", "close"))
_LOOKBACK_DAYS = 460  # calendar days: 300 sessions and some


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
    prices = _spx_prices(folder, spx, known, days, notes)
    five_minute = files.read_five_minute(folder, days[0], days[-1])
    source = HistorySource(
        folder=folder,
        seed=seed,
        days=days,
        known=known,
        spx=prices,
        vol=vol,
        futures=futures,
        finals=files.read_final_settlements(folder),
        rates=_rates(folder, days),
        bars_5min=five_minute,
        spy_prices=read_spy(folder, known, prices, five_minute),
        _notes=notes,
    )
    notes.extend(_substitutions(source))
    return source


def _days_in_range(calendar: list[date], start: date, end: date) -> tuple[list[date], list[str], date]:
    """The days served, what to say about a hole, and the first day on this side of an earlier hole."""
    name = "spx_daily.csv"
    covers = f"out of range: the file covers {calendar[0]} to {calendar[-1]}"
    for asked in (start, end):
        if not calendar[0] <= asked <= calendar[-1]:
            raise WorldDataError(covers, name, "date", asked)
    at = bisect_left(calendar, start)
    first_day, before = calendar[at], calendar[max(at - 1, 0)]
    if first_day != start and files.hole_between(before, first_day):
        reason = f"lies in a hole of the data ({before} to {first_day}); start on {first_day} or later"
        raise WorldDataError(reason, name, "date", start)
    inside = [day for day in calendar if start <= day <= end]
    if not inside:
        raise WorldDataError(f"no trading day from {start} to {end}; the next is {first_day}", name, "date", start)
    first_known, after = files.segment_around(calendar, first_day)
    days = [day for day in inside if after is None or day < after]
    notes: list[str] = []
    if after is not None and calendar[bisect_left(calendar, end)] >= after:
        later = len(inside) - len(days)
        rest = f", and {later} later days from {after} on need a run of their own" if later else ""
        notes.append(f"The data have a hole after {days[-1]}: the world ends there{rest}.")
    return days, notes, first_known


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
        opening, high, low = (round(row.close * ratio[c] / ratio["adj_close"], 2) for c in columns[:3])
        out[day] = path.widened(Ohlc(opening, high, low, row.close))
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
        concerned = [day for day in days if source.vol_prices(symbol, day) is None]
        if concerned:
            notes.append(f"{text} on {_spans(concerned, days)}.")
    for symbol in ("VIX", "VIX9D", "VIX3M"):
        real = {day: source.vol_prices(symbol, day) for day in days}
        flat = [day for day, prices in real.items() if prices is not None and prices.high <= prices.low]
        if flat:
            notes.append(f"{symbol} has only a close, its intraday range is invented, on {_spans(flat, days)}.")
    without = [day for day in days if not any(r.monthly and r.expiry > day for r in source.futures.get(day, ()))]
    if without:
        notes.append(f"No VX future (and no VIX option) on {_spans(without, days)}.")
    shaped = [day for day in days if (len(source.bars_5min.get(day, [])) * 20 + 1) == grid_points(regular_day(day))[0]]
    if shaped:
        notes.append(f"SPX intraday shape from real five-minute SPY bars on {_spans(shaped, days)}.")
    if len(shaped) < len(days):
        rest = [day for day in days if day not in set(shaped)]
        notes.append(f"SPX intraday shape invented between the real open, high, low and close on {_spans(rest, days)}.")
    chains = [day for day in days if (source.folder / f"spx_chain_{day}.csv").exists()]
    if chains:
        notes.append(f"Option smiles fitted to the day's real chain on {_spans(chains, days)}.")
    terms = f"dividend yield {DIVIDEND_YIELD:.2%} a year, financing {FUNDING_SPREAD:.2%} above the bill rate"
    notes.append(f"SPX forwards assume a {terms}, except where a real chain gives them.")
    notes.extend(_funds(source))
    if len(source.known) - len(days) < 120:
        notes.append(
            f"Only {len(source.known) - len(days)} earlier sessions before {days[0]}: the file or a hole begins there."
        )
    return notes


def _funds(source: HistorySource) -> list[str]:
    """What SPY and the other funds are made of."""
    days, spy = source.days, source.spy_prices
    found = []
    for told, text in (
        ([day for day in days if day in spy.real], "SPY at its real prices"),
        ([day for day in days if day not in spy.real and day in spy.by_ratio], "SPY a tenth of SPX, its range real"),
        ([day for day in days if spy.on(day) is None], "SPY a tenth of SPX"),
    ):
        if told:
            found.append(f"{text} on {_spans(told, days)}.")
    return [*found, "Every other fund and the New York breadth are invented from SPX, VIX and the VX curve."]


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
