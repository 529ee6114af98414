"""Market depth: a book of a few levels around the quote.

Rules: the best level is the quote with its sizes; each further level lies one tick beyond with a size that belongs to
its price, plausible and not traded against. A book is told whole, then by what changed; it empties where nobody quotes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.sim.desk.client import DeskClient
from bot.sim.desk.contracts import find_one
from bot.sim.desk.line import DataKind
from bot.sim.desk.rights import DataRights, refusal
from bot.sim.desk.small_lists import DEPTH_EXCHANGES
from bot.sim.ports import Venue
from bot.sim.types import ContractSpec, Reject, SecType
from bot.sim.wire import encode_data
from bot.sim.wire import requests_data as data

_INSERT, _UPDATE, _DELETE = 0, 1, 2
_ASK, _BID = 0, 1
_MOST_ROWS = 20
_SMART_MAKERS = ("ARCA", "BATS", "NASDAQ", "NYSE")
_USUAL_SIZES = {SecType.STOCK: 800, SecType.FUTURE: 60, SecType.OPTION: 50}
"""Shares or contracts of a level behind the best."""
Level = tuple[float, int]
"""Price in points and contracts or shares."""


@dataclass(slots=True, eq=False)
class _Book:
    """One book of one client, as told, by side."""

    client: DeskClient
    request_id: int
    spec: ContractSpec
    rows: int
    smart: bool
    told: dict[int, Sequence[Level]] = field(default_factory=lambda: {_ASK: (), _BID: ()})


class DepthDesk:
    """Opens, feeds and closes books, of which there are at most `most`; `rights()` is what the login may see."""

    def __init__(self, venue: Venue, most: int, rights: Callable[[], DataRights]) -> None:
        self._venue = venue
        self._rights = rights
        self._most = most
        self._books: dict[tuple[int, int], _Book] = {}

    def open(self, client: DeskClient, request: data.MarketDepth) -> None:
        """reqMktDepth: the whole book, then its changes; 102, 200, 309, 321, 354 or 10092."""
        spec = self._admitted(client, request)
        if isinstance(spec, Reject):
            client.error(request.request_id, spec.code, spec.text)
            return
        book = _Book(client, request.request_id, spec, min(request.rows, _MOST_ROWS), request.smart)
        self._books[client.client_id, request.request_id] = book
        self._tell(book)

    def _admitted(self, client: DeskClient, request: data.MarketDepth) -> ContractSpec | Reject:
        if (client.client_id, request.request_id) in self._books:
            return Reject(102, "Duplicate ticker ID.")
        if request.rows < 1:
            return Reject(321, f"Error validating request.-'bT' : cause - Rows must be at least 1, got {request.rows}")
        unsupported = Reject(10092, "Deep market data is not supported for this combination of security type/exchange")
        if request.contract.sec_type == SecType.BAG:
            return unsupported
        spec = find_one(self._venue, request.contract)
        if isinstance(spec, Reject):
            return spec
        exchange = request.contract.exchange or spec.exchange
        known = any(exchange == place and spec.sec_type.value == kind for place, kind, _, _ in DEPTH_EXCHANGES)
        if not known or (exchange == "SMART") is not request.smart:
            return unsupported
        if self._rights() is not DataRights.LIVE:
            return refusal(DataRights.NONE, DataKind.LIVE, spec) or unsupported
        if len(self._books) >= self._most:
            return Reject(309, f"Max number ({self._most}) of market depth requests has been reached.")
        return spec

    def close(self, client: DeskClient, request: data.CancelMarketDepth) -> None:
        """cancelMktDepth, 310 for an id not in use."""
        if self._books.pop((client.client_id, request.request_id), None) is None:
            text = f"Can't find the subscribed market depth with tickerId:{request.request_id}"
            client.error(request.request_id, 310, text)

    def close_all(self, client: DeskClient | None) -> None:
        """Ends every book of a client that has gone, or (None) of all."""
        for key in [key for key, book in self._books.items() if client in (None, book.client)]:
            del self._books[key]

    # pump ----------------------------------------------------------------------------------------
    def tick(self) -> None:
        """Tells what has changed since the last look at the market."""
        for book in self._books.values():
            self._tell(book)

    def _tell(self, book: _Book) -> None:
        bid, ask = self._best(book.spec)
        tick = self._tick(book.spec, bid or ask)
        self._side(book, _ASK, () if ask is None else levels(book.spec, ask, tick, book.rows))
        self._side(book, _BID, () if bid is None else levels(book.spec, bid, -tick, book.rows))

    def _best(self, spec: ContractSpec) -> tuple[Level | None, Level | None]:
        if not self._venue.is_open(spec):
            return None, None
        if spec.sec_type is SecType.OPTION:
            marks = self._venue.option_marks([spec])
            sides = ((float(marks.bid[0]), marks.bid_size[0]), (float(marks.ask[0]), marks.ask_size[0]))
            bid, ask = ((price, int(size)) if math.isfinite(price) else None for price, size in sides)
            return bid, ask
        level = self._venue.index_level(spec)
        return (
            None if level.bid is None else (level.bid, level.bid_size),
            None if level.ask is None else (level.ask, level.ask_size),
        )

    def _tick(self, spec: ContractSpec, best: Level | None) -> float:
        """The increment at the best price; levels further down keep it."""
        fitting = [step for low, step in self._venue.market_rule(spec.market_rule_id) or () if best and best[0] >= low]
        return fitting[-1] if fitting else spec.min_tick

    def _side(self, book: _Book, side: int, now: Sequence[Level]) -> None:
        before = book.told[side]
        for position, level in enumerate(now):
            if position >= len(before):
                self._send(book, position, _INSERT, side, level)
            elif before[position] != level:
                self._send(book, position, _UPDATE, side, level)
        for position in range(len(before) - 1, len(now) - 1, -1):
            self._send(book, position, _DELETE, side, (0.0, 0))
        book.told[side] = now

    @staticmethod
    def _send(book: _Book, position: int, operation: int, side: int, level: Level) -> None:
        price, size = level
        if book.smart:
            maker = _SMART_MAKERS[position % len(_SMART_MAKERS)]
            told = encode_data.smart_depth(book.request_id, position, maker, operation, side, price, size)
        else:
            told = encode_data.depth(book.request_id, position, operation, side, price, size)
        book.client.send(told)


def levels(spec: ContractSpec, best: Level, step: float, rows: int) -> Sequence[Level]:
    """Prices `step` apart from the best on, none at or below zero; each size belongs to its price, so that a book that
    moves by a level keeps the rest."""
    found = [best]
    for row in range(1, rows):
        price = round(best[0] + row * step, 4)
        if price <= 0.0:
            break
        wobble = math.sin(spec.con_id * 12.9898 + price * 78.233) * 43758.5453 % 1.0
        found.append((price, round(_USUAL_SIZES[spec.sec_type] * (0.5 + wobble))))
    return tuple(found)
