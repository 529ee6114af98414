"""Exchange-traded funds of a world: a factor model on SPX, VIX and the VX curve, and SPY as it really was where known.

Rules: a fund's close is its reference price times (SPX / 2800)^beta times exp(own part); the own part is a seeded
first-order autoregression over business days, the same whatever range is played. VXX and VIXM earn what holding VX at a
constant maturity earns. A day's path is bent to the day's prices, so that bars, ticks and looking back agree.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Protocol

import numpy as np

from bot.sim.exchange.hours import regular_day
from bot.sim.types import Bar, Floats, IndexLevel
from bot.sim.world import path
from bot.sim.world.curve import beta
from bot.sim.world.path import Ohlc
from bot.sim.world.spreads import OVERNIGHT
from bot.sim.world.tape import SPX, VIX, DayTape, grid_points

SPY = "SPY"
SPY_SHARE = 10.0
_REFERENCE_SPX = 2800.0
_INDEX_DAILY_VOL = 0.010
_PERSISTENCE = 0.985
_MEMORY_DAYS = 300
_EPOCH = date(1985, 1, 1)
_LAST_DAY = date(2045, 1, 1)
_OPENING_SHARE = 0.3  # of a day's own move taken by the gap


@dataclass(frozen=True, slots=True)
class Loading:
    """How a fund moves: `price` in dollars at SPX 2800, `beta` to SPX, `own_vol` a day (fraction), the quoted spread in
    cents, typical displayed shares and millions of shares a day."""

    price: float
    beta: float
    own_vol: float
    spread_cents: int
    size: int
    millions: float


LOADINGS: Mapping[str, Loading] = {
    SPY: Loading(280.0, 1.00, 0.0, 2, 500, 80.0),
    "QQQ": Loading(180.0, 1.15, 0.0050, 1, 400, 45.0),
    "IWM": Loading(160.0, 1.10, 0.0060, 1, 400, 25.0),
    "RSP": Loading(106.0, 1.00, 0.0025, 2, 200, 2.0),
    "XLB": Loading(56.0, 1.00, 0.0060, 1, 900, 6.0),
    "XLC": Loading(49.0, 1.00, 0.0060, 1, 600, 5.0),
    "XLE": Loading(72.0, 0.90, 0.0095, 1, 900, 18.0),
    "XLF": Loading(27.0, 1.10, 0.0060, 1, 5000, 45.0),
    "XLI": Loading(74.0, 1.05, 0.0045, 1, 800, 10.0),
    "XLK": Loading(70.0, 1.15, 0.0045, 1, 900, 12.0),
    "XLP": Loading(54.0, 0.55, 0.0050, 1, 1500, 12.0),
    "XLRE": Loading(33.0, 0.75, 0.0075, 1, 1200, 5.0),
    "XLU": Loading(54.0, 0.50, 0.0080, 1, 1500, 15.0),
    "XLV": Loading(91.0, 0.80, 0.0050, 1, 700, 9.0),
    "XLY": Loading(110.0, 1.10, 0.0050, 1, 500, 6.0),
    "VNQ": Loading(80.0, 0.80, 0.0075, 1, 700, 5.0),
    "HYG": Loading(85.0, 0.30, 0.0018, 1, 3000, 25.0),
    "LQD": Loading(115.0, 0.05, 0.0032, 1, 2000, 10.0),
    "TLT": Loading(116.0, -0.25, 0.0075, 1, 1500, 12.0),
    "GLD": Loading(116.0, 0.05, 0.0080, 1, 900, 8.0),
    "UUP": Loading(25.5, -0.05, 0.0035, 1, 4000, 1.5),
    "VXX": Loading(30.0, 0.0, 0.0, 1, 1000, 35.0),
    "VIXM": Loading(24.0, 0.0, 0.0, 4, 300, 0.3),
}
_MATURITY_DAYS: Mapping[str, int] = {"VXX": 30, "VIXM": 150}
"""Constant maturity of the futures that the volatility funds hold, calendar days (S&P's short and mid-term indices)."""


class FundSource(Protocol):
    """What the model needs of a source of days."""

    @property
    def seed(self) -> int:
        """The world's seed."""
        ...

    @property
    def known_days(self) -> Sequence[date]:
        """Every day with prices, oldest first."""
        ...

    def lived(self, symbol: str, day: date) -> Ohlc:
        """A day of an index as it is lived, points."""
        ...

    def curve(self, day: date, maturities: Floats) -> Floats:
        """VX settlements of that day by calendar days to settlement, points."""
        ...

    def spy(self, day: date) -> Ohlc | None:
        """Real SPY prices of that day in dollars, None where there are none."""
        ...

    def tape_on(self, day: date) -> DayTape:
        """A known day as it is played."""
        ...

    def straight(self, day: date) -> DayTape | None:
        """The tape of a day that a shock has bent, as it would have been; None for any other day."""
        ...

    def stop_place(self, tape: DayTape) -> int | None:
        """The grid point from which on a day stands still, None for a day that does not."""
        ...


class FundBook:
    """Funds of one source. Everything is made when first asked for."""

    def __init__(self, source: FundSource) -> None:
        self._source = source
        self._series: dict[str, dict[date, Ohlc]] = {}
        self._paths: dict[tuple[str, date], Floats] = {}
        days = list(source.known_days)
        self._before: dict[date, date] = dict(zip(days[1:], days, strict=False))

    # a day ---------------------------------------------------------------------------------------
    def day(self, symbol: str, day: date) -> Ohlc:
        """A day's prices in dollars; KeyError for an unknown fund or day."""
        if self._source.straight(day) is not None:
            tape = self._source.tape_on(day)
            lived = self.path(symbol, tape)[: grid_points(tape.session)[0]]
            return _rounded(lived[0], lived.max(), lived.min(), lived[-1])
        return self._told(symbol)[day]

    def _told(self, symbol: str) -> dict[date, Ohlc]:
        """The fund's days as the model has them, without shocks."""
        if symbol not in self._series:
            self._series[symbol] = self._make(symbol)
        return self._series[symbol]

    def forget_bent(self) -> None:
        """A shock has come: paths are made anew."""
        self._paths.clear()

    def path(self, symbol: str, tape: DayTape) -> Floats:
        """The fund over the day's grid, dollars to the cent, held from the index close on; KeyError if unknown."""
        day = tape.session.day
        known = self._paths.get((symbol, day))
        if known is None:
            if len(self._paths) >= 8 * len(LOADINGS):
                self._paths.clear()
            known = self._paths[symbol, day] = np.round(self._lived_path(symbol, tape), 2)
        return known

    def level(self, symbol: str, tape: DayTape, place: int, weight: float) -> IndexLevel:
        """The fund `weight` of the way from grid point `place` to the next one, with its quote."""
        loading, line = LOADINGS[symbol], self.path(symbol, tape)
        last = round(float(line[place] * (1.0 - weight) + line[place + 1] * weight), 2)
        lived = line[: place + 1]
        bid, ask = (float(side) for side in fund_quote(symbol, np.array(last)))
        return IndexLevel(
            last=last,
            open=float(line[0]),
            high=max(float(lived.max()), last),
            low=min(float(lived.min()), last),
            previous_close=self.previous_close(symbol, tape.session.day),
            bid=bid,
            ask=ask,
            bid_size=loading.size,
            ask_size=loading.size,
        )

    def spot(self, tape: DayTape, place: int, weight: float) -> float:
        """SPY between two grid points, dollars, not rounded."""
        line = self.path(SPY, tape)
        return float(line[place] * (1.0 - weight) + line[place + 1] * weight)

    def after_hours(self, symbol: str, day: date, last: float, *, next_date: bool) -> IndexLevel:
        """The fund in the evening after a day, or with `next_date` once that belongs to the next trade date; open, high
        and low are those of regular sessions."""
        loading, lived = LOADINGS[symbol], self.day(symbol, day)
        price = round(last, 2)
        bid, ask = (float(side) for side in fund_quote(symbol, np.array(price), OVERNIGHT.width))
        size = round(loading.size * OVERNIGHT.size)
        if next_date:
            return IndexLevel(price, None, None, None, lived.close, bid, ask, size, size)
        previous = self.previous_close(symbol, day)
        return IndexLevel(price, lived.open, lived.high, lived.low, previous, bid, ask, size, size)

    def close_on(self, day: date) -> float | None:
        """SPY's close of a day, None for a day without prices."""
        try:
            return self.day(SPY, day).close
        except KeyError:
            return None

    def previous_close(self, symbol: str, day: date) -> float | None:
        """The close before that day, None on the first known day."""
        before = self._before.get(day)
        return None if before is None else self.day(symbol, before).close

    def bars(self, symbol: str, until: date, count: int) -> list[Bar]:
        """Up to `count` daily bars before `until`, volume in shares; KeyError for an unknown fund."""
        if symbol not in LOADINGS:
            raise KeyError(symbol)
        days = [day for day in self._source.known_days if day < until][-count:] if count > 0 else []
        found = []
        for day in days:
            prices = self.day(symbol, day)
            busy = 1.0 + 25.0 * (prices.high - prices.low) / prices.close
            volume = round(LOADINGS[symbol].millions * 0.75e6 * busy, -2)
            at = regular_day(day).index_close_at
            found.append(Bar(at, prices.open, prices.high, prices.low, prices.close, volume))
        return found

    # making --------------------------------------------------------------------------------------
    def _make(self, symbol: str) -> dict[date, Ohlc]:
        if symbol in _MATURITY_DAYS:
            return self._roll(symbol)
        days = tuple(self._source.known_days)
        if symbol == SPY:
            return {day: self._spy(day) for day in days}
        return _days_of(symbol, self._source.seed, days, tuple(self._source.lived("SPX", day) for day in days))

    def _spy(self, day: date) -> Ohlc:
        real = self._source.spy(day)
        if real is not None:
            return real
        spx = self._source.lived("SPX", day)
        return _rounded(*(round(price, 2) / SPY_SHARE for price in (spx.open, spx.high, spx.low, spx.close)))

    def _roll(self, symbol: str) -> dict[date, Ohlc]:
        """A fund that holds VX at a constant maturity: each day's close by what that future earned since the last."""
        maturity, close = float(_MATURITY_DAYS[symbol]), LOADINGS[symbol].price
        reach = float(beta(np.array([maturity]))[0])
        found: dict[date, Ohlc] = {}
        before: date | None = None
        for day in self._source.known_days:
            vix, opening, future = self._source.lived("VIX", day), close, 0.0
            if before is not None:
                passed = float((day - before).days)
                future = float(self._source.curve(before, np.array([maturity]))[0])
                earned = float(self._source.curve(day, np.array([maturity - passed]))[0]) / future
                gap = vix.open - self._source.lived("VIX", before).close
                opening = close * max(1.0 + reach * gap / future, 0.2)
                close *= earned
            future = future or float(self._source.curve(day, np.array([maturity]))[0])
            up = 1.0 + reach * (vix.high - max(vix.open, vix.close)) / future
            down = 1.0 - reach * (min(vix.open, vix.close) - vix.low) / future
            found[day] = _rounded(opening, max(opening, close) * up, min(opening, close) * max(down, 0.2), close)
            before = day
        return found

    def _lived_path(self, symbol: str, tape: DayTape) -> Floats:
        """The model's path, bent as far as a shock bends what the fund follows."""
        straight = self._source.straight(tape.session.day)
        if straight is None:
            return self.made_path(symbol, tape)
        shown = self.made_path(symbol, straight)
        spx, vix = tape.levels[:, SPX] / straight.levels[:, SPX], tape.levels[:, VIX] - straight.levels[:, VIX]
        shown = shown * self.response(symbol, tape.session.day, spx, vix)
        stop = self._source.stop_place(tape)
        if stop is not None:
            shown[stop:] = shown[stop]
        return np.asarray(shown, dtype=np.float64)

    def response(self, symbol: str, day: date, spx: Floats, vix_points: Floats) -> Floats:
        """By what a fund is multiplied while SPX is by `spx` and VIX has moved by so many points."""
        if symbol not in _MATURITY_DAYS:
            return np.asarray(spx ** LOADINGS[symbol].beta, dtype=np.float64)
        maturity = np.array([float(_MATURITY_DAYS[symbol])])
        future = float(self._source.curve(day, maturity)[0])
        return np.maximum(1.0 + float(beta(maturity)[0]) * vix_points / future, 0.2)

    def made_path(self, symbol: str, tape: DayTape) -> Floats:
        """The model's path over the grid of a day that no shock has bent, dollars."""
        to_index, to_close = grid_points(tape.session)
        if symbol == SPY and self._source.spy(tape.session.day) is None:
            return np.asarray(np.round(tape.levels[:, SPX], 2) / SPY_SHARE, dtype=np.float64)
        prices = self._told(symbol)[tape.session.day]
        if symbol == SPY:
            shown = path.pinned(prices, tape.levels[:to_index, SPX])
        else:
            rng = np.random.default_rng([self._source.seed, zlib.crc32(symbol.encode()), tape.session.day.toordinal()])
            driver, follow, sign = self._driver(symbol, tape)
            shown = path.against(prices, driver[:to_index], rng, follow=follow, sign=sign)
        return np.concatenate((shown, np.full(to_close - to_index, shown[-1])))

    @staticmethod
    def _driver(symbol: str, tape: DayTape) -> tuple[Floats, float, float]:
        """What a fund's path follows inside the day, how closely, and in which direction."""
        if symbol in _MATURITY_DAYS:
            return tape.levels[:, VIX], 0.95, 1.0
        loading = LOADINGS[symbol]
        common = abs(loading.beta) * _INDEX_DAILY_VOL
        follow = common / float(np.hypot(common, loading.own_vol))
        return tape.levels[:, SPX], follow, 1.0 if loading.beta >= 0.0 else -1.0


def fund_quote(symbol: str, last: Floats, width: float = 1.0) -> tuple[Floats, Floats]:
    """(bid, ask) around a last price, dollars in whole cents; `width` as a factor of the usual spread."""
    cents = round(LOADINGS[symbol].spread_cents * width)
    bid = np.round(last - 0.01 * (cents // 2 + cents % 2), 2)
    return bid, np.round(bid + 0.01 * cents, 2)


@lru_cache(maxsize=64)  # a process that plays one world after another asks for the same funds each time
def _days_of(symbol: str, seed: int, days: tuple[date, ...], lived: tuple[Ohlc, ...]) -> dict[date, Ohlc]:
    """A fund's days by its beta to the index, which `lived` those days, and its own part. Nobody changes the answer."""
    loading = LOADINGS[symbol]
    own, luck = _own(symbol, seed, days, loading.own_vol)
    found: dict[date, Ohlc] = {}
    before = own[0]
    for place, (day, spx) in enumerate(zip(days, lived, strict=True)):
        now = float(own[place])
        opening_own = before + _OPENING_SHARE * (now - before)
        opening, close = (
            loading.price * (level / _REFERENCE_SPX) ** loading.beta * np.exp(part)
            for level, part in ((spx.open, opening_own), (spx.close, now))
        )
        up, down = (spx.high / max(spx.open, spx.close), spx.low / min(spx.open, spx.close))
        reach_up, reach_down = abs(loading.beta) * np.log([up, 1.0 / down])
        if loading.beta < 0.0:
            reach_up, reach_down = reach_down, reach_up
        noise = loading.own_vol * luck[:, place]
        high = max(opening, close) * np.exp(0.7 * reach_up + noise[0])
        low = min(opening, close) * np.exp(-0.7 * reach_down - noise[1])
        found[day] = _rounded(opening, high, low, close)
        before = now
    return found


def _own(symbol: str, seed: int, days: Sequence[date], own_vol: float) -> tuple[Floats, Floats]:
    """The fund's own log price on those days, and two positive numbers a day for its range."""
    rng = np.random.default_rng([seed, zlib.crc32(symbol.encode())])
    length = int(np.busday_count(_EPOCH, _LAST_DAY))
    shocks, luck = rng.standard_normal(length), np.abs(rng.standard_normal((2, length)))
    kernel = _PERSISTENCE ** np.arange(_MEMORY_DAYS)
    place = np.array([int(np.busday_count(_EPOCH, day)) for day in days])
    own = np.convolve(shocks, kernel)[place] * own_vol
    return np.asarray(own, dtype=np.float64), luck[:, place]


def _rounded(opening: float, high: float, low: float, close: float) -> Ohlc:
    prices = (round(float(price), 2) for price in (opening, high, low, close))
    return path.widened(Ohlc(*prices))
