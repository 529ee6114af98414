"""Looking back: what an index, a future or an option was at past moments, from the same tapes that are played.

Everything is vectorised over moments, so that a year of bars costs milliseconds. Moments are epoch seconds; where there
is no value (outside a session, before a listing, NaN as a moment) the answer is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import date

import numpy as np
from numpy.typing import NDArray

from bot.sim.exchange.hours import regular_day
from bot.sim.types import ContractSpec, Floats, LevelPath, Marks, Right, Settlement, TradingDay
from bot.sim.world import spreads
from bot.sim.world.curve import forwards_between
from bot.sim.world.equity_futures import EquityFutures
from bot.sim.world.funds import LOADINGS, SPY, FundBook, fund_quote
from bot.sim.world.marking import spx_marks, spy_marks, vix_marks
from bot.sim.world.sessions import settles_at
from bot.sim.world.surface import LevelRows, SliceKey, SpxTerms, price_spx
from bot.sim.world.tape import SPX, SYMBOLS, VIX, VIX3M, VIX9D, VVIX, VX_TICK, DayTape, Source, vx_quote
from bot.sim.world.vix_options import VixStrip, price_vix

_MARK_FIELDS = len(fields(Marks))


def slice_key(spec: ContractSpec) -> SliceKey:
    """Expiry and settlement of an option. Raises ValueError for a contract without expiry."""
    if spec.expiry is None:
        raise ValueError(f"contract {spec.con_id} has no expiry: only options can be marked")
    return spec.expiry, spec.settlement or Settlement.PM


class LookBack:
    """Answers over any moments of a source's known days."""

    def __init__(self, source: Source, funds: FundBook) -> None:
        self._source = source
        self._funds = funds
        self._equity = EquityFutures(source)
        self.days: Sequence[TradingDay] = [regular_day(day) for day in source.known_days]
        self._opens = np.array([day.open_at.timestamp() for day in self.days])

    def level(self, symbol: str, at_s: Floats) -> LevelPath:
        """An index (points) or a fund (dollars) to the cent; KeyError for others."""
        if symbol in LOADINGS:

            def fund(tape: DayTape, moments: Floats) -> Floats:
                return tape.between(self._funds.path(symbol, tape)[:, None], moments).T

            last = np.round(self._by_day(at_s, 1, fund)[0], 2)
            return LevelPath(last, *fund_quote(symbol, last), LOADINGS[symbol].size, LOADINGS[symbol].size)
        column = _column(symbol)
        rows = self._by_day(at_s, 1, lambda tape, moments: tape.between(tape.levels[:, [column]], moments).T)
        nobody = np.full(len(at_s), np.nan)
        return LevelPath(np.round(rows[0], 2), nobody, nobody)

    def future(self, expiry: date, at_s: Floats) -> LevelPath:
        """The VX future settling that day, in points on its grid."""
        size = 0

        def day(tape: DayTape, moments: Floats) -> Floats:
            nonlocal size
            if expiry not in tape.futures.listed:
                return np.full((3, len(moments)), np.nan)
            place = tape.futures.listed.index(expiry)
            price = tape.between(tape.future_levels[:, [place]], moments)[:, 0]
            bid, ask, size = vx_quote(price, (expiry - tape.session.day).days)
            return np.stack((np.round(np.rint(price / VX_TICK) * VX_TICK, 2), bid, ask))

        last, bid, ask = self._by_day(at_s, 3, day)
        return LevelPath(last, bid, ask, size, size)

    def equity_future(self, expiry: date, at_s: Floats) -> LevelPath:
        """The ES future settling that day, in points on its grid."""

        def day(tape: DayTape, moments: Floats) -> Floats:
            factor = self._equity.factor(expiry, tape.session.day, moments)
            return tape.between(tape.levels[:, [SPX]], moments).T * factor

        return self._equity.path(self._by_day(at_s, 1, day)[0])

    def option(self, spec: ContractSpec, at_s: Floats) -> Marks:
        """Quotes and greeks of one SPX, SPY or VIX option, NaN once settled; KeyError for another underlying."""
        if spec.symbol not in ("SPX", SPY, "VIX"):
            raise KeyError(spec.symbol)
        priced = self._vix if spec.symbol == "VIX" else self._spx
        alive = at_s < settles_at(*slice_key(spec)).timestamp()
        moments = np.where(alive, at_s, np.nan)
        return Marks(*self._by_day(moments, _MARK_FIELDS, lambda tape, chunk: _rows(priced(spec, tape, chunk))))

    # one day ---------------------------------------------------------------------------------------
    def _by_day(self, at_s: Floats, rows: int, day: Callable[[DayTape, Floats], Floats]) -> Floats:
        """Joins what `day` says of each day's moments, rows x moments."""
        out = np.full((rows, len(at_s)), np.nan)
        place = np.searchsorted(self._opens, at_s, side="right") - 1
        place[np.isnan(at_s)] = -1
        for index in np.unique(place[place >= 0]).tolist():
            here: NDArray[np.intp] = np.flatnonzero(place == index)
            inside = here[at_s[here] <= self.days[index].close_at.timestamp()]
            if len(inside):
                out[:, inside] = day(self._source.tape_on(self.days[index].day), at_s[inside])
        return out

    def _spx(self, spec: ContractSpec, tape: DayTape, at_s: Floats) -> Marks:
        """An SPX option, or one on SPY by the surface of SPX."""
        rows, surface, n = tape.between(tape.levels, at_s), tape.surface, len(at_s)
        late = np.maximum(at_s - tape.session.index_close_at.timestamp(), 0.0)
        late_for = (tape.session.close_at - tape.session.index_close_at).total_seconds()
        spot = rows[:, SPX] + surface.late_shift_points * late / late_for
        if spec.symbol == SPY:
            spot = spot / rows[:, SPX] * tape.between(self._funds.path(SPY, tape)[:, None], at_s)[:, 0]
        levels = LevelRows(spot, rows[:, VIX9D], rows[:, VIX], rows[:, VIX3M])
        key, strike, is_call = slice_key(spec), float(spec.strike or 0.0), spec.right is Right.CALL
        terms = surface.slice(key)
        every = np.ones(n)
        bound = SpxTerms(
            terms.settles_ts * every,
            terms.ratio * every,
            terms.carry * every,
            terms.table,
            np.arange(n),
            np.zeros(n, dtype=np.intp),
            strike * every,
            np.log(strike) * every,
            np.full(n, is_call),
        )
        priced = price_spx(bound, levels, at_s, surface.rate)
        if spec.symbol == SPY:
            return spy_marks(priced, bound, spot, _wobbles(spec, at_s))
        scale = surface.spread_scale.get((*key, strike, is_call), 1.0)
        return spx_marks(priced, spot, levels.vix, scale, _wobbles(spec, at_s))

    @staticmethod
    def _vix(spec: ContractSpec, tape: DayTape, at_s: Floats) -> Marks:
        rows, curves = tape.between(tape.levels, at_s), tape.between(tape.future_levels, at_s)
        expiry, _ = slice_key(spec)
        forwards = forwards_between(rows[:, VIX], tape.futures.listed, curves, tape.session.day, expiry)
        if forwards is None or np.isnan(rows[:, VVIX]).any():
            return Marks(*np.full((_MARK_FIELDS, len(at_s)), np.nan))
        every = np.ones(len(at_s))
        strip = VixStrip(
            float(spec.strike or 0.0) * every,
            np.full(len(at_s), spec.right is Right.CALL),
            forwards,
            settles_at(expiry, Settlement.AM).timestamp() * every,
        )
        priced = price_vix(strip, rows[:, VVIX], at_s, tape.surface.rate)
        return vix_marks(priced, rows[:, VIX], _wobbles(spec, at_s))


def _column(symbol: str) -> int:
    if symbol not in SYMBOLS:
        raise KeyError(symbol)
    return SYMBOLS.index(symbol)


def _rows(marks: Marks) -> Floats:
    return np.stack([getattr(marks, field.name) for field in fields(Marks)])


def _wobbles(spec: ContractSpec, at_s: Floats) -> tuple[Floats, Floats]:
    beats = (at_s / spreads.SIZE_BEAT_SECONDS).astype(np.int64)
    return spreads.size_wobble(np.full(len(at_s), spec.con_id, dtype=np.int64), beats)
