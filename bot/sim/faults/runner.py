"""Plays a fault script: waits for each row's moment, counts what it counts, does it, and remembers what became of it.

Rules: rows stand alone, in the order of the script where several are due; what a row does itself does not count for it.
Faults on orders and fills happen after the venue has said all it has to say. A row that cannot be done when its moment
comes is remembered with the reason; it stops nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bot.sim.faults.arguments import FaultError
from bot.sim.faults.filter import Letter
from bot.sim.faults.script import Row
from bot.sim.faults.stage import Stage
from bot.sim.faults.table import execute
from bot.sim.faults.when import Happening
from bot.sim.server import ClientLink
from bot.sim.types import AccountState, Commission, Execution, PositionLine, SecType, VenueOrder
from bot.sim.wire.answer_names import MessageType

WORKING = frozenset({"PreSubmitted", "Submitted"})
"""Statuses of an order that works."""


@dataclass(slots=True, eq=False)
class Entry:
    """What became of one row: `due_s` is its next moment on the clock's time line (None: it has come)."""

    row: Row
    due_s: float | None
    seen: int = 0
    planned: int = 0
    done: int = 0
    refused: str = ""
    acting: bool = False
    orders: set[int] = field(default_factory=set)

    @property
    def spent(self) -> bool:
        """Whether it cannot happen any more."""
        times = self.row.when.times
        return times is not None and self.planned >= times


class ScriptRunner:
    """Plays rows on a stage; hears of connections, messages, orders and fills."""

    def __init__(self, rows: Iterable[Row], stage: Stage) -> None:
        self._stage = stage
        clock = stage.clock
        start_s = clock.elapsed_s
        self.entries = [
            Entry(row, clock.place_of(row.when.at) if row.when.at is not None else start_s + row.when.after_s)
            for row in rows
        ]
        self._unwatch: Callable[[], None] | None = None
        if self.entries:
            stage.server.observers.append(self)
            stage.venue.subscribe(self)

    # time ----------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Counts from the start what has no other time."""
        for entry in self.entries:
            if entry.due_s is not None and entry.row.when.on is not None and entry.due_s <= self._now_s:
                self._arm(entry)

    @property
    def _now_s(self) -> float:
        return self._stage.clock.elapsed_s

    def tick(self) -> None:
        """Market time has moved."""
        for entry in self.entries:
            if entry.row.when.on is not None:
                if entry.due_s is not None and entry.due_s <= self._now_s:
                    self._arm(entry)
                continue
            while entry.due_s is not None and entry.due_s <= self._now_s and not entry.spent:
                every_s = entry.row.when.every_s
                entry.due_s = None if every_s is None else entry.due_s + every_s
                self._plan(entry)

    def _arm(self, entry: Entry) -> None:
        entry.due_s = None
        self._watch()
        if entry.row.when.on is Happening.ORDER_WORKING:
            for order in self._stage.venue.open_orders():
                self._order_works(entry, order)

    def _watch(self) -> None:
        """Looks at messages while some armed row counts them."""
        wanted = any(isinstance(entry.row.when.on, MessageType) for entry in self._armed())
        if wanted and self._unwatch is None:
            self._unwatch = self._stage.filter.watch(self)
        elif not wanted and self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def _armed(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.due_s is None and not entry.spent]

    # counting ------------------------------------------------------------------------------------
    def _count(self, entry: Entry, client: int | None) -> None:
        when = entry.row.when
        if entry.acting or entry.spent or when.client not in (None, client):
            return
        entry.seen += 1
        if entry.seen >= when.nth and (entry.seen - when.nth) % when.every == 0:
            self._plan(entry)

    def _count_all(self, happening: Happening, client: int | None) -> None:
        for entry in self._armed():
            if entry.row.when.on is happening:
                self._count(entry, client)

    def saw(self, letter: Letter) -> None:
        """A message is on its way."""
        for entry in self._armed():
            on = entry.row.when.on
            if isinstance(on, MessageType) and on.direction is letter.direction and on.number in (None, letter.number):
                self._count(entry, letter.client_id)

    def opened(self, link: ClientLink) -> None:
        """A connection was accepted."""
        self._count_all(Happening.CONNECT, None)

    def started(self, link: ClientLink) -> None:
        """Its client has started; scripts count the startApi message instead."""

    def closed(self, link: ClientLink) -> None:
        """A connection is gone."""
        self._count_all(Happening.DISCONNECT, link.client_id)

    # the venue's listener ------------------------------------------------------------------------
    def on_order(self, order: VenueOrder) -> None:
        """An order's state changed."""
        for entry in self._armed():
            if entry.row.when.on is Happening.ORDER_WORKING:
                self._order_works(entry, order)

    def _order_works(self, entry: Entry, order: VenueOrder) -> None:
        if order.status in WORKING and order.perm_id not in entry.orders:
            entry.orders.add(order.perm_id)
            self._count(entry, order.ticket.client_id)

    def on_execution(self, execution: Execution) -> None:
        """A leg executed; the summary of a combination is no fill of its own."""
        if execution.spec.sec_type is not SecType.BAG:
            self._count_all(Happening.FILL, execution.client_id)

    def on_commission(self, commission: Commission, execution: Execution) -> None:
        """Not counted."""

    def on_error(self, client_id: int, request_id: int, code: int, text: str) -> None:
        """Not counted: scripts count the error message instead."""

    def on_position(self, position: PositionLine) -> None:
        """Not counted."""

    def on_account(self, state: AccountState) -> None:
        """Not counted."""

    # doing ---------------------------------------------------------------------------------------
    def _plan(self, entry: Entry) -> None:
        when = entry.row.when
        entry.planned += 1
        if when.delay_s > 0.0:
            self._stage.timers.after(when.delay_s, lambda: self._do(entry))
        elif when.before or when.on is None:
            self._do(entry)
        else:
            asyncio.get_running_loop().call_soon(self._do, entry)

    def _do(self, entry: Entry) -> None:
        entry.acting = True
        try:
            execute(self._stage, entry.row.call)
            entry.done += 1
        except FaultError as error:
            entry.refused = str(error)
        finally:
            entry.acting = False
        self._watch()

    # what became of it ---------------------------------------------------------------------------
    def listed(self) -> list[dict[str, object]]:
        """Every row with how often it happened and, where it could not, why."""
        return [
            {"row": str(entry.row), "seen": entry.seen, "done": entry.done}
            | ({"refused": entry.refused} if entry.refused else {})
            for entry in self.entries
        ]

    def complaints(self) -> list[str]:
        """One sentence for each row that never happened or could not be done."""
        told = []
        for entry in self.entries:
            if entry.refused:
                told.append(f"{entry.row} could not be done: {entry.refused}")
            elif not entry.done and entry.row.expected:
                told.append(f"{entry.row} never happened")
        return told
