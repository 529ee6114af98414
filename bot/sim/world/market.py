"""The `World`: plays a source's days tick by tick and quotes indices, futures and options at the current instant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime

import numpy as np

from bot.sim.exchange.hours import settles_at
from bot.sim.types import (
    Bar,
    ContractSpec,
    Floats,
    IndexLevel,
    LevelPath,
    Marks,
    Places,
    Settlement,
    TradingDay,
    WorldEvent,
)
from bot.sim.world import breadth, spreads
from bot.sim.world.binding import Request, SpxRequest, VixRequest, bind
from bot.sim.world.breadth import Breadth
from bot.sim.world.curve import forward_between
from bot.sim.world.equity_futures import EquityFutures
from bot.sim.world.funds import LOADINGS, SPY, FundBook
from bot.sim.world.lookback import LookBack
from bot.sim.world.marking import Wobbles, scaled, spx_marks, spy_marks, vix_marks
from bot.sim.world.night import Night, Piece
from bot.sim.world.path import STEP_SECONDS
from bot.sim.world.shocks import BentSource, Course
from bot.sim.world.surface import DaySurface, price_spx
from bot.sim.world.tape import SPX, SYMBOLS, VIX, VIX3M, VIX9D, VVIX, DayTape, Source, known, on_vx_grid, vx_quote_of
from bot.sim.world.term_structure import Levels
from bot.sim.world.vix_options import VixStrip, price_vix

_CACHED_REQUESTS = 64
_MARK_FIELDS = len(fields(Marks))


class MarketWorld:
    """A `World` over a `Source`. Before the first open nothing has printed; between sessions the last state stands, or
    where nights are lived the market moves on."""

    def __init__(self, source: Source) -> None:
        self._source = BentSource(source)
        self.course = Course(self._source, self._present, self._reread)
        self._days = tuple(source.sessions)
        self._opens = [d.open_at for d in self._days]
        self._now: datetime | None = None
        self._day_index = 0
        self._tape: DayTape = source.tape(0)
        self._printed = False
        self._grid_index = 0
        self._row: Floats = self._tape.levels[0]
        self._now_ts = self._days[0].open_at.timestamp()
        self._requests: dict[tuple[int, ...], Request] = {}
        self._future_row: Floats = self._tape.future_levels[0]
        self._funds = FundBook(self._source)
        self._breadth = Breadth(self._source)
        self._equity = EquityFutures(self._source)
        self._past = LookBack(self._source, self._funds)
        self._place = (0, 0.0)
        self._overnight = False
        self._night: Night | None = None
        self._piece: Piece | None = None

    @property
    def name(self) -> str:
        """Scenario name or history range."""
        return self._source.name

    @property
    def now(self) -> datetime | None:
        """The instant last advanced to, None before the first."""
        return self._now

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
        if self._overnight and at > day.close_at and index + 1 < len(self._days):
            self._enter_night(at)
            day = self._tape.session
        elapsed = min((at - day.open_at).total_seconds(), (day.close_at - day.open_at).total_seconds())
        place = elapsed / STEP_SECONDS
        i = min(int(place), len(self._tape.levels) - 2)
        weight = place - i
        self._place = (i, weight)
        self._grid_index = i if weight < 1.0 else i + 1
        tape = self._tape
        self._row = tape.levels[i] * (1.0 - weight) + tape.levels[i + 1] * weight
        self._future_row = tape.future_levels[i] * (1.0 - weight) + tape.future_levels[i + 1] * weight
        self._now_ts = day.open_at.timestamp() + elapsed

    def _enter(self, index: int) -> None:
        self._day_index = index
        self._tape = self._source.tape(index)
        self._night = self._piece = None
        self._place = (0, 0.0)
        self._requests.clear()

    def live_overnight(self) -> None:
        """The market moves between a close and the next open as well."""
        self._overnight = True

    def _enter_night(self, at: datetime) -> None:
        """The part of the night after the present day that runs at that moment becomes the tape."""
        if self._night is None:
            self._night = Night(self._source, self._day_index)
        piece = self._night.piece(at)
        if piece is not self._piece:
            self._piece, self._tape = piece, piece.tape
            self._requests.clear()

    @property
    def _depth(self) -> spreads.Depth:
        return spreads.REGULAR if self._piece is None else spreads.OVERNIGHT

    @property
    def surface(self) -> DaySurface:
        """What prices the day's SPX options."""
        return self._tape.surface

    def forget_chain(self) -> None:
        """Prices the current day from its indices alone, as if it had no real chain (for measuring the surface)."""
        self._tape.surface.forget()
        self._requests.clear()

    def _present(self) -> tuple[TradingDay, datetime | None]:
        return self._tape.session, self._now

    def _reread(self) -> None:
        """The market has taken another course: the day's tape anew."""
        self._tape = self._source.tape(self._day_index)
        self._funds.forget_bent()
        self._requests.clear()
        self._night, piece, self._piece = None, self._piece, None
        if piece is not None and self._now is not None:
            self._enter_night(self._now)

    # indices and futures -------------------------------------------------------------------------
    @property
    def symbols(self) -> frozenset[str]:
        """Indices, funds and the breadth."""
        return frozenset((*SYMBOLS, *LOADINGS, breadth.SYMBOL))

    def index(self, symbol: str) -> IndexLevel:
        """Level of an index of SYMBOLS, a fund of LOADINGS (dollars) or the breadth; KeyError for others."""
        if symbol in LOADINGS:
            return self._fund(symbol)
        if symbol == breadth.SYMBOL:
            return self._issues()
        column = SYMBOLS.index(symbol) if symbol in SYMBOLS else -1
        if column < 0:
            raise KeyError(symbol)
        if self._night is not None and self._piece is not None:
            return self._night.index(self._piece, column, self._grid_index)
        return self._lived(column)

    def _lived(self, column: int) -> IndexLevel:
        """An index as the market goes, published or not."""
        if not self._printed:
            return IndexLevel(None, None, None, None, known(self._tape.previous[column]))
        return self._tape.index(column, self._row, self._grid_index)

    def _fund(self, symbol: str) -> IndexLevel:
        if not self._printed:
            previous = self._funds.previous_close(symbol, self._tape.session.day)
            return IndexLevel(None, None, None, None, previous)
        if self._night is not None and self._piece is not None:
            day, last = self._night.before.session.day, self._fund_at_night(symbol)
            return self._funds.after_hours(symbol, day, last, next_date=not self._piece.is_evening)
        return self._funds.level(symbol, self._tape, *self._place)

    def _fund_at_night(self, symbol: str) -> float:
        assert self._night is not None, "asked at night only"
        assert self._piece is not None, "a night is lived in pieces"
        (i, weight), line = self._place, self._night.fund(self._piece, self._funds, symbol)
        return float(line[i] * (1.0 - weight) + line[i + 1] * weight)

    def _issues(self) -> IndexLevel:
        tape, row = self._tape, self._row
        if self._night is not None:
            tape, row = self._night.before, self._night.before.levels[-1]
        spx, vix = (float(tape.previous[column]) for column in (SPX, VIX))
        if not self._printed or math.isnan(spx):
            return IndexLevel(None, None, None, None, None)
        return self._breadth.level(tape.session.day, float(row[SPX]), spx, vix)

    def future_expiries(self, on: date) -> Sequence[date]:
        """Settlement days of the monthly contracts listed that day, those settling after it."""
        return self._source.monthlies(on)

    def weekly_expiries(self, on: date) -> Sequence[date]:
        """Settlement days of the weekly contracts listed that day, those settling after it."""
        return self._source.weeklies(on)

    def future(self, expiry: date) -> IndexLevel:
        """The VX future settling that day, on its 0.05 grid with a two-sided quote; None fields where unknown."""
        listed = self._tape.futures.listed
        if expiry not in listed:
            return IndexLevel(None, None, None, None, None)
        i = listed.index(expiry)
        previous = known(self._tape.futures.previous[i], 4)
        mark = float(self._future_row[i])
        if not self._printed or math.isnan(mark):
            return IndexLevel(None, None, None, None, previous)
        days = (expiry - self._tape.session.day).days
        bid, ask, size = vx_quote_of(mark, days, self._depth)
        return IndexLevel(
            last=on_vx_grid(mark),
            open=on_vx_grid(float(self._tape.future_levels[0, i])),
            high=on_vx_grid(max(float(self._tape.future_highs[self._grid_index, i]), mark)),
            low=on_vx_grid(min(float(self._tape.future_lows[self._grid_index, i]), mark)),
            previous_close=previous,
            bid=bid,
            ask=ask,
            bid_size=size,
            ask_size=size,
        )

    def equity_future(self, expiry: date) -> IndexLevel:
        """The ES or MES future settling that day, points on its grid, one tick wide."""
        return self._equity.level(expiry, self._tape.session.day, self._lived(SPX), self._now_ts, self._depth)

    # options -------------------------------------------------------------------------------------
    def levels(self) -> Levels:
        """What the surface is asked with now; between the index close and the options' the index goes on."""
        row = self._row
        spot = float(row[SPX])
        shift = self._tape.surface.late_shift_points
        if shift:
            day = self._tape.session
            late = self._now_ts - day.index_close_at.timestamp()
            spot += shift * max(late, 0.0) / (day.close_at - day.index_close_at).total_seconds()
        return Levels(spot, float(row[VIX9D]), float(row[VIX]), float(row[VIX3M]))

    def marks(self, specs: Sequence[ContractSpec]) -> Marks:
        """Quotes and greeks; NaN throughout for contracts already settled or without a forward."""
        key = tuple([spec.con_id for spec in specs])
        request = self._requests.get(key)
        if request is None:
            if len(self._requests) >= _CACHED_REQUESTS:
                self._requests.clear()
            request = self._requests[key] = bind(specs, self._tape.surface)
        if request.marks is None or request.marked_ts != self._now_ts:
            request.marks, request.marked_ts = self._mark(request, len(specs)), self._now_ts
        return request.marks

    def _mark(self, request: Request, count: int) -> Marks:
        beat = int(self._now_ts / spreads.SIZE_BEAT_SECONDS)
        parts = []
        if request.spx is not None:
            parts.append((request.spx.ticket.at, self._mark_spx(request.spx, beat)))
        if request.spy is not None:
            parts.append((request.spy.ticket.at, self._mark_spy(request.spy, beat)))
        if request.vix is not None:
            parts.append((request.vix.ticket.at, self._mark_vix(request.vix, beat)))
        if len(parts) == 1:
            return parts[0][1]
        out = np.full((_MARK_FIELDS, count), np.nan)
        for at, part in parts:
            for row, field in enumerate(fields(Marks)):
                out[row, at] = getattr(part, field.name)
        return Marks(*out)

    def _mark_spx(self, request: SpxRequest, beat: int) -> Marks:
        levels = self.levels()
        priced = price_spx(request.terms, levels, self._now_ts, self._tape.surface.rate)
        market = self._tape.spread_market(self._now_ts, levels.spot, levels.vix)
        scale = request.spread_scale * self._depth.width
        return spx_marks(priced, request.terms.tenor, market, scale, self._wobbles(request, beat))

    def _wobbles(self, request: SpxRequest | VixRequest, beat: int) -> Wobbles:
        return scaled(request.ticket.wobbles(beat), self._depth)

    def _mark_spy(self, request: SpxRequest, beat: int) -> Marks:
        """SPY by the surface of SPX: the smile knows strikes by their distance only, whatever the unit."""
        levels = self.levels()
        spy = self._fund_at_night(SPY) if self._piece is not None else self._funds.spot(self._tape, *self._place)
        late = levels.spot / float(self._row[SPX])
        levels = levels._replace(spot=spy * late)
        priced = price_spx(request.terms, levels, self._now_ts, self._tape.surface.rate)
        return spy_marks(priced, request.terms, levels.spot, self._wobbles(request, beat))

    def _mark_vix(self, request: VixRequest, beat: int) -> Marks:
        today = self._tape.session.day
        listed, prices = self._tape.futures.listed, self._future_row
        vix, vvix = float(self._row[VIX]), float(self._row[VVIX])
        found = [forward_between(vix, listed, prices, today, expiry) for expiry in request.expiries]
        if None in found or np.isnan(vvix):
            return Marks(*np.full((_MARK_FIELDS, len(request.strike)), np.nan))
        forward = np.array(found, dtype=np.float64)[request.group]
        rate = self._tape.surface.rate
        strip = VixStrip(request.strike, request.is_call, forward, request.settles_ts)
        priced = price_vix(strip, vvix, self._now_ts, rate)
        return vix_marks(priced, vix, self._wobbles(request, beat), self._depth.width)

    @property
    def rate(self) -> float:
        """Rate at which today's options are discounted, continuous, a year."""
        return self._tape.surface.rate

    # looking back ----------------------------------------------------------------------------------
    @property
    def past_days(self) -> Sequence[TradingDay]:
        """Every day with prices, oldest first, those before the first session included."""
        return self._past.days

    def level_path(self, symbol: str, at_s: Floats) -> LevelPath:
        """An index or stock at moments up to now (epoch seconds, rising), NaN outside sessions and where unknown;
        KeyError for a symbol the world does not have."""
        return self._past.level(symbol, self._until_now(at_s))

    def future_path(self, expiry: date, at_s: Floats) -> LevelPath:
        """A VX future at such moments."""
        return self._past.future(expiry, self._until_now(at_s))

    def equity_future_path(self, expiry: date, at_s: Floats) -> LevelPath:
        """An ES future at such moments."""
        return self._past.equity_future(expiry, self._until_now(at_s))

    def option_path(self, spec: ContractSpec, at_s: Floats) -> Marks:
        """Quotes and greeks of one option at such moments; KeyError for an underlying without options."""
        return self.option_points([spec], np.zeros(len(at_s), dtype=np.intp), at_s)

    def option_points(self, specs: Sequence[ContractSpec], which: Places, at_s: Floats) -> Marks:
        """The same of many options, each at its own moments: `which` is the place in `specs` of each moment's."""
        return self._past.options(specs, which, self._until_now(at_s))

    def _until_now(self, at_s: Floats) -> Floats:
        """The moments, those still to come as NaN: nobody sees ahead."""
        now_s = -np.inf if self._now is None else self._now.timestamp()
        return np.where(at_s <= now_s, at_s, np.nan)

    # history and settlement ------------------------------------------------------------------------
    def daily_bars(self, symbol: str, until: date, count: int) -> Sequence[Bar]:
        """Up to `count` daily bars ending the day before `until`."""
        if symbol in LOADINGS:
            return self._funds.bars(symbol, until, count)
        if symbol == breadth.SYMBOL:
            return self._breadth.bars(until, count)
        return self._source.bars(symbol, until, count)

    def future_daily_bars(self, expiry: date, until: date, count: int) -> Sequence[Bar]:
        """Daily bars of one VX contract, settlement as close."""
        return self._source.future_bars(expiry, until, count)

    def equity_future_daily_bars(self, expiry: date, until: date, count: int) -> Sequence[Bar]:
        """Daily bars of one ES contract."""
        return self._equity.bars(expiry, self._source.bars("SPX", until, count))

    def settlement_price(self, spec: ContractSpec) -> float | None:
        """Final settlement value of the spec's underlying; None until the world's clock has passed its publication."""
        if spec.expiry is None or self._now is None:
            return None
        settlement = spec.settlement
        if settlement is None:
            settlement = Settlement.AM if spec.symbol in ("VIX", "VX", "VXM") else Settlement.PM
        if self._now < settles_at(spec.expiry, settlement):
            return None
        if spec.symbol == SPY:
            return self._funds.close_on(spec.expiry)
        symbol = "VIX" if spec.symbol in ("VIX", "VX", "VXM") else "SPX"
        if settlement is Settlement.AM:
            return self._source.opening_settlement(symbol, spec.expiry)
        return self._source.closing_settlement(symbol, spec.expiry)
