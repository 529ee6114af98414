"""Lines that do not show the present: delayed ones show the market of fifteen minutes ago under the protocol's delayed
tick types, frozen ones how the last session ended, with the last quote of each side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from bot.sim.desk.line import Line
from bot.sim.desk.rights import FREEZING
from bot.sim.past_types import MarketTape
from bot.sim.ports import Venue
from bot.sim.types import ContractSpec, Marks, SecType
from bot.sim.wire import encode, encode_data
from bot.sim.wire.times import EASTERN

DELAY = timedelta(minutes=15)
_STEP = timedelta(seconds=15)
_BAG_SIZE = 10


@dataclass(frozen=True, slots=True)
class _Types:
    """Numbers of the tick types of one kind of data."""

    bid: int
    ask: int
    last: int
    high: int
    low: int
    volume: int
    close: int
    open: int
    model: int
    last_time: int


_PRESENT = _Types(1, 2, 4, 6, 7, 8, 9, 14, 13, 45)
_DELAYED = _Types(66, 67, 68, 72, 73, 74, 75, 76, 83, 88)


@dataclass(slots=True)
class _Then:
    """A contract as it was in a session up to a moment; None where nobody quoted or nothing had happened."""

    spec: ContractSpec
    session: tuple[datetime, datetime] | None = None
    close: float | None = None
    until: datetime | None = None
    bid: float | None = None
    ask: float | None = None
    bid_size: int = 0
    ask_size: int = 0
    open: float | None = None
    high: float | None = None
    low: float | None = None
    last: float | None = None
    last_size: int = 0
    last_at_s: int = 0
    volume: int = 0

    def follow(self, tape: MarketTape, *, frozen: bool) -> None:
        """Takes in the tape since the last moment; the quote is the newest or, frozen, the last that there was."""
        if not len(tape.at_s):
            return
        quoted = np.flatnonzero(np.isfinite(tape.ask)) if frozen else np.array([len(tape.at_s) - 1])
        if len(quoted):
            place = int(quoted[-1])
            self.bid, self.ask = _known(float(tape.bid[place])), _known(float(tape.ask[place]))
            self.bid_size, self.ask_size = int(tape.bid_size[place]), int(tape.ask_size[place])
        fresh = slice(0 if self.until is None else 1, None)
        prices = (tape.printed if self.spec.sec_type is SecType.OPTION else tape.mid)[fresh]
        prices = prices[np.isfinite(prices)]
        if len(prices):
            self.open = float(prices[0]) if self.open is None else self.open
            self.high = float(max(prices.max(), -math.inf if self.high is None else self.high))
            self.low = float(min(prices.min(), math.inf if self.low is None else self.low))
            self.last = float(prices[-1])
        traded = np.flatnonzero(tape.traded[fresh] > 0.0)
        if len(traded):
            sizes, moments = tape.traded[fresh][traded], tape.at_s[fresh][traded]
            self.volume += int(sizes.sum())
            self.last_size, self.last_at_s = int(sizes[-1]), int(moments[-1])


class PastFeed:
    """Feeds such lines every fifteen seconds of market time."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._lines: dict[Line, _Then | None] = {}
        self._step = -1

    def add(self, line: Line) -> None:
        """Takes a line and tells it the whole quote."""
        self._lines[line] = None
        self._tell(line)

    def remove(self, line: Line) -> None:
        """Forgets a line; one it does not have is no error."""
        self._lines.pop(line, None)

    def tick(self) -> None:
        """Tells every line what has changed."""
        step = int(self._venue.now.timestamp() / _STEP.total_seconds())
        if step == self._step:
            return
        self._step = step
        for line in list(self._lines):
            self._tell(line)

    def _tell(self, line: Line) -> None:
        moment = self._venue.now - (DELAY if line.delayed else timedelta())
        types = _DELAYED if line.delayed else _PRESENT
        if line.spec is None:
            bid, ask = self._combination(line, moment)
            self._quote(line, types.bid, bid, _BAG_SIZE)
            self._quote(line, types.ask, ask, _BAG_SIZE)
            return
        then = self._lines[line] = self._followed(line, line.spec, moment) or _Then(line.spec)
        if line.spec.sec_type is not SecType.INDEX:
            self._quote(line, types.bid, then.bid, then.bid_size)
            self._quote(line, types.ask, then.ask, then.ask_size)
            self._volume(line, types, then)
        if then.last is not None:
            self._price(line, types.last, then.last, then.last_size)
        for tick_type, price in (
            (types.high, then.high),
            (types.low, then.low),
            (types.close, then.close),
            (types.open, then.open),
        ):
            if price is not None:
                self._price(line, tick_type, price, 0)
        if line.spec.sec_type is SecType.OPTION and then.session is not None:
            self._model(line, types.model, self._marks(line, line.spec, moment))

    # what was ------------------------------------------------------------------------------------
    def _followed(self, line: Line, spec: ContractSpec, moment: datetime) -> _Then | None:
        past, then = self._venue.past, self._lines.get(line)
        session = past.current_session(spec, moment)
        if session is None:
            return None
        opened, closed = session
        if then is None or then.session != session:
            then = _Then(spec, session, self._close_before(spec, moment, opened))
        until = min(moment, closed)
        if then.until is None or until > then.until:
            then.follow(past.tape(spec, then.until or opened, until), frozen=line.kind in FREEZING)
            then.until = until
        return then

    def _close_before(self, spec: ContractSpec, moment: datetime, opened: datetime) -> float | None:
        past, today = self._venue.past, opened.astimezone(EASTERN).date()
        if spec.sec_type is SecType.OPTION:
            return past.previous_close(spec, moment)
        bars = past.daily_bars(spec, today - timedelta(days=10), today - timedelta(days=1))
        return bars[-1].close if bars else None

    def _marks(self, line: Line, spec: ContractSpec, moment: datetime) -> Marks:
        """An option then; frozen, with its last quote of the session."""
        session = self._venue.past.current_session(spec, moment)
        if session is not None and line.kind in FREEZING:
            moment = min(moment, session[1] - _STEP)
        return self._venue.past.option_marks(spec, moment)

    def _combination(self, line: Line, moment: datetime) -> tuple[float | None, float | None]:
        """The natural net bid and ask of its options for action BUY; None where a leg has no quote or is no option."""
        bid: float | None = 0.0
        ask: float | None = 0.0
        for leg in line.legs:
            if leg.spec.sec_type is not SecType.OPTION:
                return None, None
            marks = self._marks(line, leg.spec, moment)
            low, high = _known(float(marks.bid[0])), _known(float(marks.ask[0]))
            weight = leg.side.sign * leg.ratio
            to_buy, to_sell = (high, low) if weight > 0 else (low, high)
            ask = None if ask is None or to_buy is None else ask + weight * to_buy
            bid = None if bid is None or to_sell is None else bid + weight * to_sell
        return None if bid is None else round(bid, 4), None if ask is None else round(ask, 4)

    # telling -------------------------------------------------------------------------------------
    @staticmethod
    def _volume(line: Line, types: _Types, then: _Then) -> None:
        if line.sent.get(types.volume) != (0.0, then.volume):
            line.sent[types.volume] = (0.0, then.volume)
            line.client.send(encode.tick_size(line.request_id, types.volume, then.volume))
            line.client.send(encode.tick_string(line.request_id, types.last_time, str(then.last_at_s)))

    def _quote(self, line: Line, tick_type: int, price: float | None, size: int) -> None:
        if price is None:
            self._price(line, tick_type, -1.0, 0)
        else:
            self._price(line, tick_type, price, size)

    @staticmethod
    def _price(line: Line, tick_type: int, price: float, size: int) -> None:
        if line.sent.get(tick_type) != (price, size):
            line.sent[tick_type] = (price, size)
            line.client.send(encode.tick_price(line.request_id, tick_type, price, size, 1 if size else 0))

    @staticmethod
    def _model(line: Line, tick_type: int, marks: Marks) -> None:
        columns = (marks.iv, marks.delta, marks.mid, marks.gamma, marks.vega, marks.theta, marks.forward)
        iv, delta, price, gamma, vega, theta, under = (float(column[0]) for column in columns)
        if math.isfinite(iv + delta + price + gamma + vega + theta + under):
            values = encode_data.Computation(iv, delta, price, gamma, vega, theta, under)
            line.client.send(encode_data.option_computation(line.request_id, tick_type, values))


def _known(price: float) -> float | None:
    return price if math.isfinite(price) else None
