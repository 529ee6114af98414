"""The `World`: plays a source's days tick by tick and quotes indices, futures and options at the current instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from bot.sim.types import (
    Bar,
    ContractSpec,
    Floats,
    IndexLevel,
    Marks,
    Right,
    Settlement,
    TradingDay,
    WorldEvent,
)
from bot.sim.world import spreads
from bot.sim.world.curve import forward_between
from bot.sim.world.path import STEP_SECONDS
from bot.sim.world.sessions import settles_at
from bot.sim.world.surface import Levels, Priced, SliceKey, SpxTerms, gather, price_spx
from bot.sim.world.tape import SPX, SYMBOLS, VIX, VIX3M, VIX9D, VVIX, DayTape, Source
from bot.sim.world.vix_options import price_vix

_VX_TICK = 0.05
_SIZE_BEAT_SECONDS = 5.0
_CACHED_REQUESTS = 64


@dataclass(frozen=True, slots=True)
class _Bound:
    """A request for marks bound to one day: which positions are SPX, which VIX, and what does not change intraday."""

    spx_at: NDArray[np.intp]
    vix_at: NDArray[np.intp]
    terms: SpxTerms | None
    vix_strike: Floats
    vix_call: NDArray[np.bool_]
    vix_settles_ts: Floats
    vix_expiries: tuple[date, ...]
    spread_scale: Floats
    con_ids: NDArray[np.int64]
    small_tick: Floats
    large_tick: Floats


class MarketWorld:
    """A `World` over a `Source`. Before the first open nothing has printed; between sessions the last state stands."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._days = tuple(source.sessions)
        self._opens = [d.open_at for d in self._days]
        self._now: datetime | None = None
        self._day_index = 0
        self._tape: DayTape = source.tape(0)
        self._printed = False
        self._grid_index = 0
        self._row: Floats = self._tape.levels[0]
        self._now_ts = self._days[0].open_at.timestamp()
        self._bound: dict[tuple[int, ...], _Bound] = {}
        self._future_row: Floats = self._tape.future_levels[0]

    @property
    def name(self) -> str:
        """Scenario name or history range."""
        return self._source.name

    @property
    def days(self) -> Sequence[TradingDay]:
        """The exchange days covered."""
        return self._days

    @property
    def events(self) -> Sequence[WorldEvent]:
        """What the world asks of its gateway."""
        return self._source.events

    def notes(self) -> Sequence[str]:
        """Substitutions and derivations made, one sentence each."""
        return self._source.notes

    # time --------------------------------------------------------------------------------------
    def advance(self, at: datetime) -> None:
        """Moves to `at`; ValueError if that lies before the present."""
        if self._now is not None and at < self._now:
            raise ValueError(f"time moves forward only: asked for {at}, already at {self._now}")
        self._now = at
        index = self._day_index
        while index + 1 < len(self._days) and self._opens[index + 1] <= at:
            index += 1
        if index != self._day_index:
            self._enter(index)
        day = self._days[index]
        if at < day.open_at:
            return
        self._printed = True
        elapsed = min((at - day.open_at).total_seconds(), (day.close_at - day.open_at).total_seconds())
        place = elapsed / STEP_SECONDS
        i = min(int(place), len(self._tape.levels) - 2)
        weight = place - i
        self._grid_index = i if weight < 1.0 else i + 1
        tape = self._tape
        self._row = tape.levels[i] * (1.0 - weight) + tape.levels[i + 1] * weight
        self._future_row = tape.future_levels[i] * (1.0 - weight) + tape.future_levels[i + 1] * weight
        self._now_ts = day.open_at.timestamp() + elapsed

    def _enter(self, index: int) -> None:
        self._day_index = index
        self._tape = self._source.tape(index)
        self._bound.clear()

    # indices and futures -------------------------------------------------------------------------
    def index(self, symbol: str) -> IndexLevel:
        """Level of SPX, VIX, VIX9D, VIX3M, VVIX, SKEW, or SPY as a tenth of SPX; KeyError for others."""
        if symbol == "SPY":
            spx = self.index("SPX")
            tenth = (_tenth(v) for v in (spx.last, spx.open, spx.high, spx.low, spx.previous_close))
            return _with_quote(IndexLevel(*tenth), 0.01)
        column = SYMBOLS.index(symbol) if symbol in SYMBOLS else -1
        if column < 0:
            raise KeyError(symbol)
        previous = _known(self._tape.previous[column])
        if not self._printed:
            return IndexLevel(None, None, None, None, previous)
        last = _known(self._row[column])
        if last is None:
            return IndexLevel(None, None, None, None, previous)
        high = max(float(self._tape.highs[self._grid_index, column]), last)
        low = min(float(self._tape.lows[self._grid_index, column]), last)
        return IndexLevel(last, round(float(self._tape.levels[0, column]), 2), round(high, 2), round(low, 2), previous)

    def future_expiries(self, on: date) -> Sequence[date]:
        """Settlement days of the monthly contracts listed that day, those settling after it."""
        tape = self._tape if on == self._tape.session.day else self._tape_of(on)
        if tape is None:
            return ()
        return tape.futures.monthly

    def _tape_of(self, on: date) -> DayTape | None:
        for i, day in enumerate(self._days):
            if day.day == on:
                return self._source.tape(i)
        return None

    def future(self, expiry: date) -> IndexLevel:
        """The VX future settling that day, on its 0.05 grid with a two-sided quote; None fields where unknown."""
        listed = self._tape.futures.listed
        if expiry not in listed:
            return IndexLevel(None, None, None, None, None)
        i = listed.index(expiry)
        previous = _known(self._tape.futures.previous[i], 4)
        mark = float(self._future_row[i])
        if not self._printed or np.isnan(mark):
            return IndexLevel(None, None, None, None, previous)
        days = (expiry - self._tape.session.day).days
        ticks = 1 if days <= 70 else 2
        bid = np.floor(mark / _VX_TICK - 0.5 * (ticks - 1)) * _VX_TICK
        return IndexLevel(
            last=_on_vx_grid(mark),
            open=_on_vx_grid(self._tape.future_levels[0, i]),
            high=_on_vx_grid(max(float(self._tape.future_highs[self._grid_index, i]), mark)),
            low=_on_vx_grid(min(float(self._tape.future_lows[self._grid_index, i]), mark)),
            previous_close=previous,
            bid=round(float(bid), 2),
            ask=round(float(bid) + ticks * _VX_TICK, 2),
            bid_size=40 if days <= 70 else 12,
            ask_size=40 if days <= 70 else 12,
        )

    # options -------------------------------------------------------------------------------------
    def _levels(self) -> Levels:
        row = self._row
        return Levels(float(row[SPX]), float(row[VIX9D]), float(row[VIX]), float(row[VIX3M]))

    def marks(self, specs: Sequence[ContractSpec]) -> Marks:
        """Quotes and greeks; NaN throughout for contracts already settled or without a forward."""
        key = tuple([spec.con_id for spec in specs])
        bound = self._bound.get(key)
        if bound is None:
            if len(self._bound) >= _CACHED_REQUESTS:
                self._bound.clear()
            bound = self._bound[key] = self._bind(specs)
        out = np.full((11, len(specs)), np.nan)
        beat = int(self._now_ts / _SIZE_BEAT_SECONDS)
        if bound.terms is not None:
            levels = self._levels()
            priced = price_spx(bound.terms, levels, self._now_ts, self._tape.surface.rate)
            at = bound.spx_at
            half = spreads.spx_half_spread(priced.mid, priced.delta, priced.years, levels.spot, levels.vix)
            half = half * bound.spread_scale[at]
            liquidity = spreads.spx_liquidity(priced.mid, priced.delta, priced.years)
            self._fill(out, at, priced, half, liquidity, bound, beat)
        if len(bound.vix_at):
            self._mark_vix(out, bound, beat)
        return Marks(*out)

    def _mark_vix(self, out: Floats, bound: _Bound, beat: int) -> None:
        today = self._tape.session.day
        listed, prices = self._tape.futures.listed, self._future_row
        vix = float(self._row[VIX])
        vvix = float(self._row[VVIX])
        by_expiry: dict[date, float] = {}
        for expiry in set(bound.vix_expiries):
            value = forward_between(vix, listed, prices, today, expiry)
            by_expiry[expiry] = np.nan if value is None else value
        forward = np.array([by_expiry[e] for e in bound.vix_expiries])
        if np.isnan(forward).any() or np.isnan(vvix):
            return
        priced = price_vix(
            bound.vix_strike, bound.vix_call, forward, bound.vix_settles_ts, vvix, self._now_ts,
            self._tape.surface.rate,
        )  # fmt: skip
        half = spreads.vix_half_spread(priced.mid, vix)
        self._fill(out, bound.vix_at, priced, half, 60.0 + 400.0 / (1.0 + priced.mid), bound, beat)

    def _fill(
        self,
        out: Floats,
        at: NDArray[np.intp],
        priced: Priced,
        half: Floats,
        liquidity: Floats,
        bound: _Bound,
        beat: int,
    ) -> None:
        quotes = spreads.on_ticks(
            priced.mid, half, bound.small_tick[at], bound.large_tick[at], bound.con_ids[at], liquidity, beat
        )
        columns = (priced.mid, *quotes, priced.iv, priced.delta, priced.gamma, priced.vega, priced.theta,
                   priced.forward)  # fmt: skip
        for row, values in zip(out, columns, strict=True):
            row[at] = values

    def _bind(self, specs: Sequence[ContractSpec]) -> _Bound:
        spx = [i for i, s in enumerate(specs) if s.symbol == "SPX"]
        vix = [i for i, s in enumerate(specs) if s.symbol == "VIX"]
        unknown = [s.symbol for s in specs if s.symbol not in ("SPX", "VIX")]
        if unknown:
            raise KeyError(f"this world quotes options on SPX and VIX only, not on {unknown[0]!r}")
        keys = [_slice_key(specs[i]) for i in spx]
        terms = None
        if spx:
            strikes = np.array([_strike(specs[i]) for i in spx])
            calls = np.array([specs[i].right is Right.CALL for i in spx])
            terms = gather(self._tape.surface, keys, strikes, calls)
        is_vix = np.array([s.symbol == "VIX" for s in specs], dtype=np.bool_)
        return _Bound(
            np.array(spx, dtype=np.intp),
            np.array(vix, dtype=np.intp),
            terms,
            np.array([_strike(specs[i]) for i in vix]),
            np.array([specs[i].right is Right.CALL for i in vix], dtype=np.bool_),
            np.array([settles_at(_expiry(specs[i]), Settlement.AM).timestamp() for i in vix]),
            tuple(_expiry(specs[i]) for i in vix),
            np.ones(len(specs)),
            np.array([s.con_id for s in specs], dtype=np.int64),
            np.where(is_vix, 0.01, 0.05),
            np.where(is_vix, 0.05, 0.10),
        )

    # history and settlement ------------------------------------------------------------------------
    def daily_bars(self, symbol: str, until: date, count: int) -> Sequence[Bar]:
        """Up to `count` daily bars ending the day before `until`."""
        return self._source.bars(symbol, until, count)

    def future_daily_bars(self, expiry: date, until: date, count: int) -> Sequence[Bar]:
        """Daily bars of one VX contract, settlement as close."""
        return self._source.future_bars(expiry, until, count)

    def settlement_price(self, spec: ContractSpec) -> float | None:
        """Final settlement value of the spec's underlying; None until the world's clock has passed its publication."""
        if spec.expiry is None or self._now is None:
            return None
        settlement = spec.settlement
        if settlement is None:
            settlement = Settlement.AM if spec.symbol in ("VIX", "VX", "VXM") else Settlement.PM
        if self._now < settles_at(spec.expiry, settlement):
            return None
        symbol = "VIX" if spec.symbol in ("VIX", "VX", "VXM") else "SPX"
        if settlement is Settlement.AM:
            return self._source.opening_settlement(symbol, spec.expiry)
        return self._source.closing_settlement(symbol, spec.expiry)


def _known(value: float, digits: int = 2) -> float | None:
    return None if np.isnan(value) else round(float(value), digits)


def _on_vx_grid(price: float) -> float:
    return round(round(float(price) / _VX_TICK) * _VX_TICK, 2)


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(value / 10.0, 2)


def _with_quote(level: IndexLevel, tick: float) -> IndexLevel:
    if level.last is None:
        return level
    return IndexLevel(
        level.last, level.open, level.high, level.low, level.previous_close,
        round(level.last - tick, 2), round(level.last + tick, 2), 500, 500,
    )  # fmt: skip


def _expiry(spec: ContractSpec) -> date:
    if spec.expiry is None:
        raise ValueError(f"contract {spec.con_id} has no expiry: only options can be marked")
    return spec.expiry


def _strike(spec: ContractSpec) -> float:
    if spec.strike is None:
        raise ValueError(f"contract {spec.con_id} has no strike: only options can be marked")
    return spec.strike


def _slice_key(spec: ContractSpec) -> SliceKey:
    return _expiry(spec), spec.settlement or Settlement.PM
