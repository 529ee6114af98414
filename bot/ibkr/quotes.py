"""Ticks into quotes: the latest field of each line, conflated per socket read, flagged by what kind of data it is.

Delayed ticks turn the line's data type to delayed before their first value is stored, so that they can never pass for
live ones. A competing session freezes every line until a live tick proves that it is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.ibkr import fields
from strategies.domain.market import DataType, Quote
from strategies.domain.marks import BrokerModel

_DELAYED_TO_LIVE = {66: 1, 67: 2, 68: 4, 69: 0, 70: 3, 71: 5, 75: 9}
_FIRST_DELAYED = 66
_KINDS = {1: DataType.LIVE, 2: DataType.FROZEN, 3: DataType.DELAYED, 4: DataType.DELAYED_FROZEN}
_BID_SIZE, _BID, _ASK, _ASK_SIZE, _LAST, _CLOSE, _MODEL, _HALTED = 0, 1, 2, 3, 4, 9, 13, 49


class _Line:
    """Mutable latest fields of one contract."""

    __slots__ = ("ask", "ask_size", "bid", "bid_size", "close", "competing", "con_id", "halted", "kind", "last",
                 "model")  # fmt: skip

    def __init__(self, con_id: int) -> None:
        self.con_id = con_id
        self.halted = False
        self.competing = False
        self.clear(DataType.LIVE)

    def clear(self, kind: DataType) -> None:
        """Forgets the prices: they belong to another kind of data."""
        self.kind = kind
        self.bid: float | None = None
        self.ask: float | None = None
        self.bid_size: int | None = None
        self.ask_size: int | None = None
        self.last: float | None = None
        self.close: float | None = None
        self.model: tuple[float, float] | None = None


class QuoteBook:
    """Lines of one connection by request id."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self._lines: dict[int, _Line] = {}
        self._changed: dict[int, _Line] = {}

    def open(self, request_id: int, con_id: int) -> None:
        """A line was requested."""
        self._lines[request_id] = _Line(con_id)

    def close(self, request_id: int) -> None:
        """A line was given up; ticks still under way are ignored."""
        self._lines.pop(request_id, None)
        self._changed.pop(request_id, None)

    def con_id(self, request_id: int) -> int | None:
        """Contract of a line, None if this is no line."""
        line = self._lines.get(request_id)
        return None if line is None else line.con_id

    def price(self, request_id: int, tick: int, value: float, size: float) -> None:
        """tickPrice: value in points; -1 and NaN mean nobody."""
        line = self._lines.get(request_id)
        if line is None:
            return
        if tick >= _FIRST_DELAYED:
            tick = self._live_tick(line, tick)
        if tick == _BID:
            line.bid, line.bid_size = fields.price(value), fields.count(size)
        elif tick == _ASK:
            line.ask, line.ask_size = fields.positive(value), fields.count(size)
        elif tick == _LAST:
            line.last = fields.positive(value)
        elif tick == _CLOSE:
            line.close = fields.positive(value)
        else:
            return
        if tick != _CLOSE:
            line.competing = False
        self._changed[request_id] = line

    def size(self, request_id: int, tick: int, value: float) -> None:
        """tickSize: contracts."""
        line = self._lines.get(request_id)
        if line is None:
            return
        if tick >= _FIRST_DELAYED:
            tick = self._live_tick(line, tick)
        if tick == _BID_SIZE:
            line.bid_size = fields.count(value)
        elif tick == _ASK_SIZE:
            line.ask_size = fields.count(value)
        else:
            return
        self._changed[request_id] = line

    def generic(self, request_id: int, tick: int, value: float) -> None:
        """tickGeneric: only the halted tick matters (0 trading, 1 and 2 halted, -1 unknown)."""
        line = self._lines.get(request_id)
        if line is None or tick != _HALTED or value < 0:
            return
        line.halted = value > 0
        self._changed[request_id] = line

    def computed(self, request_id: int, tick: int, iv: float, vega: float) -> None:
        """tickOptionComputation: the broker's model of a live option, -1 and -2 for what it cannot say. It is kept
        beside the quote and makes none."""
        line = self._lines.get(request_id)
        if line is None or tick != _MODEL:
            return
        known_iv, known_vega = fields.positive(iv), fields.positive(vega)
        line.model = None if known_iv is None or known_vega is None else (known_iv, known_vega)

    def models(self, con_ids: Iterable[int]) -> tuple[BrokerModel, ...]:
        """What the broker's model says of some contracts now, those left out of which it says nothing."""
        wanted = set(con_ids)
        found = {line.con_id: line.model for line in self._lines.values() if line.con_id in wanted and line.model}
        return tuple(BrokerModel(con_id, iv, vega) for con_id, (iv, vega) in sorted(found.items()))

    def kind(self, request_id: int, kind: int) -> None:
        """marketDataType: what the broker says it sends on this line."""
        line = self._lines.get(request_id)
        if line is None:
            return
        said = _KINDS.get(kind, DataType.DELAYED_FROZEN)
        if said is not line.kind:
            line.clear(said)
            self._changed[request_id] = line

    def freeze(self) -> None:
        """A competing session took the live data (10197): no line is live until it ticks again."""
        for request_id, line in self._lines.items():
            line.competing = True
            self._changed[request_id] = line

    def drain(self, at: datetime) -> list[Quote]:
        """Quotes of the lines that changed since the last call, stamped with their arrival."""
        if not self._changed:
            return []
        quotes = [
            Quote(
                con_id=line.con_id,
                bid=line.bid,
                ask=line.ask,
                bid_size=line.bid_size,
                ask_size=line.ask_size,
                last=line.last,
                close=line.close,
                at=at,
                epoch=self._epoch,
                data_type=DataType.FROZEN if line.competing else line.kind,
                halted=line.halted,
            )
            for line in self._changed.values()
        ]
        self._changed = {}
        return quotes

    def _live_tick(self, line: _Line, tick: int) -> int:
        live = _DELAYED_TO_LIVE.get(tick)
        if live is None:
            return tick
        if line.kind in (DataType.LIVE, DataType.FROZEN):
            line.clear(DataType.DELAYED)
        return live
