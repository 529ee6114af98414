"""Market data lines: who watches what, and the pump that tells them at every tick what changed.

Rules: a line opens with its parameters, its data type and the current quote; afterwards only what changed is sent,
except the sizes of quoted options and the last of open indexes and futures, which are repeated so that a quiet
quote can be told from a dead line. Model greeks start one to two market seconds after a line opens. A blockade keeps
lines open and silent; when it is lifted they begin again with the whole quote, or stay dead until asked for anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from bot.sim.clock import MarketClock
from bot.sim.desk.client import DeskClient
from bot.sim.desk.contracts import find_legs, find_one
from bot.sim.desk.option_board import OptionBoard
from bot.sim.desk.small_lists import BBO_EXCHANGES
from bot.sim.ports import Venue
from bot.sim.types import ContractSpec, IndexLevel, Leg, Reject, SecType
from bot.sim.wire import encode
from bot.sim.wire import requests as ask

_LIVE, _FROZEN = 1, 2
_BAG_SIZE = 10
_BID, _ASK, _LAST, _HIGH, _LOW, _CLOSE, _OPEN, _HALTED = 1, 2, 4, 6, 7, 9, 14, 49


@dataclass(slots=True, eq=False)
class Line:
    """One market data line of one client."""

    client: DeskClient
    request_id: int
    spec: ContractSpec | None
    legs: tuple[Leg, ...]
    snapshot: bool
    greeks_from_s: float
    row: int = -1
    greeks_sent: bool = False
    dead: bool = False
    halted: int = 0
    sent: dict[int, tuple[float, int]] = field(default_factory=dict)


class Blockade(Protocol):
    """A reason why lines are not fed."""

    def concerns(self, line: Line) -> bool:
        """Whether this line is not fed."""
        ...

    def silenced(self, line: Line) -> None:
        """The line has fallen silent: what the client is told, if anything."""
        ...


class QuoteDesk:
    """Opens, feeds and closes market data lines."""

    def __init__(self, venue: Venue, max_lines: int) -> None:
        self._venue = venue
        self.max_lines = max_lines
        self._clock: MarketClock | None = None
        self._lines: dict[tuple[int, int], Line] = {}
        self._new: list[Line] = []
        self._silent: dict[tuple[int, int], Line] = {}
        self._blockades: list[Blockade] = []
        self._board = OptionBoard(venue)
        self._halt_changes = venue.halt_changes

    def use_clock(self, clock: MarketClock) -> None:
        """Time for the delay of the first greeks."""
        self._clock = clock

    @property
    def in_use(self) -> int:
        """Lines open over all clients."""
        return len(self._lines) + len(self._silent)

    def lines(self) -> list[Line]:
        """Open lines, those that are not fed included."""
        return [*self._lines.values(), *self._silent.values()]

    # requests ------------------------------------------------------------------------------------
    def open_line(self, client: DeskClient, request: ask.MarketData) -> None:
        """reqMktData: opens a line, or answers 200, 321, 101 or 102."""
        key = (client.client_id, request.request_id)
        if key in self._lines or key in self._silent:
            client.error(request.request_id, 102, "Duplicate ticker ID.")
            return
        if request.snapshot and request.generic_ticks:
            text = "Error validating request: snapshot market data subscription is not applicable to generic ticks"
            client.error(request.request_id, 321, text)
            return
        if self.in_use >= self.max_lines:
            client.error(request.request_id, 101, "Max number of tickers has been reached")
            return
        is_bag = request.contract.sec_type == SecType.BAG
        spec: ContractSpec | Reject | None = None if is_bag else find_one(self._venue, request.contract)
        legs = find_legs(self._venue, request.legs) if is_bag else ()
        for outcome in (spec, legs):
            if isinstance(outcome, Reject):
                client.error(request.request_id, outcome.code, outcome.text)
                return
        assert not isinstance(spec, Reject)
        assert not isinstance(legs, Reject)
        line = Line(client, request.request_id, spec, legs, request.snapshot, self._greeks_from(request.request_id))
        self._lines[key] = line
        self._new.append(line)

    def close_line(self, client: DeskClient, request: ask.CancelMarketData) -> None:
        """cancelMktData: closes the line, or answers 300."""
        key = (client.client_id, request.request_id)
        line = self._lines.pop(key, None) or self._silent.pop(key, None)
        if line is None:
            client.error(request.request_id, 300, f"Can't find EId with tickerId:{request.request_id}")
            return
        self._forget(line)

    def close_all(self, client: DeskClient) -> None:
        """Closes every line of a client that has gone."""
        self.forget(lambda line: line.client is client)

    def forget(self, which: Callable[[Line], bool]) -> int:
        """Closes lines without a word to their clients; returns how many."""
        found = [line for line in self.lines() if which(line)]
        for line in found:
            key = (line.client.client_id, line.request_id)
            (self._lines if key in self._lines else self._silent).pop(key)
            self._forget(line)
        return len(found)

    def _forget(self, line: Line) -> None:
        if line in self._new:
            self._new.remove(line)
        self._board.remove(line)

    def _greeks_from(self, request_id: int) -> float:
        """Elapsed market seconds from which model greeks flow: one to two seconds on, differing by line."""
        assert self._clock is not None, "the clock is set before clients connect"
        return self._clock.elapsed_s + 1.0 + (request_id * 0.6180339887) % 1.0

    # blockades -----------------------------------------------------------------------------------
    def block(self, blockade: Blockade) -> int:
        """Silences the lines that the blockade concerns, those opened later as well; returns how many it found."""
        self._blockades.append(blockade)
        found = [line for line in self._lines.values() if blockade.concerns(line)]
        for line in found:
            self._silence(line, blockade)
        return len(found)

    def unblock(self, blockade: Blockade, *, revive: bool) -> None:
        """Lifts it. Lines that no other blockade concerns begin again, or without `revive` stay silent for ever."""
        self._blockades.remove(blockade)
        for key, line in list(self._silent.items()):
            if not blockade.concerns(line):
                continue
            line.dead = line.dead or not revive
            if not line.dead and self._blockade_of(line) is None:
                self._lines[key] = self._silent.pop(key)
                line.sent.clear()
                self._new.append(line)

    def _blockade_of(self, line: Line) -> Blockade | None:
        return next((blockade for blockade in self._blockades if blockade.concerns(line)), None)

    def _fell_silent(self, line: Line) -> bool:
        blockade = self._blockade_of(line)
        if blockade is not None:
            self._silence(line, blockade)
        return blockade is not None

    def _silence(self, line: Line, blockade: Blockade) -> None:
        key = (line.client.client_id, line.request_id)
        self._silent[key] = self._lines.pop(key)
        self._forget(line)
        blockade.silenced(line)

    # pump ----------------------------------------------------------------------------------------
    def serve_new(self) -> None:
        """First quotes of the lines opened since the last call, priced together."""
        if not self._new:
            return
        lines, self._new = self._new, []
        if self._blockades:
            lines = [line for line in lines if not self._fell_silent(line)]
        for line in lines:
            self._announce(line)
        self._board.add([line for line in lines if _is_option(line)])
        for line in lines:
            if not _is_option(line):
                self._update(line)
            if line.snapshot:
                self._lines.pop((line.client.client_id, line.request_id), None)
                self._board.remove(line)
                line.client.send(encode.tick_snapshot_end(line.request_id))

    def tick(self) -> None:
        """Tells every line what changed since the last tick."""
        self.serve_new()
        if self._venue.halt_changes != self._halt_changes:
            self._halt_changes = self._venue.halt_changes
            self._tell_halts()
        for line in self._lines.values():
            if not _is_option(line):
                self._update(line)
        assert self._clock is not None, "the clock is set before the first tick"
        self._board.tick(self._clock.elapsed_s)

    def _announce(self, line: Line) -> None:
        spec = line.spec or line.legs[0].spec
        kind = _LIVE
        if line.client.market_data_kind in (_FROZEN, 4) and not self._venue.is_open(spec):
            kind = _FROZEN
        line.client.send(encode.market_data_type(line.request_id, kind))
        line.client.send(encode.tick_req_params(line.request_id, spec.min_tick, BBO_EXCHANGES))
        if line.spec is not None:
            line.halted = self._venue.halt_kind(line.spec)
            line.client.send(encode.tick_generic(line.request_id, _HALTED, float(line.halted)))

    def _tell_halts(self) -> None:
        for line in self._lines.values():
            kind = line.halted if line.spec is None else self._venue.halt_kind(line.spec)
            if kind != line.halted:
                line.halted = kind
                line.client.send(encode.tick_generic(line.request_id, _HALTED, float(kind)))

    def _update(self, line: Line) -> None:
        if line.spec is None:
            bid, ask_ = self._venue.bag_quote(line.legs)
            self._quote(line, _BID, bid, _BAG_SIZE)
            self._quote(line, _ASK, ask_, _BAG_SIZE)
            return
        level = self._venue.index_level(line.spec)
        if line.spec.sec_type is not SecType.INDEX or level.bid is not None:  # breadth counts come as bid and ask
            self._quote(line, _BID, level.bid, level.bid_size)
            self._quote(line, _ASK, level.ask, level.ask_size)
        self._prints(line, level, repeat_last=self._venue.is_open(line.spec))

    def _prints(self, line: Line, level: IndexLevel, *, repeat_last: bool) -> None:
        if repeat_last:
            line.sent.pop(_LAST, None)
        for tick_type, price in (
            (_LAST, level.last),
            (_HIGH, level.high),
            (_LOW, level.low),
            (_CLOSE, level.previous_close),
            (_OPEN, level.open),
        ):
            if price is not None:
                self._price(line, tick_type, price, 0)

    def _quote(self, line: Line, tick_type: int, price: float | None, size: int) -> None:
        if price is None:
            self._price(line, tick_type, -1.0, 0)
        else:
            self._price(line, tick_type, price, size)

    def _price(self, line: Line, tick_type: int, price: float, size: int) -> None:
        if line.sent.get(tick_type) != (price, size):
            line.sent[tick_type] = (price, size)
            line.client.send(encode.tick_price(line.request_id, tick_type, price, size, 1 if size else 0))


def _is_option(line: Line) -> bool:
    return line.spec is not None and line.spec.sec_type is SecType.OPTION
