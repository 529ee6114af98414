"""The market between a day's close and the next open: a seeded path that ends where the next day begins.

Rules: prices lead from what the day closed at to what the next one opens at as a Brownian bridge, busier after 03:00,
nearly still while nothing trades; VIX, its family and the futures move against SPX as in a shock; shocks bend nights as
they bend days. The evening belongs to the day's trade date, what follows to the next one's. Indices show what is
published: VIX in its own sessions only, the others their closing print.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from bot.sim.exchange.hours import Schedule, Span, calendar, sessions
from bot.sim.types import Floats, IndexLevel, TradingDay
from bot.sim.world.curve import beta
from bot.sim.world.funds import FundBook
from bot.sim.world.path import STEP_SECONDS
from bot.sim.world.shocks import FAMILY, LOWEST_FUTURE, LOWEST_VOLATILITY, VIX_POINTS_PER_PCT, BentSource
from bot.sim.world.tape import SPX, SYMBOLS, VIX, DayTape, known

_SEED_WORD = zlib.crc32(b"night")
_SHARE_OF_A_DAY = 0.5
"""Standard deviation of a night's own noise over that of a whole day."""
_OWN_VIX_NOISE = 0.012
_BUSY_FROM_S, _BUSY_UNTIL_S = 3 * 3600, 17 * 3600
_BUSY, _CALM, _SHUT = 2.5, 1.0, 0.1
"""Activity an hour: in the European and American morning, in the rest of the night, while nothing trades."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a night as a tape: the evening, which is the day's tape and goes on, or what follows it, which belongs
    to the next trade date. `vix` is VIX as published over the tape's grid, NaN before its first session; `rows` are
    those of the night's grid that the tape has."""

    tape: DayTape
    vix: Floats
    rows: slice
    is_evening: bool


class Night:
    """Everything between the close of the day at a position and the next open; made whole when first lived."""

    def __init__(self, source: BentSource, index: int) -> None:
        self.before, self.after = source.tape(index), source.tape(index + 1)
        self._raw = source.raw(index), source.raw(index + 1)
        self._evening_s, self._night_s = _grids(self.before.session, self.after.session)
        at_s = np.concatenate((self._evening_s, self._night_s))
        self._share = _elapsed_share(at_s, self.after.session.open_at)
        self._listed = tuple(sorted({*self.before.futures.listed, *self.after.futures.listed}))
        today = self.after.session.day
        days = np.array([max((expiry - today).days, 0) for expiry in self._listed], dtype=np.float64)
        rng = np.random.default_rng([source.seed, _SEED_WORD, today.toordinal()])
        noise = _Noise.drawn(rng, self._share, float(self._raw[0].levels[-1, VIX]))
        self._straight = _bridged_levels(*_ends(*self._raw), self._share, noise)
        levels, futures = source.bend(
            self._straight,
            _bridged_futures(*_future_ends(*self._raw, self._listed), self._share, noise, days),
            days,
            at_s,
        )
        self._levels = _fastened(levels, *_ends(self.before, self.after), self._share)
        self._futures = _fastened(futures, *_future_ends(self.before, self.after, self._listed), self._share)
        self._futures = np.maximum(self._futures, LOWEST_FUTURE)
        self._lines: dict[str, Floats] = {}
        self.turns_at = datetime.fromtimestamp(float(self._night_s[0]), self.after.session.open_at.tzinfo)
        self._evening = self._make_evening()
        self._proper = self._make_proper()

    def piece(self, at: datetime) -> Piece:
        """The part of the night that runs at that moment, or that ran last."""
        return self._evening if at < self.turns_at else self._proper

    # making --------------------------------------------------------------------------------------
    def _make_evening(self) -> Piece:
        """The day's tape, continued."""
        before, end = self.before, len(self._evening_s)
        closes_at = datetime.fromtimestamp(float(self._evening_s[-1]), before.session.open_at.tzinfo)
        columns = [self._listed.index(expiry) for expiry in before.futures.listed]
        levels = np.concatenate((before.levels[:-1], self._levels[:end]))
        tape = _over(
            before,
            replace(before.session, close_at=closes_at),
            levels,
            np.concatenate((before.future_levels[:-1], self._futures[:end, columns])),
        )
        vix = _held(self._levels[:end, VIX], self._evening_s, before.session)
        vix = np.where(np.isnan(vix), before.levels[-1, VIX], vix)
        return Piece(tape, np.concatenate((before.levels[:-1, VIX], vix)), slice(0, end), is_evening=True)

    def _make_proper(self) -> Piece:
        """The next trade date until its regular session opens: contracts that settle on its morning trade still."""
        after, start = self.after, len(self._evening_s)
        columns = [i for i, expiry in enumerate(self._listed) if expiry >= after.session.day]
        listed = tuple(self._listed[i] for i in columns)
        settled = {
            **dict(zip(self.before.futures.listed, self.before.future_levels[-1].tolist(), strict=True)),
            **dict(zip(after.futures.listed, after.futures.previous.tolist(), strict=True)),
        }
        opens_at = after.session.open_at
        session = replace(after.session, open_at=self.turns_at, index_close_at=opens_at, close_at=opens_at)
        futures = replace(after.futures, listed=listed, previous=np.array([settled[expiry] for expiry in listed]))
        tape = _over(replace(after, futures=futures), session, self._levels[start:], self._futures[start:][:, columns])
        vix = _held(self._levels[start:, VIX], self._night_s, after.session)
        return Piece(tape, vix, slice(start, None), is_evening=False)

    # reading -------------------------------------------------------------------------------------
    def index(self, piece: Piece, column: int, place: int) -> IndexLevel:
        """An index as it is published at a grid point of a piece."""
        closed = self.before.index(column, self.before.levels[-1], -1)
        if column != VIX:
            return closed if piece.is_evening else _stale(closed.last, self.after, column)
        printed = piece.vix[: place + 1]
        printed = printed[np.isfinite(printed)]
        if not len(printed):
            return _stale(known(self._evening.vix[-1]), self.after, VIX)
        last, opened, high, low = (
            round(float(value), 2) for value in (printed[-1], printed[0], printed.max(), printed.min())
        )
        return IndexLevel(last, opened, high, low, known(piece.tape.previous[VIX]))

    def fund(self, piece: Piece, book: FundBook, symbol: str) -> Floats:
        """A fund over a piece's grid, dollars: it follows what SPX or VIX does beside the even way from its close to
        its next open, and then what a shock does to them."""
        line = self._lines.get(symbol)
        if line is None:
            day, (before, after) = self.before.session.day, self._raw
            spx, vix = self._straight[:, SPX], self._straight[:, VIX]
            ends = book.made_path(symbol, before)[-1], book.made_path(symbol, after)[0]
            line = _even(*ends, self._share) * book.response(
                symbol, day, spx / _even(spx[0], spx[-1], self._share), vix - vix[0] - self._share * (vix[-1] - vix[0])
            )
            line *= book.response(symbol, day, self._levels[:, SPX] / spx, self._levels[:, VIX] - vix)
            self._lines[symbol] = line
        part = line[piece.rows]
        return np.concatenate((book.path(symbol, self.before)[:-1], part)) if piece.is_evening else part


@dataclass(frozen=True, slots=True)
class _Noise:
    """What a night does beside its straight way, nothing at both ends: SPX in logs, VIX in points."""

    spx: Floats
    vix: Floats

    @classmethod
    def drawn(cls, rng: np.random.Generator, share: Floats, vix: float) -> _Noise:
        """One night's, by the level of VIX before it."""
        scale = 0.0 if np.isnan(vix) else vix
        spx = _bridge(rng, share) * _SHARE_OF_A_DAY * scale / 100.0 / np.sqrt(252.0)
        own = _bridge(rng, share) * _OWN_VIX_NOISE * scale
        return cls(spx, own - 100.0 * VIX_POINTS_PER_PCT * spx)


def _bridge(rng: np.random.Generator, share: Floats) -> Floats:
    """A random walk of unit variance over the whole way, bent back to nothing at its end."""
    steps = rng.standard_normal(len(share)) * np.sqrt(np.diff(share, prepend=0.0))
    walk = np.cumsum(steps)
    return np.asarray(walk - share * walk[-1], dtype=np.float64)


def _grids(before: TradingDay, after: TradingDay) -> tuple[Floats, Floats]:
    """Grid moments (epoch seconds) of the evening and of what belongs to the next trade date: that begins with the
    first session of equity futures, on a holiday's eve where the holiday has a short one."""
    turns = calendar(Schedule.CME_FUTURES, [after])[0].open_at
    ends = max(sessions(schedule, before)[-1].close_at for schedule in Schedule)
    return _grid(before.close_at, min(ends, turns)), _grid(turns, after.open_at)


def _grid(start: datetime, end: datetime) -> Floats:
    points = int((end - start).total_seconds() / STEP_SECONDS) + 1
    return start.timestamp() + STEP_SECONDS * np.arange(points, dtype=np.float64)


def _elapsed_share(at_s: Floats, opens_at: datetime) -> Floats:
    """How much of the night's activity is over at each moment, 0 to 1."""
    offset = opens_at.utcoffset()
    assert offset is not None, "days are in New York time"
    clock_s = (at_s + offset.total_seconds()) % 86_400
    rate = np.where((clock_s >= _BUSY_FROM_S) & (clock_s < _BUSY_UNTIL_S), _BUSY, _CALM)
    passed = np.diff(at_s, prepend=at_s[0])
    done = np.cumsum(np.where(passed > STEP_SECONDS, _SHUT, rate) * passed)
    return np.asarray(done / done[-1], dtype=np.float64)


def _even(first: float, last: float, share: Floats) -> Floats:
    """The way between two prices on which every share of activity brings the same return."""
    return np.asarray(first ** (1.0 - share) * last**share, dtype=np.float64)


def _ends(before: DayTape, after: DayTape) -> tuple[Floats, Floats]:
    """Levels at both ends: SPX as its options saw it last."""
    first = before.levels[-1].copy()
    first[SPX] += before.surface.late_shift_points
    return first, after.levels[0]


def _future_ends(before: DayTape, after: DayTape, listed: tuple[date, ...]) -> tuple[Floats, Floats]:
    """Futures at both ends, one each: a new one comes from its settlement before, one that settles goes to VIX."""
    closed = dict(zip(before.futures.listed, before.future_levels[-1].tolist(), strict=True))
    opening = dict(zip(after.futures.listed, after.future_levels[0].tolist(), strict=True))
    vix = float(after.levels[0, VIX])
    last = np.array([opening.get(expiry, vix) for expiry in listed])
    return np.array([closed.get(expiry, end) for expiry, end in zip(listed, last, strict=True)]), last


def _bridged_levels(first: Floats, last: Floats, share: Floats, noise: _Noise) -> Floats:
    levels = first + share[:, None] * (last - first)
    levels[:, SPX] = _even(first[SPX], last[SPX], share) * np.exp(noise.spx)
    for column, points in FAMILY.items():
        levels[:, column] = np.maximum(levels[:, column] + points * noise.vix, LOWEST_VOLATILITY)
    return levels


def _bridged_futures(first: Floats, last: Floats, share: Floats, noise: _Noise, days: Floats) -> Floats:
    return np.asarray(first + share[:, None] * (last - first) + np.outer(noise.vix, beta(days)), dtype=np.float64)


def _fastened(path: Floats, first: Floats, last: Floats, share: Floats) -> Floats:
    """The path with these ends: what a shock or an early stop has changed there is spread over the night."""
    weight = share[:, None]
    return np.asarray(path + (1.0 - weight) * (first - path[0]) + weight * (last - path[-1]), dtype=np.float64)


def _stale(last: float | None, day: DayTape, column: int) -> IndexLevel:
    """An index that has not printed yet on that trade date."""
    return IndexLevel(last, None, None, None, known(day.previous[column]))


def _over(like: DayTape, session: TradingDay, levels: Floats, futures: Floats) -> DayTape:
    """A tape of other hours with that day's contracts, surface and previous values."""
    assert levels.shape[1] == len(SYMBOLS)
    return replace(
        like,
        session=session,
        levels=levels,
        highs=np.maximum.accumulate(levels, axis=0),
        lows=np.minimum.accumulate(levels, axis=0),
        future_levels=futures,
        future_highs=np.maximum.accumulate(futures, axis=0),
        future_lows=np.minimum.accumulate(futures, axis=0),
        surface=replace(like.surface, late_shift_points=0.0),
    )


def _held(vix: Floats, at_s: Floats, day: TradingDay) -> Floats:
    """VIX as published: what it is in its sessions of that trade date, between them the last value, NaN before."""
    inside = np.zeros(len(at_s), dtype=bool)
    for span in sessions(Schedule.VIX_INDEX, day):
        inside |= _within(span, at_s)
    place = np.maximum.accumulate(np.where(inside, np.arange(len(at_s)), -1))
    return np.where(place >= 0, vix[place], np.nan)


def _within(span: Span, at_s: Floats) -> Floats:
    return np.asarray((at_s >= span.open_at.timestamp()) & (at_s < span.close_at.timestamp()))
