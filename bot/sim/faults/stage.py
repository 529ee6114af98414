"""What a fault may reach: the running gateway's parts, time to end things later, and the list of what goes on.

Rules: a fault that lasts is begun here with the function that undoes it, so that it can be listed, ended early and
never outlives its gateway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sim.clock import MarketClock
from bot.sim.desk.client import DeskClient
from bot.sim.desk.desk import Desk
from bot.sim.faults.arguments import FaultError
from bot.sim.faults.connections import Connections
from bot.sim.faults.filter import MessageFilter
from bot.sim.ports import Venue, World
from bot.sim.server import ClientLink, WireServer


class Timers:
    """Things to do later. `after` runs at the pace of market time but also while it is held or over, so nothing of the
    wire can hang on a held clock; `at_market` runs at the first tick at or after its moment, the same in every run."""

    def __init__(self, clock: MarketClock) -> None:
        self._clock = clock
        self._handles: set[asyncio.TimerHandle] = set()
        self._planned: list[tuple[float, Callable[[], None]]] = []

    def after(self, market_s: float, action: Callable[[], None]) -> Callable[[], None]:
        """Does it after so many market seconds; returns what cancels it."""

        def run() -> None:
            self._handles.discard(handle)
            action()

        handle = asyncio.get_running_loop().call_later(market_s / self._clock.speed, run)
        self._handles.add(handle)

        def cancel() -> None:
            handle.cancel()
            self._handles.discard(handle)

        return cancel

    def at_market(self, market_s: float, action: Callable[[], None]) -> Callable[[], None]:
        """Does it at the first tick so many lived market seconds from now; returns what cancels it."""
        entry = (self._clock.elapsed_s + market_s, action)
        self._planned.append(entry)
        return lambda: self._planned.remove(entry) if entry in self._planned else None

    def tick(self) -> None:
        """Market time has moved: does what is due, oldest first."""
        now = self._clock.elapsed_s
        due = sorted((entry for entry in self._planned if entry[0] <= now), key=lambda entry: entry[0])
        for entry in due:
            if entry in self._planned:
                self._planned.remove(entry)
                entry[1]()

    def stop(self) -> None:
        """Forgets everything planned."""
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
        self._planned.clear()


@dataclass(frozen=True, slots=True)
class Ongoing:
    """A fault that goes on: what it is, since when (market time, ISO), how to undo it."""

    text: str
    since: str
    undo: Callable[[], None]
    cancel_timer: Callable[[], None]


class Lasting:
    """The faults that go on, by number."""

    def __init__(self, clock: MarketClock, timers: Timers, settle: Callable[[], None]) -> None:
        """`settle` is called after a fault was undone: what has become due is answered and written."""
        self._clock = clock
        self._timers = timers
        self._settle = settle
        self._ongoing: dict[int, Ongoing] = {}
        self._last = 0

    def begin(self, text: str, undo: Callable[[], None], for_s: float | None = None, *, market: bool = False) -> int:
        """Notes a fault that has begun; `undo` runs once, after `for_s` market seconds or when it is ended before.
        `market` True ends it on the tick, as venue and market faults must; False at the pace of the wire."""
        self._last += 1
        number = self._last
        plan = self._timers.at_market if market else self._timers.after
        cancel = plan(for_s, lambda: self.end(number)) if for_s is not None else _nothing
        self._ongoing[number] = Ongoing(text, self._clock.now.isoformat(), undo, cancel)
        return number

    def end(self, number: int) -> None:
        """Ends one. Raises FaultError where there is none of that number."""
        if number not in self._ongoing:
            going = ", ".join(map(str, self._ongoing)) or "none"
            raise FaultError(f"no fault of number {number} goes on; going on are: {going}")
        ongoing = self._ongoing.pop(number)
        ongoing.cancel_timer()
        ongoing.undo()
        self._settle()

    def over(self, number: int) -> None:
        """Notes that a fault has come to its end by itself; nothing is undone."""
        ongoing = self._ongoing.pop(number, None)
        if ongoing is not None:
            ongoing.cancel_timer()

    def end_all(self) -> int:
        """Ends everything, the newest first; returns how many there were."""
        numbers = sorted(self._ongoing, reverse=True)
        for number in numbers:
            self.end(number)
        return len(numbers)

    def listed(self) -> list[dict[str, object]]:
        """What goes on: number, text, since."""
        return [{"fault": n, "text": one.text, "since": one.since} for n, one in self._ongoing.items()]


@dataclass(slots=True)
class Stage:
    """The parts of one running gateway that faults touch."""

    server: WireServer
    desk: Desk
    venue: Venue
    world: World
    clock: MarketClock
    timers: Timers = field(init=False)
    lasting: Lasting = field(init=False)
    filter: MessageFilter = field(init=False)
    connections: Connections = field(init=False)

    def __post_init__(self) -> None:
        self.timers = Timers(self.clock)
        self.lasting = Lasting(self.clock, self.timers, self.settle)
        self.filter = MessageFilter(self.server)
        self.connections = Connections(self.server)
        self.server.observers.append(self.connections)

    def links(self, client_id: int | None) -> list[ClientLink]:
        """The connections of a client, or all. Raises FaultError for a client that is not connected."""
        found = self.server.links_of(client_id)
        if client_id is not None and not found:
            connected = ", ".join(map(str, self.desk.client_ids())) or "none"
            raise FaultError(f"client {client_id} is not connected; connected are: {connected}")
        return found

    def settle(self) -> None:
        """What has become due is answered, and everything is written."""
        self.desk.settle()
        self.server.flush_all()

    def clients(self, client_id: int | None) -> list[DeskClient]:
        """The clients that have started the API, or the one asked for. Raises FaultError where that is not there."""
        return [link.client for link in self.links(client_id) if link.client_id >= 0]


def _nothing() -> None:
    """There is no timer to cancel."""
