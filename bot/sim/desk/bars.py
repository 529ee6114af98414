"""Bars out of a market tape: where they begin and end, and what happened in between, vectorised.

Bars of a session start at its open and then at whole multiples of their size on the exchange's clock, as the protocol's
do. Levels and quotes run on from bar to bar (the close of one is the open of the next); trades belong to the bar in
which they happen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bot.sim.desk.bar_query import BarSize, Price
from bot.sim.past_types import MarketTape
from bot.sim.types import Bar, Floats, SecType

Session = tuple[datetime, datetime]
Places = NDArray[np.intp]
_NONE = -1.0
_UNCOUNTED = -1
_COUNTED = frozenset({Price.TRADES, Price.ADJUSTED_LAST})


def edges(session: Session, size_s: int, zone: ZoneInfo) -> Floats:
    """Epoch seconds at which the bars of a session begin, and its end."""
    opened, closed = (moment.astimezone(zone) for moment in session)
    midnight_s = opened.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    open_s, close_s = opened.timestamp(), closed.timestamp()
    first = np.floor((open_s - midnight_s) / size_s) + 1.0
    last = np.ceil((close_s - midnight_s) / size_s)
    inner = midnight_s + np.arange(first, last) * size_s
    return np.concatenate(([open_s], inner, [close_s]))


def bars_of(tape: MarketTape, limits: Floats, price: Price, sec_type: SecType, zone: ZoneInfo) -> list[Bar]:
    """Bars between consecutive limits (epoch seconds within one session, also moments of the tape); those in which
    nothing was quoted or traded are left out."""
    place = np.searchsorted(tape.at_s, limits)
    if len(limits) < 2 or place[-1] >= len(tape.at_s):
        return []
    starts = [datetime.fromtimestamp(at_s, zone) for at_s in limits[:-1].tolist()]
    counted = price in _COUNTED
    if counted and sec_type is SecType.OPTION:
        return _trade_bars(tape, place, starts)
    if price is Price.BID_ASK:
        columns = (
            _averages(tape.bid, place),
            _highs(tape.ask, place),
            -_highs(-tape.bid, place),
            _averages(tape.ask, place),
        )
    else:
        columns = _running({Price.BID: tape.bid, Price.ASK: tape.ask}.get(price, tape.mid), place)
    volumes = (
        _volumes(tape, place) if counted else ([_NONE] * len(starts), [_NONE] * len(starts), [_UNCOUNTED] * len(starts))
    )
    known = np.isfinite(np.sum(columns, axis=0)).tolist()
    rows = zip(starts, *(np.round(column, 4).tolist() for column in columns), *volumes, strict=True)
    return [Bar(*row) for row, full in zip(rows, known, strict=True) if full]


def _volumes(tape: MarketTape, place: Places) -> tuple[list[float], list[float], list[int]]:
    """Volume, average price and trades of each bar; an index has prints without volume."""
    done = tape.traded > 0.0
    volume = _sums(tape.traded, place)
    value = _sums(np.where(done, tape.traded * tape.printed, 0.0), place)
    count = _sums((done if done.any() else np.isfinite(tape.printed)).astype(np.float64), place)
    average = np.where(volume > 0.0, value / np.where(volume > 0.0, volume, 1.0), 0.0)
    return volume.tolist(), np.round(average, 6).tolist(), count.astype(np.int64).tolist()


def _trade_bars(tape: MarketTape, place: Places, starts: Sequence[datetime]) -> list[Bar]:
    out = []
    volumes = zip(*_volumes(tape, place), strict=True)
    for at, begin, end, volume in zip(starts, place[:-1].tolist(), place[1:].tolist(), volumes, strict=True):
        prices = tape.printed[begin:end]
        prices = prices[np.isfinite(prices)]
        if len(prices):
            o, h, low, c = float(prices[0]), float(prices.max()), float(prices.min()), float(prices[-1])
            out.append(Bar(at, o, h, low, c, *volume))
    return out


def grouped(daily: Sequence[Bar], size: BarSize) -> list[Bar]:
    """Weekly or monthly bars out of daily ones, each starting with its first session."""
    if size is BarSize.DAY:
        return list(daily)
    key = (lambda bar: bar.at.isocalendar()[:2]) if size is BarSize.WEEK else (lambda bar: (bar.at.year, bar.at.month))
    return [merged(list(bars)) for _, bars in groupby(daily, key)]


def merged(bars: Sequence[Bar]) -> Bar:
    """One bar over several that follow each other."""
    first, last = bars[0], bars[-1]
    volume, count = sum(bar.volume for bar in bars), sum(bar.count for bar in bars)
    if first.count == _UNCOUNTED:
        volume, average, count = _NONE, _NONE, _UNCOUNTED
    else:
        value = sum(bar.average * bar.volume for bar in bars)
        average = round(value / volume, 6) if volume > 0.0 else 0.0
    high, low = max(bar.high for bar in bars), min(bar.low for bar in bars)
    return Bar(first.at, first.open, high, low, last.close, volume, average, count)


def _running(values: Floats, place: Places) -> tuple[Floats, Floats, Floats, Floats]:
    """Open, high, low, close of what runs on: both ends of a bar belong to it. A gap keeps the value before it."""
    chosen, at = values[place[0] : place[-1] + 1], place - place[0]
    known = np.isfinite(chosen)
    if not known.any():
        nothing = np.full(len(place) - 1, np.nan)
        return nothing, nothing, nothing, nothing
    index = np.where(known, np.arange(len(chosen)), int(np.argmax(known)))
    filled = chosen[np.maximum.accumulate(index)]
    seen = np.where(_sums(known.astype(np.float64), at) > 0.0, 1.0, np.nan)
    high, low = _both_ends(np.maximum, filled, at), _both_ends(np.minimum, filled, at)
    return filled[at[:-1]] * seen, high * seen, low * seen, filled[at[1:]] * seen


def _both_ends(best: np.ufunc, values: Floats, at: Places) -> Floats:
    inside = best.reduceat(values[: at[-1]], at[:-1])
    return np.asarray(best(inside, values[at[1:]]), dtype=np.float64)


def _sums(values: Floats, at: Places) -> Floats:
    """Sums from each place up to the next, which is left out."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    return np.asarray(total[at[1:]] - total[at[:-1]], dtype=np.float64)


def _averages(values: Floats, place: Places) -> Floats:
    known = np.isfinite(values)
    count = _sums(known.astype(np.float64), place)
    return np.asarray(
        _sums(np.where(known, values, 0.0), place) / np.where(count > 0.0, count, np.nan), dtype=np.float64
    )


def _highs(values: Floats, place: Places) -> Floats:
    chosen, at = values[place[0] : place[-1] + 1], place - place[0]
    best = _both_ends(np.maximum, np.where(np.isfinite(chosen), chosen, -np.inf), at)
    return np.where(np.isfinite(best), best, np.nan)
