"""Reads the CSV files of a history folder: only the rows asked for, every complaint with file, column and date."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from bot.sim.world.errors import WorldDataError

Row = dict[str, str]


def rows(folder: Path, name: str, columns: Sequence[str], first: str = "", last: str = "9") -> Iterator[Row]:
    """Rows whose first column lies between the ISO texts `first` and `last` (prefix comparison).

    Raises WorldDataError where the file or a column is missing, or a line has too few fields.
    """
    path = folder / name
    try:
        handle = path.open(encoding="utf-8", newline="")
    except OSError as problem:
        raise WorldDataError(f"cannot be read ({problem.strerror}); the folder must hold it", file=name) from problem
    with handle:
        header = next(csv.reader([handle.readline()]), [])
        for column in columns:
            if column not in header:
                raise WorldDataError(f"is missing; the header has {', '.join(header) or 'nothing'}", name, column)
        place = [(column, header.index(column)) for column in columns]
        wanted = (line for line in handle if first <= line[: len(first)] and line[: len(last)] <= last)
        try:
            for fields in csv.reader(wanted):
                if fields:
                    yield {column: fields[i] for column, i in place}
        except (IndexError, UnicodeDecodeError, csv.Error) as problem:
            raise WorldDataError(f"has a line that cannot be read ({problem})", name) from problem


def header(folder: Path, name: str) -> list[str]:
    """Column names of a file; WorldDataError where it cannot be read."""
    try:
        with (folder / name).open(encoding="utf-8", newline="") as handle:
            return next(csv.reader(handle), [])
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise WorldDataError(f"cannot be read ({problem})", file=name) from problem


def number(row: Row, column: str, file: str, day: date | None = None) -> float | None:
    """The field as a number, None where empty; WorldDataError where it is neither."""
    text = row[column]
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise WorldDataError(f"holds {text!r}, which is no number", file, column, day)
    return value


def day_of(row: Row, column: str, file: str) -> date:
    """The field as an ISO date; WorldDataError otherwise."""
    try:
        return date.fromisoformat(row[column])
    except ValueError as problem:
        raise WorldDataError(f"holds {row[column]!r}, which is no ISO date", file, column) from problem


@dataclass(frozen=True, slots=True)
class SpxDay:
    """A row of spx_daily.csv; open, high and low are None where the source has the close only."""

    open: float | None
    high: float | None
    low: float | None
    close: float


@dataclass(frozen=True, slots=True)
class FutureDay:
    """One contract's row of vx_futures_daily.csv; `settle` falls back to the close where the source has no settle."""

    expiry: date
    monthly: bool
    open: float | None
    high: float | None
    low: float | None
    settle: float
    volume: float


def read_spx(folder: Path) -> dict[date, SpxDay]:
    """spx_daily.csv, all of it (it is the calendar of the folder), oldest first."""
    name = "spx_daily.csv"
    out: dict[date, SpxDay] = {}
    for row in rows(folder, name, ("date", "open", "high", "low", "close")):
        day = day_of(row, "date", name)
        close = number(row, "close", name, day)
        if close is None or close <= 0.0:
            raise WorldDataError("is empty or not above zero", name, "close", day)
        opening, high, low = (number(row, c, name, day) for c in ("open", "high", "low"))
        out[day] = SpxDay(opening, high, low, close)
    if not out:
        raise WorldDataError("holds no day", name)
    return dict(sorted(out.items()))


def read_table(
    folder: Path, name: str, columns: Sequence[str], first: date, last: date
) -> dict[date, dict[str, float]]:
    """Numeric columns by date for the days asked for; empty fields are left out of the inner mapping."""
    out: dict[date, dict[str, float]] = {}
    for row in rows(folder, name, ("date", *columns), first.isoformat(), last.isoformat()):
        day = day_of(row, "date", name)
        found = ((column, number(row, column, name, day)) for column in columns)
        out[day] = {column: value for column, value in found if value is not None}
    return out


def read_futures(folder: Path, first: date, last: date) -> dict[date, list[FutureDay]]:
    """vx_futures_daily.csv by date; rows without settle and close are left out."""
    name = "vx_futures_daily.csv"
    columns = ("date", "kind", "expiry", "open", "high", "low", "close", "settle", "volume")
    out: dict[date, list[FutureDay]] = {}
    for row in rows(folder, name, columns, first.isoformat(), last.isoformat()):
        day = day_of(row, "date", name)
        settle = number(row, "settle", name, day) or number(row, "close", name, day)
        if settle is None:
            continue
        if row["kind"] not in ("M", "W"):
            raise WorldDataError(f"holds {row['kind']!r}; allowed are M and W", name, "kind", day)
        opening, high, low = (number(row, c, name, day) for c in ("open", "high", "low"))
        volume = number(row, "volume", name, day) or 0.0
        expiry = day_of(row, "expiry", name)
        out.setdefault(day, []).append(FutureDay(expiry, row["kind"] == "M", opening, high, low, settle, volume))
    return out


def read_final_settlements(folder: Path) -> dict[date, float]:
    """vx_final_settlement.csv: SOQ by settlement day."""
    name = "vx_final_settlement.csv"
    out: dict[date, float] = {}
    for row in rows(folder, name, ("expiry", "final_settlement")):
        day = day_of(row, "expiry", name)
        value = number(row, "final_settlement", name, day)
        if value is not None:
            out[day] = value
    return out


def read_five_minute(folder: Path, first: date, last: date) -> dict[date, list[tuple[str, float, float, float, float]]]:
    """Five-minute SPY bars (clock time, open, high, low, close) by day from spy_5min_*.csv; empty without one."""
    out: dict[date, list[tuple[str, float, float, float, float]]] = {}
    columns = ("bar_start_et", "open", "high", "low", "close")
    for path in sorted(folder.glob("spy_5min_*.csv")):
        for row in rows(folder, path.name, columns, first.isoformat(), last.isoformat()):
            start = row["bar_start_et"]
            try:
                day = date.fromisoformat(start[:10])
            except ValueError as problem:
                raise WorldDataError(f"holds {start!r}, which is no time", path.name, "bar_start_et") from problem
            values = [number(row, c, path.name, day) for c in columns[1:]]
            if None not in values:
                o, h, low, c = (float(v or 0.0) for v in values)
                out.setdefault(day, []).append((start[11:16], o, h, low, c))
    return out


def segment_around(days: Sequence[date], start: date) -> tuple[date, date | None]:
    """The first day of the unbroken stretch of `days` around `start`, and the first day after the hole that ends it,
    None where the stretch runs to the end of the file."""
    at = days.index(start)
    first = at
    while first > 0 and not hole_between(days[first - 1], days[first]):
        first -= 1
    last = at
    while last + 1 < len(days) and not hole_between(days[last], days[last + 1]):
        last += 1
    return days[first], days[last + 1] if last + 1 < len(days) else None


def hole_between(before: date, after: date, missing_in: int = 5) -> bool:
    """Whether `missing_in` or more weekdays lie without a row between two neighbouring days of a file."""
    if (after - before).days <= missing_in:
        return False
    between = (before + timedelta(days=i) for i in range(1, (after - before).days))
    return sum(day.weekday() < 5 for day in between) >= missing_in
