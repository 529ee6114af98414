"""Quotes and greeks of every option that some client watches, priced in one call per tick and written in bulk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bot.sim.desk.client import DeskClient
from bot.sim.ports import Venue
from bot.sim.types import ContractSpec, Floats, Marks
from bot.sim.wire.fields import UNSET_DOUBLE

_SIDE_GREEKS_EVERY_S = 60.0
"""Market seconds between two computations off bid and ask (ticks 10 and 11); the model's (13) comes at every tick."""


class OptionLine(Protocol):
    """What the board needs of a line; `row` belongs to the board."""

    client: DeskClient
    request_id: int
    spec: ContractSpec | None
    greeks_from_s: float
    snapshot: bool
    row: int
    greeks_sent: bool


class OptionBoard:
    """Rows are contracts, lines are watchers. One row serves all clients that watch its contract."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._specs: list[ContractSpec] = []
        self._row_of: dict[int, int] = {}
        self._watchers: list[list[OptionLine]] = []
        self._quotes = _Quotes.empty()
        self._day: date | None = None
        self._side_greeks_at = 0.0

    # lines ---------------------------------------------------------------------------------------
    def add(self, lines: Sequence[OptionLine]) -> None:
        """Takes new lines and sends each its whole current quote; snapshots get their greeks at once."""
        fresh: list[ContractSpec] = []
        for line in lines:
            spec = line.spec
            assert spec is not None, "only lines of single options come to the board"
            row = self._row_of.get(spec.con_id)
            if row is None:
                row = self._row_of[spec.con_id] = len(self._specs)
                self._specs.append(spec)
                self._watchers.append([])
                fresh.append(spec)
            line.row = row
            self._watchers[row].append(line)
        if fresh:
            self._quotes = self._quotes.extended(_Quotes.of(self._venue.option_marks(fresh)))
        texts = _Texts(self._quotes)
        for line in lines:
            body = texts.changes(line, line.row, True, True)
            if line.snapshot:
                body += texts.model(line)
                body += texts.sides(line)
            line.client.session.send_frames(_framed(body))

    def remove(self, line: OptionLine) -> None:
        """Forgets a line; the row goes with its last watcher."""
        if line.row < 0:
            return
        row, line.row = line.row, -1
        self._watchers[row].remove(line)
        if not self._watchers[row]:
            self._drop_rows([row])

    def _drop_rows(self, rows: Sequence[int]) -> None:
        gone = set(rows)
        keep = [row for row in range(len(self._specs)) if row not in gone]
        for row in sorted(gone):
            for line in self._watchers[row]:
                line.row = -1
        self._specs = [self._specs[row] for row in keep]
        self._watchers = [self._watchers[row] for row in keep]
        self._quotes = self._quotes.rows(keep)
        self._row_of = {spec.con_id: row for row, spec in enumerate(self._specs)}
        for row, watchers in enumerate(self._watchers):
            for line in watchers:
                line.row = row

    def quote(self, spec: ContractSpec) -> tuple[float | None, float | None]:
        """Bid and ask last told of a contract that some line watches, None where nobody quotes or watches."""
        row = self._row_of.get(spec.con_id)
        if row is None:
            return None, None
        bid, ask = float(self._quotes.bid[row]), float(self._quotes.ask[row])
        return (bid if 0.0 < bid < _LARGE else None), (ask if 0.0 < ask < _LARGE else None)

    # pump ----------------------------------------------------------------------------------------
    def tick(self, elapsed_s: float) -> None:
        """Sends every line what changed; `elapsed_s` is market time on the compressed line."""
        self._retire_expired()
        if not self._specs:
            return
        new = _Quotes.of(self._venue.option_marks(self._specs))
        old, self._quotes = self._quotes, new
        bid_moved = ((new.bid != old.bid) | ((new.bid_size > 0.0) != (old.bid_size > 0.0))).tolist()
        ask_moved = ((new.ask != old.ask) | ((new.ask_size > 0.0) != (old.ask_size > 0.0))).tolist()
        with_sides = elapsed_s - self._side_greeks_at >= _SIDE_GREEKS_EVERY_S
        if with_sides:
            self._side_greeks_at = elapsed_s
        texts = _Texts(new)
        bodies: dict[DeskClient, list[str]] = {}
        for row, watchers in enumerate(self._watchers):
            for line in watchers:
                body = bodies.setdefault(line.client, [])
                body += texts.changes(line, row, bid_moved[row], ask_moved[row])
                if elapsed_s >= line.greeks_from_s:
                    body += texts.model(line)
                    if with_sides or not line.greeks_sent:
                        line.greeks_sent = True
                        body += texts.sides(line)
        for client, body in bodies.items():
            client.session.send_frames(_framed(body))

    def _retire_expired(self) -> None:
        """On a new day the lines of expired options fall silent, their last quote withdrawn."""
        today = self._venue.now.date()
        if today == self._day:
            return
        self._day = today
        expired = [row for row, spec in enumerate(self._specs) if spec.expiry is not None and spec.expiry < today]
        for row in expired:
            for line in self._watchers[row]:
                line.client.session.send_frames(_framed(_withdrawn(line.request_id)))
        if expired:
            self._drop_rows(expired)


class _Quotes:
    """Arrays over the rows, ready for the wire: -1 and size 0 where nobody quotes."""

    __slots__ = ("ask", "ask_size", "bid", "bid_size", "delta", "forward", "gamma", "iv", "mid", "theta", "vega")

    def __init__(self, columns: dict[str, Floats]) -> None:
        for name in self.__slots__:
            setattr(self, name, columns[name])

    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats
    mid: Floats
    iv: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    forward: Floats

    @classmethod
    def empty(cls) -> _Quotes:
        return cls({name: np.empty(0) for name in cls.__slots__})

    @classmethod
    def of(cls, marks: Marks) -> _Quotes:
        columns = {name: np.asarray(getattr(marks, name), dtype=np.float64) for name in cls.__slots__}
        for price, size in (("bid", "bid_size"), ("ask", "ask_size")):
            missing: NDArray[np.bool_] = np.isnan(columns[price])
            columns[price] = np.where(missing, -1.0, columns[price])
            columns[size] = np.where(missing | np.isnan(columns[size]), 0.0, columns[size])
        return cls(columns)

    def extended(self, more: _Quotes) -> _Quotes:
        return _Quotes({name: np.concatenate([getattr(self, name), getattr(more, name)]) for name in self.__slots__})

    def rows(self, keep: Sequence[int]) -> _Quotes:
        index = np.asarray(keep, dtype=np.intp)
        return _Quotes({name: getattr(self, name)[index] for name in self.__slots__})


class _Texts:
    """Message texts of the current quotes; what all watchers of a row share is formatted once.

    Every text fits the one-byte length table: the longest is under 220 characters.
    """

    def __init__(self, quotes: _Quotes) -> None:
        self._quotes = quotes
        self._bid, self._ask = quotes.bid.tolist(), quotes.ask.tolist()
        self._bid_size = quotes.bid_size.astype(np.int64).tolist()
        self._ask_size = quotes.ask_size.astype(np.int64).tolist()
        self._model: list[str | None] = [None] * len(self._bid)
        self._values: list[tuple[float, ...]] | None = None

    def changes(self, line: OptionLine, row: int, bid_moved: bool, ask_moved: bool) -> list[str]:
        """A price with its size where the price moved, the size alone where it did not but somebody quotes."""
        request_id, bid_size, ask_size = line.request_id, self._bid_size[row], self._ask_size[row]
        body: list[str] = []
        if bid_moved:
            attributes = 1 if bid_size else 0
            body.append(f"1\x006\x00{request_id}\x001\x00{self._bid[row]!r}\x00{bid_size}\x00{attributes}\x00")
        elif bid_size:
            body.append(f"2\x006\x00{request_id}\x000\x00{bid_size}\x00")
        if ask_moved:
            attributes = 1 if ask_size else 0
            body.append(f"1\x006\x00{request_id}\x002\x00{self._ask[row]!r}\x00{ask_size}\x00{attributes}\x00")
        elif ask_size:
            body.append(f"2\x006\x00{request_id}\x003\x00{ask_size}\x00")
        return body

    def model(self, line: OptionLine) -> list[str]:
        """Tick 13: implied volatility, delta, price, dividends, gamma, vega, theta, underlying."""
        row = line.row
        text = self._model[row]
        if text is None:
            values = self._row(row)
            # Where the model has no value nothing is sent: not a number must never reach the wire.
            text = _UNSET_MODEL if values[0] > _LARGE else _MODEL % values
            self._model[row] = text = text if all(map(math.isfinite, values)) else ""
        return [f"21\x00{line.request_id}\x0013\x000\x00{text}"] if text else []

    def sides(self, line: OptionLine) -> list[str]:
        """Ticks 10 and 11: volatility at the bid and at the ask to first order, the other greeks of the model."""
        row = line.row
        iv, delta, mid, gamma, vega, theta, under = self._row(row)
        if not self._model[row] or not 1e-6 < vega < _LARGE:
            return []
        body = []
        for tick_type, price in ((10, self._bid[row]), (11, self._ask[row])):
            if price > 0.0:
                side_iv = max(iv + (price - mid) / vega / 100.0, 0.0001)
                text = _MODEL % (side_iv, delta, price, gamma, vega, theta, under)
                body.append(f"21\x00{line.request_id}\x00{tick_type}\x000\x00{text}")
        return body

    def _row(self, row: int) -> tuple[float, ...]:
        if self._values is None:
            quotes = self._quotes
            columns = (quotes.iv, quotes.delta, quotes.mid, quotes.gamma, quotes.vega, quotes.theta, quotes.forward)
            self._values = list(zip(*[column.tolist() for column in columns], strict=True))
        return self._values[row]


_MODEL = "%.6g\0%.6g\0%.8g\x000.0\0%.6g\0%.6g\0%.6g\0%.8g\0"
_LARGE = 1e300
_UNSET_MODEL = f"{UNSET_DOUBLE}\0" * 8
_LENGTHS = [f"\0\0\0{chr(length)}" for length in range(256)]
"""Length prefixes as text: one join and one encoding make the frames of a whole tick."""


def _withdrawn(request_id: int) -> list[str]:
    return [f"1\x006\x00{request_id}\x00{side}\x00-1.0\x000\x000\x00" for side in (1, 2)]


def _framed(texts: Sequence[str]) -> bytes:
    return "".join([part for text in texts for part in (_LENGTHS[len(text)], text)]).encode("latin-1")
