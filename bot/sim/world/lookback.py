"""Looking back: what an index, a future or an option was at past moments, from the same tapes that are played.

Everything is vectorised over moments, so that a year of bars costs milliseconds. Moments are epoch seconds; where there
is no value (outside a session, before a listing, NaN as a moment) the answer is NaN.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import date

import numpy as np
from numpy.typing import NDArray

from bot.sim.exchange.hours import regular_day, settles_at
from bot.sim.types import ContractSpec, Floats, LevelPath, Marks, Places, Right, Settlement, TradingDay
from bot.sim.world import spreads
from bot.sim.world.curve import forwards_between
from bot.sim.world.equity_futures import EquityFutures
from bot.sim.world.funds import LOADINGS, SPY, FundBook, fund_quote
from bot.sim.world.marking import spx_marks, spy_marks, vix_marks
from bot.sim.world.spreads import QuoteTenor
from bot.sim.world.surface import SliceKey, SpxTerms, gather, price_spx
from bot.sim.world.tape import SPX, SYMBOLS, VIX, VIX3M, VIX9D, VVIX, VX_TICK, DayTape, Source, vx_quote
from bot.sim.world.term_structure import LevelRows
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
        fund = symbol in LOADINGS
        column = -1 if fund else _column(symbol)
        last = np.full(len(at_s), np.nan)
        for tape, here in self._by_day(at_s):
            path = self._funds.path(symbol, tape) if fund else tape.levels[:, column]
            last[here] = np.round(tape.between(path[:, None], at_s[here])[:, 0], 2)
        if fund:
            return LevelPath(last, *fund_quote(symbol, last), LOADINGS[symbol].size, LOADINGS[symbol].size)
        nobody = np.full(len(at_s), np.nan)
        return LevelPath(last, nobody, nobody)

    def future(self, expiry: date, at_s: Floats) -> LevelPath:
        """The VX future settling that day, in points on its grid."""
        last, bid, ask = np.full((3, len(at_s)), np.nan)
        size = 0
        for tape, here in self._by_day(at_s):
            if expiry not in tape.futures.listed:
                continue
            place = tape.futures.listed.index(expiry)
            price = tape.between(tape.future_levels[:, [place]], at_s[here])[:, 0]
            last[here] = np.round(np.rint(price / VX_TICK) * VX_TICK, 2)
            bid[here], ask[here], size = vx_quote(price, (expiry - tape.session.day).days)
        return LevelPath(last, bid, ask, size, size)

    def equity_future(self, expiry: date, at_s: Floats) -> LevelPath:
        """The ES future settling that day, in points on its grid."""
        level = np.full(len(at_s), np.nan)
        for tape, here in self._by_day(at_s):
            factor = self._equity.factor(expiry, tape.session.day, at_s[here])
            level[here] = tape.between(tape.levels[:, [SPX]], at_s[here])[:, 0] * factor
        return self._equity.path(level)

    def options(self, specs: Sequence[ContractSpec], which: Places, at_s: Floats) -> Marks:
        """Quotes and greeks of SPX, SPY or VIX options, NaN once settled; KeyError for another underlying. `which` is,
        for each moment, the place in `specs` of the option asked for."""
        out = np.full((_MARK_FIELDS, len(at_s)), np.nan)
        settled = np.array([settles_at(*slice_key(spec)).timestamp() for spec in specs])
        moments = np.where(at_s < settled[which], at_s, np.nan)
        symbols = np.array([spec.symbol for spec in specs])
        for symbol in dict.fromkeys(symbols.tolist()):
            if symbol not in ("SPX", SPY, "VIX"):
                raise KeyError(symbol)
            own = np.flatnonzero(symbols[which] == symbol)
            priced = self._vix if symbol == "VIX" else self._spx
            for tape, here in self._by_day(moments[own]):
                at = own[here]
                used, place = np.unique(which[at], return_inverse=True)
                out[:, at] = _rows(priced([specs[i] for i in used], place, tape, at_s[at]))
        return Marks(*out)

    # one day ---------------------------------------------------------------------------------------
    def _by_day(self, at_s: Floats) -> Iterator[tuple[DayTape, Places]]:
        """Each day's tape with the places of the moments within its session."""
        day = np.searchsorted(self._opens, at_s, side="right") - 1
        day[np.isnan(at_s)] = -1
        for index in np.unique(day[day >= 0]).tolist():
            here: Places = np.flatnonzero(day == index)
            inside = here[at_s[here] <= self.days[index].close_at.timestamp()]
            if len(inside):
                yield self._source.tape_on(self.days[index].day), inside

    def _spx(self, specs: Sequence[ContractSpec], which: Places, tape: DayTape, at_s: Floats) -> Marks:
        """Options on SPX, or on SPY by the surface of SPX."""
        rows, surface = tape.between(tape.levels, at_s), tape.surface
        late = np.maximum(at_s - tape.session.index_close_at.timestamp(), 0.0)
        late_for = (tape.session.close_at - tape.session.index_close_at).total_seconds()
        spot = rows[:, SPX] + surface.late_shift_points * late / late_for
        is_spy = specs[0].symbol == SPY
        if is_spy:
            spot = spot / rows[:, SPX] * tape.between(self._funds.path(SPY, tape)[:, None], at_s)[:, 0]
        levels = LevelRows(spot, rows[:, VIX9D], rows[:, VIX], rows[:, VIX3M])
        keys = [slice_key(spec) for spec in specs]
        strikes, calls = _strikes(specs), _calls(specs)
        bound = _spread_out(gather(surface, keys, strikes, calls), which)
        priced = price_spx(bound, levels, at_s, surface.rate)
        wobbles = _wobbles(specs, which, at_s)
        if is_spy:
            return spy_marks(priced, bound, spot, wobbles)
        contracts = ((*key, float(k), bool(c)) for key, k, c in zip(keys, strikes, calls, strict=True))
        scale = np.array([surface.spread_scale.get(contract, 1.0) for contract in contracts])
        return spx_marks(priced, bound.tenor, tape.spread_market(at_s, spot, levels.vix), scale[which], wobbles)

    @staticmethod
    def _vix(specs: Sequence[ContractSpec], which: Places, tape: DayTape, at_s: Floats) -> Marks:
        rows, curves = tape.between(tape.levels, at_s), tape.between(tape.future_levels, at_s)
        forwards = np.full(len(at_s), np.nan)
        expiries = [slice_key(spec)[0] for spec in specs]
        of_moment = np.array([expiry.toordinal() for expiry in expiries])[which]
        for expiry in dict.fromkeys(expiries):
            here = of_moment == expiry.toordinal()
            found = forwards_between(rows[here, VIX], tape.futures.listed, curves[here], tape.session.day, expiry)
            if found is not None:
                forwards[here] = found
        if np.isnan(forwards).any() or np.isnan(rows[:, VVIX]).any():
            return Marks(*np.full((_MARK_FIELDS, len(at_s)), np.nan))
        settles = np.array([settles_at(expiry, Settlement.AM).timestamp() for expiry in expiries])
        strip = VixStrip(_strikes(specs)[which], _calls(specs)[which], forwards, settles[which])
        priced = price_vix(strip, rows[:, VVIX], at_s, tape.surface.rate)
        return vix_marks(priced, rows[:, VIX], _wobbles(specs, which, at_s))


def _spread_out(terms: SpxTerms, which: Places) -> SpxTerms:
    """Terms of contracts as terms of moments: an expiry each, so that each has its own levels and its own time."""
    group = terms.group[which]
    return SpxTerms(
        terms.day,
        terms.settles_ts[group],
        terms.settled[group],
        terms.ratios[:, group],
        terms.carry[group],
        terms.table,
        QuoteTenor(*(part[which] for part in terms.tenor)),
        np.arange(len(which)),
        terms.row[which],
        terms.strike[which],
        terms.log_strike[which],
        terms.is_call[which],
    )


def _strikes(specs: Sequence[ContractSpec]) -> Floats:
    return np.array([float(spec.strike or 0.0) for spec in specs])


def _calls(specs: Sequence[ContractSpec]) -> NDArray[np.bool_]:
    return np.array([spec.right is Right.CALL for spec in specs])


def _column(symbol: str) -> int:
    if symbol not in SYMBOLS:
        raise KeyError(symbol)
    return SYMBOLS.index(symbol)


def _rows(marks: Marks) -> Floats:
    return np.stack([getattr(marks, field.name) for field in fields(Marks)])


def _wobbles(specs: Sequence[ContractSpec], which: Places, at_s: Floats) -> tuple[Floats, Floats]:
    con_ids = np.array([spec.con_id for spec in specs], dtype=np.int64)
    return spreads.size_wobble(con_ids[which], (at_s / spreads.SIZE_BEAT_SECONDS).astype(np.int64))
