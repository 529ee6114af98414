"""Market data lines: who watches what, and the pump that tells them at every tick what changed.

Rules: a line opens with its parameters, its data type and the current quote; afterwards only what changed is sent,
except the sizes of quoted options and the last of open indexes and futures, which are repeated so that a quiet
quote can be told from a dead line. Model greeks start one to two market seconds after a line opens. A snapshot ends
when its quote is whole, at the latest after eleven seconds. A blockade keeps lines open and silent; when it is lifted
they begin again with the whole quote, or stay dead until asked for anew. Without live rights lines show the past.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.sim.clock import MarketClock, Phase
from bot.sim.desk.client import DeskClient
from bot.sim.desk.contracts import find_legs, find_one
from bot.sim.desk.generic_ticks import read_generic_ticks, refusal_text
from bot.sim.desk.line import Blockade, DataKind, Line
from bot.sim.desk.option_board import OptionBoard
from bot.sim.desk.past_feed import PastFeed
from bot.sim.desk.rights import DELAYED_WARNING, FREEZING, DataRights, kind_of, refusal
from bot.sim.desk.slow_ticks import SlowTicks
from bot.sim.desk.small_lists import BBO_EXCHANGES
from bot.sim.desk.trades import TradeBoard
from bot.sim.ports import Venue
from bot.sim.types import ContractSpec, IndexLevel, Reject, SecType
from bot.sim.wire import encode
from bot.sim.wire import requests as ask

_BAG_SIZE = 10
_BID, _ASK, _LAST, _HIGH, _LOW, _CLOSE, _OPEN, _HALTED, _DELAYED_HALTED = 1, 2, 4, 6, 7, 9, 14, 49, 90
_SLOW_EVERY_S = 15.0
SNAPSHOT_S = 11.0
"""Market seconds after which a snapshot ends although something is missing."""


class QuoteDesk:
    """Opens, feeds and closes market data lines."""

    def __init__(self, venue: Venue, max_lines: int, rights: DataRights) -> None:
        self._venue = venue
        self.max_lines = max_lines
        self.rights = rights
        self._clock: MarketClock | None = None
        self._lines: dict[tuple[int, int], Line] = {}
        self._new: list[Line] = []
        self._silent: dict[tuple[int, int], Line] = {}
        self._blockades: list[Blockade] = []
        self._board = OptionBoard(venue)
        self._trades = TradeBoard(venue, self._board.quote)
        self._slow = SlowTicks(venue, self._trades)
        self._slow_step = -1
        self._past = PastFeed(venue)
        self._snapshots: dict[Line, None] = {}
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
        """reqMktData: opens a line, or answers 101, 102, 200, 321, or what rights the login lacks."""
        line = self._line(client, request)
        if isinstance(line, Reject):
            client.error(request.request_id, line.code, line.text)
            return
        if line.delayed:
            client.error(request.request_id, DELAYED_WARNING.code, DELAYED_WARNING.text)
        self._lines[client.client_id, request.request_id] = line
        self._new.append(line)

    def _line(self, client: DeskClient, request: ask.MarketData) -> Line | Reject:
        key = (client.client_id, request.request_id)
        if key in self._lines or key in self._silent:
            return Reject(102, "Duplicate ticker ID.")
        at_once = request.snapshot or request.regulatory
        if at_once and request.generic_ticks:
            return _invalid("Snapshot market data subscription is not applicable to generic ticks")
        if self.in_use >= self.max_lines:
            return Reject(101, "Max number of tickers has been reached")
        is_bag = request.contract.sec_type == SecType.BAG
        spec: ContractSpec | Reject | None = None if is_bag else find_one(self._venue, request.contract)
        legs = find_legs(self._venue, request.legs) if is_bag else ()
        if isinstance(spec, Reject):
            return spec
        if isinstance(legs, Reject):
            return legs
        sec_type = SecType.BAG if spec is None else spec.sec_type
        if request.regulatory and sec_type is not SecType.STOCK:
            return _invalid("Regulatory snapshots exist for US stocks only")
        generic = read_generic_ticks(request.generic_ticks, sec_type)
        if generic is None:
            return Reject(321, refusal_text(request.generic_ticks, sec_type))
        shown, asked = spec or legs[0].spec, DataKind(client.market_data_kind)
        refused = refusal(self.rights, asked, shown)
        if refused is not None:
            return refused
        line = Line(client, request.request_id, spec, legs, at_once, self._greeks_from(request.request_id), generic)
        line.kind = self._kind(shown, asked)
        line.ends_at_s = self._elapsed_s + SNAPSHOT_S
        return line

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
        self._trades.remove(line)
        self._past.remove(line)
        self._snapshots.pop(line, None)

    @property
    def _elapsed_s(self) -> float:
        assert self._clock is not None, "the clock is set before clients connect"
        return self._clock.elapsed_s

    def _greeks_from(self, request_id: int) -> float:
        """Elapsed market seconds from which model greeks flow: one to two seconds on, differing by line."""
        return self._elapsed_s + 1.0 + (request_id * 0.6180339887) % 1.0

    # rights --------------------------------------------------------------------------------------
    def use_rights(self, rights: DataRights, *, running: bool) -> int:
        """Changes what the login may see, for lines opened from now on and, if told so, for the running ones: they are
        told and end, turn to delayed data, or to live data. Returns how many running lines it concerned."""
        self.rights = rights
        if not running:
            return 0
        concerned = 0
        for line in self.lines():
            shown = line.spec or line.legs[0].spec
            asked = DataKind(line.client.market_data_kind)
            refused = refusal(rights, asked, shown)
            kind = self._kind(shown, asked)
            if refused is not None:
                line.client.error(line.request_id, refused.code, refused.text)
                self.forget(lambda one, line=line: one is line)  # type: ignore[misc]
            elif kind is not line.kind:
                self._turn(line, kind)
            else:
                continue
            concerned += 1
        return concerned

    def _kind(self, shown: ContractSpec, asked: DataKind) -> DataKind:
        delayed = self.rights is not DataRights.LIVE
        return kind_of(asked, delayed=delayed, is_open=self._venue.is_open(shown))

    def _freeze_or_thaw(self) -> None:
        """Lines whose clients asked for frozen data turn with the open and the close of their market."""
        for line in list(self._lines.values()):
            asked = DataKind(line.client.market_data_kind)
            if asked in FREEZING or line.kind in FREEZING:
                is_open = self._venue.is_open(line.spec or line.legs[0].spec)
                kind = kind_of(asked, delayed=line.delayed, is_open=is_open)
                if kind is not line.kind:
                    self._turn(line, kind)

    def _turn(self, line: Line, kind: DataKind) -> None:
        """A running line shows another kind of data from now on."""
        before, line.kind = line.delayed, kind
        if line.delayed and not before:
            line.client.error(line.request_id, DELAYED_WARNING.code, DELAYED_WARNING.text)
        self._forget(line)
        line.sent.clear()
        line.slow.clear()
        if (line.client.client_id, line.request_id) in self._lines:
            self._new.append(line)

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
                line.slow.clear()
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
        live = [line for line in lines if not line.shows_past]
        self._board.add([line for line in live if _is_option(line)])
        self._trades.add(live)
        for line in lines:
            if line.shows_past:
                self._past.add(line)
            elif not _is_option(line):
                self._update(line)
            self._slow.tell(line)
            if line.snapshot:
                self._snapshots[line] = None
        self._end_snapshots()

    def _end_snapshots(self) -> None:
        """A snapshot ends when all of its quote is there, or after eleven seconds; at once when time stands still."""
        assert self._clock is not None, "the clock is set before clients connect"
        over = self._clock.phase is Phase.END
        for line in list(self._snapshots):
            if over or self._clock.elapsed_s >= line.ends_at_s or self._complete(line):
                self._lines.pop((line.client.client_id, line.request_id), None)
                self._forget(line)
                line.client.send(encode.tick_snapshot_end(line.request_id))

    def _complete(self, line: Line) -> bool:
        if line.shows_past or line.spec is None:
            return True
        if _is_option(line):
            return None not in self._board.quote(line.spec)
        return line.sent.get(_LAST if line.spec.sec_type is SecType.INDEX else _BID, (-1.0, 0))[0] != -1.0

    def tick(self) -> None:
        """Tells every line what changed since the last tick."""
        self.serve_new()
        if self._venue.halt_changes != self._halt_changes:
            self._halt_changes = self._venue.halt_changes
            self._tell_halts()
        for line in self._lines.values():
            if not _is_option(line) and not line.shows_past:
                self._update(line)
        self._board.tick(self._elapsed_s)
        self._trades.tick()
        self._past.tick()
        self._every_step()
        if self._snapshots:
            self._end_snapshots()

    def _every_step(self) -> None:
        """What need not be looked at more often than every fifteen seconds."""
        step = int(self._venue.now.timestamp() / _SLOW_EVERY_S)
        if step == self._slow_step:
            return
        self._slow_step = step
        self._freeze_or_thaw()
        for line in self._lines.values():
            if line.generic and not line.delayed:
                self._slow.tell(line)

    def _announce(self, line: Line) -> None:
        spec = line.spec or line.legs[0].spec
        line.client.send(encode.market_data_type(line.request_id, line.kind))
        line.client.send(encode.tick_req_params(line.request_id, spec.min_tick, BBO_EXCHANGES))
        if line.spec is not None:
            line.halted = self._venue.halt_kind(line.spec)
            halted = _DELAYED_HALTED if line.delayed else _HALTED
            line.client.send(encode.tick_generic(line.request_id, halted, float(line.halted)))

    def _tell_halts(self) -> None:
        for line in self._lines.values():
            kind = line.halted if line.spec is None else self._venue.halt_kind(line.spec)
            if kind != line.halted:
                line.halted = kind
                halted = _DELAYED_HALTED if line.delayed else _HALTED
                line.client.send(encode.tick_generic(line.request_id, halted, float(kind)))

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
        if level.last is not None:
            traded = self._trades.of(line.spec) if line.spec is not None else None
            self._price(line, _LAST, level.last, 0 if traded is None else traded.last_size)
        for tick_type, price in (
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


def _invalid(cause: str) -> Reject:
    return Reject(321, f"Error validating request.-'bQ' : cause - {cause}")


def _is_option(line: Line) -> bool:
    return line.spec is not None and line.spec.sec_type is SecType.OPTION
