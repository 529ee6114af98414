"""The values behind generic ticks: statistics, marks, rates, told when a line opens and when they change."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from bot.sim.desk.generic_ticks import Generic
from bot.sim.desk.line import Line
from bot.sim.desk.trades import TradeBoard, Traded
from bot.sim.past_types import Statistics
from bot.sim.ports import Venue
from bot.sim.types import ContractSpec, SecType
from bot.sim.wire import encode

_EASY_TO_BORROW = 3.0
_RANGE_TICKS = ((15, 16), (17, 18), (19, 20))
_SHORT_TERMS = ((63, 180.0), (64, 300.0), (65, 600.0))


class Form(Enum):
    """In which message a value travels."""

    PRICE = "price"
    SIZE = "size"
    GENERIC = "generic"
    TEXT = "text"


Value = tuple[int, Form, float | str]
"""Tick type, message, value."""


class SlowTicks:
    """Tells generic ticks; `mark` values a contract in points."""

    def __init__(self, venue: Venue, board: TradeBoard) -> None:
        self._venue = venue
        self._board = board

    def tell(self, line: Line) -> None:
        """Sends the values of the line's generic ticks that changed since they were told last."""
        if line.spec is None or not line.generic:
            return
        for tick_type, form, value in self._values(line, line.spec):
            if line.slow.get(tick_type) != value:
                line.slow[tick_type] = value
                _send(line, tick_type, form, value)

    def _values(self, line: Line, spec: ContractSpec) -> Iterator[Value]:
        yield from _statistics(line.generic, self._venue.past.statistics(spec), spec)
        if Generic.MARK_PRICE in line.generic:
            mark = self._venue.mark_prices([spec]).get(spec.con_id)
            if mark is not None:
                yield 37, Form.PRICE, round(mark, 4)
        known = self._board.of(spec)
        if Generic.LAST_REGULAR_TRADE in line.generic:
            last = None if known is None else known.last
            if last is None and spec.sec_type is not SecType.OPTION:
                last = self._venue.index_level(spec).last
            if last is not None:
                yield 57, Form.PRICE, last
        if known is not None and known.trades is not None:
            yield from self._rates(line.generic, known)

    def _rates(self, generic: frozenset[int], known: Traded) -> Iterator[Value]:
        assert known.trades is not None
        now_s = self._venue.now.timestamp()
        count, volume = known.trades.recent(now_s, 60.0)
        if Generic.TRADE_COUNT in generic:
            yield 54, Form.GENERIC, float(known.count)
        if Generic.TRADE_RATE in generic:
            yield 55, Form.GENERIC, float(count)
        if Generic.VOLUME_RATE in generic:
            yield 56, Form.GENERIC, float(volume)
        if Generic.SHORT_TERM_VOLUME in generic:
            for tick_type, seconds in _SHORT_TERMS:
                yield tick_type, Form.SIZE, float(known.trades.recent(now_s, seconds)[1])


def _statistics(generic: frozenset[int], found: Statistics, spec: ContractSpec) -> Iterator[Value]:
    sized = (
        (Generic.OPTION_VOLUME, 29, found.call_volume),
        (Generic.OPTION_VOLUME, 30, found.put_volume),
        (Generic.OPEN_INTEREST, 27, found.call_open_interest),
        (Generic.OPEN_INTEREST, 28, found.put_open_interest),
        (Generic.AVERAGE_OPTION_VOLUME, 87, found.average_option_volume),
        (Generic.STATISTICS, 21, found.average_volume),
        (Generic.INVENTORY, 89, found.shortable_shares),
        (Generic.FUTURES_OPEN_INTEREST, 86, found.futures_open_interest),
    )
    for series, tick_type, count in sized:
        if series in generic and count is not None:
            yield tick_type, Form.SIZE, float(count)
    plain = (
        (Generic.HISTORICAL_VOLATILITY, 23, found.historical_volatility),
        (Generic.RT_HISTORICAL_VOLATILITY, 58, found.historical_volatility),
        (Generic.IMPLIED_VOLATILITY, 24, found.implied_volatility),
        (Generic.FUTURE_PREMIUM, 31, found.future_premium_points),
        (Generic.INVENTORY, 46, _EASY_TO_BORROW if found.shortable_shares else None),
    )
    for series, tick_type, value in plain:
        if series in generic and value is not None:
            yield tick_type, Form.GENERIC, value
    if Generic.STATISTICS in generic:
        for ticks, bounds in zip(_RANGE_TICKS, found.ranges, strict=False):
            for tick_type, price in zip(ticks, bounds, strict=True):
                yield tick_type, Form.PRICE, price
    if Generic.DIVIDENDS in generic and spec.sec_type is SecType.STOCK:
        yield 59, Form.TEXT, _dividends(found)


def _dividends(found: Statistics) -> str:
    if found.dividends is None:
        return ",,,"
    past, coming, on, amount = found.dividends
    return f"{past},{coming},{on:%Y%m%d},{amount}"


def _send(line: Line, tick_type: int, form: Form, value: float | str) -> None:
    client, number = line.client, line.request_id
    if form is Form.TEXT:
        client.send(encode.tick_string(number, tick_type, str(value)))
    elif form is Form.SIZE:
        client.send(encode.tick_size(number, tick_type, int(value)))
    elif form is Form.PRICE:
        client.send(encode.tick_price(number, tick_type, float(value), 0))
    else:
        client.send(encode.tick_generic(number, tick_type, float(value)))
