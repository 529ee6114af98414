"""Scenario worlds: a story told day by day in TOML, played with seeded noise, with a seeded past before it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from itertools import islice

import numpy as np
from numpy.random import Generator

from bot.sim.exchange.expiries import vx_weekly_expiries
from bot.sim.exchange.hours import regular_day
from bot.sim.types import Bar, Floats, TradingDay, WorldEvent
from bot.sim.world import path
from bot.sim.world.curve import scenario_curve
from bot.sim.world.derive import vix3m_from, vix9d_from, vvix_from
from bot.sim.world.path import Ohlc
from bot.sim.world.scenario_file import ScenarioText, VolState, parse_scenario
from bot.sim.world.sessions import trading_days_before, trading_days_from, vx_expiries_after
from bot.sim.world.smile import SmileShape, put_skew_scale
from bot.sim.world.surface import DaySurface
from bot.sim.world.tape import SYMBOLS, DayTape, FuturesDay, TapeShelf, future_day, grid_points, make_tape
from bot.sim.world.term_structure import FAR_DAYS, Levels

PAST_SESSIONS = 320
_LISTED_MONTHS = 8
_LAST_MONTH = 21
_SESSIONS_PER_YEAR = 252.0
_REALISED_SHARE = 0.72  # realised volatility of the invented past against VIX: the usual premium


def _weeklies_after(day: date) -> tuple[date, ...]:
    return tuple(expiry for expiry in vx_weekly_expiries(day) if expiry > day)


@lru_cache(maxsize=4096)
def _vx_listed_after(day: date) -> tuple[date, ...]:
    """Months and weeks, as far as the scenario's exchange lists them."""
    return tuple(sorted([*vx_expiries_after(day, _LISTED_MONTHS), *_weeklies_after(day)]))


def closes_of(state: VolState) -> Floats:
    """Closing values of the volatility columns of SYMBOLS (VIX, VIX9D, VIX3M, VVIX, SKEW)."""
    near, mid = scenario_curve(state.vix, state.long_run, state.decay_days, np.array([30.0, 60.0]))
    vix3m = state.vix3m or vix3m_from(state.vix, float(near), float(mid))
    vix9d = state.vix9d or vix9d_from(state.vix, float(near))
    vvix = state.vvix or vvix_from(state.vix)
    return np.round(np.array([state.vix, vix9d, vix3m, vvix, state.skew]), 2)


@dataclass(slots=True)
class ScenarioSource:
    """Days of a scenario. Closes are the file's own, whatever the seed; the seed draws the paths and the past."""

    text: ScenarioText
    seed: int
    _sessions: tuple[TradingDay, ...] = ()
    _past: dict[str, list[Bar]] = field(default_factory=dict)
    _spx: list[Ohlc] = field(default_factory=list)
    _vol: list[tuple[Ohlc, ...]] = field(default_factory=list)
    _lived: dict[date, tuple[Ohlc, ...]] = field(default_factory=dict)
    _before: dict[date, date | None] = field(default_factory=dict)
    _futures_lived: dict[tuple[date, date], Ohlc] = field(default_factory=dict)
    _shelf: TapeShelf = field(init=False)

    def __post_init__(self) -> None:
        days = trading_days_from(self.text.start, len(self.text.days))
        self._sessions = tuple(regular_day(day) for day in days)
        self._past = invent_past(self.text, self._rng(0, 0))
        self._spx = self._draw_spx()
        self._vol = self._draw_vol()
        for bars in zip(*(self._past[symbol] for symbol in SYMBOLS), strict=True):
            self._lived[bars[0].at.date()] = tuple(Ohlc(bar.open, bar.high, bar.low, bar.close) for bar in bars)
        self._lived |= {day: (spx, *vol) for day, spx, vol in zip(days, self._spx, self._vol, strict=True)}
        self._before = dict(zip(self._lived, (None, *self._lived), strict=False))
        self._shelf = TapeShelf(self._build)

    def _rng(self, day: int, stream: int) -> Generator:
        return np.random.default_rng([self.seed, zlib.crc32(self.text.name.encode()), day, stream])

    # what the market asks ------------------------------------------------------------------------
    @property
    def name(self) -> str:
        """The scenario's name."""
        return self.text.name

    @property
    def sessions(self) -> Sequence[TradingDay]:
        """The days of the story."""
        return self._sessions

    @property
    def known_days(self) -> Sequence[date]:
        """The past and the story."""
        return list(self._lived)

    @property
    def notes(self) -> Sequence[str]:
        """Nothing here is real: said once."""
        return (f"Scenario {self.text.name!r}, seed {self.seed}: every price, the past included, is invented.",)

    @property
    def events(self) -> Sequence[WorldEvent]:
        """What the file asks of the gateway, in its order; the gateway reads it like a fault script."""
        return self.text.events

    def tape(self, index: int) -> DayTape:
        """The day at that position."""
        return self._shelf.get(self._sessions[index].day)

    def tape_on(self, day: date) -> DayTape:
        """Any day of the story or of the past before it; KeyError for another."""
        if day not in self._lived:
            raise KeyError(day)
        return self._shelf.get(day)

    def bars(self, symbol: str, until: date, count: int) -> Sequence[Bar]:
        """Past and played days before `until`."""
        column = SYMBOLS.index(symbol) if symbol in SYMBOLS else -1
        if column < 0:
            raise KeyError(symbol)
        days = [day for day in self._lived if day < until][-count:] if count > 0 else []
        return [_bar(day, self._lived[day][column]) for day in days]

    def future_bars(self, expiry: date, until: date, count: int) -> Sequence[Bar]:
        """Sessions of one contract as its tape plays them, while it is listed."""
        last = min(until, expiry)
        listed = (day for day in reversed(self._lived) if day < last and expiry in _vx_listed_after(day))
        days = [*islice(listed, max(0, count))][::-1]
        return [_bar(day, self._future_day(day, expiry), 50_000.0) for day in days]

    def lived(self, symbol: str, day: date) -> Ohlc:
        """A day of an index as it is lived."""
        return self._lived[day][SYMBOLS.index(symbol)]

    def curve(self, day: date, maturities: Floats) -> Floats:
        """The closing curve of a day."""
        return self._curve(day, self._lived[day][1].close, maturities)

    def carry(self, day: date) -> float:
        """The file's rate less its dividend yield."""
        return (self.text.rate_pct - self.text.dividend_pct) / 100.0

    def spy(self, day: date) -> Ohlc | None:
        """Nothing here is real."""
        return None

    def monthlies(self, on: date) -> Sequence[date]:
        """The next eight months."""
        return vx_expiries_after(on, _LISTED_MONTHS)

    def weeklies(self, on: date) -> Sequence[date]:
        """The weeks that the exchange lists."""
        return _weeklies_after(on)

    def opening_settlement(self, symbol: str, expiry: date) -> float | None:
        """SPX SOQ: that day's open. VRO: that day's VIX open."""
        index = self._index_of(expiry)
        if index is None:
            return None
        return self._spx[index].open if symbol == "SPX" else self._vol[index][0].open

    def closing_settlement(self, symbol: str, expiry: date) -> float | None:
        """The day's SPX close."""
        index = self._index_of(expiry)
        return self._spx[index].close if index is not None and symbol == "SPX" else None

    # building ------------------------------------------------------------------------------------
    def _index_of(self, day: date) -> int | None:
        for i, known in enumerate(self._sessions):
            if known.day == day:
                return i
        return None

    def _state(self, day: date) -> VolState:
        index = self._index_of(day)
        return self.text.past if index is None else self.text.days[index].state

    def _curve(self, day: date, vix: float, days: Floats) -> Floats:
        """The curve of a day; in the past the far end follows VIX half-way, so that old contracts look alive."""
        state = self._state(day)
        long_run = state.long_run
        if self._index_of(day) is None:
            long_run = state.long_run + 0.5 * (vix - state.vix)
        return scenario_curve(vix, long_run, state.decay_days, days)

    def _draw_spx(self) -> list[Ohlc]:
        out: list[Ohlc] = []
        previous = self.text.spx_close
        vix = self.text.past.vix
        for i, told in enumerate(self.text.days):
            close = round(previous * (1.0 + told.spx_return_pct / 100.0), 2)
            opening = round(previous + told.gap_share * (close - previous), 2)
            level = 0.5 * (vix + told.state.vix)
            sigma = opening * level / 100.0 / np.sqrt(_SESSIONS_PER_YEAR) * 0.6
            drawn = path.invented_range(opening, close, sigma, self._rng(i + 1, 1))
            out.append(Ohlc(opening, round(drawn.high, 2), round(drawn.low, 2), close))
            previous, vix = close, told.state.vix
        return out

    def _draw_vol(self) -> list[tuple[Ohlc, ...]]:
        out: list[tuple[Ohlc, ...]] = []
        previous = closes_of(self.text.past)
        for i, told in enumerate(self.text.days):
            closes = closes_of(told.state)
            rng = self._rng(i + 1, 2)
            row: list[Ohlc] = []
            for before, close in zip(previous, closes, strict=True):
                opening = round(float(before + told.gap_share * (close - before)), 2)
                drawn = path.invented_range(opening, float(close), 0.022 * float(before), rng)
                row.append(Ohlc(opening, round(drawn.high, 2), round(drawn.low, 2), float(close)))
            # SKEW is published once a day.
            row[-1] = Ohlc(*(float(closes[-1]),) * 4)
            out.append(tuple(row))
            previous = closes
        return out

    # one day, played or past ----------------------------------------------------------------------
    def _future_day(self, day: date, expiry: date) -> Ohlc:
        known = self._futures_lived.get((day, expiry))
        if known is None:
            known = self._futures_lived[day, expiry] = self._lived_future(day, expiry)
        return known

    def _lived_future(self, day: date, expiry: date) -> Ohlc:
        days, vix, before = (expiry - day).days, self._lived[day][1], self._before[day]
        settle = round(float(self._curve(day, vix.close, np.array([float(days)]))[0]), 3)
        vix_previous = np.nan if before is None else self._lived[before][1].close
        return future_day(self._settled(before, expiry), settle, days, vix, vix_previous)

    def _settled(self, before: date | None, expiry: date) -> float:
        if before is None:
            return np.nan
        days = np.array([float((expiry - before).days)])
        return round(float(self._curve(before, self._lived[before][1].close, days)[0]), 3)

    def _build(self, day: date) -> DayTape:
        hours, before, index = regular_day(day), self._before[day], self._index_of(day)
        to_index, to_close = grid_points(hours)
        rng = self._rng(day.toordinal(), 4) if index is None else self._rng(index + 1, 3)
        spx_prices, *vol_prices = self._lived[day]
        spx = path.pinned(spx_prices, path.random_shape(to_index, rng))
        driver = np.concatenate((spx, np.full(to_close - to_index, spx[-1])))
        paths: list[Floats | None] = [spx, *(path.against(prices, driver, rng) for prices in vol_prices)]
        previous = np.full(len(SYMBOLS), np.nan)
        if before is not None:
            previous[:] = [prices.close for prices in self._lived[before]]
        vix, vix9d, vix3m = (prices.close for prices in vol_prices[:3])
        surface = DaySurface(
            hours.open_at,
            Levels(spx_prices.close, vix9d, vix, vix3m),
            self.text.rate_pct / 100.0,
            self.text.dividend_pct / 100.0,
            SmileShape(put_skew_scale(self._state(day).skew)),
            float(np.mean(self._curve(day, vix, np.array(FAR_DAYS)))),
        )
        return make_tape(hours, paths, previous, self._futures(day, before), surface)

    def _futures(self, day: date, before: date | None) -> FuturesDay:
        listed = _vx_listed_after(day)
        previous = np.array([self._settled(before, expiry) for expiry in listed])
        return FuturesDay(
            listed, previous, tuple(self._future_day(day, expiry) for expiry in listed), tuple(self.monthlies(day))
        )


def _bar(day: date, prices: Ohlc, volume: float = 0.0) -> Bar:
    return Bar(regular_day(day).index_close_at, prices.open, prices.high, prices.low, prices.close, volume)


def invent_past(text: ScenarioText, rng: Generator) -> dict[str, list[Bar]]:
    """Daily bars before the story: log VIX reverts to its mean inside the file's range and ends at the file's close;
    SPX realises a share of it and ends at the file's close."""
    days = trading_days_before(text.start, PAST_SESSIONS)
    n = len(days)
    shock = rng.standard_normal((2, n))
    log_vix = np.zeros(n)
    for i in range(1, n):
        log_vix[i] = 0.96 * log_vix[i - 1] + 0.07 * shock[0, i]
    low, high, last = np.log(text.vix_low), np.log(text.vix_high), np.log(text.past.vix)
    unit = (log_vix - log_vix.min()) / np.ptp(log_vix)
    vix = low + unit * (high - low)
    tail = np.exp(-np.arange(n)[::-1] / 12.0)  # the last weeks bend into the story's first day
    vix = np.exp(np.clip(vix + tail * (last - vix[-1]), low, high))
    corr = -0.75
    noise = corr * shock[0] + np.sqrt(1.0 - corr**2) * shock[1]
    # The last month realises just its share, so that implied above realised holds on the first day whatever the seed.
    noise[-_LAST_MONTH:] /= np.sqrt(np.mean(noise[-_LAST_MONTH:] ** 2))
    returns = _REALISED_SHARE * vix / 100.0 / np.sqrt(_SESSIONS_PER_YEAR) * noise + 0.0004
    spx = text.spx_close * np.exp(np.cumsum(returns) - np.sum(returns))
    out: dict[str, list[Bar]] = {symbol: [] for symbol in SYMBOLS}
    for i, day in enumerate(days):
        state = VolState(
            vix=float(vix[i]),
            long_run=text.past.long_run + 0.5 * (float(vix[i]) - text.past.vix),
            decay_days=text.past.decay_days,
            skew=text.past.skew,
        )
        closes = [float(spx[i]), *closes_of(state)]
        at = regular_day(day).index_close_at
        for symbol, close in zip(SYMBOLS, closes, strict=True):
            before = out[symbol][-1].close if out[symbol] else close
            opening = before + 0.3 * (close - before)
            daily = close * (vix[i] / 100.0 / 16.0 * 0.6 if symbol == "SPX" else 0.022)
            drawn = path.invented_range(opening, close, daily, rng)
            if symbol == "SKEW":  # published once a day
                drawn = Ohlc(close, close, close, close)
            o, h, low, c = (round(float(v), 2) for v in (drawn.open, drawn.high, drawn.low, drawn.close))
            out[symbol].append(Bar(at, o, h, low, c))
    return out


def load(text: str, file: str, seed: int, start: date | None = None) -> ScenarioSource:
    """A source from a scenario's TOML text; `file` names it in errors. Raises ScenarioError.

    `start` moves the first day: to that date, or to the next trading day.
    """
    story = parse_scenario(text, file)
    if start is not None:
        story = replace(story, start=trading_days_from(start, 1)[0])
    return ScenarioSource(story, seed)
