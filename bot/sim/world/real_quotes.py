"""Real option quotes to hold a world against: SPX chains, two SPY chains, and one-minute SPX quotes at the close.

All but the SPX chains are samples that happened to be public; the columns named here are their format. SPY strikes and
prices are kept in dollars, with `points` (SPX points a dollar) to compare them by.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from bot.sim.exchange.hours import NEW_YORK, regular_day, settles_at
from bot.sim.types import Floats, Settlement
from bot.sim.world import files
from bot.sim.world.chains import ChainQuote, parity_forward, read_chain
from bot.sim.world.surface import YEAR_SECONDS, SliceKey
from strategies.pricing import black76

CHAIN_DAYS = (date(2013, 4, 19), date(2018, 10, 15), date(2018, 10, 16), date(2018, 10, 17))
SPY_CHAIN, SPY_VOLS = date(2020, 7, 2), date(2022, 7, 15)
MINUTES = "spx_option_quotes_1min_2021-01.csv"
LAST_MINUTE = time(16, 14)
_FIRST_MINUTE = 30
_MINUTE_COLUMNS = (
    "ts_et", "root", "expiry", "strike", "right", "bid_close", "ask_close", "bid_size", "ask_size"
)  # fmt: skip
_LAST_MINUTES_YEARS = 5.0 / (365.0 * 1440.0)
_SHORTEST_YEARS = 0.5 / 365.0
_SPY_POINTS = 10.0


@dataclass(frozen=True, slots=True)
class RealExpiry:
    """The quotes of one expiry at an instant: arrays over quotes, a bid of zero where there is none, sizes NaN where
    the source has none."""

    at: datetime
    key: SliceKey
    forward: float
    discount: float
    points: float
    strike: Floats
    is_call: Floats
    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats

    @property
    def years(self) -> float:
        """Years to settlement."""
        return years_to(self.key, self.at)


def years_to(key: SliceKey, at: datetime) -> float:
    """Years from an instant to a settlement."""
    return (settles_at(*key).timestamp() - at.timestamp()) / YEAR_SECONDS


def spx_chain(folder: Path, day: date, rate: float) -> Iterator[RealExpiry]:
    """Expiries of spx_chain_DAY.csv from half a day on, their forwards by put-call parity at that continuous rate."""
    _, chain = read_chain(folder, day)
    sizes = _sizes(folder, day)
    for key, quotes in chain.items():
        found = _expiry(day, key, quotes, rate, 1.0, sizes.get(key, []))
        if found is not None:
            yield found


def spy_chain(folder: Path, rate: float) -> Iterator[RealExpiry]:
    """SPY on 2020-07-02, two expiries; early exercise and the dividend dates are neglected."""
    name = f"spy_chain_{SPY_CHAIN}.csv"
    by_key: dict[SliceKey, list[ChainQuote]] = {}
    for row in files.rows(folder, name, ("expiry", "strike", "right", "bid", "ask")):
        strike, bid, ask = (files.number(row, c, name) or 0.0 for c in ("strike", "bid", "ask"))
        key = (files.day_of(row, "expiry", name), Settlement.PM)
        by_key.setdefault(key, []).append(ChainQuote(strike, row["right"] == "C", bid, ask))
    for key, quotes in by_key.items():
        found = _expiry(SPY_CHAIN, key, quotes, rate, _SPY_POINTS, [])
        if found is not None:
            yield found


def spy_vols(folder: Path) -> Iterator[RealExpiry]:
    """SPY on 2022-07-15, four expiries given as implied volatilities with forwards and discount factors."""
    name = f"spy_iv_chain_{SPY_VOLS}.csv"
    columns = ("ttm_years", "forward", "discount_factor", "strike", "bid_iv", "ask_iv")
    by_expiry: dict[date, list[list[float]]] = {}
    for row in files.rows(folder, name, (*columns, "expiry_inferred", "right")):
        values = [files.number(row, c, name) for c in columns]
        known = [v for v in values if v is not None]
        if len(known) == len(columns):
            by_expiry.setdefault(files.day_of(row, "expiry_inferred", name), []).append([*known, row["right"] == "C"])
    for expiry, rows in by_expiry.items():
        years, forward, discount, strike, bid_iv, ask_iv, call = np.array(rows, dtype=np.float64).T
        bid, ask = (black76.price(forward, strike, iv, years, call, discount) for iv in (bid_iv, ask_iv))
        nothing, key = np.full(len(strike), np.nan), (expiry, Settlement.PM)
        shared = float(forward[0]), float(discount[0]), _SPY_POINTS
        yield RealExpiry(regular_day(SPY_VOLS).close_at, key, *shared, strike, call, bid, ask, nothing, nothing)


def minute_days(folder: Path) -> list[date]:
    """Days of the one-minute quotes."""
    return sorted({date.fromisoformat(row["ts_et"][:10]) for row in files.rows(folder, MINUTES, ("ts_et",))})


def minute(folder: Path, day: date, at: time, rate: float) -> Iterator[RealExpiry]:
    """One minute of a day's one-minute quotes, a few strikes an expiry, as they stood at its end; `at` is its start.
    Forwards by parity where it can be had, else of the nearest expiry that has one."""
    label = f"{day} {at:%H:%M}"
    yield from _minutes(files.rows(folder, MINUTES, _MINUTE_COLUMNS, label, label), rate)


def every_minute(folder: Path, rate: float, every: int) -> Iterator[RealExpiry]:
    """All days of the one-minute quotes, every so many minutes from the first on."""
    rows = files.rows(folder, MINUTES, _MINUTE_COLUMNS)
    for label, group in itertools.groupby(rows, key=lambda row: row["ts_et"]):
        if (datetime.fromisoformat(label).minute - _FIRST_MINUTE) % every == 0:
            yield from _minutes(group, rate)


def _minutes(rows: Iterable[files.Row], rate: float) -> Iterator[RealExpiry]:
    by_key: dict[SliceKey, dict[tuple[float, bool], list[float]]] = {}
    at = None
    for row in rows:
        settlement = Settlement.AM if row["root"] == "SPX" else Settlement.PM
        key = (files.day_of(row, "expiry", MINUTES), settlement)
        numbers = [files.number(row, c, MINUTES) or 0.0 for c in ("strike", *_MINUTE_COLUMNS[5:])]
        at = datetime.fromisoformat(row["ts_et"]).replace(tzinfo=NEW_YORK) + timedelta(minutes=1)
        by_key.setdefault(key, {})[numbers[0], row["right"] == "C"] = numbers[1:]
    forwards = {key: _parity(quotes) for key, quotes in by_key.items()}
    known = [forward for forward in forwards.values() if forward is not None]
    for key, quotes in by_key.items():
        forward = forwards[key] or (known[0] if known else None)
        if at is not None and forward is not None and years_to(key, at) > _LAST_MINUTES_YEARS:
            terms = np.array([[k, call, *rest] for (k, call), rest in quotes.items()], dtype=np.float64).T
            yield RealExpiry(at, key, forward, float(np.exp(-rate * years_to(key, at))), 1.0, *terms)


def _parity(quotes: dict[tuple[float, bool], list[float]]) -> float | None:
    """Forward by parity over a fortnight at most, where a discount factor of one will do."""
    both = [k for k, call in quotes if call and (k, False) in quotes]
    mids = {at: 0.5 * (bid + ask) for at, (bid, ask, *_) in quotes.items()}
    return float(np.mean([k + mids[k, True] - mids[k, False] for k in both])) if both else None


def _expiry(
    day: date, key: SliceKey, quotes: list[ChainQuote], rate: float, points: float, sizes: list[tuple[float, float]]
) -> RealExpiry | None:
    at = regular_day(day).close_at
    if years_to(key, at) <= _SHORTEST_YEARS:
        return None
    discount = float(np.exp(-rate * years_to(key, at)))
    forward = parity_forward(quotes, discount)
    if forward is None:
        return None
    strike, call, bid, ask = np.array(quotes, dtype=np.float64).T
    bid_size, ask_size = np.array(sizes or [(np.nan, np.nan)] * len(quotes), dtype=np.float64).T
    return RealExpiry(at, key, forward, discount, points, strike, call, bid, ask, bid_size, ask_size)


def _sizes(folder: Path, day: date) -> dict[SliceKey, list[tuple[float, float]]]:
    """Displayed sizes in the order of the chain's quotes, where the file has them: April 2013, one SPX expiry."""
    name = f"spx_chain_{day}.csv"
    if "bid_size" not in files.header(folder, name):
        return {}
    out: dict[SliceKey, list[tuple[float, float]]] = {}
    for row in files.rows(folder, name, ("quote_date", "expiry", "bid_size", "ask_size")):
        key = (files.day_of(row, "expiry", name), Settlement.AM)
        out.setdefault(key, []).append(_pair(files.number(row, c, name) or 0.0 for c in ("bid_size", "ask_size")))
    return out


def _pair(values: Iterable[float]) -> tuple[float, float]:
    first, second = values
    return first, second
