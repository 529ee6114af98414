"""Trades on market data lines: last, its size and time, volume, high, low, open, and the trade texts of RTVolume.

Rules: trades happen on a grid of fifteen seconds, so between two grid points nothing is looked at. An option trades at
the bid, the ask or between them; a stock or future trades at its last. A session's figures begin anew with its open.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from bot.sim.desk.generic_ticks import Generic
from bot.sim.desk.line import Line
from bot.sim.ports import Trades, Venue
from bot.sim.types import ContractSpec, SecType
from bot.sim.wire import encode

_LAST, _LAST_SIZE, _HIGH, _LOW, _VOLUME, _CLOSE, _OPEN, _LAST_TIME = 4, 5, 6, 7, 8, 9, 14, 45
_RT_VOLUME, _RT_TRADE_VOLUME = 48, 77
_STEP_S = 15.0
Quote = Callable[[ContractSpec], tuple[float | None, float | None]]


@dataclass(slots=True, eq=False)
class Traded:
    """One contract's session so far, as told on its lines."""

    spec: ContractSpec
    trades: Trades | None = None
    close: float | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    last: float | None = None
    last_size: int = 0
    last_at_s: float = 0.0
    volume: int = 0
    value: float = 0.0
    count: int = 0
    lines: list[Line] = field(default_factory=list)


class TradeBoard:
    """Follows the trades of every contract that a line watches; `quote` gives an option's bid and ask in points."""

    def __init__(self, venue: Venue, quote: Quote) -> None:
        self._venue = venue
        self._quote = quote
        self._traded: dict[int, Traded] = {}
        self._step = -1
        self._day: date | None = None
        self._opens: list[datetime] = []

    def of(self, spec: ContractSpec) -> Traded | None:
        """What is known of a contract that some line watches."""
        return self._traded.get(spec.con_id)

    # lines ---------------------------------------------------------------------------------------
    def add(self, lines: Iterable[Line]) -> None:
        """Takes lines of traded contracts and tells each the session so far."""
        traded = [(line, line.spec) for line in lines if line.spec and line.spec.sec_type is not SecType.INDEX]
        unknown = {spec.con_id: Traded(spec) for _, spec in traded if spec.con_id not in self._traded}
        if unknown:
            self._begin(list(unknown.values()))
            self._traded.update(unknown)
            coming = (opened for known in unknown.values() for opened in self._coming(known, self._venue.now))
            self._opens = sorted({*self._opens, *coming})
        for line, spec in traded:
            known = self._traded[spec.con_id]
            known.lines.append(line)
            self._tell_all(known, [line])

    def remove(self, line: Line) -> None:
        """Forgets a line, and its contract with the last one."""
        known = None if line.spec is None else self._traded.get(line.spec.con_id)
        if known is not None and line in known.lines:
            known.lines.remove(line)
            if not known.lines:
                del self._traded[known.spec.con_id]

    def _begin(self, contracts: Sequence[Traded]) -> None:
        days = self._venue.past.days_so_far([known.spec for known in contracts])
        for known, (day, trades) in zip(contracts, days, strict=True):
            known.trades = trades
            known.close = day.previous_close
            known.open, known.high, known.low, known.last = day.open, day.high, day.low, day.last
            known.last_size, known.volume, known.value, known.count = day.last_size, day.volume, day.value, day.count
            known.last_at_s = day.last_at.timestamp() if day.last_at else 0.0

    # pump ----------------------------------------------------------------------------------------
    def tick(self) -> None:
        """Tells what was traded since the last grid point."""
        now = self._venue.now
        step = int(now.timestamp() / _STEP_S)
        if step == self._step:
            return
        self._step = step
        self._turn_sessions(now)
        now_s = now.timestamp()
        for known in self._traded.values():
            if known.trades is not None:
                self._follow(known, now_s)

    def _turn_sessions(self, now: datetime) -> None:
        """Begins anew with a day and with each session that opens on it."""
        if now.date() != self._day:
            self._day = now.date()
            self._opens = sorted({opened for known in self._traded.values() for opened in self._coming(known, now)})
        elif not self._opens or self._opens[0] > now:
            return
        self._opens = [opened for opened in self._opens if opened > now]
        turned = [known for known in self._traded.values() if self._has_turned(known)]
        self._begin(turned)
        for known in turned:
            self._tell_all(known, known.lines)

    def _has_turned(self, known: Traded) -> bool:
        session = self._venue.past.current_session(known.spec)
        return session is not None and known.trades is not None and known.trades.opened_at != session[0]

    def _coming(self, known: Traded, now: datetime) -> list[datetime]:
        sessions = self._venue.past.sessions(known.spec, now.date(), now.date())
        return [opened for opened, _ in sessions if opened > now]

    def _follow(self, known: Traded, now_s: float) -> None:
        assert known.trades is not None, "only what is traded is followed"
        fresh = known.trades.until(now_s)
        if not fresh:
            return
        price = self._price(known, fresh[-1][2])
        if price is None:
            return
        size = sum(part for _, part, _ in fresh)
        ended = known.open is None, known.high is None or price > known.high, known.low is None or price < known.low
        known.open = price if known.open is None else known.open
        known.high = price if known.high is None else max(known.high, price)
        known.low = price if known.low is None else min(known.low, price)
        known.last, known.last_size, known.last_at_s = price, fresh[-1][1], fresh[-1][0]
        known.volume += size
        known.value += price * size
        known.count += len(fresh)
        for line in known.lines:
            self._tell(line, known, *ended)

    def _price(self, known: Traded, side: int) -> float | None:
        if known.spec.sec_type is not SecType.OPTION:
            return self._venue.index_level(known.spec).last if self._venue.is_open(known.spec) else None
        return trade_price(known.spec, *self._quote(known.spec), side, self._venue)

    # telling -------------------------------------------------------------------------------------
    def _tell_all(self, known: Traded, lines: Iterable[Line]) -> None:
        for line in lines:
            if line.spec is not None and line.spec.sec_type is SecType.OPTION and known.close is not None:
                line.client.send(encode.tick_price(line.request_id, _CLOSE, known.close, 0))
            if known.last is not None:
                self._tell(line, known, True, True, True)

    @staticmethod
    def _tell(line: Line, known: Traded, opened: bool, higher: bool, lower: bool) -> None:
        """The newest trade; what moves by itself on a stock or future (prices) is told by its own pump."""
        client, number = line.client, line.request_id
        assert known.last is not None
        if known.spec.sec_type is SecType.OPTION:
            client.send(encode.tick_price(number, _LAST, known.last, known.last_size))
            for due, tick_type, price in (
                (opened, _OPEN, known.open),
                (higher, _HIGH, known.high),
                (lower, _LOW, known.low),
            ):
                if due and price is not None:
                    client.send(encode.tick_price(number, tick_type, price, 0))
        else:
            client.send(encode.tick_size(number, _LAST_SIZE, known.last_size))
        client.send(encode.tick_size(number, _VOLUME, known.volume))
        client.send(encode.tick_string(number, _LAST_TIME, str(int(known.last_at_s))))
        for series, tick_type in ((Generic.RT_VOLUME, _RT_VOLUME), (Generic.RT_TRADE_VOLUME, _RT_TRADE_VOLUME)):
            if series in line.generic:
                client.send(encode.tick_string(number, tick_type, _trade_text(known)))


def trade_price(spec: ContractSpec, bid: float | None, ask: float | None, side: int, venue: Venue) -> float | None:
    """What an option trades at: the bid, the ask or a tick between; the ask where nobody bids."""
    if ask is None:
        return None
    low = ask if bid is None else bid
    if side:
        return low if side < 0 else ask
    middle = (low + ask) / 2.0
    tick = 0.01
    for low_edge, step in venue.market_rule(spec.market_rule_id) or ():
        if middle >= low_edge - 1e-9:
            tick = step
    between = round(round(middle / tick) * tick, 4)
    return min(max(between, low), ask)


def _trade_text(known: Traded) -> str:
    """'price;size;milliseconds;total volume;average;single trade' of the newest trade."""
    average = known.value / known.volume if known.volume else 0.0
    last = known.last if known.last is not None and math.isfinite(known.last) else 0.0
    return f"{last};{known.last_size};{int(known.last_at_s * 1000)};{known.volume};{average:.8f};true"
